import pytest

from beam_jobs.describe.layout import find_layout
from schemas.path_pattern import PathPattern, check_path_pattern

LAYOUTS = {
    "parallel folders": (["photos/{}.jpg", "masks/{}.png"], "photos/{id}.jpg", "masks/{id}.png"),
    "nested masks": (
        ["images/{}.jpg", "annotations/trimaps/{}.png"],
        "images/{id}.jpg",
        "annotations/trimaps/{id}.png",
    ),
    "one folder, two extensions": (["{}.jpg", "{}.png"], "{id}.jpg", "{id}.png"),
    "one folder, a suffix": (["{}.png", "{}_mask.png"], "{id}.png", "{id}_mask.png"),
    "prefixes": (["a/img_{}.png", "a/mask_{}.png"], "a/img_{id}.png", "a/mask_{id}.png"),
    "two suffixes, as Cityscapes": (
        ["left/{}_leftImg8bit.png", "gt/{}_gtFine_labelIds.png"],
        "left/{id}_leftImg8bit.png",
        "gt/{id}_gtFine_labelIds.png",
    ),
    "VOC": (["JPEGImages/{}.jpg", "SegmentationClass/{}.png"], "JPEGImages/{id}.jpg", "SegmentationClass/{id}.png"),
    "capital extensions": (["photos/{}.JPG", "masks/{}.png"], "photos/{id}.jpg", "masks/{id}.png"),
}
BY_SPLIT = {
    "CamVid": ("{}/{}.jpg", "{}annot/{}.png", "{split:train|val}/{id}.jpg", "{split:train|val}annot/{id}.png"),
    "CamVid, photos in PNG": ("{}/{}.png", "{}annot/{}.png", "{split:train|val}/{id}.png", None),
    "ADE and YOLO": (
        "images/{}/{}.jpg",
        "labels/{}/{}.png",
        "images/{split:train|val}/{id}.jpg",
        "labels/{split:train|val}/{id}.png",
    ),
    "split first": (
        "{}/images/{}.jpg",
        "{}/masks/{}.png",
        "{split:train|val}/images/{id}.jpg",
        "{split:train|val}/masks/{id}.png",
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_photos_and_masks_pair_by_their_names(name):
    files, image_path, mask_path = LAYOUTS[name]
    paths = [pattern.format(f"frame_{number}") for number in range(101, 112) for pattern in files]
    layout = find_layout(["README.md", "train.txt", *paths])
    assert (layout.image_path, layout.mask_path) == (image_path, mask_path)
    assert len(layout.pairs) == layout.masks == 11
    for photo, mask in layout.pairs:
        assert PathPattern(check_path_pattern(image_path)).id_of(photo) == PathPattern(mask_path).id_of(mask)


@pytest.mark.parametrize("name", BY_SPLIT)
def test_folders_name_the_split(name):
    photo, mask, image_path, mask_path = BY_SPLIT[name]
    paths = [
        one.format(split, f"x{number}") for split in ("train", "val") for number in range(9) for one in (photo, mask)
    ]
    layout = find_layout(paths)
    assert layout.image_path == image_path
    assert layout.mask_path == mask_path or mask_path is None
    assert len(layout.pairs) == 18
    assert {PathPattern(image_path).split_of(path) for path, _ in layout.pairs} == {"train", "eval"}


def test_names_that_nothing_relates_are_no_layout():
    assert find_layout(["a/one.jpg", "a/two.jpg", "b/three.png", "notes.txt"]) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{split:train|holiday}/{id}.jpg", "'holiday' names no split"),
        ("{split:train}/{split:val}/{id}.jpg", "stands there once"),
        ("{split}/{id}.jpg", "stands there once, and names folders"),
    ],
)
def test_a_split_in_a_pattern_names_folders_that_mean_splits(text, message):
    with pytest.raises(ValueError, match=message):
        check_path_pattern(text)
