"""Which copies of a photo are recognized: `python -m tests.bench.near_duplicates FOLDER`, a folder of JPEG photos.

Each photo is changed in several ways, hashed as the preparation does, and compared with its own original alone. A copy
is found if its hash shares a band with the original's and differs in few enough bits. Pairs among the originals are
listed, for a person to look at.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from beam_jobs.near_duplicates.bands import BANDS
from beam_jobs.near_duplicates.hashing import encoded_photo_hash
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES, MAX_DISTANCE
from tests.bench.console import run_and_exit
from tests.bench.table import print_row

QUALITY = 90  # of the copies' JPEG files
SHOWN_PAIRS = 20

Change = Callable[[Image.Image], Image.Image]


def cropped(percent: float) -> Change:
    """Cuts so many percent of the width and height off at the left and top, and as much at the right and bottom."""

    def crop(photo: Image.Image) -> Image.Image:
        x, y = (round(side * percent / 200) for side in photo.size)
        return photo.crop((x, y, photo.width - x, photo.height - y))

    return crop


CHANGES: dict[str, tuple[Change, int]] = {
    "compressed at quality 30": (lambda photo: photo, 30),
    "half the size": (lambda photo: photo.reduce(2), QUALITY),
    "brightened by 30 %": (lambda photo: ImageEnhance.Brightness(photo).enhance(1.3), QUALITY),
    "mirrored": (ImageOps.mirror, QUALITY),
    "grey": (ImageOps.grayscale, QUALITY),
    **{f"cropped by {percent} %": (cropped(percent), QUALITY) for percent in (3, 5, 8, 12)},
    "turned by 2 degrees": (lambda photo: photo.rotate(2, Image.Resampling.BICUBIC), QUALITY),
}


def hash_of(photo: Image.Image, quality: int) -> np.ndarray:
    """uint8 [32] of the photo as a JPEG file; photos without structure have no hash and are not measured."""
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=quality)
    return np.frombuffer(encoded_photo_hash(file.getvalue()), np.uint8)


def near(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether hashes uint8 [..., 32] are near-duplicates: bool [...]."""
    differ = first ^ second
    shares_band = ~differ.reshape(*differ.shape[:-1], BANDS, HASH_BYTES // BANDS).any(-1)
    return shares_band.any(-1) & (np.unpackbits(differ, axis=-1).sum(-1) <= MAX_DISTANCE)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.near_duplicates", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="JPEG photos")
    paths = sorted(parser.parse_args().folder.glob("*.jpg"))
    originals, copies = [], []
    for path in paths:
        with Image.open(path) as file:
            photo = file.convert("RGB")
        originals.append(np.frombuffer(encoded_photo_hash(path.read_bytes()), np.uint8))
        copies.append([hash_of(change(photo), quality) for change, quality in CHANGES.values()])
    hashes = np.stack(originals)
    found = near(hashes[:, np.newaxis], np.array(copies)).mean(axis=0)
    print_row(f"{len(paths)} photos", ["found"])
    for name, share in zip(CHANGES, found):
        print_row(name, [f"{share:.1%}"])
    pairs = [
        f"{paths[one].stem} {paths[other].stem}"
        for one in range(len(paths))
        for other in np.flatnonzero(near(hashes[one], hashes[one + 1 :])) + one + 1
    ]
    print(f"\n{len(pairs)} pairs among the originals\n" + "\n".join(pairs[:SHOWN_PAIRS]))


if __name__ == "__main__":
    run_and_exit(main)
