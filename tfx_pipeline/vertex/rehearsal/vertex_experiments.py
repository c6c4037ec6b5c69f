"""Experiments (ML Metadata) and TensorBoard of Vertex AI (v1, gRPC), on loopback, as far as logging a run asks them."""

from __future__ import annotations

import grpc
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2

from tfx_pipeline.vertex.rehearsal.storage import PROJECT_NUMBER
from tfx_pipeline.vertex.rehearsal.vertex_messages import done, find


class VertexExperiments:
    """Answers calls about experiments and TensorBoard.

    Attributes:
      metadata_stores, contexts, artifacts: Of ML Metadata, by resource name; experiments and their runs are contexts.
      context_children: Resource name of a context to those of the contexts and artifacts that were added to it.
      tensorboards: Instances, which Terraform or a person makes.
      tensorboard_experiments, tensorboard_runs, time_series: What is in them.
      points: Resource name of a time series to its values by step.
    """

    def __init__(self) -> None:
        self.metadata_stores: dict[str, v1.MetadataStore] = {}
        self.contexts: dict[str, v1.Context] = {}
        self.artifacts: dict[str, v1.Artifact] = {}
        self.context_children: dict[str, list[str]] = {}
        self.tensorboards: dict[str, v1.Tensorboard] = {}
        self.tensorboard_experiments: dict[str, v1.TensorboardExperiment] = {}
        self.tensorboard_runs: dict[str, v1.TensorboardRun] = {}
        self.time_series: dict[str, v1.TensorboardTimeSeries] = {}
        self.points: dict[str, dict[int, float]] = {}

    def forget_experiments(self) -> None:
        """Empties everything, for the next test."""
        VertexExperiments.__init__(self)

    def add_tensorboard(self, name: str) -> None:
        """Puts an instance there; Google names it by the project's number, even if it was requested by id."""
        _, _, rest = name.removeprefix("projects/").partition("/")
        name = f"projects/{PROJECT_NUMBER}/{rest}"
        self.tensorboards[name] = v1.Tensorboard(name=name)

    def create_metadata_store(self, request: v1.CreateMetadataStoreRequest, context) -> operations_pb2.Operation:
        return done(_new(self.metadata_stores, request, "metadataStores", request.metadata_store_id, context))

    def get_metadata_store(self, request: v1.GetMetadataStoreRequest, context) -> v1.MetadataStore:
        return find(self.metadata_stores, request.name, context)

    def create_context(self, request: v1.CreateContextRequest, context) -> v1.Context:
        find(self.metadata_stores, request.parent, context)
        return _new(self.contexts, request, "contexts", request.context_id, context)

    def get_context(self, request: v1.GetContextRequest, context) -> v1.Context:
        return find(self.contexts, request.name, context)

    def update_context(self, request: v1.UpdateContextRequest, context) -> v1.Context:
        known = find(self.contexts, request.context.name, context)
        known.metadata = request.context.metadata
        return known

    def add_context_children(self, request: v1.AddContextChildrenRequest, context) -> v1.AddContextChildrenResponse:
        self._add(request.context, request.child_contexts, self.contexts, context)
        return v1.AddContextChildrenResponse()

    def add_context_artifacts_and_executions(
        self, request: v1.AddContextArtifactsAndExecutionsRequest, context
    ) -> v1.AddContextArtifactsAndExecutionsResponse:
        self._add(request.context, request.artifacts, self.artifacts, context)
        return v1.AddContextArtifactsAndExecutionsResponse()

    def _add(self, name: str, children, known: dict, context) -> None:
        find(self.contexts, name, context)
        for child in children:
            find(known, child, context)
        self.context_children.setdefault(name, []).extend(children)

    def create_artifact(self, request: v1.CreateArtifactRequest, context) -> v1.Artifact:
        return _new(self.artifacts, request, "artifacts", request.artifact_id, context)

    def get_artifact(self, request: v1.GetArtifactRequest, context) -> v1.Artifact:
        return find(self.artifacts, request.name, context)

    def get_execution(self, request: v1.GetExecutionRequest, context) -> v1.Execution:
        return find({}, request.name, context)  # asked for runs of old clients; there are none

    def get_tensorboard(self, request: v1.GetTensorboardRequest, context) -> v1.Tensorboard:
        return find(self.tensorboards, request.name, context)

    def create_tensorboard_experiment(
        self, request: v1.CreateTensorboardExperimentRequest, context
    ) -> v1.TensorboardExperiment:
        find(self.tensorboards, request.parent, context)
        number = request.tensorboard_experiment_id
        return _new(self.tensorboard_experiments, request, "experiments", number, context)

    def get_tensorboard_experiment(
        self, request: v1.GetTensorboardExperimentRequest, context
    ) -> v1.TensorboardExperiment:
        return find(self.tensorboard_experiments, request.name, context)

    def create_tensorboard_run(self, request: v1.CreateTensorboardRunRequest, context) -> v1.TensorboardRun:
        find(self.tensorboard_experiments, request.parent, context)
        return _new(self.tensorboard_runs, request, "runs", request.tensorboard_run_id, context)

    def get_tensorboard_run(self, request: v1.GetTensorboardRunRequest, context) -> v1.TensorboardRun:
        return find(self.tensorboard_runs, request.name, context)

    def create_tensorboard_time_series(
        self, request: v1.CreateTensorboardTimeSeriesRequest, context
    ) -> v1.TensorboardTimeSeries:
        find(self.tensorboard_runs, request.parent, context)
        number = request.tensorboard_time_series_id or str(len(self.time_series) + 1)
        return _new(self.time_series, request, "timeSeries", number, context)

    def list_tensorboard_time_series(
        self, request: v1.ListTensorboardTimeSeriesRequest, context
    ) -> v1.ListTensorboardTimeSeriesResponse:
        run = find(self.tensorboard_runs, request.parent, context)
        own = [one for name, one in self.time_series.items() if name.startswith(f"{run.name}/")]
        return v1.ListTensorboardTimeSeriesResponse(tensorboard_time_series=own)

    def write_tensorboard_run_data(
        self, request: v1.WriteTensorboardRunDataRequest, context
    ) -> v1.WriteTensorboardRunDataResponse:
        run = find(self.tensorboard_runs, request.tensorboard_run, context)
        for data in request.time_series_data:
            name = f"{run.name}/timeSeries/{data.tensorboard_time_series_id}"
            find(self.time_series, name, context)
            self.points.setdefault(name, {}).update({one.step: one.scalar.value for one in data.values})
        return v1.WriteTensorboardRunDataResponse()


def _new(known: dict, request, collection: str, number: str, context):
    """Keeps and returns the resource of a request to create one; aborts where there is one of its name."""
    [field] = [one for one in type(request).pb(request).DESCRIPTOR.fields if one.message_type is not None]
    resource = getattr(request, field.name)
    resource.name = f"{request.parent}/{collection}/{number}"
    if resource.name in known:
        context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{resource.name} already exists")
    known[resource.name] = resource
    return resource
