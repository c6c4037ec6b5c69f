"""Runs the preparation job as its command line does."""

from pathlib import Path

from beam_jobs.prepare import main

GOOD = [f"Bengal_{number}" for number in range(20)] + [f"pug_{number}" for number in range(20)]


def prepare(photos: Path, output: Path, version: str = "1.0.0", *options: str) -> int:
    """Publishes a version of small records and returns the exit code."""
    places = [f"--input={photos}", f"--output={output}", f"--version={version}"]
    return main(["--dataset=pets", *places, "--image_size=32", *options])
