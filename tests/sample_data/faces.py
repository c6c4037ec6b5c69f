"""What is painted on a head once it has its shape and light: eyes, mouth, a glint on the nose, whiskers."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tests.sample_data.coats import Breed
from tests.sample_data.heads import Face
from tests.sample_data.relief import Relief
from tests.sample_data.view import View

_SUBPIXELS = 3


def paint(color: np.ndarray, canvas: Relief, face: Face, head: View, breed: Breed) -> None:
    """Paints mouth, eyes and the glint on the nose on `color`, float32 [H, W, 3], where nothing lies before them."""
    for line in face.mouth:
        points = head(line)
        window, shade = _strokes([points], 0.05 * head.scale, canvas.inside.shape)
        seen = canvas.depth[window] < points[:, 2].max() + 0.12 * head.scale
        color[window] *= (1.0 - 0.75 * shade * seen)[..., None]
    basis = head.turn[:2, :2] * [[1.0, 1.0], [-1.0, -1.0]]  # the head's right and up as pixel directions
    unturn = np.linalg.inv(basis) / (face.eye_radius * head.scale)
    for eye in face.eyes:
        center = head(eye)
        if (head.turn @ (eye / np.linalg.norm(eye)))[2] < 0.1:
            continue
        window, x, y = _around(canvas, center, 1.4 * face.eye_radius * head.scale)
        u, v = unturn[0, 0] * x + unturn[0, 1] * y, unturn[1, 0] * x + unturn[1, 1] * y
        seen = canvas.depth[window] < center[2] + 0.3 * head.scale
        sharp = 0.6 * face.eye_radius * head.scale
        for paint_, cover in _eye(u, v, np.sign(eye[0]), face.eyelid, breed, sharp):
            color[window] += (cover * seen)[..., None] * (paint_ - color[window])
    nose = head(face.nose)
    window, x, y = _around(canvas, nose, 0.15 * head.scale)
    glint = np.exp(-(x**2 + 2.5 * y**2) / (0.05 * head.scale) ** 2)
    color[window] += (0.45 * glint * (canvas.depth[window] < nose[2] + 0.1 * head.scale))[..., None]


def _around(canvas: Relief, center: np.ndarray, reach: float) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
    """The window of the canvas around a point, and x and y from the point in it, pixels."""
    left, top = (max(0, int(place - reach)) for place in center[:2])
    right, bottom = (max(0, int(place + reach) + 1) for place in center[:2])
    window = (slice(top, bottom), slice(left, right))
    return window, canvas.columns[:, window[1]] - center[0], canvas.rows[window[0]] - center[1]


def _eye(
    u: np.ndarray, v: np.ndarray, side: float, lid: float, breed: Breed, sharp: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Paints of an eye in order: (RGB float [3] or [H, W, 3], cover float [H, W]), u to the side and v up in radii."""

    def disc(x: float, y: float, wide: float, tall: float) -> np.ndarray:
        return np.clip(0.5 + sharp * (1.0 - np.hypot((u - x) / wide, (v - y) / tall)), 0.0, 1.0)

    cat = breed.species == "cat"
    v = v - (0.1 * side * u if cat else 0.0)  # a cat's eyes slant
    open_ = np.clip(0.5 + sharp * (0.95 - 1.1 * lid - v - 0.25 * u * u), 0.0, 1.0)
    ball = disc(0, 0, 1.0, 0.9) * open_
    shade = (0.75 - 0.45 * np.clip(v, -1, 1))[..., None]
    iris = np.array(breed.eyes, np.float32) * shade * (1.25 if cat else 1.0)
    pupil = disc(0, 0, 0.36, 0.78) if cat else disc(0, 0, 0.58, 0.58)
    rim = np.array([0.09, 0.06, 0.05], np.float32)
    white = np.array([0.92, 0.9, 0.88], np.float32)
    paints = [(rim, disc(0, 0, 1.25, 1.1) * np.clip(0.5 + sharp * (1.15 - 1.1 * lid - v), 0, 1) * 0.9)]
    if not cat:
        paints.append((0.8 * white, ball * 0.8))
    paints += [
        (iris, ball * (1.0 if cat else disc(0, 0, 0.88, 0.9))),
        (np.array([0.02, 0.02, 0.03], np.float32), pupil * open_),
        (np.ones(3, np.float32), disc(-0.32, 0.34, 0.26, 0.24) * 0.95),
        (np.ones(3, np.float32), disc(0.3, -0.34, 0.16, 0.14) * 0.45),
    ]
    return paints


def _strokes(lines: list[np.ndarray], thick: float, size: tuple[int, int]) -> tuple[tuple[slice, slice], np.ndarray]:
    """Smooth lines, each float [N, 2 or more] pixels: their window, and float32 [h, w] in [0, 1] there."""
    points = np.concatenate(lines)[:, :2]
    low = np.clip(np.floor(points.min(0) - thick - 2), 0, size[::-1]).astype(int)
    high = np.clip(np.ceil(points.max(0) + thick + 2), low, size[::-1]).astype(int)
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    if (high <= low).any():
        return window, np.zeros(high[::-1] - low[::-1], np.float32)
    image = Image.new("L", tuple(_SUBPIXELS * int(side) for side in high - low))
    pen = ImageDraw.Draw(image)
    for line in lines:
        path = [tuple(point) for point in _SUBPIXELS * (line[:, :2] - low)]
        pen.line(path, fill=255, width=max(1, round(_SUBPIXELS * thick)), joint="curve")
    return window, np.asarray(image.reduce(_SUBPIXELS), np.float32) / 255.0


def draw_whiskers(color: np.ndarray, alpha: np.ndarray, face: Face, head: View) -> None:
    """Draws the whiskers over an animal's colour float32 [H, W, 3] and alpha [H, W]; they reach over its outline."""
    if not face.whiskers:
        return
    lines = []
    for line in face.whiskers:
        start, end = head(line)
        sag = 0.5 * (start + end) - [0.0, 0.06 * head.scale, 0.0]
        lines.append(np.stack([start, 0.4 * start + 0.1 * end + 0.5 * sag, 0.1 * start + 0.4 * end + 0.5 * sag, end]))
    window, shade = _strokes(lines, max(0.7, 0.018 * head.scale), alpha.shape)
    shade *= 0.6
    before = alpha[window] * (1.0 - shade)
    total = before + shade
    mixed = color[window] * before[..., None] + 0.95 * shade[..., None]
    color[window] = mixed / np.maximum(total, 1e-3)[..., None]
    alpha[window] = total
