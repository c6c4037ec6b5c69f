"""The files of the log of what is served."""

import pytest

from schemas.served import HOUR, RecordsFile, hour_folder, is_photo_path, parse_records_path, photo_path, records_path

TIME = 1_795_987_425_123  # 2026-11-29 21:23:45 UTC
WRITER = "4f6c2f0d9b1e"


def test_a_file_of_records_lies_in_the_hour_of_its_answers():
    path = records_path(TIME, WRITER, 7)
    assert path == f"records/2026-11-29/21/served-{WRITER}-000007.tfrecord"
    assert parse_records_path(path) == RecordsFile(TIME - TIME % HOUR, WRITER, 7)


@pytest.mark.parametrize(
    "path",
    [
        f"records/2026-11-29/25/served-{WRITER}-000007.tfrecord",
        f"records/2026-13-29/21/served-{WRITER}-000007.tfrecord",
        f"records/2026-11-29/21/served-{WRITER}-000007.tfrecord.tmp",
        f"records/2026-11-29/../served-{WRITER}-000007.tfrecord",
        "records/2026-11-29/21/notes.txt",
    ],
)
def test_no_other_file_is_taken_for_one_of_records(path):
    assert parse_records_path(path) is None


def test_only_the_path_of_a_kept_photo_is_one():
    assert is_photo_path(photo_path(TIME, WRITER, 3, "jpg"))
    assert not is_photo_path(f"photos/{hour_folder(TIME)}/../../secret.jpg")
    assert not is_photo_path("/etc/passwd")
