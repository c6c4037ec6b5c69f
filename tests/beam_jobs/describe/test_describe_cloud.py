"""Folders in a bucket are described like local ones, beside their photos or where the caller may write."""

import pytest

from schemas.errors import UserError
from tests.beam_jobs.describe.test_describe import RUNNER, describe, draw, values

COUNT = 4


@pytest.fixture
def leaves(storage, bucket, tmp_path):
    """The same photos and masks here and in a bucket."""
    folder = draw(tmp_path / "leaves", values, COUNT)
    storage.put_folder(folder, f"{bucket}/leaves")
    return folder, f"{bucket}/leaves"


def test_a_folder_in_a_bucket_gets_the_files_that_a_local_one_gets(storage, leaves, capsys):
    here, there = leaves
    assert describe(here) == describe(there) == 0
    assert storage.get(f"{there}/dataset.yaml") == (here / "dataset.yaml").read_bytes()
    assert b"data:image/png" in storage.get(f"{there}/dataset.html")
    assert f"Then: make train INPUT={there}\n" in capsys.readouterr().out


def test_photos_that_may_only_be_read_are_described_in_another_folder(storage, leaves, tmp_path, capsys):
    _, there = leaves
    before = storage.list(there)
    assert describe(there, f"--output={tmp_path}/described") == 0
    assert storage.list(there) == before
    target = tmp_path / "described" / "dataset.yaml"
    assert target.is_file()
    assert (tmp_path / "described" / "dataset.html").is_file()
    assert f"make train INPUT={there} OPTIONS=--dataset={target}\n" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_named_with_the_remedy(leaves):
    with pytest.raises(UserError, match=r"gs://not-a-bucket/x/dataset.yaml: can't be .*; .*--output"):
        describe(leaves[0], "--output=gs://not-a-bucket/x")


def test_a_bucket_that_is_not_there_is_named():
    with pytest.raises(UserError, match="gs://not-a-bucket/leaves"):
        describe("gs://not-a-bucket/leaves")


def test_dataflow_is_not_needed_and_refused(leaves):
    with pytest.raises(UserError, match="--runner=DataflowRunner: a sample of 400 masks is read in seconds here"):
        describe(leaves[1], RUNNER.replace("FnApiRunner", "DataflowRunner"))
