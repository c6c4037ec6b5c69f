"""From a seed to a photo and its mask, per data set: the registry that another data set joins with one more module."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from beam_jobs.sample_data import pet_scenes

# (generator of this picture, id, shortest and longest side in pixels)
# -> photo uint8 [H, W, 3], mask uint8 [H, W] of the data set's mask values
Scene = Callable[[np.random.Generator, str, tuple[int, int]], tuple[np.ndarray, np.ndarray]]

SCENES: dict[str, Scene] = {"pets": pet_scenes.draw_scene}
