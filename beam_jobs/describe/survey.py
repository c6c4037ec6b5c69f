"""Surveys a sample of masks: their kinds, and their values or colours with pixel counts and shapes."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from beam_jobs.codec.mask_kinds import CONTAINERS, color_name, read_pixels
from beam_jobs.codec.photos import FLATTENED_ALPHA, ROTATED, Photo, decode_photo
from beam_jobs.codec.sixteen_bits import extremes
from beam_jobs.elements import SourceFile
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import read_input
from schemas.photos import container_of

LOSSY_KIND = "lossy"  # begins the kind of such masks
OTHER_SIZE = "masks of another size than their photo"
STORED_SIZE = "masks that are drawn on the photo as it is stored, not turned upright"
DARK = "photos that are nearly black"
CLEAR = "photos with a fourth channel that is read as transparency, over white"
BANDS = "photos with more than three channels, of which the first three are taken as red, green and blue"
REMEDIES = {
    OTHER_SIZE: "take the photos that they were drawn on, or resize the masks, by nearest neighbour",
    STORED_SIZE: "turn the masks too, or turn the photos and drop their EXIF orientation",
    DARK: "brighten them, or take others",
    BANDS: "where others show more, save these three",
    CLEAR: "where it is none, such as infrared, save three channels",
}
MAX_VALUES = 512  # kept of one mask and of all; more than that cannot be classes
_SAMPLES_PER_PIXEL = 277  # a tag of a TIFF
_DARK = 24  # of 255; no pixel of such a photo is brighter
_STANDING_OUT = 16  # the most common values, which cover most of a mask, whether it is compressed or has soft edges
_FEW_COLORS = 64  # photos have more, drawings of masks hardly ever
_SHAPED = 64  # most values of a mask for which shapes are measured


class Survey(NamedTuple):
    """What one mask contains, or many.

    Attributes:
      kinds: Kind of mask in words to number of masks.
      pixels: Value or colour (`#rrggbb`, `transparent`) to its number of pixels.
      masks: Likewise, to the number of masks that have it.
      inner: Likewise, to the number of pixels whose neighbours have it too; thin borders have hardly any.
      sizes: `WIDTHxHEIGHT` of photos to their number.
      soft: Pixels that are neither 0 nor 255, of grey masks.
      ranges: Least and largest sample of photos of 16 bits, such as `300 4011`, to the number of photos.
      palette: Value and its colour in a palette, such as `7 #804080`, to the number of masks that say so.
      problems: What can't be read, and what differs between a photo and its mask, to how often.
      examples: The first file of each problem, by name.
    """

    kinds: dict[str, int]
    pixels: dict[str, int]
    masks: dict[str, int]
    inner: dict[str, int]
    sizes: dict[str, int]
    soft: int
    ranges: dict[str, int]
    palette: dict[str, int]
    problems: dict[str, int]
    examples: dict[str, str]


def add_surveys(surveys: Iterable[Survey]) -> Survey:
    """The sum of surveys, in any order."""
    fields: list[Counter[str]] = [Counter() for _ in Survey._fields[:-1]]
    examples: dict[str, str] = {}
    soft = 0
    for one in surveys:
        for total, value in zip(fields, one):
            if isinstance(value, dict):
                total.update(value)
        soft += one.soft
        for problem, path in one.examples.items():
            examples[problem] = min(path, examples.get(problem, path))
    kinds, pixels, masks, inner, sizes, _, ranges, palette, problems = (
        dict(one.most_common(4 * MAX_VALUES)) for one in fields
    )
    return Survey(kinds, pixels, masks, inner, sizes, soft, ranges, palette, problems, examples)


def may_be_masks(surveys: list[Survey]) -> bool:
    """Whether most of a few masks can be read, and they have several values, but not as many as photos have."""
    readable = sum(bool(one.kinds) for one in surveys)
    values = [set(one.pixels) for one in surveys if one.kinds]
    is_lossy = any(kind.startswith(LOSSY_KIND) for one in surveys for kind in one.kinds)
    most = max(map(len, values), default=0)
    return 2 * readable > len(surveys) and len(set().union(*values)) > 1 and most < (MAX_VALUES if is_lossy else 255)


def are_pictures(surveys: list[Survey], is_named: bool) -> bool:
    """Whether what should be a few masks are photos: in so many colours, or grey levels, that none stands out.

    Args:
      is_named: Whether their names say that they are masks: then grey levels may be probabilities.
    """
    readable = [one for one in surveys if one.kinds]
    return bool(readable) and all(_is_picture(one, is_named) for one in readable)


def _is_picture(survey: Survey, is_named: bool) -> bool:
    colors = any(value.startswith("#") for value in survey.pixels)
    counts = sorted(survey.pixels.values(), reverse=True)[1:]  # a cut-out lies on one colour, or on none
    is_spread = 2 * sum(counts[:_STANDING_OUT]) < sum(counts)
    return is_spread and len(counts) > _FEW_COLORS and (colors or not is_named)


def are_drawn(files: list[SourceFile]) -> bool:
    """Whether all of what should be photos are drawings in a few colours, as masks are."""
    return bool(files) and all(map(_is_drawn, files))


def _is_drawn(file: SourceFile) -> bool:
    try:
        data = read_input(file)
        container = container_of(data)
        if container not in CONTAINERS:
            return False
        pixels = read_pixels(data, container, palette_colors=True)
    except (InputRejected, OSError, ValueError, SyntaxError):
        return False
    colors = pixels.colors if pixels.colors is not None else pixels.values
    assert colors is not None  # one of both is there
    return len(np.unique(colors)) <= _FEW_COLORS


def palette_colors(survey: Survey) -> dict[str, str]:
    """Value to its colour in the palettes; without values to which they give different ones."""
    pairs = [tuple(one.split(" ")) for one in survey.palette]
    counts = Counter(value for value, _ in pairs)
    return {value: color for value, color in pairs if counts[value] == 1}


def survey_pair(photo: SourceFile, mask: SourceFile) -> Survey:
    """Surveys one photo and its mask; a fault of either becomes one of the problems."""
    path = str(photo)
    try:
        photo_data = read_input(photo)
        shown_photo = decode_photo(photo_data, 16, max_missing_fraction=1)
        range_found = extremes(photo_data, container_of(photo_data) or "")
        width, height = shown_photo.source_width, shown_photo.source_height
        path = str(mask)
        data = read_input(mask)
        container = container_of(data)
        if container is None or container not in CONTAINERS:
            return _problem(f"masks that are none of {', '.join(CONTAINERS)}", path)
        indices = read_pixels(data, container, palette_colors=False)
        # only a palette, and grey of 16 bits, leave the colours open
        shown = indices if indices.colors is not None else read_pixels(data, container, palette_colors=True)
    except InputRejected as error:
        what = "masks" if path == str(mask) else "photos"
        return _problem(f"{what} that are rejected as {error.reason.replace('_', ' ')}", f"{path} ({error.detail})")
    except (OSError, ValueError, SyntaxError):
        return _problem("masks that are damaged", path)
    values = indices.raster
    problems = dict(_oddities(shown_photo, values.shape, str(photo), path, range_found is not None))
    if shown_photo.container == "tiff" and CLEAR not in problems and _has_more_channels(photo_data):
        problems[BANDS] = str(photo)
    is_color = indices.values is None
    depth = "colours" if is_color else "16-bit values" if values.dtype == np.uint16 else "values"
    kind = f"{f'{LOSSY_KIND} ' if indices.is_lossy else ''}{container} of {depth}"
    found, firsts, inverse, counts = np.unique(values, return_index=True, return_inverse=True, return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:MAX_VALUES])  # the most common ones, in their order
    name = color_name if is_color else str
    names = [name(one) for one in found[kept].tolist()]
    palette: dict[str, int] = {}
    if indices.colors is None and shown.colors is not None:
        colors = shown.colors.reshape(-1)[firsts[kept]].tolist()
        palette = {f"{value} {color_name(color)}": 1 for value, color in zip(names, colors)}
    inner = _inner(inverse.reshape(values.shape), len(found))
    soft = 0 if is_color else int(((values > 0) & (values < 255)).sum())
    return Survey(
        {kind: 1},
        dict(zip(names, counts[kept].tolist())),
        dict.fromkeys(names, 1),
        dict(zip(names, inner)),
        {f"{width}x{height}": 1},
        soft,
        {f"{range_found[0]} {range_found[1]}": 1} if range_found else {},
        palette,
        dict.fromkeys(problems, 1),
        problems,
    )


def _has_more_channels(tiff: bytes) -> bool:
    """Whether a TIFF says that it has more channels than a photo, which may be infrared."""
    image = Image.open(io.BytesIO(tiff), formats=("TIFF",))
    return image.mode == "RGB" and getattr(image, "tag_v2", {}).get(_SAMPLES_PER_PIXEL, 3) > 3


def _oddities(
    photo: Photo, mask_shape: tuple[int, ...], photo_path: str, mask_path: str, has_range: bool
) -> Iterator[tuple[str, str]]:
    """What a person should know of a pair that can be read, and the file that shows it.

    `mask_shape` is (height, width); with `has_range`, samples of 16 bits will be mapped.
    """
    width, height = photo.source_width, photo.source_height
    if mask_shape != (height, width):
        is_stored = ROTATED in photo.repairs and mask_shape == (width, height)
        yield STORED_SIZE if is_stored else OTHER_SIZE, mask_path
    if FLATTENED_ALPHA in photo.repairs and photo.container == "tiff":
        yield CLEAR, photo_path
    if np.asarray(photo.image).max() < _DARK and not has_range:
        yield DARK, photo_path


def _problem(text: str, path: str) -> Survey:
    return Survey({}, {}, {}, {}, {}, 0, {}, {}, {text: 1}, {text: path})


def _inner(indices: np.ndarray, count: int) -> list[int]:
    """Of each value, the pixels with an equal one 3 pixels away in all four directions; int [H, W] in."""
    if count > _SHAPED or min(indices.shape) < 8:
        return [0] * min(count, MAX_VALUES)
    middle = indices[3:-3, 3:-3]
    same = np.ones(middle.shape, bool)
    for other in (indices[:-6, 3:-3], indices[6:, 3:-3], indices[3:-3, :-6], indices[3:-3, 6:]):
        same &= middle == other
    return np.bincount(middle[same], minlength=count).tolist()
