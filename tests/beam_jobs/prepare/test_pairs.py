"""`pairs: TABLE`: a table says which mask each photo has, where their names do not."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from beam_jobs.describe.command_line import main as describe
from beam_jobs.elements import SourceFile
from beam_jobs.prepare.command_line import main as prepare
from beam_jobs.records.published_records import bytes_of, parse_record
from beam_jobs.records.tfrecord import TFRecordReader
from beam_jobs.sources.dataset_file import parse_description, read_dataset
from beam_jobs.sources.pair_tables import read_pair_table
from schemas.errors import UserError
from schemas.features import IMAGE_ID, MASK
from schemas.table_spec import PairSpec
from tests.beam_jobs.pictures import scene

COUNT = 12


def mask_of(number: int) -> np.ndarray:
    mask = np.zeros((40, 60), np.uint8)
    mask[:, : 10 + number] = 1
    return mask


def draw(folder, photo="photos/{}.png", mask="masks/x{}.png", names=lambda number: (number * 5) % COUNT):
    """Photos, and masks whose names have another order; returns the rows that say which belongs to which."""
    rows = []
    for number in range(COUNT):
        own = photo.format(number), mask.format(names(number))
        for path, picture in zip(own, (scene(number).resize((60, 40)), Image.fromarray(mask_of(number)))):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            picture.save(folder / path)
        rows.append(own)
    return rows


def read_masks(version):
    """Id to mask and split of each record."""
    for shard in version.glob("examples/*/*"):
        with shard.open("rb") as file:
            for values in map(parse_record, TFRecordReader(file)):
                mask = np.asarray(Image.open(io.BytesIO(bytes_of(values, MASK))))
                yield bytes_of(values, IMAGE_ID).decode(), (mask, shard.parent.name.removeprefix("Split-"))


def with_names(folder):
    path = folder / "dataset.yaml"
    text = path.read_text().replace('1: "?"', "1: leaf").replace('0: "?"', "0: ground")
    path.write_text(text)


def test_each_photo_gets_the_mask_that_a_table_says(tmp_path, capsys):
    folder = tmp_path / "leaves"
    rows = draw(folder)
    Image.fromarray(mask_of(3)).save(folder / "masks/spare.png")
    lines = [f"{photo},{mask},{'train' if one % 3 else 'val'}" for one, (photo, mask) in enumerate(rows)]
    (folder / "pairs.csv").write_text("\n".join(["image,mask,split", *lines]))
    assert describe([f"--input={folder}"]) == 0
    with_names(folder)
    flags = [f"--output={tmp_path / 'data'}", "--version=1.0.0", "--image_size=0", "--near_duplicates=ignore"]
    assert prepare([f"--input={folder}", *flags]) == 0
    found = dict(read_masks(tmp_path / "data/leaves/1.0.0"))
    assert found.keys() == {str(number) for number in range(COUNT)}
    for number in range(COUNT):
        mask, split = found[str(number)]
        np.testing.assert_array_equal(mask, mask_of(number))
        assert split == ("train" if number % 3 else "eval")
    report = (tmp_path / "data/leaves/1.0.0/report.html").read_text()
    assert "masks that the table of pairs does not name" in report


def test_hugging_face_s_metadata_pairs_photos_and_masks_of_each_split(tmp_path):
    for split in ("train", "test"):
        rows = draw(tmp_path / split)
        lines = [json.dumps({"file_name": photo, "mask_file_name": mask, "text": "x"}) for photo, mask in rows]
        (tmp_path / split / "metadata.jsonl").write_text("\n".join(lines))
    assert describe([f"--input={tmp_path}"]) == 0
    with_names(tmp_path)
    spec = read_dataset(str(tmp_path))
    assert spec.pairs == PairSpec(table="{split:test|train}/metadata.jsonl")
    assert spec.image_path == "{id:test|train}/photos/{id}.png"


def test_a_table_comes_before_names_that_say_something_else(tmp_path):
    rows = draw(tmp_path, mask="masks/{}.png")  # 5.png is not the mask of 5.png
    (tmp_path / "list.txt").write_text("\n".join(" ".join(row) for row in rows))
    assert describe([f"--input={tmp_path}"]) == 0
    assert 'pairs: "list.txt"  # says which mask each photo has' in (tmp_path / "dataset.yaml").read_text()
    rows = draw(tmp_path, mask="masks/{}.png", names=lambda number: number)
    (tmp_path / "list.txt").write_text("\n".join(" ".join(row) for row in rows))
    assert describe([f"--input={tmp_path}"]) == 0
    assert "pairs:" not in (tmp_path / "dataset.yaml").read_text()


TABLES = {
    "a heading, with semicolons": ("a.csv", "id;file_name;label_path\n1;a.jpg;b.png\n", ("a.jpg", "b.png")),
    "two names a line": ("a.txt", "a.jpg b.png\n", ("a.jpg", "b.png")),
    "objects": ("a.jsonl", '{"image": "a.jpg", "mask": "b.png"}\n{"image": "c.jpg", "mask": null}', ("a.jpg", "b.png")),
}
BAD_TABLES = {
    "which column": ("a.csv", "image,mask,label\na.jpg,b.png,c.png\n", "which column names the mask"),
    "no table": ("a.txt", "a.jpg b.png c.png\n", "needs a heading such as image,mask, or two names"),
    "no JSON": ("a.jsonl", "{'image'}\n", "line 1"),
    "no photo": ("a.csv", "image,mask\n,b.png\n", "line 2: names no photo for b.png"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_read_as_tools_write_them(tmp_path, name):
    file_name, text, pair = TABLES[name]
    (tmp_path / file_name).write_text(text)
    spec = PairSpec(table=file_name, image="file_name" if ";" in text else None)
    assert [row[1:] for row in read_pair_table(SourceFile(str(tmp_path / file_name), 0), spec)] == [pair]


@pytest.mark.parametrize("name", BAD_TABLES)
def test_tables_that_cannot_be_read_name_the_line(tmp_path, name):
    file_name, text, message = BAD_TABLES[name]
    (tmp_path / file_name).write_text(text)
    with pytest.raises(UserError, match=message):
        list(read_pair_table(SourceFile(str(tmp_path / file_name), 0), PairSpec(table=file_name)))


def test_a_name_that_matches_no_pattern_is_refused_and_leads_nowhere(tmp_path):
    folder = tmp_path / "leaves"
    rows = [*draw(folder)[:-1], ("photos/11.png", "../secret/x1.png")]
    (folder / "pairs.csv").write_text("\n".join(["image,mask", *(",".join(row) for row in rows)]))
    (folder / "dataset.yaml").write_text(
        "name: leaves\nimage_path: photos/{id}.png\nmask_path: masks/{id}.png\npairs: pairs.csv\n"
        "classes: {0: ground, 1: leaf}\n"
    )
    with pytest.raises(UserError, match=r"line 13: ../secret/x1.png does not match mask_path, masks/\{id\}.png"):
        prepare([f"--input={folder}", f"--output={tmp_path / 'data'}", "--version=1.0.0"])
    assert not (tmp_path / "data/leaves/1.0.0").exists()


def test_annotations_need_no_table_of_pairs():
    text = "name: a\nimage_path: a/{id}.jpg\npairs: a.csv\nclasses: [cat]\nmasks: {format: coco, annotations: a.json,"
    with pytest.raises(UserError, match=r"pairs: masks: \{format: coco\} says itself what belongs to a photo"):
        parse_description(f"{text} unlabelled: background}}".encode(), "dataset.yaml")
