"""Reads which photos `--exclude` leaves out: ids, names or paths, one a line, a table, or JSON Lines with an `id`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from beam_jobs.sources.split_lists import entries_of, lines_of, photo_listed
from beam_jobs.storage.files import FileTooLarge, read_file
from schemas.documents import parse_json_object
from schemas.errors import UserError
from schemas.image_ids import is_image_id
from schemas.spec import DatasetSpec

MAX_BYTES = 8 << 20  # 8 MiB, of which ids travel with the job: some 50,000 lines of label_issues.jsonl


def read_excluded(path: str, spec: DatasetSpec) -> tuple[str, ...]:
    """The ids that a file names, sorted; a photo that is named twice is there once.

    Args:
      path: The file, local or `gs://`: JSON Lines with an `id` in each, such as `label_issues.jsonl`, or a list as
        `split_lists` reads it.
      spec: Its patterns make ids of paths.

    Raises:
      UserError: The file can't be read, is too large, names no photo, or has a line without an `id`.
    """
    try:
        data = read_file(path, MAX_BYTES)
    except FileTooLarge:
        raise UserError(
            f"--exclude {path}: larger than {MAX_BYTES >> 20} MiB; such a list names fewer photos"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: no file system for the scheme
        raise UserError(f"--exclude {path}: can't be read ({getattr(error, 'strerror', None) or error})") from None
    numbered = lines_of(data, f"--exclude {path}")
    is_json = bool(numbered) and numbered[0][1].startswith("{")
    ids = sorted(set(_ids_of_objects(numbered, path) if is_json else _ids_of_list(numbered, path, spec)))
    if not ids:
        raise UserError(f"--exclude {path}: names no photo; leave the option out")
    return tuple(ids)


def ids_sha256(ids: Iterable[str]) -> str:
    """The digest of sorted ids, as a manifest's options state it."""
    return hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()


def _ids_of_objects(numbered: Iterable[tuple[int, str]], path: str) -> Iterator[str]:
    for number, line in numbered:
        source = f"--exclude {path}: line {number}"
        image_id = parse_json_object(line, source).get("id")
        if not isinstance(image_id, str) or not is_image_id(image_id):
            raise UserError(f"{source}: has no `id` of a photo; keep whole lines of label_issues.jsonl")
        yield image_id


def _ids_of_list(numbered: list[tuple[int, str]], path: str, spec: DatasetSpec) -> Iterator[str]:
    for entry in entries_of(numbered, f"--exclude {path}"):
        yield photo_listed(entry.name, spec.image_path, spec.named_path).image_id
