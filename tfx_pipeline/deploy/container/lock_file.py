"""Reads which versions a requirements lock pins."""

from __future__ import annotations

import re
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def pinned(lock: Path) -> dict[str, str]:
    """Version of each distribution, by its normalized name (PEP 503); FileNotFoundError if there is no lock."""
    return {normalized(name): version for name, version in PIN.findall(lock.read_text(encoding="utf-8"))}


def normalized(name: str) -> str:
    """The normalized spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
