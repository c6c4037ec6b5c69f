"""Stands in for Vertex ML Metadata: keeps artifacts, answers resolvers' queries, and remembers executions."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tfx_pipeline.vertex.rehearsal.job_spec import WrongJob, type_title

Json = dict[str, Any]

_CLAUSE = re.compile(r'(?P<key>[\w.]+)=(?:"(?P<text>[^"]*)"|(?P<word>\S+))')


@dataclass(frozen=True)
class Artifact:
    """One artifact; `name` is its resource name, `type` as the job's components declare it."""

    name: str
    type: Json
    uri: str
    metadata: Json = field(default_factory=dict)

    def runtime(self) -> Json:
        """The artifact as an ExecutorInput holds it."""
        return {"name": self.name, "type": self.type, "uri": self.uri, "metadata": self.metadata}


Artifacts = dict[str, list[Artifact]]


class Metadata:
    """Artifacts of all jobs of one rehearsal folder, and the executions that made them; kept in a file."""

    def __init__(self, path: Path, parent: str):
        """Args: `parent` is the resource name of the metadata store."""
        self._path = path
        self._parent = parent
        stored = json.loads(path.read_text()) if path.is_file() else {"artifacts": [], "executions": {}}
        self._artifacts = [Artifact(**one) for one in stored["artifacts"]]
        self._executions: dict[str, dict[str, list[str]]] = stored["executions"]
        self._count = len(self._artifacts)

    def new_name(self) -> str:
        """A resource name for a new artifact."""
        self._count += 1
        return f"{self._parent}/artifacts/{self._count}"

    def add(self, outputs: Artifacts, execution: str | None) -> None:
        """Keeps the outputs of an execution; `execution` is its cache key, None if it should not be cached."""
        known = {one.name for one in self._artifacts}
        self._artifacts += [one for group in outputs.values() for one in group if one.name not in known]
        if execution is not None:
            self._executions[execution] = {key: [one.name for one in group] for key, group in outputs.items()}
        stored = {"artifacts": [asdict(one) for one in self._artifacts], "executions": self._executions}
        self._path.write_text(json.dumps(stored, indent=1))

    def cached(self, execution: str) -> Artifacts | None:
        """The outputs of the same earlier execution; None if there was none."""
        if execution not in self._executions:
            return None
        by_name = {one.name: one for one in self._artifacts}
        return {key: [by_name[name] for name in names] for key, names in self._executions[execution].items()}

    def imported(self, wanted: Artifact) -> Artifact:
        """The artifact that was imported from the same URI earlier, or `wanted`."""
        same = [
            one
            for one in self._artifacts
            if (one.type, one.uri, one.metadata) == (wanted.type, wanted.uri, wanted.metadata)
        ]
        return same[0] if same else wanted

    def latest(self, query: str) -> list[Artifact]:
        """The newest artifact that matches a resolver's filter, or none.

        Raises:
          WrongJob: The filter uses something that is not rehearsed.
        """
        conditions = [_condition(clause) for clause in query.split(" AND ")]
        found = [one for one in self._artifacts if all(condition(one) for condition in conditions)]
        return found[-1:]


def _condition(clause: str):
    match = _CLAUSE.fullmatch(clause)
    key, value = (match["key"], match["text"] if match["text"] is not None else match["word"]) if match else ("", "")
    if key == "schema_title":
        return lambda one: type_title(one.type) == value
    if key == "state" and value == "LIVE":
        return lambda one: True
    if key == "name":
        return lambda one: one.name == value
    if number := re.fullmatch(r"metadata\.(\w+)\.number_value", key):
        return lambda one: one.metadata.get(number[1]) == float(value)
    raise WrongJob(f"a filter that is not rehearsed: {clause}")
