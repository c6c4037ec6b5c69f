"""A photo of one cat or dog with its trimap: place, clutter, shadow, pet, what stands before it, and the camera."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tests.sample_data import animals, clutter
from tests.sample_data.backgrounds import Background
from tests.sample_data.coats import BREEDS, Breed
from tests.sample_data.outdoors import PLACES
from tests.sample_data.painting import Layer, cover, expose, soften
from tests.sample_data.relief import blur
from tests.sample_data.view import View

PET, BACKGROUND, BORDER = 1, 2, 3  # values of the official trimaps
_HAIR_GAP = 2  # pixels, half the width of a gap
LEAST_PET = 0.02  # part of a photo; one with less of the pet in it is drawn again
ASPECTS = (4 / 3, 3 / 2, 1.0, 3 / 4, 2 / 3, 4 / 3)  # width to height


def draw_scene(rng: np.random.Generator, image_id: str, sides: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Draws one photo.

    Args:
      rng: The only source of chance.
      image_id: `<Breed>_<number>`, which breed to draw.
      sides: Shortest and longest side that a photo may have, pixels.

    Returns:
      Photo uint8 [H, W, 3] and trimap uint8 [H, W]: 1 pet, 2 background, 3 the band along the outline.
    """
    breed = BREEDS[image_id.rpartition("_")[0]]
    while True:
        photo, mask = _draw_once(rng, breed, *_size(rng, sides))
        if np.mean(mask == PET) > LEAST_PET:
            return photo, mask


def _draw_once(rng: np.random.Generator, breed: Breed, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    light = _light(rng)
    palette = [breed.base, breed.dark, breed.light]
    place = PLACES[rng.integers(len(PLACES))](rng, height, width, palette)
    ambient = np.array(place.ambient, np.float32)
    photo = np.ascontiguousarray(soften(place.color, rng.uniform(0.0, 0.012) * max(height, width)), np.float32)
    stance, view = _arrange(rng, breed, place, height, width)
    unit, ground = min(view.scale, 0.9 * height), view.origin[1]

    def put(size: float, foot: tuple[float, float]) -> Layer | None:
        thing = place.clutter[rng.integers(len(place.clutter))]
        layer = clutter.draw(rng, thing, palette[rng.integers(3)], foot, size, (height, width), light)
        if layer:
            layer.lay_over(photo, ambient)
        return layer

    for _ in range(rng.integers(0, 3)):
        put(unit * rng.uniform(0.3, 0.6), (rng.uniform(0, width), ground - rng.uniform(0.02, 0.12) * height))
    pet = animals.draw(rng, breed, stance, view, (height, width), light, ambient)
    solid = np.zeros((height, width), np.float32)
    solid[pet.window] = pet.body
    _cast_shadow(photo, solid, light, ground, view.scale)
    pet.lay_over(photo)
    if rng.random() < 0.18:
        before = put(0.32 * unit, (rng.choice([0.05, 0.95]) * width, height * rng.uniform(0.98, 1.08)))
        if before:
            solid[before.window] *= 1.0 - before.alpha
    if place.blades:
        solid *= 1.0 - _grow_blades(rng, photo, place.blades, ground, 0.7 * unit)
    mask = trimap(solid > 0.5)
    return expose(rng, photo), mask


def _size(rng: np.random.Generator, sides: tuple[int, int]) -> tuple[int, int]:
    """Height and width: a usual aspect, the longest side between the bounds."""
    aspect = ASPECTS[rng.integers(len(ASPECTS))]
    longest = rng.uniform(0.35, 1.0) ** 0.7 * (sides[1] - sides[0]) + sides[0]
    height, width = longest / max(1.0, aspect), longest * min(1.0, aspect)
    return max(sides[0], round(height)), max(sides[0], round(width))


def _light(rng: np.random.Generator) -> np.ndarray:
    light = np.array([rng.uniform(-0.8, 0.8), -rng.uniform(0.45, 0.8), rng.uniform(0.55, 0.8)])
    return (light / np.linalg.norm(light)).astype(np.float32)


def _arrange(
    rng: np.random.Generator, breed: Breed, place: Background, height: int, width: int
) -> tuple[animals.Stance, View]:
    """Pose and place: the whole animal, or head and shoulders; sometimes cut by the edge."""
    stance = animals.pose(rng, breed)
    bust = rng.random() < 0.28
    low, high = animals.extent(stance, bust)
    share = rng.uniform(0.62, 0.95) if not bust else rng.uniform(0.75, 1.0)
    scale = share * min(height / (high[1] - low[1]), width / (high[0] - low[0]))
    free = width - scale * (high[0] - low[0])
    left = free * rng.uniform(0.1, 0.9)
    if rng.random() < 0.15:  # cut off by an edge of the photo, on the side away from the head
        beyond = rng.uniform(0.05, 0.25) * scale * (high[0] - low[0])
        head = animals.extent(stance, bust=True)[:, 0].mean()
        left = -beyond if head > 0.5 * (low[0] + high[0]) else free + beyond
    if bust:
        bottom = height
    else:
        bottom = np.clip(height * rng.uniform(*place.floor), 0.99 * scale * (high[1] - low[1]), 0.98 * height)
    return stance, View(np.eye(3), float(scale), np.array([left - scale * low[0], bottom - scale * high[1], 0.0]))


def _cast_shadow(photo: np.ndarray, solid: np.ndarray, light: np.ndarray, ground: float, scale: float) -> None:
    """Darkens the floor: the silhouette laid down away from the light, and the gap under the body."""
    height, width = solid.shape
    small = Image.fromarray((255 * solid).astype(np.uint8)).reduce(4)
    ratio, lean, foot = 0.28, 0.9 * light[0] / -light[1], (ground + 0.02 * scale) / 4
    # For a point of the shadow, where in the silhouette it comes from.
    back = (1.0, lean / ratio * 0.5, -lean / ratio * 0.5 * foot, 0.0, 1.0 / ratio, foot - foot / ratio)
    laid = small.transform(small.size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    dark = np.asarray(laid.resize((width, height), Image.Resampling.BICUBIC), np.float32) / 255.0
    soft = blur(dark, max(3.0, 0.03 * scale))
    near = np.roll(blur(solid, max(3.0, 0.05 * scale)), int(0.02 * scale), 0)
    rows = np.arange(height, dtype=np.float32)[:, None]
    near = near * np.clip((rows - ground + 0.25 * scale) / (0.25 * scale), 0.0, 1.0)
    photo *= (1.0 - 0.42 * np.clip(soft, 0, 1) - 0.3 * np.clip(near, 0, 1) * (1 - 0.4 * soft))[..., None]


def _grow_blades(
    rng: np.random.Generator, photo: np.ndarray, color: tuple[float, float, float], ground: float, scale: float
) -> np.ndarray:
    """Grass before the feet; returns what it covers, float32 [H, W]."""
    height, width = photo.shape[:2]
    top = int(np.clip(ground - 0.12 * scale, 0, height - 2))
    covered = np.zeros((height, width), np.float32)
    image = Image.new("L", (2 * width, 2 * (height - top)))
    pen = ImageDraw.Draw(image)
    for x in rng.uniform(0, width, width // 2):
        y, tall = ground + 0.12 * scale * rng.uniform(-0.2, 1.0), 0.1 * scale * rng.uniform(0.4, 1.0)
        lean, half = rng.uniform(-0.5, 0.5) * tall, 0.012 * scale + 0.4
        blade = [(x - half, y), (x + half, y), (x + lean, y - tall)]
        pen.polygon([(2 * px, 2 * (py - top)) for px, py in blade], fill=int(rng.integers(90, 256)))
    tone = np.asarray(image.reduce(2), np.float32) / 255.0
    covered[top:] = np.clip(3.0 * tone, 0.0, 1.0)
    cover(photo[top:], np.float32(color) * (0.55 + 0.75 * tone)[..., None], covered[top:])
    return covered


def trimap(pet: np.ndarray) -> np.ndarray:
    """The official trimap of a silhouette.

    The official band follows the outline on both sides and is about 3 percent of the longer side wide. Gaps between
    single hairs belong to the pet.

    Args:
      pet: bool [H, W].

    Returns:
      uint8 [H, W] of 1, 2, 3.
    """
    width = max(2, round(0.015 * max(pet.shape)))
    pet = ~_grown(~_grown(pet, _HAIR_GAP), _HAIR_GAP)
    mask = np.full(pet.shape, BACKGROUND, np.uint8)
    mask[_grown(pet, width)] = BORDER
    mask[~_grown(~pet, width)] = PET
    return mask


def _grown(area: np.ndarray, steps: int) -> np.ndarray:
    """Dilates bool [H, W] by `steps` pixels: crosses and squares in turn make an octagon, nearly a disc."""
    for step in range(steps):
        padded = np.pad(area, 1)
        tall = padded[:-2] | padded[1:-1] | padded[2:]
        if step % 2:
            area = tall[:, :-2] | tall[:, 1:-1] | tall[:, 2:]
        else:
            area = tall[:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    return area
