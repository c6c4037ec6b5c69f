"""Command line that fetches the official archives of a data set; `make data` runs it for pets.

A download is written to `<file>.<start of its SHA-256>.part` and resumes there after a break (RFC 9110, section 14:
range requests). It gets its final name only when size and SHA-256 match the data set's contract.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beam_jobs.console import CommandLine, exit_code, quiet_libraries
from beam_jobs.sources.dataset_file import read_dataset
from schemas.archive_spec import ARCHIVE_URL, ArchiveSpec
from schemas.errors import UserError
from schemas.manifest import file_sha256
from schemas.shipped import available_datasets

PIECE = 1 << 20  # 1 MiB
ATTEMPTS = 6  # consecutive attempts without progress
FIRST_WAIT = 1.0  # seconds; doubled from attempt to attempt
TIMEOUT = 60.0  # seconds without a byte
TRY_AGAIN = (408, 429, 500, 502, 503, 504)  # HTTP: busy or broken for now
GO_ON = "the same command resumes where this one stopped"


class _Dropped(Exception):
    """The connection ended before the file did; the message says why."""


def main(arguments: list[str] | None = None) -> int:
    """Fetches what is missing.

    Returns:
      0: everything is there and checked.

    Raises:
      UserError: The options can't be used, or an archive can't be had.
    """
    parser = CommandLine(
        prog="python -m beam_jobs.fetch",
        description="Fetches the official archives of a data set, checks them, and resumes where it was interrupted. "
        "beam_jobs.prepare reads them as they are.",
        epilog="exit codes: 0 everything is there, 2 unusable options, or an archive can't be had",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--dataset", required=True, help=f"{', '.join(available_datasets())}, or the path of a dataset.yaml"
    )
    parser.add_argument("--output", required=True, help="folder for the archives")
    options = parser.parse_args(arguments)
    quiet_libraries(verbose=False)
    spec = read_dataset(options.dataset)
    if not spec.archives:
        raise UserError(f"--dataset {spec.name}: there are no official archives to fetch")
    folder = Path(options.output).expanduser()
    for archive in spec.archives:
        fetch_archive(archive, folder)
    print(f"{folder} can be read: python -m beam_jobs.prepare --dataset={options.dataset} --input={folder} ...")
    return 0


def fetch_archive(archive: ArchiveSpec, folder: Path, first_wait: float = FIRST_WAIT) -> Path:
    """Fetches one archive, unless it is already there, and returns its path.

    Args:
      archive: What to fetch.
      folder: Destination; created if missing.
      first_wait: Seconds before the second attempt; each further wait is twice as long.

    Raises:
      UserError: The server has no such file or another one, it can't be reached, or the disk is full.
    """
    target = folder / archive.file
    part = folder / part_name(archive)
    _refuse_foreign(target, part)
    if target.exists():
        if target.stat().st_size != archive.bytes or file_sha256(target) != archive.sha256:
            raise UserError(f"{target}: is not the file that {archive.url} should be; move it away and try again")
        print(f"{target}: already there, size and sha256 are right")
        return target
    with _disk_errors(part, archive):
        folder.mkdir(parents=True, exist_ok=True)
        had = part.stat().st_size if part.exists() else 0
        if had > archive.bytes:  # not the start of this file
            part.unlink()
            had = 0
        _check_space(folder, archive.bytes - had)
    print(f"{target}: {archive.bytes - had:,} of {archive.bytes:,} bytes to fetch from {archive.url}", flush=True)
    _complete(archive, part, first_wait)
    if had and file_sha256(part) != archive.sha256:
        print(f"{target}: the partial file does not match; starting over", flush=True)
        part.unlink()
        _complete(archive, part, first_wait)
    if (found := file_sha256(part)) != archive.sha256:
        part.unlink()
        raise UserError(f"{archive.url}: has sha256 {found}, must be {archive.sha256}; nothing was kept")
    os.replace(part, target)
    print(f"{target}: complete, size and sha256 are right")
    return target


def part_name(archive: ArchiveSpec) -> str:
    """Name of the file that an archive is fetched into.

    It contains the expected digest. A `FILE.part` of another program is neither resumed nor deleted.
    """
    return f"{archive.file}.{archive.sha256[:16]}.part"


def _refuse_foreign(*paths: Path) -> None:
    """Raises a UserError where there is a link, a folder or a device: we create none, and would write elsewhere."""
    for path in paths:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise UserError(f"{path}: exists, but is not a regular file; move it away and try again")


def _complete(archive: ArchiveSpec, part: Path, first_wait: float) -> None:
    """Completes a partial file, over as many connections as it takes."""
    from tqdm import tqdm

    failures = farthest = 0
    with tqdm(total=archive.bytes, unit="B", unit_scale=True, desc=archive.file, disable=None, leave=False) as bar:
        while (had := part.stat().st_size if part.exists() else 0) < archive.bytes:
            try:
                for position in _continue(archive, part, had):
                    bar.update(position - bar.n)
                    if position > farthest:  # a server without range requests may break off at the same byte every time
                        farthest, failures = position, 0
            except _Dropped as error:
                failures += 1
                if failures == ATTEMPTS:
                    raise UserError(f"{archive.url}: {error}; gave up after {ATTEMPTS} attempts, {GO_ON}") from None
                time.sleep(first_wait * 2 ** (failures - 1))


def _continue(archive: ArchiveSpec, part: Path, had: int) -> Iterator[int]:
    """Appends what is missing after the first `had` bytes, over one connection; yields the size after each piece."""
    with _open(archive, had) as response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {had}-"):
            raise UserError(f"{archive.url}: sent a different range than requested; delete {part} and try again")
        start = had if resumed else 0  # a server without range requests sends everything again
        length = response.headers.get("Content-Length")
        if length is not None and int(length) != archive.bytes - start:
            raise UserError(f"{archive.url}: is {int(length) + start:,} bytes long, must be {archive.bytes:,}")
        with _disk_errors(part, archive), part.open("ab" if resumed else "wb") as file:
            while start < archive.bytes:
                piece = _read(response, min(PIECE, archive.bytes - start))
                file.write(piece)
                file.flush()
                start += len(piece)
                yield start


def _open(archive: ArchiveSpec, had: int) -> http.client.HTTPResponse:
    headers = {"Accept-Encoding": "identity", "User-Agent": "segmentation-pipeline"}
    if had:
        headers["Range"] = f"bytes={had}-"
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        return opener.open(urllib.request.Request(archive.url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code in TRY_AGAIN:
            raise _Dropped(f"HTTP {error.code} {error.reason}") from None
        raise UserError(
            f"{archive.url}: HTTP {error.code} {error.reason}; if you have {archive.file} from elsewhere, put it into"
            " the folder, it is checked all the same"
        ) from None
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise _Dropped(str(getattr(error, "reason", error)) or type(error).__name__) from None


def _read(response: http.client.HTTPResponse, size: int) -> bytes:
    try:
        piece = response.read(size)
    except (OSError, http.client.HTTPException) as error:
        raise _Dropped(str(error) or type(error).__name__) from None
    if not piece:
        raise _Dropped("the connection ended early")
    return piece


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https alone."""

    def redirect_request(self, request, file, code, message, headers, url):
        if not re.match(ARCHIVE_URL, url):
            raise UserError(f"{request.full_url}: leads to {url}, which is not https")
        return super().redirect_request(request, file, code, message, headers, url)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(f"{folder}: {needed:,} bytes are needed, {free:,} are free")


@contextmanager
def _disk_errors(part: Path, archive: ArchiveSpec) -> Iterator[None]:
    """Errors of the file system as a UserError; those of the network arrive as other exceptions."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{part}: {error.strerror or error}; {archive.bytes:,} bytes are needed, {GO_ON}") from None


if __name__ == "__main__":
    sys.exit(exit_code(main, f"interrupted; {GO_ON}"))
