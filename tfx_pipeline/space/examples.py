"""Example photos for a Space from the drawing of sample data: small, free, and of nobody."""

from __future__ import annotations

import tempfile
from pathlib import Path

SIDES = (256, 360)  # pixels, from and to


def drawn_examples(dataset: str, count: int = 4, seed: int = 11) -> dict[str, bytes]:
    """Draws photos of a data set, as `beam_jobs.sample_data` does: file name to JPEG; the same for the same seed.

    Raises:
      UserError: There is no drawing for this data set.
    """
    from beam_jobs.sample_data.writer import Settings, write_sample
    from schemas.spec import load_spec

    settings = Settings(dataset, count, seed, eval_fraction=0.0, min_side=SIDES[0], max_side=SIDES[1])
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "photos")
        write_sample(output, settings, workers=1, progress=lambda done, total: None)
        images = output / Path(load_spec(dataset).image_path).parts[0]
        return {path.name: path.read_bytes() for path in sorted(images.rglob("*.jpg"))}
