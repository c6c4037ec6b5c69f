"""The small folder of photos that the tests of the preparation job start from."""

from pathlib import Path

import pytest

from tests.beam_jobs.jobs import GOOD
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
    folder = tmp_path / "photos"
    for image_id in GOOD:
        write_pair(folder, image_id)
    return folder
