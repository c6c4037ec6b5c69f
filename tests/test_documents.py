"""The pages: what they name exists, what they show can be used, and every one of them can be found."""

import importlib.util
import os
import re
import subprocess
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from beam_jobs.dataflow.estimate import BENCH_IMAGES_PER_SECOND, GRAPH_SHARE
from beam_jobs.sources.merged_sources import with_sources
from schemas.frozen_model import parse_model
from schemas.origin import Origin
from schemas.shipped import available_datasets, load_spec
from schemas.spec import DatasetSpec
from tests.command_helps import helps_of
from tests.documents import (
    OPTION,
    PROJECT_DIR,
    anchors,
    code,
    fenced,
    joined_lines,
    links,
    make_commands,
    module_command,
    own_paths,
    pages,
    read_page,
)
from tfx_pipeline.config.pipeline import PipelineConfig, check_evaluation
from tfx_pipeline.vertex.plan import CORE_IMAGES_PER_SECOND

PAGES = {path.relative_to(PROJECT_DIR).as_posix(): read_page(path) for path in pages()}
MAKEFILE = (PROJECT_DIR / "Makefile").read_text()
TAKES_BEAM_OPTIONS = "Apache Beam are accepted too"
every_page = pytest.mark.parametrize("page", PAGES)


def recipe(target):
    """Lines of the Makefile that a target runs, with our interpreter's name as people write it."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE)
    return joined_lines(found[1].replace("$(BIN)/", "")) if found else None


def recipe_commands(target):
    return [command for line in recipe(target) or () if (command := module_command(line))]


def commands(page):
    """Commands of our modules on a page, and those behind its make targets, with the options that the page adds."""
    for piece in code(PAGES[page]):
        if command := module_command(piece):
            yield command
        for target, _, options in make_commands(piece):
            yield from (one._replace(options=(*one.options, *options)) for one in recipe_commands(target))


@pytest.fixture(scope="module")
def helps():
    """(module, subcommand) to its Help, of every command that a page gives options to."""
    return helps_of(sorted({(one.module, one.subcommand) for page in PAGES for one in commands(page) if one.options}))


@pytest.fixture(scope="module")
def beam_options():
    """Names of Beam's own options, read from its source: importing it takes seconds."""
    source = Path(importlib.util.find_spec("apache_beam").origin).parent / "options/pipeline_options.py"
    return set(re.findall(r"'--(\w+)'", source.read_text()))


def options_of(help_text, beam_options):
    return set(OPTION.findall(help_text)) | (
        beam_options if TAKES_BEAM_OPTIONS in " ".join(help_text.split()) else set()
    )


@every_page
def test_every_link_leads_to_a_file_and_a_heading(page):
    for target in links(PAGES[page]):
        name, _, anchor = target.partition("#")
        path = (PROJECT_DIR / page).parent / name if name else PROJECT_DIR / page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), target


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = {((PROJECT_DIR / page).parent / one.partition("#")[0]).resolve() for one in links(PAGES[page])}
        waiting += [one for one in PAGES if (PROJECT_DIR / one).resolve() in targets and one not in reached]
    assert PAGES.keys() - reached == set()


@every_page
def test_every_file_that_is_named_exists(page):
    assert [path for path in own_paths(PAGES[page]) if not (PROJECT_DIR / path).exists()] == []


@every_page
def test_every_make_target_and_variable_exists(page):
    for target, variables, _ in (one for piece in code(PAGES[page]) for one in make_commands(piece)):
        assert recipe(target) is not None, target
        assert [name for name in variables if not re.search(rf"\b{name}\b", MAKEFILE)] == [], target


@every_page
def test_every_module_can_be_run(page):
    for command in commands(page):
        path = PROJECT_DIR / command.module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), command.module


@every_page
def test_every_command_takes_the_options_that_it_is_shown_with(page, helps, beam_options):
    for command in commands(page):
        if command.options:
            help_text = helps[command.module, command.subcommand].text
            assert help_text, f"{command.module} {command.subcommand} --help fails"
            assert set(command.options) - options_of(help_text, beam_options) == set(), command.module


def test_no_command_imports_what_takes_seconds_before_it_has_read_its_options(helps):
    assert {which: one.heavy for which, one in helps.items() if one.heavy} == {}


@every_page
def test_every_option_on_its_own_is_one_of_some_command(page, helps, beam_options):
    known = set().union(*(options_of(one.text, beam_options) for one in helps.values()))
    alone = [piece for piece in code(PAGES[page]) if piece.startswith("--")]
    assert {name for piece in alone for name in OPTION.findall(piece)} - known == set()


def described(merge, place):
    """A data set that is merged: one that ships, or one whose classes are those that the page maps."""
    if place in available_datasets():
        return load_spec(place)
    name = place.removeprefix("/")
    return DatasetSpec(name=name, image_path="{id}.jpg", mask_path="{id}.png", classes=[*merge[name]["classes"]])


@every_page
def test_every_configuration_that_is_shown_can_be_loaded(page):
    complete = yaml.safe_load((PROJECT_DIR / "tfx_pipeline/configs/pets.yaml").read_text())
    for block in fenced(PAGES[page], "yaml"):
        values = yaml.safe_load(block)
        if "merge" in values:
            values = with_sources(values, page, "", partial(described, values["merge"]))
        if "classes" in values:
            parse_model(DatasetSpec, values, page)
        elif "title" in values:
            parse_model(Origin, values, page)
        else:
            config = parse_model(PipelineConfig, complete | values, page)
            check_evaluation(config.evaluation, load_spec("pets"))


def test_the_plans_start_from_the_figures_that_are_documented():
    rows = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \| [^|]+ \|$", PAGES["tests/bench/README.md"], re.MULTILINE)
    figures = dict(rows)
    assert figures["photos a second of one core, the bare work"] == f"{BENCH_IMAGES_PER_SECOND:g}"
    assert figures["the whole graph's share of that"] == f"{GRAPH_SHARE.low:g} to {GRAPH_SHARE.high:g}"
    assert figures["photos a second of one core, training the U-Net at 128 pixels"] == f"{CORE_IMAGES_PER_SECOND:g}"


def test_the_changelog_has_the_version_that_is_installed():
    released = re.findall(r"^## (\d\S*) - \d{4}-\d\d-\d\d$", PAGES["CHANGELOG.md"], re.MULTILINE)
    setup = (PROJECT_DIR / "setup.py").read_text()
    assert released[0] == re.search(r'version="([^"]+)"', setup)[1]


@pytest.mark.proof
def test_tensorboard_starts_in_the_environment_of_the_lock():
    program = [sys.executable, "-m", "tensorboard.main", "--version"]
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip() == version("tensorboard")


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("dataflow", "PROJECT"),
        ("dataflow PROJECT=a REGION=b", "BUCKET"),
        ("image PROJECT=a", "REGION"),
        *((target, "CONFIG") for target in ("doctor", "vertex-compile", "vertex-plan", "vertex-run")),
    ],
)
def test_a_make_command_that_lacks_a_variable_says_which_and_starts_nothing(command, missing):
    made = subprocess.run(
        ["make", "--old-file=env", *command.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT_DIR,
        env={"PATH": os.environ["PATH"]},
    )
    assert made.returncode == 2
    assert made.stdout == ""
    assert made.stderr.count("\n") == 1
    assert f"make {command.split()[0]} needs {missing}=" in made.stderr
