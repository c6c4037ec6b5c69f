"""Both kinds of Space as a visitor sees them, in headless Chromium."""

import base64
import json
from urllib.parse import urlsplit

import numpy as np
import pytest
import tensorflow as tf
from selenium.webdriver.common.by import By

from schemas.metrics import METRICS, Figure
from schemas.shipped import load_spec
from tests.tfx_pipeline.space.browser import (
    NARROW,
    SEGMENTED,
    choose,
    downloaded_class_ids,
    needs_chromium,
    needs_npm,
    requested_urls,
    resize,
    text,
    wait,
)
from tests.tfx_pipeline.space.conftest import encoded, photo, save
from trainer.preprocessing import resize_pixels

KINDS = ["gradio", pytest.param("static", marks=needs_npm)]
pytestmark = [needs_chromium, pytest.mark.proof, pytest.mark.slow(40)]


def segmented(browser, folder, data):
    """Class ids uint8 [H, W] that the open page answers a photo with."""
    choose(browser, save(folder, data))
    wait(browser, lambda: SEGMENTED in text(browser, ".said"))
    return downloaded_class_ids(browser, folder / "downloads")


def served(model, data):
    """Class ids uint8 [H, W] that the exported model answers a photo with."""
    answer = tf.saved_model.load(str(model)).signatures["serving_default"](image_bytes=tf.constant([data]))
    return tf.io.decode_png(answer["mask_bytes"][0])[..., 0].numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_an_uploaded_photo_is_shown_with_its_classes_their_shares_and_the_mask_of_serving(
    browser, opened, exported, tmp_path, kind
):
    address = opened(kind)
    data = encoded(photo())
    choose(browser, save(tmp_path, data))
    wait(browser, lambda: SEGMENTED in text(browser, ".said"))
    assert "150 × 100 pixels" in text(browser, ".said")
    figures = [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, ".legend .figure")]
    assert sum(float(figure.rstrip("%")) for figure in figures) == pytest.approx(100, abs=0.2)
    details = text(browser, ".details")
    for metric in METRICS:
        value = ", ".join(f"{name} 0.250" for name in load_spec("pets").class_names) if metric.per_class else "0.750"
        assert value in details.partition(Figure(metric).title)[2]

    mask = downloaded_class_ids(browser, tmp_path / "downloads")
    expected = served(exported, data)
    assert mask.shape == expected.shape == (100, 150)
    assert np.mean(mask == expected) >= 0.999
    assert [path.name for path in (tmp_path / "downloads").iterdir()] == ["photo_class_ids.png"]
    hosts = {urlsplit(url).netloc for url in requested_urls(browser)}
    assert hosts == {urlsplit(address).netloc}  # no font, script or count is asked of anybody else


@needs_npm
def test_the_page_letterboxes_a_photo_where_the_model_s_were(browser, opened, letterboxed, tmp_path):
    opened("static", letterboxed)
    data = encoded(photo(2, 90, 170))
    mask, expected = segmented(browser, tmp_path, data), served(letterboxed, data)
    assert mask.shape == expected.shape == (170, 90)
    assert np.mean(mask == expected) >= 0.999


@pytest.mark.parametrize("kind", KINDS)
def test_on_a_narrow_screen_nothing_sticks_out(browser, opened, tmp_path, kind):
    resize(browser, NARROW)
    try:
        opened(kind)
        choose(browser, save(tmp_path, encoded(photo(2, 320, 160))))
        wait(browser, lambda: SEGMENTED in text(browser, ".said"))
        assert browser.execute_script("return document.documentElement.scrollWidth") <= NARROW[0]
        places = ".legend, #result, .comparison, .details, #downloads button, #next, #messages"
        right_edges = f"return [...document.querySelectorAll('{places}')].map(e => "
        edges = browser.execute_script(right_edges + "e.getBoundingClientRect().right)")
        assert len(edges) >= 10
        assert max(edges) <= NARROW[0]
    finally:
        resize(browser, (1400, 1000))


@needs_npm
def test_the_page_predicts_by_tiles_where_the_model_was_trained_on_crops(browser, opened, tiled, tmp_path):
    opened("static", tiled)
    data = encoded(photo(1, 170, 230))
    assert np.mean(segmented(browser, tmp_path, data) == served(tiled, data)) >= 0.999
    assert "tiles of 64 × 64 pixels" in text(browser, ".details")


@needs_npm
def test_the_page_in_the_browser_runs_no_script_but_its_own(browser, opened):
    opened("static")
    browser.execute_script("""
      window.violations = [];
      document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
      document.body.insertAdjacentHTML("beforeend", '<img src="none" onerror="window.ran = 1">');
      const script = document.createElement("script");
      script.textContent = "window.ran = 2";
      document.body.append(script);
    """)
    wait(browser, lambda: len(browser.execute_script("return window.violations")) == 2)
    assert browser.execute_script("return window.ran") is None


@needs_npm
@pytest.mark.parametrize(("height", "width"), [(100, 150), (33, 65), (16, 16), (64, 64), (375, 500)])
def test_javascript_resizes_as_training_does(browser, opened, height, width):
    opened("static")
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 4), np.uint8)
    script = """
      const [text, width, height, size, done] = arguments;
      const { resizePixels } = await import(new URL("resizing.js", location.href));
      const rgba = Uint8ClampedArray.from(atob(text), (letter) => letter.charCodeAt(0));
      done(JSON.stringify(Array.from(resizePixels(rgba, width, height, size))));
    """
    text = base64.b64encode(pixels.tobytes()).decode()
    script = f"(async () => {{{script}}}).apply(null, arguments)"
    resized = json.loads(browser.execute_async_script(script, text, width, height, 48))
    expected = resize_pixels(pixels[..., :3], 48).numpy()
    np.testing.assert_allclose(np.reshape(resized, (48, 48, 3)), expected, atol=2e-3)
