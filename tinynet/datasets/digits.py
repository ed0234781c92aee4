"""MNIST, 20,000 digits that come with tinynet, or all 70,000; and Fashion-MNIST, its like."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinynet.datasets import sources
from tinynet.datasets.download import load_files
from tinynet.datasets.idx import read_idx

PIXELS = 28 * 28
DATA_FILES = Path(__file__).parents[1] / "data_files"


class Digits(NamedTuple):
    """Images of digits and their labels.

    Attributes
    ----------
    images : ndarray of uint8, shape (N, 784)
        Pixels row by row, 0 (background) to 255 (ink).
    labels : ndarray of int64, shape (N,)
        The digit in each image, 0 to 9; of other data, the number of its class.

    Examples
    --------
    >>> digits = tn.datasets.mnist_small()
    >>> digits.images.shape, digits.labels.shape
    ((20000, 784), (20000,))
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
    return as_digits(
        read_idx(DATA_FILES / "train-images-20000-idx3-ubyte.gz", (20_000, 28, 28)),
        read_idx(DATA_FILES / "train-labels-20000-idx1-ubyte.gz", (20_000,)),
    )


def mnist(
    data_home: str | os.PathLike[str] | None = None, offline: bool = False
) -> tuple[Digits, Digits]:
    """Return all of MNIST, downloading it over https at the first call.

    Needs the extra `data` (pooch and tqdm) unless all files are found before the platform's cache
    folder has to be asked. Files may be gzipped or unpacked, and named ``train-images-idx3-ubyte``
    or ``train-images.idx3-ubyte``; they may lie below the folder as torchvision stores them
    (``MNIST/raw``), in ``mnist`` or ``raw``, or together in Keras' ``mnist.npz``. The SHA-256 of
    the unpacked content decides whether they are MNIST's.

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
    train : Digits
        60,000 digits.
    test : Digits
        10,000 digits.

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
    return _both(load_files(sources.MNIST, data_home, offline))


FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
"""What the labels of Fashion-MNIST mean: ``FASHION_CLASSES[label]``."""


def fashion_mnist(
    data_home: str | os.PathLike[str] | None = None, offline: bool = False
) -> tuple[Digits, Digits]:
    """Return all of Fashion-MNIST: pictures of clothes, in the form of MNIST's, but less easy.

    Downloaded over https at the first call, as `mnist`; with the same parameters and errors. Its
    four files have the names of MNIST's, and so lie in a folder of their own: ``fashion-mnist``
    below the data folder. ``FashionMNIST/raw``, where torchvision stores them, and ``fashion`` are
    looked into, too. Files must be gzipped, as they are published: their SHA-256 decides.
    (The authors publish the MD5 of the packed files, as the SHA-256 here is; of their unpacked
    content nothing is published.)

    Parameters
    ----------
    data_home : str or path-like, optional
    offline : bool
        As for `mnist`.

    Returns
    -------
    train : Digits
        60,000 pictures, 6,000 of each class; `FASHION_CLASSES` has the names of the classes.
    test : Digits
        10,000 pictures, 1,000 of each class.

    Raises
    ------
    DataError, ConnectionError, FileNotFoundError, OSError, ModuleNotFoundError
        As `mnist`.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms" (2017); https://github.com/zalandoresearch/fashion-mnist, MIT licence.
    """
    return _both(load_files(sources.FASHION_MNIST, data_home, offline))


def _both(arrays: dict[str, NDArray[np.uint8]]) -> tuple[Digits, Digits]:
    """Training and test set, of the arrays in the four files."""
    train, test = (
        as_digits(arrays[f"{part}-images-idx3-ubyte"], arrays[f"{part}-labels-idx1-ubyte"])
        for part in ("train", "t10k")
    )
    return train, test


def as_digits(images: NDArray[np.uint8], labels: NDArray[Any]) -> Digits:
    """Digits of images of any shape (N, ...)."""
    return Digits(images.reshape(-1, PIXELS), labels.astype(np.int64))
