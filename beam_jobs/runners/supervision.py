"""Runs a Beam job so that it ends when it should: no worker outlives the launcher, and no dead worker is waited for."""

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

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from beam_jobs.console import STOPPED, leave

FAILED = 1
_WORKER_THREAD = "run_worker"  # Beam's name for the thread that waits for a worker process


@contextlib.contextmanager
def supervised_pipeline(options: PipelineOptions) -> Iterator[beam.Pipeline]:
    """A pipeline that is run at the end of the `with` block, as `beam.Pipeline` is; its `result` can be read then.

    With Beam's runner on this machine, Ctrl-C, SIGTERM and the death of a worker process end this process at once:
    Beam's own way out waits until the other workers are through with what they are at. Workers end with their launcher.
    """
    if options.view_as(StandardOptions).runner != "FnApiRunner":
        with beam.Pipeline(options=options) as pipeline:
            yield pipeline
        return
    direct = options.view_as(DirectOptions)
    mode = direct.direct_running_mode
    runner = FnApiRunner()
    if mode == "multi_processing":
        # By itself, this mode starts Beam's worker below a shell, and both would outlive the launcher.
        command = f"exec {shlex.quote(sys.executable)} -m beam_jobs.runners.local_worker {os.getpid()}"
        runner = FnApiRunner(SubprocessSDKEnvironment.from_command_string(command))
        direct.direct_running_mode = "in_memory"  # "as the runner was made"
    try:
        with _no_waiting(), beam.Pipeline(runner, options) as pipeline:
            yield pipeline
    finally:
        direct.direct_running_mode = mode


@contextlib.contextmanager
def _no_waiting() -> Iterator[None]:
    """Leaves the process at a signal that asks for it, and where a worker process has died."""

    def on_signal(number: int, frame: object) -> None:
        leave(128 + number, STOPPED)

    def on_thread_error(error: threading.ExceptHookArgs) -> None:
        if error.thread is not None and error.thread.name == _WORKER_THREAD:
            leave(FAILED, f"error: the job failed: {_how_it_died(str(error.exc_value))}\n{STOPPED}")
        elif logging.getLogger("apache_beam").isEnabledFor(logging.ERROR):
            told_before(error)

    told_before, threading.excepthook = threading.excepthook, on_thread_error
    in_main_thread = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGINT, signal.SIGTERM) if in_main_thread else ()
    handlers = {number: signal.signal(number, on_signal) for number in signals}
    try:
        yield
    finally:
        threading.excepthook = told_before
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
    return f"a worker process was killed by {name}" + (", as where memory runs out" if name == "SIGKILL" else "")
