"""Find the ink of one digit in a picture: dark on light or light on dark, a scan or a photograph.

There is less ink than paper. The paper's tone varies, since light falls unevenly: it is what is
there when narrow dark strokes are filled. Faint differences are noise, and small pieces are dust.
"""

import numpy as np
from numpy.typing import NDArray

from tinynet.datasets.idx import DataError
from tinynet.support.types import Array

SMALLEST, LARGEST = 14, 600  # pixels of a side; larger pictures are made smaller first
FAINTEST = 10.0  # of 255 grey levels: what differs less from the paper is no ink
LOW, HIGH = 0.25, 0.75  # parts of the ink's own tone that become no ink, and full ink
WIDEST = 0.3  # of the picture: a stroke is narrower, a shadow is wider
DUST = 0.05  # pieces with less of the ink than this part of the largest are left out


def ink_of(grey: Array) -> Array:
    """How much ink there is in each pixel.

    Parameters
    ----------
    grey : ndarray of float64, shape (H, W)
        0 (black) to 255 (white).

    Returns
    -------
    ndarray of float64, shape (h, w)
        0 (paper) to 1 (ink); not larger than 600 x 600.

    Raises
    ------
    DataError
        If no digit is to be seen, or more than one.
    """
    grey = _smaller(grey)
    if max(grey.shape) < SMALLEST:
        raise DataError(
            f"the picture has only {grey.shape[1]} x {grey.shape[0]} pixels, expected {SMALLEST} "
            "or more on a side"
        )
    if not _dark_on_light(grey):
        grey = 255 - grey
    ink = _paper(grey) - grey
    ink -= np.median(ink)  # the grain's own
    noise = 1.4826 * float(np.median(np.abs(ink)))  # of a normal distribution: its sigma
    least = max(FAINTEST, 4 * noise)
    if not (ink > least).any():
        raise DataError("the picture is blank: no ink differs from the paper")
    tone = _tone(ink, ink > least)
    digit = _digit(ink, _pieces(ink > max(least, LOW * tone)))
    tone = _tone(ink, digit)
    return np.where(digit, np.clip((ink / tone - LOW) / (HIGH - LOW), 0, 1), 0)


def _smaller(grey: Array) -> Array:
    """The means of squares of pixels, so few that no side is longer than LARGEST."""
    k = -(-max(grey.shape) // LARGEST)
    if k == 1:
        return grey
    H, W = (max(size // k, 1) for size in grey.shape)
    return grey[: H * k, : W * k].reshape(H, -1, W, k).mean(axis=(1, 3))


def _dark_on_light(grey: Array) -> bool:
    """Whether the smaller part of the picture is the darker one, slanting light set aside.

    The two parts are those that differ most in their means (N. Otsu, "A Threshold Selection Method
    from Gray-Level Histograms", 1979).
    """
    step = -(-max(grey.shape) // 500)
    some = grey[::step, ::step]
    y, x = np.indices(some.shape) / 500
    plane = np.stack([np.ones(some.size), x.ravel(), y.ravel()], axis=1)
    levels = np.sort(some.ravel() - plane @ np.linalg.lstsq(plane, some.ravel())[0])
    darker = np.arange(1, len(levels))
    means = np.cumsum(levels)[:-1] / darker  # of the darker part; the mean of all is 0
    between = means**2 * darker / (len(levels) - darker)
    return int(between.argmax()) + 1 <= len(levels) / 2


def _paper(grey: Array) -> Array:
    """The tone of the paper in each pixel: the picture with all narrow dark parts filled.

    That is a morphological closing. Wide dark parts, such as shadows, are left as they are.
    """
    window = max(round(WIDEST * max(grey.shape)), 4) | 1
    reach = window // 2
    grey = np.pad(grey, reach, constant_values=-np.inf)  # what is outside brightens nothing
    for axis in (0, 1):
        grey = _highest(grey, window, axis)
    for axis in (0, 1):
        grey = -_highest(-grey, window, axis)
    return grey[reach:-reach, reach:-reach]


def _highest(levels: Array, window: int, axis: int) -> Array:
    """The largest level in a window around each pixel, along one axis.

    The window is the end of one block of pixels and the start of the next (M. van Herk, "A fast
    algorithm for local minimum and maximum filters", 1992).
    """
    levels = np.moveaxis(levels, axis, 0)
    length = len(levels)
    before, after = window // 2, window // 2 + -(length + window - 1) % window
    padding = ((before, after), (0, 0))
    blocks = np.pad(levels, padding, constant_values=-np.inf).reshape(-1, window, levels.shape[1])
    starts = np.maximum.accumulate(blocks, axis=1).reshape(-1, levels.shape[1])
    ends = np.maximum.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].reshape(-1, levels.shape[1])
    highest = np.maximum(ends[:length], starts[window - 1 : window - 1 + length])
    return np.moveaxis(highest, 0, axis)


def _tone(ink: Array, where: NDArray[np.bool_]) -> float:
    """The tone of the ink's core; edges are paler."""
    return float(np.quantile(ink[where], 0.9))


def _digit(ink: Array, pieces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the digit is, of the numbered pieces."""
    weights = np.bincount(pieces.ravel(), np.maximum(ink, 0).ravel())
    weights[0] = 0
    corners = np.unique(pieces[[0, 0, -1, -1], [0, -1, 0, -1]])
    inner = np.delete(np.arange(len(weights)), corners)
    if weights[inner].sum() >= 0.1 * weights.sum():  # a shadow, or what lies beside the paper
        weights[corners] = 0
    digit = (weights >= DUST * weights.max())[pieces] & (pieces > 0)
    lines, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
    if max(map(np.ptp, np.nonzero(pieces == weights.argmax()))) < max(2, 0.03 * max(ink.shape)):
        raise DataError("the picture is blank but for specks; expected one digit, a few mm high")
    box = (ink * digit)[lines[0] : lines[-1] + 1, columns[0] : columns[-1] + 1]
    if _are_two(box) or _are_two(box.T):
        raise DataError("there seem to be several digits in the picture; cut it into one for each")
    return digit


def _are_two(box: Array) -> bool:
    """Whether a box that is wide holds two large pieces with a gap between them."""
    columns = box.sum(axis=0)
    if box.shape[1] < 0.9 * box.shape[0]:
        return False
    for gap in np.flatnonzero(columns == 0):
        left = columns[:gap].sum() / columns.sum()
        heights = [
            np.ptp(np.flatnonzero(part.any(axis=1))) for part in (box[:, :gap], box[:, gap:])
        ]
        if 0.25 < left < 0.75 and min(heights) > 0.6 * box.shape[0]:
            return True
    return False


def _pieces(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the pieces that hang together, at corners too, from 1; 0 is no piece.

    Line by line: a run of pixels that touches runs of the line above joins their pieces.
    """
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8))
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    parent = list(range(len(starts) + 1))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = run = parent[parent[run]]
        return run

    runs = [(line, start, end) for (line, start), end in zip(starts.tolist(), ends[:, 1].tolist())]
    above = 0
    for run, (line, start, end) in enumerate(runs):
        while runs[above][0] < line - 1 or (runs[above][0] == line - 1 and runs[above][2] < start):
            above += 1
        other = above
        while runs[other][0] == line - 1 and runs[other][1] <= end:
            parent[root(other + 1)] = root(run + 1)
            other += 1
    numbers = np.unique([root(run) for run in range(1, len(parent))], return_inverse=True)[1] + 1
    pieces = np.zeros(mask.shape, np.int64)
    for (line, start, end), number in zip(runs, numbers):
        pieces[line, start:end] = number
    return pieces
