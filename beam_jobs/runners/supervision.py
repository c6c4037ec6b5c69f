"""Runs a Beam job so that it ends when it should: no worker outlives the launcher, and a dead worker ends the job."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import Environment, SubprocessSDKEnvironment

from beam_jobs.console import STOPPED, leave
from beam_jobs.runners.beam_options import worker_processes
from beam_jobs.runners.forked_workers import WORKER_THREAD, can_fork, forked_workers
from beam_jobs.runners.inspection_cache import cached_inspections

FAILED = 1


@contextlib.contextmanager
def supervised_pipeline(
    options: PipelineOptions, meanwhile: AbstractContextManager | None = None
) -> Iterator[beam.Pipeline]:
    """A pipeline that is run at the end of the `with` block, as `beam.Pipeline` is; its `result` can be read then.

    With Beam's runner on this machine, Ctrl-C, SIGTERM and the death of a worker process end this process at once:
    Beam itself would wait until the other workers have finished. Workers end with their launcher.

    Args:
      options: Beam's, from `parse_beam_flags`.
      meanwhile: Entered before the pipeline is built, exited once it has run. It may start threads: worker processes
        are forked before.
    """
    meanwhile = meanwhile or nullcontext()
    if options.view_as(StandardOptions).runner != "FnApiRunner":
        with cached_inspections(), meanwhile, remove_temporary_folder(beam.Pipeline(options=options)) as pipeline:
            yield pipeline
        return
    direct = options.view_as(DirectOptions)
    mode = direct.direct_running_mode
    try:
        with _no_waiting(), cached_inspections(), _workers(direct) as environment:
            pipeline = remove_temporary_folder(beam.Pipeline(FnApiRunner(environment), options))
            with meanwhile, pipeline:
                yield pipeline
    finally:
        direct.direct_running_mode = mode


def remove_temporary_folder(pipeline: beam.Pipeline) -> beam.Pipeline:
    """Removes the folder that a pipeline makes for transforms in other languages, which no graph here uses.

    Beam removes it when the pipeline has run; a job that is killed would leave it behind.
    """
    os.rmdir(pipeline.local_tempdir)
    return pipeline


@contextlib.contextmanager
def _workers(direct: DirectOptions) -> Iterator[Environment | None]:
    """The environment in which Beam's runner runs the steps; None means its own process."""
    if direct.direct_running_mode != "multi_processing":
        yield None
        return
    # By default, this mode starts Beam's worker below a shell, and both would outlive the launcher.
    direct.direct_running_mode = "in_memory"  # "as the runner was made"
    if can_fork():
        with forked_workers(worker_processes(direct)) as environment:
            yield environment
    else:
        command = f"exec {shlex.quote(sys.executable)} -m beam_jobs.runners.local_worker {os.getpid()}"
        yield SubprocessSDKEnvironment.from_command_string(command)


@contextlib.contextmanager
def _no_waiting() -> Iterator[None]:
    """Exits at SIGINT or SIGTERM, and if a worker process has died."""

    def on_signal(number: int, frame: object) -> None:
        leave(128 + number, STOPPED)

    def on_thread_error(error: threading.ExceptHookArgs) -> None:
        if error.thread is not None and error.thread.name == WORKER_THREAD:
            leave(FAILED, f"error: the job failed: {_how_it_died(str(error.exc_value))}\n{STOPPED}")
        elif logging.getLogger("apache_beam").isEnabledFor(logging.ERROR):
            previous_hook(error)

    previous_hook, threading.excepthook = threading.excepthook, on_thread_error
    in_main_thread = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGINT, signal.SIGTERM) if in_main_thread else ()
    handlers = {number: signal.signal(number, on_signal) for number in signals}
    try:
        yield
    finally:
        threading.excepthook = previous_hook
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _how_it_died(beam_message: str) -> str:
    code = re.search(r"return code (-?\d+)", beam_message)
    if code is None:
        return beam_message
    number = int(code[1])
    if number >= 0:
        return f"a worker process ended with exit code {number}"
    name = signal.Signals(-number).name
    return f"a worker process was killed by {name}" + (", possibly out of memory" if name == "SIGKILL" else "")
