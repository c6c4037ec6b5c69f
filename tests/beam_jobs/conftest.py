"""The small folder of photos that the tests of the preparation job start from."""

import shutil
from pathlib import Path

import pytest

from tests.beam_jobs.jobs import GOOD, prepare
from tests.beam_jobs.pictures import write_pair
from tests.beam_jobs.restarts import many_photos, undisturbed
from tests.beam_jobs.storage_emulator import bucket, storage, storage_server, without_role

__all__ = [
    "bucket",
    "many_photos",
    "storage",
    "storage_server",
    "undisturbed",
    "without_role",
]  # fixtures for every test beside this file


@pytest.fixture
def photos(tmp_path) -> Path:
    """Forty good pairs: twenty of a cat's breed and twenty of a dog's."""
    return write_good_pairs(tmp_path / "photos")


@pytest.fixture(scope="session")
def good_data(made_once) -> Path:
    """The root of the version 1.0.0 that `photos` give; tests must not write into it."""

    def make(folder: Path) -> None:
        assert prepare(write_good_pairs(folder.with_name("good-photos")), folder) == 0

    return made_once("good-data", make)


@pytest.fixture
def own_data(good_data, tmp_path) -> Path:
    """A copy of `good_data` that a test may change."""
    return shutil.copytree(good_data, tmp_path / "data")


def write_good_pairs(folder: Path) -> Path:
    for image_id in GOOD:
        write_pair(folder, image_id)
    return folder
