"""The command line of the job on Dataflow, as tests type it."""

from tests.beam_jobs.storage_emulator import PROJECT

REGION = "europe-west1"
IMAGE = f"{REGION}-docker.pkg.dev/{PROJECT}/images/segmentation@sha256:" + 64 * "0"


def dataflow_arguments(bucket: str, *more: str) -> list[str]:
    """Arguments for a job whose photos and versions are in `bucket`, such as `gs://name`; later ones win."""
    places = [f"--input={bucket}/photos", f"--output={bucket}/data", f"--bucket={bucket.removeprefix('gs://')}"]
    job = ["--dataset=pets", "--version=1.0.0", "--image_size=32", f"--project={PROJECT}", f"--region={REGION}"]
    return [*job, *places, *more]
