"""A published version that a test may damage."""

import shutil

import pytest


@pytest.fixture
def version_copy(toy_version, tmp_path):
    """A copy of the published version that a test may damage."""
    return shutil.copytree(toy_version, tmp_path / "pets" / "1.0.0")
