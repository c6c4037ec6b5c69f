"""IoU and pixel accuracy of a confusion matrix, against numbers worked out by hand."""

import numpy as np
import pytest

from tfx_pipeline.iou_metrics import class_ious, mean_iou, pixel_accuracy


def test_ious_of_a_matrix_worked_out_by_hand():
    matrix = np.array([[6, 2, 0], [1, 9, 0], [1, 0, 1]])
    np.testing.assert_allclose(class_ious(matrix), [6 / 10, 9 / 12, 1 / 2])
    assert mean_iou(matrix) == pytest.approx((0.6 + 0.75 + 0.5) / 3)
    assert pixel_accuracy(matrix) == pytest.approx(16 / 20)


def test_a_class_that_does_not_occur_has_no_iou_and_is_left_out_of_the_mean():
    matrix = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    np.testing.assert_allclose(class_ious(matrix), [3 / 4, 4 / 5, np.nan])
    assert mean_iou(matrix) == pytest.approx((0.75 + 0.8) / 2)


def test_a_class_that_is_only_predicted_has_an_iou_of_zero():
    assert class_ious(np.array([[3, 1], [0, 0]]))[1] == 0.0


def test_a_matrix_without_pixels_has_no_value():
    empty = np.zeros((3, 3), np.int64)
    assert np.isnan(mean_iou(empty))
    assert np.isnan(pixel_accuracy(empty))


def test_pixel_counts_beyond_float32_stay_exact():
    matrix = np.array([[2**40 + 1, 0], [1, 2**40]])
    assert class_ious(matrix)[1] == 2**40 / (2**40 + 1)
