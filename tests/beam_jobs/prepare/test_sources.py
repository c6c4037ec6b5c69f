"""Where photos and masks may lie: any layout of folders, official archives; and two files for one id."""

import hashlib
import json
import os
import shutil
import tarfile

import pytest

from beam_jobs.elements import SourceFile, read_source
from beam_jobs.prepare.listing import plan_listings
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.pairing import pair
from beam_jobs.rejections import DUPLICATE_ID, InputRejected
from beam_jobs.sources.archives import list_members
from schemas.errors import UserError
from schemas.manifest import read_manifest
from schemas.path_pattern import PathPattern, check_path_pattern
from schemas.shipped import load_spec
from tests.beam_jobs.archives import add, pack
from tests.beam_jobs.jobs import GOOD, prepare


@pytest.mark.parametrize(
    ("pattern", "path", "image_id"),
    [
        ("images/{id}.jpg", "images/pug_1.jpg", "pug_1"),
        ("images/{id}.jpg", "images/sub/pug_1.jpg", None),
        ("images/{id}.jpg", "images/pug_1.jpg.txt", None),
        ("images/{id}.*", "images/pug_1.JPEG", "pug_1"),
        ("images/{id}.*", "images/a.b.png", "a.b"),
        ("images/{id}.*", "images/.DS_Store", None),
        ("left/*/{id}_left.png", "left/ulm/ulm_000_left.png", "ulm_000"),
        ("left/*/{id}_left.png", "left/.hidden/ulm_000_left.png", None),
        ("part?/{id}.png", "part1/x.png", "x"),
        ("part?/{id}.png", "part12/x.png", None),
        ("{id}_[mask].png", "pug_1_[mask].png", "pug_1"),
        ("{id}.jpg", "new\nline.jpg", "new\nline"),
    ],
)
def test_a_pattern_finds_the_id_in_a_path(pattern, path, image_id):
    assert PathPattern(check_path_pattern(pattern)).id_of(path) == image_id


@pytest.mark.parametrize(
    "pattern", ["images/photo.jpg", "{id}{id}/{id}.jpg", "{id}/a.jpg", "../{id}.jpg", "/a/{id}.jpg", "**/{id}.jpg"]
)
def test_a_pattern_without_one_id_or_that_leaves_the_folder_is_refused(pattern):
    with pytest.raises(ValueError, match=r"\{id\}|\*\*|below the input folder"):
        check_path_pattern(pattern)


def test_of_thousands_of_files_for_one_id_two_are_named_and_the_others_counted():
    files = [SourceFile(f"/data/part_{number:04d}/images/pug_1.jpg", 1) for number in range(5_000)]
    with pytest.raises(InputRejected) as rejected:
        pair("pug_1", files, files[:1], ["train"], load_spec("pets"))
    first, second = files[:2]
    assert (rejected.value.reason, rejected.value.detail) == (DUPLICATE_ID, f"{first} and {second} and 4,998 more")


def lay_out(photos, folder, image_path, mask_path):
    """Copies photos and masks to other paths, which are format strings of the id and its number."""
    for number, image_id in enumerate(GOOD):
        for source, path in (
            (f"images/{image_id}.jpg", image_path),
            (f"annotations/trimaps/{image_id}.png", mask_path),
        ):
            target = folder / path.format(id=image_id, part=number % 3)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(photos / source, target)


def digests(version_dir):
    """Manifest and digest of each shard's bytes."""
    manifest = read_manifest(version_dir)
    shards = [shard for split in manifest.splits.values() for shard in split.shards]
    assert all(hashlib.sha256((version_dir / one.path).read_bytes()).hexdigest() == one.sha256 for one in shards)
    return manifest.sha256


@pytest.fixture(scope="module")
def expected(good_data):
    """Digest of the manifest that the good photos give, in the official layout."""
    return digests(good_data / "pets" / "1.0.0")


def test_own_folders_by_pattern_give_the_same_version(photos, tmp_path, expected):
    lay_out(photos, tmp_path / "own", "shots/{part}/{id}_photo.jpeg", "{id}.mask.png")
    paths = ["--image_path=shots/?/{id}_photo.*", "--mask_path={id}.mask.png"]
    assert prepare(tmp_path / "own", tmp_path / "data", "1.0.0", *paths) == 0
    assert digests(tmp_path / "data" / "pets" / "1.0.0") == expected


def test_two_files_for_one_id_withhold_the_version_and_both_are_named(photos, tmp_path, capsys):
    lay_out(photos, tmp_path / "own", "{part}/{id}.jpg", "masks/{id}.png")
    shutil.copy(tmp_path / "own/0/Bengal_0.jpg", tmp_path / "own/0/Bengal_0.png")
    shutil.copy(tmp_path / "own/1/Bengal_1.jpg", tmp_path / "own/2/Bengal_1.jpg")
    paths = ["--image_path=?/{id}.*", "--mask_path=masks/{id}.png"]
    assert prepare(tmp_path / "own", tmp_path / "data", "1.0.0", *paths) == 1
    printed = capsys.readouterr().err
    own = tmp_path / "own"
    assert f"Bengal_0 ({own}/0/Bengal_0.jpg and {own}/0/Bengal_0.png)" in printed
    assert f"Bengal_1 ({own}/1/Bengal_1.jpg and {own}/2/Bengal_1.jpg)" in printed
    assert not (tmp_path / "data" / "pets" / "1.0.0").exists()


@pytest.mark.parametrize("image_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_members_of_a_tar_are_read_in_place(tmp_path, image_format):
    long = "images/" + "d" * 90 + "/" + "f" * 90 + ".jpg"  # more than 100 bytes: a prefix, or a header of its own
    with tarfile.open(tmp_path / "a.tar", "w", format=image_format) as archive:
        add(archive, "./images/first.jpg", b"first")
        add(archive, long, b"x" * 1025)
        add(archive, "images/empty.jpg")
    members = list(list_members(str(tmp_path / "a.tar")))
    assert [one.member for one in members] == ["images/first.jpg", long, "images/empty.jpg"]
    assert [read_source(one) for one in members] == [b"first", b"x" * 1025, b""]
    assert str(members[0]) == f"{tmp_path}/a.tar!/images/first.jpg"


def test_official_archives_give_the_same_version_as_the_folder(photos, tmp_path, expected):
    packed = pack(photos, tmp_path / "packed", tarfile.PAX_FORMAT, leading="./")
    assert prepare(packed, tmp_path / "data") == 0
    version = tmp_path / "data" / "pets" / "1.0.0"
    assert digests(version) == expected
    assert read_manifest(version).quarantined == {}


def test_split_lists_are_read_from_the_archive_and_rejects_name_the_member(photos, tmp_path):
    (photos / "annotations/trainval.txt").write_text("".join(f"{one} 1\n" for one in GOOD[:25]))
    (photos / "annotations/test.txt").write_text("".join(f"{one} 1\n" for one in GOOD[25:]))
    (photos / "images/pug_3.jpg").write_bytes(b"")
    options = ["--split=official", "--max_rejected_fraction=0.1"]
    packed = pack(photos, tmp_path / "packed")
    assert prepare(photos, tmp_path / "data", "1.0.0", *options) == 0
    assert prepare(packed, tmp_path / "packed_data", "1.0.0", *options) == 0
    assert digests(tmp_path / "data/pets/1.0.0") == digests(tmp_path / "packed_data/pets/1.0.0")
    (line,) = (tmp_path / "packed_data/pets/1.0.0/quarantine/quarantine-00000-of-00001.jsonl").read_text().splitlines()
    assert json.loads(line)["image_uri"] == f"{packed}/images.tar.gz!/images/pug_3.jpg"
    assert json.loads(line)["reason"] == "empty_image"


def test_unpacked_files_go_before_archives(photos, tmp_path, expected):
    packed = pack(photos, tmp_path / "packed")
    shutil.copytree(photos / "images", packed / "images")  # every photo is there twice now
    assert prepare(packed, tmp_path / "data") == 0
    assert digests(tmp_path / "data" / "pets" / "1.0.0") == expected


def test_a_missing_archive_is_reported_with_the_remedy(photos, tmp_path):
    packed = pack(photos, tmp_path / "packed")
    (packed / "annotations.tar.gz").unlink()
    with pytest.raises(UserError, match=r"lacks annotations.tar.gz; python -m beam_jobs.fetch --dataset=pets"):
        prepare(packed, tmp_path / "data")


def test_a_folder_that_can_not_be_read_is_reported(photos, tmp_path):
    shutil.rmtree(photos / "images")
    (photos / "images").symlink_to(photos / "images")  # even root can't follow it
    with pytest.raises(UserError, match=r"images: can't be listed \(Too many .*\), so its photos are unknown"):
        prepare(photos, tmp_path / "data")


@pytest.mark.parametrize(("opener", "command"), [("w:gz", "gunzip"), ("w:bz2", "bunzip2"), ("w:xz", "unxz")])
def test_a_compressed_archive_is_refused_with_the_remedy(photos, tmp_path, opener, command):
    packed = pack(photos, tmp_path / "packed")
    with tarfile.open(packed / "images.tar.gz", opener) as archive:
        archive.add(photos / "images", "images")
    with pytest.raises(UserError, match=f"actually compressed.*`{command}`"):
        prepare(packed, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_an_archive_is_found_under_the_name_that_gunzip_leaves(photos, tmp_path):
    packed = pack(photos, tmp_path / "packed")
    os.rename(packed / "images.tar.gz", packed / "images.tar")
    options = PrepareOptions(dataset="pets", input=str(packed), output=str(tmp_path), version="1.0.0")
    assert {os.path.basename(one.place) for one in plan_listings(options)} == {"images.tar", "annotations.tar.gz"}


@pytest.mark.parametrize(
    "beyond", [-512, -100, 0, 200], ids=["after a member", "in a header", "after a header", "in data"]
)
def test_an_archive_that_was_cut_short_is_an_error_and_not_a_smaller_data_set(photos, tmp_path, beyond):
    archive = pack(photos, tmp_path / "packed") / "images.tar.gz"
    cut = list(list_members(str(archive)))[30].offset + beyond
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(UserError, match=r"cut short|damaged"):
        list(list_members(str(archive)))


def test_a_damaged_header_in_the_middle_is_an_error_and_not_the_end(photos, tmp_path):
    archive = pack(photos, tmp_path / "packed") / "images.tar.gz"
    members = list(list_members(str(archive)))
    data = bytearray(archive.read_bytes())
    data[members[20].offset - 400] ^= 0xFF
    archive.write_bytes(data)
    with pytest.raises(UserError, match="damaged"):
        list(list_members(str(archive)))


def test_a_file_that_is_not_a_tar_archive_is_reported(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"<!DOCTYPE html>" * 100)
    with pytest.raises(UserError, match="not a tar archive"):
        list(list_members(str(tmp_path / "a.tar")))


def test_a_source_that_ends_early_is_an_error(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"0123456789")
    assert read_source(SourceFile(str(tmp_path / "a.tar"), 4, 3, "b")) == b"3456"
    with pytest.raises(OSError, match="only 2 of 4 bytes"):
        read_source(SourceFile(str(tmp_path / "a.tar"), 4, 8, "b"))
