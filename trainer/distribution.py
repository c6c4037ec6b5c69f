"""Which devices train: one, all GPUs of this machine, or all workers that TF_CONFIG names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

import keras
import tensorflow as tf

from schemas.errors import UserError
from trainer.cluster import TF_CONFIG, worker_count
from trainer.config import ACCELERATORS
from trainer.graphs import graph

Tensors = TypeVar("Tensors", tf.Tensor, list[tf.Tensor])


def choose_strategy(wanted: str) -> tf.distribute.Strategy:
    """Returns the strategy for `TrainingConfig.distribution`; several workers need it before any other op is created.

    Raises:
      UserError: The configuration requires several GPUs or workers, and there are none; or this machine lacks
        accelerators that the training job was configured with.
    """
    _require_accelerators()
    workers = worker_count()
    devices = tf.config.list_logical_devices("GPU") if wanted in ("auto", "mirrored") and workers < 2 else []
    if wanted == "auto":
        wanted = "multi_worker" if workers > 1 else "mirrored" if len(devices) > 1 else "single"
    if wanted == "multi_worker":
        if workers < 2:
            raise UserError(f"distribution: multi_worker, but {TF_CONFIG} names no second worker; set it, or take auto")
        return tf.distribute.MultiWorkerMirroredStrategy()
    if wanted == "mirrored":
        devices = devices or tf.config.list_logical_devices("CPU")
        if len(devices) < 2:
            raise UserError(f"distribution: mirrored, but there is one device ({devices[0].name}); take auto or single")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def _require_accelerators() -> None:
    """Raises UserError if there are fewer GPUs than configured: TensorFlow would silently train on the CPU."""
    wanted = int(os.environ.get(ACCELERATORS) or 0)
    found = len(tf.config.list_physical_devices("GPU")) if wanted else 0
    if found < wanted:
        raise UserError(
            f"cloud.training: {wanted} accelerators are configured, TensorFlow finds {found}; take an image that was"
            " built with ACCELERATOR=gpu, or leave the accelerator out"
        )


def share_statistics(strategy: tf.distribute.Strategy, model: keras.Model) -> None:
    """Averages the normalization statistics over the replicas; while training, each replica gathers its own.

    Without this, each worker would evaluate a slightly different model, and one could stop early alone.
    """
    statistics = [
        weight.value
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
        for weight in (layer.moving_mean, layer.moving_variance)
        if weight is not None  # of a layer that is not built
    ]
    if strategy.num_replicas_in_sync == 1 or not statistics:
        return

    @graph
    def share() -> None:
        strategy.run(lambda: _assign_means(statistics))

    share()


def agree(strategy: tf.distribute.Strategy, value: float) -> float:
    """The mean of the workers' values, so that all of them take the same decision."""
    if strategy.num_replicas_in_sync == 1:
        return value

    @graph
    def mean() -> tf.Tensor:
        replicas = strategy.run(lambda: _mean(tf.constant(value, tf.float64)))
        return strategy.experimental_local_results(replicas)[0]

    return float(mean())


def _assign_means(variables: Sequence[tf.Variable]) -> None:
    for variable, value in zip(variables, _mean([tf.identity(one) for one in variables])):
        variable.assign(value)


def _mean(value: Tensors) -> Tensors:
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, value)
