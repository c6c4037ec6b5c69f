"""The part of the Dataflow service's REST interface (v1b3) that a launcher uses, on loopback.

It keeps the job that it is asked to create, and answers each poll with the next state, to accounts that may ask.
`run_staged_graph` does what the workers would do: it executes the graph that was staged, with the code in it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.beam_jobs.storage_emulator import GATE, Storage, answer_json
from tfx_pipeline.vertex.rehearsal.access import Denied

JOB_ID = "2026-01-01_00_00_00-1234567890"


class DataflowService:
    """A service that accepts one job.

    Attributes:
      endpoint: For `--dataflow_endpoint`; Beam wants the name localhost.
      requests: Method and path of each request, in order.
      jobs: The JSON of each job that was asked for.
      states: What polls answer, one after the other; the last one stays.
      on_state: Called in the service's thread before a state is first told.
      metrics: What the job has counted, as the service's MetricUpdates.
      errors: Texts of the job's error messages.
      refusal: HTTP status and message that refuse a new job.
    """

    def __init__(self, port: int):
        self.endpoint = f"http://localhost:{port}/"
        self.requests: list[str] = []
        self.jobs: list[dict] = []
        self.states = ["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_DONE"]
        self.on_state: dict[str, Callable[[], None]] = {}
        self.metrics: list[dict] = []
        self.errors: list[str] = []
        self.refusal: tuple[int, str] | None = None

    def answer(self, method: str, path: str, body: bytes, authorization: str | None) -> tuple[int, dict]:
        """Status and JSON of the answer to one request."""
        self.requests.append(f"{method} {path}")
        jobs = r"/v1b3/projects/[\w-]+/locations/[\w-]+/jobs"
        acts_as = json.loads(body)["environment"].get("serviceAccountEmail", "") if method == "POST" and body else ""
        try:
            GATE.check_dataflow(authorization, method, path, acts_as)
        except Denied as denied:
            return 403, {"error": {"code": 403, "message": str(denied)}}
        if method == "POST" and re.fullmatch(jobs, path):
            if self.refusal:
                status, message = self.refusal
                return status, {"error": {"code": status, "message": message}}
            self.jobs.append(json.loads(body))
            return 200, self._job("JOB_STATE_PENDING")
        if method == "GET" and re.fullmatch(f"{jobs}/{JOB_ID}", path):
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            self.on_state.pop(state, lambda: None)()
            return 200, self._job(state)
        if method == "GET" and re.fullmatch(f"{jobs}/{JOB_ID}/metrics", path):
            return 200, {"metrics": self.metrics}
        if method == "GET" and re.fullmatch(f"{jobs}/{JOB_ID}/messages", path):
            return 200, {"jobMessages": [self._message(text) for text in self.errors]}
        return 404, {"error": {"code": 404, "message": f"no such method: {method} {path}"}}

    def _job(self, state: str) -> dict:
        job = self.jobs[0]
        return {"id": JOB_ID, "name": job["name"], "clientRequestId": job["clientRequestId"], "currentState": state}

    def _message(self, text: str) -> dict:
        return {"messageText": text, "messageImportance": "JOB_MESSAGE_ERROR", "time": "2026-01-01T00:00:00Z"}


@contextmanager
def running_service() -> Iterator[DataflowService]:
    """A service that answers on loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sender = self.headers.get("Authorization")
            answer_json(self, *service.answer(self.command, self.path.partition("?")[0], body, sender))

        do_GET = do_POST = do_PUT = _answer  # noqa: N815 (names that http.server calls)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    service = DataflowService(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield service
    server.shutdown()
    server.server_close()


def staged_graph(storage: Storage, job: dict):
    """The Beam graph, a Pipeline message, that a job's JSON names."""
    from apache_beam.portability.api import beam_runner_api_pb2

    url = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
    return beam_runner_api_pb2.Pipeline.FromString(storage.get(url))


def run_staged_graph(storage: Storage, service: DataflowService) -> None:
    """Executes the staged graph in this process, on Beam's in-process runner instead of containers.

    What it counts is what the service then tells as the job's metrics.
    """
    from apache_beam.portability import python_urns
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from beam_jobs.runners.beam_options import parse_beam_flags

    graph = staged_graph(storage, service.jobs[0])
    for environment in graph.components.environments.values():
        environment.urn = python_urns.EMBEDDED_PYTHON
        environment.payload = b""
        del environment.dependencies[:]
    result = FnApiRunner().run_via_runner_api(graph, parse_beam_flags([]))
    result.wait_until_finish()
    found = result.metrics().query()
    service.metrics = [
        metric
        for one in [*found["counters"], *found["distributions"]]
        for metric in metric_updates(one.key.step, one.key.metric.namespace, one.key.metric.name, one.committed)
    ]


def metric_updates(step: str, namespace: str, name: str, value) -> Iterator[dict]:
    """A user's metric as the service tells it: while the job runs, and what of it is final."""
    told = {"scalar": value}
    if not isinstance(value, int):
        told = {"distribution": {"count": value.count, "sum": value.sum, "min": value.min, "max": value.max}}
    for tentative in ({"tentative": "true"}, {}):
        context = {"step": step, "namespace": namespace, **tentative}
        yield {"name": {"origin": "user", "name": name, "context": context}, **told}
