"""What the names of files and folders say: photos, masks, kinds of masks, and splits."""

from __future__ import annotations

import re

from schemas.path_pattern import SPLIT_NAMES

PICTURES = ("jpg", "jpeg", "png", "bmp", "tif", "tiff", "webp", "gif", "ppm", "pgm", "pnm", "avif", "heic", "heif")
LOSSY = ("jpg", "jpeg")
MASK_WORDS = re.compile(
    r"mask|label|annot|(?<![a-z])(gt|ann)|seg|trimap|target|ground.?truth|manual|semantic|category.?id|_id\b",
    re.IGNORECASE,
)
# among masks that pair as well, such as those of the field of view, of plants or of persons
CLASS_WORDS = re.compile(r"label|annot|manual|categor|semantic|class|ground.?truth|(?<![a-z])gt", re.IGNORECASE)
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
AGAIN = "{again}"  # in a template, for the name of the split where a path repeats it
_SPLIT_WORDS = "|".join(sorted(SPLIT_NAMES, key=len, reverse=True))
_SPLIT_PART = re.compile(rf"(?i)(?<![a-z])({_SPLIT_WORDS})(?![a-z])")
_SPLIT_START = re.compile(
    rf"(?i)^({_SPLIT_WORDS})(?=(annot|mask|label|image|img|gt)[a-z]*$|(sets?|data|crops?|tiles?|patch(es)?)$)"
)
_NUMBERED = re.compile(r"(?i)^[a-z0-9](?=[.)] ?)")  # `a. Training Set` and `b. Testing Set`


def is_telling(name: str) -> bool:
    """Whether the name of a folder says that it has photos or masks."""
    return bool(MASK_WORDS.search(name) or PHOTO_WORDS.search(name))


def split_template(folder: str) -> tuple[str, str]:
    """Replaces the first name of a split in a folder by `{split}`; returns the folder and that name.

    Further parts that repeat the name have AGAIN in its place, and a number of one character before it becomes `?`.
    """
    parts = folder.split("/")
    split = ""
    for index, part in enumerate(parts):
        match = _SPLIT_START.search(part) or _SPLIT_PART.search(part)
        if match and not split:
            split = match[1]
            parts[index] = f"{_NUMBERED.sub('?', part[: match.start(1)])}{{split}}{part[match.end(1) :]}"
        elif match and match[1] == split:
            parts[index] = f"{part[: match.start(1)]}{AGAIN}{part[match.end(1) :]}"
    return "/".join(parts), split


def without_split(stem: str, split: str) -> str | None:
    """A name with AGAIN in place of its split, as in `21_training`; None where it does not say it."""
    found, count = re.subn(rf"(?<![a-zA-Z]){re.escape(split)}(?![a-zA-Z])", lambda _: AGAIN, stem, count=1)
    return found if split and count else None
