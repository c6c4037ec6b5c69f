"""Finds the files of a data set under its input folder, unpacked or inside the official archives, one at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from beam_jobs.elements import SourceFile, spell_out
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.sources.archives import check_archive, list_members
from beam_jobs.sources.folders import list_folder
from beam_jobs.sources.left_out import LeftOutFiles
from beam_jobs.storage.files import exists
from schemas.errors import UserError
from schemas.image_ids import image_id_of
from schemas.path_pattern import PathPattern

IMAGES, MASKS, LISTS, ANNOTATIONS, PAIRS = "images", "masks", "lists", "annotations", "pairs"
GROUP_TABLE, WEIGHT_TABLE = "group_table", "weight_table"
TABLES = {GROUP_TABLE: "group.table", WEIGHT_TABLE: "weights.table"}  # with what says them in dataset.yaml
NAMED = (LISTS, *TABLES)  # files whose own paths dataset.yaml says
_TEXTS = (*NAMED, PAIRS)  # which may be one file


class Wanted(NamedTuple):
    """One kind of file: photos, masks, annotations or pairs of many photos, a table, or the official list of `split`.

    Of a file found, `split` is what its path names.
    """

    kind: str
    pattern: str
    split: str = ""


class Listing(NamedTuple):
    """A place to list, the input folder or (`archive`) a tar in it, and what is wanted from it.

    Attributes:
      patterns: Of all photos and masks expected there, by this listing or another.
      known: Paths of the data set's other files there.
    """

    place: str
    archive: bool
    wanted: tuple[Wanted, ...]
    patterns: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


def wanted_files(options: PrepareOptions) -> list[Wanted]:
    """What the options ask for."""
    spec = options.spec
    lists = spec.official_splits.items() if options.split == "official" else ()
    return [
        Wanted(IMAGES, spec.image_path),
        *([Wanted(MASKS, spec.mask_path)] if spec.mask_path else []),
        *([Wanted(ANNOTATIONS, spec.masks.annotations)] if spec.masks.annotations else []),
        *([Wanted(PAIRS, spec.pairs.table)] if spec.pairs else []),
        *([Wanted(GROUP_TABLE, spec.group.table)] if spec.group and spec.group.table else []),
        *([Wanted(WEIGHT_TABLE, spec.weights.table)] if spec.weights else []),
        *(Wanted(LISTS, path, split) for split, path in lists),
    ]


def plan_listings(options: PrepareOptions) -> Iterator[Listing]:
    """Decides where to list what: unpacked files take precedence over the archives, which are read in place.

    Raises:
      UserError: Something is in neither, or an archive is compressed.
    """
    root, spec = options.input, options.spec
    unpacked: list[Wanted] = []
    packed: list[Wanted] = []
    for wanted in wanted_files(options):
        (unpacked if _is_there(root, wanted) else packed).append(wanted)
    known = (*spec.official_splits.values(), *spec.tables, *(name for one in spec.archives for name in one.local_names))
    for wanted in unpacked:
        yield Listing(root, False, (wanted,), _patterns(unpacked), known)
    if not packed:
        return
    there = [[uri for name in one.local_names if _is_file(uri := f"{root}/{name}")] for one in spec.archives]
    if not any(there) and options.retry_quarantined:  # fixed files need no lists: the base has read them
        packed = [wanted for wanted in packed if wanted.kind != LISTS]
    if packed:
        _check_archives(packed, [one.file for one, uris in zip(spec.archives, there) if not uris], options)
    for uri in (uri for uris in there for uri in uris):
        check_archive(uri)
        yield Listing(uri, True, tuple(packed), _patterns(packed), known)


def _is_there(root: str, wanted: Wanted) -> bool:
    return any(image_id is not None for _, image_id, _ in list_folder(root, PathPattern(wanted.pattern)))


def _patterns(wanted: Iterable[Wanted]) -> tuple[str, ...]:
    return tuple(one.pattern for one in wanted if one.kind not in NAMED)


def _check_archives(packed: list[Wanted], missing: list[str], options: PrepareOptions) -> None:
    """Raises a UserError if files are neither unpacked nor in archives, because some archive is missing."""
    archives = options.spec.archives
    fetch = f"python -m beam_jobs.fetch --dataset={options.dataset} fetches"
    if len(missing) < len(archives):
        if missing and {IMAGES, MASKS} <= {wanted.kind for wanted in packed}:
            raise UserError(f"--input {options.input}: lacks {' and '.join(missing)}; {fetch} it")
    elif key := TABLES.get(packed[0].kind):
        raise UserError(f"--input {options.input}: lacks {packed[0].pattern}, which dataset.yaml names in {key}")
    elif packed[0].kind == LISTS:
        raise UserError(f"--input {options.input}: --split=official needs {packed[0].pattern}; or use --split=hash")
    else:
        remedy = f", nor is there any of {', '.join(missing)}; {fetch} them" if archives else ""
        if other := _other_files(packed[0], options):
            remedy = other
        if options.retry_quarantined:
            remedy = "; a fixed photo needs its mask beside it, and a fixed mask its photo"
        problem = f"no file matches {PathPattern(packed[0].pattern).glob}, the layout of {options.dataset}"
        raise UserError(f"--input {options.input}: {problem}{remedy}")


def _other_files(wanted: Wanted, options: PrepareOptions) -> str:
    """Names files where no file matches, with a remedy; empty if there are no such files."""
    pattern = PathPattern(wanted.pattern)
    others = LeftOutFiles([pattern], options.spec.official_splits.values())
    for path, _, _ in list_folder(options.input, pattern):
        others.add(spell_out(path))
    examples = [name for one in others.kinds.values() for name in one.examples]
    if not pattern.folder or not examples:  # the input folder itself may hold anything
        return ""
    count = sum(one.count for one in others.kinds.values())
    if wanted.kind in (ANNOTATIONS, PAIRS):
        key = "masks.annotations" if wanted.kind == ANNOTATIONS else "pairs.table"
        return f"; {pattern.folder}/ has {count} others, such as {examples[0]}; correct {key}"
    option = "--image_path" if wanted.kind == IMAGES else "--mask_path"
    suggested = f"{wanted.pattern.rpartition('.')[0] or wanted.pattern}.*"
    return f"; {pattern.folder}/ has {count} others, such as {examples[0]}; give {option}, such as {suggested}"


def left_out_files(listing: Listing) -> LeftOutFiles:
    """Collects files of a listing that match no pattern."""
    return LeftOutFiles([PathPattern(pattern) for pattern in listing.patterns], listing.known)


def list_files(listing: Listing, left_out: LeftOutFiles | None = None) -> Iterator[tuple[Wanted, str, SourceFile]]:
    """Yields the kind, the id (empty for a list) and the location of each file in a listing.

    `left_out` collects all other files.
    """
    if listing.archive:
        patterns = [(wanted, PathPattern(wanted.pattern)) for wanted in listing.wanted]
        for member in list_members(listing.place, left_out):
            is_known = member.member in listing.known
            is_input = False
            for wanted, pattern in patterns:
                if is_known and wanted.kind not in _TEXTS:
                    continue
                image_id = pattern.id_of(member.member)
                if image_id is None:
                    continue
                is_input = True
                found = member._replace(
                    member=spell_out(member.member), layer=spell_out(pattern.class_of(member.member))
                )
                yield _with_split(wanted, pattern, member.member), image_id_of(spell_out(image_id)), found
            if not is_input and left_out is not None:
                left_out.add(spell_out(member.member))
    else:
        for wanted in listing.wanted:
            pattern = PathPattern(wanted.pattern)
            others = [PathPattern(one) for one in listing.patterns if one != wanted.pattern]
            narrower = [one for one in others if one.literal_length > pattern.literal_length]
            for path, image_id, size in list_folder(listing.place, pattern):
                is_other = wanted.kind not in _TEXTS and path in listing.known  # `{id}.*` matches a list too
                if image_id is not None and not is_other and not any(one.id_of(path) is not None for one in narrower):
                    layer = spell_out(pattern.class_of(path))
                    source = SourceFile(spell_out(f"{listing.place}/{path}"), size, layer=layer)
                    yield _with_split(wanted, pattern, path), image_id_of(spell_out(image_id)), source
                elif left_out is not None:
                    left_out.add(spell_out(path), pattern)


def _with_split(wanted: Wanted, pattern: PathPattern, path: str) -> Wanted:
    """What was wanted, with the split that the path of a photo, or of annotations, names."""
    is_named = wanted.kind in (IMAGES, ANNOTATIONS) and pattern.names_splits
    return wanted._replace(split=pattern.split_of(path)) if is_named else wanted


def _is_file(uri: str) -> bool:
    return exists(uri) if "://" in uri else os.path.isfile(uri)
