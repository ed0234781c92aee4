"""The handwritten digits of MNIST, from wherever they are.

Each digit is 28 x 28 pixels, 0 (background) to 255 (ink), here as one row of 784 bytes, and a label
0 to 9. Three sources give the same `Digits`: 20,000 digits that come with tinynet, all 70,000 from
the network, and the CSV files of Google Colab and Kaggle. Files are checked before they are
believed: a network also learns from wrong data, only the wrong thing.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinynet.download import load_files
from tinynet.idx import DataError, DataFileNotFoundError, open_data, read_idx

__all__ = [
    "DataError",
    "DataFileNotFoundError",
    "Digits",
    "load_csv",
    "load_images_csv",
    "mnist",
    "mnist_small",
    "read_idx",
]

PIXELS = 28 * 28
COLUMNS = 1 + PIXELS
HEADERS = {COLUMNS: b"label", PIXELS: b"pixel0"}  # how the first line of Kaggle's files begins


class Digits(NamedTuple):
    """Images of digits and their labels.

    Attributes
    ----------
    images : ndarray of uint8, shape (N, 784)
        Pixels row by row, 0 (background) to 255 (ink).
    labels : ndarray of int64, shape (N,)
        The digit in each image, 0 to 9.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def mnist_small() -> Digits:
    """Return the first 20,000 digits of MNIST's training set, which come with tinynet.

    Returns
    -------
    Digits
        images (20000, 784) uint8, labels (20000,) int64.

    Raises
    ------
    DataError
        If the installed files are damaged.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits"; licence and
    selection: `tinynet/data_files/DATA_LICENSE`.
    """
    folder = Path(__file__).with_name("data_files")
    return _digits(
        read_idx(folder / "train-images-20000-idx3-ubyte.gz", (20_000, 28, 28)),
        read_idx(folder / "train-labels-20000-idx1-ubyte.gz", (20_000,)),
    )


def mnist(
    data_home: str | os.PathLike[str] | None = None, offline: bool = False
) -> tuple[Digits, Digits]:
    """Return all of MNIST, downloading it over https at the first call.

    Needs the extra `data` (pooch and tqdm) unless all files are found before the platform's cache
    folder has to be asked. Files may be gzipped or unpacked; the SHA-256 of the unpacked content
    decides whether they are MNIST's.

    Parameters
    ----------
    data_home : str or path-like, optional
        The one folder to look in and to download to. By default tinynet looks in the folder that
        the environment variable TINYNET_DATA names, then in the platform's cache folder, and
        downloads to the first of these.
    offline : bool
        If True, nothing is downloaded.

    Returns
    -------
    train, test : Digits
        60,000 and 10,000 digits.

    Raises
    ------
    DataError
        If a file that is already there is damaged or is not MNIST's. It is left as it is.
    ConnectionError
        If no mirror delivers a file; the message names what was tried and what else to do.
    FileNotFoundError
        If a file is missing and `offline` is True.
    OSError
        If a downloaded file cannot be stored.
    ModuleNotFoundError
        If the extra `data` is needed and not installed.
    """
    arrays = load_files(data_home, offline)
    train, test = (
        _digits(arrays[f"{part}-images-idx3-ubyte"], arrays[f"{part}-labels-idx1-ubyte"])
        for part in ("train", "t10k")
    )
    return train, test


def load_csv(path: str | os.PathLike[str]) -> Digits:
    """Read digits from a CSV file: in each line a label, then 784 pixels.

    This is Google Colab's `sample_data/mnist_train_small.csv`; Kaggle's `train.csv` has a header
    line before it, which begins with "label" and is skipped. Numbers are digits only: no signs,
    points, spaces or quotes.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    Digits
        images (N, 784) uint8, labels (N,) int64.

    Raises
    ------
    DataError
        If a line is not 785 numbers in range, naming file, line and column, or if there is no
        data. A missing file raises DataFileNotFoundError, which is also a FileNotFoundError.
    """
    table = _read_csv(path, (COLUMNS,))
    return _digits(np.ascontiguousarray(table[:, 1:]), table[:, 0])


def load_images_csv(
    path: str | os.PathLike[str],
) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """Read digits from a CSV file that may have no labels: as `load_csv`, or 784 pixels a line.

    Kaggle's `test.csv` is such a file; its header line, which begins with "pixel0", is skipped. The
    first line decides whether there are labels.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    images : ndarray of uint8, shape (N, 784)
    labels : ndarray of int64, shape (N,), or None

    Raises
    ------
    DataError
        As for `load_csv`.
    """
    table = _read_csv(path, (COLUMNS, PIXELS))
    if table.shape[1] == PIXELS:
        return table, None
    return _digits(np.ascontiguousarray(table[:, 1:]), table[:, 0])


def _read_csv(path: str | os.PathLike[str], widths: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the table in a CSV file, as wide as its first line, which must be one of `widths`."""
    with open_data(path) as file:
        lines = file.read().splitlines()
    wanted = " or ".join(map(str, widths))
    if not lines:
        raise DataError(f"{path}: the file is empty, expected lines of {wanted} numbers")
    header = lines[0].lower().split(b",")
    width = len(header) if len(header) in widths else widths[0]
    first_line = 1
    if len(header) == width and header[0].strip(b'"') == HEADERS[width]:
        first_line = 2
        del lines[0]
        if not lines:
            raise DataError(f"{path}: no data after the header, expected lines of {width} numbers")
    table = _parse(lines, width)
    if table is None:
        label = "a label (0 to 9) and " if width == COLUMNS else ""
        left_out = "; either all lines have a label, or none" if len(widths) > 1 else ""
        raise DataError(
            f"{path}: {next(_faults(lines, first_line, width))}; each line must be {label}"
            f"{PIXELS} pixels (0 to 255), in digits, with commas between{left_out}"
        )
    return table


def _digits(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Digits:
    return Digits(images.reshape(-1, PIXELS), labels.astype(np.int64))


def _parse(lines: list[bytes], width: int) -> NDArray[np.uint8] | None:
    """Return the table (N, width), or None if any line is at fault."""
    # NumPy's reader alone would skip empty lines and accept spaces, and old versions "7.9" as 7.
    if any(not line or line.translate(None, b"0123456789,") for line in lines):
        return None
    try:
        table = np.loadtxt((line.decode() for line in lines), np.uint8, delimiter=",", ndmin=2)
    except ValueError:
        return None
    labels_fit = width == PIXELS or table[:, 0].max() <= 9
    return table if table.shape[1] == width and labels_fit else None


def _faults(lines: list[bytes], first_line: int, width: int) -> Iterator[str]:
    for number, line in enumerate(lines, first_line):
        if not line:
            yield f"line {number}, column 1: the line is empty"
        cells = line.split(b",")
        for column, cell in enumerate(cells, 1):
            top = 9 if column == 1 and width == COLUMNS else 255
            digits = cell.lstrip(b"0")
            if not cell.isdigit() or len(digits) > 3 or int(digits or b"0") > top:
                shown = cell[:20].decode(errors="replace") + ("..." if len(cell) > 20 else "")
                yield (
                    f"line {number}, column {column}: {shown!r} is not a whole number from 0 to "
                    f"{top}"
                )
        if len(cells) < width:
            yield f"line {number}, column {len(cells) + 1}: the line has only {len(cells)} columns"
        if len(cells) > width:
            yield f"line {number}, column {width + 1}: the line has {len(cells)} columns"
