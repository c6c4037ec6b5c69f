"""Photos called as cameras, phones and people call them, in several folders, are published like any others."""

import json
import tarfile
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beam_jobs.elements import SourceFile
from beam_jobs.prepare.command_line import main
from beam_jobs.prepare.listing import Listing, Wanted, left_out_files, list_files
from beam_jobs.records.published_records import find_records
from beam_jobs.sources.folders import list_photos
from beam_jobs.sources.left_out import SYSTEM_FILES
from schemas.image_ids import image_id_of
from schemas.manifest import read_manifest
from schemas.version import verify_version
from tests.beam_jobs.archives import add
from tests.beam_jobs.jobs import prepare as prepare_pets

NAMES = [
    *(
        "_DSC1234",
        "IMG 1 (2)",
        "Über",
        "写真",
        "a@2x",
        "-rf",
        "[1]",
        "*",
        "what?",
        "100%",
        "a%20b",
        "a~20b",
        "a#b",
        "a;b",
    ),
    *("it's", 'say "x"', "<b>", "a\\b", "a{id}b", "tab\there", "x" * 240),
]
FOLDERS = ("a", "b c", "[*]")
DESCRIPTION = """
image_path: "photos/{id:path}.png"
mask_path: "masks/{id:path}.png"
classes: {0: ground, 1: leaf}
slices:
  - {name: place, id_pattern: "([^/]+)/.*"}
"""


def write(folder: Path, photo: str, mask: str, number: int) -> None:
    """A photo of its own, and its mask, at relative paths without extension."""
    scene = np.zeros((30, 40), np.uint8)
    scene[5:25, number % 20 : number % 20 + 15] = 1
    pixels = np.random.default_rng(number).integers(0, 99, (30, 40, 3), np.uint8) + 90 * scene[..., np.newaxis]
    for path, image in ((f"photos/{photo}.png", pixels), (f"masks/{mask}.png", scene)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / path)


@pytest.fixture
def leaves(tmp_path) -> Path:
    """The names, once in each folder; masks as a Mac would have written them."""
    folder = tmp_path / "leaves"
    for number, (place, name) in enumerate((place, name) for place in FOLDERS for name in NAMES):
        write(folder, f"{place}/{name}", unicodedata.normalize("NFD", f"{place}/{name}"), number)
    (folder / "dataset.yaml").write_text(DESCRIPTION)
    return folder


def prepare(folder, output, version="1.0.0", *more):
    places = [f"--input={folder}", f"--output={output}", f"--version={version}"]
    return main([*places, "--image_size=32", "--runner=FnApiRunner", *more])


def ids_in(version: Path) -> set[str]:
    splits = read_manifest(version).splits.values()
    return {found for split in splits for shard in split.shards for found, _ in find_records(str(version), shard)}


def lines_in(folder: Path) -> list[dict]:
    return [json.loads(line) for path in sorted(folder.glob("*")) for line in path.read_text().splitlines()]


def test_any_name_in_any_folder_is_published_and_its_path_kept_in_the_account(leaves, tmp_path, capsys):
    names = [f"{place}/{name}" for place in FOLDERS for name in NAMES]
    assert prepare(leaves, tmp_path / "data") == 0
    assert f"derived ids{len(names):>9}" in capsys.readouterr().out
    version = tmp_path / "data" / "leaves" / "1.0.0"
    assert ids_in(version) == {image_id_of(name) for name in names}
    assert verify_version(version).manifest.quarantined == {}
    assert {(one["id"], one["image_uri"]) for one in lines_in(version / "derived_ids")} == {
        (image_id_of(name), f"{leaves}/photos/{name}.png") for name in names
    }
    assert all(Path(one["mask_uri"]).is_file() for one in lines_in(version / "derived_ids"))
    assert all(path.is_relative_to(version) and path.name.isascii() for path in version.rglob("*"))
    assert "<b>" not in (version / "report.html").read_text()


@pytest.mark.proof
def test_a_photo_of_any_name_is_rejected_retried_and_taken(leaves, tmp_path):
    broken = leaves / "photos" / "b c" / "IMG 1 (2).png"
    whole = broken.read_bytes()
    broken.write_bytes(b"")
    assert prepare(leaves, tmp_path / "data", "1.0.0", "--max_rejected_fraction=0.1") == 0
    [line] = lines_in(tmp_path / "data/leaves/1.0.0/quarantine")
    assert (line["id"], line["image_uri"]) == ("b~20c~2FIMG~201~20~282~29", str(broken))
    broken.write_bytes(whole)
    assert prepare(leaves, tmp_path / "data", "1.1.0", "--retry_quarantined=1.0.0") == 0
    retried = tmp_path / "data/leaves/1.1.0"
    assert read_manifest(retried).derived_ids == len(FOLDERS) * len(NAMES)
    assert {one["id"] for one in lines_in(retried / "derived_ids")} == ids_in(retried)


def test_two_files_whose_names_differ_only_in_how_accents_are_composed_withhold_the_version(tmp_path, capsys):
    for number in range(20):
        write(tmp_path / "leaves", f"x/{number}", f"x/{number}", number)
    for form in ("NFC", "NFD"):
        write(tmp_path / "leaves", unicodedata.normalize(form, "x/Über"), "x/Über", 30)
    (tmp_path / "leaves/dataset.yaml").write_text(DESCRIPTION)
    assert prepare(tmp_path / "leaves", tmp_path / "data") == 1
    assert "1 with more than one file, such as x~2FÜber" in capsys.readouterr().err


def test_names_in_a_bucket_give_the_ids_of_a_local_folder(leaves, storage, bucket):
    storage.put_folder(leaves, f"{bucket}/leaves")
    pattern = "photos/{id:path}.png"
    local = sorted((image_id, source.bytes) for image_id, source in list_photos(str(leaves), pattern))
    assert sorted((found, source.bytes) for found, source in list_photos(f"{bucket}/leaves", pattern)) == local
    assert len(local) == len(FOLDERS) * len(NAMES)


def test_a_link_back_to_a_folder_above_is_not_followed(leaves):
    (leaves / "photos" / "a" / "all").symlink_to(leaves / "photos")
    (leaves / "photos" / "more").symlink_to(leaves / "photos" / "a")
    found = dict(list_photos(str(leaves), "photos/{id:path}.png"))
    assert len(found) == 4 * len(NAMES)
    assert found["more~2F_DSC1234"].uri == f"{leaves}/photos/more/_DSC1234.png"


def test_what_operating_systems_leave_is_counted_apart_and_no_rejected_photo(photos, tmp_path):
    for name in ("._Bengal_1.jpg", ".DS_Store", "Thumbs.db", "@eaDir/Bengal_1.jpg", "__MACOSX/x.jpg"):
        (photos / "images" / name).parent.mkdir(exist_ok=True)
        (photos / "images" / name).write_bytes(b"left")
    options = ["--image_path=images/{id:path}.*", "--mask_path=annotations/trimaps/{id:path}.*"]
    assert prepare_pets(photos, tmp_path / "data", "1.0.0", *options) == 0
    version = tmp_path / "data/pets/1.0.0"
    assert read_manifest(version).quarantined == {}
    assert f"{SYSTEM_FILES}: images/.DS_Store" in (version / "report.html").read_text()
    assert not (version / "derived_ids").exists()
    assert "derived_ids" not in (version / "manifest.json").read_text()  # ordinary names give the bytes of before


def test_what_macos_adds_to_an_archive_is_counted_as_such(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        add(archive, "images/pug_1.jpg", b"photo")
        add(archive, "images/._pug_1.jpg", b"left")
        add(archive, "__MACOSX/images/._pug_1.jpg", b"left")
    patterns = ("images/{id}.jpg", "*/{id}.jpg")
    listing = Listing(f"{tmp_path}/a.tar", True, tuple(Wanted("images", one) for one in patterns[:1]), patterns)
    left_out = left_out_files(listing)
    assert [(found, type(source)) for _, found, source in list_files(listing, left_out)] == [("pug_1", SourceFile)]
    assert {kind: one.count for kind, one in left_out.kinds.items()} == {SYSTEM_FILES: 2}
