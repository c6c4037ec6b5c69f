"""What stands in a street: trees, hedges, lamps, signs, traffic lights, bollards, bins."""

from __future__ import annotations

import numpy as np

from tests.sample_data.noise import cloud_tile, grain_tile, texture
from tests.sample_data.painting import Point, box, ellipse, fill
from tests.sample_data.street_canvas import LIGHT, POLE, SIGN, VEGETATION, VOID, Canvas, Coats, Color, Sprite
from tests.sample_data.street_ground import Rng

_STEEL: Color = (0.34, 0.35, 0.36)
_GREENS = ((0.21, 0.33, 0.12), (0.29, 0.38, 0.13), (0.17, 0.28, 0.14), (0.36, 0.36, 0.12))
_SHAPES = ("round", "round", "triangle", "diamond", "plate", "octagon")


def paint_tree(rng: Rng, canvas: Canvas, x: float, z: float, tall: float) -> None:
    """A tree with a trunk and a crown of leaves."""
    camera = canvas.camera
    metre, foot = camera.focal / z, camera(x, 0, z)
    lean, bole = rng.uniform(-0.04, 0.04) * tall, rng.uniform(0.25, 0.42) * tall
    wide = tall * rng.uniform(0.2, 0.32)
    if canvas.air.sun:
        fill(canvas.color, ellipse(foot[0] - canvas.air.side * 1.2 * wide * metre, foot[1], 1.3 * wide * metre,
                                   0.5 * wide * metre * camera.eye / z, 20), (0.0, 0.0, 0.0), 0.3)  # fmt: skip
    sprite, bark = Sprite(canvas, z), tuple(rng.uniform(0.16, 0.3) * np.array([1.0, 0.86, 0.72]))
    fork = camera(x + lean, bole + 0.15 * tall, z)
    sprite.line([foot, camera(x + 0.4 * lean, bole, z), fork], 0.034 * tall * metre, bark)
    for _ in range(3):
        tip = camera(x + lean + rng.uniform(-0.7, 0.7) * wide, bole + rng.uniform(0.25, 0.45) * tall, z)
        sprite.line([camera(x + 0.4 * lean, bole, z), tip], 0.014 * tall * metre, bark)
    sprite.lay(VEGETATION, 0.4)
    middle = bole + 0.45 * (tall - bole)
    clumps = [(x + lean + wide * rng.uniform(-0.45, 0.45), middle + 0.5 * (tall - bole) * rng.uniform(-0.55, 0.6),
               wide * rng.uniform(0.5, 0.85)) for _ in range(5 if z < 30 else 3)]  # fmt: skip
    paint_leaves(rng, canvas, [(x + lean, middle, 0.9 * wide), *clumps], z)


def paint_hedge(rng: Rng, canvas: Canvas, x: float, near: float, far: float, tall: float) -> None:
    """Bushes in a row along the street, far to near."""
    for z in np.arange(far, near, -1.6 * tall):
        paint_leaves(rng, canvas, [(x, 0.45 * tall, 0.7 * tall), (x, 0.2 * tall, 0.8 * tall)], float(z))


def paint_leaves(rng: Rng, canvas: Canvas, clumps: list[tuple[float, float, float]], z: float) -> None:
    """Foliage of round clumps, each x, y and radius in metres, at a distance."""
    camera, metre = canvas.camera, canvas.camera.focal / z
    discs = [(*camera(x, y, z), radius * metre) for x, y, radius in clumps]
    reach = 1.35
    left, top, right, bottom = (
        int(edge)
        for edge in (
            max(0, min(u - reach * r for u, _, r in discs)),
            max(0, min(v - reach * r for _, v, r in discs)),
            min(camera.width, max(u + reach * r for u, _, r in discs) + 1),
            min(camera.height, camera(0, 0, z)[1] + 1, max(v + reach * r for _, v, r in discs) + 1),
        )
    )
    if right - left < 2 or bottom - top < 2:
        return
    rows = np.arange(top, bottom, dtype=np.float32)[:, None]
    columns = np.arange(left, right, dtype=np.float32)[None, :]
    height, width = bottom - top, right - left
    inside = np.full((height, width), -9.0, np.float32)
    light = np.zeros((height, width), np.float32)
    for u, v, radius in discs:
        small = np.float32(1 / radius)
        across, down = (columns - np.float32(u)) * small, (rows - np.float32(v)) * small
        here = 1.0 - across * across - down * down
        nearer = here > inside
        inside = np.where(nearer, here, inside)
        light = np.where(nearer, 0.45 * canvas.air.side * across * canvas.air.sun - 0.5 * down, light)
    leaf = max(0.35, 0.05 * metre)  # pixels of a leaf per pixel of the noise
    tufts = texture(rng, cloud_tile(), height, width, max(0.3, 0.12 * metre))
    leaves = texture(rng, grain_tile(), height, width, leaf)
    field = inside + 0.38 * tufts + 0.22 * leaves
    alpha = np.clip(field * (0.2 * max(radius for _, _, radius in discs)) + 0.5, 0.0, 1.0)
    green = np.float32(_GREENS[rng.integers(len(_GREENS))]) * rng.uniform(0.8, 1.25)
    tone = np.clip(0.95 + 0.55 * light + 0.2 * tufts + 0.2 * leaves, 0.25, 1.9)
    coats = Coats(alpha)
    coats.add(tuple(green), tone=tone)
    canvas.lay((slice(top, bottom), slice(left, right)), coats, canvas.clear(z), VEGETATION)


def paint_lamp(rng: Rng, canvas: Canvas, x: float, z: float, tall: float, arm: float) -> None:
    """A street lamp whose arm reaches over the road by `arm` metres."""
    camera, sprite = canvas.camera, Sprite(canvas, z)
    metre = camera.focal / z
    path = [camera(x, 0, z), camera(x, 0.9 * tall, z), camera(x + 0.2 * arm, tall, z), camera(x + arm, 1.02 * tall, z)]
    sprite.line(path, 0.13 * metre, _STEEL)
    sprite.line([path[0], camera(x, 1.1, z)], 0.2 * metre, _STEEL)
    head = camera(x + arm, 1.01 * tall, z)
    sprite.polygon(
        box(head[0] - 0.32 * metre, head[1] - 0.09 * metre, head[0] + 0.32 * metre, head[1] + 0.09 * metre), (0.5,) * 3
    )
    sprite.lay(POLE, 0.3)
    if canvas.air.lamps > 0.5:
        canvas.glow((head[0], head[1] + 0.1 * metre), max(1.5, 0.5 * metre), (0.95, 0.72, 0.35))


def paint_sign(rng: Rng, canvas: Canvas, x: float, z: float) -> None:
    """A traffic sign, sometimes two, on a post."""
    camera, metre = canvas.camera, canvas.camera.focal / z
    tall = rng.uniform(2.2, 2.9)
    post = Sprite(canvas, z)
    post.line([camera(x, 0, z), camera(x, tall + 0.3, z)], 0.07 * metre, (0.48, 0.49, 0.5))
    post.lay(POLE, 0.2)
    plates = Sprite(canvas, z)
    for number in range(1 + int(rng.random() < 0.3)):
        middle = camera(x, tall - 0.75 * number, z)
        _add_plate(rng, plates, middle, rng.uniform(0.32, 0.42) * metre, _SHAPES[rng.integers(len(_SHAPES))])
    plates.lay(SIGN, 0.15)


def _add_plate(rng: Rng, sprite: Sprite, at: Point, size: float, shape: str) -> None:
    red, white, blue, yellow, black = (
        (0.78, 0.07, 0.09),
        (0.93,) * 3,
        (0.08, 0.26, 0.62),
        (0.95, 0.75, 0.1),
        (0.06,) * 3,
    )
    x, y = at
    corners = {"triangle": 3, "diamond": 4, "octagon": 8}.get(shape, 24)
    start = np.pi / 8 if shape == "octagon" else np.pi / 2

    def ring(radius: float) -> list[Point]:
        angles = start + np.arange(corners) * 2 * np.pi / corners
        return [(x + radius * np.cos(a), y - radius * np.sin(a)) for a in angles]

    if shape == "plate":
        sprite.polygon(box(x - 0.8 * size, y - size, x + 0.8 * size, y + size), blue)
        sprite.polygon(box(x - 0.35 * size, y - 0.6 * size, x + 0.1 * size, y + 0.6 * size), white)
        return
    filled = shape == "octagon" or (shape == "round" and rng.random() < 0.35)
    edge, inner = {"diamond": (white, yellow), "octagon": (white, red)}.get(shape, (red, white))
    if shape == "round" and filled:
        edge, inner = white, blue
    sprite.polygon(ring(1.05 * size), edge)
    sprite.polygon(ring(0.78 * size), inner)
    mark = white if filled else black
    if shape != "diamond":
        for left in (-0.3, 0.05) if rng.random() < 0.5 else (-0.12,):
            sprite.polygon(box(x + left * size, y - 0.3 * size, x + (left + 0.24) * size, y + 0.34 * size), mark)


def paint_traffic_light(rng: Rng, canvas: Canvas, x: float, z: float) -> None:
    """Red, amber and green on a pole."""
    camera, metre = canvas.camera, canvas.camera.focal / z
    pole = Sprite(canvas, z)
    pole.line([camera(x, 0, z), camera(x, 3.7, z)], 0.11 * metre, _STEEL)
    pole.lay(POLE, 0.3)
    housing, (u, v) = Sprite(canvas, z), camera(x, 3.2, z)
    housing.polygon(box(u - 0.21 * metre, v - 0.55 * metre, u + 0.21 * metre, v + 0.55 * metre), (0.07, 0.08, 0.07))
    burning, bright = int(rng.choice([0, 2, 1], p=[0.45, 0.45, 0.1])), 1.0 / max(canvas.air.light)
    lamps = ((0.95, 0.12, 0.08), (0.98, 0.68, 0.1), (0.1, 0.85, 0.45))
    for number, color in enumerate(lamps):
        shine = bright if number == burning else 0.22
        housing.disc((u, v + (number - 1) * 0.34 * metre), 0.13 * metre, tuple(shine * np.array(color)))
    housing.lay(LIGHT)
    canvas.glow((u, v + (burning - 1) * 0.34 * metre), 0.25 * metre + 1.0, 0.35 * np.array(lamps[burning]))


def paint_bollard(rng: Rng, canvas: Canvas, x: float, z: float) -> None:
    """A short post at the kerb."""
    camera, sprite, metre = canvas.camera, Sprite(canvas, z), canvas.camera.focal / z
    sprite.line([camera(x, 0.05, z), camera(x, 0.9, z)], 0.13 * metre, (0.2, 0.2, 0.21))
    sprite.line([camera(x, 0.72, z), camera(x, 0.78, z)], 0.13 * metre, (0.9, 0.9, 0.88))
    sprite.lay(POLE, 0.4)


def paint_bin(rng: Rng, canvas: Canvas, x: float, z: float) -> None:
    """A bin for waste, which is none of the data set's classes."""
    camera, sprite = canvas.camera, Sprite(canvas, z)
    color = np.array(((0.2, 0.3, 0.2), (0.25, 0.26, 0.28), (0.5, 0.4, 0.1))[rng.integers(3)])
    fill(
        canvas.color,
        ellipse(*camera(x, 0, z), 0.4 * camera.focal / z, 0.06 * camera.focal / z, 14),
        (0.0, 0.0, 0.0),
        0.4,
    )
    (left, low), (right, high) = camera(x - 0.3, 0.02, z), camera(x + 0.3, 1.05, z)
    sprite.polygon(box(left, high, right, low), tuple(color))
    sprite.polygon(box(left - 1, high - 0.12 * (low - high), right + 1, high + 0.05 * (low - high)), tuple(1.4 * color))
    sprite.lay(VOID, 0.5)
