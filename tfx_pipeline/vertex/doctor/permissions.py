"""Checks what each account may do, by calling Google's `testIamPermissions` as that account."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlencode

from google.api_core.exceptions import GoogleAPICallError

from schemas.bounded_text import enumerated
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.doctor.findings import FAIL, OK, SKIP, Finding
from tfx_pipeline.vertex.doctor.google import Google, Refused
from tfx_pipeline.vertex.doctor.needs import CALLER, Need, needs
from tfx_pipeline.vertex.doctor.places import image_place
from tfx_pipeline.vertex.rehearsal.access import (
    BUCKET,
    DEPLOYER,
    PROJECT,
    REGISTRY,
    RUNNER,
    SECRET,
    TOPIC,
    account_name,
    accounts,
    granted_access,
)

TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"


def check_permissions(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """One finding for each account and place."""
    acting: dict[str, Google | Refused] = {CALLER: google}
    for need in needs(config):
        if need.account not in acting:
            try:
                acting[need.account] = google.acting_as(need.account)
            except Refused as refused:
                acting[need.account] = refused
        yield _finding(config, need, acting[need.account])


def _finding(config: CloudPipelineConfig, need: Need, google: Google | Refused) -> Finding:
    who = need.account or "you"
    where = _name(config, need)
    subject = f"permissions of {who} on {where}"
    if isinstance(google, Refused):
        if google.status == 404:
            return Finding(FAIL, subject, f"there is no such account ({google})")
        return Finding(SKIP, subject, f"you may not act as that account; get {TOKEN_CREATOR} on it ({google})")
    try:
        held = _held(config, need, google)
    except Refused as refused:
        return Finding(FAIL, subject, f"can't be checked: {refused}")
    missing = [one for one in need.permissions if one not in held]
    if not missing:
        return Finding(OK, subject, f"all {len(need.permissions)}")
    account = account_name(need.account) if need.account else DEPLOYER
    roles = granted_access().roles_for(account if account in accounts() else RUNNER, missing)
    grant = f"grant {' and '.join(roles)}" if roles else "grant a role that has them"
    return Finding(FAIL, subject, f"no {enumerated(missing)}; {grant} on {where} to {who}")


def _name(config: CloudPipelineConfig, need: Need) -> str:
    """The place in words."""
    if need.place == PROJECT:
        return f"project {config.cloud.project}"
    if need.place == BUCKET:
        return f"gs://{_bucket(config)}"
    if need.place == REGISTRY:
        return f"registry {image_place(config.cloud.image).repository}"
    if need.place == SECRET:
        return f"secret {_secret(config)}"
    if need.place == TOPIC:
        return f"topic {config.cloud.topic}"
    return need.place if need.place != need.account else "itself"


def _held(config: CloudPipelineConfig, need: Need, google: Google) -> set[str]:
    """Which of the permissions the account has; Refused if Google does not say."""
    wanted = list(need.permissions)
    if need.place == PROJECT:
        return _held_on_project(config.cloud.project, wanted, google)
    if need.place == BUCKET:
        query = urlencode([("permissions", one) for one in wanted])
        url = f"https://storage.googleapis.com/storage/v1/b/{_bucket(config)}/iam/testPermissions?{query}"
        return set(google.get(url).get("permissions", []))
    if need.place == REGISTRY:
        url = f"https://artifactregistry.googleapis.com/v1/{image_place(config.cloud.image).resource}"
    elif need.place == SECRET:
        url = f"https://secretmanager.googleapis.com/v1/{_secret(config)}"
    elif need.place == TOPIC:
        url = f"https://pubsub.googleapis.com/v1/{config.cloud.topic}"
    else:
        url = f"https://iam.googleapis.com/v1/projects/-/serviceAccounts/{quote(need.place)}"
    return set(google.post(f"{url}:testIamPermissions", {"permissions": wanted}).get("permissions", []))


def _held_on_project(project: str, wanted: list[str], google: Google) -> set[str]:
    from google.cloud.resourcemanager_v3 import ProjectsClient

    try:
        client = ProjectsClient(credentials=google.credentials)
        request = {"resource": f"projects/{project}", "permissions": wanted}
        return set(client.test_iam_permissions(request=request).permissions)
    except GoogleAPICallError as error:
        raise Refused(int(error.code or 0), error.message or type(error).__name__) from None


def _bucket(config: CloudPipelineConfig) -> str:
    return config.output.removeprefix("gs://").partition("/")[0]


def _secret(config: CloudPipelineConfig) -> str:
    if config.hub is None:
        raise ValueError("a configuration without `hub` needs no secret")
    return config.hub.token.rpartition("/versions/")[0]
