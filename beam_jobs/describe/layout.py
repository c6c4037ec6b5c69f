"""Finds, by names alone, the patterns of photos and masks that pair the most files of a folder."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice, product
from typing import NamedTuple

from schemas.path_pattern import PLACEHOLDER, SPLIT_NAMES, is_system_name

ANY = "*"  # in place of an extension
PICTURES = ("jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp", "gif", "ppm", "pgm", "pnm")
LOSSY = ("jpg", "jpeg")
MAX_NAMES = 20_000  # of one folder, to find the pattern by
MAX_LAYOUTS = 8  # that are returned
MAX_SIBLINGS = 2_000  # folders that one `*` may stand for
MASK_WORDS = re.compile(
    r"mask|label|annot|(?<![a-z])(gt|ann)|seg|trimap|target|ground.?truth|manual|_id\b", re.IGNORECASE
)
PHOTO_WORDS = re.compile(r"im(a)?g|photo|picture|pic|raw|left|input|frame|scan|sat(?![a-z])", re.IGNORECASE)
DERIVED_WORDS = re.compile(
    r"instance|object|colou?r|rgb|panoptic|contour|bound|edge|overlay|viz|vis(?![a-z])", re.IGNORECASE
)
MEASURED_WORDS = re.compile(
    r"depth|dispar|thermal|infrared|elevation|(?<![a-z])(normals?|flow|dem|dsm|nir)(?![a-z])", re.IGNORECASE
)
# Label Studio's masks, which have no photo's name
NUMBERED_BY_TASK = re.compile(r"task-\d+-annotation-\d+-by-\d+-tag-.+-\d+\.(png|npy)$")
_SAME_EXTENSION = {"jpeg": "jpg"}  # as patterns match them
_SPLIT_PART = re.compile(rf"(?i)(?<![a-z])({'|'.join(sorted(SPLIT_NAMES, key=len, reverse=True))})(?![a-z])")
_SPLIT_START = re.compile(
    rf"(?i)^({'|'.join(sorted(SPLIT_NAMES, key=len, reverse=True))})(?=(annot|mask|label|image|img|gt)[a-z]*$)"
)
_MIN_PAIRS = 0.5  # share of the smaller group that must pair
_SIBLINGS = 0.25  # what a pair of two such folders counts: with four kinds of mask, these pair with each other
_MAX_ENDINGS = 8  # of the names of a group that are tried
_MIN_ENDING = 0.1  # of these names that share an ending
_SAMPLE = 1000  # names of a group by which affixes are chosen


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


Affix = tuple[str, str]  # what stands before and behind an id
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
    return bool(names) and len(parts[0]) == len(parts[1]) and not any(map(_is_telling, names))


def _is_telling(name: str) -> bool:
    """Whether the name of a folder says that it has photos or masks."""
    return bool(MASK_WORDS.search(name) or PHOTO_WORDS.search(name))


def split_template(folder: str) -> tuple[str, str]:
    """Replaces the first name of a split in a folder by `{split}`; returns the folder and that name."""
    parts = folder.split("/")
    for index, part in enumerate(parts):
        if match := _SPLIT_START.search(part) or _SPLIT_PART.search(part):
            parts[index] = f"{part[: match.start(1)]}{{split}}{part[match.end(1) :]}"
            return "/".join(parts), match[1]
    return folder, ""


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
            if "{split}" not in part and not _is_telling(part):
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
    sample = list(islice(((place, stem) for place in places for stem in labels[place]), _SAMPLE))
    counts = {}
    for own, other in _affixes(*stems):
        if images == masks and not _tells_apart(images.folder, own, other):
            continue
        ids = ((place, _cut(other, stem)) for place, stem in sample)
        counts[own, other] = sum(one is not None and _join(own, one) in photos[place] for place, one in ids)
    most = max(counts.values(), default=0)
    smaller = min(len(sample), len(stems[0])) * (0.5 if images == masks else 1)
    if most < max(1, _MIN_PAIRS * smaller / max(1, _kinds(counts, most))):
        return []
    likely = sorted((affixes for affixes in counts if counts[affixes] == most), key=_affix_rank)
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
    return {one: path for stem, path in names[place].items() if (one := _cut(affix, stem)) is not None}


def _affixes(photos: list[str], masks: list[str]) -> list[tuple[Affix, Affix]]:
    """Candidates for the affixes around the id in the names of photos and of masks."""
    none = ("", "")
    candidates: list[tuple[Affix, Affix]] = [(none, none)]
    known = set(photos)
    for stem in sorted(masks)[:200]:  # x and x_mask, mask_x
        for cut in (match.start() for match in re.finditer(r"[_.\- ]", stem)):
            if stem[:cut] in known:
                candidates.append((none, ("", stem[cut:])))
            if stem[cut + 1 :] in known:
                candidates.append((none, (stem[: cut + 1], "")))
    candidates += product(_frames(photos), _frames(masks))  # x_leftImg8bit and x_gtFine_labelIds
    candidates += product([none, *_endings(photos)], [none, *_endings(masks)])
    firsts = Counter(match[0] for stem in {*photos, *masks} if (match := re.match(r".+?[_.\- ]", stem)))
    common = [(first, "") for first, count in firsts.most_common(4) if count > len(photos) / 4]  # img_x and mask_x
    candidates += [(own, other) for own in common for other in common if own != other]
    return list(dict.fromkeys(candidates))


def _affix_rank(affixes: tuple[Affix, Affix]) -> tuple[object, ...]:
    """Sort key: short affixes first, so that ids stay long."""
    return sum(map(len, (*affixes[0], *affixes[1]))), affixes


def _endings(stems: list[str]) -> list[Affix]:
    """Endings with a letter that many of the names share, such as `_color`, the most common first."""
    counts: Counter[str] = Counter()
    few = sorted(stems)[:: max(1, len(stems) // _SAMPLE)]
    for stem in few:
        counts.update(stem[match.start() :] for match in re.finditer(r"(?<!^)[_.\- ](?=[^_.\- ]*[^\W\d])", stem))
    least = max(2, _MIN_ENDING * len(few))
    found = [("", ending) for ending, count in counts.most_common() if count >= least]
    return found[:_MAX_ENDINGS]


def _frames(stems: list[str]) -> list[Affix]:
    """Common prefixes and suffixes of all names, cut at the end of a word."""
    if not stems:
        return [("", "")]
    prefix = posixpath.commonprefix([min(stems), max(stems)])
    backwards = [one[::-1] for one in stems]
    suffix = posixpath.commonprefix([min(backwards), max(backwards)])[::-1]
    prefix = prefix[: max((prefix.rfind(one) for one in "_.- "), default=-1) + 1]
    starts = [suffix.find(one) for one in "_.- " if one in suffix]
    suffix = suffix[min(starts) :] if starts else ""
    return list(dict.fromkeys([("", ""), ("", suffix), (prefix, ""), (prefix, suffix)]))


def _cut(affix: Affix, stem: str) -> str | None:
    """The id in a name; None where it lacks the affix."""
    prefix, suffix = affix
    if len(stem) <= len(prefix) + len(suffix) or not (stem.startswith(prefix) and stem.endswith(suffix)):
        return None
    return stem[len(prefix) : len(stem) - len(suffix)]


def _join(affix: Affix, image_id: str) -> str:
    return f"{affix[0]}{image_id}{affix[1]}"


def _pattern(group: tuple[Group, Affix, Names], split: str) -> str:
    (folder, extension), affix, _ = group
    return f"{folder.replace('{split}', split)}/{_join(affix, '{id}')}.{extension}".removeprefix("/")
