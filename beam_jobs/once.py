"""Steps that run once, when their side inputs are complete, without a main input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import apache_beam as beam


class MapOnce(beam.PTransform):
    """Calls a function once, in the graph; its return value is the only element.

    Args:
      function: Its return annotation is the element's type. A runner that retries the step calls it again.
      arguments, keywords: Its arguments; a side input such as `AsIter(numbers)` is waited for.
    """

    def __init__(self, function: Callable, *arguments: Any, **keywords: Any):
        super().__init__()
        self._function = function
        self._arguments = arguments
        self._keywords = keywords

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        call = beam.Map(_call, self._function, *self._arguments, **self._keywords)
        return pipeline | "Start" >> beam.Impulse() | "Call" >> call.with_output_types(self._returned())

    def _returned(self) -> Any:
        return get_type_hints(self._function)["return"]


class FlatMapOnce(MapOnce):
    """Like MapOnce, but everything that the function yields is an element; it is declared as `Iterator[ELEMENT]`."""

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        call = beam.FlatMap(_call, self._function, *self._arguments, **self._keywords)
        (element,) = get_args(self._returned())
        return pipeline | "Start" >> beam.Impulse() | "Call" >> call.with_output_types(element)


def _call(_, function, *arguments, **keywords):  # Beam would check annotations here, where anything goes
    return function(*arguments, **keywords)
