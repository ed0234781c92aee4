"""The training doctor: what is wrong with this run, how that shows, and what to try.

A run that goes wrong says so in numbers: a loss that stays at ln(C), units that are always 0, steps
as large as the weights. They are easy to read for who knows where to look, so ``diagnose`` looks
there, and says what it finds in words. It only looks: the network, its gradients, the optimizer and
the generators stay as they are.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet.data import DataLoader
from tinynet.inspection.case import Case, Finding
from tinynet.inspection.findings import findings_of
from tinynet.inspection.tracing import Trace, trace
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.runs.history import History
from tinynet.runs.rehearsal import spread
from tinynet.runs.scores import check_loss, classifies, no_row_counts
from tinynet.support.checks import check_dataset
from tinynet.support.types import Array

TRACED_ROWS = 512
TRACED_STEPS = 3  # steps that are too large show themselves in the second or third
ASKED_ROWS = 2000

Pair = tuple[Array, Array]


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """The doctor's findings; printed, in words.

    Attributes
    ----------
    findings : list of Finding
        What is wrong first that explains most; empty if nothing was found.
    examined : list of str
        What there was to look at.

    Examples
    --------
    >>> X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
    >>> net = tn.Sequential(tn.Linear(4, 3, rng=0))
    >>> diagnosis = tn.diagnose(None, net, (X, y), loss_fn=tn.NLLLoss())
    >>> diagnosis.findings[0].name
    'logits fed to NLLLoss'
    """

    findings: list[Finding]
    examined: list[str]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __str__(self) -> str:
        count = {0: "no findings", 1: "1 finding"}.get(len(self), f"{len(self)} findings")
        head = f"The doctor looked at {', '.join(self.examined)}: {count}."
        return "\n".join([head, *(f"- {finding}" for finding in self.findings)])

    __repr__ = __str__


def diagnose(
    history: History | None,
    net: Module | Trace,
    data: DataLoader | Pair | None = None,
    test: Pair | None = None,
    loss_fn: Module | None = None,
    optimizer: Optimizer | None = None,
) -> Diagnosis:
    """Look for what commonly goes wrong in training; nothing is changed.

    The findings: inputs that are not scaled; training and test set on different scales, or sets
    that do not belong together; softmax or raw scores fed to NLLLoss; units that all have the same
    weights; a loss still at ln(C); dead units; updates far too large or small for the weights;
    gradients that vanish or explode; overfitting; a class that is never predicted. Causes come
    first, and what they explain is not told beside them.

    Parameters
    ----------
    history : History or None
        What `fit` returned. An empty one says that the network is untrained; None, that nothing is
        known of its training.
    net : Module or Trace
        A network, or what ``tn.trace`` made of a step of it.
    data : DataLoader or (X, y), optional
        The training set. Needed with a network; a trace holds its batch.
    test : (X, y), optional
        A test or validation set.
    loss_fn : NLLLoss, CrossEntropyLoss, or a loss of one's own, optional
        With a reduction other than "none". Needed with a network. What is about classes is looked
        at for losses over classes alone, those that have an ``accuracy``.
    optimizer : Optimizer, optional
        Of the parameters of `net`. Without it, updates are not looked at.

    Returns
    -------
    Diagnosis
        Print it, or go through its findings.

    Raises
    ------
    TypeError, ValueError, IndexError
        If an argument is not of its type, `data` or `loss_fn` are missing beside a network, or they
        do not fit each other.
    """
    if history is not None and not isinstance(history, History):
        raise TypeError(
            f"diagnose: history is {type(history).__name__}, expected what fit returned, or None"
        )
    if isinstance(net, Trace):
        traced, X, y = net, net.X, net.y
        if data is not None:
            X, y = _sample("data", data, ASKED_ROWS)
    else:
        if not isinstance(net, Module):
            raise TypeError(
                f"diagnose: net is {type(net).__name__}, expected a Module, or a Trace of tn.trace"
            )
        if data is None or loss_fn is None:
            missing = "data" if data is None else "loss_fn"
            raise ValueError(
                f"diagnose: {missing} is missing; use tn.diagnose(history, net, data, "
                "loss_fn=loss_fn), or give a trace instead of the network"
            )
        check_loss("diagnose", loss_fn)
        X, y = _sample("data", data, ASKED_ROWS)
        rows = spread(len(X), TRACED_ROWS)
        steps = TRACED_STEPS if optimizer is not None else 1
        with np.errstate(all="ignore"):  # what overflows is a finding
            batch = X[rows], y[rows]
            if no_row_counts(loss_fn, net.predict(X[:1]), batch[1]):
                batch = _counting(data, loss_fn, net.predict(X[:1]).shape[-1])
            traced = trace(net, loss_fn, *batch, optimizer, steps)
    asked, labels = (X, y) if test is None else _sample("test", test, ASKED_ROWS)
    with np.errstate(all="ignore"):
        guesses, true = _answers(traced, asked, labels)
        classes = _classes(y) if classifies(traced.loss_fn) else np.empty(0, np.int64)
        case = Case(history, traced, X, classes, None if test is None else asked, guesses, true)
        findings = findings_of(case)
    return Diagnosis(findings, list(_examined(case, updates=optimizer is not None)))


class Rounds:
    """The doctor's visits during a run; each finding is told once.

    What shows itself after one epoch may be gone after the next, so that during training a finding
    is told when it is there for the second time in a row.

    Parameters
    ----------
    net, loss_fn, optimizer, loader, test
        As for `fit`.
    """

    def __init__(
        self,
        net: Module,
        loss_fn: Module,
        optimizer: Optimizer,
        loader: DataLoader,
        test: Pair | None,
    ) -> None:
        self._arguments: Any = (net, loader, test, loss_fn, optimizer)
        self._last: set[str] = set()
        self._told: set[str] = set()

    def visit(self, history: History, say: Callable[[str], object]) -> None:
        """Say what is new."""
        when = f"after epoch {len(history)}" if len(history) else "before training"
        diagnosis = diagnose(history, *self._arguments)
        for finding in diagnosis:
            certain = not len(history) or finding.name in self._last
            if certain and finding.name not in self._told:
                self._told.add(finding.name)
                say(f"doctor, {when}: {finding}")
        self._last = {finding.name for finding in diagnosis}


def _sample(name: str, data: Any, rows: int) -> Pair:
    """Up to so many rows, evenly spaced: no generator is asked, and sorted data are covered."""
    if isinstance(data, DataLoader):
        return data.gather(spread(len(data.X), rows))
    expected = "a pair (X, y)" if name == "test" else "a DataLoader or a pair (X, y)"
    if not isinstance(data, tuple | list) or len(data) != 2 or isinstance(data[0], tuple | list):
        batches = " of batches" if isinstance(data, tuple | list) and len(data) else ""
        raise TypeError(f"diagnose: {name} is {type(data).__name__}{batches}, expected {expected}")
    X, y = data
    check_dataset(f"diagnose: {name}", X, y)
    chosen = spread(len(X), rows)
    return X[chosen], y[chosen]


def _counting(data: Any, loss_fn: Any, classes: int) -> Pair:
    """Some of the rows that count in the loss."""
    y = data.y if isinstance(data, DataLoader) else data[1]
    rows = np.flatnonzero(loss_fn.row_weights(y, classes))
    if len(rows) == 0:
        raise ValueError(
            "diagnose: no row of data counts in the loss: every label is ignored or of a class of "
            f"weight 0, see {loss_fn!r}"
        )
    rows = rows[spread(len(rows), TRACED_ROWS)]
    return data.gather(rows) if isinstance(data, DataLoader) else (data[0][rows], y[rows])


def _answers(traced: Trace, X: Array, y: Any) -> tuple[Array, Array]:
    """What the network takes the rows for, and what they are; nothing, unless they have classes."""
    if not classifies(traced.loss_fn):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    outputs = traced.net.predict(X)
    guesses = np.where(np.isnan(outputs).any(axis=1), -1, outputs.argmax(axis=1))
    return guesses, _classes(y)


def _classes(y: Any) -> Array:
    return y if y.ndim == 1 else y.argmax(axis=1)


def _examined(case: Case, updates: bool) -> Iterator[str]:
    if case.history is not None and len(case.history):
        yield f"{len(case.history)} epochs"
    yield f"{len(case.X)} training rows"
    if case.X_test is not None:
        yield f"{len(case.X_test)} test rows"
    yield "activations and gradients"
    if updates:
        yield "updates"
