"""How layers hold parameters and how they chain: Parameter, Module, Sequential.

A layer is two functions that belong together: ``forward`` computes y from x and keeps what it will
need; ``backward`` is handed dy = dLoss/dy, adds dLoss/dparameter to ``.grad`` and returns dx. A
network is a layer made of layers: forward in order, backward in reverse. That is the chain rule,
and all of backpropagation.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self, SupportsIndex, overload

import numpy as np

from tinynet import kernels
from tinynet.support.calls import called, checked, keeps, predicting
from tinynet.support.checks import float_array, float_array_like
from tinynet.support.description import Description, InFiles
from tinynet.support.held import PASSING, held, named
from tinynet.support.memory import in_shape, on_cache_lines, writable
from tinynet.support.modes import Modes
from tinynet.support.options import Flag, constructor_options
from tinynet.support.sequence import check_layers, chosen
from tinynet.support.state import Named, copies, take_over, with_buffers
from tinynet.support.types import Array

if TYPE_CHECKING:
    from tinynet.inspection.summary import Summary

_FLAG = Flag()
_FLAG.name = "requires_grad"


class Parameter:
    """An array that is learned, and the gradient accumulated into it.

    Parameters
    ----------
    data : array of float32 or float64
        The initial values, any shape; copied.
    requires_grad : bool
        Whether it is learned.

    Attributes
    ----------
    data : ndarray
        The values, of any shape. Optimizers change them in place.
    grad : ndarray or None
        dLoss/ddata, the same shape. None: optimizers leave this parameter alone.
    requires_grad : bool
        False freezes it: its `grad` is None and stays None, so that no optimizer changes it, while
        gradients still go through its layer to those before. True again: `grad` starts from zeros.

    Raises
    ------
    TypeError, ValueError
        If `data` is no such array, or a later `data` or `grad` has another dtype or shape; if
        `requires_grad` is no bool, or a frozen parameter is given a `grad`.
    """

    _requires_grad = True  # in the object only once it was frozen: pickles are those of 0.1

    def __init__(self, data: Array, requires_grad: bool = True) -> None:
        self._data = on_cache_lines(float_array("Parameter", data))
        self._grad: Array | None = on_cache_lines(np.zeros_like(self._data))
        self.requires_grad = requires_grad

    @property
    def data(self) -> Array:
        return self._data

    @data.setter
    def data(self, values: Array) -> None:
        self._data = float_array_like("Parameter.data", values, self._data)

    @property
    def grad(self) -> Array | None:
        return self._grad

    @grad.setter
    def grad(self, values: Array | None) -> None:
        if values is not None:
            values = float_array_like("Parameter.grad", values, self._data)
            if not self._requires_grad:
                raise ValueError("Parameter.grad: it is frozen; set its requires_grad = True first")
        self._grad = values

    @property
    def requires_grad(self) -> bool:
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        flag = _FLAG.checked("Parameter", flag)
        if flag != self._requires_grad:
            self._grad = on_cache_lines(np.zeros_like(self._data)) if flag else None
            self._requires_grad = flag

    def accumulate(self, gradient: Array | None = None) -> Array:
        """Add to the gradient, which is allocated anew if it was set to None; return it.

        Of a frozen parameter, nothing is kept: what is returned are zeros that nobody else sees.
        """
        if not self._requires_grad:
            return np.zeros_like(self._data)
        if self._grad is None:
            self._grad = on_cache_lines(np.zeros_like(self._data))
        if gradient is not None:
            total, shape = self._grad, self._grad.shape
            if type(gradient) is not np.ndarray or gradient.shape != shape:
                gradient = in_shape("Parameter.accumulate", gradient, shape)
            kernels.accumulate(total, np.require(gradient, total.dtype, ["C", "A", "W"]))
        return self._grad

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take memory of its own: joblib hands large arrays to its workers read-only."""
        vars(self).update(state)
        self._data = on_cache_lines(self._data)
        self._grad = None if self._grad is None else on_cache_lines(self._grad)

    def __repr__(self) -> str:
        frozen = "" if self.requires_grad else ", requires_grad=False"
        return f"Parameter({'x'.join(map(str, self.data.shape))}, {self.data.dtype}{frozen})"


class Module(Description, InFiles, Modes):
    """The base of all layers and networks.

    A subclass that is a layer writes ``forward`` and, directly below, ``backward``: forward hands
    ``self.keep(...)`` what backward takes out with ``self.kept()``. A subclass that is a network of
    layers writes ``forward`` only, in terms of layers that are its attributes; its backward replays
    the recorded calls in reverse. What a class says of itself to tools, files, PyTorch and ONNX is
    data of the class, such as ``buffers``: see ``tinynet/support/description.py``.
    """

    _kept: tuple[Any, ...] | None = None
    _output: tuple[Any, ...] | None = None
    _compiled: Any = None  # set by tn.compile and by fit

    def options(self) -> dict[str, Any]:
        """What to call the class with, to make one like this; `rng` is left out."""
        return constructor_options(self)

    def __call__(self, *inputs: Array) -> Array:
        """Run forward; what goes along with that (records, watchers) is in ``support/calls.py``."""
        if self._compiled is not None:
            output: Any = self._compiled.forward(*inputs)
            if output is not NotImplemented:
                return output
        return called(self, inputs, composed=type(self).backward is Module.backward)

    def forward(self, *inputs: Array) -> Array:
        """Compute the output from the `inputs`, and keep what backward will need."""
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
        return recording.replay(dy, kernels.add)

    def predict(self, *inputs: Array) -> Array:
        """Forward's output for `inputs` in evaluation, nothing kept; safe from several threads."""
        if self._compiled is not None:
            output: Any = self._compiled.predict(*inputs)
            if output is not NotImplemented:
                return output
        with predicting():
            return self(*inputs)

    def keep(self, *values: Any) -> None:
        """Keep `values` for the next backward, instead of what an earlier forward kept."""
        if keeps():
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
        dy, values = checked(self, dy)
        self._kept = None
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

        Names begin with `prefix`. Modules whose id is in `above` are left out: a layer may hold the
        network that it is in.
        """
        yield prefix, self
        above |= {id(self)}
        for name, child in self.children():
            if id(child) not in above:
                yield from child.named_modules(f"{prefix}.{name}" if prefix else name, above)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Name and parameter, under PyTorch's names (``0.weight``), each parameter once.

        One that stands where it is not found, as in a set, is an error; so are two of one name.
        """
        seen: set[int] = set()
        for name, parameter, _ in named(self, Parameter, Module):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> list[Parameter]:
        """All parameters, in the order of construction."""
        return [parameter for _, parameter in self.named_parameters()]

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` of every parameter: False freezes them; return the module itself."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self) -> None:
        """Set every gradient to zeros."""
        for _, module in self.named_modules():
            for _, parameter in module.own_parameters():
                if parameter.grad is not None:
                    parameter.grad[...] = 0

    def state_dict(self) -> dict[str, Array]:
        """Copies of parameters and buffers, under PyTorch's names, in its ``(out, in)`` layout."""
        return copies(self._state())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the values of a state dict, tinynet's or PyTorch's: all of them or none.

        `state` has one finite array for each name in ``self.state_dict()``, of that shape and
        dtype; TypeError or ValueError if not, with a list of all that is wrong.
        """
        take_over(type(self).__name__, self._state(), state)

    def _state(self) -> list[Named]:
        return with_buffers(self, named(self, Parameter, Module))

    def summary(self, input_shape: tuple[int, ...] | None = None) -> "Summary":
        """The table of the layers, output shapes and parameters, for rows of `input_shape`."""
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
        if "training" in state:  # of a class of the reader's own, before modules had a mode
            self.training = bool(vars(self).pop("training"))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Sequential(Module):
    """Layers one after the other: forward in order, backward in reverse.

    ``net.layers`` is the list of them; ``net[0]``, ``net[-1]``, ``len(net)`` and ``for layer in
    net`` look into it, and ``net[:2]`` is a Sequential of the first two, the same objects.

    Parameters
    ----------
    *layers : Module
        At least one; each object only once, since its forward keeps one input only.

    Raises
    ------
    RuntimeError, TypeError, ValueError
        If an object stands in it twice, also within its layers; is no Module; or there is none.
    """

    def __init__(self, *layers: Module) -> None:
        check_layers(layers, Module)
        self.layers = list(layers)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        for layer in self.layers:
            x = layer(x)
        return x

    def backward(self, dy: Array, input_gradient: bool = True) -> Any:
        """Backward of every layer, last first, from dLoss/doutput, `dy`.

        Returns dLoss/dx, or None if it is not asked for: with ``input_gradient=False``, compiled
        code leaves it out, which is a quarter of a step's work.
        """
        if self._compiled is not None:
            dx: Any = self._compiled.backward(dy, input_gradient)
            if dx is not NotImplemented:
                return dx
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy if input_gradient else None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "forward" in vars(cls) and "backward" not in vars(cls):
            cls.backward = Module.backward  # type: ignore  # replays the new forward

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
        found = chosen(self.layers, index)
        return found if isinstance(found, Module) else Sequential(*found)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"
