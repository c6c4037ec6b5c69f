"""What both apps say of a photo, without a browser: classes, confidence, tiles, files; Python and JavaScript alike."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf

from tests.rooms import PROJECT_DIR
from tests.tfx_pipeline.space.conftest import encoded, photo
from tfx_pipeline.space.local_space import write_local_space
from tfx_pipeline.space.segmentation_app.classes import background_id
from tfx_pipeline.space.segmentation_app.confidence import confidence_in_words, confidence_map
from tfx_pipeline.space.segmentation_app.downloads import downloads
from tfx_pipeline.space.segmentation_app.model import load_segmenter
from tfx_pipeline.space.segmentation_app.photo import read_photo
from tfx_pipeline.space.segmentation_app.rendering import legend_html
from tfx_pipeline.space.segmentation_app.tiling import tile_weights, tiled_logits
from trainer.tiling import predict_tiles

STATIC_APP = PROJECT_DIR / "tfx_pipeline" / "space" / "static_app"
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")


def in_javascript(tmp_path, module, expression):
    """What an expression gives with everything that a module of the static app exports."""
    for path in STATIC_APP.glob("*.js"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    script = f'import * as app from "./{module}"; console.log(JSON.stringify({expression}));'
    (tmp_path / "ask.js").write_text(script)
    command = ["node", str(tmp_path / "ask.js")]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)


def info(*classes, titles=None):
    return {"classes": list(classes), "palette": [[1, 2, 3]] * len(classes)} | ({"titles": titles} if titles else {})


STREETS = [f"class_{number}" for number in range(150)]
BACKGROUNDS = [
    (info("pet", "background", "border"), 1),
    (info("hund", "hintergrund", "rand", titles=["Hund", "Background", "Rand"]), 1),
    (info("no_crack", "crack"), 0),
    (info("sky", "road", "car"), None),
    (info(*STREETS), None),
]


@pytest.mark.parametrize(("of", "expected"), BACKGROUNDS)
def test_the_background_is_the_class_of_that_name_or_the_first_of_two(of, expected):
    assert background_id(of) == expected
    assert ("cutout" in [one.key for one in downloads(of)]) == (expected is not None)


@needs_node
def test_the_app_in_the_browser_finds_the_same_background(tmp_path):
    infos = json.dumps([of for of, _ in BACKGROUNDS])
    found = in_javascript(tmp_path, "classes.js", f"{infos}.map((info) => app.backgroundId(info))")
    assert found == [expected for _, expected in BACKGROUNDS]


def test_the_legend_of_many_classes_lists_those_of_the_photo_the_largest_first():
    shares = dict.fromkeys(STREETS, 0.0) | {"class_7": 0.2, "class_3": 0.5, "class_149": 0.3}
    legend = legend_html(shares, info(*STREETS))
    places = [legend.index(f"</span>{name}</th>") for name in ("class_3", "class_149", "class_7")]
    assert places == sorted(places)
    assert legend.count("<tr>") == 3
    assert "147 other classes are not in this photo." in legend
    assert "<tr>" not in legend_html(None, info(*STREETS))


@needs_node
def test_the_legend_is_the_same_in_the_browser(tmp_path):
    shares = [0.0] * 150
    shares[7], shares[3], shares[149] = 0.2, 0.5, 0.3
    page = "(globalThis.document = {createElement: () => ({set textContent(text) { this.innerHTML = text; }})})"
    call = f"app.legendHtml({json.dumps(shares)}, {json.dumps(info(*STREETS))})"
    shown = in_javascript(tmp_path, "rendering.js", f"{page} && {call}")
    expected = legend_html(dict(zip(STREETS, shares)), info(*STREETS))
    assert "".join(shown.split()) == "".join(expected.split())


def some_logits(height, width, classes):
    return np.random.default_rng(3).normal(0, 3, (height, width, classes)).astype(np.float32)


@pytest.mark.parametrize(("height", "width", "classes"), [(100, 150, 3), (9, 7, 3), (33, 64, 150)])
def test_confidence_is_the_largest_softmax_probability_of_the_enlarged_logits(height, width, classes):
    logits = some_logits(16, 20, classes)
    expected = tf.nn.softmax(tf.image.resize(logits, (height, width))).numpy().max(axis=-1)
    np.testing.assert_allclose(confidence_map(logits, width, height), expected, atol=2e-4)


@needs_node
@pytest.mark.parametrize(("height", "width"), [(30, 45), (9, 7)])
def test_confidence_is_the_same_in_the_browser(tmp_path, height, width):
    logits = some_logits(16, 20, 3)
    values = json.dumps([float(value) for value in logits.ravel()])
    sizes = f"{{height: 16, width: 20}}, 3, {{height: {height}, width: {width}}}"
    call = f"app.confidenceMap(Float32Array.from({values}), {sizes})"
    confidence = confidence_map(logits, width, height)
    words, found = in_javascript(
        tmp_path, "confidence.js", f"((map) => [app.confidenceInWords(map), Array.from(map)])({call})"
    )
    np.testing.assert_allclose(np.reshape(found, (height, width)), confidence, atol=2e-4)
    assert words == confidence_in_words(float(confidence.mean()))


@pytest.mark.parametrize(("mean", "words"), [(0.95, "sure nearly"), (0.8, "unsure in places"), (0.5, "unsure nearly")])
def test_confidence_is_said_in_words(mean, words):
    assert confidence_in_words(mean).startswith(f"Mean confidence {100 * mean:.1f}%: the model is {words}")


def logits_of_place(pixels):
    """Logits that depend on the pixel and on its place in the tile."""
    pixels = np.asarray(pixels)
    place = np.linspace(0, 60, pixels.shape[1], dtype=np.float32)
    return np.stack([pixels[..., 0], pixels[..., 1] + place, pixels[..., 2] + place[:, np.newaxis]], axis=-1)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (20, 40), (65, 64), (150, 211), (1, 130)])
def test_tiles_are_cut_and_blended_as_in_the_exported_model(height, width):
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    found = np.concatenate([band.argmax(axis=-1) for band in tiled_logits(logits_of_place, pixels, 64, 3)])
    model = lambda tile: tf.numpy_function(lambda one: logits_of_place(one), [tile], tf.float32)  # noqa: E731
    expected = predict_tiles(lambda tile: tf.ensure_shape(model(tile), [1, 64, 64, 3]), pixels, 64, 3)
    assert found.shape == (height, width)
    assert np.mean(found == expected.numpy()) > 0.999


@pytest.mark.parametrize("length", [1, 64, 65, 112, 113, 500])
def test_weights_of_tiles_add_up_to_1_everywhere(length):
    weights = tile_weights(length, 64)
    total = np.zeros(48 * (len(weights) - 1) + 64)
    for number, one in enumerate(weights):
        total[48 * number : 48 * number + 64] += one
    assert len(total) >= length
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_a_crop_model_sees_a_photo_at_its_own_size_as_serving_does(tiled, tmp_path):
    write_local_space(tmp_path / "space", tiled, "gradio", "Pets")
    data = encoded(photo())
    result = load_segmenter(tmp_path / "space").segment(read_photo(data))
    signatures = tf.saved_model.load(str(tiled)).signatures
    served = signatures["serving_default"](image_bytes=tf.constant([data]))["mask_bytes"][0]
    expected = tf.io.decode_png(served)[..., 0].numpy()
    assert result.class_ids.shape == result.confidence.shape == (100, 150)
    assert np.mean(result.class_ids == expected) >= 0.999
    assert 1 / 3 <= result.confidence.min() <= result.confidence.max() <= 1
