"""An exported model that reads classes off the pixels: dark green is pet, bright green background."""

import json
import tempfile
from pathlib import Path

import tensorflow as tf

from schemas.exported_model import EXTRA_FOLDER, INFO_PATH, PREDICT_PIXELS, TFLITE_FILE
from schemas.shipped import load_spec

SIZE = 32
PETS = load_spec("pets")


class Thresholds(tf.Module):
    """Class 0 where an image is bluish or dark green, 1 where it is green, 2 between; `dark` is where 0 ends."""

    def __init__(self, dark: float = 85.0):
        super().__init__()
        self._dark = tf.Variable(dark, dtype=tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, SIZE, SIZE, 3], tf.float32, "pixels")])
    def predict_pixels(self, pixels):
        green = pixels[..., 1]
        class_ids = tf.where(green < self._dark, 0, tf.where(green < 170.0, 2, 1))
        return {"class_ids": tf.cast(class_ids, tf.uint8), "logits": tf.one_hot(class_ids, 3)}

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8, "pixels")])
    def predict_image(self, pixels):
        class_ids = tf.where(tf.cast(pixels[..., 1], tf.float32) < self._dark, 0, tf.where(pixels[..., 1] < 170, 2, 1))
        return {"class_ids": tf.cast(class_ids, tf.uint8)}


def export(folder: Path, dark: float = 85.0, tflite: bool = False, **more) -> Path:
    """Writes the model, with a TFLite file if asked for; `more` goes into its information."""
    module = Thresholds(dark)
    signatures = {"predict_pixels": module.predict_pixels, "predict_image": module.predict_image}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    info = {
        "dataset": "pets",
        "classes": PETS.class_names,
        "palette": PETS.palette,
        "image_size": SIZE,
        "code_version": "0",
        **more,
    }
    (folder / INFO_PATH).parent.mkdir()
    (folder / INFO_PATH).write_text(json.dumps(info))
    if tflite:
        _add_tflite(module, folder)
    return folder


def _add_tflite(module: Thresholds, folder: Path) -> None:
    single = tf.function(module.predict_pixels, input_signature=[tf.TensorSpec([1, SIZE, SIZE, 3], name="pixels")])
    with tempfile.TemporaryDirectory() as saved:
        tf.saved_model.save(module, saved, signatures={PREDICT_PIXELS: single})
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=[PREDICT_PIXELS])
        add_tflite_file(folder, converter.convert())


def add_tflite_file(folder: Path, data: bytes) -> None:
    """Adds a TFLite file to an exported model, and what its information says of one."""
    (folder / EXTRA_FOLDER / TFLITE_FILE).write_bytes(data)
    report = {
        "bytes": 1,
        "sha256": "",
        "compared_images": 1,
        "equal_pixels": 1,
        "max_logit_difference": 0,
        "mean_iou_difference": 0,
    }
    info = json.loads((folder / INFO_PATH).read_text())
    (folder / INFO_PATH).write_text(json.dumps({**info, "tflite": {TFLITE_FILE: report}}))
