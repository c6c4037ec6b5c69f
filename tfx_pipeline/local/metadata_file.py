"""Checks, without TFX and before anything runs, that an output folder's ML Metadata can be used.

ML Metadata itself treats an empty or foreign SQLite file as a new database. The record of blessed models would be lost
silently, and a worse model pushed.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from schemas.errors import UserError
from tfx_pipeline.config.output_layout import (
    CONFUSION_FILE,
    METADATA_FILE,
    PER_IMAGE_FILE,
    PIPELINE_FOLDER,
    PREDICTIONS_FILE,
    REPORT_FILE,
    SERVING_FOLDER,
    SUMMARY_FILE,
)

RESULT_FILES = (SUMMARY_FILE, PREDICTIONS_FILE, REPORT_FILE, PER_IMAGE_FILE, CONFUSION_FILE)
LOCK_SECONDS = 2.0  # another process may be writing; it never holds the lock for long
VERSION_TABLE = "MLMDEnv"  # holds the version of ML Metadata's tables; every such file has it


def check_metadata_file(output: Path) -> None:
    """Checks the file that records earlier runs; a new output folder has none, and nothing that a run would replace.

    Raises:
      UserError: It is damaged, in use or not ML Metadata's, or it is missing beside files of earlier runs, or beside
        files that are not ours.
    """
    path = output / METADATA_FILE
    if path.exists():
        _check(path)
    elif made := [name for name in (PIPELINE_FOLDER, SERVING_FOLDER) if any(output.glob(f"{name}/*"))]:
        raise UserError(
            f"{path}: missing, but {made[0]}/ holds what earlier runs made, and nothing else says which models were "
            "blessed; put the file back, or start with another --output"
        )
    elif taken := [name for name in RESULT_FILES if os.path.lexists(output / name)]:
        raise UserError(
            f"{output / taken[0]}: no {METADATA_FILE} beside it says that an earlier run wrote it, and this one would"
            " replace it; choose another --output"
        )


def damaged(path: Path, problem: str) -> UserError:
    """The error that names the file, the problem and the remedy."""
    return UserError(
        f"{path}: {problem}; restore it from a copy, or start with another --output: this file alone says which steps "
        "are done and which models were blessed"
    )


def _check(path: Path) -> None:
    if not path.is_file() or not path.stat().st_size:
        raise damaged(path, "empty, or not a file")
    try:
        # Writable, so that SQLite can roll back what a killed run left half done, but never created.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", LOCK_SECONDS, uri=True)) as connection:
            [[answer], *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
            tables = {name for [name] in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise UserError(f"{path}: another process is using it; wait for that, or choose another --output") from None
        raise damaged(path, f"cannot be read ({error})") from None
    if answer != "ok":
        raise damaged(path, f"damaged ({' '.join(answer.split())})")
    if VERSION_TABLE not in tables:
        raise damaged(path, "not written by ML Metadata")
