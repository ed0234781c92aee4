"""Renew everything that depends on weights: all that lessons, README and docs print and show.

``python tests/renew.py`` takes some five minutes, and needs the extra ``test``, chromium and
chromedriver. It runs, in this order:

1. lessons 9 and 28, and takes the pictures of their pages;
2. the site, and with it all lessons: what they print, the gallery, ``examples/README.md``;
3. the blocks of README and docs, which quote the lessons.

The tests compare what is stored with what is run: ``test_readme.py``, ``test_gallery.py``.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(script: str, *arguments: str) -> None:
    """Run a script of this repository; stop if it fails."""
    print(f"== {script}", flush=True)
    subprocess.run([sys.executable, str(ROOT / script), *arguments], check=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as pages:
        for lesson in ("09_playground", "28_lab"):
            run(f"examples/{lesson}.py", "--figures", pages)
        run("tests/screenshots.py", pages)
    run("examples/run_all.py")
    run("tests/readme.py")


if __name__ == "__main__":
    main()
