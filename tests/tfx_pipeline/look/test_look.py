"""One page links all versions and models below a folder."""

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import unquote

import pytest

from schemas.version_files import MANIFEST_FILE, REPORT_FILE
from tests.published import publish
from tfx_pipeline.config.output_layout import HISTORY_FILE, METADATA_FILE, SUMMARY_FILE
from tfx_pipeline.config.output_layout import REPORT_FILE as EVALUATION_FILE
from tfx_pipeline.local.history import FinishedRun
from tfx_pipeline.look.__main__ import PAGE_FILE, main

STRANGE = 'Bob\'s "model" #1 <b>'


def write_output(folder: Path, *runs: tuple[float, bool]) -> None:
    """An output folder with a run for each mean IoU and verdict."""
    folder.mkdir(parents=True)
    for name in (SUMMARY_FILE, METADATA_FILE, EVALUATION_FILE):
        (folder / name).write_text("{}")
    lines = []
    for number, (mean_iou, blessed) in enumerate(runs):
        run = FinishedRun(
            finished=datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(days=number),
            dataset="pets",
            version="1.0.0",
            manifest_sha256="0" * 64,
            model=f"Trainer/model/{number}/Format-Serving",
            blessed=blessed,
            examples=5,
            metrics={"mean_iou": mean_iou, "iou_pet": 0.7, "iou_border": 0.2},
            interval=(0.1, 0.9),
        )
        lines.append(run.model_dump_json() + "\n")
    (folder / HISTORY_FILE).write_text("".join(lines))


@pytest.fixture
def root(tmp_path) -> Path:
    """A version and a model, whose folder has a name as people give them."""
    version = publish(tmp_path / "data")
    (version / REPORT_FILE).write_text("report")
    write_output(tmp_path / STRANGE, (0.5, True), (0.62, False))
    return tmp_path


def test_the_page_shows_each_model_with_its_last_figures_and_what_changed(root, capsys):
    assert main([f"--root={root}"]) == 0
    assert str(root / PAGE_FILE) in capsys.readouterr().out
    page = (root / PAGE_FILE).read_text()
    for shown in ("0.620", "95 % from 0.100 to 0.900", "Not blessed", "border", "IoU 0.200", "+0.120", "pets 1.0.0"):
        assert shown in page
    assert "Mean IoU of 2 runs, from 0.500 to 0.620" in page  # what a screen reader says of the curve


def test_every_link_leads_to_a_file_and_a_name_is_never_markup(root):
    main([f"--root={root}"])
    page = (root / PAGE_FILE).read_text()
    links = [unquote(one) for one in re.findall(r'href="(\./[^"]*)"', page)]
    assert sorted(links) == sorted([f"./{STRANGE}/{EVALUATION_FILE}", f"./data/pets/1.0.0/{REPORT_FILE}"])
    assert all((root / one).is_file() for one in links)
    assert "<b>" not in page


def test_links_hold_from_another_folder_too(root, tmp_path):
    page = tmp_path / "pages" / "look.html"
    page.parent.mkdir()
    assert main([f"--root={root}", f"--output={page}"]) == 0
    links = [unquote(one) for one in re.findall(r'href="(\./[^"]*)"', page.read_text())]
    assert len(links) == 2
    assert all((page.parent / one).is_file() for one in links)


def test_what_cannot_be_read_is_named_on_the_page_and_hides_nothing_else(root, capsys):
    broken = publish(root / "broken")
    (broken / MANIFEST_FILE).write_text("{")
    assert main([f"--root={root}"]) == 0
    assert str(broken / MANIFEST_FILE) in capsys.readouterr().err
    page = (root / PAGE_FILE).read_text()
    assert str(broken / MANIFEST_FILE) in page
    assert "0.620" in page


def test_a_link_to_a_folder_is_not_followed(root, tmp_path_factory):
    elsewhere = publish(tmp_path_factory.mktemp("elsewhere"))
    (root / "link").symlink_to(elsewhere.parent.parent)
    main([f"--root={root}"])
    assert "link/pets" not in (root / PAGE_FILE).read_text()


def test_a_page_that_a_person_wrote_is_not_replaced_and_our_own_is(root, capsys):
    main([f"--root={root}"])
    assert main([f"--root={root}"]) == 0
    (root / PAGE_FILE).write_text("<h1>Mine</h1>")
    assert main([f"--root={root}"]) == 2
    assert "this command did not write it; give --output=FILE" in capsys.readouterr().err
    assert (root / PAGE_FILE).read_text() == "<h1>Mine</h1>"


@pytest.mark.parametrize(
    ("make", "reason"), [(Path.mkdir, "no published version and no"), (lambda path: None, "no such")]
)
def test_a_folder_with_nothing_to_show_is_a_mistake_that_names_it(tmp_path, capsys, make, reason):
    make(tmp_path / "empty")
    assert main([f"--root={tmp_path / 'empty'}"]) == 2
    error = capsys.readouterr().err
    assert str(tmp_path / "empty") in error
    assert reason in error
