"""Beam inspects each function once, and learns the same as without."""

import apache_beam as beam
from apache_beam.transforms import core
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, get_dofn_specs

from beam_jobs.runners.remembered_signatures import remembered_signatures


class _Counts(beam.DoFn):
    STATE = ReadModifyWriteStateSpec("count", beam.coders.VarIntCoder())
    COUNT = beam.DoFn.StateParam(STATE)

    def process(self, element, factor=2, count=COUNT):
        yield element * factor


class _Plain(beam.DoFn):
    def process(self, element):
        yield element


def plain(element, factor=3):
    return element * factor


def test_beam_learns_the_same_of_methods_functions_and_other_callables():
    asked = (_Counts().process, _Counts.process, _Plain().process, plain, lambda one, *rest, two=1: one, dict, len)
    alone = [core.get_function_args_defaults(one) for one in asked]
    with remembered_signatures():
        assert [core.get_function_args_defaults(one) for one in asked + asked] == alone + alone
        assert get_dofn_specs(_Counts())[0] == {_Counts.STATE}
        assert get_dofn_specs(_Plain()) == (set(), set())


def test_a_function_is_inspected_once_and_what_is_learnt_cannot_be_changed(monkeypatch):
    inspected = []
    own = core.get_function_args_defaults
    monkeypatch.setattr(core, "get_function_args_defaults", lambda one: inspected.append(one) or own(one))
    with remembered_signatures():
        for _ in range(3):
            names, defaults = core.get_function_args_defaults(plain)
            assert (names, defaults) == (["element", "factor"], [3])
            names.clear()
            defaults.clear()
        for _ in range(2):
            core.get_function_args_defaults(_Plain().process)
    assert len(inspected) == 2


def test_beam_is_left_as_it_was_even_after_an_error():
    own = core.get_function_args_defaults
    try:
        with remembered_signatures():
            assert core.get_function_args_defaults is not own
            raise ValueError
    except ValueError:
        pass
    assert core.get_function_args_defaults is own
