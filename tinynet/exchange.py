"""Networks that move to PyTorch and back.

Both libraries chain the same layers; they differ in the layout of a weight, ``(in, out)`` here and
``(out, in)`` there, and in the names of a few options. What moves is a copy: training one network
does not change the other. A layer that only one side has is an error that names it, since a network
without it would answer something else.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tinynet.layers import Linear, LogSoftmax, ReLU, Softmax
from tinynet.module import Module, Parameter, Sequential

if TYPE_CHECKING:
    import torch

SHARED = (Linear, ReLU, Softmax, LogSoftmax)
"""The layers that PyTorch and ONNX have, too."""


def to_torch(net: Module) -> "torch.nn.Module":
    """A PyTorch network with the same layers and the same weights.

    Parameters
    ----------
    net : Sequential
        Of Linear, ReLU, Softmax and LogSoftmax, with Sequentials within it, too; or one such layer.

    Returns
    -------
    torch.nn.Sequential
        Or, for a single layer, its counterpart. Its weights are copies, of the same dtype, under
        the names of ``net.state_dict()``. PyTorch's random numbers go on as if it was not made.

    Raises
    ------
    TypeError
        If `net` or a layer in it is something else; the message names it.
    ValueError
        If `net` has parameters beside its layers, or layers that share one.
    ModuleNotFoundError
        If PyTorch is not installed.
    """
    torch = _torch("to_torch")
    shared_layers("to_torch", net)
    module = _to_torch(torch, net)
    module.load_state_dict({name: torch.tensor(a) for name, a in net.state_dict().items()})
    return module


def from_torch(module: "torch.nn.Module") -> Module:
    """A tinynet network with the layers and the weights of a PyTorch network.

    Parameters
    ----------
    module : torch.nn.Sequential
        Of Linear, ReLU, Softmax and LogSoftmax, with Sequentials within it, too; or one such layer.

    Returns
    -------
    Sequential
        Or, for a single layer, its counterpart. Its weights are copies, of the same dtype.

    Raises
    ------
    TypeError
        If `module` or a module in it is something else, or weights are neither float32 nor float64;
        the message names it.
    ValueError
        If modules share weights, or a softmax leaves its `dim` open, or a Sequential is empty.
    ModuleNotFoundError
        If PyTorch is not installed.
    """
    torch = _torch("from_torch")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"from_torch: module is {type(module).__name__}, expected a torch.nn.Module; a state "
            "dict goes into a network of the same shape by net.load_state_dict"
        )
    held = [id(weights) for _, weights in module.named_parameters(remove_duplicate=False)]
    if len(held) > len(set(held)):
        raise ValueError(
            "from_torch: modules share weights, which would part ways in training; give each "
            "its own with copy.deepcopy"
        )
    return _from_torch(torch, module, "")


def shared_layers(owner: str, net: Module) -> list[tuple[str, Module]]:
    """Place and layer of all that `net` chains, in order, if other libraries have all of it.

    Raises
    ------
    TypeError
        If a layer is none of `SHARED`.
    ValueError
        If there are parameters beside those of the layers, or layers share one.
    """
    if not isinstance(net, Module):
        raise TypeError(f"{owner}: net is {type(net).__name__}, not a Module; use a tn.Sequential")
    layers = list(_chained(owner, net, ""))
    held = [id(parameter) for _, layer in layers for parameter in layer.parameters()]
    if held != [id(parameter) for parameter in net.parameters()]:
        raise ValueError(
            f"{owner}: {net!r} has parameters beside its layers, or layers that share one; give "
            "each layer its own"
        )
    return layers


def _chained(owner: str, net: Module, place: str) -> Iterator[tuple[str, Module]]:
    if type(net) is Sequential:
        for number, layer in enumerate(net.layers):
            yield from _chained(owner, layer, _inner(place, number))
    elif type(net) in SHARED:
        yield place, net
    else:
        raise TypeError(
            f"{owner}: {_at(place, 'net')} is {type(net).__name__}, expected Sequential, Linear, "
            "ReLU, Softmax or LogSoftmax; of other networks, tn.save(net, path) writes the weights "
            "for PyTorch to read"
        )


def _to_torch(torch: Any, net: Any) -> Any:
    if isinstance(net, Sequential):
        return torch.nn.Sequential(*[_to_torch(torch, layer) for layer in net.layers])
    if isinstance(net, Linear):
        I, O = net.W.data.shape
        kind = getattr(torch, net.W.data.dtype.name)
        # Not Linear itself: it would draw initial weights from PyTorch's global generator.
        return torch.nn.utils.skip_init(
            torch.nn.Linear, I, O, bias=net.b is not None, device="cpu", dtype=kind
        )
    if isinstance(net, ReLU):
        return torch.nn.ReLU()
    softmax = torch.nn.Softmax if isinstance(net, Softmax) else torch.nn.LogSoftmax
    return softmax(dim=net.axis)


def _from_torch(torch: Any, module: Any, place: str) -> Module:
    nn, kind = torch.nn, type(module)
    # Pruned and normalised layers keep their class, but compute their weight from others.
    names = {"weight", "bias"} if kind is nn.Linear else set()
    own = {name for name, _ in module.named_parameters(recurse=False)}
    if kind not in (nn.Sequential, nn.Linear, nn.ReLU, nn.Softmax, nn.LogSoftmax) or own - names:
        held = f" with {', '.join(sorted(own - names))}" if own - names else ""
        raise TypeError(
            f"from_torch: {_at(place, 'module')} is {kind.__name__}{held}, expected plain "
            "Sequential, Linear, ReLU, Softmax or LogSoftmax; leave it out, or hand over the "
            "Sequential within it"
        )
    if kind is nn.Sequential:
        inside = enumerate(module)
        return Sequential(*[_from_torch(torch, child, _inner(place, n)) for n, child in inside])
    if kind is nn.Linear:
        return _linear_from_torch(torch, module, place)
    if kind is nn.ReLU:
        return ReLU()
    if module.dim is None:
        raise ValueError(
            f"from_torch: {_at(place, 'module')} leaves its dim open; say which, such as dim=-1"
        )
    return (Softmax if kind is nn.Softmax else LogSoftmax)(axis=module.dim)


def _linear_from_torch(torch: Any, module: Any, place: str) -> Linear:
    if module.weight.dtype not in (torch.float32, torch.float64):
        raise TypeError(
            f"from_torch: {_at(place, 'module')} has weights of {module.weight.dtype}, expected "
            "float32 or float64; convert with module.float()"
        )
    layer = Linear(1, 1, bias=module.bias is not None, rng=0)
    layer.W = Parameter(module.weight.detach().cpu().numpy().T)
    if module.bias is not None:
        layer.b = Parameter(module.bias.detach().cpu().numpy())
    return layer


def _inner(place: str, number: int) -> str:
    return f"{place}.{number}" if place else str(number)


def _at(place: str, whole: str) -> str:
    return f"layer {place}" if place else whole


def _torch(owner: str) -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{owner} needs PyTorch; install it with: python -m pip install torch"
        ) from error
    return torch
