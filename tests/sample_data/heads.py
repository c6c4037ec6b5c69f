"""Heads of cats and dogs: the bodies they are modelled of, and where eyes, nose, mouth and whiskers sit.

Everything is in the head frame of `anatomy`: x to the side, y up, z forward, the radius of the skull about 1.
"""
# ruff: noqa: RUF005 - a list added to an array adds up element by element

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.sample_data.anatomy import Blade, Chain, chain
from tests.sample_data.coats import Breed

LEFT_RIGHT = (-1.0, 1.0)


@dataclass(frozen=True)
class Face:
    """What is painted on a head.

    Attributes:
      eyes: float [2, 3], centres; `eye_radius` is their size.
      eyelid: How far the upper lid closes the eye, 0 to 1.
      mouth: Lines, each float [N, 3].
      whiskers: Lines, each float [2, 3], from the muzzle outward; none for dogs.
      nose: float [3], where light glints on it.
    """

    eyes: np.ndarray
    eye_radius: float
    eyelid: float
    mouth: list[np.ndarray]
    whiskers: list[np.ndarray]
    nose: np.ndarray


def cat_head(rng: np.random.Generator, breed: Breed) -> tuple[list[Chain | Blade], Face]:
    """A cat's head: round, short muzzle, triangular ears; a slender one for long muzzles, a full one for long hair."""
    cheek = 0.38 + 0.12 * breed.hair + 0.1 * (breed.girth - 1.0)
    snout = 0.62 + 0.25 * breed.muzzle
    tall = rng.uniform(1.36, 1.5) - 0.2 * breed.hair + (0.15 if breed.hair == 0 else 0.0)
    parts: list[Chain | Blade] = []
    for side in LEFT_RIGHT:
        ear = np.array([[0.2 * side, 0.78, 0.15], [0.86 * side, 0.36, 0.0], [0.74 * side, tall, 0.0]])
        middle = ear.mean(0) + [0.0, 0.0, 0.14]
        parts += [Blade("ear", ear, 0.09), Blade("inner", middle + 0.62 * (ear - ear.mean(0)), 0.05)]
    parts += [
        chain("skull", (-0.3, 0.1, 0, 0.8), (0.3, 0.1, 0, 0.8), blend=0.3),
        chain("skull", (-cheek, -0.26, 0.18, 0.55), (cheek, -0.26, 0.18, 0.55), blend=0.5),
        chain("chin", (0, -0.6, snout - 0.12, 0.2), (0, -0.62, snout - 0.05, 0.17), blend=0.5),
        chain("bridge", (0, 0.2, 0.6, 0.24), (0, -0.16, snout + 0.12, 0.17), blend=1.0),
        chain("muzzle", (-0.2, -0.38, snout, 0.25), (-0.16, -0.36, snout + 0.05, 0.24), blend=0.35),
        chain("muzzle", (0.2, -0.38, snout, 0.25), (0.16, -0.36, snout + 0.05, 0.24), blend=0.35),
        chain("nose", (-0.085, -0.17, snout + 0.25, 0.055), (0.085, -0.17, snout + 0.25, 0.055), blend=0.05),
        chain("nose", (0, -0.19, snout + 0.26, 0.06), (0, -0.25, snout + 0.25, 0.045), blend=0.05),
    ]
    front = snout + 0.3
    mouth = [np.array([[0, -0.27, front], [0, -0.42, front]])]
    whiskers = []
    for side in LEFT_RIGHT:
        mouth.append(
            np.array([[0, -0.42, front], [0.11 * side, -0.53, front], [0.24 * side, -0.54, front - 0.05],
                      [0.33 * side, -0.47, front - 0.15]])
        )  # fmt: skip
        for lift in (0.12, -0.02, -0.16):
            start = np.array([0.3 * side, -0.38 + 0.4 * lift, snout + 0.2])
            whiskers.append(np.stack([start, start + [0.95 * side, 1.4 * lift - 0.05, -0.1]]))
    eyes = np.array([[-0.38, 0.08, 0.74], [0.38, 0.08, 0.74]])
    face = Face(eyes, rng.uniform(0.2, 0.235), rng.uniform(0.0, 0.2), mouth, whiskers, np.array([0, -0.16, front]))
    return parts, face


def dog_head(rng: np.random.Generator, breed: Breed) -> tuple[list[Chain | Blade], Face]:
    """A dog's head: long muzzle with a broad nose, ears by breed, sometimes panting with its tongue out."""
    reach = 0.6 + 0.75 * breed.muzzle  # front of the muzzle
    wide = 0.3 + 0.1 * (breed.girth - 1.0)
    panting = rng.random() < 0.45
    drop = 0.16 if panting else 0.0
    parts: list[Chain | Blade] = [
        *_dog_ears(rng, breed),
        chain("skull", (-0.24, 0.16, 0, 0.76), (0.24, 0.16, 0, 0.76), blend=0.3),
        chain("skull", (-wide, -0.2, 0.15, 0.55), (wide, -0.2, 0.15, 0.55), blend=0.5),
        chain("chin", (0, -0.5 - drop, 0.35, 0.26), (0, -0.56 - drop, reach - 0.08, 0.2), blend=0.4),
    ]
    if panting:
        parts += [
            chain("gum", (0, -0.52, 0.4, 0.24), (0, -0.55, reach, 0.19), blend=0.1),
            chain("tongue", (0, -0.58, reach - 0.1, 0.15), (0.02, -0.68, reach + 0.14, 0.16),
                   (0.03, -0.92, reach + 0.16, 0.14), blend=0.1, flat=0.4),
        ]  # fmt: skip
    parts += [
        chain("bridge", (0, 0.22, 0.45, 0.4), (0, -0.14, reach, 0.26), blend=0.8),
        chain("muzzle", (-0.17, -0.3, 0.4, 0.3), (-0.16, -0.34, reach, 0.24), blend=0.5),
        chain("muzzle", (0.17, -0.3, 0.4, 0.3), (0.16, -0.34, reach, 0.24), blend=0.5),
        chain("nose", (-0.1, -0.1, reach + 0.2, 0.135), (0.1, -0.1, reach + 0.2, 0.135), blend=0.1),
        chain("nose", (0, -0.12, reach + 0.24, 0.12), (0, -0.2, reach + 0.2, 0.09), blend=0.1),
    ]
    front = reach + 0.26
    mouth = [np.array([[0, -0.22, front], [0, -0.44, front]])]
    for side in LEFT_RIGHT:
        mouth.append(
            np.array([[0, -0.44, front], [0.16 * side, -0.56, front - 0.05], [0.32 * side, -0.5, front - 0.25],
                      [0.42 * side, -0.38, 0.5 * reach + 0.15]])
        )  # fmt: skip
    eyes = np.array([[-0.36, 0.2, 0.66], [0.36, 0.2, 0.66]])
    radius = 0.15 + 0.06 * (0.5 - min(0.5, breed.muzzle)) + 0.03 * (breed.legs < 0.9)
    face = Face(eyes, radius, rng.uniform(0.0, 0.3), mouth, [], np.array([0.0, -0.02, front + 0.08]))
    return parts, face


def _dog_ears(rng: np.random.Generator, breed: Breed) -> list[Chain | Blade]:
    parts: list[Chain | Blade] = []
    for side in LEFT_RIGHT:
        swing = rng.uniform(-0.06, 0.06)
        if breed.ears == "erect":
            tall = 1.5 - 0.25 * (breed.hair > 0.95)
            ear = np.array([[0.24 * side, 0.78, 0.1], [0.82 * side, 0.42, 0.0], [(0.7 + swing) * side, tall, 0.0]])
            middle = ear.mean(0) + [0.0, -0.03, 0.14]
            parts += [Blade("ear", ear, 0.1), Blade("inner", middle + 0.58 * (ear - ear.mean(0)), 0.05)]
        elif breed.ears == "button":
            fold = np.array([(0.95 + swing) * side, 0.22, 0.42])
            base = np.array([[0.32 * side, 0.86, 0.1], [0.86 * side, 0.62, -0.05], fold])
            parts += [
                chain("ear", (*base[0], 0.14), (*base[1], 0.16), blend=0.3),
                Blade("ear", base + [0.0, 0.06, 0.12], 0.1),
            ]
        else:
            low = -0.35 - 0.35 * (breed.girth > 1.2 or breed.hair > 0.6) + swing
            parts.append(
                chain("ear", (0.62 * side, 0.62, 0.05, 0.18), (0.9 * side, 0.3, 0.12, 0.25),
                       (0.98 * side, low, 0.2, 0.28), blend=0.25, flat=0.6)
            )  # fmt: skip
    return parts
