"""Sky, skyline and ground of a street: everything that the camera sees of an empty one without houses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from tests.sample_data.noise import cloud_tile, texture
from tests.sample_data.street_canvas import (
    BUILDING,
    MARKING,
    ROAD,
    SIDEWALK,
    SKY,
    TERRAIN,
    VEGETATION,
    Canvas,
    Coats,
    Color,
    rough,
    soft,
)

LANE = 3.2  # metres
FAR = 260.0  # metres to the skyline
_KERB = 0.18
_HORIZON = 4000.0  # where the ground ends
_MARKED = 90.0  # beyond, lines are too thin to be seen

Rng = np.random.Generator


@dataclass(frozen=True)
class Street:
    """A straight street, in metres; pairs are left and right of it.

    Attributes:
      kerbs: x of the kerbs.
      walks: Widths of the sidewalks.
      verges: Widths of the strips of grass between kerb and sidewalk, parts of `walks`.
      middle: x of the line between the directions.
      line: Its colour.
      lanes: Lanes in each direction.
      crossing: z of the near and the far kerb of a side street, or None.
      zebra: Whether stripes for pedestrians lie before the side street.
      end: z of the house that ends the street, or infinity.
      heights: Pairs of z and height of the houses on the sunny side, near to far; what they shade.
      shadow: Metres of shadow for a metre of height.
    """

    kerbs: tuple[float, float]
    walks: tuple[float, float]
    verges: tuple[float, float]
    middle: float
    line: Color
    lanes: int
    crossing: tuple[float, float] | None
    zebra: bool
    end: float
    heights: tuple[tuple[float, float], ...] = ()
    shadow: float = 0.8

    @property
    def fronts(self) -> tuple[float, float]:
        """Where the houses stand: x of the outer edges of the sidewalks."""
        return self.kerbs[0] - self.walks[0], self.kerbs[1] + self.walks[1]

    def shade_edge(self, z: np.ndarray, side: int) -> np.ndarray:
        """How far from the middle axis, toward the sun, the shadow of the houses begins at each z."""
        starts = np.array([start for start, _ in self.heights] or [0.0])
        heights = np.array([height for _, height in self.heights] or [0.0], np.float32)
        at = np.clip(np.searchsorted(starts, z, side="right") - 1, 0, len(starts) - 1)
        return np.float32(side * self.fronts[side > 0]) - heights[at] * np.float32(self.shadow)


def paint_sky(rng: Rng, canvas: Canvas, conditions: str) -> None:
    """Sky with clouds down to the horizon."""
    camera = canvas.camera
    height = min(camera.height, int(camera.horizon) + 2)
    top, bottom, white = {
        "day": ((0.27, 0.49, 0.78), (0.76, 0.85, 0.93), (0.92, 0.93, 0.96)),
        "dusk": ((0.26, 0.34, 0.64), (1.55, 0.98, 0.58), (1.0, 0.7, 0.7)),
        "rain": ((0.74, 0.77, 0.80), (0.97, 0.97, 0.96), (0.88, 0.89, 0.90)),
    }[conditions]
    share = rng.uniform(0.05, 0.95) if conditions != "rain" else 1.0
    coats = Coats(np.ones((height, camera.width), np.float32))
    clouds = texture(rng, cloud_tile(), height, camera.width, 0.8, 2.2)
    coats.add(white, np.clip(0.5 * clouds + np.float32(1.4 * share - 0.9), 0.0, 0.9))
    coats.add(bottom, np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None])
    coats.add(top)
    canvas.lay((slice(height), slice(None)), coats, np.float32(1.0), SKY)


def paint_skyline(rng: Rng, canvas: Canvas, green: float) -> None:
    """What stands where the street vanishes: roofs, and tree tops before them."""
    camera = canvas.camera
    for label, share in ((BUILDING, 1.0 - 0.7 * green), (VEGETATION, 0.4 + 0.6 * green)):
        if rng.random() > share:
            continue
        if label == BUILDING:
            steps = rng.uniform(6, 28, 64).astype(np.float32)
            block = (np.arange(camera.width) / (camera.focal * rng.uniform(12, 22) / FAR)).astype(int)
            tall, color = steps[block & 63], np.float32([0.5, 0.48, 0.47])
        else:
            tall = 8.0 + 2.5 * texture(rng, cloud_tile(), 2, camera.width, 0.25)[0]
            color = np.float32([0.2, 0.32, 0.15])
        top = camera.horizon - camera.focal / FAR * tall
        low, high = max(0, int(top.min())), min(camera.height, int(camera.horizon) + 2)
        if low < high:
            alpha = soft(np.arange(low, high, dtype=np.float32)[:, None] + 0.5 - top, 1.0)
            speckle = 1.0 + 0.12 * texture(rng, cloud_tile(), high - low, camera.width, 0.3)
            coats = Coats(alpha)
            coats.add(color, tone=speckle)
            canvas.lay((slice(low, high), slice(None)), coats, canvas.clear(FAR), label)


class _Plan:
    """Flat areas of the ground as the camera sees them, drawn twice as fine: colours and labels."""

    def __init__(self, canvas: Canvas) -> None:
        camera = canvas.camera
        self._camera = camera
        self.first = max(0, int(np.ceil(camera.horizon)) + 1)
        self._nearest = 0.98 * camera.focal * camera.eye / (camera.height - camera.horizon)
        size = (2 * camera.width, 2 * (camera.height - self.first))
        self._images = (Image.new("RGB", size), Image.new("L", size))
        self._pens = tuple(ImageDraw.Draw(image) for image in self._images)

    def area(
        self, across: tuple[float, float], ahead: tuple[float, float], color: Color | np.ndarray, label: int
    ) -> None:
        """Fills an upright rectangle of the ground: its bounds of x and of z, metres."""
        near, far = max(ahead[0], self._nearest), min(ahead[1], _HORIZON)
        if near >= far:
            return
        corners = (self._camera(x, 0, z) for x, z in zip((*across, *across[::-1]), (near, near, far, far)))
        outline = [(2 * u, 2 * (v - self.first)) for u, v in corners]
        inks = (tuple(int(255 * part) for part in color), label)
        for pen, ink in zip(self._pens, inks):
            pen.polygon(outline, fill=ink)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Colours uint8 [h, W, 3] and labels uint8 [h, W]."""
        return np.asarray(self._images[0].reduce(2)), np.asarray(self._images[1])[1::2, 1::2]


def paint_ground(rng: Rng, canvas: Canvas, street: Street) -> None:
    """Grass, sidewalks, road, markings, and the shadow of the houses."""
    camera, plan = canvas.camera, _Plan(canvas)
    _draw_areas(rng, plan, street)
    _draw_markings(rng, plan, street)
    color, labels = plan.finish()
    rows = np.arange(plan.first, camera.height, dtype=np.float32)[:, None] + 0.5
    z = np.float32(camera.focal * camera.eye) / (rows - np.float32(camera.horizon))  # [h, 1]
    pixel = z / np.float32(camera.focal)  # metres across a pixel
    x = (np.arange(camera.width, dtype=np.float32)[None, :] + 0.5 - np.float32(camera.center)) * pixel  # [h, W]
    near = 1.0 / (1.0 + 0.06 * z)  # how much of a fine texture is seen
    fine, coarse = np.full(256, 0.07, np.float32), np.full(256, 0.04, np.float32)
    fine[TERRAIN], coarse[TERRAIN], coarse[MARKING] = 0.22, 0.09, 0.07
    tone = 1.0 + fine[labels] * (rough(x + 400.0, z, 23.0) * near) + coarse[labels] * rough(x + 400.0, z, 1.7)
    paved = labels == SIDEWALK
    tone[paved] *= _slabs(rng, x[paved], np.broadcast_to(z, x.shape)[paved])
    if canvas.air.sun:
        edge = street.shade_edge(z[:, 0], canvas.air.side)[:, None]
        tone *= 1.0 - np.float32(0.45 * canvas.air.sun) * soft(canvas.air.side * x - edge, 0.25 + pixel)
    clear = canvas.clear(z)
    ground = canvas.color[plan.first :]
    np.multiply(color, (tone * clear)[..., None], out=ground)
    ground *= np.float32(canvas.air.light) * np.float32(1 / 255)
    ground += ((1.0 - clear) * np.float32(canvas.air.haze))[:, None, :]
    canvas.mask[plan.first :] = labels


def _draw_areas(rng: Rng, plan: _Plan, street: Street) -> None:
    endless = (0.0, _HORIZON)
    grass = np.array([0.34, 0.45, 0.18]) * rng.uniform(0.8, 1.15)
    paving = np.array((0.56, 0.54, 0.51) if rng.random() < 0.7 else (0.58, 0.46, 0.40)) * rng.uniform(0.85, 1.15)
    asphalt = np.array([0.38, 0.38, 0.39]) * rng.uniform(0.75, 1.2)
    (left, right), fronts = street.kerbs, street.fronts
    plan.area((-_HORIZON, _HORIZON), endless, grass, TERRAIN)
    for side, kerb in ((-1, left), (1, right)):
        verge, edge = street.verges[side > 0], kerb + side * _KERB
        plan.area(tuple(sorted((kerb, fronts[side > 0]))), endless, paving, SIDEWALK)
        plan.area(tuple(sorted((edge, edge + side * verge))), endless, grass, TERRAIN)
        plan.area(tuple(sorted((kerb, edge))), endless, (0.62, 0.61, 0.58), SIDEWALK)
    plan.area((left, right), endless, asphalt, ROAD)
    for lane in range(-street.lanes, street.lanes):  # where tyres run
        for part in (0.2, 0.62):
            x = street.middle + (lane + part) * LANE
            plan.area((x, x + 0.55), endless, 0.94 * asphalt, ROAD)
    if street.crossing:
        plan.area((-_HORIZON, _HORIZON), street.crossing, asphalt, ROAD)
    for _ in range(rng.integers(0, 6)):  # repaired places
        low, near = rng.uniform(left, right - 1.0), rng.uniform(4, 30)
        place = (low, min(right, low + rng.uniform(0.6, 2.5))), (near, near + rng.uniform(1, 6))
        plan.area(*place, asphalt * rng.uniform(0.75, 1.1), ROAD)


def _draw_markings(rng: Rng, plan: _Plan, street: Street) -> None:
    white, (left, right) = np.array([0.9, 0.9, 0.87]) * rng.uniform(0.85, 1.0), street.kerbs
    stop = street.crossing[0] - (5.2 if street.zebra else 1.0) if street.crossing else _MARKED

    def line(x: float, color: np.ndarray, period: float = 0.0, share: float = 1.0) -> None:
        """Along the street, up to the side street and beyond it; dashed where it has a period."""
        starts = np.arange(rng.uniform(-period, 0.0), _MARKED, period) if period else [0.0]
        length = share * period if period else _MARKED
        for start in starts:
            plan.area((x - 0.07, x + 0.07), (start, min(start + length, stop)), color, MARKING)
            if street.crossing:
                plan.area((x - 0.07, x + 0.07), (max(start, street.crossing[1]), start + length), color, MARKING)

    if rng.random() < 0.5:
        line(street.middle, np.array(street.line), rng.uniform(6, 10), 0.45)
    else:
        line(street.middle - 0.14, np.array(street.line))
        line(street.middle + 0.14, np.array(street.line))
    for lane in range(1, street.lanes):
        for sign in (-1, 1):
            line(street.middle + sign * lane * LANE, white, 9.0, 0.35)
    for side, kerb in ((-1, left), (1, right)):
        edge = street.middle + side * street.lanes * LANE
        if abs(edge - kerb) > 1.5:  # a strip for parking
            line(edge, white, *((5.5, 0.92) if rng.random() < 0.5 else ()))
    if street.crossing and street.zebra:
        near = street.crossing[0]
        for x in np.arange(left + 0.3, right - 0.6, 1.0):
            plan.area((x, x + 0.55), (near - 3.6, near - 0.6), white, MARKING)
        plan.area((street.middle + 0.2, street.middle + street.lanes * LANE), (near - 5.1, near - 4.6), white, MARKING)


def _slabs(rng: Rng, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """How bright paving slabs and the joints between them are, at places float32 [n] in metres."""
    size = np.float32(rng.choice([0.5, 0.8, 1.2]))
    across, along = x / size + np.float32(500.0), z / size
    columns, rows = np.floor(across), np.floor(along)
    tone = rng.uniform(0.92, 1.07, 64).astype(np.float32)[(columns * 5 + rows * 11).astype(np.int32) & 63]
    joints = 0.5 - np.maximum(np.abs(across - columns - 0.5), np.abs(along - rows - 0.5))
    return tone * (1.0 - np.float32(0.3) * (joints * size < 0.025) / (1.0 + 0.06 * z))
