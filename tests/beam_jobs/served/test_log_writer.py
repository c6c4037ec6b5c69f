"""The log of what is served, written by a program that answers."""

import json
import threading

import numpy as np
import pytest
from PIL import Image

from beam_jobs.records.published_records import parse_record
from beam_jobs.records.tfrecord import TFRecordReader
from beam_jobs.served.folder_log import FolderLog
from beam_jobs.served.log_files import Keeping
from beam_jobs.served.log_writer import LogWriter
from beam_jobs.served.outbox import MOST_WAITING
from beam_jobs.storage.files import write_atomically
from schemas.errors import UserError
from schemas.served import APP, HOUR, hour_folder, is_photo_path, parse_records_path

NOON = 1_795_953_600_000  # 2026-11-29 12:00 UTC
KEPT = Keeping(1.0, retention_days=30, readers="the labelling team")


class Clock:
    """Goes on by half an hour whenever it is asked."""

    def __init__(self):
        self.now = NOON - HOUR // 2

    def __call__(self):
        self.now += HOUR // 2
        return self.now


def open_log(folder, **options):
    return LogWriter([FolderLog(str(folder), write_atomically)], "0123456789ab", "f" * 64, APP, **options)


def records_of(folder):
    """(path, records) of each file, sorted."""
    found = []
    for path in sorted(folder.rglob("*.tfrecord")):
        with path.open("rb") as file:
            found.append((path.relative_to(folder).as_posix(), [parse_record(data) for data in TFRecordReader(file)]))
    return found


def test_each_hour_has_a_file_of_its_records_which_say_what_answered_and_when(tmp_path):
    with open_log(tmp_path, clock=Clock()) as log:
        for brightness in (0.25, 0.5, 0.75):
            log.add({"brightness": brightness}, client="shop")
    files = records_of(tmp_path)
    assert [parse_records_path(path).hour for path, _ in files] == [NOON, NOON + HOUR]
    first, second, third = (record for _, records in files for record in records)
    assert first == {
        "brightness": 0.25,
        "client": b"shop",
        "model": b"0123456789ab",
        "source": b"app",
        "time": NOON,
        "trained_on": b"f" * 64,
    }
    assert [second["time"], third["time"]] == [NOON + HOUR // 2, NOON + HOUR]


def test_threads_lose_no_record(tmp_path):
    with open_log(tmp_path) as log:
        threads = [
            threading.Thread(target=lambda: [log.add({"latency_ms": 1.0}) for _ in range(400)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(len(records) for _, records in records_of(tmp_path)) == 1600


def test_a_kept_photo_lies_in_a_file_of_its_own_without_what_a_camera_wrote(tmp_path):
    photo = np.full((40, 60, 3), 200, np.uint8)
    with open_log(tmp_path, keeping=KEPT, clock=lambda: NOON) as log:
        log.add({"latency_ms": 1.0}, lambda: photo)
    ((_, (record,)),) = records_of(tmp_path)
    path = record["photo"].decode()
    assert is_photo_path(path)
    assert hour_folder(NOON) in path
    with Image.open(tmp_path / path) as kept:
        assert (kept.size, kept.getexif()) == ((60, 40), {})
    about = json.loads((tmp_path / "about-app.json").read_text())
    assert (about["retention_days"], about["readers"]) == (30, "the labelling team")


def test_no_photo_is_kept_unless_it_is_asked_for(tmp_path):
    with open_log(tmp_path) as log:
        log.add({"latency_ms": 1.0}, lambda: np.zeros((8, 8, 3), np.uint8))
    ((_, (record,)),) = records_of(tmp_path)
    assert "photo" not in record
    assert not (tmp_path / "photos").exists()


@pytest.mark.parametrize("keeping", [Keeping(1.5, 30, "all"), Keeping(0.1), Keeping(0.1, 30), Keeping(0.1, 0, "all")])
def test_photos_are_not_kept_without_a_word_on_readers_and_days(tmp_path, keeping):
    with pytest.raises(UserError, match="photos"):
        open_log(tmp_path, keeping=keeping)
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_cannot_be_written_to_is_refused_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can't be written to"):
        open_log(tmp_path / "file")


def test_a_disk_that_fails_is_said_once_and_answers_go_on(tmp_path, capfd):
    folder = tmp_path / "log"
    with open_log(folder) as log:
        (folder / "about-app.json").unlink()
        folder.rmdir()
        folder.write_text("in the way")
        for _ in range(MOST_WAITING + 5):
            log.add({"latency_ms": 1.0})
    assert log.dropped == MOST_WAITING + 5
    assert capfd.readouterr().err.count("can't be written to") == 1
