"""Frames per second of the lab's page in headless Chromium, while a network learns in it.

``tn.lab`` writes the page; Chromium opens it at 1,280 x 900, and the intervals between its frames
are counted. It draws no more than 60 frames a second. Work is what the page itself computes in a
frame: its steps, and all that it draws.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import headline, print_table

import tinynet as tn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from browser import chromium, look

POINTS = {"points": 500, "test": 200}
DEEP = {"hidden": [8, 8, 8, 8], "activation": "Tanh", "loss": "CrossEntropyLoss"}
CASES: dict[str, tuple[dict[str, Any], int]] = {  # the setup, and steps per second
    "4 layers of 8 units, 500 points": (DEEP | {"data": {"kind": "spirals"} | POINTS}, 60),
    "the same, 1,000 steps a second": (DEEP | {"data": {"kind": "spirals"} | POINTS}, 1000),
    "a wave, 4 layers of 8 units, 500 points": (
        DEEP | {"loss": "MSELoss", "data": {"kind": "wave"} | POINTS},
        60,
    ),
    "400 digits, 2 layers of 16 units": (
        DEEP | {"hidden": [16, 16], "data": {"kind": "digits", "points": 400}},
        60,
    ),
}
START = """
const [setup, speed] = arguments;
globalThis.watched = { frames: [], work: [] };
setRunning(false);
begin(setup);
lab.speed = speed;
setRunning(true);
const asked = globalThis.requestAnimationFrame.page ?? globalThis.requestAnimationFrame;
globalThis.requestAnimationFrame = (callback) => asked((now) => {
  const begun = performance.now();
  callback(now);
  globalThis.watched.frames.push(now);
  globalThis.watched.work.push(performance.now() - begun);
});
globalThis.requestAnimationFrame.page = asked;
"""
READ = """
setRunning(false);
return [globalThis.watched.frames, globalThis.watched.work, run.steps];
"""


def measure(driver: Any, setup: dict[str, Any], speed: int, seconds: float) -> list[str]:
    """A row of the table."""
    driver.execute_script(START, setup, speed)
    time.sleep(1)  # compilers of JavaScript, too, warm up
    driver.execute_script("watched.frames.length = watched.work.length = 0")
    steps = driver.execute_script("return run.steps")
    time.sleep(seconds)
    frames, work, taken = driver.execute_script(READ)
    intervals = np.diff(frames)
    duration = (frames[-1] - frames[0]) / 1000
    return [
        f"{len(intervals) / duration:.1f}",
        f"{np.median(intervals):.1f}",
        f"{np.percentile(intervals, 95):.1f}",
        f"{max(intervals):.1f}",
        f"{np.median(work):.1f}",
        f"{np.percentile(work, 95):.1f}",
        f"{(taken - steps) / duration:.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5, help="how long each is watched")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, chromium() as driver:
        page = Path(folder) / "lab.html"
        tn.lab(page)
        look(driver, 1280, 900)
        driver.get(page.as_uri())
        time.sleep(1)
        rows = [[name, *measure(driver, *case, seconds)] for name, case in CASES.items()]
        version = driver.capabilities["browserVersion"]
        print(
            f"{headline()}, Chromium {version}; the page has {page.stat().st_size / 1e3:.0f} kB\n"
        )
    columns = "page", "frames / s", "ms, median", "95 %", "longest", "work, ms", "95 %", "steps / s"
    print_table(columns, rows)


if __name__ == "__main__":
    main()
