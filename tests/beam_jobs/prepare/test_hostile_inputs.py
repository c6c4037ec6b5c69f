"""A folder that holds anything: nothing vanishes, nothing ends the job, nothing blocks it."""

import codecs
import json
import os
import shutil
from pathlib import Path

import pytest

from beam_jobs.elements import SourceFile
from beam_jobs.prepare.command_line import main
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import InputFailed, naming_input, read_input
from beam_jobs.sources.left_out import SYSTEM_FILES, LeftOutFiles
from beam_jobs.sources.split_lists import read_split_list
from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.path_pattern import PathPattern
from schemas.photos import MAX_FILE_BYTES
from tests.beam_jobs.jobs import GOOD, prepare
from tests.beam_jobs.pictures import encode, gradient, write_pair

CASES = Path(__file__).parents[4] / "shared" / "cases"


def quarantined(version_dir: Path) -> dict[str, str]:
    """Reason by id."""
    (path,) = (version_dir / "quarantine").glob("*.jsonl")
    return {line["id"]: line["reason"] for line in map(json.loads, path.read_text().splitlines())}


def rejection(path: Path) -> InputRejected:
    with pytest.raises(InputRejected) as rejected:
        read_input(SourceFile(str(path), 0))
    return rejected.value


def test_whatever_a_file_is_it_is_read_or_rejected_at_once(tmp_path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "device").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with (tmp_path / "large").open("wb") as file:
        file.truncate(3 << 30)
    details = {path.name: rejection(path).detail for path in [*tmp_path.iterdir(), tmp_path / "gone"]}
    for name, found in {
        "circle": "Too many levels of symbolic links",
        "dangling": "No such file",
        "device": "is a device",
        "pipe": "is a named pipe",
        "folder": "is a folder",
        "large": f"3,221,225,472 bytes; at most {MAX_FILE_BYTES:,}",
        "gone": "No such file",
    }.items():
        assert str(tmp_path / name) in details[name]
        assert found in details[name]
    assert rejection(tmp_path / ("x" * 300)).detail.endswith("File name too long")


def test_a_file_that_the_listing_calls_too_large_is_not_opened():
    with pytest.raises(InputRejected, match="file_too_large"):
        read_input(SourceFile("gs://bucket/photo.jpg", MAX_FILE_BYTES + 1))


def test_an_exception_that_nobody_foresaw_names_the_input_and_its_files():
    with (
        pytest.raises(InputFailed, match=r"pug_1 \(a/pug_1.jpg and b/pug_1.png\): ZeroDivisionError: division by zero"),
        naming_input("pug_1", SourceFile("a/pug_1.jpg", 1), SourceFile("b/pug_1.png", 1)),
    ):
        1 / 0  # noqa: B018


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """The version of forty good pairs among files of every other kind; 'ä' in a path is a byte that is no UTF-8."""
    folder = tmp_path_factory.mktemp("hostile")
    photos = folder / "photos"
    for image_id in GOOD:
        write_pair(photos, image_id)
    images, masks = photos / "images", photos / "annotations" / "trimaps"
    good = images / "pug_1.jpg"
    for number, suffix in enumerate(("JPG", "jpeg", "JPEG"), 50):
        write_pair(photos, f"pug_{number}")
        (images / f"pug_{number}.jpg").rename(images / f"pug_{number}.{suffix}")
    for target, image_id in (("nowhere", "pug_60"), ("/dev/zero", "pug_61"), ("pug_62.jpg", "pug_62")):
        write_pair(photos, image_id)
        (images / f"{image_id}.jpg").unlink()
        (images / f"{image_id}.jpg").symlink_to(target)
    write_pair(photos, "pug_63")
    (masks / "pug_63.png").unlink()
    (masks / "pug_63.png").symlink_to("nowhere")
    write_pair(photos, "pug_64")
    (images / "pug_64.jpg").unlink()
    os.mkfifo(images / "pug_64.jpg")
    write_pair(photos, "pug_65")
    with (images / "pug_65.jpg").open("wb") as file:
        file.truncate(3 << 30)
    (images / "pug_66.png").write_bytes(encode(gradient(), "PNG"))
    (images / "notes.txt").write_text("none")
    (images / "more").mkdir()
    shutil.copy(good, images / "more" / "pug_67.jpg")
    (images / ".DS_Store").write_bytes(b"what macOS leaves")
    assert prepare(photos, folder / "data", "1.0.0", "--max_rejected_fraction=0.5") == 0
    return folder


def test_every_file_is_published_quarantined_or_left_out(hostile):
    version = hostile / "data" / "pets" / "1.0.0"
    manifest = read_manifest(version)
    assert manifest.published == len(GOOD) + 3  # extensions in any case, jpeg as jpg
    assert quarantined(version) == {
        "pug_60": "unreadable_file",
        "pug_61": "unreadable_file",
        "pug_62": "unreadable_file",
        "pug_63": "unreadable_file",
        "pug_64": "unreadable_file",
        "pug_65": "file_too_large",
    }
    assert manifest.inputs == manifest.published + 6
    report = (version / "report.html").read_text()
    hidden = f"{SYSTEM_FILES}: images/.DS_Store"
    for left_out in (".png: images/pug_66.png", ".txt: images/notes.txt", "folders: images/more/", hidden):
        assert left_out in report


def test_the_same_folder_again_is_the_same_version(hostile, capsys):
    assert prepare(hostile / "photos", hostile / "data", "1.0.0", "--max_rejected_fraction=0.5") == 0
    assert "Already published" in capsys.readouterr().out


def test_a_folder_whose_name_is_no_utf8_is_the_rejection_of_what_lies_in_it(photos, tmp_path):
    strange = os.fsencode(photos / "images") + b"/\xff"
    os.mkdir(strange)
    shutil.copy(photos / "images" / "pug_1.jpg", strange + b"/pug_90.jpg")
    for path in (photos / "images").glob("*.jpg"):
        (photos / "images" / "plain").mkdir(exist_ok=True)
        path.rename(photos / "images" / "plain" / path.name)
    shutil.copy(photos / "annotations/trimaps/pug_1.png", photos / "annotations/trimaps/pug_90.png")
    assert prepare(photos, tmp_path / "data", "1.0.0", "--image_path=images/*/{id}.jpg") == 0
    assert quarantined(tmp_path / "data" / "pets" / "1.0.0") == {"pug_90": "path_is_not_utf8"}


def test_two_photos_of_one_id_are_both_named_whatever_the_case_of_their_extensions(photos, tmp_path, capsys):
    shutil.copy(photos / "images" / "pug_1.jpg", photos / "images" / "pug_1.JPG")
    assert prepare(photos, tmp_path / "data") == 1
    printed = capsys.readouterr().err
    assert "images/pug_1.JPG and" in printed
    assert "images/pug_1.jpg" in printed


def test_photos_of_another_extension_are_named_with_the_option_that_takes_them(photos, tmp_path):
    for path in list((photos / "images").iterdir()):
        path.rename(path.with_suffix(".webp"))
    with pytest.raises(
        UserError, match=r"images/ has 40 others, such as images/Bengal_0.webp; give --image_path, such as"
    ):
        prepare(photos, tmp_path / "data")


@pytest.mark.parametrize(
    ("patterns", "paths", "expected"),
    [
        (["images/{id}.jpg"], ["images/a.txt", "images/b/", "other/a.txt", "readme"], {".txt": 1, "folders": 1}),
        (
            ["images/{id}.jpg"],
            ["images/b/c/d.jpg", "images/b/e.jpg", "images/f"],
            {"folders": 1, "without extension": 1},
        ),
        (["{id}.jpg", "{id}.mask.png"], ["a.mask.png", "a.png", "train.txt"], {".png": 1}),
        (
            ["images/{id}.jpg"],
            ["images/._a.jpg", "images/.DS_Store", "images/@eaDir/", "images/Thumbs.db"],
            {SYSTEM_FILES: 4},
        ),
        (
            ["*/{id}.jpg", "masks/{id}.png"],
            ["masks/a.png", "masks/a.gif", "b.jpg", "x/y/"],
            {".gif": 1, ".jpg": 1, "folders": 1},
        ),
    ],
)
def test_only_what_lies_in_the_folders_of_the_patterns_and_matches_none_is_left_out(patterns, paths, expected):
    left_out = LeftOutFiles([PathPattern(one) for one in patterns], known=["train.txt"])
    for path in paths:
        left_out.add(path)
    assert {kind: one.count for kind, one in left_out.kinds.items()} == expected


IDS = "pug_1 1\r\npug_2 2\r# a comment\n\n  pug_3\n"


@pytest.mark.parametrize(
    "data",
    [
        IDS.encode(),
        codecs.BOM_UTF8 + IDS.encode(),
        IDS.encode("utf-16"),
        codecs.BOM_UTF16_BE + IDS.encode("utf-16-be"),
        IDS.encode("utf-32"),
        codecs.BOM_UTF8 + b"pug_1\n" + codecs.BOM_UTF8 + b"pug_2\npug_3",  # two lists joined
    ],
)
def test_a_list_is_read_with_and_without_a_byte_order_mark(tmp_path, data):
    (tmp_path / "train.txt").write_bytes(data)
    found = read_split_list(SourceFile(str(tmp_path / "train.txt"), 0))
    assert [one.name for one in found] == ["pug_1", "pug_2", "pug_3"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("pug_1\nBärchen_2\n".encode("latin-1"), r"train.txt: line 2, byte 7: b'\\xe4' is not UTF-8"),
        (IDS.encode("utf-16-le"), "train.txt: line 1: holds zero bytes, as UTF-16 without a byte order mark"),
        (IDS.encode("utf-16")[:-1], "is not UTF-16"),
    ],
)
def test_a_list_that_is_no_unicode_is_named_with_the_place_and_the_remedy(tmp_path, data, problem):
    (tmp_path / "train.txt").write_bytes(data)
    with pytest.raises(UserError, match=f"{problem}.*; save it as UTF-8"):
        list(read_split_list(SourceFile(str(tmp_path / "train.txt"), 0)))


def test_a_list_that_is_a_device_is_an_error_and_not_an_empty_split(tmp_path):
    (tmp_path / "train.txt").symlink_to("/dev/zero")
    with pytest.raises(UserError, match=r"train.txt: is a device"):
        list(read_split_list(SourceFile(str(tmp_path / "train.txt"), 0)))


@pytest.mark.skipif(not CASES.is_dir(), reason="needs the shared cases")
def test_the_first_photos_of_lists_with_a_byte_order_mark_are_in_their_splits(photos, tmp_path):
    for name in ("trainval.txt", "test.txt"):
        shutil.copy(CASES / "bom-list" / name, photos / "annotations" / name)
    for number in range(20, 40):
        write_pair(photos, f"pug_{number}")
    for path in photos.rglob("Bengal_*"):
        path.unlink()
    places = [f"--input={photos}", f"--output={tmp_path / 'data'}", "--version=1.0.0"]
    assert main(["--dataset=pets", *places, "--image_size=32", "--split=official"]) == 0
    assert read_manifest(tmp_path / "data" / "pets" / "1.0.0").published == 40
