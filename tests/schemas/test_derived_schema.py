import hashlib
from pathlib import Path

import pytest
from google.protobuf import text_format
from pydantic import ValidationError
from tensorflow_metadata.proto.v0 import schema_pb2

from schemas.derived_schema import derive_schema, is_schema_of, schema_sha256
from schemas.shipped import load_spec
from schemas.spec import DatasetSpec

WRITTEN_BY_HAND = Path(__file__).parent / "shipped"  # as they shipped before they were derived
SHORT = {"name": "leaves", "image_path": "{id}.jpg", "mask_path": "{id}.png", "classes": ["leaf", "ground"]}


def parsed(text):
    schema = text_format.Parse(text, schema_pb2.Schema())
    return list(schema.feature), {domain.name: list(domain.value) for domain in schema.string_domain}


def described(**changes):
    return DatasetSpec.model_validate(SHORT | changes)


def comparators(spec, name):
    feature = next(one for one in parsed(derive_schema(spec))[0] if one.name == name)
    return {one: feature.HasField(f"{one}_comparator") for one in ("skew", "drift")}


@pytest.mark.parametrize("name", ["pets", "streets"])
def test_the_derived_schema_says_what_the_one_written_by_hand_said(name):
    by_hand = (WRITTEN_BY_HAND / f"{name}.pbtxt").read_text()
    assert parsed(derive_schema(load_spec(name))) == parsed(by_hand)
    assert is_schema_of(load_spec(name), hashlib.sha256(by_hand.encode()).hexdigest())
    assert is_schema_of(load_spec(name), schema_sha256(load_spec(name)))
    assert not is_schema_of(load_spec(name), "0" * 64)


def test_source_masks_are_in_some_records_and_the_schema_of_a_version_without_them_keeps_every_byte():
    pets = load_spec("pets")
    features = {one.name: one for one in parsed(derive_schema(pets, source_masks=True))[0]}
    source_mask = features.pop("source_mask")
    assert not source_mask.HasField("presence")
    assert not source_mask.HasField("shape")
    assert [*features.values()] == parsed(derive_schema(pets))[0]
    assert derive_schema(pets) == derive_schema(pets, source_masks=False) != derive_schema(pets, source_masks=True)
    assert is_schema_of(pets, schema_sha256(pets, source_masks=True))


def test_splits_may_differ_unless_the_user_sets_a_threshold():
    assert comparators(described(), "leaf_fraction") == {"skew": False, "drift": True}
    strict = described(thresholds={"leaf_fraction": {"skew": 0.3}})
    assert comparators(strict, "leaf_fraction") == {"skew": True, "drift": True}
    assert comparators(strict, "ground_fraction") == {"skew": False, "drift": True}


def test_a_slice_takes_any_value_unless_its_values_are_listed():
    slices = [{"name": "plot", "id_pattern": "([a-z]+)_.*"}]
    assert parsed(derive_schema(described(slices=slices)))[1] == {}
    slices = [{"name": "plot", "id_pattern": "([a-z]+)_.*", "values": ["south", "north"]}]
    assert parsed(derive_schema(described(slices=slices)))[1] == {"plot": ["north", "south"]}


def test_values_of_a_slice_keep_every_letter_in_the_schema():
    values = ["</script>", "Größe", 'say "\\u00fc"', "אב"]
    spec = described(slices=[{"name": "kind", "id_pattern": "(.+)_[0-9]+", "values": values}])
    assert parsed(derive_schema(spec))[1]["kind"] == sorted(values)


@pytest.mark.parametrize("value", ["two\nlines", "\u202eturned", "", "x" * 301])
def test_a_value_of_a_slice_is_one_line_of_plain_text(value):
    for rule in ({"id_pattern": "(.+)_[0-9]+", "values": [value]}, {"of": "kind", "groups": {value: ["a"]}}):
        with pytest.raises(ValidationError):
            described(slices=[{"name": "kind", "id_pattern": "(.+)_[0-9]+"}, {"name": "more", **rule}])
