"""Example photos for a Space from the eval split of a published version: real ones, and not learnt by the model."""

from __future__ import annotations

import io
import re
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from schemas import features
from schemas.errors import UserError
from schemas.exported_model import ModelInfo
from schemas.fitting import Fit, photo_box
from schemas.version import read_version

# Licences that let anybody publish photos, with credit: not those for private, unchanged or non-commercial use alone.
_OPEN = re.compile(
    r"(cc0|cc[ -]by([ -]sa)?[ -][1-4]|public domain|pddl|odc-by|apache|mit\b|bsd).*", re.IGNORECASE | re.DOTALL
)
_MOST_READ = 400  # records: examples are spread over them
_QUALITY = 92  # of JPEG


class EvalExamples(NamedTuple):
    """Photos and where they come from.

    Attributes:
      photos: File name to JPEG.
      credit: Title and licence of the data set.
    """

    photos: dict[str, bytes]
    credit: str


def eval_examples(version_dir: Path, info: ModelInfo, to_publish: bool, count: int = 4) -> EvalExamples:
    """Takes photos of the eval split, in the aspect in which they were taken.

    Args:
      version_dir: Folder of the version.
      info: Of the model.
      to_publish: Whether they may leave this machine, which their licence must allow.
      count: How many, spread over the split.

    Raises:
      UserError: There is no such version, the model was trained on another one, or the licence does not allow it.
    """
    manifest, spec = read_version(version_dir)
    if info.manifest_sha256 not in (None, manifest.sha256):
        raise UserError(
            f"--data {version_dir}: the model was trained on another version, maybe on these photos; name its own"
        )
    if to_publish and not is_open(spec.license):
        raise UserError(
            f"--data {version_dir}: the licence of its photos ({spec.license}) is not known to let you publish them;"
            " leave --data out, or name an open one in origin.yaml beside the photos and prepare a new version"
        )
    shards = [str(version_dir / shard.path) for shard in manifest.splits[features.EVAL].shards]
    records = _records(shards)
    chosen = records[:: max(1, len(records) // count)][:count]
    photos = {f"photo_{number}.jpg": _as_taken(one, manifest.fit) for number, one in enumerate(chosen, 1)}
    return EvalExamples(photos, f"{spec.title} ({spec.license})")


def is_open(licence: str) -> bool:
    """Whether a licence, as people write it, lets anybody publish photos with credit."""
    return _OPEN.fullmatch(licence) is not None


class _Record(NamedTuple):
    image: bytes
    height: int
    width: int


def _records(shards: list[str]) -> list[_Record]:
    import tensorflow as tf

    from trainer.input_pipeline import read_records

    text, number = tf.io.FixedLenFeature([], tf.string), tf.io.FixedLenFeature([], tf.int64)
    wanted = {features.IMAGE: text, features.SOURCE_HEIGHT: number, features.SOURCE_WIDTH: number}
    found = []
    for record in islice(read_records(shards).as_numpy_iterator(), _MOST_READ):
        values = tf.io.parse_single_example(record, wanted)
        found.append(_Record(*(values[name].numpy() for name in wanted)))
    return found


def _as_taken(record: _Record, fit: Fit) -> bytes:
    """The photo as a JPEG: a record's image without padding, and stretched back to the photo's aspect."""
    image = Image.open(io.BytesIO(record.image)).convert("RGB")
    box = photo_box((record.height, record.width), (image.height, image.width), fit)
    image = image.crop((box.left, box.top, box.left + box.width, box.top + box.height))
    scale = min(image.size) / min(record.height, record.width)  # keeps what the record has of the shorter side
    size = max(1, round(record.width * scale)), max(1, round(record.height * scale))
    buffer = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
