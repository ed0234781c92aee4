"""Renew the pictures of the pages in the gallery, from those that lessons 9 and 28 wrote.

Run ``python examples/09_playground.py``, ``python examples/28_lab.py``, and then
``python tests/screenshots.py figures``.
"""

import io
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / "support"))

from browser import chromium, draw, look

GALLERY = Path(__file__).parents[1] / "examples" / "gallery"
NEARLY_CLOSED = [  # a 4 that could become a 9
    [(0.49, 0.17), (0.36, 0.3), (0.31, 0.5), (0.44, 0.55), (0.6, 0.5), (0.68, 0.38)],
    [(0.66, 0.18), (0.66, 0.4), (0.62, 0.66), (0.57, 0.88)],
]


def take(driver: Any, name: str) -> None:
    """Save what the window shows, in 256 colours."""
    driver.execute_script("document.documentElement.style.scrollbarWidth = 'none'")
    path = GALLERY / f"{name}.png"
    picture = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    picture.quantize(256, method=Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main(folder: Path) -> None:
    """Open the pages, bring them to a telling moment, and take their pictures."""
    with chromium() as driver:
        look(driver, 1440, 900, dark=True)
        driver.get((folder / "xray.html").resolve().as_uri())
        time.sleep(2)
        driver.execute_script(
            "document.querySelector('[data-phase=backward]').click();"
            "for (let n = 0; n < 7; n++) document.getElementById('next').click();"
        )
        time.sleep(1)
        take(driver, "xray")
        look(driver, 1240, 960)
        driver.get((folder / "playground.html").resolve().as_uri())
        time.sleep(1)
        draw(driver, NEARLY_CLOSED)
        time.sleep(1)
        take(driver, "playground")
        look(driver, 1280, 1000)
        driver.get((folder / "28_lab.html").resolve().as_uri())
        time.sleep(1)
        driver.execute_script("document.getElementById('run').click()")
        time.sleep(10)
        driver.execute_script("document.getElementById('run').click()")
        take(driver, "lab")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
