"""The pictures of `evaluation.html`."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from schemas.colors import ignored_color
from schemas.features import IGNORE_ID
from schemas.manifest import read_manifest
from tests.html_pages import Page
from tests.schemas.test_colors import CAMVID_SKY, rainbow, spec_with
from tfx_pipeline.evaluation.class_sections import SHOWN_CONFUSIONS
from tfx_pipeline.evaluation.eval_predictions import Prediction, Predictions
from tfx_pipeline.evaluation.example_sections import SHOWN_CLASSES, example_sections
from tfx_pipeline.evaluation.page import write_evaluation_report
from tfx_pipeline.evaluation.prediction_sheet import _legend_entries
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics
from tfx_pipeline.evaluation.slice_sections import slice_sections


@pytest.mark.parametrize("colors", [rainbow(80), [CAMVID_SKY, "#800000"]], ids=["80 classes", "a grey class"])
def test_every_pixel_has_the_colour_of_its_class_and_ignored_ones_that_of_none(toy_version, tmp_path, colors):
    spec = spec_with(*colors)
    count = len(colors)
    predicted = (np.arange(96 * 96, dtype=np.int64).reshape(96, 96) % count).astype(np.uint8)
    truth = predicted.copy()
    truth[:9] = IGNORE_ID
    photo = np.zeros((96, 96, 3), np.uint8)
    overall = SliceMetrics(1, {"mean_iou": 1.0, "iou": dict.fromkeys(spec.class_names, 1.0)})
    evaluation = Evaluation(overall, {}, confusion_matrix=tuple((1,) * count for _ in range(count)))
    path = tmp_path / "evaluation.html"
    one = Prediction("one", photo, truth, predicted, 1.0)
    predictions = Predictions(1, worst=[one], best=[], sample=[one])
    write_evaluation_report(path, evaluation, "source", read_manifest(toy_version), spec, predictions)
    pictures = re.findall(r'class="(truth|predicted)" href="data:image/png;base64,([^"]+)"', path.read_text())
    shown = {what: np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")) for what, data in pictures}
    palette = np.array(spec.palette, np.uint8)
    np.testing.assert_array_equal(shown["predicted"], palette[predicted])
    np.testing.assert_array_equal(shown["truth"][9:], palette[truth[9:]])
    assert (shown["truth"][:9] == ignored_color(spec.palette)).all()
    assert ignored_color(spec.palette) not in spec.palette


def test_a_caption_shows_the_photo_s_name_as_written_where_the_id_is_derived(toy_version, tmp_path):
    spec = spec_with("#000000", "#ffffff")
    flat = np.zeros((8, 8), np.uint8)
    overall = SliceMetrics(1, {"mean_iou": 1.0, "iou": dict.fromkeys(spec.class_names, 1.0)})
    one = Prediction("b~2FIMG~201", np.zeros((8, 8, 3), np.uint8), flat, flat, 1.0)
    path = tmp_path / "evaluation.html"
    predictions = Predictions(1, worst=[one], best=[], sample=[one])
    evaluation = Evaluation(overall, {}, confusion_matrix=((1, 0), (0, 1)))
    write_evaluation_report(path, evaluation, "source", read_manifest(toy_version), spec, predictions)
    text = path.read_text()
    name = '<a href="#worst-1"><span title="id b~2FIMG~201">b/IMG 1</span></a>'
    assert f"<figcaption>{name} - mean IoU 1.00</figcaption>" in text
    assert 'aria-label="b/IMG 1: photo, truth and prediction"' in text


def test_a_legend_names_the_classes_that_are_shown_and_no_others():
    spec = spec_with(*rainbow(150))
    shown = np.array([[3, 7], [7, 149]], np.uint8)
    photo = np.zeros((2, 2, 3), np.uint8)
    [(_, _, content), *_] = example_sections(
        Predictions(1, [Prediction("one", photo, shown, shown, 1.0)], [], []), spec
    )
    assert re.findall(r"class_[0-9]+(?=</li>)", content) == ["class_3", "class_7", "class_149"]
    names = [name for name, *_ in _legend_entries(spec, 1200, {3, 7, 149, IGNORE_ID})]
    assert names == ["class_3", "class_7", "class_149", "ignored"]


def test_a_page_of_150_classes_is_no_wider_than_the_largest_confusions_and_repeats_no_picture(toy_version, tmp_path):
    spec = spec_with(*rainbow(150))
    random = np.random.default_rng(0)
    matrix = random.integers(0, 1000, (150, 150))
    overall = SliceMetrics(1, {"mean_iou": 0.5, "iou": dict.fromkeys(spec.class_names, 0.5)})
    values = {f"city_{number}": SliceMetrics(number, {"mean_iou": number / 1000}) for number in range(500)}
    evaluation = Evaluation(overall, {"city": values}, confusion_matrix=tuple(map(tuple, matrix.tolist())))
    one = Prediction("one", random.integers(0, 255, (320, 320, 3), np.uint8), *[np.eye(9, dtype=np.uint8)] * 2, 1.0)
    path = tmp_path / "evaluation.html"
    of_class = [[replace(one, iou=0.1)]] * 150
    write_evaluation_report(
        path, evaluation, "", read_manifest(toy_version), spec, Predictions(1, [one], [one], [], of_class)
    )
    text = path.read_text()
    page = Page(text)
    assert text.count("data:image/jpeg") == 1
    assert page.classes("figure").count("view") == 1 + 1 + SHOWN_CLASSES
    confusion = text[text.index('id="confusion"') : text.index('id="worst"')]
    assert confusion.count("<tr") == 1 + SHOWN_CONFUSIONS
    shares = [int(one.replace(",", "")) for one in re.findall(r'data-order="[0-9]+">([0-9,]+)<', confusion)]
    off_diagonal = sorted(matrix[~np.eye(150, dtype=bool)].tolist(), reverse=True)
    assert shares == off_diagonal[:SHOWN_CONFUSIONS]


def test_slices_of_few_images_are_grey_and_come_last():
    values = {name: SliceMetrics(count, {"mean_iou": iou}) for name, count, iou in (("a", 30, 0.9), ("b", 3, 0.1))}
    overall = SliceMetrics(33, {"mean_iou": 0.5})
    [(anchor, heading, content)] = slice_sections(Evaluation(overall, {"city": values}))
    assert (anchor, heading) == ("slice-city", "By city")
    rows = re.findall(r'<tr( class="few")?><th scope="row">(.)</th>', content)
    assert rows == [("", "a"), (' class="few"', "b")]
