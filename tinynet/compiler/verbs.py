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
from tinynet.compiler.recording import modes_of, modules_of, states_of
from tinynet.compiler.script import Placed, Row, Script, words_of
from tinynet.compiler.segment import Segment, can_be_split, keeping
from tinynet.kernels import all_finite
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.support.calls import mode
from tinynet.support.types import Array


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
        self.loop = loop
        self.segments: list[Segment | Module] = []
        self.python: list[str] = []
        number, why = 0, "what it keeps for backward is no array that a kernel wrote"
        for splits, run in itertools.groupby(layers, lambda layer: can_be_split(layer.part)):
            some = list(run)
            self.segments += [Segment(some, number)] if splits else [one.module for one in some]
            self.python += [] if splits else [f"{one}: {one.reason or why}" for one in some]
            number += len(some)
        first = next((s for s in self.segments if isinstance(s, Segment)), None)
        self.source, self.path = (first.source, first.path) if first else ("", "")
        self._net, self._renewed, self._row, self._met = net, True, layers[0].inputs, False
        asking = [layer.module for layer in layers if layer.part is not None and layer.part.asks]
        self._asking = [module for layer in asking for module in modules_of(layer)]
        self._modes = modes_of(self._asking)
        self._by_modes: dict[Any, dict[str, Any]] = {}
        handed = [
            id(array())
            for layer in layers
            if layer.part is not None
            for key, array in states_of(layer.module)
            if any(getattr(o, "name", None) == Name("state", key) for o in layer.part.operands())
        ]
        self._options = Options(net, handed, trains=loop)

    def are_valid(self, inputs: tuple[Any, ...] = (None,)) -> bool:
        """Whether nothing was replaced, and nobody listens in who must see each layer."""
        return (
            len(inputs) == 1
            and mode.recording is None
            and mode.watched is None
            and (self._options.are_as_they_were() or self._renew() or self._options.still_hold())
        )

    def _renew(self) -> bool:
        """Take over what was replaced, if that needs no other code; say whether it worked."""
        if not self._renewed:
            return False
        self._renewed = False
        try:
            new = Verbs(self._net, record_layers(self._net, self._row), self.loop)
        except CannotRecord:
            return False
        if self._code() != new._code():
            return False
        vars(self).update(vars(new))
        return True

    def _turned(self) -> bool:
        """Turn to the code of the modes that layers are in now; say whether there is some."""
        modes = modes_of(self._asking)
        if modes == self._modes:
            return True
        known = self._by_modes
        known[self._modes] = vars(self).copy()
        if modes not in known:
            try:
                known[modes] = vars(
                    Verbs(self._net, record_layers(self._net, self._row), self.loop)
                )
            except CannotRecord:
                known[modes] = {}
        vars(self).update(known[modes])
        self._by_modes = known
        return bool(known[modes])

    def _meet(self, inputs: tuple[Any, ...]) -> None:
        """Turn to rows of the shape of the first batch, if another one was guessed."""
        self._met = True
        row = np.shape(inputs[0])[1:] if len(inputs) == 1 else self._row
        if row != self._row:
            with suppress(Exception):  # the layers say what is wrong with it
                vars(self).update(vars(Verbs(self._net, record_layers(self._net, row), self.loop)))
                self._met = True

    def _code(self) -> list[Any]:
        return [s.path if isinstance(s, Segment) else s for s in self.segments]

    def forward(self, *inputs: Any) -> Any:
        """The output; NotImplemented if the layers must do it."""
        if not self.loop or mode.predicting or not (self._turned() and self.are_valid(inputs)):
            return NotImplemented
        if not self._met:
            self._meet(inputs)
        x = inputs[0]
        for segment in self.segments:
            x = segment.forward(x) if isinstance(segment, Segment) else segment(x)
        return x

    def backward(self, dy: Any, input_gradient: bool) -> Any:
        """dLoss/dx, or None if it is not asked for; NotImplemented if the layers must do it."""
        if not self.loop or not self.are_valid():
            return NotImplemented
        for segment in reversed(self.segments):
            if isinstance(segment, Segment):
                dy = segment.backward(dy, input_gradient or segment is not self.segments[0])
            else:
                dy = segment.backward(dy)
        return dy if input_gradient else None

    def predict(self, *inputs: Any) -> Any:
        """The output with nothing kept; NotImplemented if the layers must do it."""
        if not self.are_valid(inputs):
            return NotImplemented
        x = inputs[0]
        for segment in self.segments:
            x = segment.predict(x)
        return x


class LossVerbs:
    """A loss, compiled for each kind of outputs and targets that it meets."""

    def __init__(self, loss_fn: Module) -> None:
        self._loss_fn = loss_fn
        self._options = Options(loss_fn)
        self._modules = modules_of(loss_fn)
        self._codes: dict[Any, Any] = {}

    def forward(self, *inputs: Any) -> Any:
        """The loss; NotImplemented if it must be worked out by the loss itself."""
        if len(inputs) != 2 or mode.predicting:
            return NotImplemented
        outputs, target = inputs
        if (
            mode.recording is not None
            or mode.watched is not None
            or not (type(outputs) is type(target) is np.ndarray)
            or not (outputs.flags.carray and target.flags.carray)
            or len(outputs) != len(target)
            or not self._options.still_hold()
        ):
            return NotImplemented
        key = outputs.shape[1:], outputs.dtype, target.shape[1:], target.dtype
        key += modes_of(self._modules)
        code = self._codes.get(key, self)
        if code is self:
            code = self._codes[key] = self._code(outputs, target)
        if code is None or len(outputs) < code.fewest:
            return NotImplemented
        right, loss, *made = code.forward(outputs, target, *map(operator.call, code.handed))
        if not right:
            return NotImplemented
        kept = code.keeps((outputs, target, *made, *code.plain))
        self._loss_fn._kept, self._loss_fn._output = kept, ()
        return loss

    def backward(self, *_: Any) -> Any:
        """The loss itself works out its gradient: two kernels."""
        return NotImplemented

    predict = backward

    def _code(self, outputs: Array, target: Array) -> Any:
        """The compiled loss for such arrays; None if it cannot be recorded on them."""
        try:
            part = recorded_loss(self._loss_fn, outputs.shape[1:], outputs.dtype, target)
        except CannotRecord:
            return None
        return _LossCode(self._loss_fn, part) if can_be_split(part, looks=True) else None


class _LossCode:
    def __init__(self, loss_fn: Module, part: Part) -> None:
        self.fewest = part.fewest
        script, takes = Script(), ["outputs", "target"]
        placed = Placed(part, {Name("input", str(n)): name for n, name in enumerate(takes)})
        rows, loss = script.rows(placed, "forward", "loss")
        made, (self.keeps,), self.plain = keeping(script, [placed], takes, set())
        gives, otherwise = (
            f"({', '.join([*first, *made])})" for first in (["True", loss], ["False", "0.0"])
        )
        body = script.function("forward", rows, takes, gives, otherwise)
        _, code = script.compiled([f"The loss {loss_fn!r}, written out by tn.compile."], body)
        self.forward, self.handed = code.forward, script.handed["forward"]


_gradient, _learns = operator.attrgetter("_grad"), operator.attrgetter("_requires_grad")


class StepVerb:
    """An optimizer's step of all its parameters, compiled."""

    def __init__(self, optimizer: Optimizer, updates: Updates) -> None:
        self._optimizer, self._updates = optimizer, updates
        self._options = Options(optimizer)
        self._all, self._parameters = list(optimizer.parameters), updates.parameters
        self._frozen = [one for one in self._all if not one.requires_grad]
        script, rows = Script(), list[Row]()
        for position, (part, parameter) in enumerate(
            zip(updates.parts, self._parameters, strict=True)
        ):
            w = f"w{position}"
            for name, text, held in ("w", w, "_data"), ("g", f"d{w}", "_grad"):
                array = functools.partial(getattr, parameter, held)
                script.give(text, part, Name("input", name), array)
            rows += script.update(updates, position, w)
        body = [*script.function("update", rows, ["lr", "t"]), *self._guarded(script, rows)]
        gradients = [f"dw{position}" for position in range(len(updates.parts))]
        body += ["", "", "@jit", f"def zero_grad({', '.join(gradients)}):"]
        body += [f"    {gradient}.reshape(-1)[:] = 0" for gradient in gradients]
        _, code = script.compiled([f"The step of {type(optimizer).__name__}, written out."], body)
        self._update, self._handed = code.update, script.handed["update"]
        self._zero, self._update_if_finite = code.zero_grad, code.update_if_finite

    @staticmethod
    def _guarded(script: Script, rows: list[Row]) -> list[str]:
        """The lines of a step that is taken back if anything is not finite after it."""
        names = script.taken("update", words_of(rows))
        changed = [name for name in names if any(name in row.writes for row in rows)]
        finite = (f"{script.called(all_finite)}({name})" for name in names)
        return [
            *("", "", "@jit", f"def update_if_finite(lr, t, {', '.join(names)}):"),
            *(f"    old_{name} = {name}.reshape(-1).copy()" for name in changed),
            f"    update(lr, t, {', '.join(names)})",
            f"    if {' and '.join(finite)}:",
            "        return True",
            *(f"    {name}.reshape(-1)[:] = old_{name}" for name in changed),
            "    return False",
        ]

    def _are_usual(self) -> bool:
        """Whether the parameters are those that were compiled, and each has a gradient."""
        return (
            self._optimizer.parameters == self._all
            and all(map(operator.is_not, map(_gradient, self._parameters), itertools.repeat(None)))
            and not any(map(_learns, self._frozen))
        )

    def zero_grad(self) -> bool:
        """Set all gradients to zeros, if there are as many as ever; say whether it was done."""
        if not self._are_usual():
            return False
        self._zero(*map(_gradient, self._parameters))
        return True

    def step(self, if_finite: bool = False) -> bool:
        """Take the step, if it is as usual; say whether it was taken.

        With `if_finite`, only if gradients, and all that the step changes, are finite after it.
        """
        updates = self._updates
        if not (self._options.still_hold() and self._are_usual() and updates.have_begun()):
            return False
        t = updates.steps() + 1
        update = self._update_if_finite if if_finite else self._update
        if update(self._optimizer.lr, t, *map(operator.call, self._handed)) is False:
            return False
        updates.set_steps(t)
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
    if not any(isinstance(segment, Segment) for segment in verbs.segments):
        raise CannotRecord(f"nothing of the network compiles: {'; '.join(verbs.python)}")
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
