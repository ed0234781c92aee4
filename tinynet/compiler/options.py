"""Noticing what was replaced in a part since it was recorded."""

import copy
import itertools
import operator
import warnings
from collections.abc import Collection
from typing import Any

import numpy as np

from tinynet.compiler.recording import lasting, modules_of, parameters_of
from tinynet.module import Module
from tinynet.optim import Optimizer

_LEARNS = operator.attrgetter("_requires_grad")


class Options:
    """What a part holds when it is recorded, to notice later what was replaced.

    The content of arrays that compiled code is `handed` may change, and all that is in layers which
    run `aside` of it; both are given by their ids. Only if it `trains`, it matters which parameters
    are frozen.
    """

    def __init__(
        self,
        part: Module | Optimizer,
        handed: Collection[int] = (),
        aside: Collection[int] = (),
        trains: bool = True,
    ) -> None:
        self._what, self._said = type(part).__name__, False
        self._modules = [module for module in modules_of(part) if id(module) not in aside]
        net = part if trains and isinstance(part, Module) else Module()
        self._parameters = [parameter for _, parameter in parameters_of(net)]
        self._learn = [*map(_LEARNS, self._parameters)]
        self._dicts, self._known = [*map(vars, self._modules)], [*map(lasting, self._modules)]
        self._sizes = [*map(len, self._dicts)]
        self._owners = [vars(m) for m in self._modules for _ in lasting(m)]
        self._names = [name for known in self._known for name in known]
        self._values: list[Any] = [value for known in self._known for value in known.values()]
        self._lists = [(v, copy.copy(v)) for v in self._values if isinstance(v, list | dict)]
        arrays = [value for value in self._values if isinstance(value, np.ndarray)]
        self._arrays = [(array, array.copy()) for array in arrays if id(array) not in handed]

    def are_as_they_were(self) -> bool:
        """Whether every attribute is the same object, and lists hold the same objects."""
        sizes = [*map(len, self._dicts)]
        if sizes != self._sizes:  # something came or went, if only for a while
            if [lasting(m).keys() for m in self._modules] != [k.keys() for k in self._known]:
                return False
            self._sizes = sizes
        values = map(dict.get, self._owners, self._names)  # no loop in Python: each verb asks
        if not all(map(operator.is_, values, self._values)):
            return False
        for now, then in self._lists:
            if len(now) != len(then) or not all(map(operator.is_, now, then)):
                return False
        if [*map(_LEARNS, self._parameters)] != self._learn:
            return False
        return all(itertools.starmap(np.array_equal, self._arrays))

    def still_hold(self) -> bool:
        """The same; and say once if something was replaced, so that the part runs by itself."""
        if self.are_as_they_were():
            return True
        if not self._said:
            self._said = True
            why = "a layer, an option or requires_grad was changed since it was compiled; it runs"
            why += " in Python now"
            warnings.warn(f"{self._what}: {why}. Call tn.compile again", stacklevel=6)
        return False
