"""An exported model on this machine, laid out as its repository on the Hub, for the app to open without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.documents import read_json_object
from schemas.errors import UserError
from schemas.exported_model import (
    EXTRA_FOLDER,
    INFO_FILE,
    INFO_PATH,
    REPOSITORY_FOLDER,
    TFLITE_FILE,
    TFLITE_FILES,
    ModelInfo,
    read_model_info,
)
from tfx_pipeline.output_layout import SERVING_FOLDER, SUMMARY_FILE


def find_model(folder: Path) -> Path:
    """The model that `folder` is, or the last one that was pushed there.

    Args:
      folder: A SavedModel with its model info, a folder of pushed versions, or the output folder of a pipeline.

    Raises:
      UserError: There is none, or it has no TFLite model.
    """
    candidates = [folder]
    for versions in (folder, folder / SERVING_FOLDER):
        if versions.is_dir():
            candidates += sorted(
                (path for path in versions.iterdir() if path.name.isdigit()), key=lambda p: -int(p.name)
            )
    models = [path for path in candidates if (path / INFO_PATH).is_file()]
    if not models:
        raise UserError(f"{folder}: no exported model there; `make demo` makes one, or give --model=DIR")
    if not (models[0] / EXTRA_FOLDER / TFLITE_FILE).is_file():
        raise UserError(f"{models[0]}: exported without TFLite models; train with `training.export_tflite: true`")
    return models[0]


def lay_out(model: Path, target: Path) -> ModelInfo:
    """Links a model's files into `target` as its repository has them, with the metrics of its run where they are near.

    Returns:
      The model info.
    """
    info = read_model_info(model / INFO_PATH)
    if info.metrics is None:
        info = info.model_copy(update={"metrics": _metrics(model)})
    target.mkdir(parents=True)
    (target / INFO_FILE).write_text(info.to_json(), encoding="utf-8")
    for name in (one for one in TFLITE_FILES if one in (info.tflite or ())):  # int8 may be left out
        (target / name).symlink_to((model / EXTRA_FOLDER / name).resolve())
    (target / REPOSITORY_FOLDER).symlink_to(model.resolve())
    return info


def _metrics(model: Path) -> dict[str, Any] | None:
    """What the summary of the run that pushed this very model says; None where there is no such summary."""
    path = model.parent.parent / SUMMARY_FILE
    if not path.is_file():
        return None
    summary = read_json_object(path)
    is_of_this_model = Path(summary.get("pushed_to") or "").name == model.name
    return summary["metrics"] if is_of_this_model else None
