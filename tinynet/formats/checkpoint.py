"""A training run in a file, to be continued as if it had never stopped.

What comes next in a run follows from the weights, from what the optimizer remembers, and from the
loader's random numbers; within an epoch, also from its order and the batches done. All of that
goes into one file, bit for bit. The code builds network, optimizer and loader again, as at the
start of the run; then ``load_checkpoint`` puts them where they were.
"""

import json
import os
import warnings
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.data import DataLoader
from tinynet.formats.checkpoint_parts import Run, divide, find_faults, score_lists
from tinynet.formats.recipe import BATCHES, Recipe, compare, names_of_changes, recorded, setup
from tinynet.formats.safetensors import Document, ModelFileError, read, to_bytes
from tinynet.formats.serialization import finite_weights
from tinynet.module import Module
from tinynet.optim import Optimizer, State
from tinynet.rng import generator_state, set_generator_state
from tinynet.runs.history import History
from tinynet.runs.run import RunningEpoch
from tinynet.runs.schedules import Schedule
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.atomic import file_path, write_atomically
from tinynet.support.standing import generators_of, put_to, stand_of

__all__ = ["RunningEpoch", "load_checkpoint", "save_checkpoint"]

FORMAT = "tinynet checkpoint 1"


def save_checkpoint(
    path: str | os.PathLike[str],
    net: Module,
    optimizer: Optimizer,
    loader: DataLoader,
    history: History,
    running: RunningEpoch | None = None,
    schedule: Schedule | None = None,
    early_stopping: EarlyStopping | None = None,
    recipe: Mapping[str, str | None] | None = None,
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
    recipe : mapping from str to str, optional
        What else makes the run what it is, such as ``{"loss": repr(loss_fn)}``.

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
    arrays |= {f"history.{name}": np.array(scores) for name, scores in score_lists(history).items()}
    if running is not None:
        arrays |= {f"running.{name}": np.array(value) for name, value in vars(running).items()}
    if early_stopping is not None:
        arrays |= {f"best.{name}": array for name, array in early_stopping.best_weights.items()}
    document: Document = {
        "format": FORMAT,
        "setup": setup("save_checkpoint", run),
        "lr": float(optimizer.lr),
        "start_lr": schedule and schedule.start_lr,
        "score": history.score_name,
        "numbers": numbers,
        "rng": _plain(generator_state(loader.rng)),
    }
    if loader.transform is not None:
        document["epoch_seed"] = loader.epoch_seed
    if generators := dict(generators_of(net)):
        document["generators"] = {name: _plain(stand_of(g)) for name, g in generators.items()}
    if recipe is not None:
        document["recipe"] = dict(recipe)
    faults = list(find_faults(divide(arrays, optimizer), document, run))
    if faults:
        raise ValueError(f"save_checkpoint: {'; '.join(faults)}; nothing was written")
    write_atomically(file_path("save_checkpoint", path), to_bytes(arrays, document))


def load_checkpoint(
    path: str | os.PathLike[str],
    net: Module,
    optimizer: Optimizer,
    loader: DataLoader,
    history: History,
    schedule: Schedule | None = None,
    early_stopping: EarlyStopping | None = None,
    recipe: Mapping[str, str | None] | None = None,
    changed: Collection[str] = (),
) -> RunningEpoch | None:
    """Put a training run where it was when ``save_checkpoint`` wrote the file.

    Build all of it as for the run's beginning, on the same data. The epochs that are left are then
    ``range(len(history), epochs)``; training continues to the same bits as without a stop.

    Compared with the file are the network's layers and shapes, the optimizer, its options but for
    `lr`, and its parameters, the loader's options and the shapes of its data, the schedule and
    early stopping, and every line of the `recipe`. ``tn.fit`` hands over a recipe with much more:
    the loss, all numbers of the data, seeds and the learning rate. In a loop of one's own, what the
    recipe does not tell is not compared.

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
    recipe : mapping from str to str, optional
        As handed to ``save_checkpoint``; a line that is None is not compared.
    changed : collection of str
        The names of what was changed on purpose, as the error names them. What has been changed is
        then as it is now, and all else as the file says; not for the network, nor for another
        optimizer.

    Returns
    -------
    RunningEpoch or None
        The epoch that was under way, if the file was written within one.

    Raises
    ------
    ModelFileError
        A ValueError: if the file is damaged or not a checkpoint, or is of a run of another kind
        (the message lists all that differs). Nothing is changed.
    ValueError
        If `changed` names nothing that is compared.
    TypeError
        If an argument is not of its type.
    OSError
        If the file cannot be read.

    Warns
    -----
    UserWarning
        If the file, of an earlier version, does not tell what is in the recipe.

    Examples
    --------
    >>> X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
    >>> net = tn.Sequential(tn.Linear(4, 3, rng=0), tn.LogSoftmax())
    >>> optimizer = tn.SGD(net.parameters(), lr=0.1)
    >>> loader = tn.DataLoader(X, y, batch_size=2, rng=0)
    >>> history = tn.fit(net, tn.NLLLoss(), optimizer, loader, epochs=2, progress=False)
    >>> tn.save_checkpoint("run.ckpt", net, optimizer, loader, history)
    >>> history = tn.History()
    >>> tn.load_checkpoint("run.ckpt", net, optimizer, loader, history)
    >>> len(history)
    2
    """
    run = Run(net, optimizer, loader, history, schedule, early_stopping)
    _check_types("load_checkpoint", run)
    path = file_path("load_checkpoint", path)
    arrays, document = read(path, FORMAT)
    if document is None:
        raise ModelFileError(
            f"{path} holds arrays, but is no checkpoint of tinynet's; for weights alone use "
            "tn.load(path, into=net)"
        )
    new = _check_same(path, document, run, dict(recipe or {}), changed)
    if {"lr", "schedule"} & new:
        document["lr"] = document["start_lr"] = optimizer._start_lr
    parts = divide(arrays, optimizer)
    try:
        if parts.running and (moved := sorted(new & {*BATCHES})):
            raise ValueError(
                f"it was written within an epoch; finish that as it was begun, and change "
                f"{' and '.join(moved)} after it"
            )
        if "early_stopping" in new and not (parts.best and _keeps_best(early_stopping)):
            run, parts = run._replace(early_stopping=None), parts._replace(best={})
        faults = list(find_faults(parts, document, run))
        if faults:
            raise ValueError("; ".join(faults))
        net.load_state_dict(parts.weights)  # changes nothing if it raises
    except ValueError as error:
        raise ModelFileError(f"{path} is no usable checkpoint: {error}") from error
    if "loader.seed" not in new:
        set_generator_state(loader.rng, document["rng"])
    loader.epoch_seed = document.get("epoch_seed")
    for name, generator in generators_of(net):
        layer = f"net.{name}".rpartition(".")[0]
        if f"{layer}.seed" not in new and "generators" in document:
            put_to(generator, document["generators"][name])
    optimizer.lr = float(document["lr"])
    optimizer.state[:] = [
        numbers | {name: np.array(memory) for name, memory in memories.items()}
        for numbers, memories in zip(document["numbers"], parts.memories, strict=True)
    ]
    for name, scores in parts.scores.items():
        setattr(history, name, scores.tolist())
    if schedule is not None:
        schedule.start_lr = float(document["start_lr"])
        optimizer._scheduled = schedule.start_lr, optimizer.lr
    if early_stopping is not None:
        early_stopping.best_weights = {name: np.array(best) for name, best in parts.best.items()}
    if not parts.running:
        return None
    order, losses, accuracies = (parts.running[item.name] for item in fields(RunningEpoch))
    return RunningEpoch(np.array(order), losses.tolist(), accuracies.tolist())


def _plain(state: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(json.dumps(state, default=np.ndarray.tolist))


def _keeps_best(early_stopping: EarlyStopping | None) -> bool:
    return early_stopping is not None and early_stopping.restore_best


def _check_same(path: Path, document: Document, run: Run, more: Recipe, changed: Any) -> set[str]:
    """The names of what differs from the file and may; an error if anything else does."""
    now = setup("load_checkpoint", run)
    accepted = names_of_changes("load_checkpoint", changed, path)
    then, more_then = recorded(document, run.optimizer)
    found = compare(now, then, more, more_then)
    if unknown := accepted - now.keys() - more.keys() - found.different.keys():
        raise ValueError(
            f"load_checkpoint: changed names {', '.join(sorted(unknown))}, which is nothing that "
            f"is compared; that is {', '.join(sorted(now.keys() | more.keys()))}"
        )
    refused = [text for name, text in found.different.items() if name not in accepted]
    refused += [found.different[name] for name in found.lasting if name in accepted]
    if refused:
        advice = "Build all of it as it was, or give another file for another run"
        if not found.lasting:
            names = sorted(accepted | found.different.keys())
            advice += f"; if it is the same run, changed on purpose, add changed={names}"
        raise ModelFileError(f"{path} is of another run: {'; '.join(refused)}. {advice}")
    if "generators" not in document:
        found.unknown.extend(f"generator {name}" for name, _ in generators_of(run.net))
    if found.unknown:
        warnings.warn(
            f"{path} is a checkpoint of an earlier version, without {', '.join(found.unknown)}: "
            "whether these are as they were could not be checked. The next one written here has "
            "them",
            stacklevel=5,
        )
    return accepted & found.different.keys()


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
