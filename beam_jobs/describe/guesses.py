"""Guesses what `dataset.yaml` should say from a survey of the masks, with the reason for each guess."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from beam_jobs.describe.names import split_template
from beam_jobs.describe.survey import LOSSY_KIND, Survey
from schemas.class_spec import RARE_SHARE
from schemas.path_pattern import SPLIT_NAMES
from schemas.shorthand import ASKED, IGNORE

MAX_CLASSES = 254
THIN = 0.12  # share of a value's pixels that lie inside it; borders between objects have less
_MANY_LEVELS = 100  # of grey, which one mask of classes hardly ever has
_MOST_SAMPLES = 32_767  # above it, the upper byte of 16 bits shows enough
_MIN_SHARE = 0.001  # of all pixels: values in soft edges, or changed by compression, have fewer than a class has


class ClassGuess(NamedTuple):
    """One value or colour, the class that it probably means, and why."""

    value: str
    name: str
    reason: str


class Guesses(NamedTuple):
    """What the masks seem to contain.

    Attributes:
      classes: In the order of values, or of how common colours are.
      masks: Content of `masks:`; empty for exact masks.
      masks_reason: Why.
      slices: Name, pattern over the id and reason of each.
      questions: What only a person can answer.
      rare: Classes with so few pixels that a model easily never predicts them, with their share.
      photo_range: The samples of 16 bits that should become 0 and 255, and why; None where their upper byte will do.
    """

    classes: list[ClassGuess]
    masks: dict[str, object]
    masks_reason: str
    slices: list[tuple[str, str, str]]
    questions: list[str]
    photo_range: tuple[tuple[int, int], str] | None = None
    rare: tuple[str, ...] = ()


def guess_range(ranges: Iterable[str]) -> tuple[tuple[int, int], str] | None:
    """The range of samples of 16 bits that photos seem to use, and why; None where it is all, or there are none.

    Args:
      ranges: Least and largest sample of each photo, such as `300 4011`.
    """
    pairs = [tuple(map(int, one.split(" "))) for one in ranges]
    if not pairs:
        return None
    low, high = min(one for one, _ in pairs), max(one for _, one in pairs)
    reason = f"photos of 16 bits have samples from {low} to {high}; the range becomes 0 to 255, in all photos alike"
    if 2 * low > high:  # as where zero lies in the middle
        return ((low, high), reason) if low < high else None
    if high > _MOST_SAMPLES:
        return None
    return (0, max(255, 2 ** high.bit_length() - 1)), reason


def guess(survey: Survey, names: dict[str, str], ids: Sequence[str]) -> Guesses:
    """Guesses classes, the ignored value, thresholds and groups.

    Args:
      survey: Of a sample of masks.
      names: Value or colour to name, if a file states them.
      ids: Of all pairs, or of many.
    """
    total = sum(survey.pixels.values())
    is_lossy = any(kind.startswith(LOSSY_KIND) for kind in survey.kinds)
    values = _ordered(survey.pixels)
    masks: dict[str, object] = {}
    reason = ""
    questions: list[str] = []
    is_soft = {"0", "255"} <= set(values) and len(values) > 2 and survey.soft < 0.25 * total
    if is_soft and (is_lossy or (survey.pixels["0"] + survey.pixels["255"] > 0.9 * total and not names)):
        values = ["0", "255"]
        masks["threshold"] = 128
        reason = f"{survey.soft / total:.2%} of the pixels are neither 0 nor 255: soft edges, cut in the middle"
    elif _are_probabilities(survey):
        values = ["0", "255"]
        masks["threshold"] = 128
        reason = f"grey levels without a step, as probabilities have: {survey.soft / total:.2%} are neither 0 nor 255"
        questions.append(
            "the masks are grey levels, cut in the middle here; masks with more of them than masks.max_soft_fraction"
            " (0.25) are rejected"
        )
    elif is_lossy:
        values = [value for value in values if survey.pixels[value] > _MIN_SHARE * total]
        masks["lossy"] = True
        reason = "masks are JPEG or lossy WebP: each pixel becomes the nearest class"
    if len(values) > MAX_CLASSES:
        questions.append(f"{len(values)} different values or colours: are these masks of classes?")
        values = sorted(values, key=lambda value: -survey.pixels[value])[:MAX_CLASSES]
    if len(values) == 1:
        questions.append(f"all masks are {values[0]} everywhere: a model needs two classes to tell apart")
    questions += _differing_palettes(survey)
    count = sum(survey.kinds.values())
    classes = [_guess_class(value, survey, names, total, count, len(values)) for value in values]
    found_range = guess_range(survey.ranges)
    rare = () if "threshold" in masks else tuple(_rare(classes, survey))
    return Guesses(classes, masks, reason, list(_groups(ids)), questions, found_range, rare)


def _rare(classes: Sequence[ClassGuess], survey: Survey) -> Iterator[str]:
    """Each rare class, with its share of the pixels that have a class; values of one name are one class."""
    pixels: Counter[str] = Counter()
    for one in classes:
        if one.name != IGNORE:
            pixels[one.value if one.name == ASKED else one.name] += survey.pixels.get(one.value, 0)
    for name, count in pixels.items():
        if 0 < count < RARE_SHARE * pixels.total():
            yield f"{name} {count / pixels.total():.2%}"


def _are_probabilities(survey: Survey) -> bool:
    """Whether masks are of so many grey levels, none of which covers an area, that no class can be one."""
    grey = [value for value in survey.pixels if value.isdigit() and 0 < int(value) < 255]
    flat = sum(survey.inner.get(value, 0) for value in grey)
    return len(grey) >= _MANY_LEVELS and flat < THIN * sum(survey.pixels[value] for value in grey)


def _differing_palettes(survey: Survey) -> Iterator[str]:
    """What to do where one value has several colours, as image editors leave it that give each file its own palette."""
    colors: dict[str, list[str]] = defaultdict(list)
    for one in sorted(survey.palette):
        value, color = one.split(" ")
        colors[value].append(color)
    if differing := {value: found for value, found in colors.items() if len(found) > 1}:
        value, found = next(iter(differing.items()))
        yield (
            f"{len(differing)} of the values have another colour in the palettes of other masks, such as {value}, which"
            f" is {' and '.join(found[:2])}: save all masks with one palette and without soft edges, or as grey PNG"
        )


def _ordered(pixels: dict[str, int]) -> list[str]:
    """Sorts values by number, colours by how common they are."""
    if all(value.isdigit() for value in pixels):
        return sorted(pixels, key=int)
    return sorted(pixels, key=lambda value: (-pixels[value], value))


def _guess_class(value: str, survey: Survey, names: dict[str, str], total: int, count: int, values: int) -> ClassGuess:
    share, masks = survey.pixels.get(value, 0) / total, survey.masks.get(value, 0)
    facts = f"{share:.2%} of the pixels, in {masks} of {count} masks"
    inside = survey.inner.get(value, 0) / max(1, survey.pixels.get(value, 0))
    if value in names:
        return ClassGuess(value, names[value], facts)
    if values > 2 and value in ("255", "#ffffff", "#e0e0c0") and inside < THIN:
        return ClassGuess(value, IGNORE, f"{facts}; thin borders between objects")
    if values > 2 and value == "255":
        return ClassGuess(value, IGNORE, f"{facts}; far from the other values, as is usual for pixels without a class")
    if values == 2:
        background = max(survey.pixels, key=lambda one: survey.pixels[one]) if value.startswith("#") else "0"
        if value == background and 2 * share >= 1:  # masks that are inverted have less of it
            return ClassGuess(value, "background", f"{facts}; the background, of two values")
    thin = "; thin, as borders or poles are" if inside < THIN else ""
    return ClassGuess(value, ASKED, f"{facts}{thin}: what is it? A name, or {IGNORE}")


def _groups(ids: Sequence[str]):
    """Folders in ids, or prefixes that many share, such as videos, patients or breeds."""
    folders = Counter(one.partition("/")[0] for one in ids if "/" in one)
    if folders and all(one.lower() in SPLIT_NAMES for one in folders):  # splits that number their photos from 1
        return
    if len(folders) > 1 and sum(folders.values()) == len(ids):
        few = ", ".join(name for name, _ in folders.most_common(4))
        yield "group", "([^/]+)/.+", f"{len(folders)} folders, such as {few}: videos, places, kinds?"
        return
    prefixes = Counter(match[1] for one in ids if (match := re.fullmatch(r"(.+?)[_-][^_-]+", one)))
    whole = sum(prefixes.values()) == len(ids)
    kinds = {split_template(one)[0] for one in prefixes}  # train_1 and val_1 begin with splits, not with groups
    if whole and len(kinds) >= 2 and len(prefixes) <= len(ids) / 5 and not all(one.isdigit() for one in prefixes):
        few = ", ".join(name for name, _ in prefixes.most_common(4))
        yield "group", r"(.+?)[_-][^_-]+", f"{len(prefixes)} prefixes of names, such as {few}: videos, places, kinds?"
