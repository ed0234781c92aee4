"""A headless Chromium for the tests of pages, without a network; or one reason to skip them."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND",  # offline: no name leads anywhere
)


@contextmanager
def chromium(width: int = 1300, height: int = 1000) -> Iterator[Any]:
    """A Selenium driver with a new, empty profile."""
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        pytest.skip("no chromium, chromedriver and selenium")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium, chromedriver and selenium")
    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for option in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(DRIVER))
        try:
            look(driver, width, height)
            yield driver
        finally:
            driver.quit()


def look(driver: Any, width: int, height: int, dark: bool = False) -> None:
    """Set the size of the window in CSS pixels, and the reader's colour scheme."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    still = {"name": "prefers-reduced-motion", "value": "reduce"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})


def draw(
    driver: Any,
    strokes: Iterable[Iterable[tuple[float, float]]],
    kind: str = "mouse",
    scale: float = 1.0,
    at: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Draw strokes on the paper with a pointer, smaller and elsewhere if wanted."""
    from selenium.webdriver.common.action_chains import ActionBuilder
    from selenium.webdriver.common.actions.pointer_input import PointerInput

    box = driver.execute_script(
        "const { left, top, width } = document.getElementById('paper').getBoundingClientRect();"
        "return [left, top, width]"
    )
    left, top, width = box
    builder = ActionBuilder(driver, mouse=PointerInput(kind, kind), duration=0)
    for stroke in strokes:
        for n, (x, y) in enumerate(stroke):
            place = (left + width * (at[0] + scale * x), top + width * (at[1] + scale * y))
            builder.pointer_action.move_to_location(round(place[0]), round(place[1]))
            if n == 0:
                builder.pointer_action.pointer_down()
        builder.pointer_action.pointer_up()
    builder.perform()
