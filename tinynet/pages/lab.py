"""A page on which a small network learns before the reader's eyes: forward, backward, and back.

The page computes in float64, in plain JavaScript with the library's equations: from the same first
weights and the same batches its losses are those of ``tn.fit``. What was built there comes out as
Python code and files that ``tn.load`` reads; a network with its data goes in.
"""

import functools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet import pages
from tinynet.datasets.digits import mnist_small
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.pages import lab_given
from tinynet.support.checks import integer
from tinynet.support.types import Array

DIGITS = 500  # in the page; every fifth of them is for the test


def lab(
    path: str | os.PathLike[str] | None = None,
    net: Module | None = None,
    data: tuple[Any, Any] | None = None,
    test: tuple[Any, Any] | None = None,
    loss_fn: Module | None = None,
    optimizer: Optimizer | None = None,
    batch_size: int = 32,
    seed: int = 0,
    title: str | None = None,
    classes: Sequence[str] | None = None,
) -> pages.Page:
    """Make a page, one HTML file, on which a small network learns, step by step and back.

    The reader chooses data, layers, loss and optimizer, and sees every weight with its gradient,
    every unit's map of the plane, and the losses, while the network learns; any step can be walked
    in reverse. The page needs no server and no network.

    Without arguments it begins with two moons. A network of one's own with its data goes in, and
    what was learned in the page comes out: as code, and as a file for ``tn.load``.

    Parameters
    ----------
    path : str or path-like, optional
        The file to write; its folder must exist.
    net : Sequential, optional
        Of Linear layers (with biases), at most one of ReLU, LeakyReLU, Sigmoid, Tanh behind each,
        and, for NLLLoss, LogSoftmax at the end: at most 12 hidden layers of 1 to 16 units. The page
        takes a copy of its weights, in float64.
    data : (X, y), optional
        At most 2,000 rows, those of `test` included. X is (n, 1) or (n, 2), or pictures of
        (n, side * side) pixels, side from 8 to 28. y (n,) are classes, as ints from 0 to 9, or
        floats, for a regression; with BCEWithLogitsLoss and BCELoss also floats 0 and 1.
    test : (X, y), optional
        Points that are scored and never learned. By default every fifth row of `data`.
    loss_fn : Module, optional
        CrossEntropyLoss, NLLLoss, BCEWithLogitsLoss, BCELoss, MSELoss or L1Loss, without options.
        By default one that fits network and data.
    optimizer : Optimizer, optional
        SGD, RMSprop or Adam, of any parameters: the page takes its options, not its memory. The
        options dampening, maximize, centered, amsgrad and RMSprop's momentum are not there.
    batch_size : int
    seed : int
        Of the order of rows, and of the first weights if `net` is not given.
    title : str, optional
    classes : sequence of str, optional
        The names of the classes of `data`.

    Returns
    -------
    Page
        A notebook shows it, as the last line of a cell; ``.write(path)`` saves it.

    Raises
    ------
    TypeError
        If an argument, a layer, the loss or the optimizer is of a kind that the page cannot train.
    ValueError
        If there are too many rows, layers or units, or shapes do not fit each other, or a number is
        NaN or infinite, or an option is set that the page does not have.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 2))
    >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)
    >>> net = tn.Sequential(tn.Linear(2, 4, rng=rng), tn.Tanh(), tn.Linear(4, 2, rng=rng))
    >>> page = tn.lab(net=net, data=(X, y), optimizer=tn.Adam(net.parameters(), lr=0.01))
    >>> page.write("lab.html")
    """
    setup: dict[str, Any] = {
        "batch": _bounded("batch_size", batch_size, 1, lab_given.MOST_ROWS),
        "seed": _bounded("seed", seed, 0, 2**31),
    }
    about, arrays, weights = None, dict[str, Array](), list[Array]()
    loss = None if loss_fn is None else lab_given.name_of_loss(loss_fn)
    chain, log_softmax = (None, None) if net is None else lab_given.chain_of(net)
    if data is not None:
        names = None if classes is None else list(classes)
        pages.names_of("lab", "classes", names, len(names or ()))
        about, arrays = lab_given.given_data(data, test, loss, names)
        setup["data"] = {"kind": "given"}
    elif test is not None or classes is not None:
        raise ValueError("lab: test and classes belong to data; give data=(X, y), too")
    if chain is not None:
        made, weights = lab_given.network_setup(chain)
        setup |= made
    if about is not None:
        fits = about
    elif chain is not None:
        setup["data"], fits = lab_given.data_for(chain)
    else:
        fits = {"task": "classes", "inputs": 2, "classes": 2}
    setup["loss"] = lab_given.fitting_loss(loss, chain, log_softmax, fits)
    if setup.get("last") == lab_given.LAST.get(setup["loss"]):
        setup["last"] = None  # the loss brings it, and another loss would not
    if optimizer is not None:
        setup |= lab_given.optimizer_setup(optimizer)
    pixels, labels = _small_digits()
    arrays |= {"digits": pixels, "digit labels": labels}
    arrays |= {f"weights {k}": array for k, array in enumerate(weights)}
    head = {
        "setup": setup,
        "given": {"data": about, "weights": [f"weights {k}" for k in range(len(weights))]},
    }
    page = pages.fill("lab", title or "A network learns", head, arrays)
    if len(page.content) > pages.LARGEST:
        raise ValueError(
            f"lab: the page would have {len(page.content) / 1e6:.1f} MB, and "
            f"{pages.LARGEST / 1e6:g} MB is the most; give fewer rows, or smaller pictures"
        )
    if path is not None:
        page.write(path)
    return page


def _bounded(name: str, value: Any, low: int, high: int) -> int:
    value = integer("lab", name, value)
    if not low <= value <= high:
        raise ValueError(f"lab: {name} = {value}, expected {low} to {high}")
    return value


@functools.cache
def _small_digits() -> tuple[Array, Array]:
    """The first digits of MNIST, as 8 x 8: each pixel the mean of 3 x 3, the rim of 2 left out."""
    found = mnist_small()
    images = found.images[:DIGITS].reshape(-1, 28, 28)[:, 2:26, 2:26]
    shrunk = images.reshape(-1, 8, 3, 8, 3).mean(axis=(2, 4)).round()
    return shrunk.reshape(len(shrunk), 64).astype(np.uint8), found.labels[:DIGITS].astype(np.int32)
