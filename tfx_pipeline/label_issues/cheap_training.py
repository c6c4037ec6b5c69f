"""The training of each fold's model: minutes on a CPU, and enough to see which masks contradict all others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.manifest import Manifest
from tfx_pipeline.config.pipeline import apply_setting
from tfx_pipeline.train.defaults import batch_size
from trainer.config import SMALL_UNET, TrainingConfig

STEPS, STEPS_FROM_SCRATCH = 300, 960
MAX_EPOCHS = 100


def cheap_training(manifest: Manifest, records: int, offline: bool, settings: Sequence[str]) -> TrainingConfig:
    """The settings: of the decoder alone on ImageNet's frozen weights, in about STEPS steps; or from scratch.

    Args:
      manifest: Of the version that is judged.
      records: That each model is trained on.
      offline: Without ImageNet weights, which are downloaded.
      settings: `training.KEY=VALUE` each, in place of these.

    Raises:
      UserError: A setting is wrong, or the photos have no common size.
    """
    if not manifest.image_size:
        raise UserError(
            f"--data: {manifest.version} keeps the photos' own sizes (image_size 0); prepare another version of them"
            " with --image_size=128 to judge their masks"
        )
    batch = batch_size(records)
    epochs = min(MAX_EPOCHS, math.ceil((STEPS_FROM_SCRATCH if offline else STEPS) * batch / records))
    values: dict[str, Any] = {
        "batch_size": batch,
        "epochs": epochs,
        "evaluate_every": epochs,
        "checkpoint_steps": 0,
        "export_tflite": False,
    }
    if offline:
        values |= {"model": SMALL_UNET, "learning_rate": 0.01}
    else:  # an encoder_scale of 2 found no more spoilt masks of pets, in twice the time
        values |= {"model": "unet", "encoder_scale": 1, "fine_tune_epochs": 0}
    given: dict[str, Any] = {}
    for setting in settings:
        apply_setting(given, setting)
    if unknown := sorted(given.keys() - {"training"}):
        raise UserError(f"--set {unknown[0]}: only settings of training can be given, such as training.epochs=8")
    config = parse_model(TrainingConfig, {**values, **given.get("training", {})}, "--set training")
    if config.crop_size:
        raise UserError("--set training.crop_size: masks are judged as wholes; leave it out")
    return config
