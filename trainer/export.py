"""The SavedModel: preprocessing, model and evaluation behind three signatures, weights stored once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import metadata
from typing import Any

import keras
import tensorflow as tf

from schemas.exported_model import INFO_PATH, DataDescription, ModelInfo, TfliteReport
from schemas.fitting import LETTERBOX, STRETCH, Fit
from schemas.image_size import sides
from schemas.spec import DatasetSpec
from trainer.averaging import ONE_VIEW, Averaging
from trainer.config import TrainingConfig
from trainer.feature_hash import FeatureScale, hash_features, with_features
from trainer.graphs import graph
from trainer.preprocessing import CHANNELS, scale_pixels
from trainer.signatures import ObservedTiles, tile_signatures, whole_image_signatures
from trainer.weights_file import weights_files


class _Exported(tf.Module):
    """What a SavedModel keeps alive: plain variables, as a tracked Keras model would store every weight twice."""

    def __init__(self, weights: list[tf.Variable]):
        super().__init__()
        self.weights = weights


def export_model(
    model: keras.Model,
    image_size: int | str,
    num_classes: int,
    export_dir: str,
    averaging: Averaging = ONE_VIEW,
    crop_size: int = 0,
    fit: Fit = STRETCH,
    scale: FeatureScale | None = None,
    photo_range: tuple[int, int] | None = None,
) -> None:
    """Writes a SavedModel with its signatures; N is any number of images, C `num_classes`, and
    [S, T] the height and width that `image_size` says, see `schemas.image_size`.

    - `serving_default`: `image_bytes` string [N] (JPEG, PNG or GIF, any size) to `mask_bytes` string [N], PNG files of
      class ids as large as the upright photos, and `class_ids` uint8 [N, S, T]. Photos are turned upright, laid over
      white and fitted into the size, as the data set was: squashed, or letterboxed if `fit` says so. For `mask_bytes`
      padding is cut off, and the logits are enlarged, so that edges are smooth, see `trainer.enlarging`; in `class_ids`
      padding is IGNORE_ID.
    - `predict_pixels`: `pixels` float32 [N, S, T, 3], RGB in 0..255, fitted by the caller, to `class_ids` uint8
      [N, S, T] and `logits` float32 [N, S, T, C], padding included.
    - `evaluate`: `examples` string [N] (records of a published version) to `confusion_matrix` int64 [N, C * C] (truth
      times C plus prediction), `boundary_counts` int64 [N, C * 4] (see `trainer.boundaries`) and `fingerprint` int64
      [N], a hash of the example. A few numbers per example instead of its logits keep evaluation light.
      `own_size_confusion_matrix` and `own_size_boundary_counts` count the photo at its own size, with logits enlarged
      as for `mask_bytes`; zeros where the record has no `source_mask`.

    And with a `scale`, for the log of what is served (`schemas.served`):

    - `observe`: what `serving_default` takes and answers, with `fitted_pixels` uint8 [N, S, T, 3], `photo_sizes` int32
      [N, 2] (height and width of the upright photo), `logits` float32 [N, S, T, C] and `feature_hashes` uint8 [N, 32].
    - `observe_pixels`: what `predict_pixels` takes, to `logits` and `feature_hashes`.

    A crop model (`crop_size` is not 0) predicts images tile by tile, see `trainer.tiling`; S and T are `crop_size`:

    - `serving_default`: `image_bytes` string [N] to `mask_bytes` string [N], PNG files of class ids as large as the
      upright photos.
    - `predict_image`: `pixels` uint8 [H, W, 3] to `class_ids` uint8 [H, W].
    - `predict_pixels`, for one tile or several, and `evaluate`, for records of any size, as above but without counts
      at another size: people get the answer to the photo itself, which such a record holds, or no longer holds.

    - `observe`, with a `scale`: `image_bytes` to `mask_bytes`, `photo_sizes` and `feature_hashes` as above, and
      `logits` float32 [N, G, G, C] of an even grid of each photo's pixels, see `schemas.served.even_grid`.
    - `observe_image`, likewise: what `predict_image` takes and answers, `logits` [G, G, C] and `feature_hashes` [32].
    - `observe_pixels`, likewise, for tiles: what `predict_pixels` takes, to `logits` and `feature_projections` float32
      [N, 256]. A photo's hash has a bit for each: whether the mean over its tiles is above 0.

    `scale` is that of `trainer.feature_hash.measure_scale`. Every signature averages logits over the views of
    `averaging`; features are those of the photo as it is. Signatures that take files map photos of 16 bits by
    `photo_range` (`schemas.photo_range`), as the data set does.
    """
    module = _Exported([variable.value for variable in model.variables])

    height, width = sides(crop_size or image_size)

    featured = with_features(model) if scale else None

    # Traced once and stored once, though every signature calls it, and twice where mirror images are averaged.
    @graph(input_signature=[tf.TensorSpec([None, height, width, CHANNELS], tf.float32)])
    def predict(images: tf.Tensor) -> list[tf.Tensor]:
        return featured(images, training=False) if featured else [model(images, training=False)]

    def answer(pixels: tf.Tensor) -> list[tf.Tensor]:
        """Logits and, with a scale, features."""
        images = scale_pixels(pixels)
        logits, *features = predict(images)
        return [averaging.mean(logits, images, lambda views: predict(views)[0]), *features]

    def logits_of(pixels: tf.Tensor) -> tf.Tensor:
        return answer(pixels)[0]

    if crop_size:
        tiles = ObservedTiles(answer, scale) if scale else None
        signatures = tile_signatures(logits_of, crop_size, image_size, num_classes, photo_range, tiles)
    else:
        signatures = whole_image_signatures(
            logits_of, image_size, num_classes, fit, partial(_observed, answer, scale) if scale else None, photo_range
        )
    tf.saved_model.save(module, export_dir, signatures=signatures)


def _observed(
    answer: Callable[[tf.Tensor], list[tf.Tensor]], scale: FeatureScale, pixels: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The logits of some pixels, and the hashes of their features."""
    logits, features = answer(pixels)
    return logits, hash_features(features, scale)


def write_model_info(
    export_dir: str,
    spec: DatasetSpec,
    image_size: int | str,
    manifest_sha256: str,
    config: TrainingConfig,
    source_sha256: str,
    tflite: Mapping[str, TfliteReport] | None = None,
    tuned: Iterable[str] = (),
    fit: Fit = STRETCH,
) -> None:
    """Writes what a user of the model must know into the SavedModel's `assets.extra/model_info.json`.

    The same model gives the same bytes.

    Args:
      export_dir: Folder of the SavedModel; may be a bucket's address.
      spec: Of the data set version.
      image_size: Of the data set version.
      manifest_sha256: Identity of the data set version.
      config: Of the training.
      source_sha256: Digest of the code that trained.
      tflite: `trainer.export_tflite`'s reports; None without TFLite models.
      tuned: Names of the settings that a search chose.
      fit: Of the data set version.
    """
    # A field that is never set is not written.
    optional: dict[str, Any] = {} if spec.class_titles == spec.class_names else {"titles": spec.class_titles}
    if fit == LETTERBOX:
        optional["fit"] = fit
    if spec.photo_range:
        optional["photo_range"] = spec.photo_range
    info = ModelInfo(
        dataset=spec.name,
        data=DataDescription(title=spec.title, license=spec.license, source=spec.source, drawn=spec.drawn),
        classes=spec.class_names,
        palette=spec.palette,
        **optional,
        image_size=config.model_size(image_size, fit),
        tiled=config.crop_size > 0,
        manifest_sha256=manifest_sha256,
        training=config.model_dump(mode="json"),
        encoder_weights_sha256=_weights_sha256(config.weights_source),
        tuned=tuple(sorted(tuned)),
        code_version=metadata.version("segmentation-pipeline"),
        source_sha256=source_sha256,
        tflite=None if tflite is None else dict(tflite),
    )
    path = f"{export_dir}/{INFO_PATH}"
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(info.to_json())


def _weights_sha256(source: str) -> str | None:
    """Digest of a file, or of a folder's file names and digests; None for weights that are named, not stored."""
    files = weights_files(source)
    if files == (source,):
        return _file_sha256(source)
    lines = [f"{_file_sha256(path)}  {path.rpartition('/')[2]}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else None


def _file_sha256(path: str) -> str:
    digest = hashlib.sha256()
    with tf.io.gfile.GFile(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
