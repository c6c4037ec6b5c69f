"""The part of the Dataflow service's REST interface (v1b3) that a launcher uses, on loopback.

It keeps the job that it is asked to create, and answers polls with its state, to accounts that may ask. Its `workers`
run in a thread of their own, so that polls are answered meanwhile, such as `run_staged_graph`: it does what Dataflow's
workers would do, and executes the graph that was staged, with the code in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.beam_jobs.storage_emulator import GATE, Storage
from tfx_pipeline.vertex.rehearsal.access import Denied
from tfx_pipeline.vertex.rehearsal.gate import Gate
from tfx_pipeline.vertex.rehearsal.proxy import Authority
from tfx_pipeline.vertex.rehearsal.storage import Answer
from tfx_pipeline.vertex.rehearsal.web_server import running_web_server

PENDING, RUNNING, DONE = "JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_DONE"
JOB_ID = "2026-01-01_00_00_00-1234567890"


class DataflowService:
    """A service that accepts one job.

    Attributes:
      port: On this machine.
      endpoint: For `--dataflow_endpoint`; Beam wants the name localhost.
      requests: Method and path of each request, in order.
      jobs: The JSON of each job that was asked for.
      workers: What is done before the job is; None for nothing.
      states: What polls answer, one after the other; the last one stays.
      on_state: Called before a state is first answered.
      metrics: What the job has counted, as the service's MetricUpdates.
      errors: Texts of the job's error messages.
      refusal: HTTP status and message that refuse a new job.
    """

    def __init__(self, threads: ThreadPoolExecutor, gate: Gate):
        self.port, self.endpoint = 0, ""
        self._gate = gate
        self.requests: list[str] = []
        self.jobs: list[dict] = []
        self.workers: Callable[[], None] | None = None
        self.states = [PENDING, RUNNING, DONE]
        self.on_state: dict[str, Callable[[], None]] = {}
        self.metrics: list[dict] = []
        self.errors: list[str] = []
        self.refusal: tuple[int, str] | None = None
        self._threads = threads
        self._work: Future[None] | None = None

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Status, JSON and headers of the answer to one request; header names in lower case."""
        path = url.partition("?")[0]
        self.requests.append(f"{method} {path}")
        try:
            self._gate.check_dataflow(headers.get("authorization"), method, path, _acts_as(method, body))
            status, content = self._route(method, path, body)
        except Denied as denied:
            status, content = 403, {"error": {"code": 403, "message": str(denied)}}
        return status, content, {}

    def join_workers(self) -> None:
        """Returns once the job's workers have ended, well or not."""
        futures.wait([self._work])

    def _route(self, method: str, path: str, body: bytes) -> tuple[int, dict]:
        jobs = r"/v1b3/projects/[\w-]+/locations/[\w-]+/jobs"
        if method == "POST" and re.fullmatch(jobs, path):
            if self.refusal:
                status, message = self.refusal
                return status, {"error": {"code": status, "message": message}}
            self.jobs.append(json.loads(body))
            if self.workers:
                self._work = self._threads.submit(self.workers)
            return 200, self._job(PENDING)
        if method == "GET" and re.fullmatch(jobs, path):  # those that run
            running = self.jobs and self.states[0] in (PENDING, RUNNING)
            return 200, {"jobs": [self._job(self.states[0])]} if running else {}
        if method == "GET" and re.fullmatch(f"{jobs}/{JOB_ID}", path):
            return 200, self._job(self._next_state())
        if method == "PUT" and re.fullmatch(f"{jobs}/{JOB_ID}", path):
            self.states = [json.loads(body)["requestedState"]]
            return 200, self._job(RUNNING)  # cancelling takes a while
        if method == "GET" and re.fullmatch(f"{jobs}/{JOB_ID}/metrics", path):
            return 200, {"metrics": self.metrics}
        if method == "GET" and re.fullmatch(f"{jobs}/{JOB_ID}/messages", path):
            return 200, {"jobMessages": [self._message(text) for text in self.errors]}
        return 404, {"error": {"code": 404, "message": f"no such method: {method} {path}"}}

    def _next_state(self) -> str:
        """A poll's answer; the job is done no earlier than its workers, and fails where they do."""
        if self.states[0] == DONE and self._work:
            if not self._work.done():
                return RUNNING
            if error := self._work.exception():
                self.states, self.errors = ["JOB_STATE_FAILED"], [repr(error)]
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        self.on_state.pop(state, lambda: None)()
        return state

    def _job(self, state: str) -> dict:
        job = self.jobs[0]
        return {"id": JOB_ID, "name": job["name"], "clientRequestId": job["clientRequestId"], "currentState": state}

    def _message(self, text: str) -> dict:
        return {"messageText": text, "messageImportance": "JOB_MESSAGE_ERROR", "time": "2026-01-01T00:00:00Z"}


@contextmanager
def running_service(gate: Gate = GATE, authority: Authority | None = None) -> Iterator[DataflowService]:
    """A service that answers on loopback until the block ends.

    Args:
      gate: Knows who may ask for what.
      authority: Signs the certificate for HTTPS; None speaks plain HTTP.
    """
    with ThreadPoolExecutor(1) as threads:  # waits for the workers, however the test ended
        service = DataflowService(threads, gate)
        with running_web_server(service.answer, authority) as port:
            service.port, service.endpoint = port, f"http://localhost:{port}/"
            yield service


def _acts_as(method: str, body: bytes) -> str:
    """The account whose identity a new job asks for."""
    return json.loads(body)["environment"].get("serviceAccountEmail", "") if method == "POST" and body else ""


def staged_graph(storage: Storage, job: dict):
    """The Beam graph, a Pipeline message, that a job's JSON names."""
    from apache_beam.portability.api import beam_runner_api_pb2

    url = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
    return beam_runner_api_pb2.Pipeline.FromString(storage.get(url))


def run_staged_graph(storage: Storage, service: DataflowService) -> None:
    """Executes the staged graph in this process, on Beam's in-process runner instead of containers.

    The service then reports its counts as the job's metrics.
    """
    from apache_beam.portability import python_urns
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from beam_jobs.runners.beam_options import parse_beam_flags
    from beam_jobs.runners.inspection_cache import cached_inspections

    graph = staged_graph(storage, service.jobs[0])
    for environment in graph.components.environments.values():
        environment.urn = python_urns.EMBEDDED_PYTHON
        environment.payload = b""
        del environment.dependencies[:]
    with cached_inspections():
        result = FnApiRunner().run_via_runner_api(graph, parse_beam_flags([]))
        result.wait_until_finish()
    found = result.metrics().query()
    service.metrics = [
        metric
        for one in [*found["counters"], *found["distributions"]]
        for metric in metric_updates(one.key.step, one.key.metric.namespace, one.key.metric.name, one.committed)
    ]


def metric_updates(step: str, namespace: str, name: str, value) -> Iterator[dict]:
    """A user's metric as the service reports it: tentative while the job runs, and committed."""
    reported = {"scalar": value}
    if not isinstance(value, int):
        reported = {"distribution": {"count": value.count, "sum": value.sum, "min": value.min, "max": value.max}}
    for tentative in ({"tentative": "true"}, {}):
        context = {"step": step, "namespace": namespace, **tentative}
        yield {"name": {"origin": "user", "name": name, "context": context}, **reported}
