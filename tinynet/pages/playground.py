"""A page on which the reader draws a digit, and a trained network reads it at every stroke.

A network of another input gets a grid of pixels, or sliders.

The page holds the weights, and the forward pass in plain JavaScript, a line from each layer's
class: the same sums in the same order, rounded to float32 as ``predict`` rounds them. Before it
shows any number, the page compares what each layer makes of some noise with what Python made of it.
The drawing becomes 28 x 28 pixels the way MNIST's digits did: fitted into 20 x 20, its centre of
mass in the middle.
"""

import math
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinynet import pages
from tinynet.inspection.case import kind_of_outputs
from tinynet.inspection.wiring import matrix_of
from tinynet.module import Module, Sequential
from tinynet.support.checks import number
from tinynet.support.description import row_shape_of
from tinynet.support.types import Array

PIXELS = 28 * 28
MOST_SLIDERS, MOST_SAMPLES = 64, 12
_WHAT = {28: "a digit", None: "the numbers"}  # by the side of the picture, what a page asks for


def playground(
    net: Module,
    path: str | os.PathLike[str] | None = None,
    black: float = 0.0,
    white: float = 1.0,
    title: str | None = None,
    samples: Array | None = None,
    features: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
) -> pages.Page:
    """Make a page, one HTML file, on which a reader gives a network its input, and sees its answer.

    The page shows what each layer makes of the input, and the log-probability and the probability
    of every class, live; it computes them itself, in float32. It needs no server and no network.

    A network of 784 inputs gets a digit to draw, which is fitted into the picture as MNIST's were.
    For one of another square of at least 8 x 8, the paper is that grid of pixels. Any other, and
    one whose features have names, gets a slider for each number.

    Parameters
    ----------
    net : Sequential
        Of layers whose class says their forward in JavaScript, as all of tinynet's along the
        classes do, or of Sequentials of them, to 2 or more classes. If it ends with raw scores, the
        page takes their log-softmax.
    path : str or path-like, optional
        The file to write; its folder must exist.
    black, white : float
        The numbers that the network was given in training for an unlit and for a fully lit pixel.
        With ``tn.data.minmax_scale`` these are 0 and 1; with a scaling to [-1, 1], -1 and 1; with
        raw pixels, 0 and 255.
    title : str, optional
    samples : ndarray (n, I), optional
        For sliders: some rows of the training data, as the network gets them. They say how far the
        sliders go, -3 to 3 by default, and some of them stand on buttons.
    features, classes : sequence of str, optional
        The names of the input's columns, and of the classes.

    Returns
    -------
    Page
        A notebook shows it, as the last line of a cell; ``.write(path)`` saves it.

    Raises
    ------
    TypeError
        If the network, or one of its layers, is of another kind, or names are no strings.
    ValueError
        If its layers do not lead from the input to classes, or the JavaScript names what its layer
        does not hold, or a weight is NaN or infinite, or `black` and `white` are equal, or the
        input has more than 64 numbers and is no square, or there is not one name for each feature
        or class, or the page would be larger than 2 MB.
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
    row = _row(net, layers, samples)
    given, ranges = _input(row, samples, features, black, white)
    outputs = _outputs(net, layers, row, ranges["low"], ranges["high"])
    shapes = [list(y.shape[1:]) for y in outputs]
    held = [_held(k, layer, *shapes[k : k + 2]) for k, layer in enumerate(layers)]
    arrays = {name: values.astype(np.float32) for name, values in ranges.items()}
    arrays |= {f"check{k}": y[0].reshape(-1).astype(np.float32) for k, y in enumerate(outputs)}
    for k, values in enumerate(held):
        arrays |= {f"{name} {k}": a for name, a in values.items() if isinstance(a, np.ndarray)}
    head: dict[str, Any] = {
        "network": repr(net),
        "input": given,
        "gives": kind_of_outputs(outputs[-1]),
        "classes": pages.names_of("playground", "classes", classes, outputs[-1].shape[1]),
        "layers": [
            {
                "kind": type(layer).__name__,
                "text": repr(layer),
                "shape": shape,
                "held": {name: None if isinstance(a, np.ndarray) else a for name, a in h.items()},
            }
            for layer, shape, h in zip(layers, shapes[1:], held, strict=True)
        ],
    }
    lines = [
        f"FORWARD[{k}] = (x, layer) => (\n{layer.javascript}\n);" for k, layer in enumerate(layers)
    ]
    side = given["side"]
    title = title or f"{'Draw' if side else 'Set'} {_WHAT.get(side, 'a picture')}"
    page = pages.fill("playground", title, head, arrays, ["const FORWARD = [];", *lines])
    if len(page.content) > pages.LARGEST:
        raise ValueError(
            f"playground: the page would have {len(page.content) / 1e6:.1f} MB, and "
            f"{pages.LARGEST / 1e6:g} MB is the most; take narrower layers"
        )
    if path is not None:
        page.write(path)
    return page


def _row(net: Module, layers: list[Module], samples: Array | None) -> tuple[int, ...]:
    """The shape of a row of the network's input."""
    if samples is not None:
        return _checked(samples).shape[1:]
    W = matrix_of(layers[0]) if layers else None
    shape = row_shape_of(net) or ((PIXELS,) if W is None else (len(W),))
    if None in shape:  # a picture of any size
        channels, height, width = (n or default for n, default in zip(shape, (1, 28, 28)))
        shape = (channels, height, width)
    return tuple(n or 1 for n in shape)


def _input(
    row: tuple[int, ...],
    samples: Array | None,
    features: Sequence[str] | None,
    black: float,
    white: float,
) -> tuple[dict[str, Any], dict[str, Array]]:
    """What a row is on the page, and the lowest and the highest that each of its numbers can be."""
    rows = None if samples is None else _checked(samples)
    count = math.prod(row)
    names = pages.names_of("playground", "features", features, count)
    side = pages.side_of(count) if names is None else None
    given: dict[str, Any] = {"count": count, "side": side, "names": names}
    if side:
        if rows is not None:
            raise ValueError(
                f"playground: samples are for sliders, and {count} numbers are drawn as a picture "
                f"of {side} x {side}; leave them out, or name the features"
            )
        return given, {"low": np.full(count, black), "high": np.full(count, white)}
    if count > MOST_SLIDERS:
        raise ValueError(
            f"playground: the network takes {count} numbers, which is no square picture, and "
            f"{MOST_SLIDERS} sliders are the most; take a network of fewer inputs"
        )
    if (black, white) != (0, 1):
        raise ValueError(
            f"playground: black = {black:g} and white = {white:g} are for pixels, and this "
            "network's input gets sliders; leave them out, and give samples="
        )
    if rows is None:
        return given, {"low": np.full(count, -3.0), "high": np.full(count, 3.0)}
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), MOST_SAMPLES)).astype(int)
    low, high = rows.min(axis=0), rows.max(axis=0)
    return given, {"low": low, "high": np.where(high > low, high, low + 1), "rows": rows[chosen]}


def _checked(samples: Any) -> Array:
    rows = np.asarray(samples)
    if rows.ndim != 2 or 0 in rows.shape or rows.dtype.kind not in "biuf":
        raise ValueError(
            f"playground: samples are {rows.shape} {rows.dtype}, expected rows of numbers (n, I)"
        )
    if not np.isfinite(rows).all():
        raise ValueError("playground: samples hold NaN or inf; give rows that the network can take")
    return rows.astype(np.float64)


def _flat(module: Module) -> Iterator[Module]:
    """The layers of a Sequential, those of Sequentials within it included."""
    if type(module) is Sequential:
        for layer in module.layers:
            yield from _flat(layer)
        return
    code = module.javascript
    if code is None:
        raise TypeError(
            f"playground: {module!r} cannot run on the page; it knows tn.Sequential of layers "
            f"whose class says their forward in one line of JavaScript. In class "
            f'{type(module).__name__}, write javascript = "x.map((value) => ...)": a row x becomes '
            "a row of numbers, and layer.W is what self.W holds"
        )
    if "</" in code or "<!--" in code:
        raise ValueError(
            f"playground: {type(module).__name__}.javascript holds </ or <!--, which would end "
            "the page's script; write a space behind the <"
        )
    yield module


def _held(k: int, layer: Module, before: list[int], after: list[int]) -> dict[str, Any]:
    """What the layer's line of JavaScript names: arrays, numbers, or None; and the rows' shapes."""
    own: dict[str, Any] = {name: p.data for name, p in layer.own_parameters()}
    own = {
        name: value
        for name, value in (vars(layer) | own).items()
        if value is None or isinstance(value, np.ndarray | int | float | np.number | tuple)
    }
    shapes: dict[str, Any] = {"input_shape": before, "output_shape": after}
    held: dict[str, Any] = {}
    for name in re.findall(r"\blayer\.(\w+)", layer.javascript or ""):
        if name not in shapes | own:
            raise ValueError(
                f"playground: {type(layer).__name__}.javascript names layer.{name}, and {layer!r} "
                f"holds no such parameter, array or number; it holds {', '.join(own) or 'none'}"
            )
        value = (shapes | own)[name]
        if value is not None and not np.isfinite(value).all():
            raise ValueError(
                f"playground: layer {k}, {layer!r}, holds NaN or inf; train the network anew "
                "with a smaller learning rate"
            )
        array = isinstance(value, np.ndarray)
        held[name] = value.astype(np.float32) if array else _plain(value)
    return held


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool) else float(value)


def _outputs(
    net: Module, layers: list[Module], row: tuple[int, ...], low: Array, high: Array
) -> list[Array]:
    """What each layer makes of some noise; the page compares its own numbers with these."""
    dtype = next((p.data.dtype for p in net.parameters()), np.dtype(np.float32))
    noise = np.random.default_rng(0).random((4, len(low)))
    x = (low + (high - low) * noise.round(1)).astype(dtype).reshape(4, *row)
    outputs = [x]
    for layer in layers:
        W, width = matrix_of(layer), x.shape[1]
        if W is not None and x.ndim == 2 and width != len(W):
            what = "a row has" if len(outputs) == 1 else "the layer before it gives"
            raise ValueError(
                f"playground: {layer!r} takes {len(W)} numbers, and {what} {width}; make layers "
                "that follow one another"
            )
        x = layer.predict(x)
        if x.ndim < 2 or len(x) != len(noise) or (x.ndim > 2 and layer is layers[-1]):
            raise ValueError(
                f"playground: {layer!r} makes {x.shape} of {len(noise)} rows; the page knows rows "
                "only, and classes (N, C) at the end"
            )
        outputs.append(x)
    if not 2 <= x.shape[1] < PIXELS:
        raise ValueError(
            f"playground: {net!r} has {x.shape[1]} outputs, expected one for each of 2 to 783 "
            "classes"
        )
    return outputs
