"""`origin.yaml`: says, for people, where the photos beside it come from.

A data set's contract names the source that it was written for. Photos in the same layout can come from elsewhere: a
user's own, or drawings. Then this file says so, and everything that is published from them repeats it.
"""

from __future__ import annotations

from schemas.frozen_model import FrozenModel
from schemas.lines import Line
from schemas.spec import DatasetSpec

ORIGIN_FILE = "origin.yaml"  # in the folder that `--input` names
MAX_ORIGIN_BYTES = 4096


class Origin(FrozenModel):
    """What a report, a model card and an app call the photos.

    Attributes:
      title: Such as `Drawn cats and dogs`.
      license: Of the photos and masks.
      source: Their address, or how they are made.
      drawn: Whether `tests.sample_data` drew them, and can draw more to try a model with.
    """

    title: Line
    license: Line
    source: Line
    drawn: bool = False


def with_origin(spec: DatasetSpec, origin: Origin | None) -> DatasetSpec:
    """The spec with what the origin says in place of its own title, license, source and citation."""
    return spec if origin is None else spec.model_copy(update={**origin.model_dump(), "citation": None})
