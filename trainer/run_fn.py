"""Entry point of TFX's Trainer component, named by import path: `trainer.run_fn.run_fn`."""

from __future__ import annotations

import hashlib
import time
from typing import Any, Protocol, TypeVar

import tensorflow as tf

from schemas.exported_model import INFO_PATH
from schemas.fitting import STRETCH, Fit
from schemas.frozen_model import FrozenModel, parse_model
from schemas.image_size import ImageSize
from schemas.spec import DatasetSpec
from trainer.averaging import averaging_of
from trainer.checkpoints import delete_checkpoints
from trainer.cluster import worker_index
from trainer.config import TrainingConfig
from trainer.export import export_model, write_model_info
from trainer.export_tflite import export_tflite
from trainer.feature_hash import measure_scale
from trainer.input_pipeline import find_shards
from trainer.tensorboard import TensorBoardWriter
from trainer.training import train
from trainer.tuning import chosen_training

CLOUD_KEYS = "ai_platform_"  # names the training machine for TFX's Trainer on Vertex AI
EXPORT_SECONDS, EXPORT_POLL_SECONDS = 1800, 2  # how long the other workers wait for the first one's export


class TrainerArguments(Protocol):
    """The part of TFX's `FnArgs` that is used; step counts come from the configuration's epochs instead."""

    train_files: list[str]
    eval_files: list[str]
    serving_model_dir: str
    model_run_dir: str
    custom_config: dict[str, Any]
    hyperparameters: dict[str, Any] | None


class CustomConfig(FrozenModel):
    """What the pipeline passes as the Trainer's `custom_config`; `image_size` and `fit` are the version's.

    `dataset` is the contract that the version was published under, with its classes in the order of their ids.
    `source_sha256` is the digest of the code that trains: part of TFX's cache key, so that a cached model
    of other code is never reused. In `checkpoint_dir`, each run keeps its checkpoints in a folder of its own; a killed
    run resumes from those of the same data, code and settings, and a finished run deletes its own.
    """

    dataset: DatasetSpec
    image_size: ImageSize
    fit: Fit = STRETCH
    manifest_sha256: str
    source_sha256: str
    training: TrainingConfig
    checkpoint_dir: str | None = None

    @property
    def identity(self) -> str:
        """A digest of everything that decides the result."""
        values = self.model_dump_json(exclude={"checkpoint_dir"})
        return hashlib.sha256(values.encode()).hexdigest()[:16]


Settings = TypeVar("Settings", bound=CustomConfig)


def read_custom_config(kind: type[Settings], custom_config: dict[str, Any]) -> Settings:
    """Reads our settings from a component's `custom_config`; UserError if one is wrong."""
    own = {key: value for key, value in custom_config.items() if not key.startswith(CLOUD_KEYS)}
    return parse_model(kind, own, "custom_config")


def run_fn(fn_args: TrainerArguments) -> None:
    """Trains on a published version's shards and exports the SavedModel, TFLite models and model info.

    Args:
      fn_args: `train_files` and `eval_files` are glob patterns of shards; `custom_config` as in `CustomConfig`; the
        SavedModel goes to `serving_model_dir`, TensorBoard logs to `model_run_dir`. Of several workers, only the first
        one writes. `hyperparameters`, the configuration of KerasTuner's HyperParameters, holds the values that the
        Tuner chose, which override the configured ones; None without a Tuner.

    Raises:
      UserError: A configuration, shards or weights cannot be used, or a TFLite model predicts something else.
    """
    run = read_custom_config(CustomConfig, fn_args.custom_config)
    chosen = fn_args.hyperparameters["values"] if fn_args.hyperparameters else {}
    run = run.model_copy(update={"training": chosen_training(run.training, chosen)})
    model_size = run.training.model_size(run.image_size, run.fit)  # refuses early what the data does not allow
    spec = run.dataset
    num_classes = len(spec.classes)
    checkpoints = f"{run.checkpoint_dir}/{run.identity}" if run.checkpoint_dir else None
    chief = worker_index() == 0
    shards = find_shards(fn_args.train_files)
    model, _ = train(
        run.training,
        shards,
        find_shards(fn_args.eval_files),
        run.image_size,
        num_classes,
        spec.class_names,
        tensorboard=TensorBoardWriter(fn_args.model_run_dir, spec) if chief else None,
        checkpoint_dir=checkpoints,
        weighted=spec.has_weights,
    )
    if not chief:
        _wait_for(f"{fn_args.serving_model_dir}/{INFO_PATH}")
        return
    export_model(
        model,
        run.image_size,
        num_classes,
        fn_args.serving_model_dir,
        averaging=averaging_of(run.training, model, model_size, num_classes),
        crop_size=run.training.crop_size,
        fit=run.fit,
        photo_range=spec.photo_range,
        scale=measure_scale(model, shards, run.image_size, run.training.crop_size),
    )
    tflite = export_tflite(fn_args.serving_model_dir, fn_args.eval_files) if run.training.export_tflite else None
    write_model_info(
        fn_args.serving_model_dir,
        spec,
        run.image_size,
        run.manifest_sha256,
        run.training,
        source_sha256=run.source_sha256,
        tflite=tflite,
        tuned=chosen,
        fit=run.fit,
    )
    if checkpoints:
        delete_checkpoints(checkpoints)


def _wait_for(path: str) -> None:
    """Waits until the first worker has exported the model: TFX looks for it after every worker."""
    waited = 0
    while not tf.io.gfile.exists(path):
        if waited >= EXPORT_SECONDS:
            raise TimeoutError(f"{path}: the first worker has not exported the model within {EXPORT_SECONDS} s")
        time.sleep(EXPORT_POLL_SECONDS)
        waited += EXPORT_POLL_SECONDS
