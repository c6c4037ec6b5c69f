"""TFX's local runner, with a report of every step: what it produced, how long it took, or why it failed."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import pipeline_pb2

from schemas.errors import UserError

Artifact = metadata_store_pb2.Artifact
Execution = metadata_store_pb2.Execution
Event = metadata_store_pb2.Event


@dataclass(frozen=True)
class Step:
    """One finished step.

    Attributes:
      name: Id of the node, such as `Trainer`.
      seconds: Wall time.
      cached: Whether an earlier run's outputs were reused.
      inputs, outputs: Channel name to artifacts.
    """

    name: str
    seconds: float
    cached: bool
    inputs: dict[str, list[Artifact]]
    outputs: dict[str, list[Artifact]]


class StepFailed(Exception):
    """A step of the pipeline did not finish; `__cause__` is the exception, if there is one."""

    def __init__(self, step_name: str, reason: str):
        super().__init__(f"step {step_name} failed: {reason}")
        self.step_name = step_name


class ReportingDagRunner(LocalDagRunner):
    """Runs the steps one after the other in this process, as LocalDagRunner does.

    LocalDagRunner does not distinguish a cached step from one that ran, and continues after a step whose inputs could
    not be resolved; this one reports the first and stops at the second. `run` is the base class's, so that the `tfx`
    command line finds and patches it.

    Attributes:
      steps: The finished steps by name; empty if the `tfx` command line only created or compiled the pipeline.
    """

    def __init__(self, report: Callable[[Step], None], uncached_steps: frozenset[str] = frozenset()):
        """Args: `report` is called after each step; `uncached_steps` run even if an earlier run did the same."""
        super().__init__()
        self._report = report
        self._uncached_steps = uncached_steps
        self.steps: dict[str, Step] = {}

    def run_with_ir(self, pipeline: pipeline_pb2.Pipeline, run_options: object | None = None) -> None:
        """Runs a compiled pipeline.

        Raises:
          StepFailed: A step did not finish; later ones are not run.
        """
        for _ in self.run_by_step(pipeline):
            pass

    def run_by_step(self, pipeline: pipeline_pb2.Pipeline) -> Iterator[Step]:
        """Runs a compiled pipeline, one step whenever the next is asked for.

        Raises:
          StepFailed: The step did not finish.
        """
        run_id = {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.datetime.now().isoformat()}
        runtime_parameter_utils.substitute_runtime_parameter(pipeline, run_id)
        deployment = runner_utils.extract_local_deployment_config(pipeline)
        ml_metadata = metadata.Metadata(deployment.metadata_connection_config.database_connection_config)
        for node in pipeline.nodes:
            step = self._run_node(pipeline, node.pipeline_node, deployment, ml_metadata)
            self.steps[step.name] = step
            self._report(step)
            yield step

    def _run_node(
        self,
        pipeline: pipeline_pb2.Pipeline,
        node: pipeline_pb2.PipelineNode,
        deployment: object,
        ml_metadata: metadata.Metadata,
    ) -> Step:
        name = node.node_info.id
        if name in self._uncached_steps:
            node.execution_options.caching_options.enable_cache = False
        start = time.monotonic()
        try:
            execution_info = launcher.Launcher(
                pipeline_node=node,
                mlmd_connection=ml_metadata,
                pipeline_info=pipeline.pipeline_info,
                pipeline_runtime_spec=pipeline.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, name),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, name),
            ).launch()
        except Exception as error:
            raise StepFailed(name, f"{type(error).__name__}: {error}") from error
        if execution_info is None or execution_info.execution_id is None:
            raise StepFailed(name, "it was not run")
        execution, inputs, outputs = _read_execution(ml_metadata, execution_info.execution_id)
        if execution.last_known_state not in (Execution.COMPLETE, Execution.CACHED):
            raise _failure(name, execution)
        cached = execution.last_known_state == Execution.CACHED
        return Step(name, time.monotonic() - start, cached, inputs, outputs)


def _read_execution(
    ml_metadata: metadata.Metadata, execution_id: int
) -> tuple[Execution, dict[str, list[Artifact]], dict[str, list[Artifact]]]:
    """Reads an execution from ML Metadata, with its input and output artifacts by channel name."""
    with ml_metadata as handle:
        [execution] = handle.store.get_executions_by_id([execution_id])
        events = handle.store.get_events_by_execution_ids([execution_id])
        artifacts = {one.id: one for one in handle.store.get_artifacts_by_id([event.artifact_id for event in events])}
    inputs: dict[str, list[Artifact]] = {}
    outputs: dict[str, list[Artifact]] = {}
    for event in events:
        channels = inputs if event.type in (Event.INPUT, Event.DECLARED_INPUT) else outputs
        channels.setdefault(event.path.steps[0].key, []).append(artifacts[event.artifact_id])
    return execution, inputs, outputs


def _failure(step_name: str, execution: Execution) -> StepFailed:
    """Why a resolver failed: TFX keeps only the traceback's text of its exceptions."""
    state = Execution.State.Name(execution.last_known_state)
    result = execution_lib.get_execution_result(execution, ignore_parse_errors=True)
    lines = result.result_message.split("\n") if result else []
    begin = f"{UserError.__module__}.{UserError.__qualname__}: "
    failure = StepFailed(step_name, f"its inputs could not be resolved; state {state}")
    failure.__cause__ = next((UserError(one.removeprefix(begin)) for one in lines if one.startswith(begin)), None)
    return failure
