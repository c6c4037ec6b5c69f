"""`summary.json` and the table at the end of a run."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.manifest import Manifest
from tfx_pipeline.evaluation import Evaluation, SliceMetrics
from tfx_pipeline.output_layout import SUMMARY_FILE

MAX_TABLE_VALUES = 6  # slices with more values, such as breed, are left to the file


@dataclass(frozen=True)
class Summary:
    """What a finished run has to say.

    Attributes:
      manifest: Of the data set version.
      evaluation: Of the trained model.
      model: Folder of the exported SavedModel.
      pushed_to: Folder that the model was pushed to; None where it was not.
      step_seconds: Step name to wall time.
      steps_up_to_date: Names of the steps that an earlier run had done.
    """

    manifest: Manifest
    evaluation: Evaluation
    model: str
    pushed_to: str | None
    step_seconds: dict[str, float]
    steps_up_to_date: tuple[str, ...]

    def to_json(self) -> str:
        """The content of `summary.json`; a metric without a value is null."""
        evaluation = self.evaluation
        values = {
            "dataset": self.manifest.dataset,
            "dataset_version": self.manifest.version,
            "dataset_manifest_sha256": self.manifest.sha256,
            "blessed": evaluation.blessed,
            "not_blessed_because": evaluation.reasons,
            "metrics": {
                **asdict(evaluation.overall),
                "slices": {
                    name: {value: asdict(metrics) for value, metrics in values.items()}
                    for name, values in evaluation.slices.items()
                },
            },
            "last_blessed_model": {"mean_iou": evaluation.baseline_mean_iou},
            "model": self.model,
            "pushed_to": self.pushed_to,
            "step_seconds": {name: round(seconds, 1) for name, seconds in self.step_seconds.items()},
            "steps_up_to_date": list(self.steps_up_to_date),
        }
        return json.dumps(values, indent=2, allow_nan=False) + "\n"

    def write(self, output: Path) -> Path:
        """Writes `summary.json` into `output`, whole or not at all, and returns its path."""
        path = output / SUMMARY_FILE
        descriptor, temporary = tempfile.mkstemp(dir=output, prefix=f".{SUMMARY_FILE}-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self.to_json())
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
        return path

    def table(self) -> str:
        """The metrics as a table for the terminal, with the slices that have few values; then the verdict."""
        evaluation = self.evaluation
        rows = [("all", evaluation.overall)]
        for values in evaluation.slices.values():
            if len(values) <= MAX_TABLE_VALUES:
                rows += list(values.items())
        class_names = list(evaluation.overall.iou)
        lines = [_row("IoU on the eval split", ["examples", *class_names, "mean", "pixel acc."])]
        lines += [_row(label, _cells(metrics)) for label, metrics in rows]
        lines.append("")
        if evaluation.baseline_mean_iou is not None:
            lines.append(f"last blessed model on the same data: mean IoU {evaluation.baseline_mean_iou:.3f}")
        if evaluation.blessed:
            lines += [f"blessed, pushed to {self.pushed_to}"]
        else:
            lines += ["not blessed, not pushed:", *(f"  {reason}" for reason in evaluation.reasons)]
        return "\n".join(lines)


def _row(label: str, cells: list[str]) -> str:
    return f"{label:<22}" + "".join(f"{cell:>12}" for cell in cells)


def _cells(metrics: SliceMetrics) -> list[str]:
    values = [*metrics.iou.values(), metrics.mean_iou, metrics.pixel_accuracy]
    return [str(metrics.examples), *("-" if value is None else f"{value:.3f}" for value in values)]
