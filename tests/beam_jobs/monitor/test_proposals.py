"""The model's masks as annotation tools take them, read back as the preparation reads what such a tool has saved."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.annotations.entries import entry_text
from beam_jobs.codec.annotations.reading import annotated_class_ids
from beam_jobs.monitor.command_line import main
from beam_jobs.monitor.proposals import write_proposals
from beam_jobs.prepare.command_line import main as prepare
from beam_jobs.sources.annotations.coco import Annotation, read_coco
from beam_jobs.sources.annotations.cvat import read_cvat
from schemas.frozen_model import parse_model
from schemas.image_ids import image_id_of
from schemas.manifest import read_manifest
from schemas.spec import DatasetSpec
from tests.beam_jobs import toy_model
from tests.beam_jobs.conftest import write_good_pairs
from tests.published import ids_by_split

CLASSES = ("pet", "background", "border")
SIZE = (33, 21)  # width and height
WHERE = {"coco": {"annotations": "a.json"}, "cvat": {"annotations": "a.xml"}, "labelme": {}}


def spec(kind):
    values = {"name": "a", "image_path": "photos/{id}.jpg", "classes": ["background", "border", "pet"]}
    values["masks"] = {"format": kind, "unlabelled": "background", **WHERE[kind]}
    values |= {"mask_path": "m/{id}.json"} if kind == "labelme" else {}
    return parse_model(DatasetSpec, values, "dataset.yaml")


@pytest.fixture
def folder(tmp_path):
    """Proposals of two masks: one of specks, holes and pixels at every edge, and one of background alone."""
    specks = np.random.default_rng(0).integers(0, 3, SIZE[::-1]).astype(np.uint8)
    specks[0, 0], specks[-1, -1] = 0, 2
    images = []
    (tmp_path / "masks").mkdir()
    for number, mask in enumerate((specks, np.ones(SIZE[::-1], np.uint8)), start=1):
        Image.fromarray(mask).save(tmp_path / f"masks/{image_id_of(f'photo<{number}>')}.png")
        images.append({"id": number, "file_name": f"photo<{number}>.jpg", "width": SIZE[0], "height": SIZE[1]})
    assert write_proposals(str(tmp_path), images, str(tmp_path / "masks"), CLASSES) == 2
    return tmp_path


def read_back(folder, kind, number):
    """Class ids of CLASSES, as the preparation reads them."""
    if kind == "labelme":
        data = (folder / f"labelme/photo<{number}>.json").read_bytes()
    else:
        path = folder / {"coco": "annotations.json", "cvat": "annotations.xml"}[kind]
        chunks = [path.read_bytes()]
        found = list(read_coco(lambda: chunks, "a", panoptic=False) if kind == "coco" else read_cvat(chunks, "a"))
        photos = {one.name: one for one in found if not isinstance(one, Annotation)}
        photo = photos[f"photo<{number}>.jpg"]
        own = [one.text for one in found if isinstance(one, Annotation) and one.number == photo.number]
        data = entry_text(photo.text, own).encode()
    described = spec(kind)
    ids, repairs = annotated_class_ids(data, described, SIZE)
    assert repairs == ()
    return np.array([CLASSES.index(name) for name in described.class_names], np.uint8)[ids]


@pytest.mark.parametrize("kind", ["coco", "cvat", "labelme"])
def test_proposals_are_read_back_to_the_same_mask(folder, kind):
    for number in (1, 2):
        mask = np.asarray(Image.open(folder / f"masks/{image_id_of(f'photo<{number}>')}.png"))
        np.testing.assert_array_equal(read_back(folder, kind, number), mask)


def test_what_is_background_is_no_annotation_and_boxes_are_those_of_the_pixels(folder):
    listed = json.loads((folder / "annotations.json").read_text())
    assert [one["name"] for one in listed["categories"]] == ["background", "border", "pet"]
    found = [(one["image_id"], one["category_id"], one["iscrowd"]) for one in listed["annotations"]]
    assert found == [(1, 3, 0), (1, 2, 0)]
    assert listed["annotations"][0]["bbox"][:2] == [0, 0]


def test_a_photo_without_a_mask_stays_in_the_list_without_annotations(tmp_path):
    image = {"id": 1, "file_name": "gone.jpg", "width": 9, "height": 9}
    assert write_proposals(str(tmp_path), [image], str(tmp_path / "masks"), CLASSES) == 0
    assert json.loads((tmp_path / "annotations.json").read_text())["annotations"] == []


@pytest.mark.proof
def test_selected_photos_get_proposals_and_come_back_through_prepare_with_their_origin(good_data, tmp_path, capfd):
    photos = write_good_pairs(tmp_path / "photos") / "images"
    for number in range(40):  # photos that differ, and enough for both splits
        pixels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
        enlarged = Image.fromarray(pixels).resize((64, 48), Image.Resampling.BICUBIC)
        enlarged.save(photos / f"Neu {number} (ö).jpg", "JPEG")
    model = toy_model.export(tmp_path / "model")
    output, version = tmp_path / "out", good_data / "pets/1.0.0"
    wanted = [f"--model={model}", f"--photos={photos}", f"--reference={version}", f"--output={output}", "--select=40"]
    assert main(wanted) in (0, 1)
    assert "Proposals for 40 of them" in capfd.readouterr().out
    names = {one.name for one in (output / "to_label/photos").iterdir()}
    assert {one for one in names if one.startswith("Neu")} >= {f"Neu {number} (ö).jpg" for number in range(30, 40)}
    rows = list(csv.DictReader((output / "to_label/to_label.csv").read_text().splitlines()))
    assert {f"{one['name']}.jpg" for one in rows} == {one["file"] for one in rows} == names
    images = json.loads((output / "to_label/annotations.json").read_text())["images"]
    assert {one["file_name"] for one in images} == names
    (output / "to_label/dataset.yaml").write_text(
        "name: pets\nimage_path: photos/{id}.jpg\nclasses: [pet, background, border]\n"
        "masks: {format: coco, annotations: annotations.json, unlabelled: background}\n"
    )
    flags = ["--version=1.0.0", "--image_size=0", f"--output={tmp_path / 'data'}", "--near_duplicates=ignore"]
    assert prepare([f"--input={output / 'to_label'}", *flags]) == 0
    assert "chosen to be labelled" in capfd.readouterr().out + (tmp_path / "data/pets/1.0.0/dataset.yaml").read_text()
    assert read_manifest(tmp_path / "data/pets/1.0.0").published == 40
    ids = ids_by_split(tmp_path / "data/pets/1.0.0")
    own = {image_id_of(one.rpartition(".")[0]) for one in names}  # of the photos that were answered
    assert ids["train"] | ids["eval"] == own
