"""The folder of a version before it is published: which files an interrupted job left there, and which are not ours.

A job builds in a staging folder of its own, `_staging/<version>/<job id>/`, which it marks. Before it moves files
from there, it records where each will go. So a later job of the same version knows which files in the version's folder
an interrupted job has left, and may delete them. All other files are never touched: while they are there, nothing is
published.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator

from beam_jobs.prepare.options import JOB_ID, PrepareOptions
from beam_jobs.storage.files import (
    TEMPORARY,
    delete_files,
    exists,
    files_below,
    remove_empty_folders,
    remove_if_empty,
    sizes_below,
    write_atomically,
)
from beam_jobs.storage.ownership import MARKER_FILE, delete_marked_folder, is_marked, mark_folder
from beam_jobs.storage.versions import read_bounded
from schemas.documents import parse_json_object
from schemas.errors import UserError
from schemas.manifest import MAX_BYTES
from schemas.version_files import MANIFEST_FILE, METRICS_FILE, RELATIVE_PATH

OWNER = "beam_jobs.prepare"
MOVES_FILE = "moves.json"  # of a staging folder: the files that are moved from it, and where to
OUTCOME_FILE = "outcome.json"  # of a withheld version: why, and its files
CLAIM_FILE = "claim.json"  # of a version in a bucket, see `claim`
_NAMED = 3  # files in a message


def mark_staging(options: PrepareOptions) -> None:
    """Marks the job's staging folder as its own; may be repeated."""
    mark_folder(options.staging_dir, OWNER)


def record_moves(options: PrepareOptions, place: str, paths: Iterable[str]) -> None:
    """Records in the staging folder which files, by their paths relative to `place`, are about to be moved there."""
    mark_staging(options)
    record = {"withheld": place == options.rejected_dir, "files": sorted(paths)}
    write_atomically(f"{options.staging_dir}/{MOVES_FILE}", json.dumps(record).encode())


def check_place(options: PrepareOptions, place: str) -> None:
    """Checks that no files but ours are where a version, or the files of a withheld one, will go.

    Args:
      options: Of the job.
      place: Its `version_dir`, where nothing is published, or its `rejected_dir`.

    Raises:
      UserError: Names what is there.
    """
    if "://" not in place and os.path.lexists(place) and (os.path.islink(place) or not os.path.isdir(place)):
        raise UserError(f"{place}: exists, but is a link or a file, not a folder; {_remedy(options)}")
    refuse_foreign(options, place, sizes_below(place))


def check_places(options: PrepareOptions) -> None:
    """Raises a UserError if files that are not ours are where a version, or a withheld one, will go."""
    for place in (options.version_dir, options.rejected_dir):
        try:
            check_place(options, place)
        except OSError as error:
            raise UserError(f"--output {options.output}: {place} can't be read ({error})") from None


def refuse_foreign(options: PrepareOptions, place: str, found: Iterable[str]) -> None:
    """Raises a UserError if a file found in a place was not recorded by a job of this version."""
    found = set(found)
    foreign = sorted(path.removeprefix(f"{place}/") for path in found - own_files(options, place, found))
    if foreign:
        more = f" and {len(foreign) - _NAMED} more" if len(foreign) > _NAMED else ""
        raise UserError(
            f"{place}: is not published, but holds {', '.join(foreign[:_NAMED])}{more}, which no job of this version"
            f" has recorded as its own; {_remedy(options)}"
        )


def _remedy(options: PrepareOptions) -> str:
    return f"move it away, or choose another --version than {options.version}"


def own_files(options: PrepareOptions, place: str, found: Collection[str]) -> set[str]:
    """The files found in a place that jobs of this version have recorded, including interrupted ones."""
    recorded = _recorded(options, place) if found else set()
    return {path for path in found if re.sub(TEMPORARY, "", path.removeprefix(f"{place}/")) in recorded}


def _recorded(options: PrepareOptions, place: str) -> set[str]:
    """Paths relative to `place`."""
    withheld = place == options.rejected_dir
    recorded: set[str] = set()
    for staging in (options.staging_dir, *_other_staging(options)):
        record = _read_record(f"{staging}/{MOVES_FILE}")
        if record.get("withheld") is withheld:
            recorded.update(_files_of(record), (OUTCOME_FILE if withheld else MANIFEST_FILE,))
    if withheld and (left := _files_of(_read_record(f"{place}/{OUTCOME_FILE}"))):
        recorded.update((*left, OUTCOME_FILE, METRICS_FILE))
    return recorded


def _read_record(path: str) -> dict:
    """A JSON object; empty if it can't be read, since then nothing is recorded."""
    if not exists(path):
        return {}
    try:
        return parse_json_object(read_bounded(path, MAX_BYTES), path, MAX_BYTES)
    except UserError:
        return {}


def _files_of(record: dict) -> list[str]:
    """The paths of a record, none of which leads out of its place."""
    files = record.get("files", [])
    return [path for path in files if isinstance(path, str) and re.fullmatch(RELATIVE_PATH, path)]


def _other_staging(options: PrepareOptions) -> Iterator[str]:
    """Marked staging folders of other jobs of this version."""
    for file in list(files_below(options.staging_root)):
        folder, _, name = file.path.rpartition("/")
        job = folder.removeprefix(f"{options.staging_root}/")
        if name == MARKER_FILE and re.fullmatch(JOB_ID, job) and job != options.job_id and is_marked(folder, OWNER):
            yield folder


def free_interrupted(options: PrepareOptions) -> None:
    """Deletes what interrupted jobs of this version staged, apart from the record of what they have moved.

    Call it only if no other job of this version is running.
    """
    for staging in _other_staging(options):
        free_staging(options, staging)


def free_staging(options: PrepareOptions, staging: str) -> None:
    """Deletes what a job that has ended staged; the record of what it has moved stays, if it has moved anything."""
    if exists(f"{staging}/{MOVES_FILE}"):
        names = {f"{staging}/{name}" for name in (MARKER_FILE, MOVES_FILE)}
        delete_files([file.path for file in files_below(staging) if file.path not in names])
        remove_empty_folders(staging)
    else:
        delete_marked_folder(staging)
    remove_if_empty(options.staging_root)
    remove_if_empty(posixpath.dirname(options.staging_root))


def delete_left(options: PrepareOptions) -> None:
    """Deletes the files of an earlier, withheld attempt at this version, and no others."""
    place = options.rejected_dir
    delete_files(own_files(options, place, sizes_below(place)))
    remove_empty_folders(place)
    remove_if_empty(posixpath.dirname(place))


def delete_staging(options: PrepareOptions, published: bool) -> None:
    """Deletes the job's staging folder and, once the version is published, those of its other jobs.

    Those can no longer publish; one that is still running finds out when it moves its files.
    """
    for staging in (*(_other_staging(options) if published else ()), options.staging_dir):
        delete_marked_folder(staging)
    if published and exists(claim := f"{options.staging_root}/{CLAIM_FILE}"):
        delete_files([claim])
    remove_empty_folders(options.staging_root)  # one of a job that was killed while it deleted its own, too
    remove_if_empty(posixpath.dirname(options.staging_root))
