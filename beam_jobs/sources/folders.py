"""Lists the files below a folder that a pattern may match, one at a time.

A local folder is walked and a bucket is listed page by page, so that no list of files is ever held. Other file systems
of Beam list whole folders.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterable, Iterator

from beam_jobs.elements import SourceFile, spell_out
from beam_jobs.sources.left_out import LeftOutFiles
from beam_jobs.storage.files import files_below
from schemas.errors import UserError
from schemas.image_ids import image_id_of
from schemas.path_pattern import PathPattern

_UNPACK = {
    (".zip",): "unzip -q {} -d unpacked",
    (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"): "tar -xf {} -C unpacked",
    (".7z",): "7z x {} -ounpacked",
}  # endings of archives to the command that unpacks them


def check_folder(option: str, folder: str, remedy: str = "") -> None:
    """Raises UserError where a local folder is none, with what to do instead; buckets have no folders."""
    if "://" in folder or os.path.isdir(folder):
        return
    if not os.path.isfile(folder):
        raise UserError(f"{option} {folder}: no such folder{remedy}")
    place = shlex.quote(folder)
    unpack = next((command for endings, command in _UNPACK.items() if folder.lower().endswith(endings)), "")
    how = f"; unpack it, mkdir unpacked && {unpack.format(place)}, and give {option}=unpacked" if unpack else remedy
    raise UserError(f"{option} {folder}: is a file, not a folder{how}")


def list_photos(folder: str, pattern: str, left_out: LeftOutFiles | None = None) -> Iterator[tuple[str, SourceFile]]:
    """Id and place of each file below a folder that matches a pattern such as `{id}.*`.

    `left_out` collects all other files.
    """
    for path, image_id, size in list_folder(folder, PathPattern(pattern)):
        if image_id is not None:
            yield image_id_of(spell_out(image_id)), SourceFile(spell_out(f"{folder}/{path}"), size)
        elif left_out is not None:
            left_out.add(spell_out(path))


def list_folder(root: str, pattern: PathPattern) -> Iterator[tuple[str, str | None, int]]:
    """Relative path, id (None where the pattern does not match) and bytes of each file where a pattern may find some.

    A folder that is not entered ends with a slash. A file without a size, such as a broken link, has
    0 bytes: it still is an input, and is rejected when it is read.
    """
    found: Iterable[tuple[str, int]]
    if "://" not in root:
        found = _walk(root, pattern)
    elif root.startswith("gs://"):
        from beam_jobs.storage.cloud_storage import list_objects

        objects = list_objects(f"{root}/{pattern.prefix}")
        # an object whose name ends with a slash is how consoles show an empty folder
        found = ((uri.removeprefix(f"{root}/"), size) for uri, size in objects if not uri.endswith("/"))
    else:
        found = ((one.path.removeprefix(f"{root}/"), one.size) for one in files_below(root))
    for path, size in found:
        yield path, pattern.id_of(path), size


def _walk(root: str, pattern: PathPattern) -> Iterator[tuple[str, int]]:
    if pattern.prefix == pattern.text:
        path = os.path.join(root, pattern.text)
        if os.path.isfile(path):
            yield pattern.text, os.path.getsize(path)
    else:
        folder = pattern.folder
        yield from _scan(os.path.join(root, folder), pattern, f"{folder}/" if folder else "")


def _scan(
    folder: str, pattern: PathPattern, above: str, way: tuple[os.stat_result, ...] = ()
) -> Iterator[tuple[str, int]]:
    """Files in a folder that lies `above`, and below it where the next part of the pattern matches.

    `way` are the folders above. Where a pattern searches any depth, a link back to one of them is not followed.
    """
    index = above.count("/")
    if pattern.spans_folders:
        way = (*way, *_identity(folder))
    for entry in _entries(folder):
        path = f"{above}{entry.name}"
        if not _is_folder(entry):
            yield path, _size(entry) if pattern.may_hold(index) else 0
        elif pattern.enters(index, entry.name) and not _is_one_of(entry, way):
            yield from _scan(entry.path, pattern, f"{path}/", way)
        else:
            yield f"{path}/", 0


def _identity(folder: str) -> Iterator[os.stat_result]:
    with contextlib.suppress(OSError):  # `_entries` says what is wrong with it
        yield os.stat(folder)


def _is_one_of(entry: os.DirEntry, way: tuple[os.stat_result, ...]) -> bool:
    return any(os.path.samestat(found, one) for found in _identity(entry.path) for one in way) if way else False


def _entries(folder: str) -> Iterator[os.DirEntry]:
    """The entries of a folder; none if it does not exist.

    The photos in a folder that can't be listed can't be counted as rejected.
    """
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UserError(
            f"{folder}: can't be listed ({error.strerror or error}), so its photos are unknown; make it"
            " readable, or move it away"
        ) from None


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _size(entry: os.DirEntry) -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 0
