"""Skeletons of cats and dogs: chains of spheres in a frame of their own, for a pose and a breed's build.

Body frame: x forward, y up from the ground, z to the animal's side; a usual animal is about 1 high. Head frame: x
to the side, y up, z forward, the radius of the skull about 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tests.sample_data.coats import Breed

Pose = Literal["stand", "sit", "lie", "loaf"]
POSES: tuple[Pose, ...] = ("stand", "sit", "lie", "loaf")


@dataclass(frozen=True)
class Chain:
    """Spheres, each joined to the next by a cone.

    Attributes:
      zone: Part of the coat that covers it.
      spheres: float [N, 4], centre x, y, z and radius.
      blend: Width of the seam with other parts as a part of the largest radius.
      flat: Thickness toward the viewer as a part of the radius.
      end_zone: Coat of the last cone where it differs, such as the tip of a tail.
    """

    zone: str
    spheres: np.ndarray
    blend: float = 0.5
    flat: float = 1.0
    end_zone: str | None = None


@dataclass(frozen=True)
class Blade:
    """A triangle such as an erect ear: two corners of the base and the tip, float [3, 3]."""

    zone: str
    corners: np.ndarray
    thickness: float


@dataclass(frozen=True)
class Body:
    """A posed body without its head.

    Attributes:
      parts: In the order in which they are modelled.
      head: float [3], centre of the skull.
      skull: Radius of the skull.
    """

    parts: list[Chain]
    head: np.ndarray
    skull: float


def chain(zone: str, *spheres: tuple[float, float, float, float], **options) -> Chain:
    """A chain of the given spheres; `options` are the other attributes of `Chain`."""
    return Chain(zone, np.array(spheres, np.float32), **options)


def posed_body(rng: np.random.Generator, breed: Breed, pose: Pose) -> Body:
    """A body of the breed's build in a pose, a little different each time."""
    girth = 0.155 * breed.girth + 0.025 * breed.hair
    skull = 0.175 if breed.species == "cat" else 0.165
    skull *= rng.uniform(0.97, 1.1) * (1.12 if breed.legs < 0.9 and breed.girth < 1.2 else 1.0)
    build = {"stand": _standing, "sit": _sitting, "lie": _lying, "loaf": _loaf}[pose]
    parts, neck, root = build(rng, breed, girth)
    head = neck + np.array([0.05, 0.08 + 0.25 * skull, 0.0])
    parts.append(chain("ruff", (*(neck - [0.06, 0.08, 0.0]), 0.85 * girth), (*head, 0.72 * skull), blend=0.9))
    parts.extend(_tail(rng, breed, pose, root))
    return Body(parts, head.astype(np.float32), skull)


def _standing(rng: np.random.Generator, breed: Breed, girth: float) -> tuple[list[Chain], np.ndarray, np.ndarray]:
    leg = 0.36 * breed.legs
    half = rng.uniform(0.29, 0.35) * (1.15 if breed.legs < 0.6 else 1.0)
    hip, side, thick = leg + 0.55 * girth, 0.55 * girth, 0.043 * (0.8 + 0.3 * breed.girth)
    parts = []
    for sign in (-1.0, 1.0):
        swing = rng.uniform(-0.07, 0.07)
        front, rear, z = half - 0.04, -half, sign * side
        parts += [
            chain("leg", (front, hip, z, 2.1 * thick), (front - 0.02 + 0.3 * swing, 0.55 * leg, z, 1.35 * thick)),
            chain("shin", (front - 0.02 + 0.3 * swing, 0.55 * leg, z, 1.3 * thick), (front + swing, 0.05, z, thick)),
            chain("paw", (front + swing, 0.045, z, 1.1 * thick), (front + swing + 0.05, 0.042, z, 1.0 * thick)),
        ]
        swing = rng.uniform(-0.07, 0.07)
        parts += [
            chain("leg", (rear, hip, z, 3.0 * thick), (rear + 0.06 + 0.5 * swing, 0.62 * leg, z, 1.7 * thick)),
            chain(
                "shin",
                (rear + 0.06 + 0.5 * swing, 0.62 * leg, z, 1.6 * thick),
                (rear - 0.06 + swing, 0.34 * leg, z, 1.05 * thick),
                (rear - 0.03 + swing, 0.05, z, 0.95 * thick),
            ),
            chain("paw", (rear - 0.03 + swing, 0.045, z, 1.1 * thick), (rear + 0.04 + swing, 0.042, z, thick)),
        ]
    torso = chain(
        "back",
        (-half, hip + 0.02, 0, 0.95 * girth),
        (-0.2 * half, hip + 0.015, 0, 0.92 * girth),
        (0.85 * half, hip + 0.02, 0, 1.08 * girth),
        blend=0.7,
    )
    chest = chain("chest", (half, hip - 0.01, 0, 0.85 * girth), (half + 0.04, hip + 0.08, 0, 0.8 * girth), blend=0.9)
    neck = np.array([half + 0.13, hip + 0.24, 0.0])
    return [torso, chest, *parts], neck, np.array([-half - 0.75 * girth, hip + 0.4 * girth, 0.0])


def _sitting(rng: np.random.Generator, breed: Breed, girth: float) -> tuple[list[Chain], np.ndarray, np.ndarray]:
    tall, side, thick = 0.7 + 0.3 * breed.legs, 0.5 * girth, 0.043 * (0.8 + 0.3 * breed.girth)
    torso = chain(
        "back",
        (-0.12, 0.17, 0, 1.12 * girth),
        (0.02, 0.33 * tall, 0, 1.02 * girth),
        (0.11, 0.5 * tall, 0, 0.95 * girth),
        blend=0.7,
    )
    chest = chain("chest", (0.13, 0.36 * tall, 0, 0.7 * girth), (0.16, 0.52 * tall, 0, 0.78 * girth), blend=0.9)
    parts = [torso, chest]
    for sign in (-1.0, 1.0):
        out = rng.uniform(0.0, 0.03)
        hind, front = sign * (0.85 * girth + out), sign * side
        parts += [
            chain("leg", (-0.1, 0.17, 0.8 * hind, 3.0 * thick), (0.08, 0.15, hind, 2.2 * thick), blend=0.4),
            chain("paw", (0.04, 0.045, hind, 1.1 * thick), (0.18, 0.042, 1.1 * hind, 1.1 * thick)),
            chain("leg", (0.15, 0.44 * tall, front, 1.9 * thick), (0.18, 0.24 * tall, front, 1.4 * thick), blend=0.8),
            chain("shin", (0.18, 0.24 * tall, front, 1.35 * thick), (0.2, 0.05, front, 1.1 * thick)),
            chain("paw", (0.2, 0.045, front, 1.15 * thick), (0.25, 0.042, front, 1.1 * thick)),
        ]
    return parts, np.array([0.19, 0.55 * tall + 0.1, 0.0]), np.array([-0.12 - 0.9 * girth, 0.07, 0.0])


def _lying(rng: np.random.Generator, breed: Breed, girth: float) -> tuple[list[Chain], np.ndarray, np.ndarray]:
    half, thick = rng.uniform(0.27, 0.33), 0.043 * (0.8 + 0.3 * breed.girth)
    parts = [
        chain(
            "back",
            (-half, girth, 0, girth),
            (0, 0.97 * girth, 0, 0.97 * girth),
            (half, 1.12 * girth, 0, 1.02 * girth),
            blend=0.7,
        ),
        chain("chest", (half + 0.03, girth, 0, 0.85 * girth), (half + 0.06, 1.5 * girth, 0, 0.75 * girth), blend=0.9),
    ]
    for sign in (-1.0, 1.0):
        reach = rng.uniform(0.16, 0.28)
        hind, front = sign * 0.95 * girth, sign * 0.6 * girth
        parts += [
            chain("leg", (-half, 0.15, 0.7 * hind, 3.0 * thick), (-half + 0.2, 0.11, hind, 2.0 * thick), blend=0.4),
            chain("paw", (-half + 0.14, 0.045, 1.1 * hind, thick), (-half + 0.3, 0.042, 1.15 * hind, 1.1 * thick)),
            chain("leg", (half, 0.14, front, 2.0 * thick), (half + 0.06, 0.055, front, 1.3 * thick), blend=0.7),
            chain("shin", (half + 0.06, 0.055, front, 1.25 * thick), (half + reach, 0.045, front, 1.05 * thick)),
            chain("paw", (half + reach, 0.045, front, 1.1 * thick), (half + reach + 0.06, 0.042, front, 1.1 * thick)),
        ]
    return parts, np.array([half + 0.1, 0.24 + 0.6 * girth, 0.0]), np.array([-half - 0.85 * girth, 0.1, 0.0])


def _loaf(rng: np.random.Generator, breed: Breed, girth: float) -> tuple[list[Chain], np.ndarray, np.ndarray]:
    half, thick = rng.uniform(0.2, 0.25), 0.045
    parts = [
        chain("back", (-half, 1.02 * girth, 0, 1.1 * girth), (0.6 * half, 1.1 * girth, 0, 1.1 * girth), blend=0.7),
        chain("chest", (half, 0.85 * girth, 0, 0.8 * girth), (half + 0.05, 1.3 * girth, 0, 0.75 * girth), blend=0.9),
    ]
    for sign in (-1.0, 1.0):
        hind, front = sign * 0.75 * girth, sign * 0.42 * girth
        parts += [
            chain("leg", (-half, 0.14, hind, 0.85 * girth), (-half + 0.14, 0.1, hind, 0.6 * girth), blend=0.5),
            chain("paw", (half + 0.08, 0.045, front, 1.2 * thick), (half + 0.15, 0.043, 0.8 * front, 1.1 * thick)),
        ]
    return parts, np.array([half + 0.08, 0.2 + 0.7 * girth, 0.0]), np.array([-half - 0.9 * girth, 0.08, 0.0])


def _tail(rng: np.random.Generator, breed: Breed, pose: Pose, root: np.ndarray) -> list[Chain]:
    """A tail from its root: raised where the animal stands, laid around the body where it sits or lies."""
    thick = 0.03 + 0.022 * breed.hair + (0.012 if breed.tail == "bushy" else 0.0)
    side = rng.choice([-1.0, 1.0])
    steps = np.linspace(0.0, 1.0, 7)
    if breed.tail == "short":
        curve = np.stack([-0.09 * steps, 0.06 * steps, 0 * steps], 1)
    elif breed.tail == "curl":
        angle = 4.2 * steps
        curve = np.stack([0.1 * (0.7 - np.cos(angle)), 0.13 * np.sin(angle) + 0.16 * steps, 0 * angle], 1)
    elif pose == "stand":
        lift, bend = rng.uniform(0.5, 1.25), rng.uniform(-1.0, 1.6)
        angle = np.pi - lift + bend * steps
        length = rng.uniform(0.38, 0.5) * (1.0 if breed.species == "cat" else 0.85)
        curve = np.cumsum(np.stack([np.cos(angle), np.sin(angle), 0.3 * side * steps], 1), 0) * length / 7
    else:
        angle = np.pi + side * (0.3 + 2.4 * steps)
        curve = np.cumsum(np.stack([np.cos(angle), 0 * angle, -np.sin(angle)], 1), 0) * 0.62 / 7
        curve[:, 1] = (thick + 0.008 - root[1]) * np.minimum(1.0, 3 * steps)
    swell = 0.75 + 0.6 * np.sin(np.pi * np.minimum(1.0, steps + 0.15)) * (breed.tail == "bushy")
    taper = 1.0 - (0.35 if breed.species == "cat" else 0.6) * steps * (breed.tail != "bushy")
    points = np.concatenate([[root + np.array([0.06, 0.0, 0.0])], root + curve])
    radii = np.concatenate([[1.4 * thick], thick * swell * taper])
    return [Chain("tail", np.column_stack([points, radii]).astype(np.float32), 0.6, end_zone="tip")]
