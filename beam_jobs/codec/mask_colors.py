"""Checks across masks that their palettes agree: one value has one colour, and one colour one value.

An editor that saves RGB masks as "indexed" gives each file a palette of its own, in the order in which it met the
colours. The values then mean other classes in every file. No single mask shows that, so this module collects each
palette's colours of the values in use, and names two masks that contradict each other.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import NamedTuple

PALETTE_REMEDY = "save masks as grey PNG whose values are the class values, or all with one palette"

_SIDES = 2  # of a contradiction: more are never kept


class PaletteColor(NamedTuple):
    """The colour of a value: RGB, 3 bytes, and whether the mask's palette has this colour at no other index."""

    rgb: bytes
    is_unique: bool

    @property
    def hex(self) -> str:
        """As people write it, such as `#ff7f0e`."""
        return f"#{self.rgb.hex()}"


class Witness(NamedTuple):
    """A mask that says so; the smallest is kept."""

    image_id: str
    mask: str


class MaskColors(NamedTuple):
    """The colours of values in many masks; bounded in size, and independent of the order of the masks.

    Attributes:
      colors: Value to its colours, each with its first witness; the two with the first witnesses are kept.
      values: Colour that its masks' palettes have once, to its values, likewise. More colours than there are values
        contradict each other in `colors`, so that nothing is kept here then.
    """

    colors: dict[int, dict[bytes, Witness]]
    values: dict[bytes, dict[int, Witness]]


NO_COLORS = MaskColors({}, {})


def used_colors(counts: list[int], palette: bytes) -> dict[int, PaletteColor]:
    """The colour of each value that a palette mask uses.

    Args:
      counts: Number of pixels of each of the 256 values.
      palette: RGB of each index, 3 bytes each; values beyond its end have no colour.
    """
    entries = [palette[start : start + 3] for start in range(0, len(palette) - 2, 3)]
    return {
        value: PaletteColor(rgb, entries.count(rgb) == 1)
        for value, (rgb, count) in enumerate(zip(entries, counts))
        if count
    }


def colors_of(image_id: str, mask: str, colors: dict[int, PaletteColor]) -> MaskColors:
    """The evidence of one mask."""
    witness = Witness(image_id, mask)
    return MaskColors(
        {value: {color.rgb: witness} for value, color in colors.items()},
        {color.rgb: {value: witness} for value, color in colors.items() if color.is_unique},
    )


def merge_colors(all_colors: Iterable[MaskColors]) -> MaskColors:
    """The combined evidence of many masks."""
    colors: dict = {}
    values: dict = {}
    for one in all_colors:
        _merge_into(colors, one.colors)
        _merge_into(values, one.values)
    return MaskColors(colors, values if len(values) <= 256 else {})


def _merge_into(merged: dict, more: dict) -> None:
    for key, sides in more.items():
        known = merged.setdefault(key, {})
        for side, witness in sides.items():
            known[side] = min(witness, known.get(side, witness))
        if len(known) > _SIDES:
            merged[key] = dict(heapq.nsmallest(_SIDES, known.items(), key=lambda item: (item[1], item[0])))


def find_contradiction(found: MaskColors) -> str | None:
    """Names two masks whose palettes contradict each other, with the remedy; None if none do."""
    for value, sides in sorted(found.colors.items()):
        if len(sides) > 1:
            (first, one), (second, other) = sorted(sides.items(), key=lambda item: item[1])
            return (
                f"value {value} is #{first.hex()} in {one.mask}, but #{second.hex()} in {other.mask}; {PALETTE_REMEDY}"
            )
    for color, sides in sorted(found.values.items()):
        if len(sides) > 1:
            (first, one), (second, other) = sorted(sides.items(), key=lambda item: item[1])
            return f"#{color.hex()} is value {first} in {one.mask}, but {second} in {other.mask}; {PALETTE_REMEDY}"
    return None
