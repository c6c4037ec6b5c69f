"""The `cloud:` section of a pipeline's configuration: where and on what it runs, checked before submission.

The formats are those of `beam_jobs.google_cloud.dataflow_options`, which names their sources.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from beam_jobs.google_cloud.dataflow_options import (
    FORMS,
    LABEL_KEY,
    LABEL_VALUE,
    MAX_LABELS,
    NAME,
    ContainerImage,
    DataflowOptions,
    check_image,
)
from beam_jobs.storage.locations import wildcard_problem
from schemas.frozen_model import FrozenModel
from tfx_pipeline.config.machines import Machine
from tfx_pipeline.config.retraining import Retraining
from tfx_pipeline.config.serving_log import ServingLog

# Labels that the pipeline sets itself (`tfx_pipeline.vertex.lineage`), and TFX's.
OWN_LABELS = 8
# "Prebuilt containers for inference" of Vertex AI: TensorFlow's end at 2.15.
PREBUILT = r"(us|europe|asia)-docker\.pkg\.dev/vertex-ai/prediction/"
GPU_TAG = "-gpu"  # how the tags of images with CUDA end; the Makefile appends it
DIGEST_MARK = "@sha256:"  # a digest does not say what is in the image
TENSORBOARD = r"^projects/[^/\s]+/locations/[a-z0-9-]+/tensorboards/[0-9]+$"
NETWORK = rf"projects/[0-9]+/global/networks/{NAME}"


def _form_of(name: str) -> AfterValidator:
    """A check that a text has the format of Dataflow's option of this name."""
    pattern, remedy = FORMS[name]

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(remedy)
        return text

    return AfterValidator(check)


def _check_network(network: str) -> str:
    if not re.fullmatch(NETWORK, network):
        raise ValueError("give projects/NUMBER/global/networks/NAME with the project's number, not its id")
    return network


def is_prebuilt(image: str) -> bool:
    """Whether a serving image is one of Google's, which bring their own routes and port."""
    return re.match(PREBUILT, image) is not None


def _check_serving_image(image: str) -> str:
    if not is_prebuilt(image):
        return check_image(image)
    if not re.fullmatch(f"{PREBUILT}[a-z0-9.-]+:latest", image):
        raise ValueError(
            "Google supports its prebuilt images with the tag latest alone, and until 2027-01-14; or leave it out"
        )
    return image


ServingImage = Annotated[str, AfterValidator(_check_serving_image)]
ServiceAccount = Annotated[str, _form_of("service_account_email")]
Network = Annotated[str, AfterValidator(_check_network)]


class TrainingJob(Machine):
    """The CustomJob that trains.

    Attributes:
      replicas: Machines that train together (`training.distribution: auto`) and share `training.batch_size`.
      boot_disk_gb: Holds the image and the shards that TensorFlow reads ahead.
      timeout_hours: The job is stopped after this time; Vertex AI's own limit is seven days.
      spot: Uses cheaper machines that Google may reclaim at any time; training then resumes on another.
      service_account: The account that the job acts as; None means the pipeline's.
    """

    replicas: int = Field(default=1, ge=1)
    boot_disk_gb: int = Field(default=100, ge=100, le=64000)
    timeout_hours: int = Field(default=24, ge=1, le=168)
    spot: bool = False
    service_account: ServiceAccount | None = None


class EvaluationWorkers(FrozenModel):
    """Dataflow workers that evaluate; the fields are those of `beam_jobs.dataflow`."""

    worker_machine_type: Annotated[str, _form_of("worker_machine_type")] = "e2-standard-4"
    max_num_workers: int = Field(default=4, ge=1, le=1000)
    disk_size_gb: int = Field(default=50, ge=30, le=65536)
    subnetwork: Annotated[str, _form_of("subnetwork")] | None = None
    use_public_ips: bool = False


class Serving(Machine):
    """The endpoint that answers.

    Attributes:
      endpoint: Display name; the endpoint is created if there is none of that name.
      image: The serving container; None for the one that `make image` pushes beside the pipeline's, with the same
        TensorFlow as training. Or one of Google's prebuilt images, such as `tf2-cpu.2-15:latest`, until 2027-01-14.
      min_replicas, max_replicas: Bounds of autoscaling; at least one machine is always paid for.
      dedicated: Whether a new endpoint is a dedicated one, with a host name of its own, requests of 10 MB and
        `timeout_seconds`; a shared one allows 1.5 MB and a minute. An existing endpoint stays as it is.
      timeout_seconds: How long a dedicated endpoint may take to respond.
      traffic_percentage: Share of a new model; the model with the largest share keeps the rest, others are removed. The
        first model gets all. `python -m tfx_pipeline.vertex endpoint promote` or `rollback` ends the trial.
      keep_idle_models: Whether models that no longer get any traffic stay deployed, and paid for.
      service_account: The account that the served model acts as; None means the project's default.
      log: What is logged of the photos that it answers; None logs nothing.
    """

    endpoint: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_ -]{0,126}$")
    image: ServingImage | None = None
    min_replicas: int = Field(default=1, ge=1, le=100)
    max_replicas: int = Field(default=1, ge=1, le=100)
    dedicated: bool = True
    timeout_seconds: int = Field(default=600, ge=1, le=3600)
    traffic_percentage: int = Field(default=100, ge=1, le=100)
    keep_idle_models: bool = False
    service_account: ServiceAccount | None = None
    log: ServingLog | None = None

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Serving:
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas must be at least min_replicas, {self.min_replicas}")
        if self.accelerator_type and self.accelerator_count > 1:
            raise ValueError("a served model uses one accelerator; the others would be paid for idly")
        if self.log and self.image and is_prebuilt(self.image):
            raise ValueError("log: Google's prebuilt images write none; leave image out")
        if self.log and self.log.folder and not self.log.folder.startswith("gs://"):
            raise ValueError(
                f"log.folder: an endpoint reaches Cloud Storage alone; give gs://BUCKET/FOLDER, got {self.log.folder}"
            )
        return self


class Tracking(FrozenModel):
    """What of a run is logged to Vertex AI beside the job itself; a model that is not good enough is logged too.

    Attributes:
      experiment: Vertex Experiment that gets a run for each trained model, with parameters and metrics; made where it
        is missing. None for none.
      tensorboard: Instance of Vertex AI TensorBoard, in the pipeline's region, that gets the training's curves. Needs
        an experiment.
      evaluations: Whether a pushed model's evaluation is added to its version in the Model Registry.
    """

    experiment: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")
    tensorboard: str | None = Field(default=None, pattern=TENSORBOARD)
    evaluations: bool = False

    @model_validator(mode="after")
    def _logs_something(self) -> Tracking:
        if self.tensorboard and not self.experiment:
            raise ValueError("tensorboard: curves belong to a run of an experiment; give experiment too")
        if not self.experiment and not self.evaluations:
            raise ValueError("logs nothing; give experiment, or evaluations: true, or leave tracking out")
        return self


class CloudConfig(FrozenModel):
    """Where and on what the pipeline runs on Google Cloud.

    Attributes:
      image: Holds this package and everything that it imports; runs every step, the training and Dataflow's workers.
      service_account: The account that the pipeline's steps act as.
      network: VPC that the steps and the training are peered with; None for none.
      encryption_key: Encrypts job, artifacts, models and endpoint; None means Google's own keys.
      labels: Put on everything that is created, to break down the bill.
      training: The CustomJob that trains; None trains inside the pipeline's own step, on its CPU.
      evaluation: Dataflow workers that evaluate; None evaluates inside the pipeline's own step.
      serving: The endpoint; None pushes to the folder OUTPUT/serving alone.
      tracking: Experiment, TensorBoard and evaluations in the registry; None logs to none of them.
      retraining: When trigger and schedule start a run; None for each new version.
    """

    project: Annotated[str, _form_of("project")]
    region: Annotated[str, _form_of("region")]
    image: ContainerImage
    service_account: ServiceAccount
    network: Network | None = None
    encryption_key: Annotated[str, _form_of("dataflow_kms_key")] | None = None
    labels: dict[str, str] = Field(default={}, max_length=MAX_LABELS - OWN_LABELS)
    training: TrainingJob | None = None
    evaluation: EvaluationWorkers | None = None
    serving: Serving | None = None
    tracking: Tracking | None = None
    retraining: Retraining | None = None

    @field_validator("encryption_key")
    @classmethod
    def _key_in_region(cls, key: str | None, info: ValidationInfo) -> str | None:
        region = info.data.get("region")
        if key and region and f"/locations/{region}/" not in key:
            raise ValueError(f"must be in the pipeline's region, {region}")
        return key

    @model_validator(mode="after")
    def _image_fits_the_accelerator(self) -> CloudConfig:
        job = self.training
        if job and job.accelerator_type and DIGEST_MARK not in self.image and not self.image.endswith(GPU_TAG):
            raise ValueError(
                f"training.accelerator_type: {job.accelerator_type} needs an image with CUDA, whose tag ends in"
                f" {GPU_TAG} (`make image ACCELERATOR=gpu` pushes one), got {self.image}"
            )
        return self

    @model_validator(mode="after")
    def _tracking_fits(self) -> CloudConfig:
        if (tracking := self.tracking) is None:
            return self
        if tracking.evaluations and self.serving is None:
            raise ValueError("tracking.evaluations: only models in the registry have some; give serving too")
        if tracking.tensorboard and f"/locations/{self.region}/" not in tracking.tensorboard:
            raise ValueError(f"tracking.tensorboard: must be in the pipeline's region, {self.region}")
        return self

    @model_validator(mode="after")
    def _serving_image_is_known(self) -> CloudConfig:
        if self.serving and not self.serving.image and DIGEST_MARK in self.image:
            raise ValueError(
                "serving.image: missing; beside an image by digest, give that of the -serving image of the same build"
            )
        return self

    @property
    def serving_image(self) -> str | None:
        """The serving image: as configured, or the one that `make image` pushed beside the pipeline's own."""
        if self.serving is None or self.serving.image:
            return self.serving and self.serving.image
        path, _, tag = self.image.rpartition(":")
        return f"{path}-serving:{tag}"

    @property
    def topic(self) -> str | None:
        """The topic that the endpoint publishes what it serves to; None for none."""
        return self.serving.log.topic if self.serving and self.serving.log else None

    @field_validator("labels")
    @classmethod
    def _label_forms(cls, labels: dict[str, str]) -> dict[str, str]:
        for key, value in labels.items():
            if not re.fullmatch(LABEL_KEY, key) or not re.fullmatch(LABEL_VALUE, value):
                raise ValueError(f"{key}: {value} is not of lower-case letters, digits, '_' and '-', at most 63 each")
        return labels

    def evaluation_options(self, bucket: str, job_name: str) -> DataflowOptions | None:
        """Options for evaluation on Dataflow, None for the pipeline's own step; `bucket` is for temporary files."""
        if self.evaluation is None:
            return None
        return DataflowOptions(
            project=self.project,
            region=self.region,
            bucket=bucket,
            job_name=job_name,
            sdk_container_image=self.image,
            service_account_email=self.service_account,
            dataflow_kms_key=self.encryption_key,
            label=tuple(f"{key}={value}" for key, value in self.labels.items()),
            **self.evaluation.model_dump(),
        )


def check_places(data: str, output: str) -> list[str]:
    """One line for each place that is not a folder in a bucket, which is all that steps on Vertex AI can use."""
    pattern, _ = FORMS["bucket"]
    problems = []
    for key, value in (("data", data), ("output", output)):
        if not re.fullmatch(rf"gs://{pattern}(/[^/\s]+)+", value):
            problems.append(
                f"{key}: steps on Vertex AI can only use Cloud Storage; give gs://BUCKET/FOLDER, got {value!r}"
            )
        elif problem := wildcard_problem(value):
            problems.append(f"{key}: {problem}, got {value!r}")
    return problems
