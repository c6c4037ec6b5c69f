"""What the serving container logs of its answers."""

import json

import numpy as np
import pytest
import tensorflow as tf

from beam_jobs.elements import SourceFile
from beam_jobs.predict.model import SegmentationModel, read_model_info
from beam_jobs.predict.reading import ready_photo
from beam_jobs.records.published_records import parse_record
from beam_jobs.records.tfrecord import TFRecordReader
from beam_jobs.served.measures import measured
from beam_jobs.storage.models import model_digest
from schemas.errors import UserError
from schemas.exported_model import INFO_PATH
from schemas.fitting import LETTERBOX, STRETCH
from schemas.shipped import load_spec
from tests.beam_jobs.served.pubsub_service import TOPIC
from tests.tfx_pipeline.conftest import png_bytes
from tests.tfx_pipeline.observed_model import SIZE, TRAINED_ON, export_observed
from tests.tfx_pipeline.serving.servers import answering, ask
from tests.tfx_pipeline.serving.test_serving import encoded
from tests.tfx_pipeline.toy_trainer import ToyModel
from tfx_pipeline.config.serving_log import VARIABLE, ServingLog
from tfx_pipeline.serving.observer import Observer
from tfx_pipeline.serving.prediction import load_signature
from tfx_pipeline.serving.service import Served
from trainer.config import TrainingConfig
from trainer.export import write_model_info

PETS = load_spec("pets")


@pytest.fixture(scope="module")
def plain_model(tmp_path_factory):
    """A model that was exported before there was a log."""
    folder = str(tmp_path_factory.mktemp("model"))
    toy = ToyModel(SIZE, moved_rows=0)
    tf.saved_model.save(toy, folder, signatures={"serving_default": toy.serve})
    write_model_info(folder, PETS, SIZE, TRAINED_ON, TrainingConfig(), "1" * 64)
    return folder


def photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def logged(model, log, *requests, signature=None):
    """The answers to some requests to the container, and the records that it leaves."""

    def load():
        loaded = signature or load_signature(model, observed=True)
        return Served(loaded, Observer(model, ServingLog(folder=str(log))))

    with answering(load) as address:
        answers = [ask(f"{address}predict", request) for request in requests]
    paths = sorted(log.rglob("*.tfrecord"))
    return answers, [parse_record(data) for path in paths for data in TFRecordReader(path.open("rb"))]


def test_each_answered_photo_has_a_record_of_what_the_model_saw_and_said(observed_model, tmp_path):
    model = str(observed_model(STRETCH))
    photos = [photo(48, 80), photo(SIZE, SIZE, 1)]
    request = {"instances": [encoded(png_bytes(one)) for one in photos], "parameters": {"client": "shop"}}
    signature = load_signature(model, observed=True)
    ((status, answer),), records = logged(model, tmp_path / "log", request, signature=signature)
    assert status == 200
    assert set(answer["predictions"][0]) == {"class_ids", "mask_bytes"}  # and nothing of what is logged
    assert [(one["source_height"], one["source_width"]) for one in records] == [(48, 80), (SIZE, SIZE)]
    assert {one["client"] for one in records} == {b"shop"}
    assert {one["source"] for one in records} == {b"endpoint"}
    assert {one["model"] for one in records} == {model_digest(model).encode()}
    assert {one["trained_on"] for one in records} == {TRAINED_ON.encode()}
    outputs = signature(image_bytes=tf.constant([png_bytes(photos[1])]))
    logits = outputs["logits"][0].numpy()
    expected = measured(photos[1], np.argmax(logits, axis=-1), PETS.class_names, (SIZE, SIZE), logits)
    for name, value in expected.items():
        assert records[1][name] == (pytest.approx(value, abs=1e-4) if isinstance(value, float) else value), name
    assert records[1]["feature_hash"] == outputs["feature_hashes"][0].numpy().tobytes()
    assert all(one["latency_ms"] > 0 for one in records)


@pytest.mark.proof
def test_a_crop_model_leaves_the_record_that_the_prediction_job_leaves_of_the_same_photo(tmp_path):
    folder = export_observed(tmp_path / "model", crop_size=SIZE)
    sent = png_bytes(photo(70, 90))
    _, (record,) = logged(folder, tmp_path / "log", {"instances": [encoded(sent)]})
    info = read_model_info(folder)
    handler = SegmentationModel(folder, info, measures=True)
    ready = ready_photo("one", SourceFile("one.png", len(sent)), sent, info)
    (predicted,) = handler.run_inference([ready], handler.load_model())
    assert {"mean_confidence", "mean_entropy", "uncertain_share", "feature_hash", "photo_hash"} <= set(record)
    for name, value in predicted.values.items():
        if name != "latency_ms":
            assert record[name] == (pytest.approx(value, abs=1e-4) if isinstance(value, float) else value), name


@pytest.mark.proof
def test_what_pads_a_photo_is_not_measured(observed_model, tmp_path):
    letterboxed = str(observed_model(LETTERBOX))
    bright = np.full((SIZE // 2, SIZE, 3), 255, np.uint8)
    bright[::2] = 251
    _, (record,) = logged(letterboxed, tmp_path / "log", {"instances": [encoded(png_bytes(bright))]})
    assert record["brightness"] > 0.97


def test_a_model_without_the_signature_is_logged_by_its_masks(plain_model, tmp_path):
    pet = np.full((SIZE, SIZE, 3), (200, 40, 40), np.uint8)
    pet[: SIZE // 4] = (40, 40, 200)
    _, (record,) = logged(plain_model, tmp_path, {"instances": [encoded(png_bytes(pet))]})
    assert (record["pet_fraction"], record["background_fraction"]) == (0.75, 0.25)
    assert {"mean_confidence", "feature_hash"}.isdisjoint(record)


def test_a_refused_request_leaves_no_record(plain_model, tmp_path):
    ((status, _),), records = logged(plain_model, tmp_path, {"instances": [encoded(b"no photo")]})
    assert (status, records) == (400, [])


def test_photos_are_kept_where_the_configuration_says_so(plain_model, tmp_path):
    kept = ServingLog(folder=str(tmp_path), photos=1, retention_days=30, readers="the labelling team")
    observer = Observer(plain_model, kept)
    sent = png_bytes(photo(SIZE, SIZE))
    signature = load_signature(plain_model, observed=True)
    outputs = {name: value.numpy() for name, value in signature(image_bytes=tf.constant([sent])).items()}
    observer.observe([sent], outputs, 0.1, "")
    observer.close()
    assert len(list(tmp_path.rglob("*.jpg"))) == 1


def test_an_answer_that_cannot_be_measured_is_said_once(plain_model, tmp_path, capsys):
    observer = Observer(plain_model, ServingLog(folder=str(tmp_path)))
    observer.observe([b"no photo", b"neither"], {"class_ids": np.zeros((2, SIZE, SIZE), np.uint8)}, 0.1, "")
    observer.close()
    assert capsys.readouterr().err.count("could not be measured") == 1


def test_the_container_is_given_what_the_configuration_says():
    log = ServingLog(folder="gs://bucket/served", photos=0.01, retention_days=30, readers="the team")
    assert ServingLog.from_variables(log.variables()) == log
    assert ServingLog.from_variables({}) is None
    assert json.loads(ServingLog(folder="gs://bucket/served/").variables()[VARIABLE]) == {
        "folder": "gs://bucket/served"
    }
    assert json.loads(ServingLog(topic=TOPIC).variables()[VARIABLE]) == {"topic": TOPIC}


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "{}",
        '{"folder": "log", "photos": 0.5}',
        '{"folder": ""}',
        '{"folder": "gs://"}',
        '{"folder": "pubsub://served"}',
        f'{{"folder": "{TOPIC}"}}',
        '{"topic": "served"}',
        '{"topic": "projects/my-project-1/topics/größe"}',
        '{"topic": "projects/my-project-1/subscriptions/served"}',
        f'{{"topic": "{TOPIC}", "photos": 0.5, "retention_days": 1, "readers": "all"}}',
    ],
)
def test_an_environment_that_cannot_be_used_is_refused(text):
    with pytest.raises(UserError, match=VARIABLE):
        ServingLog.from_variables({VARIABLE: text})


def test_a_model_that_names_no_classes_is_not_logged(tmp_path):
    with pytest.raises(UserError, match=INFO_PATH):
        Observer(str(tmp_path), ServingLog(folder=str(tmp_path / "log")))
