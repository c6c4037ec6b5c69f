"""Runs the tasks of a compiled job as Vertex AI Pipelines does, one after the other, each container as a process."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfx_pipeline.vertex.rehearsal.buckets import Buckets
from tfx_pipeline.vertex.rehearsal.interpreter import Fork, Interpreter
from tfx_pipeline.vertex.rehearsal.job_spec import Task, WrongJob, read_tasks
from tfx_pipeline.vertex.rehearsal.metadata import Artifact, Artifacts, Metadata

Json = dict[str, Any]

WHOLE_INPUT = "{{$}}"  # where Vertex AI puts the ExecutorInput
TIMEOUT_SECONDS = 1800
_ERROR_LINE = re.compile(r"^(\w+\.)*\w*(Error|Exception|Exit|Interrupt|StepFailed|Terminated)\b.*")
_INPUT_METADATA = re.compile(r"\{\{\$\.inputs\.artifacts\['(\w+)'\]\.metadata\['(\w+)'\]\}\}")


class StepFailed(Exception):
    """A step failed; `log` is its complete output."""

    def __init__(self, step: str, reason: str, log: Path | None = None):
        super().__init__(f"step {step} failed: {reason}")
        self.step = step
        self.reason = reason
        self.log = log


@dataclass(frozen=True)
class Step:
    """One finished step.

    Attributes:
      kind: `container`, `importer`, `resolver`, or `cache` if an earlier run did the same.
      seconds: Wall time.
    """

    name: str
    kind: str
    seconds: float
    outputs: Artifacts


class Execution:
    """Runs jobs with one image, in one set of buckets."""

    def __init__(
        self,
        buckets: Buckets,
        metadata: Metadata,
        image: str,
        environment: dict[str, str],
        folder: Path,
        on_step: Callable[[str], None],
    ):
        """Args:

        image: Name of the image that is rehearsed.
        environment: The complete environment of steps and training.
        folder: For logs and scratch.
        on_step: Called with a step's name before it runs.
        """
        self._buckets = buckets
        self._metadata = metadata
        self._image = image
        self._environment = environment
        self._folder = folder
        self._on_step = on_step
        self._interpreter = Interpreter(environment, folder / "logs" / "interpreter.log")
        self._running: set[Fork] = set()

    def run(self, job_name: str, job: Json, report: Callable[[Step], None]) -> list[Step]:
        """Runs a job.

        Args:
          job_name: Its resource name.
          job: PipelineJob as JSON: `pipelineSpec` and `runtimeConfig`.

        Raises:
          StepFailed: A step did not finish, or the check before the first one failed.
        """
        try:
            tasks = read_tasks(job["pipelineSpec"])
        except WrongJob as error:
            raise StepFailed("check of the job", str(error)) from None
        root = job_root(job_name, job)
        steps: list[Step] = []
        made: dict[str, Artifacts] = {}
        for number, task in enumerate(tasks):
            self._on_step(task.name)
            start = time.monotonic()
            inputs = {
                key: made[producer][output] for key, (producer, output) in task.inputs.items() if made[producer][output]
            }
            try:
                kind, outputs = self._run(task, inputs, f"{root}/{task.name}_{number}")
            except WrongJob as error:
                raise StepFailed(task.name, str(error)) from None
            made[task.name] = outputs
            step = Step(task.name, kind, time.monotonic() - start, outputs)
            steps.append(step)
            report(step)
        return steps

    def run_process(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        """Runs a container's command in an empty folder; StepFailed with its last error if it fails.

        Args:
          name: Of the log and the folder.
          command: The whole command.
          environment: None for that of the steps.
        """
        log = self._folder / "logs" / f"{name}.log"
        scratch = self._folder / "scratch" / name
        log.parent.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(parents=True, exist_ok=True)
        try:
            with self._interpreter.running(command, scratch, environment or self._environment, log) as process:
                self._running.add(process)
                code = process.wait(TIMEOUT_SECONDS)
        except TimeoutError:
            raise StepFailed(name, f"not done after {TIMEOUT_SECONDS} s", log) from None
        except ChildProcessError as error:
            raise StepFailed(name, str(error)) from None
        self._running.discard(process)
        if code:
            raise StepFailed(name, _last_error(log) or f"exit code {code}", log)

    def stop(self) -> None:
        """Kills processes that still run, such as a CustomJob whose pipeline was interrupted."""
        for process in list(self._running):
            process.kill()
        self._interpreter.stop()

    def check_image(self, name: str, image: str) -> None:
        """Raises StepFailed if a container should run another image than the rehearsed one."""
        if image != self._image:
            raise StepFailed(name, f"its image is {image}, but {self._image} is rehearsed")

    def _run(self, task: Task, inputs: Artifacts, place: str) -> tuple[str, Artifacts]:
        [(kind, executor)] = task.executor.items()
        if kind == "resolver":
            outputs = self._resolve(executor, task, inputs)
            self._metadata.add(outputs, None)
            return kind, outputs
        execution = _cache_key(task, inputs) if task.cached else None
        if execution and (outputs := self._metadata.cached(execution)) is not None:
            return "cache", outputs
        if kind == "importer":
            outputs = self._import(executor, task)
        elif kind == "container":
            outputs = self._contain(executor, task, inputs, place)
        else:
            raise WrongJob(f"executor {kind} is not rehearsed")
        self._metadata.add(outputs, execution)
        return kind, outputs

    def _import(self, executor: Json, task: Task) -> Artifacts:
        uri = executor["artifactUri"]["constantValue"]["stringValue"]
        if not any(self._buckets.of_uri(uri).rglob("*")):
            raise WrongJob(f"there is nothing at {uri}")
        [key] = task.outputs
        artifact = Artifact(self._metadata.new_name(), executor["typeSchema"], uri, executor.get("metadata", {}))
        return {key: [self._metadata.imported(artifact)]}

    def _resolve(self, executor: Json, task: Task, inputs: Artifacts) -> Artifacts:
        if task.inputs.keys() != inputs.keys():  # an earlier resolver found nothing
            return {key: [] for key in executor["outputArtifactQueries"]}

        def value(match: re.Match) -> str:
            return str(inputs[match[1]][0].metadata[match[2]])

        return {
            key: self._metadata.latest(_INPUT_METADATA.sub(value, query["filter"]))
            for key, query in executor["outputArtifactQueries"].items()
        }

    def _contain(self, executor: Json, task: Task, inputs: Artifacts, place: str) -> Artifacts:
        self.check_image(task.name, executor["image"])
        outputs = {
            key: [Artifact(self._metadata.new_name(), kind, f"{place}/{key}")] for key, kind in task.outputs.items()
        }
        output_file = f"{place}/executor_output.json"
        executor_input = {
            "inputs": {"parameters": task.parameters, "artifacts": _runtime(inputs)},
            "outputs": {"artifacts": _runtime(outputs), "outputFile": output_file},
        }
        text = json.dumps(executor_input)
        command = [text if one == WHOLE_INPUT else one for one in (*executor["command"], *executor.get("args", []))]
        if unknown := [one for one in command if one.startswith("{{$")]:
            raise WrongJob(f"placeholders that are not rehearsed: {', '.join(unknown)}")
        self.run_process(task.name, command)
        if not outputs:
            return {}
        path = self._buckets.of_uri(output_file)
        if not path.is_file():
            raise StepFailed(task.name, f"it did not write {output_file}")
        return _read_outputs(json.loads(path.read_text()), outputs)


def job_root(job_name: str, job: Json) -> str:
    """Folder of a job's artifacts; Vertex AI uses the project's number instead of its id."""
    return f"{job['runtimeConfig']['gcsOutputDirectory']}/{job_name.split('/')[1]}/{job_name.split('/')[-1]}"


def _read_outputs(executor_output: Json, outputs: Artifacts) -> Artifacts:
    """The outputs, updated from the container's ExecutorOutput."""
    written = executor_output.get("artifacts", {})
    merged = {}
    for key, [artifact] in outputs.items():
        [one] = written.get(key, {}).get("artifacts", [{}])
        merged[key] = [Artifact(artifact.name, artifact.type, one.get("uri", artifact.uri), one.get("metadata", {}))]
    return merged


def _runtime(artifacts: Artifacts) -> Json:
    return {key: {"artifacts": [one.runtime() for one in group]} for key, group in artifacts.items()}


def _cache_key(task: Task, inputs: Artifacts) -> str:
    """What decides whether Vertex AI reuses an earlier execution's outputs: component, executor and inputs."""
    names = {key: [one.name for one in group] for key, group in inputs.items()}
    parts = (task.component, task.executor, names, task.parameters)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _last_error(log: Path) -> str | None:
    """The last line of a log that comes from an exception."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return next((line[:400] for line in reversed(lines) if _ERROR_LINE.match(line)), None)
