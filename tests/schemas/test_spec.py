import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schemas import features
from schemas.errors import UserError
from schemas.spec import DatasetSpec, available_datasets, load_spec, parse_model

PETS = load_spec("pets")
VALUES = PETS.model_dump()


@pytest.mark.parametrize("name", available_datasets())
def test_the_schema_has_exactly_the_features_of_the_record(name):
    spec = load_spec(name)
    schema = text_format.Parse(spec.schema_text, schema_pb2.Schema())
    scalars = {features.SOURCE_HEIGHT, features.SOURCE_WIDTH, features.BRIGHTNESS, features.CONTRAST}
    names = {features.IMAGE, features.MASK, features.IMAGE_ID, *spec.slice_names, *scalars, *spec.fraction_features}
    assert {feature.name for feature in schema.feature} == names
    for feature in schema.feature:
        assert feature.presence.min_fraction == 1
        assert [dim.size for dim in feature.shape.dim] == [1]


@pytest.mark.parametrize("name", available_datasets())
def test_the_schema_knows_exactly_the_slices_that_the_spec_can_give(name):
    spec = load_spec(name)
    schema = text_format.Parse(spec.schema_text, schema_pb2.Schema())
    domains = {domain.name: set(domain.value) for domain in schema.string_domain}
    for rule in spec.slices:
        if rule.of:
            assert domains[rule.name] == set(rule.groups)
            assert domains[rule.of] == {member for members in rule.groups.values() for member in members}


def test_pets_have_37_breeds_of_two_species():
    schema = text_format.Parse(PETS.schema_text, schema_pb2.Schema())
    assert {domain.name: len(domain.value) for domain in schema.string_domain} == {"species": 2, "breed": 37}


def test_an_id_gives_its_slices():
    assert PETS.slices_of("american_pit_bull_terrier_12") == {"breed": "american_pit_bull_terrier", "species": "dog"}


@pytest.mark.parametrize("image_id", ["Bengal", "wolf_1", "_1", "Bengal_x"])
def test_an_id_without_slices_is_a_value_error(image_id):
    with pytest.raises(ValueError, match="breed"):
        PETS.slices_of(image_id)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_path": "images/photo.jpg"}, "image_path needs {id}"),
        ({"image_path": "{id}/photo.jpg"}, "image_path needs {id}"),
        ({"colour": "red"}, "colour: Extra inputs"),
        ({"classes": VALUES["classes"][:1]}, "classes: "),
        ({"classes": [VALUES["classes"][0]] * 2}, "belong to one class each"),
        ({"official_splits": {"test": "test.txt"}}, "no such split"),
        ({"slices": [VALUES["slices"][1]]}, "must name an earlier slice"),
    ],
)
def test_a_wrong_spec_is_told_with_its_key(change, message):
    with pytest.raises(UserError, match=message):
        parse_model(DatasetSpec, VALUES | change, "dataset.yaml")
