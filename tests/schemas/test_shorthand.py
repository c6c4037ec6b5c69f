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


def test_names_of_any_script_keep_their_title_and_get_a_name_for_machines():
    spec = described(["道路", "Fußgänger", "traffic light", "sky", "'quoted' \"sign\"", "дом"])
    assert [(one.name, one.title) for one in spec.classes] == [
        ("u9053_u8def", "道路"),
        ("fussganger", "Fußgänger"),
        ("traffic_light", "traffic light"),
        ("sky", None),
        ("quoted_sign", "'quoted' \"sign\""),
        ("u0434_u043e_u043c", "дом"),
    ]
    assert spec.class_titles[3] == "sky"
    assert parse_dataset(dataset_text(spec).encode(), "dataset.yaml") == spec


def test_a_name_of_another_script_stays_short_enough_for_a_feature_and_tells_its_class_apart():
    names = described(["道" * 100 + "a", "路" * 128, "路" * 127 + "道"]).class_names
    assert names[0] == "a"
    assert [len(name) for name in names[1:]] == [128, 128]
    assert len(set(names)) == 3


def test_unlabelled_pixels_and_orders_are_named_as_classes_are():
    masks = {"format": "labelme", "unlabelled": "背景", "order": ["道路", "車"]}
    spec = described(["車", "道路"], masks=masks, mask_path="{id}.json")
    assert (spec.class_titles, spec.masks.unlabelled) == (("背景", "車", "道路"), "u80cc_u666f")
    assert [one.categories for one in spec.classes] == [(), ("車",), ("道路",)]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["Cat", "cat"], "names must differ, but 'Cat' and 'cat' are both cat; rename one of them"),
        (["sky", "道路 A", "空 A"], "'道路 A' and '空 A' are both a"),
        (["sky", "road\nsign"], "classes.1.title: must be one line of plain text, without U\\+000A"),
        (["sky", "road\u202esign"], "without U\\+202E"),
        (["sky", "路" * 129], "classes.1.title"),
        ([{"name": "a", "title": "b", "mask_values": 0}, "b"], "titles must differ, but 'b' and 'b' are both b"),
    ],
)
def test_names_that_nobody_could_tell_apart_or_read_are_refused(names, message):
    with pytest.raises(UserError, match=message):
        described(names)


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
        ({0: "", 1: "road"}, {}, "classes.0.name"),
    ],
)
def test_what_is_missing_or_contradicts_itself_is_named(classes, more, message):
    with pytest.raises(UserError, match=message):
        described(classes, **more)
