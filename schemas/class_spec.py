"""The classes of a data set, and how its masks name them: by values, by colours, or by a threshold."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from schemas.frozen_model import FrozenModel

COLOR = r"^#[0-9a-f]{6}$"
TRANSPARENT = "transparent"  # in place of a colour: pixels whose alpha is 0, whatever colour lies behind
MAX_MASK_VALUE = 65535  # of a mask of 16 bits

ClassName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=128)]
MaskValue = Annotated[int, Field(ge=0, le=MAX_MASK_VALUE)]
MaskColor = Annotated[str, Field(pattern=rf"{COLOR}|^{TRANSPARENT}$")]


class ClassSpec(FrozenModel):
    """One class of the mask; its class id is its position in `DatasetSpec.classes`.

    Attributes:
      mask_values: Values in the source mask that mean this class.
      mask_colors: Colours in the source mask that mean it, where masks are coloured.
      color: The colour that the class is drawn in.
      required: Whether a mask without one pixel of this class is rejected.
    """

    name: ClassName
    mask_values: tuple[MaskValue, ...] = ()
    mask_colors: tuple[MaskColor, ...] = ()
    color: str = Field(pattern=COLOR)
    required: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> ClassSpec:
        if bool(self.mask_values) == bool(self.mask_colors):
            raise ValueError("needs mask_values, or mask_colors where masks are coloured, and not both")
        return self

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as uint8 red, green and blue."""
        red, green, blue = bytes.fromhex(self.color[1:])
        return red, green, blue


class MaskSpec(FrozenModel):
    """How masks are to be read, where the values in them are not exactly those of the classes.

    Attributes:
      threshold: Grey from this level on, at 8 bits, is 255, and 0 below: for drawn masks of 0 and 255 with soft edges.
      lossy: JPEG and lossy WebP masks are read too; each pixel becomes the nearest value or colour of a class.
      max_soft_fraction: A mask of which a larger share of pixels is neither 0 nor 255 (`threshold`), or is not exactly
        a value or colour of a class (`lossy`), is rejected: it is no mask of this kind.
    """

    threshold: int | None = Field(default=None, ge=1, le=255)
    lossy: bool = False
    max_soft_fraction: float = Field(default=0.25, ge=0, le=1)

    @field_validator("lossy")
    @classmethod
    def _one_way(cls, lossy: bool, info) -> bool:
        if lossy and info.data.get("threshold"):
            raise ValueError("threshold reads lossy masks by itself; leave lossy out")
        return lossy
