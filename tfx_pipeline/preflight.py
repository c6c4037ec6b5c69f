"""One check of a run, local or on Vertex AI, that finds early everything that can be known before it starts.

Each problem is one line with key, value, bound and remedy. Nothing here imports TensorFlow or TFX.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from beam_jobs.storage.files import read_file
from schemas.errors import UserError
from schemas.features import EVAL, TRAIN, fraction_feature
from schemas.manifest import Manifest
from schemas.spec import DatasetSpec
from schemas.version import PublishedVersion
from schemas.version_files import statistics_path
from tfx_pipeline.config.class_keys import with_class_names
from tfx_pipeline.config.cloud import TrainingJob
from tfx_pipeline.config.pipeline import EvaluationConfig, PipelineConfig, check_evaluation
from tfx_pipeline.hub.checks import hub_problems
from trainer.cluster import worker_count
from trainer.config import TrainingConfig
from trainer.requirements import Surroundings, search_problems, training_problems
from trainer.weights_file import weights_problem

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList, NumericStatistics

MAX_LABEL = 63  # characters of a label's value at Google


def check_run(config: PipelineConfig, version: PublishedVersion, on_vertex: bool = False) -> None:
    """Checks a run against its data, files and machines; writes nothing.

    Args:
      config: `data` is where the version is read.
      version: The one at `config.data`.
      on_vertex: Whether the run goes to the machines of `config.cloud`, which do not see this machine's files.

    Raises:
      UserError: All problems, one line each.
    """
    manifest, spec = version
    problems = [f"{config.data}: {one}" for one in _split_problems(manifest)]
    problems += _statistics_problems(config.data, manifest)
    if not problems:
        try:
            named = with_class_names(config, spec)
        except UserError as error:
            problems.append(str(error))
            named = config
        problems += _training_problems(named, version, on_vertex)
        problems += _evaluation_problems(named.evaluation, spec, config.data)
    if config.hub is not None:
        problems += hub_problems(config.hub, config.training.export_tflite, on_vertex)
    if on_vertex:
        problems += _name_problems(manifest)
    if problems:
        raise UserError("\n".join(problems))


def _split_problems(manifest: Manifest) -> Iterator[str]:
    for split in manifest.split_names:
        if manifest.splits[split].records == 0:
            yield f"split {split!r} is empty; publish a version with records in it"


def _statistics_problems(data: str, manifest: Manifest) -> Iterator[str]:
    """The manifest has no digest of the statistics, which the run imports all the same."""
    for split in manifest.split_names:
        try:
            datasets = _read_statistics(data, split).datasets
        except UserError as error:
            yield str(error)
            continue
        records, expected = sum(one.num_examples for one in datasets), manifest.splits[split].records
        if datasets and records != expected:
            yield (
                f"{data.rstrip('/')}/{statistics_path(split)}: is of {records} records, the manifest of {expected};"
                " publish the data under a new version"
            )


def _training_problems(config: PipelineConfig, version: PublishedVersion, on_vertex: bool) -> Iterator[str]:
    manifest, spec = version
    training, job = config.training, config.cloud.training if on_vertex and config.cloud else None
    if problem := distribution_problem(training, job, on_vertex):
        yield f"training.{problem}"
        return
    records = manifest.splits[TRAIN].records
    surroundings = Surroundings(manifest.image_size, spec.class_names, records, fit=manifest.fit)
    replicas = 1 if training.distribution == "single" else _devices(job) if on_vertex else worker_count()
    together = replace(surroundings, replicas=replicas)
    if config.tuning is None:
        weights = weights_problem(training, not on_vertex)
        yield from (
            one if one.startswith("training.") else f"training.{one}"
            for one in (*training_problems(training, together), *([weights] if weights else []))
        )
    else:  # one machine searches, all train with the best values
        alone = replace(surroundings, replicas=_devices(job and job.model_copy(update={"replicas": 1})))
        trials = search_problems(config.tuning, training, alone, not on_vertex)
        yield from dict.fromkeys(
            (*trials, *search_problems(config.tuning, training, together, not on_vertex, trials=False))
        )
    models = {training.model, *(config.tuning.candidates("model") if config.tuning else ())}
    if not on_vertex and "segformer" in models and importlib.util.find_spec("keras_hub") is None:
        yield "training.model: segformer needs KerasHub; pip install 'segmentation-pipeline[models]'"


def _devices(job: TrainingJob | None) -> int:
    """How many devices share a batch with `distribution: auto`; without a job, the pipeline's own step trains."""
    return job.replicas * (job.accelerator_count if job.accelerator_type else 1) if job else 1


def distribution_problem(training: TrainingConfig, job: TrainingJob | None, on_vertex: bool) -> str | None:
    """Why machines and `training.distribution` do not fit together; None if they do, or if only a run can show it."""
    wanted = training.distribution
    machines = (job.replicas if job else 1) if on_vertex else worker_count()
    if wanted == "multi_worker" and machines < 2:
        where = "cloud.training.replicas is 1" if on_vertex else "TF_CONFIG names no second worker"
        return f"distribution: multi_worker, but {where}; take auto, or add replicas"
    if not on_vertex:
        return None  # GPUs are only known once TensorFlow is imported
    if wanted in ("single", "mirrored") and machines > 1:
        return f"distribution: {wanted} uses one machine, cloud.training.replicas is {machines}; take auto"
    if wanted == "single" and _devices(job) > 1:
        return f"distribution: single uses one of {_devices(job)} accelerators, and all are paid for; take auto"
    if wanted == "mirrored" and _devices(job) < 2:
        return "distribution: mirrored needs several accelerators in cloud.training; take auto or single"
    return None


def _evaluation_problems(evaluation: EvaluationConfig, spec: DatasetSpec, data: str) -> Iterator[str]:
    try:
        check_evaluation(evaluation, spec)
    except UserError as error:
        yield str(error)
        return
    absent = absent_classes(data, spec) if evaluation.min_iou else ()
    for name in (name for name in evaluation.min_iou if name in absent):
        yield (
            f"evaluation.min_iou.{name}: no mask of the eval split has a pixel of {name!r}, so no model can reach "
            f"{evaluation.min_iou[name]}; leave it out, or publish an eval split with that class"
        )


def absent_classes(data: str, spec: DatasetSpec) -> list[str]:
    """Classes without a pixel in the eval split, by its published statistics; empty if those do not say.

    Raises:
      UserError: The statistics cannot be read.
    """
    numbers = _numbers(data, EVAL)
    return [name for name in spec.class_names if (one := numbers.get(fraction_feature(name))) and one.max == 0]


class ClassShare(NamedTuple):
    """How much of the train split a class has: `pixels`, a share, the mean over photos; and how many `photos`."""

    pixels: float
    photos: int


def class_shares(data: str, spec: DatasetSpec) -> dict[str, ClassShare]:
    """What each class has of the labelled pixels and of the photos of the train split, by its published statistics.

    Raises:
      UserError: The statistics cannot be read.
    """
    numbers = _numbers(data, TRAIN)
    return {
        name: ClassShare(one.mean, one.common_stats.num_non_missing - one.num_zeros)
        for name in spec.class_names
        if (one := numbers.get(fraction_feature(name)))
    }


def _numbers(data: str, split: str) -> dict[str, NumericStatistics]:
    """What a split's published statistics say about each number that some record has."""
    return {
        feature.name or ".".join(feature.path.step): feature.num_stats
        for dataset in _read_statistics(data, split).datasets
        for feature in dataset.features
        if feature.num_stats.common_stats.num_non_missing
    }


def _read_statistics(data: str, split: str) -> DatasetFeatureStatisticsList:
    """The published statistics of a split; UserError where they cannot be read."""
    from google.protobuf.message import DecodeError
    from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

    path = f"{data.rstrip('/')}/{statistics_path(split)}"
    try:
        return DatasetFeatureStatisticsList.FromString(read_file(path))
    except (OSError, DecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); publish the data under a new version") from None


def _name_problems(manifest: Manifest) -> Iterator[str]:
    if len(manifest.dataset) > MAX_LABEL:
        yield (
            f"data: the data set's name {manifest.dataset!r} has {len(manifest.dataset)} letters, Google's labels take "
            f"{MAX_LABEL}; publish it under a shorter one"
        )
