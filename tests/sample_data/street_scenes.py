"""A photo of a street with its mask: a plan in metres, then everything in it from far to near, then the camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from tests.sample_data import street_furniture as furniture
from tests.sample_data import street_traffic as traffic
from tests.sample_data.noise import cloud_tile, grain_tile, texture
from tests.sample_data.painting import expose, soften
from tests.sample_data.street_canvas import MARKING, OWN_CAR, ROAD, SIDEWALK, VOID, Canvas, Coats, place_camera
from tests.sample_data.street_ground import LANE, Rng, Street, paint_ground, paint_sky, paint_skyline
from tests.sample_data.street_houses import House, build_house, paint_house
from tests.sample_data.street_layout import CITIES, City, air_of

_LAST = 170.0  # metres; what is farther away belongs to the skyline

Thing = tuple[float, Callable[[], None]]  # distance in metres, and what draws it


def draw_scene(rng: Rng, image_id: str, sides: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draws one photo.

    Args:
      rng: The only source of chance.
      image_id: `<city>_<conditions>_<number>`, which city to draw and when.
      sides: Shortest and longest side that a photo may have, pixels.

    Returns:
      Photo uint8 [H, W, 3] and mask uint8 [H, W] of the data set's values.
    """
    name, conditions, _ = image_id.split("_")
    city, air = CITIES[name], air_of(conditions, rng)
    canvas = Canvas(place_camera(rng, sides), air)
    street = _plan_street(rng, city)
    houses, parks = _plan_houses(rng, city, street)
    sunny = [house for house in houses if house.side == air.side and house.near < _LAST]
    heights = [edge for house in sunny for edge in ((house.near, house.height), (house.far, 0.0))]
    street = replace(street, heights=tuple(heights), shadow=rng.uniform(0.35, 1.3))
    paint_sky(rng, canvas, conditions)
    paint_skyline(rng, canvas, city.green)
    paint_ground(rng, canvas, street)
    behind = [(house.near, partial(paint_house, canvas, house, street)) for house in houses]
    behind += [thing for park in parks for thing in _park(rng, canvas, street, *park)]
    before = [
        *_vehicles(rng, canvas, street),
        *_people(rng, canvas, street, conditions),
        *_fixtures(rng, canvas, city, street),
    ]
    for things in (behind, before):
        for _, paint in sorted(things, key=lambda thing: -thing[0]):
            paint()
    if air.wet:
        _wet(rng, canvas)
    _add_own_car(canvas, city)
    return expose(rng, np.ascontiguousarray(canvas.color)), canvas.mask


def _plan_street(rng: Rng, city: City) -> Street:
    """Kerbs and lines around a camera that drives on the right."""
    lanes = int(rng.integers(1, city.lanes + 1))
    middle = -(int(rng.integers(lanes)) + 0.5) * LANE + rng.uniform(-0.4, 0.4)
    parking = [2.3 if rng.random() < 0.6 else rng.uniform(0.1, 0.7) for _ in range(2)]
    verges = [rng.uniform(0.8, 2.2) if rng.random() < 0.5 * city.green else 0.0 for _ in range(2)]
    near = rng.uniform(13, 45)
    return Street(
        kerbs=(middle - lanes * LANE - parking[0], middle + lanes * LANE + parking[1]),
        walks=(rng.uniform(1.8, 4.5) + verges[0], rng.uniform(1.8, 4.5) + verges[1]),
        verges=(verges[0], verges[1]),
        middle=middle,
        line=city.center_line,
        lanes=lanes,
        crossing=(near, near + rng.uniform(6, 11)) if rng.random() < 0.45 else None,
        zebra=bool(rng.random() < 0.7),
        end=rng.uniform(80, 150) if rng.random() < 0.3 else np.inf,
    )


def _plan_houses(rng: Rng, city: City, street: Street) -> tuple[list[House], list[tuple[int, float, float]]]:
    """Houses on both sides and at the end, and the parks between them: side, near and far end."""
    houses, parks = [], []
    last = min(_LAST, street.end)
    for side, front in zip((-1, 1), street.fronts):
        near = rng.uniform(-12, -4)
        while near < last:
            far = near + rng.uniform(8, 22)
            if street.crossing and near < street.crossing[1] + 2.5 and far > street.crossing[0] - 2.5:
                if street.crossing[0] - 2.5 - near < 4:
                    near = street.crossing[1] + 2.5
                    continue
                far = street.crossing[0] - 2.5
            if rng.random() < 0.22 * city.green:
                parks.append((side, near, far))
            else:
                setback = rng.uniform(0, 3.0) * city.green if rng.random() < 0.5 else 0.0
                house = build_house(rng, city, side, front + side * setback, near, far)
                before = houses[-1] if houses and houses[-1].far == near and houses[-1].side == side else None
                hidden = before and before.height >= house.height and abs(before.front) <= abs(house.front)
                houses.append(replace(house, end=not hidden))
            near = far + (rng.uniform(1.5, 5.0) if rng.random() < 0.25 + 0.5 * city.green else 0.0)
    if np.isfinite(street.end):
        left = street.fronts[0] - 25.0
        while left < street.fronts[1] + 25.0:
            wide = rng.uniform(10, 20)
            house = build_house(rng, city, 1, left, street.end, street.end + 0.1)
            houses.append(replace(house, deep=wide, window=(rng.uniform(2.2, 3.2), *house.window[1:])))
            left += wide
    return houses, parks


def _park(rng: Rng, canvas: Canvas, street: Street, side: int, near: float, far: float) -> Iterator[Thing]:
    front = street.fronts[side > 0]
    for _ in range(rng.integers(2, 6)):
        z = rng.uniform(max(near, 6.0), max(far, 7.0))
        yield z, partial(furniture.paint_tree, rng, canvas, front + side * rng.uniform(2, 14), z, rng.uniform(4, 10))
    if rng.random() < 0.6 and far > 6.0:
        tall = rng.uniform(0.8, 1.8)
        yield (
            max(near, 5.0),
            partial(furniture.paint_hedge, rng, canvas, front + side * 0.6 * tall, max(near, 5.0), far, tall),
        )


def _is_free(street: Street, near: float, far: float) -> bool:
    """Whether a stretch along the kerb is away from the side street and the end."""
    crosses = street.crossing and near < street.crossing[1] + 3 and far > street.crossing[0] - 6
    return not crosses and far < street.end - 8


def _vehicles(rng: Rng, canvas: Canvas, street: Street) -> Iterator[Thing]:
    half = street.lanes * LANE
    for side, kerb in zip((-1, 1), street.kerbs):
        if abs(kerb - street.middle) - half > 1.5:
            full, z = rng.uniform(0.3, 0.95), rng.uniform(3.5, 12)
            while z < 60:
                if rng.random() < full and _is_free(street, z, z + 5):
                    x = kerb - side * rng.uniform(1.05, 1.25)
                    yield z, partial(traffic.paint_car, rng, canvas, x, z, side < 0)
                z += rng.uniform(5.4, 7.5)
        for lane in range(street.lanes):
            x, z = street.middle + side * (lane + 0.5) * LANE, rng.uniform(6, 60) if side < 0 else rng.uniform(9, 70)
            while z < min(90.0, street.end - 10):
                here = x + rng.uniform(-0.3, 0.3)
                yield z, partial(traffic.paint_car, rng, canvas, here, z, side < 0)
                z += rng.uniform(8, 45)
    for _ in range(rng.poisson(0.6)):
        z = rng.uniform(7, 35)
        yield z, partial(traffic.paint_bicycle, rng, canvas, street.middle + half - 0.4, z, np.pi / 2 - 0.15, True)


def _people(rng: Rng, canvas: Canvas, street: Street, conditions: str) -> Iterator[Thing]:
    umbrellas = 0.6 if conditions == "rain" else 0.0
    busy = rng.uniform(0.5, 1.0)
    for side, kerb in zip((-1, 1), street.kerbs):
        verge, walk = street.verges[side > 0], street.walks[side > 0]
        for _ in range(rng.poisson(5 * busy)):
            x, z = kerb + side * rng.uniform(verge + 0.4, walk - 0.3), 5 + 50 * rng.random() ** 1.3
            for beside in range(1 + int(rng.random() < 0.25)):
                place = x + 0.65 * beside
                yield z, partial(traffic.paint_person, rng, canvas, place, z, bool(rng.random() < umbrellas))
        for _ in range(rng.poisson(1.0)):
            x, z = kerb + side * (verge + 0.5), rng.uniform(6, 30)
            yield z, partial(traffic.paint_bicycle, rng, canvas, x, z, rng.uniform(0.2, 1.8), False)
    if street.crossing and street.zebra:
        for _ in range(rng.poisson(1.8)):
            x, z = rng.uniform(*street.kerbs), street.crossing[0] - rng.uniform(0.8, 3.4)
            if rng.random() < 0.25:
                yield z, partial(traffic.paint_bicycle, rng, canvas, x, z, rng.choice([0.1, 3.0]), True)
            else:
                yield z, partial(traffic.paint_person, rng, canvas, x, z, bool(rng.random() < umbrellas))


def _fixtures(rng: Rng, canvas: Canvas, city: City, street: Street) -> Iterator[Thing]:
    trees, lamps = rng.random() < 0.25 + 0.6 * city.green, rng.random() < 0.8
    for side, kerb in zip((-1, 1), street.kerbs):
        verge, post = street.verges[side > 0], kerb + side * 0.45
        if trees:
            z, gap, tall = rng.uniform(6, 16), rng.uniform(7, 16), rng.uniform(4.5, 9)
            while z < 80:
                if _is_free(street, z - 2, z + 2):
                    x = kerb + side * (0.5 * verge if verge else 0.8)
                    yield z, partial(furniture.paint_tree, rng, canvas, x, z, tall * rng.uniform(0.85, 1.15))
                z += gap
        if lamps:
            for z in np.arange(rng.uniform(6, 25), 90, rng.uniform(22, 32)):
                if _is_free(street, z, z):
                    arm = -side * rng.uniform(0.8, 2.2)
                    yield (
                        float(z),
                        partial(furniture.paint_lamp, rng, canvas, post, float(z), rng.uniform(5.5, 8.5), arm),
                    )
        for _ in range(rng.poisson(1.6)):
            z = rng.uniform(6, 45)
            yield z, partial(furniture.paint_sign, rng, canvas, post, z)
        if rng.random() < 0.25:
            for z in np.arange(rng.uniform(5, 12), rng.uniform(15, 40), rng.uniform(1.6, 3.0)):
                yield float(z), partial(furniture.paint_bollard, rng, canvas, kerb + side * 0.35, float(z))
        for _ in range(rng.poisson(0.5)):
            z = rng.uniform(5, 30)
            yield z, partial(furniture.paint_bin, rng, canvas, kerb + side * (verge + 0.7), z)
        if street.crossing and rng.random() < 0.75:
            for z in (street.crossing[0] - 4.6, street.crossing[1] + 1.0):
                yield z, partial(furniture.paint_traffic_light, rng, canvas, post, z)


def _wet(rng: Rng, canvas: Canvas) -> None:
    """The ground mirrors what stands on it, and rain falls before everything."""
    height, width = canvas.mask.shape
    first = int(canvas.camera.horizon) + 1
    rows = np.clip(2 * first - np.arange(first, height), 0, first)
    mirror = soften(canvas.color[rows], 0.006 * width)
    puddles = np.clip(0.55 + 0.3 * texture(rng, cloud_tile(), height - first, width, 0.35, 3.0), 0.15, 1.0)
    steep = np.linspace(1.0, 0.45, height - first, dtype=np.float32)[:, None]
    ground = canvas.mask[first:]
    wet = np.isin(ground, (ROAD, MARKING)) + np.float32(0.6) * (ground == SIDEWALK)
    share = np.float32(0.62 * canvas.air.wet) * steep * puddles * wet
    below = canvas.color[first:]
    below *= 1.0 - 0.25 * wet[..., None]
    below += share[..., None] * (mirror - below)
    drops = texture(rng, grain_tile(), height, width, 9.0, 1 / 9)
    canvas.color += (0.05 * np.clip(drops - 1.3, 0.0, 1.0))[..., None]


def _add_own_car(canvas: Canvas, city: City) -> None:
    """The bonnet below and the empty frame beside the picture, which have no class."""
    height, width = canvas.mask.shape
    if city.bonnet:
        top = int(0.87 * height)
        rows = np.arange(top, height, dtype=np.float32)[:, None] / height
        columns = np.arange(width, dtype=np.float32)[None, :] / width - 0.5
        edge = 0.88 + 0.5 * columns**2 + 2.5 * np.maximum(np.abs(columns) - 0.36, 0.0)
        alpha = np.clip((rows - edge) * height + 0.5, 0.0, 1.0)
        shine = 0.75 + 2.2 * np.clip(0.05 - np.abs(rows - edge - 0.05), 0.0, 1.0) * (1.0 - 2.0 * np.abs(columns))
        coats = Coats(alpha)
        coats.add(city.bonnet, tone=shine)
        canvas.lay((slice(top, height), slice(None)), coats, np.float32(1.0), OWN_CAR)
    frame = round(city.frame / 100 * width)
    for columns in (slice(0, frame), slice(width - frame, width)):
        canvas.color[:, columns] = 0.01
        canvas.mask[:, columns] = VOID
