"""The folder of a rehearsal is cleaned only where a rehearsal has made it."""

import pytest

from beam_jobs.storage.ownership import claim_folder
from schemas.errors import UserError
from tfx_pipeline.vertex.rehearsal.command import OWNER, clean, rehearse


def test_a_folder_that_no_rehearsal_has_made_is_refused_and_left_as_it_is(cloud_config, toy_version, tmp_path):
    mine = [tmp_path / "logs" / "diary.txt", tmp_path / "hub" / "thesis.txt", tmp_path / "metadata.json"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("years of work")
    with pytest.raises(UserError, match=f"--folder {tmp_path}: holds files, and nothing says that.*choose a new or an"):
        rehearse(cloud_config, tmp_path, toy_version, as_configured=False)
    assert [path.read_text() for path in mine] == ["years of work"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub", "logs", "metadata.json"]


def test_a_folder_that_tensorflow_would_take_for_a_pattern_is_refused(cloud_config, toy_version, tmp_path):
    with pytest.raises(UserError, match=r"--folder .*rehearsal\[1\]: has \[ in its path"):
        rehearse(cloud_config, tmp_path / "rehearsal[1]", toy_version, as_configured=False)
    assert list(tmp_path.iterdir()) == []


def test_what_an_earlier_rehearsal_left_goes_and_links_in_it_lead_nowhere(tmp_path):
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "rehearsal"
    (elsewhere / "kept").mkdir(parents=True)
    claim_folder("--folder", str(folder), OWNER)
    (folder / "logs").mkdir()
    (folder / "hub").symlink_to(elsewhere)
    clean(folder)
    assert sorted(path.name for path in folder.iterdir()) == [".made_by"]
    assert (elsewhere / "kept").is_dir()
