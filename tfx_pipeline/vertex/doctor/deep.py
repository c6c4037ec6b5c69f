"""The doctor's deep checks, which start machines for minutes and remove everything again."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator

from beam_jobs.storage.files import read_file
from schemas.errors import UserError
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.doctor.cleanup import FAILURES, FOLDER, LABEL, take_down, taking_down
from tfx_pipeline.vertex.doctor.findings import FAIL, OK, SKIP, Finding
from tfx_pipeline.vertex.doctor.google import Google

MODULE = "tfx_pipeline.vertex.doctor.devices"
TIMEOUT_SECONDS = 1800  # for the job, including the wait for a machine
PHOTO_SIDE = 32  # pixels of the photo that is sent to the endpoint


def check_leftovers(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Removes what a deep check that was killed has left; one finding for each."""
    subject = "left by a deep check that was killed"
    try:
        for left in take_down(config, google):
            yield Finding(OK, subject, f"{left} removed")
    except FAILURES as error:
        yield Finding(FAIL, subject, " ".join(str(error).split())[:400])


def check_devices(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that the training machine starts with the image, finds its accelerators, and can write to the bucket."""
    from google.cloud import aiplatform

    cloud, job = config.cloud, config.cloud.training
    if job is None:
        return
    subject, report = f"CustomJob on {job.machine_type}", f"{config.output}/{FOLDER}/{uuid.uuid4().hex}.json"
    pool = {
        "machine_spec": job.spec,
        "replica_count": 1,
        "disk_spec": {"boot_disk_size_gb": job.boot_disk_gb},
        "container_spec": {"image_uri": cloud.image, "command": ["python", "-m", MODULE], "args": [report]},
    }
    aiplatform.init(project=cloud.project, location=cloud.region, encryption_spec_key_name=cloud.encryption_key)
    custom_job = aiplatform.CustomJob(
        display_name=f"{config.name}-doctor",
        worker_pool_specs=[pool],
        labels=cloud.labels | {LABEL: config.name},
        staging_bucket=config.output,
    )
    try:
        with taking_down(config, google):
            account = job.service_account or cloud.service_account
            custom_job.run(service_account=account, network=cloud.network, timeout=TIMEOUT_SECONDS)
            devices = json.loads(read_file(report))
    except (*FAILURES, RuntimeError) as error:  # RuntimeError: the job failed
        yield Finding(FAIL, subject, " ".join(str(error).split())[:400])
    else:
        yield _devices(subject, devices, job.accelerator_count if job.accelerator_type else 0)


def _devices(subject: str, devices: list[str], configured: int) -> Finding:
    found = devices.count("GPU")
    if found < configured:
        remedy = "take an image whose tag ends in -gpu"
        return Finding(FAIL, subject, f"{found} GPUs are found, {configured} configured; {remedy}")
    return Finding(OK, subject, f"finds {', '.join(devices)}, and writes to the bucket")


def check_endpoint(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that the endpoint answers, if it exists already."""
    from PIL import Image

    from tfx_pipeline.vertex.predictor import DeployedModel

    if config.cloud.serving is None:
        return
    subject, photo = f"endpoint {config.cloud.serving.endpoint}", io.BytesIO()
    Image.new("RGB", (PHOTO_SIDE, PHOTO_SIDE)).save(photo, "PNG")
    try:
        model = DeployedModel(config.cloud)
        [mask] = model.class_ids([photo.getvalue()])
    except UserError as error:
        absent = "has no endpoint" in str(error)
        text = "not there yet; the first run creates it" if absent else str(error)
        yield Finding(SKIP if absent else FAIL, subject, text)
    else:
        yield Finding(
            OK, subject, f"answers with a mask of {mask.shape[1]} x {mask.shape[0]} pixels, {model.latency()}"
        )
