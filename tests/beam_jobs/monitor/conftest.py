"""The reference that logs are compared with."""

from pathlib import Path

import pytest

from tests.beam_jobs.monitor.served_logs import make_reference


@pytest.fixture(scope="module")
def reference(made_once) -> Path:
    """A log of the model's answers on 300 photos of train and 200 of eval."""
    return made_once("monitor-reference", make_reference)
