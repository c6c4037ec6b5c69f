"""A split of a published version as a `tf.data.Dataset`, for training code that is not ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from schemas import features
from schemas.documents import MAX_YAML_BYTES
from schemas.errors import UserError
from schemas.manifest import MAX_BYTES, published_manifest
from schemas.version import MAX_SCHEMA_BYTES, REMEDY, PublishedVersion, contract_of, read_version
from schemas.version_files import DATASET_FILE, MANIFEST_FILE, SCHEMA_FILE
from trainer.graphs import unconverted
from trainer.input_pipeline import parse_example, read_records


class LoadedSplit(NamedTuple):
    """What `load_split` returns.

    Attributes:
      dataset: Its elements are an image uint8 [H, W, 3] in 0..255 and a mask uint8 [H, W] of class ids, where
        `ignored_id` is no class; with ids, a scalar string before them. In the same order every time.
      class_names: In the order of their ids.
      ignored_id: Value of the pixels that have no label, and that losses and metrics leave out.
    """

    dataset: tf.data.Dataset
    class_names: tuple[str, ...]
    ignored_id: int


def load_split(version: str | os.PathLike[str], split: str = features.TRAIN, with_ids: bool = False) -> LoadedSplit:
    """Opens a split of a published version; records are read and decoded when the data set is iterated.

        photos = trainer.load_split("runs/demo/data/pets/1.0.0")
        for images, masks in photos.dataset.shuffle(1000).batch(8): ...

    Only the shards that the manifest names are read. H and W are the version's image size; where photos keep their own,
    they differ from element to element. Letterboxed photos lie in grey padding, where the mask has `ignored_id`.

    Args:
      version: Folder of the version, `gs://` too.
      split: `train`, `eval` or, where there is one, `test`.
      with_ids: Puts each photo's id before its image.

    Raises:
      UserError: There is no such version or split, or its files contradict its manifest.
    """
    folder = os.fspath(version).rstrip("/")
    manifest, spec = _read_remote(folder) if "://" in folder else read_version(Path(folder))
    if split not in manifest.splits:
        raise UserError(f"{folder}: has no split {split!r}, but {', '.join(sorted(manifest.splits))}")
    shards = [f"{folder}/{shard.path}" for shard in manifest.splits[split].shards]

    @unconverted
    def parse(record: tf.Tensor) -> tuple[tf.Tensor, ...]:
        if not with_ids:
            return parse_example(record, manifest.image_size)
        wanted = {features.IMAGE_ID: tf.io.FixedLenFeature([], tf.string)}
        image_id = tf.io.parse_single_example(record, wanted)[features.IMAGE_ID]
        return image_id, *parse_example(record, manifest.image_size)

    dataset = read_records(shards).map(parse, tf.data.AUTOTUNE)
    # Keras shows how far an epoch is, and a shard that lacks records is an error.
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(manifest.splits[split].records))
    return LoadedSplit(dataset.prefetch(tf.data.AUTOTUNE), tuple(spec.class_names), features.IGNORE_ID)


def _read_remote(folder: str) -> PublishedVersion:
    """As `schemas.version.read_version`, from where TensorFlow can read."""
    source = f"{folder}/{MANIFEST_FILE}"
    manifest = published_manifest(_read(source, MAX_BYTES, "nothing is published there"), folder, source)
    schema = _read(f"{folder}/{SCHEMA_FILE}", MAX_SCHEMA_BYTES, REMEDY)
    dataset = _read(f"{folder}/{DATASET_FILE}", MAX_YAML_BYTES, REMEDY) if manifest.dataset_sha256 else None
    return PublishedVersion(manifest, contract_of(manifest, dataset, schema, folder))


def _read(path: str, max_bytes: int, remedy: str) -> bytes:
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            data = file.read(max_bytes + 1)
    except (tf.errors.OpError, OSError) as error:
        raise UserError(f"{path}: can't be read ({getattr(error, 'message', error)}); {remedy}") from None
    if len(data) > max_bytes:
        raise UserError(f"{path}: larger than {max_bytes:,} bytes; {remedy}")
    return data
