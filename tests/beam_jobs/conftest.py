"""The small folder of photos that the tests of the preparation job start from."""

from pathlib import Path

import pytest

from tests.beam_jobs.jobs import GOOD
from tests.beam_jobs.pictures import write_pair


@pytest.fixture
def photos(tmp_path) -> Path:
    """Forty good pairs: twenty of a cat's breed and twenty of a dog's."""
    folder = tmp_path / "photos"
    for image_id in GOOD:
        write_pair(folder, image_id)
    return folder
