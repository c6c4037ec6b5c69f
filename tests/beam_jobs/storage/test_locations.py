"""Paths and URIs that no job can use are refused before anything looks there."""

import pytest

from beam_jobs.predict.command_line import main as predict
from beam_jobs.prepare.command_line import main as prepare
from beam_jobs.storage.locations import check_location
from beam_jobs.validate.command_line import main as validate
from schemas.errors import UserError

UNUSABLE = {
    "file:///data/photos": "file:///data/photos: give the path alone, such as /data/photos",
    "http://host/photos": "http://host/photos: nothing here reads http://; give a local folder or gs://BUCKET/FOLDER",
    "bogus://x": "nothing here reads bogus://",
    "://x": "nothing here reads ://",
    "gs://": "gs://: names no bucket",
    "gs:///photos": "gs:///photos: names no bucket",
    "gs://Bucket*/photos": "names no bucket",
    "a\0b": r"a\\x00b: has a control character",
    "a\nb": "has a control character",
}


@pytest.mark.parametrize(("place", "message"), UNUSABLE.items())
def test_every_command_refuses_it_in_one_line_that_names_it(place, message, tmp_path):
    for command, options in (
        (prepare, ["--dataset=pets", f"--input={place}", f"--output={tmp_path}", "--version=1.0.0"]),
        (prepare, ["--dataset=pets", f"--input={tmp_path}", f"--output={place}", "--version=1.0.0"]),
        (validate, [f"--version_dir={place}"]),
        (predict, [f"--model={place}", f"--photos={tmp_path}", f"--output={tmp_path / 'masks'}"]),
        (predict, [f"--model={tmp_path}", f"--photos={place}", f"--output={tmp_path / 'masks'}"]),
    ):
        with pytest.raises(UserError, match=message):
            command(options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "place", ["photos", "/data/ö ü", "~/photos", "gs://bucket", "gs://a.bucket-1/x/{id}", "s3://b"]
)
def test_what_can_be_there_is_taken(place):
    check_location(place)


def test_predictions_are_not_written_through_a_link_into_what_is_read(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "pug_1.jpg").touch()
    (tmp_path / "link").symlink_to("photos")
    places = [f"--photos={tmp_path / 'photos'}", f"--output={tmp_path / 'link' / 'masks'}"]
    with pytest.raises(UserError, match=r"link/masks: lies in .*photos, which is read"):
        predict([f"--model={tmp_path / 'model'}", *places])
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["pug_1.jpg"]
