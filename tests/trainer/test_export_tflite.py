import pytest

from schemas.errors import UserError
from schemas.exported_model import EXTRA_FOLDER, TfliteReport
from trainer.export_tflite import check_parity, export_tflite, int8_problem


def report(**figures) -> TfliteReport:
    exact = {"equal_pixels": 1.0, "max_logit_difference": 1e-6, "mean_iou_difference": 0.0}
    return TfliteReport(bytes=1, sha256="0" * 64, compared_images=32, **exact | figures)


@pytest.mark.parametrize(
    ("exact", "message"),
    [
        ({"equal_pixels": 0.99}, r"model\.tflite .* equal_pixels is 0\.99, not at least 0\.999"),
        ({"max_logit_difference": float("nan")}, r"model\.tflite .* max_logit_difference is nan, not at most 0\.001"),
        ({"max_logit_difference": 0.01}, r"model\.tflite .* max_logit_difference is 0\.01, not at most 0\.001"),
    ],
)
def test_a_float_model_that_answers_otherwise_is_refused_with_the_figure_the_bound_and_the_remedy(exact, message):
    check_parity(report())
    with pytest.raises(UserError, match=message + r".*`training\.export_tflite: false`"):
        check_parity(report(**exact))


@pytest.mark.parametrize("difference", [-0.05, 0.05, float("nan")])
def test_an_int8_model_that_is_too_far_off_is_left_out_with_its_figure(difference):
    assert int8_problem(report(mean_iou_difference=-0.004)) is None
    problem = int8_problem(report(mean_iou_difference=difference))
    assert problem == f"model_int8.tflite: its mean IoU differs by {difference:.3f}, more than 0.02"


def test_an_int8_model_that_was_compared_on_ignored_pixels_alone_is_left_out():
    assert "no pixel of the images is labelled" in int8_problem(report(mean_iou_difference=None))


@pytest.mark.proof
def test_a_conversion_that_fails_is_an_error_that_leaves_no_file(tmp_path):
    with pytest.raises(
        UserError, match=r"model: conversion to TFLite failed: .*no shards match .*export_tflite: false"
    ):
        export_tflite(str(tmp_path / "model"), [str(tmp_path / "nothing-*")])
    assert not (tmp_path / "model" / EXTRA_FOLDER).exists()
