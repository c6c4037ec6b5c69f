"""A browser for pages that lie in files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests.tfx_pipeline.space.browser import chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[webdriver.Chrome]:
    """One for all tests of the folder."""
    with chromium() as driver:
        yield driver


@pytest.fixture
def open_page(browser, tmp_path) -> Iterator[Callable[[str, str], webdriver.Chrome]]:
    """Opens a page from a file; at the end, no script of it may have failed or been blocked."""

    def opened(text: str, anchor: str = "") -> webdriver.Chrome:
        path = Path(tmp_path, "page.html")
        path.write_text(text, encoding="utf-8")
        browser.get(f"{path.as_uri()}{anchor}")
        return browser

    browser.get_log("browser")
    yield opened
    assert [one["message"] for one in browser.get_log("browser") if one["level"] == "SEVERE"] == []
