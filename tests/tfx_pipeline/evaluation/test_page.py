"""The pictures of `evaluation.html`."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from schemas.colors import ignored_color
from schemas.features import IGNORE_ID
from schemas.manifest import read_manifest
from tests.schemas.test_colors import CAMVID_SKY, rainbow, spec_with
from tfx_pipeline.evaluation.eval_predictions import Prediction, Predictions
from tfx_pipeline.evaluation.page import write_evaluation_report
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics


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
