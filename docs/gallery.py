"""How sphinx-gallery runs the lessons, and what of them the site shows.

A lesson saves its figures and pages itself, by ``lesson.save`` and ``lesson.show_page``. After each
of its cells, `figures_and_pages` puts what is new on the lesson's page: figures as pictures, an
X-ray, a playground or a lab as the live page. They go to ``docs/made``, where the tests find them,
too.
"""

import multiprocessing
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

from tinynet.runs import progress
from tinynet.support import waiting

ROOT = Path(__file__).resolve().parents[1]
MADE = ROOT / "docs" / "made"
"""A folder for each lesson, with the figures and pages of its last run."""

PAGES = ROOT / "docs" / "made" / "extra" / "live"
"""What stands in the site as it is: ``live/09_playground.html``."""

FIRST_CELL = """\
# Run this first. The lesson needs lesson.py beside it, and tinynet, installed from a clone.
import os
from importlib.util import find_spec

if os.path.exists("../../examples/lesson.py"):
    os.chdir("../../examples")
if find_spec("tinynet") is None:
    %pip install --quiet "..[lessons]"
"""

FRAME = """
.. raw:: html

    <iframe class="live" src="../../live/{name}" title="{title}" loading="lazy"></iframe>
    <p><a href="../../live/{name}">{title}, on a page of its own</a></p>
"""


def arguments(gallery_conf: dict[str, Any], script_vars: dict[str, Any]) -> list[str]:
    """The options that a lesson gets: where its figures go. Runs in the process of the lesson."""
    # A page shows what a lesson tells, and not how long one waits for it.
    progress.Lines = lambda epochs: progress.Display()  # type: ignore[assignment,misc]
    waiting.Line.tell = lambda line, text: None  # type: ignore[method-assign]
    # The place of a warning would be one on the machine that builds the site.
    warnings.formatwarning = lambda message, kind, *_, **__: f"{kind.__name__}: {message}\n"
    # Within joblib's workers it is "loky", which the processes of lesson 10 do not know.
    multiprocessing.set_start_method("spawn", force=True)
    folder = MADE / Path(script_vars["src_file"]).stem
    shutil.rmtree(folder, ignore_errors=True)
    return ["--figures", str(folder)]


class Arguments:
    """`arguments`, with a name that does not change: sphinx-gallery compares it between builds."""

    def __repr__(self) -> str:
        return "lesson arguments"

    def __call__(self, gallery_conf: dict[str, Any], script_vars: dict[str, Any]) -> list[str]:
        return arguments(gallery_conf, script_vars)


def figures_and_pages(
    block: object, block_vars: dict[str, Any], gallery_conf: dict[str, Any]
) -> str:
    """What a cell has saved, as reStructuredText: pictures, and live pages."""
    from sphinx_gallery.scrapers import figure_rst

    lesson = block_vars["example_globals"].get("lesson")
    if lesson is None:
        return ""
    rst = ""
    shown = block_vars.setdefault("shown", set())
    for path in sorted(lesson.folder.glob("*"), key=lambda path: path.stat().st_mtime_ns):
        if path in shown:
            continue
        shown.add(path)
        if path.suffix == ".png":
            picture = Path(next(block_vars["image_path_iterator"]))
            picture.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, picture)
            rst += figure_rst(
                [str(picture)], gallery_conf["src_dir"], path.stem[3:].replace("_", " ")
            )
        elif path.suffix == ".html":
            PAGES.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, PAGES / path.name)
            title = re.findall("<title>(.+)</title>", path.read_text(encoding="utf-8"))[0]
            rst += FRAME.format(name=path.name, title=title)
    return rst
