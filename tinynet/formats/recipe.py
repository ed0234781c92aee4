"""What makes a training run what it is, in words, and how one run differs from another.

A checkpoint continues a run, and so it must be the same run: the same network, data, options and
seeds. All of it is put into words, one line for each thing, and the lines are compared. What
cannot be seen, such as the seed behind ``rng=None``, is not compared.
"""

import hashlib
import re
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from tinynet.data import DataLoader
from tinynet.formats.checkpoint_parts import Run, form
from tinynet.formats.safetensors import Document
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.support.options import defaults_of, options_of
from tinynet.support.transforms import named

Recipe = dict[str, str | None]
"""What each thing is, by name; None: it cannot be seen."""

FIXED = ("net", "net.state_dict()", "optimizer", "optimizer.parameters", "loader.rng")
"""What a file's weights, memories and generator belong to: with another, they mean nothing."""

SETS = ("test", "validation")
BATCHES = ("loader.batch_size", "loader.drop_last", "loader.X", "loader.y")
PLAIN = (bool, int, float, str, tuple, type(None))
SMALL = 100  # numbers that are shown; more of them are told apart by their SHA-256
PART = 2**22  # bytes that are hashed in one go


def setup(owner: str, run: Run) -> Recipe:
    """What can be seen of a run in the things that a checkpoint is taken of."""
    net, optimizer, loader = run.net, run.optimizer, run.loader
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    for position, parameter in enumerate(optimizer.parameters):
        if id(parameter) not in names:
            raise ValueError(
                f"{owner}: optimizer.parameters[{position}] is no parameter of this network; make "
                "the optimizer with net.parameters()"
            )
    options: Recipe = {
        f"optimizer.{name}": repr(value)
        for name, value in vars(optimizer).items()
        if isinstance(value, PLAIN) and name != "lr" and not name.startswith("_")
    }
    options |= {
        f"loader.{name}": repr(getattr(loader, name))
        for name in ("batch_size", "shuffle", "drop_last", "scale")
    }
    frozen = [name for name, parameter in net.named_parameters() if not parameter.requires_grad]
    transform = loader.transform and named(loader.transform)
    weights = (f"{name} {form(array)}" for name, array in net.state_dict().items())
    return options | {
        "net": _in_any_process(net),
        "net.state_dict()": ", ".join(weights),
        "requires_grad": f"False of {', '.join(frozen)}" if frozen else None,
        "optimizer": type(optimizer).__name__,
        "optimizer.parameters": ", ".join(names[id(p)] for p in optimizer.parameters),
        "loader.rng": type(loader.rng).__name__,
        "loader.transform": transform,
        "loader.X": form(loader.X),
        "loader.y": form(loader.y),
        "schedule": _in_any_process(run.schedule),
        "early_stopping": _in_any_process(run.early_stopping),
    }


def recipe(net: Module, loss_fn: Module, lr: float, loader: DataLoader, **sets: Any) -> Recipe:
    """All else that makes a run of ``fit`` what it is.

    Parameters
    ----------
    net, loss_fn, loader
    lr : float
        With which the run began.
    **sets : (X, y) or None
        The data that are scored, by name.
    """
    lines: Recipe = {"lr": repr(lr), "loss": type(loss_fn).__name__}
    lines |= {f"loss.{name}": _words(value) for name, value in options_of(loss_fn).items()}
    lines["loader.seed"] = loader.seed
    for name, module in net.named_modules():
        if hasattr(module, "_seed"):
            lines[f"net.{name}.seed" if name else "net.seed"] = module._seed
    lines |= {"data.X": digest(loader.X), "data.y": digest(loader.y)}
    for name, data in sets.items():
        lines[name] = "None" if data is None else ", ".join(map(str, map(digest, data)))
    return lines


def digest(array: Any) -> str | None:
    """Shape, dtype, and the start of the SHA-256 of all numbers; None if they cannot be seen."""
    if not isinstance(array, np.ndarray) or array.dtype.hasobject:
        return None
    hashed, rows = hashlib.sha256(), max(1, PART * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), rows):
        part = array[start : start + rows]
        little = np.ascontiguousarray(part, part.dtype.newbyteorder("<"))
        hashed.update(little.reshape(-1).view(np.uint8).data)
    return f"{form(array)} with SHA-256 {hashed.hexdigest()[:12]}"


class Comparison(NamedTuple):
    """How a run differs from the one of a file.

    Attributes
    ----------
    different : dict from str to str
        By name, what it is now and what it is in the file, in words.
    unknown : list of str
        What the file says nothing about.
    lasting : list of str
        The names of what cannot be changed in a run.
    """

    different: dict[str, str]
    unknown: list[str]
    lasting: list[str]


def names_of_changes(owner: str, changed: Any, checkpoint: Any) -> set[str]:
    """An argument `changed`: names, or a single one."""
    names = [changed] if isinstance(changed, str) else changed
    if not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        raise TypeError(f'{owner}: changed = {changed!r}, expected names, such as ["lr"]')
    if names and checkpoint is None:
        raise ValueError(f"{owner}: changed is about a checkpoint; give checkpoint=, too")
    return set(names)


def recorded(document: Document, optimizer: Optimizer) -> tuple[Recipe, Recipe]:
    """Setup and recipe of a file, also of one from before there were recipes and some options."""
    then, lines = document.get("setup"), document.get("recipe")
    if not isinstance(then, dict):
        then = {}
    if then.get("optimizer") == type(optimizer).__name__:
        defaults = {f"optimizer.{name}": repr(d) for name, d in defaults_of(optimizer).items()}
        then = {name: d for name, d in defaults.items() if name != "optimizer.lr"} | then
    if not isinstance(lines, dict):
        start, last = document.get("start_lr"), document.get("lr")
        lines = {"lr": repr(last if start is None else start)}
    return then, lines


def compare(now: Recipe, then: Recipe, more: Recipe, more_then: Recipe) -> Comparison:
    """Compare a setup with that of a file, and what else is known with the file's."""
    different = {
        name: f"{name} is {now.get(name)}, the file's {then.get(name)}"
        for name in sorted(now.keys() | then.keys())
        if now.get(name) != then.get(name)
    }
    seen = {name: line for name, line in more.items() if line is not None}
    different |= {
        name: f"{name} is {line}, the file's {more_then[name]}"
        for name, line in seen.items()
        if more_then.get(name) not in (None, line)
    }
    unknown = [name for name in seen if name not in more_then]
    lasting = [name for name in different if name in FIXED]
    lasting += [n for n in SETS if n in different and "None" in (more[n], more_then[n])]
    return Comparison(different, unknown, lasting)


def _words(value: Any) -> str | None:
    """An option's value, if it can be told."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        return repr(value.tolist()) if value.size <= SMALL else digest(np.atleast_1d(value))
    return repr(value) if isinstance(value, PLAIN) else type(value).__name__


def _in_any_process(thing: Any) -> str:
    """The repr, without addresses in memory."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(thing))
