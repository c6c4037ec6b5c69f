"""The whole way through with the commands that a person types: draw, prepare, train, evaluate, push, predict."""

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import yaml
from huggingface_hub import snapshot_download
from PIL import Image

from schemas.manifest import read_manifest
from tests.tfx_pipeline.hub.api import WRITE_TOKEN
from tests.tfx_pipeline.hub.server import running_hub
from tests.tfx_pipeline.space.browser import (
    NARROW,
    SEGMENTED,
    choose,
    chromium,
    downloaded_class_ids,
    file_input,
    needs_chromium,
    needs_npm,
    resize,
    screenshot,
    text,
    wait,
)
from tests.tfx_pipeline.space.processes import serving
from tfx_pipeline.hub.contents import write_folder
from tfx_pipeline.space import SpaceSettings, space_files
from tfx_pipeline.space.file_server import file_server

pytestmark = pytest.mark.proof

IMAGE_SIZE = 32
# Beside the one that the push uses, variables that libraries at Google and on the Hub would read.
OTHER_SECRETS = ("HUGGING_FACE_HUB_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN")


def run(*command):
    """What a command says; fails if it fails, or if it shows the token of its environment."""
    ended = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert WRITE_TOKEN not in ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """What one run of all the commands leaves: places, manifest, summary, what was printed, and a Hub on loopback."""
    folder = tmp_path_factory.mktemp("end-to-end")
    with pytest.MonkeyPatch.context() as patch, running_hub() as hub:
        for name in ("HF_TOKEN", *OTHER_SECRETS):
            patch.setenv(name, WRITE_TOKEN)
        patch.setenv("HF_HUB_DISABLE_XET", "1")
        patch.setenv("HF_HOME", str(folder / "cache"))
        yield _run_everything(folder, hub)


def _run_everything(folder, hub):
    photos, version, output = folder / "photos", folder / "data" / "pets" / "1.0.0", folder / "model"
    sizes = ("--min_side=96", "--max_side=160")
    run("tests.sample_data", f"--output={photos}", "--count=48", "--eval_fraction=0.25", "--defects", *sizes)
    places = (f"--input={photos}", f"--output={folder / 'data'}", "--version=1.0.0", "--dataset=pets")
    rejects = "--max_rejected_fraction=0.2"
    run("beam_jobs.prepare", *places, "--split=official", f"--image_size={IMAGE_SIZE}", rejects)
    cat, dog = (sorted((photos / "images").glob(f"{breed}_*.jpg"))[0] for breed in ("Bengal", "pug"))
    training = {"model": "small_unet", "epochs": 2}
    space = {"repo": "acme/pets-demo", "kind": "gradio", "title": "Find the pet", "examples": [str(cat)]}
    config = {
        "name": "end-to-end",
        "data": str(version),
        "output": str(output),
        "training": training,
        "evaluation": {"min_mean_iou": 0.0},
        "hub": {"model_repo": "acme/pets", "endpoint": hub.endpoint, "space": space},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    printed = run("tfx_pipeline.local_runner", f"--config={folder / 'config.yaml'}")
    summary = json.loads((output / "summary.json").read_text())
    return SimpleNamespace(
        hub=hub, manifest=read_manifest(version), summary=summary, printed=printed, photos=(cat, dog), folder=folder
    )


@pytest.mark.slow(180)
def test_from_photos_to_a_pushed_model_that_answers(finished):
    manifest, summary = finished.manifest, finished.summary
    assert (manifest.inputs, manifest.published, manifest.repaired) == (48 + 13, 48 + 6, 5)
    assert summary["blessed"] is True
    assert summary["dataset_manifest_sha256"] == manifest.sha256
    assert set(summary["metrics"]["iou"]) == {"pet", "background", "border"}
    assert 0 < summary["metrics"]["mean_iou"] < 1
    assert summary["metrics"]["slices"]["species"]["cat"]["examples"] > 0
    at_own_size = f"{summary['metrics']['own_size_mean_iou']:.3f}"
    assert re.search(f"^mean IoU at the photos' own size +{at_own_size} ", finished.printed, re.MULTILINE)
    assert f"at the photos&#x27; own size {at_own_size}" in (finished.folder / "model" / "evaluation.html").read_text()
    card = finished.hub.model("acme/pets").head.files["README.md"].content.decode()
    assert f"| mean IoU at the photos' own size | {at_own_size} |" in card
    assert summary["pushed_to"] in finished.printed

    sizes = [Image.open(photo).size for photo in finished.photos]
    for mask, (width, height) in zip(served(finished, *finished.photos), sizes, strict=True):
        assert mask.shape == (height, width)
        assert set(np.unique(mask)) <= {0, 1, 2}


@pytest.mark.slow(180)
def test_both_pieces_of_code_on_the_card_answer_a_photo_with_a_mask_of_its_size(finished, tmp_path):
    width, height = Image.open(finished.photos[0]).size
    saved_model, litert = run_code_of_the_card(finished.hub.model("acme/pets"), finished.photos[0], tmp_path)
    assert saved_model.startswith(f"({height}, {width}) classes: [")
    assert litert.startswith(f"({height}, {width}) classes: [")


@pytest.mark.slow(180)
def test_no_file_and_nothing_that_was_pushed_holds_a_token_of_the_environment(finished):
    """Photos, version, metadata, model, logs, cache, and the repository on the Hub."""
    written = [path for path in finished.folder.rglob("*") if path.is_file()]
    assert {"metadata.sqlite", "manifest.json", "saved_model.pb", "summary.json"} <= {path.name for path in written}
    assert [path for path in written if tells_the_token(path.read_bytes())] == []
    pushed = finished.hub.model("acme/pets").head.files
    assert [name for name, file in pushed.items() if tells_the_token(file.content)] == []


def test_a_token_is_found_however_it_was_written():
    for line in (f"token: {WRITE_TOKEN}", json.dumps({"env": {"HF_TOKEN": WRITE_TOKEN}})):
        data = line.encode()
        forms = (data, line.encode("utf-16-le"), base64.b64encode(data), gzip.compress(data))
        assert [form for form in forms if not tells_the_token(form)] == []
    assert not tells_the_token(b"a photo")


@pytest.mark.slow(180)
@needs_chromium
def test_the_space_that_was_pushed_shows_a_visitor_the_mask_of_the_pushed_model(finished, tmp_path, monkeypatch):
    """Downloaded and started as the Hub would; it fetches the model from the Hub, at the commit that was pushed."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))  # a fresh machine has no model yet
    endpoint = finished.hub.endpoint
    root = Path(snapshot_download("acme/pets-demo", repo_type="space", endpoint=endpoint, local_dir=tmp_path / "space"))
    with serving("app.py", folder=root) as address:
        check_as_a_visitor(address, finished, tmp_path)
    assert finished.hub.asked("HEAD", f"/acme/pets/resolve/{finished.summary['hub']['commit_id']}/model.tflite")


@pytest.mark.slow(180)
@needs_chromium
@needs_npm
def test_a_static_space_of_the_pushed_model_shows_the_same(finished, tmp_path):
    settings = SpaceSettings(
        kind="static",
        model_repo="acme/pets",
        model_commit=finished.summary["hub"]["commit_id"],
        title="Find the pet",
        endpoint=finished.hub.endpoint,
    )
    write_folder(space_files(settings), tmp_path / "space")
    with file_server(tmp_path / "space", "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        check_as_a_visitor(f"http://127.0.0.1:{server.server_port}", finished, tmp_path)
        server.shutdown()


def check_as_a_visitor(address, finished, folder):
    """Uploads a photo in a browser; looks at the figures of the run and at the mask that the page offers."""
    photo = finished.photos[1]
    with chromium() as browser:
        browser.get(address)
        wait(browser, lambda: file_input(browser).is_enabled())
        choose(browser, photo)
        wait(browser, lambda: SEGMENTED in text(browser, ".said"))
        mask = downloaded_class_ids(browser, folder / "downloads")
        details = text(browser, ".details")
        screenshot(browser, folder / "wide.png")
        resize(browser, NARROW)
        screenshot(browser, folder / "narrow.png")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= NARROW[0]
    assert "acme/pets" in details
    assert finished.summary["hub"]["commit_id"][:12] in details
    assert f"{finished.summary['metrics']['mean_iou']:.3f}" in details
    # After two epochs, some pixels are nearly undecided: rounding in another runtime may tip a few.
    assert np.mean(mask == served(finished, photo)[0]) >= 0.99


def tells_the_token(data):
    """Whether bytes hold the token: as it is, as UTF-16, in base64, or compressed."""
    token = WRITE_TOKEN.encode()
    # Base64 of a text inside another differs by where it begins; the middle of each of the three forms stays the same.
    shifted = [base64.b64encode(b"x" * shift + token)[4:-4] for shift in range(3)]
    if data[:2] == b"\x1f\x8b":
        data += gzip.decompress(data)
    return any(form in data for form in (token, WRITE_TOKEN.encode("utf-16-le"), *shifted))


def served(finished, *paths):
    """What the model that Pusher copied answers: class ids of each photo, as large as the photo."""
    model = tf.saved_model.load(finished.summary["pushed_to"])
    answer = model.signatures["serving_default"](image_bytes=tf.constant([path.read_bytes() for path in paths]))
    return [tf.io.decode_png(one)[..., 0].numpy() for one in answer["mask_bytes"]]


def run_code_of_the_card(repository, photo, folder):
    """Runs each block of code in the model card on a photo, in a process of its own; what each printed."""
    card = repository.head.files["README.md"].content.decode()
    blocks = re.findall(r"^```python\n(.*?)^```$", card, re.MULTILINE | re.DOTALL)
    shutil.copy(photo, folder / "photo.jpg")
    environment = os.environ | {"HF_HOME": str(folder / "cache")}
    return [
        subprocess.run(
            [sys.executable, "-c", block], cwd=folder, env=environment, capture_output=True, text=True, check=True
        ).stdout
        for block in blocks
    ]
