"""Networks that move to PyTorch and back.

Both libraries chain the same layers; they differ in the layout of a weight, ``(in, out)`` here and
``(out, in)`` there, and in the names of a few options. Each layer's class says what it is there:
``torch_layer``, ``torch_options`` and ``torch_layout``. What moves is a copy: training one network
does not change the other. A layer that only one side has is an error that names it, since a network
without it would answer something else.
"""

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.formats.architecture import OURS, Kinds, kinds_for
from tinynet.formats.elsewhere import at, expected, inside, says, shared_layers
from tinynet.formats.plain_torch import instead, plain_again, refuse_hooks, refuse_tensors
from tinynet.formats.torch_ties import (
    TURNED,
    has_turned_weight,
    tie_as_in_torch,
    tie_in_torch,
    turned,
)
from tinynet.module import Module, Sequential
from tinynet.support.options import OptionalNumber, signature

if TYPE_CHECKING:
    import torch

WITHOUT_EFFECT = ("inplace", "device", "dtype")
"""Options in PyTorch that change no number; a dtype is read from the weights."""


def to_torch(net: Module) -> "torch.nn.Module":
    """A PyTorch network with the same layers and the same weights.

    Parameters
    ----------
    net : Sequential
        Of layers whose classes say what they are in PyTorch (Linear, ReLU, Softmax and LogSoftmax
        do, and so may yours), with Sequentials within it, too; or one such layer.

    Returns
    -------
    torch.nn.Sequential
        Or, for a single layer, its counterpart. Its weights are copies, of the same dtype, and
        frozen (``requires_grad=False``) where they are frozen here, under the names of
        ``net.state_dict()``. Each layer is in the mode that it is in here. PyTorch's random numbers
        go on as if it was not made.

    Raises
    ------
    TypeError
        If `net` or a layer in it is something else, or its counterpart does not take its options;
        the message names it.
    ValueError
        If `net` has parameters beside its layers, or a counterpart has not the parameters and
        buffers of its layer.
    ModuleNotFoundError
        If PyTorch is not installed.
    """
    torch = _torch("to_torch")
    shared_layers("to_torch", net, "torch_layer")
    module = _to_torch(torch, net, "")
    tie_in_torch(torch, net, module)
    return module


def from_torch(module: "torch.nn.Module", layers: Iterable[type[Module]] = ()) -> Module:
    """A tinynet network with the layers and the weights of a PyTorch network.

    Parameters
    ----------
    module : torch.nn.Sequential
        Of Linear, ReLU, Softmax and LogSoftmax, and of what `layers` say that they are in PyTorch,
        with Sequentials within it, too; or one such layer.
    layers : list of classes
        Your own layers that may stand in the network, such as ``[Mine]``; ``torch_layer`` in the
        class is its name in ``torch.nn``, or its class.

    Returns
    -------
    Sequential
        Or, for a single layer, its counterpart. Its weights are copies, of the same dtype, and
        frozen (``requires_grad=False``) where they are frozen there. Each layer is in the mode that
        it is in there.

    Raises
    ------
    TypeError
        If `module` or a module in it is something else, or computes more than its class says
        (hooks, a forward of its own, pruned or normalised weights, an option that its layer here
        does not have), or weights are neither float32 nor float64; the message names it. If
        `layers` is no list of classes that say what they are in PyTorch.
    ValueError
        If weights are parts of one another, or there are none (on the meta device), or a softmax
        leaves its `dim` open, or a Sequential is empty, or a weight is NaN or infinite.
    ModuleNotFoundError
        If PyTorch is not installed.
    """
    torch = _torch("from_torch")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"from_torch: module is {type(module).__name__}, expected a torch.nn.Module; a state "
            "dict goes into a network of the same shape by net.load_state_dict"
        )
    twins = _twins(torch, kinds_for("from_torch", layers))
    refuse_hooks(
        "PyTorch, for all modules,",
        vars(torch.nn.modules.module),
        "_global_",
        "remove it (the handle that it came with has .remove())",
    )
    net = _from_torch(torch, module, "", twins)
    places = [w.data_ptr() for _, w in module.named_parameters() if w.numel()]
    if len(places) > len(set(places)):
        raise ValueError(
            "from_torch: modules have parameters of their own in the same memory, which would part "
            "ways in training; let them share one parameter, or give each its own with "
            "copy.deepcopy"
        )
    tie_as_in_torch(net, module)
    return net


def _counterpart(torch: Any, owner: str, kind: type[Module]) -> Any:
    """The class in PyTorch that a layer's class names."""
    row = says(kind, "torch_layer")
    theirs = getattr(torch.nn, row, None) if isinstance(row, str) else row
    if not isinstance(theirs, type) or not issubclass(theirs, torch.nn.Module):
        raise TypeError(
            f"{owner}: class {kind.__name__} has torch_layer = {row!r}, expected a name in "
            'torch.nn or a class of modules, such as torch_layer = "Tanh"'
        )
    return theirs


def _to_torch(torch: Any, net: Module, place: str) -> Any:
    if type(net) is Sequential:
        layers = enumerate(net.layers)
        inner = [_to_torch(torch, one, inside(place, n)) for n, one in layers]
        chain = torch.nn.Sequential(*inner)
        chain.training = net._training
        return chain
    kind, where = type(net), f"to_torch: {at(place, 'net')}"
    theirs = _counterpart(torch, "to_torch", kind)
    options = {kind.torch_options.get(name, name): v for name, v in kind.options(net).items()}
    if "dtype" in options:
        options["dtype"] = getattr(torch, np.dtype(options["dtype"]).name)
    # Its first weights are drawn from PyTorch's global generator, which must not show.
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        try:
            module = theirs(**options)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"{where} is {net!r}, and PyTorch's {theirs.__name__} does not take its options "
                f"({error}); give PyTorch's names for them in class {kind.__name__}, in "
                "torch_options"
            ) from error
    state = {name: torch.tensor(array) for name, array in net.state_dict().items()}
    ours = {name: tuple(tensor.shape) for name, tensor in state.items()}
    there = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    if ours != there:
        raise ValueError(
            f"{where} is {net!r} with {_listed(ours)}, and PyTorch's {theirs.__name__} has "
            f"{_listed(there)}; give PyTorch's names and layouts in class {kind.__name__}, in "
            "torch_layout"
        )
    module.load_state_dict(state, assign=True)  # with the dtypes that they have here
    learned = dict(module.named_parameters())
    for name, parameter in net.named_parameters():
        learned[name].requires_grad_(parameter.requires_grad)
    return module.train(net._training)


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "no weights"


def _twins(torch: Any, kinds: Kinds) -> dict[Any, type[Module]]:
    """The layer here, by the class in PyTorch."""
    twins: dict[Any, type[Module]] = {}
    for name, kind in kinds.items():
        if says(kind, "torch_layer") is None:
            if name in OURS:
                continue
            raise TypeError(
                f"from_torch: layers holds {name}, which does not say what it is in PyTorch; "
                f"write torch_layer = ... in class {name} itself: a name in torch.nn, or a class"
            )
        theirs = _counterpart(torch, "from_torch", kind)
        if theirs in twins or theirs is torch.nn.Sequential:
            if name in OURS:  # TransposedLinear is a Linear, too, where it shares its weights
                twins[turned(theirs)] = kind
                continue
            other = getattr(twins.get(theirs), "__name__", "Sequential")
            raise ValueError(
                f"from_torch: layers holds {name}, and {other} is PyTorch's {theirs.__name__}, "
                "too; leave one out"
            )
        twins[theirs] = kind
    return twins


def _from_torch(torch: Any, module: Any, place: str, twins: dict[Any, type[Module]]) -> Module:
    nn, theirs, where = torch.nn, type(module), at(place, "module")
    is_turned = has_turned_weight(torch, module)
    key = turned(theirs.__mro__[1]) if is_turned else theirs
    known = {nn.Sequential, *twins}
    if key not in known:
        named = theirs.__name__
        if named in {
            one.__name__ for one in known if isinstance(one, type)
        }:  # quantised, or the user's own
            named = f"{theirs.__module__}.{theirs.__qualname__}"
        raise TypeError(
            f"from_torch: {where} is {named}, expected plain {expected('torch_layer')}, or what a "
            f"class in layers=[...] has as its torch_layer; {instead(nn, module)}"
        )
    if theirs is nn.Sequential:
        held = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        _refuse_more(where, module, [name for name, _ in held])
        layers = [_from_torch(torch, one, inside(place, n), twins) for n, one in enumerate(module)]
        net: Module = Sequential(*layers)
        net.training = module.training
        return net
    kind = twins[key]
    options = _options_of(torch, module, where, kind)
    try:
        net = kind(**options)
    except (TypeError, ValueError) as error:
        raise type(error)(f"from_torch: {where}: {error}") from error
    # Pruned and normalised layers keep their class, but compute their weight from others.
    values = dict([*module.named_parameters(), *module.named_buffers()])
    names, children = net.state_dict().keys(), dict(net.children())
    if is_turned:
        del values[TURNED]
        values["weight"] = module.weight
        children |= {TURNED.partition(".")[0]: net}
    more = [name for name in values if name not in names]
    more += [name for name, _ in module.named_children() if name not in children]
    for one in module.modules():
        _refuse_more(where, one, more)
    refuse_tensors(torch, where, module)
    try:
        net.load_state_dict({name: one.detach().cpu().numpy() for name, one in values.items()})
    except ValueError as error:
        raise ValueError(f"from_torch: {where} is {theirs.__name__}: {error}") from error
    for name, parameter in net.named_parameters():
        parameter.requires_grad = values[name].requires_grad
    return net.train(module.training)


def _refuse_more(where: str, module: Any, more: list[str]) -> None:
    """Refuse a module that computes more than its class says, or holds `more`."""
    kind = type(module).__name__
    if more:
        raise TypeError(
            f"from_torch: {where} is {kind} with {', '.join(more)}, "
            f"expected a plain one; {plain_again(more)}"
        )
    if "forward" in vars(module):
        raise TypeError(
            f"from_torch: {where} is {kind} with a forward of its own, expected a plain "
            "one; delete it with del layer.forward, or write it as a tn.Module"
        )
    refuse_hooks(
        where,
        vars(module),
        "_",
        "remove it (the handle that it came with has .remove()), or write what it computes as a "
        "tn.Module",
    )


def _options_of(torch: Any, module: Any, where: str, kind: type[Module]) -> dict[str, Any]:
    """What to call a layer's class with, read from its counterpart in PyTorch."""
    name_there = type(module).__name__
    options: dict[str, Any] = {}
    for name, option in signature(kind).parameters.items():
        there = kind.torch_options.get(name, name)
        if name == "dtype":
            kinds = {one.dtype for one in (*module.parameters(), *module.buffers())}
            options[name] = "float64" if torch.float64 in kinds else "float32"
        elif there in module._parameters:  # bias=True, and None without one
            options[name] = module._parameters[there] is not None
        elif hasattr(module, there):
            options[name] = getattr(module, there)
            may_be = option.default is None or isinstance(getattr(kind, name, 0), OptionalNumber)
            if options[name] is None and not may_be:
                known = option.default is not option.empty
                such_as = f", such as {there}={option.default}" if known else ""
                raise ValueError(f"from_torch: {where} leaves its {there} open; say which{such_as}")
        elif name != "rng":
            raise TypeError(
                f"from_torch: {where} is {name_there}, which has no {there}; give PyTorch's name "
                f"for the option {name} in class {kind.__name__}, in torch_options"
            )
    taken = {kind.torch_options.get(name, name) for name in options}
    for there, option in inspect.signature(type(module)).parameters.items():
        if there in taken or there in WITHOUT_EFFECT or there in module._parameters:
            continue
        value = getattr(module, there, option.default)
        if value is not option.default and value != option.default:
            raise TypeError(
                f"from_torch: {where} is {name_there} with {there}={value!r}, which "
                f"{kind.__name__} has no option for"
            )
    return options


def _torch(owner: str) -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{owner} needs PyTorch; install it with: python -m pip install torch"
        ) from error
    return torch
