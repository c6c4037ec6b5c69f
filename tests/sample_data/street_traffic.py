"""What moves in a street or waits in it: cars, people, bicycles."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tests.sample_data.painting import Point, ellipse, fill
from tests.sample_data.street_canvas import BICYCLE, CAR, PERSON, RIDER, Canvas, Color, Sprite
from tests.sample_data.street_ground import Rng

# Outline over the roof, from the tail to the nose: parts of the length, parts of the height; and where it is glass.
_SHAPES: dict[str, tuple[tuple[Point, ...], tuple[int, ...], float, float, float]] = {
    # outline, panes, belt line as part of the height, then height and length in metres
    "hatchback": (((0, 0.28), (0, 0.6), (0.03, 0.67), (0.13, 0.97), (0.52, 1.0), (0.73, 0.68), (0.96, 0.54), (1, 0.3)),
                  (2, 4), 0.66, 1.48, 4.1),
    "saloon": (((0, 0.3), (0, 0.6), (0.02, 0.68), (0.16, 0.7), (0.29, 0.98), (0.55, 1.0), (0.74, 0.69), (0.97, 0.55),
                (1, 0.3)), (3, 5), 0.66, 1.44, 4.7),
    "jeep": (((0, 0.28), (0, 0.6), (0.02, 0.66), (0.08, 0.98), (0.58, 1.0), (0.75, 0.68), (0.97, 0.6), (1, 0.3)),
             (2, 4), 0.64, 1.72, 4.6),
    "van": (((0, 0.2), (0, 0.5), (0.01, 0.58), (0.04, 0.99), (0.76, 1.0), (0.9, 0.58), (0.98, 0.46), (1, 0.2)),
            (2, 4), 0.58, 2.2, 5.1),
}  # fmt: skip
_PAINTS = (
    (0.72, 0.73, 0.75), (0.14, 0.14, 0.16), (0.9, 0.9, 0.9), (0.36, 0.38, 0.41), (0.55, 0.1, 0.1), (0.13, 0.22, 0.42),
    (0.62, 0.6, 0.54), (0.2, 0.34, 0.29), (0.82, 0.62, 0.16), (0.45, 0.55, 0.66),
)  # fmt: skip
_GLASS, _TYRE = np.array([0.13, 0.17, 0.2]), (0.05, 0.05, 0.055)
_WHEEL = ((0.094, (0.03, 0.03, 0.03)), (0.08, _TYRE), (0.047, (0.5, 0.51, 0.52)))  # arch, tyre, hub
_CIRCLE = [(math.cos(turn * math.pi / 6), math.sin(turn * math.pi / 6)) for turn in range(12)]
_SKINS = ((0.85, 0.66, 0.55), (0.72, 0.52, 0.4), (0.5, 0.34, 0.25), (0.33, 0.22, 0.17))


def paint_car(rng: Rng, canvas: Canvas, x: float, near: float, oncoming: bool) -> None:
    """A car along the street, its middle at x and its nearer end at z = near."""
    kind = list(_SHAPES)[rng.choice(4, p=[0.36, 0.28, 0.22, 0.14])]
    outline, panes, belt, height, length = _SHAPES[kind]
    height, length, half = height * rng.uniform(0.97, 1.05), length * rng.uniform(0.94, 1.06), rng.uniform(0.84, 0.93)
    paint = np.array(_PAINTS[rng.integers(len(_PAINTS))]) * rng.uniform(0.85, 1.1)
    if oncoming:
        outline = tuple((1 - z, y) for z, y in reversed(outline))
        panes = tuple(len(outline) - 2 - pane for pane in panes)
    camera, sprite = canvas.camera, Sprite(canvas, near)
    side = x - np.sign(x) * half if abs(x) > half else None  # x of the flank that is seen

    def at(across: float, y: float, z: float) -> Point:
        """A point of the car: across -1 to 1, y and z as parts of height and length; the roof is narrower."""
        lean = 1.0 - 0.24 * max(0.0, (y - belt) / (1.0 - belt))
        return camera(x + across * half * lean, y * height, near + z * length)

    _shade_below(canvas, x, half, near, length)
    for across in (-0.82, 0.82):
        sprite.polygon(
            [at(across + wide, y, 0.12) for wide, y in ((-0.13, 0), (0.13, 0), (0.13, 0.3), (-0.13, 0.3))], _TYRE
        )
    sprite.polygon([at(across, y, 0.03) for across, y in ((-0.9, 0.12), (0.9, 0.12), (0.9, 0.35), (-0.9, 0.35))],
                   (0.08, 0.08, 0.08))  # fmt: skip

    def strips(numbers: range) -> None:
        for number in numbers:
            (z0, y0), (z1, y1) = outline[number], outline[number + 1]
            flat = abs(z1 - z0) * length / max(1e-3, math.hypot((z1 - z0) * length, (y1 - y0) * height))
            sprite.polygon(
                [at(-1, y0, z0), at(1, y0, z0), at(1, y1, z1), at(-1, y1, z1)], tuple(paint * (0.82 + 0.3 * flat))
            )
            if number in panes:
                cut = [(0.9, 0.1), (0.86, 0.88)]
                corners = [(sign * wide, y0 + part * (y1 - y0), z0 + part * (z1 - z0)) for (wide, part), sign in
                           ((cut[0], -1), (cut[0], 1), (cut[1], 1), (cut[1], -1))]  # fmt: skip
                sprite.polygon([at(*corner) for corner in corners], tuple(_GLASS * rng.uniform(0.8, 1.9)))

    first = next(number for number, (_, y) in enumerate(outline) if y > 0.9)
    strips(range(len(outline) - 2, first - 1, -1))
    if side is not None:
        _paint_flank(sprite, at, outline, belt, -float(np.sign(x)), paint)
    strips(range(first - 1, -1, -1))
    _paint_end(rng, canvas, sprite, at, outline[1][1], oncoming)
    sprite.lay(CAR, 0.25)
    shine = canvas.air.lamps
    if shine > 0.3:
        color = (0.9, 0.82, 0.62) if oncoming else (0.75, 0.06, 0.03)
        for across in (-0.75, 0.75):
            canvas.glow(
                at(across, 0.46, 0), camera.focal / near * (0.32 if oncoming else 0.16), np.multiply(color, shine)
            )


def _paint_flank(
    sprite: Sprite,
    at: Callable[[float, float, float], Point],
    outline: tuple[Point, ...],
    belt: float,
    across: float,
    paint: np.ndarray,
) -> None:
    """The side of a car that the camera sees: body, side windows, wheels."""
    body = [at(across, min(y, belt + 0.02), z) for z, y in outline]
    sprite.polygon([*body, at(across, 0.2, 1), at(across, 0.2, 0)], tuple(0.86 * paint))
    sprite.polygon([at(across, y, z) for z, y in ((0, 0.36), (1, 0.36), (1, 0.2), (0, 0.2))], tuple(0.5 * paint))
    sprite.line([at(across, 0.55, 0.02), at(across, 0.55, 0.98)], 0.6, tuple(np.minimum(1.0, 1.25 * paint)))
    roof = [number for number, (_, y) in enumerate(outline) if y > 0.9]
    cabin = outline[roof[0] - 1 : roof[-1] + 2]
    sprite.polygon([at(across, y, z) for z, y in cabin], tuple(0.8 * paint))
    (z0, _), (z1, _), (z2, _), (z3, _) = cabin[0], cabin[1], cabin[-2], cabin[-1]
    post = 0.5 * (z1 + z2)
    for left, right in (((z0 + 0.04, z1 + 0.02), (post - 0.012,) * 2), ((post + 0.012,) * 2, (z3 - 0.04, z2 - 0.01))):
        corners = ((left[0], belt + 0.05), (left[1], 0.93), (right[1], 0.93), (right[0], belt + 0.05))
        sprite.polygon([at(across, y, z) for z, y in corners], tuple(_GLASS * 1.3))
    for middle in (0.19, 0.81):
        for radius, color in _WHEEL:  # in parts of the length, which is about 2.65 times the height
            rim = [at(across, 0.215 + 2.65 * radius * sin, middle + radius * cos) for cos, sin in _CIRCLE]
            sprite.polygon(rim, color)


def _paint_end(
    rng: Rng, canvas: Canvas, sprite: Sprite, at: Callable[[float, float, float], Point], top: float, oncoming: bool
) -> None:
    """Lamps, number plate and bumper of the end that looks at the camera."""

    def patch(left: float, right: float, low: float, high: float, color: Color) -> None:
        sprite.polygon([at(left, low, 0), at(right, low, 0), at(right, high, 0), at(left, high, 0)], color)

    bright = 1.0 / max(canvas.air.light)
    patch(-1, 1, 0.2, 0.3, (0.1, 0.1, 0.11))
    high = top - 0.03 if oncoming else top + 0.02
    lamp = (0.95 * bright, 0.95 * bright, 0.85 * bright) if oncoming else (0.72 * bright, 0.08, 0.07)
    for sign in (-1, 1):
        patch(0.68 * sign, 0.97 * sign, high - 0.11, high, lamp)
    if oncoming:
        patch(-0.5, 0.5, high - 0.14, high - 0.03, (0.09, 0.09, 0.1))
    patch(-0.24, 0.24, 0.33, 0.41, (0.88, 0.88, 0.8) if rng.random() < 0.7 else (0.85, 0.75, 0.25))


def _shade_below(canvas: Canvas, x: float, half: float, near: float, length: float) -> None:
    for wide, dark in ((1.25, 0.35), (1.05, 0.5)) if near < 25 else ((1.1, 0.6),):
        corners = ((-wide, -0.25 * wide), (wide, -0.25 * wide), (wide, length), (-wide, length))
        fill(
            canvas.color,
            [canvas.camera(x + across * half, 0, near + z) for across, z in corners],
            (0.0, 0.0, 0.0),
            dark,
        )


def paint_person(rng: Rng, canvas: Canvas, x: float, z: float, umbrella: bool = False) -> None:
    """A person who stands or walks."""
    camera, sprite = canvas.camera, Sprite(canvas, z)
    tall = rng.uniform(1.55, 1.9) if rng.random() < 0.88 else rng.uniform(1.05, 1.35)
    unit = tall * camera.focal / z
    foot = camera(x, 0, z)
    fill(canvas.color, ellipse(*foot, 0.24 * unit, 0.05 * unit, 16), (0.0, 0.0, 0.0), 0.4)
    stride, turn = rng.uniform(-0.13, 0.13), rng.choice([-1, 1])
    coat, legs = (rng.uniform(0.08, 0.75) + rng.uniform(-0.18, 0.18, 3) for _ in range(2))
    skin, hair = _SKINS[rng.integers(4)], tuple(rng.uniform(0.05, 0.45) * np.array([1.0, 0.8, 0.6]))

    def at(right: float, up: float) -> Point:
        return foot[0] + right * unit, foot[1] - up * unit

    for sign in (-1, 1):
        step = sign * stride
        path = [at(0.035 * sign, 0.48), at(0.05 * sign + 0.55 * step + 0.02 * turn, 0.26), at(0.05 * sign + step, 0.03)]
        sprite.line(path, 0.085 * unit, tuple(0.6 * legs))
        sprite.line([path[-1], (path[-1][0] + 0.04 * unit * turn, path[-1][1])], 0.05 * unit, (0.1, 0.09, 0.08))
    hem = 0.46 - 0.2 * (rng.random() < 0.35)
    coat_outline = [at(-0.11, 0.8), at(-0.08, 0.845), at(0.08, 0.845), at(0.11, 0.8), at(0.1, hem), at(-0.1, hem)]
    sprite.polygon(coat_outline, tuple(coat))
    raised = at(0.1 * turn, 0.74)
    for sign in (-1, 1):
        hand = raised if umbrella and sign == turn else at(0.13 * sign - 0.8 * sign * stride, 0.47)
        sprite.line([at(0.105 * sign, 0.79), at(0.14 * sign, 0.62), hand], 0.055 * unit, tuple(0.88 * coat))
        sprite.disc(hand, 0.025 * unit, skin)
    if rng.random() < 0.35:
        bag = at(-0.13 * turn, 0.52)
        sprite.disc(bag, 0.06 * unit, tuple(rng.uniform(0.1, 0.6, 3)))
    sprite.line([at(0, 0.84), at(0, 0.88)], 0.06 * unit, skin)
    sprite.disc(at(0, 0.945), 0.062 * unit, hair)
    if rng.random() < 0.6:
        sprite.disc(at(0.012 * turn, 0.928), 0.052 * unit, skin)
    if umbrella:
        sprite.line([raised, at(0.1 * turn, 1.12)], 0.015 * unit, (0.2, 0.2, 0.2))
        dome = [at(0.1 * turn + 0.33 * np.cos(a), 1.0 + 0.17 * np.sin(a)) for a in np.linspace(0, np.pi, 12)]
        sprite.polygon(dome, tuple(rng.uniform(0.05, 0.8, 3)))
    sprite.lay(PERSON, 0.5)


def paint_bicycle(rng: Rng, canvas: Canvas, x: float, z: float, heading: float, ridden: bool) -> None:
    """A bicycle, its middle at x and z, turned by `heading` radians from across the street; with its rider or alone."""
    camera = canvas.camera
    along = np.array([np.cos(heading), np.sin(heading)])
    paint, metre = tuple(rng.uniform(0.08, 0.75, 3)), camera.focal / z

    def at(forward: float, up: float, beside: float = 0.0) -> Point:
        right, ahead = forward * along
        return camera(x + right + beside * along[1], up, z + ahead - beside * along[0])

    fill(canvas.color, [at(-0.9, 0), at(0.9, 0), camera(x + 0.8 * along[0], 0, z + 0.8 * along[1] + 0.4),
                        camera(x - 0.8 * along[0], 0, z - 0.8 * along[1] + 0.4)], (0.0, 0.0, 0.0), 0.3)  # fmt: skip
    sprite = Sprite(canvas, z)
    for wheel in (-0.52, 0.52):
        rim = [at(wheel + 0.34 * np.cos(a), 0.34 + 0.34 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 17)]
        sprite.line(rim, 0.055 * metre, _TYRE)
        for a in np.arange(4) * np.pi / 4:
            spoke = [at(wheel + sign * 0.3 * np.cos(a), 0.34 + sign * 0.3 * np.sin(a)) for sign in (-1, 1)]
            sprite.line(spoke, 0.012 * metre, (0.5, 0.5, 0.5))
    frame = [at(-0.52, 0.34), at(-0.1, 0.32), at(0.36, 0.78), at(-0.2, 0.78), at(-0.1, 0.32)]
    sprite.line(frame, 0.05 * metre, paint)
    sprite.line([at(-0.52, 0.34), at(-0.2, 0.78), at(-0.22, 0.92)], 0.045 * metre, paint)
    sprite.line([at(0.52, 0.34), at(0.36, 0.78), at(0.34, 1.02)], 0.045 * metre, paint)
    sprite.line([at(-0.34, 0.95), at(-0.1, 0.94)], 0.06 * metre, (0.07, 0.07, 0.07))
    sprite.line([at(0.3, 1.03, -0.28), at(0.36, 1.02), at(0.3, 1.03, 0.28)], 0.04 * metre, (0.1,) * 3)
    sprite.lay(BICYCLE, 0.3)
    if not ridden:
        return
    sprite, coat = Sprite(canvas, z - 0.05), rng.uniform(0.1, 0.85, 3)
    legs, skin = tuple(rng.uniform(0.05, 0.4, 3)), _SKINS[rng.integers(4)]
    for side, foot in ((-1, 0.12), (1, 0.42)):
        knee = at(0.18, 0.62 + 0.5 * foot, 0.16 * side)
        sprite.line([at(-0.2, 0.98, 0.1 * side), knee, at(-0.05, foot, 0.12 * side)], 0.13 * metre, legs)
    back = ((-0.26, 0.95, -0.17), (-0.26, 0.95, 0.17), (-0.1, 0.95, 0.17), (0.2, 1.4, 0.2), (0.08, 1.52, 0.1),
            (0.08, 1.52, -0.1), (-0.06, 1.44, -0.2))  # fmt: skip
    sprite.polygon([at(*corner) for corner in back], tuple(coat))
    sprite.line([at(-0.16, 1.05), at(0.04, 1.4)], 0.27 * metre, tuple(coat))
    for side in (-1, 1):
        sprite.line([at(0.04, 1.42, 0.2 * side), at(0.16, 1.2, 0.3 * side), at(0.34, 1.05, 0.27 * side)], 0.09 * metre,
                    tuple(0.85 * coat))  # fmt: skip
    head = at(0.12, 1.66)
    sprite.disc(head, 0.115 * metre, skin)
    sprite.polygon(
        ellipse(head[0], head[1] - 0.05 * metre, 0.13 * metre, 0.09 * metre, 14), tuple(rng.uniform(0.1, 0.9, 3))
    )
    sprite.lay(RIDER, 0.5)
