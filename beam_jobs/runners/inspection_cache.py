"""What Beam finds out about functions, options and modules, kept while a pipeline is built and run.

Whenever it makes, pickles or starts a step, Beam 2.74 inspects all methods of its DoFn, 20,000 times in a small
preparation; each time it reads an option it makes a new argument parser, several times per transform; and it looks
through all modules for each lambda that it pickles, and for each side input that it measures. It notes the stack of
each type hint, for messages about hints that contradict each other, and reads the source of each function, for a
warning. Together that is more than half of the processor time that a small job takes.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from weakref import WeakKeyDictionary

import apache_beam as beam
from apache_beam.internal.cloudpickle import cloudpickle
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import core, userstate
from apache_beam.typehints.decorators import IOTypeHints
from objsize import traverse

Specs = tuple[set, set]  # the states and the timers of a DoFn
Arguments = tuple[list[str], list[object]]  # names of a function's arguments, and the default values that some have


_blocks = 0  # that have begun and not ended, in any thread
_lock = threading.Lock()
_beams_own: list[tuple[object, str, object]] = []


@contextlib.contextmanager
def cached_inspections() -> Iterator[None]:
    """Lets Beam inspect each function and DoFn, view options as each class, and look through the modules, only once.

    Blocks may overlap in several threads: the first that begins replaces Beam's functions, the last that ends puts them
    back.
    """
    global _blocks
    with _lock:
        _blocks += 1
        if _blocks == 1:
            _replace()
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if not _blocks:
                _put_back()


def _replace() -> None:
    replaced = [
        (core, "get_function_args_defaults", _cached_arguments),
        (core, "_check_fn_use_yield_and_return", _unless_unheard),
        (userstate, "get_dofn_specs", _cached_specs),
        (IOTypeHints, "_make_origin", _without_stack),
        (PipelineOptions, "view_as", _cached_views),
        (cloudpickle, "_find_imported_submodules", _cached_submodules),
        (traverse, "_iter_modules_globals", _cached_globals),
    ]
    for owner, name, cached in replaced:
        _beams_own.append((owner, name, vars(owner)[name]))  # of a class method, what makes it one
        setattr(owner, name, cached(getattr(owner, name)))


def _put_back() -> None:
    while _beams_own:
        owner, name, own = _beams_own.pop()
        setattr(owner, name, own)


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


def _cached_specs(inspect: Callable[[beam.DoFn], Specs]) -> Callable[[beam.DoFn], Specs]:
    known: WeakKeyDictionary[beam.DoFn, Specs] = WeakKeyDictionary()

    def get_dofn_specs(dofn: beam.DoFn) -> Specs:
        try:
            found = known.get(dofn)
        except TypeError:  # it can't be hashed
            return inspect(dofn)
        if found is None:
            found = known[dofn] = inspect(dofn)
        states, timers = found
        return {*states}, {*timers}

    return get_dofn_specs


def _unless_unheard(check: Callable[[Callable], bool]) -> Callable[[Callable], bool]:
    """Whether a function both yields and returns, of which Beam warns; not looked for where no warning is shown."""
    logger = logging.getLogger(core.__name__)
    return lambda function: logger.isEnabledFor(logging.WARNING) and check(function)


def _without_stack(make: Callable[..., list[str]]) -> staticmethod:
    """What a type hint is based on; a message names the step, and so does its traceback."""
    return staticmethod(lambda bases, tb=True, msg=(): make(bases, tb=False, msg=msg))


def _cached_views(view: Callable[..., PipelineOptions]) -> Callable[..., PipelineOptions]:
    """One view per class is enough, because all views of an object share their values."""

    known: WeakKeyDictionary[PipelineOptions, dict[type, PipelineOptions]] = WeakKeyDictionary()

    def view_as(self: PipelineOptions, cls: type[PipelineOptions]) -> PipelineOptions:
        views = known.setdefault(self, {})
        if cls not in views:
            views[cls] = view(self, cls)
        return views[cls]

    return view_as


def _cached_submodules(inspect: Callable) -> Callable:
    """The modules below those that a function's code names as globals, and that it names as attributes, as before."""
    known: dict[tuple[str, int], list[tuple[frozenset[str], ModuleType]]] = {}

    def below(package: str) -> list[tuple[frozenset[str], ModuleType]]:
        key = (package, len(sys.modules))  # modules are added, hardly ever exchanged
        if key not in known:
            start = f"{package}."
            names = [name for name in list(sys.modules) if name is not None and name.startswith(start)]
            known[key] = [(frozenset(name[len(start) :].split(".")), sys.modules[name]) for name in names]
        return known[key]

    def find_imported_submodules(code: CodeType, top_level_dependencies: Iterable[object]) -> list[ModuleType]:
        names = set(code.co_names)
        packages = [
            one for one in top_level_dependencies if isinstance(one, ModuleType) and getattr(one, "__package__", None)
        ]
        return [module for one in packages for parts, module in below(one.__name__) if parts <= names]

    return find_imported_submodules


def _cached_globals(inspect: Callable[[], Iterable[dict]]) -> Callable[[], Iterable[dict]]:
    """The dictionaries of all modules, which are no part of what an object takes."""
    known: dict[int, list[dict]] = {}

    def iter_modules_globals() -> list[dict]:
        count = len(sys.modules)
        if count not in known:
            known[count] = list(inspect())
        return known[count]

    return iter_modules_globals
