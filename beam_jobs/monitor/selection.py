"""What to label next: of the photos that were kept, those that teach the model most, and each kind of them once.

A photo scores by how far it is beyond the photos of eval: by its mean entropy (uncertainty sampling, B. Settles,
"Active Learning Literature Survey", 2009), or its distance from train, each as a multiple of the 99th percentile of
eval's. The highest score is taken first; what is like a photo that was taken, or a near-duplicate of one with labels,
is skipped.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import apache_beam as beam
import numpy as np
import yaml

from beam_jobs.codec.photos import decode_photo
from beam_jobs.monitor.answering import LABEL_FOLDER, PHOTOS_FOLDER
from beam_jobs.monitor.novelty import BITS, as_signs, nearest_distances
from beam_jobs.monitor.photo_names import PhotoNames, original_name
from beam_jobs.monitor.proposals import COCO_FILE
from beam_jobs.monitor.reading import Answers
from beam_jobs.monitor.request import Request
from beam_jobs.monitor.slices import Tally
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES, MAX_DISTANCE
from beam_jobs.rejections import InputRejected
from beam_jobs.served.window import in_words
from beam_jobs.storage.files import read_file, write_atomically
from schemas.origin import ORIGIN_FILE, Origin
from schemas.photos import MAX_FILE_BYTES
from schemas.served import ENTROPY, FEATURE_HASH, MODEL, PHOTO, PHOTO_HASH, PHOTO_ID, SOURCE, is_photo_path

if TYPE_CHECKING:
    from beam_jobs.monitor.summary import Measured

TABLE_FILE = "to_label.csv"
_ORIGIN = "Photos that a model was asked about, chosen to be labelled"
LABELLED = "labelled"  # hashes of the photos of all splits
UNCERTAIN_PHOTO, NOVEL_PHOTO = "uncertain", "novel"
PERCENTILE = 99  # of eval's: a photo there scores 1
_CANDIDATES = 20  # for each photo to label, by entropy and by distance
_MIN_CANDIDATES = 1000


class Candidate(NamedTuple):
    """A kept photo and what its record says.

    Attributes:
      photo: Its path below the log, checked.
      entropy: Mean entropy; -1 where it is not known.
      distance: To the nearest of train; -1 where it is not known.
      time, model, source, photo_id: Of the record; the last one is empty where it has none, and not checked.
      photo_hash, feature_hash: 32 bytes; empty where there is none.
    """

    photo: str
    entropy: float
    distance: int
    time: int
    model: str
    source: str
    photo_id: str
    photo_hash: bytes
    feature_hash: bytes


class Selected(NamedTuple):
    """What was selected.

    Attributes:
      photos: How many were copied.
      candidates: Of how many kept photos they were chosen: the most uncertain and the most novel.
      alike: Left out, because one like them was taken.
      gone: That the log no longer has, or that can't be read.
    """

    photos: int
    candidates: int
    alike: int
    gone: int


def most_candidates(selected: int) -> int:
    """How many candidates are kept of each kind."""
    return max(_MIN_CANDIDATES, _CANDIDATES * selected)


def candidates_of(
    answers: Answers, distances: np.ndarray, labelled: np.ndarray | None, selected: int
) -> Iterator[Candidate]:
    """The rows whose photo was kept and is labelled nowhere, bounded by the best of them.

    Args:
      answers: Records of the window.
      distances: int64 [N], to the nearest of train, -1 where it is not known.
      labelled: float32 [M, 256] of the perceptual hashes of train, eval and test; None where there are none.
      selected: How many photos are to be selected.
    """
    kept = np.flatnonzero([bool(path) and is_photo_path(path) for path in answers.texts[PHOTO]])
    hashes, there = answers.hashes[PHOTO_HASH]
    if labelled is not None:
        compared = kept[there[kept]]
        known = compared[nearest_distances(hashes[compared], labelled) <= MAX_DISTANCE]
        kept = np.setdiff1d(kept, known)
    found = []
    for row in kept:
        entropy = float(answers.numbers[ENTROPY][row])
        texts = (answers.texts[name][row] for name in (MODEL, SOURCE, PHOTO_ID))
        known_entropy = -1.0 if math.isnan(entropy) else entropy
        when = int(answers.time[row])
        own = (one[row].tobytes() if is_there[row] else b"" for one, is_there in _hashes(answers))
        found.append(Candidate(answers.texts[PHOTO][row], known_entropy, int(distances[row]), when, *texts, *own))
    yield from _best(found, most_candidates(selected))


def _hashes(answers: Answers) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    yield from (answers.hashes[name] for name in (PHOTO_HASH, FEATURE_HASH))


def _best(candidates: Iterable[Candidate], most: int) -> list[Candidate]:
    """The most uncertain and the most novel; the same ones in any order of the candidates."""
    known = {one.photo: one for one in sorted(candidates)}  # a record that is there twice counts once
    by_entropy = sorted(known.values(), key=lambda one: (-one.entropy, one.photo))[:most]
    by_distance = sorted(known.values(), key=lambda one: (-one.distance, one.photo))[:most]
    return sorted({*by_entropy, *by_distance})


class KeepCandidates(beam.CombineFn):
    """Candidates -> the best of them, no more than twice `most_candidates`."""

    def __init__(self, selected: int):
        self._most = most_candidates(selected)

    def create_accumulator(self) -> list[Candidate]:
        return []

    def add_input(self, kept: list[Candidate], one: Candidate) -> list[Candidate]:
        kept.append(one)
        return _best(kept, self._most) if len(kept) > 4 * self._most else kept

    def merge_accumulators(self, accumulators: Iterable[list[Candidate]]) -> list[Candidate]:
        return _best((one for kept in accumulators for one in kept), self._most)

    def extract_output(self, kept: list[Candidate]) -> list[Candidate]:
        return _best(kept, self._most)


class _Row(NamedTuple):
    """A line of the table."""

    file: str
    why: str
    score: float
    mean_entropy: str
    distance_to_train: str
    time: str
    model: str
    source: str
    name: str  # that its file had
    kept: str  # path below the log


def select(request: Request, candidates: list[Candidate], measured: Measured) -> Selected:
    """Chooses and copies photos, and writes the lists of them."""
    reference = measured.reference
    taken = _Taken(request.select, reference.percentile_distance(50) // 2)
    names, rows, images = PhotoNames(), [], []
    alike = gone = 0
    for score, why, one in sorted(_scored(candidates, reference), key=lambda item: (-item[0], item[2].photo)):
        if len(rows) == request.select:
            break
        if taken.has_one_like(one):
            alike += 1
            continue
        copied = _read(f"{request.log}/{one.photo}")
        if copied is None:
            gone += 1
            continue
        name = names.take(one.photo, one.photo_id)
        write_atomically(f"{_folder(request)}/{PHOTOS_FOLDER}/{name}", copied.data)
        taken.add(one)
        known = f"{one.entropy:.4f}" if one.entropy >= 0 else "", str(one.distance) if one.distance >= 0 else ""
        said = one.model, one.source, original_name(one.photo_id), one.photo
        rows.append(_Row(name, why, round(score, 3), *known, in_words(one.time), *said))
        images.append({"id": len(rows), "file_name": name, "width": copied.width, "height": copied.height})
    _write_lists(request, rows, images)
    return Selected(len(rows), len(candidates), alike, gone)


def _scored(candidates: Iterable[Candidate], reference: Tally) -> Iterator[tuple[float, str, Candidate]]:
    entropy = reference.percentile_entropy(PERCENTILE)
    distance = max(1, reference.percentile_distance(PERCENTILE))
    for one in candidates:
        scores = one.entropy / entropy, one.distance / distance
        if max(scores) >= 0:  # at least one is known
            yield max(scores), (NOVEL_PHOTO if scores[1] >= scores[0] else UNCERTAIN_PHOTO), one


class _Taken:
    """The hashes of photos that were taken, at most `most`."""

    def __init__(self, most: int, alike: int):
        self._limits = {"photo_hash": MAX_DISTANCE, "feature_hash": alike}
        self._signs = {name: np.empty((most, BITS), np.float32) for name in self._limits}
        self._counts = dict.fromkeys(self._limits, 0)

    def has_one_like(self, one: Candidate) -> bool:
        """Whether a photo looks the same as one of them, or the encoder sees about the same in both."""
        return any(
            self._counts[name]
            and len(hashes)
            and nearest_distances(hashes, self._signs[name][: self._counts[name]])[0] <= self._limits[name]
            for name, hashes in _hashes_of(one)
        )

    def add(self, one: Candidate) -> None:
        """Takes one more."""
        for name, hashes in _hashes_of(one):
            if len(hashes):
                self._signs[name][self._counts[name]] = as_signs(hashes)[0]
                self._counts[name] += 1


def _hashes_of(one: Candidate) -> Iterator[tuple[str, np.ndarray]]:
    """Field and uint8 [1, 32], or [0, 32] where there is no hash."""
    for name, data in (("photo_hash", one.photo_hash), ("feature_hash", one.feature_hash)):
        yield name, np.frombuffer(data, np.uint8).reshape(-1, HASH_BYTES)


class _Kept(NamedTuple):
    """A kept photo's bytes and size."""

    data: bytes
    width: int
    height: int


def _read(source: str) -> _Kept | None:
    """Reads a kept photo; None where it is gone or is none."""
    try:
        data = read_file(source, MAX_FILE_BYTES)
        photo = decode_photo(data, min_side=1)
    except (OSError, InputRejected):
        return None
    return _Kept(data, photo.source_width, photo.source_height)


def _folder(request: Request) -> str:
    return f"{request.output}/{LABEL_FOLDER}"


def _write_lists(request: Request, rows: list[_Row], images: list[dict]) -> None:
    """The table for people, and the photos as COCO lists them (cocodataset.org/#format-data), without annotations."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([_Row._fields, *rows])
    write_atomically(f"{_folder(request)}/{TABLE_FILE}", text.getvalue().encode())
    origin = Origin(title=_ORIGIN, license="not stated", source=f"{request.log}, of model {request.model.model}")
    write_atomically(f"{_folder(request)}/{ORIGIN_FILE}", yaml.safe_dump(origin.model_dump()).encode())
    categories = [{"id": number, "name": name} for number, name in enumerate(request.classes, start=1)]
    listed = {"images": images, "annotations": [], "categories": categories}
    write_atomically(f"{_folder(request)}/{COCO_FILE}", (json.dumps(listed, indent=2) + "\n").encode())
