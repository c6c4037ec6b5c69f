"""Exported U-Nets without trained weights, which take as long as trained ones to answer."""

from __future__ import annotations

import tempfile
from pathlib import Path

import tensorflow as tf

from schemas.exported_model import EXTRA_FOLDER, INT8_TFLITE_FILE, TFLITE_FILE, TfliteReport
from schemas.shipped import load_spec
from trainer.config import TrainingConfig
from trainer.export import export_model, write_model_info
from trainer.models import build_model
from trainer.tflite_conversion import convert, save_for_one_image

LARGE = 256  # sides from which on the encoder sees the photo at its size, as the recipes do


def export_untrained(folder: Path, size: int, encoder: str) -> None:
    """Writes a SavedModel for pets with both TFLite files; `encoder` names a preset, MobileNetV2 0.35 without one."""
    weights = {"encoder": encoder} if encoder else {"encoder_weights": "none", "fine_tune_epochs": 0}
    config = TrainingConfig.model_validate({**weights, "encoder_scale": 1 if size >= LARGE else 2})
    spec = load_spec("pets")
    classes = len(spec.class_names)
    export_model(build_model(config, size, classes), size, classes, str(folder))
    reports = {}
    (folder / EXTRA_FOLDER).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as single:
        save_for_one_image(tf.saved_model.load(str(folder)), single)
        for name, quantize in ((TFLITE_FILE, False), (INT8_TFLITE_FILE, True)):
            (folder / EXTRA_FOLDER / name).write_bytes(convert(single, quantize))
            reports[name] = TfliteReport(
                bytes=(folder / EXTRA_FOLDER / name).stat().st_size,
                sha256="",
                compared_images=0,
                equal_pixels=1.0,
                max_logit_difference=0.0,
                mean_iou_difference=None,
            )
    write_model_info(str(folder), spec, size, "", config, "", reports)
