"""Things that lie about near a pet and share its colours and softness, but are background."""
# ruff: noqa: RUF005 - a list added to an array adds up element by element

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.sample_data.painting import Layer
from tests.sample_data.relief import RGB, Relief, Surface, hair, lit

Rng = np.random.Generator
Color = tuple[float, float, float]
Builder = Callable[[Rng, Relief, np.ndarray, float, Surface], None]


def _ball(rng: Rng, canvas: Relief, foot: np.ndarray, size: float, fur: Surface) -> None:
    radius = 0.3 * size
    surface = Surface(tuple(rng.uniform(0.1, 0.9, 3)), fur=0.0) if rng.random() < 0.6 else fur
    center = foot - [0, radius, 0]
    canvas.add_cone(center, center, (radius, radius), surface, 1.0)
    stripe = Surface(tuple(rng.uniform(0.3, 0.95, 3)), fur=0.0)
    ends = center + radius * np.array([[-0.3, -0.5, 0.42], [0.4, 0.4, 0.5]])
    canvas.add_cone(ends[0], ends[1], (0.4 * radius, 0.4 * radius), stripe, 1.0)


def _cushion(rng: Rng, canvas: Relief, foot: np.ndarray, size: float, fur: Surface) -> None:
    half, thick = 0.45 * size, 0.24 * size
    for rise in (1.0, 1.7):
        left = foot + [-half, -rise * thick, 0]
        canvas.add_cone(left, foot + [half, -rise * thick, 0], (thick, thick), fur, thick, flat=0.7)


def _log(rng: Rng, canvas: Relief, foot: np.ndarray, size: float, fur: Surface) -> None:
    radius, half = 0.2 * size, 0.9 * size
    bark = Surface(tuple(0.5 * np.array(fur.color) + [0.14, 0.1, 0.06]), fur=0.8)
    center = foot - [0, radius, 0]
    canvas.add_cone(center - [half, 0, 0], center + [half, -0.1 * size, 0], (radius, 0.8 * radius), bark, 1.0)
    canvas.add_cone(center, center + [0.3 * size, -0.5 * size, 0.1], (0.5 * radius, 0.25 * radius), bark, 0.4 * radius)


def _rock(rng: Rng, canvas: Relief, foot: np.ndarray, size: float, fur: Surface) -> None:
    stone = Surface(tuple(0.6 * np.array(fur.color) + 0.2), fur=0.6)
    for _ in range(3):
        radius = size * rng.uniform(0.25, 0.4)
        place = foot + [size * rng.uniform(-0.5, 0.5), -0.6 * radius, size * rng.uniform(-0.1, 0.1)]
        canvas.add_cone(place, place + [0.3 * size, 0, 0], (radius, 0.8 * radius), stone, 0.3 * radius)


def _bush(rng: Rng, canvas: Relief, foot: np.ndarray, size: float, fur: Surface) -> None:
    green = rng.uniform(0.7, 1.3) * np.array([0.22, 0.36, 0.15])
    for _ in range(9):
        radius = size * rng.uniform(0.18, 0.34)
        place = foot + size * np.array([rng.uniform(-0.6, 0.6), -rng.uniform(0.15, 0.8), rng.uniform(-0.2, 0.2)])
        leaf = Surface(tuple(green * rng.uniform(0.8, 1.2)), fur=1.0, outward=1.2)
        canvas.add_cone(place, place, (radius, radius), leaf, 0.2 * radius)


def _plant(rng: Rng, canvas: Relief, foot: np.ndarray, size: float, fur: Surface) -> None:
    pot = Surface(tuple(rng.uniform(0.4, 0.9) * np.array([1.0, rng.uniform(0.5, 1), rng.uniform(0.4, 1)])), fur=0.0)
    green = rng.uniform(0.7, 1.3) * np.array([0.2, 0.42, 0.16])
    crown = foot - [0, 0.5 * size, 0]
    for turn in np.linspace(-1.3, 1.3, 9) + rng.uniform(-0.15, 0.15, 9):
        tip = crown + size * rng.uniform(0.6, 1.1) * np.array([np.sin(turn), -np.cos(turn), rng.uniform(-0.3, 0.3)])
        leaf = Surface(tuple(green * rng.uniform(0.7, 1.3)), fur=0.1)
        canvas.add_cone(crown, tip, (0.07 * size, 0.02 * size), leaf, 1.0, flat=0.5)
    canvas.add_cone(foot - [0, 0.15 * size, 0], crown, (0.2 * size, 0.27 * size), pot, 1.0)


def _basket(rng: Rng, canvas: Relief, foot: np.ndarray, size: float, fur: Surface) -> None:
    wicker = Surface(tuple(0.5 * np.array(fur.color) + [0.25, 0.17, 0.08]), fur=0.5)
    for row in range(5):
        rise, half = -(0.08 + 0.13 * row) * size, (0.42 + 0.03 * row) * size
        canvas.add_cone(foot + [-half, rise, 0], foot + [half, rise, 0], (0.085 * size, 0.085 * size), wicker, 1.0)


def _bowl(rng: Rng, canvas: Relief, foot: np.ndarray, size: float, fur: Surface) -> None:
    glaze = Surface(tuple(rng.uniform(0.2, 0.95, 3)), fur=0.0)
    for rise, half in ((0.06, 0.3), (0.14, 0.26), (0.2, 0.24)):
        left = foot + [-half * size, -rise * size, 0]
        canvas.add_cone(left, foot + [half * size, -rise * size, 0], (0.06 * size, 0.06 * size), glaze, 0.1 * size)


THINGS: dict[str, Builder] = {
    "ball": _ball, "cushion": _cushion, "log": _log, "rock": _rock, "bush": _bush, "plant": _plant,
    "basket": _basket, "bowl": _bowl,
}  # fmt: skip


def draw(
    rng: Rng,
    thing: str,
    color: Color,
    foot: tuple[float, float],
    size: float,
    shape: tuple[int, int],
    light: np.ndarray,
) -> Layer | None:
    """Draws one thing.

    Args:
      rng: For its variations.
      thing: A key of `THINGS`.
      color: Of the pet, which many things share, RGB in [0, 1].
      foot: Where it stands, x and y in pixels.
      size: About its height, pixels.
      shape: Height and width of the picture.
      light: float [3], unit vector toward the light.

    Returns:
      Its layer, or None where it lies outside the picture.
    """
    tall = 1.7 if thing == "plant" else 1.25
    low = np.clip(np.array(foot) - [1.2 * size, tall * size], 0, shape[::-1]).astype(int)
    high = np.clip(np.array(foot) + [1.2 * size, 0.15 * size], 0, shape[::-1]).astype(int)
    if (high - low < 8).any():
        return None
    canvas = Relief(int(high[1] - low[1]), int(high[0] - low[0]))
    fur = Surface(color, fur=1.0, outward=1.0)
    THINGS[thing](rng, canvas, np.array([foot[0] - low[0], foot[1] - low[1], 0.0]), size, fur)
    strokes = hair(canvas, tuple(rng.integers(0, 512, 2)), 8.0, max(0.7, size / 130), taps=5)
    brightness, _ = lit(canvas.depth + 0.006 * size * strokes * (canvas.inside > 0), light, 2 * size)
    shade = (1.1 * brightness * np.sqrt(brightness) + 0.12) * (1.0 + 0.1 * strokes)
    paint = np.clip(np.moveaxis(canvas.material[RGB], 0, 2) * shade[..., None], 0, 1)
    alpha = np.clip(canvas.inside + 0.01 * size * strokes + 0.5, 0, 1)
    return Layer((slice(low[1], high[1]), slice(low[0], high[0])), paint, alpha, alpha)
