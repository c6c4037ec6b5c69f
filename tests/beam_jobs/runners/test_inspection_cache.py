"""Beam inspects each function, and views options as each class, once, and learns the same as without."""

import concurrent.futures
import copy
import logging
import os
import sys
import xml.dom.minidom
from types import ModuleType

import apache_beam as beam
import pytest
from apache_beam.internal.cloudpickle import cloudpickle
from apache_beam.options.pipeline_options import DirectOptions, GoogleCloudOptions, PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.worker.statecache import get_deep_size
from apache_beam.transforms import core, userstate
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, get_dofn_specs
from apache_beam.typehints.decorators import IOTypeHints, TypeCheckError

from beam_jobs.runners.inspection_cache import cached_inspections


class _Counts(beam.DoFn):
    STATE = ReadModifyWriteStateSpec("count", beam.coders.VarIntCoder())
    COUNT = beam.DoFn.StateParam(STATE)

    def process(self, element, factor=2, count=COUNT):
        yield element * factor


class _Plain(beam.DoFn):
    def process(self, element):
        yield element


class _Unhashable(_Plain):
    def __eq__(self, other):
        return self is other


class _YieldsAndReturns(beam.DoFn):
    def process(self, element):
        if element:
            return [element]
        yield element


def plain(element, factor=3):
    return element * factor


def test_beam_learns_the_same_of_methods_functions_and_other_callables():
    asked = (_Counts().process, _Counts.process, _Plain().process, plain, lambda one, *rest, two=1: one, dict, len)
    alone = [core.get_function_args_defaults(one) for one in asked]
    with cached_inspections():
        assert [core.get_function_args_defaults(one) for one in asked + asked] == alone + alone
        assert get_dofn_specs(_Counts())[0] == {_Counts.STATE}
        assert get_dofn_specs(_Plain()) == (set(), set())


def test_a_function_is_inspected_once_and_what_is_learnt_cannot_be_changed(monkeypatch):
    inspected = []
    own = core.get_function_args_defaults
    monkeypatch.setattr(core, "get_function_args_defaults", lambda one: inspected.append(one) or own(one))
    with cached_inspections():
        for _ in range(3):
            names, defaults = core.get_function_args_defaults(plain)
            assert (names, defaults) == (["element", "factor"], [3])
            names.clear()
            defaults.clear()
        for _ in range(2):
            core.get_function_args_defaults(_Plain().process)
    assert len(inspected) == 2


def test_the_states_of_a_step_are_looked_for_once_and_what_is_found_cannot_be_changed(monkeypatch):
    inspected = []
    own = userstate.get_dofn_specs
    monkeypatch.setattr(userstate, "get_dofn_specs", lambda dofn: inspected.append(dofn) or own(dofn))
    counts, others = _Counts(), _Counts()
    with cached_inspections():
        for _ in range(2):
            states, timers = userstate.get_dofn_specs(counts)
            assert (states, timers) == ({_Counts.STATE}, set())
            states.clear()
        assert userstate.is_stateful_dofn(others)
        assert not userstate.is_stateful_dofn(_Unhashable())
    assert [type(one) for one in inspected] == [_Counts, _Counts, _Unhashable]


@pytest.mark.parametrize(("level", "is_said"), [(logging.WARNING, True), (logging.ERROR, False)])
def test_beam_warns_of_functions_that_yield_and_return_where_warnings_are_shown(caplog, level, is_said):
    caplog.set_level(level, core.__name__)
    with cached_inspections():
        beam.ParDo(_YieldsAndReturns())
    assert ("yield and return" in caplog.text) == is_said


@pytest.mark.parametrize("first", [0, 1])
def test_blocks_that_overlap_leave_beam_as_it_was_whichever_ends_first(first):
    own = core.get_function_args_defaults, userstate.get_dofn_specs, PipelineOptions.view_as
    blocks = [cached_inspections(), cached_inspections()]
    for block in blocks:
        block.__enter__()
    cached = core.get_function_args_defaults
    assert cached is not own[0]
    blocks.pop(first).__exit__(None, None, None)
    assert core.get_function_args_defaults is cached
    blocks.pop().__exit__(None, None, None)
    assert (core.get_function_args_defaults, userstate.get_dofn_specs, PipelineOptions.view_as) == own


def test_a_step_that_is_given_what_it_does_not_take_is_named():
    with cached_inspections():
        pipeline = beam.Pipeline(FnApiRunner())
        numbers = pipeline | beam.Create([1, 2])
        with pytest.raises(TypeCheckError, match=r"Shorten.*requires.*str.*was.*int"):
            _ = numbers | "Shorten" >> beam.Map(lambda one: one[:2]).with_input_types(str)


def test_options_are_viewed_once_and_all_views_share_their_values():
    options = PipelineOptions(["--job_name=first", "--direct_num_workers=3"])
    other = PipelineOptions(["--direct_num_workers=5"])
    with cached_inspections():
        views = [options.view_as(GoogleCloudOptions) for _ in range(2)]
        assert views[0] is views[1]
        views[0].job_name = "second"
        assert options.get_all_options()["job_name"] == "second"
        assert [one.view_as(DirectOptions).direct_num_workers for one in (options, other, views[0])] == [3, 5, 3]
        copied = copy.deepcopy(options)  # as each pipeline does
        copied.view_as(GoogleCloudOptions).job_name = "third"
    assert options.view_as(GoogleCloudOptions).job_name == "second"
    assert copied.view_as(GoogleCloudOptions).job_name == "third"


def test_pickling_finds_the_same_submodules_and_those_that_are_imported_later(monkeypatch):
    def code_of_two_packages():
        return os.path.join("a", xml.dom.minidom.__name__), concurrent.futures.ThreadPoolExecutor

    asked = code_of_two_packages.__code__, [os, xml, concurrent, "no module"]
    find = cloudpickle._find_imported_submodules
    alone = find(*asked)
    assert {one.__name__ for one in alone} >= {"concurrent.futures", "xml.dom", "xml.dom.minidom"}
    with cached_inspections():
        assert cloudpickle._find_imported_submodules is not find
        for _ in range(2):
            assert cloudpickle._find_imported_submodules(*asked) == alone
        monkeypatch.setitem(sys.modules, "xml.ThreadPoolExecutor", later := ModuleType("xml.ThreadPoolExecutor"))
        found = cloudpickle._find_imported_submodules(*asked)
    assert [one for one in found if one is not later] == alone
    assert later in found


def test_objects_have_the_same_size():
    something = {"a": [1, 2, 3], "b": b"bytes" * 100}
    size = get_deep_size(something)
    with cached_inspections():
        assert [get_deep_size(something) for _ in range(2)] == [size, size]


def test_beam_is_left_as_it_was_even_after_an_error():
    def replaced():
        return core.get_function_args_defaults, PipelineOptions.view_as, vars(IOTypeHints)["_make_origin"]

    own = replaced()
    try:
        with cached_inspections():
            assert core.get_function_args_defaults is not own[0]
            raise ValueError
    except ValueError:
        pass
    assert replaced() == own
