"""The configuration of one pipeline: which data, how to train, what a model must reach, where results go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field

from schemas.errors import UserError
from schemas.spec import DatasetSpec, FrozenModel, parse_model
from tfx_pipeline.components.hf_pusher.config import HubConfig
from trainer.config import TrainingConfig

RUN_FN = "trainer.run_fn.run_fn"  # import path of the training function


class EvaluationConfig(FrozenModel):
    """What a model must reach on the eval split to be blessed.

    Attributes:
      min_mean_iou: Floor of the mean IoU over all eval examples.
      min_iou: Floors of single classes, by class name.
      min_slice_mean_iou: Floors of the mean IoU in every value of a slice, by the slice's name, e.g. `species: 0.6`.
      max_mean_iou_drop: By how much the mean IoU may lie below the last blessed model's, both on this data.
      slices: Names of the slices to report, such as `breed`; all slices of the data set where it is left out.
    """

    min_mean_iou: float = Field(ge=0, le=1)
    min_iou: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    min_slice_mean_iou: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    max_mean_iou_drop: float = Field(default=0.0, ge=0, le=1)
    slices: tuple[str, ...] | None = None


class PipelineConfig(FrozenModel):
    """One pipeline run, as a YAML file describes it.

    Attributes:
      name: Name of the pipeline for the `tfx` command line and in ML Metadata; a model is compared with the last
        blessed one of the same name.
      data: Folder of a published data set version, such as `runs/data/pets/1.0.0`.
      output: Folder of everything that the pipeline writes.
      training: What the trainer does.
      evaluation: What makes a model good enough.
      hub: Where on the Hugging Face Hub a blessed model goes, beside `output`; nowhere where it is left out.

    Relative paths start from the folder in which the command runs.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    data: str = Field(min_length=1)
    output: str = Field(min_length=1)
    training: TrainingConfig
    evaluation: EvaluationConfig
    hub: HubConfig | None = None


def load_config(path: Path, data: str | None = None, output: str | None = None) -> PipelineConfig:
    """Reads a configuration file; `data` and `output` take the place of the file's where given.

    Raises:
      UserError: The file is missing or no YAML, or a key or value is wrong; names the file and the key.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot read the configuration: {error.strerror}; give --config=FILE") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: no valid YAML: {' '.join(str(error).split())}") from None
    if isinstance(values, dict):
        values |= {key: value for key, value in (("data", data), ("output", output)) if value is not None}
    return parse_model(PipelineConfig, values, str(path))


def check_evaluation(evaluation: EvaluationConfig, spec: DatasetSpec) -> None:
    """Checks that the classes and slices that `evaluation` names exist in the data set.

    Raises:
      UserError: Names the key and what there is to choose from.
    """
    for key, names, known in (
        ("evaluation.min_iou", evaluation.min_iou, spec.class_names),
        ("evaluation.slices", evaluation.slices or (), spec.slice_names),
        ("evaluation.min_slice_mean_iou", evaluation.min_slice_mean_iou, spec.slice_names),
    ):
        if unknown := [name for name in names if name not in known]:
            raise UserError(f"{key}: data set {spec.name!r} has no {', '.join(unknown)}; it has {', '.join(known)}")
