"""A training run in a process of its own: `python -m tests.trainer.training_process SETTINGS.json`.

SETTINGS: `config`, `shards`, `size`, `classes`, `devices` (CPUs that TensorFlow is to see), `checkpoint_dir`, and
`weights`, the file that this process, if it is the first worker, leaves the trained weights in.
"""

import json
import sys
from pathlib import Path

import keras
import tensorflow as tf

from trainer.config import TrainingConfig
from trainer.distribution import worker_index
from trainer.training import train


def main(path: str) -> None:
    settings = json.loads(Path(path).read_text())
    cpu, *_ = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * settings["devices"])
    config = TrainingConfig(**settings["config"])
    shards = settings["shards"]
    model, _ = train(
        config, shards, shards, settings["size"], settings["classes"], checkpoint_dir=settings["checkpoint_dir"]
    )
    assert isinstance(model, keras.Model)
    if worker_index() == 0:
        model.save_weights(settings["weights"])


if __name__ == "__main__":
    main(sys.argv[1])
