"""`history.jsonl`: one line for each model that was trained and evaluated into an output folder, the newest last."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from schemas.documents import parse_json_object, read_document
from schemas.errors import UserError
from schemas.frozen_model import FrozenModel, parse_model
from schemas.metrics import MEAN_IOU
from tfx_pipeline.config.output_layout import HISTORY_FILE
from tfx_pipeline.text_file import write_text_atomically

if TYPE_CHECKING:  # whoever only reads does not wait for the libraries of an evaluation
    from tfx_pipeline.local.summary import Summary

MAX_RUNS = 500  # the newest are kept
MAX_BYTES = 8 << 20  # 8 MiB; a run takes some 400 bytes, with 150 classes 5 kB


class FinishedRun(FrozenModel):
    """One line.

    Attributes:
      finished: When the run ended, ISO 8601 in UTC.
      dataset, version, manifest_sha256: Of the data that the model was trained and evaluated on.
      model: Last parts of the exported model's path, which stay when the output folder is moved.
      blessed: Whether it passed.
      examples: Images of the eval split.
      metrics: Name of a figure to its value; None where it has none.
      interval: Of the mean IoU, 95 %; None where it has none.
    """

    finished: datetime
    dataset: str = Field(max_length=200)
    version: str = Field(max_length=200)
    manifest_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    model: str = Field(max_length=1024)
    blessed: bool
    examples: int = Field(ge=0)
    metrics: dict[str, float | None]
    interval: tuple[float, float] | None = None


def note_run(output: Path, summary: Summary) -> None:
    """Appends a finished run, unless it is the last one there: the same model, judged the same on the same data."""
    evaluation = summary.evaluation
    overall = evaluation.overall
    run = FinishedRun(
        finished=datetime.now(timezone.utc).replace(microsecond=0),
        dataset=summary.manifest.dataset,
        version=summary.manifest.version,
        manifest_sha256=summary.manifest.sha256,
        model="/".join(Path(summary.model).parts[-4:]),
        blessed=evaluation.blessed,
        examples=overall.examples,
        metrics={one.name: overall.value(one) for one in evaluation.figures},
        interval=overall.intervals.get(MEAN_IOU.name),
    )
    lines = _lines(output)
    if lines:
        with suppress(UserError):  # what a run cannot read it keeps, for a person
            last = _parsed(lines[-1], HISTORY_FILE)
            if run.model_copy(update={"finished": last.finished}) == last:
                return
    kept = (*lines, run.model_dump_json())[-MAX_RUNS:]
    write_text_atomically(output / HISTORY_FILE, "".join(f"{one}\n" for one in kept))


def read_history(output: Path) -> list[FinishedRun]:
    """The finished runs of an output folder, the oldest first; none where nothing was noted.

    Raises:
      UserError: The file can't be read, or a line is not one that `note_run` writes.
    """
    path = output / HISTORY_FILE
    return [_parsed(line, f"{path}:{number}") for number, line in enumerate(_lines(output), 1)]


def _lines(output: Path) -> list[str]:
    path = output / HISTORY_FILE
    try:
        return read_document(path, MAX_BYTES).decode().splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: can't be read ({error}); move it away to begin a new one") from None


def _parsed(line: str, source: str) -> FinishedRun:
    return parse_model(FinishedRun, parse_json_object(line, source), source)
