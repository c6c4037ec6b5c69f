"""Reads the records of a log in batches of columns; what is damaged or foreign is counted and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0.schema_pb2 import FeatureType, Schema
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from beam_jobs.monitor.request import Identity, Part
from beam_jobs.near_duplicates.perceptual_hash import HASH_BYTES
from beam_jobs.records.tfrecord import DamagedTFRecord, TFRecordReader
from beam_jobs.storage.files import open_file
from schemas.features import SOURCE_HEIGHT, SOURCE_WIDTH
from schemas.photos import MAX_SIDE
from schemas.served import (
    CLIENT,
    CONFIDENCE,
    ENTROPY,
    FEATURE_HASH,
    LATENCY,
    MODEL,
    PHOTO,
    PHOTO_HASH,
    PHOTO_ID,
    SOURCE,
    SOURCES,
    TIME,
    TRAINED_ON,
    UNCERTAIN,
    number_features,
)

RECORDS_PER_BATCH = 4096
PROBLEMS_NAMED = 5  # of a log
_MODELS_COUNTED = 50  # a log has few; a damaged one must not fill the memory with names
_MAX_TEXT = 256  # characters; a longer one is damage, and becomes no name of a slice
_ROUNDING = 1e-6  # of shares, which are sums of float32
_TEXTS = (MODEL, TRAINED_ON, SOURCE, CLIENT, PHOTO, PHOTO_ID)
_HASHES = (PHOTO_HASH, FEATURE_HASH)
_WHOLE = (TIME, SOURCE_HEIGHT, SOURCE_WIDTH)
_OPTIONAL = (CONFIDENCE, ENTROPY, UNCERTAIN)


class Account(NamedTuple):
    """What became of the records that were read.

    Attributes:
      read: Whole records in the files.
      judged: That are compared.
      outside: Of another time than the window's, or of another split than train and eval.
      repeated: Of a photo that was there in the same hour.
      unusable: That are no record of a log.
      models: Every model's records, whichever model they are of: (model, trained_on) to their number.
      problems: How many files or records something is wrong with; and of some kinds of problem (the first file, what is
        wrong with it or its record).
    """

    read: int = 0
    judged: int = 0
    outside: int = 0
    repeated: int = 0
    unusable: int = 0
    models: Mapping[Identity, int] = {}  # never changed in place
    problems: tuple[int, tuple[tuple[str, str], ...]] = (0, ())

    @staticmethod
    def sum(accounts: Iterable[Account]) -> Account:
        """All of them together."""
        accounts, models = list(accounts), Counter()
        for one in accounts:
            models.update(one.models)
        most = sorted(models.items(), key=lambda item: (-item[1], item[0]))[:_MODELS_COUNTED]
        named = _first_of_each(problem for one in accounts for problem in one.problems[1])
        return Account(
            read=sum(one.read for one in accounts),
            judged=sum(one.judged for one in accounts),
            outside=sum(one.outside for one in accounts),
            repeated=sum(one.repeated for one in accounts),
            unusable=sum(one.unusable for one in accounts),
            models={Identity(*identity): count for identity, count in most},
            problems=(sum(one.problems[0] for one in accounts), named),
        )


def _first_of_each(problems: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The first file of each problem; the same few, whatever their order."""
    first = {what: path for path, what in sorted(problems, reverse=True)}
    return tuple(sorted((path, what) for what, path in first.items()))[:PROBLEMS_NAMED]


class Answers(NamedTuple):
    """Records of a log, as columns of N rows.

    Attributes:
      rows: As TFDV measures them: one column for each number.
      time: int64 [N], milliseconds.
      numbers: Feature to float64 [N]; NaN where it is missing.
      texts: Feature to N values; empty where it is missing.
      hashes: Feature to uint8 [N, 32], and to bool [N], whether it is there.
    """

    rows: pa.RecordBatch
    time: np.ndarray
    numbers: dict[str, np.ndarray]
    texts: dict[str, list[str]]
    hashes: dict[str, tuple[np.ndarray, np.ndarray]]

    def identities(self) -> list[Identity]:
        """The model of each row."""
        return [Identity(*one) for one in zip(self.texts[MODEL], self.texts[TRAINED_ON])]

    def take(self, indices: np.ndarray) -> Answers:
        """Some rows."""
        return Answers(
            self.rows.take(pa.array(indices)),
            self.time[indices],
            {name: one[indices] for name, one in self.numbers.items()},
            {name: [one[index] for index in indices] for name, one in self.texts.items()},
            {name: (one[indices], there[indices]) for name, (one, there) in self.hashes.items()},
        )


def numbers_schema(classes: Sequence[str]) -> Schema:
    """The schema of what TFDV measures."""
    schema = Schema()
    for name in number_features(classes):
        schema.feature.add(name=name, type=FeatureType.INT if name in _WHOLE else FeatureType.FLOAT)
    return schema


class LogReader:
    """Reads parts of a log; what it could not use is in `problems`.

    Args:
      classes: Of the model.
      model: Whose records are wanted; those of others are only counted. None for those of all models.

    Attributes:
      read, unusable, models, problems: As an Account has them.
    """

    def __init__(self, classes: Sequence[str], model: Identity | None):
        self._model = model
        self._measures = number_features(classes)
        self._schema = _schema(classes).SerializeToString()
        self._decoder = ExamplesToRecordBatchDecoder(self._schema)
        self.read = self.unusable = self.problems = 0
        self.models: Counter[Identity] = Counter()
        self.named: list[tuple[str, str]] = []

    def batches(self, part: Part) -> Iterator[Answers]:
        """The records of the model, file after file."""
        waiting: list[bytes] = []
        origins: list[str] = []
        for origin, record in self._records(part):
            waiting.append(record)
            origins.append(origin)
            if len(waiting) == RECORDS_PER_BATCH:
                yield from self._usable(waiting, origins)
                waiting, origins = [], []
        if waiting:
            yield from self._usable(waiting, origins)

    def _records(self, part: Part) -> Iterator[tuple[str, bytes]]:
        """Where each record is from, and its bytes."""
        for path in part.files:
            yield from ((path, record) for record in self._of_file(part.log, path))
        self.read += len(part.records)
        yield from part.records

    def _of_file(self, log: str, path: str) -> Iterator[bytes]:
        try:
            with open_file(f"{log}/{path}") as file:
                for record in TFRecordReader(file):
                    self.read += 1
                    yield record
        except DamagedTFRecord as damage:
            self._name(path, str(damage))
        except OSError as error:  # such as one that its retention has deleted since
            self._name(path, f"can't be read ({error.strerror or error})")

    def _usable(self, records: list[bytes], origins: list[str]) -> Iterator[Answers]:
        try:
            rows = self._decode(records)
        except RuntimeError as error:  # of one record, for all of them
            if len(records) == 1:
                self._reject(origins[0], f"a record is not one of a log ({error})")
                return
            half = len(records) // 2
            yield from self._usable(records[:half], origins[:half])
            yield from self._usable(records[half:], origins[half:])
            return
        answers, is_usable = self._columns(rows)
        for index in np.flatnonzero(~is_usable):
            self._reject(origins[index], "a record lacks what every record has, or holds an impossible value")
        for index in np.flatnonzero(is_usable):
            self.models[Identity(answers.texts[MODEL][index], answers.texts[TRAINED_ON][index])] += 1
        wanted = self._model
        own = is_usable
        if wanted is not None:
            own = np.array([wanted.fits(one) for one in answers.identities()], bool) & is_usable
        measured = self._is_measured(answers)
        for index in np.flatnonzero(own & ~measured):
            self._reject(origins[index], "a record lacks a measure that every record has, or it is out of range")
        kept = np.flatnonzero(own & measured)
        if len(kept):
            yield answers.take(kept)

    def _columns(self, rows: pa.RecordBatch) -> tuple[Answers, np.ndarray]:
        """The columns of records, and bool [N], whether each says when, what and by which model it was answered."""
        count = rows.num_rows
        usable = np.ones(count, bool)
        places: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        values: dict[str, np.ndarray | list] = {}
        for name, column in zip(rows.schema.names, rows.columns):
            offsets = np.asarray(column.offsets)
            lengths = np.diff(offsets)
            usable &= lengths <= 1
            there = np.flatnonzero(lengths == 1)
            places[name] = there, offsets[there]
            values[name] = column.values.to_pylist() if name in (*_TEXTS, *_HASHES) else np.asarray(column.values)
        numbers = {name: np.full(count, np.nan) for name in (*self._measures, TIME)}
        for name, one in numbers.items():
            there, of_values = places[name]
            one[there] = np.asarray(values[name], np.float64)[of_values]
        time = numbers.pop(TIME)
        texts: dict[str, list[str]] = {name: [""] * count for name in _TEXTS}
        for name, one in texts.items():
            for row, value in zip(*places[name]):
                one[row] = values[name][value].decode(errors="replace")[:_MAX_TEXT]
        hashes = {name: (np.zeros((count, HASH_BYTES), np.uint8), np.zeros(count, bool)) for name in _HASHES}
        for name, (one, is_there) in hashes.items():
            for row, value in zip(*places[name]):
                usable[row] &= len(values[name][value]) == HASH_BYTES
                if len(values[name][value]) == HASH_BYTES:
                    one[row], is_there[row] = np.frombuffer(values[name][value], np.uint8), True
        usable &= (time > 0) & np.array([bool(one) for one in texts[MODEL]], bool)
        usable &= np.array([one in SOURCES for one in texts[SOURCE]], bool)
        measured = [rows.schema.names.index(name) for name in self._measures]
        rows = pa.RecordBatch.from_arrays([rows.column(index) for index in measured], names=list(self._measures))
        return Answers(rows, np.nan_to_num(time).astype(np.int64), numbers, texts, hashes), usable

    def _is_measured(self, answers: Answers) -> np.ndarray:
        """bool [N]: whether the numbers of each record are there, and possible."""
        good = np.ones(len(answers.time), bool)
        for name, values in answers.numbers.items():
            low, high = (1, MAX_SIDE) if name in _WHOLE else (0, np.inf if name == LATENCY else 1 + _ROUNDING)
            possible = (values >= low) & (values <= high) & np.isfinite(values)
            good &= possible | np.isnan(values) if name in _OPTIONAL else possible
        return good

    def _decode(self, records: list[bytes]) -> pa.RecordBatch:
        try:
            return self._decoder.DecodeBatch(records)
        except RuntimeError:
            # with a schema, a decoder that has failed keeps what it has read of the batch, and fails from then on
            self._decoder = ExamplesToRecordBatchDecoder(self._schema)
            raise

    def _reject(self, path: str, problem: str) -> None:
        self.unusable += 1
        self._name(path, problem)

    def _name(self, path: str, problem: str) -> None:
        self.problems += 1
        self.named = [*_first_of_each([*self.named, (path, problem)])]

    def account(self, judged: int, outside: int, repeated: int) -> Account:
        """What became of all records so far; the arguments are those of an Account."""
        return Account(
            self.read, judged, outside, repeated, self.unusable, self.models, (self.problems, tuple(self.named))
        )


def _schema(classes: Sequence[str]) -> Schema:
    """The schema of what is read of a record; other features are left out."""
    schema = numbers_schema(classes)
    schema.feature.add(name=TIME, type=FeatureType.INT)
    for name in (*_TEXTS, *_HASHES):
        schema.feature.add(name=name, type=FeatureType.BYTES)
    return schema
