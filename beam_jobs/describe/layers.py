"""Several masks of each photo: which folders or names they have, and which classes these name."""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import NamedTuple

from beam_jobs.describe.file_patterns import extension_of, stem_of, with_splits
from beam_jobs.describe.names import DERIVED_WORDS, MASK_FOLDER, MASK_WORDS, PICTURES, split_template
from beam_jobs.describe.photos import Photos
from schemas.errors import UserError
from schemas.shorthand import ASKED

_SEVERAL = 1.2  # masks of a photo, on average, from which on there are several
_MAX_CLASSES = 64  # that endings of names may say
_MIN_FOLDERS = 0.3  # of the photos that have a folder of masks; numbered folders may have the name of some photo


class Layers(NamedTuple):
    """The masks of a folder.

    Attributes:
      image_path, mask_path: Patterns for `dataset.yaml`.
      categories: Each category to its class, `?` where only a person knows, and to how often it was seen.
      names_from: Where the categories were read.
    """

    image_path: str
    mask_path: str
    categories: dict[str, tuple[str, int]]
    names_from: str


def find_layers(paths: Collection[str], photos: Photos) -> Layers | None:
    """The masks in a folder, where its photos have several; else None.

    Args:
      paths: Of all files in it, relative.
      photos: Those of them that may be photos.
    """
    finders = (_folders_of_photos, _class_folders, _mask_folders, _numbered)
    return next((found for find in finders if (found := find(paths, photos)) is not None), None)


def _folders_of_photos(paths: Collection[str], photos: Photos) -> Layers | None:
    """`ID/images/ID.png` and `ID/masks/*.png`."""
    found: Counter[tuple[str, str, str, str, str]] = Counter()
    masks: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for path in paths:
        if match := re.fullmatch(r"(.*/)?([^/]+)/([^/]+)/[^/]+\.(\w+)", path):
            masks[match[1] or "", match[2]].add((match[3], match[4].lower()))
    for path in photos.paths:
        if match := re.fullmatch(r"(.*/)?([^/]+)/([^/]+)/\2\.(\w+)", path):
            for own, extension in masks[match[1] or "", match[2]]:
                if own != match[3] and extension in PICTURES:
                    found[match[1] or "", match[3], match[4], own, extension] += 1
    if not found:
        return None
    (prefix, images, photo_extension, own, extension), count = found.most_common(1)[0]
    mask_path, image_path = f"{prefix}{{id}}/{own}/*.{extension}", f"{prefix}*/{images}/{{id}}.{photo_extension}"
    return Layers(image_path, mask_path, {"object": (ASKED, count)}, mask_path)


def _class_folders(paths: Collection[str], photos: Photos) -> Layers | None:
    """`masks/CLASS/ID.png` or `masks/CLASS/ID_MA.png`, where a photo has masks in several of the folders."""
    folders: dict[tuple[str, str], dict[str, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    splits: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path in photos.masks:
        above, name = posixpath.split(posixpath.dirname(path))
        template, split = split_template(above)
        if MASK_FOLDER.search(above) and (cut := _cut(path, photos)):
            key = template, extension_of(path)
            folders[key][name].append(cut)
            splits[key].add(split)
    places = {posixpath.basename(posixpath.dirname(path)) for path in photos.paths}
    for key, classes in sorted(folders.items()):
        if len(places & classes.keys()) > len(classes) / 2:  # photos lie in folders of the same names: no classes
            continue
        stems = [stem for one in classes.values() for stem, _ in one]
        tails = {bool(tail) for one in classes.values() for _, tail in one}
        image_path = photos.pattern_of(stems)
        if len(classes) < 2 or len(stems) < _SEVERAL * len(set(stems)) or len(tails) > 1 or image_path is None:
            continue
        above = with_splits(key[0], splits[key])
        categories = {name: (name, len(own)) for name, own in sorted(classes.items())}
        mask_path = f"{above}/{{class}}/{'{id}_*' if tails == {True} else '{id}'}.{key[1]}"
        return Layers(image_path, mask_path, categories, f"the folders of {above}")
    return None


def _mask_folders(paths: Collection[str], photos: Photos) -> Layers | None:
    """`masks/ID/*.png`, or `masks/ID/CLASS_NUMBER.png`."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for path in photos.masks:
        above, image_id = posixpath.split(posixpath.dirname(path))
        if image_id in photos.by_stem:
            found[above, extension_of(path)].append((image_id, stem_of(path)))
    for (above, extension), masks in sorted(found.items()):
        ids = {image_id for image_id, _ in masks}
        image_path = photos.pattern_of(ids)
        if image_path is None or len(ids) < max(2, _MIN_FOLDERS * len(photos.by_stem)):
            continue
        words = Counter(match[1] if (match := re.fullmatch(r"([^\W\d]+)_\d+", stem)) else "" for _, stem in masks)
        named = {word: (word, count) for word, count in sorted(words.items())}
        categories = {"object": (ASKED, len(masks))} if "" in words else named
        mask_path = f"{above}/{{id}}/{'*' if '' in words else '{class}_*'}.{extension}"
        return Layers(image_path, mask_path, categories, mask_path)
    return None


def _numbered(paths: Collection[str], photos: Photos) -> Layers | None:
    """`masks/ID_NUMBER.png` or `masks/ID_CLASS.png`, where a photo has several."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    splits: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path in photos.masks:
        cut = _cut(path, photos)
        if cut and cut[1]:
            template, split = split_template(posixpath.dirname(path))
            found[template, extension_of(path)].append(cut)
            splits[template, extension_of(path)].add(split)
    for key, cuts in sorted(found.items()):
        ids = {image_id for image_id, _ in cuts}
        image_path = photos.pattern_of(ids)
        kinds = {re.sub(r"[_\-. ]*\d+$", "", tail) for _, tail in cuts}
        if len(cuts) < _SEVERAL * len(ids) or image_path is None or any(map(_is_kind, kinds)):
            continue
        above = with_splits(key[0], splits[key])
        tails = Counter(tail for _, tail in cuts)
        if "" not in kinds and len(tails) <= _MAX_CLASSES and len(cuts) > len(tails):
            if any("_" in tail for tail in tails):  # where the id ends cannot be said
                raise UserError(
                    f"{above}: masks such as {cuts[0][0]}_{cuts[0][1]}.{key[1]} name classes with a _ in them; move"
                    " them into a folder for each class, masks/CLASS/PHOTO.png, or write - in place of it"
                )
            mask_path = f"{above}/{{id}}_{{class}}.{key[1]}"
            return Layers(image_path, mask_path, {one: (one, tails[one]) for one in sorted(tails)}, mask_path)
        mask_path = f"{above}/{{id}}_*.{key[1]}"
        return Layers(image_path, mask_path, {"object": (ASKED, len(cuts))}, mask_path)
    return None


def _cut(path: str, photos: Photos) -> tuple[str, str] | None:
    """The photo that a mask is named after, and what follows it and a `_`; None where there is no such photo."""
    stem = stem_of(path)
    if stem in photos.by_stem:
        return stem, ""
    cuts = (match.start() for match in reversed(list(re.finditer("_", stem))))
    return next(((stem[:cut], stem[cut + 1 :]) for cut in cuts if stem[:cut] in photos.by_stem), None)


def _is_kind(word: str) -> bool:
    """Whether a name says a kind of mask, such as `labelIds` or `color`, rather than a class."""
    return bool(MASK_WORDS.search(word) or DERIVED_WORDS.search(word))
