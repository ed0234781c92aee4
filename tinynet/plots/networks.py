"""Drawings of networks: circles for units, lines for weights, arrows for what flows.

In a feed-forward network every unit of one layer is tied to every unit of the next, and to
nothing else. In a truly fully connected graph every unit is tied to every other.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tinynet.inspection.summary import outputs_of
from tinynet.inspection.wiring import matrix_of
from tinynet.module import Module, Sequential
from tinynet.plots.style import ABOVE, GREY, UP, new_figure, own_style, signed
from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Arrows = Literal["forward", "backward", "both"]
UNIT_STYLE: dict[str, Any] = {
    "s": 110,
    "color": "white",
    "edgecolors": "black",
    "linewidths": 1.2,
    "zorder": 3,
}


@own_style
def draw_network(
    network: Sequence[int] | Sequential,
    weights: Sequence[ArrayLike] | None = None,
    arrows: Arrows | None = None,
    max_units: int = 12,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure | SubFigure":
    """Draw a feed-forward network, from its layer sizes or from a `Sequential`.

    Parameters
    ----------
    network : sequence of int, or Sequential
        Number of units per layer, the input first: `(784, 64, 10)`. A Sequential gives its sizes,
        the names of its layers, and its weights. A layer that changes the width without a matrix
        (I, O) of weights gets plain lines.
    weights : sequence of arrays, optional
        One `(I, O)` array per pair of neighbouring layers. A weight's sign becomes the colour of
        its line, its size the line's width. Default: those of the Sequential; none for sizes.
    arrows : {"forward", "backward", "both"}, optional
        Draw which way activations and gradients flow.
    max_units : int
        A layer wider than this is abbreviated to its first and last units.
    title : str, optional
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        Fewer than two layers, a size below 1, `max_units` below 3, an unknown `arrows`, or weights
        whose shapes are not those of the sizes.
    TypeError
        `network` is neither a sequence of whole numbers nor a Sequential.
    """
    sizes, captions, own_weights = _describe(network)
    matrices = own_weights if weights is None else [np.asarray(w) for w in weights]
    _check(sizes, matrices, arrows, max_units)

    if ax is None:
        ax = new_figure(1, 1, height=4 if arrows is None else 4.5)[1][0, 0]
    units = [_shown_units(size, max_units) for size in sizes]
    heights = [_heights(size, max_units) for size in sizes]
    columns = np.arange(len(sizes), dtype=float)
    free_row = (max_units - 1) / 2 - max_units // 2
    _draw_weights(ax, columns, heights, units, matrices)

    top = max(float(h.max()) for h in heights)
    line = 0.09 * (2 * top + 2)  # about the height of one line of text
    bottom = -top - line * (1.2 + max(caption.count("\n") + 1 for caption in captions))
    for x, y, size, caption in zip(columns, heights, sizes, captions, strict=True):
        ax.scatter(np.full(len(y), x), y, **UNIT_STYLE)
        if size > max_units:
            ax.text(x, free_row, "⋮", ha="center", va="center", fontsize=16, zorder=3)
        ax.text(x, -top - line, caption, ha="center", va="top")
    ceiling = top + line
    if arrows in ("forward", "both"):
        _draw_flow(ax, columns, ceiling, line, "forward: activations, y = x @ W + b", ABOVE)
        ceiling += 1.5 * line
    if arrows in ("backward", "both"):
        bottom -= 1.5 * line
        _draw_flow(ax, columns[::-1], bottom, line, "backward: gradients, dx = dy @ W.T", UP)
        bottom -= line

    ax.set_title(title or "Feed-forward network " + "-".join(str(size) for size in sizes))
    ax.set_xlim(-0.4, len(sizes) - 0.6)
    ax.set_ylim(bottom, ceiling)
    ax.axis("off")
    return ax.figure


@own_style
def draw_complete_graph(
    n_units: int, title: str | None = None, ax: "Axes | None" = None
) -> "Figure | SubFigure":
    """Draw a graph that deserves the words "fully connected": every unit tied to every other.

    Parameters
    ----------
    n_units : int
        Number of units, placed on a circle; `n_units * (n_units - 1) / 2` lines join them.
    title : str, optional
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        `n_units` below 2.

    Examples
    --------
    >>> figure = tn.plots.draw_complete_graph(6)  # with 15 lines
    >>> figure.savefig("complete.png")
    """
    from matplotlib.collections import LineCollection

    if n_units < 2:
        raise ValueError(f"draw_complete_graph: n_units = {n_units}, expected 2 or more units")
    if ax is None:
        ax = new_figure(1, 1, height=5)[1][0, 0]
    angles = np.pi / 2 + 2 * np.pi * np.arange(n_units) / n_units
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    first, second = np.triu_indices(n_units, k=1)
    lines = np.stack([points[first], points[second]], axis=1)
    ax.add_collection(LineCollection(list(lines), colors=GREY, linewidths=0.8))
    ax.scatter(points[:, 0], points[:, 1], **UNIT_STYLE)
    ax.set_title(title or f"Fully connected graph of {n_units} units")
    ax.set_aspect("equal")
    ax.axis("off")
    return ax.figure


@own_style
def compare_connectivity(sizes: Sequence[int]) -> "Figure":
    """Draw a feed-forward network beside the fully connected graph of just as many units.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, the input first; small numbers, since nothing is abbreviated.

    Returns
    -------
    matplotlib Figure
    """
    n_units = sum(sizes)
    figure, axes = new_figure(1, 2, height=4.2)
    n_weights = sum(a * b for a, b in pairwise(sizes))
    n_pairs = n_units * (n_units - 1) // 2
    draw_network(
        sizes,
        max_units=max(3, *sizes),
        title=f"Called fully connected:\n{n_units} units, {n_weights} connections",
        ax=axes[0, 0],
    )
    draw_complete_graph(
        n_units,
        title=f"Truly fully connected:\n{n_units} units, {n_pairs} connections",
        ax=axes[0, 1],
    )
    return figure


def _describe(
    network: Sequence[int] | Sequential,
) -> tuple[list[int], list[str], list[Array | None]]:
    if isinstance(network, Sequential):
        return _describe_sequential(network)
    if not isinstance(network, Sequence | np.ndarray) or not all(
        isinstance(size, int | np.integer) and not isinstance(size, bool) for size in network
    ):
        raise TypeError(
            f"draw_network: network is {network!r:.60}, "
            "expected layer sizes such as [784, 64, 10] or a Sequential"
        )
    sizes = [int(size) for size in network]
    hidden = [f"hidden {k}" for k in range(1, len(sizes) - 1)]
    names = ["input", *hidden, "output"][: len(sizes)]
    return sizes, [f"{n}\n{name}" for n, name in zip(sizes, names, strict=True)], []


def _describe_sequential(
    network: Sequential,
) -> tuple[list[int], list[str], list[Array | None]]:
    """Sizes, captions, and matrices: None where a layer changes the width without one."""
    sizes: list[int] = []
    captions: list[str] = []
    matrices: list[Array | None] = []
    widths = {id(layer): y.shape[1] for layer, y in outputs_of(network) if y.ndim == 2}
    for layer in _flat_layers(network):
        W, name = matrix_of(layer), type(layer).__name__
        if W is not None and not sizes:
            sizes.append(len(W))
            captions.append(f"{len(W)}\ninput")
        if not sizes:
            continue
        width = widths.get(id(layer), sizes[-1]) if W is None else W.shape[1]
        if W is not None and sizes[-1] != len(W):
            raise ValueError(
                f"draw_network: {layer!r} follows a layer of {sizes[-1]} units; make it take so "
                "many, or draw the network by its sizes"
            )
        if W is None and width == sizes[-1]:
            captions[-1] += f"\n{name}"
        else:
            sizes.append(width)
            captions.append(f"{width}\n{name}")
            matrices.append(W)
    return sizes, captions, matrices


def _flat_layers(network: Sequential) -> Iterator[Module]:
    for layer in network.layers:
        if isinstance(layer, Sequential):
            yield from _flat_layers(layer)
        else:
            yield layer


def _check(
    sizes: list[int], matrices: Sequence[Array | None], arrows: str | None, max_units: int
) -> None:
    if len(sizes) < 2 or min(sizes) < 1:
        unknown = "; a Sequential's are those of its matrices: which layers have one, their class "
        raise ValueError(
            f"draw_network: layer sizes {sizes}, expected two or more, each at least 1"
            + ("" if sizes else f'{unknown}says, as in wired_by = "W", "b"')
        )
    if max_units < 3:
        raise ValueError(f"draw_network: max_units = {max_units}, expected 3 or more")
    if arrows not in (None, "forward", "backward", "both"):
        raise ValueError(
            f"draw_network: arrows = {arrows!r}, expected 'forward', 'backward', 'both' or None"
        )
    expected = list(pairwise(sizes))
    shapes = [expected[k] if matrix is None else matrix.shape for k, matrix in enumerate(matrices)]
    if matrices and shapes != expected:
        raise ValueError(
            f"draw_network: weights have shapes {shapes}, "
            f"expected (I, O) of each pair of layers: {expected}"
        )


def _shown_units(size: int, max_units: int) -> Array:
    """Give the indices of the units that are drawn, the last at the bottom."""
    if size <= max_units:
        return np.arange(size)
    head = max_units // 2
    tail = max_units - 1 - head
    return np.concatenate([np.arange(head), np.arange(size - tail, size)])


def _heights(size: int, max_units: int) -> Array:
    """Give the heights of the drawn units; an abbreviated layer leaves its middle row free."""
    rows = min(size, max_units)
    heights: Array = (rows - 1) / 2 - np.arange(rows, dtype=float)
    if size > max_units:
        heights = np.delete(heights, max_units // 2)
    return heights


def _draw_weights(
    ax: "Axes",
    columns: Array,
    heights: list[Array],
    units: list[Array],
    matrices: Sequence[Array | None],
) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    shown = {
        k: matrix[np.ix_(units[k], units[k + 1])].astype(float).ravel()
        for k, matrix in enumerate(matrices)
        if matrix is not None
    }
    largest = max((float(np.abs(w).max()) for w in shown.values()), default=0.0) or 1.0
    colours = ScalarMappable(Normalize(-largest, largest), cmap=signed())
    for k in range(len(columns) - 1):
        lines = [[(columns[k], y), (columns[k + 1], z)] for y in heights[k] for z in heights[k + 1]]
        style: dict[str, Any] = {"colors": GREY, "linewidths": 0.6}
        if k in shown:
            style = {
                "colors": colours.to_rgba(shown[k]),
                "linewidths": 0.2 + 2.3 * np.abs(shown[k]) / largest,
            }
        ax.add_collection(LineCollection(lines, zorder=1, **style))
    if shown:
        ax.figure.colorbar(colours, ax=ax, label="weight", shrink=0.7)


def _draw_flow(ax: "Axes", columns: Array, y: float, line: float, label: str, colour: str) -> None:
    for start, end in pairwise(columns):
        gap = 0.12 * (end - start)
        ax.annotate(
            "",
            xy=(end - gap, y),
            xytext=(start + gap, y),
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2},
        )
    ax.text(float(columns.mean()), y + 0.3 * line, label, ha="center", va="bottom")
