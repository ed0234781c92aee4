"""What is found out before a run learns: whether network, data, loss and score fit each other.

Whatever is wrong is better known now than in the middle of the night, when epochs are lost.
"""

import copy
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinynet.data import DataLoader
from tinynet.losses import CrossEntropyLoss, NLLLoss
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.runs.run import TrainingRun
from tinynet.runs.schedules import Schedule
from tinynet.runs.scores import check_loss, no_row_counts, one_float, score_of
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.calls import asking
from tinynet.support.checks import check_dataset, whole_number
from tinynet.support.memory import global_generators_kept
from tinynet.support.standing import generators_of, stand_of
from tinynet.support.types import Array

Sets = Mapping[str, tuple[Array, Any] | None]
"""The data that are scored, by their part of the history."""

USE = "tn.DataLoader(X, y, batch_size=32, shuffle=True)"


def check_run(run: TrainingRun) -> None:
    """Refuse epochs, loss, optimizer, early stopping and schedule that cannot make a run."""
    owner = run.owner
    whole_number(owner, "epochs", run.epochs, 1)
    check_loss(owner, run.loss_fn)
    check_optimizer(owner, run.net, run.optimizer)
    if not run.net._training:
        raise ValueError(
            f"{owner}: the network is in evaluation mode; call net.train() first, and after it "
            "layer.eval() of layers that are to stay in evaluation"
        )
    for name, kind, example in (
        ("early_stopping", EarlyStopping, "an EarlyStopping, such as tn.EarlyStopping(patience=5)"),
        ("schedule", Schedule, "a Schedule, such as tn.CosineLR(epochs)"),
    ):
        given = getattr(run, name)
        if not isinstance(given, kind | None):
            raise TypeError(f"{owner}: {name} is {type(given).__name__}, expected {example}")


def check_optimizer(owner: str, net: Module, optimizer: Optimizer) -> None:
    """Refuse an optimizer that would leave the network as it is."""
    own = {id(parameter) for parameter in net.parameters()}
    if own.isdisjoint(map(id, optimizer.parameters)):
        raise ValueError(
            f"{owner}: the optimizer holds no parameter of this network; make a new one with "
            "net.parameters()"
        )
    if not any(id(p) in own and p.requires_grad for p in optimizer.parameters):
        raise ValueError(
            f"{owner}: every parameter that the optimizer holds is frozen; set requires_grad = "
            "True for those that are to be learned"
        )


def deals_by_order(loader: Any) -> bool:
    """Whether it is a DataLoader that deals out rows as ``order`` says."""
    return isinstance(loader, DataLoader) and type(loader).__iter__ is DataLoader.__iter__


def check_loader(run: TrainingRun) -> None:
    """Refuse what cannot deal out batches (xb, yb) in all epochs, or none that can be learned."""
    owner, loader, epochs = run.owner, run.loader, run.epochs
    if isinstance(loader, DataLoader):
        rows = np.arange(len(loader.X))
        first = loader.batch(rows, 0) if loader.transform else loader.gather(rows[:1])
        rehearse(owner, run.net, run.loss_fn, first[0][:1], loader.y)
        _check_smallest_batch(owner, run.net, loader, first[0][:1])
        return
    kind = type(loader)
    package = kind.__module__.partition(".")[0]
    if package == "dask":
        raise TypeError(
            f"{owner}: loader is dask's {kind.__name__}; use tn.distributed.fit(net, loss_fn, "
            "optimizer, X, y, batch_size) with dask arrays X and y"
        )
    if isinstance(loader, tuple | list):
        _check_batches(owner, loader)
    elif (
        not (isinstance(loader, Iterable) or hasattr(kind, "__getitem__"))
        or isinstance(loader, np.ndarray | str | bytes | dict | set)
        or package in ("pandas", "polars", "pyarrow")
        or kind.__name__ == "Tensor"
    ):
        raise TypeError(
            f"{owner}: loader is {_kind(loader)}, expected a DataLoader, or what gives batches "
            f"(xb, yb) in every epoch; use {USE} with arrays X and y"
        )
    # A class in Python may begin anew in its __iter__, the iterators of Python itself cannot.
    once = isinstance(loader, Iterator) and type(kind.__iter__) is not types.FunctionType
    if once and epochs > 1:
        raise TypeError(
            f"{owner}: loader is a {kind.__name__}, which gives its batches once, but epochs = "
            f"{epochs}; use {USE}, a list of batches, or an object whose __iter__ begins anew"
        )


def check_needs(
    run: TrainingRun, doctor: bool, compiled: bool, checkpoint: bool, every: int | None
) -> None:
    """Refuse a loader that has not what other options need, and checkpoints at no batch."""
    owner, loader = run.owner, run.loader
    if every is not None:
        whole_number(owner, "checkpoint_every", every, 1)
    for option, wanted in (("doctor=True", doctor), ("compiled=True", compiled)):
        if wanted and not isinstance(loader, DataLoader):
            raise TypeError(f"{owner}: {option} needs a DataLoader, got {type(loader).__name__}")
    if checkpoint and not deals_by_order(loader):
        raise TypeError(
            f"{owner}: checkpoint needs a DataLoader without an __iter__ of its own, whose order "
            f"it can write down, got {type(loader).__name__}"
        )


def _check_smallest_batch(owner: str, net: Module, loader: DataLoader, first: Array) -> None:
    """Refuse a batch of one row, if there is one in each epoch and the network takes none."""
    size, left = loader.batch_size, len(loader.X) % loader.batch_size
    if size > 1 and (left != 1 or loader.drop_last):
        return
    try:
        with global_generators_kept():
            copy.deepcopy(net)(first)
    except ValueError as error:
        what = "the last batch of each epoch has one row; use drop_last=True"
        if size == 1:
            what = "batch_size = 1; use a larger one"
        raise ValueError(f"{owner}: {what}: {error}") from error


def check_by_rows(owner: str, net: Module, first: Array) -> None:
    """Refuse layers of which parts of a batch, each on its own machine, would make something else.

    Raises
    ------
    TypeError
        If a layer asks whether it learns, and does, or moves a buffer or a generator.
    """
    twin = copy.deepcopy(net)
    before = {name: str(stand_of(generator)) for name, generator in generators_of(twin)}
    state = twin.state_dict()
    with asking() as asked:
        twin(np.repeat(first, 2, axis=0))
    learning = [module for module in asked if module._training]
    found = [
        f"layer {place}, {module!r},"
        for place, module in twin.named_modules()
        if any(module is one for one in learning)
    ]
    found += [name for name, g in generators_of(twin) if str(stand_of(g)) != before[name]]
    found += [name for name, a in twin.state_dict().items() if a.tobytes() != state[name].tobytes()]
    if found:
        raise TypeError(
            f"{owner}: {found[0]} goes by the other rows of a batch, draws, or keeps running "
            "averages, and each machine has rows, draws and averages of its own; use tn.fit, or "
            "put the layer in evaluation by layer.eval()"
        )


def _check_batches(owner: str, loader: Any) -> None:
    kind = type(loader).__name__
    if len(loader) == 0:
        raise ValueError(f"{owner}: loader is an empty {kind}, without a batch; use {USE}")
    for number, batch in enumerate(loader):
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
            what = f"loader[{number}] is {type(batch).__name__}{size}, expected a batch (xb, yb)"
            if len(loader) == 2 and not any(isinstance(part, tuple | list) for part in loader):
                what = f"loader is a {kind} (X, y), expected batches of them"
            raise TypeError(f"{owner}: {what}; use {USE}")


def batches(owner: str, loader: Any, epoch: int) -> Iterator[tuple[Array, Any]]:
    """The batches of an epoch (counted from 1) of any loader, each looked at."""
    number = 0
    for number, batch in enumerate(loader, 1):
        place = f"{owner}: batch {number} of epoch {epoch}"
        try:
            if isinstance(batch, np.ndarray | str | bytes | dict | set):
                raise TypeError
            xb, yb = batch
        except (TypeError, ValueError):
            size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
            raise TypeError(
                f"{place} is {type(batch).__name__}{size}, expected a pair of arrays (xb, yb)"
            ) from None
        if any(type(part).__module__.partition(".")[0] == "torch" for part in (xb, yb)):
            raise TypeError(
                f"{place} holds PyTorch's tensors, expected arrays; yield xb.numpy(), yb.numpy(), "
                "or use tn.DataLoader(X.numpy(), y.numpy(), batch_size=32, shuffle=True)"
            )
        if np.shape(xb)[:1] == (0,):
            raise ValueError(f"{place} has no rows; leave it out")
        yield xb, yb
    if number == 0:
        why = f"it is empty, or an iterator that is used up; use {USE}"
        if epoch > 1:
            why = (
                "it gave its batches in the epochs before, and does not begin anew; use "
                f"{USE}, a list of batches, or an object whose __iter__ begins anew"
            )
        raise ValueError(f"{owner}: the loader gives no batch in epoch {epoch}: {why}")


def check_sets(run: TrainingRun, sets: Sets) -> None:
    """Refuse what are no data sets (X, y) to be scored, or what early stopping cannot go by."""
    for name, data in sets.items():
        if data is None:
            continue
        place = f"{run.owner}: {name}"
        if isinstance(data, DataLoader):
            pair = "(d.X, d.y)" if data.scale is None else "d.gather(np.arange(len(d.X)))"
            raise TypeError(
                f"{place} is a DataLoader, expected a pair (X, y); of a DataLoader d, use "
                f"{name}={pair}"
            )
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise TypeError(f"{place} is {type(data).__name__}, expected a pair (X, y)")
        check_dataset(place, *data)
        rehearse(place, run.net, run.loss_fn, data[0][:1], data[1])
    if run.early_stopping is not None and sets["validation"] is None:
        raise ValueError(
            f"{run.owner}: early_stopping goes by the validation loss; give validation=(X, y)"
        )


def rehearse(owner: str, net: Module, loss_fn: Module, first: Array, y: Any) -> None:
    """Score the first row against all of `y`: unusable data raises before anything is learned."""
    output, target = net.predict(first), y
    if type(loss_fn) in (NLLLoss, CrossEntropyLoss) and _are_labels(y, output.shape[-1]):
        target = y[:1]  # and one stands for all
    loss = loss_fn.predict(np.repeat(output, len(target), axis=0), target)
    one_float(f"{owner}: the loss {loss_fn!r}", loss)
    if no_row_counts(loss_fn, output, y):
        raise nothing_counts(owner, loss_fn)


def nothing_counts(owner: str, loss_fn: Module) -> ValueError:
    """The error of data in which there is nothing to learn from."""
    return ValueError(
        f"{owner}: no row counts in the loss: every label of y is ignored or of a class of "
        f"weight 0, see {loss_fn!r}"
    )


def check_score(run: TrainingRun, sets: Sets) -> None:
    """Call a score as it will be called: on whole sets, and on a batch of the loader's size."""
    if run.score is None:
        return
    if not callable(run.score):
        raise TypeError(
            f"{run.owner}: score is {type(run.score).__name__}, expected a function "
            "score(outputs, yb) that gives a float"
        )
    scored = [data for data in sets.values() if data is not None]
    if isinstance(run.loader, DataLoader):
        scored.append(run.loader.gather(spread(len(run.loader.X), run.loader.batch_size)))
    for X, y in scored:
        try:
            score_of(run.loss_fn, run.net.predict(X), y, run.score)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{run.owner}: {error}") from error


def spread(n: int, rows: int) -> Any:
    """Up to so many row numbers, evenly spaced: no generator is asked, sorted data are covered."""
    return np.linspace(0, n - 1, min(n, rows)).astype(np.int64)


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _are_labels(y: Any, classes: int) -> bool:
    if type(y) is not np.ndarray or y.ndim != 1 or y.dtype.kind not in "iu":
        return False
    return bool(y.min() >= 0 and y.max() < classes)
