"""How the files of a folder pair: the patterns of photos and masks that fit most of them, from names alone."""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from schemas.path_pattern import SPLIT_NAMES

PICTURES = ("jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp", "gif")
LOSSY = ("jpg", "jpeg")
MAX_NAMES = 20_000  # of one folder, to find the pattern by
MASK_WORDS = re.compile(
    r"mask|label|annot|annotation|\bgt|seg|trimap|target|ground.?truth|_id\b|labelids", re.IGNORECASE
)
_SPLIT_PART = re.compile(rf"(?i)(?<![a-z])({'|'.join(sorted(SPLIT_NAMES, key=len, reverse=True))})(?![a-z])")
_SPLIT_START = re.compile(
    rf"(?i)^({'|'.join(sorted(SPLIT_NAMES, key=len, reverse=True))})(?=(annot|mask|label|image|img|gt)[a-z]*$)"
)
_MIN_PAIRS = 0.5  # of the smaller side that must pair


class Group(NamedTuple):
    """Files of one kind: folders that are alike but for their split, and one extension.

    Attributes:
      folder: Of all of them, with `{split}` where they differ by split; empty for the input folder.
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
    """

    image_path: str
    mask_path: str
    pairs: list[tuple[str, str]]
    photos: int
    masks: int


def find_layout(paths: Iterable[str]) -> Layout | None:
    """The layout that pairs the most files; None where nothing pairs.

    Args:
      paths: Relative to the input folder, in any order.
    """
    groups: dict[Group, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for path in paths:
        folder, name = posixpath.split(path)
        stem, _, extension = name.rpartition(".")
        if not stem or name.startswith(".") or extension.lower() not in PICTURES:
            continue
        template, split = _template(folder)
        names = groups[Group(template, extension.lower().replace("jpeg", "jpg"))][split]
        if len(names) < MAX_NAMES:
            names[stem] = path
    found = [
        layout
        for images in groups
        for masks in groups
        if (layout := _pair(images, groups[images], masks, groups[masks])) is not None
    ]
    return max(found, key=_rank, default=None)


def _rank(layout: Layout) -> tuple[int, int, int, str]:
    """More pairs first; then what is called a mask; a lossy photo rather than a lossy mask; a short pattern."""
    named = bool(MASK_WORDS.search(layout.mask_path)) - bool(MASK_WORDS.search(layout.image_path))
    lossy = layout.image_path.endswith(LOSSY) - layout.mask_path.endswith(LOSSY)
    return len(layout.pairs), named, lossy, layout.image_path


def _template(folder: str) -> tuple[str, str]:
    """A folder with `{split}` in place of the first name of a split in it, and that name."""
    parts = folder.split("/")
    for index, part in enumerate(parts):
        if match := _SPLIT_START.search(part) or _SPLIT_PART.search(part):
            parts[index] = f"{part[: match.start(1)]}{{split}}{part[match.end(1) :]}"
            return "/".join(parts), match[1]
    return folder, ""


def _pair(
    images: Group, photos: dict[str, dict[str, str]], masks: Group, labels: dict[str, dict[str, str]]
) -> Layout | None:
    """The layout in which the one group are the photos of the other, by the affixes that pair the most."""
    best: tuple[int, tuple[str, str], tuple[str, str]] | None = None
    splits = sorted(photos.keys() & labels.keys())
    stems = {one for split in splits for one in photos[split]}, {one for split in splits for one in labels[split]}
    is_same = images == masks
    for own, other in _affixes(*stems):
        if is_same and (own == other or (MASK_WORDS.search("".join(own)) and not MASK_WORDS.search("".join(other)))):
            continue
        count = len(_ids(stems[0], own) & _ids(stems[1], other))
        if best is None or count > best[0]:
            best = count, own, other
    if best is None or best[0] < max(1, _MIN_PAIRS * min(len(stems[0]), len(stems[1])) * (0.5 if is_same else 1)):
        return None
    _, own, other = best
    pairs = [
        (photos[split][_join(own, one)], labels[split][_join(other, one)])
        for split in splits
        for one in sorted(_ids(photos[split], own) & _ids(labels[split], other))
    ]
    names = "|".join(splits)
    return Layout(
        _pattern(images, own, names),
        _pattern(masks, other, names),
        sorted(pairs),
        sum(len(_ids(photos[split], own)) for split in splits),
        sum(len(_ids(labels[split], other)) for split in splits),
    )


def _affixes(photos: set[str], masks: set[str]) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """(prefix, suffix) of photos and of masks that may frame the same id."""
    candidates = [(("", ""), ("", ""))]
    few = sorted(masks)[:200]
    for stem in few:  # x and x_mask, mask_x
        for cut in (match.start() for match in re.finditer(r"[_.\- ]", stem)):
            if stem[:cut] in photos:
                candidates.append((("", ""), ("", stem[cut:])))
            if stem[cut + 1 :] in photos:
                candidates.append((("", ""), (stem[: cut + 1], "")))
    for own in _frames(photos):  # x_leftImg8bit and x_gtFine_labelIds
        for other in _frames(masks):
            candidates.append((own, other))
    firsts = Counter(match[0] for stem in photos | masks if (match := re.match(r".+?[_.\- ]", stem)))
    common = [(first, "") for first, count in firsts.most_common(4) if count > len(photos) / 4]  # img_x and mask_x
    candidates += [(own, other) for own in common for other in common if own != other]
    return list(dict.fromkeys(candidates))


def _frames(stems: set[str]) -> list[tuple[str, str]]:
    """The prefix and the suffix that all of them share, cut where a word ends."""
    if not stems:
        return [("", "")]
    first, last = min(stems), max(stems)
    prefix = posixpath.commonprefix([first, last])
    backwards = [one[::-1] for one in stems]
    suffix = posixpath.commonprefix([min(backwards), max(backwards)])[::-1]
    prefix = prefix[: max((prefix.rfind(one) for one in "_.- "), default=-1) + 1]
    starts = [suffix.find(one) for one in "_.- " if one in suffix]
    suffix = suffix[min(starts) :] if starts else ""
    return list(dict.fromkeys([("", ""), ("", suffix), (prefix, ""), (prefix, suffix)]))


def _ids(stems: Iterable[str], affix: tuple[str, str]) -> set[str]:
    prefix, suffix = affix
    end = -len(suffix) if suffix else None
    return {
        stem[len(prefix) : end]
        for stem in stems
        if stem.startswith(prefix) and stem.endswith(suffix) and len(stem) > len(prefix) + len(suffix)
    }


def _join(affix: tuple[str, str], image_id: str) -> str:
    return f"{affix[0]}{image_id}{affix[1]}"


def _pattern(group: Group, affix: tuple[str, str], splits: str) -> str:
    folder = group.folder.replace("{split}", f"{{split:{splits}}}")
    return f"{folder}/{affix[0]}{{id}}{affix[1]}.{group.extension}".removeprefix("/")
