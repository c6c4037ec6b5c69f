"""Identifies the sender of a request and checks its permissions, before a stand-in of a Google service answers.

Each process of a rehearsal has the credentials of one account of `tfx_pipeline/deploy/terraform`, so a request
identifies its sender. Accounts that a configuration names but Terraform does not create have `pipeline-runner`'s roles,
because they do its work.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import unquote

from tfx_pipeline.vertex.rehearsal.access import ACT_AS, BUCKET, PROJECT, RUNNER, Access, Denied, account_name, accounts

_OBJECT = re.compile(r"/b/(?P<bucket>[^/]+)/o/(?P<name>[^/]+)")
_COPY = re.compile(_OBJECT.pattern + r"/(?:copyTo|rewriteTo)/b/(?P<to_bucket>[^/]+)/o/[^/]+")
_VERBS = {"GET": "get", "HEAD": "get", "DELETE": "delete", "PATCH": "update", "PUT": "update"}

# Method of Vertex AI to the permission that its caller needs. From "IAM permissions" of Vertex AI, read on 2026-11-29:
# https://cloud.google.com/vertex-ai/docs/general/iam-permissions
VERTEX_PERMISSIONS = {
    "CreatePipelineJob": "aiplatform.pipelineJobs.create",
    "GetPipelineJob": "aiplatform.pipelineJobs.get",
    "ListPipelineJobs": "aiplatform.pipelineJobs.list",
    "CancelPipelineJob": "aiplatform.pipelineJobs.cancel",
    "CreateSchedule": "aiplatform.schedules.create",
    "GetSchedule": "aiplatform.schedules.get",
    "ListSchedules": "aiplatform.schedules.list",
    "DeleteSchedule": "aiplatform.schedules.delete",
    "CreateCustomJob": "aiplatform.customJobs.create",
    "GetCustomJob": "aiplatform.customJobs.get",
    "ListCustomJobs": "aiplatform.customJobs.list",
    "DeleteCustomJob": "aiplatform.customJobs.delete",
    "CancelCustomJob": "aiplatform.customJobs.cancel",
    "UploadModel": "aiplatform.models.upload",
    "GetModel": "aiplatform.models.get",
    "ListModels": "aiplatform.models.list",
    "ImportModelEvaluation": "aiplatform.modelEvaluations.import",
    "ListModelEvaluations": "aiplatform.modelEvaluations.list",
    "GetMetadataStore": "aiplatform.metadataStores.get",
    "CreateMetadataStore": "aiplatform.metadataStores.create",
    "GetContext": "aiplatform.contexts.get",
    "CreateContext": "aiplatform.contexts.create",
    "UpdateContext": "aiplatform.contexts.update",
    "AddContextChildren": "aiplatform.contexts.addContextChildren",
    "AddContextArtifactsAndExecutions": "aiplatform.contexts.addContextArtifactsAndExecutions",
    "GetArtifact": "aiplatform.artifacts.get",
    "CreateArtifact": "aiplatform.artifacts.create",
    "GetExecution": "aiplatform.executions.get",
    "GetTensorboard": "aiplatform.tensorboards.get",
    "GetTensorboardExperiment": "aiplatform.tensorboardExperiments.get",
    "CreateTensorboardExperiment": "aiplatform.tensorboardExperiments.create",
    "GetTensorboardRun": "aiplatform.tensorboardRuns.get",
    "CreateTensorboardRun": "aiplatform.tensorboardRuns.create",
    "WriteTensorboardRunData": "aiplatform.tensorboardRuns.write",
    "ListTensorboardTimeSeries": "aiplatform.tensorboardTimeSeries.list",
    "CreateTensorboardTimeSeries": "aiplatform.tensorboardTimeSeries.create",
    "CreateEndpoint": "aiplatform.endpoints.create",
    "GetEndpoint": "aiplatform.endpoints.get",
    "ListEndpoints": "aiplatform.endpoints.list",
    "UpdateEndpoint": "aiplatform.endpoints.update",
    "DeleteEndpoint": "aiplatform.endpoints.delete",
    "DeployModel": "aiplatform.endpoints.deploy",
    "UndeployModel": "aiplatform.endpoints.undeploy",
    "Predict": "aiplatform.endpoints.predict",
    "GetProject": "resourcemanager.projects.get",
}


# Method, and the last part of a path of Dataflow's REST interface, to the permission. From "Access control with IAM" of
# Dataflow, read on 2026-11-29: https://cloud.google.com/dataflow/docs/concepts/access-control
DATAFLOW_PERMISSIONS = {
    ("POST", "jobs"): "dataflow.jobs.create",
    ("GET", "jobs"): "dataflow.jobs.list",
    ("GET", "JOB"): "dataflow.jobs.get",
    ("PUT", "JOB"): "dataflow.jobs.cancel",
    ("GET", "metrics"): "dataflow.metrics.get",
    ("GET", "messages"): "dataflow.messages.list",
}
NOT_LOOKED_UP = "a permission that has not been looked up"


class Gate:
    """Checks requests against what Terraform grants.

    Attributes:
      access: The grants; tests may replace them.
    """

    def __init__(self, access: Access):
        self.access = access

    def check_storage(self, authorization: str | None, method: str, path: str) -> None:
        """Raises Denied if the sender of a request to Cloud Storage lacks a permission that it needs."""
        caller = _caller(authorization)
        for permission, resource in _storage_permissions(method, path):
            self.access.check(caller, permission, BUCKET, resource)

    def check_overwriting(self, authorization: str | None, bucket: str, name: str) -> None:
        """Raises Denied if the sender may not overwrite an object."""
        self.access.check(_caller(authorization), "storage.objects.delete", BUCKET, _resource(bucket, name))

    def check_vertex(self, authorization: str | None, method: str, parent: str, acts_as: str = "") -> None:
        """Raises Denied if the caller of a method lacks its permission, or may not act as an account.

        Args:
          authorization: Header of the call.
          method: Such as `UploadModel`.
          parent: The resource of the call, for the message.
          acts_as: Address of the account whose identity the job or model will have; empty for none.
        """
        service = "cloudresourcemanager" if method == "GetProject" else "aiplatform"
        permission = VERTEX_PERMISSIONS.get(method, NOT_LOOKED_UP)
        self._check(_caller(authorization), permission, f"//{service}.googleapis.com/{parent}", acts_as)

    def check_place(self, authorization: str | None, permission: str, place: str, resource: str) -> None:
        """Raises Denied if the sender of a request lacks a permission on a place."""
        self.access.check(_caller(authorization), permission, place, resource)

    def allows(self, authorization: str | None, permission: str, place: str) -> bool:
        """Whether the sender of a request has a permission on a place."""
        return self.access.allows(account_name(_caller(authorization)), permission, place)

    def account_place(self, address: str) -> str:
        """The account whose grants apply: one of Terraform's, or `pipeline-runner` for any other."""
        own = account_name(address)
        return own if own in accounts() else RUNNER

    def check_dataflow(self, authorization: str | None, method: str, path: str, acts_as: str = "") -> None:
        """The same for a request to Dataflow's REST interface."""
        above, last = path.strip("/").split("/")[-2:]
        permission = DATAFLOW_PERMISSIONS.get((method, "JOB" if above == "jobs" else last), NOT_LOOKED_UP)
        self._check(_caller(authorization), permission, f"//dataflow.googleapis.com{path}", acts_as)

    def _check(self, caller: str, permission: str, resource: str, acts_as: str) -> None:
        self.access.check(caller, permission, PROJECT, resource)
        if acts_as:
            self.access.check(caller, ACT_AS, self.account_place(acts_as), acts_as)


def _storage_permissions(method: str, path: str) -> Iterator[tuple[str, str]]:
    """The permissions that a request needs, each with its resource.

    From "IAM permissions for JSON methods" of Cloud Storage, read on 2026-11-29:
    https://cloud.google.com/storage/docs/access-control/iam-json
    """
    path = path.removeprefix("/download").removeprefix("/storage/v1")
    if path.startswith("/upload/"):
        yield "storage.objects.create", _resource(path.split("/b/")[1].split("/")[0])
    elif match := _COPY.fullmatch(path):
        yield "storage.objects.get", _resource(match["bucket"], match["name"])
        yield "storage.objects.create", _resource(match["to_bucket"])
    elif match := _OBJECT.fullmatch(path):
        yield f"storage.objects.{_VERBS.get(method, method)}", _resource(match["bucket"], match["name"])
    elif match := re.fullmatch(r"/b/([^/]+)/o/?", path):
        yield "storage.objects.list" if method == "GET" else "storage.objects.create", _resource(match[1])
    elif match := re.fullmatch(r"/b/([^/]+)", path):
        yield f"storage.buckets.{_VERBS.get(method, method)}", _resource(match[1])
    elif re.fullmatch(r"/b/?", path):
        yield "storage.buckets.list" if method == "GET" else "storage.buckets.create", "buckets"
    else:  # the XML API: /BUCKET/OBJECT
        bucket, _, name = path[1:].partition("/")
        yield f"storage.objects.{_VERBS.get(method, method)}", _resource(bucket, name)


def token_of(assertion: str) -> str:
    """The access token for an account's signed assertion: its address, to identify the sender of later requests."""
    return _claims(assertion)["iss"]


def _caller(authorization: str | None) -> str:
    """Address of the account that sends a request; Denied if the request has none."""
    token = (authorization or "").removeprefix("Bearer ")
    if token.count(".") == 2 and "@" not in token:  # a self-signed token of the account
        token = _claims(token)["iss"]
    if not token:
        raise Denied("Anonymous caller: the request has no credentials.")
    return token


def _claims(token: str) -> dict[str, str]:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def _resource(bucket: str, name: str = "") -> str:
    """How Google names a bucket or an object in a refusal; both are given as in a path."""
    return f"object: gs://{unquote(bucket)}/{unquote(name)}" if name else f"bucket: gs://{unquote(bucket)}"
