"""The classes of a data set, and how its masks name them: by values, by colours, by a threshold, or by categories."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from schemas.frozen_model import FrozenModel
from schemas.lines import Line
from schemas.path_pattern import check_file_pattern

COLOR = r"^#[0-9a-f]{6}$"
TRANSPARENT = "transparent"  # in place of a colour: pixels whose alpha is 0, of any colour
MAX_MASK_VALUE = 65535  # of a 16-bit mask
MAX_CLASS_NAME = 128  # characters
RARE_SHARE = 0.01  # of the pixels with a class, below which a model easily never predicts it

ClassName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=MAX_CLASS_NAME)]
ClassTitle = Annotated[Line, Field(max_length=MAX_CLASS_NAME)]
MaskValue = Annotated[int, Field(ge=0, le=MAX_MASK_VALUE)]
MaskColor = Annotated[str, Field(pattern=rf"{COLOR}|^{TRANSPARENT}$")]
Category = Annotated[str, Field(min_length=1, max_length=256)]

IN_ONE_FILE = ("coco", "cvat", "panoptic", "rle")  # formats whose annotations of many photos lie in one file
OF_FILES = ("labelme", "layers", "panoptic", "supervisely", "yolo")  # formats with files for each photo


class ClassSpec(FrozenModel):
    """One class of the mask; its class id is its position in `DatasetSpec.classes`.

    Attributes:
      name: What machines call it: features, metrics and keys of the configuration.
      title: The name as people write it, `Traffic sign` or `道路`; None where that is `name`.
      mask_values: Values in the source mask that mean this class.
      mask_colors: Colours in the source mask that mean it, if masks are coloured.
      categories: Names in annotations that mean it; none for the class of unlabelled pixels.
      color: The colour that the class is drawn in.
      required: Whether a mask without one pixel of this class is rejected.
    """

    name: ClassName
    title: ClassTitle | None = None
    mask_values: tuple[MaskValue, ...] = ()
    mask_colors: tuple[MaskColor, ...] = ()
    categories: tuple[Category, ...] | None = None
    color: str = Field(pattern=COLOR)
    required: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> ClassSpec:
        kinds = (self.mask_values, self.mask_colors, self.categories is not None)
        if sum(map(bool, kinds)) != 1:
            raise ValueError(
                "needs exactly one of mask_values, mask_colors (if masks are coloured) and categories (if annotations"
                " name them)"
            )
        return self

    @property
    def shown(self) -> str:
        """The name for people."""
        return self.title or self.name

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as uint8 red, green and blue."""
        red, green, blue = bytes.fromhex(self.color[1:])
        return red, green, blue


class MaskSpec(FrozenModel):
    """How to read masks whose values are not exactly those of the classes.

    Attributes:
      threshold: Grey levels from this one up, of 8 bits, become 255, those below 0: for drawn masks with soft edges.
      lossy: Accept JPEG and lossy WebP masks; each pixel becomes the nearest value or colour of a class.
      max_soft_fraction: Reject a mask if a larger share of its pixels is neither 0 nor 255 (`threshold`), or not
        exactly the value or colour of a class (`lossy`), because it is not a mask of this kind.
      format: Annotations in place of mask images, `layers` being several mask images for each photo; None for masks.
      annotations: Where the files lie that hold the annotations of many photos; may name splits.
      unlabelled: The class of pixels that no annotation covers, or `ignore`.
      order: Classes, from the bottom to the top, where shapes cover each other; those left out lie below them. None:
        as they are listed, later ones over earlier ones, and `layers` in the order of the classes.
      names: `url` where the file writes names of photos as URLs do, such as `my%20photo.jpg`; None as they are.
      pixels: Of `format: rle`, whether pixels are counted down the columns or along the rows.
      crowd: Whether a region of many things (COCO's `iscrowd`) is of its class, as None is, or ignored.
    """

    threshold: int | None = Field(default=None, ge=1, le=255)
    lossy: bool = False
    max_soft_fraction: float = Field(default=0.25, ge=0, le=1)
    format: Literal["coco", "cvat", "labelme", "layers", "panoptic", "rle", "supervisely", "yolo"] | None = None
    annotations: Annotated[str, AfterValidator(check_file_pattern)] | None = None
    unlabelled: str | None = None
    order: tuple[ClassName, ...] | None = None
    crowd: Literal["class", "ignore"] | None = None
    names: Literal["url"] | None = None
    pixels: Literal["columns", "rows"] | None = None

    @field_validator("lossy")
    @classmethod
    def _one_way(cls, lossy: bool, info) -> bool:
        if lossy and info.data.get("threshold"):
            raise ValueError("threshold reads lossy masks by itself; leave lossy out")
        return lossy

    @model_validator(mode="after")
    def _of_the_format(self) -> MaskSpec:
        keys = ("annotations", "unlabelled", "order", "crowd", "names", "pixels")
        others = [name for name in keys if getattr(self, name) is not None]
        if self.format is None:
            if others:
                raise ValueError(f"{', '.join(others)}: only with a format, such as format: coco")
            return self
        if (self.annotations is None) == (self.format in IN_ONE_FILE):
            needs = "needs annotations, the file's path" if self.annotations is None else "has no annotations file"
            raise ValueError(f"format: {self.format} {needs}")
        if self.names is not None and self.annotations is None:
            raise ValueError("names: only where one file names many photos, as with format: coco")
        if (self.pixels is None) == (self.format == "rle"):
            raise ValueError(
                "pixels: only with format: rle, which needs it: columns where pixels are counted downwards, as mostly"
                " on Kaggle, or rows"
            )
        if self.unlabelled is None:
            raise ValueError("needs unlabelled: the class of pixels that no annotation covers, or ignore")
        if self.lossy or (self.threshold and self.format != "layers"):
            raise ValueError(f"format: {self.format} is exact; leave out lossy and threshold")
        return self
