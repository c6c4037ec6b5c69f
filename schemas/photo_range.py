"""How samples of 16 bits become levels of 8: the upper byte, or a range that the data set states.

`photos: {range: [low, high]}` in `dataset.yaml` maps `low` and less to 0, `high` and more to 255, and what lies between
in proportion, rounded half up: level = (255 * (value - low) + (high - low) // 2) // (high - low). Samples of 8 bits and
fewer stay as they are. The same table is used in preparation, in the exported model, and in predictions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from schemas.frozen_model import FrozenModel

if TYPE_CHECKING:
    import numpy as np

MAX_SAMPLE = 65_535

Sample = Annotated[int, Field(ge=0, le=MAX_SAMPLE)]


def _check_range(values: tuple[int, int]) -> tuple[int, int]:
    if values[0] >= values[1]:
        raise ValueError(
            f"the first value becomes black and the second white, so it must be larger; got {list(values)}"
        )
    return values


PhotoRange = Annotated[tuple[Sample, Sample], AfterValidator(_check_range)]


class PhotoSpec(FrozenModel):
    """How photos are read.

    Attributes:
      range: Samples of 16 bits that become 0 and 255; None: their upper byte is the level.
    """

    range: PhotoRange | None = None


@lru_cache(maxsize=16)
def level_table(photo_range: tuple[int, int]) -> np.ndarray:
    """uint8 [65536]: the level of each sample of 16 bits."""
    import numpy as np  # for the command lines, which only read the data set

    low, high = photo_range
    span = high - low
    inside = np.clip(np.arange(MAX_SAMPLE + 1, dtype=np.int64) - low, 0, span)
    table = ((255 * inside + span // 2) // span).astype(np.uint8)
    table.setflags(write=False)
    return table
