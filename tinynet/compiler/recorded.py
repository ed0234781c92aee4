"""What is recorded of a whole network: its layers one by one, its loss, its optimizer's steps."""

import copy
import functools
import itertools
import operator
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tinynet.compiler.part import CannotRecord, Part
from tinynet.compiler.recording import parameters_of, record_layer, record_loss, record_update
from tinynet.compiler.trial import by_equation
from tinynet.kernels.jit.kernel import listening
from tinynet.module import Module, Parameter, Sequential
from tinynet.optim import Optimizer
from tinynet.support.held import PASSING
from tinynet.support.memory import global_generators_kept
from tinynet.support.types import Array

T = TypeVar("T")


class Layer(NamedTuple):
    """One layer of a network, and its recording.

    Attributes
    ----------
    place : str
        Where it stands: ``0``, ``2.1``.
    module : Module
    part : Part or None
        None if it stays Python.
    reason : str
        Why it does.
    inputs, outputs : tuple of int
        The shapes of a row before and after it.
    """

    place: str
    module: Module
    part: Part | None
    reason: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def why(self) -> str:
        """Why it stays Python."""
        return self.reason or "what it keeps for backward is no array that a kernel wrote"

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
def record_layers(net: Module) -> tuple[list[Layer], Any]:
    """Record the layers of a network; also return the dtype that they work in.

    Raises
    ------
    CannotRecord
        If it is not clear what a network without parameters takes, or a layer fails.
    """
    parameters = net.parameters()
    if not parameters:
        raise CannotRecord("the network has no parameters, so that nothing is learned")
    dtype = parameters[0].data.dtype
    row = _row_shape(net, dtype)
    layers = []
    for place, module in layers_of(net):
        part, reason = None, ""
        try:
            record = functools.partial(record_layer, module, row, dtype=dtype)
            part = _remembered(module, (row, dtype), record)
            result = part.results["forward"]
            outputs = tuple(n for n, _ in (result.shape or part.arrays[result.name][0])[1:])
        except CannotRecord as error:
            reason = str(error)
            outputs = _output_shape(module, row, dtype)
        layers.append(Layer(place, module, part, reason, row, outputs))
        row = outputs
    return layers, dtype


def _row_shape(net: Module, dtype: Any) -> tuple[int, ...]:
    """The shape of one input row: a size of some parameter that the network takes."""
    first: Exception | None = None
    sizes = [size for parameter in net.parameters() for size in parameter.data.shape]
    for size in dict.fromkeys(sizes):
        try:
            _output_shape(net, (size,), dtype)
        except Exception as error:
            first = first or error
        else:
            return (size,)
    raise CannotRecord(f"the network takes no rows of numbers: {first}") from first


def _output_shape(module: Module, row: tuple[int, ...], dtype: Any) -> tuple[int, ...]:
    twin = copy.deepcopy(module)  # whatever predict changes, it is not changed in the layer
    with listening(by_equation), np.errstate(all="ignore"):
        output = twin.predict(np.zeros((2, *row), dtype))
    if not isinstance(output, np.ndarray):
        raise CannotRecord(f"{module!r} returns {type(output).__name__}, not an array")
    return output.shape[1:]


@global_generators_kept()
def recorded_loss(loss_fn: Module, outputs: tuple[int, ...], dtype: Any, like: Array) -> Part:
    """Record a loss on outputs of this shape, and on targets like these."""
    shape, kind = like.shape[1:], like.dtype

    def target(N: int) -> Array:
        """Any classes, or any probabilities: the given ones may be all of one class."""
        draw = np.random.default_rng(N)
        if kind.kind in "iu" and not shape:
            return draw.integers(outputs[-1] if outputs else 2, size=N).astype(kind)
        if kind.kind == "f":
            some = draw.random((N, *shape)) + 0.1
            return np.asarray(some / some.sum(axis=-1, keepdims=bool(shape)), kind)
        return np.resize(like, (N, *shape))

    try:
        key = outputs, dtype, shape, kind
        part = _remembered(loss_fn, key, lambda: record_loss(loss_fn, outputs, dtype, target))
        if part.results["forward"].kind != "result":
            raise CannotRecord("its value comes from Python, not from a kernel")
    except CannotRecord as error:
        raise CannotRecord(f"the loss, {loss_fn!r}: {error}") from error
    if part.results["backward"].shape is not None:
        raise CannotRecord(f"the loss, {loss_fn!r}: its gradient is in another shape")
    return part


REMEMBERED = 1000  # recordings: a search over options must not fill the memory
_memory: dict[Any, Any] = {}
"""What was recorded of tinynet's own parts, by class, options and shapes, for later runs.

A part of the reader's own may depend on what its file names, and is recorded anew.
"""


def _remembered(part: Module | Optimizer, like: Any, record: Callable[[], T]) -> T:
    signature = _signature(part)
    if signature is None:
        return record()
    key = signature, like
    if key not in _memory:
        if len(_memory) >= REMEMBERED:
            _memory.clear()
        _memory[key] = record()
    result: T = _memory[key]
    return result


def is_ours(part: object) -> bool:
    """Whether the class of a part stands in tinynet."""
    return type(part).__module__.startswith("tinynet.")


def _signature(part: Module | Optimizer) -> Any:
    """All that the recording of a part depends on; None if that cannot be told."""
    signature: list[Any] = []
    modules = [m for _, m in part.named_modules()] if isinstance(part, Module) else [part]
    for module in modules:
        if not is_ours(module):
            return None
        signature.append(type(module))
        for name, value in vars(module).items():
            if name in (*PASSING, *PASSING_OF_OPTIMIZERS):
                continue
            if isinstance(value, Parameter | np.ndarray):
                data = value.data if isinstance(value, Parameter) else value
                content = data.tobytes() if data is value else b""
                signature.append((name, data.shape, data.dtype, content))
            elif isinstance(value, str | int | float | tuple | type(None)):
                signature.append((name, type(value), repr(value)))
            else:
                return None
    return tuple(signature)


class Update(NamedTuple):
    """The recorded step of one parameter, and how to get at what is remembered of it."""

    parameter: Parameter
    part: Part
    memories: Mapping[str, Callable[[], Array]]


class Updates(NamedTuple):
    """The recorded steps of an optimizer.

    Attributes
    ----------
    each : list of Update
        One for each of its parameters.
    memories, counts : tuples of str
        The names of arrays and of step counts in its state of a parameter.
    from_zero : bool
        Whether memories and counts begin at 0.
    """

    each: list[Update]
    memories: tuple[str, ...]
    counts: tuple[str, ...]
    from_zero: bool


@global_generators_kept()
def recorded_updates(net: Module, optimizer: Optimizer) -> Updates:
    """Record an optimizer's step of each of its parameters."""
    kind = type(optimizer)
    if kind.step is not Optimizer.step or kind.zero_grad is not Optimizer.zero_grad:
        raise CannotRecord(f"{kind.__name__} has its own step or zero_grad")
    own = {id(parameter) for _, parameter in parameters_of(net)}
    each, names = [], set()
    known: dict[Any, Any] = {}
    for position, parameter in enumerate(optimizer.parameters):
        if id(parameter) not in own:
            raise CannotRecord(f"optimizer.parameters[{position}] is not the network's")
        key = parameter.data.shape, parameter.data.dtype
        try:
            if key not in known:
                known[key] = _remembered(
                    optimizer, key, functools.partial(record_update, optimizer, parameter)
                )
        except CannotRecord as error:
            raise CannotRecord(f"the optimizer, {kind.__name__}: {error}") from error
        part, *name = known[key]
        memories = {n: functools.partial(_memory_of, optimizer, position, n) for n in name[0]}
        each.append(Update(parameter, part, memories))
        names.add(tuple(name))
    if len(names) > 1:
        raise CannotRecord(f"the optimizer, {kind.__name__}, remembers other things of some")
    return Updates(each, *names.pop())


def _memory_of(optimizer: Optimizer, position: int, name: str) -> Array:
    """What is remembered of a parameter; zeros, to begin with."""
    state = optimizer.state[position]
    if name not in state:
        state[name] = np.zeros_like(optimizer.parameters[position].data)
    memory: Array = state[name]
    return memory


PASSING_OF_OPTIMIZERS = ("lr", "state", "parameters", "_scheduled")


class Options:
    """What a part holds when it is recorded, to notice later what was replaced.

    Parameters
    ----------
    part : Module or Optimizer
    handed : set of int
        The ids of arrays that compiled code is handed: their content may change.
    """

    def __init__(self, part: Module | Optimizer, handed: Collection[int] = ()) -> None:
        self._what, self._said = type(part).__name__, False
        self._owners: list[dict[str, Any]] = []
        self._names: list[str] = []
        self._values: list[Any] = []
        self._copies: list[tuple[Any, Any]] = []
        self._arrays: list[tuple[Array, Array]] = []
        modules = [m for _, m in part.named_modules()] if isinstance(part, Module) else [part]
        self._dicts = [vars(module) for module in modules]
        self._sizes, self._lasting = [*map(len, self._dicts)], [*map(_lasting, self._dicts)]
        for module in modules:
            for name, value in vars(module).items():
                if name not in (*PASSING, *PASSING_OF_OPTIMIZERS):
                    self._owners.append(vars(module))
                    self._names.append(name)
                    self._values.append(value)
                    if isinstance(value, list | dict):
                        self._copies.append((value, copy.copy(value)))
                    if isinstance(value, np.ndarray) and id(value) not in handed:
                        self._arrays.append((value, value.copy()))

    def are_as_they_were(self) -> bool:
        """Whether every attribute is the same object, and lists hold the same objects."""
        if (sizes := [*map(len, self._dicts)]) != self._sizes:  # something came, went or is new
            if [*map(_lasting, self._dicts)] != self._lasting:
                return False
            self._sizes = sizes
        now = map(dict.get, self._owners, self._names)  # no loop in Python: each verb asks
        if not all(map(operator.is_, now, self._values)):
            return False
        for now, then in self._copies:
            if len(now) != len(then) or not all(map(operator.is_, now, then)):
                return False
        return all(itertools.starmap(np.array_equal, self._arrays))

    def still_hold(self) -> bool:
        """The same; and say once if something was replaced, so that the part runs by itself."""
        if self.are_as_they_were():
            return True
        if not self._said:
            self._said = True
            why = "a layer or an option was replaced since it was compiled; it runs in Python now"
            warnings.warn(f"{self._what}: {why}. Call tn.compile again", stacklevel=6)
        return False


def _lasting(held: dict[str, Any]) -> int:
    """How many attributes there are, without those that come and go."""
    size = len(held)
    for name in PASSING:
        size -= name in held
    return size - ("_scheduled" in held)
