"""Several replicas train the same model as one device does."""

import json
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from schemas.errors import UserError
from schemas.exported_model import INFO_PATH
from trainer.cluster import worker_index
from trainer.config import ACCELERATORS, TrainingConfig
from trainer.distribution import choose_strategy
from trainer.training import train

SIZE, CLASSES = 64, 3
SECONDS = 400  # a process that takes longer hangs


def test_insisting_on_devices_or_workers_that_are_not_there_is_an_error(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(UserError, match="mirrored, but there is one device"):
        choose_strategy("mirrored")
    with pytest.raises(UserError, match="multi_worker, but TF_CONFIG names no second worker"):
        choose_strategy("multi_worker")


def test_a_job_that_was_configured_with_accelerators_and_finds_none_stops(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [])
    monkeypatch.setenv(ACCELERATORS, "1")
    with pytest.raises(UserError, match="1 accelerators are configured, TensorFlow finds 0; take an image"):
        choose_strategy("auto")
    monkeypatch.setenv(ACCELERATORS, "0")
    choose_strategy("single")


def test_a_broken_tf_config_is_an_error_that_names_it(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{")
    with pytest.raises(UserError, match="TF_CONFIG: not valid JSON"):
        choose_strategy("auto")


@pytest.mark.parametrize(
    ("cluster", "task", "index"),
    [
        ({}, {}, 0),
        ({"worker": ["a:1", "b:1"]}, {"type": "worker", "index": 1}, 1),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, {"type": "chief", "index": 0}, 0),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, {"type": "worker", "index": 1}, 2),
    ],
)
def test_the_first_worker_of_the_cluster_is_the_one_that_writes(cluster, task, index, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
    assert worker_index() == index


@pytest.fixture(scope="module")
def settings(write_shards, tmp_path_factory):
    """What all runs share, and one photo eight times: each replica's batch has the statistics of the whole one."""
    config = {
        "model": "small_unet",
        "epochs": 2,
        "batch_size": 4,
        "checkpoint_steps": 2,
        "loss": "cross_entropy",
        "augment": False,
        "ema_decay": 0.5,
        "keep": "best",
    }
    shards = write_shards([0] * 8, SIZE)
    started: list[subprocess.Popen] = []
    yield SimpleNamespace(config=config, shards=shards, folder=tmp_path_factory.mktemp("run"), started=started)
    for process in started:  # a worker whose first one has failed would wait for it
        process.kill()
        process.wait()


def start(settings, name, devices, tf_config=None, shards=None, **config):
    """Starts one training process; its output goes to `NAME.log`, its result to `NAME.npz`; a worker exports too."""
    path = settings.folder / f"{name}.json"
    values = {
        "config": {**settings.config, **config},
        "shards": shards or settings.shards,
        "size": SIZE,
        "classes": CLASSES,
        "devices": devices,
        "checkpoint_dir": str(settings.folder / "checkpoints" / name.partition("-")[0]),
        "result": str(settings.folder / f"{name}.npz"),
        "export": str(settings.folder / name.partition("-")[0]) if tf_config else "",
    }
    path.write_text(json.dumps(values))
    environment = {**os.environ, **({"TF_CONFIG": json.dumps(tf_config)} if tf_config else {})}
    with (settings.folder / f"{name}.log").open("w") as log:
        command = [sys.executable, "-m", "tests.trainer.training_process", str(path)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    settings.started.append(process)
    return process


def start_two(settings, name, **more):
    """Starts two workers of one cluster."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        workers = [f"127.0.0.1:{taken.getsockname()[1]}" for taken in (one, other)]
    clusters = [{"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}} for index in range(2)]
    return {f"{name}-{index}": start(settings, f"{name}-{index}", 1, own, **more) for index, own in enumerate(clusters)}


def finish(settings, processes):
    """Waits for processes that must end well, and gives each one's losses and weights."""
    results = []
    for name, process in processes.items():
        assert process.wait(SECONDS) == 0, (settings.folder / f"{name}.log").read_text()[-3000:]
        with np.load(settings.folder / f"{name}.npz") as arrays:
            losses, *weights = (arrays[key] for key in arrays.files)
        results.append((losses, weights))
    return results


@pytest.mark.proof
@pytest.mark.slow(110)
def test_two_mirrored_replicas_train_as_one_device_does(settings):
    model, epochs = train(
        TrainingConfig(**settings.config), settings.shards, settings.shards, SIZE, CLASSES, report=lambda line: None
    )
    [(losses, weights)] = finish(settings, {"mirrored": start(settings, "mirrored", 2, distribution="mirrored")})
    # Not the weights: Adam makes a whole step of a gradient that is nothing but rounding.
    np.testing.assert_allclose(losses, [epoch.loss for epoch in epochs], rtol=0.02)
    assert [one.shape for one in weights] == [one.shape for one in model.get_weights()]


@pytest.mark.proof
def test_two_workers_that_see_different_photos_end_with_the_same_weights_behind_the_export(settings, write_shards):
    """TFX fails a worker that finds no model behind its training."""
    processes = start_two(settings, "workers", shards=write_shards(list(range(8)), SIZE))
    (losses, weights), (other_losses, other_weights) = finish(settings, processes)
    assert losses[-1] < losses[0]
    np.testing.assert_array_equal(losses, other_losses)
    for one, other in zip(weights, other_weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (settings.folder / "workers" / INFO_PATH).exists()


@pytest.mark.proof
def test_mixed_precision_trains_and_leaves_a_float32_model(settings):
    config = TrainingConfig(**{**settings.config, "precision": "mixed_bfloat16"})
    model, epochs = train(config, settings.shards, settings.shards, SIZE, CLASSES, report=lambda line: None)
    assert np.isfinite(epochs[-1].loss)
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float32"}
