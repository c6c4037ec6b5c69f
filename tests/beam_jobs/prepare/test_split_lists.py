"""Lists of splits as people, tools and data sets write them."""

import re

import pytest

from beam_jobs.elements import SourceFile
from beam_jobs.sources.split_lists import photo_listed, read_split_list
from schemas.image_ids import image_id_of
from schemas.manifest import read_manifest
from tests.beam_jobs.jobs import GOOD, prepare


def names_in(folder, text, encoding="utf-8"):
    (folder / "train.txt").write_bytes(text.encode(encoding))
    return [(one.line, one.name, one.split) for one in read_split_list(SourceFile(str(folder / "train.txt"), 0))]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("pug_1\npug_2\n", ["pug_1", "pug_2"]),
        ("pug_1 1 1 1\npug_2 1 1 1\n", ["pug_1", "pug_2"]),
        ("IMG 1 (2)\nIMG 2\nIMG 2 (1)\n", ["IMG 1 (2)", "IMG 2", "IMG 2 (1)"]),
        ("IMG 1 (2).jpg\nIMG 2.JPG\n", ["IMG 1 (2).jpg", "IMG 2.JPG"]),
        ("/a/train/x.png /a/labels/x.png\n", ["/a/train/x.png"]),
        ("my photos/x.jpg my masks/x.png\n", ["my photos/x.jpg"]),
        ("images/x.jpg,masks/x.png\nimages/y.jpg,masks/y.png", ["images/x.jpg", "images/y.jpg"]),
        ("file_name\npug_1.jpg\n", ["pug_1.jpg"]),
        ('size;image\n3;"pug 1"\n', ["pug 1"]),
        ("写真\r\nÜber\r\n", ["写真", "Über"]),
    ],
)
def test_a_list_names_photos_in_any_of_the_usual_forms(tmp_path, text, names):
    assert [name for _, name, _ in names_in(tmp_path, text)] == names


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_may_name_the_split_and_lines_are_counted_as_editors_do(tmp_path, encoding, end):
    text = end.join(("# shot in spring", "", "image,split", "a.jpg,train", "", "b.jpg,val"))
    assert names_in(tmp_path, text, encoding) == [(4, "a.jpg", "train"), (6, "b.jpg", "val")]


@pytest.mark.parametrize(
    ("name", "image_path", "mask_path", "image_id", "form"),
    [
        ("pug_1", "images/{id}.jpg", "masks/{id}.png", "pug_1", "ids"),
        ("a.b", "images/{id}.jpg", "masks/{id}.png", "a.b", "ids"),
        ("pug_1.png", "images/{id}.jpg", "masks/{id}.png", "pug_1", "file_names"),
        ("masks/IMG 1.png", "images/{id}.jpg", "masks/{id}.png", "IMG~201", "paths"),
        ("images\\\\IMG 1.jpg", "images/{id}.jpg", "masks/{id}.png", "IMG~201", "paths"),
        ("IMG~201", "images/{id}.jpg", "masks/{id}.png", "IMG~201", "ids"),
        ("/S/CamVid/train/0001.png", "{split:train|val}/{id}.jpg", "{split:train|val}annot/{id}.png", "0001", "paths"),
        ("x_mask.png", "{id}.jpg", "{id}_mask.png", "x", "file_names"),
        ("ulm_0_leftImg8bit.png", "left/*/{id}_leftImg8bit.png", "gt/*/{id}_gt.png", "ulm_0", "file_names"),
        ("ulm_0", "left/*/{id}_leftImg8bit.png", "gt/*/{id}_gt.png", "ulm_0", "ids"),
        ("a/0001", "photos/{id:path}.jpg", "masks/{id:path}.png", "a~2F0001", "paths"),
        ("photos/a/0001.jpg", "photos/{id:path}.jpg", "masks/{id:path}.png", "a~2F0001", "paths"),
        ("/data/masks/a/0001.png", "photos/{id:path}.jpg", "masks/{id:path}.png", "a~2F0001", "paths"),
        ("../../etc/passwd", "images/{id}.jpg", "masks/{id}.png", "passwd", "paths"),
    ],
)
def test_an_entry_means_the_photo_that_the_patterns_say(name, image_path, mask_path, image_id, form):
    assert photo_listed(name.replace("\\\\", "\\"), image_path, mask_path) == (image_id, form)


def test_entries_that_match_no_photo_are_reported_with_their_lines_and_the_summary_says_the_form(
    photos, tmp_path, capsys
):
    (photos / "images/pug_3.jpg").rename(photos / "images/pug_3 (1).jpg")
    (photos / "annotations/trimaps/pug_3.png").rename(photos / "annotations/trimaps/pug_3 (1).png")
    rows = [f"/old/images/{one}.png,{'train' if number % 4 else 'val'}" for number, one in enumerate(GOOD)]
    table = "\n".join(["image,split", *rows, "/old/images/wolf_1.png,val"])
    for name in ("trainval", "test"):
        (photos / f"annotations/{name}.txt").write_text(table)
    assert prepare(photos, tmp_path / "data", "1.0.0", "--split=official", "--max_rejected_fraction=0.1") == 0
    printed = capsys.readouterr().out
    assert re.search(r"lists +2  of paths 2", printed)
    assert re.search(r"not there +2  ", printed)  # pug_3 has another name now, and there is no wolf
    version = tmp_path / "data/pets/1.0.0"
    assert f"test.txt: line {len(GOOD) + 2}: /old/images/wolf_1.png" in (version / "report.html").read_text()
    assert {name: one.records for name, one in read_manifest(version).splits.items()} == {"train": 29, "eval": 10}
    assert image_id_of("pug_3 (1)") in (version / "quarantine/quarantine-00000-of-00001.jsonl").read_text()
