"""Pictures as a person enlarges and compares them, in headless Chromium."""

import io

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from beam_jobs.html.class_png import class_png
from beam_jobs.html.document import document
from beam_jobs.html.markup import element, join
from beam_jobs.html.pictures import (
    Picture,
    Words,
    caption_link,
    four,
    photo_and_overlay,
    same_again,
    triple,
    viewed,
    viewer,
    viewer_of,
)
from schemas.colors import color_table
from schemas.features import IGNORE_ID
from schemas.shipped import load_spec
from tests.tfx_pipeline.space.browser import needs_chromium, wait

pytestmark = [needs_chromium, pytest.mark.proof]
SPEC = load_spec("pets")
COLORS = color_table(SPEC.palette)
PET, BACKGROUND = 0, 1
WIDTH, HEIGHT = 40, 20
MISSED, WRONG = [86, 180, 233], [230, 159, 0]


def picture(image_id, predicted=None):
    """A grey photo; truth: left half pet, and a row of ignored pixels."""
    truth = np.full((HEIGHT, WIDTH), BACKGROUND, np.uint8)
    truth[:, : WIDTH // 2] = PET
    truth[-1] = IGNORE_ID
    buffer = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (128, 128, 128)).save(buffer, "JPEG")
    other = b"" if predicted is None else class_png(predicted, COLORS)
    return Picture(image_id, WIDTH, HEIGHT, buffer.getvalue(), class_png(truth, COLORS), other)


def shifted():
    """A prediction whose pet is moved by a quarter to the right."""
    predicted = np.full((HEIGHT, WIDTH), BACKGROUND, np.uint8)
    predicted[:, WIDTH // 4 : WIDTH // 2 + WIDTH // 4] = PET
    return predicted


@pytest.fixture
def page(open_page):
    """Three figures: a record without a prediction, one with, and the same again."""
    compared = picture("dog_2", shifted())
    figures = [
        viewed("one", photo_and_overlay("one", picture("cat_1")), [caption_link("one", join("cat_1"))]),
        viewed("two", triple("two", compared), [caption_link("two", join("dog_2")), " - mean IoU 0.33"]),
        viewed("three", same_again("two", compared), [caption_link("three", join("dog_2"))], about="background"),
    ]
    text = document("Pictures", element("h1", "Pictures"), [("all", "All", join(*figures))], [viewer(SPEC)])
    return lambda anchor="": open_page(text, anchor)


def dialog(browser):
    return browser.find_element(By.ID, "viewer")


def panels(browser):
    return [one.text.splitlines()[0] for one in browser.find_elements(By.CSS_SELECTOR, "#viewer .panels figcaption")]


def title(browser):
    return browser.find_element(By.ID, "viewer-title").text


def pixel(browser, panel, x, y):
    """Red, green and blue of a drawn panel, at a share of its width and height."""
    script = """
        const one = document.querySelectorAll("#viewer canvas")[arguments[0]];
        const at = [Math.floor(arguments[1] * one.width), Math.floor(arguments[2] * one.height)];
        return [...one.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3);
    """
    return browser.execute_script(script, panel, x, y)


def focused(browser):
    return browser.execute_script("return document.activeElement.closest('figure')?.id")


def press(browser, key):
    browser.switch_to.active_element.send_keys(key)


def open_second(browser):
    browser.find_element(By.CSS_SELECTOR, "#two .enlarge").send_keys(Keys.ENTER)
    wait(browser, lambda: len(panels(browser)) == 4)


def test_enter_opens_a_picture_arrows_go_through_all_and_escape_returns_to_it(page):
    browser = page()
    open_second(browser)
    assert title(browser) == "dog_2"
    assert panels(browser) == ["Photo", "Truth", "Prediction", "Errors of pet, IoU 0.33"]
    press(browser, Keys.ARROW_LEFT)
    wait(browser, lambda: panels(browser) == ["Photo", "Mask"])
    assert title(browser) == "cat_1"
    press(browser, Keys.ARROW_LEFT)  # around the beginning
    wait(browser, lambda: panels(browser)[-1:] == ["Errors of background, IoU 0.33"])
    press(browser, Keys.ESCAPE)
    assert not dialog(browser).is_displayed()
    assert focused(browser) == "three"


def test_the_error_map_shows_what_is_missed_and_what_is_wrongly_found_and_nothing_where_pixels_are_ignored(page):
    browser = page()
    open_second(browser)
    assert pixel(browser, 3, 0.1, 0.5) == MISSED
    assert pixel(browser, 3, 0.65, 0.5) == WRONG
    dimmed = pixel(browser, 3, 0.4, 0.5)
    assert max(dimmed) - min(dimmed) <= 2
    assert max(dimmed) < 90
    assert pixel(browser, 3, 0.1, 0.99) == dimmed


def test_the_classes_over_the_photo_can_be_made_fainter_and_switched_off(page):
    browser = page()
    open_second(browser)
    grey = pixel(browser, 0, 0.1, 0.5)
    assert pixel(browser, 1, 0.1, 0.5) != grey
    [pet, background] = browser.find_elements(By.CSS_SELECTOR, "#viewer .toggles label")
    assert (pet.text, background.text) == ("pet", "background")
    pet.click()
    assert pixel(browser, 1, 0.1, 0.5) == grey
    assert pixel(browser, 1, 0.9, 0.5) != grey
    pet.click()
    slider = browser.find_element(By.CSS_SELECTOR, "#viewer .opacity")
    slider.send_keys(Keys.END)
    assert pixel(browser, 1, 0.1, 0.5) == list(SPEC.palette[PET])
    slider.send_keys(Keys.HOME)
    assert pixel(browser, 1, 0.1, 0.5) == grey
    slider.send_keys(Keys.ARROW_RIGHT)  # moves the slider, and not on to the next picture
    assert title(browser) == "dog_2"


def test_a_link_to_a_picture_opens_it(page):
    browser = page("#three")
    wait(browser, lambda: dialog(browser).is_displayed())
    wait(browser, lambda: panels(browser)[-1:] == ["Errors of background, IoU 0.33"])


def test_without_scripts_the_pictures_are_there_and_no_dialog_is(page, browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page()
        pictures = browser.find_elements(By.CSS_SELECTOR, "figure.view svg")
        assert len(pictures) == 3
        assert all(one.is_displayed() and one.size["height"] > 10 for one in pictures)
        assert not dialog(browser).is_displayed()
        assert not browser.find_elements(By.CSS_SELECTOR, "figure.view button")
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_two_masks_that_are_not_truth_and_prediction_have_their_own_names(open_page):
    words = Words("Served", "Candidate", "Difference of", "only served", "only candidate")
    compared = picture("dog_2", shifted())
    pictures = four("one", compared, compared.truth, words)
    figure = viewed("one", pictures, [caption_link("one", join("dog_2"))])
    titles = [one.shown for one in SPEC.classes]
    part = viewer_of(titles, SPEC.palette, words)
    browser = open_page(document("Pictures", element("h1", "Pictures"), [("all", "All", figure)], [part]), "#one")
    wait(browser, lambda: panels(browser) == ["Photo", "Served", "Candidate", "Difference of pet, IoU 0.33"])
    shown = browser.find_element(By.CSS_SELECTOR, "#viewer .panels").text
    assert "only served 23.8 % of the photo" in shown  # a quarter, but for the ignored row of 20
    assert "only candidate" in shown


def test_pictures_of_a_narrow_photo_have_no_gaps_beside_them(open_page):
    narrow = picture("tower", shifted())._replace(width=HEIGHT, height=8 * HEIGHT)
    driver = open_page(document("Narrow", join(), [("a", "A", viewed("tower", triple("tower", narrow), []))], []))
    drawn = driver.find_element(By.CSS_SELECTOR, ".triple svg")
    _, _, width, height = map(float, drawn.get_dom_attribute("viewBox").split())
    assert drawn.rect["width"] / drawn.rect["height"] == pytest.approx(width / height, rel=0.02)
