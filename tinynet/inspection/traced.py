"""What a traced step holds: the numbers of its parameters, of its layers, and of all of it.

Printed, a trace is a table; ``explain`` writes out one unit's chain rule with its real numbers,
``plot`` draws the layers, and ``to_html`` makes a page of it all to walk through.
``tinynet/inspection/tracing.py`` takes the step.
"""

import inspect
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.inspection.explain import explain
from tinynet.inspection.told import matrix_of
from tinynet.module import Module
from tinynet.support.checks import whole_number
from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INPUT = -1  # among the sources of a layer: the network's own input


@dataclass(frozen=True, repr=False)
class ParameterTrace:
    """One parameter in one step.

    Attributes
    ----------
    value, grad : ndarray
        Before the update; one shape.
    update : ndarray or None
        What the optimizer adds to `value`; None without an optimizer.
    """

    value: Array
    grad: Array
    update: Array | None = None

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
        x and y. A layer of several inputs, such as Add, has a tuple of them as `input`.
    dy, dx : ndarray
        dLoss/doutput and dLoss/dinput, shaped like `output` and `input`.
    parameters : dict of str to ParameterTrace
        By the name of the attribute: "W", "b".
    sources : tuple of int or None
        For each input, the position of the layer that it came from; -1 is the network's input, and
        None what a hand-written network computed between its layers.
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
        return self.parameters[W], self.parameters.get(b)

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
        return _norm([parameter.grad for parameter in self.parameters.values()])

    @property
    def update_ratio(self) -> float | None:
        """How large the coming update is, relative to the weights; None if there is neither."""
        updates = [p.update for p in self.parameters.values() if p.update is not None]
        size = _norm([parameter.value for parameter in self.parameters.values()])
        return _norm(updates) / size if updates and size else None  # type: ignore[operator]

    def __repr__(self) -> str:
        return f"LayerTrace({self.name!r}, {self.layer!r})"


@dataclass(frozen=True, repr=False)
class Trace:
    """One forward and backward pass, and the update after it; printed, a table.

    Attributes
    ----------
    net, loss_fn : Module
        What was traced.
    X, y : ndarray
        The batch.
    output : ndarray
        What the network made of it.
    loss : float
    layers : list of LayerTrace
        In the order in which forward called them.
    steps : list of Trace
        This step and those after it.
    """

    net: Module
    loss_fn: Module
    X: Array
    y: Array
    output: Array
    loss: float
    layers: list[LayerTrace]
    steps: "list[Trace]" = field(default_factory=list)

    def layer(self, which: int | str) -> LayerTrace:
        """A layer by its position in ``layers`` or by its name.

        Raises
        ------
        IndexError, KeyError
            If there is no such layer; the message lists those there are.
        """
        names = [layer.name for layer in self.layers]
        if isinstance(which, str) and which not in names:
            raise KeyError(f"trace: no layer is named {which!r}; the layers are {names}")
        position = names.index(which) if isinstance(which, str) else which
        if not -len(names) <= position < len(names):
            raise IndexError(f"trace: no layer {which}; there are {len(names)}: {names}")
        return self.layers[position]

    def explain(self, layer: int | str, sample: int = 0, unit: int = 0, terms: int = 5) -> str:
        """One unit's line of the chain rule, forward and backward, with its real numbers.

        Parameters
        ----------
        layer : int or str
            The position in ``layers``, or the name.
        sample : int
            The row of the batch.
        unit : int
            The column of the layer's output.
        terms : int
            How many of a sum's terms are written out, the largest first; the rest is summed.

        Returns
        -------
        str
            Some lines of text.

        Raises
        ------
        IndexError, KeyError, ValueError
            If there is no such layer, sample or unit, or `terms` is not a positive int.
        """
        whole_number("explain", "terms", terms, 1)
        return explain(self, self.layer(layer), sample, unit, terms)

    def plot(self) -> "Figure":
        """Draw activations and gradients layer by layer, and a first layer's weights as pictures.

        The pictures appear if the first layer is Linear, or one that is wired as it, on square
        images, such as 28 x 28.

        Returns
        -------
        matplotlib Figure
        """
        from tinynet.plots.traces import trace_figure

        return trace_figure(self)

    def to_html(
        self, path: str | os.PathLike[str], title: str = "X-ray of a training step"
    ) -> None:
        """Write the X-ray: one HTML file, without a server or a network, to walk through the step.

        Forward, loss, backward and update follow one another by buttons or arrow keys; a unit
        shows its numbers and its chain rule. Of many `steps`, as many as fit are on the page,
        evenly chosen, the first and the last among them. Numbers are float32, updates and the
        weights after step 0 rounded to 3 digits.

        Parameters
        ----------
        path : str or path-like
            The file to write; its folder must exist.
        title : str

        Raises
        ------
        ValueError
            If the page would be larger than 2 MB, or a number is NaN or infinite.
        OSError
            If the file cannot be written.
        """
        from tinynet.pages.xray import write_xray

        write_xray(self, path, title)

    def __str__(self) -> str:
        head = ("layer", "", "output", "mean", "spread", "dead", "|dy|", "|dW|", "update/W")
        rows = [head]
        for part in self.layers:
            y, dead = part.output, part.dead
            rows.append(
                (
                    part.name,
                    repr(part.layer),
                    " x ".join(map(str, y.shape)),
                    f"{y.mean():.3g}",
                    f"{y.std():.3g}",
                    "" if dead is None else f"{100 * dead:.0f} %",
                    f"{_norm([part.dy]):.2e}",
                    "" if part.grad_norm is None else f"{part.grad_norm:.2e}",
                    "" if part.update_ratio is None else f"{part.update_ratio:.1e}",
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if column < 3 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, f"loss {self.loss:.6g}, {self.loss_fn!r} of {len(self.X)} rows"])

    __repr__ = __str__


def _norm(arrays: list[Array]) -> float | None:
    """The length of all arrays as one vector; None if there are none."""
    if not arrays:
        return None
    return float(np.sqrt(sum(float((a.astype(np.float64) ** 2).sum()) for a in arrays)))
