"""Worker processes forked from the launcher of a local job: they start at once, with everything that it imported.

Beam's own worker processes import everything again, in 5 to 10 s each, and outlive their launcher.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    FNAPI_RUNNER_CAPABILITIES,
    STATE_CACHE_SIZE_MB,
    GrpcWorkerHandler,
    WorkerHandler,
)
from apache_beam.runners.worker.sdk_worker import SdkHarness
from apache_beam.transforms.environments import Environment, python_sdk_capabilities

from beam_jobs.runners.local_worker import end_with

WORKER_THREAD = "run_worker"  # Beam's name for the thread that waits for a worker process

_URN = "segmentation_pipeline:env:forked_worker:v1"


class _Worker(NamedTuple):
    """A forked process that waits for the address to connect to; it exits when `orders` is closed."""

    pid: int
    orders: int


_waiting: list[_Worker] = []
_connected: list[int] = []  # process ids of launchers that have opened gRPC channels to their workers


def can_fork() -> bool:
    """Whether workers can be forked from this process now: on Linux, before it has used gRPC to talk to workers."""
    return sys.platform == "linux" and os.getpid() not in _connected


@contextlib.contextmanager
def forked_workers(count: int) -> Iterator[ForkedWorkerEnvironment]:
    """Forks the workers that a pipeline in this `with` block may use, and waits for those that it did not.

    Only use it if `can_fork` holds.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # or each worker would write what is buffered once more
            stream.flush()
    for _ in range(count):
        _waiting.append(_fork())
    try:
        yield ForkedWorkerEnvironment(python_sdk_capabilities())
    finally:
        while _waiting:
            worker = _waiting.pop()
            os.close(worker.orders)
            os.waitpid(worker.pid, 0)


def _fork() -> _Worker:
    launcher = os.getpid()
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        for inherited in (send, *(worker.orders for worker in _waiting)):
            os.close(inherited)
        _work(receive, launcher)
    os.close(receive)
    return _Worker(pid, send)


def _work(receive: int, launcher: int) -> NoReturn:
    """Runs a worker process, which does not run the launcher's clean-up when it ends."""
    code = 1
    try:
        end_with(launcher)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        threading.excepthook = threading.__excepthook__
        with os.fdopen(receive) as orders:
            order = orders.read()
        if order:
            SdkHarness(
                **json.loads(order),
                state_cache_size=STATE_CACHE_SIZE_MB << 20,
                data_buffer_time_limit_ms=0,  # a flush by timer could split an element that is being written
                runner_capabilities=FNAPI_RUNNER_CAPABILITIES,
            ).run()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


class ForkedWorkerEnvironment(Environment):
    """Makes Beam's local runner use the workers that were forked."""

    def to_runner_api_parameter(self, context):
        return _URN, b""

    @staticmethod
    def from_runner_api_parameter(payload, capabilities, artifacts, resource_hints, context):
        return ForkedWorkerEnvironment(capabilities, artifacts, resource_hints)


Environment.register_urn(_URN, bytes)(ForkedWorkerEnvironment)  # Beam types it as no decorator of a class


@WorkerHandler.register_environment(_URN, bytes)
class ForkedWorkerHandler(GrpcWorkerHandler):
    """Sends one forked worker its address, and waits for its end."""

    def __init__(self, payload, state, provision_info, grpc_server):
        super().__init__(state, provision_info, grpc_server)

    def start_worker(self) -> None:
        _connected.append(os.getpid())
        self._worker = _waiting.pop()
        order = {"control_address": self.control_address, "worker_id": self.worker_id}
        os.write(self._worker.orders, json.dumps(order).encode())
        os.close(self._worker.orders)
        self._watch = threading.Thread(name=WORKER_THREAD, target=self._wait)
        self._watch.start()

    def _wait(self) -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(self._worker.pid, 0)[1])
        if code:
            raise RuntimeError(f"worker process: return code {code}")

    def stop_worker(self) -> None:
        self._watch.join()
