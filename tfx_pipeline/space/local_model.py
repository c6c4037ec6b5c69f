"""An exported model on this machine, laid out like its repository on the Hub, so that the app can open it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, create_model

from beam_jobs.storage.files import files_below
from beam_jobs.storage.local_paths import local_path
from schemas.bounded_text import enumerated
from schemas.documents import read_json_object
from schemas.errors import UserError
from schemas.exported_model import (
    EXTRA_FOLDER,
    INFO_FILE,
    INFO_PATH,
    REPOSITORY_FOLDER,
    TFLITE_FILE,
    TFLITE_FILES,
    WEIGHTS_INDEX,
    ModelInfo,
    read_model_info,
)
from schemas.frozen_model import FrozenModel, parse_model
from schemas.metrics import METRICS
from tfx_pipeline.config.output_layout import SERVING_FOLDER, SUMMARY_FILE

VERSION = re.compile("[0-9]{1,20}")  # name of a pushed model's folder


class _Evaluated(FrozenModel):
    """The data that a model was evaluated on; see `tfx_pipeline.local.summary`."""

    model_config = ConfigDict(extra="ignore")

    examples: int = Field(ge=0)


# What the apps show of a run's metrics: all that there are, of which models of earlier versions lack some.
_PER_CLASS = tuple(one.name for one in METRICS if one.per_class)
_METRIC_FIELDS: dict[str, Any] = {
    one.name: (dict[str, float | None], {}) if one.per_class else (float | None, None) for one in METRICS
}
_Metrics = create_model(
    "_Metrics",
    __base__=_Evaluated,
    **_METRIC_FIELDS,
)


class _Summary(FrozenModel):
    model_config = ConfigDict(extra="ignore")

    pushed_to: str
    metrics: dict[str, Any]


def find_model(folder: Path, runtime: str) -> Path:
    """Finds the model in `folder`, or the last one that was pushed there.

    Args:
      folder: A SavedModel with its model info, a folder of pushed versions, or the output folder of a pipeline.
      runtime: `tensorflow` runs the SavedModel, `litert` the TFLite files beside it.

    Raises:
      UserError: There is none, or `litert` has no TFLite model to run.
    """
    folder = local_path("--model", folder)
    candidates = [folder]
    for versions in (folder, folder / SERVING_FOLDER):
        if versions.is_dir():
            candidates += sorted(
                (path for path in versions.iterdir() if VERSION.fullmatch(path.name)), key=lambda p: -int(p.name)
            )
    models = [path for path in candidates if (path / INFO_PATH).is_file()]
    if not models:
        raise UserError(f"{folder}: no exported model there; `make demo` makes one, or give --model=DIR")
    if runtime == "litert" and not (models[0] / EXTRA_FOLDER / TFLITE_FILE).is_file():
        raise UserError(
            f"{models[0]}: exported without TFLite models; train with `training.export_tflite: true`, or open the"
            " Gradio app with --runtime=tensorflow"
        )
    return models[0]


def read_model(model: Path, runtime: str) -> tuple[ModelInfo, dict[str, bytes | Path]]:
    """Reads an exported model for a Space.

    Args:
      model: From `find_model`.
      runtime: See `find_model`.

    Returns:
      The model info, and the model's repository: paths to contents or files, with the metrics of its run if they are
      found nearby.

    Raises:
      UserError: The model info is damaged, or one of its files is a link that leads out of its folder.
    """
    path = model / INFO_PATH
    info = read_model_info(path)
    if info.metrics is None:
        info = info.model_copy(update={"metrics": _metrics(model, info)})
    else:
        _check_metrics(info.metrics, info.classes, f"{path}: metrics")
    names = [name for name in TFLITE_FILES if name in (info.tflite or {})]  # int8 may be left out
    files: dict[str, bytes | Path] = {name: _own_file(model, model / EXTRA_FOLDER / name) for name in names}
    if (model / WEIGHTS_INDEX).is_file():
        files[f"{REPOSITORY_FOLDER}/{WEIGHTS_INDEX}"] = _own_file(model, model / WEIGHTS_INDEX)
    if runtime == "tensorflow":
        for found in sorted(files_below(str(model))):
            relative = Path(found.path).relative_to(model)
            if relative.parts[0] != EXTRA_FOLDER:
                files[f"{REPOSITORY_FOLDER}/{relative.as_posix()}"] = _own_file(model, Path(found.path))
    return info, files | {INFO_FILE: info.to_json().encode()}


def _own_file(model: Path, path: Path) -> Path:
    """Checks a file that the app will hand out: it must lie in the model's folder, not behind a link in it."""
    real = path.resolve()
    if not real.is_file() or model.resolve() not in real.parents:
        raise UserError(f"{path}: leads to {real}, which is not a file of the model; put the file itself there")
    return real


def _metrics(model: Path, info: ModelInfo) -> dict[str, Any] | None:
    """The metrics in the summary of the run that pushed this very model; None without such a summary.

    A file of that name that is not a run's summary is ignored.
    """
    path = model.parent.parent / SUMMARY_FILE
    if not path.is_file():
        return None
    try:
        values = read_json_object(path)
        summary = _Summary.model_validate(values)
        _check_metrics(summary.metrics, info.classes, str(path))
    except (UserError, ValidationError):
        return None
    return summary.metrics if Path(summary.pushed_to).name == model.name else None


def _check_metrics(values: dict[str, Any], classes: Sequence[str], source: str) -> None:
    """UserError where the apps could not show the metrics: what is no number, or is not of the model's classes."""
    parse_model(_Metrics, values, source)
    for name in _PER_CLASS:
        if name in values and set(values[name]) != set(classes):
            raise UserError(
                f"{source}: {name}: is of {enumerated(list(values[name]))}; the model's classes are"
                f" {enumerated(classes)}; train again, or leave the metrics out"
            )
