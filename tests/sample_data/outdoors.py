"""More places outdoors, and the list of all places."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.sample_data.backgrounds import Background, Palette, Rng, meadow, room, sofa, studio, tint
from tests.sample_data.noise import cloud_tile, grain_tile, spot_tile, texture
from tests.sample_data.painting import box, cover, fill, gradient, ground
from tests.sample_data.relief import blur


def beach(rng: Rng, height: int, width: int, palette: Palette) -> Background:
    """Sand, sea and sky."""
    horizon, shore = int(height * rng.uniform(0.12, 0.35)), int(height * rng.uniform(0.42, 0.58))
    color = gradient(height, width, (0.45, 0.68, 0.92), (1.0, 1.0, 1.0))
    clouds = texture(rng, cloud_tile(), horizon, width, 0.7, 2.0)
    cover(color[:horizon], (1.0, 0.99, 0.97), np.clip(0.5 * clouds - 0.2, 0.0, 0.8))
    sea = gradient(shore - horizon, width, (0.16, 0.42, 0.58), (0.42, 0.7, 0.74))
    waves = texture(rng, grain_tile(), shore - horizon, width, 2.0, 8.0)
    color[horizon:shore] = sea * (1.0 + 0.07 * waves)[..., None]
    edge = shore + 0.02 * height * texture(rng, cloud_tile(), 2, width, 1.0, 1.5)[0]
    rows = np.arange(height, dtype=np.float32)[:, None]
    sand = np.float32([0.87, 0.76, 0.58]) * rng.uniform(0.8, 1.08)
    if rng.random() < 0.4:
        sand = 0.5 * sand + 0.5 * np.float32(palette[0])
    dunes = texture(rng, cloud_tile(), height, width, 0.6, 2.0)
    grains = texture(rng, grain_tile(), height, width, 1.0)
    sand = sand * (1.0 + 0.06 * dunes + 0.06 * grains)[..., None]
    cover(color, (0.97, 0.98, 0.98), np.clip(1.0 - np.abs(rows - edge + 0.012 * height) / (0.012 * height), 0, 1))
    cover(color, sand, np.clip(rows - edge, 0.0, 1.0))
    return Background(color, (0.75, 0.95), (1.05, 1.02, 0.95), ("ball", "rock", "log"))


def snow(rng: Rng, height: int, width: int, palette: Palette) -> Background:
    """A snowy field with firs behind."""
    horizon = int(height * rng.uniform(0.3, 0.55))
    color = gradient(height, width, (0.62, 0.72, 0.86), (0.9, 0.92, 0.95))
    for _ in range(rng.integers(5, 14)):
        x, tall = rng.uniform(0, width), height * rng.uniform(0.15, 0.42)
        green = np.float32([0.17, 0.27, 0.22]) * rng.uniform(0.7, 1.4)
        for part in (0.0, 0.25, 0.5):
            top, half = horizon - tall * (1.0 - part), 0.16 * tall * (0.6 + 0.8 * part)
            fill(color, [(x, top), (x + half, top + 0.5 * tall), (x - half, top + 0.5 * tall)], green)
            fill(color, [(x, top), (x + 0.4 * half, top + 0.2 * tall), (x - 0.5 * half, top + 0.22 * tall)],
                 (0.93, 0.95, 0.98), 0.75)  # fmt: skip
    drifts = texture(rng, cloud_tile(), height - horizon, width, 1.0, 2.5)
    slope = np.gradient(blur(drifts, max(2.0, 0.025 * height)), axis=0) * height * 0.05
    sparkle = texture(rng, grain_tile(), height - horizon, width, 1.0)
    field = np.float32([0.90, 0.93, 0.98]) * (0.96 - 0.1 * slope + 0.02 * sparkle)[..., None]
    color[horizon:] = field - np.clip(slope, 0, 1)[..., None] * np.float32([0.1, 0.06, 0.0])
    return Background(color, (0.74, 0.95), (0.98, 1.02, 1.1), ("ball", "log", "rock", "bush"))


def street(rng: Rng, height: int, width: int, palette: Palette) -> Background:
    """A brick or plaster wall with a door, and paving stones."""
    horizon = int(height * rng.uniform(0.4, 0.6))
    brick = np.float32([0.62, 0.33, 0.24]) * rng.uniform(0.7, 1.3)
    if rng.random() < 0.5:
        brick = np.float32(palette[rng.integers(len(palette))])
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    course = rows / (0.045 * height)
    along = columns / (0.11 * height) + 0.5 * (np.floor(course) % 2)
    tone = rng.uniform(0.8, 1.15, 64).astype(np.float32)[(np.floor(along) + 7 * np.floor(course)).astype(int) & 63]
    mortar = np.minimum(0.5 - np.abs(along % 1 - 0.5), 0.5 * (0.5 - np.abs(course % 1 - 0.5)))
    rough = 1.0 + 0.05 * texture(rng, grain_tile(), height, width, 1.0)
    color = brick * (tone * rough)[..., None]
    cover(color, (0.72, 0.69, 0.64), np.clip(1.0 - 18.0 * mortar, 0.0, 0.8))
    x, half = rng.uniform(0, width), 0.13 * width
    paint = 0.8 * tint(rng, palette, 0.3)
    fill(color, box(x - 1.12 * half, 0, x + 1.12 * half, horizon), (0.85, 0.84, 0.8))
    fill(color, box(x - half, 0, x + half, horizon), paint)
    for across in (-0.45, 0.45):
        middle = x + across * half
        fill(color, box(middle - 0.3 * half, 0.1 * height, middle + 0.3 * half, 0.8 * horizon), 0.75 * paint)
    sideways, away = ground(height - horizon, width, 0)
    stone = sideways * rng.uniform(2.0, 4.0), away * rng.uniform(3.0, 6.0)
    joint = np.minimum(*(0.5 - np.abs(part % 1 - 0.5) for part in stone))
    number = (np.floor(stone[0]) * 5 + np.floor(stone[1]) * 11).astype(int) & 63
    slab = rng.uniform(0.9, 1.08, 64).astype(np.float32)[number] * np.clip(20 * joint, 0.65, 1.0)
    speckle = texture(rng, grain_tile(), height - horizon, width, 1.0)
    grey = rng.uniform(0.4, 0.68) * np.float32([1.0, 0.98, 0.95])
    color[horizon:] = grey * (slab * (1.0 + 0.06 * speckle))[..., None]
    return Background(color, (0.76, 0.95), (0.97, 0.99, 1.02), ("ball", "plant", "rock", "bowl"))


def forest(rng: Rng, height: int, width: int, palette: Palette) -> Background:
    """Trunks in the mist and a floor of fallen leaves in the colours of fur."""
    horizon = int(height * rng.uniform(0.2, 0.45))
    color = gradient(height, width, (0.62, 0.68, 0.55), (0.82, 0.76, 0.58))
    crown = texture(rng, cloud_tile(), height, width, 0.5)
    cover(color, (0.75, 0.5, 0.18), np.clip(0.35 * crown, 0.0, 0.5))
    for _ in range(rng.integers(4, 10)):
        x, half = rng.uniform(0, width), width * rng.uniform(0.01, 0.035)
        bark = np.float32([0.3, 0.24, 0.19]) * rng.uniform(0.7, 1.5)
        lean = rng.uniform(-0.04, 0.04) * width
        foot = horizon + 0.02 * height
        fill(color, [(x - half + lean, 0), (x + half + lean, 0), (x + 1.3 * half, foot), (x - 1.3 * half, foot)], bark)
    earth = texture(rng, cloud_tile(), height - horizon, width, 0.5, 1.5)
    litter = texture(rng, spot_tile(), height - horizon, width, 0.35, 1.6)
    floor = np.float32([0.42, 0.29, 0.16]) * (1.0 + 0.12 * earth + 0.16 * litter)[..., None]
    color[horizon:] = floor
    hues = [[0.75, 0.42, 0.12], [0.62, 0.28, 0.1], [0.8, 0.6, 0.2], [0.5, 0.33, 0.18], list(palette[0])]
    for y in horizon + (height - horizon) * np.sort(rng.random(110)):
        size = height * (0.012 + 0.045 * (y - horizon) / height)
        turn, x = rng.uniform(0, np.pi), rng.uniform(0, width)
        long, thin = size * np.array([np.cos(turn), 0.6 * np.sin(turn)]), 0.4 * size
        leaf = [(x - long[0], y - long[1]), (x - thin * np.sin(turn), y + thin * np.cos(turn)),
                (x + long[0], y + long[1]), (x + thin * np.sin(turn), y - thin * np.cos(turn))]  # fmt: skip
        fill(color, leaf, np.float32(hues[rng.integers(len(hues))]) * rng.uniform(0.7, 1.15))
    return Background(color, (0.74, 0.95), (1.0, 0.97, 0.88), ("log", "rock", "bush"))


PLACES: tuple[Callable[[Rng, int, int, Palette], Background], ...] = (
    meadow, room, sofa, studio, beach, snow, street, forest, room, meadow,
)  # fmt: skip
