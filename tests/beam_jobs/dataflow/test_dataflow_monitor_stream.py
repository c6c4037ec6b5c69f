"""The streaming monitor on Dataflow: Google's client is real, its services are on loopback."""

import pytest

from beam_jobs.dataflow.monitor_stream import main
from schemas.errors import UserError
from tests.beam_jobs.dataflow.dataflow_command import IMAGE, REGION
from tests.beam_jobs.monitor.served_logs import make_reference
from tests.beam_jobs.storage_emulator import PROJECT

SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/served"


def flags(bucket, endpoint):
    cloud = [f"--project={PROJECT}", f"--region={REGION}", f"--bucket={bucket.removeprefix('gs://')}"]
    return [*cloud, f"--sdk_container_image={IMAGE}", f"--dataflow_endpoint={endpoint}"]


@pytest.mark.proof
def test_a_streaming_job_is_submitted_and_not_waited_for(service, storage, bucket, tmp_path, capsys):
    storage.put_folder(make_reference(tmp_path / "reference"), f"{bucket}/reference")
    places = [f"--subscription={SUBSCRIPTION}", f"--reference={bucket}/reference", f"--output={bucket}/watched"]
    assert main([*flags(bucket, service.endpoint), *places]) == 0
    (job,) = service.jobs
    assert (job["name"], job["type"]) == ("monitor-stream-watched", "JOB_TYPE_STREAMING")
    assert "Cancel it: gcloud dataflow jobs cancel" in capsys.readouterr().out


def test_places_that_workers_cannot_reach_are_named_before_anything_is_read():
    places = [f"--subscription={SUBSCRIPTION}", "--reference=runs/reference", "--output=gs://bucket/out"]
    with pytest.raises(UserError, match="reference: workers see Cloud Storage alone"):
        main([*flags("gs://bucket", "http://localhost:1/"), *places])
