"""How a network is built, as plain data, and a network built from such data.

A layer is the name of its class and the options to call it with; a Sequential, its layers. A name
stands for a layer of tinynet's or for a class that the reader hands over: nothing is ever imported,
so data from a file can only name what is there already. What a layer built like that would lack is
found by building one, and comparing.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tinynet import layers as _layers
from tinynet.module import Module, Parameter, Sequential
from tinynet.rng import TorchGenerator
from tinynet.support.held import MODE, PASSING
from tinynet.support.options import signature
from tinynet.support.ties import tie, ties_of
from tinynet.support.types import Array

Kinds = dict[str, type[Module]]

OURS: Kinds = {"Sequential": Sequential} | {
    name: kind
    for name, kind in vars(_layers).items()
    if isinstance(kind, type) and issubclass(kind, Module)
}
DTYPES = ("float32", "float64")
FREE = 2**24  # numbers that options may ask for beside the weights: see `refuse_size`


def kinds_for(owner: str, given: Iterable[type[Module]]) -> Kinds:
    """The layers that a name may stand for: tinynet's, and the classes in an argument `layers`.

    Raises
    ------
    TypeError
        If `given` is no list of classes of layers.
    ValueError
        If two have one name, or one has the name of a layer of tinynet's.
    """
    if isinstance(given, type | str) or not isinstance(given, Iterable):
        shown = given.__name__ if isinstance(given, type) else type(given).__name__
        raise TypeError(f"{owner}: layers is {shown}, expected a list of classes, as layers=[Mine]")
    kinds = dict(OURS)
    for kind in given:
        if not isinstance(kind, type) or not issubclass(kind, Module):
            name = type(kind).__name__
            fix = f"; give its class, {name}" if isinstance(kind, Module) else ""
            raise TypeError(
                f"{owner}: layers holds {kind!r}, expected classes of layers, each a tn.Module{fix}"
            )
        name = kind.__name__
        if OURS.get(name) is kind:
            raise ValueError(f"{owner}: layers holds {name}, which is tinynet's own; leave it out")
        if name in OURS:
            raise ValueError(f"{owner}: layers holds {_path(kind)}, {_taken(name)}")
        if name in kinds:
            raise ValueError(f"{owner}: layers holds two classes {name}; give each name once")
        kinds[name] = kind
    return kinds


def told(net: Module, weights: dict[str, Array]) -> dict[str, Any]:
    """How `net` is built, if that, its ties and `weights` give the same network again.

    Raises
    ------
    ValueError
        If not; the message says why, and what to write where.
    """
    kinds = dict(OURS)
    for layer in _in_chains(net):
        kind, name = type(layer), type(layer).__name__
        if name in OURS and kind is not OURS[name]:
            raise ValueError(f"{_path(kind)} is {_taken(name)}")
        if kinds.setdefault(name, kind) is not kind:
            raise ValueError(f"it has two classes {name}; rename one")
    architecture = described(net)
    refuse_size(architecture, kinds, weights)
    twin = build(architecture, kinds)
    if ties_of(twin) != (shared := ties_of(net)):
        tie(twin, shared)
    names = [name for name, _ in net.named_parameters()]
    if [name for name, _ in twin.named_parameters()] != names:
        raise ValueError("it has parameters beside its layers, or does not share one that they do")
    twin.load_state_dict(weights)
    _refuse_loss(net, twin)
    return architecture


def described(net: Module) -> dict[str, Any]:
    """The name of its class, and the options to call it with.

    Raises
    ------
    ValueError
        If an option is not told, or is no plain data.
    """
    kind = type(net)
    if "forward" in vars(net):
        raise ValueError(f"a {kind.__name__} has a forward of its own")
    if _is_chain(kind):
        assert isinstance(net, Sequential)
        return {"layer": kind.__name__, "layers": [described(layer) for layer in net.layers]}
    try:
        options = kind.options(net)
    except TypeError as error:
        raise ValueError(str(error)) from error
    plain = {name: _plain(f"{kind.__name__}: option {name}", v) for name, v in options.items()}
    return {"layer": kind.__name__} | plain


def build(architecture: Any, kinds: Kinds) -> Module:
    """The network that `described` describes.

    Raises
    ------
    ValueError
        If it is not what `described` would say of the result.
    """
    options = dict(architecture) if isinstance(architecture, dict) else {}
    name = options.pop("layer", None)
    if not isinstance(name, str) or name not in kinds:
        hand_over = ""
        if isinstance(name, str) and name.isidentifier():
            hand_over = f"; hand its class over with layers=[{name}]"
        raise ValueError(f"{name!r} is not a layer of tinynet's{hand_over}")
    kind, wrong, inner = kinds[name], f"{name} has an option of a wrong type", []
    if _is_chain(kind):
        inner = options.pop("layers", [])
        if not isinstance(inner, list):
            raise ValueError(f"{wrong}: layers")
    for option, value in options.items():
        if not _is_plain(value):
            raise ValueError(f"{wrong}: {option}")
        if option == "dtype" and value is not None and value not in DTYPES:
            raise ValueError(f"{wrong}: dtype = {value!r} is no data type of {' or '.join(DTYPES)}")
    layers = [build(layer, kinds) for layer in inner]
    try:
        signature(kind).bind(*layers, **options)
    except TypeError as error:
        raise ValueError(f"{wrong} or name, or lacks one: {error}") from error
    try:
        net = kind(*layers, **options)
    except TypeError as error:
        raise ValueError(f"{wrong}: {error}") from error
    except (ValueError, RecursionError):
        raise
    except Exception as error:  # of a reader's own class, which may raise anything
        raise ValueError(f"{name}: {type(error).__name__}: {error}") from error
    again = described(net)
    if again.keys() != architecture.keys():
        raise ValueError(f"{name} lacks an option")
    if again != architecture:
        changed = [option for option in again if again[option] != architecture[option]]
        raise ValueError(f"{name} does not keep its option {changed[0]} as it is given")
    return net


def refuse_size(architecture: Any, kinds: Kinds, weights: dict[str, Array]) -> None:
    """Refuse a small file that asks for all memory.

    A class says in ``sizes`` which options multiply to its weights. In the options of any other,
    every number may be a size.

    Raises
    ------
    ValueError
        If there would be more weights than in the file, or 2**24 numbers more than it holds.
    """
    held = sum(array.size for array in weights.values())
    counts = list(_numbers(architecture, kinds))
    if sum(count for sized, count in counts if sized) > held:
        raise ValueError("it would have more weights than the file")
    if sum(count for sized, count in counts if not sized) > held + FREE:
        raise ValueError(
            f"its options may ask for more than {FREE} numbers beside the weights; write the names "
            "of those that are sizes in the class, as sizes = (...), or sizes = () if none is"
        )


def _numbers(architecture: Any, kinds: Kinds) -> Iterator[tuple[bool, int]]:
    """For each layer, whether it says which options are sizes, and what the sizes multiply to."""
    if not isinstance(architecture, dict):
        return
    name = architecture.get("layer")
    kind = kinds.get(name) if isinstance(name, str) else None
    sizes = None if kind is None else kind.sizes
    if sizes is not None:
        given = [v for v in _flat([architecture.get(name) for name in sizes]) if type(v) is int]
        yield True, max(0, math.prod(given)) if given else 0
    else:
        numbers = _flat([v for name, v in architecture.items() if name != "layers"])
        yield False, math.prod(max(1, abs(int(number))) for number in numbers)
    layers = architecture.get("layers")
    if isinstance(layers, list):
        for layer in layers:
            yield from _numbers(layer, kinds)
            if type(layer) in (int, float):  # a list of sizes that is called so
                yield False, abs(int(layer))


def _flat(values: list[Any]) -> Iterator[float]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        elif type(value) in (int, float):
            yield value


def _refuse_loss(net: Module, twin: Module) -> None:
    """Refuse what is in `net`, but not in a network built like it, with the same state."""
    pairs = list(zip(net.named_modules(), twin.named_modules(), strict=False))
    if len(pairs) != len(list(net.named_modules())) or any(
        (a, type(ours)) != (b, type(theirs)) for (a, ours), (b, theirs) in pairs
    ):
        raise ValueError("it has other layers than its options make")
    for (place, ours), (_, theirs) in pairs:
        kind = type(ours)
        at = f"{place} is a" if place else "it is a"
        if "forward" in vars(ours):
            raise ValueError(f"{at} {kind.__name__} with a forward of its own")
        known: set[str] = {*PASSING, MODE, *kind.buffers, *kind.generators, *kind.unsaved}
        known |= set() if _is_chain(kind) else {*kind.options(ours)}
        for name in vars(ours).keys() | vars(theirs).keys():
            a, b = vars(ours).get(name), vars(theirs).get(name)
            if name not in known and not _is_same(a, b):
                raise ValueError(
                    f"{at} {kind.__name__} whose {name} is neither a parameter nor made by its "
                    f"options; name it in class {kind.__name__}, in buffers = ({name!r},) if it is "
                    f"an array to be saved, in unsaved = ({name!r},) if it is not needed"
                )


def _is_same(a: Any, b: Any) -> bool:
    """Whether two attributes are alike; parameters and layers within them are compared as state."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Module | Parameter | np.random.Generator | TorchGenerator):
        return True
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_is_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_is_same, a, b))
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return bool(a is b or a == b)


def _in_chains(net: Module) -> Iterator[Module]:
    yield net
    if _is_chain(type(net)):
        assert isinstance(net, Sequential)
        for layer in net.layers:
            yield from _in_chains(layer)


def _is_chain(kind: type[Module]) -> bool:
    """Whether it is a Sequential, or called with layers as that is."""
    return issubclass(kind, Sequential) and kind.__init__ is Sequential.__init__


def _plain(what: str, value: Any) -> Any:
    """`value` as JSON holds it: numbers of NumPy's, dtypes and tuples become Python's and lists."""
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return np.dtype(value).name
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple | list):
        return [_plain(what, element) for element in value]
    if not _is_plain(value):
        raise ValueError(
            f"{what} is {value!r}, and a file holds finite numbers, strings, bools, None and lists"
        )
    return value


def _is_plain(value: Any) -> bool:
    if type(value) is list:
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, str) or _is_finite(value)


def _is_finite(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)


def _path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _taken(name: str) -> str:
    return f"a class with the name of tinynet's own {name}; rename it"
