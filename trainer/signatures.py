"""Signatures of an exported model: those of a whole-image model, and those of a crop model.

N is any number of images, C the number of classes; `logits_of` maps pixels [N, S, T, 3] in 0..255 to logits float32
[N, S, T, C].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from schemas.exported_model import (
    BOUNDARY_COUNTS,
    CLASS_IDS,
    CONFUSION_MATRIX,
    EVALUATE,
    EXAMPLES,
    FEATURE_HASHES,
    FEATURE_PROJECTIONS,
    FINGERPRINT,
    FITTED_PIXELS,
    IMAGE_BYTES,
    LOGITS,
    MASK_BYTES,
    OBSERVE,
    OBSERVE_IMAGE,
    OBSERVE_PIXELS,
    OWN_SIZE_BOUNDARY_COUNTS,
    OWN_SIZE_CONFUSION_MATRIX,
    PHOTO_SIZES,
    PIXELS,
    PREDICT_IMAGE,
    PREDICT_PIXELS,
    SERVING_DEFAULT,
)
from schemas.features import IGNORE_ID
from schemas.fitting import LETTERBOX, Fit
from schemas.image_size import sides
from schemas.metrics import BOUNDARY_COUNTS_PER_CLASS
from schemas.served import GRID_SIDE
from trainer.boundaries import batch_boundary_counts
from trainer.confusion import batch_confusion_matrices
from trainer.enlarging import enlarged_class_ids
from trainer.feature_hash import HASH_BITS, FeatureScale, hash_projections, project_features
from trainer.fitting import cut_padding, fit_pixels, photo_mask
from trainer.graphs import graph
from trainer.input_pipeline import parse_example
from trainer.own_size import own_size_counts
from trainer.photo_decoding import decode_photo
from trainer.preprocessing import CHANNELS
from trainer.tiling import Features, Logits, observe_tiles, predict_tiles

Signatures = dict[str, Callable[..., dict[str, tf.Tensor]]]
Observed = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]  # pixels to logits and hashes of the encoder's features


class ObservedTiles(NamedTuple):
    """What gives the logits and features of a tile, and the scale of the features' mean over a photo's tiles."""

    features_of: Features
    scale: FeatureScale


def whole_image_signatures(
    logits_of: Logits,
    image_size: int | str,
    num_classes: int,
    fit: Fit,
    observed: Observed | None = None,
    photo_range: tuple[int, int] | None = None,
) -> Signatures:
    """Signatures of a whole-image model, which photos are fitted into; see `trainer.export`."""
    shape = list(sides(image_size))

    # Traced once and stored once, though two signatures call it; so is what follows.
    @graph(input_signature=[tf.TensorSpec([None], tf.string)])
    def fitted(image_bytes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Pixels [N, S, T, 3], and the photos' heights and widths [N, 2]."""

        def read(one: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            photo = decode_photo(one, photo_range)
            return fit_pixels(photo, image_size, fit), tf.shape(photo)[:2]

        types = tf.TensorSpec([*shape, CHANNELS], tf.float32), tf.TensorSpec([2], tf.int32)
        return tf.map_fn(read, image_bytes, fn_output_signature=types)

    @graph(input_signature=[tf.TensorSpec([None, *shape, num_classes]), tf.TensorSpec([None, 2], tf.int32)])
    def answer(logits: tf.Tensor, sizes: tf.Tensor) -> dict[str, tf.Tensor]:
        def mask_of(one: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            logits, size = one
            logits = cut_padding(logits, size, image_size, fit)
            return tf.io.encode_png(enlarged_class_ids(logits, size[0], size[1])[:, :, tf.newaxis])

        masks = tf.map_fn(mask_of, (logits, sizes), fn_output_signature=tf.string, parallel_iterations=1)
        class_ids = _class_ids(logits)
        if fit == LETTERBOX:
            shown = tf.map_fn(lambda size: photo_mask(size, image_size), sizes, tf.TensorSpec(shape, tf.bool))
            class_ids = tf.where(shown, class_ids, tf.constant(IGNORE_ID, tf.uint8))
        return {CLASS_IDS: class_ids, MASK_BYTES: masks}

    @graph(input_signature=[tf.TensorSpec([None], tf.string, IMAGE_BYTES)])
    def serving_default(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels, sizes = fitted(image_bytes)
        return answer(logits_of(pixels), sizes)

    @graph(input_signature=[tf.TensorSpec([None], tf.string, EXAMPLES)])
    def evaluate(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        images, truth = tf.map_fn(
            lambda one: parse_example(one, image_size),
            examples,
            fn_output_signature=(
                tf.TensorSpec([*shape, CHANNELS], tf.uint8),
                tf.TensorSpec(shape, tf.uint8),
            ),
        )
        logits = logits_of(images)

        def at_own_size(one: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            example, answer = one
            return own_size_counts(example, answer, image_size, num_classes, fit)

        types = _counts_types(num_classes)
        matrices, boundaries = tf.map_fn(
            at_own_size, (examples, logits), fn_output_signature=types, parallel_iterations=1
        )
        return {
            **_evaluated(examples, *_counts(truth, _class_ids(logits), num_classes)),
            OWN_SIZE_CONFUSION_MATRIX: matrices,
            OWN_SIZE_BOUNDARY_COUNTS: boundaries,
        }

    signatures: Signatures = {
        SERVING_DEFAULT: serving_default,
        PREDICT_PIXELS: _predict_pixels(logits_of, image_size),
        EVALUATE: evaluate,
    }
    if observed is None:
        return signatures

    @graph(input_signature=[tf.TensorSpec([None], tf.string, IMAGE_BYTES)])
    def observe(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels, sizes = fitted(image_bytes)
        logits, hashes = observed(pixels)
        seen = {FITTED_PIXELS: tf.cast(tf.round(pixels), tf.uint8), PHOTO_SIZES: sizes}
        return {**answer(logits, sizes), **seen, LOGITS: logits, FEATURE_HASHES: hashes}

    @graph(input_signature=[tf.TensorSpec([None, *shape, CHANNELS], tf.float32, PIXELS)])
    def observe_pixels(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        logits, hashes = observed(pixels)
        return {LOGITS: logits, FEATURE_HASHES: hashes}

    return {**signatures, OBSERVE: observe, OBSERVE_PIXELS: observe_pixels}


def tile_signatures(
    logits_of: Logits,
    tile_size: int,
    image_size: int | str,
    num_classes: int,
    photo_range: tuple[int, int] | None = None,
    observed: ObservedTiles | None = None,
) -> Signatures:
    """Signatures of a crop model, which predicts images of any size tile by tile; see `trainer.export`.

    Images are predicted one after the other, since their sizes differ and each may be large.

    Args:
      tile_size: S.
      image_size: Of the records that `evaluate` takes, 0 for any size.
      photo_range: Of photos of 16 bits, see `schemas.photo_range`.
      observed: What the log of what is served needs; None leaves its signatures out.
    """

    # Traced once and stored once, though three signatures call it.
    @graph(input_signature=[tf.TensorSpec([None, None, CHANNELS], tf.uint8)])
    def predict(pixels: tf.Tensor) -> tf.Tensor:
        return predict_tiles(logits_of, pixels, tile_size, num_classes)

    @graph(input_signature=[tf.TensorSpec([None], tf.string, IMAGE_BYTES)])
    def serving_default(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        def mask_of(one: tf.Tensor) -> tf.Tensor:
            return tf.io.encode_png(predict(decode_photo(one, photo_range))[:, :, tf.newaxis])

        return {MASK_BYTES: tf.map_fn(mask_of, image_bytes, tf.string, parallel_iterations=1)}

    @graph(input_signature=[tf.TensorSpec([None, None, CHANNELS], tf.uint8, PIXELS)])
    def predict_image(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return {CLASS_IDS: predict(pixels)}

    @graph(input_signature=[tf.TensorSpec([None], tf.string, EXAMPLES)])
    def evaluate(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        def counts_of(example: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image, truth = parse_example(example, image_size)
            matrices, boundaries = _counts(truth[tf.newaxis], predict(image)[tf.newaxis], num_classes)
            return matrices[0], boundaries[0]

        types = _counts_types(num_classes)
        counted = tf.map_fn(counts_of, examples, fn_output_signature=types, parallel_iterations=1)
        return _evaluated(examples, *counted)

    signatures: Signatures = {
        SERVING_DEFAULT: serving_default,
        PREDICT_PIXELS: _predict_pixels(logits_of, tile_size),
        PREDICT_IMAGE: predict_image,
        EVALUATE: evaluate,
    }
    if observed is None:
        return signatures
    return signatures | _observed_tiles(observed, tile_size, num_classes, photo_range)


def _observed_tiles(
    observed: ObservedTiles, tile_size: int, num_classes: int, photo_range: tuple[int, int] | None
) -> Signatures:
    """The signatures of a crop model that also give what is logged of an answer."""
    count = len(observed.scale.mean)

    # Traced once and stored once, though two signatures call it.
    @graph(input_signature=[tf.TensorSpec([None, count], tf.float32)])
    def project(features: tf.Tensor) -> tf.Tensor:
        return project_features(features, observed.scale)

    @graph(input_signature=[tf.TensorSpec([None, None, CHANNELS], tf.uint8)])
    def observe_one(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        tiled = observe_tiles(observed.features_of, pixels, tile_size, num_classes, count)
        return tiled.class_ids, tiled.logits, hash_projections(project(tiled.features[tf.newaxis]))[0]

    @graph(input_signature=[tf.TensorSpec([None], tf.string, IMAGE_BYTES)])
    def observe(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        def read(one: tf.Tensor) -> tuple[tf.Tensor, ...]:
            photo = decode_photo(one, photo_range)
            class_ids, logits, hashed = observe_one(photo)
            return tf.io.encode_png(class_ids[:, :, tf.newaxis]), tf.shape(photo)[:2], logits, hashed

        types = (
            tf.TensorSpec([], tf.string),
            tf.TensorSpec([2], tf.int32),
            tf.TensorSpec([GRID_SIDE, GRID_SIDE, num_classes], tf.float32),
            tf.TensorSpec([HASH_BITS // 8], tf.uint8),
        )
        outputs = tf.map_fn(read, image_bytes, fn_output_signature=types, parallel_iterations=1)
        return dict(zip((MASK_BYTES, PHOTO_SIZES, LOGITS, FEATURE_HASHES), outputs))

    @graph(input_signature=[tf.TensorSpec([None, None, CHANNELS], tf.uint8, PIXELS)])
    def observe_image(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip((CLASS_IDS, LOGITS, FEATURE_HASHES), observe_one(pixels)))

    @graph(input_signature=[tf.TensorSpec([None, tile_size, tile_size, CHANNELS], tf.float32, PIXELS)])
    def observe_pixels(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        logits, features = observed.features_of(pixels)
        return {LOGITS: logits, FEATURE_PROJECTIONS: project(features)}

    return {OBSERVE: observe, OBSERVE_IMAGE: observe_image, OBSERVE_PIXELS: observe_pixels}


def _predict_pixels(logits_of: Logits, image_size: int | str) -> Callable[..., dict[str, tf.Tensor]]:
    @graph(input_signature=[tf.TensorSpec([None, *sides(image_size), CHANNELS], tf.float32, PIXELS)])
    def predict_pixels(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        logits = logits_of(pixels)
        return {CLASS_IDS: _class_ids(logits), LOGITS: logits}

    return predict_pixels


def _class_ids(logits: tf.Tensor) -> tf.Tensor:
    """The most likely class per pixel: logits [N, S, T, C] to uint8 [N, S, T]."""
    return tf.cast(tf.argmax(logits, axis=-1), tf.uint8)


def _counts_types(num_classes: int) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    """Of one example's confusion matrix and boundary counts."""
    return (
        tf.TensorSpec([num_classes * num_classes], tf.int64),
        tf.TensorSpec([num_classes * BOUNDARY_COUNTS_PER_CLASS], tf.int64),
    )


def _counts(truth: tf.Tensor, predicted: tf.Tensor, num_classes: int) -> tuple[tf.Tensor, tf.Tensor]:
    """True and predicted class ids [N, H, W] to confusion matrices int64 [N, C * C] and boundary counts [N, C * 4]."""
    matrices = batch_confusion_matrices(truth, predicted, num_classes)
    boundaries = batch_boundary_counts(truth, predicted, num_classes)
    return (
        tf.reshape(matrices, [-1, num_classes * num_classes]),
        tf.reshape(boundaries, [-1, num_classes * BOUNDARY_COUNTS_PER_CLASS]),
    )


def _evaluated(examples: tf.Tensor, matrices: tf.Tensor, boundaries: tf.Tensor) -> dict[str, tf.Tensor]:
    return {
        CONFUSION_MATRIX: matrices,
        BOUNDARY_COUNTS: boundaries,
        FINGERPRINT: tf.strings.to_hash_bucket_fast(examples, tf.int64.max),
    }
