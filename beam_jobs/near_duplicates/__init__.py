"""Photos that are nearly the same: found at any scale without comparing all pairs, and optionally kept in one split."""

from __future__ import annotations

from typing import NamedTuple

from schemas.features import EVAL, TEST, TRAIN

PHOTOS_MOVED = "photos_moved"  # counter: photos that went to the split of their near-duplicates
SEARCH_CUT = "near_duplicate_search_cut"  # counter: there may be more of these, not all were compared to the end


class SplitPair(NamedTuple):
    """Two splits that should share no photo: one that a model is evaluated on, and one that it was made with."""

    held_out: str
    seen: str

    @property
    def counter(self) -> str:
        """Name of the counter of photos held out that have a near-duplicate among those seen."""
        return f"{self.held_out}_photos_near_{self.seen}"


EVAL_IN_TRAIN = SplitPair(EVAL, TRAIN)


def pairs_of(splits: tuple[str, ...]) -> tuple[SplitPair, ...]:
    """The pairs that are searched for a leak; models are chosen by eval, so test must share no photo with it either."""
    others = (SplitPair(TEST, TRAIN), SplitPair(TEST, EVAL)) if TEST in splits else ()
    return (EVAL_IN_TRAIN, *others)
