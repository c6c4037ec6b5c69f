"""What visitors do with both kinds of Space, in headless Chromium: compare, look at confidence, save, and go on."""

import json
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from schemas.shipped import load_spec
from tests.tfx_pipeline.space.browser import SEGMENTED, choose, downloaded, needs_chromium, needs_npm, text, wait
from tests.tfx_pipeline.space.conftest import encoded, photo, save
from tfx_pipeline.space.segmentation_app.photo import read_photo

KINDS = ["gradio", pytest.param("static", marks=needs_npm)]
BLACK = Image.new("RGB", (150, 100))
PALETTE = np.array(load_spec("pets").palette, np.uint8)
BACKGROUND = load_spec("pets").class_names.index("background")
every_kind = pytest.mark.parametrize("kind", KINDS)
pytestmark = [needs_chromium, pytest.mark.proof, pytest.mark.slow(60)]


def segmented(browser, path):
    choose(browser, path)
    wait(browser, lambda: SEGMENTED in text(browser, ".said"))


@every_kind
def test_a_visitor_saves_class_ids_colours_overlay_and_cut_out_as_large_as_the_photo(browser, opened, tmp_path, kind):
    opened(kind)
    black_stripe = photo()
    black_stripe.paste((0, 0, 0), (0, 0, 150, 20))
    data = encoded(black_stripe, quality=95)
    segmented(browser, save(tmp_path, data))
    keys = ("class-ids", "mask", "overlay", "cutout")
    paths = [downloaded(browser, key, tmp_path / key) for key in keys]
    names = ["photo_class_ids.png", "photo_mask.png", "photo_overlay.jpg", "photo_cutout.png"]
    assert [path.name for path in paths] == names
    ids, mask, overlay, cutout = (Image.open(path) for path in paths)
    assert (ids.mode, cutout.mode) == ("L", "RGBA")
    ids, pixels = np.asarray(ids), read_photo(data)
    np.testing.assert_array_equal(np.asarray(mask.convert("RGB")), PALETTE[ids])
    is_background = ids == BACKGROUND
    assert is_background[:15].all()
    assert not is_background.all()
    blended = np.where(is_background[..., np.newaxis], pixels, pixels * 0.4 + PALETTE[ids] * 0.6)
    assert np.abs(np.asarray(overlay, float) - blended).mean() < 6  # JPEG blurs edges of colour
    cut = np.asarray(cutout)
    np.testing.assert_array_equal(cut[..., 3], np.where(is_background, 0, 255))
    np.testing.assert_array_equal(cut[..., :3], np.where(is_background[..., np.newaxis], 0, pixels))


@every_kind
def test_a_visitor_sees_how_sure_the_model_is_and_is_told_the_mean(browser, opened, tmp_path, kind):
    opened(kind)
    segmented(browser, save(tmp_path, encoded(photo())))
    assert "Mean confidence" in text(browser, ".said")
    assert "Nothing found" not in text(browser, ".said")
    layers = [browser.find_element(By.CSS_SELECTOR, f".comparison .{name}") for name in ("classes", "confidence")]
    assert [layer.is_displayed() for layer in layers] == [True, False]
    browser.find_elements(By.CSS_SELECTOR, "#view label")[1].click()
    wait(browser, lambda: [layer.is_displayed() for layer in layers] == [False, True])
    assert text(browser, ".scale").split() == ["unsure,", "33%", "sure,", "100%"]


@every_kind
def test_a_photo_of_nothing_but_background_is_said_in_words(browser, opened, tmp_path, kind):
    opened(kind)
    segmented(browser, save(tmp_path, encoded(BLACK)))
    assert "Nothing found: the whole photo is background." in text(browser, ".said")
    assert "Mean confidence 100.0%" in text(browser, ".said")


@every_kind
def test_the_page_says_that_it_is_busy_before_it_has_a_result(browser, opened, tmp_path, kind):
    opened(kind)
    browser.execute_script("""
      window.seen = [];
      const place = document.querySelector(".said");
      const look = () => seen.push([place.textContent, document.querySelector("#drop")?.innerText ?? ""]);
      new MutationObserver(look).observe(place.parentElement, {childList: true, subtree: true, characterData: true});
    """)
    segmented(browser, save(tmp_path, encoded(photo())))
    said, hints = zip(*browser.execute_script("return window.seen"))
    first = "Uploading the photo." if kind == "gradio" else "Reading photo.jpg."
    busy = next(index for index, one in enumerate(said) if one.startswith("Segmenting the photo"))
    assert said[0] == first
    assert 0 < busy < len(said) - 1
    assert SEGMENTED in said[-1]
    assert not [hint for hint in hints if "Drop a photo here" in hint]


@every_kind
def test_a_file_that_cannot_be_used_is_refused_where_it_was_dropped_and_the_next_photo_works(
    browser, opened, tmp_path, kind
):
    opened(kind)
    segmented(browser, save(tmp_path, encoded(photo())))
    remedies = {
        b"# not a photo": "This file is not a photo. Choose a JPEG, PNG, GIF or WebP file.",
        encoded(photo(width=1, height=1)): "1 x 1 pixels. Each side needs at least 16. Choose a larger one.",
        encoded(photo())[:900]: "This photo is damaged or ends too early. Choose another one.",
        bytes(40_000_001): "This file is too large: the limit is 40 MB. Save it smaller, or choose another one.",
    }
    for data, words in remedies.items():
        choose(browser, save(tmp_path, data))
        wait(browser, lambda words=words: words in text(browser, ".refused"))
    places = [browser.find_element(By.ID, name).rect for name in ("photo" if kind == "gradio" else "drop", "messages")]
    [above, messages] = places
    assert above["x"] <= messages["x"] < above["x"] + above["width"]
    assert 0 <= messages["y"] - (above["y"] + above["height"]) < 50
    assert not browser.find_elements(By.CSS_SELECTOR, ".toast-body")
    assert browser.find_element(By.CSS_SELECTOR, ".refused").get_attribute("role") == "alert"
    segmented(browser, save(tmp_path, encoded(photo(1))))
    assert text(browser, ".refused") == ""


@every_kind
def test_after_a_photo_a_button_leads_to_the_next_one(browser, opened, tmp_path, kind):
    opened(kind)
    assert not [one for one in browser.find_elements(By.ID, "next") if one.is_displayed()]
    segmented(browser, save(tmp_path, encoded(photo())))
    button = browser.find_element(By.ID, "next")
    assert (button.text, button.is_displayed()) == ("Choose another photo", True)
    chooser = []
    browser.execute_cdp_cmd("Page.setInterceptFileChooserDialog", {"enabled": True})
    try:
        button.click()
        wait(browser, lambda: chooser.extend(opened_choosers(browser)) or chooser)
        path = save(tmp_path, encoded(photo(1, 90, 120)))
        browser.execute_cdp_cmd("DOM.setFileInputFiles", {"files": [str(path)], "backendNodeId": chooser[0]})
        wait(browser, lambda: "90 × 120 pixels" in text(browser, ".said"))
    finally:
        browser.execute_cdp_cmd("Page.setInterceptFileChooserDialog", {"enabled": False})


def opened_choosers(browser):
    """The inputs whose dialog the page has opened since the log was read."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [one["params"]["backendNodeId"] for one in messages if one["method"] == "Page.fileChooserOpened"]


@every_kind
def test_with_the_keyboard_alone_an_example_is_chosen_compared_seen_and_saved(browser, opened, kind):
    opened(kind)
    browser.find_element(By.TAG_NAME, "body").click()
    press_tab_until(browser, "document.activeElement.matches('button:has(img), a:has(img)')")
    press(browser, Keys.ENTER)
    wait(browser, lambda: SEGMENTED in text(browser, ".said"))
    edge = "getComputedStyle(document.querySelector('.comparison .classes')).clipPath"
    press_tab_until(browser, "document.activeElement.id === 'compare'")
    before = browser.execute_script(f"return {edge}")
    press(browser, Keys.ARROW_RIGHT)
    assert ["50%" in before, "51%" in browser.execute_script(f"return {edge}")] == [True, True]
    press_tab_until(browser, "document.activeElement.type === 'radio'")
    press(browser, Keys.ARROW_RIGHT)
    assert browser.execute_script("return document.documentElement.dataset.view") == "confidence"
    press(browser, Keys.ARROW_LEFT)
    press_tab_until(browser, "document.activeElement.type === 'range'")
    value = browser.switch_to.active_element.get_attribute("value")
    press(browser, Keys.ARROW_RIGHT)
    assert float(browser.switch_to.active_element.get_attribute("value")) > float(value)
    opacity = "return getComputedStyle(document.querySelector('.comparison .classes')).opacity"
    wait(browser, lambda: float(browser.execute_script(opacity)) > 0.6)
    for label in ("Class ids", "Coloured mask", "Overlay", "Cut-out"):
        press_tab_until(browser, f"document.activeElement.textContent.trim() === {json.dumps(label)}")


def press(browser, key):
    ActionChains(browser).send_keys(key).perform()


def press_tab_until(browser, condition, most=40):
    for _ in range(most):
        if browser.execute_script(f"return {condition}"):
            return
        press(browser, Keys.TAB)
    raise AssertionError(f"{most} presses of Tab do not reach it: {condition}")


@every_kind
def test_a_screen_reader_finds_a_name_for_everything_that_is_used_and_headings_in_order(
    browser, opened, tmp_path, kind
):
    opened(kind)
    segmented(browser, save(tmp_path, encoded(photo())))
    browser.execute_cdp_cmd("Accessibility.enable", {})
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = [
        (one["role"]["value"], one["name"]["value"])
        for one in nodes
        if not one["ignored"] and "name" in one and "role" in one
    ]
    used = ("button", "slider", "radio", "spinbutton", "textbox", "link")
    assert [one for one in named if one[0] in used and not one[1].strip()] == []
    assert {name for role, name in named if role == "radio"} == {"Classes", "Confidence"}
    assert [name for role, name in named if role == "slider" and name.startswith("Compare: ")]
    assert {"The photo", "Its classes in their colours"} <= {name for role, name in named if role == "image"}
    levels = [int(one.tag_name[1]) for one in browser.find_elements(By.CSS_SELECTOR, "h1, h2, h3") if one.text]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
