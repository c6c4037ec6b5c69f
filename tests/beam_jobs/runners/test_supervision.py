"""What a supervised pipeline leaves behind when it is killed."""

import os

import apache_beam as beam

from beam_jobs.runners.beam_options import parse_beam_flags
from beam_jobs.runners.supervision import supervised_pipeline


def test_beams_temporary_folder_is_gone_before_a_job_can_be_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with supervised_pipeline(parse_beam_flags([])) as pipeline:
        assert os.listdir(tmp_path) == []
        pipeline | beam.Create(["an element"])
    assert os.listdir(tmp_path) == []
