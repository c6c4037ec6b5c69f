"""The part of Vertex AI (v1, gRPC) that submission, training, pushing, logging and prediction use, on loopback.

Requests and answers are Google's own messages. The service keeps the resources that it is asked to create, runs
CustomJobs, and predicts with the deployed model; long-running operations are done immediately.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc
from google.cloud import aiplatform_v1 as v1
from google.cloud.resourcemanager_v3 import GetProjectRequest, Project
from google.iam.v1 import iam_policy_pb2
from google.protobuf import json_format

from tfx_pipeline.vertex.rehearsal.access import PROJECT, Denied
from tfx_pipeline.vertex.rehearsal.buckets import Buckets
from tfx_pipeline.vertex.rehearsal.gate import Gate
from tfx_pipeline.vertex.rehearsal.proxy import Authority
from tfx_pipeline.vertex.rehearsal.storage import PROJECT_NUMBER
from tfx_pipeline.vertex.rehearsal.vertex_experiments import VertexExperiments
from tfx_pipeline.vertex.rehearsal.vertex_jobs import VertexJobs
from tfx_pipeline.vertex.rehearsal.vertex_messages import Call, plain
from tfx_pipeline.vertex.rehearsal.vertex_models import VertexModels

HOST_SUFFIX = "-aiplatform.googleapis.com"
RESOURCE_MANAGER_HOST = "cloudresourcemanager.googleapis.com"  # called to check whether the bucket is the project's
GET_PROJECT = "/google.cloud.resourcemanager.v3.Projects/GetProject"
TEST_PERMISSIONS = "/google.cloud.resourcemanager.v3.Projects/TestIamPermissions"
PREFIX = "/google.cloud.aiplatform.v1."


class VertexService(VertexJobs, VertexModels, VertexExperiments, grpc.GenericRpcHandler):
    """Answers calls to Vertex AI that their sender may make: method `GetModel` with `get_model` of one of its parts."""

    def __init__(self, buckets: Buckets, gate: Gate):
        VertexJobs.__init__(self)
        VertexModels.__init__(self, buckets, gate)
        VertexExperiments.__init__(self)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """See the base class; for a method that is not rehearsed, the client gets an error."""
        authorization = _authorization(handler_call_details)
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
            self.await_end(request, context)
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


def _authorization(call: grpc.HandlerCallDetails) -> str | None:
    value = dict(call.invocation_metadata).get("authorization")
    return value.decode() if isinstance(value, bytes) else value


def _project(request: GetProjectRequest, context) -> Project:
    return Project(name=f"projects/{PROJECT_NUMBER}", project_id=request.name.rpartition("/")[2])


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
    return plain(message).SerializeToString()
