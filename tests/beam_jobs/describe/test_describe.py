import numpy as np
import pytest
from PIL import Image

from beam_jobs.describe.class_names import find_names, read_names
from beam_jobs.describe.command_line import main
from beam_jobs.prepare.command_line import main as prepare_main
from beam_jobs.sources.dataset_file import read_dataset
from schemas.errors import UserError
from schemas.version import verify_version

RUNNER = "--runner=FnApiRunner"
SCENE = np.zeros((48, 64), np.uint8)  # class ids: ground, a leaf, a spot on it
SCENE[8:40, 12:52] = 1
SCENE[16:24, 20:32] = 2


def draw(folder, mask_of, count=12, image_path="images/{}.jpg", mask_path="masks/{}.png"):
    """Photos, and what `mask_of` makes of the scene for each; returns the folder."""
    for number in range(count):
        scene = np.roll(SCENE, number, axis=1)
        photo, mask = folder / image_path.format(number), folder / mask_path.format(number)
        for path in (photo, mask):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.stack([scene * 90, 40 + scene * 20, scene * 0 + number * 5], axis=2)).save(photo)
        mask_of(scene).save(mask)
    return folder


def values(scene):
    return Image.fromarray(np.where(scene == 2, 255, scene * 3).astype(np.uint8))


def soft(scene):
    large = Image.fromarray(np.where(scene, 255, 0).astype(np.uint8)).resize((128, 96), Image.Resampling.BICUBIC)
    return large.resize((64, 48), Image.Resampling.BILINEAR)


def describe(folder, *more):
    return main([f"--input={folder}", RUNNER, *more])


def test_what_only_a_person_knows_is_asked_and_nothing_publishes_before(tmp_path, capsys):
    folder = draw(tmp_path / "My leaves", values)
    assert describe(folder) == 0
    assert "name 2 classes" in capsys.readouterr().out
    text = (folder / "dataset.yaml").read_text()
    assert [line.split("  #")[0].strip() for line in text.splitlines()[6:9]] == ['0: "?"', '3: "?"', "255: ignore"]
    page = (folder / "dataset.html").read_text()
    assert "data:image/png" in page
    assert (
        '<div class="scroll" tabindex="0" role="region" aria-label="dataset.yaml"><pre>' in page
    )  # its lines are long
    with pytest.raises(UserError, match=r"classes.0, classes.3: still '\?'"):
        read_dataset(str(folder))
    (folder / "dataset.yaml").write_text(text.replace('0: "?"', "0: ground").replace('3: "?"', "3: Leaf"))
    spec = read_dataset(str(folder))
    assert (spec.name, spec.class_names, spec.ignore_values) == ("my_leaves", ("ground", "leaf"), (255,))


def test_an_edited_file_is_never_lost_and_an_untouched_one_is_written_again(tmp_path):
    folder = draw(tmp_path / "leaves", values)
    assert describe(folder) == describe(folder) == 0
    edited = (folder / "dataset.yaml").read_text().replace('0: "?"', "0: ground")
    (folder / "dataset.yaml").write_text(edited)
    with pytest.raises(UserError, match="was written or edited by a person"):
        describe(folder)
    assert (folder / "dataset.yaml").read_text() == edited
    assert describe(folder, "--overwrite") == 0


def test_soft_masks_in_folders_of_splits_need_one_name_and_are_published_as_the_folders_say(tmp_path):
    folder = tmp_path / "leaves"
    for split, first in (("train", "a"), ("val", "b")):
        draw(folder, soft, 12, f"{split}/{first}{{}}.png", f"{split}annot/{first}{{}}.png")
    assert describe(folder) == 0
    text = (folder / "dataset.yaml").read_text()
    assert [part for part in ("masks: {threshold: 128}", "split: official", "0: background") if part not in text] == []
    (folder / "dataset.yaml").write_text(text.replace('"?"', "leaf"))
    flags = [f"--input={folder}", f"--output={tmp_path / 'data'}", "--version=1.0.0", "--image_size=32", RUNNER]
    assert prepare_main(flags) == 0
    manifest = verify_version(tmp_path / "data" / "leaves" / "1.0.0").manifest
    assert {split: one.records for split, one in manifest.splits.items()} == {"train": 12, "eval": 12}
    assert manifest.repairs["mask_soft_edges"] == 24


def test_colours_of_a_label_map_name_the_values_of_palette_masks(tmp_path):
    def with_palette(scene):
        image = Image.fromarray(scene).convert("P")
        image.putpalette([0, 0, 0, 0, 128, 0, 200, 30, 60])
        return image

    folder = draw(tmp_path / "leaves", with_palette)
    (folder / "labelmap.txt").write_text("ground:0,0,0::\nleaf:0,128,0::\nspot:200,30,60::")
    assert describe(folder) == 0
    spec = read_dataset(str(folder))
    assert [(one.name, one.mask_values) for one in spec.classes] == [("ground", (0,)), ("leaf", (1,)), ("spot", (2,))]


def test_names_are_taken_from_files_that_state_them(tmp_path):
    colors = np.array([[0, 0, 0], [0, 128, 0], [200, 30, 60]], np.uint8)
    folder = draw(tmp_path / "leaves", lambda scene: Image.fromarray(colors[scene]))
    (folder / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nvoid:0,0,0::\nleaf:0,128,0::\nspot:200,30,60::"
    )
    assert describe(folder) == 0
    spec = read_dataset(str(folder))
    assert [(one.name, one.mask_colors) for one in spec.classes] == [("leaf", ("#008000",)), ("spot", ("#c81e3c",))]
    assert spec.ignore_colors == ("#000000",)


NAMES = {
    "Roboflow": ("_classes.csv", "Pixel Value, Class\n0, background\n1, car\n", {"0": "background", "1": "car"}),
    "CVAT": ("labelmap.txt", "# label:color_rgb:parts:actions\nroad:128,64,128::\n", {"#804080": "road"}),
    "CamVid": ("label_colors.txt", "64 128 64\t\tAnimal\n0 0 0  Void\n", {"#408040": "Animal", "#000000": "ignore"}),
    "DeepGlobe": ("class_dict.csv", "name,r,g,b\nurban_land,0,255,255\n", {"#00ffff": "urban_land"}),
    "ADE": ("objectInfo150.txt", "Idx\tRatio\tName\n2\t0.1\tbuilding, edifice\n", {"2": "building"}),
    "FoodSeg": ("category_id.txt", "0 background\n2 egg tart\n", {"0": "background", "2": "egg tart"}),
    "nnU-Net": ("dataset.json", '{"labels": {"background": 0, "liver": 1}}', {"0": "background", "1": "liver"}),
    "Hugging Face": ("id2label.json", '{"0": "wall", "1": "sky"}', {"0": "wall", "1": "sky"}),
    "Mapillary": (
        "config_v1.2.json",
        '{"labels": [{"readable": "Bird"}, {"readable": "Car"}]}',
        {"0": "Bird", "1": "Car"},
    ),
    "RUGD": (
        "colormap.txt",
        "0 void 0 0 0\n1 dry dirt 108 64 20\n",
        {"0": "ignore", "#000000": "ignore", "1": "dry dirt", "#6c4014": "dry dirt"},
    ),
    "colours by name": (
        "colors.json",
        '{"road": [128, 64, 128], "sky": [1, 2, 3]}',
        {"#804080": "road", "#010203": "sky"},
    ),
    "colours in one column": (
        "class_colors.csv",
        "name,color\nroad,#804080\nsky,(1 2 3)\n",
        {"#804080": "road", "#010203": "sky"},
    ),
    "a list": ("classes.txt", "sky\nroad\n", {"0": "sky", "1": "road"}),
    "prose": ("about_classes.csv", "This data set, with classes, is free.\n", {}),
    "JSON that is none": ("labels.json", "[" * 100_000, {}),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_are_read_as_each_tool_and_data_set_writes_them(kind):
    file_name, text, names = NAMES[kind]
    assert read_names(file_name, text.encode()) == names


def test_of_two_files_the_one_that_names_what_the_masks_hold_is_believed(tmp_path):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "label_colors.txt").write_text("9 9 9 sky\n8 8 8 sea\n")
    assert find_names(str(tmp_path), ["classes.txt", "label_colors.txt"], ["#090909", "#080808"]) == (
        {"#090909": "sky", "#080808": "sea"},
        "label_colors.txt",
    )
    assert find_names(str(tmp_path), ["classes.txt"], ["#090909", "#080808"]) == ({}, "")


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.mkdir()])
def test_a_folder_without_pairs_is_said_and_left_alone(tmp_path, make):
    make(tmp_path / "none")
    with pytest.raises(UserError, match=r"no such folder|no photos and masks pair"):
        describe(tmp_path / "none")
    assert not (tmp_path / "none" / "dataset.yaml").exists()


def test_letterboxing_is_proposed_where_many_photos_have_another_shape(tmp_path):
    proposed = {}
    for tall in (0, 1, 6):
        folder = draw(tmp_path / str(tall), values)
        for kind in ("images", "masks"):
            for path in sorted((folder / kind).iterdir())[:tall]:
                Image.open(path).transpose(Image.Transpose.ROTATE_90).save(path)
        assert describe(folder) == 0
        text = (folder / "dataset.yaml").read_text()
        proposed[tall] = [line for line in text.splitlines() if line.startswith("# fit: letterbox")]
        assert read_dataset_with(folder, "fit: letterbox").fit == "letterbox"
    assert not proposed[0]
    assert not proposed[1]  # one odd photo among twelve is no reason
    assert "6 of 12 photos have another shape" in proposed[6][0]


def read_dataset_with(folder, line):
    path = folder / "dataset.yaml"
    path.write_text(f"{line}\n{path.read_text()}".replace('"?"', "leaf", 1).replace('"?"', "ground", 1))
    return read_dataset(str(folder))
