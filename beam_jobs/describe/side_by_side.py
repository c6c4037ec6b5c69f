"""Finds data sets that lie side by side in a folder, each with photos and masks of its own, and how they differ."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from beam_jobs.describe.describing import is_described_by_a_person
from beam_jobs.describe.findings import Findings, look
from beam_jobs.describe.guesses import guess
from beam_jobs.describe.layout import Layout, find_layouts
from beam_jobs.describe.named_classes import name_classes
from beam_jobs.describe.names import MASK_WORDS, PICTURES, split_template
from beam_jobs.describe.survey import Survey, add_surveys, palette_colors
from schemas.bounded_text import printable
from schemas.errors import UserError
from schemas.path_pattern import PathPattern, is_system_name
from schemas.shorthand import ASKED, class_identifier
from schemas.version_files import DATASET_FILE

MAX_SETS = 8  # more folders are parts of one, such as cities or patients
_USUAL = 0.5  # of the masks that have a value which is usual in a data set, or of the photos that make one a copy
_SAYING = (".json", ".jsonl", ".xml", ".txt", ".csv", ".tsv", ".lst", DATASET_FILE)
_VALUES, _COLORS = "values", "colours"


class DataSet(NamedTuple):
    """A folder that is a data set by itself.

    Attributes:
      folder: Relative to the input folder.
      paths: Relative path of each file in it to its bytes.
      found: What pairs in it.
      layout: Of its masks; None where it has annotations, or nothing that pairs beside its own `dataset.yaml`.
      is_described: Whether a person wrote, or edited, its `dataset.yaml`.
      survey: Of a few masks.
      names: Mask value, colour or category to the name that a file gives it.
    """

    folder: str
    paths: dict[str, int]
    found: Findings
    layout: Layout | None
    is_described: bool
    survey: Survey
    names: dict[str, str]

    @property
    def kind(self) -> str:
        """What says where its classes are."""
        if self.found.are_annotated and self.found.annotations:
            return f"annotations ({self.found.annotations.format})"
        options = guess(self.survey, {}, []).masks if self.survey.pixels else {}
        values = _COLORS if any(not value.isdigit() for value in self.survey.pixels) else _VALUES
        return f"masks of {values}" + "".join(f", {key}" for key in options)


class SideBySide(NamedTuple):
    """Data sets that one description cannot be true of, and why, in words."""

    sets: list[DataSet]
    reasons: list[str]


def find_side_by_side(folder: str, paths: dict[str, int]) -> SideBySide | None:
    """Finds data sets that differ; None where the folder is one, or parts of it have the same classes.

    Args:
      folder: The input folder.
      paths: Relative path of each file in it to its bytes.
    """
    folders = {sub: own for sub, own in _folders(paths).items() if _may_be_complete(own)}
    sets = [one for sub, own in folders.items() if (one := _data_set(folder, sub, own))] if len(folders) > 1 else []
    if len(sets) < 2 or any(_have_the_same_photos(*pair) for pair in itertools.combinations(sets, 2)):
        return None
    inside = tuple(f"{one.folder}/" for one in sets)
    if find_layouts(path for path in paths if not path.startswith(inside)):
        return None
    described = [f"{_shown(one)} has a {DATASET_FILE} that was written or edited" for one in sets if one.is_described]
    if reasons := [*described, *differences(sets)]:
        return SideBySide(sets, reasons)
    try:
        whole = look(folder, paths)
        is_one = _covers(whole, paths, sets)
    except UserError:
        is_one = False
    return None if is_one else SideBySide(sets, ["no single image_path and mask_path have the files of all"])


def differences(sets: Sequence[DataSet]) -> Iterator[str]:
    """How the first two that differ do, for each way of differing."""
    surveyed = [one for one in sets if one.layout or one.found.are_annotated]
    pairs = list(itertools.combinations(surveyed, 2))
    ways = [_kinds, _names, _palettes]
    if len({re.sub(r"\d+", "", one.folder) for one in sets}) > 1:  # scene1 and scene2 may show other things
        ways.append(_values)
    for way in ways:
        yield from itertools.islice((said for pair in pairs if (said := way(*pair))), 1)


def _have_the_same_photos(one: DataSet, other: DataSet) -> bool:
    """Whether one has copies of the other's photos, by name and bytes, such as with masks of another kind."""
    mine, theirs = _photos(one), _photos(other)
    return len(mine & theirs) > _USUAL * min(len(mine), len(theirs))


def _photos(one: DataSet) -> set[tuple[str, int]]:
    """Name and bytes of each photo."""
    if one.layout:
        photos = [photo for photo, _ in one.layout.pairs]
    elif one.found.annotations:
        pattern = PathPattern(one.found.annotations.image_path)
        photos = [path for path in one.paths if pattern.id_of(path) is not None]
    else:
        photos = []
    return {(posixpath.basename(path), one.paths[path]) for path in photos}


def _kinds(one: DataSet, other: DataSet) -> str:
    return f"{_shown(one)} has {one.kind}, {_shown(other)} has {other.kind}" if one.kind != other.kind else ""


def _names(one: DataSet, other: DataSet) -> str:
    for value in sorted(one.names.keys() & other.names.keys()):
        mine, theirs = one.names[value], other.names[value]
        if ASKED not in (mine, theirs) and class_identifier(mine) != class_identifier(theirs):
            return f"{value} is {mine} in {_shown(one)} and {theirs} in {_shown(other)}"
    return ""


def _palettes(one: DataSet, other: DataSet) -> str:
    mine, theirs = palette_colors(one.survey), palette_colors(other.survey)
    for value in sorted(mine.keys() & theirs.keys()):
        if mine[value] != theirs[value]:
            colors = f"{mine[value]} in the palettes of {_shown(one)} and {theirs[value]} in those of {_shown(other)}"
            return f"{value} is {colors}"
    return ""


def _values(one: DataSet, other: DataSet) -> str:
    """What is usual in each and never seen in the other: classes that are merely rare differ by chance."""
    mine, theirs = _usual(one) - other.survey.pixels.keys(), _usual(other) - one.survey.pixels.keys()
    if not mine or not theirs or one.kind != other.kind:
        return ""
    few = [", ".join(sorted(own, key=lambda value: (len(value), value))[:4]) for own in (mine, theirs)]
    return f"only {_shown(one)} has {few[0]} in its masks, and only {_shown(other)} {few[1]}"


def _usual(one: DataSet) -> set[str]:
    count = sum(one.survey.kinds.values())
    return {value for value, masks in one.survey.masks.items() if masks >= _USUAL * count}


def _shown(one: DataSet) -> str:
    return " ".join(printable(one.folder).split())


def _folders(paths: dict[str, int]) -> dict[str, dict[str, int]]:
    """The folders that may be data sets, with their files; none where they are splits, or parts of one."""
    pictures = [posixpath.dirname(path) for path in paths if posixpath.splitext(path)[1][1:].lower() in PICTURES]
    pictures = [one for one in pictures if not any(map(is_system_name, one.split("/")))]
    above = posixpath.commonpath(pictures) if pictures else ""
    start = f"{above}/" if above else ""
    names = sorted({one.removeprefix(start).split("/")[0] for one in pictures if one != above})
    if not 1 < len(names) <= MAX_SETS or any(split_template(name)[1] for name in names):
        return {}
    folders = [f"{start}{name}" for name in names]
    return {
        one: {path.removeprefix(f"{one}/"): size for path, size in paths.items() if path.startswith(f"{one}/")}
        for one in folders
    }


def _may_be_complete(paths: dict[str, int]) -> bool:
    """Whether files pair by their names, or some may be annotations or a table: nothing is read to say so."""
    return any(path.lower().endswith(_SAYING) for path in paths) or bool(find_layouts(paths))


def _data_set(folder: str, sub: str, paths: dict[str, int]) -> DataSet | None:
    """The data set in a folder; None where it lacks masks or photos, or nobody has described what it has."""
    from beam_jobs.describe.choosing import FEW, sample_pairs
    from beam_jobs.describe.survey import are_drawn
    from beam_jobs.elements import SourceFile

    place = f"{folder}/{sub}"
    is_described = DATASET_FILE in paths and is_described_by_a_person(f"{place}/{DATASET_FILE}")
    try:
        found = look(place, paths)
    except UserError:
        return None
    if found.are_annotated and found.annotations:
        names = {key: name for key, (name, _) in found.annotations.categories.items()}
        return DataSet(sub, paths, found, None, is_described, add_surveys([]), names)
    layout = next(filter(found.candidates.has_masks, found.layouts), None)
    if layout and MASK_WORDS.search(sub):  # folders of masks alone pair with each other
        photos = [SourceFile(photo, 0) for photo, _ in sample_pairs(layout, place, FEW)]
        layout = None if are_drawn(photos) else layout
    if layout is None:
        return DataSet(sub, paths, found, None, True, add_surveys([]), {}) if is_described else None
    layout = found.candidates.choose(paths)
    survey = found.candidates.survey(layout)
    names = name_classes(place, paths, layout, survey).names
    return DataSet(sub, paths, found, layout, is_described, survey, names)


def _covers(whole: Findings, paths: dict[str, int], sets: Sequence[DataSet]) -> bool:
    """Whether what pairs in the whole folder has the files of each data set, photos with masks of their own."""
    if whole.are_annotated and whole.annotations:
        patterns = filter(None, whole.annotations[1:4])
        return all(_has(PathPattern(one), paths, own.folder) for one in patterns for own in sets)
    layout = whole.candidates.choose(paths)
    return all(_has_pairs(layout, one.folder) for one in sets)


def _has(pattern: PathPattern, paths: dict[str, int], folder: str) -> bool:
    return any(path.startswith(f"{folder}/") and pattern.id_of(path) is not None for path in paths)


def _has_pairs(layout: Layout, folder: str) -> bool:
    start = f"{folder}/"
    return any(photo.startswith(start) and mask.startswith(start) for photo, mask in layout.pairs)
