"""Files that a path leads to: regular ones are read, anything else is one error at once."""

import os
import socket

import pytest

from beam_jobs.storage.files import open_file
from schemas.documents import read_json_object, read_yaml
from schemas.errors import UserError
from schemas.manifest import file_sha256
from schemas.regular_files import NotARegularFile, open_regular, read_regular


@pytest.fixture(params=["named pipe", "device", "endless device", "terminal", "socket", "folder"])
def special(tmp_path, monkeypatch, request):
    """A link to something that is no regular file, and would block, never end, or fail."""
    path = tmp_path / "configuration"
    if request.param == "named pipe":
        os.mkfifo(tmp_path / "thing")
    elif request.param == "socket":
        monkeypatch.chdir(tmp_path)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("thing")
    elif request.param == "folder":
        (tmp_path / "thing").mkdir()
    else:
        device = {"device": "/dev/null", "endless device": "/dev/zero", "terminal": "/dev/ptmx"}[request.param]
        (tmp_path / "thing").symlink_to(device)
    path.symlink_to("thing")
    return path


@pytest.mark.parametrize("read", [open_regular, lambda path: open_file(str(path)), file_sha256, read_yaml])
def test_what_is_no_regular_file_is_an_error_and_never_waits(special, read):
    with pytest.raises(NotARegularFile, match=r"is a .*, not a file"):
        read(special)


def test_a_configuration_that_is_no_regular_file_is_named_with_what_it_is(special):
    with pytest.raises(UserError, match=r"configuration: can't be read \(is a .*, not a file\)"):
        read_json_object(special)


def test_no_more_is_read_than_one_byte_above_the_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    assert len(read_regular(path, 10)) == 11


def test_a_path_with_a_zero_byte_is_an_error_of_the_file():
    with pytest.raises(OSError, match="null"):
        open_regular("a\0b")
