"""The loss as a landscape over two weights, and the ways that optimizers take down into it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tinynet.plots.style import (
    AMOUNTS,
    DASHES,
    MARKERS,
    PALETTE,
    legend_columns,
    new_figure,
    own_style,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = 12


class Landscape(NamedTuple):
    """One panel of `loss_landscapes`.

    Attributes
    ----------
    title, xlabel, ylabel : str
    x, y : array `(C,)`, `(R,)`
        The values of the two weights, ascending.
    losses : array `(R, C)`
        ``losses[r, c]``, above 0, is the loss at ``x[c], y[r]``.
    paths : mapping of str to (x, y)
        Where the two weights were, step by step, by name; a path of one step is a point.
    """

    title: str
    xlabel: str
    ylabel: str
    x: ArrayLike
    y: ArrayLike
    losses: ArrayLike
    paths: Mapping[str, tuple[ArrayLike, ArrayLike]]


@own_style
def loss_landscapes(landscapes: Sequence[Landscape], title: str) -> "Figure":
    """Draw losses over two weights as a map, the deeper the darker, with paths in it.

    Parameters
    ----------
    landscapes : sequence of Landscape
        Side by side; the loss has one logarithmic scale for all, and the paths have one legend. A
        marker is where a path ends.
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        No landscape; losses that are not one for each x and y, or not above 0; a path whose x and y
        are not of one length.
    """
    from matplotlib.colors import LogNorm

    if len(landscapes) == 0:
        raise ValueError("loss_landscapes: expected at least one Landscape")
    maps = [np.asarray(each.losses, dtype=float) for each in landscapes]
    for each, losses in zip(landscapes, maps, strict=True):
        expected = np.shape(each.y) + np.shape(each.x)
        if losses.shape != expected or losses.size == 0:
            raise ValueError(
                f"loss_landscapes: {each.title!r} has losses of shape {losses.shape}, expected "
                f"{expected}, one for each y and x"
            )
        if not losses.min() > 0:
            raise ValueError(
                f"loss_landscapes: {each.title!r} has a loss of {losses.min():g}, expected all "
                "above 0: the scale is logarithmic"
            )
        for name, (x, y) in each.paths.items():
            if np.ndim(x) != 1 or np.shape(x) != np.shape(y):
                raise ValueError(
                    f"loss_landscapes: path {name!r} has x of shape {np.shape(x)} and y of shape "
                    f"{np.shape(y)}, expected (n,) for both"
                )
    low, high = min(each.min() for each in maps), max(each.max() for each in maps)
    levels = np.geomspace(low, max(high, 1.001 * low), LEVELS)
    figure, axes = new_figure(1, len(landscapes), height=4.3)
    names = list(dict.fromkeys(name for each in landscapes for name in each.paths))
    handles = {}
    for ax, each, losses in zip(axes[0], landscapes, maps, strict=True):
        filled = ax.contourf(each.x, each.y, losses, levels, cmap=AMOUNTS, norm=LogNorm())
        ax.contour(each.x, each.y, losses, levels, colors="white", linewidths=0.4)
        for name, (x, y) in each.paths.items():
            k = names.index(name)
            ax.plot(x, y, color="white", linewidth=4)
            (handles[name],) = ax.plot(
                x,
                y,
                color=PALETTE[(k + 1) % len(PALETTE)],  # the first is as blue as the valley
                linestyle=DASHES[k % 4] if np.size(x) > 1 else "none",
                linewidth=2,
                marker=MARKERS[k % 6],
                markevery=[-1],
                markersize=8,
                markeredgecolor="white",
                label=name,
            )
        ax.set_xlim(np.min(each.x), np.max(each.x))
        ax.set_ylim(np.min(each.y), np.max(each.y))
        ax.set_title(each.title)
        ax.set_xlabel(each.xlabel)
        ax.set_ylabel(each.ylabel)
    ticks = levels[::3]
    bar = figure.colorbar(filled, ax=axes, label="loss", ticks=ticks)
    bar.ax.set_yticklabels([f"{tick:.2g}" if tick < 10 else f"{tick:.0f}" for tick in ticks])
    bar.ax.minorticks_off()
    if names:
        ncols = min(len(names), legend_columns(names))
        listed = [handles[name] for name in names]
        figure.legend(handles=listed, loc="outside lower center", ncols=ncols, frameon=False)
    figure.suptitle(title)
    return figure
