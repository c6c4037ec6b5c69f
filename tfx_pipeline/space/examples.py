"""Example photos for a Space, drawn as sample data: small, free, and without anyone's private content."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from schemas.errors import UserError

_CHECKOUT = Path(__file__).parents[2]
_SIDES = ("--min_side=256", "--max_side=360")  # pixels


def drawn_examples(dataset: str, count: int = 4, seed: int = 11) -> dict[str, bytes]:
    """Draws photos of a data set: maps file names to JPEGs, which depend only on the seed.

    The drawing is part of a checkout, not of the installed package; without it there are no examples.

    Raises:
      UserError: There is no drawing for this data set.
    """
    if not (_CHECKOUT / "tests" / "sample_data").is_dir():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "photos")
        command = [sys.executable, "-m", "tests.sample_data", f"--dataset={dataset}", f"--output={output}"]
        command += [f"--count={count}", f"--seed={seed}", "--eval_fraction=0", "--workers=1", *_SIDES]
        result = subprocess.run(command, cwd=_CHECKOUT, capture_output=True, text=True, check=False)
        if result.returncode:
            raise UserError(f"drawing examples: {' '.join(result.stderr.split())[-400:]}")
        return {path.name: path.read_bytes() for path in sorted(output.rglob("*.jpg"))}
