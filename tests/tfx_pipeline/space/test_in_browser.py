"""Both kinds of Space as a visitor sees them, in headless Chromium."""

import base64
import json
from urllib.parse import urlsplit

import numpy as np
import pytest
import tensorflow as tf
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from schemas.metrics import METRICS, Figure
from schemas.shipped import load_spec
from tests.tfx_pipeline.space.browser import (
    NARROW,
    SEGMENTED,
    choose,
    chromium,
    downloaded_mask,
    file_input,
    needs_chromium,
    needs_npm,
    requested_urls,
    resize,
    text,
    wait,
)
from tests.tfx_pipeline.space.conftest import encoded, photo
from trainer.preprocessing import resize_pixels

KINDS = ["gradio", pytest.param("static", marks=needs_npm)]
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


@pytest.fixture
def opened(browser, open_space):
    """Opens a kind of Space and waits until it takes photos."""

    def open_kind(kind, *model):
        requested_urls(browser)  # forget what earlier pages asked for
        address = open_space(kind, *model)
        browser.get(address)
        wait(browser, lambda: file_input(browser).is_enabled())
        return address

    return open_kind


def save(folder, data):
    path = folder / "photo.jpg"
    path.write_bytes(data)
    return path


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

    mask, name = downloaded_mask(browser, tmp_path / "downloads")
    predict = tf.saved_model.load(str(exported)).signatures["serving_default"]
    answer = predict(image_bytes=tf.constant([data]))
    expected = tf.io.decode_png(answer["mask_bytes"][0])[..., 0].numpy()
    assert mask.shape == expected.shape == (100, 150)
    assert np.mean(mask == expected) >= 0.999
    assert name == "photo_mask.png"
    hosts = {urlsplit(url).netloc for url in requested_urls(browser)}
    assert hosts == {urlsplit(address).netloc}  # no font, script or count is asked of anybody else


@needs_npm
def test_the_page_letterboxes_a_photo_where_the_model_s_were(browser, opened, letterboxed, tmp_path):
    opened("static", letterboxed)
    data = encoded(photo(2, 90, 170))
    choose(browser, save(tmp_path, data))
    wait(browser, lambda: SEGMENTED in text(browser, ".said"))
    mask, _ = downloaded_mask(browser, tmp_path / "downloads")
    answer = tf.saved_model.load(str(letterboxed)).signatures["serving_default"](image_bytes=tf.constant([data]))
    expected = tf.io.decode_png(answer["mask_bytes"][0])[..., 0].numpy()
    assert mask.shape == expected.shape == (170, 90)
    assert np.mean(mask == expected) >= 0.999


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_photo_is_refused_in_words_and_the_next_photo_works(browser, opened, tmp_path, kind):
    opened(kind)
    choose(browser, save(tmp_path, encoded(photo())))
    wait(browser, lambda: SEGMENTED in text(browser, ".said"))
    for data, message in ((b"# not a photo", "This file is not a photo"), (b"one pixel", "1 x 1 pixels")):
        data = encoded(photo(width=1, height=1)) if data == b"one pixel" else data
        choose_again(browser, tmp_path, data)
        wait(browser, lambda message=message: message in text(browser, "body"))
        wait(browser, lambda: text(browser, ".said").startswith("Choose a photo"))  # no stale result under it
    choose_again(browser, tmp_path, encoded(photo(1)))
    wait(browser, lambda: SEGMENTED in text(browser, ".said"))


def choose_again(browser, tmp_path, data):
    """Gradio's component takes a new photo after the old one is taken away."""
    for button in browser.find_elements(By.CSS_SELECTOR, "#photo button[aria-label='Remove Image']"):
        button.click()
    wait(browser, lambda: file_input(browser).is_enabled())
    choose(browser, save(tmp_path, data))


@pytest.mark.parametrize("kind", KINDS)
def test_with_the_keyboard_alone_an_example_is_chosen_and_the_opacity_changed(browser, opened, kind):
    opened(kind)
    browser.find_element(By.TAG_NAME, "body").click()
    press_tab_until(
        browser,
        "is_example",
        "document.activeElement.matches('button, a') && document.activeElement.querySelector('img')",
    )
    press(browser, Keys.ENTER)
    wait(browser, lambda: SEGMENTED in text(browser, ".said"))
    press_tab_until(browser, "is_slider", "document.activeElement.type === 'range'")
    before = browser.switch_to.active_element.get_attribute("value")
    press(browser, Keys.ARROW_RIGHT)
    assert float(browser.switch_to.active_element.get_attribute("value")) > float(before)
    press_tab_until(browser, "is_mask", "/download the mask/i.test(document.activeElement.textContent)")


def press(browser, key):
    ActionChains(browser).send_keys(key).perform()


def press_tab_until(browser, what, condition, most=40):
    for _ in range(most):
        if browser.execute_script(f"return {condition}"):
            return
        press(browser, Keys.TAB)
    raise AssertionError(f"{most} presses of Tab do not reach it: {what}")


@pytest.mark.parametrize("kind", KINDS)
def test_on_a_narrow_screen_nothing_sticks_out(browser, opened, tmp_path, kind):
    resize(browser, NARROW)
    try:
        opened(kind)
        choose(browser, save(tmp_path, encoded(photo(2, 320, 160))))
        wait(browser, lambda: SEGMENTED in text(browser, ".said"))
        assert browser.execute_script("return document.documentElement.scrollWidth") <= NARROW[0]
        right_edges = "return [...document.querySelectorAll('.legend, #result, .details, #mask')].map(e => "
        edges = browser.execute_script(right_edges + "e.getBoundingClientRect().right)")
        assert len(edges) >= 4
        assert max(edges) <= NARROW[0]
    finally:
        resize(browser, (1400, 1000))


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
