"""Runs the graph of a request, as each job's own command line does: with progress, and a failure in one line."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from beam_jobs.console import heavy_imports
from beam_jobs.monitoring.failures import report_failure
from beam_jobs.wrapped_lines import print_lines

if TYPE_CHECKING:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

WHERE_IT_FAILED = "--verbose shows where it failed."


def run_request(
    build: Callable[[beam.Pipeline, Any], object],
    request: Any,
    options: PipelineOptions,
    doing: str,
    verbose: bool,
    after_failure: str = WHERE_IT_FAILED,
) -> float | None:
    """Runs a job and waits for its end.

    Args:
      build: Adds the graph of a request to a pipeline; imports it when it is called.
      request: A named tuple with the field `progress_dir`, which is set here.
      options: Of the pipeline.
      doing: What the progress display says, such as `Predicting`.
      verbose: Whether a failure is shown with its traceback.
      after_failure: What a person should know then.

    Returns:
      Seconds that it took; None where it has failed, which is said on standard error.
    """
    with heavy_imports():
        from beam_jobs.monitoring.progress_display import shown_progress
        from beam_jobs.runners.supervision import supervised_pipeline

    start = time.monotonic()
    with tempfile.TemporaryDirectory() as progress_dir:
        try:
            with supervised_pipeline(options, shown_progress(progress_dir, doing)) as pipeline:
                build(pipeline, request._replace(progress_dir=progress_dir))
        except Exception as error:  # anything that failed in the graph, on any runner
            report_failure(error, verbose)
            print_lines(after_failure, sys.stderr)
            return None
    return time.monotonic() - start
