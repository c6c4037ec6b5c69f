"""Models that all tests of the folder compare."""

from pathlib import Path

import pytest

from tests.beam_jobs.shadow.two_models import export_both


@pytest.fixture(scope="package")
def models(made_once) -> Path:
    return made_once("shadow-models", export_both)
