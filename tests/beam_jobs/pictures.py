"""Small photos and masks made on the spot, with exactly the property that a test is about."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def gradient(width: int = 60, height: int = 40) -> Image.Image:
    """RGB: red grows to the right, green downwards, so that any turn or swap shows."""
    red = np.broadcast_to(np.linspace(0, 255, width), (height, width))
    green = np.broadcast_to(np.linspace(0, 255, height)[:, None], (height, width))
    return Image.fromarray(np.stack([red, green, np.full_like(red, 40)], -1).astype(np.uint8))


def scene(seed: int) -> Image.Image:
    """Clouds of all sizes, 300x200, no two alike."""
    rng = np.random.default_rng(seed)
    layers = [rng.integers(0, 256, (side, side, 3), np.uint8) for side in (3, 6, 12, 24)]
    grown = [Image.fromarray(layer).resize((300, 200), Image.Resampling.BICUBIC) for layer in layers]
    return Image.fromarray(np.average(grown, axis=0, weights=(4, 3, 2, 1)).astype(np.uint8))


def trimap(width: int = 60, height: int = 40) -> Image.Image:
    """Official values: a 1 in the middle, 3 around it, else 2."""
    values = np.full((height, width), 2, np.uint8)
    values[height // 4 : -height // 4, width // 4 : -width // 4] = 3
    values[height // 3 : -height // 3, width // 3 : -width // 3] = 1
    return Image.fromarray(values)


def encode(image: Image.Image, image_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def flipped(png: bytes) -> bytes:
    """A PNG with one other bit among its pixels."""
    data = bytearray(png)
    data[data.index(b"IDAT") + 10] ^= 1
    return bytes(data)


def write_pair(root: Path, image_id: str, photo: bytes | None = None, mask: bytes | None = None) -> None:
    """Writes a photo and a mask in the official layout, good ones unless given."""
    for path, data in (
        (root / "images" / f"{image_id}.jpg", photo if photo is not None else encode(gradient(), "JPEG", quality=90)),
        (root / "annotations" / "trimaps" / f"{image_id}.png", mask if mask is not None else encode(trimap(), "PNG")),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
