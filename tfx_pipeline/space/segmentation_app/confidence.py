"""How sure the model is: the largest softmax probability of each pixel. `confidence.js` is the same in JavaScript.

Logits are interpolated as they are for class ids (`schemas/enlarging.py`), and softmax comes after: between two classes
the model is unsure, which the probabilities of the pixels on either side would hide.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

VERY_SURE, FAIRLY_SURE = 0.9, 0.7  # mean confidence


def confidence_map(logits: np.ndarray, width: int, height: int) -> np.ndarray:
    """Computes it at another size: logits float32 [S, T, C] of the whole photo to float32 [height, width] in 1/C..1.

    Logits are interpolated bilinearly between pixel centres. Classes are added up one by one: many of them, of a large
    photo, would fill the memory.
    """
    size, steps = (width, height), (logits.shape[1] / width, 0, 0, 0, logits.shape[0] / height, 0)
    highest = np.full((height, width), -np.inf, np.float32)
    total = np.zeros((height, width), np.float32)
    for class_id in range(logits.shape[-1]):
        plane = Image.fromarray(np.ascontiguousarray(logits[..., class_id], np.float32))
        sampled = plane.transform(size, Image.Transform.AFFINE, steps, Image.Resampling.BILINEAR)
        values = np.asarray(sampled)
        higher = np.maximum(highest, values)
        total = total * np.exp(highest - higher) + np.exp(values - higher)
        highest = higher
    return 1 / total


def largest_probability(logits: np.ndarray) -> np.ndarray:
    """The same without another size: logits float32 [H, W, C] to float32 [H, W]."""
    return 1 / np.exp(logits - logits.max(axis=-1, keepdims=True)).sum(axis=-1)


def confidence_in_words(mean: float) -> str:
    """The mean over the photo, as a sentence."""
    if mean >= VERY_SURE:
        said = "the model is sure nearly everywhere"
    elif mean >= FAIRLY_SURE:
        said = "the model is unsure in places"
    else:
        said = "the model is unsure nearly everywhere"
    return f"Mean confidence {mean:.1%}: {said}."
