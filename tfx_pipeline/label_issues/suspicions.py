"""What may be wrong with a mask: simple rules on the mask and on what a model predicts that has not seen it.

All arrays are small copies of class ids, uint8 [H, W], of one size; masks may have IGNORE_ID. Agreement is the mean IoU
of mask and prediction over the classes that either has, in [0, 1].
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from schemas.features import IGNORE_ID
from schemas.metrics import confusion_matrix, mean_iou

EMPTY, MISSING_CLASS, INCOMPLETE = "empty", "missing_class", "incomplete"
INVERTED, SHIFTED, SWAPPED = "inverted", "shifted", "swapped"
DISAGREES = "disagrees"

GAIN = 0.15  # of agreement, that an explanation must bring: with less, chance explains it as well
LUCK = 0.05  # of agreement, that the best of many other photos has by chance
NEAR = 0.05  # of a side: a shift by less is no mistake, but how people draw
FAR = 0.4  # of a side: the longest shift that is tried
SEEN = 0.05  # share of the pixels that must be predicted as a class, before it is missed in the mask
MOST_COMPARED = 1000  # photos whose masks are looked for among each other
HALF = 0.5  # of the predicted pixels of a class: a mask with less of it is incomplete


class Suspicion(NamedTuple):
    """A kind of this module, and what it means here in words."""

    kind: str
    detail: str


class Pair(NamedTuple):
    """The mask of a photo, and the prediction for the photo."""

    mask: np.ndarray
    predicted: np.ndarray


class _Explanation(NamedTuple):
    """What a mask would agree with, in [0, 1], if it had not been inverted, shifted or swapped."""

    agreement: float
    suspicion: Suspicion


def suspect(pairs: Mapping[str, Pair], titles: Sequence[str]) -> dict[str, Suspicion]:
    """The suspicion about each of the photos with the lowest scores, by id.

    Of the explanations that would raise the agreement by GAIN, the one that raises it most is given; without any, what
    the mask lacks.

    Args:
      pairs: By id; two masks that were swapped are both in it, as both have low scores.
      titles: Of the classes, in the order of their ids.
    """
    swaps = _swaps(pairs, len(titles))
    found = {}
    for image_id, pair in pairs.items():
        now = agreement(pair.mask, pair.predicted, len(titles))
        explanations = [_inverted(pair, titles), _shifted(pair, len(titles)), swaps.get(image_id)]
        likely = [one for one in explanations if one and one.agreement >= now + GAIN]
        empty = _empty(pair, titles)
        best = max(likely, key=lambda one: one.agreement).suspicion if likely else _lacking(pair, titles)
        found[image_id] = empty or best
    return found


def agreement(mask: np.ndarray, predicted: np.ndarray, num_classes: int) -> float:
    """Mean IoU of a mask and a prediction; 1 where all of the mask is ignored."""
    return _mean_iou(confusion_matrix(mask, predicted, num_classes))


def _mean_iou(matrix: np.ndarray) -> float:
    return float(np.nan_to_num(mean_iou(matrix), nan=1.0))


def _empty(pair: Pair, titles: Sequence[str]) -> Suspicion | None:
    """One class alone, where others are predicted."""
    present = np.unique(pair.mask[pair.mask != IGNORE_ID])
    others = np.mean(pair.predicted[pair.mask != IGNORE_ID] != present[0]) if len(present) == 1 else 0.0
    return Suspicion(EMPTY, f"nothing but {titles[present[0]]}") if others >= SEEN else None


def _inverted(pair: Pair, titles: Sequence[str]) -> _Explanation | None:
    """Two classes in each other's place."""
    matrix = confusion_matrix(pair.mask, pair.predicted, len(titles))
    # an exchange helps only classes that are predicted in each other's place
    crossed = [(a, b) for a, b in itertools.combinations(range(len(titles)), 2) if matrix[a, b] or matrix[b, a]]
    best = max(crossed, key=lambda one: matrix[one] + matrix[one[::-1]], default=None)
    if best is None:
        return None
    order = np.arange(len(titles))
    order[list(best)] = best[::-1]
    words = " and ".join(titles[one] for one in best)
    return _Explanation(_mean_iou(matrix[order]), Suspicion(INVERTED, f"{words} in each other's place"))


def _shifted(pair: Pair, num_classes: int) -> _Explanation | None:
    """The whole mask moved. What is predicted where the moved mask does not reach counts against it."""
    height, width = pair.mask.shape
    ignored, everywhere = pair.mask == IGNORE_ID, np.ones_like(pair.mask)
    classes = np.union1d(np.unique(pair.mask[~ignored]), np.unique(pair.predicted))
    scores = np.zeros((2 * height, 2 * width))
    for class_id in classes:
        masked, predicted = pair.mask == class_id, pair.predicted == class_id
        shared = _correlate(masked, predicted)
        union = _correlate(masked, everywhere) + predicted.sum() - _correlate(ignored, predicted) - shared
        scores += shared / np.maximum(union, 1) / len(classes)
    rows, columns = (np.fft.fftfreq(2 * side, 1 / (2 * side)) for side in (height, width))
    down, right = rows[:, None] / height, columns[None] / width
    scores[(np.abs(down) > FAR) | (np.abs(right) > FAR)] = 0
    row, column = np.unravel_index(np.argmax(scores), scores.shape)
    moved = -float(rows[row]) / height, -float(columns[column]) / width  # the mask, against where it belongs
    if max(map(abs, moved)) < NEAR:
        return None
    return _Explanation(float(scores[row, column]), Suspicion(SHIFTED, _way(*moved)))


def _correlate(mask: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """How many pixels overlap if the mask is moved by each number of rows and columns; negative ones at the end."""
    size = tuple(2 * side for side in mask.shape)
    spectrum = np.conj(np.fft.rfft2(mask, size)) * np.fft.rfft2(predicted, size)
    return np.fft.irfft2(spectrum, size)


def _way(down: float, right: float) -> str:
    """A shift in words, in shares of the sides."""
    ways = [(abs(down), "down" if down > 0 else "up"), (abs(right), "to the right" if right > 0 else "to the left")]
    return "by " + " and ".join(f"{100 * share:.0f} % {way}" for share, way in ways if share >= NEAR / 2)


def _swaps(pairs: Mapping[str, Pair], num_classes: int) -> dict[str, _Explanation]:
    """For each mask that fits another photo, whose own mask does not fit it either: that photo."""
    ids = list(pairs)[:MOST_COMPARED]
    if len({pair.mask.shape for pair in pairs.values()}) != 1:
        return {}  # photos of several sizes: their masks can't be laid over each other
    fits = _all_agreements([pairs[one] for one in ids], num_classes)  # [photo, mask]
    found = {}
    own = np.diagonal(fits)
    free = fits - np.where(fits >= own[:, None] + GAIN, 0, np.inf)  # photos that the mask fits better than their own
    np.fill_diagonal(free, -np.inf)
    for index, image_id in enumerate(ids):
        other = int(np.argmax(free[:, index]))
        if np.isfinite(free[other, index]):
            found[image_id] = _Explanation(float(free[other, index]) - LUCK, Suspicion(SWAPPED, f"fits {ids[other]}"))
    return found


def _all_agreements(pairs: Sequence[Pair], num_classes: int) -> np.ndarray:
    """Agreement of every prediction with every mask, float [photo, mask]."""
    masks = np.stack([pair.mask for pair in pairs]).reshape(len(pairs), -1)
    predicted = np.stack([pair.predicted for pair in pairs]).reshape(len(pairs), -1)
    labelled = (masks != IGNORE_ID).astype(np.float32)
    total, classes = (np.zeros((len(pairs), len(pairs)), np.float32) for _ in range(2))
    for class_id in range(num_classes):
        one, other = (predicted == class_id).astype(np.float32), (masks == class_id).astype(np.float32)
        shared = one @ other.T
        union = one @ labelled.T + other.sum(axis=1) - shared
        total += np.where(union > 0, shared / np.maximum(union, 1), 0)
        classes += union > 0
    return total / np.maximum(classes, 1)


def _lacking(pair: Pair, titles: Sequence[str]) -> Suspicion:
    """The class of which a mask lacks most, if any; the prediction may be what is wrong."""
    labelled = pair.mask != IGNORE_ID
    masked, predicted = (
        np.bincount(one[labelled], minlength=len(titles))[: len(titles)] for one in (pair.mask, pair.predicted)
    )
    missed = np.where(predicted >= SEEN * labelled.sum(), predicted - masked, 0)
    worst = int(np.argmax(missed))
    if missed[worst] > 0 and not masked[worst]:
        return Suspicion(MISSING_CLASS, f"no {titles[worst]}")
    if missed[worst] > 0 and masked[worst] < HALF * predicted[worst]:
        return Suspicion(INCOMPLETE, f"little {titles[worst]}")
    return Suspicion(DISAGREES, "differs from the prediction")
