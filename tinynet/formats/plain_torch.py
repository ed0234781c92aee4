"""What a PyTorch module computes beyond what its class says, or holds as no array of tinynet's.

Hooks change outputs unseen, pruned and normalised layers compute their weight from others: taken
over without them, a network would answer something else. Each is refused, with what to do.
"""

from typing import Any


def refuse_hooks(whose: str, attributes: dict[str, Any], prefix: str, fix: str) -> None:
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


def refuse_tensors(torch: Any, where: str, module: Any) -> None:
    """Refuse parameters that are no plain arrays of one dtype that tinynet has.

    Raises
    ------
    TypeError, ValueError
        With the dtype, the device, the hook or the layout.
    """
    held = [*module.named_parameters(), *module.named_buffers()]
    learned = dict(module.named_parameters())
    for name, tensor in held:
        if tensor.dtype not in (torch.float32, torch.float64) and name in learned:
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
    if len({tensor.dtype for tensor in learned.values()}) > 1:
        each = " and ".join(f"a {name} of {tensor.dtype}" for name, tensor in learned.items())
        raise TypeError(f"from_torch: {where} has {each}; convert with module.float()")


def plain_again(names: list[str]) -> str:
    """How a Linear loses what it computes its weight from."""
    utils = "make its weight a plain one with torch.nn.utils."
    if any(name.endswith("_mask") for name in names):
        return utils + "prune.remove(layer, 'weight')"
    if any(name.endswith("_u") for name in names):
        return utils + "remove_spectral_norm(layer)"
    if any(name.endswith("_g") for name in names):
        return utils + "remove_weight_norm(layer)"
    return "write what it computes as a tn.Module"


def instead(nn: Any, module: Any) -> str:
    """What to do about a module that tinynet has no twin of."""
    nothing_in_evaluation = (
        *(nn.Identity, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
        *(nn.AlphaDropout, nn.FeatureAlphaDropout),
    )
    if type(module) in nothing_in_evaluation:
        return "leave it out: it does nothing in evaluation"
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
