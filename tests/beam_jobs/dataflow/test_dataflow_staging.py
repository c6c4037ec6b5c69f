"""What reaches Google when a job is submitted: its JSON, its graph and its package, staged by a real launcher process.

A template is asked for: then Beam's Dataflow client checks and stages everything, and only does not start the job.
"""

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from typing import NamedTuple

import pytest

from tests.beam_jobs.dataflow.dataflow_command import REGION, dataflow_arguments
from tests.beam_jobs.dataflow.dataflow_service import staged_graph
from tests.beam_jobs.pictures import write_pair
from tests.beam_jobs.storage_emulator import PROJECT

pytestmark = pytest.mark.proof
PLANTED = "planted-secret-123"
SECRETS = {"HF_TOKEN": PLANTED, "GOOGLE_API_KEY": PLANTED, "PIP_INDEX_URL": f"https://me:{PLANTED}@localhost/simple"}
ACCOUNT = f"worker@{PROJECT}.iam.gserviceaccount.com"
SUBNETWORK = f"regions/{REGION}/subnetworks/workers"


class Submission(NamedTuple):
    """The job's JSON, its staged files by name, the members of its package by path, and what was printed."""

    job: dict
    staged: dict[str, bytes]
    package: dict[str, bytes]
    printed: str


@pytest.fixture(scope="module")
def submission(storage, tmp_path_factory) -> Submission:
    bucket = f"gs://{storage.make_bucket()}"
    photos = tmp_path_factory.mktemp("photos")
    write_pair(photos, "pug_1")
    storage.put_folder(photos, f"{bucket}/photos")
    options = [
        "--num_workers=2",
        "--max_num_workers=5",
        "--disk_size_gb=60",
        "--label=team=vision",
        "--label=stage=test",
    ]
    options += [f"--subnetwork={SUBNETWORK}", f"--service_account_email={ACCOUNT}", f"--template_location={bucket}/job"]
    ended = subprocess.run(
        [sys.executable, "-m", "beam_jobs.dataflow", *dataflow_arguments(bucket, *options)],
        env=os.environ | SECRETS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    staged = {uri.rpartition("/")[2]: storage.get(uri) for uri in storage.list(f"{bucket}/dataflow/staging/")}
    with tarfile.open(fileobj=io.BytesIO(staged["workflow.tar.gz"])) as archive:
        files = [member for member in archive.getmembers() if member.isfile()]
        package = {member.name.partition("/")[2]: archive.extractfile(member).read() for member in files}
    return Submission(json.loads(storage.get(f"{bucket}/job")), staged, package, ended.stdout)


def test_the_job_asks_for_the_workers_that_were_named(submission):
    job = submission.job
    (pool,) = job["environment"]["workerPools"]
    assert (job["name"], job["type"]) == ("prepare-pets-1-0-0", "JOB_TYPE_BATCH")
    assert job["labels"] == {"team": "vision", "stage": "test"}
    assert job["environment"]["serviceAccountEmail"] == ACCOUNT
    asked = {name: pool[name] for name in ("machineType", "numWorkers", "diskSizeGb", "ipConfiguration", "subnetwork")}
    assert asked == {
        "machineType": "e2-standard-4",
        "numWorkers": 2,
        "diskSizeGb": 60,
        "ipConfiguration": "WORKER_IP_PRIVATE",
        "subnetwork": SUBNETWORK,
    }
    assert pool["autoscalingSettings"]["maxNumWorkers"] == 5
    assert f"{PROJECT}, {REGION}" in submission.printed


def test_the_workers_get_the_package_and_no_main_session(submission):
    (pool,) = submission.job["environment"]["workerPools"]
    assert [package["name"] for package in pool["packages"]] == ["workflow.tar.gz"]
    assert set(submission.staged) == {"pipeline.pb", "workflow.tar.gz"}
    assert b"__main__" not in submission.staged["pipeline.pb"]
    options = submission.job["environment"]["sdkPipelineOptions"]["options"]
    assert (options["save_main_session"], options["streaming"]) == (False, False)


def test_temporary_files_stay_in_the_bucket_that_was_named(submission):
    options = submission.job["environment"]["sdkPipelineOptions"]["options"]
    bucket = options["template_location"].removesuffix("/job")
    assert options["temp_location"].startswith(f"{bucket}/dataflow/temp/prepare-pets-1-0-0.")
    assert options["pipelineUrl"].startswith(f"{bucket}/dataflow/staging/prepare-pets-1-0-0.")
    prefix = submission.job["environment"]["tempStoragePrefix"]
    assert prefix.startswith(f"storage.googleapis.com/{bucket.removeprefix('gs://')}/dataflow/temp/")


def test_the_graph_is_the_whole_preparation(storage, submission):
    names = {one.unique_name for one in staged_graph(storage, submission.job).components.transforms.values()}
    steps = {name.partition("/")[0] for name in names}
    assert {"PlanRecords", "GroupByShard", "Validate", "Decide", "MoveFiles", "Conclude"} <= steps


def test_the_package_holds_the_code_and_the_schemas_but_no_tests_and_no_outputs(submission):
    assert {
        "setup.py",
        "beam_jobs/prepare/pipeline.py",
        "schemas/pets/dataset.yaml",
        "schemas/spec.py",
        "trainer/run_fn.py",
    } <= set(submission.package)
    packaged = set(submission.package) - {f"tfx_pipeline/space/npm/{name}.json" for name in ("package", "package-lock")}
    foreign = [path for path in packaged if re.match(r"tests/|runs/|\.|.*\.(env|pem|key|json|pyc)$", path)]
    assert foreign == []


def test_no_secret_of_the_launcher_is_in_anything_that_leaves_it(storage, submission):
    everything = [json.dumps(submission.job).encode(), *submission.staged.values(), *submission.package.values()]
    secrets = [PLANTED, *storage.private_key.splitlines()[1:3], "PRIVATE KEY-----\n"]
    found = [secret for secret in secrets for content in everything if secret.encode() in content]
    assert found == []
    assert len(everything) > 50


def test_the_staged_package_installs_and_runs_away_from_the_project(submission, tmp_path):
    (tmp_path / "workflow.tar.gz").write_bytes(submission.staged["workflow.tar.gz"])
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    worker = tmp_path / "worker"
    subprocess.run([*pip, f"--target={worker}", tmp_path / "workflow.tar.gz"], check=True, capture_output=True)
    code = (
        "import importlib.metadata, beam_jobs.prepare.pipeline; from schemas.shipped import load_spec\n"
        "print(beam_jobs.__file__, load_spec('pets').name == 'pets')\n"
        "print(importlib.metadata.version('segmentation-pipeline'))"
    )
    environment = os.environ | {"PYTHONPATH": str(worker), "PYTHONWARNINGS": "ignore"}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert ended.stdout.splitlines()[0] == f"{worker / 'beam_jobs' / '__init__.py'} True"
