"""What a network answers: its ten outputs for one digit, and the digits that it takes for others.

Log-probabilities are at most 0, and exp turns them into probabilities that add up to 1.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from tinynet.plots.digits import as_pictures
from tinynet.plots.style import BLUE, GREY, VERMILION, new_figure, own_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@own_style
def output_bars(
    log_probabilities: ArrayLike, label: int, title: str = "What the network answers"
) -> "Figure":
    """Draw one sample's log-probabilities and probabilities as bars, the true class in blue.

    Parameters
    ----------
    log_probabilities : array `(C,)`
        Output of a network that ends with LogSoftmax.
    label : int
        The true class.
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        `log_probabilities` is not 1-D.
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
    classes = np.arange(len(values))
    colours = np.where(classes == label, BLUE, GREY)
    figure, axes = new_figure(1, 2, height=3.6)
    with np.errstate(under="ignore"):
        panels = [("log-probability", values), ("probability", np.exp(values))]
    for ax, (name, heights) in zip(axes[0], panels, strict=True):
        ax.bar(classes, heights, color=colours)
        ax.set_xticks(classes)
        ax.set_xlabel(f"class (blue: the true one, {label})")
        ax.set_ylabel(name)
        ax.set_title(f"{name} of each class", fontsize=10)
    axes[0, 1].set_ylim(0, 1)
    figure.suptitle(title)
    return figure


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
        The true classes: blue bars. A wrong guess has a vermilion bar.
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
    figure, axes = new_figure(rows, 2 * columns, height=1.75 * rows + 0.5)
    pairs = axes.reshape(-1, 2)
    for image_ax, bar_ax in pairs[len(truths) :]:
        image_ax.axis("off")
        bar_ax.axis("off")
    for (image_ax, bar_ax), picture, chance, truth in zip(
        pairs, pictures, chances, truths, strict=False
    ):
        guess = int(chance.argmax())
        colours = np.full(len(classes), GREY)
        colours[guess] = VERMILION
        colours[truth] = BLUE
        image_ax.imshow(picture, cmap="gray")
        image_ax.axis("off")
        image_ax.set_title(f"true {truth}, guessed {guess}", fontsize=9)
        bar_ax.barh(classes, chance, color=colours)
        bar_ax.set_yticks(classes, [str(c) for c in classes], fontsize=7)
        bar_ax.invert_yaxis()
        bar_ax.set_xlim(0, 1)
        bar_ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"], fontsize=8)
    figure.supxlabel(
        "probability of each class (blue: true class, vermilion: wrong guess)", size=10
    )
    figure.suptitle(title)
    return figure
