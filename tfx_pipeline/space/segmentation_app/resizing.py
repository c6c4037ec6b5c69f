"""The training's resize in NumPy: `tf.image.resize(..., antialias=True)` without TensorFlow.

Source of the formulas: TensorFlow's op ScaleAndTranslate with the triangle kernel, which `tf.image.resize` calls
(tensorflow/core/kernels/image/scale_and_translate_op.cc, `ComputeSpansCore`). `resizing.js` is the same in JavaScript.
"""

from __future__ import annotations

import numpy as np

from schemas.fitting import PADDING, Fit, photo_box

MIN_TOTAL = 1000.0 * np.finfo(np.float32).tiny  # a sum of weights below this is not normalised


def sides(image_size: int | str) -> tuple[int, int]:
    """Height and width that a model takes: `image_size` of its info is a square's side, or "WIDTHxHEIGHT"."""
    width, _, height = str(image_size).partition("x")
    return int(height or width), int(width)


def resize_pixels(pixels: np.ndarray, image_size: int | str) -> np.ndarray:
    """Squashes uint8 [H, W, C] to float32 of `image_size` in 0..255, antialiased, as `trainer.preprocessing` does."""
    height, width, channels = pixels.shape
    target_height, target_width = sides(image_size)
    rows = np.empty((target_height, width, channels), np.float32)
    # Row by row: no float copy of a large photo.
    for row, (start, weights) in enumerate(resize_spans(height, target_height)):
        rows[row] = np.tensordot(weights, pixels[start : start + len(weights)].astype(np.float32), axes=1)
    resized = np.empty((target_height, target_width, channels), np.float32)
    for column, (start, weights) in enumerate(resize_spans(width, target_width)):
        resized[:, column] = np.tensordot(rows[:, start : start + len(weights)], weights, axes=([1], [0]))
    return np.clip(resized, 0.0, 255.0)


def fit_pixels(photo: np.ndarray, image_size: int | str, fit: Fit) -> np.ndarray:
    """Fits uint8 [H, W, C] into float32 of `image_size` in 0..255, as `trainer.fitting` does."""
    height, width = sides(image_size)
    box = photo_box(photo.shape[:2], (height, width), fit)
    resized = resize_pixels(photo, f"{box.width}x{box.height}")
    if resized.shape[:2] == (height, width):
        return resized
    fitted = np.full((height, width, photo.shape[2]), PADDING, np.float32)
    fitted[box.slices] = resized
    return fitted


def resize_spans(source_size: int, target_size: int) -> list[tuple[int, np.ndarray]]:
    """Which source pixels make up each target pixel: the first one's index and float32 weights that add up to 1."""
    scale = np.float32(target_size) / np.float32(source_size)
    inverse = np.float32(1.0) / scale
    kernel_scale = max(inverse, np.float32(1.0))  # antialiasing: the kernel is as wide as a target pixel
    spans = []
    for target in range(target_size):
        center = np.float32(target + 0.5) * inverse
        first = int(np.clip(np.ceil(center - kernel_scale - np.float32(0.5)), 0, source_size - 1))
        last = int(np.clip(np.floor(center + kernel_scale - np.float32(0.5)), 0, source_size - 1))
        positions = np.arange(first, last + 1, dtype=np.float32) + np.float32(0.5)
        weights = np.maximum(np.float32(0.0), np.float32(1.0) - np.abs((positions - center) / kernel_scale))
        total = weights.sum(dtype=np.float32)
        spans.append((first, weights / total if total >= MIN_TOTAL else weights))
    return spans
