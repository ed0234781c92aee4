"""What a traced step holds of one layer: what went in and out, its gradients, its parameters."""

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet.inspection.wiring import matrix_of
from tinynet.module import Module
from tinynet.support.types import Array

INPUT = -1  # among the sources of a layer: the network's own input


@dataclass(frozen=True, repr=False)
class ParameterTrace:
    """One parameter in one step.

    Attributes
    ----------
    value, grad : ndarray
        Before the update; both have the parameter's shape.
    update : ndarray or None
        What the optimizer adds to `value`, of its shape; None without an optimizer.
    tied : bool
        Whether other layers hold it, too: then `grad` is the sum of what all of them add.

    Examples
    --------
    >>> X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
    >>> net = tn.Sequential(tn.Linear(4, 3, rng=0), tn.LogSoftmax())
    >>> trace = tn.trace(net, tn.NLLLoss(), X, y, tn.SGD(net.parameters(), 0.1))
    >>> W = trace.layer("0").parameters["W"]
    >>> np.allclose(W.update, -0.1 * W.grad)
    True
    """

    value: Array
    grad: Array
    update: Array | None = None
    tied: bool = False

    @property
    def T(self) -> "ParameterTrace":
        """All of it transposed."""
        update = None if self.update is None else self.update.T
        return ParameterTrace(self.value.T, self.grad.T, update, self.tied)

    def __repr__(self) -> str:
        return f"ParameterTrace({'x'.join(map(str, self.value.shape))})"


@dataclass(frozen=True, repr=False)
class LayerTrace:
    """One layer in one step.

    Attributes
    ----------
    name : str
        Its place in the network, as in ``state_dict``: "0", "2", "block.fc1".
    layer : Module
        The layer of the given network itself, not of the copy.
    input, output : ndarray
        x and y, (N, I) and (N, O), or pictures (N, C, H, W). A layer of several inputs, such as
        Add, has a tuple of them as `input`.
    dy, dx : ndarray
        dLoss/doutput and dLoss/dinput, of the shapes of `output` and `input`.
    parameters : dict of str to ParameterTrace
        By the name of the attribute: "W", "b".
    sources : tuple of int or None
        For each input, the position of the layer that it came from; -1 is the network's input, and
        None what a hand-written network computed between its layers.

    Examples
    --------
    >>> X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
    >>> net = tn.Sequential(tn.Linear(4, 3, rng=0), tn.LogSoftmax())
    >>> layer = tn.trace(net, tn.NLLLoss(), X, y).layer("0")
    >>> layer.input.shape, layer.dy.shape, layer.dx.shape
    ((4, 4), (4, 3), (4, 4))
    """

    name: str
    layer: Module
    input: Any
    output: Array
    dy: Array
    dx: Any
    parameters: dict[str, ParameterTrace]
    sources: tuple[int | None, ...]

    @property
    def is_loss(self) -> bool:
        """Whether it is a loss: it makes one number of the whole batch."""
        return self.output.shape == ()

    @property
    def dead(self) -> float | None:
        """The share of units that are off for every row of the batch, as those of a ReLU can be.

        None for layers that say of no unit whether it is off, see ``piece_of``.
        """
        pieces = self.layer.piece_of(self.output)
        return None if pieces is None else float((pieces == 0).all(axis=0).mean())

    @property
    def wires(self) -> "tuple[ParameterTrace, ParameterTrace | None] | None":
        """W and b of a layer that computes y = x @ W + b, as Linear does; None for others."""
        if matrix_of(self.layer) is None or self.output.ndim != 2:
            return None
        W, b = (*self.layer.wired_by, "")[:2]
        matrix = self.parameters[W.removesuffix(".T")]
        return matrix.T if W.endswith(".T") else matrix, self.parameters.get(b)

    @property
    def input_names(self) -> list[str]:
        """What forward calls its inputs: ``["x"]``."""
        named = [
            parameter.name
            for parameter in inspect.signature(self.layer.forward).parameters.values()
            if parameter.kind is not parameter.VAR_POSITIONAL
        ]
        return [*named, *(f"x{k}" for k in range(len(named), len(self.sources)))][
            : len(self.sources)
        ]

    @property
    def grad_norm(self) -> float | None:
        """The length of the gradients of all its parameters, as one vector; None without any."""
        return norm([parameter.grad for parameter in self.parameters.values()])

    @property
    def update_ratio(self) -> float | None:
        """How large the coming update is, relative to the weights; None if there is neither."""
        updates = [p.update for p in self.parameters.values() if p.update is not None]
        size = norm([parameter.value for parameter in self.parameters.values()])
        return norm(updates) / size if updates and size else None  # type: ignore[operator]

    def __repr__(self) -> str:
        return f"LayerTrace({self.name!r}, {self.layer!r})"


def norm(arrays: list[Array]) -> float | None:
    """The length of all arrays as one vector; None if there are none."""
    if not arrays:
        return None
    return float(np.sqrt(sum(float((a.astype(np.float64) ** 2).sum()) for a in arrays)))
