"""Two models of a log compared on Dataflow: Google's client is real, its services are on loopback."""

import json

import pytest

from beam_jobs.dataflow.traffic import main
from schemas.errors import UserError
from tests.beam_jobs.dataflow.dataflow_service import run_staged_graph
from tests.beam_jobs.dataflow.test_dataflow_shadow import flags
from tests.beam_jobs.traffic.test_traffic import more_border, split_log, traffic


@pytest.mark.proof
def test_a_job_compares_as_one_machine_does(service, storage, bucket, tmp_path, capsys):
    log = split_log(tmp_path / "log", more_border)
    storage.put_folder(tmp_path / "log", f"{bucket}/log")
    service.workers = lambda: run_staged_graph(storage, service)
    assert main([*flags(bucket, service.endpoint), f"--log={bucket}/log", f"--output={bucket}/out"]) == 0
    assert "! Class shares: most: b" in capsys.readouterr().out
    assert traffic(log, tmp_path / "here") == 0
    there, here = (json.loads(one) for one in (storage.get(f"{bucket}/out/traffic.json"), _here(tmp_path)))
    assert there["measures"] == here["measures"]
    assert there["candidate"] == here["candidate"]


def test_places_that_workers_cannot_reach_are_named_before_anything_is_read():
    with pytest.raises(UserError) as raised:
        main([*flags("gs://bucket", "http://localhost:1/"), "--log=log", "--output=gs://bucket/out"])
    assert [line.split(":")[1].strip() for line in str(raised.value).splitlines()] == ["log"]


def _here(folder):
    return (folder / "here/traffic.json").read_bytes()
