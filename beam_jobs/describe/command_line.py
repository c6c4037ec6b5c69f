"""Command line of the describe job: reads a folder of photos and masks; writes its `dataset.yaml` and a page."""

from __future__ import annotations

import argparse
import posixpath
import sys
import tempfile
from typing import TYPE_CHECKING

from beam_jobs.console import CommandLine, heavy_imports, quiet_libraries
from beam_jobs.describe.annotations import find_annotations
from beam_jobs.describe.class_names import find_names
from beam_jobs.describe.dataset_text import dataset_yaml
from beam_jobs.describe.layout import Layout, find_layouts
from beam_jobs.describe.remarks import folders_as_classes, problems_of, say_what_next
from beam_jobs.describe.unpaired import left_over, why_nothing_pairs
from beam_jobs.elements import spell_out
from beam_jobs.monitoring.failures import failure_cause
from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.runners.job_arguments import add_verbose
from beam_jobs.sources.folders import check_folder, list_folder
from beam_jobs.storage.files import exists, read_file, read_part, write_atomically
from beam_jobs.storage.versions import absolute_folder
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
FAILED = 1
SAMPLE = 400  # masks that are read
ALWAYS = ("panoptic", "layers")  # formats whose files look like masks of classes, and are not
MAX_FILES = 1_000_000  # whose names are read


def main(arguments: list[str] | None = None) -> int:
    """Runs the job.

    Returns:
      0 if `dataset.yaml` was written, even with gaps for a person to fill in; 1 if the job failed.

    Raises:
      UserError: The folder can't be used, no photos and masks in it pair, or a person's `dataset.yaml` would be lost.
    """
    options, beam_flags = _parser().parse_known_args(arguments)
    quiet_libraries(options.verbose)
    folder = absolute_folder(options.input)
    output = absolute_folder(options.output) if options.output else folder
    target = f"{output}/{DATASET_FILE}"
    _check_target(target, options.overwrite)
    paths = _list(folder)
    with heavy_imports():
        from beam_jobs.describe.choosing import Candidates, sample_pairs
        from beam_jobs.describe.pair_tables import choose_paired
    found, table = choose_paired(folder, paths, find_layouts(paths))
    candidates = Candidates(folder, found)
    layouts = candidates.layouts
    problems: list[str] = []
    annotations = find_annotations(folder, paths, problems)
    if found and not layouts and not annotations:
        raise UserError(f"--input {folder}: {candidates.problem}")
    if annotations and (not layouts or annotations.format in ALWAYS or not candidates.any_has_masks()):
        return _write_annotated(folder, target, annotations, paths, len(layouts))
    if not layouts and problems:
        raise UserError(f"--input {folder}: {problems[0]}")
    if not layouts:
        raise UserError(f"--input {folder}: {why_nothing_pairs(paths)}")
    layout = candidates.choose(paths)
    if annotations:
        print_lines(
            f"Note: there are masks and annotations ({annotations.format}); masks are taken, because they are exact"
        )
    print_lines(f"{len(layout.pairs):,} pairs: {layout.image_path} and {layout.mask_path}")
    pairs = sample_pairs(layout, folder, SAMPLE)
    try:
        survey = _run(pairs, folder, parse_beam_flags(beam_flags))
    except Exception as error:  # anything that failed in the graph, on any runner
        if options.verbose or isinstance(error, UserError):
            raise
        print_lines(f"error: the job failed: {failure_cause(error)}; --verbose shows where", sys.stderr)
        return FAILED
    photos = [photo for photo, _ in layout.pairs]
    others = [
        one
        for one in layouts
        if one != layout and [photo for photo, _ in one.pairs] == photos and candidates.has_masks(one)
    ]
    for other in {one.image_path: one for one in layouts if one.mask_path == layout.mask_path and one != layout}:
        print_lines(f"Note: {other} pairs with the masks as well; where it has the photos, write it as image_path")
    return _write(folder, target, layout, others, survey, paths, pairs, table)


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m beam_jobs.describe",
        description="Examines a folder of photos and masks. Writes a draft of its dataset.yaml, with the reason for "
        "each guess, and a page that shows photos and masks. Reads up to "
        f"{SAMPLE} masks. Options of Apache Beam are accepted too, such as --direct_num_workers.",
        epilog="exit codes: 0 written, 1 the job failed, 2 unusable options or input",
        allow_abbrev=False,
    )
    parser.add_argument("--input", required=True, help="folder with photos and masks, local or gs://")
    parser.add_argument("--output", help="folder for both files, where the photos may only be read (default: --input)")
    parser.add_argument("--overwrite", action="store_true", help="replace dataset.yaml even if a person has edited it")
    add_verbose(parser)
    return parser


def _check_target(target: str, overwrite: bool) -> None:
    """Raises UserError if a person's `dataset.yaml` would be lost."""
    if not exists(target) or overwrite:
        return
    try:
        text = read_part(target, 0, MAX_YAML_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise UserError(f"{target}: can't be read ({error})") from None
    if is_edited(text):
        raise UserError(f"{target}: was written or edited by a person; move it away, or give --overwrite to replace it")


def _list(folder: str) -> dict[str, int]:
    """Relative path of each file below a folder, to its bytes."""
    check_folder("--input", folder)
    paths = {}
    try:
        for path, _, size in list_folder(folder, PathPattern("{id:path}")):
            if path.endswith("/"):  # not entered: hidden, or a link back
                continue
            paths[path] = size
            if len(paths) == MAX_FILES:
                print_lines(f"Note: only the first {MAX_FILES:,} files are examined")
                break
    except OSError as error:
        raise UserError(f"--input {folder}: can't be listed ({error})") from None
    return paths


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
    paths: dict[str, int],
    pairs: list[tuple[str, str]],
    table: str,
) -> int:
    from beam_jobs.describe.group_tables import find_group_table
    from beam_jobs.describe.guesses import guess
    from beam_jobs.describe.page import describing_page
    from beam_jobs.describe.published_names import published_names
    from beam_jobs.describe.split_files import split_facts
    from beam_jobs.describe.survey import palette_colors

    sampled = sum(survey.kinds.values())
    if not sampled:
        reasons = "; ".join(problems_of(survey))
        raise UserError(f"--input {folder}: none of {len(pairs)} pairs can be read: {reasons}")
    colors = palette_colors(survey)
    names, source = find_names(folder, paths, survey.pixels, set(colors.values()))
    names = {**names, **{value: names[color] for value, color in colors.items() if color in names}}
    known = None if names else published_names(layout, survey.pixels, survey.palette)
    if known:
        names, source = known.names, known.source
    pattern = PathPattern(layout.image_path)
    ids = [shown_name(image_id_of(spell_out(pattern.id_of(photo) or ""))) for photo, _ in layout.pairs]
    guesses = guess(survey, names, ids)
    name = identifier(posixpath.basename(folder)) or "photos"
    paired = [photo for photo, _ in layout.pairs] if table else []
    facts = split_facts(folder, paths, layout.image_path, layout.mask_path, paired)
    unused = left_over(paths, [layout.image_path, layout.mask_path, *(one.mask_path for one in others)])
    groups = find_group_table(folder, paths, layout)
    text = dataset_yaml(name, layout, guesses, sampled, facts, source, others, survey.sizes, unused, table, groups)
    _write_files(target, text, describing_page(name, text, guesses, pairs))
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
    say_what_next(folder, target, _page_beside(target), sum(one.name == ASKED for one in guesses.classes))
    return 0


def _write_annotated(folder: str, target: str, found: Annotations, paths: dict[str, int], others: int) -> int:
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
    _write_files(target, text, annotated_page(name, text, spec, drawn))
    print_lines(f"{drawn.photos:,} photos drawn; {len(found.categories):,} categories from {found.names_from}")
    for problem, count in drawn.problems.items():
        print_lines(f"Note: {count} photos would be rejected: {problem}")
    if unused:
        print_lines(f"Note: {unused}")
    if others and found.format not in ALWAYS:
        print_lines(
            "Note: other images pair with the photos; the annotations are taken, because those are no masks of classes"
        )
    say_what_next(folder, target, _page_beside(target), sum(one == ASKED for one, _ in found.categories.values()))
    return 0


def _write_files(target: str, text: str, page: str) -> None:
    """Writes the description and, beside it, its page."""
    try:
        write_atomically(target, text.encode())
        write_atomically(_page_beside(target), page.encode())
    except OSError as error:
        raise UserError(f"{target}: can't be written ({error}); name another folder with --output") from None


def _page_beside(target: str) -> str:
    return f"{posixpath.dirname(target)}/{PAGE_FILE}"
