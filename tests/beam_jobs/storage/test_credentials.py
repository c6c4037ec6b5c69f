"""Without credentials, a bucket is refused at once and with the remedy."""

import os
import subprocess
import sys

import pytest


@pytest.mark.proof
@pytest.mark.parametrize(
    "command",
    [
        ("prepare", "--dataset=pets", "--input=gs://bucket/photos", "--output=gs://bucket/data", "--version=1.0.0"),
        ("validate", "--version_dir=gs://bucket/data/pets/1.0.0"),
        ("predict", "--model=gs://bucket/model", "--photos=gs://bucket/photos", "--output=gs://bucket/masks"),
    ],
    ids=["prepare", "validate", "predict"],
)
def test_a_command_without_credentials_says_how_to_get_some(command, tmp_path):
    job, *options = command
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment |= {"HOME": str(tmp_path), "NO_GCE_CHECK": "true"}
    started = [sys.executable, "-m", f"beam_jobs.{job}", *options]
    ended = subprocess.run(started, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "Google Cloud Storage: no credentials (Your default credentials were not found)" in line
    assert "gcloud auth application-default login" in line
