"""One training step under glass: every number of the chain rule, kept.

A copy of the network takes the step, and each of its layers is watched: what goes in, what comes
out, the gradient handed to it, the gradient it hands on. Nothing of the given network changes.
"""

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tinynet.inspection.layer_trace import INPUT, LayerTrace, ParameterTrace
from tinynet.inspection.traced import Trace
from tinynet.inspection.wiring import parameters_by_place
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.runs.scores import check_loss, one_float
from tinynet.support.calls import watching
from tinynet.support.checks import check_dataset, whole_number
from tinynet.support.types import Array

__all__ = ["LayerTrace", "ParameterTrace", "Trace", "trace"]


def trace(
    net: Module,
    loss_fn: Module,
    X: Array,
    y: Array,
    optimizer: Optimizer | None = None,
    steps: int = 1,
) -> Trace:
    """Take a training step on a copy of the network, and keep every number of it.

    Parameters
    ----------
    net : Module
        A Sequential or any other network, in the mode that it is in; neither its weights, gradients
        nor what its layers keep for backward are changed.
    loss_fn : NLLLoss, CrossEntropyLoss, or a loss of one's own
        With a reduction other than "none".
    X : ndarray (N, features)
        One batch.
    y : ndarray (N,) of ints, or (N, C), or what the loss takes
    optimizer : Optimizer, optional
        Of the parameters of `net`; with it, the trace has the coming update. Its copy takes the
        step.
    steps : int
        How many steps the copies take, all on this batch. Every step is kept, with all parameters,
        in ``Trace.steps``; more than one needs an optimizer.

    Returns
    -------
    Trace
        Of the first step.

    Raises
    ------
    TypeError, ValueError, IndexError
        If the network, the loss, the optimizer and the data do not fit each other, or `steps` is
        not a positive int.
    RuntimeError
        If the backward pass leaves out a layer that forward called.
    """
    whole_number("trace", "steps", steps, 1)
    check_loss("trace", loss_fn)
    if optimizer is None and steps > 1:
        raise ValueError(f"trace: steps = {steps} needs an optimizer to take them; give optimizer=")
    own = {id(parameter) for parameter in net.parameters()}
    if optimizer is not None and own.isdisjoint(map(id, optimizer.parameters)):
        raise ValueError(
            "trace: the optimizer holds no parameter of this network; make a new one with "
            "net.parameters()"
        )
    check_dataset("trace", X, y)
    originals = dict(_layers(net))
    copies: tuple[Module, Any, Any] = copy.deepcopy((net, loss_fn, optimizer))
    net_copy, loss_copy, optimizer_copy = copies
    frozen = [parameter for parameter in net_copy.parameters() if not parameter.requires_grad]
    watched = [_Watched(name, layer, originals[name]) for name, layer in _layers(net_copy)]
    held = Counter(id(p) for layer in watched for p in layer.parameters.values())
    taken: list[Trace] = []
    for _ in range(steps):
        for parameter in frozen:  # shown with the gradient that it would have,
            parameter.requires_grad = True
        calls: list[_Watched] = []
        for layer in watched:
            layer.start(calls.append)
        with watching():  # a list of its own, so that an outer one stays as it is
            output = net_copy(X)
            loss = one_float(f"trace: the loss {loss_fn!r}", loss_copy(output, y))
            (optimizer_copy or net_copy).zero_grad()
            dy = loss_copy.backward()
            net_copy.backward(dy)
        before = [layer.values() for layer in watched]
        grads = [layer.grads() for layer in watched]
        for parameter in frozen:  # and left alone
            parameter.requires_grad = False
        if optimizer_copy is not None:
            optimizer_copy.step()
        parameters = {
            layer.name: layer.parameter_traces(value, grad, optimizer_copy is not None, held)
            for layer, value, grad in zip(watched, before, grads, strict=True)
        }
        made = {id(X): INPUT} | {id(call.returned): n for n, call in enumerate(calls)}
        layers = [call.finished(made, parameters[call.name]) for call in calls]
        at_loss = LayerTrace(
            name="loss",
            layer=loss_fn,
            input=(output.copy(), y.copy()),
            output=np.asarray(loss),
            dy=np.asarray(1.0),
            dx=(np.array(dy), None),
            parameters={},
            sources=(made.get(id(output)), None),
        )
        taken.append(Trace(net, loss_fn, X.copy(), y.copy(), output.copy(), loss, layers, at_loss))
    for position, step in enumerate(taken):
        step.steps.extend(taken[position:])
    return taken[0]


def _layers(
    module: Module, name: str = "", above: frozenset[int] = frozenset()
) -> Iterator[tuple[str, Module]]:
    """The layers to watch: modules with parameters of their own, or with no layers inside."""
    above |= {id(module)}
    children = [(name, child) for name, child in module.children() if id(child) not in above]
    if not children or any(True for _ in module.own_parameters()):
        yield name, module
        return
    for child_name, child in children:
        yield from _layers(child, f"{name}.{child_name}" if name else child_name, above)


class _Watched:
    """A layer of the copy, whose forward and backward are noted as they run."""

    def __init__(self, name: str, layer: Module, original: Module) -> None:
        self.name, self.original = name, original
        self.parameters = parameters_by_place(layer)
        self._forward, self._backward = layer.forward, layer.backward
        vars(layer).update(forward=self.forward, backward=self.backward)

    def start(self, called: "Callable[[_Watched], None]") -> None:
        """Forget the step before; `called` hears of the next forward."""
        self._called = called
        self.dy: Array | None = None

    def forward(self, *inputs: Array) -> Array:
        self.given, self.input = inputs, tuple(np.array(x) for x in inputs)
        self.returned = self._forward(*inputs)
        self.output = self.returned.copy()
        self._called(self)
        return self.returned

    def backward(self, dy: Array) -> Any:
        self.dy = dy.copy()
        result = self._backward(dy)
        parts = result if isinstance(result, tuple) else (result,)
        self.dx = tuple(None if part is None else np.array(part) for part in parts)
        return result

    def values(self) -> dict[str, Array]:
        return {name: parameter.data.copy() for name, parameter in self.parameters.items()}

    def grads(self) -> dict[str, Array]:
        return {name: p.accumulate().copy() for name, p in self.parameters.items()}

    def parameter_traces(
        self,
        values: dict[str, Array],
        grads: dict[str, Array],
        updated: bool,
        held: Mapping[int, int],
    ) -> dict[str, ParameterTrace]:
        """The parameters before the update, and the update if one was made since.

        `held` says how many layers hold each, by its id.
        """
        return {
            name: ParameterTrace(
                values[name],
                grads[name],
                parameter.data - values[name] if updated else None,
                held[id(parameter)] > 1,
            )
            for name, parameter in self.parameters.items()
        }

    def finished(self, made: dict[int, int], parameters: dict[str, ParameterTrace]) -> LayerTrace:
        if self.dy is None:
            raise RuntimeError(
                f"trace: forward called layer {self.name}, {self.original!r}, but the network's "
                "backward did not; call its backward, or leave its forward out"
            )
        single = len(self.input) == 1
        return LayerTrace(
            name=self.name,
            layer=self.original,
            input=self.input[0] if single else self.input,
            output=self.output,
            dy=self.dy,
            dx=self.dx[0] if single else self.dx,
            parameters=parameters,
            sources=tuple(made.get(id(x)) for x in self.given),
        )
