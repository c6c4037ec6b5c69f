"""What the preparation job says to mistakes, and that nothing is written then."""

import shutil
import subprocess
import sys

import pytest

from schemas.errors import UserError
from schemas.version import verify_version
from tests.beam_jobs.jobs import prepare


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input=nowhere"], "--input .*nowhere: no such folder"),
        (["--image_size=7"], "image_size: must be 0"),
        (["--split=random"], "split: .*'official' or 'hash'"),
        (["--eval_fraction=1.5"], "eval_fraction: "),
        (["--dataset=birds"], "birds: there is no .*no data set of this name ships .there are pets"),
        (["--version=../../etc"], "version: "),
        (["--shard_bytes=12 apples"], "shard_bytes: "),
        (["--split=official"], "needs annotations/trainval.txt"),
        (["--imagesize=128"], "--imagesize=128: not an option of this job or of Beam"),
    ],
)
def test_unusable_options_are_reported_before_anything_is_written(photos, tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        prepare(photos, tmp_path / "data", "1.0.0", *options)
    assert not (tmp_path / "data").exists()


def test_an_empty_folder_is_reported_with_the_layout_that_was_expected(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no file matches images/\*\.jpg"):
        prepare(tmp_path / "empty", tmp_path / "data")


def test_an_output_that_cannot_be_written_is_reported(photos, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="can't be written to"):
        prepare(photos, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_mistake_is_one_line_without_traceback_and_exit_code_two(tmp_path):
    job = [sys.executable, "-m", "beam_jobs.prepare", "--dataset=pets", "--input=/nowhere", "--version=1"]
    ended = subprocess.run([*job, f"--output={tmp_path}"], capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == "error: --input /nowhere: no such folder; give the one that holds images/{id}.jpg\n"


def test_a_job_that_fails_inside_the_graph_says_so_in_two_lines(photos, tmp_path, capfd):
    in_the_way = tmp_path / "data" / "pets" / "1.0.0" / "schema.pbtxt" / "a folder where a file should be"
    in_the_way.mkdir(parents=True)
    assert prepare(photos, tmp_path / "data") == 1
    printed = capfd.readouterr().err
    assert "Traceback" not in printed
    assert "error: the job failed" in printed
    assert in_the_way.is_dir()
    shutil.rmtree(in_the_way.parent)
    assert prepare(photos, tmp_path / "data") == 0
    verify_version(tmp_path / "data" / "pets" / "1.0.0")
