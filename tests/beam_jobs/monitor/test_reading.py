"""Records of a log as columns; each that can't be used is counted, and none spoils the others."""

from pathlib import Path

import numpy as np
import pytest

from beam_jobs.monitor.reading import LogReader
from beam_jobs.monitor.request import Identity, Part
from beam_jobs.records.tf_example import to_example
from beam_jobs.records.tfrecord import TFRecordWriter
from schemas.served import records_path
from tests.beam_jobs.monitor.served_logs import CLASSES, MODEL, NOON, TRAINED_ON, WRITER, served

GOOD = 40
PATH = records_path(NOON, WRITER, 0)


def read(folder: Path, records: list[bytes]) -> tuple[LogReader, int]:
    """The reader, and how many records it could use."""
    (folder / PATH).parent.mkdir(parents=True, exist_ok=True)
    with (folder / PATH).open("wb") as file:
        writer = TFRecordWriter(file)
        for one in records:
            writer.write(one)
    reader = LogReader(CLASSES, Identity(MODEL, TRAINED_ON))
    usable = sum(len(one.time) for one in reader.batches(Part(str(folder), (PATH,), is_reference=False)))
    return reader, usable


@pytest.fixture
def good() -> list[dict]:
    return [*served(np.random.default_rng(0), GOOD)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"time": 0},
        {"time": b"noon"},
        {"model": b""},
        {"source": b"somebody"},
        {"brightness": 1.5},
        {"brightness": float("nan")},
        {"pet_fraction": -0.1},
        {"mean_entropy": float("inf")},
        {"source_width": 0},
        {"source_width": 10**9},
        {"latency_ms": -1.0},
        {"photo_hash": b"short"},
        {"feature_hash": 7},
    ],
    ids=str,
)
def test_an_impossible_value_costs_its_record_alone(tmp_path, good, wrong):
    records = [to_example(one) for one in good]
    records[GOOD // 2] = to_example(good[GOOD // 2] | wrong)
    reader, usable = read(tmp_path, records)
    assert (reader.read, usable, reader.unusable) == (GOOD, GOOD - 1, 1)
    assert reader.named[0][0] == PATH


def test_what_may_be_missing_is_missing_and_what_may_not_costs_the_record(tmp_path, good):
    optional = "client", "mean_confidence", "mean_entropy", "uncertain_share", "photo_hash", "feature_hash"
    for name in optional:
        good[0].pop(name)
    good[1].pop("brightness")
    good[2].pop("trained_on")  # is empty where it is unknown
    reader, usable = read(tmp_path, [to_example(one) for one in good])
    assert (usable, reader.unusable) == (GOOD - 1, 1)


def test_features_of_later_records_are_left_out(tmp_path, good):
    more = [to_example(one | {"weather": b"rain", "pixels": 3}) for one in good]
    assert read(tmp_path, more)[1] == GOOD


def test_any_bytes_in_place_of_records_are_counted_and_the_good_ones_read(tmp_path, good):
    random = np.random.default_rng(1)
    whole = [to_example(one) for one in good]
    spoilt = []
    for _ in range(300):
        data = bytearray(whole[random.integers(GOOD)])
        for _ in range(random.integers(1, 4)):
            data[random.integers(len(data))] = random.integers(256)
        spoilt.append(bytes(data[: random.integers(len(data))] if random.random() < 0.2 else data))
    mixed = [*whole, *spoilt, b""]
    reader, usable = read(tmp_path, [mixed[index] for index in random.permutation(len(mixed))])
    others = sum(count for one, count in reader.models.items() if not one.fits(Identity(MODEL, TRAINED_ON)))
    assert reader.read == len(mixed) == usable + reader.unusable + others
    assert usable >= GOOD
    assert reader.unusable > 30
