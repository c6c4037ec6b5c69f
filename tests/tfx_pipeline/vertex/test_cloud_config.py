"""The `cloud` section: what a mistake in it says, before anything is sent."""

import re

import pytest
import yaml

from schemas.errors import UserError
from tests.tfx_pipeline.vertex.conftest import CONFIGS
from tfx_pipeline.config.cloud import check_places
from tfx_pipeline.config.machines import misfit
from tfx_pipeline.config.pipeline import load_cloud_config, load_config

TENSORBOARD = "projects/p/locations/us-central1/tensorboards/7"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"project": "My Project"}, "cloud.project: give the project's id"),
        ({"region": "europe-west4-a"}, "cloud.region: give a region"),
        ({"image": "host/path/image:latest"}, "cloud.image: means latest"),
        ({"image": "host/path/image"}, "cloud.image: means latest"),
        ({"image": "no image"}, "cloud.image: give HOST/PATH:TAG or HOST/PATH@sha256:DIGEST"),
        ({"image": "host/path/image:1.0"}, "NVIDIA_TESLA_T4 needs an image with CUDA, whose tag ends in -gpu"),
        (
            {"serving__image": "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15@sha256:" + 64 * "0"},
            "cloud.serving.image: Google supports its prebuilt images with the tag latest alone",
        ),
        ({"serving__image": "host/path/image:latest"}, "cloud.serving.image: means latest"),
        ({"image": "host/path/image@sha256:" + 64 * "0"}, "serving.image: missing; beside an image by digest"),
        ({"image": "host/path/image:1-gpu@sha256:" + 64 * "0"}, "cloud.image: has a tag and a digest, which Vertex AI"),
        ({"training__timeout_hours": 169}, "cloud.training.timeout_hours: Input should be less than or equal to 168"),
        ({"service_account": "me@gmail.com"}, "cloud.service_account: give an address such as worker@"),
        ({"network": "projects/my-project-1/global/networks/default"}, "cloud.network: give projects/NUMBER/global/"),
        ({"encryption_key": "my-key"}, "cloud.encryption_key: give projects/PROJECT/locations/REGION/keyRings/"),
        (
            {"encryption_key": "projects/my-project-1/locations/us-east1/keyRings/ring/cryptoKeys/key"},
            "cloud.encryption_key: must be in the pipeline's region, europe-west4",
        ),
        ({"labels": {"Team": "vision"}}, "cloud.labels: Team: vision is not of lower-case letters"),
        ({"labels": {f"key{number}": "value" for number in range(57)}}, "cloud.labels: Dictionary should have at most"),
        (
            {"training__machine_type": "n1-standard-32"},
            "1 NVIDIA_TESLA_T4 serve at most 16 vCPUs, n1-standard-32 has 32",
        ),
        ({"training__machine_type": "e2-standard-8"}, "NVIDIA_TESLA_T4 can't be attached to e2-standard-8"),
        ({"training__accelerator_type": "T4"}, "cloud.training: no accelerator 'T4'; there are: NVIDIA_TESLA_T4"),
        ({"training__accelerator_count": 3}, "3 NVIDIA_TESLA_T4 can't be attached; give one of"),
        ({"training__replicas": 0}, "cloud.training.replicas: Input should be greater than or equal to 1"),
        (
            {"serving__accelerator_type": "NVIDIA_TESLA_T4", "serving__accelerator_count": 2},
            "cloud.serving: a served model uses one accelerator",
        ),
        ({"serving__log": {"folder": "served"}}, "cloud.serving: log.folder: an endpoint reaches Cloud Storage alone"),
        (
            {"serving__log": {"folder": "gs://bucket/served", "photos": 0.01}},
            "cloud.serving.log: photos are kept only where retention_days and readers say",
        ),
        (
            {
                "serving__log": {"folder": "gs://bucket/served"},
                "serving__image": "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest",
            },
            "cloud.serving: log: Google's prebuilt images write none",
        ),
        ({"serving__min_replicas": 3}, "cloud.serving: max_replicas must be at least min_replicas, 3"),
        ({"serving__traffic_percentage": 0}, "cloud.serving.traffic_percentage: Input should be greater than"),
        ({"evaluation": {"subnetwork": "default"}}, "cloud.evaluation.subnetwork: give regions/REGION/subnetworks/"),
        ({"bucket": "gs://bucket"}, "cloud.bucket: Extra inputs are not permitted"),
        ({"tracking": {}}, "cloud.tracking: logs nothing; give experiment"),
        ({"tracking": {"tensorboard": TENSORBOARD}}, "cloud.tracking: tensorboard: curves belong to a run of an"),
        (
            {"tracking": {"experiment": "pets", "tensorboard": TENSORBOARD}, "region": "europe-west4"},
            "cloud: tracking.tensorboard: must be in the pipeline's region, europe-west4",
        ),
        (
            {"tracking": {"evaluations": True}, "serving": None},
            "cloud: tracking.evaluations: only models in the registry have some; give serving too",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_file(write_cloud_config, changes, message):
    path = write_cloud_config(**changes)
    with pytest.raises(UserError) as raised:
        load_cloud_config(path)
    assert str(path) in str(raised.value)
    assert message in str(raised.value)


def test_an_image_by_digest_is_trusted_to_have_cuda_and_a_training_without_accelerator_needs_none(write_cloud_config):
    digest = "@sha256:" + 64 * "0"
    load_cloud_config(write_cloud_config(image=f"host/path/image{digest}", serving__image=f"host/path/serving{digest}"))
    load_cloud_config(write_cloud_config(image="host/path/image:1.0", training__accelerator_type=None))


def test_every_mistake_is_named_at_once(write_cloud_config):
    with pytest.raises(UserError) as raised:
        load_cloud_config(write_cloud_config(project="?", region="?", image="?", service_account="?"))
    assert len(str(raised.value).splitlines()) == 4


@pytest.mark.parametrize("place", ["data", "output"])
def test_a_place_outside_of_buckets_is_refused(place):
    with pytest.raises(UserError, match=rf"{place}: steps on Vertex AI can only use Cloud Storage.* got 'runs/here'"):
        load_cloud_config(CONFIGS / "rehearsal.yaml", **{place: "runs/here"})


@pytest.mark.parametrize("character", "*?[\\")
def test_a_place_that_tensorflow_would_take_for_a_pattern_is_refused(character):
    problems = check_places(f"gs://bucket/da{character}ta/pets/1.0.0", f"gs://bucket/out{character}")
    assert [problem.split(", which")[0] for problem in problems] == [
        f"{place}: has {character} in its path" for place in ("data", "output")
    ]


def test_a_configuration_without_cloud_is_refused(write_config):
    with pytest.raises(UserError, match=r"cloud: missing; see tfx_pipeline/configs/vertex\.example\.yaml"):
        load_cloud_config(write_config(), data="gs://bucket/pets/1.0.0", output="gs://bucket/out")


def test_a_hub_that_a_step_could_not_reach_is_refused(write_cloud_config):
    path = write_cloud_config()
    values = yaml.safe_load(path.read_text())
    values["hub"] |= {"token": "HF_TOKEN", "space": {"repo": "a/b", "title": "Pets", "examples": ["cat.jpg"]}}
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(UserError) as raised:
        load_cloud_config(path)
    assert "hub.token: name a Secret Manager version" in str(raised.value)
    assert "hub.space.examples: give gs:// addresses, got 'cat.jpg'" in str(raised.value)


def test_the_example_is_refused_until_it_is_filled_in():
    with pytest.raises(UserError) as raised:
        load_config(CONFIGS / "vertex.example.yaml")
    lines = str(raised.value).splitlines()
    assert any("cloud.project: put your own values in place of <PROJECT>" in line for line in lines)
    assert len(lines) == 7


def test_the_filled_in_example_is_valid(tmp_path):
    text = (CONFIGS / "vertex.example.yaml").read_text()
    for placeholder, value in {
        "<BUCKET>": "my-bucket",
        "<PROJECT>": "my-project-1",
        "<REGION>": "europe-west4",
        "<TAG>": "1.0.0",
        "<TEAM>": "vision",
    }.items():
        text = text.replace(placeholder, value)
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert load_cloud_config(path).cloud.training.spec["accelerator_type"] == "NVIDIA_TESLA_T4"


def test_the_example_names_the_image_that_make_pushes():
    makefile = (CONFIGS.parents[1] / "Makefile").read_text()
    pushed = re.search(r"(?m)^IMAGE_NAME = (.*)$", makefile)[1].replace("$(", "<").replace(")", ">")
    image = re.search(r"(?m)^  image: (\S+)", (CONFIGS / "vertex.example.yaml").read_text())[1]
    assert image == f"{pushed}:<TAG>-gpu"


@pytest.mark.parametrize(
    ("machine_type", "accelerator_type", "count"),
    [
        ("n1-standard-8", None, 1),
        ("e2-standard-4", None, 1),
        ("n1-standard-16", "NVIDIA_TESLA_T4", 1),
        ("n1-highmem-32", "NVIDIA_TESLA_T4", 2),
        ("g2-standard-8", "NVIDIA_L4", 1),
        ("a2-highgpu-1g", "NVIDIA_TESLA_A100", 1),
    ],
)
def test_machines_and_accelerators_that_fit(machine_type, accelerator_type, count):
    assert misfit(machine_type, accelerator_type, count) is None


@pytest.mark.parametrize(
    ("machine_type", "accelerator_type", "count", "reason"),
    [
        ("g2-standard-8", None, 1, "g2-standard-8 comes with 1 NVIDIA_L4"),
        ("a2-highgpu-2g", "NVIDIA_TESLA_A100", 1, "a2-highgpu-2g comes with 2 NVIDIA_TESLA_A100"),
        ("n1-standard-8", "NVIDIA_L4", 1, "it comes with g2-standard"),
        ("n1-standard-8", "NVIDIA_TESLA_T4", 3, "give one of 1, 2, 4"),
        ("x9-standard-8", None, 1, "no machine type 'x9-standard-8'"),
    ],
)
def test_machines_and_accelerators_that_do_not_fit(machine_type, accelerator_type, count, reason):
    assert reason in misfit(machine_type, accelerator_type, count)
