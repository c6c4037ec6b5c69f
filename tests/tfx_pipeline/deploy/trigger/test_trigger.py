"""The trigger on loopback: a real server takes the event, Google's client submits to a server in Google's place."""

import json
import shutil
import socket
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
import uvicorn

from schemas.manifest import read_manifest
from schemas.version_files import MANIFEST_FILE
from tests.tfx_pipeline.conftest import REHEARSAL_CONFIG
from tests.tfx_pipeline.deploy.trigger.test_events import BINARY
from tfx_pipeline.deploy.trigger.__main__ import main as serve
from tfx_pipeline.deploy.trigger.service import create_app
from tfx_pipeline.deploy.trigger.submission import warm
from tfx_pipeline.vertex.rehearsal.access import TRIGGER

ACCOUNT = TRIGGER


@contextmanager
def served(app):
    """Its address while it answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # calls wait until the server takes them
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def trigger(stage, cloud_config):
    with served(create_app(REHEARSAL_CONFIG, cloud_config.data)) as address:
        yield address


def send(address, body, headers=BINARY, method="POST"):
    """Status and JSON of the answer."""
    request = urllib.request.Request(address, body, headers, method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        body = error.read()
        return error.code, json.loads(body) if body.startswith(b"{") else None


def finished(version):
    return json.dumps({"bucket": "rehearsal-bucket", "name": f"data/pets/{version}/manifest.json"}).encode()


def notified(name):
    """What a push subscription sends of a bucket's notification."""
    attributes = {"eventType": "OBJECT_FINALIZE", "bucketId": "rehearsal-bucket", "objectId": name}
    message = {"attributes": attributes, "messageId": "1", "publishTime": "2026-11-29T00:00:00Z"}
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/pipeline-trigger"}).encode()


@pytest.fixture
def publish(stage, toy_version):
    """Puts a version into the bucket, its manifest last."""

    def put(version):
        place = stage.buckets.of_uri(f"gs://rehearsal-bucket/data/pets/{version}")
        shutil.copytree(toy_version, place, dirs_exist_ok=True)
        manifest = json.loads((place / MANIFEST_FILE).read_text()) | {"version": version}
        (place / MANIFEST_FILE).write_text(json.dumps(manifest))
        return read_manifest(place)

    yield put
    stage.service.pipeline_jobs.clear()
    stage.service.calls.clear()


def created(stage):
    return [call.request for call in stage.service.calls if call.method == "CreatePipelineJob"]


def test_a_finished_manifest_starts_the_pipeline_for_its_version(stage, trigger, publish):
    manifest = publish("1.1.0")
    status, response = send(trigger, finished("1.1.0"))
    assert (status, response["state"], response["version"]) == (
        200,
        "submitted",
        "gs://rehearsal-bucket/data/pets/1.1.0",
    )
    (request,) = created(stage)
    assert request["pipelineJobId"] == response["job"] == f"pets-rehearsal-{manifest.sha256[:16]}"
    assert request["pipelineJob"]["labels"]["dataset_version"] == "1-1-0"
    assert manifest.sha256 in json.dumps(request["pipelineJob"]["pipelineSpec"])
    assert request["pipelineJob"]["serviceAccount"] == "pipeline@rehearsal-project.iam.gserviceaccount.com"


def test_the_same_event_again_submits_nothing_and_is_done(stage, trigger, publish):
    publish("1.2.0")
    first, again = send(trigger, finished("1.2.0")), send(trigger, finished("1.2.0"))
    assert [first[1]["state"], again[1]["state"]] == ["submitted", "already submitted"]
    assert again[0] == 200
    assert first[1]["job"] == again[1]["job"]
    assert len(stage.service.pipeline_jobs) == 1


def test_shards_and_other_objects_start_nothing(stage, trigger):
    shard = {"bucket": "rehearsal-bucket", "name": "data/pets/1.1.0/examples/Split-train/pets-train.tfrecord"}
    assert send(trigger, json.dumps(shard).encode()) == (204, None)
    assert created(stage) == []


def test_a_version_that_cannot_be_used_is_reported_once_and_not_tried_again(stage, trigger, capfd):
    status, response = send(trigger, finished("9.9.9"))
    assert (status, response["state"]) == (200, "refused")
    assert "gs://rehearsal-bucket/data/pets/9.9.9" in response["reason"]
    (line,) = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert (line["severity"], line["state"]) == ("ERROR", "refused")
    assert created(stage) == []


def test_an_outage_at_google_is_tried_again_later(stage, trigger, publish, monkeypatch):
    import grpc

    def unavailable(request, context):
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many requests")

    publish("1.3.0")
    monkeypatch.setattr(stage.service, "create_pipeline_job", unavailable)
    assert send(trigger, finished("1.3.0")) == (503, {"state": "later"})
    monkeypatch.undo()
    assert send(trigger, finished("1.3.0"))[1]["state"] == "submitted"


@pytest.mark.parametrize(
    "role", ["roles/aiplatform.user", "roles/storage.objectViewer", "roles/iam.serviceAccountUser"]
)
def test_a_refusal_that_may_pass_is_delivered_again(stage, trigger, publish, monkeypatch, role):
    publish("1.4.0")
    monkeypatch.setattr(stage.gate, "access", stage.gate.access.without(TRIGGER, role))
    assert send(trigger, finished("1.4.0")) == (503, {"state": "later"})
    monkeypatch.undo()
    assert send(trigger, finished("1.4.0"))[1]["state"] == "submitted"


def test_a_notification_of_the_bucket_starts_the_pipeline_too(stage, trigger, publish):
    publish("1.5.0")
    status, response = send(
        trigger, notified("data/pets/1.5.0/manifest.json"), headers={"content-type": "application/json"}
    )
    assert (status, response["state"], response["version"]) == (
        200,
        "submitted",
        "gs://rehearsal-bucket/data/pets/1.5.0",
    )


def test_the_first_job_is_compiled_before_the_first_event(stage, publish, tmp_path, capfd):
    before = tmp_path / "config.yaml"
    before.write_text(REHEARSAL_CONFIG.read_text().replace("/pets/1.0.0", "/pets/0.0.1"))
    assert not warm(before)
    assert "not warmed up: " in capfd.readouterr().err
    publish("1.0.0")
    jobs = created(stage)
    assert warm(REHEARSAL_CONFIG)
    assert created(stage) == jobs


def test_the_service_warms_up_before_it_listens(stage, tmp_path, capfd, monkeypatch):
    config = tmp_path / "config.yaml"
    config.write_text(REHEARSAL_CONFIG.read_text().replace("/pets/1.0.0", "/pets/0.0.1"))
    said = []
    monkeypatch.setattr("uvicorn.run", lambda app, **options: said.append(capfd.readouterr().err))
    assert serve([f"--config={config}"]) == 0
    assert "not warmed up: " in said[0]


@pytest.mark.parametrize(
    ("body", "method", "status"),
    [
        (b"no JSON", "POST", 200),  # any other answer to a POST makes Eventarc send the same again, for a day
        (b"[" * 100_000, "POST", 200),
        (b'{"bucket": "a", "bucket": "b"}', "POST", 200),
        (b"x" * (2 << 20), "POST", 200),
        (None, "GET", 405),
    ],
)
def test_what_is_no_event_is_refused_once(stage, trigger, body, method, status):
    answer, response = send(trigger, body, method=method)
    assert answer == status
    assert method == "GET" or response["state"] == "refused"
    assert created(stage) == []
