"""Spoils some masks of a split in the ways that people and tools spoil them, so that finding them can be measured."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from schemas.features import IGNORE_ID

SWAPPED, INVERTED, SHIFTED, FRAGMENTS = KINDS = ("swapped", "inverted", "shifted", "fragments")
SHIFT = 0.15, 0.35  # of a side, in each direction
PIECES, PIECE = 3, 0.25  # squares that are left of a mask, and the share of a side that each has


def spoil(masks: Sequence[np.ndarray], count: int, seed: int) -> tuple[list[np.ndarray], dict[int, str]]:
    """Spoils `count` of the masks, uint8 [H, W], as many in each of the ways as in the others, or one more.

    Returns:
      All masks, and the way in which each spoilt one was spoilt, by its position.
    """
    random = np.random.default_rng(seed)
    chosen = np.array_split(random.permutation(len(masks))[:count], len(KINDS))
    spoilt = list(masks)
    for kind, positions in zip(KINDS, chosen):
        for position, next_one in zip(positions, np.roll(positions, 1)):
            mask = masks[position]
            if kind == SWAPPED:
                spoilt[position] = masks[next_one]
            elif kind == INVERTED:
                spoilt[position] = _inverted(mask)
            else:
                spoilt[position] = (_shifted if kind == SHIFTED else _fragments)(mask, random)
    return spoilt, {int(position): kind for kind, positions in zip(KINDS, chosen) for position in positions}


def _by_size(mask: np.ndarray) -> np.ndarray:
    """The classes of a mask, the largest first."""
    classes, counts = np.unique(mask[mask != IGNORE_ID], return_counts=True)
    return classes[np.argsort(-counts, kind="stable")]


def _inverted(mask: np.ndarray) -> np.ndarray:
    """The two largest classes in each other's place."""
    table = np.arange(256, dtype=np.uint8)
    first, second = _by_size(mask)[:2]
    table[[first, second]] = second, first
    return table[mask]


def _shifted(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The mask moved in both directions; the largest class comes in."""
    down, right = (int(random.choice([-1, 1]) * round(side * random.uniform(*SHIFT))) for side in mask.shape)
    moved = np.full_like(mask, _by_size(mask)[0])
    target, source = zip(_overlap(mask.shape[0], down), _overlap(mask.shape[1], right))
    moved[target] = mask[source]
    return moved


def _overlap(side: int, shift: int) -> tuple[slice, slice]:
    """Where a side's pixels go, and where they come from."""
    return slice(max(0, shift), side + min(0, shift)), slice(max(0, -shift), side - max(0, shift))


def _fragments(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A few squares of the mask; the rest is the largest class."""
    found = np.full_like(mask, _by_size(mask)[0])
    for _ in range(PIECES):
        piece = []
        for side in mask.shape:
            start = int(random.integers(0, round(side * (1 - PIECE))))
            piece.append(slice(start, start + round(side * PIECE)))
        found[tuple(piece)] = mask[tuple(piece)]
    return found


def read_png(data: bytes) -> np.ndarray:
    """A mask as its record holds it, uint8 [H, W]."""
    return np.asarray(Image.open(io.BytesIO(data), formats=("PNG",)))
