"""Headless Chromium for the tests, with a log of every request that a page makes."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
WIDE, NARROW = (1400, 1000), (390, 1000)  # pixels
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
SEGMENTED = "pixels, segmented in"  # what a page says beneath a result
WAIT = 60  # seconds; a busy machine is slow
needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="npm is missing: apt-get install npm")
needs_chromium = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium or chromedriver is missing: apt-get install chromium chromium-driver"
)


@contextmanager
def chromium(size: tuple[int, int] = WIDE) -> Iterator[webdriver.Chrome]:
    """A browser with a profile of its own, closed at the end."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
        try:
            resize(driver, size)
            yield driver
        finally:
            driver.quit()


def resize(driver: webdriver.Chrome, size: tuple[int, int]) -> None:
    """Sets the page's size; a window cannot be as narrow as a phone."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def requested_urls(driver: webdriver.Chrome) -> set[str]:
    """What the page has asked for since the last call; data and blob URLs, which cause no request, are left out."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    urls = {one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"}
    return {url for url in urls if url.startswith(("http", "ws"))}


def screenshot(driver: webdriver.Chrome, path: Path) -> None:
    """The whole page as a PNG file."""
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    path.write_bytes(base64.b64decode(shot["data"]))


def wait(browser: webdriver.Chrome, condition: Callable[[], object]) -> None:
    """Waits until a condition is true; what is not on the page yet makes it false."""
    WebDriverWait(browser, WAIT, ignored_exceptions=[Exception]).until(lambda _: condition())


def file_input(browser: webdriver.Chrome) -> WebElement:
    """What takes the visitor's photo."""
    return browser.find_element(By.CSS_SELECTOR, "input[type=file]")


def text(browser: webdriver.Chrome, selector: str) -> str:
    """The visible text of the first element."""
    return browser.find_element(By.CSS_SELECTOR, selector).text


def choose(browser: webdriver.Chrome, photo: Path) -> None:
    """Uploads a photo."""
    file_input(browser).send_keys(str(photo))


def downloaded(browser: webdriver.Chrome, key: str, folder: Path) -> Path:
    """Clicks on a download, and gives the file that arrives in the new folder."""
    folder.mkdir()
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    button = browser.find_element(By.ID, key)
    wait(browser, button.is_enabled)
    button.click()
    wait(browser, lambda: [path for path in folder.iterdir() if path.suffix in (".png", ".jpg")])
    [path] = folder.iterdir()
    return path


def downloaded_class_ids(browser: webdriver.Chrome, folder: Path) -> np.ndarray:
    """The class ids of the photo on the page, as a program reads them: uint8 [H, W]."""
    ids = Image.open(downloaded(browser, "class-ids", folder))
    assert ids.mode == "L"
    return np.asarray(ids)
