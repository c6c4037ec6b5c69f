"""A log in a folder forgets what its rules say."""

from beam_jobs.served.retention import delete_old
from schemas.served import HOUR, photo_path, records_path

NOON = 1_795_953_600_000  # 2026-11-29 12:00 UTC
DAY = 24 * HOUR


def made(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")


def left(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_is_older_than_the_days_that_were_promised_is_deleted_with_its_empty_folders(tmp_path):
    old, new = NOON - 30 * DAY - HOUR, NOON - 30 * DAY + HOUR
    kept = [records_path(new, "0" * 12, 0), photo_path(new, "0" * 12, 0, "jpg"), records_path(NOON, "0" * 12, 1)]
    made(tmp_path, *kept, records_path(old, "0" * 12, 0), photo_path(old, "0" * 12, 0, "jpg"))
    assert delete_old(str(tmp_path), 30, NOON) == 2
    assert left(tmp_path) == sorted(kept)
    assert delete_old(str(tmp_path), 1, NOON) == 2
    assert [path.name for path in (tmp_path / "records").iterdir()] == ["2026-11-29"]


def test_what_a_log_did_not_write_stays(tmp_path):
    of_2020 = "records/2020-01-01/00/notes.txt", "photos/2020-01-01/00/holiday.jpg"
    others = *of_2020, "records/mine/00/x.tfrecord", "a.txt"
    made(tmp_path, *others)
    outside = tmp_path.with_name("outside")
    made(outside, "00/served-000000000000-000000.tfrecord")
    (tmp_path / "records" / "2020-01-02").symlink_to(outside)
    assert delete_old(str(tmp_path), 1, NOON) == 0
    assert left(tmp_path) == sorted(others)
    assert left(outside)


def test_a_folder_that_is_not_there_holds_nothing_old(tmp_path):
    assert delete_old(str(tmp_path / "log"), 1) == 0
