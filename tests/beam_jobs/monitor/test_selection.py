"""What to label next: uncertain and novel photos, each kind once, copied with their lists."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from schemas.served import HOUR, photo_path
from tests.beam_jobs.monitor.served_logs import NOON, WRITER, answered_splits, draw, monitor, served, write_log
from tests.beam_jobs.pictures import encode, scene

pytestmark = pytest.mark.slow
TIME = NOON - HOUR // 2


def kept_photo(log: Path, record: dict, number: int) -> dict:
    """The record, of a photo that the log keeps."""
    path = photo_path(TIME, WRITER, number, "jpg")
    (log / path).parent.mkdir(parents=True, exist_ok=True)
    (log / path).write_bytes(encode(scene(number).resize((60, 40)), "JPEG"))
    return record | {"time": TIME, "photo": path.encode()}


def rows(output: Path) -> list[dict]:
    return list(csv.DictReader((output / "to_label/to_label.csv").read_text().splitlines()))


@pytest.fixture
def log(tmp_path, reference) -> Path:
    """120 ordinary photos, 8 of them kept; and kept: one uncertain, one novel, and one like it."""
    random = np.random.default_rng(4)
    records = [*served(random, 120)]
    log = tmp_path / "log"
    for number in range(8):
        records[number] = kept_photo(log, records[number], number)
    identity = {name: records[0][name] for name in ("model", "trained_on", "source", "client")}
    uncertain = draw(random) | identity | {"mean_entropy": 0.99}
    novel = draw(random, is_novel=True) | identity
    alike = draw(random) | identity | {"feature_hash": novel["feature_hash"]}
    for number, one in enumerate((uncertain, novel, alike), start=100):
        records.append(kept_photo(log, one, number))
    return write_log(log, records)


def test_the_uncertain_and_the_novel_come_first_and_what_is_like_them_is_skipped(log, reference, tmp_path, capfd):
    assert monitor(log, reference, tmp_path / "out", "--select=3") == 0
    first, second, third = rows(tmp_path / "out")
    assert (first["file"], first["why"], first["mean_entropy"]) == (f"{WRITER}-000100.jpg", "uncertain", "0.9900")
    assert (second["file"], second["why"]) == (f"{WRITER}-000101.jpg", "novel")
    assert int(second["distance_to_train"]) > 80
    assert third["file"] < f"{WRITER}-000008.jpg"  # not 102
    assert float(first["score"]) > float(second["score"]) > float(third["score"])
    assert (third["model"], third["time"]) == ("1700000000", "2026-11-29 11:30")
    for one in (first, second, third):
        copied = tmp_path / "out/to_label/photos" / one["file"]
        assert copied.read_bytes() == (log / "photos/2026-11-29/11" / one["file"]).read_bytes()
    listed = json.loads((tmp_path / "out/to_label/annotations.json").read_text())
    assert listed["images"][0] == {"id": 1, "file_name": first["file"], "width": 60, "height": 40}
    assert [one["name"] for one in listed["categories"]] == ["background", "border", "pet"]
    assert listed["annotations"] == []
    printed = capfd.readouterr().out.splitlines()
    assert printed[-1] == f"To label: 3 photos in {tmp_path}/out/to_label, of 11 candidates"


def test_photos_that_are_gone_or_broken_are_counted_and_the_next_ones_taken(log, reference, tmp_path, capfd):
    (log / f"photos/2026-11-29/11/{WRITER}-000100.jpg").unlink()
    (log / f"photos/2026-11-29/11/{WRITER}-000101.jpg").write_bytes(b"none")
    assert monitor(log, reference, tmp_path / "out", "--select=1") == 0
    assert [one["file"] for one in rows(tmp_path / "out")] == [f"{WRITER}-000102.jpg"]
    assert "of 11 candidates; 2 photos gone or broken" in capfd.readouterr().out


def test_a_path_that_leaves_the_log_is_not_followed(reference, tmp_path, capfd):
    (tmp_path / "secret.jpg").write_bytes(encode(scene(1), "JPEG"))
    escaping = (one | {"photo": b"photos/../../secret.jpg"} for one in served(np.random.default_rng(1), 40))
    log = write_log(tmp_path / "log", escaping)
    assert monitor(log, reference, tmp_path / "out", "--select=3") == 0
    assert "To label: none; no record of the window names a kept photo" in capfd.readouterr().out
    assert not (tmp_path / "out/to_label/photos").exists()


def test_an_earlier_selection_is_replaced(log, reference, tmp_path):
    assert monitor(log, reference, tmp_path / "out", "--select=3") == 0
    assert len(list((tmp_path / "out/to_label/photos").iterdir())) == 3
    assert monitor(log, reference, tmp_path / "out", "--select=1") == 0
    assert len(list((tmp_path / "out/to_label/photos").iterdir())) == 1


def test_near_duplicates_of_photos_with_labels_are_no_candidates(reference, tmp_path, capfd):
    log = tmp_path / "log"
    records = [*served(np.random.default_rng(2), 40)]
    labelled = [one["photo_hash"] for one in answered_splits(np.random.default_rng(0))]
    for number, known in enumerate((labelled[0], labelled[-1])):  # of train, and of eval
        records[number] = kept_photo(log, records[number] | {"photo_hash": known}, number)
    records[2] = kept_photo(log, records[2], 2)
    assert monitor(write_log(log, records), reference, tmp_path / "out", "--select=3") == 0
    assert [one["file"] for one in rows(tmp_path / "out")] == [f"{WRITER}-000002.jpg"]
    assert "To label: 1 photo " in capfd.readouterr().out
