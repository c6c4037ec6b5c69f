"""Records of a published version, found in its shards and read back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from beam_jobs.elements import PhotoSource, SourceFile, read_source
from beam_jobs.records.tf_example import Value
from beam_jobs.records.tfrecord import DamagedTFRecord, TFRecordReader
from beam_jobs.sources.input_files import read_input
from beam_jobs.storage.files import open_file
from schemas.errors import UserError
from schemas.features import IMAGE, IMAGE_ID
from schemas.manifest import Shard

if TYPE_CHECKING:
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder


def find_records(version_dir: str, shard: Shard) -> Iterator[tuple[str, SourceFile]]:
    """Yields id and position of each record of a shard; otherwise as `read_records`."""
    for data, source in read_records(version_dir, shard):
        image_id = bytes_of(parse_record(data), IMAGE_ID).decode()
        yield image_id, source._replace(member=image_id)


def read_records(version_dir: str, shard: Shard) -> Iterator[tuple[bytes, SourceFile]]:
    """Yields each record of a shard, serialized, and its position; the shard is checked against the manifest.

    Raises:
      UserError: The shard is missing, or its bytes are not those that were published.
    """
    uri = f"{version_dir}/{shard.path}"
    remedy = "prepare a version from all photos"
    try:
        with open_file(uri) as file:
            reader = TFRecordReader(file)
            for data in reader:
                end = reader.bytes - 4  # the data's CRC comes last
                yield data, SourceFile(uri, len(data), end - len(data))
    except FileNotFoundError:
        raise UserError(f"{uri}: shard is missing; {remedy}") from None
    except DamagedTFRecord as error:
        raise UserError(f"{uri}: {error}; {remedy}") from None
    if reader.sha256 != shard.sha256:
        raise UserError(f"{uri}: sha256 differs from the manifest's; {remedy}")


def parse_record(data: bytes) -> dict[str, Value]:
    """Feature values by name of a serialized `tf.train.Example` with one value in each feature.

    Raises:
      ValueError: It is none, or a feature has no value, or several.
    """
    try:
        batch = _decoder().DecodeBatch([data])
    except RuntimeError as error:
        raise ValueError(f"not a tf.train.Example ({error})") from None
    values: dict[str, Value] = {}
    for name, column in sorted(zip(batch.schema.names, batch.columns)):
        found: list[Value] = column[0].as_py() or []
        (values[name],) = found
    return values


@cache
def _decoder() -> ExamplesToRecordBatchDecoder:
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder  # without TensorFlow, which takes seconds

    return ExamplesToRecordBatchDecoder()


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
