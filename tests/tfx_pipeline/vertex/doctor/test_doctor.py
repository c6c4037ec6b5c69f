"""The doctor against a project on loopback: each line, fine in a healthy project, and with what is planted into it."""

from pathlib import Path

import pytest

from tests.tfx_pipeline.vertex.doctor.conftest import COMMIT, IMAGE, SECRET, SERVING_IMAGE, SUBNETWORK, TENSORBOARD
from tfx_pipeline.config.machines import Machine
from tfx_pipeline.config.pipeline import load_cloud_config
from tfx_pipeline.vertex.doctor.needs import CALLER, needs
from tfx_pipeline.vertex.doctor.quota import quota_metrics
from tfx_pipeline.vertex.rehearsal.access import DEPLOYER, PROJECT, RUNNER, account_name, accounts, granted_access

TRANSCRIPTS = Path(__file__).parent
RUNNER_ADDRESS = "pipeline@rehearsal-project.iam.gserviceaccount.com"
TOPIC = "projects/rehearsal-project/topics/served"
SERVER = "endpoint@rehearsal-project.iam.gserviceaccount.com"
PUBLISHES = {"serving__log": {"topic": TOPIC}, "serving__service_account": SERVER}


def transcript(name: str) -> list[str]:
    return (TRANSCRIPTS / name).read_text().splitlines()


def test_a_healthy_project_is_ready(doctor):
    code, lines = doctor()
    assert lines == transcript("healthy.txt")
    assert code == 0


def break_everything(stage, project, monkeypatch):
    project.services -= {"dataflow.googleapis.com", "secretmanager.googleapis.com"}
    access = granted_access().without(RUNNER, "roles/storage.objectUser").without(DEPLOYER, "roles/aiplatform.user")
    monkeypatch.setattr(stage.gate, "access", access)
    monkeypatch.setattr(stage.storage, "location", "US")
    del project.images[SERVING_IMAGE]
    project.images[IMAGE]["BEAM_WORKER_VERSION"] = "2.50.0"
    project.images[IMAGE]["GIT_COMMIT"] = "f" * 40
    project.images[IMAGE]["PYTHON_VERSION"] = "3.8.1"
    project.subnetworks[SUBNETWORK] = False
    project.quotas = {
        "aiplatform.googleapis.com/custom_model_training_cpus": 4,
        "aiplatform.googleapis.com/custom_model_training_nvidia_t4_gpus": 0,
    }
    project.processors = (24, 20)
    project.secrets[SECRET] = "DISABLED"


def test_for_a_broken_project_each_line_says_what_to_do(doctor, stage, project, monkeypatch):
    break_everything(stage, project, monkeypatch)
    code, lines = doctor()
    assert [line.replace(_beam(), "BEAM").replace(_python(), "PYTHON") for line in lines] == transcript("broken.txt")
    assert code == 1


def _beam():
    from importlib.metadata import version

    return version("apache-beam")


def _python():
    import platform

    return ".".join(platform.python_version_tuple()[:2])


def test_every_permission_that_the_doctor_asks_for_is_granted_by_terraform(write_cloud_config):
    config = load_cloud_config(write_cloud_config(evaluation={"max_num_workers": 4}, **PUBLISHES))
    access = granted_access()

    def own(address):
        name = account_name(address)
        return name if name in accounts() else RUNNER

    for need in needs(config):
        account = DEPLOYER if need.account == CALLER else own(need.account)
        place = own(need.place) if "@" in need.place else need.place
        for permission in need.permissions:
            assert access.allows(account, permission, place), (account, permission, place)


def test_missing_roles_are_caught_before_anything_is_submitted(doctor, stage, monkeypatch):
    missing = {
        (DEPLOYER, "roles/aiplatform.user"): "you on project rehearsal-project: no aiplatform.pipelineJobs.",
        (DEPLOYER, "roles/iam.serviceAccountUser"): f"you on {RUNNER_ADDRESS}: no iam.serviceAccounts.actAs",
        (RUNNER, "roles/aiplatform.user"): f"{RUNNER_ADDRESS} on project rehearsal-project: no aiplatform.",
        (RUNNER, "roles/storage.objectUser"): f"{RUNNER_ADDRESS} on gs://rehearsal-bucket: no storage.",
        (RUNNER, "roles/secretmanager.secretAccessor"): f"{RUNNER_ADDRESS} on secret projects/",
    }
    access = granted_access()
    for account, role in missing:
        access = access.without(account, role)
    monkeypatch.setattr(stage.gate, "access", access)
    code, lines = doctor()
    for (_, role), line in missing.items():
        [found] = [one for one in lines if f"permissions of {line}" in one]
        assert found.startswith("FAIL ")
        assert f"grant {role}" in found
    assert code == 1
    assert not stage.service.pipeline_jobs


def test_an_account_that_the_caller_may_not_ask_as_is_said_to_be_unknown(doctor, stage, monkeypatch):
    access = granted_access().without(DEPLOYER, "roles/iam.serviceAccountTokenCreator")
    monkeypatch.setattr(stage.gate, "access", access)
    code, lines = doctor()
    skipped = [one for one in lines if one.startswith("skip ")]
    assert len(skipped) == 8
    assert all("get roles/iam.serviceAccountTokenCreator on it" in one for one in skipped)
    assert code == 0


def test_an_account_that_is_not_there_is_named(doctor, project):
    project.accounts = {"training@rehearsal-project.iam.gserviceaccount.com"}
    _, lines = doctor()
    assert any(RUNNER_ADDRESS in one and "there is no such account" in one for one in lines)


def test_a_bucket_and_data_that_are_not_there_are_named(doctor, project):
    code, lines = doctor("--data=gs://rehearsal-bucket/data/pets/9.9.9")
    [line] = [one for one in lines if "9.9.9" in one]
    assert line.startswith("FAIL data gs://rehearsal-bucket/data/pets/9.9.9: ")
    assert "nothing is published there" in line
    assert code == 1


def test_an_image_of_a_checkout_with_changes_is_not_this_code(doctor, monkeypatch):
    monkeypatch.setenv("GIT_COMMIT", f"{COMMIT}-dirty")
    _, lines = doctor()
    assert any("this checkout has uncommitted changes" in one for one in lines)


def test_a_prebuilt_serving_image_is_good_until_google_ends_it(doctor, monkeypatch):
    from tfx_pipeline.vertex.doctor import places

    image = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
    monkeypatch.setattr(places, "PREBUILT_END", places.datetime.date(9999, 1, 1))
    _, lines = doctor(serving__image=image)
    assert f"ok   serving image {image}: Google's own, until 9999-01-01" in lines
    monkeypatch.setattr(places, "PREBUILT_END", places.datetime.date(2000, 1, 1))
    _, lines = doctor(serving__image=image)
    assert f"FAIL serving image {image}: Google no longer supports it; leave serving.image out" in lines


def test_a_tensorboard_that_is_not_there_is_named_with_the_command_that_makes_one(doctor, stage):
    stage.service.tensorboards.clear()
    code, lines = doctor()
    [line] = [one for one in lines if "TensorBoard" in one]
    assert line.startswith(f"FAIL TensorBoard {TENSORBOARD}: is not there; gcloud ai tensorboards create --project=")
    assert code == 1


def test_a_quota_that_google_does_not_know_by_its_name_is_not_said_to_suffice(doctor, project):
    project.quotas.pop("aiplatform.googleapis.com/custom_model_training_cpus")
    _, lines = doctor()
    [line] = [one for one in lines if "custom_model_training_cpus" in one]
    assert line.startswith("skip quota for training: could not check custom_model_training_cpus (")


@pytest.mark.parametrize(
    ("machine", "names"),
    [
        ({"machine_type": "n1-standard-8"}, {"_cpus": 8}),
        ({"machine_type": "n2-standard-8"}, {"_n2_cpus": 8}),
        ({"machine_type": "g2-standard-8", "accelerator_type": "NVIDIA_L4"}, {"_g2_cpus": 8, "_nvidia_l4_gpus": 1}),
        (
            {"machine_type": "n1-highmem-8", "accelerator_type": "NVIDIA_TESLA_T4", "accelerator_count": 2},
            {"_cpus": 8, "_nvidia_t4_gpus": 2},
        ),
    ],
)
def test_a_machine_needs_quota_for_processors_and_for_accelerators(machine, names):
    kind = "custom_model_training_preemptible"
    assert quota_metrics(kind, Machine(**machine)) == {
        f"aiplatform.googleapis.com/{kind}{name}": amount for name, amount in names.items()
    }


def test_what_the_caller_may_not_look_at_is_said(doctor, stage, monkeypatch):
    access = granted_access()
    for role in ("compute.networkViewer", "serviceusage.serviceUsageConsumer", "secretmanager.viewer"):
        access = access.without(DEPLOYER, f"roles/{role}")
    monkeypatch.setattr(stage.gate, "access", access)
    _, lines = doctor()
    text = "\n".join(lines)
    assert "FAIL services: Google refuses the check: Permission 'serviceusage.services.get' denied" in text
    assert "skip quota for training: " in text
    assert "skip quota for Dataflow: Permission 'compute.regions.get' denied" in text
    assert f"skip secret {SECRET}: Permission 'secretmanager.versions.get' denied" in text
    assert "FAIL subnetwork " in text


def test_a_topic_is_there_and_the_served_model_may_publish_to_it(doctor, project):
    project.topics.add(TOPIC)
    project.services.add("pubsub.googleapis.com")
    code, lines = doctor(**PUBLISHES)
    assert f"ok   topic {TOPIC}: there" in lines
    assert f"ok   permissions of {SERVER} on topic {TOPIC}: all 1" in lines
    assert f"ok   permissions of {RUNNER_ADDRESS} on {SERVER}: all 1" in lines
    assert code == 0


def test_a_topic_that_is_not_there_is_named_before_a_model_cannot_be_deployed(doctor):
    code, lines = doctor(**PUBLISHES)
    [line] = [one for one in lines if one.startswith(f"FAIL topic {TOPIC}: ")]
    assert line.endswith("; make it with Terraform (served_stream), or correct cloud.serving.log.topic")
    assert any("gcloud services enable pubsub.googleapis.com" in one for one in lines)
    assert code == 1


@pytest.mark.parametrize(
    ("account", "role", "line"),
    [
        ("endpoint", "roles/pubsub.publisher", f"FAIL permissions of {SERVER} on topic {TOPIC}: no pubsub.topics.pub"),
        (DEPLOYER, "roles/pubsub.viewer", f"skip topic {TOPIC}: Permission 'pubsub.topics.get' denied"),
    ],
)
def test_a_role_on_the_topic_that_is_missing_is_named(doctor, project, stage, monkeypatch, account, role, line):
    project.topics.add(TOPIC)
    monkeypatch.setattr(stage.gate, "access", granted_access().without(account, role))
    _, lines = doctor(**PUBLISHES)
    [found] = [one for one in lines if one.startswith(line)]
    assert role in found


def test_less_is_asked_for_where_less_is_configured(doctor):
    _, lines = doctor(evaluation=None, serving=None, training=None, tracking=None)
    text = "\n".join(lines)
    assert "quota" not in text
    assert "subnetwork" not in text
    assert "serving image" not in text
    assert "TensorBoard" not in text
    assert PROJECT in text
