"""Neighbouring layers that run as one piece of compiled code, forward and backward."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.compiler.part import Number, Part, Use
from tinynet.compiler.recorded import Layer
from tinynet.compiler.script import Placed, Row, Script, needed, words
from tinynet.module import Module, Sequential
from tinynet.support.types import Array

Taking = Callable[[tuple[Any, ...]], tuple[Any, ...]]


class Segment:
    """Layers, all of them recorded, that run as one piece of code; the first has a number.

    What is unusual is left to the layers themselves; to `net`, by NotImplemented, if it is the one.
    """

    def __init__(self, layers: list[Layer], first: int, net: Module) -> None:
        self.modules = [layer.module for layer in layers]
        self._by_layers = None if self.modules == [net] else Sequential(*self.modules)
        self.inputs, self._dtype = layers[0].inputs, layers[0].dtype
        self._outputs = [layer.outputs for layer in layers]
        self._fewest = max(layer.recorded.fewest for layer in layers)
        self._predicts = max(layer.recorded.predicts for layer in layers)
        self._pending: list[Any] = []
        self._rows, self._kinds = -1, list[Any]()
        self._pool: tuple[Any, ...] = ()

        script, start = Script(), f"dy{first + len(layers) - 1}"
        script.take("x", self.inputs, self._dtype)
        placed = [
            script.hold(layer.recorded, layer.module, str(i), adds=True)
            for i, layer in enumerate(layers, first)
        ]
        others = [one._replace(names=one.names.copy()) for one in placed]
        forward, y = script.forward(placed)
        predict, z = script.forward(others, "predict")
        backward, dx = script.backward(placed, start)
        made, self._keeps, self._plain = keeping(script, placed, ["x"], words(y))
        self._result = ["x", *made].index(y)
        given = {*script.given}
        lasting = {name for name in given if not name.startswith("grad_")}

        def write(name: str, takes: list[str], rows: list[Row], gives: str) -> None:
            script.function(name, takes, [*script.lines(rows), f"return {gives}".rstrip()])

        write("forward", ["x"], needed(forward, {*made}, lasting), tuple_of(made))
        write("predict", ["x"], needed(predict, words(z), lasting), z)
        takes = [start, "x", *made]
        write("backward", takes, needed(backward, words(dx), given), dx)
        write("backward_alone", takes, needed(backward, set(), given), "")
        title = ["Forward, backward and predict of", "", *(f"    {layer}" for layer in layers), ""]
        title += ["written out by tn.compile. Forward returns what is kept for backward."]
        self.code = script.compiled(title)

    def _takes(self, x: Any, fewest: int) -> bool:
        """Whether `x` is as usual: the layers would not object to it, nor convert it."""
        return (
            type(x) is np.ndarray
            and x.dtype == self._dtype
            and x.shape[1:] == self.inputs
            and len(x) >= fewest
            and x.flags.carray
        )

    def __call__(self, x: Array) -> Array:
        """Run all layers; each keeps what it would keep by itself."""
        self._pending = []
        if not self._takes(x, self._fewest):
            return self._by_layers.forward(x) if self._by_layers else NotImplemented
        pool = (x, *self.code.run("forward", x))
        if len(x) != self._rows:
            self._rows = len(x)
            self._kinds = [((len(x), *outputs), self._dtype) for outputs in self._outputs]
        everything = pool + self._plain
        for module, keeps, kind in zip(self.modules, self._keeps, self._kinds, strict=True):
            module._kept, module._output = keeps(everything), kind
        self._pending, self._pool = [*map(_kept, self.modules)], pool
        return pool[self._result]

    def backward(self, dy: Array, wanted: bool = True) -> Array | None:
        """Run all layers' backward; return dLoss/dx if it is `wanted`."""
        pending, self._pending = self._pending, []
        usual = (
            pending
            and type(dy) is np.ndarray
            and dy.dtype == self._dtype
            and dy.shape == self._kinds[-1][0]
            and dy.flags.carray
            and all(map(operator.is_, map(_kept, self.modules), pending))
        )
        if not usual:
            return self._by_layers.backward(dy) if self._by_layers else NotImplemented
        dx = self.code.run("backward" if wanted else "backward_alone", dy, *self._pool)
        for module in self.modules:
            module._kept = None
        self._pool = ()
        return dx

    def predict(self, x: Array) -> Array:
        """Run all layers; they keep nothing."""
        if not self._takes(x, self._predicts):
            return self._by_layers.predict(x) if self._by_layers else NotImplemented
        return self.code.run("predict", x)


_kept = operator.attrgetter("_kept")


def keeping(
    script: Script, parts: list[Placed], takes: list[str], result: set[str]
) -> tuple[list[str], list[Taking], tuple[Any, ...]]:
    """The arrays that forward makes and gives, what takes out what each part keeps, plain values.

    That is taken out of a tuple of the arrays that forward takes, those it makes, and plain values.
    """
    kept = [(placed, v) for placed in parts for v in placed.part.kept or () if isinstance(v, Use)]
    wanted = {placed.names[use.name] for placed, use in kept} | result
    made = [name for name in script.arrays if name in wanted - {*takes}]
    pool, plain, keeps = [*takes, *made], list[Any](), list[Taking]()
    for placed in parts:
        places = []
        for value in placed.part.kept or ():
            if isinstance(value, Use):
                places.append(pool.index(placed.names[value.name]))
            else:
                places.append(len(pool) + len(plain))
                plain.append(value.value)
        keeps.append(_taking(places))
    return made, keeps, tuple(plain)


def _taking(places: list[int]) -> Taking:
    """What takes these places of a tuple, as a tuple."""
    if len(places) == 1:
        return operator.itemgetter(slice(places[0], places[0] + 1))
    return operator.itemgetter(*places) if places else lambda _: ()


def tuple_of(names: list[str]) -> str:
    """A tuple in the code."""
    return f"({', '.join(names)},)"


def can_be_split(part: Part | None, looks: bool = False) -> bool:
    """Whether forward and backward of a part can run one without the other.

    With `looks`, what a kernel returned may decide what the part does, or be its result.
    """
    if part is None or part.kept is None or not part.calls["forward"]:
        return False
    arrays = [v for v in (*part.kept, *part.results.values()) if isinstance(v, Use)]
    numbers = [v for v in part.kept if v not in arrays]
    silent = all(isinstance(result, Use) for result in part.results.values()) and not any(
        part.asks_for(call) or call.looked_at is not None
        for calls in part.calls.values()
        for call in calls
    )
    return (
        all(v.shape is None for v in arrays)
        and all(isinstance(v, Number) and v.kind == "literal" for v in numbers)
        and all(v.name.role in ("input", "made") for v in part.kept if isinstance(v, Use))
        and (silent or looks)
    )
