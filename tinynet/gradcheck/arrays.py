"""Arrays that are learned, but are no Parameters: no optimizer, no file and no check sees them.

A plain array may well be a constant: a mask, a table, a mean. What gives a weight away is that
forward depends on it, and that backward writes something of its shape: its gradient or a multiple
of it, something with the name of its gradient, or the array itself. All others are taken as
constants, and the report lists them.
"""

import copy
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tinynet.gradcheck.copies import Copy, Point, parameters_of
from tinynet.gradcheck.report import HOLDS, GradientError
from tinynet.gradcheck.trial import Trial
from tinynet.module import Module, Parameter
from tinynet.support.held import PASSING
from tinynet.support.types import Array

STEP = 1e-4
CLOSE = 1e-5
DIRECTIONS = 3


class _Slot(NamedTuple):
    """An array or a float, and where it is held."""

    value: Any
    holder: Any
    key: Any


def weights_are_parameters(trial: Trial) -> str:
    rng = trial.rng.spawn(1)[0]  # so that no later draw depends on this rule
    base = trial.fresh()
    base.forward(trial.point)  # which may make arrays
    written = _Written(base, trial.point, rng)
    frozen = parameters_of(base.module, frozen=True)
    constants = [f"{name} {parameter.data.shape}, frozen" for name, parameter in frozen.items()]
    for name, slot in _slots(base.module).items():
        suspects = written.of_shape(name, np.shape(slot.value))
        is_array = isinstance(slot.value, np.ndarray)
        if not (is_array or suspects):
            continue
        slopes = _slopes(base, trial.point, name, rng)
        if slopes is None:
            continue
        for other in suspects:
            if other == name or _is_named(other, name) or written.is_gradient(other, slopes):
                raise GradientError(_words(trial.name, name, other), name)
        fewer = trial.fewer_rows()
        if suspects and fewer is not None:  # what has a row for each input row is no gradient of it
            suspects = _Written(base, fewer, rng).of_shape(name, np.shape(slot.value))
        if suspects and is_array:  # two floats have one shape by chance
            return (
                f"undecided: forward uses {name}, no Parameter, and backward writes {suspects[0]}, "
                "of the same shape"
            )
        if is_array:
            constants.append(f"{name} {slot.value.shape}")
    return f"{HOLDS}; constants: {', '.join(constants)}" if constants else HOLDS


class _Run(NamedTuple):
    """One backward pass: the arrays and floats before and after it, and what it returned."""

    before: dict[str, Array]
    after: dict[str, Array]
    gradients: dict[str, Array]


class _Written:
    """What backward writes into arrays and floats that are no Parameters."""

    def __init__(self, base: Copy, point: Point, rng: np.random.Generator) -> None:
        y = base.forward(point)
        self.dys: list[Array] = [np.ones(())]
        if base.takes_dy:
            first, second = (np.asarray(rng.uniform(0.5, 1.5, y.shape)) for _ in range(2))
            self.dys = [np.zeros_like(y), first, second, np.asarray(first + second)]
        self.runs = [_run(base, point, dy) for dy in self.dys]

    def of_shape(self, name: str, shape: tuple[int, ...]) -> list[str]:
        """What may be the gradient of `name`, which has this shape."""
        before, after, _ = self.runs[-1]
        changed = [
            other
            for other, value in after.items()
            if value.shape == shape
            and not (other in before and np.array_equal(value, before[other]))
        ]
        return [o for o in changed if o == name or _is_named(o, name) or self._is_linear(o)]

    def change(self, other: str, run: int) -> Array | None:
        """What the upstream of a run writes into `other`, whatever was in it before."""
        before, after, _ = self.runs[run]
        origin = self.runs[0].after.get(other) if run else before.get(other)
        if origin is None or other not in after or origin.shape != after[other].shape:
            return None if run else after[other]
        return after[other] - origin

    def is_gradient(self, other: str, slopes: list[tuple[Array, Array]]) -> bool:
        """Whether `other` is what differences give, or a multiple of it."""
        right, got = [], []
        for run in range(min(1, len(self.runs) - 1), len(self.runs)):
            change = self.change(other, run)
            if change is None:
                return False
            right += [float((slope * self.dys[run]).sum()) for _, slope in slopes]
            got += [float((change * direction).sum()) for direction, _ in slopes]
        wanted, have = np.array(right), np.array(got)
        if not wanted.any() or not have.any():
            return False
        factor = (wanted * have).sum() / (have**2).sum()
        return bool(np.linalg.norm(wanted - factor * have) <= CLOSE * np.linalg.norm(wanted))

    def _is_linear(self, other: str) -> bool:
        """Whether it is linear in dy, and is not just dy or what backward returned."""
        if len(self.runs) == 1:
            return True
        first, second, both = (self.change(other, run) for run in (1, 2, 3))
        if first is None or second is None or both is None or not both.any():
            return False
        passing = [self.dys[3], *self.runs[3].gradients.values()]
        if any(dx.shape == both.shape and np.allclose(dx, both) for dx in passing):
            return False
        return np.allclose(first + second, both, rtol=CLOSE, atol=CLOSE * float(abs(both).max()))


def _run(base: Copy, point: Point, dy: Array) -> _Run:
    twin, before = copy.deepcopy(base), dict[str, Array]()
    gradients = twin.gradients(point, dy, lambda: before.update(_values(twin.module)))
    return _Run(before, _values(twin.module), gradients)


def _slopes(
    base: Copy, point: Point, name: str, rng: np.random.Generator
) -> list[tuple[Array, Array]] | None:
    """A few directions and the derivative of the output along each; None if it does not move."""
    slopes = []
    for _ in range(DIRECTIONS):
        direction = rng.standard_normal(np.shape(_slots(base.module)[name].value))
        sides = []
        for step in (STEP, -STEP):
            twin = copy.deepcopy(base)
            slot = _slots(twin.module)[name]
            if isinstance(slot.value, np.ndarray):
                slot.value[...] += step * direction
            else:
                slot.holder[slot.key] = slot.value + step * float(direction)
            try:
                sides.append(twin.forward(point))
            except GradientError:
                return None
        slopes.append((direction, (sides[0] - sides[1]) / (2 * STEP)))
    return slopes if any(slope.any() for _, slope in slopes) else None


def _values(module: Module) -> dict[str, Array]:
    return {name: np.array(slot.value) for name, slot in _slots(module).items()}


def _slots(module: Module) -> dict[str, _Slot]:
    """Every array of floats and every float that the module holds, and that is no Parameter."""
    slots: dict[str, _Slot] = {}
    seen: set[int] = set()
    for place, inner in module.named_modules():
        own = {name: value for name, value in vars(inner).items() if name not in PASSING}
        for name in own:
            where = f"{place}.{name}" if place else name
            slots |= _within(where, vars(inner), name, seen)
    return slots


def _within(where: str, holder: Any, key: Any, seen: set[int]) -> Iterator[tuple[str, _Slot]]:
    value = holder[key]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        if id(value) not in seen:
            seen.add(id(value))
            yield where, _Slot(value, holder, key)
    elif isinstance(value, float | np.floating) and isinstance(holder, dict | list):
        yield where, _Slot(value, holder, key)
    elif id(value) not in seen and not issubclass(type(value), Module | Parameter | type):
        seen.add(id(value))
        inside = value if isinstance(value, list | tuple | dict) else getattr(value, "__dict__", {})
        if isinstance(inside, list | tuple | dict):
            for part in list(inside) if isinstance(inside, dict) else range(len(inside)):
                yield from _within(f"{where}.{part}", inside, part, seen)


def _is_named(other: str, name: str) -> bool:
    """Whether `other` has a name that the gradient of `name` would have: dW, W_grad, grads.W."""
    last = other.lower().split(".")[-1]
    own = name.lower().split(".")[-1]
    prefix, suffix = r"(d|g|grad|delta|nabla|dl_?d)_?", r"_?(g|grad|gradient|delta)"
    is_gradient = re.fullmatch(f"{prefix}{re.escape(own)}|{re.escape(own)}{suffix}", last)
    return bool(is_gradient) or (last in (own, "grad") and "grad" in other.lower())


def _words(module: str, name: str, other: str) -> str:
    writes = f"writes its gradient into {other}" if other != name else "changes it"
    return (
        f"{module}: {name} is learned but is no Parameter: forward depends on it and backward "
        f"{writes}, which no optimizer, no file and no check sees; make it a tn.Parameter, use its "
        ".data, and add its gradient with .accumulate(...)"
    )
