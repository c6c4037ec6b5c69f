"""Writes guesses as a `dataset.yaml`, with the reason for each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median_low
from types import MappingProxyType

from beam_jobs.describe.group_tables import GroupTable
from beam_jobs.describe.guesses import ASKED, Guesses
from beam_jobs.describe.layout import Layout
from beam_jobs.describe.split_files import SplitFacts
from schemas.bounded_text import clipped, printable
from schemas.class_spec import RARE_SHARE
from schemas.image_size import sides
from schemas.path_pattern import PathPattern
from schemas.sealed_text import sealed

_UNLIKE, _MANY = 1.2, 0.1  # ratio of two aspects that are unlike, and the share of photos that makes it worth a line

_NAMED = 6  # rare classes


def dataset_yaml(
    name: str,
    layout: Layout,
    guesses: Guesses,
    sampled: int,
    facts: SplitFacts,
    names_from: str = "",
    others: Sequence[Layout] = (),
    sizes: Mapping[str, int] = MappingProxyType({}),
    unused: str = "",
    table: str = "",
    groups: GroupTable | None = None,
) -> str:
    """The file's text.

    Args:
      name: Of the data set.
      layout: How photos and masks pair.
      guesses: What the masks seem to be.
      sampled: Number of masks that were read.
      facts: Lists of splits, and photos without a mask.
      names_from: The file that states the class names; empty if there is none.
      others: Layouts of other masks for the same photos.
      sizes: `WIDTHxHEIGHT` of the sampled photos to their number.
      unused: Which pictures match no pattern, in words.
      table: The table that says which mask each photo has; empty where names do.
      groups: The table that says which photos belong together, if one does.
    """
    shared = layout.shared_names
    asked = sum(one.name == ASKED for one in guesses.classes)
    lines = [
        "# Written by beam_jobs.describe; edit it. All keys are explained in schemas/README.md.",
        *([f"# TO DO: {asked} of the classes have no name yet; name them before you publish."] if asked else []),
        *(f"# TO DO: {question}" for question in guesses.questions),
        *(
            [f"# TO DO: {shared:,} photos have the name of another one; ids are names, so rename them."]
            if shared
            else []
        ),
        f"name: {name}",
        f"image_path: {quoted(layout.image_path)}  # {layout.photos:,} photos",
        f"mask_path: {quoted(layout.mask_path)}  # {layout.masks:,} masks; {len(layout.pairs):,} pairs",
    ]
    for other in others:
        own_ids = f", with image_path: {quoted(other.image_path)}" if other.image_path != layout.image_path else ""
        lines.append(f"# mask_path: {quoted(other.mask_path)}  # pairs as well{own_ids}")
    if table:
        lines.append(f"pairs: {quoted(table)}  # says which mask each photo has; names do not")
    lines += unused_lines(unused)
    if PathPattern(layout.image_path).names_splits:
        lines.append("split: official  # as the folders say; `hash` would split by hashes of the ids")
    lines += facts.lines()
    lines += _fit_lines(sizes)
    lines += range_lines(guesses.photo_range)
    if guesses.masks:
        lines.append(f"masks: {json.dumps(guesses.masks).replace(chr(34), '')}  # {guesses.masks_reason}")
    origin = f"; names from {names_from}" if names_from else ""
    lines.append(f"classes:  # value or colour in the masks: name, of {sampled:,} of {layout.masks:,} masks{origin}")
    for one in guesses.classes:
        value = one.value if one.value.isdigit() else json.dumps(one.value)
        shown = one.name if one.name.isalpha() and one.name.isascii() else json.dumps(one.name, ensure_ascii=False)
        lines.append(f"  {value}: {shown}  # {one.reason}")
    lines += _rare_lines(guesses.rare)
    if groups:
        lines += [f"group: {{table: {quoted(groups.path)}}}  # {groups.reason}; a hash keeps each in one split"]
    lines += [
        f"# group: {{id_pattern: {quoted(pattern)}}}  # videos, patients or tiles? then this keeps each in one split"
        for _, pattern, _ in guesses.slices
        if not groups
    ]
    if guesses.slices:
        lines.append("slices:  # parts of the evaluation")
        for slice_name, pattern, reason in guesses.slices:
            lines.append(f"  - {{name: {slice_name}, id_pattern: {quoted(pattern)}}}  # {reason}")
    return sealed("\n".join(lines) + "\n", "beam_jobs.describe")


def _fit_lines(sizes: Mapping[str, int]) -> list[str]:
    """Proposes to letterbox, as a comment, where many photos have another shape than most."""
    aspects: Counter[float] = Counter()
    for size, count in sizes.items():
        shape = sides(size)
        aspects[shape.width / shape.height] += count
    photos = aspects.total() if sizes else 0
    usual = median_low(aspects.elements()) if photos else 1.0
    unlike = sum(count for one, count in aspects.items() if max(one / usual, usual / one) > _UNLIKE)
    if unlike <= _MANY * photos:
        return []
    return [
        f"# fit: letterbox  # {unlike:,} of {photos:,} photos have another shape than the others; this keeps them all,"
        " with padding"
    ]


def _rare_lines(rare: Sequence[str]) -> list[str]:
    """What training does about rare classes, and what else would help, as a comment."""
    if not rare:
        return []
    few = ", ".join(rare[:_NAMED]) + (f" and {len(rare) - _NAMED} more" if len(rare) > _NAMED else "")
    few = " ".join(printable(few).split())  # a name may have several lines
    return [
        f"# Rare, below {RARE_SHARE:.0%} of the pixels: {few}. make train gives such classes training.class_weights;",
        "# training.oversample: 0.1 would also repeat photos of classes that few photos show (trainer/README.md).",
    ]


def range_lines(found: tuple[tuple[int, int], str] | None) -> list[str]:
    """The range of samples of 16 bits, with the reason."""
    return [f"photos: {{range: [{found[0][0]}, {found[0][1]}]}}  # {found[1]}"] if found else []


def unused_lines(unused: str) -> list[str]:
    """A comment that says which pictures are not used; names of folders may have several lines."""
    return [f"# Note: {clipped(' '.join(printable(unused).split()))}"] if unused else []


def quoted(text: str) -> str:
    """A text between quotes, as YAML and JSON both read it."""
    return json.dumps(text, ensure_ascii=False)
