"""Predictions in the log of what is served."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from beam_jobs.codec.luma import luma_statistics
from beam_jobs.predict.command_line import main
from beam_jobs.records.published_records import parse_record
from beam_jobs.records.tfrecord import TFRecordReader
from beam_jobs.storage.models import model_digest
from schemas.errors import UserError
from tests.beam_jobs.jobs import prepare
from tests.beam_jobs.pictures import encode, gradient
from tests.beam_jobs.toy_model import SIZE, export


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return export(tmp_path_factory.mktemp("exported") / "model", manifest_sha256="d" * 64)


def records_of(log: Path) -> list[dict]:
    return [parse_record(data) for path in sorted(log.rglob("*.tfrecord")) for data in TFRecordReader(path.open("rb"))]


def test_each_prediction_leaves_a_record_and_the_share_of_the_photos_that_is_asked_for(model, tmp_path):
    photos, log = tmp_path / "mine", tmp_path / "log"
    photos.mkdir()
    (photos / "wide.jpg").write_bytes(encode(gradient(90, 40), "JPEG", quality=95))
    (photos / "tall.png").write_bytes(encode(gradient(40, 120), "PNG"))
    command = [f"--model={model}", f"--photos={photos}", f"--output={tmp_path / 'out'}", f"--log={log}"]
    assert main([*command, "--log_photos=1"]) == 0
    found = {(one["source_width"], one["source_height"]): one for one in records_of(log)}
    assert set(found) == {(90, 40), (40, 120)}
    wide = found[90, 40]
    assert (wide["source"], wide["model"]) == (b"predict", model_digest(str(model)).encode())
    assert wide["trained_on"] == b"d" * 64
    assert wide["latency_ms"] > 0
    assert wide["pet_fraction"] + wide["background_fraction"] + wide["border_fraction"] == pytest.approx(1)
    shrunk = luma_statistics(gradient(90, 40).resize((SIZE, SIZE), Image.Resampling.BOX))
    assert (wide["brightness"], wide["contrast"]) == pytest.approx(shrunk, abs=0.02)
    assert "mean_confidence" in wide  # of the logits; this model has no hash of its features
    assert "client" not in wide
    with Image.open(log / wide["photo"].decode()) as kept:
        assert np.abs(np.asarray(kept, int) - np.asarray(gradient(90, 40), int)).mean() < 4


def test_records_of_a_version_name_their_split_to_compare_what_is_served_with_eval(model, photos, tmp_path):
    assert prepare(photos, tmp_path / "data") == 0
    version, log = tmp_path / "data" / "pets" / "1.0.0", tmp_path / "log"
    assert main([f"--model={model}", f"--version_dir={version}", f"--output={tmp_path / 'out'}", f"--log={log}"]) == 0
    splits = [one["client"] for one in records_of(log)]
    assert {split: splits.count(split) for split in set(splits)} == {b"train": 32, b"eval": 8}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--log_photos=0.5"], "--log_photos: keeps photos in a log; give --log=DIR"),
        (["--log={log}", "--log_photos=2"], "--log_photos 2: must be from 0 to 1"),
        (["--log=projects/my-project-1/topics/served"], "topics/served: is a topic of Pub/Sub, which only an endpoint"),
        (["--log={photos}/log"], "--log {photos}/log: lies in --photos {photos}, which is read"),
        (["--log={photos}/wide.jpg/log"], "lies in"),
        (["--log={tmp}/file/log"], "log {tmp}/file/log: can't be written to"),
    ],
)
def test_a_log_that_cannot_be_used_is_refused_before_anything_is_predicted(model, tmp_path, options, error):
    photos = tmp_path / "mine"
    photos.mkdir()
    (photos / "wide.jpg").write_bytes(encode(gradient(90, 40), "JPEG"))
    (tmp_path / "file").write_text("")
    names = {"log": tmp_path / "log", "photos": photos, "tmp": tmp_path}
    command = [f"--model={model}", f"--photos={photos}", f"--output={tmp_path / 'out'}"]
    with pytest.raises(UserError) as refused:
        main([*command, *(one.format(**names) for one in options)])
    assert error.format(**names) in str(refused.value)
    assert not (tmp_path / "out").exists()
