"""What optimizers refuse: parameters that are none, or twice there; numbers too large for them."""

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

P = TypeVar("P")


def listed(owner: str, parameters: Iterable[Any], kind: type[P]) -> list[P]:
    """The parameters as a list, each of `kind`, the class Parameter, and none of them twice."""
    if not isinstance(parameters, Iterable):
        raise TypeError(
            f"{owner}: parameters is {type(parameters).__name__}, not a list of them; give it "
            "net.parameters()"
        )
    result = list(parameters)
    if not result:
        raise ValueError(f"{owner}: no parameters; give it net.parameters()")
    for position, parameter in enumerate(result):
        if not isinstance(parameter, kind):
            raise TypeError(
                f"{owner}: parameters[{position}] is {type(parameter).__name__}, not a "
                "Parameter; give it net.parameters()"
            )
        if any(parameter is other for other in result[:position]):
            raise ValueError(f"{owner}: parameters[{position}] is listed twice; list it once")
    return result


def check_rounded(owner: str, name: str, value: float, parameters: Iterable[Any]) -> None:
    """Refuse what becomes infinite in the parameters' dtype, or an eps that becomes 0."""
    for dtype in {parameter.data.dtype for parameter in parameters}:
        with np.errstate(all="ignore"):
            rounded = dtype.type(value)
        if np.isinf(rounded):
            raise ValueError(
                f"{owner}: {name} = {value:g} is infinite in {dtype}, the parameters' dtype; "
                "use a smaller one"
            )
        if name == "eps" and rounded == 0:
            raise ValueError(
                f"{owner}: eps = {value:g} is 0 in {dtype}, the parameters' dtype: a weight "
                "whose gradient was always 0 would become 0 / 0, which is NaN; use one such as "
                "1e-8"
            )
