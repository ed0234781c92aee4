"""The arrays of a checkpoint, by whose they are, and whether they can be taken over.

A file can be damaged, cut, or of another run. All of it is looked at before anything is changed,
and everything that is wrong is said at once.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tinynet.data import DataLoader
from tinynet.formats.safetensors import Document
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.rng import set_generator_state
from tinynet.runs.history import PARTS, History
from tinynet.runs.schedules import Schedule
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.checks import number
from tinynet.support.standing import generators_of, put_to
from tinynet.support.types import Array


class Run(NamedTuple):
    """All that a checkpoint is taken of."""

    net: Module
    optimizer: Optimizer
    loader: DataLoader
    history: History
    schedule: Schedule | None
    early_stopping: EarlyStopping | None


class Parts(NamedTuple):
    """The arrays of a checkpoint, by whose they are."""

    weights: dict[str, Array]
    memories: list[dict[str, Array]]
    scores: dict[str, Array]
    running: dict[str, Array]
    best: dict[str, Array]
    unknown: dict[str, Array]


def divide(arrays: Mapping[str, Array], optimizer: Optimizer) -> Parts:
    left = dict(arrays)

    def taken(prefix: str) -> dict[str, Array]:
        names = [name for name in left if name.startswith(prefix)]
        return {name.removeprefix(prefix): left.pop(name) for name in names}

    memories = [taken(f"optimizer.{n}.") for n in range(len(optimizer.parameters))]
    weights, scores, running, best = map(taken, ("net.", "history.", "running.", "best."))
    return Parts(weights, memories, scores, running, best, left)


def find_faults(parts: Parts, document: Document, run: Run) -> Iterator[str]:
    """What in a checkpoint could not be taken over, the weights aside."""
    yield from _state_faults(parts, document, run)
    yield from _score_faults(parts, document, run)
    yield from _plan_faults(parts, document, run)


def _state_faults(parts: Parts, document: Document, run: Run) -> Iterator[str]:
    optimizer = run.optimizer
    try:
        number("optimizer", "lr", document.get("lr"), 0)
        set_generator_state(copy.deepcopy(run.loader.rng), document.get("rng", {}))
    except (TypeError, ValueError) as error:
        yield str(error)
    seed = document.get("epoch_seed")
    if seed is not None and (type(seed) is not int or seed < 0):
        yield f"epoch_seed is {seed!r}, expected an int of at least 0"
    generators, stands = dict(generators_of(run.net)), document.get("generators")
    if stands is not None and (not isinstance(stands, dict) or stands.keys() != generators.keys()):
        yield f"its generators are {', '.join(stands)}, expected {', '.join(generators) or 'none'}"
    elif stands is not None:
        for name, generator in generators.items():
            try:
                put_to(copy.deepcopy(generator), stands[name])
            except ValueError as error:
                yield f"generator {name}: {error}"
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
                    f"optimizer.state[{position}][{name!r}] is {form(memory)}, expected "
                    f"{form(w)}, like the parameter"
                )
    if parts.unknown:
        yield f"unknown {', '.join(parts.unknown)}"


def _score_faults(parts: Parts, document: Document, run: Run) -> Iterator[str]:
    history, loader = run.history, run.loader
    expected = vars(History())  # and scores, if there are any
    known = expected.keys() | {f"{part}_score" for part in PARTS}
    if not expected.keys() <= parts.scores.keys() <= known:
        yield f"history has {', '.join(parts.scores)}, expected {', '.join(expected)}"
    if document.get("score") != history.score_name:
        yield f"its score is {document.get('score')}, expected {history.score_name}"
    running = dict(parts.running)
    order = running.pop("order", None)
    for name, scores in {**parts.scores, **running}.items():
        if scores.ndim != 1 or scores.dtype != np.float64:
            yield f"{name} is {form(scores)}, expected floats, one for each epoch or batch"
    if not parts.running:
        return
    if order is None or running.keys() != {"losses", "accuracies"}:
        yield f"running has {', '.join(parts.running)}, expected order, losses, accuracies"
        return
    # Numba would read wherever a row number points to.
    rows = len(loader.X)
    if order.ndim != 1 or order.dtype != np.int64 or ((order < 0) | (order >= rows)).any():
        yield f"running.order is {form(order)}, expected int64 in [0, {rows})"
    done = {scores.size for scores in running.values()}
    if len(done) != 1 or max(done) > len(loader):
        yield f"running.losses and .accuracies differ in length, or exceed {len(loader)} batches"


def _plan_faults(parts: Parts, document: Document, run: Run) -> Iterator[str]:
    schedule, early_stopping = run.schedule, run.early_stopping
    if schedule is not None:
        try:
            number(repr(schedule), "start_lr", document.get("start_lr"), 0)
        except (TypeError, ValueError) as error:
            yield f"{error}; the schedule's begin(optimizer) sets it"
    losses = parts.scores.get("validation_loss", np.empty(0)).ravel().tolist()
    kept = early_stopping is not None and early_stopping.restore_best
    has_best = kept and History(validation_loss=losses).best_epoch is not None
    expected = run.net.state_dict() if has_best else {}
    if parts.best.keys() != expected.keys():
        yield (
            f"the best weights are {', '.join(sorted(parts.best)) or 'missing'}, expected "
            f"{', '.join(sorted(expected)) or 'none'}"
        )
    for name in parts.best.keys() & expected.keys():
        best = parts.best[name]
        if form(best) != form(expected[name]):
            yield f"best {name} is {form(best)}, expected {form(expected[name])}"
        elif not np.isfinite(best).all():
            yield f"best {name} holds NaN or inf"


def score_lists(history: History) -> dict[str, list[float]]:
    """The lists of a history, those for scores only where there are some."""
    lists = {name: scores for name, scores in vars(history).items() if isinstance(scores, list)}
    return {name: scores for name, scores in lists.items() if scores or "score" not in name}


def form(array: Array) -> str:
    return f"{array.shape} {array.dtype.name}"
