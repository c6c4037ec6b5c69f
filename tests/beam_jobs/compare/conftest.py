"""Two versions to compare."""

from pathlib import Path

import pytest

from tests.beam_jobs.compare.changed_versions import make_versions


@pytest.fixture(scope="module")
def root(made_once) -> Path:
    """Versions 1.0.0 and 1.1.0, which differ in every way that a record can differ."""
    return made_once("compare", make_versions)
