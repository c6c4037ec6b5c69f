"""Asking for masks: an endpoint on loopback that answers with an exported model, and the same model on this machine."""

import io
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from schemas.errors import UserError
from schemas.exported_model import INFO_PATH
from tests.tfx_pipeline.toy_trainer import CLASS_COLORS, ToyModel
from tests.tfx_pipeline.vertex.test_pusher import push_model
from tfx_pipeline import ask_endpoint
from tfx_pipeline.vertex.predictor import DEDICATED_LIMIT_BYTES, SHARED_LIMIT_BYTES, DeployedModel, fitting
from tfx_pipeline.vertex.rehearsal.gate import VERTEX_PERMISSIONS

__all__ = ["push_model"]
SIZE = 32


INFO = {
    "dataset": "cows",
    "classes": ["cow", "meadow", "fence"],
    "palette": [[200, 10, 10], [10, 200, 10], [10, 10, 200]],
    "image_size": SIZE,
}


@pytest.fixture
def model(stage):
    """The toy model, exported into a bucket, with classes of its own."""
    folder = stage.buckets.of_uri("gs://rehearsal-bucket/models/7")
    if not folder.exists():
        toy = ToyModel(SIZE, moved_rows=0)
        tf.saved_model.save(toy, str(folder), signatures={"serving_default": toy.serve})
    write_info(folder, **INFO)
    return folder


def write_info(folder, **values):
    (folder / INFO_PATH).parent.mkdir(exist_ok=True)
    (folder / INFO_PATH).write_text(json.dumps(values))


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
    assert "photo_1: cow 50%, meadow 50%, fence 0%" in out
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
    palette = INFO["palette"]
    for column, class_id in ((0, 0), (SIZE - 1, 1)):
        expected = (np.array(CLASS_COLORS[class_id]) + np.array(palette[class_id])) / 2
        assert np.abs(overlay[0, column] - expected).max() <= 1


def test_a_webp_photo_is_answered_like_a_png_of_the_same_pixels(model, ask, photos, tmp_path):
    Image.open(photos[0]).save(tmp_path / "photo.webp", lossless=True)
    assert ask(f"--model={model}", tmp_path / "photo.webp") == 0
    assert columns_of_pet(tmp_path / "answers" / "photo_mask.png") == 8


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "zero bytes"),
        (b"%PDF-1.7", "not a JPEG, PNG, GIF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "could not create decoder"),
    ],
)
def test_a_file_that_is_not_a_photo_is_named(model, ask, tmp_path, content, problem):
    (tmp_path / "photo.jpg").write_bytes(content)
    with pytest.raises(UserError, match=rf"photo\.jpg: .*{problem}"):
        ask(f"--model={model}", tmp_path / "photo.jpg")


def test_a_model_that_says_nothing_of_its_classes_needs_a_data_set_and_that_is_said(model, ask, photos, capsys):
    (model / INFO_PATH).unlink()
    with pytest.raises(UserError, match=r"does not name its classes: .*model_info\.json: missing; give --dataset=NAME"):
        ask(f"--model={model}", photos[0])
    assert ask(f"--model={model}", "--dataset=pets", photos[0]) == 0
    out = capsys.readouterr().out
    assert "Note: classes are taken from --dataset=pets; the model does not name them: " in out
    assert "photo_0: pet 25%, background 75%, border 0%" in out


def test_a_deployed_model_that_says_nothing_is_named(endpoint, model, ask, photos, write_cloud_config, capsys):
    (model / INFO_PATH).unlink()
    with pytest.raises(UserError, match=r"gs://rehearsal-bucket/models/7/assets\.extra/model_info\.json: missing"):
        ask(f"--config={write_cloud_config()}", photos[0])


def test_a_data_set_never_renames_what_the_model_names(model, ask, photos, capsys):
    assert ask(f"--model={model}", "--dataset=pets", photos[0]) == 0
    out = capsys.readouterr().out
    assert "--dataset=pets is ignored" in out
    assert "photo_0: cow 25%" in out


def test_models_of_other_classes_that_share_the_traffic_are_not_named_after_one(
    model, ask, photos, push_model, stage, write_cloud_config
):
    other = stage.buckets.of_uri("gs://rehearsal-bucket/models/8")
    shutil.copytree(model, other, dirs_exist_ok=True)
    write_info(other, **INFO | {"classes": ["meadow", "cow", "fence"]})
    push_model(7)
    push_model(8, traffic_percentage=10)
    with pytest.raises(UserError, match=r"models with different classes share the traffic: .*@1, .*@2"):
        ask(f"--config={write_cloud_config()}", photos[0])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"classes": ["cow", "cow", "fence"]}, "names must differ"),
        ({"palette": [[0, 0, 0]]}, "1 colours for 3 classes"),
        ({"classes": ["cow", "meadow"], "palette": [[0, 0, 0], [9, 9, 9]]}, "has class 2, but the model names 2"),
        ({"classes": ["<b>", "meadow", "fence"]}, "classes.0: String should match"),
    ],
)
def test_a_model_that_contradicts_itself_is_refused(model, ask, tmp_path, change, problem):
    class_ids = np.full((SIZE, SIZE), 2)
    Image.fromarray(np.array(CLASS_COLORS, np.uint8)[class_ids]).save(tmp_path / "photo.png")
    write_info(model, **INFO | change)
    with pytest.raises(UserError, match=problem):
        ask(f"--model={model}", tmp_path / "photo.png")


def test_a_photo_that_is_too_large_for_a_request_is_made_smaller():
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format="PNG")
    photo = buffer.getvalue()
    assert SHARED_LIMIT_BYTES < len(photo) < DEDICATED_LIMIT_BYTES / 2
    assert fitting(photo, noise, DEDICATED_LIMIT_BYTES) == (photo, "")
    smaller, change = fitting(photo, noise, SHARED_LIMIT_BYTES)
    assert len(smaller) * 4 / 3 < SHARED_LIMIT_BYTES
    assert Image.open(io.BytesIO(smaller)).width > 400
    assert change.startswith("sent as ")
    assert "do not fit into a request of 1,500,000" in change


def test_a_photo_of_a_format_that_the_model_does_not_read_is_sent_as_jpeg():
    pixels = np.zeros((40, 50, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="WEBP")
    sent = Image.open(io.BytesIO(fitting(buffer.getvalue(), pixels, SHARED_LIMIT_BYTES).photo))
    assert (sent.format, sent.size) == ("JPEG", (50, 40))


def test_a_photo_that_was_made_smaller_is_named(model, push_model, ask, write_cloud_config, tmp_path, capsys):
    push_model(7, dedicated=False)
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    with pytest.raises(UserError, match="not all are photos"):  # the toy model reads one size alone
        ask(f"--config={write_cloud_config()}", tmp_path / "large.png")
    assert "Note: large: sent as " in capsys.readouterr().out


@pytest.mark.parametrize(("dedicated", "expected"), [(True, [1, 4]), (False, [1, 2, 2])])
def test_many_photos_go_in_requests_that_the_service_accepts(
    model, push_model, stage, cloud_config, dedicated, expected
):
    push_model(7, dedicated=dedicated)
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
    assert batches == expected


def test_a_dedicated_endpoint_that_refuses_says_why(endpoint, stage, cloud_config, monkeypatch):
    monkeypatch.setattr(stage.gate, "access", stage.gate.access.without("deployer", "roles/aiplatform.user"))
    monkeypatch.setitem(VERTEX_PERMISSIONS, "ListEndpoints", "dataflow.jobs.get")
    monkeypatch.setitem(VERTEX_PERMISSIONS, "GetEndpoint", "dataflow.jobs.get")
    with pytest.raises(UserError, match=r"the endpoint refuses: .*403.*aiplatform\.endpoints\.predict"):
        list(DeployedModel(cloud_config.cloud).class_ids([b"\xff\xd8"]))


def test_an_endpoint_that_is_not_there_is_named(stage, cloud_config, push_model):
    with pytest.raises(UserError, match=r"project rehearsal-project has no endpoint 'pets' in europe-west4"):
        DeployedModel(cloud_config.cloud)


def test_a_missing_file_is_named(ask, model, tmp_path):
    with pytest.raises(UserError, match=r"absent\.jpg: no such file"):
        ask(f"--model={model}", tmp_path / "absent.jpg")


@pytest.mark.parametrize("change", [str, str.upper])  # the second: one name where capital letters do not count
def test_photos_of_the_same_name_are_refused(ask, model, photos, tmp_path, change):
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / change(photos[0].name)
    twin.write_bytes(photos[0].read_bytes())
    with pytest.raises(UserError, match=r"photos of the same name: .*photo_0"):
        ask(f"--model={model}", photos[0], twin)


def test_a_folder_without_a_model_is_refused(ask, photos, tmp_path):
    with pytest.raises(UserError, match=r"no SavedModel; give a folder with saved_model\.pb"):
        ask(f"--model={tmp_path}", photos[0])


def test_a_mask_of_the_users_beside_the_photo_is_not_replaced(ask, model, photos):
    mine = photos[0].with_name(f"{photos[0].stem}_mask.png")
    mine.write_text("mine")
    with pytest.raises(UserError, match=r"--output .*: holds files, and nothing says that .*ask_endpoint made it"):
        ask(f"--model={model}", f"--output={photos[0].parent}", photos[0])
    assert mine.read_text() == "mine"


def test_earlier_answers_are_replaced(ask, model, photos, tmp_path):
    for _ in range(2):
        assert ask(f"--model={model}", photos[0]) == 0
    assert (tmp_path / "answers" / "photo_0_mask.png").is_file()


def test_a_damaged_model_is_named(ask, photos, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(UserError, match=f"{tmp_path}: the model can't be loaded"):
        ask(f"--model={tmp_path}", photos[0])


def test_a_path_that_the_system_does_not_take_is_named(ask, model, photos):
    for arguments in ((f"--model={model}", "n" * 300), (f"--model={'n' * 300}", photos[0])):
        with pytest.raises(UserError, match="nnn: can't be used"):
            ask(*arguments)
