"""A candidate beside the served model: what both say of the same photos, and how sure that is."""

import json
import re
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from PIL import Image

from beam_jobs import Shadow
from beam_jobs.predict.command_line import main as predict
from beam_jobs.shadow.terminal import PROMOTE, ROLLBACK
from schemas.bootstrap import fingerprint_of, weights_of
from schemas.metrics import class_iou, confusion_matrix
from tests.beam_jobs.shadow.two_models import CLASSES, answer, photo, shadow, write_photo
from tests.html_pages import Page

PHOTOS = 30
TIMES = "latency_ms"
NO_BACKGROUND = range(25, PHOTOS)  # their photos are dark


def pixels_of(number):
    return photo(number, 160 if number in NO_BACKGROUND else 256)


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """30 photos, and a file that is none."""
    folder = tmp_path_factory.mktemp("shadow") / "photos"
    for number in range(PHOTOS):
        write_photo(folder / f"photo_{number:02d}.png", pixels_of(number))
    (folder / "notes.jpg").write_text("no photo")
    return folder


@pytest.fixture(scope="module")
def compared(models, photos, tmp_path_factory):
    """The output of a run, its outcome, and the lines of its table by id."""
    output = tmp_path_factory.mktemp("compared") / "out"
    assert shadow(models, output, f"--photos={photos}") == 0
    lines = [json.loads(line) for path in output.glob("table/*") for line in path.read_text().splitlines()]
    return output, json.loads((output / "shadow.json").read_text()), {one["id"]: one for one in lines}


def matrices():
    """Of each photo, int64 [N, C, C]: what served and candidate say, by NumPy alone."""
    pairs = ((answer(pixels_of(number), one) for one in ("served", "candidate")) for number in range(PHOTOS))
    return np.stack([confusion_matrix(served, candidate, 3) for served, candidate in pairs])


def interval(values):
    """Of a mean over the photos: what the weighted means of all replicates span."""
    weights = np.stack([weights_of(fingerprint_of(f"photo_{number:02d}".encode())) for number in range(PHOTOS)])
    means = weights.T @ values / weights.sum(axis=0)
    return np.quantile(means, [0.025, 0.975])


def test_agreement_confusion_and_iou_are_those_of_the_two_masks(compared):
    _, outcome, rows = compared
    found = matrices()
    agreement = np.trace(found, axis1=1, axis2=2) / found.sum(axis=(1, 2))
    assert [rows[f"photo_{number:02d}"]["agreement"] for number in range(PHOTOS)] == pytest.approx(agreement, abs=1e-6)
    assert outcome["agreement"]["value"] == pytest.approx(agreement.mean(), abs=1e-5)
    assert [outcome["agreement"][one] for one in ("low", "high")] == pytest.approx(interval(agreement), abs=1e-5)
    assert outcome["confusion"] == found.sum(axis=0).tolist()
    assert [outcome["iou"][name] for name in CLASSES] == pytest.approx(class_iou(found.sum(axis=0)), abs=1e-5)
    assert rows["photo_00"]["iou"]["pet"] == pytest.approx(class_iou(found[0])[0], abs=1e-6)
    assert "background" not in rows["photo_27"]["iou"]  # neither shows it


def test_class_shares_stand_side_by_side_with_the_interval_of_their_difference(compared):
    _, outcome, rows = compared
    found = matrices()
    shares = np.stack([found.sum(axis=2), found.sum(axis=1)], axis=1) / found.sum(axis=(1, 2))[:, None, None]
    assert [outcome["class_shares"][name]["served"] for name in CLASSES] == pytest.approx(shares[:, 0].mean(axis=0))
    pet = outcome["class_shares"]["pet"]["difference"]
    difference = shares[:, 1, 0] - shares[:, 0, 0]
    assert [pet[one] for one in ("low", "high")] == pytest.approx(interval(difference), abs=1e-5)
    assert pet["low"] > 0
    assert outcome["class_shares"]["background"]["difference"] == {"value": 0, "low": 0, "high": 0}
    shown = (shares >= 0.001).mean(axis=0)
    assert [outcome["presence"][name]["candidate"] for name in CLASSES] == pytest.approx(shown[1])
    assert (outcome["vanished"], outcome["new"]) == ([], [])
    assert rows["photo_27"]["share"]["served"].keys() == {"pet", "border"}


def test_each_line_says_how_certain_and_how_fast_both_were(compared):
    _, outcome, rows = compared
    one_hot = np.e / (np.e + 2)  # the toy's logits are 1 and twice 0
    for row in rows.values():
        assert row["confidence"] == pytest.approx({"served": one_hot, "candidate": one_hot}, abs=1e-5)
        assert min(row[TIMES].values()) > 0
    assert outcome["confidence"]["served"] == pytest.approx(one_hot, abs=1e-5)
    assert outcome["confidence"]["difference"]["value"] == 0
    times = [row[TIMES]["candidate"] for row in rows.values()]
    assert outcome[TIMES]["candidate"] == pytest.approx(np.mean(times), rel=0.01)
    assert outcome[TIMES]["ratio"]["low"] <= outcome[TIMES]["ratio"]["high"]


def test_the_masks_are_those_that_predict_writes(compared, models, photos, tmp_path):
    _, outcome, _ = compared
    assert predict([f"--model={models / 'candidate'}", f"--photos={photos}", f"--output={tmp_path / 'out'}"]) == 0
    masks = [np.asarray(Image.open(path)) for path in (tmp_path / "out/masks").iterdir()]
    counts = np.bincount(np.ravel(masks), minlength=3)
    assert np.sum(outcome["confusion"], axis=0).tolist() == counts.tolist()


def test_the_page_begins_with_lights_and_shows_the_photos_of_least_agreement_first(compared):
    output, outcome, rows = compared
    text = (output / "shadow.html").read_text()
    page = Page(text)
    assert page.classes("a")[:4] == [f"light {one}" for one in ("look", "look", "good", "good")]
    for words in (
        "only labels say which",
        "border -",
        "30 photos, 1 rejected",
        PROMOTE,
        ROLLBACK,
    ):
        assert words in page.text
    images = [one["class"] for tag, one in page.elements if tag == "image"]
    assert images == ["photo", "truth", "predicted", "difference"] * 24
    captions = re.findall(r"(photo_\d\d)\n: ([\d.]+) % agree", page.text)
    agreements = sorted((row["agreement"], image_id) for image_id, row in rows.items())
    assert captions == [(image_id, f"{100 * value:.1f}") for value, image_id in agreements[:24]]
    assert outcome["least_agreement"][0]["id"] == agreements[0][1]
    [dialog] = [one for tag, one in page.elements if tag == "dialog"]
    assert json.loads(dialog["data-words"])["missed"] == "only served"


def test_the_transform_gives_the_same_outcome_but_for_the_times(compared, models, photos, tmp_path):
    output, outcome, _ = compared
    seen = []
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        both = str(models / "served"), str(models / "candidate")
        found = pipeline | Shadow(*both, output=str(tmp_path / "again"), photos=str(photos))
        _ = found | beam.Map(lambda one: one["agreement"]) | beam.Map(seen.append)
    again = json.loads((tmp_path / "again/shadow.json").read_text())
    assert {**again, TIMES: None} == {**outcome, TIMES: None}
    for path in output.glob("rejected/*"):
        assert (tmp_path / "again/rejected" / path.name).read_bytes() == path.read_bytes()


def test_a_folder_without_a_usable_photo_fails_and_leaves_no_page(models, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/notes.jpg").write_text("no photo")
    assert shadow(models, tmp_path / "out", f"--photos={tmp_path / 'photos'}") == 1
    assert "error: no photo was compared: all 1 were rejected" in capsys.readouterr().err
    assert not (tmp_path / "out/shadow.html").exists()
