"""Beam's file system for `gs://` works on the emulator, so that other tests may build on it."""

import os
import subprocess
import sys

import pytest
from apache_beam.io.filesystems import FileSystems

from beam_jobs.storage.cloud_storage import copy_if, delete_if, generation_of, write_if
from beam_jobs.storage.files import read_file, write_atomically


def test_beam_reads_what_was_put_and_writes_what_can_be_got(storage, bucket):
    storage.put(f"{bucket}/in/photo.jpg", b"a photo")
    assert read_file(f"{bucket}/in/photo.jpg") == b"a photo"
    large = os.urandom(3 << 20)  # more than one part of a resumable upload
    with FileSystems.create(f"{bucket}/out/shard", "application/octet-stream", "uncompressed") as file:
        file.write(large[:1000])
        file.write(large[1000:])
    assert storage.get(f"{bucket}/out/shard") == large
    with FileSystems.open(f"{bucket}/out/shard") as file:
        file.seek(2 << 20)
        assert file.read(10) == large[2 << 20 :][:10]


def test_beam_matches_renames_copies_and_deletes(storage, bucket):
    for name in ("a/1.jpg", "a/2.jpg", "a/2.txt", "b/c/3.jpg"):
        storage.put(f"{bucket}/{name}", name.encode())
    flat, deep = FileSystems.match([f"{bucket}/a/*.jpg", f"{bucket}/**"])
    assert [(one.path, one.size_in_bytes) for one in flat.metadata_list] == [
        (f"{bucket}/a/1.jpg", 7),
        (f"{bucket}/a/2.jpg", 7),
    ]
    assert len(deep.metadata_list) == 4
    assert FileSystems.exists(f"{bucket}/a/1.jpg")
    assert not FileSystems.exists(f"{bucket}/a/3.jpg")
    FileSystems.rename([f"{bucket}/a/1.jpg"], [f"{bucket}/a/2.txt"])
    FileSystems.copy([f"{bucket}/a/2.jpg"], [f"{bucket}/d/4.jpg"])
    FileSystems.delete([f"{bucket}/b/c/3.jpg"])
    assert storage.list(bucket) == [f"{bucket}/{name}" for name in ("a/2.jpg", "a/2.txt", "d/4.jpg")]
    assert storage.get(f"{bucket}/a/2.txt") == b"a/1.jpg"


@pytest.mark.proof
def test_a_child_process_finds_the_same_objects(storage, bucket):
    code = "from beam_jobs.storage.files import write_atomically as w; w(__import__('sys').argv[1], b'from a child')"
    subprocess.run([sys.executable, "-c", code, f"{bucket}/child"], check=True, timeout=120)
    assert storage.get(f"{bucket}/child") == b"from a child"
    write_atomically(f"{bucket}/child", b"from its parent")
    assert storage.list(bucket) == [f"{bucket}/child"]


def test_an_object_is_changed_only_where_it_is_of_the_generation_that_a_request_names(storage, bucket):
    one, other = f"{bucket}/one", f"{bucket}/other"
    first = write_if(one, b"first", 0)
    assert first == generation_of(one)
    assert write_if(one, b"never", 0) is None
    second = write_if(one, b"second", first)
    assert second not in (None, first)
    assert copy_if(one, other, 0, source_generation=first) is None
    assert copy_if(one, other, 0, source_generation=second) == generation_of(other)
    assert copy_if(one, other, 0) is None
    delete_if(one, first)
    assert storage.get(one) == storage.get(other) == b"second"
    delete_if(one, second)
    delete_if(one, second)
    assert storage.list(bucket) == [other]
    assert generation_of(one) == 0
