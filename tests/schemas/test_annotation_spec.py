import pytest

from schemas.class_ids import ids_of_categories, unlabelled_id
from schemas.contract import dataset_text, label_changes, parse_dataset
from schemas.errors import UserError
from schemas.features import IGNORE_ID
from schemas.frozen_model import parse_model
from schemas.path_pattern import PathPattern
from schemas.spec import DatasetSpec

COCO = {"format": "coco", "annotations": "annotations/a.json", "unlabelled": "background"}
LABELME = {"format": "labelme", "unlabelled": "background"}


def spec(classes, masks=COCO, **more):
    values = {"name": "dogs", "image_path": "images/{id}.jpg", "masks": masks, "classes": classes, **more}
    return parse_model(DatasetSpec, values, "dataset.yaml")


def test_categories_name_classes_and_what_is_unlabelled_is_the_first_class():
    found = spec({"dog": "pet", "Big Cat": "pet", "cage": "ignore"})
    assert found.class_names == ("background", "pet")
    assert ids_of_categories(found) == {"dog": 1, "Big Cat": 1, "cage": IGNORE_ID}
    assert (unlabelled_id(found), found.ignores_pixels) == (0, True)
    assert ids_of_categories(spec(["Traffic sign", "road"])) == {"Traffic sign": 1, "road": 2}
    assert ids_of_categories(spec([{"name": "dog", "category": "Hund"}, "cat"])) == {"Hund": 1, "cat": 2}


def test_the_numbers_of_yolo_are_positions_in_the_list():
    masks = {"format": "yolo", "unlabelled": "ignore"}
    found = spec(["car", "tree"], masks, mask_path="labels/{id}.txt")
    assert (ids_of_categories(found), unlabelled_id(found)) == ({"0": 0, "1": 1}, IGNORE_ID)
    assert spec({0: "car", 3: "car", 4: "tree"}, masks, mask_path="labels/{id}.txt").classes[0].categories == ("0", "3")


def test_annotations_travel_with_a_version_and_other_categories_are_another_content():
    found = spec(["dog", "cat"], {**COCO, "order": ["cat", "dog"], "crowd": "ignore"})
    assert parse_dataset(dataset_text(found).encode(), "dataset.yaml") == found
    elsewhere = spec(["dog", "cat"], {**COCO, "order": ["cat", "dog"], "crowd": "ignore", "annotations": "b.json"})
    assert label_changes(found, elsewhere) == []
    assert len(label_changes(found, spec([{"name": "dog", "category": "wolf"}, "cat"]))) == 2


def test_annotations_leave_no_trace_in_the_text_of_a_data_set_of_masks():
    masks = parse_model(
        DatasetSpec,
        {"name": "a", "image_path": "{id}.jpg", "mask_path": "{id}.png", "classes": ["sky", "road"]},
        "dataset.yaml",
    )
    assert not any(word in dataset_text(masks) for word in ("categories", "format", "annotations", "unlabelled"))


@pytest.mark.parametrize(
    ("classes", "masks", "more", "message"),
    [
        (["dog"], {"format": "coco", "annotations": "a.json"}, {}, "needs unlabelled"),
        (["dog"], {"format": "coco", "unlabelled": "background"}, {}, "needs annotations, the file's path"),
        (["dog"], {**LABELME, "annotations": "a.json"}, {"mask_path": "{id}.json"}, "has no annotations file"),
        (["dog"], LABELME, {}, "mask_path: needed; it says where files of format: labelme lie"),
        (["dog"], COCO, {"mask_path": "{id}.png"}, "format: coco has no mask files"),
        (["dog"], {**COCO, "lossy": True}, {}, "is exact; leave out lossy and threshold"),
        (["dog"], {**COCO, "annotations": "{id}.json"}, {}, "names files of all photos"),
        (["dog"], {**COCO, "annotations": "../a.json"}, {}, "below the input folder"),
        (["dog"], {**COCO, "order": ["cat"]}, {}, "no class 'cat'; there are: background, dog"),
        ({"dog": "pet", "cat": "pet"}, {"unlabelled": "background"}, {"mask_path": "{id}.png"}, "only with a format"),
        ([{"name": "dog", "mask_values": 1}, "cat"], COCO, {}, "exactly one of"),
        ([{"name": "dog", "category": "x"}, {"name": "cat", "category": "x"}], COCO, {}, "'x' is in two"),
        ([{"name": "dog", "categories": []}, "cat"], COCO, {}, "dog has no categories, and is not what unlabelled"),
        (["dog"], LABELME, {"mask_path": "{class}/{id}.json"}, "{class} only with masks: {format: layers}"),
    ],
)
def test_annotations_that_are_described_wrongly_are_refused_with_the_reason(classes, masks, more, message):
    with pytest.raises(UserError) as caught:
        spec(classes, masks, **more)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "path", "image_id", "name"),
    [
        ("masks/{class}/{id}.png", "masks/car/a.png", "a", "car"),
        ("masks/{id}/{class}_*.png", "masks/a/car_1.png", "a", "car"),
        ("{id}/masks/*.png", "a/masks/1.png", "a", ""),
        ("masks/{id}_{class}.png", "masks/a_1_car.png", "a_1", "car"),
        ("masks/{class}/{id}.png", "masks/.hidden/a.png", None, ""),
    ],
)
def test_a_path_names_the_class_of_a_mask_of_one_class(pattern, path, image_id, name):
    assert PathPattern(pattern).id_of(path) == image_id
    assert image_id is None or PathPattern(pattern).class_of(path) == name
