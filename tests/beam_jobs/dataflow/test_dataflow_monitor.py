"""The monitoring job on Dataflow: Google's client is real, its services are on loopback."""

import json
from pathlib import Path

import pytest

from beam_jobs.dataflow.monitor import main
from schemas.errors import UserError
from tests.beam_jobs.dataflow.dataflow_command import IMAGE, REGION
from tests.beam_jobs.dataflow.dataflow_service import run_staged_graph
from tests.beam_jobs.monitor.served_logs import make_reference, monitor, quiet_log
from tests.beam_jobs.storage_emulator import PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture
def arguments(storage, bucket, service, tmp_path) -> list[str]:
    """The command line for a log of dark photos and a reference that are in the bucket, and here."""
    make_reference(tmp_path / "reference")
    quiet_log(tmp_path / "log", 60, change=lambda record: record | {"brightness": record["brightness"] * 0.5})
    for folder in ("reference", "log"):
        storage.put_folder(tmp_path / folder, f"{bucket}/{folder}")
    cloud = [f"--project={PROJECT}", f"--region={REGION}", f"--bucket={bucket.removeprefix('gs://')}"]
    cloud += [f"--sdk_container_image={IMAGE}", f"--dataflow_endpoint={service.endpoint}"]
    return [*cloud, f"--log={bucket}/log", f"--reference={bucket}/reference", f"--output={bucket}/Today"]


def drift(text: bytes) -> dict:
    return {name: value for name, value in json.loads(text).items() if name not in ("log", "reference")}


@pytest.mark.proof
def test_a_job_raises_the_alarms_that_one_machine_raises(service, storage, bucket, arguments, tmp_path: Path, capsys):
    service.workers = lambda: run_staged_graph(storage, service)
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert "light: served photos are darker than eval photos" in printed.out
    assert printed.out.endswith("One alarm\n")
    assert service.jobs[0]["name"] == "monitor-today"
    assert monitor(tmp_path / "log", tmp_path / "reference", tmp_path / "here") == 1
    assert drift(storage.get(f"{bucket}/Today/drift.json")) == drift((tmp_path / "here/drift.json").read_bytes())


def test_places_that_workers_cannot_reach_are_named_before_anything_is_read(arguments):
    with pytest.raises(UserError) as raised:
        main([*arguments, "--log=runs/served", "--output=runs/monitor"])
    assert [line.split(":")[1].strip() for line in str(raised.value).splitlines()] == ["log", "output"]
