"""Looks at the photos with the lowest scores again: what may be wrong with each. Writes the files that say so."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from beam_jobs.line_files import list_line_files
from beam_jobs.rejections import DerivedId, Repaired
from beam_jobs.storage.files import read_file, write_atomically
from schemas import features
from schemas.spec import DatasetSpec
from schemas.version import PublishedVersion
from schemas.version_files import DERIVED_IDS_FOLDER, REPAIRS_FOLDER
from tfx_pipeline.label_issues.folds import Fold
from tfx_pipeline.label_issues.judging import Judgement
from tfx_pipeline.label_issues.page import SHOWN, Triple, label_issues_page
from tfx_pipeline.label_issues.ranking import (
    ISSUES_FILE,
    PAGE_FILE,
    QUALITY_FILE,
    Files,
    Issue,
    issue_lines,
    limit_of,
    quality_table,
)
from tfx_pipeline.label_issues.suspicions import Pair, suspect

COMPARED_SIDE = 64  # pixels at most, of the copies that suspicions look at


def write_issues(
    judgements: Sequence[Judgement],
    folds: Sequence[Fold],
    data: Path,
    version: PublishedVersion,
    output: Path,
    worst: int | None,
) -> list[Issue]:
    """Lists the lowest of all judgements, and writes the three files; see `command_line.find_label_issues`."""
    manifest, spec = version
    scores = [one.score for one in judgements]
    limit = limit_of(scores) if worst is None else scores[min(worst, len(scores)) - 1]
    listed = [one for one in judgements if one.score <= limit][:worst]
    issues = explain(listed, folds, data, spec)
    suspicions = {one.image_id: one.suspicion for one in issues}
    page = label_issues_page(spec, manifest, scores, limit, issues, read_triples(listed[:SHOWN], folds))
    for name, text in (
        (PAGE_FILE, page),
        (QUALITY_FILE, quality_table(judgements, suspicions)),
        (ISSUES_FILE, issue_lines(issues)),
    ):
        write_atomically(str(output / name), text.encode())
    return issues


def explain(judgements: Sequence[Judgement], folds: Sequence[Fold], data: Path, spec: DatasetSpec) -> list[Issue]:
    """Gives each photo its suspicion and its files, in the given order; `data` is the version's folder."""
    predicted = {one.image_id: _small(one.predicted) for one in judgements}
    masks = {one.image_id: _small(one.mask) for one in _records(judgements, folds)}
    pairs = {one.image_id: Pair(masks[one.image_id], predicted[one.image_id]) for one in judgements}
    suspicions = suspect(pairs, spec.class_titles)
    files = _files_of(data)
    return [
        Issue(
            one.score,
            one.image_id,
            one.split,
            one.agreement,
            suspicions[one.image_id],
            files.get(one.image_id, Files()),
        )
        for one in judgements
    ]


def read_triples(judgements: Sequence[Judgement], folds: Sequence[Fold]) -> dict[str, Triple]:
    """The pictures of some photos, by id."""
    predicted = {one.image_id: one.predicted for one in judgements}
    return {
        one.image_id: Triple(one.photo, one.mask, predicted[one.image_id], one.source)
        for one in _records(judgements, folds)
    }


class _Record(NamedTuple):
    """Photo and mask as encoded in a record, and the photo's height and width at its source; 1 where it is not said."""

    image_id: str
    photo: bytes
    mask: bytes
    source: tuple[int, int]


def _records(judgements: Iterable[Judgement], folds: Sequence[Fold]) -> Iterator[_Record]:
    """The records of some photos."""
    wanted = {one.image_id for one in judgements}
    sizes = (features.SOURCE_HEIGHT, features.SOURCE_WIDTH)
    description = {one: tf.io.FixedLenFeature([], tf.string) for one in (features.IMAGE, features.MASK)}
    description |= {one: tf.io.FixedLenFeature([], tf.int64, default_value=1) for one in sizes}
    for fold in folds:
        for member, record in zip(fold.members, tf.data.TFRecordDataset(fold.path)):
            if member.image_id in wanted:
                values = tf.io.parse_single_example(record, description)
                photo, mask, height, width = (values[name].numpy() for name in description)
                yield _Record(member.image_id, photo, mask, (int(height), int(width)))


def _small(data: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(data), formats=("PNG",))
    image.thumbnail((COMPARED_SIDE, COMPARED_SIDE), Image.Resampling.NEAREST)
    return np.asarray(image)


def _files_of(data: Path) -> dict[str, Files]:
    """The files of the photos that a version's lists name: those that were repaired, or whose id is not their name."""
    found: dict[str, Files] = {}
    for folder, kind in ((REPAIRS_FOLDER, Repaired), (DERIVED_IDS_FOLDER, DerivedId)):
        for path in list_line_files(str(data / folder)):
            for number, line in enumerate(read_file(path).splitlines(), start=1):
                one = kind.from_json(line, f"{path}, line {number}")
                found[one.image_id] = Files(one.image_uri, getattr(one, "mask_uri", ""))
    return found
