"""Names of the features of one record, shared by the jobs that write records and the code that reads them."""

from __future__ import annotations

from collections.abc import Iterable

IMAGE = "image"  # bytes: encoded photo, RGB uint8 [S, S, 3]
MASK = "mask"  # bytes: PNG, uint8 [S, S], class ids, and IGNORE_ID where the data set has ignored pixels
# bytes: PNG, uint8, the mask at the photo's own size (source_height, source_width); only in eval and test, see
# `Manifest.has_source_masks`
SOURCE_MASK = "source_mask"
IMAGE_ID = "image_id"  # bytes: stem of the source file, unique in the data set
GROUP = "group"  # bytes: what keeps photos in one split, such as a video; only where the data set names groups
WEIGHT = "weight"  # float: how much the record counts in training; only where the data set has weights
SOURCE_HEIGHT = "source_height"  # int64: pixels before the resize, after EXIF rotation
SOURCE_WIDTH = "source_width"
BRIGHTNESS = "brightness"  # float in [0, 1]: mean luma
CONTRAST = "contrast"  # float in [0, 0.5]: standard deviation of luma
IGNORED_FRACTION = "ignored_fraction"  # float: ignored share of the mask's pixels; only where the data set ignores some

FRACTION_SUFFIX = "_fraction"  # of the features that hold the share of a class

IGNORE_ID = 255  # in a mask: no class; excluded from training and evaluation

TRAIN = "train"
EVAL = "eval"
TEST = "test"  # a version may have it: read by no training or tuning, and evaluated once, for the model that is chosen
TRAINING_SPLITS = (TRAIN, EVAL)  # every version has both
SPLITS = (*TRAINING_SPLITS, TEST)


def fraction_feature(class_name: str) -> str:
    """Name of the float feature that holds a class's share of the mask's labelled pixels, e.g. `pet_fraction`."""
    return f"{class_name}{FRACTION_SUFFIX}"


def number_features(class_names: Iterable[str], ignores_pixels: bool) -> tuple[str, ...]:
    """Names of all features that are numbers, of records whose masks have these classes, and perhaps ignored pixels."""
    ignored = (IGNORED_FRACTION,) if ignores_pixels else ()
    return (*map(fraction_feature, class_names), *ignored, BRIGHTNESS, CONTRAST, SOURCE_HEIGHT, SOURCE_WIDTH)
