"""What the names of files and folders say: photos, masks, kinds of masks, and splits."""

from __future__ import annotations

import re

from schemas.path_pattern import SPLIT_NAMES

PICTURES = ("jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp", "gif", "ppm", "pgm", "pnm")
LOSSY = ("jpg", "jpeg")
MASK_WORDS = re.compile(
    r"mask|label|annot|(?<![a-z])(gt|ann)|seg|trimap|target|ground.?truth|manual|_id\b", re.IGNORECASE
)
MASK_FOLDER = re.compile(rf"{MASK_WORDS.pattern}|panoptic|instance", re.IGNORECASE)
PHOTO_WORDS = re.compile(r"im(a)?g|photo|picture|pic|raw|left|input|frame|scan|sat(?![a-z])", re.IGNORECASE)
DERIVED_WORDS = re.compile(
    r"instance|object|colou?r|rgb|panoptic|contour|bound|edge|overlay|viz|vis(?![a-z])", re.IGNORECASE
)
MEASURED_WORDS = re.compile(
    r"depth|dispar|thermal|infrared|elevation|(?<![a-z])(normals?|flow|dem|dsm|nir)(?![a-z])", re.IGNORECASE
)
# Label Studio's masks, which have no photo's name
NUMBERED_BY_TASK = re.compile(r"task-\d+-annotation-\d+-by-\d+-tag-.+-\d+\.(png|npy)$")
_SPLIT_PART = re.compile(rf"(?i)(?<![a-z])({'|'.join(sorted(SPLIT_NAMES, key=len, reverse=True))})(?![a-z])")
_SPLIT_START = re.compile(
    rf"(?i)^({'|'.join(sorted(SPLIT_NAMES, key=len, reverse=True))})(?=(annot|mask|label|image|img|gt)[a-z]*$)"
)


def is_telling(name: str) -> bool:
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
