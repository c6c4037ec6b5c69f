import base64
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import keras
import numpy as np
import pytest
import tensorflow as tf

from schemas.exported_model import INFO_PATH, read_model_info
from schemas.metrics import confusion_matrix
from schemas.photo_range import PhotoSpec, level_table
from schemas.shipped import load_spec
from tests import png_writer
from tests.trainer.conftest import draw, png, record, record_of, small_network
from tests.trainer.rest_server import rest_server
from trainer.averaging import Averaging
from trainer.boundaries import batch_boundary_counts
from trainer.config import TrainingConfig
from trainer.export import export_model, write_model_info
from trainer.export_tflite import export_tflite
from trainer.models import build_model
from trainer.preprocessing import resize_pixels, scale_pixels

pytestmark = pytest.mark.slow

SIZE, CLASSES = 64, 3
PHOTO_RANGE = (0, 4095)  # of photos of 16 bits
CONFIG = TrainingConfig(model="small_unet")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model in memory and the folder and signatures of its export."""
    folder = str(tmp_path_factory.mktemp("export") / "model")
    model = small_network(SIZE, CLASSES)
    export_model(model, SIZE, CLASSES, folder, photo_range=PHOTO_RANGE)
    loaded = tf.saved_model.load(folder)
    return SimpleNamespace(model=model, folder=folder, loaded=loaded, signatures=loaded.signatures)


@pytest.fixture(scope="module")
def photos():
    return np.stack([draw(index, SIZE)[0] for index in range(3)])


def test_pixels_give_the_logits_of_the_model_in_memory(exported, photos):
    outputs = exported.signatures["predict_pixels"](tf.constant(photos, tf.float32))
    np.testing.assert_allclose(outputs["logits"], exported.model(scale_pixels(photos)), atol=1e-2)
    np.testing.assert_array_equal(outputs["class_ids"], np.argmax(outputs["logits"], axis=-1))
    assert outputs["class_ids"].dtype == tf.uint8


def test_image_bytes_give_the_same_class_ids_as_their_pixels(exported, photos):
    from_bytes = exported.signatures["serving_default"](tf.constant([png(photo) for photo in photos]))
    from_pixels = exported.signatures["predict_pixels"](tf.constant(photos, tf.float32))
    np.testing.assert_array_equal(from_bytes["class_ids"], from_pixels["class_ids"])


def test_photos_of_different_sizes_and_formats_are_served_in_one_request(exported):
    wide = draw(0, 150)[0][:100]
    files = [png(wide), tf.io.encode_jpeg(draw(1, 90)[0]).numpy(), png(draw(2, SIZE)[0][..., 0])]
    class_ids = exported.signatures["serving_default"](tf.constant(files))["class_ids"]
    assert class_ids.shape == (3, SIZE, SIZE)
    squashed = exported.signatures["predict_pixels"](resize_pixels(wide, SIZE)[tf.newaxis])["class_ids"]
    np.testing.assert_array_equal(class_ids[0], squashed[0])


def test_masks_have_the_size_of_their_photos_and_the_class_of_the_largest_enlarged_logit(exported):
    wide, small = draw(0, 150)[0][:100], draw(1, 48)[0]
    masks = exported.signatures["serving_default"](tf.constant([png(wide), png(small)]))["mask_bytes"]
    for photo, mask in zip((wide, small), masks):
        logits = exported.signatures["predict_pixels"](resize_pixels(photo, SIZE)[tf.newaxis])["logits"][0]
        expected = np.argmax(tf.image.resize(logits, photo.shape[:2]), axis=-1)
        assert np.mean(tf.io.decode_png(mask)[..., 0] == expected) > 0.999


@pytest.mark.proof
def test_a_model_of_a_rectangle_is_exported_evaluated_and_converted_like_one_of_a_square(tmp_path):
    keras.utils.set_random_seed(0)
    config = TrainingConfig(model="small_unet")
    model = build_model(config, "96x64", CLASSES)
    export_model(model, "96x64", CLASSES, str(tmp_path / "model"))
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    photo, mask = (one[:64] for one in draw(0, 96))
    answer = signatures["serving_default"](tf.constant([png(draw(0, 120)[0][:90])]))
    assert answer["class_ids"].shape == (1, 64, 96)
    assert tf.io.decode_png(answer["mask_bytes"][0]).shape == (90, 120, 1)
    predicted = signatures["predict_pixels"](tf.constant(photo[np.newaxis], tf.float32))["class_ids"][0]
    counted = signatures["evaluate"](tf.constant([record_of(photo, mask)]))["confusion_matrix"]
    np.testing.assert_array_equal(counted[0], confusion_matrix(mask, predicted.numpy(), CLASSES).ravel())
    shard = str(tmp_path / "shard")
    with tf.io.TFRecordWriter(shard) as writer:
        writer.write(record_of(photo, mask))
    assert "model.tflite" in export_tflite(str(tmp_path / "model"), [shard])  # refused where it answers otherwise


def ask(address, instances, **fields):
    body = json.dumps({"instances": instances, **fields}).encode()
    try:
        with urlopen(Request(address, body, {"Content-Type": "application/json"})) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def test_a_rest_request_with_photos_of_different_sizes_is_answered_in_one_batch(exported):
    files = [png(draw(0, 150)[0][:100]), tf.io.encode_jpeg(draw(1, 90)[0]).numpy(), png(draw(2, SIZE)[0])]
    encoded = [{"b64": base64.b64encode(file).decode()} for file in files]
    with rest_server(exported.loaded) as address:
        status, answer = ask(address, [{"image_bytes": one} for one in encoded])
        assert (status, ask(address, encoded)) == (200, (200, answer))  # the one input's name may be left out
        outputs = exported.signatures["serving_default"](tf.constant(files))
        expected, answered = outputs["class_ids"], answer["predictions"]
        np.testing.assert_array_equal([one["class_ids"] for one in answered], expected)
        masks = [base64.b64decode(one["mask_bytes"]["b64"]) for one in answered]
        assert masks == outputs["mask_bytes"].numpy().tolist()

        pixels = draw(2, SIZE)[0][np.newaxis]
        status, answer = ask(address, pixels.tolist(), signature_name="predict_pixels")
        assert (status, set(answer["predictions"][0])) == (200, {"class_ids", "logits"})
        np.testing.assert_array_equal(answer["predictions"][0]["class_ids"], expected[2])

        status, answer = ask(address, [{"image_bytes": {"b64": base64.b64encode(b"no photo").decode()}}])
        assert (status, "Unknown image file format" in answer["error"]) == (400, True)


def test_the_evaluation_matrices_equal_those_counted_from_class_ids(exported, photos):
    outputs = exported.signatures["evaluate"](tf.constant([record(index, SIZE) for index in range(3)]))
    predicted = exported.signatures["predict_pixels"](tf.constant(photos, tf.float32))["class_ids"].numpy()
    truth = np.stack([draw(index, SIZE)[1] for index in range(3)])
    expected = np.zeros((3, CLASSES, CLASSES), np.int64)
    np.add.at(expected, (np.arange(3)[:, None, None], truth, predicted), 1)
    np.testing.assert_array_equal(outputs["confusion_matrix"], expected.reshape(3, CLASSES**2))
    boundaries = batch_boundary_counts(tf.constant(truth), tf.constant(predicted), CLASSES)
    np.testing.assert_array_equal(outputs["boundary_counts"], tf.reshape(boundaries, [3, -1]))
    assert len(set(outputs["fingerprint"].numpy())) == 3


def test_ignored_pixels_are_not_judged(exported, photos):
    rows = SIZE // 4
    outputs = exported.signatures["evaluate"](tf.constant([record(index, SIZE, rows) for index in range(3)]))
    predicted = exported.signatures["predict_pixels"](tf.constant(photos, tf.float32))["class_ids"].numpy()
    truth = np.stack([draw(index, SIZE)[1] for index in range(3)])
    expected = [confusion_matrix(truth[n, :-rows], predicted[n, :-rows], CLASSES).ravel() for n in range(3)]
    np.testing.assert_array_equal(outputs["confusion_matrix"], expected)
    assert set(outputs["confusion_matrix"].numpy().sum(axis=1)) == {SIZE * (SIZE - rows)}


def test_a_model_that_averages_mirrored_photos_answers_a_mirrored_photo_with_the_mirrored_answer(photos, tmp_path):
    folder = str(tmp_path / "model")
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(CLASSES, 3, padding="same")])
    export_model(model, SIZE, CLASSES, folder, averaging=Averaging(mirrored=True), photo_range=PHOTO_RANGE)
    predict = tf.saved_model.load(folder).signatures["predict_pixels"]
    logits = predict(tf.constant(photos, tf.float32))["logits"]
    mirrored = predict(tf.constant(photos[:, :, ::-1], tf.float32))["logits"]
    np.testing.assert_allclose(logits, mirrored[:, :, ::-1], atol=1e-4)
    plain = model(scale_pixels(photos)).numpy()
    assert not np.allclose(logits, plain, atol=1e-3)


def test_the_weights_are_stored_once(exported):
    parameters = exported.model.count_params()
    stored = sum(file.stat().st_size for file in Path(exported.folder, "variables").iterdir())
    assert 4 * parameters <= stored < 4.4 * parameters


def test_the_model_info_says_what_the_model_is(exported):
    spec = load_spec("pets")
    write_model_info(exported.folder, spec, SIZE, "0" * 64, CONFIG, source_sha256="1" * 64)
    with tf.io.gfile.GFile(f"{exported.folder}/{INFO_PATH}") as file:
        info = json.load(file)
    assert info["classes"] == ["pet", "background", "border"]
    assert [tuple(color) for color in info["palette"]] == list(spec.palette)
    assert (info["dataset"], info["image_size"], info["manifest_sha256"]) == ("pets", SIZE, "0" * 64)
    assert (info["source_sha256"], info["tflite"]) == ("1" * 64, None)
    assert TrainingConfig(**info["training"]) == CONFIG
    assert info["data"]["title"] == spec.title
    assert not info["data"]["drawn"]
    assert info["encoder_weights_sha256"] is None


def test_photos_of_16_bits_are_read_by_the_range_that_the_model_was_trained_with(exported, tmp_path):
    spec = load_spec("pets").model_copy(update={"photos": PhotoSpec(range=PHOTO_RANGE)})
    write_model_info(str(tmp_path), spec, SIZE, "0" * 64, CONFIG, source_sha256="1" * 64)
    assert read_model_info(tmp_path / INFO_PATH).photo_range == PHOTO_RANGE
    samples = np.random.default_rng(0).integers(0, 4200, (SIZE, SIZE, 3), np.uint16)
    deep = png_writer.png(samples, png_writer.RGB, 16)
    mapped = png_writer.png(level_table(PHOTO_RANGE)[samples], png_writer.RGB, 8)
    answers = exported.signatures["serving_default"](tf.constant([deep, mapped]))["class_ids"].numpy()
    np.testing.assert_array_equal(answers[0], answers[1])


def test_the_model_info_has_the_digest_of_the_weights_that_the_encoder_began_with(tmp_path):
    weights = tmp_path / "w.h5"
    weights.write_bytes(b"weights")
    config = CONFIG.model_copy(update={"encoder_weights": str(weights)})
    write_model_info(str(tmp_path), load_spec("pets"), SIZE, "0" * 64, config, source_sha256="1" * 64)
    info = json.loads((tmp_path / INFO_PATH).read_text())
    assert info["encoder_weights_sha256"] == hashlib.sha256(b"weights").hexdigest()
