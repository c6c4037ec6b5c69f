"""A pet in a picture: skeleton, view, relief, coat, light and face put together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tests.sample_data import faces, relief
from tests.sample_data.anatomy import POSES, Blade, Chain, posed_body
from tests.sample_data.coats import Breed, zone_color
from tests.sample_data.heads import Face, cat_head, dog_head
from tests.sample_data.noise import cloud_tile, grain_tile, spot_tile, texture
from tests.sample_data.painting import Layer
from tests.sample_data.view import View, rotation

Part = Chain | Blade
SPECIAL = {"nose": (0.12, 0.10, 0.10), "gum": (0.22, 0.06, 0.06), "tongue": (0.90, 0.45, 0.47)}
CAT_NOSE = (0.72, 0.42, 0.40)


@dataclass(frozen=True)
class Stance:
    """A posed animal before it has a place in a picture: parts with the turn of their frame."""

    body: list[Part]
    body_turn: np.ndarray
    head: list[Part]
    head_turn: np.ndarray
    head_center: np.ndarray
    skull: float
    face: Face
    collar: tuple[float, float, float] | None


def pose(rng: np.random.Generator, breed: Breed) -> Stance:
    """Chooses a pose, the side that the animal shows, and where it looks: mostly toward the camera."""
    name = POSES[rng.choice(4, p=[0.3, 0.32, 0.2, 0.18])]
    facing = rng.uniform(0.25, 0.75) * np.pi if name in ("sit", "loaf") else rng.choice([0.0, 1.0]) * np.pi
    if name in ("stand", "lie"):
        facing += rng.uniform(0.05, 0.9) * (1.0 if facing == 0.0 else -1.0)
    pitch = rng.uniform(0.08, 0.32)
    body = posed_body(rng, breed, name)
    head, face = (cat_head if breed.species == "cat" else dog_head)(rng, breed)
    aside = np.pi / 2 - facing  # yaw at which the head continues the body
    look = np.clip(aside * rng.uniform(0.1, 0.55) + rng.normal(0, 0.15), -0.95, 0.95)
    head_turn = rotation(look, 0.6 * pitch + rng.normal(-0.08, 0.07), rng.normal(0, 0.11))
    collar = None
    if breed.hair < 0.65 and breed.girth < 1.15 and rng.random() < 0.35:
        collar = tuple(rng.permutation([rng.uniform(0.55, 0.8), rng.uniform(0.05, 0.3), rng.uniform(0.05, 0.5)]))
    return Stance(body.parts, rotation(-facing, pitch, 0.0), head, head_turn, body.head, body.skull, face, collar)


def extent(stance: Stance, bust: bool, whiskers: bool = False) -> np.ndarray:
    """Corners of the animal in units, x right and y down, float [2, 2]; of head and shoulders if `bust`."""
    body = View(stance.body_turn, 1.0, np.zeros(3))
    center = body(stance.head_center)
    head = View(stance.head_turn, stance.skull, center)
    low, high = [], []
    for view, parts in ((body, [] if bust else stance.body), (head, stance.head)):
        for part in parts:
            points = part.spheres[:, :3] if isinstance(part, Chain) else part.corners
            radii = part.spheres[:, 3:] * view.scale if isinstance(part, Chain) else view.scale * part.thickness
            seen = view(points)[:, :2]
            low.append((seen - radii).min(0))
            high.append((seen + radii).max(0))
    for line in stance.face.whiskers if whiskers else ():
        low.append(head(line)[:, :2].min(0))
        high.append(head(line)[:, :2].max(0))
    corners = np.array([np.min(low, 0), np.max(high, 0)])
    if bust:
        corners[1, 1] += 0.9 * stance.skull
    return corners


def draw(
    rng: np.random.Generator,
    breed: Breed,
    stance: Stance,
    place: View,
    size: tuple[int, int],
    light: np.ndarray,
    ambient: np.ndarray,
) -> Layer:
    """Draws a posed animal.

    Args:
      rng: For the coat.
      breed: Its looks.
      stance: Its pose.
      place: Pixels per unit, and where the ground under the body lies; its turn is not used.
      size: Height and width of the picture.
      light: float [3], unit vector toward the light.
      ambient: float32 [3], colour of the light that comes from everywhere.
    """
    scale = place.scale
    corners = extent(stance, bust=False, whiskers=True) * scale + place.origin[:2]
    margin = 0.03 * scale + 4.0
    left, top = np.clip(np.floor(corners[0] - margin), 0, np.array(size[::-1]) - 2).astype(int)
    right, bottom = np.clip(np.ceil(corners[1] + margin), (left + 2, top + 2), size[::-1]).astype(int)
    canvas = relief.Relief(bottom - top, right - left)
    body = View(stance.body_turn, scale, place.origin - [left, top, 0.0])
    head = View(stance.head_turn, scale * stance.skull, body(stance.head_center))
    for part in stance.body:
        _model(canvas, part, body, breed)
    if stance.collar:
        _model_collar(canvas, stance, body)
    for part in stance.head:
        _model(canvas, part, head, breed)

    zoom = max(0.6, (0.55 + 0.45 * breed.hair) * scale / 260)
    strokes = relief.hair(canvas, tuple(rng.integers(0, 512, 2)), 7.0 + 10.0 * breed.hair, zoom)
    fringe = (0.001 + 0.013 * breed.hair) * scale * (breed.hair > 0)
    alpha = np.clip(0.5 + (canvas.inside + fringe * strokes) / (1.0 + 0.4 * fringe), 0.0, 1.0)
    color = _coat(rng, breed, canvas, scale)
    bump = (0.0005 + 0.0027 * breed.hair) * scale
    brightness, rim = relief.lit(canvas.depth + bump * strokes * (canvas.inside > 0), light, scale)
    glow = 1.07 * brightness * np.sqrt(brightness) * (1.0 + (0.04 + 0.08 * breed.hair) * strokes)
    color *= 0.2 * ambient + glow[..., None] * np.float32([1.0, 0.95, 0.88])
    color += (0.1 * rim)[..., None] * ambient
    faces.paint(color, canvas, stance.face, head, breed)
    np.clip(color, 0.0, 1.0, out=color)
    solid = alpha.copy()
    faces.draw_whiskers(color, alpha, stance.face, head)
    return Layer((slice(top, bottom), slice(left, right)), color, alpha, solid)


def _model(canvas: relief.Relief, part: Part, view: View, breed: Breed) -> None:
    """Adds one part of the skeleton to the relief, covered with its zone's coat."""
    if isinstance(part, Blade):
        canvas.add_blade(tuple(view(part.corners)), part.thickness * view.scale, _surface(breed, part.zone), 2.0)
        return
    points, radii = view(part.spheres[:, :3]), part.spheres[:, 3] * view.scale
    steps = np.linalg.norm(np.diff(part.spheres[:, :3], axis=0), axis=1) * view.scale
    along = np.concatenate([[0.0], np.cumsum(steps)])
    for index in range(len(points) - 1):
        last = part.end_zone and index >= len(points) - 3
        canvas.add_cone(
            points[index],
            points[index + 1],
            (radii[index], radii[index + 1]),
            _surface(breed, part.end_zone if last else part.zone),
            part.blend * radii.max(),
            (along[index], along[index + 1]),
            part.flat,
        )


def _surface(breed: Breed, zone: str) -> relief.Surface:
    if zone in SPECIAL:
        color = CAT_NOSE if zone == "nose" and breed.species == "cat" and sum(breed.base) > 0.8 else SPECIAL[zone]
        return relief.Surface(color, fur=0.0)
    color, pattern = zone_color(breed, zone)
    return relief.Surface(color, pattern, fur=0.35 if zone in ("inner", "muzzle", "paw") else 1.0,
                          outward=0.3 + 0.8 * breed.hair)  # fmt: skip


def _model_collar(canvas: relief.Relief, stance: Stance, body: View) -> None:
    """A ring around the neck, which is the chain of the body that is called the ruff."""
    ruff = next(part for part in stance.body if isinstance(part, Chain) and part.zone == "ruff").spheres
    middle = 0.55 * ruff[0] + 0.45 * ruff[1]
    axis = ruff[1, :3] - ruff[0, :3]
    axis = axis / np.linalg.norm(axis)
    across = np.array([0.0, 0.0, 1.0])
    front = np.cross(across, axis)
    angles = np.linspace(0, 2 * np.pi, 17)[:, None]
    ring = body(middle[:3] + 1.04 * middle[3] * (np.cos(angles) * across + np.sin(angles) * front))
    surface = relief.Surface(stance.collar, fur=0.0)
    thick = 0.024 * body.scale
    for start, end in pairwise(ring):
        canvas.add_cone(start, end, (thick, thick), surface, 1.0)


def _coat(rng: np.random.Generator, breed: Breed, canvas: relief.Relief, scale: float) -> np.ndarray:
    """Colours of the coat with its pattern, float32 [H, W, 3]."""
    height, width = canvas.inside.shape
    color = np.moveaxis(canvas.material[relief.RGB], 0, 2).copy()
    clouds = texture(rng, cloud_tile(), height, width, max(0.25, 0.004 * scale))
    amount = canvas.material[relief.PATTERN]
    if breed.marking in ("tabby", "brindle"):
        period = (0.085 if breed.marking == "tabby" else 0.05) * scale
        wave = np.sin(2 * np.pi * canvas.material[relief.ALONG] / period + 1.3 * clouds)
        dark = np.clip(1.6 * wave + 0.2, 0.0, 1.0) * (0.75 if breed.marking == "tabby" else 0.6)
    elif breed.marking == "spots":
        spots = texture(rng, spot_tile(), height, width, max(0.2, 0.0024 * scale), 1.25)
        dark = np.clip(3.0 * (spots - 0.55), 0.0, 0.9)
    elif breed.marking in ("patches", "saddle"):
        dark = np.clip(4.0 * (clouds - 0.55), 0.0, 1.0)
    elif breed.marking == "ticked":
        dark = np.clip(0.3 + 0.35 * texture(rng, grain_tile(), height, width, max(0.5, 0.003 * scale)), 0.0, 0.8)
    else:
        dark = np.zeros_like(clouds)
    under = np.clip(canvas.material[relief.ACROSS] - 0.35, 0.0, 1.0) * 0.35 * (amount > 0.5)
    dark = dark * amount * (1.0 - 0.5 * under)
    color += dark[..., None] * (np.array(breed.dark, np.float32) - color)
    color += under[..., None] * (np.array(breed.light, np.float32) - color)
    return color * (1.0 + 0.05 * clouds)[..., None]
