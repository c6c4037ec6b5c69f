"""Pushing to the Model Registry and an endpoint, through Google's client, against loopback."""

from collections import Counter

import pytest
from google.api_core.exceptions import PermissionDenied

from tfx_pipeline.config.serving_log import ServingLog
from tfx_pipeline.vertex.pusher import PushArguments, push
from tfx_pipeline.vertex.rehearsal.access import RUNNER

ACCOUNT = RUNNER
PREBUILT = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
SAVED_MODEL = "gs://rehearsal-bucket/models/{}"


@pytest.fixture
def push_model(stage, cloud_config):
    """Pushes a model of a given number, with changes to `cloud.serving`; returns its resource name."""
    service = stage.service
    service.models.clear()
    service.endpoints.clear()
    service.calls.clear()
    cloud = cloud_config.cloud

    def run(number: int, **serving) -> str:
        folder = stage.buckets.of_uri(SAVED_MODEL.format(number))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "saved_model.pb").touch()
        arguments = PushArguments(
            project=cloud.project,
            region=cloud.region,
            model_name="pets",
            serving=cloud.serving.model_copy(update={"image": cloud.serving_image} | serving),
            labels={"team": "rehearsal"},
            lineage={"manifest_sha256": "ab12"},
            description="pets 1.0.0",
            encryption_key=cloud.encryption_key,
        )
        return push(arguments, SAVED_MODEL.format(number), f"source-{number}")

    return run


def request(stage, method: str) -> dict:
    """The last request of a method."""
    return [call.request for call in stage.service.calls if call.method == method][-1]


def traffic(stage) -> dict[str, int]:
    """Version of each deployed model to its share of the traffic."""
    [endpoint] = stage.service.endpoints.values()
    return {one.model_version_id: endpoint.traffic_split.get(one.id, 0) for one in endpoint.deployed_models}


def test_the_first_model_is_registered_and_gets_all_traffic(stage, push_model, cloud_config):
    assert push_model(1, traffic_percentage=10).endswith("/models/1@1")
    model = request(stage, "UploadModel")["model"]
    assert model["labels"] == {"team": "rehearsal", "manifest_sha256": "ab12", "trained_model": "source-1"}
    assert model["versionDescription"] == "pets 1.0.0"
    assert model["artifactUri"] == SAVED_MODEL.format(1)
    assert model["containerSpec"] == {
        "imageUri": "europe-west4-docker.pkg.dev/rehearsal-project/segmentation/pipeline-serving:0.1.0-gpu",
        "predictRoute": "/predict",
        "healthRoute": "/health",
        "ports": [{"containerPort": 8080}],
    }
    assert model["encryptionSpec"] == {"kmsKeyName": cloud_config.cloud.encryption_key}
    endpoint = request(stage, "CreateEndpoint")["endpoint"]
    assert endpoint["encryptionSpec"] == model["encryptionSpec"]
    assert endpoint["labels"] == {"team": "rehearsal"}
    assert endpoint["dedicatedEndpointEnabled"] is True
    assert endpoint["clientConnectionConfig"] == {"inferenceTimeout": "600s"}
    resources = request(stage, "DeployModel")["deployedModel"]["dedicatedResources"]
    assert resources["machineSpec"] == {"machineType": "n1-standard-2"}
    assert (resources["minReplicaCount"], resources["maxReplicaCount"]) == (1, 2)
    assert traffic(stage) == {"1": 100}


def test_the_container_is_told_what_to_log(stage, push_model):
    log = ServingLog(folder="gs://bucket/served", photos=0.01, retention_days=30, readers="the labelling team")
    push_model(1, log=log)
    variables = {one["name"]: one["value"] for one in request(stage, "UploadModel")["model"]["containerSpec"]["env"]}
    assert ServingLog.from_variables(variables) == log


def test_a_prebuilt_image_keeps_its_own_routes(stage, push_model):
    push_model(1, image=PREBUILT)
    assert request(stage, "UploadModel")["model"]["containerSpec"] == {"imageUri": PREBUILT}


def test_a_second_model_is_a_version_of_the_first_and_takes_its_place(stage, push_model):
    push_model(1)
    assert push_model(2).endswith("/models/1@2")
    assert traffic(stage) == {"2": 100}


def test_a_new_model_can_take_a_share_first(stage, push_model):
    push_model(1)
    push_model(2, traffic_percentage=10)
    assert traffic(stage) == {"1": 90, "2": 10}


def test_a_model_without_traffic_can_stay(stage, push_model):
    push_model(1)
    push_model(2, keep_idle_models=True)
    assert traffic(stage) == {"1": 0, "2": 100}


def test_a_repeated_push_changes_nothing(stage, push_model):
    first = push_model(1)
    assert push_model(1) == first
    counts = Counter(call.method for call in stage.service.calls)
    assert (counts["UploadModel"], counts["CreateEndpoint"], counts["DeployModel"]) == (1, 1, 1)


def test_a_push_needs_the_role_that_terraform_grants_the_pipelines_account(stage, push_model, monkeypatch):
    monkeypatch.setattr(stage.gate, "access", stage.gate.access.without(RUNNER, "roles/aiplatform.user"))
    with pytest.raises(PermissionDenied, match=r"aiplatform\.models\.list"):
        push_model(1)


def test_a_push_that_broke_off_before_it_deployed_is_finished(stage, push_model):
    push_model(1)
    stage.service.endpoints.clear()
    push_model(1)
    counts = Counter(call.method for call in stage.service.calls)
    assert (counts["UploadModel"], counts["DeployModel"]) == (1, 2)
    assert traffic(stage) == {"1": 100}
