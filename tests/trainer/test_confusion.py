import numpy as np
import pytest
import tensorflow as tf

from schemas.features import IGNORE_ID
from schemas.metrics import class_iou, confusion_matrix, mean_iou, pixel_accuracy
from trainer.confusion import batch_confusion_matrices


def test_the_matrices_equal_counting_in_numpy_with_rows_truth_and_columns_prediction():
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 3, (2, 4, 9, 9), dtype=np.uint8)
    expected = np.zeros((4, 3, 3), np.int64)
    np.add.at(expected, (np.arange(4)[:, None, None], truth, predicted), 1)
    matrices = batch_confusion_matrices(tf.constant(truth), tf.constant(predicted), 3)
    np.testing.assert_array_equal(matrices, expected)
    assert matrices.dtype == tf.int64


def test_one_matrix_equals_the_batch_of_one():
    random = np.random.default_rng(1)
    truth, predicted = random.integers(0, 3, (2, 9, 9), dtype=np.uint8)
    [matrix] = batch_confusion_matrices(tf.constant(truth[None]), tf.constant(predicted[None]), 3)
    np.testing.assert_array_equal(confusion_matrix(truth, predicted, 3), matrix)


def test_iou_and_accuracy_of_a_matrix_worked_out_by_hand():
    matrix = np.array([[6, 2, 0], [1, 9, 0], [1, 0, 1]])
    np.testing.assert_allclose(class_iou(matrix), [6 / 10, 9 / 12, 1 / 2])
    assert mean_iou(matrix) == pytest.approx((0.6 + 0.75 + 0.5) / 3)
    assert pixel_accuracy(matrix) == pytest.approx(16 / 20)


def test_a_class_that_does_not_occur_has_no_iou_and_is_left_out_of_the_mean():
    matrix = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    np.testing.assert_allclose(class_iou(matrix), [3 / 4, 4 / 5, np.nan])
    assert mean_iou(matrix) == pytest.approx((0.75 + 0.8) / 2)


def test_a_class_that_is_only_predicted_has_an_iou_of_zero():
    assert class_iou(np.array([[3, 1], [0, 0]]))[1] == 0.0


def test_a_matrix_without_pixels_has_no_figures():
    assert np.isnan(mean_iou(np.zeros((3, 3))))
    assert np.isnan(pixel_accuracy(np.zeros((3, 3))))


def test_pixel_counts_beyond_float32_stay_exact():
    matrix = np.array([[2**40 + 1, 0], [1, 2**40]])
    assert class_iou(matrix)[1] == 2**40 / (2**40 + 1)


@pytest.mark.parametrize("num_classes", [2, 13, 254])
def test_ignored_pixels_are_in_no_matrix(num_classes):
    random = np.random.default_rng(2)
    truth, predicted = random.integers(0, num_classes, (2, 2, 20, 20), dtype=np.uint8)
    ignored = random.random(truth.shape) < 0.3
    truth[ignored] = IGNORE_ID
    expected = np.zeros((2, num_classes, num_classes), np.int64)
    for image in range(2):
        kept = ~ignored[image]
        np.add.at(expected[image], (truth[image][kept], predicted[image][kept]), 1)
        np.testing.assert_array_equal(confusion_matrix(truth[image], predicted[image], num_classes), expected[image])
    matrices = batch_confusion_matrices(tf.constant(truth), tf.constant(predicted), num_classes)
    np.testing.assert_array_equal(matrices, expected)
