"""What a network answers: its ten outputs for one digit, and the digits that it takes for others.

Log-probabilities are at most 0, and exp turns them into probabilities that add up to 1.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from tinynet.plots.digits import as_pictures
from tinynet.plots.style import GREY, RIGHT, WRONG, new_figure, own_style
from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@own_style
def output_bars(
    log_probabilities: ArrayLike,
    label: int,
    title: str = "What the network answers",
    image: ArrayLike | None = None,
) -> "Figure":
    """Draw one sample's log-probabilities and probabilities as bars, a triangle at the true class.

    Bars of log-probabilities stand on the lowest one, so that a longer bar is a likelier class.

    Parameters
    ----------
    log_probabilities : array `(C,)`
        Output of a network that ends with LogSoftmax.
    label : int
        The true class.
    title : str
    image : array `(784,)`, optional
        The sample itself, drawn beside its bars.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        `log_probabilities` is not 1-D, or `image` no square number of pixels.
    IndexError
        `label` is outside `[0, C)`.
    """
    values = np.asarray(log_probabilities)
    if values.ndim != 1:
        raise ValueError(
            f"output_bars: log_probabilities have shape {values.shape}, expected (C,), one sample"
        )
    if not 0 <= label < len(values):
        raise IndexError(f"output_bars: label = {label} is outside [0, {len(values)})")
    picture = None if image is None else as_pictures(np.asarray(image)[None])[0]
    classes = np.arange(len(values))
    figure, axes = new_figure(1, 2 + (picture is not None), height=3.2)
    if picture is not None:
        axes[0, 0].imshow(picture, cmap="gray")
        axes[0, 0].axis("off")
    with np.errstate(under="ignore"):
        panels = [("log-probability", values), ("probability", np.exp(values))]
    floor = min(1.1 * float(values[np.isfinite(values)].min(initial=-1)), -1.0)
    for ax, (name, ends) in zip(axes[0, -2:], panels, strict=True):
        low, high = (floor, 0.0) if name == "log-probability" else (0.0, 1.0)
        ends = np.maximum(ends, low)
        ax.bar(classes, ends - low, bottom=low, color=_colours(values, label))
        tip = float(ends[label]) + 0.04 * (high - low)
        ax.plot(label, tip, marker="v", color=RIGHT, markersize=9, clip_on=False)
        ax.set_ylim(low, high + 0.1 * (high - low))
        ax.set_xticks(classes)
        ax.set_xlabel("class")
        ax.set_ylabel(name)
    figure.supxlabel(f"green, with a triangle: the true class, {label}; red: a wrong guess")
    figure.suptitle(title)
    return figure


def _colours(scores: Array, label: int) -> list[str]:
    """The colour of each class: the true one, a wrong guess, or any other."""
    guess = int(scores.argmax())
    return [RIGHT if c == label else WRONG if c == guess else GREY for c in range(len(scores))]


@own_style
def guesses(
    images: ArrayLike,
    probabilities: ArrayLike,
    labels: ArrayLike,
    columns: int = 3,
    title: str = "What the network guessed",
) -> "Figure":
    """Draw each image with the probabilities of its classes beside it.

    Parameters
    ----------
    images : array `(N, 784)`
    probabilities : array `(N, C)`
    labels : array of int `(N,)`
        The true classes: green bars, with a triangle. A wrong guess has a red bar.
    columns : int
        Pairs of image and bars per row.
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        The three lengths differ, or are 0, or the images are not `(N, square)`.
    IndexError
        A label is outside `[0, C)`.
    """
    pictures = as_pictures(images)
    chances, truths = np.asarray(probabilities), np.asarray(labels)
    if chances.ndim != 2 or truths.ndim != 1 or not len(pictures) == len(chances) == len(truths):
        raise ValueError(
            f"guesses: {len(pictures)} images, probabilities {chances.shape} and labels "
            f"{truths.shape}, expected one row (C,) of probabilities and one label per image"
        )
    if truths.min() < 0 or truths.max() >= chances.shape[1]:
        raise IndexError(
            f"guesses: labels from {truths.min()} to {truths.max()}, "
            f"expected all within [0, {chances.shape[1]})"
        )
    classes = np.arange(chances.shape[1])
    rows = -(-len(truths) // columns)
    figure, axes = new_figure(rows, 2 * columns, height=2.15 * rows + 0.7)
    pairs = axes.reshape(-1, 2)
    for image_ax, bar_ax in pairs[len(truths) :]:
        image_ax.axis("off")
        bar_ax.axis("off")
    for (image_ax, bar_ax), picture, chance, truth in zip(
        pairs, pictures, chances, truths, strict=False
    ):
        image_ax.imshow(picture, cmap="gray")
        image_ax.axis("off")
        image_ax.set_title(f"true {truth}\nguessed {chance.argmax()}")
        bar_ax.barh(classes, chance, color=_colours(chance, truth))
        tip = float(chance[truth]) + 0.1
        bar_ax.plot(tip, truth, marker="<", color=RIGHT, markersize=7, clip_on=False)
        bar_ax.set_yticks(classes, [str(c) for c in classes])
        bar_ax.invert_yaxis()
        bar_ax.set_xlim(0, 1.15)
        bar_ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    figure.supxlabel(
        "probability of each class (green, with a triangle: the true one; red: a wrong guess)"
    )
    figure.suptitle(title)
    return figure
