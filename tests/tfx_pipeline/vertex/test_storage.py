"""The storage server of a rehearsal; that three real clients are content with it, the rehearsal itself shows."""

import json

import pytest

from tfx_pipeline.vertex.rehearsal.access import granted_access
from tfx_pipeline.vertex.rehearsal.buckets import Buckets
from tfx_pipeline.vertex.rehearsal.gate import Gate
from tfx_pipeline.vertex.rehearsal.job_spec import WrongJob
from tfx_pipeline.vertex.rehearsal.metadata import Artifact, Metadata
from tfx_pipeline.vertex.rehearsal.proxy import Authority, client_environment, running_proxy
from tfx_pipeline.vertex.rehearsal.storage import StorageService

DEPLOYER = {"host": "storage.googleapis.com", "authorization": "Bearer deployer@a-project.iam.gserviceaccount.com"}
MODEL = {"schemaTitle": "tfx.Model"}


@pytest.fixture
def buckets(tmp_path) -> Buckets:
    return Buckets(tmp_path / "buckets")


@pytest.fixture
def request_of(buckets):
    service = StorageService(buckets, Gate(granted_access()))
    return lambda method, url, body=b"", **headers: service.answer(method, url, DEPLOYER | headers, body)


def test_what_was_uploaded_in_parts_is_read_in_parts(request_of):
    status, _, headers = request_of("POST", "/upload/storage/v1/b/bucket/o?uploadType=resumable&name=a%2Fb.txt")
    assert status == 200
    place = headers["Location"].removeprefix("https://storage.googleapis.com")
    assert request_of("PUT", place, b"first ", **{"content-range": "bytes 0-5/*"})[0] == 308
    assert request_of("PUT", place, b"second", **{"content-range": "bytes 6-11/12"})[0] == 200
    assert request_of("GET", "/bucket/a%2Fb.txt")[1] == b"first second"
    assert request_of("GET", "/bucket/a%2Fb.txt", range="bytes=6-8")[:2] == (206, b"sec")
    assert request_of("GET", "/bucket/a%2Fb.txt", range="bytes=12-20")[0] == 416


def test_a_broken_off_upload_leaves_no_object(request_of):
    _, _, headers = request_of("POST", "/upload/storage/v1/b/bucket/o?uploadType=resumable&name=x")
    place = headers["Location"].removeprefix("https://storage.googleapis.com")
    request_of("PUT", place, b"first", **{"content-range": "bytes 0-4/10"})
    assert request_of("GET", "/storage/v1/b/bucket/o/x")[0] == 404


def test_listing_tells_folders_from_objects(buckets, request_of):
    for name in ("a/1", "a/2", "b", "empty/"):
        buckets.write("bucket", name, b"")
    _, listed, _ = request_of("GET", "/storage/v1/b/bucket/o?delimiter=%2F")
    assert [item["name"] for item in listed["items"]] == ["b"]
    assert listed["prefixes"] == ["a/", "empty/"]


def test_a_folder_goes_with_its_last_object(buckets, request_of):
    buckets.write("bucket", "a/b/c", b"")
    assert request_of("DELETE", "/storage/v1/b/bucket/o/a%2Fb%2Fc")[0] == 204
    assert list(buckets.names("bucket", "")) == []


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "a%2F..%2F..%2F..%2Fb", "%2Fetc%2Fpasswd"])
def test_no_name_leaves_the_buckets(request_of, name):
    assert request_of("GET", f"/storage/v1/b/bucket/o/{name}")[0] == 400
    assert request_of("POST", f"/upload/storage/v1/b/bucket/o?uploadType=media&name={name}")[0] == 400
    assert request_of("GET", f"/storage/v1/b/..%2Fbucket/o/{name}")[0] == 400


def test_a_host_that_is_not_rehearsed_is_refused(tmp_path):
    import requests

    with running_proxy({"storage.googleapis.com": 1}) as proxy:
        environment = client_environment(proxy, Authority(tmp_path), "deployer")
        proxies = {"https": environment["https_proxy"]}
        with pytest.raises(requests.exceptions.ProxyError):
            requests.get("https://huggingface.co/", proxies=proxies, timeout=10)
        assert proxy.refused == ["huggingface.co"]


@pytest.fixture
def metadata(tmp_path) -> Metadata:
    metadata = Metadata(tmp_path / "metadata.json", "projects/1/locations/x/metadataStores/default")
    for blessed in (1, 0):
        blessing = Artifact(metadata.new_name(), {"schemaTitle": "tfx.ModelBlessing"}, "gs://b/x", {"blessed": blessed})
        metadata.add({"blessing": [blessing]}, None)
    metadata.add({"model": [Artifact(metadata.new_name(), MODEL, "gs://b/m")]}, "an execution")
    return metadata


def test_a_resolver_finds_the_latest_blessing(metadata):
    query = 'schema_title="tfx.ModelBlessing" AND state=LIVE AND metadata.blessed.number_value=1'
    assert [one.name.rpartition("/")[2] for one in metadata.latest(query)] == ["1"]


def test_a_resolver_that_finds_nothing_gives_nothing(metadata):
    assert metadata.latest('schema_title="tfx.Model" AND state=LIVE AND name="another"') == []


def test_a_filter_that_is_not_understood_is_an_error(metadata):
    with pytest.raises(WrongJob, match="a filter that is not rehearsed: create_time>1"):
        metadata.latest("create_time>1")


def test_what_was_made_is_remembered_by_the_next_rehearsal(metadata, tmp_path):
    again = Metadata(tmp_path / "metadata.json", "projects/1/locations/x/metadataStores/default")
    [model] = again.cached("an execution")["model"]
    assert (model.type, model.uri) == (MODEL, "gs://b/m")
    assert again.cached("another execution") is None
    assert len(json.loads((tmp_path / "metadata.json").read_text())["artifacts"]) == 3


def test_without_versioning_what_is_deleted_is_gone(buckets, request_of):
    buckets.write("bucket", "a", b"1")
    request_of("DELETE", "/storage/v1/b/bucket/o/a")
    assert request_of("GET", "/storage/v1/b/bucket/o?versions=true")[1]["items"] == []


def test_what_was_overwritten_or_deleted_is_an_older_generation(buckets, request_of):
    buckets.versioning = True
    for content in (b"1", b"2"):
        buckets.write("bucket", "a", content)
    request_of("DELETE", "/storage/v1/b/bucket/o/a")
    _, listed, _ = request_of("GET", "/storage/v1/b/bucket/o?versions=true")
    first, second = listed["items"]
    assert first["timeDeleted"]
    assert int(first["generation"]) < int(second["generation"])
    copy = "/storage/v1/b/bucket/o/a/rewriteTo/b/bucket/o/a?sourceGeneration="
    assert request_of("POST", copy + first["generation"])[0] == 200
    assert buckets.read("bucket", "a") == b"1"
    assert request_of("POST", copy + "7")[0] == 404
