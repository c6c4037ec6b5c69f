"""Annotations in place of masks: which format lies in a folder, where its files are, and which categories they name."""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from beam_jobs.describe.names import MASK_WORDS, PICTURES, split_template
from beam_jobs.elements import SourceFile
from beam_jobs.records.sharding import id_hash
from beam_jobs.sources.annotations.chunks import read_chunks
from beam_jobs.sources.annotations.coco import Photo, read_categories
from beam_jobs.sources.annotations.cvat import read_cvat
from beam_jobs.storage.files import read_part
from schemas.documents import MAX_YAML_BYTES, parse_json_object, parse_yaml
from schemas.errors import UserError
from schemas.shorthand import ASKED
from schemas.version_files import DATASET_FILE

READ = 400  # files of one photo each that are read for their categories
_MAX_TEXT = 64 << 20  # 64 MiB, of one of them
_MAX_TABLES = 24  # files of many photos that are looked into
_START = 1 << 16  # bytes by which a file is known
_MASK_FOLDER = re.compile(rf"{MASK_WORDS.pattern}|panoptic|instance", re.IGNORECASE)
_SEVERAL = 1.2  # masks of a photo, on average, from which on there are several


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
    photos = _Photos(sizes)
    if not photos.paths:
        return None
    for find in (_coco, _cvat, _labelme, _yolo, _folders_of_photos, _class_folders, _mask_folders, _numbered):
        try:
            if (found := find(folder, sizes, photos)) is not None:
                return found
        except UserError as error:
            problems.append(str(error))
        except (OSError, UnicodeDecodeError):
            continue  # not of this format
    return None


class _Photos:
    """The pictures in a folder that may be photos, by their names without folder and extension."""

    def __init__(self, sizes: Iterable[str]):
        pictures = [path for path in sizes if _extension(path) in PICTURES and not _stem(path).startswith(".")]
        self.masks = [path for path in pictures if _MASK_FOLDER.search(posixpath.dirname(path))]
        self.paths = sorted({*pictures} - {*self.masks}) or sorted(pictures)
        self.by_stem: dict[str, str] = {}
        for path in self.paths:
            self.by_stem.setdefault(_stem(path), path)

    def pattern_of(self, stems: Iterable[str]) -> str | None:
        """The pattern of the photos with these names; None where fewer than half of them are there."""
        stems = set(stems)
        found = [path for path in self.paths if _stem(path) in stems]
        return _pattern(found) if stems and 2 * len({_stem(path) for path in found}) >= len(stems) else None

    def pattern_of_names(self, names: Collection[str]) -> tuple[str | None, bool]:
        """The pattern of the photos that a file names, and whether only URLs decoded name them."""
        if (pattern := self.pattern_of(map(_stem, names))) is not None:
            return pattern, False
        pattern = self.pattern_of(_stem(unquote(name)) for name in names)
        return pattern, pattern is not None


def _coco(folder: str, sizes: dict[str, int], photos: _Photos) -> Annotations | None:
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
        names = {_stem(name) for name in names}
        mask_path = _pattern([path for path in photos.masks if _stem(path) in names and _extension(path) == "png"])
        if panoptic and mask_path is None:
            continue
        one = Annotations(
            "panoptic" if panoptic else "coco",
            image_path,
            mask_path if panoptic else None,
            _pattern_of_files(paths),
            {name: (name, count) for name, count in counts.items() if count},
            " and ".join(paths[:2]),
            has_urls,
        )
        if best is None or len(one.categories) > len(best.categories):
            best = one
    return best


def _cvat(folder: str, sizes: dict[str, int], photos: _Photos) -> Annotations | None:
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


def _labelme(folder: str, sizes: dict[str, int], photos: _Photos) -> Annotations | None:
    paths = [path for path in sizes if _extension(path) == "json" and _stem(path) in photos.by_stem]
    labels: Counter[str] = Counter()
    for path in _some(paths):
        document = parse_json_object(read_part(f"{folder}/{path}", 0, _MAX_TEXT + 1), path, _MAX_TEXT)
        if not isinstance(document.get("shapes"), list):
            return None
        labels.update(str(one.get("label")) for one in document["shapes"] if isinstance(one, dict))
    image_path, mask_path = photos.pattern_of(map(_stem, paths)), _pattern(paths)
    if not labels or image_path is None or mask_path is None:
        return None
    return Annotations("labelme", image_path, mask_path, None, _named(labels), _read(paths))


def _yolo(folder: str, sizes: dict[str, int], photos: _Photos) -> Annotations | None:
    paths = [path for path in sizes if _extension(path) == "txt" and _stem(path) in photos.by_stem]
    numbers: Counter[str] = Counter()
    for path in _some(paths):
        for line in read_part(f"{folder}/{path}", 0, _START).decode("utf-8-sig").splitlines():
            words = line.split()
            if words and not (words[0].isdigit() and len(words) >= 5 and len(words) % 2):
                return None
            numbers.update(words[:1])
    image_path, mask_path = photos.pattern_of(map(_stem, paths)), _pattern(paths)
    if not numbers or image_path is None or mask_path is None:
        return None
    names, source = _names_of_yolo(folder, sizes)
    every = sorted({*names, *numbers}, key=int)
    categories = {number: (names.get(number, ASKED), numbers[number]) for number in every}
    return Annotations("yolo", image_path, mask_path, None, categories, source or _read(paths))


def _names_of_yolo(folder: str, sizes: dict[str, int]) -> tuple[dict[str, str], str]:
    """Number to name, from the YAML file of the data set, and that file."""
    for path in sorted(path for path in sizes if _extension(path) in ("yaml", "yml") and path != DATASET_FILE):
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


_MIN_FOLDERS = 0.1  # of the photos that have a folder of masks; numbered folders may have the name of some photo


def _folders_of_photos(folder: str, sizes: dict[str, int], photos: _Photos) -> Annotations | None:
    """`ID/images/ID.png` and `ID/masks/*.png`."""
    found: Counter[tuple[str, str, str, str, str]] = Counter()
    masks: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for path in sizes:
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
    return Annotations("layers", image_path, mask_path, None, {"object": (ASKED, count)}, mask_path)


def _class_folders(folder: str, sizes: dict[str, int], photos: _Photos) -> Annotations | None:
    """`masks/CLASS/ID.png`, where a photo has masks in several of the folders."""
    folders: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in photos.masks:
        above, name = posixpath.split(posixpath.dirname(path))
        if _stem(path) in photos.by_stem and _MASK_FOLDER.search(above):
            folders[above, _extension(path)][name].add(_stem(path))
    places = {posixpath.basename(posixpath.dirname(path)) for path in photos.paths}
    for (above, extension), classes in sorted(folders.items()):
        if len(places & classes.keys()) > len(classes) / 2:  # photos lie in folders of the same names: no classes
            continue
        stems = [stem for one in classes.values() for stem in one]
        image_path = photos.pattern_of(stems)
        if len(classes) < 2 or len(stems) < _SEVERAL * len(set(stems)) or image_path is None:
            continue
        categories = {name: (name, len(own)) for name, own in sorted(classes.items())}
        mask_path = f"{above}/{{class}}/{{id}}.{extension}"
        return Annotations("layers", image_path, mask_path, None, categories, f"the folders of {above}")
    return None


def _mask_folders(folder: str, sizes: dict[str, int], photos: _Photos) -> Annotations | None:
    """`masks/ID/*.png`, or `masks/ID/CLASS_NUMBER.png`."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for path in photos.masks:
        above, image_id = posixpath.split(posixpath.dirname(path))
        if image_id in photos.by_stem:
            found[above, _extension(path)].append((image_id, _stem(path)))
    for (above, extension), masks in sorted(found.items()):
        ids = {image_id for image_id, _ in masks}
        image_path = photos.pattern_of(ids)
        if image_path is None or len(ids) < max(2, _MIN_FOLDERS * len(photos.by_stem)):
            continue
        words = Counter(match[1] if (match := re.fullmatch(r"([^\W\d]+)_\d+", stem)) else "" for _, stem in masks)
        categories = {"object": (ASKED, len(masks))} if "" in words else _named(words)
        mask_path = f"{above}/{{id}}/{'*' if '' in words else '{class}_*'}.{extension}"
        return Annotations("layers", image_path, mask_path, None, categories, mask_path)
    return None


def _numbered(folder: str, sizes: dict[str, int], photos: _Photos) -> Annotations | None:
    """`masks/ID_NUMBER.png`, where a photo has several."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for path in photos.masks:
        stem = _stem(path)
        cuts = [match.start() for match in re.finditer(r"_", stem)]
        if (image_id := next((stem[:cut] for cut in reversed(cuts) if stem[:cut] in photos.by_stem), None)) is not None:
            found[posixpath.dirname(path), _extension(path)][image_id] += 1
    for (above, extension), ids in sorted(found.items()):
        image_path = photos.pattern_of(ids)
        if sum(ids.values()) >= _SEVERAL * len(ids) and image_path is not None:
            mask_path = f"{above}/{{id}}_*.{extension}"
            return Annotations("layers", image_path, mask_path, None, {"object": (ASKED, sum(ids.values()))}, mask_path)
    return None


def _tables(sizes: dict[str, int], extension: str, photos: _Photos) -> list[str]:
    """Files that may be about many photos: those that are not named after one."""
    own = (path for path in sizes if _extension(path) == extension and _stem(path) not in photos.by_stem)
    return sorted(own, key=lambda path: (path.count("/"), path))[:_MAX_TABLES]


def _named(labels: Counter[str]) -> dict[str, tuple[str, int]]:
    return {name: (name, count) for name, count in sorted(labels.items())}


def _some(paths: Sequence[str]) -> list[str]:
    return sorted(paths, key=lambda path: id_hash("describe", path))[:READ]


def _read(paths: Sequence[str]) -> str:
    return f"{min(READ, len(paths)):,} of {len(paths):,} files"


def _pattern(paths: Sequence[str]) -> str | None:
    """The pattern of files that differ by name, by split, and perhaps by extension; None where there are none."""
    folders: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in paths:
        template, split = split_template(posixpath.dirname(path))
        folders[template].append((split, _extension(path)))
    if not folders:
        return None
    template, own = max(folders.items(), key=lambda one: (len(one[1]), one[0]))
    extensions = {extension for _, extension in own}
    name = f"{{id}}.{extensions.pop() if len(extensions) == 1 else '*'}"
    return posixpath.join(_with_splits(template, {split for split, _ in own}), name)


def _pattern_of_files(paths: Sequence[str]) -> str:
    template, _ = split_template(paths[0])
    return _with_splits(template, {split_template(path)[1] for path in paths}) if len(paths) > 1 else paths[0]


def _with_splits(template: str, splits: set[str]) -> str:
    return template.replace("{split}", f"{{split:{'|'.join(sorted(splits))}}}")


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0]


def _extension(path: str) -> str:
    return posixpath.splitext(path)[1].lower().removeprefix(".")
