"""The folders of a dry run, one for each repository, and what marks them as ours."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import UserError

MODEL_FOLDER = "model"  # also the kind of repository in it
SPACE_FOLDER = "space"
MARKS = {MODEL_FOLDER: "model_info.json", SPACE_FOLDER: "space.json"}  # what a push leaves in each kind of repository


def check_replaceable(dry_run: Path, name: str) -> None:
    """UserError where one of the folders holds what no dry run has written, so that it must not be replaced."""
    folder = dry_run / name
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKS[name]).is_file():
        raise UserError(f"hub.dry_run: {folder} holds files that no dry run has written; choose another folder")
