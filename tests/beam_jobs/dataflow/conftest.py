"""Dataflow on loopback, a new one for each test."""

from collections.abc import Iterator

import pytest

from beam_jobs.dataflow import submission
from tests.beam_jobs.dataflow.dataflow_service import DataflowService, running_service


@pytest.fixture
def service(monkeypatch) -> Iterator[DataflowService]:
    """A service that is asked for its job's state more often than Google's: its jobs take seconds."""
    monkeypatch.setattr(submission, "FIRST_POLL_SECONDS", 0.2)
    monkeypatch.setattr(submission, "LAST_POLL_SECONDS", 1)
    with running_service() as service:
        yield service
