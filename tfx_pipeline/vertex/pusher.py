"""Pushes a blessed model to Vertex AI: a version in the Model Registry, deployed to an endpoint.

TFX's own Pusher for Vertex AI creates a new model for each push instead of a version, without labels or key, and fails
if the first model of an endpoint should take less than all traffic. It also leaves models without traffic deployed.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from tfx.components.pusher.executor import Executor as PusherExecutor
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_component_specs import MODEL_KEY, PUSHED_MODEL_KEY
from tfx.utils import io_utils

from schemas.frozen_model import FrozenModel, parse_model
from tfx_pipeline.config.cloud import Serving, is_prebuilt
from tfx_pipeline.serving import HEALTH_ROUTE, PORT, PREDICT_ROUTE
from tfx_pipeline.vertex.endpoint import deployed_models, remove_idle, share_traffic

# How Vertex AI calls a container that is not one of Google's.
OWN_SERVER = {
    "serving_container_predict_route": PREDICT_ROUTE,
    "serving_container_health_route": HEALTH_ROUTE,
    "serving_container_ports": [PORT],
}
SOURCE_LABEL = "trained_model"  # identifies a repeated push: the same trained model is not registered twice

if TYPE_CHECKING:
    from google.cloud import aiplatform


class PushArguments(FrozenModel):
    """The Pusher's `custom_config`.

    Attributes:
      model_name: Display name in the registry; each push adds a version to the model of this name.
      labels: Of the model and the endpoint, to break down the bill.
      lineage, description: Labels and text that say what the version comes from.
    """

    project: str
    region: str
    model_name: str
    serving: Serving
    labels: dict[str, str]
    lineage: dict[str, str]
    description: str
    encryption_key: str | None = None


class Executor(PusherExecutor):
    """Copies a blessed model to the artifact's own folder, registers the copy, and deploys it."""

    def Do(  # noqa: N802 (TFX calls it)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        self._log_startup(input_dict, output_dict, exec_properties)
        arguments = parse_model(PushArguments, json.loads(exec_properties["custom_config"]), "custom_config")
        pushed_model = artifact_utils.get_single_instance(output_dict[PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed_model)
            return
        io_utils.copy_dir(self.GetModelPath(input_dict), pushed_model.uri)
        trained_model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        model = push(arguments, pushed_model.uri, source_of(trained_model))
        self._MarkPushed(pushed_model, pushed_destination=model)


def source_of(trained_model: Artifact) -> str:
    """A digest that identifies a trained model."""
    return hashlib.sha256(trained_model.uri.encode()).hexdigest()[:32]


def push(arguments: PushArguments, model_uri: str, source: str) -> str:
    """Registers and deploys a SavedModel; the results of an earlier attempt are found and kept.

    Args:
      model_uri: Folder of the SavedModel in Cloud Storage.
      source: Digest that identifies the trained model; at most 63 characters, for a label.

    Returns:
      Resource name of the model's version.
    """
    from google.cloud import aiplatform

    aiplatform.init(
        project=arguments.project, location=arguments.region, encryption_spec_key_name=arguments.encryption_key
    )
    model = _registered(arguments, model_uri, source)
    _deploy(arguments.serving, arguments.labels, model)
    return model.versioned_resource_name


def _registered(arguments: PushArguments, model_uri: str, source: str) -> aiplatform.Model:
    """The version of the trained model in the registry, which is added if there is none yet."""
    from google.cloud import aiplatform

    known = aiplatform.Model.list(filter=f'display_name="{arguments.model_name}"')
    parent = known[0] if known else None
    if parent is not None and parent.labels.get(SOURCE_LABEL) == source:
        return parent
    image = arguments.serving.image
    log = arguments.serving.log
    if image is None:
        raise ValueError("serving.image: missing; the compiled pipeline names one")
    return aiplatform.Model.upload(  # pyright: ignore[reportReturnType]  # the decorator of `upload` hides its type
        display_name=arguments.model_name,
        parent_model=parent.resource_name if parent is not None else None,
        artifact_uri=model_uri,
        serving_container_image_uri=image,
        **({} if is_prebuilt(image) else OWN_SERVER),
        **({"serving_container_environment_variables": log.variables()} if log else {}),
        version_description=arguments.description,
        labels=arguments.labels | arguments.lineage | {SOURCE_LABEL: source},
    )


def _new_endpoint(serving: Serving, labels: dict[str, str]):
    """Creates a dedicated endpoint, with a longer timeout, or one that shares Vertex AI's host name."""
    from google.cloud import aiplatform

    own = (
        {"dedicated_endpoint_enabled": True, "inference_timeout": serving.timeout_seconds} if serving.dedicated else {}
    )
    return aiplatform.Endpoint.create(display_name=serving.endpoint, labels=labels, **own)


def _deploy(serving: Serving, labels: dict[str, str], model) -> None:
    """Deploys a version to the endpoint, creating it if necessary; then removes models without traffic."""
    from google.cloud import aiplatform

    found = aiplatform.Endpoint.list(filter=f'display_name="{serving.endpoint}"')
    endpoint = found[0] if found else _new_endpoint(serving, labels)
    deployed = endpoint.list_models()
    if not any((one.model, one.model_version_id) == (model.resource_name, model.version_id) for one in deployed):
        deploy_to(serving, endpoint, model, serving.traffic_percentage)
    if not serving.keep_idle_models:
        remove_idle(endpoint)


def deploy_to(serving: Serving, endpoint, model, percentage: int) -> None:
    """Deploys a version from the registry with a share of the traffic; the first model of an endpoint gets all."""
    model.deploy(
        endpoint=endpoint,
        deployed_model_display_name=f"{model.display_name}-{model.version_id}",
        traffic_split=share_traffic(deployed_models(endpoint), percentage),
        min_replica_count=serving.min_replicas,
        max_replica_count=serving.max_replicas,
        service_account=serving.service_account,
        **serving.spec,
    )
