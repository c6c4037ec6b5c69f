"""Named tuples travel as their fields do: equal values have equal bytes, and come back as what they were."""

from typing import NamedTuple

import pytest
from apache_beam import coders

from beam_jobs.coders import NamedTupleCoder
from beam_jobs.elements import PhotoSource, PlannedRecord, SourceFile
from beam_jobs.line_files import LineFile
from beam_jobs.records.sharding import ShardKey
from beam_jobs.rejections import Rejection, Repaired

PHOTO, MASK = SourceFile("photos/pug_1.jpg", 5 << 32), SourceFile("a.tar", 3, 512, "pug_1.png")


@pytest.mark.parametrize(
    "value",
    [
        PHOTO,
        MASK,
        PhotoSource(MASK, is_record=True),
        PlannedRecord("pug_1", PHOTO, MASK, "train"),
        PlannedRecord("pug_1", None, None, "eval", MASK),
        ShardKey("train", 0, 8),
        LineFile("quarantine", 1, 2),
        Rejection("größe", None, MASK, "", "pair", "missing_image", "mask without a photo"),
        Repaired("pug_1", "photos/pug_1.jpg", ("png", "alpha")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_named_tuple_comes_back_as_it_was(value):
    coder = coders.registry.get_coder(type(value))
    assert coder.is_deterministic()
    again = coder.decode(coder.encode(value))
    assert again == value
    assert type(again) is type(value)


class Holder(NamedTuple):
    values: dict


def test_a_field_without_a_coder_is_an_error_at_once():
    with pytest.raises(TypeError, match="dict'>: has no coder"):
        NamedTupleCoder(Holder)
