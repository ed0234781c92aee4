"""Where a module may hold parameters and layers, and how they are found there.

They are found as attributes and in lists, tuples and dicts, however deep, under names such as
``W``, ``blocks.0`` and ``heads.x``. One that stands anywhere else (in a set, in another object, in
a closure, on the class) would be neither trained nor saved, so it is an error that says so.
"""

import functools
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tinynet.support.types import Array, Layer

T = TypeVar("T")

PASSING = ("_kept", "_output", "_compiled")
"""What a module holds for a while only: what a forward kept, and compiled code."""

MODE = "_training"
"""What a module holds once it is in evaluation: False."""

_PLAIN: tuple[type, ...] = (
    *(str, bytes, int, float, complex, type(None), type, types.ModuleType),
    *(np.generic, np.random.Generator, weakref.ref, *weakref.ProxyTypes),
)


def held(owner: object, kind: type[T]) -> Iterator[tuple[str, T]]:
    """Name and object, for every `kind` among the attributes of `owner`, lists and dicts included.

    Keys of dicts become parts of the name, so they must be str without dots.
    """
    for name, value in vars(owner).items():
        if name not in PASSING:
            yield from _within(name, value, kind, ())


def _within(
    name: str, value: object, kind: type[T], around: tuple[int, ...]
) -> Iterator[tuple[str, T]]:
    if issubclass(type(value), kind):  # a weakref.proxy passes isinstance, but holds nothing
        yield name, value  # type: ignore[misc]
    elif isinstance(value, list | tuple | dict) and id(value) not in around:
        entries: Iterable[tuple[Any, Any]] = enumerate(value)
        if isinstance(value, dict):
            entries = ((key, element) for key, element in value.items() if _is_name(key))
        for key, element in entries:
            if issubclass(type(element), (kind, list, tuple, dict)):
                yield from _within(f"{name}.{key}", element, kind, (*around, id(value)))


def named(
    root: Layer, parameter: type[T], module: type
) -> Iterator[tuple[str, T, Callable[[Array], Array]]]:
    """PyTorch's name, the parameter, and what gives PyTorch's layout, for each place in `root`.

    Parameters
    ----------
    root : Module
    parameter, module : type
        The classes Parameter and Module.

    Raises
    ------
    ValueError
        If a parameter is hidden (see ``refuse_hidden``), or two have one name.
    """
    refuse_hidden(root, parameter, module)
    known: dict[str, T] = {}
    for place, inner in root.named_modules():
        for name, own in inner.own_parameters():
            key, layout = inner.torch_layout.get(name, (name, np.asarray))
            key = f"{place}.{key}" if place else key
            if known.setdefault(key, own) is not own:
                raise ValueError(
                    f"{type(root).__name__}: two parameters have the name {key}; rename the "
                    "attribute of one"
                )
            yield key, own, layout


class _Hiding(NamedTuple):
    """Why something is not found; and whether layers without parameters are missed there, too."""

    words: str
    layers_too: bool = False


class _Known(NamedTuple):
    parameter: type
    module: type
    found: set[int]
    seen: set[int]


_Part = tuple[str, object, _Hiding | None]


def refuse_hidden(root: Layer, parameter: type, module: type) -> None:
    """Refuse what `root` holds where `held` does not find it.

    Parameters
    ----------
    root : Module
    parameter, module : type
        The classes Parameter and Module.

    Raises
    ------
    ValueError
        If a parameter, or a layer that holds one, is found nowhere else; the message says where.
    """
    places = list(root.named_modules())
    found = {id(inner) for _, inner in places}
    found |= {id(own) for _, inner in places for _, own in inner.own_parameters()}
    known = _Known(parameter, module, found, set())
    for place, inner in places:
        for name, value, hiding in _attributes(inner, module):
            where = f"{place}.{name}" if place else name
            for at, what, why in _hidden(where, value, hiding, known):
                raise ValueError(
                    f"{type(root).__name__}: {at} is {what!r}, which is neither trained nor saved, "
                    f"because it stands {why.words}; make it an attribute of the module in "
                    "__init__, or hold it in a list, a tuple, or a dict whose keys are str without "
                    "dots"
                )


def _hidden(
    where: str, value: Any, hiding: _Hiding | None, known: _Known
) -> Iterator[tuple[str, object, _Hiding]]:
    """Where, what and why, for all within `value` that is found nowhere."""
    left: list[_Part] = [(where, value, hiding)]  # no recursion: a chain of objects may be long
    while left:
        where, value, hiding = left.pop()
        kind = type(value)
        if issubclass(kind, (known.parameter, known.module)):
            if hiding and id(value) not in known.found:
                empty = issubclass(kind, known.module) and not _has_parameters(value)
                if hiding.layers_too or not empty:
                    yield where, value, hiding
        elif not issubclass(kind, _PLAIN) and id(value) not in known.seen:
            known.seen.add(id(value))
            parts = [
                (f"{where}{part}", element, hiding or why) for part, element, why in _parts(value)
            ]
            left += reversed(parts)


def _has_parameters(module: Layer) -> bool:
    return any(True for _, inner in module.named_modules() for _ in inner.own_parameters())


def _attributes(module: Layer, base: type) -> Iterator[_Part]:
    own, classes = vars(module), type(module).__mro__
    yield from ((name, value, None) for name, value in own.items() if name not in PASSING)
    for cls in classes[: classes.index(base)]:
        for name, value in vars(cls).items():
            if isinstance(value, types.MemberDescriptorType):
                yield name, getattr(module, name, None), _Hiding("in __slots__")
            elif name not in own and not name.startswith("__") and not callable(value):
                yield name, value, _Hiding("on the class, which all its objects share")


def _parts(value: Any) -> Iterator[_Part]:
    """What `value` holds: how it is reached, what it is, and why it is not found there, if so."""
    kind = type(value)
    if isinstance(value, list | tuple):
        for n, element in enumerate(value):
            if not issubclass(type(element), _PLAIN):  # long lists are mostly of numbers
                yield f"[{n}]", element, None
    elif isinstance(value, Mapping):
        for key, element in value.items():
            why = None if isinstance(value, dict) and _is_name(key) else f"under the key {key!r}"
            if why and not isinstance(value, dict):
                why = f"in a {kind.__name__}"
            yield f"[{key!r}]", element, _Hiding(why, True) if why else None
            yield "", key, _Hiding("in a dict as a key", True)
    elif isinstance(value, set | frozenset | deque):
        yield from (("", element, _Hiding(f"in a {kind.__name__}", True)) for element in value)
    elif isinstance(value, np.ndarray):
        if value.dtype == object:
            yield from (("", e, _Hiding("in an array of objects", True)) for e in value.flat)
    elif isinstance(value, types.FunctionType):
        yield from _of_function(value)
    elif isinstance(value, types.MethodType):
        yield "", value.__self__, _Hiding("in a method")
        yield from _of_function(value.__func__)
    elif isinstance(value, functools.partial):
        for part in (value.func, *value.args, *value.keywords.values()):
            yield "", part, _Hiding("in a functools.partial")
    else:
        why = f"in an object of class {kind.__name__}, which is no Module"
        slots = [name for cls in kind.__mro__ for name in vars(cls).get("__slots__", ())]
        inside = {name: getattr(value, name, None) for name in slots if name != "__dict__"}
        inside |= getattr(value, "__dict__", {})
        yield from ((f".{name}", element, _Hiding(why)) for name, element in inside.items())


def _of_function(function: Any) -> Iterator[_Part]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        with suppress(ValueError):  # a cell that is still empty
            yield f" ({name})", cell.cell_contents, _Hiding("in a function's closure")
    for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield "", default, _Hiding("in a function's default")


def _is_name(key: object) -> bool:
    return isinstance(key, str) and bool(key) and "." not in key
