"""Which of several kinds of file are the photos and the masks, where names alone do not say it."""

import numpy as np
import pytest
from PIL import Image

from beam_jobs.describe.command_line import main
from beam_jobs.describe.dataset_text import dataset_yaml
from beam_jobs.describe.guesses import guess
from beam_jobs.describe.layout import Layout
from beam_jobs.describe.split_files import SplitFacts
from beam_jobs.describe.survey import Survey
from beam_jobs.sources.dataset_file import read_dataset
from schemas.errors import UserError
from tests.beam_jobs.pictures import scene

CLASS_IDS = np.zeros((40, 60), np.uint8)
CLASS_IDS[5:30, 5:25], CLASS_IDS[10:35, 30:55] = 1, 2
COLORS = np.array([[0, 0, 0], [128, 64, 128], [130, 76, 0]], np.uint8)


def draw(folder, count=4, **pictures):
    """Writes each picture, drawn by a function of its number, under a pattern such as `images/{}.png`."""
    for pattern, picture in pictures.items():
        for number in range(count):
            path = folder / pattern.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(picture(number))).save(path)
    return folder


def photo(number):
    return scene(number).resize((60, 40))


def only(class_id):
    return lambda number: np.roll(class_id == CLASS_IDS, number, axis=1).astype(np.uint8) * 255


def describe(folder):
    assert main([f"--input={folder}", "--runner=FnApiRunner", "--overwrite"]) == 0
    return (folder / "dataset.yaml").read_text()


@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_photos_in_folders_of_their_own_kind_are_not_taken_for_masks_of_each_other(tmp_path, extension):
    folder = draw(tmp_path, **{f"cats/{{}}.{extension}": photo, f"dogs/{{}}.{extension}": lambda n: photo(n + 9)})
    with pytest.raises(UserError, match=r"the second are photos, too, not masks"):
        describe(folder)
    assert not (folder / "dataset.yaml").exists()


def test_cut_outs_are_not_taken_for_masks_and_come_with_the_remedy(tmp_path):
    def cut_out(number):
        return np.dstack([np.asarray(photo(number)), only(1)(number)])

    with pytest.raises(UserError, match="save their alpha channel as a grey PNG"):
        describe(draw(tmp_path, **{"photos/{}.jpg": photo, "matting/{}.png": cut_out}))


def test_masks_whose_colours_a_file_names_come_before_values_without_names(tmp_path):
    folder = draw(
        tmp_path,
        **{
            "original_images/{}.jpg": photo,
            "label_images_semantic/{}.png": lambda number: CLASS_IDS,
            "RGB_color_image_masks/{}.png": lambda number: COLORS[CLASS_IDS],
        },
    )
    (folder / "class_dict_seg.csv").write_text("name, r, g, b\nground, 0, 0, 0\nroad, 128, 64, 128\ndirt, 130, 76, 0\n")
    text = describe(folder)
    assert '"?"' not in text
    assert '# mask_path: "label_images_semantic/{id}.png"  # pairs as well' in text


def test_pictures_that_no_pattern_takes_are_named(tmp_path, capsys):
    folder = draw(tmp_path, **{"images/{}.jpg": photo, "masks/{}.png": lambda number: CLASS_IDS})
    draw(folder, 3, **{"new/{}_b.jpg": photo})
    assert "# Note: 3 pictures are not used: 3 .jpg in new\n" in describe(folder)
    assert "Note: 3 pictures are not used: 3 .jpg in new\n" in capsys.readouterr().out


def test_masks_of_one_class_each_say_it_by_the_end_of_their_names(tmp_path):
    folder = draw(
        tmp_path, **{"images/a_{}.jpg": photo, "masks/a_{}_leaf.png": only(1), "masks/a_{}_spot.png": only(2)}
    )
    describe(folder)
    spec = read_dataset(str(folder))
    assert (spec.masks.format, spec.mask_path) == ("layers", "masks/{id}_{class}.png")
    assert spec.class_names == ("background", "leaf", "spot")


def test_class_folders_of_each_split_are_taken_with_their_endings(tmp_path):
    for split, letter in (("Training", "a"), ("Testing", "b")):
        folder = f"{letter}. {split} Set"
        draw(
            tmp_path,
            **{
                f"Images/{folder}/{letter}{{}}.jpg": photo,
                f"Groundtruths/{folder}/1. Leaf/{letter}{{}}_LF.tif": only(1),
                f"Groundtruths/{folder}/2. Spot/{letter}{{}}_SP.tif": only(2),
            },
        )
    describe(tmp_path)
    spec = read_dataset(str(tmp_path))
    assert spec.mask_path == "Groundtruths/?. {split:Testing|Training} Set/{class}/{id}_*.tif"
    assert spec.official_names == {"train", "eval"}


def test_several_drawings_of_one_mask_are_no_layers(tmp_path):
    folder = draw(
        tmp_path,
        **{
            "img_dir/train/{}.jpg": photo,
            "ann_dir/train/{}_labelTrainIds.png": lambda number: CLASS_IDS,
            "ann_dir/train/{}_color.png": lambda number: COLORS[CLASS_IDS],
        },
    )
    assert 'mask_path: "ann_dir/train/{id}_labelTrainIds.png"' in describe(folder)


def test_rare_classes_come_with_what_training_does_about_them():
    pixels = {"0": 9000, "1": 930, "2": 20, "255": 5000}
    survey = Survey({"PNG of values": 4}, pixels, dict.fromkeys(pixels, 4), pixels, {}, 0, {}, {}, {}, {})
    found = guess(survey, {"0": "ground", "1": "leaf", "255": "ignore"}, [])
    assert found.rare == ("2 0.20%",)  # of the pixels with a class
    layout = Layout("images/{id}.jpg", "masks/{id}.png", [("images/1.jpg", "masks/1.png")], 1, 1)
    text = dataset_yaml("leaves", layout, found, 4, SplitFacts(1, 1, None, 0))
    assert "# Rare, below 1% of the pixels: 2 0.20%. make train gives such classes training.class_weights;" in text
    assert guess(survey, {"2": "leaf", "1": "leaf", "0": "ground", "255": "ignore"}, []).rare == ()
