"""`model_info.json`: what an exported model says about itself; `trainer.export` writes it into the SavedModel."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from schemas.documents import parse_json_object
from schemas.models import FrozenModel, parse_model

MODEL_INFO_PATH = "assets.extra/model_info.json"  # below the SavedModel's folder

ClassName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=128)]
Level = Annotated[int, Field(ge=0, le=255)]


class ModelInfo(FrozenModel):
    """What must be known of a model to use it; see `trainer.export.write_model_info`.

    Attributes:
      dataset: Name of its data set.
      classes: Names in the order of class ids.
      palette: RGB in 0..255 per class.
      image_size: S, the side of what it takes.
      tiled: Whether that is a tile, so that it predicts photos at their own size.
    """

    model_config = ConfigDict(extra="ignore")

    dataset: str
    classes: tuple[ClassName, ...] = Field(min_length=2, max_length=255)
    palette: tuple[tuple[Level, Level, Level], ...]
    image_size: int = Field(ge=1, le=65535)
    tiled: bool = False

    @model_validator(mode="after")
    def _one_color_per_class(self) -> ModelInfo:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("classes: names must differ")
        if len(self.palette) != len(self.classes):
            raise ValueError(f"palette: {len(self.palette)} colours for {len(self.classes)} classes")
        return self

    @property
    def photo_size(self) -> int:
        """Side that photos are squashed to; 0 where they keep their size."""
        return 0 if self.tiled else self.image_size


def parse_model_info(data: bytes, source: str) -> ModelInfo:
    """Reads the content of a `model_info.json`; UserError, which names `source`, where it is none."""
    return parse_model(ModelInfo, parse_json_object(data, source), source)
