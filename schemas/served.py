"""One record for each photo that a model answered, and the files that hold them: the log of what is served.

The serving container, the Gradio app and `beam_jobs.predict` write it, and `beam_jobs.monitor` reads it. The serving
container can publish it to Pub/Sub, too: a message has a record as its data, and MESSAGE_ID. A record is a
`tf.train.Example`; what is measured of a photo has the name and meaning that it has in a published version, with the
model's mask in place of the truth. No record holds a photo: where the configuration keeps a sample of them, the record
names its file.

    LOG/
      about-endpoint.json                                   what is kept, for how long, and who may read it
      classes-4f6c2f0d9b1e.json                             what a model calls its classes, and their colours
      records/2026-11-29/21/served-4f6c2f0d9b1e-000000.tfrecord     hours are in UTC
      photos/2026-11-29/21/4f6c2f0d9b1e-000007.jpg
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import NamedTuple

from schemas.features import BRIGHTNESS, CONTRAST, SOURCE_HEIGHT, SOURCE_WIDTH, fraction_feature

# Of every record
TIME = "time"  # int64: when the answer was ready, milliseconds since 1970 in UTC
MODEL = "model"  # bytes: 12 hexadecimal digits, the same wherever the model is served; see `beam_jobs.storage.models`
TRAINED_ON = "trained_on"  # bytes: manifest_sha256 of the version that the model was trained on; empty if unknown
SOURCE = "source"  # bytes: what answered, one of SOURCES
LATENCY = "latency_ms"  # float: from the photo's bytes to its mask; of a batch, its share of the time
# and SOURCE_HEIGHT, SOURCE_WIDTH, BRIGHTNESS, CONTRAST and the fraction of each class, as `schemas.features` says

# Where they are known
CLIENT = "client"  # bytes: what the caller says it is
CONFIDENCE = "mean_confidence"  # float in (0, 1]: largest softmax probability, mean over the photo's pixels
ENTROPY = "mean_entropy"  # float in [0, 1]: entropy of the softmax probabilities over that of even ones, likewise
UNCERTAIN = "uncertain_share"  # float in [0, 1]: pixels whose largest probability is below UNCERTAIN_BELOW
PHOTO_HASH = "photo_hash"  # bytes: 32, see `beam_jobs.near_duplicates.perceptual_hash`; missing for a flat photo
FEATURE_HASH = "feature_hash"  # bytes: 32, of what the model's encoder sees; see `trainer.feature_hash`
PHOTO = "photo"  # bytes: path of the photo below the log, where it was kept
PHOTO_ID = "photo_id"  # bytes: its id, see `schemas.image_ids`, where it was kept and its file had a name

TOPIC = re.compile(r"projects/[a-z0-9.:-]+/topics/(?!goog)[A-Za-z][\w.~+%-]{2,254}", re.ASCII)  # of Pub/Sub
MESSAGE_ID = "id"  # attribute of a message of Pub/Sub: the same wherever a record is published again

UNCERTAIN_BELOW = 0.7
GRID_SIDE = 64  # pixels of each side of a photo whose certainty is measured, at most
SHOWS_FROM = 0.001  # of the pixels: a smaller share of a class does not count as shown
ENDPOINT, APP, PREDICT = "endpoint", "app", "predict"
SOURCES = (ENDPOINT, APP, PREDICT)

RECORDS_FOLDER, PHOTOS_FOLDER = "records", "photos"
MAX_CLIENT = 64  # characters

_WRITER = r"[0-9a-f]{12}"
_MODEL = re.compile("[0-9a-f]{12}")
_RECORDS_PATH = re.compile(rf"{RECORDS_FOLDER}/(\d{{4}}-\d\d-\d\d)/(\d\d)/served-({_WRITER})-(\d{{6}})\.tfrecord")
_PHOTO_PATH = re.compile(rf"{PHOTOS_FOLDER}/\d{{4}}-\d\d-\d\d/\d\d/{_WRITER}-\d{{6}}\.(jpg|png)")


class RecordsFile(NamedTuple):
    """What the path of a file of records says.

    Attributes:
      hour: In which all of its answers were given, in UTC; milliseconds since 1970 at its start.
      writer: 12 hexadecimal digits, of the process that wrote it.
      number: Of the file among those of its writer.
    """

    hour: int
    writer: str
    number: int


HOUR = 3_600_000  # milliseconds


def about_path(source: str) -> str:
    """Path below the log of what one of SOURCES keeps there."""
    return f"about-{source}.json"


def is_model(text: str) -> bool:
    """Whether a text can be what a record has as MODEL."""
    return _MODEL.fullmatch(text) is not None


def classes_path(model: str) -> str:
    """Path below the log of the titles and colours of a model's classes; `model` is 12 hexadecimal digits."""
    return f"classes-{model}.json"


def hour_folder(time: int) -> str:
    """The folder of the hour of a time in milliseconds, such as `2026-11-29/21`."""
    return datetime.fromtimestamp(time // HOUR * 3600, timezone.utc).strftime("%Y-%m-%d/%H")


def records_path(time: int, writer: str, number: int) -> str:
    """Path of a file of records below the log."""
    return f"{RECORDS_FOLDER}/{hour_folder(time)}/served-{writer}-{number:06d}.tfrecord"


def parse_records_path(path: str) -> RecordsFile | None:
    """Reads what `records_path` returns; None for any other text."""
    match = _RECORDS_PATH.fullmatch(path)
    if match is None:
        return None
    try:
        hour = datetime.strptime(f"{match[1]} {match[2]} +0000", "%Y-%m-%d %H %z")
    except ValueError:  # such as hour 25
        return None
    return RecordsFile(round(hour.timestamp() * 1000), match[3], int(match[4]))


def photo_path(time: int, writer: str, number: int, suffix: str) -> str:
    """Path of a kept photo below the log; `suffix` is `jpg` or `png`."""
    return f"{PHOTOS_FOLDER}/{hour_folder(time)}/{writer}-{number:06d}.{suffix}"


def is_photo_path(path: str) -> bool:
    """Whether a text is such a path; one from a record is checked before anything is read."""
    return _PHOTO_PATH.fullmatch(path) is not None


def even_grid(length: int) -> list[int]:
    """GRID_SIDE positions, evenly along a side of some pixels; of a shorter side some twice.

    Here crop models, which see a photo tile by tile, have their certainty measured.
    """
    return [(2 * place + 1) * length // (2 * GRID_SIDE) for place in range(GRID_SIDE)]


def number_features(class_names: Iterable[str]) -> tuple[str, ...]:
    """Names of the features that are numbers and say what was served, in the order in which people read them."""
    fractions = map(fraction_feature, class_names)
    return (*fractions, CONFIDENCE, ENTROPY, UNCERTAIN, BRIGHTNESS, CONTRAST, SOURCE_HEIGHT, SOURCE_WIDTH, LATENCY)
