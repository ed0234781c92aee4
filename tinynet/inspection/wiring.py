"""What a layer holds, and by which matrix its inputs are wired to its outputs."""

from tinynet.module import Module, Parameter
from tinynet.support.types import Array


def parameters_by_place(layer: Module) -> dict[str, Parameter]:
    """The parameters of a layer and of those inside, as attributes are written: inner.W."""
    return {
        f"{place}.{attribute}" if place else attribute: value
        for place, module in layer.named_modules()
        for attribute, value in module.own_parameters()
    }


def matrix_of(layer: Module) -> Array | None:
    """W (I, O) of a layer that says that it computes y = x @ W + b; None for others.

    Raises
    ------
    TypeError
        If it holds no such W.
    """
    if not layer.wired_by:
        return None
    own, name = dict(layer.own_parameters()), layer.wired_by[0].removesuffix(".T")
    if name not in own or own[name].data.ndim != 2:
        raise TypeError(
            f"{type(layer).__name__}.wired_by begins with {layer.wired_by[0]!r}, which is no "
            f"Parameter (I, O) of {layer!r}; it holds {', '.join(own) or 'none'}"
        )
    return own[name].data.T if layer.wired_by[0].endswith(".T") else own[name].data
