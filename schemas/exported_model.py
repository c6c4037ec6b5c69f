"""The exported model: the files in its folder, its signatures with their inputs and outputs, and `model_info.json`.

`trainer` writes it; prediction, evaluation, serving, the Hub and the apps read it. Code that is copied into a Space
cannot import this module, so it repeats a few names; `tests/schemas/test_exported_model.py` keeps them equal.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, field_validator, model_validator

from schemas.class_spec import ClassName, ClassTitle
from schemas.documents import parse_json_object, read_json_object
from schemas.fitting import LETTERBOX, STRETCH, Fit
from schemas.frozen_model import FrozenModel, parse_model
from schemas.image_size import ImageSize
from schemas.lines import Line
from schemas.photo_range import PhotoRange

# Files, relative to the SavedModel's folder. TensorFlow itself does not read what is in `assets.extra`.
SAVED_MODEL_FILE = "saved_model.pb"
WEIGHTS_INDEX = "variables/variables.index"  # of TensorFlow's checkpoints: shape and CRC-32C of each variable
EXTRA_FOLDER = "assets.extra"
INFO_FILE = "model_info.json"
TFLITE_FILE = "model.tflite"  # float32
INT8_TFLITE_FILE = "model_int8.tflite"  # dynamic range; left out where quantization spoils the model
TFLITE_FILES = (TFLITE_FILE, INT8_TFLITE_FILE)
INFO_PATH = f"{EXTRA_FOLDER}/{INFO_FILE}"

# In a repository on the Hub, info and TFLite files are at the top, and everything else is in this folder.
REPOSITORY_FOLDER = "saved_model"

# Signatures; `trainer.export.export_model` documents shapes and types. TFLite models have PREDICT_PIXELS alone.
SERVING_DEFAULT = "serving_default"
PREDICT_PIXELS = "predict_pixels"
PREDICT_IMAGE = "predict_image"  # of crop models alone
EVALUATE = "evaluate"
OBSERVE = "observe"  # SERVING_DEFAULT with what is logged of an answer
OBSERVE_PIXELS = "observe_pixels"  # PREDICT_PIXELS, likewise; of crop models, for tiles
OBSERVE_IMAGE = "observe_image"  # PREDICT_IMAGE, likewise; of crop models alone

# Their inputs.
IMAGE_BYTES = "image_bytes"
PIXELS = "pixels"
EXAMPLES = "examples"

# Their outputs.
CLASS_IDS = "class_ids"
MASK_BYTES = "mask_bytes"
LOGITS = "logits"
CONFUSION_MATRIX = "confusion_matrix"
BOUNDARY_COUNTS = "boundary_counts"
FINGERPRINT = "fingerprint"
FITTED_PIXELS = "fitted_pixels"
PHOTO_SIZES = "photo_sizes"
FEATURE_HASHES = "feature_hashes"
FEATURE_PROJECTIONS = "feature_projections"  # of a tile: bits of a photo's hash say where their mean is above 0
OWN_SIZE_CONFUSION_MATRIX = "own_size_confusion_matrix"  # of whole-image models, as the next one
OWN_SIZE_BOUNDARY_COUNTS = "own_size_boundary_counts"

Level = Annotated[int, Field(ge=0, le=255)]


class DataDescription(FrozenModel):
    """What the photos are that a model was trained on, as in `DatasetSpec`."""

    model_config = ConfigDict(extra="ignore")

    title: Line
    license: str
    source: str
    drawn: bool = False


class TfliteReport(FrozenModel):
    """One TFLite file, and how close its answers are to the SavedModel's.

    Attributes:
      bytes: Its size.
      sha256: Digest of its bytes.
      compared_images: How many images of the eval split both answered.
      equal_pixels: Share of pixels of the same class, in [0, 1].
      max_logit_difference: As a share of the range of the SavedModel's logits.
      mean_iou_difference: Its mean IoU less the SavedModel's; None where no pixel of the images is labelled.
    """

    # A model that answers NaN has a report too, which keeps it from being exported.
    model_config = ConfigDict(extra="ignore", allow_inf_nan=True)

    bytes: int
    sha256: str
    compared_images: int
    equal_pixels: float
    max_logit_difference: float
    mean_iou_difference: float | None


class ModelInfo(FrozenModel):
    """`model_info.json`: what a user of the model must know. Models of earlier versions lack some of it.

    Attributes:
      dataset: Name of the data set.
      data: What its photos are.
      classes: Names in the order of class ids.
      titles: What people call them; None where that is their names.
      palette: RGB in 0..255 per class.
      image_size: What PREDICT_PIXELS takes: pixels of a square's side, or "WIDTHxHEIGHT".
      fit: How photos must be fitted into it, see `schemas.fitting`; the signatures that take files do it themselves.
      photo_range: Samples of 16 bits that become 0 and 255, see `schemas.photo_range`; None: their upper byte counts.
      tiled: Whether that is a square tile, so that the model predicts photos at their own size.
      manifest_sha256: Identity of the version that it was trained on.
      training: The training configuration.
      encoder_weights_sha256: Digest of the file or folder that its encoder came from; None if that is a name.
      tuned: Names of the settings in it that a search chose by the eval split.
      code_version: Of the package that trained it.
      source_sha256: Digest of the code that trained it.
      tflite: TFLite file to its report; None where it was exported without.
      dataset_version: Of the data set; in a repository on the Hub alone.
      metrics: Results of the evaluation, as `summary.json` has them; in a repository on the Hub alone.
    """

    model_config = ConfigDict(extra="ignore")

    dataset: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    data: DataDescription | None = None
    classes: tuple[ClassName, ...] = Field(min_length=2, max_length=255)
    titles: tuple[ClassTitle, ...] | None = None
    palette: tuple[tuple[Level, Level, Level], ...]
    image_size: ImageSize
    fit: Fit = STRETCH
    photo_range: PhotoRange | None = None
    tiled: bool = False
    manifest_sha256: str | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    encoder_weights_sha256: str | None = None
    tuned: tuple[str, ...] = ()
    code_version: str | None = None
    source_sha256: str | None = None
    tflite: dict[str, TfliteReport] | None = None
    dataset_version: str | None = None
    metrics: dict[str, Any] | None = None

    @field_validator("image_size")
    @classmethod
    def _takes_pixels(cls, image_size: int | str) -> int | str:
        if not image_size:
            raise ValueError("a model takes images of a fixed size, got 0")
        return image_size

    @model_validator(mode="after")
    def _one_color_per_class(self) -> ModelInfo:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("classes: names must differ")
        if self.titles is not None and not len(set(self.titles)) == len(self.titles) == len(self.classes):
            raise ValueError(f"titles: needs {len(self.classes)} that differ, one for each class")
        if len(self.palette) != len(self.classes):
            raise ValueError(f"palette: {len(self.palette)} colours for {len(self.classes)} classes")
        return self

    @model_validator(mode="after")
    def _tiles_are_not_fitted(self) -> ModelInfo:
        if self.tiled and self.fit == LETTERBOX:
            raise ValueError("fit: letterbox, but a tiled model takes photos at their own size")
        return self

    @property
    def class_titles(self) -> tuple[str, ...]:
        """What people call the classes, in the order of class ids."""
        return self.titles or self.classes

    @property
    def photo_size(self) -> int | str:
        """What photos are fitted into; 0 where they keep their size."""
        return 0 if self.tiled else self.image_size

    def to_json(self) -> str:
        """The content of the file, without the fields that were never set: the same info gives the same text."""
        values = self.model_dump(mode="json", exclude_unset=True)
        return json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n"


def parse_model_info(data: bytes, source: str) -> ModelInfo:
    """Reads the content of a `model_info.json`; a UserError that names `source` where it isn't one."""
    return parse_model(ModelInfo, parse_json_object(data, source), source)


def read_model_info(path: Path) -> ModelInfo:
    """Reads a local `model_info.json`; UserError where it can't be read or isn't one."""
    return parse_model(ModelInfo, read_json_object(path), str(path))
