"""What the pages of tinynet's names need beside autosummary; a Sphinx extension.

``reference/`` lists the names by hand, by topic. autosummary writes a page for each into ``api/``,
from ``templates/``. Here stands what those templates ask for, and what turns ``tn.fit`` in any text
into a link.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpydoc.xref
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

from tinynet.support.description import Description, InFiles
from tinynet.support.modes import Modes

ROOT = Path(__file__).resolve().parents[1]
LISTS = [f"docs/reference/{path.name}" for path in sorted((ROOT / "docs/reference").glob("*.rst"))]
PUBLIC = re.compile(r"(?:tn|tinynet)((?:\.[A-Za-z]\w*)+)(?:\(.*\))?", re.DOTALL)
BASES = ("tinynet.Module", "tinynet.Optimizer", "tinynet.Schedule")
"""Of whose page's lessons sphinx-gallery would make a list of all: each network is a Module."""

FOREIGN = "Module, Optimizer, Schedule, WithOptions, tuple, Exception, BaseEstimator"
"""Bases whose methods are not told again on the page of each class that has them."""

CONSTANTS = {"tinynet.datasets.FASHION_CLASSES": "tinynet.datasets.digits"}
"""Public data, and the file in which a text stands below each."""


def listed() -> Iterator[str]:
    """The names that ``reference/`` lists, in full."""
    for path in LISTS:
        module, in_table = "", False
        for line in (ROOT / path).read_text().splitlines():
            if line.startswith(".. "):
                in_table = line.startswith(".. autosummary::")
            if found := re.match(r"\.\. (currentmodule|automodule):: (\S+)", line):
                module = found[2]
                if found[1] == "automodule":
                    yield module
            elif in_table and (found := re.fullmatch(r" +([A-Za-z][\w.]*)", line)):
                yield f"{module}.{found[1]}"


def classes() -> dict[str, str]:
    """The full name of each class, which links the types of parameters to its page."""
    return {short: name for name in listed() if (short := name.rpartition(".")[2])[0].isupper()}


def written_in(path: Path) -> set[str]:
    """Which of tinynet's names a text writes as ``tn.plots.bars``, in full, and all within them."""
    found = re.findall(r"\b(?:tn|tinynet)((?:\.[A-Za-z]\w*)+)", path.read_text())
    imported = re.findall(r"from (tinynet[\w.]*) import ([\w, ]+)", path.read_text())
    names = {f"tinynet{name}" for name in found}
    names |= {f"{module}.{name.strip()}" for module, part in imported for name in part.split(",")}
    return names | {name.rpartition(".")[0] for name in names if name.count(".") > 1}


def bases() -> dict[str, str]:
    """For each class that is a Module, an Optimizer or a Schedule, which of them."""
    public = {name: _object(name) for name in classes().values()}
    return {
        name: base
        for name, thing in public.items()
        for base in BASES
        if isinstance(thing, type) and name != base and issubclass(thing, public[base])
    }


def _object(name: str) -> Any:
    module, _, last = name.rpartition(".")
    return getattr(import_module(module), last)


def in_texts(paths: list[Path], names: tuple[str, ...]) -> dict[str, list[str]]:
    """For each of `names`, the files that write it, below the root."""
    written = {path.relative_to(ROOT).as_posix(): written_in(path) for path in paths}
    return {name: [path for path in written if name in written[path]] for name in names}


def context() -> dict[str, Any]:
    """What the templates in ``templates/autosummary`` are given."""
    lessons = sorted((ROOT / "examples").glob("[0-9]*.py"))
    texts = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *map(ROOT.joinpath, LISTS)]
    pages = in_texts(texts, tuple(listed()))
    of_module = {"options"}.union(*(vars(part) for part in (Description, InFiles, Modes)))
    return {
        "lessons": {name: " ".join(found) for name, found in in_texts(lessons, BASES).items()},
        "pages": {
            name: [page.rpartition(".")[0] for page in found] for name, found in pages.items()
        },
        "bases": bases(),
        "of_module": ", ".join(sorted(name for name in of_module if name[0] != "_")),
        "foreign": FOREIGN,
    }


def link_names(app: Sphinx, doctree: nodes.document) -> None:
    """Make a link of every ``tn.fit`` and ``tn.fit(...)`` that stands as code in a text."""
    for literal in list(doctree.findall(nodes.literal)):
        match = PUBLIC.fullmatch(literal.astext())
        if match is None or isinstance(literal.parent, nodes.reference | pending_xref):
            continue
        target = f"tinynet{match[1]}"
        if target not in app.config.names_listed:
            continue
        link = pending_xref(
            "", refdomain="py", reftype="obj", reftarget=target, refwarn=True, refexplicit=True
        )
        link["refdoc"] = app.env.docname
        literal.replace_self(link)
        link += literal


def skip(app: Sphinx, what: str, name: str, thing: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out the fields of named tuples, which their class explains, and scikit-learn's own."""
    is_field = type(thing).__name__ == "_tuplegetter"
    return True if is_field or str(getattr(thing, "__module__", "")).startswith("sklearn") else None


def constant(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Let a constant be explained by the text below it, and not by that of its type."""
    if name in CONSTANTS:
        found = ModuleAnalyzer.for_module(CONSTANTS[name]).find_attr_docs()
        lines[:] = found["", name.rpartition(".")[2]]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect what stands above."""
    numpydoc.xref.DEFAULT_LINKS.clear()  # of int, bool, array: they would lead to other sites
    app.add_config_value("names_listed", sorted(listed()), "env")
    app.connect("doctree-read", link_names)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-docstring", constant)
    return {"parallel_read_safe": True}
