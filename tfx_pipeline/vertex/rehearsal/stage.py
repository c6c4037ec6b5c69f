"""The stage of a rehearsal: the image, the buckets, the servers that stand in for Google, and the submitted job."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from google.cloud import aiplatform_v1 as v1
from google.protobuf import json_format

from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.rehearsal.access import DEPLOYER, RUNNER, Access, granted_access
from tfx_pipeline.vertex.rehearsal.buckets import Buckets
from tfx_pipeline.vertex.rehearsal.container_image import Image
from tfx_pipeline.vertex.rehearsal.execution import TIMEOUT_SECONDS, Execution, Step, StepFailed
from tfx_pipeline.vertex.rehearsal.gate import Gate
from tfx_pipeline.vertex.rehearsal.metadata import Metadata
from tfx_pipeline.vertex.rehearsal.project_service import HOSTS as PROJECT_HOSTS
from tfx_pipeline.vertex.rehearsal.project_service import ProjectService
from tfx_pipeline.vertex.rehearsal.proxy import Authority, Proxy, client_environment, running_proxy
from tfx_pipeline.vertex.rehearsal.storage import PROJECT_NUMBER, Answer, StorageService
from tfx_pipeline.vertex.rehearsal.vertex_models import PREDICTION_SUFFIX
from tfx_pipeline.vertex.rehearsal.vertex_service import (
    HOST_SUFFIX,
    RESOURCE_MANAGER_HOST,
    VertexService,
    running_vertex_service,
)
from tfx_pipeline.vertex.rehearsal.web_server import running_web_server
from trainer.config import ACCELERATORS

WEB_HOSTS = (
    "storage.googleapis.com",
    "www.googleapis.com",
    "oauth2.googleapis.com",
    "iamcredentials.googleapis.com",  # asked where an account may be used; answers that there is no such limit
)
CUSTOM_JOB = "CustomJob"

Json = dict[str, Any]


class Stage:
    """Everything that a rehearsal needs while it runs.

    Attributes:
      storage_requests: Step to number of requests to Cloud Storage.
      gate: Checks the permissions of requests.
      project: The project's state, as far as `doctor` checks it.
    """

    proxy: Proxy
    authority: Authority

    def __init__(self, config: CloudPipelineConfig, folder: Path, image: Image, buckets: Buckets, access: Access):
        self._config = config
        self._folder = folder
        self._image = image
        self.buckets = buckets
        self.gate = Gate(access)
        self.service = VertexService(buckets, self.gate)
        if (tracking := config.cloud.tracking) and tracking.tensorboard:
            self.service.add_tensorboard(tracking.tensorboard)
        self.storage_requests: Counter[str] = Counter()
        self.storage = StorageService(buckets, self.gate, config.cloud.region.upper())
        self.project = ProjectService(self.gate)
        self._custom_job_failure: StepFailed | None = None

    def answer_web(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answers for dedicated endpoints and Cloud Storage, and counts the latter's requests."""
        if headers.get("host", "").endswith(PREDICTION_SUFFIX):
            return self.service.answer_dedicated(url, headers, body)
        if self.project.answers(headers.get("host", ""), urlsplit(url).path):
            return self.project.answer(method, url, headers, body)
        if "/token" not in url and "/serviceAccounts/" not in url:
            self.storage_requests[self.service.step] += 1
        return self.storage.answer(method, url, headers, body)

    def client_environment(self, account: str = DEPLOYER) -> dict[str, str]:
        """Variables that send a process's Google clients to the stage's servers, with an account's credentials."""
        return client_environment(self.proxy, self.authority, account)

    def run_command(self, name: str, *command: str) -> Step:
        """Runs a command in the image, as the account that deploys; StepFailed if it fails."""
        self.service.step = name
        start = time.monotonic()
        self.execution.run_process(name, list(command), self._environment_of(DEPLOYER))
        return Step(name, "command", time.monotonic() - start, {})

    def preload(self) -> None:
        """Loads the deployed models, as an endpoint does before it is ready; takes as long as TensorFlow's start."""
        for endpoint in self.service.endpoints.values():
            for deployed in endpoint.deployed_models:
                self.service.load(deployed)

    def submitted_job(self) -> tuple[str, Json]:
        """Resource name and JSON of the job that was submitted last."""
        name, job = list(self.service.pipeline_jobs.items())[-1]
        return name, json_format.MessageToDict(v1.PipelineJob.pb(job))

    def run_job(self, name: str, job: Json, report: Callable[[Step], None]) -> list[Step]:
        """Runs a job; StepFailed if it fails."""
        self.service.run_custom_job = self._run_custom_job
        self.service.answers_after = TIMEOUT_SECONDS
        self._custom_job_failure = None
        try:
            return self.execution.run(name, job, report)
        except StepFailed as failure:
            if cause := self._custom_job_failure:
                raise StepFailed(failure.step, f"its CustomJob failed: {cause.reason}", cause.log) from None
            raise
        finally:
            self.service.step = ""

    @cached_property
    def execution(self) -> Execution:
        """Runs processes in the image."""
        cloud = self._config.cloud
        parent = f"projects/{PROJECT_NUMBER}/locations/{cloud.region}/metadataStores/default"
        return Execution(
            buckets=self.buckets,
            metadata=Metadata(self._folder / "metadata.json", parent),
            image=cloud.image,
            environment=self._environment_of(RUNNER),
            folder=self._folder,
            on_step=self._on_step,
        )

    def _environment_of(self, account: str) -> dict[str, str]:
        return self._image.environment | self.client_environment(account)

    def _on_step(self, name: str) -> None:
        self.service.step = name

    def _run_custom_job(self, job: v1.CustomJob) -> str | None:
        """Runs the containers of a CustomJob, without accelerators; returns why it failed, or None."""
        try:
            for pool in job.job_spec.worker_pool_specs:
                container = pool.container_spec
                self.execution.check_image(CUSTOM_JOB, container.image_uri)
                own = {one.name: one.value for one in container.env if one.name != ACCELERATORS}
                environment = self._environment_of(RUNNER) | own
                self.execution.run_process(CUSTOM_JOB, [*container.command, *container.args], environment)
        except StepFailed as failure:
            self._custom_job_failure = failure
            return failure.reason
        return None


@contextmanager
def raised_stage(
    config: CloudPipelineConfig, folder: Path, image: Image, buckets: Buckets, access: Access | None = None
) -> Iterator[Stage]:
    """A stage whose servers run until the block ends; its client environment makes clients use them as Google's.

    Args:
      access: Permissions of its accounts; None for Terraform's grants.
    """
    stage = Stage(config, folder, image, buckets, access or granted_access())
    with ExitStack() as stack:
        hosts = (
            "*.pkg.dev",
            f"*.{config.cloud.region}-{PROJECT_NUMBER}{PREDICTION_SUFFIX}",
        )
        stage.authority = authority = Authority(Path(stack.enter_context(tempfile.TemporaryDirectory())), hosts)
        web_port = stack.enter_context(running_web_server(stage.answer_web, authority))
        vertex_port = stack.enter_context(running_vertex_service(stage.service, authority))
        routes: dict[str, int] = dict.fromkeys((*WEB_HOSTS, *PROJECT_HOSTS, PREDICTION_SUFFIX), web_port)
        routes |= dict.fromkeys((HOST_SUFFIX, RESOURCE_MANAGER_HOST), vertex_port)
        stage.proxy = stack.enter_context(running_proxy(routes))
        try:
            yield stage
        finally:
            stage.execution.stop()
