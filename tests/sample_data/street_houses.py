"""Houses along a street: walls in perspective with windows, shops, ledges, roofs and light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.sample_data.street_canvas import BUILDING, Canvas, Coats, Color, Sprite, rough, soft
from tests.sample_data.street_ground import Rng, Street
from tests.sample_data.street_layout import City

_SHOP_HEIGHT = 3.6  # metres
_FRAME = 0.09
_NEAREST = 0.8  # metres ahead of the camera; what is nearer is not drawn


@dataclass(frozen=True)
class House:
    """A house beside the street; metres.

    Attributes:
      side: -1 left, 1 right.
      near, far: z of its ends.
      front: x of its wall toward the street.
      floor, floors: Height of a floor and their number.
      window: Width of a window's place along the wall, and the parts of it that are glass, across and upright.
      wall, trim, roof: Colours.
      brick, glass, shop, balconies: Kinds of wall, and what is on it.
      pitch: Height of a pitched roof, 0 for a flat one.
      tones: float32 [64], how bright each window is.
      deep: How far the house reaches away from the street.
      end: Whether something of its nearer end can be seen.
    """

    side: int
    near: float
    far: float
    front: float
    floor: float
    floors: int
    window: tuple[float, float, float]
    wall: Color
    trim: Color
    roof: Color
    brick: bool
    glass: bool
    shop: bool
    balconies: bool
    pitch: float
    tones: np.ndarray
    deep: float = 12.0
    end: bool = True

    @property
    def height(self) -> float:
        """Of the wall."""
        return self.base + self.floor * self.floors + 0.5

    @property
    def base(self) -> float:
        """Height of what is below the first row of windows."""
        return _SHOP_HEIGHT if self.shop else 0.6


def build_house(rng: Rng, city: City, side: int, front: float, near: float, far: float) -> House:
    """A house of the city's kind."""
    glass = bool(rng.random() < city.glass)
    width = rng.uniform(1.5, 3.2) if glass else rng.uniform(2.2, 3.4)
    across, upright = (0.92, 0.85) if glass else (rng.uniform(0.35, 0.6), rng.uniform(0.45, 0.65))
    color = np.array(city.walls[rng.integers(len(city.walls))]) * rng.uniform(0.82, 1.12)
    return House(
        side=side,
        near=near,
        far=far,
        front=front,
        floor=rng.uniform(2.9, 3.6),
        floors=int(rng.integers(city.floors[0], city.floors[1] + 1)),
        window=((far - near) / max(1, round((far - near) / width)), across, upright),
        wall=tuple(np.clip(color + rng.uniform(-0.04, 0.04, 3), 0.1, 0.95)),
        trim=tuple(np.clip(color * rng.choice([0.65, 1.18]), 0.1, 0.96)),
        roof=tuple(np.array([0.47, 0.27, 0.21]) * rng.uniform(0.6, 1.1) if rng.random() < 0.6 else (0.28, 0.29, 0.31)),
        brick=bool(rng.random() < city.brick),
        glass=glass,
        shop=bool(rng.random() < (0.15 if city.green > 0.6 else 0.6)),
        balconies=bool(rng.random() < 0.25),
        pitch=rng.uniform(2.0, 4.5) if rng.random() < city.pitched else 0.0,
        tones=rng.random(64, np.float32),
    )


def paint_house(canvas: Canvas, house: House, street: Street) -> None:
    """The roof, the wall that looks back along the street, then the wall toward the street."""
    camera, air, near = canvas.camera, canvas.air, max(house.near, _NEAREST)
    if house.far <= _NEAREST:
        return
    if house.pitch:
        _paint_roof(canvas, house, near)
    columns = np.arange(camera.width, dtype=np.float32) + 0.5 - np.float32(camera.center)
    toward_sun = house.side != air.side
    if house.end and house.near > _NEAREST:
        beyond = house.side * (columns * np.float32(house.near / camera.focal) - np.float32(house.front))
        seen = np.flatnonzero((beyond > 0) & (beyond < house.deep))
        if len(seen):
            depth = np.full(len(seen), house.near, np.float32)
            light = np.float32(0.86 - 0.1 * air.sun)
            _paint_wall(canvas, house, slice(seen[0], seen[-1] + 1), beyond[seen], depth, depth / camera.focal, light)
    ahead = house.side * columns > 0
    depth = np.float32(camera.focal * abs(house.front)) / np.maximum(np.abs(columns), 0.5)
    seen = np.flatnonzero(ahead & (depth > near) & (depth < house.far))
    if len(seen):
        depth = depth[seen]
        step = depth * depth / np.float32(camera.focal * abs(house.front))
        light = np.float32(1.0 + 0.12 * air.sun if toward_sun else 1.0 - 0.3 * air.sun)
        shadow = None
        if toward_sun and air.sun:  # the houses opposite shade its lower part
            edge = street.shade_edge(depth, air.side)
            shadow = (-house.front * air.side - edge) / np.float32(street.shadow)
        along = depth - np.float32(house.near)
        _paint_wall(canvas, house, slice(seen[0], seen[-1] + 1), along, depth, step, light, shadow)


def _paint_roof(canvas: Canvas, house: House, near: float) -> None:
    """A slope with its ridge along the street, its gable, and a chimney."""
    camera, eaves, ridge = canvas.camera, house.height, house.height + house.pitch
    outer, inner = house.front - 0.3 * house.side, house.front + 4.5 * house.side
    sprite = Sprite(canvas, 0.5 * (near + house.far))
    stack = house.front + 3.5 * house.side
    for z in (0.3 * near + 0.7 * house.far, 0.8 * near + 0.2 * house.far):
        low, high = camera(stack, ridge - 1.5, z), camera(stack + 0.7, ridge + 1.1, z)
        sprite.polygon([low, (low[0], high[1]), high, (high[0], low[1])], tuple(0.8 * np.array(house.wall)))
    edges = ((outer, eaves, near), (outer, eaves, house.far), (inner, ridge, house.far), (inner, ridge, near))
    slope = [camera(*corner) for corner in edges]
    gable = [camera(house.front, eaves, near), slope[3], camera(house.front + 9.0 * house.side, eaves, near)]
    if house.near > _NEAREST:
        sprite.polygon(gable, tuple(0.8 * np.array(house.wall)))
    sprite.polygon(slope, house.roof)
    sprite.lay(BUILDING)


def _paint_wall(
    canvas: Canvas,
    house: House,
    columns: slice,
    along: np.ndarray,
    depth: np.ndarray,
    step: np.ndarray,
    light: np.float32,
    shadow: np.ndarray | None = None,
) -> None:
    """One upright wall.

    Args:
      canvas: To paint on.
      house: What the wall looks like.
      columns: Of the picture, w of them.
      along: Metres along the wall in each column, float32 [w].
      depth: z of the wall in each column, float32 [w].
      step: Metres along the wall that a column takes, float32 [w].
      light: Brightness of the wall.
      shadow: Height below which it lies in the shade, float32 [w].
    """
    camera = canvas.camera
    pixel = depth / np.float32(camera.focal)
    top = camera.horizon + (camera.eye - house.height) / pixel.min()
    bottom = camera.horizon + camera.eye / pixel.min()
    rows = slice(max(0, int(top)), min(camera.height, int(bottom) + 2))
    if rows.start >= rows.stop:
        return
    y = np.float32(camera.eye) - (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
                                  + np.float32(0.5 - camera.horizon)) * pixel  # fmt: skip
    coats = Coats(soft(np.float32(house.height) - y, pixel) * soft(y, pixel))
    storey = (y - np.float32(house.base)) * np.float32(1 / house.floor)
    number = np.floor(storey)
    rooms = (y > house.base) & (y < house.height - 0.5)
    ledge = np.minimum(np.abs(y - np.float32(house.height - 0.12)) - 0.03, np.abs(y - np.float32(house.base - 0.1)))
    coats.add(house.trim, soft(0.06 - ledge, pixel))
    if house.shop:
        _add_shops(canvas, house, coats, along, y, step, pixel)
    elif house.tones[0] < 0.8:
        doors = soft(0.55 - np.abs((along + 2.0) % 9.0 - 4.5), step) * soft(2.2 - y, pixel)
        coats.add((0.4, 0.28, 0.2), doors, 0.6 + house.tones[1])
    _add_windows(canvas, house, coats, along, storey - number, number, rooms, step, pixel)
    near = 1.0 / (1.0 + 0.05 * depth)
    tone = 1.0 + (np.float32(0.07 if house.brick else 0.04) * near) * rough(along + 300.0, y + 50.0, 19.0)
    tone *= 0.88 + 0.12 * np.minimum(y * np.float32(0.3), 1.0)  # dirt, and less of the sky, near the ground
    if house.brick:
        tone -= (0.16 * near) * ((y * np.float32(5.0)) % 1.0 < 0.2)
    coats.add(house.wall, tone=tone)
    for weight in coats.weights:
        weight *= light
    if shadow is not None:
        lit = 1.0 - np.float32(0.4 * canvas.air.sun) * soft(shadow - y, 0.2 + pixel)
        for weight in coats.weights:
            weight *= lit
    canvas.lay((rows, columns), coats, canvas.clear(depth), BUILDING)


def _add_windows(
    canvas: Canvas,
    house: House,
    coats: Coats,
    along: np.ndarray,
    within: np.ndarray,
    number: np.ndarray,
    rooms: np.ndarray,
    step: np.ndarray,
    pixel: np.ndarray,
) -> None:
    """Railings, glass that mirrors the sky, has a curtain or is lit from inside, and frames; `within` its floor."""
    air, (wide, across, upright) = canvas.air, house.window
    places = along * np.float32(1 / wide)
    place = np.floor(places)
    beside = np.abs(places - place - 0.5) * np.float32(wide)
    beyond = np.abs(within - np.float32(0.52)) * np.float32(house.floor)
    half, tall = np.float32(0.5 * wide * across), np.float32(0.5 * house.floor * upright)
    if house.balconies:
        rails = soft(0.42 * wide - beside, step) * (soft(0.34 - within, pixel / house.floor) * (rooms & (number >= 1)))
        coats.add(tuple(0.45 * np.array(house.trim)), 0.75 * rails)
    panes = soft(half - beside, step)
    if not house.glass:  # a bar in the middle, where one can see it
        panes = panes * (1.0 - 0.9 * soft(0.03 - beside, np.maximum(step, 0.02)))
    glass = panes * (soft(tall - beyond, pixel) * rooms)
    tones = house.tones[((place * 7).astype(np.int32) + (number * 13).astype(np.int32)) & 63]
    if air.lamps:
        warm = tuple(np.array([0.9, 0.72, 0.4]) / air.light)
        coats.add(warm, glass * ((tones * 7.3) % 1.0 < 0.42 * air.lamps), 0.75 + 0.35 * tones)
    if not house.glass:
        coats.add((0.78, 0.76, 0.72), glass * ((tones > 0.8) & (within > 0.45)))
    coats.add((0.78, 0.92, 1.05), glass, 0.10 + 0.28 * tones + np.float32(0.3 if house.glass else 0.14) * within)
    coats.add(house.trim, soft(half + _FRAME - beside, step) * (soft(tall + _FRAME - beyond, pixel) * rooms))


def _add_shops(
    canvas: Canvas, house: House, coats: Coats, along: np.ndarray, y: np.ndarray, step: np.ndarray, pixel: np.ndarray
) -> None:
    """Shop windows with a band above them in each house's colour."""
    wide = np.float32(3.0 * house.window[0])
    places = along / wide
    inside = np.abs(places - np.floor(places) - 0.5) * wide
    band = soft(0.48 * wide - inside, step) * soft(0.32 - np.abs(y - 2.95), pixel)
    written = house.tones[np.floor(along * 4.0).astype(np.int32) & 63] > 0.45
    coats.add((0.93, 0.92, 0.88), band * (np.abs(y - 2.95) < 0.15) * (written & (inside < 0.3 * wide)))
    coats.add(tuple(0.12 + 0.75 * house.tones[3:6]), band)
    panes = soft(0.46 * wide - inside, step) * (soft(2.55 - y, pixel) * soft(y - 0.45, pixel))
    coats.add((0.2, 0.2, 0.2), panes * (0.8 * soft(0.04 - np.abs(inside - 0.22 * wide), step)))
    goods = house.tones[((along * 2.2).astype(np.int32) + 7 * (y * 2.5).astype(np.int32)) & 63]
    shine = max(0.3, 0.9 * canvas.air.lamps) * (0.5 + 0.5 * house.tones[6])
    color = np.array([1.0, 0.88, 0.68]) / canvas.air.light if canvas.air.lamps else np.array([0.8, 0.9, 1.0])
    coats.add(tuple(color), panes, np.float32(shine) * (0.35 + 0.65 * goods))
