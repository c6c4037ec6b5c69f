"""Finds, by names alone, the patterns of photos and masks that pair the most files of a folder."""

from __future__ import annotations

import posixpath
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from beam_jobs.describe.affixes import SAMPLE, Affix, affix_rank, likely_affixes, with_affix, without_affix
from beam_jobs.describe.names import (
    DERIVED_WORDS,
    LOSSY,
    MASK_WORDS,
    MEASURED_WORDS,
    NUMBERED_BY_TASK,
    PHOTO_WORDS,
    PICTURES,
    is_telling,
    split_template,
)
from schemas.path_pattern import PLACEHOLDER, SPLIT_NAMES, is_system_name

ANY = "*"  # in place of an extension
MAX_NAMES = 20_000  # of one folder, to find the pattern by
MAX_LAYOUTS = 8  # that are returned
MAX_SIBLINGS = 2_000  # folders that one `*` may stand for
_SAME_EXTENSION = {"jpeg": "jpg"}  # as patterns match them
_MIN_PAIRS = 0.5  # share of the smaller group that must pair
_SIBLINGS = 0.25  # what a pair of two such folders counts: with four kinds of mask, these pair with each other


class Group(NamedTuple):
    """Files of one kind: folders that are alike but for their split, or for one part, and one extension.

    Attributes:
      folder: Of all of them, with `{split}` where they differ by split, and `*` where they differ by anything else;
        empty for the input folder.
      extension: In lower case.
    """

    folder: str
    extension: str


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


Names = dict[tuple[str, ...], dict[str, str]]  # (split, what `*` stands for) to stem to path


def find_layouts(paths: Iterable[str]) -> list[Layout]:
    """Finds the layouts that pair the most photos, by names alone, the likeliest first; none if nothing pairs.

    The others have other masks for the same photos, other photos for the same masks, or the same files the other way
    round.

    Args:
      paths: Relative to the input folder, in any order.
    """
    groups: dict[Group, Names] = defaultdict(lambda: defaultdict(dict))
    for path in paths:
        folder, name = posixpath.split(path)
        stem, _, extension = unicodedata.normalize("NFC", name).rpartition(".")  # as ids are
        if NUMBERED_BY_TASK.search(name):  # a photo of the same number has nothing to do with it
            continue
        if not stem or any(map(is_system_name, path.split("/"))) or extension.lower() not in PICTURES:
            continue
        template, split = split_template(folder)
        names = groups[Group(template, _SAME_EXTENSION.get(extension.lower(), extension.lower()))][(split,)]
        if len(names) < MAX_NAMES:
            names[stem] = path
    groups.update(_of_any_extension(groups))
    groups.update(_families(groups))
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
    return pairs, named, not MEASURED_WORDS.search(image), not DERIVED_WORDS.search(mask), lossy, -len(mask)


def _are_siblings(image: str, mask: str) -> bool:
    """Whether the folders of photos and masks differ only in names without a meaning, such as two cities."""
    parts = posixpath.dirname(image).split("/"), posixpath.dirname(mask).split("/")
    names = {name for pair in zip(*parts) if pair[0] != pair[1] for name in pair}
    return bool(names) and len(parts[0]) == len(parts[1]) and not any(map(is_telling, names))


def _of_any_extension(groups: dict[Group, Names]) -> dict[Group, Names]:
    """For each folder, its pictures of every extension, where no two of them have one name, as a photo and mask do."""
    members: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        members[group.folder].append(group)
    found: dict[Group, Names] = {}
    for folder, own in members.items():
        names: Names = defaultdict(dict)
        for group in own:
            for key, stems in groups[group].items():
                names[key].update(stems)
        if len(own) > 1 and all(sum(len(groups[one].get(key, ())) for one in own) == len(names[key]) for key in names):
            found[Group(folder, ANY)] = names
    return found


def _families(groups: dict[Group, Names]) -> dict[Group, Names]:
    """Groups folders that differ only in one part, such as a city, unless that part says what the folder has."""
    members: dict[Group, list[tuple[str, Group]]] = defaultdict(list)
    for group in groups:
        parts = group.folder.split("/") if group.folder else []
        for index, part in enumerate(parts):
            if "{split}" not in part and not is_telling(part):
                family = "/".join([*parts[:index], "*", *parts[index + 1 :]])
                members[Group(family, group.extension)].append((unicodedata.normalize("NFC", part), group))
    families: dict[Group, Names] = {}
    for family, found in members.items():
        if 1 < len(found) <= MAX_SIBLINGS:
            families[family] = {(*key, part): names for part, group in found for key, names in groups[group].items()}
    return families


def _pair(images: Group, masks: Group, groups: dict[Group, Names]) -> list[Layout]:
    """The layouts in which one group are the photos of the other, with the affixes that pair the most files."""
    if images != masks and _overlap(images, masks):
        return []
    photos, labels = groups[images], groups[masks]
    if ("*" in images.folder) != ("*" in masks.folder):
        photos, labels = _flat(photos), _flat(labels)
    places = sorted(photos.keys() & labels.keys())
    if not places:
        return []
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
    if photo == mask or MASK_WORDS.search(folder) or not any(map(str.isalpha, "".join((*photo, *mask)))):
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
        sum(len(other) for _, other in found),
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
    return f"{folder.replace('{split}', split)}/{with_affix(affix, '{id}')}.{extension}".removeprefix("/")
