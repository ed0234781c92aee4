"""What goes along with a call of a layer: it is recorded, it is watched, or it only predicts.

All this is set for one thread: another may train or predict with the same layers meanwhile.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinynet.support.checks import float_array
from tinynet.support.replay import Recording
from tinynet.support.types import Array, Layer


class _Mode(threading.local):
    predicting = False
    recording: Recording | None = None
    watched: list[tuple[Any, Array]] | None = None  # Any: a Module, which imports this file
    asked: list[Any] | None = None


mode = _Mode()


def called(layer: Layer, inputs: tuple[Array, ...], composed: bool) -> Array:
    """Forward of `layer`; if it is `composed` of others, its backward will replay their calls."""
    outer, inner = mode.recording, None
    arrays = inputs if outer is None else outer.resolve(layer, inputs)
    if composed and not mode.predicting:
        inner = Recording(layer, arrays, outer)
    mode.recording = inner
    try:
        output = layer.forward(*arrays) if inner is None else inner.run(layer.forward)
    finally:
        mode.recording = outer
    if inner is not None:
        layer.keep(inner)
    if layer._kept is not None and not mode.predicting:
        layer._output = (output.shape, output.dtype) if isinstance(output, np.ndarray) else ()
    if mode.watched is not None:
        mode.watched.append((layer, output))
    return output if outer is None else outer.add(layer, inputs, output)


def checked(layer: Layer, dy: Any) -> tuple[Array, tuple[Any, ...]]:
    """`dy`, which must have the dtype and the shape of the last output; what forward kept."""
    if layer._kept is None:
        raise RuntimeError(
            f"{layer!r}.backward: forward kept nothing for it; call the layer on an input "
            "first, and backward once after each such call"
        )
    if layer._output is None:
        raise RuntimeError(
            f"{layer!r}.backward: its forward was called directly; call the layer itself, as in "
            "y = layer(x), so that dy can be checked"
        )
    if layer._output:
        shape, dtype = layer._output
        dy = float_array(layer, dy, dtype, method=".backward")
        if dy.shape != shape:
            raise ValueError(
                f"{layer!r}.backward: dy has shape {dy.shape}, expected {shape}, the shape of "
                "forward's output"
            )
    return dy, layer._kept


@contextmanager
def watching() -> Iterator[list[tuple[Any, Array]]]:
    """Within, every layer called in this thread is listed with its output, inner layers first."""
    before, mode.watched = mode.watched, []
    try:
        yield mode.watched
    finally:
        mode.watched = before


@contextmanager
def predicting() -> Iterator[None]:
    """Within, layers of this thread evaluate: they keep nothing, record nothing, do not train."""
    before, mode.predicting = mode.predicting, True
    try:
        yield
    finally:
        mode.predicting = before


def keeps() -> bool:
    """Whether layers of this thread keep what backward needs."""
    return not mode.predicting


@contextmanager
def asking() -> Iterator[list[Any]]:
    """Within, every layer that asks in this thread whether it is training is listed."""
    before, mode.asked = mode.asked, []
    try:
        yield mode.asked
    finally:
        mode.asked = before
