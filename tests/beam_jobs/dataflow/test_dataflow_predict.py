"""The prediction job on Dataflow: Google's client is real, its services are on loopback."""

import json
import re

import pytest

from beam_jobs.dataflow.predict import main
from beam_jobs.predict import command_line as local
from schemas.errors import UserError
from tests.beam_jobs.dataflow.dataflow_command import IMAGE, REGION
from tests.beam_jobs.dataflow.dataflow_service import run_staged_graph
from tests.beam_jobs.pictures import encode, gradient
from tests.beam_jobs.storage_emulator import PROJECT
from tests.beam_jobs.toy_model import export


@pytest.fixture
def arguments(storage, bucket, service, tmp_path):
    """The command line for two photos and a model that are in the bucket, and here."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "wide.jpg").write_bytes(encode(gradient(90, 40), "JPEG", quality=95))
    (tmp_path / "photos" / "none.png").write_bytes(b"no photo")
    export(tmp_path / "model")
    for folder in ("photos", "model"):
        storage.put_folder(tmp_path / folder, f"{bucket}/{folder}")
    cloud = [f"--project={PROJECT}", f"--region={REGION}", f"--bucket={bucket.removeprefix('gs://')}"]
    cloud += [f"--sdk_container_image={IMAGE}", f"--dataflow_endpoint={service.endpoint}"]
    return [*cloud, f"--model={bucket}/model", f"--photos={bucket}/photos", f"--output={bucket}/Masks"]


@pytest.mark.proof
def test_a_job_writes_to_the_bucket_what_one_machine_writes_to_a_folder(
    service, storage, bucket, arguments, tmp_path, capsys
):
    service.workers = lambda: run_staged_graph(storage, service)
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert re.findall(r"^ +\d+:\d\d  (\w+)$", printed.out, re.MULTILINE) == ["pending", "running", "done"]
    assert "1 masks in" in printed.out
    assert service.jobs[0]["name"] == "predict-masks"
    here = tmp_path / "here"
    assert local.main([f"--model={tmp_path}/model", f"--photos={tmp_path}/photos", f"--output={here}"]) == 0
    assert storage.get(f"{bucket}/Masks/masks/wide.png") == (here / "masks" / "wide.png").read_bytes()
    in_bucket, in_folder = (
        json.loads(data) for data in (storage.get(f"{bucket}/Masks/summary.json"), (here / "summary.json").read_bytes())
    )
    assert (in_bucket["photos"], in_bucket["rejected"]) == (in_folder["photos"], in_folder["rejected"]) == (1, 1)


def test_a_job_that_fails_exits_with_1_and_says_what_to_do(service, arguments, capsys):
    service.states = ["JOB_STATE_PENDING", "JOB_STATE_FAILED"]
    service.errors = ["Startup of the worker pool failed."]
    assert main(arguments) == 1
    printed = capsys.readouterr().err
    assert "Startup of the worker pool failed." in printed
    assert "The same command starts over" in printed


def test_places_that_workers_cannot_reach_are_named_before_anything_is_read(arguments):
    with pytest.raises(UserError) as raised:
        main([*arguments, "--output=runs/masks", "--model=runs/model"])
    assert [line.split(":")[1].strip() for line in str(raised.value).splitlines()] == ["model", "output"]


def test_a_plan_shows_the_flags_and_sends_nothing(service, arguments, capsys):
    assert main([*arguments, "--plan"]) == 0
    printed = capsys.readouterr().out
    assert "--runner=DataflowRunner" in printed
    assert "--job_name=predict-masks" in printed
    assert service.requests == []
