"""The shadow run on Dataflow: Google's client is real, its services are on loopback."""

import json

import pytest

from beam_jobs.dataflow.shadow import main
from schemas.errors import UserError
from tests.beam_jobs.dataflow.dataflow_command import IMAGE, REGION
from tests.beam_jobs.dataflow.dataflow_service import run_staged_graph
from tests.beam_jobs.shadow.two_models import export_both, photo, shadow, write_photo
from tests.beam_jobs.storage_emulator import PROJECT


def flags(bucket, endpoint):
    cloud = [f"--project={PROJECT}", f"--region={REGION}", f"--bucket={bucket.removeprefix('gs://')}"]
    return [*cloud, f"--sdk_container_image={IMAGE}", f"--dataflow_endpoint={endpoint}"]


@pytest.mark.proof
def test_a_job_compares_as_one_machine_does(service, storage, bucket, tmp_path, capsys):
    models = export_both(tmp_path / "models")
    for number in range(3):
        write_photo(tmp_path / f"photos/{number}.png", photo(number))
    for folder in ("models", "photos"):
        storage.put_folder(tmp_path / folder, f"{bucket}/{folder}")
    service.workers = lambda: run_staged_graph(storage, service)
    places = [f"--model={bucket}/models/served", f"--candidate={bucket}/models/candidate", f"--photos={bucket}/photos"]
    assert main([*flags(bucket, service.endpoint), *places, f"--output={bucket}/out"]) == 0
    assert "3 photos in" in capsys.readouterr().out
    assert shadow(models, tmp_path / "here", f"--photos={tmp_path / 'photos'}") == 0
    there, here = storage.get(f"{bucket}/out/shadow.json"), (tmp_path / "here/shadow.json").read_bytes()
    assert json.loads(there)["confusion"] == json.loads(here)["confusion"]


def test_places_that_workers_cannot_reach_are_named_before_anything_is_read():
    places = ["--model=served", "--candidate=gs://bucket/model", "--log=log", "--output=gs://bucket/out"]
    with pytest.raises(UserError) as raised:
        main([*flags("gs://bucket", "http://localhost:1/"), *places])
    assert [line.split(":")[1].strip() for line in str(raised.value).splitlines()] == ["model", "log"]
