"""A killed training resumes from its last checkpoint, to the same weights."""

import json
import signal
import subprocess
import sys
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest

from schemas.errors import UserError
from schemas.metrics import confusion_matrix, mean_iou
from tests.trainer.conftest import draw
from trainer.checkpoints import delete_checkpoints
from trainer.config import TrainingConfig
from trainer.preprocessing import scale_pixels
from trainer.training import train

SIZE, CLASSES, STEPS, EVERY = 64, 3, 30, 4
SECONDS = 300  # a process that takes longer hangs


@pytest.fixture(scope="module")
def settings(write_shards, tmp_path_factory):
    """Two epochs of fifteen steps of the model that is quickest to trace."""
    config = {
        "model": "small_unet",
        "epochs": 2,
        "batch_size": 2,
        "checkpoint_steps": EVERY,
        "ema_decay": 0.9,
    }
    shards = write_shards(list(range(30)), SIZE)
    folder = tmp_path_factory.mktemp("run")
    return SimpleNamespace(config=config, shards=shards, folder=folder, checkpoints=folder / "checkpoints")


@pytest.fixture(scope="module")
def killed(settings):
    """The checkpoints that a run leaves when it is killed in the middle of its first epoch; the step of the last."""
    path = settings.folder / "settings.json"
    values = {"config": settings.config, "shards": settings.shards, "size": SIZE, "classes": CLASSES, "devices": 1}
    path.write_text(json.dumps({**values, "checkpoint_dir": str(settings.checkpoints), "result": "never.npz"}))
    command = [sys.executable, "-m", "tests.trainer.training_process", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    listing = settings.checkpoints / "phase-0" / "checkpoint"
    while process.returncode is None and not listing.exists():
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait(SECONDS) == -signal.SIGKILL
    return int(listing.read_text().split('"')[1].rpartition("-")[2])


def run(settings, **options):
    lines = []
    model, epochs = train(
        TrainingConfig(**settings.config),
        settings.shards,
        settings.shards,
        SIZE,
        CLASSES,
        report=lines.append,
        **options,
    )
    return SimpleNamespace(model=model, epochs=epochs, lines=lines)


@pytest.mark.proof
@pytest.mark.slow(60)
def test_a_killed_run_resumes_in_the_middle_of_its_epoch_to_the_same_weights(settings, killed):
    resumed = run(settings, checkpoint_dir=str(settings.checkpoints))
    assert 0 < killed < STEPS
    assert resumed.lines[0] == f"resuming from the checkpoint after step {killed} of {STEPS}, phase 1"
    assert [epoch.number for epoch in resumed.epochs] == list(range(1 + killed // (STEPS // 2), 3))
    listing = (settings.checkpoints / "phase-0" / "checkpoint").read_text()
    assert f'"ckpt-{STEPS}"' in listing
    whole = run(settings)
    assert resumed.epochs[-1].mean_iou == whole.epochs[-1].mean_iou
    for one, other in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.proof
def test_checkpoints_of_another_model_are_refused_and_the_folder_is_named(settings, killed):
    other = SimpleNamespace(config={**settings.config, "decoder_filters": 16}, shards=settings.shards)
    with pytest.raises(UserError, match=r"cannot resume from this checkpoint.*delete .*phase-0 to start over"):
        run(other, checkpoint_dir=str(settings.checkpoints))


@pytest.mark.proof
def test_a_loss_that_is_not_finite_ends_the_training_and_names_the_remedy(settings, small_encoder, tmp_path):
    keras_hub = pytest.importorskip("keras_hub", reason="presets need the extra `models`")
    backbone = keras_hub.models.Backbone.from_preset(small_encoder)
    backbone.set_weights([np.full_like(one, np.nan) for one in backbone.get_weights()])
    broken = str(tmp_path / "broken")
    backbone.save_to_preset(broken)
    others = {**settings.config, "model": "unet", "encoder_scale": 1, "fine_tune_epochs": 0}
    with pytest.raises(UserError, match=r"diverged in epoch 1, before step 4 .* is nan; lower the learning rate"):
        run(
            SimpleNamespace(config={**others, "encoder": broken}, shards=settings.shards),
            checkpoint_dir=str(tmp_path / "checkpoints"),
        )
    assert not list((tmp_path / "checkpoints").rglob("ckpt-*"))


def test_the_checkpoints_of_a_finished_run_are_deleted_and_no_others(tmp_path):
    for name in ("mine", "another"):
        (tmp_path / name / "phase-0").mkdir(parents=True)
    delete_checkpoints(str(tmp_path / "mine"))
    assert [path.name for path in tmp_path.iterdir()] == ["another"]


@pytest.mark.proof
def test_early_stopping_goes_back_to_the_best_weights(settings):
    overshooting = {**settings.config, "ema_decay": 0.0, "epochs": 6, "early_stopping": 1, "learning_rate": 1.0}
    stopped = run(SimpleNamespace(config=overshooting, shards=settings.shards))
    figures = [epoch.mean_iou for epoch in stopped.epochs]
    assert len(figures) == figures.index(max(figures)) + 2
    drawn = [draw(index, SIZE) for index in range(30)]
    predicted = np.argmax(stopped.model(scale_pixels(np.stack([photo for photo, _ in drawn]))), axis=-1)
    matrix = confusion_matrix(np.stack([mask for _, mask in drawn]), predicted, CLASSES)
    assert mean_iou(matrix) == pytest.approx(max(figures))
