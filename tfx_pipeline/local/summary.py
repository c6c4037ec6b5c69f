"""`summary.json` and the table at the end of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from schemas.bounded_text import bounded_lines
from schemas.features import TEST
from schemas.manifest import Manifest
from schemas.metrics import MEAN_IOU, OWN_SIZE_MEAN_IOU
from tfx_pipeline.config.output_layout import SUMMARY_FILE
from tfx_pipeline.evaluation.results import Evaluation, final_in_words
from tfx_pipeline.hub.properties import PushRecord
from tfx_pipeline.local.tuning_result import TuningResult
from tfx_pipeline.text_file import write_text_atomically

NO_INTERVAL = (None, None)
MAX_REASONS = 20  # a slice may have thousands of values below their floor; the file has all
MAX_TABLE_COLUMNS = 8  # slices that do not fit, such as the breeds of pets, are only in the file


@dataclass(frozen=True)
class Summary:
    """The outcome of a finished run.

    Attributes:
      manifest: Of the data set version.
      evaluation: Of the trained model.
      model: Folder of the exported SavedModel.
      pushed_to: Folder that the model was pushed to; None if it was not.
      step_seconds: Step name to wall time.
      steps_up_to_date: Names of the steps whose results an earlier run provided.
      hub: What HFPusher did; None if it is not configured or failed.
      hub_failure: Why HFPusher failed; None if it did not.
      tuning: Result of the search before the training; None if none is configured.
      test: Of a blessed model on the split `test`; None without such a split, or if the model is not blessed.
      test_evaluations: Number of models from this output folder that were evaluated on this test split.
    """

    manifest: Manifest
    evaluation: Evaluation
    model: str
    pushed_to: str | None
    step_seconds: dict[str, float]
    steps_up_to_date: tuple[str, ...]
    hub: PushRecord | None = None
    hub_failure: Exception | None = None
    tuning: TuningResult | None = None
    test: Evaluation | None = None
    test_evaluations: int = 0

    def to_json(self) -> str:
        """The content of `summary.json`; a metric without a value is null."""
        evaluation = self.evaluation
        values = {
            "dataset": self.manifest.dataset,
            "dataset_version": self.manifest.version,
            "dataset_manifest_sha256": self.manifest.sha256,
            "blessed": evaluation.blessed,
            "not_blessed_because": evaluation.reasons,
            "blind_classes": [asdict(one) for one in evaluation.blind],
            "warnings": evaluation.warnings,
            "metrics": evaluation.metrics(),
            "last_blessed_model": {"mean_iou": evaluation.baseline_mean_iou},
            **self._test_values(),
            "tuning": asdict(self.tuning) if self.tuning else None,
            "model": self.model,
            "pushed_to": self.pushed_to,
            "hub": asdict(self._hub_record) if self._hub_record else None,
            "step_seconds": {name: round(seconds, 1) for name, seconds in self.step_seconds.items()},
            "steps_up_to_date": list(self.steps_up_to_date),
        }
        return json.dumps(values, indent=2, allow_nan=False) + "\n"

    def _test_values(self) -> dict[str, Any]:
        """What there is to say of a test split; nothing where the version has none."""
        if TEST not in self.manifest.splits:
            return {}
        if self.test is None:
            return {"test": None}
        return {"test": {"models_evaluated": self.test_evaluations, "metrics": self.test.metrics()}}

    def write(self, output: Path) -> Path:
        """Writes `summary.json` into `output` atomically, and returns its path."""
        path = output / SUMMARY_FILE
        write_text_atomically(path, self.to_json())
        return path

    def table(self) -> str:
        """The metrics as a table for the terminal, with the slices that fit; then the verdict."""
        evaluation = self.evaluation
        columns = [("all", evaluation.overall)]
        for values in sorted(evaluation.slices.values(), key=len):
            if len(columns) + len(values) <= MAX_TABLE_COLUMNS:
                columns += values.items()
        widths = [max(12, len(name) + 2) for name, _ in columns]
        shown = [metrics for _, metrics in columns]
        label_width = max(22, 2 + max(len(figure.label) for figure in evaluation.figures))

        def row(label: str, cells: Iterable[str]) -> str:
            return f"{label:<{label_width}}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths))

        lines = [row("on the eval split", [name for name, _ in columns])]
        for figure in evaluation.figures:
            text = figure.metric.text
            lines.append(row(figure.label, [text(one.value(figure)) for one in shown]))
            if figure.metric in (MEAN_IOU, OWN_SIZE_MEAN_IOU):
                low, high = zip(*(one.intervals.get(figure.name, NO_INTERVAL) for one in shown))
                lines += [row("  95 % from", map(text, low)), row("  to", map(text, high))]
        lines += [row("examples", [str(one.examples) for one in shown]), ""]
        if TEST in self.manifest.splits:
            lines += [final_in_words(self.test, self.test_evaluations), ""]
        if self.tuning is not None:
            lines += [*self.tuning.lines(), ""]
        if evaluation.baseline_mean_iou is not None:
            lines.append(f"last blessed model on the same data: mean IoU {MEAN_IOU.text(evaluation.baseline_mean_iou)}")
        lines += bounded_lines([f"WARNING: {one}" for one in evaluation.warnings], MAX_REASONS)
        if evaluation.blessed:
            lines += [f"blessed, pushed to {self.pushed_to}", *(self.hub.lines() if self.hub else [])]
        else:
            lines += [
                "not blessed, not pushed:",
                *bounded_lines([f"  {reason}" for reason in evaluation.reasons], MAX_REASONS),
            ]
        return "\n".join(lines)

    @property
    def _hub_record(self) -> PushRecord | None:
        if self.hub_failure is not None:
            return PushRecord(reason=str(self.hub_failure))
        return self.hub
