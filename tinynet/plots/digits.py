"""Digits as people see them, as a network sees them, and what a set of them has in common.

An image is a row of 784 numbers, 28 rows of 28 pixels one after the other. Grey values are drawn
on one scale per figure, black for the smallest and white for the largest.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from tinynet.plots.style import AMOUNTS, GREY, PALETTE, SMALL, WIDTH, new_figure, own_style
from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAP = 0.1  # inches between two images


@own_style
def digit_grid(
    images: ArrayLike,
    captions: Sequence[object] | ArrayLike | None = None,
    columns: int = 6,
    title: str = "Digits",
) -> "Figure":
    """Draw images in rows and columns, a caption above each.

    Parameters
    ----------
    images : array `(N, 784)`
        Any real dtype; each row is drawn as 28 x 28 pixels. Any other square number will do.
    captions : sequence or array `(N,)`, optional
        Strings, or what becomes one, such as labels.
    columns : int
        Images per row of the grid.
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        `images` is no `(N, square)` array, or `captions` has another length.
    """
    pictures = as_pictures(images)
    captions = checked_captions(captions, len(pictures))
    figure, axes = squares(len(pictures), columns, caption=0.3 if captions else GAP)
    low, high = pictures.min(), pictures.max()
    for ax, picture in zip(axes, pictures, strict=True):
        ax.imshow(picture, cmap="gray", vmin=low, vmax=high)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(color=GREY, linewidth=0.6)  # a white picture has an edge, too
    for ax, caption in zip(axes, captions, strict=False):
        ax.set_title(caption, fontsize=SMALL, pad=4)
    figure.suptitle(title, y=1 - GAP / figure.get_figheight())
    return figure


def squares(
    number: int, columns: int, caption: float, below: float = 0
) -> "tuple[Figure, list[Axes]]":
    """Square axes with room for a caption above each, and for a line below all, in inches.

    Placed so that nothing is left empty.
    """
    import matplotlib.pyplot as plt

    rows, title = -(-number // columns), 0.4
    side = min(WIDTH / columns, 2.5) - GAP * (columns + 1) / columns
    width = columns * (side + GAP) + GAP
    height = title + rows * (side + caption) + GAP + below
    figure = plt.figure(figsize=(width, height))
    axes = []
    for k in range(number):
        left = GAP + k % columns * (side + GAP)
        top = title + k // columns * (side + caption) + caption
        place = left / width, 1 - (top + side) / height, side / width, side / height
        axes.append(figure.add_axes(place))
    return figure, axes


@own_style
def pixel_rows(
    images: ArrayLike,
    captions: Sequence[object] | ArrayLike | None = None,
    title: str = "Digits as rows",
) -> "Figure":
    """Draw images as a network receives them: all pixels in one row.

    Parameters
    ----------
    images : array `(N, 784)`
    captions : sequence or array `(N,)`, optional
        Written to the left of each row.
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        `images` is no `(N, square)` array, or `captions` has another length.
    """
    rows = as_pictures(images)
    rows = rows.reshape(len(rows), -1)
    captions = checked_captions(captions, len(rows))
    figure, axes = new_figure(len(rows), 1, height=0.35 * len(rows) + 1)
    for ax, row in zip(axes[:, 0], rows, strict=True):
        ax.imshow(row[None, :], cmap="gray", aspect="auto", vmin=rows.min(), vmax=rows.max())
        ax.set_yticks([])
        ax.set_xticks([])
    for ax, caption in zip(axes[:, 0], captions, strict=False):
        ax.set_ylabel(caption, rotation=0, ha="right", va="center")
    axes[-1, 0].set_xticks(np.arange(0, rows.shape[1], 112))
    axes[-1, 0].set_xlabel("pixel number, in the order in which the network gets them")
    figure.suptitle(title)
    return figure


@own_style
def pixel_histograms(data: Mapping[str, ArrayLike], bins: int = 64) -> "Figure":
    """Draw how often each pixel value occurs, with linear and with logarithmic counts.

    Parameters
    ----------
    data : mapping of str to array
        Data sets by name, of any shape, one column of the figure for each.
    bins : int
        Number of bars per histogram.

    Returns
    -------
    matplotlib Figure
    """
    from matplotlib.ticker import EngFormatter

    figure, axes = new_figure(2, len(data), height=4.8)
    for column, (name, values) in zip(axes.T, data.items(), strict=True):
        counts, edges = np.histogram(np.asarray(values), bins=bins)
        for ax, scale in zip(column, ("linear", "log"), strict=True):
            ax.stairs(counts, edges, fill=True, color=PALETTE[0])
            ax.set_yscale(scale)
            if scale == "log":
                ax.set_ylim(bottom=counts[counts > 0].min() / 10)
            ax.yaxis.set_major_formatter(EngFormatter(sep=""))
            ax.set_title(f"{name}, {scale} counts")
            ax.set_xlabel("pixel value")
            ax.set_ylabel("number of pixels")
    figure.suptitle("How often each pixel value occurs")
    return figure


@own_style
def correlations(matrix: Array, title: str = "How alike are the images?") -> "Figure":
    """Draw a correlation matrix, and the histogram of the correlations that are unique in it.

    Parameters
    ----------
    matrix : array `(N, N)`
        Correlation of each image with each, as `np.corrcoef(images)` gives it. Only the half above
        the diagonal enters the histogram: the other half repeats it, the diagonal is 1.
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        `matrix` is not square, or smaller than 2 x 2.
    """
    from matplotlib.ticker import EngFormatter

    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise ValueError(f"correlations: matrix has shape {matrix.shape}, expected (N, N), N >= 2")
    unique = matrix[np.triu_indices(len(matrix), k=1)]
    figure, axes = new_figure(1, 2, height=3.9)
    left, right = axes[0]
    picture = left.imshow(matrix, cmap=AMOUNTS, vmin=min(0.0, unique.min()), vmax=1)
    left.set_title("correlation matrix")
    left.set_xlabel("image number")
    left.set_ylabel("image number")
    figure.colorbar(picture, ax=left, label="correlation", shrink=0.7)

    right.hist(unique, bins=100, color=PALETTE[0])
    median = float(np.median(unique))
    right.axvline(median, color=PALETTE[1])
    right.set_title(f"{len(unique):,} pairs, median {median:.2f}")
    right.set_xlabel("correlation of two images")
    right.set_ylabel("number of pairs")
    right.yaxis.set_major_formatter(EngFormatter(sep=""))
    figure.suptitle(title)
    return figure


def as_pictures(images: ArrayLike) -> Array:
    """Turn `(N, 784)` into `(N, 28, 28)`, or raise a ValueError that names the shape."""
    array = np.asarray(images)
    side = int(np.sqrt(array.shape[-1])) if array.ndim == 2 else 0
    if array.ndim != 2 or array.size == 0 or side * side != array.shape[1]:
        raise ValueError(
            f"images have shape {array.shape}, expected (N, 784) or another square number of "
            "pixels, and N at least 1; reshape them by images.reshape(len(images), -1)"
        )
    return array.reshape(-1, side, side)


def checked_captions(captions: Any, n_images: int) -> list[str]:
    """Captions as texts, or a ValueError: there must be none, or one for each image."""
    if captions is None:
        return []
    shape = getattr(captions, "shape", None)
    if shape is not None and len(shape) != 1:
        raise ValueError(f"captions have shape {shape}, expected ({n_images},), one for each image")
    listed = [str(caption) for caption in captions]
    if len(listed) != n_images:
        raise ValueError(f"{len(listed)} captions for {n_images} images, expected one for each")
    return listed
