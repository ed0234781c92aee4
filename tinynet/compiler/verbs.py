"""The verbs of a learner's loop, compiled: ``net(x)``, ``loss_fn(...)``, backward, ``step()``.

A network is cut into segments: neighbouring layers that are recorded run as one piece of compiled
code, a layer that is plain Python runs as it is between them. What layers keep, gradients, and
every error are as without: where anything is unusual, the parts themselves take over.
"""

import functools
import itertools
import operator
from contextlib import suppress
from typing import Any

import numpy as np

from tinynet.compiler.options import Options
from tinynet.compiler.part import CannotRecord, Name, Part
from tinynet.compiler.recorded import Layer, Updates, record_layers, recorded_loss, recorded_updates
from tinynet.compiler.recording import modes_of, modules_of
from tinynet.compiler.script import Row, Script
from tinynet.compiler.segment import Segment, can_be_split, keeping, tuple_of
from tinynet.kernels import all_finite
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.support.calls import mode
from tinynet.support.types import Array


def nobody_listens() -> bool:
    """Whether there is nobody who must see each layer."""
    return mode.recording is None and mode.watched is None


class Verbs:
    """What a network does once it is compiled.

    Parameters
    ----------
    net : Module
    layers : list of Layer
    loop : bool
        Whether a learner's own loop runs: if not, only ``predict`` is compiled.

    Attributes
    ----------
    source, path : str
        The code, and the file that holds it; of the first segment, if there are several.
    python : list of str
        The layers that stay Python, and why.
    """

    def __init__(self, net: Module, layers: list[Layer], loop: bool) -> None:
        self.loop, self._net, self._row = loop, net, layers[0].inputs
        self.segments: list[Segment | Module] = []
        self.python: list[str] = []
        number, why = 0, "what it keeps for backward is no array that a kernel wrote"
        for splits, run in itertools.groupby(layers, lambda layer: can_be_split(layer.part)):
            some = list(run)
            self.segments += (
                [Segment(some, number, net)] if splits else [one.module for one in some]
            )
            self.python += [] if splits else [f"{one}: {one.reason or why}" for one in some]
            number += len(some)
        compiled = [segment for segment in self.segments if isinstance(segment, Segment)]
        codes = [segment.code for segment in compiled]
        if not codes:
            raise CannotRecord(f"nothing of the network compiles: {'; '.join(self.python)}")
        self.source, self.path = codes[0].source, codes[0].path
        asking = [layer.module for layer in layers if layer.part is not None and layer.part.asks]
        self._asking = [module for layer in asking for module in modules_of(layer)]
        self._modes = modes_of(self._asking)
        self._by_modes: dict[Any, dict[str, Any]] = {}
        self._met, self._renewed = False, False
        handed = [code.handed[name] for code in codes for name in ("forward", "predict")]
        held = {id(array()) for arrays in handed for array in arrays}
        aside = {id(m) for s in self.segments if isinstance(s, Module) for m in modules_of(s)}
        aside -= {id(m) for s in compiled for layer in s.modules for m in modules_of(layer)}
        self._options = Options(net, held, aside, trains=loop)

    def _are_valid(self, inputs: tuple[Any, ...] = (None,)) -> bool:
        """Whether nothing was replaced, and nobody listens."""
        return (
            len(inputs) == 1
            and nobody_listens()
            and (self._options.are_as_they_were() or self._renew() or self._options.still_hold())
        )

    def _renew(self) -> bool:
        """Take over what was replaced, if that needs no other code; say whether it worked."""
        tried, self._renewed = self._renewed, True
        return not tried and self._turn(self._row, only_if_same=True)

    def _turn(self, row: tuple[int, ...], only_if_same: bool = False) -> bool:
        """Turn to the code of the layers as they are now, for such rows; say whether it worked."""
        with suppress(Exception):  # the layers say what is wrong
            new = Verbs(self._net, record_layers(self._net, row), self.loop)
            if not only_if_same or self._pieces() == new._pieces():
                vars(self).update(vars(new))
                return True
        return False

    def _pieces(self) -> list[Any]:
        return [s.code.source if isinstance(s, Segment) else s for s in self.segments]

    def _turn_to_modes(self) -> bool:
        """Turn to the code of the modes that layers are in now; say whether there is some."""
        modes, known = modes_of(self._asking), self._by_modes
        if modes == self._modes:
            return True
        known[self._modes] = vars(self).copy()
        if modes in known:
            vars(self).update(known[modes])
        elif not self._turn(self._row):
            return False
        self._by_modes = known
        return True

    def _meet(self, row: tuple[int, ...]) -> None:
        """Turn to rows of the shape of the first batch, if another one was guessed."""
        if row != self._row:
            self._turn(row)
        self._met = True

    def forward(self, *inputs: Any) -> Any:
        """The output; NotImplemented if the layers must do it."""
        usual = self.loop and not mode.predicting and self._turn_to_modes()
        if not usual or not self._are_valid(inputs):
            return NotImplemented
        x = inputs[0]
        if not self._met:
            self._meet(np.shape(x)[1:])
        for segment in self.segments:
            x = segment(x)
        return x

    def backward(self, dy: Any, input_gradient: bool) -> Any:
        """dLoss/dx, or None if it is not asked for; NotImplemented if the layers must do it."""
        if not self.loop or not self._are_valid():
            return NotImplemented
        first, *others = self.segments
        for segment in reversed(others):
            dy = segment.backward(dy)
        dy = first.backward(dy, *[input_gradient] * isinstance(first, Segment))
        return dy if input_gradient or dy is NotImplemented else None

    def predict(self, *inputs: Any) -> Any:
        """The output with nothing kept; NotImplemented if the layers must do it."""
        if not self._are_valid(inputs):
            return NotImplemented
        x = inputs[0]
        for segment in self.segments:
            x = segment.predict(x)
        return x


class LossVerbs:
    """A loss, compiled for each kind of outputs and targets that it meets."""

    def __init__(self, loss_fn: Module) -> None:
        self._loss_fn, self._options = loss_fn, Options(loss_fn)
        self._modules = modules_of(loss_fn)
        self._codes: dict[Any, _LossCode | None] = {}

    def forward(self, *inputs: Any) -> Any:
        """The loss; NotImplemented if it must be worked out by the loss itself."""
        if len(inputs) != 2 or mode.predicting or not nobody_listens():
            return NotImplemented
        outputs, target = inputs
        if (
            not (type(outputs) is type(target) is np.ndarray)
            or not (outputs.flags.carray and target.flags.carray)
            or len(outputs) != len(target)
            or not self._options.still_hold()
        ):
            return NotImplemented
        key = outputs.shape[1:], outputs.dtype, target.shape[1:], target.dtype
        key += modes_of(self._modules)
        if key not in self._codes:
            self._codes[key] = self._code(outputs, target)
        code = self._codes[key]
        if code is None or len(outputs) < code.fewest:
            return NotImplemented
        found = code.run("forward", outputs, target)
        if found is None:
            return NotImplemented
        loss, *made = found
        kept = code.keeps((outputs, target, *made, *code.plain))
        self._loss_fn._kept, self._loss_fn._output = kept, ()
        return loss

    def backward(self, *_: Any) -> Any:
        """The loss itself works out its gradient: two kernels."""
        return NotImplemented

    predict = backward

    def _code(self, outputs: Array, target: Array) -> "_LossCode | None":
        """The compiled loss for such arrays; None if it cannot be recorded on them."""
        with suppress(CannotRecord):
            part = recorded_loss(self._loss_fn, outputs.shape[1:], outputs.dtype, target)
            if can_be_split(part, looks=True):
                return _LossCode(self._loss_fn, part)
        return None


class _LossCode:
    def __init__(self, loss_fn: Module, part: Part) -> None:
        self.fewest = part.fewest
        script, takes = Script(), ["outputs", "target"]
        placed = script.hold(part, loss_fn)
        placed.names.update({Name("input", str(n)): name for n, name in enumerate(takes)})
        rows, loss = script.rows(placed, "forward", "loss")
        made, (self.keeps,), self.plain = keeping(script, [placed], takes, set())
        lines = [*script.lines(rows, ["return None"]), f"return {tuple_of([loss, *made])}"]
        script.function("forward", takes, lines)
        self.run = script.compiled([f"The loss {loss_fn!r}, written out by tn.compile."]).run


_gradient, _learns = operator.attrgetter("_grad"), operator.attrgetter("_requires_grad")


class StepVerb:
    """An optimizer's step of all its parameters, compiled."""

    def __init__(self, optimizer: Optimizer, updates: Updates) -> None:
        self._optimizer, self._updates, self._options = optimizer, updates, Options(optimizer)
        self._parameters = updates.parameters
        self._frozen = [one for one in updates.known if not one.requires_grad]
        script, rows = Script(), list[Row]()
        for position, (part, parameter) in enumerate(
            zip(updates.parts, self._parameters, strict=True)
        ):
            w = f"w{position}"
            for name, text, held in ("w", w, "_data"), ("g", f"d{w}", "_grad"):
                array = functools.partial(getattr, parameter, held)
                script.give(text, part, Name("input", name), array)
            rows += script.update(updates, position, w)
        lines, arrays = script.lines(rows), [*script.given]
        changed = [name for name in arrays if any(name in row.writes for row in rows)]
        finite = (f"{script.called(all_finite)}({name})" for name in arrays)
        script.function("update", ["lr", "t"], lines)
        script.function(
            "update_if_finite",
            ["lr", "t"],
            [
                *(f"old_{name} = {name}.reshape(-1).copy()" for name in changed),
                *lines,
                f"if {' and '.join(finite)}:",
                "    return True",
                *(f"{name}.reshape(-1)[:] = old_{name}" for name in changed),
                "return False",
            ],
        )
        gradients = [f"dw{position}" for position in range(len(updates.parts))]
        script.function("zero_grad", [], [f"{dw}.reshape(-1)[:] = 0" for dw in gradients])
        self._code = script.compiled([f"The step of {type(optimizer).__name__}, written out."])

    def _are_usual(self) -> bool:
        """Whether the parameters are those that were compiled, and each has a gradient."""
        grads = map(_gradient, self._parameters)
        return (
            self._optimizer.parameters == self._updates.known
            and all(map(operator.is_not, grads, itertools.repeat(None)))
            and not any(map(_learns, self._frozen))
        )

    def zero_grad(self) -> bool:
        """Set all gradients to zeros, if there are as many as ever; say whether it was done."""
        usual = self._are_usual()
        if usual:
            self._code.run("zero_grad")
        return usual

    def step(self, if_finite: bool = False) -> bool:
        """Take the step, if it is as usual; say whether it was taken.

        With `if_finite`, only if gradients, and all that the step changes, are finite after it.
        """
        updates = self._updates
        if not (self._options.still_hold() and self._are_usual() and updates.have_begun()):
            return False
        name = "update_if_finite" if if_finite else "update"
        if self._code.run(name, self._optimizer.lr, updates.steps(1)) is False:
            return False
        updates.add_steps(1)
        return True


def compile_verbs(
    layers: list[Layer],
    net: Module,
    loss_fn: Module,
    optimizer: Optimizer,
    targets: Array | None = None,
) -> Verbs:
    """Let a loop over these three run compiled, as far as it can be recorded.

    Without `targets`, a loss is one of classes or one of as many numbers as there are outputs.
    """
    verbs = Verbs(net, layers, loop=True)
    step, outputs, dtype = None, layers[-1].outputs, layers[0].dtype
    kinds: list[Array] = [np.zeros(1, np.int64), np.zeros((1, *outputs), dtype)]
    if targets is not None:
        kinds = [targets]
    reasons = []
    for some in kinds:
        try:
            recorded_loss(loss_fn, outputs, dtype, some)
        except CannotRecord as error:
            reasons.append(str(error))
    if len(reasons) == len(kinds):
        verbs.python.append(reasons[0])
    try:
        step = StepVerb(optimizer, recorded_updates(net, optimizer))
    except CannotRecord as error:
        verbs.python.append(str(error))
    net._compiled, loss_fn._compiled, optimizer._compiled = verbs, LossVerbs(loss_fn), step
    return verbs
