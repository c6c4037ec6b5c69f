"""The SavedModel: preprocessing, model and evaluation behind three signatures, weights stored once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import metadata
from typing import Any

import keras
import tensorflow as tf

from schemas.spec import DatasetSpec
from trainer.boundaries import COUNTS as BOUNDARY_COUNTS
from trainer.boundaries import batch_boundary_counts
from trainer.config import TrainingConfig
from trainer.confusion import batch_confusion_matrices
from trainer.input_pipeline import parse_example
from trainer.photo_decoding import decode_photo
from trainer.preprocessing import resize_pixels, scale_pixels

MODEL_INFO_PATH = "assets.extra/model_info.json"


def export_model(
    model: keras.Model, image_size: int, num_classes: int, export_dir: str, average_mirrored: bool = False
) -> None:
    """Writes a SavedModel with three signatures; N is any number of images, S `image_size`, C `num_classes`.

    - `serving_default`: `image_bytes` string [N] (JPEG or PNG, any size) to `class_ids` uint8 [N, S, S]. Photos are
      turned upright, laid over white and squashed to the square, as the data set was; resize the answer with nearest
      neighbour to lay it over a photo.
    - `predict_pixels`: `pixels` float32 [N, S, S, 3], RGB in 0..255, to `class_ids` uint8 [N, S, S] and `logits`
      float32 [N, S, S, C].
    - `evaluate`: `examples` string [N] (records of a published version) to `confusion_matrix` int64 [N, C * C] (truth
      times C plus prediction), `boundary_counts` int64 [N, C * 4] (see `trainer.boundaries`) and `fingerprint` int64
      [N], a hash of the example. A few numbers per example instead of its logits keep evaluation light.

    With `average_mirrored`, logits are the mean of those of the photo and of its mirror image, in every signature.
    """
    module = tf.Module()
    # Plain variables: a tracked Keras model would store every weight twice.
    module.weights = [variable.value for variable in model.variables]

    def logits_of(pixels: tf.Tensor) -> tf.Tensor:
        images = scale_pixels(pixels)
        logits = model(images, training=False)
        if average_mirrored:
            mirrored = model(tf.reverse(images, axis=[2]), training=False)
            logits = (logits + tf.reverse(mirrored, axis=[2])) / 2.0
        return logits

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
    def serving_default(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.map_fn(
            lambda one: resize_pixels(decode_photo(one), image_size),
            image_bytes,
            fn_output_signature=tf.TensorSpec([image_size, image_size, 3], tf.float32),
        )
        return {"class_ids": _class_ids(logits_of(pixels))}

    @tf.function(input_signature=[tf.TensorSpec([None, image_size, image_size, 3], tf.float32, "pixels")])
    def predict_pixels(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = logits_of(pixels)
        return {"class_ids": _class_ids(logits), "logits": logits}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def evaluate(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        images, truth = tf.map_fn(
            lambda one: parse_example(one, image_size),
            examples,
            fn_output_signature=(
                tf.TensorSpec([image_size, image_size, 3], tf.uint8),
                tf.TensorSpec([image_size, image_size], tf.uint8),
            ),
        )
        predicted = _class_ids(logits_of(images))
        matrices = batch_confusion_matrices(truth, predicted, num_classes)
        boundaries = batch_boundary_counts(truth, predicted, num_classes)
        return {
            "confusion_matrix": tf.reshape(matrices, [-1, num_classes * num_classes]),
            "boundary_counts": tf.reshape(boundaries, [-1, num_classes * BOUNDARY_COUNTS]),
            "fingerprint": tf.strings.to_hash_bucket_fast(examples, tf.int64.max),
        }

    signatures = {"serving_default": serving_default, "predict_pixels": predict_pixels, "evaluate": evaluate}
    tf.saved_model.save(module, export_dir, signatures=signatures)


def write_model_info(
    export_dir: str,
    spec: DatasetSpec,
    image_size: int,
    manifest_sha256: str,
    config: TrainingConfig,
    source_sha256: str,
    tflite: dict[str, dict[str, Any]] | None = None,
    tuned: Iterable[str] = (),
) -> None:
    """Writes what a user of the model must know into the SavedModel's `assets.extra/model_info.json`.

    Keys: `dataset`, `classes` (names in the order of class ids), `palette` (RGB in 0..255 per class), `image_size`,
    `manifest_sha256` (identity of the dataset version), `training` (the configuration), `tuned` (names of the settings
    in it that a search chose by the evaluation split), `code_version`, `source_sha256` (digest of the code that
    trained), and `tflite` (`trainer.export_tflite`'s report; null without). The same model gives the same bytes.
    """
    info: dict[str, Any] = {
        "dataset": spec.name,
        "classes": list(spec.class_names),
        "palette": [list(color) for color in spec.palette],
        "image_size": image_size,
        "manifest_sha256": manifest_sha256,
        "training": config.model_dump(mode="json"),
        "tuned": sorted(tuned),
        "code_version": metadata.version("segmentation-pipeline"),
        "source_sha256": source_sha256,
        "tflite": tflite,
    }
    path = f"{export_dir}/{MODEL_INFO_PATH}"
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps(info, indent=2, sort_keys=True) + "\n")


def _class_ids(logits: tf.Tensor) -> tf.Tensor:
    """The most likely class per pixel: logits [N, S, S, C] to uint8 [N, S, S]."""
    return tf.cast(tf.argmax(logits, axis=-1), tf.uint8)
