"""`group: {table: groups.csv}`: a table beside the photos says which of them belong together."""

import json
from pathlib import Path

import pytest

from beam_jobs.elements import SourceFile
from beam_jobs.records.published_records import parse_record
from beam_jobs.records.tfrecord import TFRecordReader
from beam_jobs.sources.photo_tables import ValueColumn, read_photo_table
from schemas.errors import UserError
from schemas.features import GROUP
from schemas.frozen_model import parse_model
from schemas.spec import DatasetSpec
from schemas.version import read_version
from tests.beam_jobs.prepare.test_groups import FRAMES, VIDEOS, draw, splits_of_videos
from tests.beam_jobs.prepare.test_three_splits import TRIMAPS, publish
from tests.published import ids_by_split

DESCRIBED = TRIMAPS | {"image_path": "photos/{id}.jpg", "group": {"table": "groups.csv"}}
GROUPS = ValueColumn("group", "group", frozenset({"group", "patient"}))


def rows(drawn: list[str]) -> list[str]:
    return [f"{name}.jpg,patient {name.split('_')[0][1:]}" for name in drawn]


def groups_of(version: Path) -> set[bytes]:
    found = set()
    for shard in version.glob("examples/*/*"):
        with shard.open("rb") as file:
            found.update(parse_record(data)[GROUP] for data in TFRecordReader(file))
    return found


def write_table(folder: Path, lines: list[str], end: str = "\n", encoding: str = "utf-8") -> None:
    (folder / "photos").mkdir(exist_ok=True)
    (folder / "photos" / "groups.csv").write_bytes(end.join([*lines, ""]).encode(encoding))


def read(folder: Path, text: str, column: ValueColumn = GROUPS) -> list[tuple[str, str]]:
    write_table(folder, text.split("\n"))
    source = SourceFile(str(folder / "photos" / "groups.csv"), 0)
    return [(row.name, row.value) for row in read_photo_table(source, column)]


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as error:
        publish(folder, DESCRIBED)
    assert not (folder / "data" / "frames" / "1.0.0").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_table_keeps_each_group_in_one_split_and_in_the_records(tmp_path, capsys):
    drawn = draw(tmp_path)
    write_table(tmp_path, rows(drawn), "\r\n", "utf-8-sig")
    assert publish(tmp_path, DESCRIBED) == 0
    version = tmp_path / "data" / "frames" / "1.0.0"
    assert [len(splits) for splits in splits_of_videos(version).values()] == [1] * VIDEOS
    assert {len(members) % FRAMES for members in ids_by_split(version).values()} == {0}
    assert f"  {'groups':<12}{VIDEOS:>8}  each in one split" in capsys.readouterr().out
    assert groups_of(version) == {f"patient {video}".encode() for video in range(VIDEOS)}
    assert read_version(version).spec.group.table == "groups.csv"


def test_another_table_is_another_content_and_the_same_rows_in_another_form_are_not(tmp_path, capsys):
    drawn = draw(tmp_path)
    write_table(tmp_path, rows(drawn))
    assert publish(tmp_path, DESCRIBED) == 0
    shuffled = ["image;camera;patient", *(f"{one.replace(',', ';x;')}" for one in reversed(rows(drawn)))]
    write_table(tmp_path, [*shuffled, "somewhere/else.jpg;x;nobody"])
    assert publish(tmp_path, DESCRIBED) == 0
    assert "Already published" in capsys.readouterr().out
    write_table(tmp_path, [one.replace("patient 0", "patient 1") for one in rows(drawn)])
    with pytest.raises(UserError, match="already published from other inputs"):
        publish(tmp_path, DESCRIBED)


def test_photos_that_the_table_lacks_end_the_job_before_anything_is_written(tmp_path):
    drawn = draw(tmp_path)
    write_table(tmp_path, [*rows(drawn)[4:], "v9_0.jpg,patient 9"])
    line = refused(tmp_path)
    assert "groups.csv: no row for 4 photos, such as v0_0 (" in line
    assert "add a row for each of them" in line
    assert "lines that name no photo: " in line
    assert "groups.csv: line 15: v9_0.jpg" in line


def test_rows_that_contradict_each_other_are_both_named(tmp_path):
    drawn = draw(tmp_path)
    write_table(tmp_path, [*rows(drawn), "photos/v0_0.jpg,patient 5", "v0_1,patient 0"])
    line = refused(tmp_path)
    assert "rows that differ for 1 photo, such as v0_0 (" in line
    assert "line 1: v0_0.jpg, patient 0" in line
    assert "line 19: photos/v0_0.jpg, patient 5" in line


@pytest.mark.proof
def test_a_photo_that_is_retried_gets_its_group_from_the_table(tmp_path):
    drawn = draw(tmp_path)
    write_table(tmp_path, rows(drawn))
    photo = tmp_path / "photos" / "photos" / "v2_1.jpg"
    whole = photo.read_bytes()
    photo.write_bytes(b"")
    assert publish(tmp_path, DESCRIBED, "--max_rejected_fraction=0.1") == 0
    photo.write_bytes(whole)
    assert publish(tmp_path, DESCRIBED, "--retry_quarantined=1.0.0", version="1.1.0") == 0
    version = tmp_path / "data" / "frames" / "1.1.0"
    assert len(splits_of_videos(version)["v2"]) == 1
    assert len(groups_of(version)) == VIDEOS


def test_a_table_that_is_not_there_is_named(tmp_path):
    draw(tmp_path)
    assert "lacks groups.csv, which dataset.yaml names in group.table" in refused(tmp_path)


@pytest.mark.parametrize(
    "path", ["../groups.csv", "/etc/passwd", "gs://other/groups.csv", "*.csv", "{id}.csv", "a//b.csv"]
)
def test_a_table_lies_below_the_input_folder(path):
    with pytest.raises(UserError, match="below the input folder"):
        parse_model(DatasetSpec, DESCRIBED | {"group": {"table": path}}, "dataset.yaml")


def test_a_list_of_a_split_lies_below_the_input_folder():
    lists = {"official_splits": {"train": "../../train.txt", "eval": "eval.txt"}}
    with pytest.raises(UserError, match="below the input folder"):
        parse_model(DatasetSpec, TRIMAPS | {"image_path": "photos/{id}.jpg"} | lists, "dataset.yaml")


def test_a_table_among_photos_of_any_extension_is_no_photo(tmp_path):
    drawn = draw(tmp_path)
    write_table(tmp_path, rows(drawn))
    described = DESCRIBED | {"image_path": "photos/{id}.*"}
    (tmp_path / "photos" / "photos" / "groups.csv").write_bytes((tmp_path / "photos" / "groups.csv").read_bytes())
    assert publish(tmp_path, described | {"group": {"table": "photos/groups.csv"}}) == 0
    manifest = json.loads((tmp_path / "data" / "frames" / "1.0.0" / "manifest.json").read_text())
    assert manifest["quarantined"] == {}


@pytest.mark.parametrize(
    "text",
    [
        "a.jpg,p1\nb.jpg,p2",
        "# a comment\n\na.jpg;p1\nb.jpg;p2",
        "image\tpatient\na.jpg\tp1\nb.jpg\tp2",
        "patient,age,file_name\np1,9,a.jpg\np2,9,b.jpg\n,,",
        'Photo,Hospital\n"a.jpg","p1"\nb.jpg,p2',
        "slide,patient\na.jpg,p1\nb.jpg,p2",
    ],
)
def test_tables_are_read_as_people_and_tools_write_them(text, tmp_path):
    assert read(tmp_path, text) == [("a.jpg", "p1"), ("b.jpg", "p2")]


def test_the_column_that_dataset_yaml_says_is_read(tmp_path):
    text = "image,patient,Ward\na.jpg,p1,w1"
    assert read(tmp_path, text, GROUPS._replace(heading="ward")) == [("a.jpg", "w1")]
    assert read(tmp_path, "frame,Ward\na.jpg,w1", GROUPS._replace(heading="Ward")) == [("a.jpg", "w1")]


@pytest.mark.parametrize(
    ("text", "heading", "message"),
    [
        ("", None, "is empty"),
        ("# only\n", None, "is empty"),
        ("a.jpg p1", None, "line 1: needs two columns"),
        ("a.jpg,p1,x\nb.jpg,p2,x", None, "line 1: needs two columns"),
        ("a.jpg,p1\nb.jpg", None, "line 2: 1 columns"),
        ("a.jpg,p1\nb,c.jpg,p2", None, "line 2: 3 columns, and those before have two; put a name that has a comma"),
        ("a.jpg,p1\nb.jpg,", None, "line 2: no group for b.jpg"),
        ("a.jpg,p1\n,p2", None, "line 2: names no photo for p2"),
        ("image,age,ward\na.jpg,9,w", None, "which column is the group.*column: age"),
        ("image,ward\na.jpg,w", "patient", "line 1: no column 'patient'.*there are: image, ward"),
        ("image,ward,Ward\na.jpg,w,w", "ward", "two columns 'ward'"),
        ("frame,age,ward\na.jpg,9,w", "ward", "no column names the photo"),
    ],
)
def test_a_table_that_can_be_read_in_two_ways_is_refused_with_the_line(text, heading, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read(tmp_path, text, GROUPS._replace(heading=heading))


@pytest.mark.parametrize("group", ["a\u202eb", "x" * 301])
def test_a_group_is_one_short_line_of_plain_text(group, tmp_path):
    drawn = draw(tmp_path)
    write_table(tmp_path, [*rows(drawn)[:-1], f"{drawn[-1]},{group}"])
    assert "the name of a group" in refused(tmp_path)
