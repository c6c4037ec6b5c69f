"""Finds the files of a data set under its input folder, unpacked or inside the official archives, one at a time.

A local folder is walked and a bucket is listed page by page, so that no list of files is ever held. Other file systems
of Beam list whole folders.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from beam_jobs.options import PrepareOptions
from beam_jobs.sources.archives import check_archive, list_members
from beam_jobs.sources.source_files import SourceFile
from schemas.errors import UserError
from schemas.path_pattern import PathPattern

IMAGES, MASKS, LISTS = "images", "masks", "lists"


class Wanted(NamedTuple):
    """One kind of file: photos, masks, or the official list of `split`."""

    kind: str
    pattern: str
    split: str = ""


class Listing(NamedTuple):
    """A place to look in, the input folder or (`archive`) a tar in it, and what is wanted from there."""

    place: str
    archive: bool
    wanted: tuple[Wanted, ...]


def wanted_files(options: PrepareOptions) -> list[Wanted]:
    """What the options ask for."""
    spec = options.spec
    lists = spec.official_splits.items() if options.split == "official" else ()
    return [
        Wanted(IMAGES, spec.image_path),
        Wanted(MASKS, spec.mask_path),
        *(Wanted(LISTS, path, split) for split, path in lists),
    ]


def plan_listings(options: PrepareOptions) -> Iterator[Listing]:
    """Decides where to look for what: files that lie unpacked go before the archives, which need no unpacking.

    Raises:
      UserError: Something is in neither, or an archive is compressed.
    """
    root, spec = options.input, options.spec
    packed: list[Wanted] = []
    for wanted in wanted_files(options):
        if next(_list_folder(root, PathPattern(wanted.pattern)), None):
            yield Listing(root, False, (wanted,))
        else:
            packed.append(wanted)
    if not packed:
        return
    there = [[uri for name in one.local_names if _is_file(uri := f"{root}/{name}")] for one in spec.archives]
    if not any(there) and options.retry_quarantined:  # mended files need no lists, their base has read them
        packed = [wanted for wanted in packed if wanted.kind != LISTS]
    if packed:
        _check_archives(packed, [one.file for one, uris in zip(spec.archives, there) if not uris], options)
    for uri in (uri for uris in there for uri in uris):
        check_archive(uri)
        yield Listing(uri, True, tuple(packed))


def _check_archives(packed: list[Wanted], missing: list[str], options: PrepareOptions) -> None:
    """Raises a UserError where what is not unpacked can't be in the archives, because none is there, or one is not."""
    archives = options.spec.archives
    fetch = f"python -m beam_jobs.fetch --dataset={options.dataset} fetches"
    if len(missing) < len(archives):
        if missing and {IMAGES, MASKS} <= {wanted.kind for wanted in packed}:
            raise UserError(f"--input {options.input}: lacks {' and '.join(missing)}; {fetch} it")
    elif packed[0].kind == LISTS:
        raise UserError(f"--input {options.input}: --split=official needs {packed[0].pattern}; or use --split=hash")
    else:
        remedy = f", nor is there any of {', '.join(missing)}; {fetch} them" if archives else ""
        if options.retry_quarantined:
            remedy = "; a mended photo needs its mask beside it, and a mended mask its photo"
        problem = f"no file matches {PathPattern(packed[0].pattern).glob}, the layout of {options.dataset}"
        raise UserError(f"--input {options.input}: {problem}{remedy}")


def list_files(listing: Listing) -> Iterator[tuple[Wanted, str, SourceFile]]:
    """What was wanted, the id (empty for a list) and the place of each file that a listing finds."""
    if listing.archive:
        patterns = [(wanted, PathPattern(wanted.pattern)) for wanted in listing.wanted]
        for member in list_members(listing.place):
            for wanted, pattern in patterns:
                image_id = pattern.id_of(member.member)
                if image_id is not None:
                    yield wanted, _spell_out(image_id), member._replace(member=_spell_out(member.member))
    else:
        for wanted in listing.wanted:
            for path, image_id, size in _list_folder(listing.place, PathPattern(wanted.pattern)):
                yield wanted, _spell_out(image_id), SourceFile(_spell_out(f"{listing.place}/{path}"), size)


def list_photos(folder: str, pattern: str) -> Iterator[tuple[str, SourceFile]]:
    """Id and place of each file below a folder that matches a pattern such as `{id}.*`."""
    for path, image_id, size in _list_folder(folder, PathPattern(pattern)):
        yield _spell_out(image_id), SourceFile(_spell_out(f"{folder}/{path}"), size)


def _spell_out(name: str) -> str:
    """A name that is no UTF-8 can't be shuffled; spelt out, it is rejected as an unsafe id."""
    return name.encode("utf-8", "backslashreplace").decode()


def _list_folder(root: str, pattern: PathPattern) -> Iterator[tuple[str, str, int]]:
    """Relative path, id and bytes of each file that matches."""
    found: Iterable[tuple[str, int]]  # paths that may match, and bytes
    if "://" not in root:
        found = _walk(root, pattern)
    elif root.startswith("gs://"):
        from beam_jobs.storage.cloud_storage import list_objects

        objects = list_objects(f"{root}/{pattern.prefix}")
        found = ((uri.removeprefix(f"{root}/"), size) for uri, size in objects)
    else:
        from apache_beam.io.filesystems import FileSystems

        matched = FileSystems.match([f"{root}/{pattern.glob}"])[0].metadata_list
        found = ((one.path.removeprefix(f"{root}/"), one.size_in_bytes) for one in matched)
    for path, size in found:
        image_id = pattern.id_of(path)
        if image_id is not None:
            yield path, image_id, size


def _walk(root: str, pattern: PathPattern) -> Iterator[tuple[str, int]]:
    if pattern.prefix == pattern.text:
        path = os.path.join(root, pattern.text)
        if os.path.isfile(path):
            yield pattern.text, os.path.getsize(path)
    else:
        folder = pattern.prefix.rpartition("/")[0]
        yield from _scan(os.path.join(root, folder), pattern, f"{folder}/" if folder else "")


def _scan(folder: str, pattern: PathPattern, above: str) -> Iterator[tuple[str, int]]:
    """Files below a folder that lies `above`, entered only where the next part of the pattern matches."""
    index = above.count("/")
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if not pattern.part_matches(index, entry.name):
                continue
            if index + 1 < len(pattern.parts):
                yield from _scan(entry.path, pattern, f"{above}{entry.name}/")
            elif entry.is_file():
                yield f"{above}{entry.name}", entry.stat().st_size


def _is_file(uri: str) -> bool:
    if "://" not in uri:
        return os.path.isfile(uri)
    from apache_beam.io.filesystems import FileSystems

    return FileSystems.exists(uri)
