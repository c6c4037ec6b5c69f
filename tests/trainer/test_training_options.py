"""A training that averages its weights and keeps the best of them, as `test_training` has it, is interrupted."""

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.conftest import OPTIONS
from trainer.config import TrainingConfig
from trainer.training import train

SIZE, CLASSES, PHOTOS = 64, 3, 16


@pytest.fixture(scope="module")
def config():
    return TrainingConfig(
        model="small_unet",
        epochs=2,
        batch_size=4,
        checkpoint_steps=3,
        **OPTIONS,
    )


@pytest.fixture(scope="module")
def shards(write_shards):
    return write_shards(list(range(PHOTOS)), SIZE)


@pytest.fixture(scope="module")
def whole(config, shards, tmp_path_factory):
    """Its model and epochs, and the folder of its checkpoints."""
    folder = tmp_path_factory.mktemp("checkpoints")
    model, epochs = train(config, shards, shards, SIZE, CLASSES, checkpoint_dir=str(folder), report=lambda line: None)
    return model, epochs, folder


@pytest.mark.proof
def test_the_average_and_the_best_weights_survive_an_interruption(whole, config, shards):
    model, epochs, folder = whole
    _interrupt(folder / "phase-0")
    lines: list[str] = []
    resumed, again = train(config, shards, shards, SIZE, CLASSES, checkpoint_dir=str(folder), report=lines.append)
    assert "resuming from the checkpoint after step 6 of 8, phase 1" in lines
    assert again[-1].mean_iou == epochs[-1].mean_iou
    for one, other in zip(resumed.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def _interrupt(folder: Path) -> None:
    """Leaves a phase as if it had been killed before its last checkpoint."""
    earlier, _ = sorted(path.stem for path in folder.glob("ckpt-*.index"))
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{earlier}"\nall_model_checkpoint_paths: "{earlier}"\n')
