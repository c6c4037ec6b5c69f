"""Describes data sets that lie side by side: each by a `dataset.yaml` of its own, and one that merges them."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from beam_jobs.describe.dataset_text import quoted
from beam_jobs.describe.describing import describe_one, is_described_by_a_person, page_beside, write_files
from beam_jobs.describe.remarks import say_what_next
from beam_jobs.describe.side_by_side import DataSet, SideBySide
from beam_jobs.html.document import document
from beam_jobs.html.markup import element, join
from beam_jobs.html.tables import scrolled
from beam_jobs.sources.dataset_file import parse_description, read_described
from beam_jobs.wrapped_lines import print_lines
from schemas.bounded_text import printable
from schemas.errors import UserError
from schemas.sealed_text import sealed
from schemas.shorthand import identifier
from schemas.spec import DatasetSpec
from schemas.version_files import DATASET_FILE

_MAX_NAME = 40  # characters, of a data set that is merged


class Source(NamedTuple):
    """A data set to merge.

    Attributes:
      input: Its folder, below the input folder.
      description: Of its photos and masks; None where something in it is open.
      problem: What is open, in one sentence; empty where nothing is.
    """

    input: str
    description: DatasetSpec | None
    problem: str


def describe_several(folder: str, output: str, several: SideBySide, beam_flags: list[str]) -> None:
    """Writes a description for each data set that has none of a person's, and the one that merges them, with its page.

    Args:
      folder: That they lie in.
      output: Folder for what is written, in folders as those of the data sets.
      several: The data sets, and how they differ.
      beam_flags: Options of Beam, for the surveys.

    Raises:
      UserError: One of them can't be read, or a file can't be written.
    """
    print_lines(f"{len(several.sets)} data sets lie side by side: {'; '.join(map(_in_line, several.reasons))}")
    names = _names(several.sets)
    sources = {name: _source(folder, output, one, beam_flags) for name, one in zip(names, several.sets)}
    target = f"{output}/{DATASET_FILE}"
    text = merging_text(identifier(posixpath.basename(folder)) or "photos", sources, several.reasons)
    write_files(target, text, _page(posixpath.basename(folder), text, sources))
    print_lines("\nAll together:")
    for question in open_questions(folder, target, text, sources):
        print_lines(f"To do: {question}")
    print_lines("Note: where these are parts of one data set after all, give --one_data_set")
    say_what_next(folder, target, page_beside(target), 0)


def merging_text(name: str, sources: Mapping[str, Source], reasons: Sequence[str]) -> str:
    """The text of the `dataset.yaml` that merges data sets, with what it is unsure of as comments.

    Args:
      name: Of the merged data set.
      sources: By name.
      reasons: How the data sets differ.
    """
    lines = [
        "# Written by beam_jobs.describe; edit it. schemas/README.md explains it: Several data sets as one.",
        *(f"# Data sets side by side: {_in_line(reason)}." for reason in reasons),
        *(f"# TO DO: {_in_line(one.problem)}" for one in sources.values() if one.problem),
        f"name: {name}",
    ]
    known = [(source, one.description) for source, one in sources.items() if one.description]
    titles, owners = _classes(known)
    is_complete = len(known) == len(sources)
    if is_complete:
        lines.append(
            "classes:  # of all; one name becomes one class. Not the same thing? Write another name here and below"
        )
        for class_name, title in titles.items():
            doubt = ": the same thing?" * (len(owners[class_name]) > 1)
            lines.append(f"  - {quoted(title)}  # {', '.join(owners[class_name])}{doubt}")
    else:
        lines.append("# classes: until a list stands here, those of the data sets; one name becomes one class")
    lines.append("merge:  # data set: each of its classes, and what it becomes here, or ignore")
    for source, one in sources.items():
        lines.append(f"  {source}:")
        if source != one.input:
            lines.append(f"    input: {quoted(one.input)}")
        if is_complete and one.description:
            lines.append("    classes:")
            for own in one.description.classes:
                lines.append(f"      {quoted(own.shown)}: {quoted(titles[own.name])}")
    return sealed("\n".join(lines) + "\n", "beam_jobs.describe")


def open_questions(folder: str, target: str, text: str, sources: Mapping[str, Source]) -> Iterator[str]:
    """What keeps a description from being prepared, each in one sentence.

    Args:
      folder: The input folder.
      target: The file that the text is written to.
      text: Of the description.
      sources: The data sets that it merges.
    """
    found = [one.problem for one in sources.values() if one.problem]
    yield from found
    if not found:
        try:
            parse_description(text.encode(), target, folder)
        except UserError as error:
            yield str(error)


def _source(folder: str, output: str, one: DataSet, beam_flags: list[str]) -> Source:
    place, target = f"{folder}/{one.folder}", f"{output}/{one.folder}/{DATASET_FILE}"
    print_lines(f"\n{_in_line(one.folder)}: {one.kind if one.layout or one.found.annotations else DATASET_FILE}")
    if one.is_described or is_described_by_a_person(target):
        print_lines(f"Its {DATASET_FILE} was written or edited by a person, and stays as it is")
    else:
        describe_one(place, target, one.paths, one.found, beam_flags)
        print_lines(f"Written: {target}\n         {page_beside(target)}")
    try:
        return Source(one.folder, read_described(place, folder, output), "")
    except UserError as error:
        return Source(one.folder, None, str(error).removeprefix("--dataset ").replace("(whole file): ", ""))


def _names(sets: Sequence[DataSet]) -> Iterator[str]:
    """A name for each, that of its folder where it can be one."""
    taken: set[str] = set()
    for number, one in enumerate(sets, 1):
        name = identifier(posixpath.basename(one.folder))[:_MAX_NAME].strip("_") or f"set_{number}"
        while name in taken:
            name = f"{name[: _MAX_NAME - 4]}_{number}"
        taken.add(name)
        yield name


def _classes(known: Sequence[tuple[str, DatasetSpec]]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Names of all classes to their titles, and to the data sets that have them."""
    titles: dict[str, str] = {}
    owners: dict[str, list[str]] = defaultdict(list)
    for source, spec in known:
        for one in spec.classes:
            titles.setdefault(one.name, one.shown)
            owners[one.name].append(source)
    return titles, owners


def _page(title: str, text: str, sources: Mapping[str, Source]) -> str:
    header = join(
        element("h1", title),
        element("p", "Data sets side by side. Each has a page of its own, with photos and masks.", class_="lead"),
    )
    rows = [
        element(
            "tr",
            element("td", element("strong", name)),
            element("td", one.input),
            element("td", ", ".join(one.description.class_titles) if one.description else one.problem),
        )
        for name, one in sources.items()
    ]
    sections = [
        ("sets", "Data sets and their classes", element("table", element("tbody", *rows))),
        ("file", DATASET_FILE, scrolled(element("pre", text), DATASET_FILE)),
    ]
    return document(f"{title}: description", header, sections)


def _in_line(text: str) -> str:
    return " ".join(printable(text).split())
