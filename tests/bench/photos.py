"""Photos to measure with: as many as asked, each 500x375 and unlike the others, from a few hundred drawn ones."""

from __future__ import annotations

import io
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops

from schemas.path_pattern import PLACEHOLDER
from schemas.shipped import load_spec
from tests.sample_data.scenes import SCENES
from tests.sample_data.writer import Settings, write_sample

SIZE = (500, 375)  # what most photos of the official data set measure
PETS = load_spec("pets")
_DRAWN = 120
_JPEG_QUALITY = 90
_LIGHTS = 12  # patches of light and shadow in each direction
_LIGHT = (32, 256)  # of 255


def drawn_photo(number: int, sides: tuple[int, int]) -> bytes:
    """A drawn pet as a JPEG file, with sides between the two given; the same for the same number."""
    pixels, _ = SCENES["pets"].draw(np.random.default_rng(number), f"Bengal_{number}", sides)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def write_photos(folder: Path, count: int, workers: int) -> None:
    """Writes `count` photos and masks of the pets' layout into a new folder, the drawn ones into `drawn` beside it."""
    drawn = folder.with_name("drawn")
    if not drawn.exists():
        write_sample(
            drawn, Settings(count=_DRAWN, min_side=520, max_side=640), workers, progress=lambda done, total: None
        )
    originals = sorted(path.stem for path in (drawn / PETS.image_path).parent.iterdir())
    for path in (PETS.image_path, PETS.mask_path):
        (folder / path).parent.mkdir(parents=True)
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(partial(_write_variant, drawn, folder, originals), range(count), chunksize=32))


def _write_variant(drawn: Path, folder: Path, originals: list[str], number: int) -> None:
    """Cuts, mirrors and lights a drawn picture, so unevenly that the results are no near-duplicates."""
    rng = np.random.default_rng(number)
    source = originals[number % len(originals)]
    photo, mask = (Image.open(drawn / path.replace(PLACEHOLDER, source)) for path in (PETS.image_path, PETS.mask_path))
    share = min(photo.width / SIZE[0], photo.height / SIZE[1]) * rng.uniform(0.75, 1.0)
    width, height = share * SIZE[0], share * SIZE[1]
    left, top = rng.uniform(0, photo.width - width), rng.uniform(0, photo.height - height)
    box = (left, top, left + width, top + height)
    photo = photo.resize(SIZE, Image.Resampling.BILINEAR, box)
    mask = mask.resize(SIZE, Image.Resampling.NEAREST, box)
    if rng.random() < 0.5:
        photo, mask = (image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in (photo, mask))
    image_id = f"{source.rpartition('_')[0]}_{number + 1}"
    light = Image.fromarray(rng.integers(*_LIGHT, (_LIGHTS, _LIGHTS), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    photo = ImageChops.multiply(photo, light.convert("RGB"))
    photo.save(folder / PETS.image_path.replace(PLACEHOLDER, image_id), quality=_JPEG_QUALITY)
    mask.save(folder / PETS.mask_path.replace(PLACEHOLDER, image_id))
