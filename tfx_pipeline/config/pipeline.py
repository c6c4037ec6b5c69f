"""The configuration of one pipeline: the data, how to train, what a model must reach, where results go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.bounded_text import enumerated
from schemas.documents import parse_yaml, read_yaml
from schemas.errors import UserError
from schemas.frozen_model import FrozenModel, parse_model
from schemas.secrets import SECRET_RESOURCE
from schemas.spec import DatasetSpec
from tfx_pipeline.config.cloud import CloudConfig, check_places
from tfx_pipeline.config.hub import HubConfig
from trainer.config import TrainingConfig
from trainer.tuning import TuningConfig, check_trials

RUN_FN = "trainer.run_fn.run_fn"  # import path of the training function
TUNER_FN = "trainer.tuner_fn.tuner_fn"  # import path of the function that prepares a search
PLACEHOLDER = re.compile(r"<[A-Z_]+>")  # placeholders that an example file leaves to be filled in


class EvaluationConfig(FrozenModel):
    """The thresholds that a model must meet on the eval split to be blessed.

    Attributes:
      min_mean_iou: Floor of the mean IoU over all eval examples.
      min_iou: Floors of single classes, by name or title.
      min_slice_mean_iou: Floors of the mean IoU in every value of a slice, by the slice's name, e.g. `species: 0.6`.
      allow_blind: Names or titles of classes that a blessed model may fail to see. Without them, it must reach an IoU
        that is shown as more than 0.00 in every class that the eval split shows.
      max_mean_iou_drop: How far the mean IoU may lie below the last blessed model's, both on this data.
      slices: Names of the slices to report, such as `breed`; by default, all slices of the data set.
    """

    min_mean_iou: float = Field(ge=0, le=1)
    min_iou: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    min_slice_mean_iou: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    allow_blind: tuple[str, ...] = ()
    max_mean_iou_drop: float = Field(default=0.0, ge=0, le=1)
    slices: tuple[str, ...] | None = None


class PipelineConfig(FrozenModel):
    """One pipeline run, as a YAML file describes it.

    Attributes:
      name: Name of the pipeline for the `tfx` command line and in ML Metadata; a model is compared with the last
        blessed one of the same name.
      data: Folder of a published data set version, such as `runs/data/pets/1.0.0`.
      output: Folder of everything that the pipeline writes.
      training: Settings of the training.
      tuning: Which training settings a search chooses first; optional.
      evaluation: What makes a model good enough.
      hub: Where on the Hugging Face Hub a blessed model goes, in addition to `output`; optional.
      cloud: Where and on what the pipeline runs on Google Cloud; only `tfx_pipeline.vertex` needs it.

    Relative paths are relative to the folder in which the command runs.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=63)  # as long as Google's labels and job names take
    data: str = Field(min_length=1)
    output: str = Field(min_length=1)
    training: TrainingConfig
    tuning: TuningConfig | None = None
    evaluation: EvaluationConfig
    hub: HubConfig | None = None
    cloud: CloudConfig | None = None

    @field_validator("tuning")
    @classmethod
    def _trials_fit(cls, tuning: TuningConfig | None, info: ValidationInfo) -> TuningConfig | None:
        if tuning is not None and "training" in info.data:
            check_trials(tuning, info.data["training"])
        return tuning

    @model_validator(mode="after")
    def _hub_takes_whole_images(self) -> PipelineConfig:
        if self.hub is not None and self.training.crop_size:
            raise ValueError(
                "hub: the model card's code fits photos into the model's size, which crop models "
                "(training.crop_size) do not have; leave hub out, or train on whole images"
            )
        return self


class CloudPipelineConfig(PipelineConfig):
    """The configuration of a pipeline that runs on Google Cloud: `cloud` is there."""

    # Pydantic makes the field required, as intended; in a dataclass, it could not follow fields with defaults.
    cloud: CloudConfig  # pyright: ignore[reportGeneralTypeIssues]


def load_config(
    path: Path, data: str | None = None, output: str | None = None, settings: Sequence[str] = ()
) -> PipelineConfig:
    """Reads a configuration file; `data`, `output` and `settings` override the file's values.

    Args:
      path: YAML file.
      data, output: See PipelineConfig.
      settings: `KEY=VALUE` each, with dots between the keys of sections, as in `training.epochs=8`.

    Raises:
      UserError: The file is missing or not YAML, or a key or value is wrong; names the file and the key.
    """
    try:
        values = read_yaml(path)
    except OSError as error:
        raise UserError(f"{path}: cannot read the configuration: {error.strerror}; give --config=FILE") from None
    if isinstance(values, dict):
        values |= {key: value for key, value in (("data", data), ("output", output)) if value is not None}
        for setting in settings:
            apply_setting(values, setting)
    if problems := list(_unfilled(values)):
        raise UserError("\n".join(f"{path}: {problem}" for problem in problems))
    return parse_model(PipelineConfig, values, str(path))


def load_cloud_config(
    path: Path, data: str | None = None, output: str | None = None, settings: Sequence[str] = ()
) -> CloudPipelineConfig:
    """Reads a configuration like `load_config`, for a run on Google Cloud: with `cloud`, and all paths in buckets.

    Raises:
      UserError: As `load_config`; or there is no `cloud` section, or `data` or `output` is not in a bucket.
    """
    config = load_config(path, data, output, settings)
    problems = check_places(config.data, config.output)
    if config.cloud is None:
        problems.append("cloud: missing; see tfx_pipeline/configs/vertex.example.yaml")
    if config.hub is not None:
        problems += _hub_on_vertex(config.hub)
    if problems:
        raise UserError("\n".join(f"{path}: {problem}" for problem in problems))
    return CloudPipelineConfig(**dict(config))


def _hub_on_vertex(hub: HubConfig) -> Iterator[str]:
    """One line for each setting that a step on Vertex AI cannot use: it does not see your environment and files."""
    if not hub.dry_run and re.fullmatch(SECRET_RESOURCE, hub.token) is None:
        form = "projects/PROJECT/secrets/NAME/versions/VERSION"
        yield f"hub.token: name a Secret Manager version, {form}, got {hub.token!r}"
    for uri in hub.space.examples if hub.space else ():
        if not uri.startswith("gs://"):
            yield f"hub.space.examples: give gs:// addresses, got {uri!r}"


def apply_setting(values: dict[str, Any], setting: str) -> None:
    """Sets one `KEY=VALUE`, with the value parsed as YAML; creates missing sections."""
    keys, equals, text = setting.partition("=")
    *sections, last = keys.split(".")
    if not equals or not all((*sections, last)):
        raise UserError(f"--set {setting}: give KEY=VALUE, such as training.epochs=8")
    try:
        value = parse_yaml(text, f"--set {'.'.join((*sections, last))}")
    except UserError as error:
        raise UserError(f"{error}; give a number, true, a text, or [a, list]") from None
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise UserError(f"--set {setting}: {section} is not a section")
    values[last] = value


def _unfilled(values: Any, key: str = "") -> Iterator[str]:
    """One line for each value that still holds a placeholder such as `<PROJECT>`."""
    children = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for name, value in children:
        yield from _unfilled(value, f"{key}.{name}" if key else str(name))
    if isinstance(values, str) and (found := PLACEHOLDER.findall(values)):
        yield f"{key}: put your own values in place of {', '.join(dict.fromkeys(found))}, got {values!r}"


def check_evaluation(evaluation: EvaluationConfig, spec: DatasetSpec) -> None:
    """Checks that the data set has the classes and slices that `evaluation` names.

    Raises:
      UserError: Names the key and the available names.
    """
    titles = {one.name: f"{one.name} ({one.title})" for one in spec.classes if one.title}
    for key, names, known in (
        ("evaluation.min_iou", evaluation.min_iou, spec.class_names),
        ("evaluation.allow_blind", evaluation.allow_blind, spec.class_names),
        ("evaluation.slices", evaluation.slices or (), spec.slice_names),
        ("evaluation.min_slice_mean_iou", evaluation.min_slice_mean_iou, spec.slice_names),
    ):
        if unknown := [name for name in names if name not in known]:
            there = enumerated([titles.get(name, name) for name in known], most=20)
            raise UserError(f"{key}: data set {spec.name!r} has no {enumerated(unknown)}; it has {there}")
