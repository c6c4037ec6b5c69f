"""Data sets that lie side by side in one folder: those that differ are merged, the others are one."""

import json
import re

import numpy as np
import pytest
import yaml
from PIL import Image

from beam_jobs.describe.command_line import main
from beam_jobs.describe.merging import Source, merging_text
from beam_jobs.describe.side_by_side import find_side_by_side
from beam_jobs.prepare.command_line import main as prepare_main
from beam_jobs.sources.dataset_file import read_dataset
from beam_jobs.sources.folders import list_folder
from schemas.errors import UserError
from schemas.path_pattern import PathPattern
from schemas.spec import DatasetSpec
from schemas.version import read_version
from tests.beam_jobs.pictures import scene

COLORS = np.array([[0, 0, 0], [0, 128, 0], [200, 30, 60]], np.uint8)
COUNT = 6


def masks_of(*values):
    return lambda class_ids: Image.fromarray(np.array(values, np.uint8)[class_ids])


def with_palette(*colors):
    def draw_mask(class_ids):
        image = Image.fromarray(class_ids).convert("P")
        image.putpalette([sample for color in colors for sample in color])
        return image

    return draw_mask


def in_colors(class_ids):
    return Image.fromarray(COLORS[class_ids])


def draw(folder, mask_of, photos="images/{}.jpg", masks="masks/{}.png", names=""):
    """Photos, and a mask of three classes for each; `names` are those of the values from 0."""
    for number in range(COUNT):
        class_ids = np.zeros((48, 64), np.uint8)
        class_ids[6:40, number : number + 50], class_ids[12:30, 10 + number : 25 + number] = 1, 2
        photo = scene(number + sum(folder.name.encode())).resize((64, 48))
        files = (photos, photo), (masks, mask_of(class_ids) if mask_of else None)
        for pattern, picture in files:
            path = folder / pattern.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            if picture:
                picture.save(path)
    if names:
        (folder / "classes.txt").write_text("\n".join(names.split()))
    return folder


def draw_coco(folder, categories):
    """Photos with an outline of each category."""
    draw(folder, None, masks="{}.none")
    outline = [[5, 5, 40, 5, 40, 40, 5, 40]]
    (folder / "annotations.json").write_text(
        json.dumps(
            {
                "images": [{"id": one, "file_name": f"{one}.jpg", "width": 64, "height": 48} for one in range(COUNT)],
                "categories": [{"id": one, "name": name} for one, name in enumerate(categories)],
                "annotations": [
                    {"id": len(categories) * photo + one, "image_id": photo, "category_id": one, "iscrowd": 0}
                    | {"segmentation": outline, "bbox": [5, 5, 35, 35], "area": 1000}
                    for photo in range(COUNT)
                    for one in range(len(categories))
                ],
            }
        )
    )


def files_in(folder):
    return {path: size for path, _, size in list_folder(str(folder), PathPattern("{id:path}"))}


def reasons(folder):
    found = find_side_by_side(str(folder), files_in(folder))
    return "; ".join(found.reasons) if found else ""


PAIRS = {
    "other values": (
        [masks_of(0, 1, 2)],
        [masks_of(0, 7, 8)],
        "only animals has 7, 8 in its masks, and only",
    ),
    "values and colours": (
        [masks_of(0, 1, 2)],
        [in_colors],
        "animals has masks of colours, streets has masks of",
    ),
    "other names": (
        [masks_of(0, 1, 2), "images/{}.jpg", "masks/{}.png", "ground road car"],
        [masks_of(0, 1, 2), "images/{}.jpg", "masks/{}.png", "ground cat dog"],
        "1 is cat in animals and road in streets",
    ),
    "other palettes": (
        [with_palette((0, 0, 0), (9, 9, 9), (8, 8, 8))],
        [with_palette((0, 0, 0), (9, 9, 7), (8, 8, 8))],
        "1 is #090907 in the palettes of animals and #090909 in those of streets",
    ),
    "other places": ([masks_of(0, 1, 2)], [masks_of(0, 1, 2), "pics/{}.jpg", "seg/{}_m.png"], "no single image_path"),
    "the same values": ([masks_of(0, 1, 2)], [masks_of(0, 1, 2)], ""),
    "fewer of the same values": ([masks_of(0, 1, 2)], [masks_of(0, 1, 1)], ""),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_data_sets_side_by_side_are_told_apart_by_what_one_description_cannot_say(tmp_path, kind):
    streets, animals, expected = PAIRS[kind]
    draw(tmp_path / "streets", *streets)
    draw(tmp_path / "animals", *animals)
    assert reasons(tmp_path).startswith(expected)
    assert bool(reasons(tmp_path)) == bool(expected)


def test_folders_of_splits_of_scenes_and_of_photos_and_masks_are_no_data_sets(tmp_path):
    for kind, names in (("splits", ("train", "val")), ("scenes", ("scene1", "scene2"))):
        for name, mask_of in zip(names, (masks_of(0, 1, 2), masks_of(0, 7, 8))):
            draw(tmp_path / kind / name, mask_of)
        assert reasons(tmp_path / kind) == ""
    for city, mask_of in (("aachen", masks_of(0, 1, 2)), ("bonn", masks_of(0, 7, 8))):
        draw(tmp_path / "cities", mask_of, f"photos/{city}/{{}}.jpg", f"masks/{city}/{{}}.png")
    assert reasons(tmp_path / "cities") == ""


def test_the_same_photos_with_masks_of_another_kind_are_no_other_data_set(tmp_path):
    draw(tmp_path / "streets", masks_of(0, 1, 2))
    draw(tmp_path / "drawn", in_colors)
    assert reasons(tmp_path)
    for photo in (tmp_path / "streets/images").iterdir():
        (tmp_path / "drawn/images" / photo.name).write_bytes(photo.read_bytes())
    assert reasons(tmp_path) == ""


def test_what_a_person_has_described_stays_a_data_set_of_its_own(tmp_path):
    for name in ("streets", "animals"):
        draw(tmp_path / name, masks_of(0, 1, 2))
    (tmp_path / "streets/dataset.yaml").write_text("image_path: images/{id}.jpg\n")
    assert reasons(tmp_path) == "streets has a dataset.yaml that was written or edited"


def spec(name, *classes):
    values = {"name": name, "image_path": "{id}.jpg", "mask_path": "{id}.png", "classes": list(classes)}
    return DatasetSpec.model_validate(values)


def test_a_draft_maps_every_class_and_marks_those_that_may_be_different_things(tmp_path):
    sources = {
        "streets": Source("streets", spec("streets", "ground", "Traffic light"), ""),
        "animals": Source("my animals", spec("animals", "Ground", "no"), ""),
    }
    text = merging_text("both", sources, ["they differ"])
    values = yaml.safe_load(text)
    assert values["classes"] == ["ground", "Traffic light", "no"]
    assert values["merge"]["animals"] == {"input": "my animals", "classes": {"Ground": "ground", "no": "no"}}
    assert re.findall(r'- "(.+)"  # .*same thing', text) == ["ground"]
    sources["animals"] = Source("my animals", None, "animals/dataset.yaml: classes.1: still '?'")
    text = merging_text("both", sources, ["they differ"])
    assert "# TO DO: animals/dataset.yaml: classes.1: still '?'" in text
    assert "classes" not in yaml.safe_load(text)


def test_without_a_list_the_classes_are_those_of_the_data_sets_and_descriptions_may_lie_elsewhere(tmp_path):
    for name, classes in (("streets", "[ground, Traffic light]"), ("animals", "[Ground, cat]")):
        (tmp_path / "described" / name).mkdir(parents=True)
        text = f"{{image_path: '{{id}}.jpg', mask_path: '{{id}}.png', classes: {classes}}}"
        (tmp_path / "described" / name / "dataset.yaml").write_text(text)
    (tmp_path / "photos/animals").mkdir(parents=True)
    (tmp_path / "photos/animals/origin.yaml").write_text("{title: Cats, license: CC0, source: here}")
    file = tmp_path / "described/dataset.yaml"
    file.write_text("merge: {streets: , animals: }")
    found = read_dataset(str(file), str(tmp_path / "photos"))
    assert found.class_titles == ("ground", "Traffic light", "cat")
    assert found.license == "animals: CC0"


@pytest.mark.proof
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_draft_is_published_as_it_is_and_what_only_a_person_knows_is_written_once(tmp_path, capsys, elsewhere):
    folder, output = tmp_path / "both", tmp_path / "described" if elsewhere else tmp_path / "both"
    draw(folder / "streets", masks_of(0, 1, 2), names="ground road car")
    draw_coco(folder / "animals", ["cat", "dog"])
    draw(folder / "leaves", masks_of(0, 7, 8))
    describe = [f"--input={folder}", f"--output={output}", "--runner=FnApiRunner"]
    options = [f"--input={folder}", f"--dataset={output}", f"--output={tmp_path / 'data'}", "--image_size=32"]
    assert main(describe) == 0
    assert "leaves/dataset.yaml: classes.0, classes.7, classes.8: still '?'" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"leaves/dataset.yaml: .*still '\?'"):
        prepare_main([*options, "--version=1.0.0"])
    leaves = output / "leaves/dataset.yaml"
    text = leaves.read_text().replace('0: "?"', "0: ground").replace('7: "?"', "7: leaf").replace('8: "?"', "8: spot")
    leaves.write_text(text)
    assert prepare_main([*options, "--version=1.0.0", "--eval_fraction=0.4", "--near_duplicates=ignore"]) == 0
    classes = read_version(tmp_path / "data/both/1.0.0")[1].class_names
    assert set(classes) == {"background", "cat", "dog", "ground", "road", "car", "leaf", "spot"}
    assert main(describe) == 0
    assert leaves.read_text() == text
    assert "To do" not in capsys.readouterr().out
    assert read_dataset(str(output), str(folder)).class_names == classes
    assert prepare_main([*options, "--version=1.1.0", "--eval_fraction=0.4", "--near_duplicates=ignore"]) == 0
    assert main([*describe, "--one_data_set"]) == 0
    assert "merge" not in yaml.safe_load((output / "dataset.yaml").read_text())
