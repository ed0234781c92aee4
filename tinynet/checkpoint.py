"""A training run in a file, to be continued as if it had never stopped.

What comes next in a run follows from the weights, from what the optimizer remembers, and from the
loader's random numbers; within an epoch, also from its order and the batches done. All of that
goes into one file, bit for bit. The code builds network, optimizer and loader again, as at the
start of the run; then ``load_checkpoint`` puts them where they were.
"""

import copy
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinynet._checks import number
from tinynet._safetensors import Document, ModelFileError, read, to_bytes
from tinynet._types import Array
from tinynet.atomic import write_atomically
from tinynet.data import DataLoader
from tinynet.module import Module
from tinynet.optim import Optimizer, State
from tinynet.rng import generator_state, set_generator_state
from tinynet.serialization import finite_weights

if TYPE_CHECKING:
    from tinynet.training import History  # which needs this module

FORMAT = "tinynet checkpoint 1"


@dataclass
class RunningEpoch:
    """An epoch that is under way: its order, and the scores of the batches that are done.

    Attributes
    ----------
    order : ndarray of int64
        From ``loader.order()``: row numbers, as they are dealt out in this epoch.
    losses, accuracies : list of float
        One for each batch that is done, so ``len(losses)`` is the number of the next one.
    """

    order: NDArray[np.int64]
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)


def save_checkpoint(
    path: str | os.PathLike[str],
    net: Module,
    optimizer: Optimizer,
    loader: DataLoader,
    history: "History",
    running: RunningEpoch | None = None,
) -> None:
    """Write down where a training run stands, between two steps.

    The file is replaced in one step: a program that dies on the way leaves the old one.

    Parameters
    ----------
    path : str or path-like
        The file to create or replace.
    net : Module
    optimizer : Optimizer
        Of parameters of `net`. What it remembers must be finite numbers, and arrays of the shape
        and dtype of the parameter.
    loader : DataLoader
        Its data are not written.
    history : History
        Of the epochs that are finished.
    running : RunningEpoch, optional
        The epoch that is under way, if there is one.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If a weight is NaN or infinite, the optimizer holds a parameter that `net` does not have,
        or something could not be loaded again; nothing is written.
    OSError
        If the file cannot be written, or the disk is full.
    """
    _check_types("save_checkpoint", net, optimizer, loader, history)
    arrays = {f"net.{name}": a for name, a in finite_weights("save_checkpoint", net).items()}
    numbers: list[State] = [
        {name: value for name, value in state.items() if not isinstance(value, np.ndarray)}
        for state in optimizer.state
    ]
    for position, state in enumerate(optimizer.state):
        for name in state.keys() - numbers[position].keys():
            arrays[f"optimizer.{position}.{name}"] = state[name]
    arrays |= {f"history.{name}": np.array(scores) for name, scores in vars(history).items()}
    if running is not None:
        arrays |= {f"running.{name}": np.array(value) for name, value in vars(running).items()}
    document: Document = {
        "format": FORMAT,
        "setup": _setup("save_checkpoint", net, optimizer, loader),
        "lr": float(optimizer.lr),
        "numbers": numbers,
        "rng": json.loads(json.dumps(generator_state(loader.rng), default=np.ndarray.tolist)),
    }
    faults = list(_faults(_parts(arrays, optimizer), document, optimizer, loader, history))
    if faults:
        raise ValueError(f"save_checkpoint: {'; '.join(faults)}; nothing was written")
    write_atomically(Path(path), to_bytes(arrays, document))


def load_checkpoint(
    path: str | os.PathLike[str],
    net: Module,
    optimizer: Optimizer,
    loader: DataLoader,
    history: "History",
) -> RunningEpoch | None:
    """Put a training run where it was when ``save_checkpoint`` wrote the file.

    Build all of it as for the run's beginning, on the same data. The epochs that are left are then
    ``range(len(history), epochs)``; training continues to the same bits as without a stop.

    Parameters
    ----------
    path : str or path-like
    net : Module
        Takes over the weights.
    optimizer : Optimizer
        Takes over what it remembered, and `lr`. Its other options must be those of the run.
    loader : DataLoader
        Its generator takes over the state. Shapes of the data, and options, must be those of the
        run.
    history : History
        Takes over the scores of the finished epochs.

    Returns
    -------
    RunningEpoch or None
        The epoch that was under way, if the file was written within one.

    Raises
    ------
    ModelFileError
        A ValueError: if the file is damaged or not a checkpoint, or is of a run of another kind
        (the message lists all that differs). Nothing is changed.
    TypeError
        If an argument is not of its type.
    OSError
        If the file cannot be read.
    """
    _check_types("load_checkpoint", net, optimizer, loader, history)
    path = Path(path)
    arrays, document = read(path, FORMAT)
    if document is None:
        raise ModelFileError(
            f"{path} holds arrays, but is no checkpoint of tinynet's; for weights alone use "
            "tn.load(path, into=net)"
        )
    now, then = _setup("load_checkpoint", net, optimizer, loader), document.get("setup")
    if then != now:
        then = then if isinstance(then, dict) else {}
        differences = [
            f"{name} is {now.get(name)}, the file's {then.get(name)}"
            for name in sorted(now.keys() | then.keys())
            if now.get(name) != then.get(name)
        ]
        raise ModelFileError(
            f"{path} is of another run: {'; '.join(differences)}. Build all of it as it was"
        )
    parts = _parts(arrays, optimizer)
    try:
        faults = list(_faults(parts, document, optimizer, loader, history))
        if faults:
            raise ValueError("; ".join(faults))
        net.load_state_dict(parts.weights)  # changes nothing if it raises
    except ValueError as error:
        raise ModelFileError(f"{path} is no usable checkpoint: {error}") from error
    set_generator_state(loader.rng, document["rng"])
    optimizer.lr = float(document["lr"])
    optimizer.state[:] = [
        numbers | {name: np.array(memory) for name, memory in memories.items()}
        for numbers, memories in zip(document["numbers"], parts.memories, strict=True)
    ]
    for name, scores in parts.scores.items():
        setattr(history, name, scores.tolist())
    if not parts.running:
        return None
    order, losses, accuracies = (parts.running[item.name] for item in fields(RunningEpoch))
    return RunningEpoch(np.array(order), losses.tolist(), accuracies.tolist())


class _Parts(NamedTuple):
    """The arrays of a checkpoint, by whose they are."""

    weights: dict[str, Array]
    memories: list[dict[str, Array]]
    scores: dict[str, Array]
    running: dict[str, Array]
    unknown: dict[str, Array]


def _parts(arrays: Mapping[str, Array], optimizer: Optimizer) -> _Parts:
    left = dict(arrays)

    def taken(prefix: str) -> dict[str, Array]:
        names = [name for name in left if name.startswith(prefix)]
        return {name.removeprefix(prefix): left.pop(name) for name in names}

    memories = [taken(f"optimizer.{n}.") for n in range(len(optimizer.parameters))]
    return _Parts(taken("net."), memories, taken("history."), taken("running."), left)


def _faults(
    parts: _Parts,
    document: Document,
    optimizer: Optimizer,
    loader: DataLoader,
    history: "History",
) -> Iterator[str]:
    """What in a checkpoint could not be taken over, the weights aside."""
    try:
        number("optimizer", "lr", document.get("lr"), 0)
        set_generator_state(copy.deepcopy(loader.rng), document.get("rng", {}))
    except (TypeError, ValueError) as error:
        yield str(error)
    numbers = document.get("numbers")
    if (
        not isinstance(numbers, list)
        or len(numbers) != len(optimizer.parameters)
        or not all(isinstance(known, dict) for known in numbers)
    ):
        yield f"optimizer.state is not {len(optimizer.parameters)} dicts, one for each parameter"
        numbers = []
    for position, known in enumerate(numbers):
        for name, value in known.items():
            if type(value) not in (int, float, bool) or not math.isfinite(value):
                yield (
                    f"optimizer.state[{position}][{name!r}] = {value!r}, expected a finite number, "
                    "or an array like the parameter"
                )
    for position, memories in enumerate(parts.memories):
        w = optimizer.parameters[position].data
        for name, memory in memories.items():
            if memory.shape != w.shape or memory.dtype.newbyteorder("=") != w.dtype:
                yield (
                    f"optimizer.state[{position}][{name!r}] is {_form(memory)}, expected "
                    f"{_form(w)}, like the parameter"
                )
    if parts.unknown:
        yield f"unknown {', '.join(parts.unknown)}"
    if parts.scores.keys() != vars(history).keys():
        yield f"history has {', '.join(parts.scores)}, expected {', '.join(vars(history))}"
    running = dict(parts.running)
    order = running.pop("order", None)
    for name, scores in {**parts.scores, **running}.items():
        if scores.ndim != 1 or scores.dtype != np.float64:
            yield f"{name} is {_form(scores)}, expected floats, one for each epoch or batch"
    if not parts.running:
        return
    if order is None or running.keys() != {"losses", "accuracies"}:
        yield f"running has {', '.join(parts.running)}, expected order, losses, accuracies"
        return
    # Numba would read wherever a row number points to.
    rows = len(loader.X)
    if order.ndim != 1 or order.dtype != np.int64 or ((order < 0) | (order >= rows)).any():
        yield f"running.order is {_form(order)}, expected int64 in [0, {rows})"
    done = {scores.size for scores in running.values()}
    if len(done) != 1 or max(done) > len(loader):
        yield f"running.losses and .accuracies differ in length, or exceed {len(loader)} batches"


def _setup(owner: str, net: Module, optimizer: Optimizer, loader: DataLoader) -> dict[str, str]:
    """In words, all that the code must build as it was: a checkpoint does not change it."""
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    for position, parameter in enumerate(optimizer.parameters):
        if id(parameter) not in names:
            raise ValueError(
                f"{owner}: optimizer.parameters[{position}] is no parameter of this network; make "
                "the optimizer with net.parameters()"
            )
    plain = (bool, int, float, str, tuple, type(None))
    options = {
        f"optimizer.{name}": repr(value)
        for name, value in vars(optimizer).items()
        if isinstance(value, plain) and name != "lr"
    }
    options |= {
        f"loader.{name}": repr(getattr(loader, name))
        for name in ("batch_size", "shuffle", "drop_last", "scale")
    }
    weights = (f"{name} {_form(array)}" for name, array in net.state_dict().items())
    return options | {
        "net": repr(net),
        "net.state_dict()": ", ".join(weights),
        "optimizer": type(optimizer).__name__,
        "optimizer.parameters": ", ".join(names[id(p)] for p in optimizer.parameters),
        "loader.rng": type(loader.rng).__name__,
        "loader.X": _form(loader.X),
        "loader.y": _form(loader.y),
    }


def _form(array: Array) -> str:
    return f"{array.shape} {array.dtype.name}"


def _check_types(owner: str, *arguments: object) -> None:
    from tinynet.training import History  # which needs this module

    kinds = {"net": Module, "optimizer": Optimizer, "loader": DataLoader, "history": History}
    for (name, kind), argument in zip(kinds.items(), arguments, strict=True):
        if not isinstance(argument, kind):
            raise TypeError(
                f"{owner}: {name} is {type(argument).__name__}, expected {kind.__name__}; use "
                f"tn.{owner}(path, net, optimizer, loader, history)"
            )
