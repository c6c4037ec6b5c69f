"""Writes a text file of a pipeline's output so that no reader meets half of it."""

from __future__ import annotations

import os
from pathlib import Path


def write_text_atomically(path: Path, text: str) -> None:
    """Writes UTF-8 under a temporary name beside it, and renames; OSError where that fails."""
    temporary = path.with_name(f".{path.name}")  # a fixed name, so that the next run replaces the file of a killed one
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
