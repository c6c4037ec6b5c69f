"""The same job from `gs://` to `gs://`, against a storage server on loopback."""

import json

import pytest

from beam_jobs.elements import SourceFile, read_source
from beam_jobs.prepare.listing import Listing, Wanted, left_out_files, list_files
from beam_jobs.rejections import InputRejected
from beam_jobs.sources import input_files
from beam_jobs.sources.input_files import read_input
from beam_jobs.storage.cloud_storage import list_objects, read_object_part
from beam_jobs.storage.files import FileTooLarge, read_file
from schemas.errors import UserError
from tests.beam_jobs.archives import pack
from tests.beam_jobs.jobs import prepare
from tests.beam_jobs.pictures import write_pair

pytestmark = pytest.mark.slow


def promised(folder, paths, read):
    """Bytes of the files that are the same wherever a version is published, by relative path."""
    relative = sorted(path.removeprefix(f"{folder}/") for path in paths)
    return {
        path: read(f"{folder}/{path}") for path in relative if path.endswith("manifest.json") or "examples/" in path
    }


def promised_local(version):
    paths = [str(path) for path in version.rglob("*") if path.is_file()]
    return promised(str(version), paths, lambda path: open(path, "rb").read())


def promised_cloud(storage, version):
    return promised(version, storage.list(version), storage.get)


def test_photos_in_a_bucket_give_the_bytes_of_a_local_folder(photos, tmp_path, storage, bucket, capsys):
    write_pair(photos, "pug_100", photo=b"")
    assert prepare(photos, tmp_path / "data") == 0
    storage.put_folder(photos, f"{bucket}/photos")
    assert prepare(f"{bucket}/photos", f"{bucket}/data") == 0
    version = f"{bucket}/data/pets/1.0.0"
    expected = promised_local(tmp_path / "data" / "pets" / "1.0.0")
    assert len(expected) == 3
    assert promised_cloud(storage, version) == expected
    assert not [uri for uri in storage.list(bucket) if "/_staging/" in uri or uri.endswith(".tmp")]
    (line,) = storage.get(f"{version}/quarantine/quarantine-00000-of-00001.jsonl").splitlines()
    assert json.loads(line)["image_uri"] == f"{bucket}/photos/images/pug_100.jpg"

    before = storage.list(bucket)
    capsys.readouterr()
    assert prepare(f"{bucket}/photos", f"{bucket}/data") == 0
    assert "Already published" in capsys.readouterr().out
    assert [uri for uri in storage.list(bucket) if "/_staging/" not in uri] == before
    storage.put(f"{bucket}/photos/images/pug_3.jpg", (photos / "images" / "pug_4.jpg").read_bytes()[:-1])
    with pytest.raises(UserError, match="already published from other inputs"):
        prepare(f"{bucket}/photos", f"{bucket}/data")


@pytest.mark.proof
def test_a_withheld_version_leaves_its_account_in_the_bucket_and_is_built_upon_when_repaired(
    photos, tmp_path, storage, bucket, capsys
):
    for image_id in ("pug_100", "Bengal_100", "Bengal_101"):
        write_pair(photos, image_id, photo=b"")
    packed = pack(photos, tmp_path / "packed")
    for name in ("images.tar.gz", "annotations.tar.gz"):
        storage.put(f"{bucket}/packed/{name}", (packed / name).read_bytes())
    assert prepare(f"{bucket}/packed", f"{bucket}/data") == 1
    assert "3 of 43 inputs (7.0%) rejected" in capsys.readouterr().err
    rejected = f"{bucket}/data/pets/_rejected/1.0.0"
    assert json.loads(storage.get(f"{rejected}/outcome.json"))["manifest"]["published"] == 40
    assert (
        f"{bucket}/packed/images.tar.gz!/images/pug_100.jpg"
        in storage.get(f"{rejected}/quarantine/quarantine-00000-of-00001.jsonl").decode()
    )
    assert not storage.list(f"{bucket}/data/pets/1.0.0")

    assert prepare(f"{bucket}/packed", f"{bucket}/data", "1.0.0", "--max_rejected_fraction=0.1") == 0
    assert not storage.list(rejected)
    for image_id in ("pug_100", "Bengal_100", "Bengal_101"):
        write_pair(photos, image_id)
    storage.put_folder(photos, f"{bucket}/repaired")
    assert prepare(f"{bucket}/repaired", f"{bucket}/data", "1.1.0", "--retry_quarantined=1.0.0") == 0
    assert prepare(photos, tmp_path / "fresh") == 0
    fresh = promised_local(tmp_path / "fresh" / "pets" / "1.0.0")
    retried = promised_cloud(storage, f"{bucket}/data/pets/1.1.0")
    del fresh["manifest.json"], retried["manifest.json"]
    assert retried == fresh


def test_an_empty_bucket_is_reported_with_the_layout_that_was_expected(storage, bucket):
    with pytest.raises(UserError, match=rf"--input {bucket}/none: no file matches images/\*\.jpg"):
        prepare(f"{bucket}/none", f"{bucket}/data")
    assert not storage.list(f"{bucket}/data")


def test_an_object_that_vanishes_is_a_rejection_and_what_matches_no_pattern_is_left_out(storage, bucket):
    with pytest.raises(InputRejected, match=r"unreadable_file: .*nothing.jpg: no such object"):
        read_input(SourceFile(f"{bucket}/nothing.jpg", 10))
    for name in ("images/a.JPG", "images/b.webp", "images/more/c.jpg", "images/more/d.jpg", "other/e.jpg"):
        storage.put(f"{bucket}/{name}", b"bytes")
    listing = Listing(bucket, False, (Wanted("images", "images/{id}.jpg"),), ("images/{id}.jpg",))
    left_out = left_out_files(listing)
    assert [image_id for _, image_id, _ in list_files(listing, left_out)] == ["a"]
    assert {kind: one.examples for kind, one in left_out.kinds.items()} == {
        ".webp": ("images/b.webp",),
        "folders": ("images/more/",),
    }


def test_a_part_of_an_object_is_read_and_no_more(storage, bucket):
    storage.put(f"{bucket}/a.tar", b"0123456789")
    assert read_object_part(f"{bucket}/a.tar", 3, 4) == b"3456"
    assert read_file(f"{bucket}/a.tar") == b"0123456789"
    assert read_source(SourceFile(f"{bucket}/a.tar", 0, 3, "empty")) == b""
    with pytest.raises(OSError, match=r"a.tar!/b: only 2 of 4 bytes"):
        read_source(SourceFile(f"{bucket}/a.tar", 4, 8, "b"))
    with pytest.raises(FileNotFoundError, match=r"nothing.jpg: no such object"):
        read_file(f"{bucket}/nothing.jpg")


def test_a_listing_names_what_begins_with_the_prefix(storage, bucket):
    for name in ("images/b.jpg", "images/a.jpg", "images.txt", "other/c.jpg"):
        storage.put(f"{bucket}/{name}", name.encode())
    assert list(list_objects(f"{bucket}/images/")) == [(f"{bucket}/images/a.jpg", 12), (f"{bucket}/images/b.jpg", 12)]
    with pytest.raises(OSError, match=r"gs://no-such-bucket/"):
        list(list_objects("gs://no-such-bucket/images/"))


def test_a_photo_that_has_grown_beyond_the_limit_since_it_was_listed_is_not_read_whole(bucket, storage, monkeypatch):
    storage.put(f"{bucket}/pug_1.jpg", b"x" * 1000)
    assert read_file(f"{bucket}/pug_1.jpg", 1000) == b"x" * 1000
    with pytest.raises(FileTooLarge, match="more than 999 bytes"):
        read_file(f"{bucket}/pug_1.jpg", 999)
    monkeypatch.setattr(input_files, "MAX_FILE_BYTES", 999)
    with pytest.raises(InputRejected, match=r"file_too_large: .*pug_1.jpg: more than 999 bytes; at most 999 are read"):
        read_input(SourceFile(f"{bucket}/pug_1.jpg", 10))
