"""A training run in a file, to be continued as if it had never stopped.

What comes next in a run follows from the weights, from what the optimizer remembers, and from the
loader's random numbers; within an epoch, also from its order and the batches done. All of that
goes into one file, bit for bit. The code builds network, optimizer and loader again, as at the
start of the run; then ``load_checkpoint`` puts them where they were.
"""

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinynet._checkpoint_parts import Run, divide, find_faults, form
from tinynet._safetensors import Document, ModelFileError, read, to_bytes
from tinynet.atomic import write_atomically
from tinynet.data import DataLoader
from tinynet.history import History
from tinynet.module import Module
from tinynet.optim import Optimizer, State
from tinynet.rng import generator_state, set_generator_state
from tinynet.schedules import Schedule
from tinynet.serialization import finite_weights
from tinynet.stopping import EarlyStopping

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
    history: History,
    running: RunningEpoch | None = None,
    schedule: Schedule | None = None,
    early_stopping: EarlyStopping | None = None,
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
    schedule : Schedule, optional
        The one that sets the optimizer's `lr`; its ``begin`` was called.
    early_stopping : EarlyStopping, optional
        The one that watches the run.

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
    run = Run(net, optimizer, loader, history, schedule, early_stopping)
    _check_types("save_checkpoint", run)
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
    if early_stopping is not None:
        arrays |= {f"best.{name}": array for name, array in early_stopping.best_weights.items()}
    document: Document = {
        "format": FORMAT,
        "setup": _setup("save_checkpoint", run),
        "lr": float(optimizer.lr),
        "start_lr": schedule and schedule.start_lr,
        "numbers": numbers,
        "rng": json.loads(json.dumps(generator_state(loader.rng), default=np.ndarray.tolist)),
    }
    faults = list(find_faults(divide(arrays, optimizer), document, run))
    if faults:
        raise ValueError(f"save_checkpoint: {'; '.join(faults)}; nothing was written")
    write_atomically(Path(path), to_bytes(arrays, document))


def load_checkpoint(
    path: str | os.PathLike[str],
    net: Module,
    optimizer: Optimizer,
    loader: DataLoader,
    history: History,
    schedule: Schedule | None = None,
    early_stopping: EarlyStopping | None = None,
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
    schedule : Schedule, optional
        Takes over `start_lr`. Its options must be those of the run.
    early_stopping : EarlyStopping, optional
        Takes over the best weights. Its options must be those of the run.

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
    run = Run(net, optimizer, loader, history, schedule, early_stopping)
    _check_types("load_checkpoint", run)
    path = Path(path)
    arrays, document = read(path, FORMAT)
    if document is None:
        raise ModelFileError(
            f"{path} holds arrays, but is no checkpoint of tinynet's; for weights alone use "
            "tn.load(path, into=net)"
        )
    now, then = _setup("load_checkpoint", run), document.get("setup")
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
    parts = divide(arrays, optimizer)
    try:
        faults = list(find_faults(parts, document, run))
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
    if schedule is not None:
        schedule.start_lr = float(document["start_lr"])
    if early_stopping is not None:
        early_stopping.best_weights = {name: np.array(best) for name, best in parts.best.items()}
    if not parts.running:
        return None
    order, losses, accuracies = (parts.running[item.name] for item in fields(RunningEpoch))
    return RunningEpoch(np.array(order), losses.tolist(), accuracies.tolist())


def _setup(owner: str, run: Run) -> dict[str, str]:
    """In words, all that the code must build as it was: a checkpoint does not change it."""
    net, optimizer, loader = run.net, run.optimizer, run.loader
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
    weights = (f"{name} {form(array)}" for name, array in net.state_dict().items())
    return options | {
        "net": repr(net),
        "net.state_dict()": ", ".join(weights),
        "optimizer": type(optimizer).__name__,
        "optimizer.parameters": ", ".join(names[id(p)] for p in optimizer.parameters),
        "loader.rng": type(loader.rng).__name__,
        "loader.X": form(loader.X),
        "loader.y": form(loader.y),
        "schedule": repr(run.schedule),
        "early_stopping": repr(run.early_stopping),
    }


def _check_types(owner: str, run: Run) -> None:
    kinds = {
        "net": Module,
        "optimizer": Optimizer,
        "loader": DataLoader,
        "history": History,
        "schedule": Schedule | None,
        "early_stopping": EarlyStopping | None,
    }
    for name, kind in kinds.items():
        argument = getattr(run, name)
        if not isinstance(argument, kind):
            wanted = getattr(kind, "__name__", kind)
            raise TypeError(
                f"{owner}: {name} is {type(argument).__name__}, expected {wanted}; use "
                f"tn.{owner}(path, net, optimizer, loader, history)"
            )
