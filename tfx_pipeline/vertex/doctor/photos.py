"""Sends two drawn photos through Dataflow: the preparation, from a folder of the pipeline's bucket."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator

import numpy as np
from PIL import Image

from beam_jobs.google_cloud.dataflow_options import DataflowOptions
from beam_jobs.storage.files import write_atomically
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.version_files import DATASET_FILE
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.doctor.cleanup import FAILURES, FOLDER, LABEL, dataflow_job_name, taking_down
from tfx_pipeline.vertex.doctor.findings import FAIL, OK, SKIP, Finding
from tfx_pipeline.vertex.doctor.google import Google

TIMEOUT_SECONDS = 1800  # for the job, including the start of its worker; without a way to Google's APIs, it hangs
SIDE = 32  # pixels
SPLITS = ("train", "eval")  # one photo each: a version without one of them is withheld
DATASET = """\
name: doctor
image_path: "images/{split:train|eval}/{id}.png"
mask_path: "masks/{id}.png"
classes: [background, square]
"""


def check_dataflow(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that workers start with the image, read photos from the bucket and publish a version there."""
    cloud = config.cloud
    configured = cloud.evaluation_options(
        config.output.removeprefix("gs://").partition("/")[0], dataflow_job_name(config)
    )
    if cloud.evaluation is None or configured is None:
        yield Finding(SKIP, "job on Dataflow", "no cloud.evaluation, so nothing of this pipeline runs there")
        return
    subject = f"job on Dataflow, {cloud.evaluation.worker_machine_type}"
    start = time.monotonic()
    try:
        with taking_down(config, google):
            problem = _prepare(config, configured)
    except (*FAILURES, UserError) as error:
        problem = str(error)
    if problem:
        yield Finding(FAIL, subject, " ".join(problem.split())[:400])
    else:
        minutes = (time.monotonic() - start) / 60
        yield Finding(OK, subject, f"published a version of {len(SPLITS)} drawn photos, in {minutes:.0f} minutes")


def _prepare(config: CloudPipelineConfig, configured: DataflowOptions) -> str | None:
    """Runs the job to its end; returns what is wrong with it, or None."""
    from beam_jobs.dataflow.submission import DONE, causes, follow, preparation, submit
    from beam_jobs.prepare.already_published import read_published
    from beam_jobs.prepare.options import PrepareOptions
    from beam_jobs.runners.beam_options import parse_beam_flags

    folder = f"{config.output}/{FOLDER}"
    _draw(f"{folder}/photos")
    values = {"input": f"{folder}/photos", "output": f"{folder}/data", "version": "1.0.0", "image_size": SIDE}
    options = parse_model(PrepareOptions, values | {"split": "official"}, "the check")
    flags = parse_beam_flags(_flags(config, configured, folder))
    job = submit(preparation(options), flags)
    assert job is not None  # only flags for a template give none
    print(f"Dataflow job {job.id}: {job.console}", file=sys.stderr, flush=True)
    state = follow(job, TIMEOUT_SECONDS, to=sys.stderr)
    if state != DONE:
        return f"ended as {state.lower()}: {'; '.join(causes(job))}"
    manifest = read_published(options)
    if manifest is None or manifest.published != len(SPLITS):
        return "is done, but its version is not in the bucket"
    return None


def _flags(config: CloudPipelineConfig, configured: DataflowOptions, folder: str) -> list[str]:
    """Flags for one worker with what the pipeline's workers have, and all temporary files in the folder."""
    labels = (*configured.label, f"{LABEL}={config.name}")
    one_worker = configured.model_copy(update={"num_workers": 1, "max_num_workers": 1, "label": labels})
    places = [f"--temp_location={folder}/temp", f"--staging_location={folder}/staging"]  # the last of each counts
    return [*one_worker.beam_flags(dataflow_job_name(config)), *places]


def _draw(folder: str) -> None:
    """Writes a photo and a mask for each split: a bright square on a dark ground, at another place in each."""
    for number, split in enumerate(SPLITS):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[4 + 8 * number :, 8:24] = 1
        photo = np.repeat(60 + 120 * mask[..., None], 3, axis=2)
        write_atomically(f"{folder}/images/{split}/{split}.png", _png(photo))
        write_atomically(f"{folder}/masks/{split}.png", _png(mask))
    write_atomically(f"{folder}/{DATASET_FILE}", DATASET.encode())


def _png(pixels: np.ndarray) -> bytes:
    """PNG of uint8 [H, W] or [H, W, 3]."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
