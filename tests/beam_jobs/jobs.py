"""Runs the preparation job as its command line does."""

import hashlib
from pathlib import Path

from beam_jobs.prepare.command_line import main

GOOD = [f"Bengal_{number}" for number in range(20)] + [f"pug_{number}" for number in range(20)]


def prepare(photos: Path, output: Path, version: str = "1.0.0", *options: str) -> int:
    """Publishes a version of small records and returns the exit code."""
    places = [f"--input={photos}", f"--output={output}", f"--version={version}"]
    return main(["--dataset=pets", *places, "--image_size=32", *options])


def promised_digests(version_dir: Path) -> dict[str, str]:
    """SHA-256 of each file that the same photos and options give again, anywhere: shards, manifest and report."""
    files = [*version_dir.glob("examples/*/*"), version_dir / "manifest.json", version_dir / "report.html"]
    return {str(path.relative_to(version_dir)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}
