"""Curves over epochs, and results on one scale.

The loss is what learning pushes down; the accuracy is what we want. Both are drawn for the
training digits and for the test digits, which the network never learns from.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinynet.plots.style import (
    GREY,
    PALETTE,
    legend_columns,
    new_figure,
    own_style,
    plain_log_ticks,
)
from tinynet.runs.history import PARTS, History

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@own_style
def learning_curves(
    histories: History | Mapping[str, History],
    title: str = "Learning curves",
    log_loss: bool = False,
) -> "Figure":
    """Draw loss and accuracy by epoch, for one training run or several to be compared.

    Runs with a score of their own are drawn by it in place of the accuracy, each kind of score in
    a panel of its own; of runs that have losses alone, those are drawn alone.

    Parameters
    ----------
    histories : History, or mapping of str to History
        What `tn.fit` returned; a mapping gives each run a name and a colour. Training is drawn as a
        solid line, validation as a dotted one, test as a dashed one, where there are such scores.
    title : str
    log_loss : bool
        Logarithmic axis for the loss, for runs whose losses differ by orders of magnitude.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        No run, or a run without epochs.
    """
    from matplotlib.ticker import MaxNLocator

    runs = {"": histories} if isinstance(histories, History) else dict(histories)
    if not runs or not all(len(run.train_loss) for run in runs.values()):
        raise ValueError("learning_curves: expected at least one run of at least one epoch")
    scored = (run for run in runs.values() if any(len(run.scores(part)) for part in PARTS))
    measures = dict.fromkeys(map(_measure, scored))
    figure, axes = new_figure(1, 1 + len(measures), height=3.9)
    loss_ax, *score_axes = axes[0]
    by_measure = dict(zip(measures, score_axes, strict=True))
    marker = "o" if max(len(run.train_loss) for run in runs.values()) == 1 else None
    for k, (name, run) in enumerate(runs.items()):
        train_colour = PALETTE[k % len(PALETTE)]
        colours = [train_colour] * 3 if len(runs) > 1 else [PALETTE[0], PALETTE[2], PALETTE[1]]
        lines = (("train", "-"), ("validation", ":"), ("test", "--"))
        for colour, (part, linestyle) in zip(colours, lines, strict=True):
            score_ax = by_measure.get(_measure(run))
            for ax, values in ((loss_ax, run.losses(part)), (score_ax, run.scores(part))):
                if ax is not None and len(values):
                    ax.plot(
                        np.arange(1, len(values) + 1),
                        values,
                        color=colour,
                        marker=marker,
                        linestyle=linestyle,
                        label=f"{name} {part}".strip(),
                    )
    loss_ax.set_ylabel("loss")
    for measure, ax in by_measure.items():
        ax.set_ylabel(measure)
    if log_loss:
        loss_ax.set_yscale("log")
        plain_log_ticks(loss_ax.yaxis)
    for ax in axes[0]:
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        ax.grid(alpha=0.3)
    if len(runs) == 1:
        place = "lower right" if score_axes else "best"
        axes[0, -1].legend(loc=place)
    else:
        handles, labels = loss_ax.get_legend_handles_labels()
        # a run's training and test lines stand one above the other, in one column
        fitting = range(1, legend_columns(labels) + 1)
        columns = max(c for c in fitting if len(runs) % c == 0 or c == 1)
        figure.set_figheight(3.4 + 0.22 * -(-len(labels) // columns))
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
    figure.suptitle(title)
    return figure


def _measure(run: History) -> str:
    return "accuracy (%)" if run.score_name is None else run.score_name


@own_style
def error_rates(
    published: Sequence[tuple[str, float]],
    measured: Sequence[tuple[str, float]] = (),
    title: str = "Error rates on handwritten digits",
) -> "Figure":
    """Draw error rates on one logarithmic scale, the highest on top.

    Parameters
    ----------
    published : sequence of (name, percent)
        Drawn as blue dots.
    measured : sequence of (name, percent)
        One's own results, drawn as vermilion diamonds in their place among the others.
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        No result at all, or an error rate that is not above 0.
    """
    from matplotlib.ticker import FormatStrFormatter

    results = [(name, rate, False) for name, rate in published]
    results += [(name, rate, True) for name, rate in measured]
    if not results or min(rate for _, rate, _ in results) <= 0:
        raise ValueError("error_rates: expected at least one result, every error rate above 0 %")
    results.sort(key=lambda result: result[1])
    figure, axes = new_figure(1, 1, height=0.3 * len(results) + 1.3)
    ax = axes[0, 0]
    for y, (_, rate, own) in enumerate(results):
        colour = PALETTE[own]
        ax.hlines(y, 0.1, rate, color=GREY, linewidth=0.6)
        ax.plot(rate, y, marker="D" if own else "o", color=colour, markersize=7)
        ax.annotate(
            f"{rate:.2f}", (rate, y), xytext=(8, 0), textcoords="offset points", va="center"
        )
    ax.set_yticks(range(len(results)), [name for name, _, _ in results])
    for tick, (_, _, own) in zip(ax.get_yticklabels(), results, strict=True):
        tick.set_fontweight("bold" if own else "normal")
    ax.set_xscale("log")
    ax.set_xlim(0.1, max(rate for _, rate, _ in results) * 3)
    ax.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    ax.set_xlabel("errors on test digits (%), logarithmic scale")
    ax.set_ylabel("method")
    figure.suptitle(title)
    return figure
