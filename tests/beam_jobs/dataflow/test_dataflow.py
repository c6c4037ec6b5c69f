"""A job on Dataflow from its command line to its end: Google's client is real, its services are on loopback."""

import json
import re
import signal
import subprocess
import sys
from _thread import interrupt_main

import pytest

from beam_jobs.dataflow.__main__ import main
from schemas.errors import UserError
from schemas.manifest import parse_manifest
from tests.beam_jobs.dataflow.dataflow_command import IMAGE, REGION, dataflow_arguments
from tests.beam_jobs.dataflow.dataflow_service import JOB_ID, run_staged_graph
from tests.beam_jobs.jobs import GOOD, prepare
from tests.beam_jobs.pictures import write_pair
from tests.beam_jobs.storage_emulator import PROJECT

pytestmark = pytest.mark.slow

CONSOLE = f"https://console.cloud.google.com/dataflow/jobs/{REGION}/{JOB_ID}?project={PROJECT}"


@pytest.fixture(scope="module")
def photos_uri(storage, tmp_path_factory):
    """Forty good pairs in a bucket of their own."""
    folder = tmp_path_factory.mktemp("photos")
    for image_id in GOOD:
        write_pair(folder, image_id)
    uri = f"gs://{storage.make_bucket()}/photos"
    storage.put_folder(folder, uri)
    return uri


@pytest.fixture
def submit(service, photos_uri, bucket):
    """Runs the command line with the services on loopback; the versions go to `bucket`."""

    def run(*more: str) -> int:
        loopback = f"--sdk_container_image={IMAGE}", f"--dataflow_endpoint={service.endpoint}"
        return main(dataflow_arguments(bucket, *loopback, f"--input={photos_uri}", *more))

    return run


def test_a_job_is_submitted_followed_and_its_version_published(service, storage, submit, bucket, good_data, capsys):
    service.workers = lambda: run_staged_graph(storage, service)
    assert submit() == 0
    printed = capsys.readouterr()
    assert re.findall(r"^ +\d+:\d\d  (\w+)$", printed.out, re.MULTILINE) == ["pending", "running", "done"]
    assert CONSOLE in printed.out
    assert f"Published {bucket}/data/pets/1.0.0" in printed.out
    assert printed.err == ""
    # what the staged graph made of gs:// is what the same job makes of local folders
    version = good_data / "pets" / "1.0.0"
    manifest = parse_manifest(storage.get(f"{bucket}/data/pets/1.0.0/manifest.json"), "manifest")
    assert manifest.to_json() == (version / "manifest.json").read_text()
    for split in manifest.splits.values():
        for shard in split.shards:
            assert storage.get(f"{bucket}/data/pets/1.0.0/{shard.path}") == (version / shard.path).read_bytes()
    # what the service has counted is what the local runner has counted, and was compared with the manifest
    counted, here = (
        json.loads(data)
        for data in (storage.get(f"{bucket}/data/pets/1.0.0/metrics.json"), (version / "metrics.json").read_bytes())
    )
    assert counted["counters"] == here["counters"]
    assert counted["distributions"]["record_bytes"] == here["distributions"]["record_bytes"]
    assert counted["mismatches"] == []


def test_counters_that_differ_from_the_manifest_fail_the_command_and_name_the_difference(
    service, storage, submit, bucket, capsys
):
    def lose_a_record():
        run_staged_graph(storage, service)
        for metric in service.metrics:
            if metric["name"]["name"] == "records_written":
                metric["scalar"] -= 1

    service.workers = lose_a_record
    assert submit() == 1
    printed = capsys.readouterr()
    assert "the account does not add up: Beam counted records_written 39, the manifest says 40" in printed.err
    assert f"Don't train on {bucket}/data/pets/1.0.0" in printed.err


@pytest.mark.proof
def test_a_retry_with_a_baseline_is_built_from_what_the_bucket_holds(
    service, storage, submit, bucket, photos, good_data, capsys
):
    whole = photos / "images/pug_3.jpg"
    data = whole.read_bytes()
    whole.write_bytes(b"no photo")
    storage.put_folder(photos, f"{bucket}/photos")
    assert prepare(f"{bucket}/photos", f"{bucket}/data", "1.0.0") == 0
    whole.write_bytes(data)
    storage.put_folder(photos, f"{bucket}/photos")
    service.workers = lambda: run_staged_graph(storage, service)
    again = f"--input={bucket}/photos", "--version=1.1.0", "--retry_quarantined=1.0.0", "--baseline=1.0.0"
    capsys.readouterr()
    assert submit(*again) == 0
    assert "the account" not in capsys.readouterr().err
    manifest = parse_manifest(storage.get(f"{bucket}/data/pets/1.1.0/manifest.json"), "manifest")
    assert (manifest.published, manifest.quarantined) == (40, {})
    assert b"1.0.0" in storage.get(f"{bucket}/data/pets/1.1.0/report.html")  # what drift was measured against
    # as if all photos had been whole from the start
    for split in manifest.splits.values():
        for shard in split.shards:
            retried = storage.get(f"{bucket}/data/pets/1.1.0/{shard.path}")
            assert retried == (good_data / "pets/1.0.0" / shard.path).read_bytes()


def test_the_request_that_reaches_google_asks_for_the_image_and_no_wait_leaves_it_there(
    service, storage, submit, bucket, capsys
):
    assert submit("--no_wait", "--use_public_ips") == 0
    assert service.requests == [f"POST /v1b3/projects/{PROJECT}/locations/{REGION}/jobs"]
    (job,) = service.jobs
    (pool,) = job["environment"]["workerPools"]
    (container,) = pool["sdkHarnessContainerImages"]
    assert container["containerImage"] == pool["workerHarnessContainerImage"] == IMAGE
    assert "packages" not in pool
    assert pool["ipConfiguration"] in ("WORKER_IP_PUBLIC", 1)  # Google's client, from Beam 2.77 on, sends the number
    staged = storage.list(f"{bucket}/dataflow/staging/")
    assert [uri.rpartition("/")[2] for uri in staged] == ["pipeline.pb"]
    printed = capsys.readouterr().out
    assert CONSOLE in printed
    assert f"gcloud dataflow jobs cancel {JOB_ID} --project={PROJECT} --region={REGION}" in printed


def test_a_job_that_fails_exits_with_1_and_tells_the_cause(service, submit, capsys):
    service.states = ["JOB_STATE_RUNNING", "JOB_STATE_FAILED"]
    traceback = "Traceback (most recent call last):\n  File x\nOSError: no such bucket [while running 'MoveFiles']\n"
    service.errors = [traceback, "Workflow failed. Causes: S07 failed."]
    assert submit() == 1
    printed = capsys.readouterr().err
    assert f"job {JOB_ID} ended as failed" in printed
    assert "OSError: no such bucket [while running 'MoveFiles']" in printed
    assert "Workflow failed. Causes: S07 failed." in printed
    assert CONSOLE in printed
    assert "Traceback" not in printed


def test_a_withheld_version_exits_with_1_and_tells_why(service, storage, submit, bucket, photos, capsys):
    for number in range(10):
        (photos / f"images/pug_{number}.jpg").write_bytes(b"")
    storage.put_folder(photos, f"{bucket}/photos")
    service.workers = lambda: run_staged_graph(storage, service)
    assert submit(f"--input={bucket}/photos") == 1
    assert "25.0%" in capsys.readouterr().err
    assert storage.list(f"{bucket}/data/pets/1.0.0") == []


@pytest.fixture
def heard_ctrl_c():
    """A shell starts what runs in its background deaf to Ctrl-C; the tests may run there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_ctrl_c")
def test_ctrl_c_ends_the_waiting_and_tells_that_the_job_goes_on(service, submit, capsys):
    service.states = ["JOB_STATE_PENDING", "JOB_STATE_RUNNING"]

    def press_ctrl_c():  # at each poll, as a person would: one that meets a destructor is lost
        service.on_state["JOB_STATE_RUNNING"] = press_ctrl_c
        interrupt_main()

    service.on_state["JOB_STATE_RUNNING"] = press_ctrl_c
    with pytest.raises(KeyboardInterrupt):
        submit()
    printed = capsys.readouterr().err
    assert CONSOLE in printed
    assert f"gcloud dataflow jobs cancel {JOB_ID}" in printed


def test_what_the_service_refuses_is_reported_in_its_own_words(service, submit):
    service.refusal = (403, "Dataflow API has not been used in project 1 before or it is disabled.")
    with pytest.raises(UserError, match="Dataflow refuses the job: Dataflow API has not been used in project 1"):
        submit()


def test_a_bucket_that_is_not_there_is_reported(service, submit):
    with pytest.raises(UserError, match="--bucket: can't be listed"):
        submit("--bucket=not-a-bucket")
    assert service.jobs == []


def test_an_input_without_photos_is_reported_before_anything_is_sent(service, submit, bucket):
    with pytest.raises(UserError, match=r"--input .*photos: no file matches"):
        submit(f"--input={bucket}/photos")
    with pytest.raises(UserError, match=r"--input gs://not-a-bucket/photos: can't be listed"):
        submit("--input=gs://not-a-bucket/photos")
    assert service.requests == []


def test_a_version_that_is_published_with_other_options_is_refused_before_anything_is_sent(
    service, storage, submit, bucket, good_data
):
    storage.put_folder(good_data, f"{bucket}/data")
    with pytest.raises(UserError, match=r"jpeg_quality=92 \(now 80\)"):
        submit("--jpeg_quality=80")
    assert service.requests == []


@pytest.mark.proof
def test_missing_credentials_are_reported_with_their_remedy(storage, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    command = [sys.executable, "-m", "beam_jobs.dataflow", *dataflow_arguments("gs://a-bucket")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "no usable Google credentials" in ended.stderr
    assert "gcloud auth application-default login" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        ("roles/storage.legacyBucketReader", "deployer@.* does not have storage.buckets.get access"),
        ("roles/dataflow.developer", "Permission 'dataflow.jobs.create' denied on resource"),
        ("roles/iam.serviceAccountUser", "You do not have permission to act as service account: dataflow-worker@"),
    ],
)
def test_a_role_that_who_deploys_lacks_is_named_and_no_job_starts(submit, service, without_role, role, refused):
    without_role(role)
    with pytest.raises(UserError, match=refused):
        submit(f"--service_account_email=dataflow-worker@{PROJECT}.iam.gserviceaccount.com")
    assert service.jobs == []
