"""A training run in a process of its own: `python -m tests.trainer.training_process SETTINGS.json`.

SETTINGS: `config`, `shards`, `size`, `classes`, `devices` (CPUs that TensorFlow is to see), `checkpoint_dir`,
`result`, the NumPy file that this process leaves the epochs' losses and the trained weights in, the losses first, and
`export`, the folder that it leaves a model in, as TFX's Trainer has it done; empty for none.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

from beam_jobs.console import heavy_imports
from schemas.shipped import load_spec

with heavy_imports():
    import numpy as np
    import tensorflow as tf

    import trainer.run_fn
    from trainer.config import TrainingConfig
    from trainer.training import train


def main(path: str) -> None:
    settings = json.loads(Path(path).read_text())
    cpu, *_ = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * settings["devices"])

    def recorded(*arguments, **options):
        model, epochs = train(*arguments, **options)
        np.savez(settings["result"], [epoch.loss for epoch in epochs], *model.get_weights())
        return model, epochs

    if settings.get("export"):
        trainer.run_fn.train = recorded
        trainer.run_fn.run_fn(trainer_arguments(settings))
        return
    config = TrainingConfig(**settings["config"])
    shards = settings["shards"]
    recorded(config, shards, shards, settings["size"], settings["classes"], checkpoint_dir=settings["checkpoint_dir"])


def trainer_arguments(settings: dict) -> SimpleNamespace:
    """The part of TFX's FnArgs that `run_fn` uses."""
    return SimpleNamespace(
        train_files=settings["shards"],
        eval_files=settings["shards"],
        serving_model_dir=settings["export"],
        model_run_dir=f"{settings['export']}-run",
        hyperparameters=None,
        custom_config={
            "dataset": load_spec("pets").model_dump(mode="json"),
            "image_size": settings["size"],
            "manifest_sha256": "1" * 64,
            "source_sha256": "2" * 64,
            "training": {**settings["config"], "export_tflite": False},
            "checkpoint_dir": settings["checkpoint_dir"],
        },
    )


if __name__ == "__main__":
    main(sys.argv[1])
