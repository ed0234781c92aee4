"""How layers hold parameters and how they chain: Parameter, Module, Sequential.

A layer is two functions that belong together: ``forward`` computes y from x and keeps what it will
need; ``backward`` is handed dy = dLoss/dy, adds dLoss/dparameter to ``.grad`` and returns dx. A
network is a layer made of layers: forward in order, backward in reverse. That is the chain rule,
and all of backpropagation.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, SupportsIndex, overload

import numpy as np

from tinynet.support.checks import float_array, unmasked
from tinynet.support.description import Description
from tinynet.support.held import PASSING, held, refuse_hidden
from tinynet.support.replay import Recording
from tinynet.support.types import Array

if TYPE_CHECKING:
    from tinynet.inspection.summary import Summary


class Parameter:
    """An array that is learned, and the gradient accumulated into it.

    Parameters
    ----------
    data : array of float32 or float64
        The initial values, any shape; copied.

    Attributes
    ----------
    data : ndarray
        The values. Optimizers change them in place.
    grad : ndarray or None
        dLoss/ddata, the same shape. None: optimizers leave this parameter alone.

    Raises
    ------
    TypeError, ValueError
        If `data` is not float32 or float64, or if a later value of `data` or `grad` has another
        dtype or shape.
    """

    def __init__(self, data: Array) -> None:
        self._data = on_cache_lines(float_array("Parameter", data))
        self._grad: Array | None = on_cache_lines(np.zeros_like(self._data))

    @property
    def data(self) -> Array:
        return self._data

    @data.setter
    def data(self, values: Array) -> None:
        self._data = self._like("data", values)

    @property
    def grad(self) -> Array | None:
        return self._grad

    @grad.setter
    def grad(self, values: Array | None) -> None:
        self._grad = None if values is None else self._like("grad", values)

    def _like(self, name: str, values: Array) -> Array:
        values = float_array(f"Parameter.{name}", values, self._data.dtype)
        if values.shape != self._data.shape:
            raise ValueError(
                f"Parameter.{name}: got shape {values.shape}, expected {self._data.shape}"
            )
        return values

    def accumulate(self, gradient: Array | None = None) -> Array:
        """Add to the gradient, which is allocated anew if it was set to None; return it."""
        if self._grad is None:
            self._grad = on_cache_lines(np.zeros_like(self._data))
        if gradient is not None:
            # What overflows is added, too, before NumPy complains, if it was told to; our kernels
            # never do. Asking NumPy not to would cost more than the sum of a small gradient.
            try:  # noqa: SIM105 (this costs nothing where nothing is raised)
                self._grad += gradient
            except (FloatingPointError, RuntimeWarning):
                pass
        return self._grad

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take memory of its own: joblib hands large arrays to its workers read-only."""
        vars(self).update(state)
        self._data = on_cache_lines(self._data)
        self._grad = None if self._grad is None else on_cache_lines(self._grad)

    def __repr__(self) -> str:
        return f"Parameter({'x'.join(map(str, self.data.shape))}, {self.data.dtype})"


def _next_step(other_network: bool, conversions: set[str]) -> str:
    """What to do with a state that does not fit; nothing where nothing is sure to help."""
    if other_network:
        return ". Build the network that this state was saved from"
    if len(conversions) > 1:  # a dtype for each
        conversions = {"np.asarray(a, net.state_dict()[name].dtype)"}
    return "".join(
        f". Convert the state: {{name: {conversion} for name, a in state.items()}}"
        for conversion in conversions
    )


def on_cache_lines(values: Array) -> Array:
    """A copy that starts where a cache line does: kernels read it in fewer pieces."""
    room = np.empty(values.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    copy = room[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


def writable(values: Any) -> Any:
    """`values`, or a copy of them if they are an array that nothing can be written to."""
    read_only = isinstance(values, np.ndarray) and not values.flags.writeable
    return np.array(values) if read_only else values


class _Mode(threading.local):
    predicting = False
    recording: Recording | None = None
    watched: "list[tuple[Module, Array]] | None" = None


_mode = _Mode()


class Module(Description):
    """The base of all layers and networks.

    A subclass that is a layer writes ``forward`` and, directly below, ``backward``: forward hands
    ``self.keep(...)`` what backward takes out with ``self.kept()``. A subclass that is a network of
    layers writes ``forward`` only, in terms of layers that are its attributes; its backward replays
    the recorded calls in reverse. What tools tell of a layer is data of its class, see
    ``tinynet/support/description.py``.
    """

    _kept: tuple[Any, ...] | None = None
    _output: tuple[Any, ...] | None = None
    torch_layout: ClassVar[dict[str, tuple[str, Callable[[Array], Array]]]] = {}
    """PyTorch's name for a parameter, and the function that turns it into PyTorch's layout."""

    def __call__(self, *inputs: Array) -> Array:
        outer, inner, views = _mode.recording, None, inputs
        if outer is not None:
            inputs = outer.resolve(self, views)
        if type(self).backward is Module.backward and not _mode.predicting:
            inner = Recording(repr(self), *inputs)
            inner.under_way = (outer.under_way if outer else frozenset()) | {id(self)}
        _mode.recording = inner
        try:
            if inner is None:
                output = self.forward(*inputs)
            else:
                output = inner.run(self.forward)
                self.keep(inner)
        finally:
            _mode.recording = outer
        if self._kept is not None and not _mode.predicting:
            is_array = isinstance(output, np.ndarray)
            self._output = (output.shape, output.dtype) if is_array else ()
        if _mode.watched is not None:
            _mode.watched.append((self, output))
        return output if outer is None else outer.add(self, views, output)

    def forward(self, *inputs: Array) -> Array:
        """Compute the output, and keep what backward will need."""
        raise NotImplementedError(f"{type(self).__name__} must define forward")

    def backward(self, dy: Array) -> Any:
        """Add dLoss/dparameter to every ``.grad`` and return dLoss/dinput.

        Parameters
        ----------
        dy : ndarray
            dLoss/doutput, the shape and dtype of forward's output.

        Returns
        -------
        ndarray, or a tuple of them
            dLoss/dinput, one for each input of forward.

        Raises
        ------
        RuntimeError
            If there was no forward since the last backward.
        """
        dy, recording = self.kept(dy)
        return recording.replay(dy)

    def predict(self, *inputs: Array) -> Array:
        """Compute forward's output without keeping anything; safe from several threads at once."""
        with predicting():
            return self(*inputs)

    def keep(self, *values: Any) -> None:
        """Keep `values` for the next backward, instead of what an earlier forward kept."""
        if not _mode.predicting:
            self._kept, self._output = values, None

    def kept(self, dy: Any) -> tuple[Any, ...]:
        """Take out what forward kept: ``(dy, *values)``, with `dy` checked.

        Raises
        ------
        RuntimeError
            If nothing is kept: no forward yet, or backward was called already.
        TypeError, ValueError
            If `dy` has not the dtype or the shape of forward's output.
        """
        if self._kept is None:
            raise RuntimeError(
                f"{self!r}.backward: forward kept nothing for it; call the layer on an input "
                "first, and backward once after each such call"
            )
        if self._output is None:
            raise RuntimeError(
                f"{self!r}.backward: its forward was called directly; call the layer itself, as in "
                "y = layer(x), so that dy can be checked"
            )
        if self._output:
            shape, dtype = self._output
            dy = float_array(self, dy, dtype, method=".backward")
            if dy.shape != shape:
                raise ValueError(
                    f"{self!r}.backward: dy has shape {dy.shape}, expected {shape}, the shape of "
                    "forward's output"
                )
        values, self._kept = self._kept, None
        return dy, *values

    def children(self) -> Iterator[tuple[str, "Module"]]:
        """Name and layer, for every layer among the attributes, also in lists, tuples and dicts."""
        return held(self, Module)

    def own_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Name and parameter, for each that is held here and not by a layer: ``W``, ``p.0``."""
        return held(self, Parameter)

    def named_modules(
        self, prefix: str = "", above: frozenset[int] = frozenset()
    ) -> Iterator[tuple[str, "Module"]]:
        """This module and all within it, under PyTorch's names: "" for itself, "0", "0.fc1".

        Modules whose id is in `above` are left out: a layer may hold the network that it is in.
        """
        yield prefix, self
        above |= {id(self)}
        for name, child in self.children():
            if id(child) not in above:
                yield from child.named_modules(f"{prefix}.{name}" if prefix else name, above)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Name and parameter, under PyTorch's names (``0.weight``), each parameter once.

        Raises
        ------
        ValueError
            If a parameter stands where it is not found, such as in a set, in an object that is no
            Module or on the class; or if two have one name.
        """
        seen: set[int] = set()
        for name, parameter, _ in self._placed_parameters():
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> list[Parameter]:
        """All parameters, in the order of construction."""
        return [parameter for _, parameter in self.named_parameters()]

    def _placed_parameters(self) -> Iterator[tuple[str, Parameter, Callable[[Array], Array]]]:
        refuse_hidden(self, Parameter, Module)
        named: dict[str, Parameter] = {}
        for place, module in self.named_modules():
            for name, parameter in module.own_parameters():
                key, layout = module.torch_layout.get(name, (name, np.asarray))
                key = f"{place}.{key}" if place else key
                if named.setdefault(key, parameter) is not parameter:
                    raise ValueError(
                        f"{type(self).__name__}: two parameters have the name {key}; rename the "
                        "attribute of one"
                    )
                yield key, parameter, layout

    def zero_grad(self) -> None:
        """Set every gradient to zeros."""
        for _, module in self.named_modules():
            for _, parameter in module.own_parameters():
                if parameter.grad is not None:
                    parameter.grad[...] = 0

    def state_dict(self) -> dict[str, Array]:
        """Copies of all parameters, under PyTorch's names and in its ``(out, in)`` layout."""
        return {
            name: np.array(layout(parameter.data), order="C")
            for name, parameter, layout in self._placed_parameters()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the values of a state dict, tinynet's or PyTorch's.

        Parameters
        ----------
        state : mapping from str to array
            One entry for each name in ``self.state_dict()``, of the same shape and dtype, finite.

        Raises
        ------
        TypeError
            If `state` is no mapping.
        ValueError
            If names are missing or unknown, or shapes, dtypes or values are wrong; the message
            lists all of it, and no parameter was changed.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"{type(self).__name__}.load_state_dict: got {type(state).__name__}, expected a "
                "mapping from names to arrays, as state_dict() returns it"
            )
        places = {name: (p, layout) for name, p, layout in self._placed_parameters()}
        values, advice = {}, set()
        problems = [f"missing {name}" for name in places if name not in state]
        problems += [f"unknown {name}" for name in state if name not in places]
        other_network = bool(problems)
        for name in places.keys() & state.keys():
            wanted = places[name][1](places[name][0].data)
            try:
                got = values[name] = unmasked(name, state[name]).copy()
            except (TypeError, ValueError, RuntimeError) as error:
                problems.append(f"{name} is no array ({error})")
                if hasattr(state[name], "detach"):  # a tensor: of bfloat16, or elsewhere
                    kind = "float" if wanted.dtype == np.float32 else "double"
                    advice.add(f"a.detach().cpu().{kind}().numpy()")
                continue
            if got.shape != wanted.shape:
                problems.append(f"{name} has shape {got.shape}, expected {wanted.shape}")
                other_network = True
            elif got.dtype.newbyteorder("=") != wanted.dtype:
                problems.append(f"{name} is {got.dtype}, expected {wanted.dtype}")
                if got.dtype.kind == "f":
                    advice.add(f"np.asarray(a, np.{wanted.dtype.name})")
            elif not np.isfinite(got).all():
                problems.append(f"{name} holds NaN or inf")
        if problems:
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: {'; '.join(sorted(problems))}; "
                f"nothing was changed{_next_step(other_network, advice)}"
            )
        for name, (parameter, layout) in places.items():
            parameter.data = writable(parameter.data)
            layout(parameter.data)[...] = values[name]

    def summary(self, input_shape: tuple[int, ...] | None = None) -> "Summary":
        """A table of the layers, their output shapes, their parameters and the memory these take.

        Parameters
        ----------
        input_shape : tuple of int, optional
            The shape of one input row, without N. Default: what the first layer with
            a matrix of weights takes.

        Returns
        -------
        Summary
            Print it, or end a notebook cell with it. Nothing of the network is changed.

        Raises
        ------
        ValueError
            If `input_shape` is no shape. What forward raises for such rows comes through.
        """
        from tinynet.inspection.summary import Summary  # which needs this module

        return Summary(self, input_shape)

    def _repr_html_(self) -> str | None:
        """In a notebook: the table; what has no parameters is shown by its repr."""
        return self.summary()._repr_html_() if self.parameters() else None

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles hold: not what a forward kept, nor compiled code."""
        return {name: value for name, value in vars(self).items() if name not in PASSING}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """What a pickle holds, all of it writable: see ``Parameter.__setstate__``."""
        vars(self).update({name: writable(value) for name, value in state.items()})

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Sequential(Module):
    """Layers one after the other: forward in order, backward in reverse.

    ``net[0]`` and ``net[-1]`` are its first and last layer, ``net[:2]`` is a Sequential of the
    first two (the same objects, no copies), ``len(net)`` counts them, and ``for layer in net``
    visits them in order.

    Parameters
    ----------
    *layers : Module
        At least one; each object only once.

    Attributes
    ----------
    layers : list of Module

    Raises
    ------
    RuntimeError
        If the same layer object stands in it twice, also within its layers: its forward keeps one
        input only.
    TypeError
        If something is not a Module (a class instead of an object, for example).
    """

    _compiled: Callable[..., Array | None] | None = None  # set by tn.compile and by fit

    def __init__(self, *layers: Module) -> None:
        seen: set[int] = set()
        for position, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise TypeError(
                    f"Sequential: layer {position} is {layer!r}, not a Module{_how_to_pass(layer)}"
                )
            modules = [module for _, module in layer.named_modules()]
            for module in modules:
                if id(module) in seen:
                    raise RuntimeError(
                        f"Sequential: {module!r} stands in it twice, again in layer {position}; "
                        "make a second one, since each keeps one input for its backward"
                    )
            seen.update(map(id, modules))
        if not layers:
            raise ValueError("Sequential: no layers; give at least one")
        self.layers = list(layers)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        for layer in self.layers:
            x = layer(x)
        return x

    def backward(self, dy: Array) -> Array:
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "forward" in vars(cls) and "backward" not in vars(cls):
            cls.backward = Module.backward  # type: ignore[method-assign]  # replays the new forward

    def predict(self, *inputs: Array) -> Array:
        if self._compiled is not None:
            output = self._compiled(self.layers, *inputs)
            if output is not None:
                return output
        return super().predict(*inputs)

    def children(self) -> Iterator[tuple[str, Module]]:
        for name, layer in super().children():
            yield name.removeprefix("layers."), layer

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: SupportsIndex | slice) -> Module:
        if isinstance(index, slice):
            chosen = self.layers[index]
            if not chosen:
                raise ValueError(f"Sequential: no layer is in {index} of its {len(self)}")
            return Sequential(*chosen)
        try:
            return self.layers[index]
        except IndexError:
            raise IndexError(
                f"Sequential: there is no layer {index}; it has {len(self)}, 0 to {len(self) - 1}"
            ) from None
        except TypeError:
            raise TypeError(
                f"Sequential: {index!r} is no index; give an int or a slice, such as net[0] or "
                "net[:2]"
            ) from None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"


def _how_to_pass(layer: Any) -> str:
    """What to do with an argument of Sequential that is no Module, where that is clear."""
    if isinstance(layer, type):
        return "; call it to make a layer"
    layers = layer.values() if isinstance(layer, Mapping) else layer
    if isinstance(layers, Iterable) and (found := list(layers)):
        star = "*layers.values()" if isinstance(layer, Mapping) else "*layers"
        if all(isinstance(element, Module) for element in found):
            return f"; unpack it with a star, as in Sequential({star})"
    return ""


@contextmanager
def watching() -> Iterator[list[tuple[Module, Array]]]:
    """Within, every layer called in this thread is listed with its output, inner layers first."""
    before, _mode.watched = _mode.watched, []
    try:
        yield _mode.watched
    finally:
        _mode.watched = before


@contextmanager
def predicting() -> Iterator[None]:
    """Within, layers of this thread keep nothing and record nothing."""
    before, _mode.predicting = _mode.predicting, True
    try:
        yield
    finally:
        _mode.predicting = before
