"""General charts: lines, bars and histograms, side by side in one figure, and heat maps.

A panel is one set of axes; what it draws is a mapping from names to numbers, and the names become
the legend. Many small lessons need no more than this.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tinynet.plots.style import (
    AMOUNTS,
    DASHES,
    GREY,
    MARKERS,
    PALETTE,
    legend_columns,
    new_figure,
    own_style,
    plain_log_ticks,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scale = Literal["linear", "log"]
FEW_POINTS = 15


class Panel(NamedTuple):
    """One set of axes of `line_panels`.

    Attributes
    ----------
    title, xlabel, ylabel : str
    lines : mapping of str to (x, y)
        The points of each line by name. A line of few points is drawn with markers.
    xscale, yscale : {"linear", "log"}
        A logarithmic x axis has its ticks at the points where these are few and all lines share
        them.
    points : mapping of str to (x, y), optional
        What is drawn as dots, below the lines, by name.
    """

    title: str
    xlabel: str
    ylabel: str
    lines: Mapping[str, tuple[ArrayLike, ArrayLike]]
    xscale: Scale = "linear"
    yscale: Scale = "linear"
    points: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None


@own_style
def line_panels(panels: Sequence[Panel], title: str, columns: int | None = None) -> "Figure":
    """Draw lines in one set of axes or several side by side.

    Parameters
    ----------
    panels : sequence of Panel
        The k-th line of each panel has the same colour and dashes; panels of the same names have
        one legend, below them, and a line that is alone in a panel beside them is black.
        Panels that all show the same quantity, by their `ylabel`, get the same limits.
    title : str
    columns : int, optional
        Panels per row. Default: all in one row.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        No panel, a panel without lines, or a line or points whose x and y are not of one length.
    """
    if len(panels) == 0:
        raise ValueError("line_panels: expected at least one Panel")
    for panel in panels:
        if len(panel.lines) == 0:
            raise ValueError(f"line_panels: {panel.title!r} has no lines, expected at least one")
        for name, (x, y) in (*panel.lines.items(), *(panel.points or {}).items()):
            if np.ndim(x) != 1 or np.shape(x) != np.shape(y):
                raise ValueError(
                    f"line_panels: {name!r} has x of shape {np.shape(x)} and y of shape "
                    f"{np.shape(y)}, expected (n,) for both"
                )
    per_row = min(columns or len(panels), len(panels))
    rows = -(-len(panels) // per_row)
    figure, axes = new_figure(rows, per_row, height=3.9 if rows == 1 else 2.8 * rows + 0.9)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    names = [(*(panel.points or ()), *panel.lines) for panel in panels]
    several = [each for each in names if len(each) > 1] or names
    shared = len(several) > 1 and len(set(several)) == 1
    drawn = list(zip(axes.flat, panels, names, strict=False))
    for ax, panel, own in drawn:
        alone = shared and len(own) == 1 < len(several[0])
        for k, (name, (x, y)) in enumerate((panel.points or {}).items()):
            colour, marker = (GREY, "black")[k % 2], "ox^s"[k % 4]
            ax.plot(x, y, color=colour, linestyle="none", marker=marker, markersize=4, label=name)
        for k, (name, (x, y)) in enumerate(panel.lines.items()):
            ax.plot(
                x,
                y,
                color="black" if alone else PALETTE[k % len(PALETTE)],
                linestyle=DASHES[k % 4],
                marker=MARKERS[k % 6] if np.size(x) <= FEW_POINTS else None,
                label=name,
            )
        ax.set_xscale(panel.xscale)
        ax.set_yscale(panel.yscale)
        for scale, axis in ((panel.xscale, ax.xaxis), (panel.yscale, ax.yaxis)):
            if scale == "log":
                plain_log_ticks(axis)
        places = {tuple(np.asarray(x).tolist()) for x, _ in panel.lines.values()}
        if panel.xscale == "log" and len(places) == 1 and len(min(places)) <= FEW_POINTS:
            (ticks,) = places
            ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            ax.set_xticks([], minor=True)
        ax.set_title(panel.title)
        ax.set_xlabel(panel.xlabel)
        ax.set_ylabel(panel.ylabel)
        ax.grid(alpha=0.3)
        if len(own) > 1 and not shared:
            below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "frameon": False}
            ax.legend(**below if per_row > 2 else {})  # a narrow panel has no room for it
    if shared:
        handles = next(ax for ax, _, own in drawn if own == several[0]).get_lines()
        ncols = min(len(handles), legend_columns(several[0]))
        figure.legend(handles=handles, loc="outside lower center", ncols=ncols, frameon=False)
    if len({(panel.ylabel, panel.yscale) for panel in panels}) == 1:
        limits = [ax.get_ylim() for ax, *_ in drawn]
        for ax, *_ in drawn:
            ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    figure.suptitle(title)
    return figure


@own_style
def bars(
    groups: Mapping[str, ArrayLike],
    categories: Sequence[str],
    xlabel: str,
    ylabel: str,
    title: str,
    value_format: str = "{:.3g}",
) -> "Figure":
    """Draw one bar per group in each category, its value above it.

    Parameters
    ----------
    groups : mapping of str to array `(n,)`
        The values of each group, one per category.
    categories : sequence of n str
    xlabel, ylabel, title : str
    value_format : str
        How a value is written above its bar.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        No group, or one whose length is not that of `categories`.
    """
    if len(groups) == 0:
        raise ValueError("bars: expected at least one group")
    heights = {name: np.asarray(values, dtype=float) for name, values in groups.items()}
    for name, values in heights.items():
        if values.shape != (len(categories),):
            raise ValueError(
                f"bars: group {name!r} has shape {values.shape}, expected ({len(categories)},), "
                "one value per category"
            )
    figure, axes = new_figure(1, 1, height=3.9)
    ax = axes[0, 0]
    width = 0.8 / len(groups)
    for k, (name, values) in enumerate(heights.items()):
        places = np.arange(len(categories)) + (k - (len(groups) - 1) / 2) * width
        drawn = ax.bar(places, values, width, color=PALETTE[k % len(PALETTE)], label=name)
        ax.bar_label(drawn, labels=[value_format.format(value) for value in values])
    ax.set_xticks(range(len(categories)), categories)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.margins(y=0.1)
    if len(groups) > 1:
        columns = min(len(groups), legend_columns(groups))
        figure.legend(loc="outside lower center", ncols=columns, frameon=False)
    figure.suptitle(title)
    return figure


@own_style
def heat_map(
    values: ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    xlabel: str,
    ylabel: str,
    label: str,
    title: str,
    value_format: str = "{:.3g}",
) -> "Figure":
    """Draw a table as coloured fields, the value written into each.

    Parameters
    ----------
    values : array `(R, C)`
        Where one is NaN, its field stays empty.
    rows, columns : sequences of R and of C str
    xlabel, ylabel : str
        What the columns and the rows are.
    label : str
        What the values are.
    title : str
    value_format : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        `values` has not a value for each row and column, or none that is a number.
    """
    table = np.asarray(values, dtype=float)
    if table.shape != (len(rows), len(columns)) or table.size == 0:
        raise ValueError(
            f"heat_map: values have shape {table.shape}, expected {(len(rows), len(columns))}, "
            "one for each row and column"
        )
    if np.isnan(table).all():
        raise ValueError("heat_map: all values are NaN, expected at least one number")
    figure, axes = new_figure(1, 1, height=1.6 + 0.45 * len(rows))
    ax = axes[0, 0]
    picture = ax.imshow(table, cmap=AMOUNTS, aspect="auto")
    middle = (np.nanmin(table) + np.nanmax(table)) / 2
    for row, column in np.argwhere(~np.isnan(table)):
        value = table[row, column]
        colour = "white" if value < middle else "black"
        text = value_format.format(value)
        ax.text(column, row, text, ha="center", va="center", color=colour)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    figure.colorbar(picture, ax=ax, label=label)
    figure.suptitle(title)
    return figure


@own_style
def histograms(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    xlabel: str,
    ylabel: str,
    title: str,
    bins: int = 60,
    columns: int = 2,
    log: bool = True,
) -> "Figure":
    """Draw distributions as outlines, to be compared within each panel.

    Parameters
    ----------
    panels : mapping of str to mapping of str to array
        Values by panel and by name, of any shape; all of one panel are counted in the same bins.
    xlabel, ylabel, title : str
    bins : int
        Number of bars per histogram.
    columns : int
        Panels per row.
    log : bool
        Logarithmic axis for the counts, which makes rare values visible.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        No panel, or a panel with nothing to count.
    """
    from matplotlib.ticker import EngFormatter

    if len(panels) == 0:
        raise ValueError("histograms: expected at least one panel")
    counted = {}
    for name, groups in panels.items():
        values = {label: np.ravel(np.asarray(group)) for label, group in groups.items()}
        if not values or not sum(map(len, values.values())):
            raise ValueError(f"histograms: panel {name!r} has no values, expected at least one")
        edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins)
        counted[name] = {label: np.histogram(group, bins=edges) for label, group in values.items()}
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = new_figure(rows, columns, height=2.7 * rows + 0.8)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    outlines: dict[str, Any] = {}
    for ax, (panel, groups_counted) in zip(axes.flat, counted.items(), strict=False):
        for label, (counts, edges) in groups_counted.items():
            k = list(outlines).index(label) if label in outlines else len(outlines)
            outlines[label] = ax.stairs(
                counts,
                edges,
                color=PALETTE[k % len(PALETTE)],
                linewidth=1.6,
                linestyle=DASHES[k % 4],
                label=label,
            )
        if log:
            ax.set_yscale("log")
        else:
            ax.yaxis.set_major_formatter(EngFormatter(sep=""))
        ax.set_title(panel)
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
    if len(outlines) > 1:
        figure.legend(
            handles=list(outlines.values()),
            loc="outside lower center",
            ncols=min(len(outlines), legend_columns(outlines)),
            frameon=False,
        )
    figure.suptitle(title)
    return figure
