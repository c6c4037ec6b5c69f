"""From the frame of an animal, or of its head, to the picture: a turn, a scale and a place; no perspective."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class View:
    """From a frame of the animal to the picture.

    Attributes:
      turn: float [3, 3], rotation; rows are right, up, toward the viewer.
      scale: Pixels per unit.
      origin: float [3], where the frame's origin lies, pixels (x right, y down, z toward the viewer).
    """

    turn: np.ndarray
    scale: float
    origin: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Frame coordinates float [..., 3] to pixels float [..., 3]."""
        seen = points @ self.turn.T * self.scale
        return seen * [1.0, -1.0, 1.0] + self.origin


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation matrix: yaw about the upright axis (z turns to x), then pitch (the camera looks down), then roll."""
    sin, cos = np.sin(yaw), np.cos(yaw)
    around = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    sin, cos = np.sin(pitch), np.cos(pitch)
    down = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    sin, cos = np.sin(roll), np.cos(roll)
    tilt = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    return tilt @ down @ around
