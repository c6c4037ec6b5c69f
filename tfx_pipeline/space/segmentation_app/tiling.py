"""Predicts a photo by overlapping square tiles, for crop models; `tiling.js` is the same in JavaScript.

The same as `trainer/tiling.py`, which says where tiles lie and how they are blended, in NumPy and for any runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

OVERLAP_SHARE = 4  # two tiles share a quarter of a side


def tiled_logits(
    predict: Callable[[np.ndarray], np.ndarray], photo: np.ndarray, tile_size: int, classes: int
) -> Iterator[np.ndarray]:
    """Predicts a photo of any size, one row of tiles after the other, so that memory does not grow with its height.

    Args:
      predict: From float32 [1, S, S, 3] in 0..255 to logits float32 [1, S, S, C].
      photo: uint8 [H, W, 3]; beyond its edges it is mirrored.
      tile_size: S, a multiple of 16.
      classes: C.

    Yields:
      Logits float32 [rows, W, C] of the next rows of the photo, from the top.
    """
    step = tile_size - tile_size // OVERLAP_SHARE
    height, width = photo.shape[:2]
    row_weights, column_weights = tile_weights(height, tile_size), tile_weights(width, tile_size)
    band = np.zeros((tile_size, width, classes), np.float32)
    for row, down in enumerate(row_weights):
        lines = photo[mirrored(row * step + np.arange(tile_size), height)]
        for column, across in enumerate(column_weights):
            start = column * step
            tile = lines[:, mirrored(start + np.arange(tile_size), width)].astype(np.float32)
            weighted = predict(tile[np.newaxis])[0] * (down[:, np.newaxis] * across)[..., np.newaxis]
            band[:, start : start + tile_size] += weighted[:, : width - start]
        is_last = row == len(row_weights) - 1
        yield band[: height - row * step if is_last else step]
        above, band = band, np.zeros_like(band)
        band[: tile_size - step] = above[step:]  # both rows of tiles see it


def tile_weights(length: int, tile_size: int) -> np.ndarray:
    """Weights of the tiles along an axis of `length` pixels, float32 [tiles, S]; where tiles overlap, they sum to 1."""
    overlap = tile_size // OVERLAP_SHARE
    count = max(1, -(-(length - overlap) // (tile_size - overlap)))
    margin, mixed = overlap // 4, overlap - 2 * (overlap // 4)
    rising = np.clip((np.arange(overlap, dtype=np.float32) - margin + 0.5) / mixed, 0, 1)
    weights = np.ones((count, tile_size), np.float32)
    weights[1:, :overlap] = rising
    weights[:-1, tile_size - overlap :] = 1 - rising
    return weights


def mirrored(positions: np.ndarray, length: int) -> np.ndarray:
    """Positions along an axis of `length` pixels; those beyond its end are mirrored at its last pixel."""
    within = positions % max(1, 2 * (length - 1))
    return np.minimum(within, 2 * (length - 1) - within) % length
