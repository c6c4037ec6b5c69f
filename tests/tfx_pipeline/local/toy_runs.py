"""Runs of the whole pipeline with a model that needs no training, and what numpy says of that model."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from schemas.version import read_version
from tests.tfx_pipeline import toy_trainer
from tfx_pipeline import local_runner
from tfx_pipeline.config.pipeline import EvaluationConfig, PipelineConfig

GOOD, MIDDLING, PERFECT = 1, 2, 0  # rows by which the toy model's prediction is moved
CLASSES = ("pet", "background", "border")


@dataclass
class Ended:
    """What one run returned and printed, and its summary."""

    exit_code: int
    out: str
    err: str
    summary: dict


@dataclass
class Run(Ended):
    """What one run returned, printed and left behind."""

    served: list[str]
    sheet_mtime_ns: int


def toy_config(version: Path, output: Path, moved_rows: int, evaluation: EvaluationConfig, **more) -> PipelineConfig:
    """The configuration of a run whose model is moved by so many rows."""
    return PipelineConfig(
        name="toy",
        data=str(version),
        output=str(output),
        training={"encoder_weights": "none", "fine_tune_epochs": 0, "seed": moved_rows},
        evaluation=evaluation,
        **more,
    )


def run_pipeline(
    version: Path, output: Path, moved_rows: int, min_mean_iou=0.5, run_fn="run_fn", **floors: dict[str, float]
) -> Run:
    evaluation = EvaluationConfig(min_mean_iou=min_mean_iou, max_mean_iou_drop=0.01, **floors)
    config = toy_config(version, output, moved_rows, evaluation)
    local_runner.make_output_folder(output)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        exit_code = local_runner.run(config, read_version(version), False, f"{toy_trainer.__name__}.{run_fn}")
    summary, sheet = output / "summary.json", output / "predictions.png"
    return Run(
        exit_code=exit_code,
        out=out.getvalue(),
        err=err.getvalue(),
        summary=json.loads(summary.read_text()) if summary.exists() else {},
        served=sorted(str(path) for path in output.glob("serving/*")),
        sheet_mtime_ns=sheet.stat().st_mtime_ns if sheet.exists() else 0,
    )


def judged(
    version: Path, moved_rows: int, breed: str | None = None, split: str = "eval"
) -> list[tuple[bytes, np.ndarray, np.ndarray]]:
    """Serialized examples with truth and the toy model's prediction, class ids [S, S]."""
    examples = []
    for serialized in tf.data.TFRecordDataset([str(path) for path in version.glob(f"examples/Split-{split}/*")]):
        values = tf.train.Example.FromString(serialized.numpy()).features.feature
        if breed is None or values["breed"].bytes_list.value[0].decode() == breed:
            truth = np.asarray(Image.open(io.BytesIO(values["mask"].bytes_list.value[0])))
            examples.append((serialized.numpy(), truth, np.roll(truth, moved_rows, axis=0)))
    return examples


def numpy_ious(version: Path, moved_rows: int, breed: str | None = None, split: str = "eval") -> np.ndarray:
    """IoU per class of the toy model, float64 [C], by counting pixels; NaN where a class does not occur."""
    intersections, unions = np.zeros(3), np.zeros(3)
    for _, truth, predicted in judged(version, moved_rows, breed, split):
        for class_id in range(3):
            intersections[class_id] += np.sum((truth == class_id) & (predicted == class_id))
            unions[class_id] += np.sum((truth == class_id) | (predicted == class_id))
    with np.errstate(invalid="ignore"):
        return intersections / unions


def named(version: Path) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Id, truth and the toy model's prediction of each eval example."""

    def id_of(serialized: bytes) -> str:
        return tf.train.Example.FromString(serialized).features.feature["image_id"].bytes_list.value[0].decode()

    return [(id_of(one), truth, predicted) for one, truth, predicted in judged(version, MIDDLING)]
