"""Model Registry, endpoints and prediction of Vertex AI (v1, gRPC), on loopback. Deployed models answer."""

from __future__ import annotations

import json
import threading
from typing import Any

import grpc
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2, json_format, struct_pb2

from schemas.exported_model import SAVED_MODEL_FILE
from tfx_pipeline.serving.prediction import BadRequest, load_signature, predictions
from tfx_pipeline.vertex.rehearsal.access import Denied
from tfx_pipeline.vertex.rehearsal.buckets import Buckets
from tfx_pipeline.vertex.rehearsal.gate import Gate
from tfx_pipeline.vertex.rehearsal.storage import PROJECT_NUMBER, Answer
from tfx_pipeline.vertex.rehearsal.vertex_messages import Call, done, find, now, with_display_name

PREDICTION_SUFFIX = ".prediction.vertexai.goog"  # of dedicated endpoints
# Limits of a request to a shared endpoint (https://cloud.google.com/vertex-ai/docs/quotas) and to a dedicated one
# (https://cloud.google.com/vertex-ai/docs/predictions/using-dedicated-endpoints).
MAX_SHARED_BYTES, MAX_DEDICATED_BYTES = 1_500_000, 10_000_000


class VertexModels:
    """Answers calls about models, endpoints and predictions.

    Attributes:
      models: Resource name to the model's versions.
      evaluations: Of versions, by resource name.
      calls: All calls, in order.
      step: The current step, recorded with the calls.
    """

    def __init__(self, buckets: Buckets, gate: Gate) -> None:
        self._buckets = buckets
        self._gate = gate
        self.calls: list[Call] = []
        self.step = ""
        self.models: dict[str, list[v1.Model]] = {}
        self.evaluations: dict[str, v1.ModelEvaluation] = {}
        self.endpoints: dict[str, v1.Endpoint] = {}
        self._loaded: dict[str, Any] = {}
        self._lock = threading.Lock()

    def upload_model(self, request: v1.UploadModelRequest, context) -> operations_pb2.Operation:
        name = request.parent_model or f"{request.parent}/models/{len(self.models) + 1}"
        versions = self.models.setdefault(name, [])
        model = request.model
        if not self._buckets.of_uri(f"{model.artifact_uri}/{SAVED_MODEL_FILE}").is_file():
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{model.artifact_uri} holds no SavedModel")
        model.name, model.version_id = name, str(len(versions) + 1)
        model.supported_deployment_resources_types = [v1.Model.DeploymentResourcesType.DEDICATED_RESOURCES]
        versions.append(model)
        return done(v1.UploadModelResponse(model=name, model_version_id=model.version_id))

    def get_model(self, request: v1.GetModelRequest, context) -> v1.Model:
        name, _, version = request.name.partition("@")
        versions = find(self.models, name, context)
        if version.isdigit() and not 1 <= int(version) <= len(versions):
            context.abort(grpc.StatusCode.NOT_FOUND, f"{request.name} is not found")
        return versions[int(version) - 1] if version.isdigit() else versions[-1]

    def list_models(self, request: v1.ListModelsRequest, context) -> v1.ListModelsResponse:
        newest = [versions[-1] for versions in self.models.values()]
        return v1.ListModelsResponse(models=with_display_name(newest, request.filter))

    def import_model_evaluation(self, request: v1.ImportModelEvaluationRequest, context) -> v1.ModelEvaluation:
        evaluation, name = request.model_evaluation, request.parent
        _, _, version = name.partition("@")
        find(self.models, name.partition("@")[0], context)
        if not version or not evaluation.metrics_schema_uri:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "an evaluation needs a version and metrics_schema_uri")
        evaluation.name = f"{name}/evaluations/{len(self.evaluations) + 1}"
        self.evaluations[evaluation.name] = evaluation
        return evaluation

    def list_model_evaluations(
        self, request: v1.ListModelEvaluationsRequest, context
    ) -> v1.ListModelEvaluationsResponse:
        own = [one for name, one in self.evaluations.items() if name.startswith(f"{request.parent}/")]
        return v1.ListModelEvaluationsResponse(model_evaluations=own)

    # Endpoints

    def create_endpoint(self, request: v1.CreateEndpointRequest, context) -> operations_pb2.Operation:
        endpoint = request.endpoint
        endpoint.name = f"{request.parent}/endpoints/{len(self.endpoints) + 1}"
        # Without it, the client would look up the name that it was given.
        endpoint.create_time = now()
        if endpoint.dedicated_endpoint_enabled:
            _, _, _, region, _, number = endpoint.name.split("/")
            endpoint.dedicated_endpoint_dns = f"{number}.{region}-{PROJECT_NUMBER}{PREDICTION_SUFFIX}"
        self.endpoints[endpoint.name] = endpoint
        return done(endpoint)

    def get_endpoint(self, request: v1.GetEndpointRequest, context) -> v1.Endpoint:
        return find(self.endpoints, request.name, context)

    def list_endpoints(self, request: v1.ListEndpointsRequest, context) -> v1.ListEndpointsResponse:
        return v1.ListEndpointsResponse(endpoints=with_display_name(self.endpoints.values(), request.filter))

    def update_endpoint(self, request: v1.UpdateEndpointRequest, context) -> v1.Endpoint:
        endpoint = find(self.endpoints, request.endpoint.name, context)
        if list(request.update_mask.paths) != ["traffic_split"]:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"not rehearsed: update of {request.update_mask.paths}")
        split = dict(request.endpoint.traffic_split)
        if sum(split.values()) != 100 or split.keys() - {one.id for one in endpoint.deployed_models}:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"traffic_split must add up to 100, got {split}")
        endpoint.traffic_split = split
        return endpoint

    def delete_endpoint(self, request: v1.DeleteEndpointRequest, context) -> operations_pb2.Operation:
        endpoint = find(self.endpoints, request.name, context)
        if endpoint.deployed_models:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{endpoint.name} has deployed models")
        self.endpoints = {name: one for name, one in self.endpoints.items() if one is not endpoint}
        return done(empty_pb2.Empty())

    def deploy_model(self, request: v1.DeployModelRequest, context) -> operations_pb2.Operation:
        endpoint = find(self.endpoints, request.endpoint, context)
        deployed = request.deployed_model
        name, _, version = deployed.model.partition("@")
        deployed.model, deployed.model_version_id = name, version or self.models[name][-1].version_id
        deployed.id = str(7000 + sum(call.method == "DeployModel" for call in self.calls))
        split = {deployed.id if key == "0" else key: share for key, share in request.traffic_split.items()}
        if sum(split.values()) != 100:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"traffic_split must add up to 100, got {split}")
        endpoint.deployed_models.append(deployed)
        endpoint.traffic_split = split
        return done(v1.DeployModelResponse(deployed_model=deployed))

    def undeploy_model(self, request: v1.UndeployModelRequest, context) -> operations_pb2.Operation:
        endpoint = find(self.endpoints, request.endpoint, context)
        endpoint.deployed_models = [one for one in endpoint.deployed_models if one.id != request.deployed_model_id]
        split = dict(request.traffic_split or endpoint.traffic_split)
        endpoint.traffic_split = {key: share for key, share in split.items() if key != request.deployed_model_id}
        return done(v1.UndeployModelResponse())

    def predict(self, request: v1.PredictRequest, context) -> v1.PredictResponse:
        size = v1.PredictRequest.pb(request).ByteSize()
        if size > MAX_SHARED_BYTES:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"request of {size} bytes; at most {MAX_SHARED_BYTES}")
        endpoint = find(self.endpoints, request.endpoint, context)
        if endpoint.dedicated_endpoint_enabled:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION, f"a dedicated endpoint: ask {endpoint.dedicated_endpoint_dns}"
            )
        instances = [json_format.MessageToDict(value) for value in v1.PredictRequest.pb(request).instances]
        try:
            chosen, masks = self._predictions(endpoint, instances)
        except BadRequest as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        response = v1.PredictResponse(
            deployed_model_id=chosen.id, model=chosen.model, model_version_id=chosen.model_version_id
        )
        answers = [json_format.ParseDict(one, struct_pb2.Value()) for one in masks]
        v1.PredictResponse.pb(response).predictions.extend(answers)
        return response

    def answer_dedicated(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answers requests to the host name of a dedicated endpoint: `/v1/ENDPOINT:predict`, JSON."""
        name, _, verb = path.removeprefix("/v1/").partition(":")
        endpoint = next((one for one in self.endpoints.values() if one.dedicated_endpoint_dns == headers["host"]), None)
        if endpoint is None or verb != "predict" or name.split("/")[-1] != endpoint.name.split("/")[-1]:
            return _refused(404, f"{path} is not found")
        try:
            self._gate.check_vertex(headers.get("authorization"), "Predict", name)
        except Denied as denied:
            return _refused(403, str(denied))
        if len(body) > MAX_DEDICATED_BYTES:
            return _refused(413, f"request of {len(body)} bytes; at most {MAX_DEDICATED_BYTES}")
        request = json.loads(body)
        self.calls.append(Call(self.step, "Predict", {"endpoint": name, **request}))
        try:
            with self._lock:
                chosen, masks = self._predictions(endpoint, request["instances"])
        except BadRequest as error:
            return _refused(400, str(error))
        answer = {"deployedModelId": chosen.id, "model": chosen.model, "modelVersionId": chosen.model_version_id}
        return 200, {"predictions": masks, **answer}, {}

    def _predictions(self, endpoint: v1.Endpoint, instances: list[Any]) -> tuple[v1.DeployedModel, list[Any]]:
        """The deployed model that answers, and its predictions; BadRequest if it can't."""
        chosen = max(endpoint.deployed_models, key=lambda one: endpoint.traffic_split.get(one.id, 0))
        return chosen, predictions(self.load(chosen), instances)

    def load(self, deployed: v1.DeployedModel):
        """Loads the serving signature of a deployed model, as the serving container does; slow the first time."""
        if deployed.id not in self._loaded:
            model = self.models[deployed.model][int(deployed.model_version_id) - 1]
            self._loaded[deployed.id] = load_signature(str(self._buckets.of_uri(model.artifact_uri)))
        return self._loaded[deployed.id]


def _refused(status: int, message: str) -> Answer:
    return status, {"error": {"code": status, "message": message}}, {}
