"""The whole way through with the commands that a person types: draw, prepare, train, judge, push, ask."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import yaml

from schemas.manifest import read_manifest
from tests.tfx_pipeline.hub.api import WRITE_TOKEN
from tests.tfx_pipeline.hub.server import running_hub

IMAGE_SIZE = 32


def run(*command):
    ended = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with running_hub() as running:
        yield running


@pytest.mark.slow
def test_from_photos_to_a_pushed_model_that_answers(tmp_path, hub):
    photos, version, output = tmp_path / "photos", tmp_path / "data" / "pets" / "1.0.0", tmp_path / "model"
    sizes = ("--min_side=96", "--max_side=160")
    run("beam_jobs.sample_data", f"--output={photos}", "--count=48", "--eval_fraction=0.25", "--defects", *sizes)
    places = (f"--input={photos}", f"--output={tmp_path / 'data'}", "--version=1.0.0", "--dataset=pets")
    rejects = "--max_rejected_fraction=0.2"
    run("beam_jobs.prepare", *places, "--split=official", f"--image_size={IMAGE_SIZE}", rejects)
    manifest = read_manifest(version)
    assert (manifest.inputs, manifest.published, manifest.repaired) == (48 + 13, 48 + 6, 6)

    training = {"encoder_weights": "none", "encoder_scale": 1, "decoder_filters": 8, "epochs": 2, "fine_tune_epochs": 0}
    config = {
        "name": "end-to-end",
        "data": str(version),
        "output": str(output),
        "training": training,
        "evaluation": {"min_mean_iou": 0.0},
        "hub": {"model_repo": "acme/pets", "endpoint": hub.endpoint},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    told = run("tfx_pipeline.local_runner", f"--config={tmp_path / 'config.yaml'}")
    summary = json.loads((output / "summary.json").read_text())
    assert summary["blessed"] is True
    assert summary["dataset_manifest_sha256"] == manifest.sha256
    assert set(summary["metrics"]["iou"]) == {"pet", "background", "border"}
    assert 0 < summary["metrics"]["mean_iou"] < 1
    assert summary["metrics"]["slices"]["species"]["cat"]["examples"] > 0
    assert summary["pushed_to"] in told

    model = tf.saved_model.load(summary["pushed_to"])
    paths = sorted((photos / "images").glob("Bengal_*.jpg"))[:1] + sorted((photos / "images").glob("pug_*.jpg"))[:1]
    answer = model.signatures["serving_default"](image_bytes=tf.constant([path.read_bytes() for path in paths]))
    class_ids = answer["class_ids"].numpy()
    assert class_ids.shape == (2, IMAGE_SIZE, IMAGE_SIZE)
    assert set(np.unique(class_ids)) <= {0, 1, 2}

    told = run_code_of_the_card(hub.model("acme/pets"), paths[0], tmp_path)
    assert len(told) == 2  # the SavedModel's and LiteRT's
    assert all(line.startswith(f"({IMAGE_SIZE}, {IMAGE_SIZE}) classes: [") for line in told)


def run_code_of_the_card(repository, photo, folder):
    """Runs each block of code in the model card on a photo, in a process of its own; what each printed."""
    card = repository.head.files["README.md"].content.decode()
    blocks = re.findall(r"^```python\n(.*?)^```$", card, re.MULTILINE | re.DOTALL)
    shutil.copy(photo, folder / "photo.jpg")
    environment = os.environ | {"HF_HOME": str(folder / "cache")}
    return [
        subprocess.run(
            [sys.executable, "-c", block], cwd=folder, env=environment, capture_output=True, text=True, check=True
        ).stdout
        for block in blocks
    ]
