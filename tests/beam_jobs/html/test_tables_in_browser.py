"""Tables as a person sorts and filters them, in headless Chromium."""

import pytest
from selenium.webdriver.common.by import By

from beam_jobs.html.document import document
from beam_jobs.html.tables import SORTING, Cell, Row, sortable_table
from tests.tfx_pipeline.space.browser import needs_chromium

pytestmark = [needs_chromium, pytest.mark.proof]
SHARES = {"road": 0.5, "sky": None, "car": 0.03} | {f"class {number}": number / 1000 for number in range(20)}


@pytest.fixture
def browser_with_table(open_page):
    rows = [Row(name, [Cell("-" if share is None else f"{share:.1%}", share)]) for name, share in SHARES.items()]
    return open_page(document("Table", "", [("t", "T", sortable_table("T", ["class", "share"], rows))], [SORTING]))


def names(browser):
    return [one.text for one in browser.find_elements(By.CSS_SELECTOR, "tbody th") if one.is_displayed()]


def press(browser, head):
    [button] = [one for one in browser.find_elements(By.CSS_SELECTOR, "thead button") if one.text.startswith(head)]
    button.click()


def test_a_column_of_numbers_is_sorted_by_number_the_largest_first_and_gaps_last(browser_with_table):
    press(browser_with_table, "share")
    assert names(browser_with_table)[:3] == ["road", "car", "class 19"]
    press(browser_with_table, "share")
    assert names(browser_with_table)[:2] == ["class 0", "class 1"]
    assert names(browser_with_table)[-2:] == ["road", "sky"]
    [head] = browser_with_table.find_elements(By.CSS_SELECTOR, "[aria-sort]")
    assert head.get_attribute("aria-sort") == "ascending"


def test_a_filter_leaves_the_rows_that_have_the_words(browser_with_table):
    browser_with_table.find_element(By.CSS_SELECTOR, "input[type=search]").send_keys("class road")
    assert names(browser_with_table) == []
    browser_with_table.find_element(By.CSS_SELECTOR, "input[type=search]").clear()
    browser_with_table.find_element(By.CSS_SELECTOR, "input[type=search]").send_keys("ro")
    assert names(browser_with_table) == ["road"]
    assert browser_with_table.find_element(By.CSS_SELECTOR, "[role=status]").text == f"1 of {len(SHARES)} rows"
