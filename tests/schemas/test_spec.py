import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schemas import features
from schemas.class_ids import ids_of_mask_values
from schemas.derived_schema import derive_schema
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.shipped import available_datasets, load_spec
from schemas.spec import DatasetSpec

PETS = load_spec("pets")
VALUES = PETS.model_dump()
IGNORED = {"name": "ignored", "mask_values": [9], "color": "#000000"}


def many_classes(count: int) -> list[dict]:
    return [
        {"name": f"class_{number}", "mask_values": [number], "color": f"#{number % 16:x}0{number // 16:x}000"}
        for number in range(count)
    ]


@pytest.mark.parametrize("name", available_datasets())
def test_the_schema_has_exactly_the_features_of_the_record(name):
    spec = load_spec(name)
    schema = text_format.Parse(derive_schema(spec), schema_pb2.Schema())
    scalars = {features.SOURCE_HEIGHT, features.SOURCE_WIDTH, features.BRIGHTNESS, features.CONTRAST}
    scalars |= {features.IGNORED_FRACTION} if spec.ignore_values else set()
    names = {features.IMAGE, features.MASK, features.IMAGE_ID, *spec.slice_names, *scalars, *spec.fraction_features}
    assert {feature.name for feature in schema.feature} == names
    for feature in schema.feature:
        assert feature.presence.min_fraction == 1
        assert [dim.size for dim in feature.shape.dim] == [1]


@pytest.mark.parametrize("name", available_datasets())
def test_the_schema_knows_exactly_the_slices_that_the_spec_can_give(name):
    spec = load_spec(name)
    schema = text_format.Parse(derive_schema(spec), schema_pb2.Schema())
    domains = {domain.name: set(domain.value) for domain in schema.string_domain}
    for rule in spec.slices:
        if rule.of:
            assert domains[rule.name] == set(rule.groups)
            assert domains[rule.of] == {member for members in rule.groups.values() for member in members}


@pytest.mark.parametrize("name", available_datasets())
def test_strings_and_numbers_are_compared_as_tfdv_can(name):
    schema = text_format.Parse(derive_schema(load_spec(name)), schema_pb2.Schema())
    compared = 0
    for feature in schema.feature:
        for comparator in ("skew_comparator", "drift_comparator"):
            if feature.HasField(comparator):
                compared += 1
                # with the other kind TFDV warns and compares nothing
                kind = "infinity_norm" if feature.type == schema_pb2.BYTES else "jensen_shannon_divergence"
                assert [field.name for field, _ in getattr(feature, comparator).ListFields()] == [kind]
    assert compared


def test_pets_have_37_breeds_of_two_species():
    schema = text_format.Parse(derive_schema(PETS), schema_pb2.Schema())
    assert {domain.name: len(domain.value) for domain in schema.string_domain} == {"species": 2, "breed": 37}


def test_an_id_gives_its_slices():
    assert PETS.slices_of("american_pit_bull_terrier_12") == {"breed": "american_pit_bull_terrier", "species": "dog"}


@pytest.mark.parametrize("image_id", ["Bengal", "wolf_1", "_1", "Bengal_x"])
def test_an_id_without_slices_is_a_value_error(image_id):
    with pytest.raises(ValueError, match="breed"):
        PETS.slices_of(image_id)


def test_ignored_values_are_known_values_without_a_class():
    spec = parse_model(DatasetSpec, VALUES | {"ignore_values": [0, 255]}, "dataset.yaml")
    assert ids_of_mask_values(spec) == {1: 0, 2: 1, 3: 2, 0: features.IGNORE_ID, 255: features.IGNORE_ID}


def test_without_ignored_values_there_can_be_255_classes():
    spec = parse_model(DatasetSpec, VALUES | {"classes": many_classes(255), "rules": []}, "dataset.yaml")
    assert max(ids_of_mask_values(spec).values()) < features.IGNORE_ID


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_path": "images/photo.jpg"}, "image_path: needs {id}"),
        ({"image_path": "{id}/photo.jpg"}, "image_path: needs {id}"),
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"classes": VALUES["classes"][:1]}, "classes: "),
        ({"classes": [VALUES["classes"][0]] * 2}, "belong to one class each"),
        ({"official_splits": {"holdout": "test.txt"}}, "no such split"),
        ({"slices": [VALUES["slices"][1]]}, "must name an earlier slice"),
        ({"rules": [{"feature": "cat_fraction", "mean": [0, 1]}]}, "rules: no number 'cat_fraction'; there are: pet_"),
        ({"rules": [{"feature": "brightness"}]}, "rules.0: needs a range: mean, zeros or both"),
        ({"rules": [{"feature": "brightness", "mean": [0.9, 0.1]}]}, "rules.0: mean: .* smaller end"),
        ({"rules": [{"feature": "brightness", "maen": [0, 1]}]}, "rules.0.maen: Extra inputs"),
        ({"ignore_values": [255, 3]}, r"ignore_values: \[3\] are also values of classes"),
        ({"ignore_values": [65536]}, "ignore_values.0: .*less than or equal to 65535, got 65536"),
        ({"ignore_values": [255], "classes": many_classes(255)}, "at most 254 with ignored pixels, got 255"),
        ({"ignore_values": [255], "classes": [*VALUES["classes"], IGNORED]}, "ignored_fraction is reserved"),
    ],
)
def test_a_wrong_spec_is_reported_with_its_key(change, message):
    with pytest.raises(UserError, match=message):
        parse_model(DatasetSpec, VALUES | change, "dataset.yaml")
