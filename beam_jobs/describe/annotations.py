"""Annotations in place of masks: which format lies in a folder, where its files are, and which categories they name."""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from beam_jobs.describe.file_patterns import common_pattern, extension_of, path_by_split, stem_of
from beam_jobs.describe.layers import find_layers
from beam_jobs.describe.names import split_template
from beam_jobs.describe.photos import Photos
from beam_jobs.elements import SourceFile
from beam_jobs.records.sharding import id_hash
from beam_jobs.sources.annotations.chunks import read_chunks
from beam_jobs.sources.annotations.coco import Photo, read_categories
from beam_jobs.sources.annotations.cvat import read_cvat
from beam_jobs.sources.annotations.rle_table import OBJECT, find_columns, read_rle_table
from beam_jobs.storage.files import read_part
from schemas.documents import MAX_YAML_BYTES, parse_json_object, parse_yaml
from schemas.errors import UserError
from schemas.shorthand import ASKED
from schemas.version_files import DATASET_FILE

READ = 400  # files of one photo each that are read for their categories
_MAX_TEXT = 64 << 20  # 64 MiB, of one of them
_MAX_TABLES = 24  # files of many photos that are looked into
_START = 1 << 16  # bytes by which a file is known


class Annotations(NamedTuple):
    """What lies in a folder.

    Attributes:
      format: As `masks.format` calls it.
      image_path, mask_path, annotations: Patterns for `dataset.yaml`; None where the format has none.
      categories: Each category to its class, `?` where only a person knows, and to how often it was seen.
      names_from: Where the categories were read.
      has_urls: Whether the file writes names of photos as URLs do, such as Label Studio's.
    """

    format: str
    image_path: str
    mask_path: str | None
    annotations: str | None
    categories: dict[str, tuple[str, int]]
    names_from: str
    has_urls: bool = False


def find_annotations(folder: str, sizes: dict[str, int], problems: list[str]) -> Annotations | None:
    """The annotations in a folder; None where there are none that pair with photos.

    Args:
      folder: The input folder.
      sizes: Relative path of each file in it to its bytes.
      problems: Takes what is wrong with files that should have been read.
    """
    photos = Photos(sizes)
    if not photos.paths:
        return None
    for find in (_coco, _cvat, _labelme, _supervisely, _yolo, _layers, _rle):
        try:
            if (found := find(folder, sizes, photos)) is not None:
                return found
        except UserError as error:
            problems.append(str(error))
        except (OSError, UnicodeDecodeError):
            continue  # not of this format
    return None


def _coco(folder: str, sizes: dict[str, int], photos: Photos) -> Annotations | None:
    best: Annotations | None = None
    families: dict[str, list[str]] = defaultdict(list)
    for path in _tables(sizes, "json", photos):
        families[split_template(path)[0]].append(path)
    for paths in families.values():
        start = read_part(f"{folder}/{paths[0]}", 0, _START)
        if not re.search(rb'"(images|annotations|categories|info)"', start):
            continue
        counts: Counter[str] = Counter()
        names: set[str] = set()
        panoptic = False
        for path in paths:
            source = SourceFile(f"{folder}/{path}", sizes[path])
            found, files, is_panoptic = read_categories(lambda source=source: read_chunks(source), path)
            counts.update(found)
            names |= {name.replace("\\", "/") for name in files}
            panoptic |= is_panoptic
        image_path, has_urls = photos.pattern_of_names(names)
        if not counts or image_path is None:
            continue
        names = {stem_of(name) for name in names}
        masks = [path for path in photos.masks if stem_of(path) in names and extension_of(path) == "png"]
        mask_path = common_pattern(masks)
        if panoptic and mask_path is None:
            continue
        one = Annotations(
            "panoptic" if panoptic else "coco",
            image_path,
            mask_path if panoptic else None,
            path_by_split(paths),
            {name: (name, count) for name, count in counts.items() if count},
            " and ".join(paths[:2]),
            has_urls,
        )
        if best is None or len(one.categories) > len(best.categories):
            best = one
    return best


def _cvat(folder: str, sizes: dict[str, int], photos: Photos) -> Annotations | None:
    for path in _tables(sizes, "xml", photos):
        if b"<annotations" not in read_part(f"{folder}/{path}", 0, _START):
            continue
        labels: Counter[str] = Counter()
        names = set()
        for one in read_cvat(read_chunks(SourceFile(f"{folder}/{path}", sizes[path])), path):
            if isinstance(one, Photo):
                names.add(one.name)
            else:
                labels[json.loads(one.text)["category"]] += 1
        image_path, has_urls = photos.pattern_of_names(names)
        if labels and image_path:
            return Annotations("cvat", image_path, None, path, _named(labels), path, has_urls)
    return None


def _labelme(folder: str, sizes: dict[str, int], photos: Photos) -> Annotations | None:
    paths = [path for path in sizes if extension_of(path) == "json" and stem_of(path) in photos.by_stem]
    labels = _labels_in(folder, paths, "shapes", "label")
    image_path, mask_path = photos.pattern_of(map(stem_of, paths)), common_pattern(paths)
    if not labels or image_path is None or mask_path is None:
        return None
    return Annotations("labelme", image_path, mask_path, None, _named(labels), _read(paths))


def _supervisely(folder: str, sizes: dict[str, int], photos: Photos) -> Annotations | None:
    """`ann/PHOTO.jpg.json` beside `img/PHOTO.jpg`."""
    names = {posixpath.basename(path) for path in photos.paths}
    paths = [path for path in sizes if extension_of(path) == "json" and stem_of(path) in names]
    labels = _labels_in(folder, paths, "objects", "classTitle")
    image_path, mask_path = photos.pattern_of(stem_of(stem_of(path)) for path in paths), common_pattern(paths)
    if not labels or image_path is None or mask_path is None:
        return None
    mask_path = f"{mask_path.removesuffix('.json')}.*.json"
    return Annotations("supervisely", image_path, mask_path, None, _named(labels), _read(paths))


def _labels_in(folder: str, paths: list[str], listed: str, label: str) -> Counter[str]:
    """How often some of the JSON files name each label, each in a list; empty where one has no such list."""
    labels: Counter[str] = Counter()
    for path in _some(paths):
        document = parse_json_object(read_part(f"{folder}/{path}", 0, _MAX_TEXT + 1), path, _MAX_TEXT)
        if not isinstance(document.get(listed), list):
            return Counter()
        labels.update(str(one.get(label)) for one in document[listed] if isinstance(one, dict))
    return labels


def _yolo(folder: str, sizes: dict[str, int], photos: Photos) -> Annotations | None:
    paths = [path for path in sizes if extension_of(path) == "txt" and stem_of(path) in photos.by_stem]
    numbers: Counter[str] = Counter()
    for path in _some(paths):
        for line in read_part(f"{folder}/{path}", 0, _START).decode("utf-8-sig").splitlines():
            words = line.split()
            if words and not (words[0].isdigit() and len(words) >= 5 and len(words) % 2):
                return None
            numbers.update(words[:1])
    image_path, mask_path = photos.pattern_of(map(stem_of, paths)), common_pattern(paths)
    if not numbers or image_path is None or mask_path is None:
        return None
    names, source = _names_of_yolo(folder, sizes)
    every = sorted({*names, *numbers}, key=int)
    categories = {number: (names.get(number, ASKED), numbers[number]) for number in every}
    return Annotations("yolo", image_path, mask_path, None, categories, source or _read(paths))


def _names_of_yolo(folder: str, sizes: dict[str, int]) -> tuple[dict[str, str], str]:
    """Number to name, from the YAML file of the data set, and that file."""
    for path in sorted(path for path in sizes if extension_of(path) in ("yaml", "yml") and path != DATASET_FILE):
        try:
            values = parse_yaml(read_part(f"{folder}/{path}", 0, MAX_YAML_BYTES + 1), path)
        except UserError:
            continue
        names = values.get("names") if isinstance(values, dict) else None
        if isinstance(names, list):
            names = dict(enumerate(names))
        if isinstance(names, dict) and names and all(str(number).isdigit() for number in names):
            return {str(number): str(name) for number, name in names.items()}, path
    return {}, ""


def _layers(folder: str, sizes: dict[str, int], photos: Photos) -> Annotations | None:
    found = find_layers(sizes, photos)
    if found is None:
        return None
    return Annotations("layers", found.image_path, found.mask_path, None, found.categories, found.names_from)


def _rle(folder: str, sizes: dict[str, int], photos: Photos) -> Annotations | None:
    for path in _tables(sizes, "csv", photos):
        start = read_part(f"{folder}/{path}", 0, _START).decode("utf-8", "replace").splitlines()
        if not start or find_columns(start[0]) is None:
            continue
        counts: Counter[str] = Counter()
        names = set()
        for one in read_rle_table(read_chunks(SourceFile(f"{folder}/{path}", sizes[path])), path, "columns"):
            if isinstance(one, Photo):
                names.add(one.name)
            else:
                counts[json.loads(one.text)["category"]] += 1
        image_path = photos.pattern_of(stem_of(name) for name in names)
        if counts and image_path:
            asked = {name for name in counts if name == OBJECT or name.isdecimal()}
            named = {name: (ASKED if name in asked else name, counts[name]) for name in sorted(counts)}
            return Annotations("rle", image_path, None, path, named, path)
    return None


def _tables(sizes: dict[str, int], extension: str, photos: Photos) -> list[str]:
    """Files that may be about many photos: those that are not named after one."""
    own = (path for path in sizes if extension_of(path) == extension and stem_of(path) not in photos.by_stem)
    return sorted(own, key=lambda path: (path.count("/"), path))[:_MAX_TABLES]


def _named(labels: Counter[str]) -> dict[str, tuple[str, int]]:
    return {name: (name, count) for name, count in sorted(labels.items())}


def _some(paths: Sequence[str]) -> list[str]:
    return sorted(paths, key=lambda path: id_hash("describe", path))[:READ]


def _read(paths: Sequence[str]) -> str:
    return f"{min(READ, len(paths)):,} of {len(paths):,} files"
