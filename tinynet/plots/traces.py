"""A training step at a glance: how each layer's activations and gradients are spread.

Zeros are counted apart, since ReLU makes so many of them that the rest would vanish beside them.
The pictures show what a first layer looks for in an image, and where the step will change it.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from tinynet.plots.style import BLUE, DPI, VERMILION, WIDTH, own_style
from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from tinynet.inspection.traced import Trace

PICTURES = 8  # units of the first layer whose weights are drawn


@own_style
def trace_figure(trace: "Trace") -> "Figure":
    """Draw histograms of every layer's output and dy, and a first layer's weights as pictures.

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
    heights = [0.8 * len(layers) + 0.9] + ([2.5] if weights else [])
    figure = plt.figure(figsize=(WIDTH, sum(heights)), dpi=DPI, layout="constrained")
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    axes = parts[0].subplots(len(layers), 2, squeeze=False)
    for (left, right), layer in zip(axes, layers, strict=True):
        _histogram(left, layer.output, BLUE)
        _histogram(right, layer.dy, VERMILION, log=True)
        left.set_ylabel(
            f"{layer.name}\n{type(layer.layer).__name__}",
            rotation=0,
            ha="right",
            va="center",
            fontsize=9,
        )
    axes[0, 0].set_title("outputs y", fontsize=10)
    axes[0, 1].set_title("gradients dy (logarithmic counts)", fontsize=10)
    axes[-1, 0].set_xlabel("y")
    axes[-1, 1].set_xlabel("dLoss/dy")
    parts[0].suptitle(f"One step, layer by layer: {len(trace.X)} rows, loss {trace.loss:.4g}")
    if weights:
        _pictures(parts[1], *weights)
    return figure


def _histogram(ax: "Axes", values: Array, colour: str, log: bool = False) -> None:
    values = values[np.isfinite(values)]
    nonzero = values[values != 0]
    ax.hist(nonzero, bins=40, color=colour, log=log)
    share = 100 * (1 - nonzero.size / values.size) if values.size else 0
    if share:
        ax.text(
            0.98, 0.9, f"{share:.0f} % are 0", transform=ax.transAxes, ha="right", va="top",
            fontsize=8,
        )  # fmt: skip
    ax.tick_params(labelsize=7)
    ax.tick_params(axis="y", which="both", left=False, labelleft=False)
    ax.locator_params(axis="x", nbins=6)


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
    for row, values in zip(axes, (W, dW), strict=True):
        limit = np.abs(values).max() or 1.0
        for ax, unit in zip(row, units, strict=True):
            picture = values[:, unit].reshape(side, side)
            ax.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit)
            ax.set_xticks([])
            ax.set_yticks([])
    for ax, unit in zip(axes[0], units, strict=True):
        ax.set_title(f"unit {unit}", fontsize=9)
    axes[0, 0].set_ylabel("W")
    axes[1, 0].set_ylabel("dW")
    figure.suptitle(
        "First layer: weights into the units with the largest gradients (red +, blue -)",
        fontsize=10,
    )
