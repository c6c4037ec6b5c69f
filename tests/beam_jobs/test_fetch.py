"""Fetching archives from a server on loopback that behaves as badly as real ones do."""

import hashlib
import os
import random
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from beam_jobs.fetch import ATTEMPTS, fetch_archive, main, part_name
from schemas.archive_spec import ArchiveSpec
from schemas.errors import UserError

CONTENT = random.Random(1).randbytes(3 << 20)  # three pieces
HALF = len(CONTENT) // 2


class Handler(BaseHTTPRequestHandler):
    """Serves the server's `content`; the next of its `faults` decides what goes wrong with a request."""

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        fault = server.faults.pop(0) if server.faults else None
        if isinstance(fault, int):
            self.send_error(fault)
            return
        if isinstance(fault, str):
            self.send_response(302)
            self.send_header("Location", fault)
            self.end_headers()
            return
        start = int(self.headers["Range"].removeprefix("bytes=")[:-1]) if "Range" in self.headers else 0
        if server.knows_ranges and start:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        else:
            start = 0
            self.send_response(200)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        # a fault of (bytes,) breaks the connection after so many of the file
        self.wfile.write(server.content[start : fault[0] if fault else None])

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "localhost")
    with ThreadingHTTPServer(("localhost", 0), Handler) as server:
        server.content, server.faults, server.requests, server.knows_ranges = CONTENT, [], [], True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def archive(server):
    return ArchiveSpec(
        file="photos.tar",
        url=f"http://localhost:{server.server_port}/data/photos.tar",
        bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
    )


def fetch(archive, folder):
    return fetch_archive(archive, folder, first_wait=0)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_archive_arrives_whole_and_is_not_fetched_again(server, archive, tmp_path, capsys):
    assert fetch(archive, tmp_path / "data").read_bytes() == CONTENT
    assert names(tmp_path / "data") == ["photos.tar"]
    fetch(archive, tmp_path / "data")
    assert len(server.requests) == 1
    printed = capsys.readouterr()
    assert "3,145,728 bytes to fetch" in printed.out
    assert "already there, size and sha256 are right" in printed.out
    assert printed.err == ""  # no bar where there is no terminal


def test_a_broken_connection_goes_on_where_it_ended(server, archive, tmp_path):
    server.faults = [(HALF,), (HALF + 1000,), 503, (HALF + 1000,)]
    assert fetch(archive, tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == [
        None,
        f"bytes={HALF}-",
        *[f"bytes={HALF + 1000}-"] * 3,
    ]


def test_a_server_that_ignores_ranges_sends_everything_again(server, archive, tmp_path):
    server.knows_ranges = False
    server.faults = [(HALF,)]
    assert fetch(archive, tmp_path).read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_download_that_was_killed_goes_on(server, archive, tmp_path):
    (tmp_path / part_name(archive)).write_bytes(CONTENT[:HALF])
    assert fetch(archive, tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == [f"bytes={HALF}-"]
    assert names(tmp_path) == ["photos.tar"]


@pytest.mark.parametrize("left", [b"x" * HALF, b"x" * (len(CONTENT) + 1)], ids=["other bytes", "too long"])
def test_a_beginning_that_does_not_fit_is_thrown_away(server, archive, tmp_path, left):
    (tmp_path / part_name(archive)).write_bytes(left)
    assert fetch(archive, tmp_path).read_bytes() == CONTENT
    assert names(tmp_path) == ["photos.tar"]


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_server_that_always_breaks_at_the_same_byte_is_given_up(server, archive, tmp_path, knows_ranges):
    server.knows_ranges = knows_ranges
    server.faults = [(HALF,)] * 20
    with pytest.raises(UserError, match="gave up after 6 attempts, the same command resumes"):
        fetch(archive, tmp_path)
    assert len(server.requests) <= ATTEMPTS + 1
    assert names(tmp_path) == [part_name(archive)]
    server.faults = []
    assert fetch(archive, tmp_path).read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_reported_at_once(server, archive, tmp_path):
    server.faults = [404]
    with pytest.raises(UserError, match=r"/data/photos.tar: HTTP 404 Not Found; .*put it into the folder"):
        fetch(archive, tmp_path)
    assert len(server.requests) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CONTENT[:-1] + b"x", "has sha256 .*, must be .*nothing was kept"),
        (b"<html>please log in</html>", "is 26 bytes long, must be 3,145,728"),
        (CONTENT + b"x", "is 3,145,729 bytes long"),
    ],
)
def test_wrong_content_is_not_kept(server, archive, tmp_path, content, message):
    server.content = content
    with pytest.raises(UserError, match=message):
        fetch(archive, tmp_path)
    assert names(tmp_path) == []


def test_another_file_under_the_name_is_neither_trusted_nor_overwritten(server, archive, tmp_path):
    (tmp_path / "photos.tar").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"photos.tar: is not the file that .* move it away"):
        fetch(archive, tmp_path)
    assert (tmp_path / "photos.tar").read_bytes() == b"mine"
    assert server.requests == []


def test_a_disk_that_is_too_small_is_reported_before_anything_is_fetched(server, archive, tmp_path):
    with pytest.raises(UserError, match=r"bytes are needed, .* are free"):
        fetch(archive.model_copy(update={"bytes": 1 << 60}), tmp_path)
    assert server.requests == []


def test_a_disk_that_gets_full_is_reported_and_what_is_there_is_used(server, archive, tmp_path):
    code = f"""
import resource, signal, sys
from pathlib import Path
from beam_jobs.console import exit_code
from beam_jobs.fetch import fetch_archive
from schemas.archive_spec import ArchiveSpec
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the write fails, as it does on a full disk
resource.setrlimit(resource.RLIMIT_FSIZE, ({2 << 20}, {2 << 20}))
archive = ArchiveSpec.model_validate_json({archive.model_dump_json()!r})
sys.exit(exit_code(lambda: fetch_archive(archive, Path({str(tmp_path)!r}))))
"""
    ended = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith(
        f"error: {tmp_path}/{part_name(archive)}: File too large; 3,145,728 bytes are needed"
    )
    assert fetch(archive, tmp_path).read_bytes() == CONTENT
    assert server.requests[-1][1] == f"bytes={2 << 20}-"


def test_redirects_are_followed_but_not_away_from_https(server, archive, tmp_path):
    server.faults = [f"http://localhost:{server.server_port}/mirror"]
    assert fetch(archive, tmp_path).read_bytes() == CONTENT
    server.faults = ["http://mirror.example/photos.tar"]
    with pytest.raises(UserError, match=r"leads to http://mirror.example/photos.tar, which is not https"):
        fetch(archive, tmp_path / "again")


@pytest.mark.parametrize("url", ["http://example.org/a.tar", "file:///etc/passwd", "ftp://example.org/a.tar"])
def test_archives_come_over_https(archive, url):
    with pytest.raises(ValidationError, match="url"):
        ArchiveSpec.model_validate({**archive.model_dump(), "url": url})


def test_a_data_set_without_archives_is_reported(tmp_path):
    with pytest.raises(UserError, match="--dataset streets: there are no official archives"):
        main(["--dataset=streets", f"--output={tmp_path}"])
    with pytest.raises(UserError, match=r"--dataset birds: .*no data set of this name ships"):
        main(["--dataset=birds", f"--output={tmp_path}"])


def test_a_partial_file_of_another_program_is_neither_continued_nor_deleted(server, archive, tmp_path):
    (tmp_path / "photos.tar.part").write_bytes(b"a user's own")
    assert fetch(archive, tmp_path).read_bytes() == CONTENT
    assert (tmp_path / "photos.tar.part").read_bytes() == b"a user's own"


@pytest.mark.parametrize("partial", [True, False])
def test_nothing_is_written_through_a_link_or_into_a_named_pipe(server, archive, tmp_path, partial):
    name = part_name(archive) if partial else "photos.tar"
    (tmp_path / "own").write_bytes(b"a user's own")
    for make in (lambda: (tmp_path / name).symlink_to("own"), lambda: os.mkfifo(tmp_path / name)):
        make()
        with pytest.raises(UserError, match=f"{name}: exists, but is not a regular file"):
            fetch(archive, tmp_path)
        (tmp_path / name).unlink()
    assert (tmp_path / "own").read_bytes() == b"a user's own"
    assert server.requests == []
