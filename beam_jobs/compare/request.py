"""Checks a request to compare two versions before a job is built, and decides what of them can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from beam_jobs.compare.class_match import ClassMatch, match_classes
from beam_jobs.storage.local_paths import real_folder
from beam_jobs.storage.versions import (
    absolute_folder,
    read_contract,
    refuse_published,
    require_shards,
    require_version,
)
from schemas.errors import UserError
from schemas.features import GROUP, WEIGHT
from schemas.fitting import LETTERBOX
from schemas.manifest import Manifest
from schemas.spec import DatasetSpec

_OF_PHOTOS = ("image_format", "jpeg_quality")  # options that change the bytes of every photo


class Version(NamedTuple):
    """A published version: its folder and its manifest."""

    folder: str
    manifest: Manifest


class Request(NamedTuple):
    """What is compared.

    Attributes:
      before, after: The earlier and the later version.
      specs: The contracts of both.
      classes: Which class of one is which of the other.
      slices: Features beside photo and mask that both have: slices, group and weight.
      photos, masks: Whether photos and masks are compared, or only ids, splits and slices.
      notes: What differs for all records, and what is therefore not compared, in words.
      output: Folder for the changes and the summary.
      progress_dir: Local folder for the progress files, if it exists.
    """

    before: Version
    after: Version
    specs: tuple[DatasetSpec, DatasetSpec]
    classes: ClassMatch
    slices: tuple[str, ...]
    photos: bool
    masks: bool
    notes: tuple[str, ...]
    output: str
    progress_dir: str

    @property
    def versions(self) -> tuple[Version, Version]:
        """Both, the earlier one first."""
        return self.before, self.after


def make_request(before: str, after: str) -> Request:
    """Reads both versions; the request has no output yet.

    Args:
      before, after: Folders of published versions of one data set, local or `gs://`.

    Raises:
      UserError: Names what can't be used, by the option of the command line.
    """
    earlier, later = _read("--from", before), _read("--to", after)
    if real_folder(earlier.folder) == real_folder(later.folder):
        raise UserError(f"--to {later.folder}: is the version that --from names; give another one")
    if earlier.manifest.dataset != later.manifest.dataset:
        raise UserError(
            f"--to {later.folder}: holds {later.manifest.dataset}, but --from holds {earlier.manifest.dataset};"
            " versions of one data set are compared"
        )
    specs = read_contract(earlier.folder, earlier.manifest), read_contract(later.folder, later.manifest)
    classes = match_classes(*specs)
    slices = [_slices(spec) for spec in specs]
    masks, photos = _comparable(earlier.manifest, later.manifest)
    names = _names(earlier, later)
    notes = [
        *classes.notes(*names),
        *_slice_notes(slices, names),
        *_encoding_notes(earlier.manifest, later.manifest, names),
    ]
    common = tuple(name for name in slices[0] if name in slices[1])
    return Request(earlier, later, specs, classes, common, photos, masks, tuple(notes), output="", progress_dir="")


def check_output(request: Request, output: str) -> None:
    """Checks that a folder to write to is no published version, and in none; UserError otherwise."""
    refuse_published("--output", output, [one.folder for one in request.versions])


def _read(option: str, folder: str) -> Version:
    folder = absolute_folder(folder)
    version = Version(folder, require_version(option, folder))
    require_shards(folder, version.manifest)
    return version


def _names(before: Version, after: Version) -> tuple[str, str]:
    """How messages call the two: by version, or by folder where both have the same."""
    names = before.manifest.version, after.manifest.version
    return names if names[0] != names[1] else (before.folder, after.folder)


def _slices(spec: DatasetSpec) -> tuple[str, ...]:
    return (*((GROUP,) if spec.names_groups else ()), *((WEIGHT,) if spec.has_weights else ()), *spec.slice_names)


def _slice_notes(slices: list[tuple[str, ...]], names: tuple[str, str]) -> Iterator[str]:
    for own, others, name in zip(slices, slices[::-1], names):
        if alone := [one for one in own if one not in others]:
            yield f"only {name} has {', '.join(alone)}"


def _comparable(before: Manifest, after: Manifest) -> tuple[bool, bool]:
    """Whether masks, and whether photos, can be compared pixel by pixel."""
    same_size = (before.image_size, before.fit) == (after.image_size, after.fit)
    return same_size, same_size and all(before.options.get(one) == after.options.get(one) for one in _OF_PHOTOS)


def _size(manifest: Manifest) -> str:
    return f"{manifest.image_size}{' letterboxed' if manifest.fit == LETTERBOX else ''}"


def _encoding_notes(before: Manifest, after: Manifest, names: tuple[str, str]) -> Iterator[str]:
    masks, photos = _comparable(before, after)
    if not masks:
        sizes = ", ".join(f"{_size(one)} in {name}" for one, name in zip((before, after), names))
        yield f"sizes differ ({sizes} pixels): photos, masks and renamed records are not compared, only ids and splits"
    elif not photos:
        pairs = [(one, before.options.get(one), after.options.get(one)) for one in _OF_PHOTOS]
        changed = ", ".join(f"{one} {old} and {new}" for one, old, new in pairs if old != new)
        yield f"photos are encoded differently ({changed}): photos and renamed records are not compared"
