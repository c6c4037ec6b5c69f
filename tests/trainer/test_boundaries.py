from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from schemas.features import IGNORE_ID
from schemas.metrics import boundary_f_scores
from tests.trainer.conftest import draw
from trainer.boundaries import batch_boundary_counts, tolerance_pixels
from trainer.graphs import graph

SIZE, CLASSES = 32, 3


def counts(truth, predicted):
    [one] = batch_boundary_counts(tf.constant(truth[None]), tf.constant(predicted[None]), CLASSES).numpy()
    return one


def neighbours(class_ids, row, column, reach):
    return class_ids[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]


def boundary_by_hand(class_ids, ignored, class_id):
    """Pixels of the class with another one beside them, and nothing ignored."""
    found = np.zeros(class_ids.shape, bool)
    for row, column in np.argwhere((class_ids == class_id) & ~ignored):
        around = neighbours(class_ids, row, column, 1)
        found[row, column] = (around != class_id).any() and not neighbours(ignored, row, column, 1).any()
    return found


def counts_by_hand(truth, predicted):
    reach, ignored = int(tolerance_pixels(*truth.shape)), truth == IGNORE_ID
    rows = []
    for class_id in range(CLASSES):
        true, guessed = (boundary_by_hand(one, ignored, class_id) for one in (truth, predicted))
        near_true = sum(neighbours(true, *at, reach).any() for at in np.argwhere(guessed))
        near_guessed = sum(neighbours(guessed, *at, reach).any() for at in np.argwhere(true))
        rows.append([guessed.sum(), near_true, true.sum(), near_guessed])
    return np.array(rows)


@pytest.mark.parametrize("ignored_rows", [0, 20])
def test_counts_equal_those_of_a_loop_over_pixels(ignored_rows):
    truth, predicted = draw(0, SIZE)[1], np.roll(draw(1, SIZE)[1], 1, axis=0)
    truth[SIZE - ignored_rows :] = IGNORE_ID
    np.testing.assert_array_equal(counts(truth, predicted), counts_by_hand(truth, predicted))


def test_a_prediction_within_the_tolerance_scores_one_and_one_beyond_it_less():
    truth = np.ones((SIZE, SIZE), np.uint8)
    truth[8:20, 8:20] = 0
    tolerance = int(tolerance_pixels(SIZE, SIZE))
    shifted = [np.roll(truth, by, axis=1) for by in (0, tolerance, tolerance + 1)]
    scores = [boundary_f_scores(counts(truth, one)) for one in shifted]
    assert scores[0][0] == scores[1][0] == 1.0
    assert scores[2][0] < 1.0
    assert np.isnan(scores[0][2])  # no pixel of that class anywhere


def test_a_class_that_is_only_predicted_scores_zero():
    truth = np.ones((SIZE, SIZE), np.uint8)
    predicted = truth.copy()
    predicted[4:9, 4:9] = 2
    assert boundary_f_scores(counts(truth, predicted))[2] == 0.0


def test_the_tolerance_grows_with_the_image():
    assert [int(tolerance_pixels(size, size)) for size in (32, 128, 256, 1024)] == [1, 1, 3, 11]


def test_an_image_that_is_no_square_and_of_unknown_size_counts_the_same():
    truth, predicted = (np.repeat(draw(index, SIZE)[1], 10, axis=1) for index in (0, 1))
    assert int(tolerance_pixels(*truth.shape)) == 2
    unknown = tf.TensorSpec([None, None, None], tf.uint8)
    counted = graph(partial(batch_boundary_counts, num_classes=CLASSES), input_signature=[unknown, unknown])
    np.testing.assert_array_equal(counted(truth[None], predicted[None])[0], counts_by_hand(truth, predicted))


@pytest.mark.parametrize("first", [0, 28, 60])
def test_classes_beyond_those_that_are_widened_at_once_are_counted_alike(first):
    truth, predicted = draw(0, SIZE)[1], np.roll(draw(1, SIZE)[1], 1, axis=0)
    many = first + CLASSES
    [found] = batch_boundary_counts(
        tf.constant(truth[None] + first), tf.constant(predicted[None] + first), many
    ).numpy()
    np.testing.assert_array_equal(found[first:], counts(truth, predicted))
    assert found[:first].sum() == 0
