"""What every backward pass keeps, though a derivative taken once does not show it.

Five rules come before the differences, which rely on them, and ten after. Each is a function of a
trial that returns ``holds``, says why it does not apply, or raises with the mistake in words. Those
about other inputs, weights and row counts are in ``special.py`` and ``far.py``, that about arrays
which are no Parameters is in ``arrays.py``.
"""

from collections.abc import Callable, Mapping

import numpy as np

from tinynet.gradcheck.arrays import weights_are_parameters
from tinynet.gradcheck.copies import Copy
from tinynet.gradcheck.far import far_out
from tinynet.gradcheck.report import HOLDS, GradientError, Rule
from tinynet.gradcheck.special import (
    another_number_of_rows,
    changed_weights,
    convention_at_zero,
    exact_for_integers,
    one_row,
)
from tinynet.gradcheck.trial import Trial
from tinynet.support.types import Array

ROUNDING = 1e-13
"""What two orders of the same sums may differ by, relative to the largest number."""


def same_output_twice(trial: Trial) -> str:
    copy = trial.fresh()
    if not np.array_equal(copy.forward(trial.point), copy.forward(trial.point)):
        raise GradientError(
            f"{trial.name}: forward gives two outputs for one input; it draws random numbers or "
            "remembers earlier calls. Seed it anew in every forward, or check it with that off"
        )
    return HOLDS


def computes_in_float64(trial: Trial) -> str:
    """Outputs that move with a change of 1e-3, but not at all with one of 1e-10, were rounded."""
    copy = trial.fresh()
    for name in [*copy.parameters, *trial.differentiated]:
        start = trial.point[name]
        step = trial.rng.standard_normal(start.shape)
        far, near = (copy.forward(trial.point | {name: start + h * step}) for h in (1e-3, 1e-10))
        moved = np.abs(far - trial.y) > 1e-6 * np.abs(trial.y)
        if moved.any() and (near == trial.y)[moved].mean() > 0.5:
            raise GradientError(
                f"{trial.name}: forward rounds {name} or what comes of it to fewer digits than "
                "float64 has, as a cast to float32 does: moved by 1e-10, it gives the same output. "
                "Compute in the dtype of the input",
                name,
            )
    return HOLDS


def nothing_changed_or_returned(trial: Trial) -> str:
    copy = trial.fresh()
    inputs = {name: np.array(trial.point[name]) for name in copy.input_names}
    y = copy.module(*inputs.values())
    _unchanged(trial, "forward", inputs | _weights(copy))
    for name, x in inputs.items():
        if _is_same_memory(y, x):
            raise GradientError(
                f"{trial.name}: forward returns the object {name} itself; return a new array, for "
                "who changes the one would change the other",
                name,
            )
    dy = trial.dy.copy()
    result = copy.call_backward(dy)
    copy.returned(trial.point, result)
    _unchanged(trial, "backward", inputs | _weights(copy))
    if not np.array_equal(dy, trial.dy):
        raise GradientError(f"{trial.name}: backward changes dy, its upstream, in place; copy it")
    for dx in result if isinstance(result, tuple | list) else (result,):
        for what, array in ({"dy, its upstream,": dy} | inputs).items():
            if _is_same_memory(dx, array):
                raise GradientError(
                    f"{trial.name}: backward returns {what} itself; return a new array"
                )
    return HOLDS


def latest_forward_counts(trial: Trial) -> str:
    if trial.other is None:
        return "not checked: forward knows no other input"
    right = trial.fresh().gradients(trial.point, trial.dy)
    for between in (False, True):
        copy = trial.fresh()
        copy.forward(trial.other)
        if between:
            copy.backward(trial.other, trial.dy)
        _same(
            trial,
            copy.gradients(trial.point, trial.dy),
            right,
            "as the first pass of a new copy gives",
            "a stale cache: after an earlier forward on another input, backward still uses what "
            "that one left behind. Keep the latest forward's arrays, always",
        )
    return HOLDS


def accumulates(trial: Trial) -> str:
    copy = trial.fresh()
    if not copy.parameters:
        return "no parameters"
    once = copy.gradients(trial.point, trial.dy)
    copy.forward(trial.point)
    twice = copy.backward(trial.point, trial.dy)
    for name in copy.parameters:
        how = "the second pass does not add what the first one did"
        if np.array_equal(twice[name], once[name]):
            how = "overwritten instead of accumulated; use += for parameter gradients"
        _same(trial, {name: twice[name]}, {name: 2 * once[name]}, "after two backward passes", how)
    return HOLDS


def zero_upstream(trial: Trial) -> str:
    if not trial.pristine.takes_dy:
        return "backward takes no dy"
    zero = np.zeros_like(trial.dy)
    for name, gradient in trial.fresh().gradients(trial.point, zero).items():
        if np.any(gradient != 0):
            place = _first(gradient != 0)
            raise GradientError(
                f"{trial.name}: {name}{list(place)} gets the gradient {gradient[place]:.6g} from "
                "an upstream of zeros, expected exactly 0; dy must be a factor of every gradient",
                *(name, place, float(gradient[place]), 0.0),
            )
    return HOLDS


def nan_where_off(trial: Trial) -> str:
    """Outputs that are 0, stay 0 when all arguments move a little, and pass nothing on, are off.

    That NaN comes through is a note at most: multiplying by a mask is right for all finite numbers,
    and PyTorch's own dropout does it.
    """
    if trial.pristine.is_loss or not trial.y.any():
        return "not applicable"
    copy, moved = trial.fresh(), dict(trial.point)
    for name in [*copy.parameters, *trial.differentiated]:
        moved[name] = moved[name] + 1e-6 * trial.rng.standard_normal(moved[name].shape)
    off = (trial.y == 0) & (copy.forward(moved) == 0)
    passed_on = copy.gradients(trial.point, np.where(off, trial.dy, 0.0))
    if not off.any() or any(gradient.any() for gradient in passed_on.values()):
        return "no output is off"
    nothing = copy.gradients(trial.point, np.where(off, 0.0, trial.dy))
    spoilt = copy.gradients(trial.point, np.where(off, np.nan, trial.dy))
    spread = [n for n, gradient in spoilt.items() if not np.array_equal(gradient, nothing[n])]
    if spread:
        return (
            f"note: NaN spreads to {', '.join(spread)}, for 0 * NaN is NaN; np.where(on, dy, 0) "
            "keeps it out"
        )
    return HOLDS


def any_memory_layout(trial: Trial) -> str:
    copy = trial.fresh()
    right = copy.gradients(trial.point, trial.dy)
    layouts: dict[str, Callable[[Array], Array]] = {
        "Fortran-order": np.asfortranarray,
        "strided": _strided,
    }
    for layout, arranged in layouts.items():
        point = dict(trial.point)
        for name in copy.input_names:
            point[name] = arranged(point[name])
        how = f"wrong for {layout} arrays; index by axes, not by the order in memory"
        outputs = {"the output": copy.forward(point)}, {"the output": trial.y}
        _same(trial, *outputs, f"for {layout} arrays", how)
        dy = arranged(trial.dy) if trial.dy.ndim else trial.dy
        _same(trial, copy.gradients(point, dy), right, f"for {layout} arrays", how)
    return HOLDS


def _same(
    trial: Trial, got: Mapping[str, Array], right: Mapping[str, Array], where: str, how: str
) -> None:
    for name, gradient in got.items():
        both_nan = np.isnan(gradient) & np.isnan(right[name])
        allowed = ROUNDING * np.abs(right[name]).max(initial=0)
        wrong = ~(np.abs(gradient - right[name]) <= allowed) & ~both_nan
        if wrong.any():
            place = _first(wrong)
            raise GradientError(
                f"{trial.name}: {name}{list(place)} is {gradient[place]:.6g}, expected "
                f"{right[name][place]:.6g} {where}: {how}",
                *(name, place, float(gradient[place]), float(right[name][place])),
            )


def _unchanged(trial: Trial, who: str, arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        if not np.array_equal(array, trial.point[name]):
            raise GradientError(
                f"{trial.name}: {who} changes {name} in place; compute into a new array", name
            )


def _weights(copy: Copy) -> dict[str, Array]:
    return {name: parameter.data for name, parameter in copy.parameters.items()}


def _is_same_memory(a: object, b: Array) -> bool:
    """Whether `a` is the array `b`, be it in another wrapping."""
    if not isinstance(a, np.ndarray):
        return False
    return (a.ctypes.data, a.shape, a.strides) == (b.ctypes.data, b.shape, b.strides)


def _first(where: Array) -> tuple[int, ...]:
    return tuple(int(index) for index in np.argwhere(where)[0])


def _strided(x: Array) -> Array:
    return np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x


RULES_BEFORE = (
    Rule("inputs, weights and upstream are not changed or returned", nothing_changed_or_returned),
    Rule("forward gives one output for one input", same_output_twice),
    Rule("forward computes in float64", computes_in_float64),
    Rule("what has a gradient is a Parameter", weights_are_parameters),
    Rule("the latest forward counts", latest_forward_counts),
)
RULES_AFTER = (
    Rule("two backward passes accumulate exactly twice", accumulates),
    Rule("zero upstream gives exact zeros", zero_upstream),
    Rule("NaN upstream of an output that is off gives 0", nan_where_off),
    Rule("Fortran-order and strided arrays give the same", any_memory_layout),
    Rule("one row alone (N = 1) is right", one_row),
    Rule("another number of rows is right", another_number_of_rows),
    Rule("right after the weights were changed in place", changed_weights),
    Rule("inputs and parameters far out (up to +-50)", far_out),
    Rule("small integers, bit for bit", exact_for_integers),
    Rule("the slope at exactly 0", convention_at_zero),
)
