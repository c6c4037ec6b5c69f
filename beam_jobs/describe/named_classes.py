"""What the values of masks are called: by a file beside them, else as the data set that they seem to be from has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from beam_jobs.describe.class_names import Names, find_names
from beam_jobs.describe.layout import Layout
from beam_jobs.describe.published_names import LabelSet, published_names
from beam_jobs.describe.survey import Survey, palette_colors


class NamedClasses(NamedTuple):
    """The names, and where they are from.

    Attributes:
      names: Value or colour in the masks to a name; where a file names the colours of a palette, its values, too.
      source: The file's path, or where the data set's names are published; empty where there are no names.
      known: The data set whose names are a guess.
    """

    names: Names
    source: str
    known: LabelSet | None


def name_classes(folder: str, paths: Iterable[str], layout: Layout, survey: Survey) -> NamedClasses:
    """Finds the names of a data set.

    Args:
      folder: The input folder.
      paths: Relative to it, of its files.
      layout: How photos and masks pair.
      survey: Of some masks.

    Raises:
      OSError: A file can't be read.
    """
    colors = palette_colors(survey)
    names, source = find_names(folder, paths, survey.pixels, set(colors.values()))
    if names:
        return NamedClasses(names | {value: names[one] for value, one in colors.items() if one in names}, source, None)
    known = published_names(layout, survey.pixels, survey.palette)
    return NamedClasses(known.names, known.source, known) if known else NamedClasses({}, "", None)
