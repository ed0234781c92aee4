"""Options: checked whenever they are set, and told as the code that sets them.

``lr = Number(0)`` in a class makes ``self.lr = value`` refuse what cannot be meant, in the
constructor and at any later time. The value stands in the object's own dict, so that reading it
costs what reading any attribute costs. What a class takes under its attributes' names are its
options: from them come the ``repr`` and what a checkpoint compares.
"""

import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from tinynet.support.checks import integer, number, whole_number
from tinynet.support.types import Array

T = TypeVar("T")


class Option(Generic[T]):
    """An attribute that is checked when it is set; a subclass writes ``checked``."""

    name: str

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    if TYPE_CHECKING:  # without a __get__, Python looks into the object's dict

        def __get__(self, instance: object, owner: type) -> T: ...

    def __set__(self, instance: "WithOptions", value: Any) -> None:
        value = self.checked(type(instance).__name__, value)
        instance._check_together(self.name, value)
        vars(instance)[self.name] = value

    def checked(self, owner: str, value: Any) -> T:
        """`value` as it is to be kept, or an error that names the option."""
        raise NotImplementedError


class Number(Option[float]):
    """A finite float in [`low`, `high`], or in [`low`, `high`) with `below`."""

    def __init__(self, low: float, high: float = math.inf, *, below: bool = False) -> None:
        self.low, self.high, self.below = low, high, below

    def checked(self, owner: str, value: Any) -> float:
        return number(owner, self.name, value, self.low, self.high, below=self.below)


class OptionalNumber(Option[float | None]):
    """A finite float in [`low`, `high`], or None."""

    def __init__(self, low: float = -math.inf, high: float = math.inf) -> None:
        self.low, self.high = low, high

    def checked(self, owner: str, value: Any) -> float | None:
        return None if value is None else number(owner, self.name, value, self.low, self.high)


class WholeNumber(Option[int]):
    """An int of at least `low`."""

    def __init__(self, low: int) -> None:
        self.low = low

    def checked(self, owner: str, value: Any) -> int:
        return whole_number(owner, self.name, value, self.low)


class Label(Option[int]):
    """An int64, as labels are."""

    def checked(self, owner: str, value: Any) -> int:
        label = integer(owner, self.name, value)
        if not -(2**63) <= label < 2**63:
            raise ValueError(f"{owner}: {self.name} = {label} is no int64, as labels are")
        return label


class Choice(Option[str]):
    """One of some words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def checked(self, owner: str, value: Any) -> str:
        if value not in self.words:
            *first, last = map(repr, self.words)
            expected = f"{', '.join(first)} or {last}"
            raise ValueError(f"{owner}: {self.name} = {value!r}, expected {expected}")
        return str(value)


class Weights(Option[Array | None]):
    """How much each number counts, an array of float64 of any shape, a copy; or None."""

    expected = "finite, non-negative numbers"

    def checked(self, owner: str, value: Any) -> Array | None:
        if value is None:
            return None
        weights = np.array(value, np.float64)
        if not (self.fits(weights) and np.isfinite(weights).all() and (weights >= 0).all()):
            raise ValueError(f"{owner}: {self.name} must be {self.expected}")
        return weights

    def fits(self, weights: Array) -> bool:
        return True


class ClassWeights(Weights):
    """How much each class counts, (C,)."""

    expected = "one finite, non-negative number per class (C,)"

    def fits(self, weights: Array) -> bool:
        return weights.ndim == 1


class OptionalFunction(Option[Callable[..., Any] | None]):
    """What can be called with these arguments, or None."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments

    def checked(self, owner: str, value: Any) -> Callable[..., Any] | None:
        if value is not None and not callable(value):
            raise TypeError(
                f"{owner}: {self.name} = {value!r}, expected a function, such as "
                f"{self.name}=function without brackets"
            )
        if value is not None and not self._takes_them(value):
            raise TypeError(
                f"{owner}: {self.name} = {value!r} is called with {len(self.arguments)} arguments "
                f"and takes others: {self.name}{inspect.signature(value)}; write it as "
                f"{self.name}({', '.join(self.arguments)})"
            )
        called: Callable[..., Any] | None = value
        return called

    def _takes_them(self, function: Callable[..., Any]) -> bool:
        try:
            inspect.signature(function).bind(*self.arguments)
        except TypeError:
            return False
        except ValueError:  # written in C, and says nothing of its arguments
            return True
        return True


class Flag(Option[bool]):
    """True or False."""

    def checked(self, owner: str, value: Any) -> bool:
        if not isinstance(value, bool | np.bool_ | int | np.integer) or value not in (0, 1):
            raise TypeError(f"{owner}: {self.name} = {value!r}, expected True or False")
        return bool(value)


class Pair(Option[tuple[float, float]]):
    """Two floats in [0, 1)."""

    def checked(self, owner: str, value: Any) -> tuple[float, float]:
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise ValueError(f"{owner}: {self.name} = {value!r}, expected two numbers in [0, 1)")
        first, second = (
            number(owner, f"{self.name}[{place}]", part, 0, 1, below=True)
            for place, part in enumerate(value)
        )
        return first, second


class WithOptions:
    """The base of all that has options."""

    def _check_together(self, name: str, value: Any) -> None:
        """Refuse a value that does not fit the other options."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a copy or a pickle, also one from before an option was there."""
        vars(self).update(state)
        for name, default in defaults_of(self).items():
            vars(self).setdefault(name, default)


def options_of(owner: object) -> dict[str, Any]:
    """What the class of an object takes, and the object has under the same name."""
    return {
        name: vars(owner)[name]
        for name in inspect.signature(type(owner)).parameters
        if name in vars(owner)
    }


def signature(kind: type) -> inspect.Signature:
    """What a class is called with."""
    # Of a class without __init__, inspect would compile a made-up function.
    has_one = any("__init__" in vars(base) for base in kind.__mro__ if base is not object)
    return inspect.signature(kind) if has_one else inspect.Signature()


def constructor_options(owner: object) -> dict[str, Any]:
    """What the class of a layer takes, without `rng`, read from attributes of the same names.

    Raises
    ------
    TypeError
        If an option stands under no such name.
    """
    kind, options = type(owner), {}
    for name, parameter in signature(kind).parameters.items():
        if name == "rng":
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            name = str(parameter)
        # A property counts, a default on the class does not: it may be of another meaning.
        elif name in vars(owner) or inspect.isdatadescriptor(getattr(kind, name, None)):
            options[name] = getattr(owner, name)
            continue
        raise TypeError(
            f"{kind.__name__} does not tell its option {name}: keep it as an attribute of that "
            f"name in __init__, or write options(self) in class {kind.__name__}"
        )
    return options


def code(owner: object, *arguments: str, always: tuple[str, ...] = (), **told: str) -> str:
    """The call that makes an object like this one.

    Parameters
    ----------
    owner : object
    *arguments : str
        What the call begins with.
    always : tuple of str
        Options that are shown even where they are at their default.
    **told : str
        What stands for an option instead of its value; "" leaves it out.
    """
    defaults = {name: p.default for name, p in inspect.signature(type(owner)).parameters.items()}
    values = {
        name: repr(value)
        for name, value in options_of(owner).items()
        if name not in told and (name in always or not _is_same(value, defaults[name]))
    } | told
    options = (f"{name}={values[name]}" for name in defaults if values.get(name))
    return f"{type(owner).__name__}({', '.join([*arguments, *options])})"


def _is_same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(np.all(value == default))


def defaults_of(owner: object) -> dict[str, Any]:
    """The defaults of the options that are checked."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(type(owner)).parameters.items()
        if isinstance(getattr(type(owner), name, None), Option)
        and parameter.default is not parameter.empty
    }
