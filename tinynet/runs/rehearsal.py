"""What ``fit`` finds out before it learns: whether loader, data, loss and score fit each other.

Whatever is wrong is better known now than in the middle of the night, when epochs are lost.
"""

import types
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tinynet.data import DataLoader
from tinynet.losses import CrossEntropyLoss, NLLLoss
from tinynet.module import Module
from tinynet.runs.scores import Score, no_row_counts, one_float, score_of
from tinynet.support.checks import check_dataset
from tinynet.support.types import Array

USE = "tn.DataLoader(X, y, batch_size=32, shuffle=True)"


def deals_by_order(loader: Any) -> bool:
    """Whether it is a DataLoader that deals out rows as ``order`` says."""
    return isinstance(loader, DataLoader) and type(loader).__iter__ is DataLoader.__iter__


def check_loader(owner: str, loader: Any, epochs: int) -> None:
    """Refuse what cannot deal out batches (xb, yb) in so many epochs."""
    if isinstance(loader, DataLoader):
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


def check_pair(owner: str, name: str, data: Any) -> None:
    """Refuse what is no data set (X, y) to be scored."""
    if isinstance(data, DataLoader):
        pair = "(d.X, d.y)" if data.scale is None else "d.gather(np.arange(len(d.X)))"
        raise TypeError(
            f"{owner}: {name} is a DataLoader, expected a pair (X, y); of a DataLoader d, use "
            f"{name}={pair}"
        )
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"{owner}: {name} is {type(data).__name__}, expected a pair (X, y)")
    check_dataset(f"{owner}: {name}", *data)


def rehearse(owner: str, net: Module, loss_fn: Module, first: Array, y: Any) -> None:
    """Score the first row against all of `y`: unusable data raises before anything is learned."""
    output, target = net.predict(first), y
    if type(loss_fn) in (NLLLoss, CrossEntropyLoss) and _are_labels(y, output.shape[-1]):
        target = y[:1]  # and one stands for all
    loss = loss_fn.predict(np.repeat(output, len(target), axis=0), target)
    one_float(f"{owner}: the loss {loss_fn!r}", loss)
    if no_row_counts(loss_fn, output, y):
        raise ValueError(
            f"{owner}: no row counts in the loss: every label of y is ignored or of a class of "
            f"weight 0, see {loss_fn!r}"
        )


def rehearse_score(
    net: Module, loss_fn: Module, score: Score, loader: Any, *sets: tuple[Array, Any] | None
) -> None:
    """Call a score as it will be called: on whole sets, and on a batch of the loader's size."""
    if not callable(score):
        raise TypeError(
            f"fit: score is {type(score).__name__}, expected a function score(outputs, yb) that "
            "gives a float"
        )
    scored = [data for data in sets if data is not None]
    if isinstance(loader, DataLoader):
        scored.append(loader.gather(spread(len(loader.X), loader.batch_size)))
    for X, y in scored:
        try:
            score_of(loss_fn, net.predict(X), y, score)
        except (TypeError, ValueError) as error:
            raise type(error)(f"fit: {error}") from error


def spread(n: int, rows: int) -> Any:
    """Up to so many row numbers, evenly spaced: no generator is asked, sorted data are covered."""
    return np.linspace(0, n - 1, min(n, rows)).astype(np.int64)


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def _are_labels(y: Any, classes: int) -> bool:
    if type(y) is not np.ndarray or y.ndim != 1 or y.dtype.kind not in "iu":
        return False
    return bool(y.min() >= 0 and y.max() < classes)
