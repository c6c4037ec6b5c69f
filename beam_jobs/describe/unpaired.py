"""What to do about a folder in which no photos and masks pair: known exports, and what else is in the way."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from beam_jobs.describe.names import NUMBERED_BY_TASK, PICTURES
from schemas.path_pattern import PathPattern, is_system_name
from schemas.version_files import DATASET_FILE

_BY_HAND = f"Give each mask its photo's name, or write {DATASET_FILE} by hand (schemas/README.md)"
_FEW = 6  # kinds of file that are named


class _Hint(NamedTuple):
    """Files by which an export, or another kind of folder, is known, and the remedy for it."""

    files: str  # a regular expression of their paths
    remedy: str


_HINTS = (
    _Hint(
        r"(^|/)via_[^/]*\.(json|csv)$",
        "This is VIA's own format, which isn't read: export it there as COCO",
    ),
    _Hint(
        NUMBERED_BY_TASK.pattern,
        "These are masks of Label Studio, which are named after its tasks: its JSON export says which photo each task"
        " has; name them masks/CLASS/PHOTO.png, or export COCO",
    ),
    _Hint(
        r"\.(npy|npz|mat)$",
        "Arrays aren't read: save each mask as a PNG of its values, with its photo's name, such as"
        " PIL.Image.fromarray(mask.astype('uint8')).save('masks/NAME.png')",
    ),
    _Hint(r"\.(dcm|nii|nii\.gz|nrrd|mha)$", "Medical volumes aren't read: save slices as PNG, and their masks alike"),
    _Hint(
        r"\.(shp|geojson|gpkg)$",
        "Shapes on maps aren't read: rasterize them to a PNG or TIFF of values for each tile (gdal_rasterize)",
    ),
    _Hint(r"\.(parquet|arrow)$", "Tables of pictures aren't read: save photos and masks as files"),
    _Hint(r"\.(zip|tar|tgz|tar\.gz|7z|rar)$", "Archives aren't read: unpack them"),
)


def why_nothing_pairs(paths: Collection[str]) -> str:
    """What lies in a folder where nothing pairs, and the remedy, in sentences."""
    for hint in _HINTS:
        if _are_there(re.compile(hint.files, re.IGNORECASE).search, paths):
            return f"no photos and masks pair. It has {kinds_of_files(paths)}. {hint.remedy}"
    folders = {posixpath.dirname(path) for path in paths if _is_picture(path)}
    remedy = _BY_HAND
    if any(path.lower().endswith((".json", ".xml")) for path in paths):
        remedy = f"Of annotations, COCO, panoptic, LabelMe, Supervisely, CVAT for images and YOLO are read. {remedy}"
    elif len(folders) == 1:
        remedy = (
            "Give --input the folder that has both photos and masks; where they lie apart, make one with a link to each"
            " (mkdir both && ln -s /PHOTOS both/photos && ln -s /MASKS both/masks). Where it has both, write"
            f" {DATASET_FILE} by hand, such as with image_path: {{id}}_0.png and mask_path: {{id}}_1.png"
        )
    return f"no photos and masks pair by their names. It has {kinds_of_files(paths)}. {remedy}"


def left_over(paths: Collection[str], patterns: Iterable[str]) -> str:
    """The pictures that match none of the patterns, in words, such as another split's; empty where there are none."""
    known = [PathPattern(one) for one in patterns]
    others = [path for path in paths if _is_picture(path) and not any(map(is_system_name, path.split("/")))]
    others = [path for path in others if not any(one.id_of(path) for one in known)]
    if not others:
        return ""
    return f"{len(others):,} {'picture is' if len(others) == 1 else 'pictures are'} not used: {kinds_of_files(others)}"


def _are_there(matches: Callable[[str], object], paths: Iterable[str]) -> bool:
    """Whether at least a fifth of the files other than pictures are of a kind, or of all: thumbnails may lie beside."""
    found = {path: bool(matches(path)) for path in paths}
    others = [one for path, one in found.items() if not _is_picture(path)]
    return any(5 * sum(few) >= len(few) > 0 for few in (list(found.values()), others))


def _is_picture(path: str) -> bool:
    return posixpath.splitext(path)[1][1:].lower() in PICTURES


def kinds_of_files(paths: Iterable[str]) -> str:
    """What lies where, in words, the most common first."""
    kinds = Counter((posixpath.splitext(path)[1].lower(), posixpath.dirname(path)) for path in paths)
    few = [
        f"{count:,} {kind or 'other'}{f' in {folder}' * bool(folder)}"
        for (kind, folder), count in kinds.most_common(_FEW)
    ]
    return ", ".join(few) + (", ..." if len(kinds) > len(few) else "") if few else "no files"
