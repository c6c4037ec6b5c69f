"""Files and folders by their literal names: no path is a pattern, and no link is followed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import beam_jobs
import schemas
import tfx_pipeline
import trainer
from beam_jobs.storage.files import (
    create_file,
    delete_files,
    exists,
    files_below,
    read_file,
    sizes_below,
    write_atomically,
)
from beam_jobs.storage.ownership import check_claim, claim_folder, delete_marked_folder, is_marked, mark_folder
from schemas.errors import UserError

ODD_NAMES = ("data?", "data*", "[data]1", "data\\\\1")


@pytest.fixture(params=["local", "bucket"])
def root(request, tmp_path) -> str:
    """A folder on this machine, then one in a bucket."""
    return str(tmp_path) if request.param == "local" else f"{request.getfixturevalue('bucket')}/root"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_folder_named_like_a_pattern_is_that_folder_alone(root, name):
    for folder in (name, "data1", "d", "a"):
        write_atomically(f"{root}/{folder}/deep/[file]?.json", folder.encode())
    path = f"{root}/{name}/deep/[file]?.json"
    assert sizes_below(f"{root}/{name}") == {path: len(name)}
    assert (exists(path), read_file(path)) == (True, name.encode())
    assert not exists(f"{root}/{name}/deep/[file]x.json")
    delete_files([path])
    assert sorted(sizes_below(root)) == [f"{root}/{one}/deep/[file]?.json" for one in ("a", "d", "data1")]
    delete_files([path])  # what is gone is no error


def test_a_folder_whose_name_another_begins_with_is_not_listed_with_it(root):
    write_atomically(f"{root}/1.0/file", b"1")
    write_atomically(f"{root}/1.0.0/file", b"2")
    assert list(sizes_below(f"{root}/1.0")) == [f"{root}/1.0/file"]
    assert list(files_below(f"{root}/none")) == []


def test_links_are_listed_and_deleted_as_links(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, target in (("a_folder", mine), ("a_file", mine / "thesis.txt"), ("nowhere", tmp_path / "none")):
        (folder / name).symlink_to(target)
    found = [file.path for file in files_below(str(folder))]
    assert sorted(found) == [str(folder / name) for name in ("a_file", "a_folder", "nowhere")]
    delete_files(found)
    assert list(folder.iterdir()) == []
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_other_file_systems_list_no_folder_that_would_be_a_pattern():
    with pytest.raises(UserError, match=r"folder hdfs://host/data\?: has \? in its path"):
        list(files_below("hdfs://host/data?"))
    with pytest.raises(UserError, match=r"file s3://bucket/a\*: has \* in its path"):
        delete_files(["s3://bucket/a*"])


def test_only_a_missing_an_empty_or_an_own_folder_can_be_claimed(tmp_path):
    new, empty, mine = (tmp_path / name for name in ("new", "empty", "mine"))
    empty.mkdir()
    mine.mkdir()
    (mine / "logs").mkdir()
    for folder in (new, empty):
        claim_folder("--folder", str(folder), "a command")
        (folder / "logs").mkdir()
        claim_folder("--folder", str(folder), "a command")
    with pytest.raises(UserError, match=f"--folder {mine}: holds files, and nothing says that a command made it"):
        claim_folder("--folder", str(mine), "a command")
    with pytest.raises(UserError, match="nothing says that another command made it"):
        check_claim("--folder", str(new), "another command")
    assert [path.name for path in mine.iterdir()] == ["logs"]


def test_a_folder_that_a_link_leads_to_is_not_marked(tmp_path):
    mark_folder(str(tmp_path / "one"), "a command")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    assert is_marked(str(tmp_path / "one"), "a command")
    assert not is_marked(str(tmp_path / "two"), "a command")


def test_a_marked_folder_is_deleted_whole(root):
    mark_folder(f"{root}/own", "a command")
    write_atomically(f"{root}/own/deep/file", b"1")
    write_atomically(f"{root}/other", b"2")
    delete_marked_folder(f"{root}/own")
    assert list(sizes_below(root)) == [f"{root}/other"]
    assert not exists(f"{root}/own")


def test_what_stands_for_an_empty_folder_in_a_bucket_is_no_file(storage, bucket):
    storage.put(f"{bucket}/pets/1.0.0/", b"")
    assert sizes_below(f"{bucket}/pets/1.0.0") == {}


def test_nothing_else_lists_or_deletes_by_pattern():
    patterns = re.compile(r"FileSystems\.(match|delete)\(|gfile\.glob\(|\bglob\.i?glob\(|fileio\.glob\(|MatchFiles\(")
    packages = [Path(one.__file__).parent for one in (beam_jobs, schemas, tfx_pipeline, trainer)]
    sources = [path for package in packages for path in package.rglob("*.py")]
    found = {path.relative_to(path.parents[1]).as_posix() for path in sources if patterns.search(path.read_text())}
    assert found == {"storage/files.py", "trainer/input_pipeline.py"}  # the second takes TFX's own patterns of shards


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file of Linux that is always full")
def test_a_file_on_this_machine_is_written_without_beam_whose_import_takes_seconds_and_may_warn(tmp_path):
    code = "import sys; from beam_jobs.storage.files import write_atomically as write; write(sys.argv[1], b'1'); "
    place = tmp_path / "new" / "file"
    subprocess.run([sys.executable, "-c", code + "assert 'apache_beam' not in sys.modules", str(place)], check=True)
    assert [(path.name, path.read_bytes()) for path in place.parent.iterdir()] == [("file", b"1")]


def test_a_full_disk_is_said_with_its_folder():
    message = "No space left on device in /dev; make room there, or choose another folder"
    with pytest.raises(OSError, match=message), create_file("/dev/full") as file:
        file.write(b"a byte")
