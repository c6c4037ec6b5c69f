"""Options of a job on Dataflow, checked before anything is imported or sent; Vertex AI's settings share their forms.

The forms are those of the Dataflow and Compute Engine documentation. Beam does not check several of them, so that a
job would fail minutes later, on a worker.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from beam_jobs.console import COMMAND_LINE
from schemas.errors import UserError
from schemas.frozen_model import FrozenModel

SETUP_FILE = Path(__file__).parents[2] / "setup.py"
NAME = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"  # of a Compute Engine resource, RFC 1035
PROJECT = r"([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]"
REGION = r"[a-z]+-[a-z]+[0-9]{1,2}"
LABEL_KEY = r"[a-z][a-z0-9_-]{0,62}"
LABEL_VALUE = r"[a-z0-9_-]{0,63}"
MAX_LABELS = 64
IMAGE = r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)+"
TAG = r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
DIGEST = r"@sha256:[0-9a-f]{64}"

# Option: the form of its text, and what to give instead of a text of another form.
FORMS = {
    "project": (PROJECT, "give the project's id (not its number or title), such as my-project-1"),
    "region": (REGION, "give a region (not a zone), such as europe-west1"),
    "bucket": (r"[a-z0-9][-_a-z0-9.]{1,220}[a-z0-9]", "give the bucket's name alone, without gs:// and folders"),
    "job_name": (NAME, "give lower-case letters, digits and '-', at most 63, such as prepare-pets-1"),
    "worker_machine_type": (r"[a-z][a-z0-9]*(-[a-z0-9]+)+", "give a machine type, such as e2-standard-4"),
    "service_account_email": (
        r"[a-z0-9-]+@([a-z0-9.-]+\.iam|developer)\.gserviceaccount\.com",
        "give an address such as worker@my-project-1.iam.gserviceaccount.com",
    ),
    "network": (rf"(projects/{PROJECT}/global/networks/)?{NAME}", "give the name of a VPC network, such as default"),
    "subnetwork": (
        rf"(https://www\.googleapis\.com/compute/v1/projects/{PROJECT}/)?regions/(?P<region>{REGION})/subnetworks/{NAME}",
        "give regions/REGION/subnetworks/NAME, or the whole URL for a shared VPC",
    ),
    "dataflow_kms_key": (
        rf"projects/{PROJECT}/locations/(?P<region>[a-z0-9-]+)/keyRings/[\w-]+/cryptoKeys/[\w-]+",
        "give projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY",
    ),
}


def check_image(image: str) -> str:
    """Checks that a container image's name always means the same image; ValueError with the remedy if not."""
    if re.fullmatch(f"{IMAGE}{TAG}{DIGEST}", image):
        raise ValueError("has a tag and a digest, which Vertex AI refuses; leave the tag out")
    if not re.fullmatch(f"{IMAGE}({TAG}|{DIGEST})?", image):
        raise ValueError("give HOST/PATH:TAG or HOST/PATH@sha256:DIGEST")
    if re.fullmatch(f"{IMAGE}(:latest)?", image):
        raise ValueError("means latest, another image tomorrow; give the tag of a release, or a digest")
    return image


ContainerImage = Annotated[str, AfterValidator(check_image)]


class DataflowOptions(FrozenModel):
    """Where a job runs and on what.

    Attributes:
      bucket: Bucket for temporary and staged files, which go below `gs://<bucket>/dataflow/`.
      job_name: Unique among the project's active jobs of a region; None derives it from data set and version.
      num_workers: Workers to start with; None leaves it to the service.
      disk_size_gb: Boot disk of each worker in gigabytes; it holds the container images.
      service_account_email: Account that the workers act as; None means Compute Engine's default account.
      use_public_ips: False keeps the workers off the internet; their subnetwork needs Private Google Access then.
      label: `key=value` each, for the bill.
      sdk_container_image: Holds Beam and this package; None makes every worker install the package when it starts.
      dataflow_kms_key: Key that encrypts the job's own storage; None means Google's.
    """

    project: str
    region: str
    bucket: str
    job_name: str | None = None
    worker_machine_type: str = "e2-standard-4"
    num_workers: int | None = Field(default=None, ge=1, le=1000)
    max_num_workers: int = Field(default=10, ge=1, le=1000, validate_default=True)
    disk_size_gb: int = Field(default=50, ge=30, le=65536)
    service_account_email: str | None = None
    network: str | None = None
    subnetwork: str | None = None
    use_public_ips: bool = False
    label: tuple[str, ...] = Field(default=(), max_length=MAX_LABELS)
    sdk_container_image: ContainerImage | None = None
    dataflow_kms_key: str | None = None

    @field_validator(*FORMS)
    @classmethod
    def _has_its_form(cls, text: str | None, info: ValidationInfo) -> str | None:
        form, remedy = FORMS[info.field_name or ""]
        match = re.fullmatch(form, text) if text is not None else None
        if text is not None and match is None:
            raise ValueError(remedy)
        region = info.data.get("region")
        if match and region and match.groupdict().get("region", region) != region:
            raise ValueError(f"must be in the job's region, {region}")
        return text

    @field_validator("label")
    @classmethod
    def _labels_have_keys_and_values(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        for label in labels:
            if not re.fullmatch(f"{LABEL_KEY}={LABEL_VALUE}", label):
                raise ValueError(f"{label!r} is not key=value of lower-case letters, digits, '_' and '-', at most 63")
        if len({label.partition("=")[0] for label in labels}) < len(labels):
            raise ValueError("a key is given twice; give each once")
        return labels

    @field_validator("max_num_workers")
    @classmethod
    def _bounds_in_order(cls, most: int, info: ValidationInfo) -> int:
        if most < (info.data.get("num_workers") or 1):
            raise ValueError(f"must be at least --num_workers, {info.data['num_workers']}")
        return most

    @property
    def temporary_dir(self) -> str:
        """Folder for everything that the service and its workers store while the job runs."""
        return f"gs://{self.bucket}/dataflow"

    def beam_flags(self, default_job_name: str) -> list[str]:
        """The options as flags of Beam's DataflowRunner, with those that never vary.

        Raises:
          UserError: There is neither a container image nor a project folder to take the package from.
        """
        flags = {
            "runner": "DataflowRunner",
            "project": self.project,
            "region": self.region,
            "job_name": self.job_name or default_job_name,
            "temp_location": f"{self.temporary_dir}/temp",
            "staging_location": f"{self.temporary_dir}/staging",
            "worker_machine_type": self.worker_machine_type,
            "num_workers": self.num_workers,
            "max_num_workers": self.max_num_workers,
            "disk_size_gb": self.disk_size_gb,
            "service_account_email": self.service_account_email,
            "network": self.network,
            "subnetwork": self.subnetwork,
            "dataflow_kms_key": self.dataflow_kms_key,
        }
        if self.sdk_container_image:
            flags |= {"sdk_container_image": self.sdk_container_image, "sdk_location": "container"}
        elif SETUP_FILE.is_file():
            flags["setup_file"] = str(SETUP_FILE)
        else:
            raise UserError(
                f"{COMMAND_LINE}: {SETUP_FILE} is missing; run in the project's folder, or --sdk_container_image"
            )
        return [
            *(f"--{name}={value}" for name, value in flags.items() if value is not None),
            *(f"--labels={label}" for label in self.label),
            "--use_public_ips" if self.use_public_ips else "--no_use_public_ips",
            *FIXED_FLAGS,
        ]


FIXED_FLAGS = (
    "--no_save_main_session",  # workers import the package; a pickled launcher would travel with all its globals
    # Else a list of the launcher's packages is staged; it names where they come from, at times with a password.
    "--experiments=disable_logging_submission_environment",
)
