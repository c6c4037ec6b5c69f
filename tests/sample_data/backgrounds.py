"""Places where a pet is photographed: indoors and outdoors, each a floor with what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.sample_data.noise import cloud_tile, grain_tile, spot_tile, texture
from tests.sample_data.painting import Paint, box, cover, ellipse, fill, gradient, ground, rounded
from tests.sample_data.relief import blur

Rng = np.random.Generator


@dataclass(frozen=True)
class Background:
    """An empty place.

    Attributes:
      color: float32 [H, W, 3] in about [0, 1].
      floor: Rows between which an animal's feet can stand, as parts of the height.
      ambient: Colour of the light that comes from everywhere, RGB.
      clutter: Names of the things that can lie about here (`clutter.THINGS`).
      blades: Colour of grass that grows before the feet, or None.
    """

    color: np.ndarray
    floor: tuple[float, float]
    ambient: tuple[float, float, float]
    clutter: tuple[str, ...]
    blades: tuple[float, float, float] | None = None


Palette = list[tuple[float, float, float]]  # colours of the pet, which things around it share


def tint(rng: Rng, palette: Palette, share: float) -> np.ndarray:
    """A colour for a thing, float32 [3]: with chance `share` one of the pet's own, else a muted one."""
    if rng.random() < share:
        return np.float32(palette[rng.integers(len(palette))])
    return (rng.uniform(0.25, 0.8) + rng.uniform(-0.2, 0.2, 3)).astype(np.float32)


def meadow(rng: Rng, height: int, width: int, palette: Palette) -> Background:
    """Grass under trees and sky."""
    horizon = int(height * rng.uniform(0.12, 0.5))
    sky = gradient(horizon, width, (0.55, 0.74, 0.93), (0.8, 0.88, 0.95))
    clouds = texture(rng, cloud_tile(), horizon, width, 0.8, 1.6)
    cover(sky, (0.98, 0.98, 0.99), np.clip(0.5 * clouds - 0.1, 0.0, 0.8))
    ridge = horizon - height * np.clip(0.16 + 0.1 * texture(rng, cloud_tile(), 2, width, 1.0, 1.2)[0], 0.02, 0.5)
    trees = np.clip(np.arange(horizon, dtype=np.float32)[:, None] - ridge, 0.0, 1.0)
    leaves = texture(rng, cloud_tile(), horizon, width, 0.5)[..., None]
    cover(sky, np.float32([0.16, 0.30, 0.13]) + 0.07 * leaves * np.float32([0.8, 1.0, 0.5]), trees)
    green = np.float32([0.36, 0.50, 0.19]) * rng.uniform(0.75, 1.2) + rng.uniform(-0.05, 0.07, 3).astype(np.float32)
    color = np.concatenate([sky, _grass(rng, height - horizon, width, green)])
    for _ in range(rng.integers(0, 26)):
        y = horizon + (height - horizon) * rng.uniform(0.05, 1.0)
        size = height * (0.004 + 0.012 * (y - horizon) / height)
        hue = rng.choice([[0.95, 0.93, 0.9], [0.95, 0.83, 0.2], [0.85, 0.35, 0.5], list(palette[0])])
        fill(color, ellipse(rng.uniform(0, width), y, size, 0.8 * size, 10), hue)
    return Background(color, (0.72, 0.95), (0.9, 1.0, 1.02), ("ball", "log", "rock", "bush"), tuple(0.9 * green))


def _grass(rng: Rng, height: int, width: int, green: np.ndarray) -> np.ndarray:
    """A lawn in perspective: streaks that grow toward the viewer, float32 [H, W, 3]."""
    near = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None]
    fine = texture(rng, grain_tile(), height, width, 2.2, 0.45)
    coarse = texture(rng, grain_tile(), height, width, 6.0, 0.3)
    clumps = texture(rng, cloud_tile(), height, width, 0.4, 2.5)
    shade = 1.0 + 0.16 * (1.0 - near) * fine + 0.2 * near * coarse + 0.12 * clumps
    dry = np.clip(0.25 * clumps + 0.15, 0.0, 0.5)[..., None]
    return shade[..., None] * (green + dry * np.float32([0.16, 0.06, 0.02])) * (0.85 + 0.15 * near[..., None])


def room(rng: Rng, height: int, width: int, palette: Palette) -> Background:
    """A wall with a window, a picture or shelves, a skirting board and a wooden or tiled floor."""
    horizon = int(height * rng.uniform(0.35, 0.62))
    wall = rng.uniform(0.45, 0.9) * np.float32([1.0, 0.97, 0.92]) + rng.uniform(-0.08, 0.08, 3).astype(np.float32)
    if rng.random() < 0.3:
        wall = 0.6 * np.float32(palette[rng.integers(len(palette))]) + 0.4 * wall
    color = gradient(height, width, 0.9 * wall, 1.05 * wall)
    if rng.random() < 0.4:
        stripes = np.sin(np.arange(width) * 2 * np.pi / (width * rng.uniform(0.03, 0.1))) > 0
        color *= (1.0 - 0.07 * stripes)[None, :, None].astype(np.float32)
    decorate = [_window, _frames, _shelves, _curtain]
    for place in rng.permutation(3)[: rng.integers(1, 4)]:
        decorate[rng.integers(len(decorate))](rng, color, horizon, width * (place + 0.5) / 3, palette)
    color[horizon:] = (_planks if rng.random() < 0.65 else _tiles)(rng, height - horizon, width, palette)
    board = 0.03 * height
    fill(color, box(0, horizon - board, width, horizon), np.float32([0.95, 0.94, 0.91]) * rng.uniform(0.4, 1.0))
    if rng.random() < 0.5:
        pile = tint(rng, palette, 0.5) * (1.0 + 0.12 * texture(rng, grain_tile(), height, width, 1.5, 1.5)[..., None])
        middle = width * rng.uniform(0.3, 0.7)
        fill(color, ellipse(middle, 0.9 * height, 0.55 * width, 0.62 * (height - horizon)), pile)
    return Background(color, (0.78, 0.96), (1.02, 0.98, 0.92), ("ball", "cushion", "plant", "basket", "bowl"))


def _window(rng: Rng, color: np.ndarray, horizon: int, x: float, palette: Palette) -> None:
    height, width = color.shape[:2]
    half, top, bottom = 0.14 * width, 0.04 * height, 0.78 * horizon
    fill(color, box(x - half, top, x + half, bottom), (0.96, 0.96, 0.94))
    sky = gradient(height, width, (0.75, 0.87, 0.98), (0.7, 0.84, 0.65))
    trim = 0.018 * width
    for left in (x - half + trim, x + 0.5 * trim):
        fill(color, box(left, top + trim, left + half - 1.5 * trim, bottom - trim), sky)
    fill(color, box(x - half - trim, bottom, x + half + trim, bottom + trim), (0.9, 0.89, 0.86))


def _frames(rng: Rng, color: np.ndarray, horizon: int, x: float, palette: Palette) -> None:
    width = color.shape[1]
    half, tall = rng.uniform(0.06, 0.12) * width, rng.uniform(0.15, 0.3) * horizon
    y = rng.uniform(0.3, 0.5) * horizon
    fill(color, box(x - half, y - tall, x + half, y + tall), rng.uniform(0.1, 0.5) * np.float32([1.0, 0.8, 0.6]))
    inner = 0.82
    fill(color, box(x - inner * half, y - inner * tall, x + inner * half, y + inner * tall), (0.93, 0.92, 0.88))
    for _ in range(5):
        hue = tint(rng, palette, 0.4)
        across, down = x + rng.uniform(-0.4, 0.4) * half, y + rng.uniform(-0.4, 0.4) * tall
        fill(color, ellipse(across, down, rng.uniform(0.1, 0.35) * half, rng.uniform(0.1, 0.35) * tall, 16), hue)


def _shelves(rng: Rng, color: np.ndarray, horizon: int, x: float, palette: Palette) -> None:
    height, width = color.shape[:2]
    half = 0.15 * width
    wood = rng.uniform(0.3, 0.8) * np.float32([1.0, 0.78, 0.55])
    for y in np.linspace(0.3, 0.85, 3) * horizon:
        left = x - half
        while left < x + 0.85 * half:
            thick, tall = rng.uniform(0.012, 0.03) * width, rng.uniform(0.12, 0.22) * horizon
            fill(color, box(left, y - tall, left + 0.92 * thick, y), tint(rng, palette, 0.4))
            left += thick
        fill(color, box(x - half, y, x + half, y + 0.02 * height), wood)


def _curtain(rng: Rng, color: np.ndarray, horizon: int, x: float, palette: Palette) -> None:
    width = color.shape[1]
    half = rng.uniform(0.08, 0.16) * width
    hue = tint(rng, palette, 0.6)
    folds = 1.0 + 0.25 * np.sin(np.arange(width) / width * 2 * np.pi * rng.uniform(14, 26) + rng.uniform(0, 6))
    cloth = np.broadcast_to(folds[None, :, None].astype(np.float32) * hue, color.shape)
    fill(color, [(x - half, 0), (x + half, 0), (x + 1.1 * half, horizon), (x - 1.05 * half, horizon)], cloth)


def _planks(rng: Rng, height: int, width: int, palette: Palette) -> np.ndarray:
    """Floorboards that run toward the viewer or across, float32 [H, W, 3]."""
    sideways, away = ground(height, width, 0)
    across, along = (sideways, away) if rng.random() < 0.5 else (2.2 * away, sideways)
    wood = np.float32([0.62, 0.43, 0.27]) * rng.uniform(0.5, 1.35) + rng.uniform(-0.04, 0.04, 3).astype(np.float32)
    if rng.random() < 0.3:
        wood = 0.7 * np.float32(palette[0]) + 0.3 * wood
    board = across * rng.uniform(4.0, 8.0)
    number = np.floor(board).astype(np.int32)
    tone = rng.uniform(0.86, 1.12, 64).astype(np.float32)[number & 63]
    gap = np.clip(14.0 * (0.5 - np.abs(board - number - 0.5)), 0.35, 1.0)
    tile = grain_tile()
    grain = tile[(board * 9).astype(np.int32) & 511, (along * 12 + 37 * number).astype(np.int32) & 511]
    return (tone * gap * (1.0 + 0.05 * grain))[..., None] * wood


def _tiles(rng: Rng, height: int, width: int, palette: Palette) -> np.ndarray:
    """Square tiles, plain or chequered, float32 [H, W, 3]."""
    sideways, away = ground(height, width, 0)
    across, along = sideways * rng.uniform(2.5, 5.0), 1.6 * away * rng.uniform(2.0, 4.0)
    light = rng.uniform(0.65, 0.95) * np.float32([1.0, 0.98, 0.94])
    dark = np.float32(palette[rng.integers(len(palette))]) if rng.random() < 0.5 else light * rng.uniform(0.3, 0.95)
    odd = ((np.floor(across) + np.floor(along)) % 2)[..., None]
    joint = np.minimum(0.5 - np.abs(across % 1 - 0.5), 0.5 - np.abs(along % 1 - 0.5))
    clouds = texture(rng, cloud_tile(), height, width, 0.7)
    return (odd * dark + (1 - odd) * light) * (np.clip(25.0 * joint, 0.6, 1.0) * (1 + 0.03 * clouds))[..., None]


def sofa(rng: Rng, height: int, width: int, palette: Palette) -> Background:
    """On a sofa or bed: cushions behind, folds of cloth below."""
    hue = 0.9 * tint(rng, palette, 0.5)
    seat = int(height * rng.uniform(0.5, 0.68))
    color = gradient(height, width, 0.62 * hue, 0.8 * hue)
    weave = texture(rng, grain_tile(), height, width, 1.0)[..., None]
    count = rng.integers(2, 4)
    for number in range(count):
        left, right = width * number / count, width * (number + 1) / count
        shape = rounded(left + 2, height * rng.uniform(-0.05, 0.12), right - 2, seat + 0.1 * height, 0.09 * width)
        fill(color, shape, gradient(height, width, 1.1 * hue, 0.72 * hue) * (1 + 0.05 * weave))
    color[seat:] = _cloth(rng, height - seat, width, 0.9 * tint(rng, palette, 0.5))
    for _ in range(rng.integers(0, 3)):
        x, y, half = rng.uniform(0, width), seat - 0.05 * height, rng.uniform(0.1, 0.18) * width
        fabric = tint(rng, palette, 0.6)
        pattern = texture(rng, spot_tile(), height, width, 0.5)[..., None]
        cushion = np.clip(fabric * (1.0 + 0.2 * (pattern > 0.6)), 0, 1) * np.linspace(1.1, 0.8, height)[:, None, None]
        fill(color, rounded(x - half, y - half, x + half, y + 0.9 * half, 0.35 * half), cushion.astype(np.float32))
    return Background(color, (0.8, 0.97), (1.0, 0.97, 0.93), ("ball", "cushion"))


def _cloth(rng: Rng, height: int, width: int, hue: Paint) -> np.ndarray:
    """A blanket with folds, lit from the side, float32 [H, W, 3]."""
    folds = blur(texture(rng, cloud_tile(), height, width, 0.9, 2.0), max(2.0, 0.03 * height))
    slope = np.gradient(folds, axis=0) * height * 0.07
    weave = texture(rng, grain_tile(), height, width, 1.0)
    return np.float32(hue) * np.clip(0.92 - 0.35 * slope + 0.05 * weave, 0.45, 1.25)[..., None]


def studio(rng: Rng, height: int, width: int, palette: Palette) -> Background:
    """A photographer's backdrop with a soft spot of light; sometimes of the pet's own colour."""
    hue = 0.92 * tint(rng, palette, 0.4)
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    spot = np.exp(-((columns - rng.uniform(-0.4, 0.4)) ** 2 + (rows + 0.2) ** 2) / 0.9)
    mottle = texture(rng, cloud_tile(), height, width, 1.2)
    color = hue * (0.6 + 0.5 * spot + 0.05 * mottle)[..., None]
    sweep = int(height * rng.uniform(0.6, 0.75))
    color[sweep:] *= np.linspace(1.0, 1.22, height - sweep, dtype=np.float32)[:, None, None]
    return Background(color, (0.82, 0.97), (1.0, 1.0, 1.0), ("ball", "cushion", "basket"))
