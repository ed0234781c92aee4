"""Make a notebook of every lesson, in examples/notebooks, by jupytext: one command, no options.

The title and the prose of a script become text cells. The first code cell installs tinynet where it
is missing, so that a notebook can be opened on Colab by its link alone.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("jupytext") is None:
    sys.exit("jupytext is missing; install the lessons' extra: pip install '.[lessons]'")

import jupytext
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

REPOSITORY = "https://github.com/OWNER/tinynet-backprop"

EXAMPLES = Path(__file__).parent
NOTEBOOKS = EXAMPLES / "notebooks"

INSTALL = f"""\
# Run this first. On Colab it fetches the lessons and installs tinynet, in about a minute.
import os

if os.path.exists("../lesson.py"):
    %cd ..
elif not os.path.exists("lesson.py"):
    !git clone --quiet --depth 1 {REPOSITORY} tinynet-lessons
    %cd tinynet-lessons/examples
    %pip install --quiet "..[lessons]"
"""
CSV_NOTE = """\
tinynet brings 20,000 digits along. Colab has the same ones in a file. To learn from that file, add
`lesson.csv = "/content/sample_data/mnist_train_small.csv"` below the line that makes `lesson`.
"""


def colab_link(name: str) -> str:
    """Return the address that opens a lesson's notebook on Colab."""
    path = REPOSITORY.removeprefix("https://github.com/")
    return (
        f"https://colab.research.google.com/github/{path}/blob/main/examples/notebooks/{name}.ipynb"
    )


def notebook_of(script: Path) -> NotebookNode:
    """Turn a lesson into a notebook: its docstring and the prose of its cells become text."""
    source = jupytext.reads(script.read_text(encoding="utf-8"), fmt="py:percent")
    title, *cells = [cell.source for cell in source.cells]
    made = [
        new_markdown_cell(title.strip('"').strip()),
        new_code_cell(INSTALL.strip()),
        new_markdown_cell(CSV_NOTE.strip()),
    ]
    for cell in cells:
        prose, code = _split(cell)
        made += [new_markdown_cell(prose)] if prose else []
        made += [new_code_cell(code)] if code else []
    for number, cell in enumerate(made):
        cell.id = f"cell-{number}"  # nbformat's own ids are random, and would differ in each run
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=made, metadata={"kernelspec": kernel})


def _split(cell: str) -> tuple[str, str]:
    """Split a cell into the comment that it begins with, as text, and the code after it."""
    lines = cell.splitlines()
    n_prose = next((k for k, line in enumerate(lines) if not line.startswith("#")), len(lines))
    prose = "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[:n_prose])
    return prose.strip(), "\n".join(lines[n_prose:]).strip()


def make_notebooks() -> list[Path]:
    """Write the notebooks of all lessons and return their paths."""
    NOTEBOOKS.mkdir(exist_ok=True)
    paths = []
    for script in sorted(EXAMPLES.glob("[0-9]*.py")):
        path = NOTEBOOKS / f"{script.stem}.ipynb"
        jupytext.write(notebook_of(script), path, fmt="ipynb")
        paths.append(path)
    return paths


if __name__ == "__main__":
    print(f"{len(make_notebooks())} notebooks in {NOTEBOOKS}")
