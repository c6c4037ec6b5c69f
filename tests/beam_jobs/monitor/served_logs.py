"""Logs of what a model serves, drawn at random: quiet ones, and such in which something has changed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from beam_jobs.monitor.command_line import main
from beam_jobs.records.tf_example import Value, to_example
from beam_jobs.records.tfrecord import TFRecordWriter
from schemas.served import APP, ENDPOINT, HOUR, PREDICT, records_path

NOON = 1_795_953_600_000  # 2026-11-29 12:00 UTC
MODEL, TRAINED_ON = "1700000000", "f" * 64
WRITER = "4f6c2f0d9b1e"
CLASSES = ("background", "border", "pet")
_KINDS = np.random.default_rng(7).integers(
    0, 2, (40, 256)
)  # what the encoder sees of 20 kinds of photo, and of 20 others
_FLIPPED = 0.15  # of the bits, from photo to photo of a kind

Record = dict[str, Value]
Change = Callable[[Record], Record]


def draw(random: np.random.Generator, is_novel: bool = False) -> Record:
    """What is measured of one photo: 15 % of the photos show no pet, and sizes and light vary as in a family album."""
    background = float(random.beta(3, 2))
    border = float(min(random.gamma(4, 0.02), 1 - background))
    pet = 1 - background - border if random.random() < 0.85 else 0.0
    entropy = float(random.beta(1.2, 12))
    kind = _KINDS[random.integers(20, 40) if is_novel else random.integers(0, 20)]
    seen = kind ^ (random.random(256) < _FLIPPED)
    return {
        "background_fraction": 1 - border - pet,
        "border_fraction": border,
        "pet_fraction": pet,
        "mean_confidence": 1 - 0.8 * entropy,
        "mean_entropy": entropy,
        "uncertain_share": float(random.beta(0.5, 8)),
        "brightness": float(random.beta(6, 7)),
        "contrast": float(0.5 * random.beta(4, 6)),
        "source_height": int(random.integers(300, 700)),
        "source_width": int(random.integers(300, 900)),
        "latency_ms": float(np.exp(random.normal(3, 1))),
        "photo_hash": random.bytes(32),
        "feature_hash": np.packbits(seen).tobytes(),
    }


def served(random: np.random.Generator, photos: int, hours: int = 3, change: Change | None = None) -> Iterator[Record]:
    """Records of the last hours before NOON, from two sources and four clients."""
    for number in range(photos):
        record = draw(random)
        record |= {
            "time": NOON - int(random.integers(1, hours * HOUR)),
            "model": MODEL.encode(),
            "trained_on": TRAINED_ON.encode(),
            "source": (ENDPOINT if number % 3 else APP).encode(),
            "client": f"shop_{number % 4}".encode(),
        }
        yield change(record) if change else record


def answered_splits(random: np.random.Generator, train: int = 300, evaluation: int = 200) -> Iterator[Record]:
    """Records of a reference."""
    for split, photos in (("train", train), ("eval", evaluation)):
        for _ in range(photos):
            names = {"model": MODEL.encode(), "trained_on": TRAINED_ON.encode(), "source": PREDICT.encode()}
            yield {**draw(random), **names, "client": split.encode(), "time": NOON - 40 * 24 * HOUR}


def write_log(folder: Path, records: Iterator[Record], writer: str = WRITER) -> Path:
    """Writes records by the hour, a file each."""
    by_hour: dict[int, list[Record]] = {}
    for one in records:
        by_hour.setdefault(int(one["time"]) // HOUR, []).append(one)
    for number, (hour, some) in enumerate(sorted(by_hour.items())):
        path = folder / records_path(hour * HOUR, writer, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        records_file = TFRecordWriter(buffer)
        for one in some:
            records_file.write(to_example(one))
        path.write_bytes(buffer.getvalue())
    return folder


def make_reference(folder: Path, train: int = 300, evaluation: int = 200) -> Path:
    return write_log(folder, answered_splits(np.random.default_rng(0), train, evaluation))


def quiet_log(folder: Path, photos: int = 300, seed: int = 1, change: Change | None = None) -> Path:
    return write_log(folder, served(np.random.default_rng(seed), photos, change=change))


def monitor(log: Path | str, reference: Path | str, output: Path | str, *options: object) -> int:
    return main([f"--log={log}", f"--reference={reference}", f"--output={output}", *map(str, options)])
