"""Reads a compiled job, with the checks that Vertex AI Pipelines makes before it runs anything.

The format is the Kubeflow Pipelines IR, schema 2.0, as TFX writes it:
https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

Json = dict[str, Any]

SCHEMA_VERSION = "2.0.0"
PARAMETER_VALUES = {"STRING": "stringValue", "INT": "intValue", "DOUBLE": "doubleValue"}


class WrongJob(Exception):
    """The job can't be run; the message says which task and why."""


@dataclass(frozen=True)
class Task:
    """One task of a job.

    Attributes:
      component: Names and types of its inputs and outputs.
      executor: The spec of what runs it: `container`, `importer` or `resolver`.
      inputs: Maps input names to the producing task and its output.
      parameters: Maps parameter names to values, such as `{"stringValue": "text"}`.
    """

    name: str
    component: Json
    executor: Json
    inputs: dict[str, tuple[str, str]]
    parameters: dict[str, Json]
    cached: bool

    @property
    def outputs(self) -> dict[str, Json]:
        """Maps output names to artifact types."""
        return {name: one["artifactType"] for name, one in _declared(self.component, "output").items()}


def read_tasks(spec: Json) -> list[Task]:
    """Reads the tasks of a job in an order in which they can run.

    Raises:
      WrongJob: Something is missing, has another type, or is unknown to the rehearsal.
    """
    if spec.get("schemaVersion") != SCHEMA_VERSION:
        raise WrongJob(f"schema version {spec.get('schemaVersion')!r}; {SCHEMA_VERSION} can be rehearsed")
    tasks = {name: _task(name, one, spec) for name, one in spec["root"]["dag"]["tasks"].items()}
    after = {name: set(one.get("dependentTasks", [])) for name, one in spec["root"]["dag"]["tasks"].items()}
    for task in tasks.values():
        for problem in _problems(task, tasks):
            raise WrongJob(f"task {task.name}: {problem}")
        after[task.name] |= {producer for producer, _ in task.inputs.values()}
    return [tasks[name] for name in _in_order(after)]


def type_title(artifact_type: Json) -> str:
    """Name of an artifact type, such as `tfx.Model`."""
    if "schemaTitle" in artifact_type:
        return artifact_type["schemaTitle"]
    return yaml.safe_load(artifact_type["instanceSchema"])["title"]


def _task(name: str, task: Json, spec: Json) -> Task:
    try:
        component = spec["components"][task["componentRef"]["name"]]
        executor = spec["deploymentSpec"]["executors"][component["executorLabel"]]
    except KeyError as error:
        raise WrongJob(f"task {name}: there is no component or executor {error}") from None
    given = task.get("inputs", {})
    sources = {key: one["taskOutputArtifact"] for key, one in given.get("artifacts", {}).items()}
    return Task(
        name=name,
        component=component,
        executor=executor,
        inputs={key: (one["producerTask"], one["outputArtifactKey"]) for key, one in sources.items()},
        parameters={
            key: one.get("runtimeValue", {}).get("constantValue", {})
            for key, one in given.get("parameters", {}).items()
        },
        cached=task.get("cachingOptions", {}).get("enableCache", False),
    )


def _problems(task: Task, tasks: dict[str, Task]) -> Iterator[str]:
    declared = _declared(task.component, "input")
    for name, (producer, output) in task.inputs.items():
        if name not in declared:
            yield f"its component has no input {name}"
        elif producer not in tasks or output not in tasks[producer].outputs:
            yield f"input {name} comes from {producer}.{output}, which does not exist"
        else:
            wanted, made = type_title(declared[name]["artifactType"]), type_title(tasks[producer].outputs[output])
            if wanted != made:
                yield f"input {name} must be {wanted}, but {producer}.{output} is {made}"
    for name in declared.keys() - task.inputs.keys():
        yield f"input {name} comes from nowhere"
    types = task.component.get("inputDefinitions", {}).get("parameters", {})
    for name in types.keys() ^ task.parameters.keys():
        yield f"parameter {name} is " + ("not given" if name in types else "unknown to its component")
    for name, value in task.parameters.items():
        if list(value) != [PARAMETER_VALUES.get(types[name]["type"])]:
            yield f"parameter {name} must be a constant {types[name]['type']}, but is {', '.join(value) or 'none'}"


def _declared(component: Json, direction: str) -> dict[str, Json]:
    return component.get(f"{direction}Definitions", {}).get("artifacts", {})


def _in_order(after: dict[str, set[str]]) -> list[str]:
    """Names in topological order, alphabetical where there is a choice."""
    order: list[str] = []
    while len(order) < len(after):
        ready = sorted(name for name, before in after.items() if name not in order and before <= set(order))
        if not ready:
            raise WrongJob(f"tasks wait for each other or for tasks that do not exist: {sorted(after.keys() - order)}")
        order += ready
    return order
