"""Records of a published version, found in its shards and read back."""

from __future__ import annotations

from collections.abc import Iterator

from beam_jobs.elements import PhotoSource, SourceFile, read_source
from beam_jobs.records.tf_example import Value
from beam_jobs.records.tfrecord import DamagedTFRecord, TFRecordReader
from beam_jobs.sources.input_files import read_input
from beam_jobs.storage.files import open_file
from schemas.errors import UserError
from schemas.features import IMAGE, IMAGE_ID
from schemas.manifest import Shard


def find_records(version_dir: str, shard: Shard) -> Iterator[tuple[str, SourceFile]]:
    """Yields id and position of each record of a shard, which is read once and checked against the manifest.

    Raises:
      UserError: The shard is missing, or its bytes are not those that were published.
    """
    uri = f"{version_dir}/{shard.path}"
    remedy = "prepare a version from all photos"
    try:
        with open_file(uri) as file:
            reader = TFRecordReader(file)
            for data in reader:
                image_id = bytes_of(parse_record(data), IMAGE_ID).decode()
                end = reader.bytes - 4  # the data's CRC comes last
                yield image_id, SourceFile(uri, len(data), end - len(data), image_id)
    except FileNotFoundError:
        raise UserError(f"{uri}: shard is missing; {remedy}") from None
    except DamagedTFRecord as error:
        raise UserError(f"{uri}: {error}; {remedy}") from None
    if reader.sha256 != shard.sha256:
        raise UserError(f"{uri}: sha256 differs from the manifest's; {remedy}")


def parse_record(data: bytes) -> dict[str, Value]:
    """Feature values by name of a serialized `tf.train.Example` with one value in each feature."""
    import tensorflow as tf  # takes seconds; only a job that copies records needs it

    values: dict[str, Value] = {}
    for name, feature in sorted(tf.train.Example.FromString(data).features.feature.items()):
        (values[name],) = getattr(feature, feature.WhichOneof("kind")).value
    return values


def bytes_of(values: dict[str, Value], name: str) -> bytes:
    """The value of a feature that holds bytes; TypeError if it holds a number."""
    value = values[name]
    if not isinstance(value, bytes):
        raise TypeError(f"feature {name}: holds {value!r}, not bytes")
    return value


def int_of(values: dict[str, Value], name: str) -> int:
    """The value of a feature that holds a whole number; TypeError if it holds anything else."""
    value = values[name]
    if not isinstance(value, int):
        raise TypeError(f"feature {name}: does not hold a whole number")
    return value


def read_photo(photo: PhotoSource) -> bytes:
    """The encoded photo, from its file or from a record.

    Raises:
      InputRejected: The file can't be read, or is too large.
      OSError: The record can't be read.
    """
    return bytes_of(parse_record(read_source(photo.source)), IMAGE) if photo.is_record else read_input(photo.source)
