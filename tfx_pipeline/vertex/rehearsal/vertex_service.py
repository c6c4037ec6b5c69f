"""The part of Vertex AI (v1, gRPC) that submission, training, pushing and prediction use, on loopback.

Requests and answers are Google's own messages. The service keeps the resources that it is asked to create, runs
CustomJobs, and predicts with the deployed model; long-running operations are done immediately.
"""

from __future__ import annotations

import datetime
import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.cloud import aiplatform_v1 as v1
from google.cloud.resourcemanager_v3 import GetProjectRequest, Project
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from google.protobuf.message import Message

from schemas.exported_model import SAVED_MODEL_FILE
from tfx_pipeline.serving.prediction import BadRequest, load_signature, predictions
from tfx_pipeline.vertex.rehearsal.access import PROJECT, Denied
from tfx_pipeline.vertex.rehearsal.gate import Gate
from tfx_pipeline.vertex.rehearsal.proxy import Authority
from tfx_pipeline.vertex.rehearsal.storage import PROJECT_NUMBER, Answer, Buckets

HOST_SUFFIX = "-aiplatform.googleapis.com"
RESOURCE_MANAGER_HOST = "cloudresourcemanager.googleapis.com"  # called to check whether the bucket is the project's
GET_PROJECT = "/google.cloud.resourcemanager.v3.Projects/GetProject"
TEST_PERMISSIONS = "/google.cloud.resourcemanager.v3.Projects/TestIamPermissions"
PREFIX = "/google.cloud.aiplatform.v1."
PREDICTION_SUFFIX = ".prediction.vertexai.goog"  # of dedicated endpoints
# Limits of a request to a shared endpoint (https://cloud.google.com/vertex-ai/docs/quotas) and to a dedicated one
# (https://cloud.google.com/vertex-ai/docs/predictions/using-dedicated-endpoints).
MAX_SHARED_BYTES, MAX_DEDICATED_BYTES = 1_500_000, 10_000_000

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One call to Vertex AI.

    Attributes:
      step: The rehearsed step at that time.
      method: Such as `UploadModel`.
      request: The message as JSON.
    """

    step: str
    method: str
    request: Json


class VertexService(grpc.GenericRpcHandler):
    """Answers permitted calls to Vertex AI.

    Attributes:
      calls: All calls, in order.
      step: The current step, recorded with the calls.
      run_custom_job: Runs a CustomJob's containers; returns why it failed, or None.
      states: The states that GetPipelineJob returns for a job, one after the other; the last one stays.
    """

    def __init__(self, buckets: Buckets, gate: Gate):
        self._buckets = buckets
        self._gate = gate
        self.calls: list[Call] = []
        self.step = ""
        self.run_custom_job: Callable[[v1.CustomJob], str | None] = lambda job: None
        self.states = [v1.PipelineState.PIPELINE_STATE_SUCCEEDED]
        self.pipeline_jobs: dict[str, v1.PipelineJob] = {}
        self.schedules: dict[str, v1.Schedule] = {}
        self.custom_jobs: dict[str, v1.CustomJob] = {}
        self.models: dict[str, list[v1.Model]] = {}
        self.endpoints: dict[str, v1.Endpoint] = {}
        self._loaded: dict[str, Any] = {}
        self._lock = threading.Lock()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """See the base class; for a method that is not rehearsed, the client gets an error."""
        authorization = dict(handler_call_details.invocation_metadata).get("authorization")
        _, _, method = handler_call_details.method.rpartition("/")
        if handler_call_details.method == GET_PROJECT:

            def project(request, context):
                self._let_through(authorization, method, request, context)
                return _project(request, context)

            return grpc.unary_unary_rpc_method_handler(project, GetProjectRequest.deserialize, _serialize)
        if handler_call_details.method == TEST_PERMISSIONS:

            def held(request, context):
                allowed = [one for one in request.permissions if self._gate.allows(authorization, one, PROJECT)]
                return iam_policy_pb2.TestIamPermissionsResponse(permissions=allowed)

            return grpc.unary_unary_rpc_method_handler(
                held, iam_policy_pb2.TestIamPermissionsRequest.FromString, _serialize
            )
        answer = getattr(self, re.sub("(?<!^)(?=[A-Z])", "_", method).lower(), None)
        if not handler_call_details.method.startswith(PREFIX) or answer is None:
            self.calls.append(Call(self.step, f"{method} (not rehearsed)", {}))
            return None
        request_type = getattr(v1, f"{method}Request")

        def respond(request, context):
            self._let_through(authorization, method, request, context)
            self.calls.append(Call(self.step, method, json_format.MessageToDict(request_type.pb(request))))
            with self._lock:
                return answer(request, context)

        return grpc.unary_unary_rpc_method_handler(respond, request_type.deserialize, _serialize)

    def _let_through(self, authorization: str | None, method: str, request, context) -> None:
        """Aborts a call that Google would refuse, with Google's message."""
        parent = next((getattr(request, key) for key in ("parent", "name", "endpoint") if hasattr(request, key)), "")
        try:
            self._gate.check_vertex(authorization, method, parent, _acts_as(request))
        except Denied as denied:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, str(denied))

    # Jobs and schedules

    def create_pipeline_job(self, request: v1.CreatePipelineJobRequest, context) -> v1.PipelineJob:
        job = request.pipeline_job
        job.name = f"{request.parent}/pipelineJobs/{request.pipeline_job_id}"
        if job.name in self.pipeline_jobs:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{job.name} already exists")
        job.state = v1.PipelineState.PIPELINE_STATE_PENDING
        job.create_time = datetime.datetime.now(datetime.timezone.utc)
        self.pipeline_jobs[job.name] = job
        return job

    def get_pipeline_job(self, request: v1.GetPipelineJobRequest, context) -> v1.PipelineJob:
        job = _find(self.pipeline_jobs, request.name, context)
        if job.state != v1.PipelineState.PIPELINE_STATE_CANCELLED:
            job.state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return job

    def list_pipeline_jobs(self, request: v1.ListPipelineJobsRequest, context) -> v1.ListPipelineJobsResponse:
        found = _with_display_name(self.pipeline_jobs.values(), request.filter)
        if state := re.search(r'state="(\w+)"', request.filter):
            found = [one for one in found if one.state.name == state[1]]
        return v1.ListPipelineJobsResponse(pipeline_jobs=found)

    def cancel_pipeline_job(self, request: v1.CancelPipelineJobRequest, context) -> empty_pb2.Empty:
        _find(self.pipeline_jobs, request.name, context).state = v1.PipelineState.PIPELINE_STATE_CANCELLED
        return empty_pb2.Empty()

    def create_schedule(self, request: v1.CreateScheduleRequest, context) -> v1.Schedule:
        schedule = request.schedule
        schedule.name = f"{request.parent}/schedules/{len(self.schedules) + 1}"
        schedule.state = v1.Schedule.State.ACTIVE
        self.schedules[schedule.name] = schedule
        return schedule

    def get_schedule(self, request: v1.GetScheduleRequest, context) -> v1.Schedule:
        return _find(self.schedules, request.name, context)

    def list_schedules(self, request: v1.ListSchedulesRequest, context) -> v1.ListSchedulesResponse:
        return v1.ListSchedulesResponse(schedules=_with_display_name(self.schedules.values(), request.filter))

    def delete_schedule(self, request: v1.DeleteScheduleRequest, context) -> operations_pb2.Operation:
        _find(self.schedules, request.name, context)
        del self.schedules[request.name]
        return _done(empty_pb2.Empty())

    def create_custom_job(self, request: v1.CreateCustomJobRequest, context) -> v1.CustomJob:
        job = request.custom_job
        job.name = f"{request.parent}/customJobs/{len(self.custom_jobs) + 1}"
        job.state = v1.JobState.JOB_STATE_RUNNING
        job.create_time = datetime.datetime.now(datetime.timezone.utc)
        self.custom_jobs[job.name] = job
        threading.Thread(target=self._run, args=(job,), daemon=True).start()
        return job

    def _run(self, job: v1.CustomJob) -> None:
        failure = self.run_custom_job(job)
        if job.state == v1.JobState.JOB_STATE_CANCELLED:
            return
        if failure is not None:
            job.error.message = failure
        job.state = v1.JobState.JOB_STATE_FAILED if failure else v1.JobState.JOB_STATE_SUCCEEDED

    def get_custom_job(self, request: v1.GetCustomJobRequest, context) -> v1.CustomJob:
        return _find(self.custom_jobs, request.name, context)

    def list_custom_jobs(self, request: v1.ListCustomJobsRequest, context) -> v1.ListCustomJobsResponse:
        wanted = dict(re.findall(r'labels\.(\w+)="([^"]*)"', request.filter))
        found = [job for job in self.custom_jobs.values() if wanted.items() <= dict(job.labels).items()]
        return v1.ListCustomJobsResponse(custom_jobs=found)

    def delete_custom_job(self, request: v1.DeleteCustomJobRequest, context) -> operations_pb2.Operation:
        job = _find(self.custom_jobs, request.name, context)
        self.custom_jobs = {name: one for name, one in self.custom_jobs.items() if one is not job}
        return _done(empty_pb2.Empty())

    def cancel_custom_job(self, request: v1.CancelCustomJobRequest, context) -> empty_pb2.Empty:
        _find(self.custom_jobs, request.name, context).state = v1.JobState.JOB_STATE_CANCELLED
        return empty_pb2.Empty()

    # Model Registry

    def upload_model(self, request: v1.UploadModelRequest, context) -> operations_pb2.Operation:
        name = request.parent_model or f"{request.parent}/models/{len(self.models) + 1}"
        versions = self.models.setdefault(name, [])
        model = request.model
        if not self._buckets.of_uri(f"{model.artifact_uri}/{SAVED_MODEL_FILE}").is_file():
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{model.artifact_uri} holds no SavedModel")
        model.name, model.version_id = name, str(len(versions) + 1)
        model.supported_deployment_resources_types = [v1.Model.DeploymentResourcesType.DEDICATED_RESOURCES]
        versions.append(model)
        return _done(v1.UploadModelResponse(model=name, model_version_id=model.version_id))

    def get_model(self, request: v1.GetModelRequest, context) -> v1.Model:
        name, _, version = request.name.partition("@")
        versions = _find(self.models, name, context)
        if version.isdigit() and not 1 <= int(version) <= len(versions):
            context.abort(grpc.StatusCode.NOT_FOUND, f"{request.name} is not found")
        return versions[int(version) - 1] if version.isdigit() else versions[-1]

    def list_models(self, request: v1.ListModelsRequest, context) -> v1.ListModelsResponse:
        newest = [versions[-1] for versions in self.models.values()]
        return v1.ListModelsResponse(models=_with_display_name(newest, request.filter))

    # Endpoints

    def create_endpoint(self, request: v1.CreateEndpointRequest, context) -> operations_pb2.Operation:
        endpoint = request.endpoint
        endpoint.name = f"{request.parent}/endpoints/{len(self.endpoints) + 1}"
        # Without it, the client would look up the name that it was given.
        endpoint.create_time = datetime.datetime.now(datetime.timezone.utc)
        if endpoint.dedicated_endpoint_enabled:
            _, _, _, region, _, number = endpoint.name.split("/")
            endpoint.dedicated_endpoint_dns = f"{number}.{region}-{PROJECT_NUMBER}{PREDICTION_SUFFIX}"
        self.endpoints[endpoint.name] = endpoint
        return _done(endpoint)

    def get_endpoint(self, request: v1.GetEndpointRequest, context) -> v1.Endpoint:
        return _find(self.endpoints, request.name, context)

    def list_endpoints(self, request: v1.ListEndpointsRequest, context) -> v1.ListEndpointsResponse:
        return v1.ListEndpointsResponse(endpoints=_with_display_name(self.endpoints.values(), request.filter))

    def update_endpoint(self, request: v1.UpdateEndpointRequest, context) -> v1.Endpoint:
        endpoint = _find(self.endpoints, request.endpoint.name, context)
        if list(request.update_mask.paths) != ["traffic_split"]:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"not rehearsed: update of {request.update_mask.paths}")
        split = dict(request.endpoint.traffic_split)
        if sum(split.values()) != 100 or split.keys() - {one.id for one in endpoint.deployed_models}:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"traffic_split must add up to 100, got {split}")
        endpoint.traffic_split = split
        return endpoint

    def delete_endpoint(self, request: v1.DeleteEndpointRequest, context) -> operations_pb2.Operation:
        endpoint = _find(self.endpoints, request.name, context)
        if endpoint.deployed_models:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{endpoint.name} has deployed models")
        self.endpoints = {name: one for name, one in self.endpoints.items() if one is not endpoint}
        return _done(empty_pb2.Empty())

    def deploy_model(self, request: v1.DeployModelRequest, context) -> operations_pb2.Operation:
        endpoint = _find(self.endpoints, request.endpoint, context)
        deployed = request.deployed_model
        name, _, version = deployed.model.partition("@")
        deployed.model, deployed.model_version_id = name, version or self.models[name][-1].version_id
        deployed.id = str(7000 + sum(call.method == "DeployModel" for call in self.calls))
        split = {deployed.id if key == "0" else key: share for key, share in request.traffic_split.items()}
        if sum(split.values()) != 100:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"traffic_split must add up to 100, got {split}")
        endpoint.deployed_models.append(deployed)
        endpoint.traffic_split = split
        return _done(v1.DeployModelResponse(deployed_model=deployed))

    def undeploy_model(self, request: v1.UndeployModelRequest, context) -> operations_pb2.Operation:
        endpoint = _find(self.endpoints, request.endpoint, context)
        endpoint.deployed_models = [one for one in endpoint.deployed_models if one.id != request.deployed_model_id]
        split = dict(request.traffic_split or endpoint.traffic_split)
        endpoint.traffic_split = {key: share for key, share in split.items() if key != request.deployed_model_id}
        return _done(v1.UndeployModelResponse())

    def predict(self, request: v1.PredictRequest, context) -> v1.PredictResponse:
        size = v1.PredictRequest.pb(request).ByteSize()
        if size > MAX_SHARED_BYTES:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"request of {size} bytes; at most {MAX_SHARED_BYTES}")
        endpoint = _find(self.endpoints, request.endpoint, context)
        if endpoint.dedicated_endpoint_enabled:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION, f"a dedicated endpoint: ask {endpoint.dedicated_endpoint_dns}"
            )
        instances = [json_format.MessageToDict(value) for value in v1.PredictRequest.pb(request).instances]
        try:
            chosen, masks = self._predictions(endpoint, instances)
        except BadRequest as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        response = v1.PredictResponse(
            deployed_model_id=chosen.id, model=chosen.model, model_version_id=chosen.model_version_id
        )
        answers = [json_format.ParseDict(one, struct_pb2.Value()) for one in masks]
        v1.PredictResponse.pb(response).predictions.extend(answers)
        return response

    def answer_dedicated(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answers requests to the host name of a dedicated endpoint: `/v1/ENDPOINT:predict`, JSON."""
        name, _, verb = path.removeprefix("/v1/").partition(":")
        endpoint = next((one for one in self.endpoints.values() if one.dedicated_endpoint_dns == headers["host"]), None)
        if endpoint is None or verb != "predict" or name.split("/")[-1] != endpoint.name.split("/")[-1]:
            return _refused(404, f"{path} is not found")
        try:
            self._gate.check_vertex(headers.get("authorization"), "Predict", name)
        except Denied as denied:
            return _refused(403, str(denied))
        if len(body) > MAX_DEDICATED_BYTES:
            return _refused(413, f"request of {len(body)} bytes; at most {MAX_DEDICATED_BYTES}")
        request = json.loads(body)
        self.calls.append(Call(self.step, "Predict", {"endpoint": name, **request}))
        try:
            with self._lock:
                chosen, masks = self._predictions(endpoint, request["instances"])
        except BadRequest as error:
            return _refused(400, str(error))
        answer = {"deployedModelId": chosen.id, "model": chosen.model, "modelVersionId": chosen.model_version_id}
        return 200, {"predictions": masks, **answer}, {}

    def _predictions(self, endpoint: v1.Endpoint, instances: list[Any]) -> tuple[v1.DeployedModel, list[Any]]:
        """The deployed model that answers, and its predictions; BadRequest if it can't."""
        chosen = max(endpoint.deployed_models, key=lambda one: endpoint.traffic_split.get(one.id, 0))
        return chosen, predictions(self.load(chosen), instances)

    def load(self, deployed: v1.DeployedModel):
        """Loads the serving signature of a deployed model, as the serving container does; slow the first time."""
        if deployed.id not in self._loaded:
            model = self.models[deployed.model][int(deployed.model_version_id) - 1]
            self._loaded[deployed.id] = load_signature(str(self._buckets.of_uri(model.artifact_uri)))
        return self._loaded[deployed.id]


@contextmanager
def running_vertex_service(service: VertexService, authority: Authority) -> Iterator[int]:
    """Runs until the block ends; yields the port."""
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[service])
    pair = (authority.server_key.read_bytes(), authority.server_certificate.read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


def _project(request: GetProjectRequest, context) -> Project:
    return Project(name=f"projects/{PROJECT_NUMBER}", project_id=request.name.rpartition("/")[2])


def _refused(status: int, message: str) -> Answer:
    return status, {"error": {"code": status, "message": message}}, {}


def _acts_as(request) -> str:
    """Address of the account that a request wants to act as; empty if there is none."""
    if isinstance(request, v1.CreatePipelineJobRequest):
        return request.pipeline_job.service_account
    if isinstance(request, v1.CreateScheduleRequest):
        return request.schedule.create_pipeline_job_request.pipeline_job.service_account
    if isinstance(request, v1.CreateCustomJobRequest):
        return request.custom_job.job_spec.service_account
    return request.deployed_model.service_account if isinstance(request, v1.DeployModelRequest) else ""


def _serialize(message) -> bytes:
    return _plain(message).SerializeToString()


def _plain(message) -> Message:
    """The protobuf message, which Google's newer classes wrap."""
    return message if isinstance(message, Message) else type(message).pb(message)


def _done(response) -> operations_pb2.Operation:
    packed = any_pb2.Any()
    packed.Pack(_plain(response))
    return operations_pb2.Operation(name=f"projects/{PROJECT_NUMBER}/operations/1", done=True, response=packed)


def _find(known: dict[str, Any], name: str, context) -> Any:
    # Clients name resources by the project's id or number; the service uses the name of the first request.
    for one, value in known.items():
        if one.split("/")[2:] == name.split("/")[2:]:
            return value
    return context.abort(grpc.StatusCode.NOT_FOUND, f"{name} is not found")


def _with_display_name(resources, wanted: str) -> list[Any]:
    """Resources that match a filter such as `display_name="pets"`."""
    match = re.search(r'display_name="([^"]*)"', wanted)
    return [one for one in resources if match is None or one.display_name == match[1]]
