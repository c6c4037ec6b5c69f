"""The app logs what it answers, as everything else does that answers photos."""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from gradio_client import Client, handle_file

from beam_jobs.predict.command_line import main as predict
from beam_jobs.records.published_records import parse_record
from beam_jobs.records.tfrecord import TFRecordReader
from beam_jobs.served.log_files import KEEPS_NONE, Keeping
from beam_jobs.storage.models import model_digest
from schemas.errors import UserError
from schemas.exported_model import EXTRA_FOLDER
from schemas.fitting import LETTERBOX, STRETCH
from schemas.served import classes_path, is_photo_path
from tests.tfx_pipeline.observed_model import SIZE, export_observed
from tests.tfx_pipeline.space.conftest import encoded, photo
from tests.tfx_pipeline.space.processes import serving
from tfx_pipeline.config.serving_log import VARIABLE, ServingLog
from tfx_pipeline.serving.observer import Observer
from tfx_pipeline.serving.prediction import answered, load_signature
from tfx_pipeline.space.__main__ import main
from tfx_pipeline.space.local_space import write_local_space
from tfx_pipeline.space.segmentation_app import served_log
from tfx_pipeline.space.segmentation_app.model import _load_litert, load_segmenter
from tfx_pipeline.space.segmentation_app.photo import read_photo
from tfx_pipeline.space.segmentation_app.served_log import AnswerLog, open_log


@pytest.fixture(scope="module")
def segmenter(exported, tmp_path_factory):
    space = tmp_path_factory.mktemp("app") / "space"
    write_local_space(space, exported, "gradio", "Pets")
    return load_segmenter(space)


def records_of(folder):
    paths = sorted(folder.rglob("*.tfrecord"))
    return [parse_record(data) for path in paths for data in TFRecordReader(path.open("rb"))]


def logged(segmenter, folder, data, keeping=KEEPS_NONE):
    """The record of the answer to a photo."""
    pixels = read_photo(data)
    with AnswerLog(segmenter, str(folder), keeping) as log:
        log.add(pixels, segmenter.segment(pixels).seen, 0.125)
    (record,) = records_of(folder)
    return record


def photo_of(width):
    return encoded(photo(3, width, SIZE), "PNG")


@pytest.fixture(scope="module")
def log_of_job(observed_model, tmp_path_factory):
    """Gives the log that the prediction job leaves of a photo, from one run for each model, width and runtime."""

    @cache
    def log(fit, width, runtime):
        folder = tmp_path_factory.mktemp("job")
        (folder / "photos").mkdir()
        (folder / "photos" / "one.png").write_bytes(photo_of(width))
        options = {"model": observed_model(fit), "photos": folder / "photos", "output": folder / "out"}
        options |= {"log": folder / "log", "runtime": runtime}
        assert predict([f"--{name}={value}" for name, value in options.items()]) == 0
        return folder / "log"

    return log


@pytest.mark.proof
@pytest.mark.parametrize(("fit", "width"), [(STRETCH, SIZE), (LETTERBOX, SIZE // 2)])
def test_app_endpoint_and_prediction_job_leave_the_same_record_of_the_same_photo(
    observed_model, log_of_job, tmp_path, fit, width
):
    model = observed_model(fit)
    data = photo_of(width)
    space = tmp_path / "space"
    write_local_space(space, model, "gradio", "Pets", runtime="tensorflow")
    app = logged(load_segmenter(space), tmp_path / "app", data)
    endpoint = answered_by_endpoint(model, tmp_path / "endpoint", data)
    predicted = log_of_job(fit, width, "saved_model")
    (job,) = records_of(predicted)
    assert [one.pop("source") for one in (app, endpoint, job)] == [b"app", b"endpoint", b"predict"]
    for one in (app, endpoint, job):
        assert one.pop("time") > 0
        assert one.pop("latency_ms") > 0
        one.pop("client", None)
    expected = {
        name: pytest.approx(value, abs=1e-4) if isinstance(value, float) else value for name, value in job.items()
    }
    assert app == expected
    assert endpoint == expected
    assert job["model"] == model_digest(str(model)).encode()
    assert {"trained_on", "source_width", "mean_entropy", "photo_hash", "feature_hash"} <= set(job)
    path = classes_path(job["model"].decode())
    assert len({(log / path).read_text() for log in (tmp_path / "app", tmp_path / "endpoint", predicted)}) == 1


def answered_by_endpoint(model, folder, data):
    """The record that the serving container leaves of its answer to a photo."""
    outputs = answered(load_signature(str(model), observed=True), [data])
    observer = Observer(str(model), ServingLog(folder=str(folder)))
    observer.observe([data], outputs, 0.25, "shop")
    observer.close()
    (record,) = records_of(folder)
    return record


def test_the_tflite_model_of_the_app_hashes_what_its_encoder_sees_as_the_saved_model_does(observed_model):
    model = observed_model(STRETCH)
    predict_one = _load_litert(model / EXTRA_FOLDER)
    hashes = set()
    saved = tf.saved_model.load(str(model)).signatures["observe_pixels"]
    for seed in range(4):
        pixels = np.asarray(photo(seed, SIZE, SIZE), np.float32)[np.newaxis]
        expected = saved(pixels=tf.constant(pixels))["feature_hashes"].numpy()
        found = np.frombuffer(predict_one(pixels).feature_hash, np.uint8)
        hashes.add(found.tobytes())
        assert np.unpackbits(found ^ expected[0]).sum() <= 2  # of 256 bits: rounding, where a feature is near a plane
    assert len(hashes) > 1


@pytest.mark.proof
def test_the_prediction_job_logs_by_litert_what_it_logs_by_the_saved_model(log_of_job):
    logs = [log_of_job(STRETCH, SIZE, runtime) for runtime in ("saved_model", "litert")]
    by_saved_model, by_litert = records = [one for log in logs for one in records_of(log)]
    hashes = [np.frombuffer(one.pop("feature_hash"), np.uint8) for one in records]
    assert np.unpackbits(hashes[0] ^ hashes[1]).sum() <= 2
    for one in records:
        del one["time"], one["latency_ms"]
    assert by_litert == {
        name: pytest.approx(value, abs=1e-4) if isinstance(value, float) else value
        for name, value in by_saved_model.items()
    }


def test_a_crop_model_s_certainty_is_that_of_its_tiles(tiled, tmp_path):
    space = tmp_path / "space"
    write_local_space(space, tiled, "gradio", "Pets")
    record = logged(load_segmenter(space), tmp_path / "log", encoded(photo(2, 150, 100), "PNG"))
    assert (record["source_width"], record["source_height"]) == (150, 100)
    assert 1 / 3 < record["mean_confidence"] <= 1
    assert record["photo_hash"]


@pytest.mark.proof
def test_the_app_hashes_what_a_crop_model_s_encoder_sees_in_all_tiles_as_the_endpoint_does(tmp_path):
    model = Path(export_observed(tmp_path / "model", crop_size=SIZE, tflite=True))
    apps = {}
    for runtime in ("litert", "tensorflow"):
        write_local_space(tmp_path / runtime, model, "gradio", "Pets", runtime=runtime)
        apps[runtime] = load_segmenter(tmp_path / runtime)
    hashes = set()
    for width, height in ((3 * SIZE + 5, 2 * SIZE), (SIZE - 9, SIZE)):  # of several tiles, and one
        data = encoded(photo(width, width, height), "PNG")
        endpoint = answered_by_endpoint(model, tmp_path / f"endpoint{width}", data)["feature_hash"]
        for runtime, app in apps.items():
            found = logged(app, tmp_path / f"{runtime}{width}", data)["feature_hash"]
            assert len(found) == len(endpoint) == 32
            bits = np.frombuffer(found, np.uint8) ^ np.frombuffer(endpoint, np.uint8)
            assert np.unpackbits(bits).sum() <= 2  # of 256: rounding, where a feature is near a plane
        hashes.add(endpoint)
    assert len(hashes) == 2


def test_a_photo_is_kept_only_where_the_owner_says_for_how_long_and_for_whom(segmenter, tmp_path):
    data = encoded(photo(1))
    assert "photo" not in logged(segmenter, tmp_path / "none", data)
    kept = logged(segmenter, tmp_path / "all", data, Keeping(1.0, 30, "the team"))["photo"].decode()
    assert is_photo_path(kept)
    assert (tmp_path / "all" / kept).is_file()
    with pytest.raises(UserError, match="for how many days, and who"):
        AnswerLog(segmenter, str(tmp_path / "unsaid"), Keeping(0.5))
    assert not (tmp_path / "unsaid").exists()


def test_visitors_are_told_what_is_kept_and_for_how_long(segmenter, tmp_path):
    with AnswerLog(segmenter, str(tmp_path), Keeping(0.1, 30, "the labelling team")) as log:
        assert "10% of the photos" in log.notice
        assert "the labelling team" in log.notice
        assert "30 days" in log.notice
    with AnswerLog(segmenter, str(tmp_path), KEEPS_NONE) as log:
        assert "not the photo" in log.notice


def test_an_answer_does_not_wait_for_the_log_and_those_without_a_record_are_counted(segmenter, tmp_path):
    pixels = read_photo(encoded(photo(1)))
    seen = segmenter.segment(pixels).seen
    with AnswerLog(segmenter, str(tmp_path), KEEPS_NONE) as log:
        for _ in range(200):
            log.add(pixels, seen, 0.1)
    assert log.dropped > 0
    assert len(records_of(tmp_path)) + log.dropped == 200


def test_an_answer_that_cannot_be_measured_or_written_is_said_and_the_app_goes_on(segmenter, tmp_path, capsys):
    pixels = read_photo(encoded(photo(1)))
    seen = segmenter.segment(pixels).seen
    folder = tmp_path / "log"
    with AnswerLog(segmenter, str(folder), KEEPS_NONE) as log:
        log.add(pixels, served_log.Seen(np.zeros((0, 0, 3), np.uint8), seen.class_ids, seen.logits), 0.1)
        (folder / "records").write_text("in the way")
        log.add(pixels, seen, 0.1)
    said = capsys.readouterr().err
    assert said.count("could not be measured") == 1
    assert said.count("can't be written to") == 1


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "{}",
        '{"folder": ""}',
        '{"folder": "served"}',
        '{"folder": "gs://bucket/served"}',
        '{"folder": "/FOLDER", "photos": 0.5}',
        '{"folder": "/FOLDER", "photos": true}',
        '{"folder": "/FOLDER", "photo": 0.5}',
        '{"folder": "/dev/null/served"}',
    ],
)
def test_a_variable_that_cannot_be_used_is_said_and_nothing_is_logged(segmenter, tmp_path, capsys, text):
    variables = {VARIABLE: text.replace("/FOLDER", str(tmp_path / "log"))}
    with open_log(segmenter, variables) as log:
        assert log is None
    assert capsys.readouterr().err.endswith("nothing is logged\n")
    assert not (tmp_path / "log").exists()


def test_a_space_takes_the_variable_that_the_serving_container_takes(segmenter, tmp_path):
    wanted = ServingLog(folder=str(tmp_path), photos=0.25, retention_days=30, readers="the team")
    with open_log(segmenter, wanted.variables()) as log:
        assert "25%" in log.notice
    about = json.loads((tmp_path / "about-app.json").read_text())
    assert (about["photos_kept"], about["retention_days"], about["readers"]) == (0.25, 30, "the team")
    with open_log(segmenter, {}) as log:
        assert log is None


def test_a_log_that_a_browser_would_have_to_write_is_refused(tmp_path, capsys):
    assert main([f"--log={tmp_path}", "--kind=static"]) == 2
    assert "--log: is written by a gradio app" in capsys.readouterr().err


@pytest.mark.proof
def test_the_command_that_people_type_logs_what_programs_ask_of_the_app(exported, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(photo(4), "PNG"))
    command = ("-m", "tfx_pipeline.space", f"--model={exported}", "--port=0", f"--log={tmp_path / 'log'}")
    with serving(*command, environment=os.environ) as address:
        client = Client(address, verbose=False)
        *_, result = client.predict(handle_file(path), api_name="/segment")
    (record,) = records_of(tmp_path / "log")
    for name, share in result["shares"].items():
        assert record[f"{name}_fraction"] == pytest.approx(share, abs=0.02)


def test_a_topic_is_no_folder_that_the_app_logs_in(tmp_path, capsys):
    assert main([f"--model={tmp_path}", "--log=projects/my-project-1/topics/served"]) == 2
    assert "error: --log projects/my-project-1/topics/served: is a topic of Pub/Sub" in capsys.readouterr().err
