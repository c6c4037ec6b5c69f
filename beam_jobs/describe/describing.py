"""Describes one data set: surveys a sample of its masks or annotations, and writes `dataset.yaml` and its page."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING

from beam_jobs.console import heavy_imports
from beam_jobs.describe.dataset_text import dataset_yaml
from beam_jobs.describe.findings import ALWAYS, Findings
from beam_jobs.describe.layout import Layout
from beam_jobs.describe.remarks import folders_as_classes, problems_of
from beam_jobs.describe.unpaired import left_over
from beam_jobs.elements import spell_out
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.storage.files import exists, read_file, read_part, write_atomically
from beam_jobs.wrapped_lines import print_lines
from schemas.documents import MAX_YAML_BYTES
from schemas.errors import UserError
from schemas.image_ids import image_id_of, shown_name
from schemas.path_pattern import PathPattern
from schemas.sealed_text import is_edited
from schemas.shorthand import ASKED, identifier
from schemas.version_files import DATASET_FILE

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

    from beam_jobs.describe.annotations import Annotations
    from beam_jobs.describe.survey import Survey

PAGE_FILE = "dataset.html"
SAMPLE = 400  # masks that are read


def describe_one(folder: str, target: str, paths: Mapping[str, int], found: Findings, beam_flags: list[str]) -> int:
    """Writes the description of one data set, and the page beside it.

    Args:
      folder: The data set's.
      target: The `dataset.yaml` that is written.
      paths: Relative path of each file in the folder to its bytes.
      found: What pairs there.
      beam_flags: Options of Beam, for the survey.

    Returns:
      How many classes a person has to name.

    Raises:
      UserError: No photos and masks in it pair, or none can be read.
    """
    if found.are_annotated and found.annotations:
        return _write_annotated(folder, target, found.annotations, paths, len(found.layouts))
    if problem := found.problem(paths):
        raise UserError(f"--input {folder}: {problem}")
    layouts, candidates = found.layouts, found.candidates
    layout = candidates.choose(paths)
    if found.annotations:
        print_lines(
            f"Note: there are masks and annotations ({found.annotations.format}); masks are taken, because they are"
            " exact"
        )
    print_lines(f"{len(layout.pairs):,} pairs: {layout.image_path} and {layout.mask_path}")
    from beam_jobs.describe.choosing import sample_pairs

    pairs = sample_pairs(layout, folder, SAMPLE)
    survey = _run(pairs, folder, parse_beam_flags(beam_flags))
    photos = [photo for photo, _ in layout.pairs]
    others = [
        one
        for one in layouts
        if one != layout and [photo for photo, _ in one.pairs] == photos and candidates.has_masks(one)
    ]
    for other in {one.image_path: one for one in layouts if one.mask_path == layout.mask_path and one != layout}:
        print_lines(f"Note: {other} pairs with the masks as well; where it has the photos, write it as image_path")
    return _write(folder, target, layout, others, survey, paths, pairs, found.table)


def is_described_by_a_person(path: str) -> bool:
    """Whether there is a `dataset.yaml` that a person wrote or edited.

    Raises:
      UserError: It can't be read.
    """
    if not exists(path):
        return False
    try:
        return is_edited(read_part(path, 0, MAX_YAML_BYTES).decode("utf-8", "replace"))
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error})") from None


def _run(pairs: list[tuple[str, str]], folder: str, options: PipelineOptions) -> Survey:
    """Runs the graph."""
    with heavy_imports():
        from apache_beam.options.pipeline_options import StandardOptions

        from beam_jobs.describe.pipeline import survey, survey_from_json
        from beam_jobs.runners.supervision import supervised_pipeline

    if options.view_as(StandardOptions).runner == "DataflowRunner":
        raise UserError(f"--runner=DataflowRunner: a sample of {SAMPLE} masks is read in seconds here; leave it out")
    with tempfile.TemporaryDirectory() as local:
        path = f"{local}/survey.json"
        with supervised_pipeline(options) as pipeline:
            survey(pipeline, pairs, path)
        return survey_from_json(read_file(path))


def _write(
    folder: str,
    target: str,
    layout: Layout,
    others: list[Layout],
    survey: Survey,
    paths: Mapping[str, int],
    pairs: list[tuple[str, str]],
    table: str,
) -> int:
    from beam_jobs.describe.group_tables import find_group_table
    from beam_jobs.describe.guesses import guess
    from beam_jobs.describe.named_classes import name_classes
    from beam_jobs.describe.page import describing_page
    from beam_jobs.describe.split_files import split_facts

    sampled = sum(survey.kinds.values())
    if not sampled:
        reasons = "; ".join(problems_of(survey))
        raise UserError(f"--input {folder}: none of {len(pairs)} pairs can be read: {reasons}")
    names, source, known = name_classes(folder, paths, layout, survey)
    pattern = PathPattern(layout.image_path)
    ids = [shown_name(image_id_of(spell_out(pattern.id_of(photo) or ""))) for photo, _ in layout.pairs]
    guesses = guess(survey, names, ids)
    name = identifier(posixpath.basename(folder)) or "photos"
    paired = [photo for photo, _ in layout.pairs] if table else []
    facts = split_facts(folder, paths, layout.image_path, layout.mask_path, paired)
    unused = left_over(paths, [layout.image_path, layout.mask_path, *(one.mask_path for one in others)])
    groups = find_group_table(folder, paths, layout)
    text = dataset_yaml(name, layout, guesses, sampled, facts, source, others, survey.sizes, unused, table, groups)
    write_files(target, text, describing_page(name, text, guesses, pairs))
    if known:
        print_lines(f"Note: the class names are a guess, those of {known.title}: check them in {DATASET_FILE}")
    if guesses.photo_range:
        print_lines(f"Note: {guesses.photo_range[1]}; {DATASET_FILE} has it as photos.range")
    print_lines(f"{sampled:,} masks read: {', '.join(survey.kinds)}; {len(guesses.classes)} values")
    for problem in [*guesses.questions, *problems_of(survey), *filter(None, [unused])]:
        print_lines(f"Note: {problem}")
    if "*/" in layout.image_path and "*/" in layout.mask_path and len(guesses.classes) == 2:
        print_lines(f"Note: {folders_as_classes(layout)}")
    for other in others:
        keys = (
            "mask_path"
            if other.image_path == layout.image_path
            else f"mask_path, and {other.image_path} as image_path,"
        )
        print_lines(
            f"Note: {other.mask_path} pairs as well; where it has the masks, write it as {keys} in {DATASET_FILE}"
        )
    for count, what, missing in (
        (facts.photos - facts.masked, "photos", "mask"),
        (layout.masks - len(layout.pairs), "masks", "photo"),
    ):
        if count > 0:
            print_lines(f"Note: {what} without a {missing}: {count:,}")
    return sum(one.name == ASKED for one in guesses.classes)


def _write_annotated(folder: str, target: str, found: Annotations, paths: Mapping[str, int], others: int) -> int:
    """Writes the file and the page of annotations."""
    with heavy_imports():
        from beam_jobs.describe.annotated_text import annotated_page, description, draft, draw_sample
        from beam_jobs.describe.split_files import split_facts
        from beam_jobs.sources.dataset_file import parse_description

    where = " and ".join(one for one in (found.annotations, found.mask_path) if one)
    print_lines(f"Annotations ({found.format}): {found.image_path} and {where}")
    name = identifier(posixpath.basename(folder)) or "photos"
    spec = parse_description(draft(name, found).encode(), target)
    drawn = draw_sample(folder, spec)
    if not drawn.photos:
        reasons = "; ".join(f"{count} times {problem}" for problem, count in drawn.problems.items())
        raise UserError(f"--input {folder}: none of its annotations ({found.format}) can be read: {reasons}")
    facts = split_facts(folder, paths, found.image_path, found.mask_path)
    unused = left_over(paths, filter(None, [found.image_path, found.mask_path]))
    text = description(name, found, drawn, spec.class_names, facts, unused)
    write_files(target, text, annotated_page(name, text, spec, drawn))
    print_lines(f"{drawn.photos:,} photos drawn; {len(found.categories):,} categories from {found.names_from}")
    for problem, count in drawn.problems.items():
        print_lines(f"Note: {count} photos would be rejected: {problem}")
    if unused:
        print_lines(f"Note: {unused}")
    if others and found.format not in ALWAYS:
        print_lines(
            "Note: other images pair with the photos; the annotations are taken, because those are no masks of classes"
        )
    return sum(one == ASKED for one, _ in found.categories.values())


def write_files(target: str, text: str, page: str) -> None:
    """Writes the description and, beside it, its page."""
    try:
        write_atomically(target, text.encode())
        write_atomically(page_beside(target), page.encode())
    except OSError as error:
        raise UserError(f"{target}: can't be written ({error}); name another folder with --output") from None


def page_beside(target: str) -> str:
    """The page that lies beside a `dataset.yaml`."""
    return f"{posixpath.dirname(target)}/{PAGE_FILE}"
