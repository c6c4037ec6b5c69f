"""What Google would refuse, because Terraform grants no role for it, is refused on loopback, in Google's words."""

import datetime
from importlib import resources

import pytest
import yaml

from schemas.errors import UserError
from tests.tfx_pipeline.vertex.conftest import job_file
from tests.tfx_pipeline.vertex.test_pusher import push_model
from tfx_pipeline.vertex import jobs
from tfx_pipeline.vertex.rehearsal.access import BUCKET, Denied, granted_access, refusal
from tfx_pipeline.vertex.rehearsal.gate import VERTEX_PERMISSIONS, Gate

__all__ = ["job_file", "push_model"]


@pytest.fixture
def without_role(stage, monkeypatch):
    """Takes a role from an account while a test runs."""
    return lambda account, role: monkeypatch.setattr(stage.gate, "access", granted_access().without(account, role))


def sender(account: str) -> str:
    return f"Bearer {account}@a-project.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        ("roles/aiplatform.user", "Permission 'aiplatform.pipelineJobs.create' denied on resource"),
        ("roles/iam.serviceAccountUser", "You do not have permission to act as service account: pipeline@"),
    ],
)
def test_a_pipeline_that_its_sender_may_not_submit_is_refused(
    stage, without_role, cloud_config, job_file, role, refused
):
    without_role("deployer", role)
    with pytest.raises(UserError, match=refused), jobs.vertex_ai(cloud_config):
        jobs.submit(cloud_config, jobs.load_job(cloud_config, job_file, "denied"))
    assert not stage.service.pipeline_jobs


def test_a_version_that_its_reader_may_not_read_is_refused(without_role, cloud_config):
    from tfx_pipeline.vertex.compile import read_version

    without_role("deployer", "roles/storage.objectUser")
    with pytest.raises(UserError, match=r"deployer@.* does not have storage\.objects\.get access"):
        read_version(cloud_config)


def test_every_role_that_is_granted_has_its_permissions_in_the_dated_table():
    table = yaml.safe_load(resources.files("tfx_pipeline.deploy.terraform").joinpath("roles.yaml").read_text())
    assert table["roles"].keys() == {grant.role for grant in granted_access().grants}
    assert isinstance(table["read"], datetime.date)
    for role, permissions in table["roles"].items():
        assert permissions == sorted(set(permissions)), role


def test_a_request_without_credentials_and_one_of_a_stranger_are_refused():
    gate = Gate(granted_access())
    with pytest.raises(Denied, match="Anonymous caller"):
        gate.check_storage(None, "GET", "/storage/v1/b/bucket/o/x")
    with pytest.raises(Denied, match=r"stranger@.* does not have storage\.objects\.get access"):
        gate.check_storage(sender("stranger"), "GET", "/storage/v1/b/bucket/o/x")


def test_a_method_whose_permission_is_not_known_is_refused():
    with pytest.raises(Denied, match="a permission that has not been looked up"):
        Gate(granted_access()).check_vertex(sender("deployer"), "DeleteEverything", "projects/p")
    gate = Gate(granted_access())
    for method in VERTEX_PERMISSIONS:
        gate.check_vertex(sender("deployer"), method, "projects/p")


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/storage/v1/b/a-bucket", "storage.buckets.get"),
        ("POST", "/storage/v1/b", "storage.buckets.create"),
        ("GET", "/storage/v1/b/a-bucket/o", "storage.objects.list"),
        ("GET", "/storage/v1/b/a-bucket/o/a%2Fb", "storage.objects.get"),
        ("GET", "/a-bucket/a/b", "storage.objects.get"),
        ("DELETE", "/storage/v1/b/a-bucket/o/a%2Fb", "storage.objects.delete"),
        ("PATCH", "/storage/v1/b/a-bucket/o/a", "storage.objects.update"),
        ("POST", "/upload/storage/v1/b/a-bucket/o", "storage.objects.create"),
        ("POST", "/storage/v1/b/a-bucket/o/a/rewriteTo/b/other/o/b", "storage.objects.get"),
    ],
)
def test_each_request_to_cloud_storage_needs_its_permission(method, path, permission):
    with pytest.raises(Denied, match=rf"stranger@.* does not have {permission} access"):
        Gate(granted_access()).check_storage(sender("stranger"), method, path)


def test_a_reader_may_neither_write_nor_overwrite():
    gate = Gate(granted_access())
    gate.check_storage(sender("trigger"), "GET", "/storage/v1/b/bucket/o/x")
    with pytest.raises(Denied, match=r"storage\.objects\.create"):
        gate.check_storage(sender("trigger"), "POST", "/upload/storage/v1/b/bucket/o")
    with pytest.raises(Denied, match=r"storage\.objects\.delete"):
        gate.check_overwriting(sender("trigger"), "bucket", "x")


def test_a_role_on_one_account_says_nothing_about_another():
    access = granted_access()
    assert access.allows("trigger", "iam.serviceAccounts.actAs", "pipeline-runner")
    assert not access.allows("trigger", "iam.serviceAccounts.actAs", "dataflow-worker")
    assert not access.allows("image-builder", "storage.objects.create", BUCKET)


def test_a_role_that_an_account_does_not_have_cannot_be_taken_from_it():
    with pytest.raises(ValueError, match=r"trigger has no roles/storage\.objectUser"):
        granted_access().without("trigger", "roles/storage.objectUser")


def test_a_refusal_has_googles_words():
    assert refusal("a@b", "storage.objects.get", "object: gs://x/y") == (
        "a@b does not have storage.objects.get access to the Google Cloud Storage object: gs://x/y. "
        "Permission 'storage.objects.get' denied on resource (or it may not exist)."
    )
