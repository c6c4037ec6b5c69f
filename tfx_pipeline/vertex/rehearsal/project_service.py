"""The parts of Google's REST APIs that describe a project, on loopback: services, images, network, quota and so on.

The project's state is in attributes, so that a test can remove a part. Each request needs the permission that Google
requires, and `testIamPermissions` answers by Terraform's grants. The formats are those of Service Usage v1 and
v1beta1, Compute Engine v1, Artifact Registry v1 and the registry's OCI interface, Secret Manager v1, Pub/Sub v1,
IAM v1 and IAM Credentials v1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import parse_qs, unquote, urlsplit

from tfx_pipeline.vertex.rehearsal.access import BUCKET, PROJECT, REGISTRY, SECRET, TOPIC, Denied
from tfx_pipeline.vertex.rehearsal.gate import Gate
from tfx_pipeline.vertex.rehearsal.storage import Answer

REGISTRY_SUFFIX = "-docker.pkg.dev"
HOSTS = (
    "serviceusage.googleapis.com",
    "compute.googleapis.com",
    "artifactregistry.googleapis.com",
    "secretmanager.googleapis.com",
    "pubsub.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    REGISTRY_SUFFIX,
)
TOKEN = "iam.serviceAccounts.getAccessToken"
_ACCOUNT = re.compile(r"/v1/projects/-/serviceAccounts/([^/:]+):(\w+)")
_TEST = re.compile(r"/v1/(projects/.+):testIamPermissions")
_SERVICES = re.compile(r"/v1/projects/([^/]+)/services:batchGet")
_QUOTA = re.compile(r"/v1beta1/projects/[^/]+/services/[^/]+/consumerQuotaMetrics/([^/]+)")
_COMPUTE = re.compile(r"/compute/v1/projects/[^/]+/(regions/[^/]+(?:/subnetworks/[^/]+)?)")
_SECRET = re.compile(r"/v1/(projects/[^/]+/secrets/[^/]+/versions/[^/]+)")
_TOPIC = re.compile(r"/v1/(projects/[^/]+/topics/[^/:]+)")
_IMAGE = re.compile(r"/v2/(.+)/(manifests|blobs)/([^/]+)")


class ProjectService:
    """Answers the doctor's requests.

    Attributes:
      services: Names of the enabled services, such as `compute.googleapis.com`.
      accounts: Addresses of the accounts that exist; None for any.
      images: Maps `HOST/PATH:TAG` to the environment variables that the image sets.
      subnetworks: Maps `regions/R/subnetworks/S` to whether it has Private Google Access.
      quotas: Maps Vertex AI's metrics to their limit in every region; -1 for none.
      processors: Of Compute Engine in every region: the limit, and those in use.
      secrets: Maps resource names of versions to their state.
      topics: Resource names of those that exist.
    """

    def __init__(self, gate: Gate):
        self._gate = gate
        self.services: set[str] = set()
        self.accounts: set[str] | None = None
        self.images: dict[str, dict[str, str]] = {}
        self.subnetworks: dict[str, bool] = {}
        self.quotas: dict[str, int] = {}
        self.processors = (0, 0)
        self.secrets: dict[str, str] = {}
        self.topics: set[str] = set()

    def answers(self, host: str, path: str) -> bool:
        """Whether a request is for this service, and not for Cloud Storage."""
        if "/iam/testPermissions" in path:
            return True
        return host.endswith(HOSTS) and not path.endswith("/allowedLocations")

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """As StorageService.answer."""
        parts = urlsplit(url)
        try:
            if headers["host"].endswith(REGISTRY_SUFFIX):
                return self._registry(headers, parts.path)
            return self._route(headers, parts.path, parse_qs(parts.query), json.loads(body or b"{}"))
        except Denied as denied:
            return _error(403, str(denied))

    def _route(self, headers: dict[str, str], path: str, query: dict[str, list[str]], body: dict) -> Answer:
        authorization = headers.get("authorization")
        if path.endswith("/iam/testPermissions"):
            return 200, self._held(authorization, query["permissions"], BUCKET), {}
        if match := _ACCOUNT.fullmatch(path):
            return self._account(authorization, unquote(match[1]), match[2], body)
        if match := _TEST.fullmatch(path):
            place = SECRET if "/secrets/" in match[1] else TOPIC if "/topics/" in match[1] else REGISTRY
            if place == TOPIC and match[1] not in self.topics:
                return 200, {}, {}
            return 200, self._held(authorization, body["permissions"], place), {}
        if match := _SERVICES.fullmatch(path):
            self._gate.check_place(authorization, "serviceusage.services.get", PROJECT, match[1])
            return 200, {"services": [self._service(name) for name in query["names"]]}, {}
        if match := _QUOTA.fullmatch(path):
            self._gate.check_place(authorization, "serviceusage.quotas.get", PROJECT, match[1])
            return self._quota(unquote(match[1]))
        if match := _COMPUTE.fullmatch(path):
            kind = "subnetworks" if "/subnetworks/" in match[1] else "regions"
            self._gate.check_place(authorization, f"compute.{kind}.get", PROJECT, match[1])
            return self._subnetwork(match[1]) if kind == "subnetworks" else self._region()
        if match := _SECRET.fullmatch(path):
            self._gate.check_place(authorization, "secretmanager.versions.get", SECRET, match[1])
            state = self.secrets.get(match[1])
            return (
                (200, {"name": match[1], "state": state}, {}) if state else _error(404, f"Secret {match[1]} not found")
            )
        if match := _TOPIC.fullmatch(path):
            self._gate.check_place(authorization, "pubsub.topics.get", TOPIC, match[1])
            if match[1] not in self.topics:
                return _error(404, f"Resource not found (resource={match[1]}).")
            return 200, {"name": match[1]}, {}
        return _error(501, f"not rehearsed: {path}")

    def _account(self, authorization: str | None, email: str, verb: str, body: dict) -> Answer:
        """Answers with a token for an account, or with the caller's permissions on it.

        Here, a token is an address: that of Terraform's account whose roles the account has.
        """
        place = self._gate.account_place(email)
        if self.accounts is not None and email not in self.accounts:
            return _error(404, f"Not found; Gaia id not found for email {email}")
        if verb == "generateAccessToken":
            self._gate.check_place(authorization, TOKEN, place, email)
            return 200, {"accessToken": f"{place}@{email.partition('@')[2]}", "expireTime": "2999-01-01T00:00:00Z"}, {}
        return 200, self._held(authorization, body["permissions"], place), {}

    def _held(self, authorization: str | None, permissions: Iterable[str], place: str) -> dict[str, list[str]]:
        held = [one for one in permissions if self._gate.allows(authorization, one, place)]
        return {"permissions": held} if held else {}  # Google omits an empty list

    def _service(self, name: str) -> dict[str, str]:
        return {"name": name, "state": "ENABLED" if name.rpartition("/")[2] in self.services else "DISABLED"}

    def _quota(self, metric: str) -> Answer:
        if metric not in self.quotas:
            return _error(404, f"Quota metric {metric} not found")
        bucket = {"effectiveLimit": str(self.quotas[metric]), "defaultLimit": "0"}
        limits = [{"unit": "1/{project}/{region}", "quotaBuckets": [bucket]}]
        return 200, {"metric": metric, "consumerQuotaLimits": limits}, {}

    def _subnetwork(self, name: str) -> Answer:
        if name not in self.subnetworks:
            return _error(404, f"The resource '{name}' was not found")
        return 200, {"name": name.rpartition("/")[2], "privateIpGoogleAccess": self.subnetworks[name]}, {}

    def _region(self) -> Answer:
        limit, usage = self.processors
        return 200, {"quotas": [{"metric": "CPUS", "limit": float(limit), "usage": float(usage)}]}, {}

    def _registry(self, headers: dict[str, str], path: str) -> Answer:
        """Serves an image's manifest and configuration by the OCI distribution specification."""
        match = _IMAGE.fullmatch(path)
        self._gate.check_place(
            headers.get("authorization"), "artifactregistry.repositories.downloadArtifacts", REGISTRY, path
        )
        if match is None:
            return _error(501, f"not rehearsed: {path}")
        name, kind, reference = match.groups()
        place = f"{headers['host']}/{name}"
        if kind == "manifests":
            if f"{place}:{reference}" not in self.images:
                return 404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": f"Failed to fetch {reference!r}"}]}, {}
            return 200, {"schemaVersion": 2, "config": {"digest": f"sha256:{reference}"}}, {}
        environment = self.images[f"{place}:{reference.removeprefix('sha256:')}"]
        return 200, {"config": {"Env": [f"{key}={value}" for key, value in environment.items()]}}, {}


def _error(status: int, message: str) -> Answer:
    return status, {"error": {"code": status, "message": message}}, {}
