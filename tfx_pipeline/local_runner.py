"""Runs the pipeline on this machine: `python -m tfx_pipeline.local_runner --config=FILE`.

The same file is the pipeline file of the `tfx` command line:

    tfx pipeline create --engine=local --pipeline-path=tfx_pipeline/local_runner.py
    tfx run create --engine=local --pipeline-name=NAME

which passes no arguments, so every option can also come from the environment (see `--help`).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from beam_jobs.console import (
    USER_ERROR,
    CommandLine,
    exit_code,
    heavy_imports,
    show_lines_at_once,
    stderr_in_file,
)
from beam_jobs.storage.local_paths import local_path
from beam_jobs.storage.locations import refuse_wildcards
from beam_jobs.storage.sole_use import sole_use
from beam_jobs.wrapped_lines import print_lines
from schemas.errors import UserError
from schemas.secrets import redacted
from schemas.version import PublishedVersion, read_version, verify_version
from tfx_pipeline.config.output_layout import (
    CHECKPOINTS_FOLDER,
    LOCK_FILE,
    LOGS_FOLDER,
    PIPELINE_FOLDER,
    PREDICTIONS_FILE,
    REPORT_FILE,
    SERVING_FOLDER,
    SUMMARY_FILE,
    TEMPORARY_FOLDER,
)
from tfx_pipeline.config.pipeline import RUN_FN, PipelineConfig, load_config
from tfx_pipeline.local.metadata_file import check_metadata_file
from tfx_pipeline.local.temporary_files import temporary_files_in
from tfx_pipeline.preflight import check_run

DEFAULT_CONFIG = Path(__file__).parent / "configs" / "demo.yaml"

EXIT_BLESSED = 0
EXIT_STEP_FAILED = 1
EXIT_USER_ERROR = USER_ERROR
EXIT_NOT_BLESSED = 3
EXIT_NO_SPACE = 4

EPILOG = f"""\
exit codes:
  {EXIT_BLESSED}  the model is blessed and pushed
  {EXIT_STEP_FAILED}  a step failed; the traceback is in OUTPUT/{LOGS_FOLDER}/
  {EXIT_USER_ERROR}  the configuration or the data cannot be used
  {EXIT_NOT_BLESSED}  the run finished, but the model is not good enough: not blessed, not pushed
  {EXIT_NO_SPACE}  the model is blessed and pushed, but its Space on the Hub could not be

Another run with the same output folder reuses the results of finished steps."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    options = _parser().parse_args(arguments)
    show_lines_at_once()
    return exit_code(lambda: _check_and_run(options), "interrupted; finished steps are kept")


def _check_and_run(options: argparse.Namespace) -> int:
    config = load_config(options.config, options.data, options.output, options.set)
    config, version = check_inputs(config)
    output = Path(config.output)
    make_output_folder(output)
    refusal = f"{output}: another run is writing there; wait for its end, or choose another --output"
    with sole_use(str(output / LOCK_FILE), refusal), temporary_files_in(output / TEMPORARY_FOLDER):
        return run(config, version, options.verbose)


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="python -m tfx_pipeline.local_runner",
        description="Trains, evaluates and pushes a model on a published data set version, on this machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    environment = os.environ.get
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(environment("PIPELINE_CONFIG") or DEFAULT_CONFIG),
        metavar="FILE",
        help="YAML file (default: PIPELINE_CONFIG, or the packaged configs/demo.yaml)",
    )
    parser.add_argument(
        "--data",
        default=environment("PIPELINE_DATA"),
        metavar="ROOT/DATASET/VERSION",
        help="published version, in place of the configuration's (default: PIPELINE_DATA)",
    )
    parser.add_argument(
        "--output",
        default=environment("PIPELINE_OUTPUT"),
        metavar="DIR",
        help="where results go, in place of the configuration's (default: PIPELINE_OUTPUT)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value in place of the configuration's, such as training.model=deeplabv3plus; can be repeated",
    )
    parser.add_argument("--verbose", action="store_true", help="show what the libraries log")
    return parser


def check_inputs(config: PipelineConfig) -> tuple[PipelineConfig, PublishedVersion]:
    """Checks the data set version and what the configuration says about it; writes nothing.

    Returns:
      The configuration with absolute paths, and the version.

    Raises:
      UserError: The version, the files of earlier runs in the output, or something that `tfx_pipeline.preflight` checks
        cannot be used, or TensorFlow would take a path for a pattern.
    """
    data, output = local_path("data", config.data), local_path("output", config.output)
    if data == output or data in output.parents:
        raise UserError(f"{config.output}: output lies inside the published version {config.data}; choose another one")
    for option, folder in (("data", data), ("output", output)):
        refuse_wildcards(option, str(folder))
    check_metadata_file(output)
    if config.hub is not None and config.hub.dry_run:
        dry_run = local_path("hub.dry_run", config.hub.dry_run)
        check_dry_run_place(dry_run, data, output)
        config = config.model_copy(update={"hub": config.hub.model_copy(update={"dry_run": str(dry_run)})})
    check_run(config, read_version(data))  # takes seconds; next, every byte of the shards is read
    version = verify_version(data)
    return config.model_copy(update={"data": str(data), "output": str(output)}), version


def check_dry_run_place(dry_run: Path, data: Path, output: Path) -> None:
    """Raises UserError if a dry run of the Hub would write into a folder of TFX, served models or a data set.

    The run itself creates those folders, so the push would only fail after the training.
    """
    taken = [data, *(output / name for name in (PIPELINE_FOLDER, SERVING_FOLDER, CHECKPOINTS_FOLDER, LOGS_FOLDER))]
    for folder in taken:
        if dry_run == folder or dry_run in folder.parents or folder in dry_run.parents:
            raise UserError(
                f"hub.dry_run {dry_run}: would mix with {folder}; choose a folder of its own, such as"
                f" {output.with_name(f'{output.name}-hub')}"
            )


def make_output_folder(output: Path) -> None:
    """Creates the output folder and its folder of logs; UserError if nothing can be written there."""
    try:
        (output / LOGS_FOLDER).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        raise UserError(f"{output}: cannot write there ({error.strerror}); choose another --output") from None


def run(config: PipelineConfig, version: PublishedVersion, verbose: bool, run_fn: str = RUN_FN) -> int:
    """Runs the pipeline, prints its progress and its result, and returns the exit code.

    Raises:
      UserError: A step could not use the user's input.
    """
    output, manifest = Path(config.output), version.manifest
    log = output / LOGS_FOLDER / f"{datetime.now():%Y-%m-%dT%H-%M-%S-%f}.log"
    counts = ", ".join(f"{manifest.splits[split].records} {split}" for split in manifest.split_names)
    print(f"pipeline {config.name}: {manifest.dataset} {manifest.version} ({counts}), manifest {manifest.sha256[:12]}")
    print("loading TFX ..." if verbose else f"loading TFX ... (log: {log})")
    failure: Exception | None = None
    summary = None
    with nullcontext() if verbose else stderr_in_file(log):
        try:
            with heavy_imports():
                from tfx_pipeline.local.local_run import run_locally  # TFX takes ten seconds and more to import

            summary = run_locally(config, version, run_fn)
        except Exception as error:  # any error in a step becomes one line here and a traceback in the log
            traceback.print_exc()
            failure = error
    if summary is not None:
        print_lines(f"\n{summary.table()}\n\nsummary: {output / SUMMARY_FILE}\npicture: {output / PREDICTIONS_FILE}")
        print(f"report: {output / REPORT_FILE}")
        failure = summary.hub_failure
    if failure is not None:
        if isinstance(failure, UserError):
            raise failure
        if isinstance(failure.__cause__, UserError):
            raise failure.__cause__
        print(f"error: {_one_line(failure)}" + ("" if verbose else f"\ntraceback: {log}"), file=sys.stderr)
        return EXIT_STEP_FAILED
    if summary is None:  # `tfx pipeline create` and `compile` run nothing
        return EXIT_BLESSED
    if not summary.evaluation.blessed:
        return EXIT_NOT_BLESSED
    return EXIT_NO_SPACE if summary.hub and summary.hub.space_failed else EXIT_BLESSED


def _one_line(error: Exception, limit: int = 300) -> str:
    text = redacted(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."


if __name__ == "__main__":
    sys.exit(main())
