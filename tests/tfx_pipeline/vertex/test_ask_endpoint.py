"""Asking for masks: an endpoint on loopback that answers with an exported model, and the same model on this machine."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from schemas.errors import UserError
from schemas.spec import load_spec
from tests.tfx_pipeline.toy_trainer import CLASS_COLORS, ToyModel
from tests.tfx_pipeline.vertex.test_pusher import push_model
from tfx_pipeline import ask_endpoint
from tfx_pipeline.vertex.predictor import LIMIT_BYTES, DeployedModel, fitting

__all__ = ["push_model"]
SIZE = 32


@pytest.fixture(scope="module")
def model(stage):
    """The toy model, exported into a bucket."""
    folder = stage.buckets.of_uri("gs://rehearsal-bucket/models/7")
    toy = ToyModel(SIZE, moved_rows=0)
    tf.saved_model.save(toy, str(folder), signatures={"serving_default": toy.serve})
    return folder


@pytest.fixture
def endpoint(model, push_model):
    push_model(7)


@pytest.fixture
def photos(tmp_path):
    """Three photos of the toy's colours: the left columns are pet, the right ones background."""
    paths = []
    for number, columns in enumerate((8, 16, 24)):
        class_ids = np.ones((SIZE, SIZE), np.uint8)
        class_ids[:, :columns] = 0
        paths.append(tmp_path / f"photo_{number}.png")
        Image.fromarray(np.array(CLASS_COLORS, np.uint8)[class_ids]).save(paths[-1])
    return paths


@pytest.fixture
def ask(write_cloud_config, tmp_path):
    def run(*arguments: object) -> int:
        return ask_endpoint.main([f"--output={tmp_path / 'answers'}", *map(str, arguments)])

    return run


def columns_of_pet(path) -> int:
    """Number of columns of class 0 in a mask file."""
    return int((np.asarray(Image.open(path)) == 0).all(axis=0).sum())


def test_a_deployed_model_answers_each_photo_with_its_mask(endpoint, ask, photos, write_cloud_config, tmp_path, capsys):
    assert ask(f"--config={write_cloud_config()}", *photos) == 0
    answers = tmp_path / "answers"
    assert [columns_of_pet(answers / f"photo_{number}_mask.png") for number in range(3)] == [8, 16, 24]
    out = capsys.readouterr().out
    assert "photo_1: pet 50%, background 50%, border 0%" in out
    assert "3 photos in" in out
    assert "2 requests" in out  # the first photo alone, then all others
    assert "ms" in out


def test_a_model_on_this_machine_answers_alike(model, ask, photos, tmp_path, capsys):
    assert ask(f"--model={model}", photos[0]) == 0
    assert columns_of_pet(tmp_path / "answers" / "photo_0_mask.png") == 8
    assert "model loaded in" in capsys.readouterr().out


def test_an_overlay_lays_the_classes_colours_over_the_photo(model, ask, photos, tmp_path):
    ask(f"--model={model}", photos[0])
    overlay = np.asarray(Image.open(tmp_path / "answers" / "photo_0_overlay.png"), float)
    palette = load_spec("pets").palette
    for column, class_id in ((0, 0), (SIZE - 1, 1)):
        expected = (np.array(CLASS_COLORS[class_id]) + np.array(palette[class_id])) / 2
        assert np.abs(overlay[0, column] - expected).max() <= 1


def test_a_photo_that_is_too_large_for_a_request_is_made_smaller():
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format="PNG")
    assert len(buffer.getvalue()) > LIMIT_BYTES
    smaller = fitting(buffer.getvalue(), noise)
    assert len(smaller) * 4 / 3 < LIMIT_BYTES
    assert Image.open(io.BytesIO(smaller)).width > 400


def test_a_photo_of_a_format_that_the_model_does_not_read_is_sent_as_jpeg():
    pixels = np.zeros((40, 50, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="WEBP")
    sent = Image.open(io.BytesIO(fitting(buffer.getvalue(), pixels)))
    assert (sent.format, sent.size) == ("JPEG", (50, 40))


def test_many_photos_go_in_requests_that_the_service_accepts(endpoint, stage, cloud_config):
    generator = np.random.default_rng(0)
    photos = []
    for _ in range(5):
        buffer = io.BytesIO()
        # Noise beside the pixels that are looked at: half a megabyte each, so that two fit into a request.
        noise = generator.integers(0, 256, (400, 400, 3), np.uint8)
        Image.fromarray(noise).save(buffer, format="PNG")
        photos.append(buffer.getvalue())
    resized = [tf.io.encode_png(tf.zeros([SIZE, SIZE, 3], tf.uint8)).numpy() + photo for photo in photos]
    masks = list(DeployedModel(cloud_config.cloud).class_ids(resized))
    assert [mask.shape for mask in masks] == [(SIZE, SIZE)] * 5
    batches = [len(call.request["instances"]) for call in stage.service.calls if call.method == "Predict"]
    assert batches == [1, 2, 2]


def test_an_endpoint_that_is_not_there_is_named(stage, cloud_config, push_model):
    with pytest.raises(UserError, match=r"project rehearsal-project has no endpoint 'pets' in europe-west4"):
        DeployedModel(cloud_config.cloud)


def test_a_file_that_is_no_photo_is_named(ask, model, tmp_path):
    (tmp_path / "text.jpg").write_text("no photo")
    with pytest.raises(UserError, match=r"text\.jpg: This file is not a photo"):
        ask(f"--model={model}", tmp_path / "text.jpg")


def test_a_missing_file_is_named(ask, model, tmp_path):
    with pytest.raises(UserError, match=r"absent\.jpg: no such file"):
        ask(f"--model={model}", tmp_path / "absent.jpg")


def test_photos_of_the_same_name_are_refused(ask, model, photos, tmp_path):
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / photos[0].name
    twin.write_bytes(photos[0].read_bytes())
    with pytest.raises(UserError, match="photos of the same name: photo_0"):
        ask(f"--model={model}", photos[0], twin)


def test_a_folder_without_a_model_is_refused(ask, photos, tmp_path):
    with pytest.raises(UserError, match=r"no SavedModel; give a folder with saved_model\.pb"):
        ask(f"--model={tmp_path}", photos[0])
