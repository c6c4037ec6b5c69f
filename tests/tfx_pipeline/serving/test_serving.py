"""The serving container's own server, asked as Vertex AI asks: health until the model is there, then photos."""

import base64
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

from tests.tfx_pipeline.conftest import png_bytes
from tests.tfx_pipeline.deploy.trigger.test_trigger import served
from tests.tfx_pipeline.serving.servers import answering, ask, running_container
from tests.tfx_pipeline.toy_trainer import CLASS_COLORS, ToyModel
from tfx_pipeline.evaluation.served_masks import decode_mask
from tfx_pipeline.serving.prediction import load_signature
from tfx_pipeline.serving.service import Served, create_app

SIZE = 32


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    toy = ToyModel(SIZE, moved_rows=0)
    tf.saved_model.save(toy, str(folder), signatures={"serving_default": toy.serve})
    return folder


@pytest.fixture
def address(saved_model):
    with answering(lambda: Served(load_signature(str(saved_model)))) as address:
        yield address


def photo(columns: int) -> dict:
    """An instance: the left columns are pet, the others background."""
    class_ids = np.ones((SIZE, SIZE), np.uint8)
    class_ids[:, :columns] = 0
    return encoded(png_bytes(np.array(CLASS_COLORS, np.uint8)[class_ids]))


def encoded(file: bytes) -> dict:
    """A file as an instance holds it."""
    return {"b64": base64.b64encode(file).decode()}


def test_each_photo_of_a_request_is_answered_with_its_mask(address):
    status, answer = ask(f"{address}predict", {"instances": [{"image_bytes": photo(8)}, photo(24)], "parameters": {}})
    assert status == 200
    masks = np.array([one["class_ids"] for one in answer["predictions"]])
    assert masks.shape == (2, SIZE, SIZE)
    files = [base64.b64decode(one["mask_bytes"]["b64"]) for one in answer["predictions"]]
    np.testing.assert_array_equal([decode_mask(file) for file in files], masks)
    assert [(mask == 0).all(axis=0).sum() for mask in masks] == [8, 24]


def test_the_service_listens_before_the_model_is_there_and_says_so():
    go_on, loaded = threading.Event(), threading.Event()

    def load():
        go_on.wait(60)
        loaded.set()
        return Served("a model")

    with served(create_app(load)) as address:
        assert ask(f"{address}health") == (503, {"state": "loading"})
        assert ask(f"{address}predict", {"instances": [photo(8)]})[0] == 503
        go_on.set()
        assert loaded.wait(60)
        while (answer := ask(f"{address}health"))[0] == 503:  # from the end of the loading to its being kept
            pass
        assert answer == (200, {"state": "ready"})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"no JSON", "the request is not JSON"),
        (b"[" * 100_000, "the request is not JSON"),
        ([1], 'give {"instances": [...]}'),
        ({}, "instances: give a list"),
        ({"instances": []}, "instances: give a list"),
        ({"instances": [7]}, 'instances[0]: give {"image_bytes"'),
        ({"instances": [{"b64": "?"}]}, "instances[0]: b64 is not valid base64"),
        ({"instances": [encoded(b"no photo")]}, "instances: not all are photos"),
    ],
)
def test_a_request_that_cannot_be_answered_is_refused_with_the_reason(address, body, error):
    status, answer = ask(f"{address}predict", body)
    assert status == 400
    assert answer["error"].startswith(error)


def test_a_request_that_is_too_large_is_refused(address):
    assert ask(f"{address}predict", b"x" * (13 << 20))[0] == 413


@pytest.mark.proof
def test_the_container_serves_where_vertex_ai_expects_it(saved_model):
    variables = {"AIP_STORAGE_URI": str(saved_model), "AIP_HEALTH_ROUTE": "/ok"}
    with running_container(variables=variables, health="/ok") as (address, _):
        status, answer = ask(f"{address}/predict", {"instances": [photo(8)]})
        assert (status, len(answer["predictions"])) == (200, 1)


@pytest.mark.proof
def test_a_model_that_cannot_be_loaded_ends_the_container_with_the_reason(tmp_path):
    command = [sys.executable, "-m", "tfx_pipeline.serving", f"--model={tmp_path}"]
    variables = {"AIP_HTTP_PORT": "0"}
    ended = subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    assert str(tmp_path) in ended.stderr
