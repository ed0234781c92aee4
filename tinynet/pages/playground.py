"""A page on which the reader draws a digit, and a trained network reads it at every stroke.

The page holds the weights, and the forward pass in plain JavaScript (playground.js): the same sums
in the same order, rounded to float32 as ``predict`` rounds them. The drawing becomes 28 x 28
pixels the way MNIST's digits did: fitted into 20 x 20, its centre of mass in the middle.
"""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet import pages
from tinynet.layers import Linear, LogSoftmax, ReLU, Softmax
from tinynet.module import Module, Sequential
from tinynet.support.checks import number
from tinynet.support.types import Array

PIXELS = 28 * 28


def playground(
    net: Module,
    path: str | os.PathLike[str],
    black: float = 0.0,
    white: float = 1.0,
    title: str = "Draw a digit",
) -> None:
    """Write a page, one HTML file, that lets a reader draw a digit and the network read it.

    The page shows the drawing as the network sees it, what each layer makes of it, and the
    log-probability and the probability of every class, live; it computes them itself, in float32.
    It needs no server and no network.

    Parameters
    ----------
    net : Sequential
        Of Linear, ReLU, Softmax and LogSoftmax layers, or of Sequentials of them, from 784 inputs
        to 2 or more classes. If it ends with raw scores, the page takes their log-softmax.
    path : str or path-like
        The file to write; its folder must exist.
    black, white : float
        The numbers that the network was given in training for an unlit and for a fully lit pixel.
        With ``tn.data.minmax_scale`` these are 0 and 1; with a scaling to [-1, 1], -1 and 1; with
        raw pixels, 0 and 255.
    title : str

    Raises
    ------
    TypeError
        If the network, or one of its layers, is of another kind.
    ValueError
        If its layers do not lead from 784 pixels to classes, or a weight is NaN or infinite, or
        `black` and `white` are equal, or the page would be larger than 2 MB.
    OSError
        If the file cannot be written.
    """
    black = number("playground", "black", black, -np.inf)
    white = number("playground", "white", white, -np.inf)
    if black == white:
        raise ValueError(
            f"playground: black and white are both {black:g}; give the numbers that the network "
            "was trained on for an unlit and a fully lit pixel"
        )
    layers = list(_flat(net))
    _check_widths(net, layers)
    arrays: dict[str, Array] = {}
    for k, layer in enumerate(layers):
        if isinstance(layer, Linear):
            W = layer.W.data
            arrays[f"W{k}"] = W.astype(np.float32)
            arrays[f"b{k}"] = (
                np.zeros(W.shape[1], np.float32)
                if layer.b is None
                else layer.b.data.astype(np.float32)
            )
            if not all(np.isfinite(arrays[f"{name}{k}"]).all() for name in "Wb"):
                raise ValueError(
                    f"playground: layer {k}, {layer!r}, holds NaN or inf; train the network anew "
                    "with a smaller learning rate"
                )
    head: dict[str, Any] = {
        "network": repr(net),
        "black": black,
        "white": white,
        "layers": [{"kind": type(layer).__name__, "text": repr(layer)} for layer in layers],
    }
    page = pages.fill("playground", title, head, arrays)
    if len(page) > pages.LARGEST:
        raise ValueError(
            f"playground: the page would have {len(page) / 1e6:.1f} MB, and "
            f"{pages.LARGEST / 1e6:g} MB is the most; take narrower layers"
        )
    pages.write(path, page)


def _flat(module: Module) -> Iterator[Module]:
    """The layers of a Sequential, those of Sequentials within it included."""
    if type(module) is Sequential:
        for layer in module.layers:
            yield from _flat(layer)
        return
    along_rows = not isinstance(module, Softmax | LogSoftmax) or module.axis in (-1, 1)
    if type(module) not in (Linear, ReLU, Softmax, LogSoftmax) or not along_rows:
        raise TypeError(
            f"playground: {module!r} cannot run on the page; it knows tn.Sequential of Linear, "
            "ReLU, Softmax and LogSoftmax along the classes"
        )
    yield module


def _check_widths(net: Module, layers: list[Module]) -> None:
    width = PIXELS
    for layer in layers:
        if isinstance(layer, Linear):
            I, O = layer.W.data.shape
            if width != I:
                what = "a drawing has" if width == PIXELS else "the layer before it gives"
                raise ValueError(
                    f"playground: {layer!r} takes {I} numbers, and {what} {width}; train the "
                    "network on 28 x 28 pixels in 784 columns"
                )
            width = O
    if not 2 <= width < PIXELS:
        raise ValueError(
            f"playground: {net!r} has {width} outputs, expected one for each of 2 to 783 classes"
        )
