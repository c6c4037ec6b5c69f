"""The same photo again, such as a health check's or a retry's: no news of what people send, so it counts once an hour.

A health check every ten seconds would otherwise outweigh what a small service is asked.
"""

from __future__ import annotations

import numpy as np

from beam_jobs.monitor.reading import Answers
from schemas.features import BRIGHTNESS, CONTRAST, SOURCE_HEIGHT, SOURCE_WIDTH
from schemas.served import CLIENT, PHOTO_HASH, SOURCE

_OF_PHOTO = (BRIGHTNESS, CONTRAST, SOURCE_HEIGHT, SOURCE_WIDTH)


class Repeats:
    """Recognizes a photo of one client that was there before, among the records of one worker's part of the log.

    Two photos are one where hash, light and size are equal to the last bit: a camera's next picture is another photo. A
    flat photo, such as a black one, has no hash, and always counts.

    Args:
      hour: Milliseconds after which the same photo counts again.
    """

    def __init__(self, hour: int):
        self._hour = hour
        self._seen: set[tuple] = set()

    def is_new(self, answers: Answers) -> np.ndarray:
        """bool [N]: whether each photo is there for the first time."""
        hashes, there = answers.hashes[PHOTO_HASH]
        numbers = np.stack([answers.numbers[name] for name in _OF_PHOTO], axis=1)
        new = np.ones(len(there), bool)
        for row in np.flatnonzero(there):
            who = answers.texts[SOURCE][row], answers.texts[CLIENT][row], int(answers.time[row]) // self._hour
            photo = (*who, hashes[row].tobytes(), numbers[row].tobytes())
            new[row] = photo not in self._seen
            self._seen.add(photo)
        return new
