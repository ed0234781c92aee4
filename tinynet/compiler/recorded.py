"""What is recorded of a whole network: its layers one by one, its loss, its optimizer's steps."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tinynet.compiler.part import CannotRecord, Part
from tinynet.compiler.recording import (
    Update,
    lasting,
    modules_of,
    parameters_of,
    record_layer,
    record_loss,
    record_update,
)
from tinynet.compiler.trials import by_equations
from tinynet.module import Module, Parameter, Sequential
from tinynet.optim import Optimizer, State
from tinynet.support.description import row_shape_of
from tinynet.support.held import MODE
from tinynet.support.memory import global_generators_kept
from tinynet.support.types import Array

T = TypeVar("T")


class Layer(NamedTuple):
    """One layer of a network, and its recording."""

    place: str  # ``0``, ``2.1``
    module: Module
    part: Part | None  # None if it stays Python,
    reason: str  # and why it does
    inputs: tuple[int, ...]  # the shape of a row before it,
    outputs: tuple[int, ...]  # and after it
    dtype: Any

    @property
    def recorded(self) -> Part:
        """Its recording; CannotRecord if there is none."""
        if self.part is None:
            raise CannotRecord(f"{self}: {self.reason}")
        return self.part

    def __str__(self) -> str:
        name, kind = repr(self.module), type(self.module).__name__
        name = name if name.startswith(kind) else kind
        return f"layer {self.place}, {name}" if self.place else name


def layers_of(net: Module, place: str = "") -> Iterator[tuple[str, Module]]:
    """Place and layer, in order; a network that is no Sequential is one layer."""
    if type(net) is not Sequential:
        yield place, net
        return
    for number, layer in enumerate(net.layers):
        yield from layers_of(layer, f"{place}.{number}" if place else str(number))


@global_generators_kept()
def record_layers(net: Module, row: tuple[int, ...] | None = None) -> list[Layer]:
    """Record the layers of a network, for inputs whose rows have this shape.

    Raises
    ------
    CannotRecord
        If it is not clear what a network without parameters takes, or a layer fails.
    """
    parameters = net.parameters()
    if not parameters:
        raise CannotRecord("the network has no parameters, so that nothing is learned")
    dtype = parameters[0].data.dtype
    row = _row_shape(net, dtype) if row is None else row
    layers = []
    for place, module in layers_of(net):
        part, reason = None, ""
        try:
            part = _remembered(module, (row, dtype), record_layer, row, dtype)
            result = part.results["forward"]
            rows, *axes = result.shape or part.arrays[result.name][0]
            outputs = tuple(n for n, _ in axes)
            if rows != (1, True):
                part, reason = None, "it gives another number of rows than it takes"
        except CannotRecord as error:
            reason = str(error)
            outputs = _output_shape(module, row, dtype)
        layers.append(Layer(place, module, part, reason, row, outputs, dtype))
        row = outputs
    return layers


def _row_shape(net: Module, dtype: Any) -> tuple[int, ...]:
    """The shape of one input row: what a layer says, or a size of some parameter."""
    first: Exception | None = None
    shapes: list[Any] = [(n,) for p in net.parameters() for n in p.data.shape]
    told = row_shape_of(net)
    if told and None in told:
        raise CannotRecord(
            "the network takes pictures of any size; say of which, as in "
            "tn.compile(net, loss_fn, optimizer, input_shape=(1, 28, 28))"
        )
    for shape in dict.fromkeys([told] * bool(told) + shapes):
        try:
            _output_shape(net, shape, dtype)
            return tuple(shape)
        except Exception as error:
            first = first or error
    raise CannotRecord(f"the network takes no rows of numbers: {first}") from first


def _output_shape(module: Module, row: tuple[int, ...], dtype: Any) -> tuple[int, ...]:
    twin = copy.deepcopy(module)  # whatever predict changes, it is not changed in the layer
    with by_equations():
        output = twin.predict(np.zeros((2, *row), dtype))
    if not isinstance(output, np.ndarray):
        raise CannotRecord(f"{module!r} returns {type(output).__name__}, not an array")
    return output.shape[1:]


@global_generators_kept()
def recorded_loss(loss_fn: Module, outputs: tuple[int, ...], dtype: Any, like: Array) -> Part:
    """Record a loss on outputs of this shape, and on targets like these."""
    key = outputs, dtype, like.shape[1:], like.dtype
    try:
        return _remembered(loss_fn, key, record_loss, outputs, dtype, like)
    except CannotRecord as error:
        raise CannotRecord(f"the loss, {loss_fn!r}: {error}") from error


REMEMBERED = 1000  # recordings: a search over options must not fill the memory
_memory: dict[Any, Any] = {}
"""What was recorded of tinynet's own parts, by class, options and shapes, for later runs.

A part of the reader's own may depend on what its file names, and is recorded anew.
"""


def _remembered(part: Any, like: Any, record: Callable[..., T], *given: Any) -> T:
    """``record(part, *given)``, or what it gave for such a part before."""
    key = _signature(part), like
    if key[0] is None:
        return record(part, *given)
    if key not in _memory:
        if len(_memory) >= REMEMBERED:
            _memory.clear()
        _memory[key] = record(part, *given)
    result: T = _memory[key]
    return result


def is_ours(part: object) -> bool:
    """Whether the class of a part stands in tinynet."""
    return type(part).__module__.startswith("tinynet.")


def _signature(part: Module | Optimizer) -> Any:
    """All that the recording of a part depends on; None if that cannot be told."""
    signature: list[Any] = []
    for module in modules_of(part):
        if not is_ours(module):
            return None
        signature.append((type(module), getattr(module, MODE, True)))
        for name, value in lasting(module).items():
            if isinstance(value, Parameter):
                signature.append((name, value.data.shape, value.data.dtype, value.requires_grad))
            elif isinstance(value, np.ndarray):
                moves = isinstance(module, Module) and name in (*module.buffers, *module.generators)
                content = b"" if moves else value.tobytes()
                signature.append((name, value.shape, value.dtype, content))
            elif isinstance(value, str | int | float | tuple | None):
                signature.append((name, type(value), repr(value)))
            else:
                return None
    return tuple(signature)


class Updates(NamedTuple):
    """The recorded steps of an optimizer: a part for each parameter that it changes."""

    optimizer: Optimizer
    known: list[Parameter]  # all its parameters,
    places: list[int]  # and those that are not frozen
    parts: list[Part]
    memories: tuple[str, ...]
    counts: tuple[str, ...]

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters that it changes."""
        return [self.known[place] for place in self.places]

    @property
    def states(self) -> list[State]:
        """What is remembered of each of them."""
        return [self.optimizer.state[place] for place in self.places]

    def have_begun(self) -> bool:
        """Whether all memories are there: a first step makes them, which the layers take."""
        names = *self.memories, *self.counts
        return not names or all(name in state for state in self.states for name in names)

    def steps(self, more: int = 0) -> Array:
        """How many steps each parameter has taken, and `more`, if the optimizer counts them."""
        return np.array([s[name] + more for name in self.counts for s in self.states], np.float64)

    def add_steps(self, steps: int) -> None:
        """Let each parameter have taken so many more."""
        for name in self.counts:
            for state in self.states:
                state[name] += steps

    def memory(self, position: int, name: str) -> Array:
        """What is remembered of a parameter."""
        return self.optimizer.state[self.places[position]][name]


@global_generators_kept()
def recorded_updates(net: Module, optimizer: Optimizer) -> Updates:
    """Record an optimizer's step of each of its parameters."""
    kind, known = type(optimizer), list(optimizer.parameters)
    if kind.step is not Optimizer.step or kind.zero_grad is not Optimizer.zero_grad:
        raise CannotRecord(f"{kind.__name__} has its own step or zero_grad")
    own = {id(parameter) for _, parameter in parameters_of(net)}
    places = [place for place, parameter in enumerate(known) if parameter.requires_grad]
    if not places:
        raise CannotRecord(f"all parameters of the optimizer, {kind.__name__}, are frozen")
    for position, parameter in enumerate(known):
        if id(parameter) not in own:
            raise CannotRecord(f"optimizer.parameters[{position}] is not the network's")
    made: dict[Any, Update] = {}
    try:
        for parameter in (learning := [known[place] for place in places]):
            key = parameter.data.shape, parameter.data.dtype
            if key not in made:
                made[key] = _remembered(optimizer, key, record_update, parameter)
    except CannotRecord as error:
        raise CannotRecord(f"the optimizer, {kind.__name__}: {error}") from error
    each = [made[parameter.data.shape, parameter.data.dtype] for parameter in learning]
    if len({(update.memories, update.counts) for update in each}) > 1:
        raise CannotRecord(f"the optimizer, {kind.__name__}, remembers other things of some")
    return Updates(optimizer, known, places, [update.part for update in each], *each[0][1:])
