"""How well a mask fits what a model predicts that has not seen it: one number for each photo."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

TEMPERATURE = 0.1  # of `softmin`, as in the paper
SEEN = 0.01  # share of the labelled pixels that a class must have in mask or prediction to be scored
LARGEST = 3  # classes of a photo are scored: among many, nearly always a thin one lies elsewhere than predicted
LEAST = 1e-3  # of a class's fit, below which no class can pull the score further down


class ClassSums(NamedTuple):
    """Sums over the labelled pixels of a photo, each float [C].

    Attributes:
      masked: Number of pixels that the mask gives to each class.
      predicted: Sum of the probabilities of each class.
      shared: Sum of the probabilities of each class over the pixels that the mask gives to it.
      squared: Sum of the squared probabilities of each class.
    """

    masked: np.ndarray
    predicted: np.ndarray
    shared: np.ndarray
    squared: np.ndarray


def label_quality(sums: ClassSums) -> float:
    """The fit of a mask as a share of the fit that the model expects: about 1 for a good mask, near 0 for a wrong one.

    The fit is the soft IoU of a class: shared / (masked + predicted - shared). A mask that was drawn from the model's
    own probabilities would have about squared / (2 predicted - squared), less where the model is unsure. So a hard
    photo or a thin class is no reason for suspicion, but a confident contradiction is. The score is the harmonic mean
    of the ratios over the classes that mask or prediction show, so that one wrong class shows.
    """
    share = np.maximum(sums.masked, sums.predicted) / max(1.0, sums.masked.sum())
    fit = sums.shared / np.maximum(sums.masked + sums.predicted - sums.shared, 1e-9)
    expected = sums.squared / np.maximum(2 * sums.predicted - sums.squared, 1e-9)
    ratios = np.maximum(fit / np.maximum(expected, 1e-9), LEAST)
    scored = np.argsort(-share, kind="stable")[:LARGEST]
    ratios = ratios[scored[share[scored] >= SEEN]]
    return float(1 / np.mean(1 / ratios)) if len(ratios) and sums.masked.any() else 1.0


def softmin(values: np.ndarray, temperature: float = TEMPERATURE) -> float:
    """A mean of float [N] in [0, 1] in which small values weigh more; 1 without any.

    Of each pixel's probability of its own class in the mask, this is the label quality score of Lad and Mueller,
    "Estimating label quality and errors in semantic segmentation data via any model" (2023, arXiv 2307.05080): the
    weights are softmax((1 - value) / temperature), as in cleanlab's `segmentation.rank.get_label_quality_scores`.
    """
    if not len(values):
        return 1.0
    weights = np.exp((values.min() - values) / temperature)  # the largest is 1: nothing overflows
    return float(np.average(values, weights=weights))
