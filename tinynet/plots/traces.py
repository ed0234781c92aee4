"""A training step at a glance: how each layer's activations and gradients are spread.

Zeros are counted apart, since ReLU makes so many of them that the rest would vanish beside them.
The pictures show what a first layer looks for in an image, and where the step will change it.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from tinynet.plots.style import ABOVE, BELOW, DOWN, UP, WIDTH, own_style, signed
from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from tinynet.inspection.traced import Trace

BARS = 40  # of a histogram
PICTURES = 8  # units of the first layer whose weights are drawn


@own_style
def trace_figure(trace: "Trace") -> "Figure":
    """Draw histograms of every layer's output and dy, and a first layer's weights as pictures.

    The colours are those of the X-ray: orange and blue for numbers above and below 0, magenta and
    green for gradients above and below 0.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    matplotlib Figure
    """
    import matplotlib.pyplot as plt

    layers = trace.layers
    weights = _first_weights(trace)
    heights = [0.95 * len(layers) + 1.1] + ([2.6] if weights else [])
    figure = plt.figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    axes = parts[0].subplots(len(layers), 2, squeeze=False)
    for (left, right), layer in zip(axes, layers, strict=True):
        _histogram(left, layer.output, BELOW, ABOVE)
        _histogram(right, layer.dy, DOWN, UP, log=True)
        left.set_ylabel(
            f"{layer.name}\n{type(layer.layer).__name__}", rotation=0, ha="right", va="center"
        )
    axes[0, 0].set_title("outputs y")
    axes[0, 1].set_title("gradients dy (logarithmic counts)")
    axes[-1, 0].set_xlabel("y")
    axes[-1, 1].set_xlabel("dLoss/dy")
    parts[0].suptitle(f"One step, layer by layer: {len(trace.X)} rows, loss {trace.loss:.4g}")
    if weights:
        _pictures(parts[1], *weights)
    return figure


def _histogram(ax: "Axes", values: Array, below: str, above: str, log: bool = False) -> None:
    """Count what is not 0; where that is one number throughout, say which, for it has no spread."""
    values = values[np.isfinite(values)]
    nonzero = values[values != 0]
    share = 100 * (1 - nonzero.size / values.size) if values.size else 0
    notes = [f"{share:.0f} % are 0"] if share else []
    ax.set_yticks([])
    if nonzero.size and np.ptp(nonzero) == 0:
        notes.append(f"all others are {nonzero[0]:.3g}")
        ax.set_xticks([])
    elif nonzero.size:
        width = np.ptp(nonzero) / BARS
        first, last = np.floor(nonzero.min() / width), np.ceil(nonzero.max() / width)
        edges = width * np.arange(first, last + 1)  # one of them is 0, where the colour changes
        counts, _ = np.histogram(nonzero, edges)
        middles = (edges[:-1] + edges[1:]) / 2
        colours = [below if middle < 0 else above for middle in middles]
        ax.bar(middles, counts, np.diff(edges), color=colours, log=log)
        ax.tick_params(axis="y", which="both", left=False, labelleft=False)
        ax.locator_params(axis="x", nbins=5)
    place = (0.98, 0.93, "right", "top") if len(notes) < 2 else (0.5, 0.5, "center", "center")
    ax.text(*place[:2], ", ".join(notes), transform=ax.transAxes, ha=place[2], va=place[3])


def _first_weights(trace: "Trace") -> tuple[Array, Array] | None:
    """W and its gradient, if the first layer has a matrix W, and gets square images."""
    wires = trace.layers[0].wires
    if wires is None:
        return None
    W, _ = wires
    return (W.value, W.grad) if math.isqrt(len(W.value)) ** 2 == len(W.value) else None


def _pictures(figure: "SubFigure", W: Array, dW: Array) -> None:
    """The weights of the units whose gradients are the largest, and these gradients."""
    side = math.isqrt(len(W))
    units = np.argsort(-np.linalg.norm(dW, axis=0), kind="stable")[:PICTURES]
    axes = figure.subplots(2, len(units), squeeze=False)
    maps = signed(BELOW, ABOVE), signed(DOWN, UP)
    for row, values, colours in zip(axes, (W, dW), maps, strict=True):
        limit = np.abs(values).max() or 1.0
        for ax, unit in zip(row, units, strict=True):
            picture = values[:, unit].reshape(side, side)
            ax.imshow(picture, cmap=colours, vmin=-limit, vmax=limit)
            ax.set_xticks([])
            ax.set_yticks([])
    for ax, unit in zip(axes[0], units, strict=True):
        ax.set_title(f"unit {unit}")
    axes[0, 0].set_ylabel("W")
    axes[1, 0].set_ylabel("dW")
    figure.suptitle(
        "First layer, the units with the largest gradients: weights W (orange above 0,\n"
        "blue below) and their gradients dW (magenta above 0, green below)",
        fontsize=11,
    )
