"""Neighbouring layers that run as one piece of compiled code, forward and backward."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.compiler.part import Name, Number, Part, Use
from tinynet.compiler.recorded import Layer
from tinynet.compiler.recording import parameters_of
from tinynet.compiler.script import Row, Script, needed, words
from tinynet.compiler.source import import_source
from tinynet.support.types import Array
from tinynet.version import __version__

Taking = Callable[[tuple[Any, ...]], tuple[Any, ...]]


class Segment:
    """Layers that run as one piece of code.

    Parameters
    ----------
    layers : list of Layer
        All of them recorded.
    first : int
        The number of the first one.
    dtype : numpy dtype
        Of what goes in.
    """

    def __init__(self, layers: list[Layer], first: int, dtype: Any) -> None:
        self.layers, self.dtype = layers, dtype
        self.modules = [layer.module for layer in layers]
        self.inputs, self.outputs = layers[0].inputs, layers[-1].outputs
        self._fewest = max(layer.part.fewest for layer in layers if layer.part)
        script, others = Script(), Script()
        for own in script, others:
            own.rooms["x"] = ((1, True), *((n, False) for n in self.inputs)), dtype
            own.shapes["x"] = f"({', '.join(['N', *map(str, self.inputs)])})"
        others.kernels = script.kernels
        self.source = self._source(script, others, first)
        code = import_source(self.source, __version__, script.strangers())
        self.path = str(code.__file__)
        self._handed = script.handed | others.handed
        self._forward, self._predict = code.forward, code.predict
        self._backward, self._backward_alone = code.backward, code.backward_alone
        self._pending: list[Any] = []
        self._rows, self._kinds = -1, list[Any]()
        self._pool: tuple[Any, ...] = ()

    def _source(self, script: Script, others: Script, first: int) -> str:
        names, forward, backward, predict = [], list[Row](), list[Row](), list[Row]()
        texts: dict[int, str] = {}
        y = z = "x"
        parts = [layer.part for layer in self.layers if layer.part is not None]
        for i, (layer, part) in enumerate(zip(self.layers, parts, strict=True), first):
            own = script.hold(layer.module, part, i, texts)
            for key, parameter in parameters_of(layer.module):
                total = own[Name("gradient", key)] = f"grad_{texts[id(parameter)]}"
                script.give(total, part, Name("gradient", key), parameter.accumulate)
            others.hold(layer.module, part, i, texts)
            its = own | {Name("input", "0"): z}
            others.foresee(part, "predict", its, f"y{i}")
            predict += others.rows(part, "predict", its, str(i))
            z = others.text(part, part.results["predict"], its, str(i))
            own[Name("input", "0")] = y
            script.foresee(part, "forward", own, f"y{i}")
            forward += script.rows(part, "forward", own, str(i))
            y = script.text(part, part.results["forward"], own, str(i))
            names.append(own)
        last = first + len(self.layers) - 1
        dy = f"dy{last}"
        for i, part in reversed(list(enumerate(parts, first))):
            own = names[i - first]
            own[Name("upstream", "0")] = dy
            script.foresee(part, "backward", own, f"dy{i - 1}" if i > first else "dx")
            backward += script.rows(part, "backward", own, str(i))
            dy = script.text(part, part.results["backward"], own, str(i))
        kept = [kept_texts(p, own) for p, own in zip(parts, names, strict=True)]
        wanted = {text for texts in kept for text in texts if type(text) is str} | words(y)
        made = [name for name in script.rooms if name in wanted and name != "x"]
        pool = ["x", *made]
        self._keeps, self._plain = keeping(pool, kept)
        self._result = pool.index(y)
        given = set(script.given)
        lasting = {name for name in given if not name.startswith("grad_")}
        takes, gives = [f"dy{last}", "x", *made], f"({', '.join(made)},)"
        body = [
            *script.function("forward", needed(forward, set(made), lasting), ["x"], gives),
            *others.function("predict", needed(predict, words(z), set(others.given)), ["x"], z),
            *script.function("backward", needed(backward, words(dy), given), takes, dy),
            *script.function("backward_alone", needed(backward, set(), given), takes, ""),
        ]
        title = [
            "Forward, backward and predict of",
            "",
            *(f"    {layer}" for layer in self.layers),
            "",
            "written out by tn.compile. Forward returns what is kept for backward.",
        ]
        return script.module(title, body)

    def takes(self, x: Any) -> bool:
        """Whether `x` is as usual: the layers would not object to it, nor convert it."""
        return (
            type(x) is np.ndarray
            and x.dtype == self.dtype
            and x.shape[1:] == self.inputs
            and len(x) >= self._fewest
            and x.flags.carray
        )

    def forward(self, x: Array) -> Array:
        """Run all layers; each keeps what it would keep by itself."""
        self._pending = []
        if not self.takes(x):
            for module in self.modules:
                x = module(x)
            return x
        pool = (x, *self._forward(x, *map(operator.call, self._handed["forward"])))
        if len(x) != self._rows:
            self._rows = len(x)
            self._kinds = [((len(x), *layer.outputs), self.dtype) for layer in self.layers]
        pending, everything = self._pending, pool + self._plain
        for module, keeps, kind in zip(self.modules, self._keeps, self._kinds, strict=True):
            kept = keeps(everything)
            module._kept, module._output = kept, kind
            pending.append(kept)
        self._pool = pool
        return pool[self._result]

    def backward(self, dy: Array, wanted: bool) -> Array | None:
        """Run all layers' backward; return dLoss/dx if it is `wanted`."""
        pending, self._pending = self._pending, []
        usual = (
            pending
            and type(dy) is np.ndarray
            and dy.dtype == self.dtype
            and dy.shape == self._kinds[-1][0]
            and dy.flags.carray
            and all(map(operator.is_, map(_kept, self.modules), pending))
        )
        if not usual:
            for module in reversed(self.modules):
                dy = module.backward(dy)
            return dy
        name = "backward" if wanted else "backward_alone"
        code = self._backward if wanted else self._backward_alone
        dx: Array | None = code(dy, *self._pool, *map(operator.call, self._handed[name]))
        for module in self.modules:
            module._kept = None
        self._pool = ()
        return dx

    def predict(self, x: Array) -> Array:
        """Run all layers; they keep nothing."""
        if not self.takes(x):
            for module in self.modules:
                x = module.predict(x)
            return x
        return self._predict(x, *map(operator.call, self._handed["predict"]))


_kept = operator.attrgetter("_kept")


def keeping(pool: list[str], kept: list[list[Any]]) -> tuple[list[Taking], tuple[Any, ...]]:
    """What takes what each part keeps out of the arrays of `pool` and plain values behind them.

    Also these values.
    """
    plain: list[Any] = []
    keeps = []
    for texts in kept:
        places = []
        for value in texts:
            if type(value) is tuple:
                plain += value
            places.append(pool.index(value) if type(value) is str else len(pool + plain) - 1)
        keeps.append(_taking(places))
    return keeps, tuple(plain)


def _taking(places: list[int]) -> Taking:
    """What takes these places of a tuple, as a tuple."""
    if len(places) == 1:
        return operator.itemgetter(slice(places[0], places[0] + 1))
    return operator.itemgetter(*places) if places else lambda _: ()


def kept_texts(part: Part, names: dict[Name, str]) -> list[Any]:
    """What a part keeps: names in the code, and plain values in a tuple of their own."""
    assert part.kept is not None
    return [names[value.name] if isinstance(value, Use) else (value.value,) for value in part.kept]


def can_be_split(part: Part | None, looks: bool = False) -> bool:
    """Whether forward and backward of a part can run one without the other.

    With `looks`, what a kernel returned to Python may decide what the part does.
    """
    if part is None or part.kept is None or not part.calls["forward"]:
        return False
    plain = all(
        (isinstance(v, Use) and v.shape is None and v.name.role in ("input", "made"))
        or (isinstance(v, Number) and v.kind == "literal")
        for v in part.kept
    )
    whole = all(isinstance(r, Number) or r.shape is None for r in part.results.values())
    calls = [call for calls in part.calls.values() for call in calls]
    silent = all(
        call.looked_at is None
        and not any(isinstance(o, Number) and o.kind == "result" for o in call.operands)
        for call in calls
    )
    return plain and whole and (silent or looks)
