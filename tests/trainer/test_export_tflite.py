import pytest

from schemas.errors import UserError
from trainer.export_tflite import FLOAT_PATH, check_parity, export_tflite

EXACT = {"equal_pixels": 1.0, "max_logit_difference": 1e-6, "mean_iou_difference": 0.0}
QUANTIZED = {"equal_pixels": 0.99, "max_logit_difference": 0.03, "mean_iou_difference": -0.004}


@pytest.mark.parametrize(
    ("exact", "quantized", "message"),
    [
        ({"equal_pixels": 0.99}, {}, r"model\.tflite .* equal_pixels is 0\.99, not at least 0\.999"),
        ({"max_logit_difference": 0.01}, {}, r"model\.tflite .* max_logit_difference is 0\.01, not at most 0\.001"),
        ({}, {"mean_iou_difference": -0.05}, r"model_int8\.tflite .* mean_iou_difference is -0\.05, not within 0\.02"),
        ({}, {"mean_iou_difference": float("nan")}, r"model_int8\.tflite .* mean_iou_difference is nan"),
    ],
)
def test_a_model_that_answers_otherwise_is_refused_with_the_figure_the_bound_and_the_remedy(exact, quantized, message):
    check_parity({"model.tflite": EXACT, "model_int8.tflite": QUANTIZED})
    with pytest.raises(UserError, match=message + r".*`training\.export_tflite: false`"):
        check_parity({"model.tflite": EXACT | exact, "model_int8.tflite": QUANTIZED | quantized})


def test_a_conversion_that_fails_is_an_error_that_leaves_no_file(tmp_path):
    with pytest.raises(
        UserError, match=r"model: conversion to TFLite failed: .*no shards match .*export_tflite: false"
    ):
        export_tflite(str(tmp_path / "model"), [str(tmp_path / "nothing-*")])
    assert not (tmp_path / "model" / FLOAT_PATH).exists()
