import json

import numpy as np
import pytest

from beam_jobs.describe.command_line import main
from beam_jobs.sources.dataset_file import read_dataset
from schemas.class_ids import ids_of_categories
from schemas.errors import UserError
from tests.beam_jobs.annotated_scenes import WRITERS, Scene, coco_document, polygons, save, write_image, write_text

MASKS = ("index", "palette", "colors")


@pytest.fixture
def scenes():
    mask = np.zeros((20, 30), np.uint8)
    mask[2:12, 3:14], mask[8:18, 16:28] = 1, 2
    photo = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    return [Scene(f"photo_{number}", photo, np.roll(mask, number, axis=1)) for number in range(4)]


def describe(folder):
    (folder / "dataset.yaml").unlink(missing_ok=True)
    assert main([f"--input={folder}", "--runner=FnApiRunner"]) == 0
    return read_dataset(str(folder))


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind not in MASKS])
def test_each_format_of_annotations_is_recognized_with_the_names_of_its_classes(tmp_path, scenes, kind, capsys):
    folder = save(tmp_path / "scenes", kind, scenes)
    written = read_dataset(str(folder))
    found = describe(folder)
    assert (found.masks.format, found.masks.annotations) == (written.masks.format, written.masks.annotations)
    assert (found.image_path, found.mask_path) == (written.image_path, written.mask_path)
    assert set(ids_of_categories(found)) == set(ids_of_categories(written))
    assert found.masks.unlabelled == ("ignore" if kind == "panoptic" else "background")
    assert "4 photos drawn; 2 categories" in capsys.readouterr().out
    assert "data:image/png" in (folder / "dataset.html").read_text()


def test_another_folder_can_take_the_description_and_the_page(tmp_path, scenes):
    folder = save(tmp_path / "fruit", "coco_polygons", scenes)
    before = sorted(folder.rglob("*"))
    assert main([f"--input={folder}", f"--output={tmp_path / 'described'}"]) == 0
    assert sorted(folder.rglob("*")) == before
    assert {path.name for path in (tmp_path / "described").iterdir()} == {"dataset.yaml", "dataset.html"}


def test_masks_are_taken_rather_than_annotations_and_it_says_so(tmp_path, scenes, capsys):
    folder = save(tmp_path / "scenes", "index", scenes)
    write_text(folder / "annotations/instances.json", json.dumps(coco_document(scenes, polygons)))
    (folder / "dataset.yaml").unlink()
    assert main([f"--input={folder}", "--runner=FnApiRunner"]) == 0
    assert "masks and annotations (coco); masks are taken, because they are exact" in capsys.readouterr().out
    assert "mask_path" in (folder / "dataset.yaml").read_text()


def test_roboflow_names_splits_by_folders_and_lists_a_category_that_nothing_has(tmp_path, scenes):
    for split, some in (("train", scenes[:2]), ("valid", scenes[2:])):
        for one in some:
            write_image(tmp_path / split / f"{one.image_id}.png", one.photo)
        document = coco_document(some, polygons)
        document["categories"].insert(0, {"id": 0, "name": "vehicles", "supercategory": "none"})
        write_text(tmp_path / split / "_annotations.coco.json", json.dumps(document))
    spec = describe(tmp_path)
    assert spec.image_path == "{split:train|valid}/{id}.png"
    assert spec.masks.annotations == "{split:train|valid}/_annotations.coco.json"
    assert (spec.class_names, spec.split) == (("background", "car", "tree"), "official")


def test_one_mask_for_each_thing_asks_what_they_are(tmp_path, scenes):
    for one in scenes:  # as the Data Science Bowl has them
        write_image(tmp_path / f"stage1/{one.image_id}/images/{one.image_id}.png", one.photo)
        for number, (_, covered) in enumerate(one.things()):
            write_image(tmp_path / f"stage1/{one.image_id}/masks/{number:04}.png", covered * np.uint8(255))
    with pytest.raises(UserError, match=r"classes.object: still '\?'"):
        describe(tmp_path)
    text = (tmp_path / "dataset.yaml").read_text()
    (tmp_path / "dataset.yaml").write_text(text.replace('"?"', "nucleus"))
    spec = read_dataset(str(tmp_path))
    assert (spec.image_path, spec.mask_path) == ("stage1/*/images/{id}.png", "stage1/{id}/masks/*.png")
    assert spec.class_names == ("background", "nucleus")


def test_boxes_alone_are_no_masks_and_nothing_is_written(tmp_path, scenes):
    folder = save(tmp_path / "boxes", "coco_polygons", scenes)
    document = coco_document(scenes, lambda covered: {"segmentation": [], "iscrowd": 0})
    write_text(folder / "annotations/instances.json", json.dumps(document))
    with pytest.raises(UserError, match=r"none of its annotations .* can be read: .*only a box or nothing"):
        describe(folder)
    assert not (folder / "dataset.yaml").exists()


def test_a_file_of_annotations_that_is_cut_short_is_named(tmp_path, scenes):
    folder = save(tmp_path / "short", "coco_polygons", scenes)
    path = folder / "annotations/instances.json"
    path.write_text(path.read_text()[:400])
    with pytest.raises(UserError, match=r"annotations/instances.json: not valid JSON near character \d+"):
        describe(folder)
