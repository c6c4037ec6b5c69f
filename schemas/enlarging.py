"""Class ids at a photo's own size, from the logits of a smaller square: smooth edges instead of stairs.

Logits are interpolated bilinearly between pixel centres, and then the largest one wins; enlarging class ids instead
would draw each of the model's pixels as a block. `trainer/enlarging.py` is the same for TensorFlow,
`tfx_pipeline/space/static_app/enlarging.js` for browsers; this file is copied into Gradio Spaces as it is.
"""

from __future__ import annotations

import numpy as np

BAND_PIXELS = 1 << 20  # processed at once, for photos of any size


def enlarged_class_ids(logits: np.ndarray, height: int, width: int) -> np.ndarray:
    """Computes the class of each pixel: logits float32 [S, T, C] of the whole photo to uint8 [height, width].

    The first of several equal logits wins, as with `argmax`. Working memory is about 20 MiB beside the result.
    """
    above, below, down = _neighbours(logits.shape[0], height)
    left, right, across = _neighbours(logits.shape[1], width)
    by_class = np.ascontiguousarray(np.moveaxis(logits, -1, 0), np.float32)
    class_ids = np.zeros((height, width), np.uint8)
    rows = max(1, BAND_PIXELS // width)
    for start in range(0, height, rows):
        band = slice(start, min(start + rows, height))
        first, last = above[band][0], below[band][-1]
        highest = np.full((band.stop - start, width), -np.inf, np.float32)
        for class_id, plane in enumerate(by_class):
            # Along the rows first, of which there are few: picking columns is slow, and whole rows are copied fast.
            source = plane[first : last + 1]
            wide = _between(source[:, left], source[:, right], across)
            values = _between(wide[above[band] - first], wide[below[band] - first], down[band, np.newaxis])
            class_ids[band][values > highest] = class_id
            np.maximum(highest, values, out=highest)
    return class_ids


def _neighbours(source: int, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `target` pixels along an axis: the two `source` pixels around it, and its position between them."""
    positions = (np.arange(target, dtype=np.float32) + np.float32(0.5)) * np.float32(source / target) - np.float32(0.5)
    positions = np.clip(positions, 0, source - 1)
    low = positions.astype(np.int32)
    return low, np.minimum(low + 1, source - 1), positions - low


def _between(one: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """one + (other - one) * share, in the memory of `other`."""
    other -= one
    other *= share
    other += one
    return other
