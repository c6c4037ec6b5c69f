import pytest

from schemas.contract import dataset_text, parse_dataset
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.spec import DatasetSpec

PATHS = {"name": "streets", "image_path": "{id}.jpg", "mask_path": "{id}.png"}


def described(classes, **more):
    return parse_model(DatasetSpec, PATHS | {"classes": classes} | more, "dataset.yaml")


def test_a_list_of_names_numbers_the_mask_values():
    assert [(one.name, one.mask_values) for one in described(["sky", "road"]).classes] == [
        ("sky", (0,)),
        ("road", (1,)),
    ]


def test_values_are_named_and_those_of_one_name_are_one_class():
    spec = described({0: "Sky", 7: "Traffic sign", 8: "Sky", 255: "ignore"})
    assert [(one.name, one.mask_values) for one in spec.classes] == [("sky", (0, 8)), ("traffic_sign", (7,))]
    assert spec.ignore_values == (255,)


def test_colours_are_named_and_the_class_is_drawn_in_its_own():
    spec = described({"#804080": "road", "#4682B4": "sky", "#000000": "ignore"})
    assert [(one.name, one.mask_colors, one.color) for one in spec.classes] == [
        ("road", ("#804080",), "#804080"),
        ("sky", ("#4682b4",), "#4682b4"),
    ]
    assert spec.ignore_colors == ("#000000",)


def test_names_are_taken_as_people_write_them():
    spec = described(["Straße", "Öl-Fleck (alt)", "2-wheeler"])
    assert spec.class_names == ("strasse", "ol_fleck_alt", "n2_wheeler")


def test_classes_without_a_colour_get_colours_that_differ():
    assert len({one.color for one in described([f"class {number}" for number in range(150)]).classes}) == 150


def test_the_short_form_and_the_full_one_that_travels_with_a_version_are_the_same():
    spec = described({0: "sky", 100: "road", 200: "ignore"}, masks={"lossy": True})
    assert parse_dataset(dataset_text(spec).encode(), "dataset.yaml") == spec


@pytest.mark.parametrize(
    ("classes", "more", "message"),
    [
        ({0: "sky", 1: "?"}, {}, r"classes.1: still '\?'"),
        ({0: "?", 1: "road"}, {"mask_path": "?"}, r"classes.0, mask_path: still '\?'"),
        ({0: "sky", "#ff0000": "road"}, {}, "give all of them mask_values, or all of them mask_colors"),
        (
            {0: "sky", 7: "road"},
            {"masks": {"threshold": 128}},
            "masks.threshold: such masks only have the values 0 and 255",
        ),
        ({0: "sky", 70000: "road"}, {}, "less than or equal to 65535"),
        ({0: "sky", 1: "road"}, {"split": "official"}, "split: official needs official_splits"),
        ({0: "sky", 1: "road"}, {"thresholds": {"breed": {}}}, "thresholds: no breed"),
        ({0: "天空", 1: "road"}, {}, "classes.0.name"),
    ],
)
def test_what_is_missing_or_contradicts_itself_is_named(classes, more, message):
    with pytest.raises(UserError, match=message):
        described(classes, **more)
