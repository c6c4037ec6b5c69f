"""Command line that ranks the masks of a published version by how little they fit models that have not learnt them."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from beam_jobs.console import CommandLine, heavy_imports, quiet_libraries, show_lines_at_once
from beam_jobs.html.labels import by_count, in_words
from beam_jobs.storage.local_paths import local_path
from beam_jobs.storage.locations import refuse_wildcards
from beam_jobs.wrapped_lines import print_lines
from schemas.errors import UserError
from schemas.features import TRAINING_SPLITS
from schemas.version import PublishedVersion, verify_version
from tfx_pipeline.label_issues.cheap_training import cheap_training
from tfx_pipeline.label_issues.ranking import ISSUES_FILE, PAGE_FILE, QUALITY_FILE, Issue
from trainer.config import TrainingConfig

if TYPE_CHECKING:
    pass

FOLDS = 3


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns 0.

    Raises:
      UserError: The options or the version can't be used, or the output already holds a list.
    """
    options = _parser().parse_args(arguments)
    show_lines_at_once()
    quiet_libraries(options.verbose)
    data = local_path("--data", options.data)
    refuse_wildcards("--data", str(data))
    version = verify_version(data)
    manifest = version.manifest
    output = local_path("--output", options.output or f"runs/label_issues/{manifest.dataset}-{manifest.version}")
    _check_output(output, data)
    records = sum(manifest.splits[split].records for split in TRAINING_SPLITS)
    config = cheap_training(manifest, _trained_on(records, options.folds), options.offline, options.set)
    issues = find_label_issues(data, version, config, output, options.folds, options.worst)
    kinds = ", ".join(f"{in_words(kind)} {n}" for kind, n in by_count(Counter(one.suspicion.kind for one in issues)))
    print_lines(f"\n{len(issues):,} of {records:,} masks are listed" + (f": {kinds}" if kinds else ""))
    print_lines(f"In a browser: {output / PAGE_FILE}; the score of every photo: {output / QUALITY_FILE}")
    if issues:
        print_lines(f"Delete the lines of masks that are right from {output / ISSUES_FILE}")
        print_lines(f"Leave the others out of the next version: beam_jobs.prepare ... --exclude={output / ISSUES_FILE}")
    return 0


def find_label_issues(
    data: Path, version: PublishedVersion, config: TrainingConfig, output: Path, folds: int, worst: int | None
) -> list[Issue]:
    """Judges every mask of the splits train and eval, and writes the three files into `output`, which exists.

    Args:
      data: Folder of the version.
      version: What it says about itself.
      config: Of each fold's training.
      output: Folder.
      folds: How many parts the records are cut into; each is judged by a model that is trained on the others.
      worst: How many photos to list; None lists those that are far below the others.

    Returns:
      The listed photos, the lowest score first.
    """
    with heavy_imports():
        from tfx_pipeline.label_issues.folds import cut_into_folds
        from tfx_pipeline.label_issues.judging import judge
        from tfx_pipeline.label_issues.suspecting import write_issues

    shards = {
        split: [str(data / shard.path) for shard in version.manifest.splits[split].shards] for split in TRAINING_SPLITS
    }
    with tempfile.TemporaryDirectory(prefix="label-issues-") as folder:
        cut = cut_into_folds(shards, folds, Path(folder), version.spec.names_groups)
        return write_issues(judge(cut, config, version), cut, data, version, output, worst)


def _trained_on(records: int, folds: int) -> int:
    return max(1, records - -(-records // folds))


def _check_output(output: Path, data: Path) -> None:
    """Makes the folder; UserError if it is part of the version, or holds a list that a person may have edited."""
    if output == data or data in output.parents:
        raise UserError(f"--output {output}: lies inside the published version {data}; choose another one")
    if (output / ISSUES_FILE).exists():
        raise UserError(f"--output {output}: has a {ISSUES_FILE}, which you may have edited; choose another --output")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output {output}: can't be written to ({error.strerror})") from None


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m tfx_pipeline.label_issues",
        description="Ranks the masks of a published version, train and eval, by how little they fit what a model "
        "predicts that has not learnt them. Trains a small model for each of a few parts of the photos, on the others; "
        f"writes {ISSUES_FILE}, {QUALITY_FILE} and {PAGE_FILE}.",
        allow_abbrev=False,
    )
    parser.add_argument("--data", required=True, metavar="ROOT/DATASET/VERSION", help="a published version")
    parser.add_argument("--output", metavar="DIR", help="(default: runs/label_issues/DATASET-VERSION)")
    parser.add_argument("--folds", type=_at_least(2), default=FOLDS, help=f"parts of the photos (default: {FOLDS})")
    parser.add_argument(
        "--worst",
        type=_at_least(1),
        metavar="N",
        help="list the N lowest scores (default: all that are far below the others)",
    )
    parser.add_argument("--offline", action="store_true", help="train from scratch: download no ImageNet weights")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the trainings, such as training.epochs=20; can be repeated",
    )
    parser.add_argument("--verbose", action="store_true", help="show the libraries' own messages")
    return parser


def _at_least(least: int):
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}")
        return value

    return number
