"""The folder of a rehearsal is cleaned only where a rehearsal has made it."""

import subprocess
import sys

import pytest

from beam_jobs.storage.ownership import claim_folder
from schemas.errors import UserError
from tfx_pipeline.vertex import __main__ as command
from tfx_pipeline.vertex.rehearsal.command import LOCK_FILE, OWNER, clean, rehearse


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


def test_a_second_rehearsal_in_one_folder_is_refused_and_deletes_nothing_of_the_first(
    cloud_config, toy_version, tmp_path
):
    folder = tmp_path / "rehearsal"
    claim_folder("--folder", str(folder), OWNER)
    (folder / "logs").mkdir()
    holder = (
        "import sys; from beam_jobs.storage.sole_use import sole_use\n"
        f"with sole_use({str(folder / LOCK_FILE)!r}, 'held'): print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(UserError, match="another rehearsal is running there; wait for its end"):
            rehearse(cloud_config, folder, toy_version, as_configured=False)
        other.kill()
    assert (folder / "logs").is_dir()


@pytest.mark.parametrize("place", ["file/job.json", "folder", "n" * 300, "gs://bucket/job.json"])
def test_a_job_file_that_cannot_be_written_is_named_before_anything_is_compiled(write_cloud_config, tmp_path, place):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    path = place if "://" in place else tmp_path / place
    with pytest.raises(UserError, match=r"--job_file .*(can't be|is a folder|not on this machine)"):
        command.main(["compile", f"--config={write_cloud_config()}", f"--job_file={path}"])
