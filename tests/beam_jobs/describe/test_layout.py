import unicodedata

import pytest

from beam_jobs.describe.layout import find_layouts
from beam_jobs.describe.name_groups import group_names
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
    layout = find_layouts(["README.md", "train.txt", *paths])[0]
    assert (layout.image_path, layout.mask_path) == (image_path, mask_path)
    assert len(layout.pairs) == layout.masks == 11
    for photo, mask in layout.pairs:
        assert PathPattern(check_path_pattern(image_path)).id_of(photo) == PathPattern(mask_path).id_of(mask)


@pytest.mark.parametrize("name", BY_SPLIT)
def test_folders_name_the_split(name):
    photo, mask, image_path, mask_path = BY_SPLIT[name]
    paths = [
        one.format(split, f"{split}{number}")
        for split in ("train", "val")
        for number in range(9)
        for one in (photo, mask)
    ]
    layout = find_layouts(paths)[0]
    assert layout.image_path == image_path
    assert layout.mask_path == mask_path or mask_path is None
    assert len(layout.pairs) == 18
    assert {PathPattern(image_path).split_of(path) for path, _ in layout.pairs} == {"train", "eval"}


IN_THE_WILD = {  # files of a train photo and of one to evaluate, with the patterns
    "DRIVE, whose names repeat the split": (
        ["training/images/{}_training.tif", "training/1st_manual/{}_manual1.gif", "training/mask/{}_training_mask.gif"],
        ["test/images/{}_test.tif", "test/1st_manual/{}_manual1.gif", "test/mask/{}_test_mask.gif"],
        "{split:test|training}/images/{id}_*.tif",
        "{split:test|training}/1st_manual/{id}_manual1.gif",
    ),
    "FloodNet, whose folders repeat it": (
        ["train/train-org-img/{}.jpg", "train/train-label-img/{}_lab.png"],
        ["val/val-org-img/{}.jpg", "val/val-label-img/{}_lab.png"],
        "{split:train|val}/*-org-img/{id}.jpg",
        "{split:train|val}/*-label-img/{id}_lab.png",
    ),
    "MVTec, whose masks are of one split alone": (
        ["tile/test/crack/{}.png", "tile/ground_truth/crack/{}_mask.png"],
        ["tile/test/oil/{}.png", "tile/ground_truth/oil/{}_mask.png"],
        "tile/test/*/{id}.png",
        "tile/ground_truth/*/{id}_mask.png",
    ),
    "masks of all splits in one folder": (
        ["images/train/{}.jpg", "masks/{}.png"],
        ["images/val/{}.jpg", "masks/{}.png"],
        "images/{split:train|val}/{id}.jpg",
        "masks/{id}.png",
    ),
    "photos of all splits in one folder": (
        ["images/{}.jpg", "masks/train/{}.png"],
        ["images/{}.jpg", "masks/val/{}.png"],
        "images/{id}.jpg",
        "masks/*/{id}.png",
    ),
    "BUSI, below a folder that says masks": (
        ["Set_with_GT/benign/benign ({}).png", "Set_with_GT/benign/benign ({})_mask.png"],
        ["Set_with_GT/normal/normal ({}).png", "Set_with_GT/normal/normal ({})_mask.png"],
        "Set_with_GT/*/{id}.png",
        "Set_with_GT/*/{id}_mask.png",
    ),
    "SUIM": (
        ["train_val/images/{}.jpg", "train_val/masks/{}.bmp"],
        ["TEST/images/{}.jpg", "TEST/masks/{}.bmp"],
        "{split:TEST|train_val}/images/{id}.jpg",
        "{split:TEST|train_val}/masks/{id}.bmp",
    ),
    "IDRiD, whose folders are lettered": (
        ["Images/a. Training Set/{}.jpg", "Groundtruths/a. Training Set/{}_EX.tif"],
        ["Images/b. Testing Set/{}.jpg", "Groundtruths/b. Testing Set/{}_EX.tif"],
        "Images/?. {split:Testing|Training} Set/{id}.jpg",
        "Groundtruths/?. {split:Testing|Training} Set/{id}_EX.tif",
    ),
    "CIHP, with masks of persons beside those of classes": (
        ["Training/Images/{}.jpg", "Training/Human_ids/{}.png", "Training/Category_ids/{}.png"],
        ["Validation/Images/{}.jpg", "Validation/Human_ids/{}.png", "Validation/Category_ids/{}.png"],
        "{split:Training|Validation}/Images/{id}.jpg",
        "{split:Training|Validation}/Category_ids/{id}.png",
    ),
}


@pytest.mark.parametrize("name", IN_THE_WILD)
def test_public_data_sets_pair_as_they_are_downloaded_with_all_of_their_splits(name):
    train, evaluated, image_path, mask_path = IN_THE_WILD[name]
    paths = {one.format(number) for number in range(21, 30) for one in train}
    paths |= {one.format(number) for number in range(41, 46) for one in evaluated}
    layout = find_layouts(sorted(paths))[0]
    assert (layout.image_path, layout.mask_path) == (image_path, mask_path)
    assert len(layout.pairs) == layout.masks == 14
    ids = [(PathPattern(check_path_pattern(image_path)).id_of(photo), photo) for photo, _ in layout.pairs]
    assert ids == [(PathPattern(mask_path).id_of(mask), photo) for photo, mask in layout.pairs]


def test_hundreds_of_folders_are_looked_at_together():
    paths = [f"scans/P{n}/P{n}_{one}{end}.tif" for n in range(300) for one in range(3) for end in ("", "_mask")]
    assert len(group_names(paths)) == 1  # all groups are compared with each other
    assert find_layouts(paths)[0].mask_path == "scans/*/{id}_mask.tif"


def test_names_that_nothing_relates_are_no_layout():
    assert find_layouts(["a/one.jpg", "a/two.jpg", "b/three.png", "notes.txt"]) == []


OF_ONE_SPLIT = {
    "Carvana": ("train/{}.jpg", "train_masks/{}_mask.gif"),
    "DeepGlobe": ("train/{}_sat.jpg", "train/{}_mask.png"),
    "DRIVE": ("training/images/{}_training.tif", "training/1st_manual/{}_manual1.gif"),
    "ISIC": ("ISIC2018_Training_Input/ISIC_{}.jpg", "ISIC2018_Training_GroundTruth/ISIC_{}_segmentation.png"),
}


@pytest.mark.parametrize("name", OF_ONE_SPLIT)
def test_folders_of_one_split_alone_name_none(name):
    paths = [one.format(number) for number in range(21, 32) for one in OF_ONE_SPLIT[name]]
    layout = find_layouts([*paths, "valid/90_sat.jpg", "LICENSE.txt"])[0]
    assert "{split" not in layout.image_path
    assert len(layout.pairs) == 11


@pytest.mark.parametrize(
    ("photo", "mask"),
    [
        ("{split}/*/images_png/{id}.png", "{split}/*/masks_png/{id}.png"),
        ("left/{split}/*/{id}_left.png", "gt/{split}/*/{id}_gt_labelIds.png"),
        ("photos/{id}.jpg", "labels/*/{id}.png"),
    ],
)
def test_sibling_folders_become_a_star_rather_than_being_left_out(photo, mask):
    paths = [
        pattern.format(split=split, id=f"{place}_{split}_{number}").replace("*", place)
        for split in ("train", "val")
        for place in ("rural", "urban")
        for number in range(6)
        for pattern in (photo, mask)
    ]
    layout = find_layouts(paths)[0]
    assert layout.image_path == photo.replace("{split}", "{split:train|val}")
    assert layout.mask_path == mask.replace("{split}", "{split:train|val}")
    assert len(layout.pairs) == len(set(paths)) / 2
    assert layout.shared_names == 0


def test_a_video_s_masks_are_those_of_its_own_folder():
    paths = [
        f"{split}/seq{video}/{kind}/{frame:03}.png"
        for split, videos in (("train", range(4)), ("val", range(4, 6)))
        for video in videos
        for kind in ("Images", "Labels")
        for frame in range(3)
    ]
    layout = find_layouts(paths)[0]
    assert all(mask == photo.replace("Images", "Labels") for photo, mask in layout.pairs)
    assert len(layout.pairs) == 18
    assert layout.image_path == "{split:train|val}/{id}/Images/{id}.png"  # names are the same in each video
    assert layout.mask_path == "{split:train|val}/{id}/Labels/{id}.png"
    assert layout.shared_names == 0
    ids = {PathPattern(check_path_pattern(layout.image_path)).id_of(photo) for photo, _ in layout.pairs}
    assert len(ids) == 18


def test_names_pair_however_their_accents_are_composed():
    paths = [
        unicodedata.normalize(form, f"{kind}/{place}/Straße Ü {number}.png")
        for kind, form in (("photos", "NFC"), ("masks", "NFD"))
        for place in ("Köln", "Ulm")
        for number in range(5)
    ]
    layout = find_layouts(paths)[0]
    assert (layout.image_path, layout.mask_path) == ("photos/{id}/{id}.png", "masks/{id}/{id}.png")
    assert len(layout.pairs) == 10


def test_a_split_whose_names_are_those_of_the_other_is_part_of_the_id():
    paths = [
        f"{folder}/{number}.png"
        for split in ("train", "val")
        for number in range(9)
        for folder in (f"images/{split}", f"masks/{split}", f"__MACOSX/images/{split}")
    ]
    layout = find_layouts(paths)[0]
    assert layout.image_path == "images/{id:train|val}/{id}.png"
    assert len({PathPattern(check_path_pattern(layout.image_path)).id_of(photo) for photo, _ in layout.pairs}) == 18


CITYSCAPES = ("color", "instanceIds", "labelIds", "panoptic")
VOC = ("JPEG", "SegObject", "SegClass")


def test_masks_come_before_what_is_drawn_from_them():
    frames = [f"{city}_{number}" for city in ("ulm", "bonn") for number in range(5)]
    paths = [
        f"{folder}/{frame.split('_')[0]}/{frame}_{ending}.png"
        for frame in frames
        for folder, ending in (("left", "left"), *(("gt", f"gt_{kind}") for kind in CITYSCAPES))
    ]
    layouts = find_layouts(paths)
    assert layouts[0].mask_path == "gt/*/{id}_gt_labelIds.png"
    assert {one.mask_path for one in layouts if one.image_path == layouts[0].image_path} == {
        f"gt/*/{{id}}_gt_{ending}.png" for ending in ("labelIds", "color", "instanceIds", "panoptic")
    }
    dated = [f"JPEG/{year}_{n}.jpg" for year in (2007, 2008) for n in range(9)]
    dated += [f"SegClass/2007_{n}.png" for n in range(9)]
    pairs = [(one.image_path, one.mask_path) for one in find_layouts(dated)]
    assert pairs[0] == ("JPEG/{id}.jpg", "SegClass/{id}.png")
    assert ("JPEG/2007_{id}.jpg", "JPEG/2008_{id}.jpg") not in pairs
    voc = [
        f"{folder}/{n}.{e}"
        for n in range(9)
        for folder, e in (("JPEG", "jpg"), ("SegObject", "png"), ("SegClass", "png"))
    ]
    assert [one.mask_path for one in find_layouts(voc)][:2] == ["SegClass/{id}.png", "SegObject/{id}.png"]


def test_a_folder_for_each_class_is_no_folder_of_masks():
    paths = [f"photos/{n}.jpg" for n in range(9)] + [
        f"masks/{name}/{n}.png" for n in range(9) for name in ("sky", "sea")
    ]
    assert all("*" not in one.mask_path for one in find_layouts(paths))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{split:train|holiday}/{id}.jpg", "'holiday' names no split"),
        ("{split:train}/{split:val}/{id}.jpg", "may appear once"),
        ("{split}/{id}.jpg", "may appear once, with names of folders"),
    ],
)
def test_a_split_in_a_pattern_names_folders_that_mean_splits(text, message):
    with pytest.raises(ValueError, match=message):
        check_path_pattern(text)
