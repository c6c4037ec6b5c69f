"""From a seed to a photo and its mask, per data set: the registry that another data set joins with its own modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.sample_data import pet_scenes, street_scenes
from tests.sample_data.layout import Layout
from tests.sample_data.pet_layout import PetLayout
from tests.sample_data.street_layout import StreetLayout


@dataclass(frozen=True)
class Scenes:
    """How one data set is imitated.

    Attributes:
      draw: (generator of this picture, id, shortest and longest side in pixels) to photo uint8 [H, W, 3] and mask
        uint8 [H, W] of the data set's mask values.
      layout: Gives the ids, splits and list files.
      title: What the pictures are, for people.
      sides: Shortest and longest side of a photo in pixels where nothing else is asked for.
    """

    draw: Callable[[np.random.Generator, str, tuple[int, int]], tuple[np.ndarray, np.ndarray]]
    layout: type[Layout]
    sides: tuple[int, int]
    title: str


SCENES = {
    "pets": Scenes(pet_scenes.draw_scene, PetLayout, (180, 500), "Drawn cats and dogs"),
    "streets": Scenes(street_scenes.draw_scene, StreetLayout, (200, 960), "Drawn street scenes"),
}
