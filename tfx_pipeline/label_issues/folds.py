"""Cuts the records of a published version into folds, so that each is judged by a model that has not seen it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from beam_jobs.records.sharding import id_hash
from schemas import features
from schemas.errors import UserError


class Member(NamedTuple):
    """One record of a fold: its id and its split."""

    image_id: str
    split: str


class Fold(NamedTuple):
    """One part of the records: a TFRecord file, and its records in the order of the file."""

    path: str
    members: list[Member]


def cut_into_folds(
    shards: Mapping[str, Sequence[str]], count: int, folder: Path, has_groups: bool = False
) -> tuple[Fold, ...]:
    """Writes every record once, into one of `count` files in `folder`; the same records give the same files.

    Args:
      shards: Split to the paths of its shards.
      count: Number of folds.
      folder: Where the files go; it exists.
      has_groups: Whether records name a group, as `group` in `dataset.yaml` does; a group stays in one fold, because
        its photos resemble each other.

    Raises:
      UserError: There are fewer records, or groups of them, than folds.
    """
    groups = [group for paths in shards.values() for _, group, _ in _read(paths, has_groups)]
    fold_of = deal(groups, count)
    folds = tuple(Fold(str(folder / f"fold-{index}.tfrecord"), []) for index in range(count))
    with ExitStack() as files:
        writers = [files.enter_context(tf.io.TFRecordWriter(fold.path)) for fold in folds]
        for split, paths in shards.items():
            for image_id, group, record in _read(paths, has_groups):
                index = fold_of[group]
                writers[index].write(record)
                folds[index].members.append(Member(image_id, split))
    return folds


def deal(groups: Sequence[str], count: int) -> dict[str, int]:
    """Gives each group, named once for each of its records, to one of `count` folds of about the same size.

    Raises:
      UserError: There are fewer groups than folds.
    """
    sizes = Counter(groups)
    if len(sizes) < count:
        raise UserError(f"--folds {count}: there are only {len(sizes)} photos, or groups of them; give fewer")
    records = [0] * count
    fold_of = {}
    for group in sorted(sizes, key=lambda one: (id_hash("fold", one), one)):
        fold_of[group] = min(range(count), key=lambda index: records[index])
        records[fold_of[group]] += sizes[group]
    return fold_of


def _read(paths: Sequence[str], has_groups: bool) -> Iterable[tuple[str, str, bytes]]:
    """Id, group (the id itself where records have none) and bytes of each record."""
    name = features.GROUP if has_groups else features.IMAGE_ID
    wanted = {one: tf.io.FixedLenFeature([], tf.string) for one in (features.IMAGE_ID, name)}
    for record in tf.data.TFRecordDataset(list(paths)) if paths else ():
        values = tf.io.parse_single_example(record, wanted)
        yield values[features.IMAGE_ID].numpy().decode(), values[name].numpy().decode(), bytes(record.numpy())
