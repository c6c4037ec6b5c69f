"""What is measured of a photo that a model answered, the same for everything that answers photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from beam_jobs.codec.luma import luma_statistics
from beam_jobs.near_duplicates.perceptual_hash import photo_hash
from beam_jobs.records.tf_example import Value
from schemas.features import BRIGHTNESS, CONTRAST, IGNORE_ID, SOURCE_HEIGHT, SOURCE_WIDTH, fraction_feature
from schemas.served import CONFIDENCE, ENTROPY, FEATURE_HASH, GRID_SIDE, PHOTO_HASH, UNCERTAIN, UNCERTAIN_BELOW


def measured(
    pixels: np.ndarray,
    class_ids: np.ndarray,
    classes: Sequence[str],
    source_size: tuple[int, int],
    logits: np.ndarray | None = None,
    feature_hash: bytes | None = None,
) -> dict[str, Value]:
    """Measures a photo and the answer to it; nothing here knows where the photo came from.

    Args:
      pixels: The photo as the model saw it, without padding: uint8 [H, W, 3].
      class_ids: The answer at any size, uint8 [H', W']; IGNORE_ID counts for no class.
      classes: Names, in the order of class ids.
      source_size: Height and width of the upright photo.
      logits: Of the pixels, or of an even grid of them, float32 [h, w, C]; None where the model gives none.
      feature_hash: Of the model's encoder; None where the model gives none.

    Returns:
      Features of a record of `schemas.served`, without when and by what the photo was answered.
    """
    photo = Image.fromarray(np.ascontiguousarray(pixels))
    luma = photo.convert("L")
    brightness, contrast = luma_statistics(luma)
    counts = np.bincount(class_ids.ravel(), minlength=IGNORE_ID + 1)
    answered = max(1, class_ids.size - int(counts[IGNORE_ID]))
    values: dict[str, Value] = {
        SOURCE_HEIGHT: source_size[0],
        SOURCE_WIDTH: source_size[1],
        BRIGHTNESS: brightness,
        CONTRAST: contrast,
        **{fraction_feature(name): float(count / answered) for name, count in zip(classes, counts)},
    }
    if logits is not None:
        values |= _certainty(logits)
    if (hashed := photo_hash(luma)) is not None:
        values[PHOTO_HASH] = hashed
    if feature_hash is not None:
        values[FEATURE_HASH] = feature_hash
    return values


def sampled(logits: np.ndarray) -> np.ndarray:
    """The logits of an even grid of pixels, at most GRID_SIDE a side: 150 classes take 5 ms, not a second."""
    step = max(1, -(-max(logits.shape[:2]) // GRID_SIDE))
    return np.ascontiguousarray(logits[::step, ::step])


def _certainty(logits: np.ndarray) -> dict[str, Value]:
    """Mean confidence, mean entropy and the share of uncertain pixels, over an even grid of the pixels."""
    values = sampled(logits).reshape(-1, logits.shape[-1]).astype(np.float64)
    shifted = values - values.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=-1)
    confidence = 1 / total  # the largest exponential is 1
    # -sum(p log p) = log(sum(e)) - sum(e * shifted) / sum(e)
    entropy = np.log(total) - (exponentials * shifted).sum(axis=-1) / total
    return {
        CONFIDENCE: float(confidence.mean()),
        ENTROPY: float(entropy.mean() / np.log(logits.shape[-1])),
        UNCERTAIN: float((confidence < UNCERTAIN_BELOW).mean()),
    }
