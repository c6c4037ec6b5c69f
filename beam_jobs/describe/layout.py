"""Finds, by names alone, the patterns of photos and masks that pair the most files of a folder."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from beam_jobs.describe.affixes import SAMPLE, Affix, affix_rank, likely_affixes, with_affix, without_affix
from beam_jobs.describe.name_groups import ANY, Group, Names, by_splits_of, group_names, of_any_split, without_splits
from beam_jobs.describe.names import (
    AGAIN,
    CLASS_WORDS,
    DERIVED_WORDS,
    LOSSY,
    MASK_WORDS,
    MEASURED_WORDS,
    PHOTO_WORDS,
    is_telling,
)
from schemas.path_pattern import PLACEHOLDER, SPLIT_NAMES

MAX_LAYOUTS = 8  # that are returned
_MIN_PAIRS = 0.5  # share of the smaller group that must pair
_SIBLINGS = 0.25  # what a pair of two such folders counts: with four kinds of mask, these pair with each other


class Layout(NamedTuple):
    """How photos and masks pair.

    Attributes:
      image_path, mask_path: Patterns for `dataset.yaml`.
      pairs: (path of the photo, path of the mask), in the order of their names.
      photos, masks: Files that match.
      shared_names: Names that lie in more than one of the folders that a `*` stands for in one of the patterns alone.
    """

    image_path: str
    mask_path: str
    pairs: list[tuple[str, str]]
    photos: int
    masks: int
    shared_names: int = 0


def find_layouts(paths: Iterable[str]) -> list[Layout]:
    """Finds the layouts that pair the most photos, by names alone, the likeliest first; none if nothing pairs.

    The others have other masks for the same photos, other photos for the same masks, or the same files the other way
    round.

    Args:
      paths: Relative to the input folder, in any order.
    """
    groups = group_names(paths)
    found = sorted(layout for images in groups for masks in groups for layout in _pair(images, masks, groups))
    best = max(found, key=_rank, default=None)
    if best is None:
        return []
    photos, masks = (tuple(sorted(side)) for side in zip(*best.pairs))
    likely = sorted(found, key=_rank, reverse=True)
    by_files: dict[object, Layout] = {}
    for one in likely:
        own = tuple(map(tuple, map(sorted, zip(*one.pairs))))
        if own[0] in (photos, masks) or own[1] == masks:
            by_files.setdefault(own, one)
    return list(by_files.values())[:MAX_LAYOUTS]


def _rank(layout: Layout) -> tuple[object, ...]:
    """Sort key: more pairs; then names that say mask, but not drawings of masks; then exact files; then short names."""
    image, mask = layout.image_path, layout.mask_path
    named = bool(MASK_WORDS.search(mask)) - bool(MASK_WORDS.search(image))
    named += bool(PHOTO_WORDS.search(image)) - bool(PHOTO_WORDS.search(mask))
    lossy = image.endswith(LOSSY) - mask.endswith(LOSSY)
    pairs = len(layout.pairs) * (_SIBLINGS if _are_siblings(image, mask) else 1)
    kinds = not MEASURED_WORDS.search(image), not DERIVED_WORDS.search(mask), bool(CLASS_WORDS.search(mask))
    return pairs, named, *kinds, lossy, -len(mask)


def _are_siblings(image: str, mask: str) -> bool:
    """Whether the folders of photos and masks differ only in names without a meaning, such as two cities."""
    parts = posixpath.dirname(image).split("/"), posixpath.dirname(mask).split("/")
    names = {name for pair in zip(*parts) if pair[0] != pair[1] for name in pair}
    return bool(names) and len(parts[0]) == len(parts[1]) and not any(map(is_telling, names))


def _pair(images: Group, masks: Group, groups: dict[Group, Names]) -> list[Layout]:
    """The layouts in which one group are the photos of the other, with the affixes that pair the most files."""
    if images != masks and _overlap(images, masks):
        return []
    photos, labels = groups[images], groups[masks]
    if ("*" in images.folder) != ("*" in masks.folder):
        photos, labels = _flat(photos), _flat(labels)
    if {key[0] for key in photos} == {""}:
        labels = of_any_split(labels)
    elif {key[0] for key in labels} == {""}:
        labels = by_splits_of(labels, photos)
    if not photos.keys() & labels.keys():
        return []
    found = _pair_names((images, photos), (masks, labels))
    shorter = without_splits(photos), without_splits(labels)
    if shorter != (None, None) and all(len(one.pairs) < one.masks for one in found):
        found += _pair_names((images, shorter[0] or photos), (masks, shorter[1] or labels))
    return found


def _pair_names(pictures: tuple[Group, Names], drawings: tuple[Group, Names]) -> list[Layout]:
    """As `_pair`, of groups with names by places of which some are the same."""
    (images, photos), (masks, labels) = pictures, drawings
    places = sorted(photos.keys() & labels.keys())
    stems = [stem for place in places for stem in photos[place]], [stem for place in places for stem in labels[place]]
    sample = list(islice(((place, stem) for place in places for stem in labels[place]), SAMPLE))
    counts = {}
    for own, other in likely_affixes(*stems):
        if images == masks and not _tells_apart(images.folder, own, other):
            continue
        ids = ((place, without_affix(other, stem)) for place, stem in sample)
        counts[own, other] = sum(one is not None and with_affix(own, one) in photos[place] for place, one in ids)
    most = max(counts.values(), default=0)
    smaller = min(len(sample), len(stems[0])) * (0.5 if images == masks else 1)
    if most < max(1, _MIN_PAIRS * smaller / max(1, _kinds(counts, most))):
        return []
    likely = sorted((affixes for affixes in counts if counts[affixes] == most), key=affix_rank)
    firsts = {other: (own, other) for own, other in reversed(likely)}  # the likeliest of each kind of mask
    return [_layout((images, own, photos), (masks, other, labels), places) for own, other in firsts.values()]


def _overlap(one: Group, other: Group) -> bool:
    """Whether both can have the same files."""
    parts = one.folder.split("/"), other.folder.split("/")
    same = len(parts[0]) == len(parts[1]) and all(a == b or "*" in (a, b) for a, b in zip(*parts))
    return same and (one.extension == other.extension or ANY in (one.extension, other.extension))


def _tells_apart(folder: str, photo: Affix, mask: Affix) -> bool:
    """Whether affixes may distinguish photos from the masks beside them that have the same extension."""
    if photo == mask or not any(map(str.isalpha, "".join((*photo, *mask)))):
        return False
    if MASK_WORDS.search(folder) and (any(photo) or not MASK_WORDS.search("".join(mask))):  # x_mask beside x is one
        return False
    return not MASK_WORDS.search("".join(photo)) or bool(MASK_WORDS.search("".join(mask)))


def _kinds(counts: dict[tuple[Affix, Affix], int], most: int) -> int:
    """How many kinds of mask are in one group, each with its ending."""
    return len({other[1] for (_, other), count in counts.items() if count == most})


def _flat(names: Names) -> Names:
    """Names by split alone; nothing where two folders share one, as folders of one class each do."""
    flat: Names = defaultdict(dict)
    for key, stems in names.items():
        if flat[key[:1]].keys() & stems.keys():
            return {}
        flat[key[:1]].update(stems)
    return flat


def _layout(photos: tuple[Group, Affix, Names], masks: tuple[Group, Affix, Names], places: list) -> Layout:
    found = [(_ids(photos, place), _ids(masks, place)) for place in places]
    is_wide = photos[0] == masks[0] and len("".join(photos[1])) < len("".join(masks[1]))  # x.png, beside x_mask.png
    pairs = [(own[one], other[one]) for own, other in found for one in own.keys() & other.keys()]
    unique = Counter((place[0], one) for place, (own, _) in zip(places, found) for one in own)
    in_id = max(unique.values(), default=0) > 1 and "*" in photos[0].folder and "*" in masks[0].folder
    if in_id:
        photos, masks = _with_folder_in_id(photos), _with_folder_in_id(masks)
        unique.clear()
    splits = sorted({place[0] for place in places})
    if len({SPLIT_NAMES.get(one.lower()) for one in splits}) > 1:
        by_split = {
            (place[0], place[1:] if in_id else (), one) for place, (own, _) in zip(places, found) for one in own
        }
        is_in_id = len({one[1:] for one in by_split}) < len(by_split)  # as where the photos of each are numbered from 1
        split = f"{{{'id' if is_in_id else 'split'}:{'|'.join(splits)}}}"
    else:  # all are of one split, which is none
        split = splits[0] if len(splits) == 1 else "*"
    return Layout(
        _pattern(photos, split),
        _pattern(masks, split),
        sorted(pairs),
        sum(len({*own.values()} - {*other.values()}) if is_wide else len(own) for own, other in found),
        len({path for _, other in found for path in other.values()}),
        sum(count > 1 for count in unique.values()),
    )


def _with_folder_in_id(group: tuple[Group, Affix, Names]) -> tuple[Group, Affix, Names]:
    """The same files, where the folder that a `*` stands for is a part of the id: names in it are in others too."""
    return (group[0]._replace(folder=group[0].folder.replace("*", PLACEHOLDER)), *group[1:])


def _ids(group: tuple[Group, Affix, Names], place: tuple[str, ...]) -> dict[str, str]:
    """Id to path."""
    _, affix, names = group
    return {one: path for stem, path in names[place].items() if (one := without_affix(affix, stem)) is not None}


def _pattern(group: tuple[Group, Affix, Names], split: str) -> str:
    (folder, extension), affix, _ = group
    split = split or "*"  # of masks whose photos have none
    text = f"{folder.replace('{split}', split)}/{with_affix(affix, PLACEHOLDER)}.{extension}".removeprefix("/")
    return text.replace(AGAIN, split if split.isidentifier() else "*")
