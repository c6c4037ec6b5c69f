"""`make bench`: how close the preparation comes to the speed of its codec. Trust the ratios more than the figures."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from beam_jobs.console import be_calm
from beam_jobs.photos import decode_photo
from beam_jobs.prepare import main as prepare
from beam_jobs.records import FULL_CHROMA, MASK_COMPRESSION, Encoding, make_record, to_example
from beam_jobs.sample_data.writer import Settings, write_sample
from schemas.spec import load_spec

IMAGES = 400
IMAGE_SIZE = 128
PASSES = 3
PETS = load_spec("pets")


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def codec_only(photo: bytes, mask: bytes) -> None:
    """What no preparation can do without: decode, resize and encode, with no check and no feature."""
    image = Image.open(io.BytesIO(photo))
    image.draft("RGB", (2 * IMAGE_SIZE, 2 * IMAGE_SIZE))
    size = (IMAGE_SIZE, IMAGE_SIZE)
    image.resize(size, Image.Resampling.BILINEAR).save(io.BytesIO(), "JPEG", quality=92, subsampling=FULL_CHROMA)
    small = Image.open(io.BytesIO(mask)).resize(size, Image.Resampling.NEAREST)
    small.save(io.BytesIO(), "PNG", compress_level=MASK_COMPRESSION)


def main() -> None:
    """Draws photos, prepares them in three ways in turn, prints a table."""
    be_calm(verbose=False)
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        write_sample(photos, Settings(count=IMAGES), workers=os.cpu_count() or 1, progress=lambda done, total: None)
        pairs = [
            (path.stem, path.read_bytes(), (photos / "annotations/trimaps" / f"{path.stem}.png").read_bytes())
            for path in sorted((photos / "images").iterdir())
        ]
        encoding = Encoding(IMAGE_SIZE, "jpeg", 92)
        decode_photo(pairs[0][1], IMAGE_SIZE)  # loads the decoder
        codec, record, job = [], [], []
        for number in range(PASSES):  # in turn, so that a busy moment of the machine meets all three
            codec.append(seconds(lambda: [codec_only(photo, mask) for _, photo, mask in pairs]))
            record.append(seconds(lambda: [to_example(make_record(*one, PETS, encoding).values) for one in pairs]))
            version = [f"--input={photos}", f"--output={folder}/data", f"--version={number}", "--dataset=pets"]
            with contextlib.redirect_stdout(io.StringIO()):
                job.append(seconds(lambda options=version: prepare(options)))
        report("prepare, codec alone", codec, codec)
        report("prepare, one record after the other", record, codec)
        report("prepare, whole Beam job with statistics", job, codec)


def report(name: str, measured: list[float], baseline: list[float]) -> None:
    """Prints images per second of the best pass, and its ratio to the baseline's best."""
    print(f"{name:<44}{IMAGES / min(measured):>8.0f} images/s  {min(baseline) / min(measured):>5.2f} of the codec's")


if __name__ == "__main__":
    main()
