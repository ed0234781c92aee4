"""From lessons to notebooks, which ``run_all.py`` stores with what they print and draw.

The title and the prose of a script become text cells. The first code cell finds the lessons, and
installs tinynet where it is missing.
"""

import base64
import re
import shutil
import sys
import tomllib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

if find_spec("jupytext") is None:
    sys.exit("jupytext is missing; install the lessons' extra: pip install '.[lessons]'")

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

EXAMPLES = Path(__file__).parent
NOTEBOOKS = EXAMPLES / "notebooks"
GALLERY = EXAMPLES / "gallery"
PROJECT = tomllib.loads((EXAMPLES.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY: str | None = PROJECT.get("urls", {}).get("Repository")
"""Where a notebook on Colab gets the lessons from; without an address, there is none for Colab."""

FIND = """\
# Run this first. It goes to the folder of the lessons, and installs tinynet where it is missing.
import os
from importlib.util import find_spec

if os.path.exists("../lesson.py"):
    os.chdir("..")
"""
CLONE = """\
elif not os.path.exists("lesson.py"):
    !git clone --quiet --depth 1 {repository} tinynet-lessons
    os.chdir("tinynet-lessons/examples")
"""
INSTALL = """\
if find_spec("tinynet") is None:
    %pip install --quiet "..[lessons]"
"""
CSV_NOTE = """\
The lesson takes the 20,000 digits that tinynet brings along. For those of a CSV file, such as
Colab's, add `lesson.csv = "/content/sample_data/mnist_train_small.csv"` below the line that makes
`lesson`.
"""
WARNED = re.compile(r"^\S+:\d+: (UserWarning: .*\n)", re.MULTILINE)


class LessonFailed(Exception):
    """A cell of a notebook raised an error, or a claim does not hold."""


def colab_link(name: str) -> str | None:
    """Return the address that opens a lesson's notebook on Colab; None without a repository."""
    if REPOSITORY is None:
        return None
    path = REPOSITORY.removeprefix("https://github.com/")
    return (
        f"https://colab.research.google.com/github/{path}/blob/main/examples/notebooks/{name}.ipynb"
    )


def first_cell() -> str:
    """Return the code that every notebook begins with."""
    clone = CLONE.format(repository=REPOSITORY) if REPOSITORY else ""
    return f"{FIND}{clone}{INSTALL}".strip()


def notebook_of(script: Path) -> NotebookNode:
    """Turn a lesson into a notebook: its docstring and the prose of its cells become text."""
    source = jupytext.reads(script.read_text(encoding="utf-8"), fmt="py:percent")
    title, *cells = [cell.source for cell in source.cells]
    made = [
        new_markdown_cell(title.strip('"').strip()),
        new_code_cell(first_cell()),
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


def run_notebook(name: str, folder: Path) -> NotebookNode:
    """Make a lesson's notebook and run it as it is, in an empty folder beside a copy of lesson.py.

    Its figures are then in `folder` / "figures". Raises LessonFailed with the cell that failed.
    """
    if find_spec("nbclient") is None or find_spec("ipykernel") is None:
        sys.exit("nbclient is missing; install the lessons' extra: pip install '.[lessons]'")
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = notebook_of(EXAMPLES / f"{name}.py")
    (folder / "notebooks").mkdir(parents=True)
    shutil.copy(EXAMPLES / "lesson.py", folder)
    place = {"metadata": {"path": str(folder / "notebooks")}}
    try:
        NotebookClient(notebook, timeout=900, record_timing=False, resources=place).execute()
    except CellExecutionError as error:
        raise LessonFailed(str(error)) from None
    notebook.metadata.pop("language_info")  # names the version of Python
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _joined(filter(None, map(_to_be_kept, cell.outputs)))
    return notebook


def _joined(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Make one output of texts that follow one another: how they come in parts is chance."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if joined and output.get("name", "") == joined[-1].get("name"):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _to_be_kept(output: NotebookNode) -> NotebookNode | None:
    """Leave out what differs in each run, and put a picture in the place of a page."""
    if output.output_type == "stream" and output.name == "stderr":
        output.text = "".join(WARNED.findall(output.text))  # and no progress bars
        return output if output.text else None
    if page := output.get("metadata", {}).get("text/html", {}).get("page"):
        picture = (GALLERY / f"{page}.png").read_bytes()
        output.data["image/png"] = base64.b64encode(picture).decode("ascii")
        output.metadata = {"image/png": {"width": 800}}
        del output.data["text/html"]
    return output


def outputs_of(notebook: NotebookNode) -> tuple[str, list[bytes]]:
    """Return what a notebook prints, and its pictures."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    text = "".join(output.text for output in outputs if output.output_type == "stream")
    pictures = [output.get("data", {}).get("image/png") for output in outputs]
    return text, [base64.b64decode(picture) for picture in pictures if picture]


def stored(name: str) -> NotebookNode:
    """A notebook as it is in the repository."""
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def store(name: str, notebook: NotebookNode) -> None:
    """Write a notebook into the repository."""
    NOTEBOOKS.mkdir(exist_ok=True)
    nbformat.write(notebook, NOTEBOOKS / f"{name}.ipynb")
