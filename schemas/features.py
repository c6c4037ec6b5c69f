"""Names of the features of one record, shared by the jobs that write records and the code that reads them."""

IMAGE = "image"  # bytes: encoded photo, RGB uint8 [S, S, 3]
MASK = "mask"  # bytes: PNG, uint8 [S, S], class ids
IMAGE_ID = "image_id"  # bytes: stem of the source file, unique in the data set
SOURCE_HEIGHT = "source_height"  # int64: pixels before the resize, after EXIF rotation
SOURCE_WIDTH = "source_width"
BRIGHTNESS = "brightness"  # float in [0, 1]: mean luma
CONTRAST = "contrast"  # float in [0, 0.5]: standard deviation of luma

TRAIN = "train"
EVAL = "eval"
SPLITS = (TRAIN, EVAL)


def fraction_feature(class_name: str) -> str:
    """Name of the float feature that holds a class's share of the mask's pixels, e.g. `pet_fraction`."""
    return f"{class_name}_fraction"


def split_folder(split: str) -> str:
    """Folder of a split in TFX's artifact layout, e.g. `Split-train`."""
    return f"Split-{split}"
