"""Finds published versions and the output folders of pipelines below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from schemas.errors import UserError
from schemas.manifest import Manifest, read_manifest
from schemas.version_files import MANIFEST_FILE
from tfx_pipeline.config.output_layout import METADATA_FILE, SUMMARY_FILE
from tfx_pipeline.local.history import FinishedRun, read_history

MAX_DEPTH = 8  # folders below the root
MAX_FOLDERS = 100_000


@dataclass(frozen=True)
class Version:
    """A published version, with its folder and when its manifest was written."""

    folder: Path
    manifest: Manifest
    written: datetime


@dataclass(frozen=True)
class Output:
    """An output folder of a pipeline: its finished runs, the oldest first."""

    folder: Path
    runs: tuple[FinishedRun, ...]


@dataclass
class Found:
    """What lies below a folder; `problems` says what could not be read, and why."""

    versions: list[Version] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find(root: Path) -> Found:
    """Looks through the folders below `root`, not through links, hidden folders, versions or outputs.

    Raises:
      UserError: There is no such folder, or more folders than anyone keeps runs in.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; give one with published versions and runs, such as runs")
    found = Found()
    for folder in _folders(root):
        try:
            if (folder / MANIFEST_FILE).is_file():
                written = datetime.fromtimestamp((folder / MANIFEST_FILE).stat().st_mtime, timezone.utc)
                found.versions.append(Version(folder, read_manifest(folder), written))
            else:
                found.outputs.append(Output(folder, tuple(read_history(folder))))
        except (UserError, OSError) as error:
            found.problems.append(str(error))
    found.versions.sort(key=lambda one: (one.manifest.dataset, one.written, one.folder))
    found.outputs.sort(key=lambda one: (one.runs[-1].finished.isoformat() if one.runs else "", str(one.folder)))
    return found


def _folders(root: Path) -> Iterator[Path]:
    """Folders that are a version or an output, in the order of their paths."""
    for number, (path, names, files) in enumerate(os.walk(root)):
        folder = Path(path)
        if number >= MAX_FOLDERS:
            raise UserError(f"{root}: has more than {MAX_FOLDERS:,} folders; give one with published versions and runs")
        if MANIFEST_FILE in files or (SUMMARY_FILE in files and METADATA_FILE in files):
            names.clear()
            yield folder
        elif len(folder.relative_to(root).parts) >= MAX_DEPTH:
            names.clear()
        else:
            names[:] = sorted(name for name in names if not name.startswith("."))
