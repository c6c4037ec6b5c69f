"""Which of a data set's versions is the newest: by number, among those that are published."""

import pytest

from beam_jobs.storage.versions import newest_version
from schemas.errors import UserError


def publish(folder, *versions):
    for version in versions:
        (folder / version).mkdir(parents=True)
        (folder / version / "manifest.json").touch()


def test_numbers_count_as_numbers(tmp_path):
    publish(tmp_path, "1.9.0", "1.10.0", "1.2.11")
    assert newest_version(str(tmp_path)) == f"{tmp_path}/1.10.0"


def test_a_candidate_is_below_its_release(tmp_path):
    publish(tmp_path, "2.0.0-rc2", "2.0.0-rc10", "1.0.0")
    assert newest_version(str(tmp_path)).endswith("/2.0.0-rc2")  # words compare as words
    publish(tmp_path, "2.0.0")
    assert newest_version(str(tmp_path)).endswith("/2.0.0")


def test_a_version_without_a_manifest_is_not_published(tmp_path):
    publish(tmp_path, "1.0.0")
    (tmp_path / "2.0.0" / "examples").mkdir(parents=True)
    (tmp_path / "2.0.0" / "examples" / "half").touch()
    assert newest_version(str(tmp_path)).endswith("/1.0.0")


def test_a_data_set_without_versions_is_named(tmp_path):
    with pytest.raises(UserError, match=r"pets: no version is published there"):
        newest_version(str(tmp_path / "pets"))
