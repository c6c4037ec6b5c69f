"""The logs that `beam_jobs.predict` writes are what the monitoring reads, on both sides."""

import json

import pytest

from beam_jobs.predict.command_line import main as predict
from schemas.manifest import read_manifest
from tests.beam_jobs import toy_model
from tests.beam_jobs.conftest import write_good_pairs
from tests.beam_jobs.jobs import GOOD
from tests.beam_jobs.monitor.served_logs import monitor

pytestmark = pytest.mark.slow


def test_photos_are_compared_with_the_splits_that_the_same_model_predicted(good_data, tmp_path, capfd):
    version, photos = good_data / "pets/1.0.0", write_good_pairs(tmp_path / "photos") / "images"
    model = f"--model={toy_model.export(tmp_path / 'model')}"
    output = f"--output={tmp_path / 'masks'}"
    assert predict([model, output, f"--version_dir={version}", f"--log={tmp_path / 'reference'}"]) == 0
    assert predict([model, output, f"--photos={photos}", f"--log={tmp_path / 'log'}"]) == 0
    capfd.readouterr()
    assert monitor(tmp_path / "log", tmp_path / "reference", tmp_path / "out") == 0
    drift = json.loads((tmp_path / "out/drift.json").read_text())
    assert drift["records"]["read"] == len(GOOD)
    assert (drift["records"]["judged"], drift["records"]["repeated"]) == (1, len(GOOD) - 1)  # all are one picture
    assert drift["reference"]["judged"] == read_manifest(version).splits["eval"].records
    assert drift["reference"]["train_photos_by_looks"] == read_manifest(version).splits["train"].records
    assert drift["classes"] == sorted(toy_model.PETS.class_names)
    printed = capfd.readouterr().out
    assert "too few to judge: the reference has of eval" in printed
    assert "novelty is not measured" in printed  # the toy has no encoder
