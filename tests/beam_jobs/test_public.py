"""What `import beam_jobs` gives to another team's pipeline, in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import beam_jobs
from schemas.manifest import read_manifest
from tests.beam_jobs import toy_model
from tests.beam_jobs.jobs import GOOD
from tests.beam_jobs.pictures import write_pair

PROJECT_DIR = Path(__file__).parents[2]
README_EXAMPLE = re.search(r"```python\n(.*?)```", (PROJECT_DIR / "beam_jobs/README.md").read_text("utf-8"), re.DOTALL)[
    1
]
COMPLAINTS_ARE_PRINTED = """
import logging, warnings
warnings.filterwarnings("error", module="beam_jobs")
complaints = logging.StreamHandler()
complaints.setFormatter(logging.Formatter("logged: %(name)s %(message)s"))
complaints.setLevel(logging.WARNING)
logging.getLogger().addHandler(complaints)
"""
PREDICTION = """
from beam_jobs import Predict
with beam.Pipeline(runner="FnApiRunner") as pipeline:
    pipeline | Predict(model="model", output="masks", version_dir="data/pets/1.0.0") | beam.Map(print)
"""


def run(code, folder):
    environment = os.environ | {"PYTHONPATH": str(PROJECT_DIR), "PYTHONWARNINGS": ""}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.mark.proof
def test_the_readmes_pipeline_and_a_prediction_run_without_a_warning(tmp_path):
    for image_id in GOOD:
        write_pair(tmp_path / "photos", image_id)
    toy_model.export(tmp_path / "model")
    code = COMPLAINTS_ARE_PRINTED + README_EXAMPLE.replace("image_size=128", "image_size=32") + PREDICTION
    ended = run(code, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        f"{tmp_path}/data/pets/1.0.0",
        "0 anomalies",
        f"{tmp_path}/masks/summary.json",
    ]
    assert "logged:" not in ended.stderr
    assert read_manifest(tmp_path / "data/pets/1.0.0").published == len(GOOD)


def test_importing_the_package_imports_no_library(tmp_path):
    code = "import sys, beam_jobs; print(sorted({'apache_beam', 'pydantic', 'tensorflow'} & set(sys.modules)))"
    assert run(code, tmp_path).stdout == "[]\n"


def test_a_name_that_is_not_exported_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Prepares'"):
        _ = beam_jobs.Prepares
