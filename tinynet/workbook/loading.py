"""Exercises as modules: one file of a workbook, or what all files before it define."""

import ast
import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = re.compile(r"\d\d_\w+\.py")
"""The file of an exercise, and nothing that stands beside it."""

USED: list[str] = []
"""The earlier exercises that were used in this process, each once."""


def load(path: Path) -> ModuleType:
    """The file of an exercise, run as a module; once for each path.

    Raises
    ------
    Exception
        Whatever the file raises.
    """
    name = f"workbook {path.resolve()}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None, f"{path} ends in .py"
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


class Earlier:
    """What the exercises before one define, as attributes; each file runs when it is needed.

    Where two exercises define one name, the later one counts.
    """

    def __init__(self, path: Path) -> None:
        self._files = [
            file
            for file in sorted(path.resolve().parent.iterdir(), reverse=True)
            if NAME.fullmatch(file.name) and file.name[:2] < path.name[:2]
        ]

    def __getattr__(self, name: str) -> Any:
        for file in () if name.startswith("_") else self._files:
            if name in defined_in(file.read_text(encoding="utf-8")):
                if file.name not in USED:
                    USED.append(file.name)
                found = getattr(load(file), name)
                setattr(self, name, found)  # a training loop asks for it in every step
                return found
        files = ", ".join(file.name for file in reversed(self._files)) or "none"
        raise AttributeError(f"no earlier exercise defines {name}; there are: {files}")


def earlier(path: str | os.PathLike[str]) -> Earlier:
    """What you wrote in the exercises before this one: ``mine = earlier(__file__)``.

    Parameters
    ----------
    path : str or path-like
        The file of an exercise; those before it stand in the same folder.

    Returns
    -------
    object
        With an attribute for each function and class: ``mine.Linear``.

    Raises
    ------
    AttributeError
        When an attribute is read that no exercise before this one defines.
    """
    return Earlier(Path(path))


def defined_in(source: str) -> set[str]:
    """The functions and classes at the top of a file; none if it is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    return {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
