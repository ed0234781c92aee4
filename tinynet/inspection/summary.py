"""What a network is made of, as a table: its layers, their output shapes, and what they weigh.

Nearly all memory of a network is its parameters, and as much again their gradients; an optimizer
adds its own. The outputs of the layers come on top for every row of a batch, since backward needs
them. So a large batch can weigh more than the network.
"""

import html
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet.inspection.wiring import matrix_of
from tinynet.module import Module, Parameter
from tinynet.support.calls import predicting, watching
from tinynet.support.checks import checked_shape
from tinynet.support.types import Array


@dataclass(frozen=True)
class LayerSummary:
    """One line of the table.

    Attributes
    ----------
    name : str
        Its place in the network, as in ``state_dict``: "0", "2", "block.fc1".
    layer : Module
    output_shape : tuple of int or None
        Of one row, without N; None if it is not known, or forward does not call the layer.
    parameters : int
        How many numbers it has; one that several layers share is counted at its first.
    frozen : int
        How many of them are not learned: their ``requires_grad`` is False.
    nbytes : int
        What these take in memory.
    """

    name: str
    layer: Module
    output_shape: tuple[int, ...] | None
    parameters: int
    frozen: int
    nbytes: int


class Summary:
    """The table of a network's layers: printed, text; in a notebook, HTML.

    Parameters
    ----------
    net : Module
        Nothing of it is changed.
    input_shape : tuple of int, optional
        The shape of one input row, without N. Default: what the first layer takes that
        says so, as Linear does.

    Raises
    ------
    ValueError
        If `input_shape` is no shape. What forward raises for such rows comes through.

    Attributes
    ----------
    layers : list of LayerSummary
        In the order in which forward calls them.
    parameters, frozen, nbytes : int
        Of the whole network.
    row_nbytes : int or None
        What the outputs of all layers take for each row of a batch; None if shapes are not known.
    """

    def __init__(self, net: Module, input_shape: tuple[int, ...] | None = None) -> None:
        self.title = type(net).__name__
        outputs = outputs_of(net, input_shape)
        called = [layer for layer, _ in outputs]
        shapes: dict[int, tuple[int, ...]] = {id(layer): y.shape[1:] for layer, y in outputs}
        places = {id(layer): name for name, layer in net.named_modules() if _is_row(layer)}
        unseen = [layer for _, layer in net.named_modules() if id(layer) not in shapes]
        counted: set[int] = set()
        self.layers: list[LayerSummary] = []
        for layer in [*called, *unseen]:
            if id(layer) not in places:
                continue
            own = [p for p in _own_parameters(layer) if id(p) not in counted]
            counted.update(map(id, own))
            self.layers.append(
                LayerSummary(
                    places[id(layer)],
                    layer,
                    shapes.get(id(layer)),
                    sum(parameter.data.size for parameter in own),
                    sum(p.data.size for p in own if not p.requires_grad),
                    sum(parameter.data.nbytes for parameter in own),
                )
            )
        self.parameters = sum(layer.parameters for layer in self.layers)
        self.frozen = sum(layer.frozen for layer in self.layers)
        self.nbytes = sum(layer.nbytes for layer in self.layers)
        rows = [y.nbytes for layer, y in outputs if id(layer) in places]
        self.row_nbytes = sum(rows) if rows else None

    def _cells(self) -> list[tuple[str, ...]]:
        head = ("", "layer", "output", "parameters", "memory")
        rows = [
            (
                part.name,
                repr(part.layer),
                "?" if part.output_shape is None else f"({_joined('N', *part.output_shape)})",
                f"{part.parameters:,}" + _frozen(part),
                _bytes(part.nbytes),
            )
            for part in self.layers
        ]
        return [head, *rows]

    def _notes(self) -> list[str]:
        notes = [
            f"{self.parameters:,} parameters, {_bytes(self.nbytes)}, and as much for gradients"
        ]
        if self.frozen:
            notes = [
                f"{self.parameters:,} parameters, {_bytes(self.nbytes)}; "
                f"{self.parameters - self.frozen:,} of them learn, and need as much again for "
                f"gradients, {self.frozen:,} are frozen"
            ]
        if self.row_nbytes is None:
            notes.append("the output shapes are not known; use net.summary(input_shape=...)")
        else:
            notes.append(f"outputs of all layers: {_bytes(self.row_nbytes)} per row of a batch")
        return notes

    def __str__(self) -> str:
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if column < 3 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        ]
        return "\n".join([*lines, *self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = [[html.escape(cell) for cell in row] for row in self._cells()]
        titles = "".join(f'<th scope="col">{title}</th>' for title in head)
        body = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in rows)
        notes = "<br>".join(html.escape(note) for note in self._notes())
        return (
            f"<table><caption>{html.escape(self.title)}</caption><thead><tr>{titles}</tr></thead>"
            f"<tbody>{body}</tbody></table><p>{notes}</p>"
        )


def outputs_of(net: Module, input_shape: Any = None) -> list[tuple[Module, Array]]:
    """Each layer that forward calls, with its output for one row of zeros."""
    dtype = next((p.data.dtype for p in net.parameters()), np.dtype(np.float32))
    if input_shape is not None:
        return _watched(net, np.zeros((1, *checked_shape("summary", input_shape)), dtype))
    shape = _row_of(net)
    if not shape or None in shape:
        return []
    try:
        return _watched(net, np.zeros((1, *shape), dtype))
    except Exception:  # the shape was a guess; what forward raises at a wrong one is its own affair
        return []


def _row_of(net: Module) -> Any:
    """The shape of one input row, as the first layer says that says so; None if none does."""
    for _, layer in net.named_modules():
        if (shape := layer.row_shape()) is not None:
            return shape
        if (W := matrix_of(layer)) is not None:
            return (len(W),)
    return None


def _watched(net: Module, x: Array) -> list[tuple[Module, Array]]:
    with predicting(), watching() as calls:
        net(x)
    return [(layer, y) for layer, y in calls if isinstance(y, np.ndarray) and y.ndim]


def _own_parameters(layer: Module) -> list[Parameter]:
    return [parameter for _, parameter in layer.own_parameters()]


def _is_row(layer: Module) -> bool:
    return not any(True for _ in layer.children()) or bool(_own_parameters(layer))


def _frozen(part: LayerSummary) -> str:
    if part.frozen == part.parameters:
        return " frozen" if part.frozen else ""
    return f" ({part.frozen:,} frozen)" if part.frozen else ""


def _joined(*sizes: object) -> str:
    return ", ".join(map(str, sizes)) + ("," if len(sizes) == 1 else "")


def _bytes(count: int) -> str:
    """In the units of the SI: 1 kB is 1000 bytes."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
