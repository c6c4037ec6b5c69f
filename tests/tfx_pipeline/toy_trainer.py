"""A training function that needs no training: its model reads the class off the colours of the toy images.

`training.seed` says how good it is: the prediction is the truth, moved down by so many rows, or without one class.
"""

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

import tensorflow as tf

from schemas.errors import UserError
from schemas.metrics import BOUNDARY_COUNTS_PER_CLASS
from schemas.spec import DatasetSpec
from trainer.boundaries import batch_boundary_counts
from trainer.config import TrainingConfig
from trainer.export import write_model_info
from trainer.graphs import graph

CLASS_COLORS = ((200, 40, 40), (40, 40, 200), (240, 240, 240))
BLIND_TO_LAST = 1000  # instead of rows: a model that answers the last class nowhere


class ToyModel(tf.Module):
    """Nearest class colour per pixel, with the signatures of the trainer's SavedModels."""

    def __init__(self, image_size: int, moved_rows: int):
        super().__init__()
        self._image_size = image_size
        self._moved_rows = moved_rows

    def _class_ids(self, image_bytes: tf.Tensor) -> tf.Tensor:
        def decode(one: tf.Tensor) -> tf.Tensor:
            image = tf.io.decode_image(one, channels=3, expand_animations=False)
            return tf.ensure_shape(image, [self._image_size, self._image_size, 3])

        images = tf.cast(tf.map_fn(decode, image_bytes, fn_output_signature=tf.uint8), tf.float32)
        distances = tf.reduce_sum((images[..., None, :] - tf.constant(CLASS_COLORS, tf.float32)) ** 2, axis=-1)
        if self._moved_rows == BLIND_TO_LAST:
            return tf.argmin(distances[..., :-1], axis=-1, output_type=tf.int32)
        return tf.roll(tf.argmin(distances, axis=-1, output_type=tf.int32), self._moved_rows, axis=1)

    @graph(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serve(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        class_ids = self._class_ids(image_bytes)
        pixels = tf.cast(class_ids, tf.uint8)[..., tf.newaxis]
        return {
            "class_ids": class_ids,
            "mask_bytes": tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string),
        }

    @graph(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        string = tf.io.FixedLenFeature([], tf.string)
        parsed = tf.io.parse_example(examples, {"image": string, "mask": string})
        masks = tf.map_fn(
            lambda one: tf.ensure_shape(tf.io.decode_png(one, 1), [self._image_size, self._image_size, 1]),
            parsed["mask"],
            fn_output_signature=tf.uint8,
        )
        classes = len(CLASS_COLORS)
        predicted = self._class_ids(parsed["image"])
        pairs = tf.cast(masks[..., 0], tf.int32) * classes + predicted
        boundaries = batch_boundary_counts(masks[..., 0], predicted, classes)
        return {
            "confusion_matrix": tf.reduce_sum(tf.one_hot(pairs, classes**2, dtype=tf.int32), axis=[1, 2]),
            "boundary_counts": tf.reshape(boundaries, [-1, classes * BOUNDARY_COUNTS_PER_CLASS]),
            "fingerprint": tf.strings.to_hash_bucket_fast(examples, tf.int64.max),
        }


@cache
def _saved(image_size: int, moved_rows: int) -> str:
    """A folder of this process with the model, whose saving takes longer than all else that this trainer does."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    model = ToyModel(image_size, moved_rows)
    signatures = {"serving_default": model.serve, "evaluate": model.evaluate}
    tf.saved_model.save(model, folder, signatures=signatures)
    return folder


def run_fn_noting_files(fn_args) -> None:
    """Leaves a file that names what the trainer is given to read."""
    named = [*fn_args.train_files, *fn_args.eval_files]
    run_fn(fn_args)
    (Path(fn_args.serving_model_dir).parents[5] / "read.json").write_text(json.dumps(named))


def run_fn(fn_args) -> None:
    """What TFX's Trainer calls."""
    settings = fn_args.custom_config
    shutil.copytree(
        _saved(settings["image_size"], settings["training"]["seed"]), fn_args.serving_model_dir, dirs_exist_ok=True
    )
    training = TrainingConfig.model_validate(settings["training"])
    write_model_info(
        fn_args.serving_model_dir,
        DatasetSpec.model_validate(settings["dataset"]),
        settings["image_size"],
        settings["manifest_sha256"],
        training,
        settings["source_sha256"],
    )


def failing_run_fn(fn_args) -> None:
    """A training that fails."""
    raise RuntimeError("the loss is not a number")


def refusing_run_fn(fn_args) -> None:
    """A training that cannot use its configuration."""
    raise UserError("the batches are larger than the data set; lower batch_size")
