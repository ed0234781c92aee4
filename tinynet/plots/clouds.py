"""Samples as clouds of points, and classes as directions in the same space.

A last layer without softmax scores class c by `h @ W[:, c] + b[c]`: how far h reaches in the
direction of the class. So what counts is where a cloud lies, seen from the origin, as long as it
lies far enough from it that `b` does not matter.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tinynet.plots.style import (
    GREY,
    MARKERS,
    PALETTE,
    WIDTH,
    legend_columns,
    new_figure,
    own_style,
    plain_log_ticks,
)
from tinynet.runs.history import History
from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SPECK = 0.05  # what reaches less far than this share of its panel is hard to find


class Cloud(NamedTuple):
    """One panel of `class_directions`.

    Attributes
    ----------
    title : str
    directions : array `(3, C)`
        The weights of the last layer, one column per class.
    train, test : array `(N, 3)`
        Activations that the last layer is given; `train` may be empty.
    labels : array of int `(N,)`
        Classes of the test samples, which give them their colours.
    """

    title: str
    directions: Array
    train: Array
    test: Array
    labels: Array


@own_style
def class_directions(
    clouds: Sequence[Cloud], class_names: Sequence[str], title: str = "Classes are directions"
) -> "Figure":
    """Draw activations in three dimensions, and the direction of each class as an arrow.

    Parameters
    ----------
    clouds : sequence of Cloud
        One panel each. Axes reach as far as 98 % of the points, which stands below the panel's
        title; an arrow shows a direction alone and is as long as the panel allows. Training samples
        are black dots, in front of the test samples, which are coloured crosses. If the one or the
        other are but a speck in the middle, a ring is around it.
    class_names : sequence of C str
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        No cloud, or arrays whose shapes do not fit.
    """
    import matplotlib.pyplot as plt

    if len(clouds) == 0:
        raise ValueError("class_directions: expected at least one Cloud")
    n_classes = len(class_names)
    for cloud in clouds:
        shapes = cloud.directions.shape, cloud.train.shape[1:], cloud.test.shape
        if shapes != ((3, n_classes), (3,), (len(cloud.labels), 3)):
            raise ValueError(
                f"class_directions: {cloud.title!r} has directions {cloud.directions.shape}, train "
                f"{cloud.train.shape}, test {cloud.test.shape}, expected (3, {n_classes}), (N, 3) "
                f"and ({len(cloud.labels)}, 3), one row per label"
            )
    columns = min(2, len(clouds))
    rows = -(-len(clouds) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, 0.8 + 0.46 * WIDTH * rows),
        squeeze=False,
        layout="constrained",
        subplot_kw={"projection": "3d"},
    )
    for ax in axes.flat[len(clouds) :]:
        ax.remove()
    for ax, cloud in zip(axes.flat, clouds, strict=False):
        furthest = np.abs(np.concatenate([cloud.train, cloud.test])).max(axis=1)
        reach = float(np.percentile(furthest, 98)) or 1.0
        specks = [0 < np.abs(h).max(initial=0) < SPECK * reach for h in (cloud.train, cloud.test)]
        ax.computed_zorder = False  # in front stands what would be hidden: specks, names, arrows
        dots = {"color": "black", "zorder": 4 if specks[0] else 2, "depthshade": False}
        ax.scatter(*cloud.train.T, s=7, label="training samples", **dots)
        lengths = np.linalg.norm(cloud.directions, axis=0, keepdims=True)
        tips = reach * cloud.directions / np.where(lengths > 0, lengths, 1)
        for c, name in enumerate(class_names):
            colour = PALETTE[c % len(PALETTE)]
            own = cloud.test[np.asarray(cloud.labels) == c]
            order = 4 if specks[1] else 1
            style = {"marker": "x", "color": colour, "zorder": order, "depthshade": False}
            ax.scatter(*own.T, s=22, label=f"test samples of {name}", **style)
            arrow = {"arrow_length_ratio": 0.12, "linewidth": 2.5, "zorder": 3}
            ax.quiver(0, 0, 0, *tips[:, c], color=colour, **arrow)
            sign = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": colour}
            centred = {"ha": "center", "va": "center", "zorder": 5}
            ax.text(*(1.15 * tips[:, c]), name, size=14, bbox=sign, **centred)
        ax.set_xlim(-reach, reach)
        ax.set_ylim(-reach, reach)
        ax.set_zlim(-reach, reach)
        ax.set_box_aspect((1, 1, 1), zoom=1.1)
        if any(specks):
            ax.plot(0, 0, 0, marker="o", markersize=20, fillstyle="none", color="black", zorder=5)
        edge = f"{reach:,.0f}" if reach >= 100 else f"{reach:.2g}"
        ax.set_title(f"{cloud.title}\naxes from -{edge} to {edge}")
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
            axis.pane.set_visible(False)
        ax.set(xticks=[0], yticks=[0], zticks=[0], xticklabels=[], yticklabels=[], zticklabels=[])
        ax.set_xlabel("unit 1", labelpad=-9)
        ax.set_ylabel("unit 2", labelpad=-9)
        ax.set_zlabel("unit 3", labelpad=-9)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=min(n_classes + 1, legend_columns(labels)),
        frameon=False,
        markerscale=1.5,
    )
    figure.suptitle(title)
    return figure


@own_style
def loss_against_accuracy(
    histories: Mapping[str, History], title: str = "Loss against accuracy"
) -> "Figure":
    """Draw each epoch as a point: its test loss, logarithmic, and its test accuracy.

    Parameters
    ----------
    histories : mapping of str to History
        Training runs with a test set; one colour and marker each.
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        No run, or a run without a test set or without accuracies.
    """
    if not histories or not all(len(run.test_loss) for run in histories.values()):
        raise ValueError("loss_against_accuracy: expected runs of tn.fit(..., test=(X, y))")
    for name, run in histories.items():
        if len(run.test_accuracy) != len(run.test_loss):
            why = f"it was scored by {run.score_name}" if run.score_name else "its loss has none"
            raise ValueError(
                f"loss_against_accuracy: run {name!r} has {len(run.test_loss)} test losses and "
                f"{len(run.test_accuracy)} test accuracies; {why}, so use "
                "tn.plots.learning_curves"
            )
    figure, axes = new_figure(1, 1, height=4)
    ax = axes[0, 0]
    for k, (name, run) in enumerate(histories.items()):
        ax.scatter(
            run.test_loss,
            run.test_accuracy,
            s=22,
            marker=MARKERS[k % 6],
            color=PALETTE[k % len(PALETTE)],
            alpha=0.7,
            label=name,
        )
    ax.set_xscale("log")
    plain_log_ticks(ax.xaxis)
    ax.set_xlabel("test loss, logarithmic scale")
    ax.set_ylabel("test accuracy (%)")
    ax.grid(alpha=0.3)
    ax.legend()
    figure.suptitle(title)
    return figure


@own_style
def scatter(
    panels: Mapping[str, ArrayLike], labels: ArrayLike, xlabel: str, ylabel: str, title: str
) -> "Figure":
    """Draw samples as points in the plane, each as the sign of its class.

    The sign, such as a digit, is drawn small at every sample, in the colour of its class, and once
    more, large and in a frame, at the median of the class, or beside it where another one is.

    Parameters
    ----------
    panels : mapping of str to array `(N, 2)`
        Where the samples lie, by the title of the panel: the same samples in each.
    labels : array `(N,)`
        Their classes: what is drawn, as text, is best a single letter or digit.
    xlabel, ylabel, title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        No panel, no sample, or points that are not `(N, 2)`.
    """
    if len(panels) == 0:
        raise ValueError("scatter: expected at least one panel")
    classes = np.asarray(labels)
    places = {name: np.asarray(points, dtype=float) for name, points in panels.items()}
    for name, points in places.items():
        if classes.ndim != 1 or classes.size == 0 or points.shape != (len(classes), 2):
            raise ValueError(
                f"scatter: panel {name!r} has points of shape {points.shape} and there are labels "
                f"of shape {classes.shape}, expected (N, 2) and (N,), N at least 1"
            )
    figure, axes = new_figure(1, len(panels), height=min(6, 0.9 + WIDTH / len(panels)))
    for ax, (name, points) in zip(axes[0], places.items(), strict=True):
        names = np.unique(classes)
        span = np.ptp(points, axis=0)
        span[span == 0] = 1
        medians = np.array([np.median(points[classes == name], axis=0) for name in names])
        middles = span * _apart(medians / span, least=0.035 * len(panels))
        for k, (label, middle) in enumerate(zip(names, middles, strict=True)):
            colour = PALETTE[k % len(PALETTE)]
            sign = f"${label}$"
            ax.scatter(*points[classes == label].T, s=34, marker=sign, color=colour, linewidths=0.3)
            frame = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": colour}
            style = {"ha": "center", "va": "center", "size": 13, "weight": "bold", "bbox": frame}
            ax.text(*middle, str(label), color=colour, **style)
        ax.set_title(name)
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.grid(alpha=0.3, color=GREY)
    figure.suptitle(title)
    return figure


def _apart(places: Array, least: float) -> Array:
    """Move places away from each other, as little as it takes, until all are `least` apart."""
    places = places + 1e-6 * np.arange(len(places))[:, None] * (1, -1)  # no two are the same
    for _ in range(200):
        away = places[:, None] - places
        distance = np.linalg.norm(away, axis=2)
        np.fill_diagonal(distance, np.inf)
        push = np.clip(least - distance, 0, None) / distance / 2
        if not push.any():
            break
        places = places + (away * push[:, :, None]).sum(axis=1) / 2
    return places
