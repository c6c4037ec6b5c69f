"""Worker processes that are forked from the launcher give back whole what they were given."""

import subprocess
import sys

import pytest


@pytest.mark.proof
def test_an_element_that_is_being_written_is_not_sent_by_halves(tmp_path):
    job = [sys.executable, "-m", "tests.beam_jobs.runners.slow_job", str(tmp_path)]
    ended = subprocess.run(job, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "text").read_text() == "whole"
