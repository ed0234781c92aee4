"""Fit a digit into 20 x 20 pixels, and put its centre of mass into the middle of 28 x 28.

So MNIST's digits were made from scans, and so the playground makes its pictures of drawings, with
the same arithmetic (`fitted` in ``pages/playground.js``): a pixel is the mean of what it covers.
"""

import numpy as np

from tinynet.support.types import Array

SIDE = 28  # pixels of the picture that the network sees
BOX = 20  # the digit is fitted into so many of them
MIDDLE = 14.5  # where MNIST's digits have their centre of mass: in pixel 14 of 0..27


def fit(ink: Array) -> Array:
    """The ink of a picture as MNIST would have it.

    Parameters
    ----------
    ink : ndarray of float64, shape (H, W)
        0 where there is none; some pixels must be larger.

    Returns
    -------
    ndarray of float64, shape (28, 28)
        0 to 1, which is the strongest ink.
    """
    lines, columns = ink.sum(axis=1), ink.sum(axis=0)
    scale = BOX / max(_extent(lines), _extent(columns))
    small = _means(lines, scale) @ ink @ _means(columns, scale).T
    return small / small.max()


def _extent(sums: Array) -> int:
    """From the first pixel with ink to the last one."""
    inked = np.flatnonzero(sums)
    return int(inked[-1] - inked[0]) + 1


def _means(sums: Array, scale: float) -> Array:
    """The matrix, (28, pixels), that scales one axis and brings the centre of mass to MIDDLE.

    Its entries say how much of each small pixel is covered by each of the large picture.
    """
    edges = np.arange(len(sums) + 1)
    centre = sums @ (edges[:-1] + 0.5) / sums.sum()
    edges = (edges - centre) * scale + MIDDLE
    pixels = np.arange(SIDE)[:, None]
    covered = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    return np.maximum(covered, 0)
