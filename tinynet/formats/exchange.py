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
        Or, for a single layer, its counterpart. Its weights are copies, of the same dtype; all of
        them learn, those that PyTorch had frozen (``requires_grad=False``) too.

    Raises
    ------
    TypeError
        If `module` or a module in it is something else, or computes more than its class says
        (hooks, a forward of its own, pruned or normalised weights), or weights are neither float32
        nor float64; the message names it.
    ValueError
        If modules share weights or have none (on the meta device), or a softmax leaves its `dim`
        open, or a Sequential is empty.
    ModuleNotFoundError
        If PyTorch is not installed.
    """
    torch = _torch("from_torch")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"from_torch: module is {type(module).__name__}, expected a torch.nn.Module; a state "
            "dict goes into a network of the same shape by net.load_state_dict"
        )
    _refuse_hooks(
        "PyTorch, for all modules,",
        vars(torch.nn.modules.module),
        "_global_",
        "remove it (the handle that it came with has .remove())",
    )
    net = _from_torch(torch, module, "")
    places = [w.data_ptr() for _, w in module.named_parameters(remove_duplicate=False) if w.numel()]
    if len(places) > len(set(places)):
        raise ValueError(
            "from_torch: modules share weights, which would part ways in training; give each "
            "its own with copy.deepcopy"
        )
    return net


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
    if "forward" in vars(net):
        raise TypeError(
            f"{owner}: {_at(place, 'net')} is {type(net).__name__} with a forward of its own, "
            "which other libraries do not have; delete it with del layer.forward"
        )
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
    known = (nn.Sequential, nn.Linear, nn.ReLU, nn.Softmax, nn.LogSoftmax)
    where = _at(place, "module")
    if kind not in known:
        named = kind.__name__
        if named in {one.__name__ for one in known}:  # quantised, or the user's own
            named = f"{kind.__module__}.{kind.__qualname__}"
        raise TypeError(
            f"from_torch: {where} is {named}, expected plain Sequential, Linear, ReLU, Softmax or "
            f"LogSoftmax; {_instead(nn, module)}"
        )
    # Pruned and normalised layers keep their class, but compute their weight from others.
    names = {"weight", "bias"} if kind is nn.Linear else set()
    held = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    held += [] if kind is nn.Sequential else module.named_children()
    more = [name for name, _ in held if name not in names]
    if more:
        raise TypeError(
            f"from_torch: {where} is {kind.__name__} with {', '.join(more)}, "
            f"expected a plain one; {_plain_again(more)}"
        )
    if "forward" in vars(module):
        raise TypeError(
            f"from_torch: {where} is {kind.__name__} with a forward of its own, expected a plain "
            "one; delete it with del layer.forward, or write it as a tn.Module"
        )
    _refuse_hooks(
        where,
        vars(module),
        "_",
        "remove it (the handle that it came with has .remove()), or write what it computes as a "
        "tn.Module",
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


def _refuse_hooks(whose: str, attributes: dict[str, Any], prefix: str, fix: str) -> None:
    """Refuse what changes outputs or gradients unseen; hooks of a state dict change neither."""
    for kind in ("forward_pre", "forward", "backward_pre", "backward"):
        hooks = attributes.get(f"{prefix}{kind}_hooks")
        if hooks:
            hook = next(iter(hooks.values()))
            name = getattr(hook, "__qualname__", type(hook).__name__)
            raise TypeError(
                f"from_torch: {whose} has a {kind.replace('_', '-')} hook, {name}, which may "
                f"change what it computes, and tinynet has no hooks; {fix}"
            )


def _plain_again(names: list[str]) -> str:
    """How a Linear loses what it computes its weight from."""
    utils = "make its weight a plain one with torch.nn.utils."
    if any(name.endswith("_mask") for name in names):
        return utils + "prune.remove(layer, 'weight')"
    if any(name.endswith("_u") for name in names):
        return utils + "remove_spectral_norm(layer)"
    if any(name.endswith("_g") for name in names):
        return utils + "remove_weight_norm(layer)"
    return "write what it computes as a tn.Module"


def _instead(nn: Any, module: Any) -> str:
    """What to do about a module that tinynet has no twin of."""
    nothing_in_evaluation = (
        *(nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
        *(nn.AlphaDropout, nn.FeatureAlphaDropout),
    )
    if type(module) in nothing_in_evaluation:
        return "leave it out: it does nothing in evaluation"
    if type(module) is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
        return "leave it out, and hand over flat inputs: x.reshape(len(x), -1)"
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return "hand over the module within it, module.module"
    if hasattr(module, "_orig_mod"):
        return "hand over the module that torch.compile was given, module._orig_mod"
    if nn.utils.parametrize.is_parametrized(module):
        return (
            "make its weight a plain one with "
            "torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight')"
        )
    if "quantized" in type(module).__module__:
        return "hand over the network as it was before it was quantised"
    takes_over = ", which takes weights of the same names and shapes over with load_state_dict"
    return "write what it computes as a tn.Module" + (
        takes_over if [*module.parameters()] and not [*module.buffers()] else ""
    )


def _linear_from_torch(torch: Any, module: Any, place: str) -> Linear:
    where, weights = _at(place, "module"), [module.weight]
    weights += [] if module.bias is None else [module.bias]
    for tensor in weights:
        if tensor.dtype not in (torch.float32, torch.float64):
            fix = "convert with module.float()"
            if not tensor.is_floating_point():
                fix = "hand over the network as it was before"
            raise TypeError(
                f"from_torch: {where} has weights of {tensor.dtype}, expected float32 or float64; "
                f"{fix}"
            )
        if tensor.device.type == "meta":
            raise ValueError(
                f"from_torch: {where} is on the meta device, where weights have no values; load "
                "them first"
            )
        if tensor._backward_hooks:
            raise TypeError(
                f"from_torch: {where} has weights with a hook on their gradient, and tinynet has "
                "no hooks; remove it (the handle that it came with has .remove())"
            )
        if tensor.layout is not torch.strided:
            raise TypeError(
                f"from_torch: {where} has weights of layout {tensor.layout}, expected dense ones; "
                "convert with .to_dense()"
            )
    if len({tensor.dtype for tensor in weights}) > 1:
        raise TypeError(
            f"from_torch: {where} has a weight of {module.weight.dtype} and a bias of "
            f"{module.bias.dtype}; convert with module.float()"
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
