import numpy as np
import pytest
from PIL import Image

from beam_jobs.describe.class_names import read_classes_csv, read_label_map
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
    assert "data:image/png" in (folder / "dataset.html").read_text()
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
    with pytest.raises(UserError, match="somebody has written or edited it"):
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


def test_roboflow_and_cvat_say_names_each_in_its_way():
    assert read_classes_csv("Pixel Value, Class\n0, background\n1, car\n") == {"0": "background", "1": "car"}
    assert read_label_map("road:128,64,128::\n") == {"#804080": "road"}


@pytest.mark.parametrize("make", [lambda folder: None, lambda folder: folder.mkdir()])
def test_a_folder_without_pairs_is_said_and_left_alone(tmp_path, make):
    make(tmp_path / "none")
    with pytest.raises(UserError, match=r"no such folder|no photos and masks pair"):
        describe(tmp_path / "none")
    assert not (tmp_path / "none" / "dataset.yaml").exists()
