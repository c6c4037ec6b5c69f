import numpy as np
import pytest
from PIL import Image

from beam_jobs.describe.command_line import main
from beam_jobs.describe.layout import find_layouts
from beam_jobs.describe.published_names import published_names, voc_color
from beam_jobs.sources.dataset_file import read_dataset
from schemas.errors import UserError


def layout_of(photo, mask):
    names = [f"{number:06}" for number in range(10)]
    return find_layouts(path for one in names for path in (photo.format(one), mask.format(one)))[0]


VOC = layout_of("JPEGImages/2007_{}.jpg", "SegmentationClass/2007_{}.png")
CITYSCAPES = layout_of(
    "leftImg8bit/train/ulm/ulm_{}_000019_leftImg8bit.png", "gtFine/train/ulm/ulm_{}_000019_gtFine_labelIds.png"
)
CAMVID = layout_of("train/0001TP_{}.png", "trainannot/0001TP_{}.png")
ADE = layout_of("images/training/ADE_train_00{}.jpg", "annotations/training/ADE_train_00{}.png")
LOVEDA = layout_of("Train/Urban/images_png/{}.png", "Train/Urban/masks_png/{}.png")


def title_of(layout, values, palette=()):
    known = published_names(layout, map(str, values), palette)
    return known and known.title


def voc_palette(values):
    return [f"{value} {voc_color(value)}" for value in values]


def test_masks_whose_paths_and_values_are_those_of_a_published_data_set_have_its_names():
    assert title_of(VOC, [0, 7, 15, 255], voc_palette([0, 7, 15, 255])) == "Pascal VOC"
    assert title_of(CITYSCAPES, range(3, 30)) == "Cityscapes"
    assert title_of(CAMVID, range(12)) == "CamVid"
    assert title_of(ADE, range(0, 150, 5)) == "ADE20K"
    assert title_of(LOVEDA, range(8)) == "LoveDA"


def test_another_value_palette_or_file_name_is_no_evidence():
    values = [0, 7, 15, 255]
    assert title_of(VOC, values) is None  # no palette
    assert title_of(VOC, values, ["0 #000000", "7 #808080", "15 #000001", "255 #ffffff"]) is None
    assert title_of(VOC, [0, 7, 21], voc_palette([0, 7, 21])) is None
    own = layout_of("JPEGImages/{}.jpg", "SegmentationClass/{}.png")  # as LabelMe's converter writes own classes
    assert title_of(own, values, voc_palette(values)) is None
    assert title_of(CITYSCAPES, range(3, 40)) is None
    assert title_of(CAMVID, range(13)) is None
    assert title_of(CAMVID, range(4)) is None
    assert title_of(layout_of("train/{}.png", "trainannot/{}.png"), range(12)) is None
    assert title_of(layout_of("images/{}.png", "masks_png/{}.png"), range(8)) is None


def test_the_tables_are_as_long_as_the_published_ones_and_know_their_voids():
    voc = published_names(VOC, ["0", "1", "255"], voc_palette([0, 1, 255]))
    colors = published_names(VOC, [voc_color(one) for one in (0, 1, 255)], ())
    cityscapes = published_names(CITYSCAPES, map(str, range(8, 20)), ())
    ade = published_names(ADE, map(str, range(150)), ())
    assert voc is not None
    assert colors is not None
    assert cityscapes is not None
    assert ade is not None
    assert len(ade.names) == 151
    assert len(set(ade.names.values())) == 151
    assert [ade.names[one] for one in ("0", "1", "13", "150")] == ["ignore", "wall", "person", "flag"]
    assert sorted(voc.names.values()) == sorted(colors.names.values())
    assert (colors.names["#c08080"], colors.names["#e0e0c0"]) == ("person", "ignore")  # as its development kit says
    kept = [name for name in cityscapes.names.values() if name != "ignore"]
    assert (len(cityscapes.names), len(kept), kept[0], kept[-1]) == (34, 19, "road", "bicycle")
    assert "; its classes that are usually not scored become ignore: check them" in cityscapes.source
    assert "become ignore" not in voc.source + ade.source


@pytest.mark.parametrize("number", [11, 13])
def test_names_of_a_published_data_set_are_written_as_a_guess_to_check(tmp_path, capsys, number):
    mask = np.arange(24 * 32).reshape(24, 32) * number // (24 * 32)
    mask[-1] = number
    photo = np.random.default_rng(0).integers(40, 200, (*mask.shape, 3), np.uint8)
    for split in ("train", "val"):
        for folder, pixels in ((split, photo), (f"{split}annot", mask.astype(np.uint8))):
            (tmp_path / folder).mkdir()
            for name in range(4):
                Image.fromarray(pixels).save(tmp_path / folder / f"0001TP_{name:06}{split}.png")
    assert main([f"--input={tmp_path}", "--runner=FnApiRunner"]) == 0
    said = capsys.readouterr().out
    if number == 11:  # the values of CamVid
        assert "a guess, those of CamVid" in said
        assert "names from CamVid, a guess by file names" in (tmp_path / "dataset.yaml").read_text()
        assert read_dataset(str(tmp_path), str(tmp_path)).class_titles[5] == "tree"
    else:
        assert "CamVid" not in said
        with pytest.raises(UserError, match="still '\\?'"):
            read_dataset(str(tmp_path), str(tmp_path))
