"""What Beam finds out about functions and options, kept while a pipeline is built and run.

Whenever it makes, pickles or starts a step, Beam 2.74 inspects all methods of its DoFn, 20,000 times in a small
preparation; and each time it reads an option it makes a new argument parser, several times per transform. Together that
is a third of the processor time that a small job takes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from weakref import WeakKeyDictionary

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import core

Arguments = tuple[list[str], list[object]]  # names of a function's arguments, and the default values that some have


@contextlib.contextmanager
def cached_inspections() -> Iterator[None]:
    """Lets Beam inspect each function, and view options as each class, only once."""
    inspect, view = core.get_function_args_defaults, PipelineOptions.view_as
    core.get_function_args_defaults = _cached_arguments(inspect)
    PipelineOptions.view_as = _cached_views(view)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        core.get_function_args_defaults = inspect
        PipelineOptions.view_as = view  # pyright: ignore[reportAttributeAccessIssue]


def _cached_arguments(inspect: Callable[..., Arguments]) -> Callable[..., Arguments]:
    known: dict[tuple[FunctionType, bool], Arguments] = {}

    def get_function_args_defaults(function: Callable) -> Arguments:
        is_method = isinstance(function, MethodType)
        own = function.__func__ if is_method else function
        if not isinstance(own, FunctionType):
            return inspect(function)
        found = known.get((own, is_method))
        if found is None:
            found = known[own, is_method] = inspect(function)
        names, defaults = found
        return [*names], [*defaults]

    return get_function_args_defaults


def _cached_views(view: Callable[..., PipelineOptions]) -> Callable[..., PipelineOptions]:
    """One view per class is enough, because all views of an object share their values."""

    known: WeakKeyDictionary[PipelineOptions, dict[type, PipelineOptions]] = WeakKeyDictionary()

    def view_as(self: PipelineOptions, cls: type[PipelineOptions]) -> PipelineOptions:
        views = known.setdefault(self, {})
        if cls not in views:
            views[cls] = view(self, cls)
        return views[cls]

    return view_as
