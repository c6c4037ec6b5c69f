"""What Beam counts while a graph runs: elements and bytes of every collection, and which are side inputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

import apache_beam as beam
from apache_beam.metrics import monitoring_infos
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

OWN = "Own"  # begins the names of steps that only a benchmark has; they are not counted


class Collection(NamedTuple):
    """One collection of a graph that has run.

    Attributes:
      name: The step that makes it.
      elements: Their number.
      bytes: Of all, encoded: their number times the mean of those that Beam samples, the first ones and ever fewer.
      largest: Bytes of the largest one sampled; the value that one worker holds at once. Ten or fewer are all sampled.
      is_side_input: Whether another step takes it as a whole, so that each of its workers may hold all.
    """

    name: str
    elements: int
    bytes: int
    largest: int
    is_side_input: bool


def run_and_count(build: Callable[[beam.Pipeline], object]) -> list[Collection]:
    """Runs the graph that `build` adds to a pipeline, on Beam's runner on this machine, in one process."""
    pipeline = beam.Pipeline(FnApiRunner())
    build(pipeline)
    result = pipeline.run()
    result.wait_until_finish()
    components = pipeline.to_runner_api().components
    names, side_inputs = dict(_outputs(components)), set(_side_inputs(components))
    elements: dict[str, int] = defaultdict(int)
    sampled: dict[str, tuple[int, int, int]] = {}
    for info in result.monitoring_infos():
        collection = info.labels.get(monitoring_infos.PCOLLECTION_LABEL)
        if info.urn == monitoring_infos.ELEMENT_COUNT_URN:
            # once for the stage that makes it, and again for each that reads it
            elements[collection] = max(elements[collection], monitoring_infos.extract_counter_value(info))
        elif info.urn == monitoring_infos.SAMPLED_BYTE_SIZE_URN:
            count, total, _, largest = monitoring_infos.extract_distribution(info)
            before = sampled.get(collection, (0, 0, 0))
            sampled[collection] = before[0] + count, before[1] + total, max(before[2], largest)
    return [
        Collection(names[one], count, round(count * total / max(1, samples)), largest, one in side_inputs)
        for one, count in elements.items()
        if one in names and not names[one].startswith(OWN) and (samples_of := sampled.get(one))
        for samples, total, largest in [samples_of]
    ]


def _outputs(components: beam_runner_api_pb2.Components) -> Iterator[tuple[str, str]]:
    """Each collection with the name of the step that makes it."""
    for transform in components.transforms.values():
        if transform.subtransforms:
            continue
        for tag, collection in transform.outputs.items():
            own = f" ({tag})" if len(transform.outputs) > 1 and tag != "None" else ""
            yield collection, f"{transform.unique_name}{own}"


def _side_inputs(components: beam_runner_api_pb2.Components) -> Iterator[str]:
    for transform in components.transforms.values():
        if transform.spec.urn == common_urns.primitives.PAR_DO.urn:
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            yield from (transform.inputs[tag] for tag in payload.side_inputs)
