"""Rules about special places: one row, other weights, small integers, exactly 0.

The gradient is checked there too, because that is where a backward pass that is right elsewhere
goes wrong: an axis of length 1 that vanishes, weights copied too early, a kink.
"""

from collections.abc import Callable

import numpy as np

from tinynet.gradcheck.copies import Point
from tinynet.gradcheck.differences import Differences, one_sided, unit
from tinynet.gradcheck.mistakes import explain
from tinynet.gradcheck.raised import is_refusal
from tinynet.gradcheck.report import HOLDS, GradientError
from tinynet.gradcheck.trial import Trial
from tinynet.support.types import Array


def one_row(trial: Trial) -> str:
    rows = trial.rows_in_common()
    for row in range(rows):
        point = trial.take_rows(slice(row, row + 1))
        if row + 1 == rows or trial.finite_output(point) is not None:
            return _holds_at(trial, point, "for one row (N = 1)")
    return "the inputs have no rows in common"


def another_number_of_rows(trial: Trial) -> str:
    rows = trial.rows_in_common()
    if rows > 2:
        return _holds_at(trial, trial.take_rows(slice(rows - 1)), f"for {rows - 1} rows")
    if rows == 0 or trial.other is None:
        return "the inputs have no rows in common"
    both = {
        name: np.concatenate([trial.point[name], trial.other[name]])
        for name in trial.pristine.input_names
    }
    return _holds_at(trial, trial.point | both, f"for {2 * rows} rows")


def changed_weights(trial: Trial) -> str:
    if not trial.pristine.parameters:
        return "no parameters"
    if trial.other is None:
        return "not checked: forward knows no other weights"
    point = trial.point | {name: trial.other[name] for name in trial.pristine.parameters}
    return _holds_at(trial, point, "after the weights changed in place, as an optimizer does it")


def exact_for_integers(trial: Trial) -> str:
    """Where the output is exactly linear in one argument, its gradient can be exact too.

    Small integers and steps of a power of two make sums and products without rounding. That the
    function is linear shows in its values: as far up as down, to the last bit.
    """
    copy, point, step = trial.fresh(), dict(trial.point), 2.0**-18
    for name in [*copy.parameters, *trial.differentiated]:
        point[name] = _small_integers(trial, point[name].shape)
        if name in copy.parameters and point[name].ndim == 1:
            point[name] += 0.5  # so that hardly a sum is 0, where a ReLU has its kink
    y = trial.finite_output(point)
    if y is None or not copy.takes_dy:
        return "not applicable"
    dy = _small_integers(trial, y.shape)
    differences, exact = Differences(copy, point, dy), []
    for name, gradient in differences.gradients.items():
        directions = [
            trial.rng.integers(-50, 51, gradient.shape).astype(np.float64) for _ in range(3)
        ]
        # where a coordinate is inexact, as 1/6 is, the function may be so, but for these sums
        inexact = np.argwhere(gradient * 2.0**20 % 1 != 0)[:1]
        directions += [unit(gradient.shape, tuple(map(int, place))) for place in inexact]
        rises = [differences.exact_rise(name, direction, step) for direction in directions]
        if any(rise is None for rise in rises):
            continue
        exact.append(name)
        for direction, rise in zip(directions, rises, strict=True):
            got, right = float((gradient * direction).sum()), float((rise * dy).sum() / step)
            if got != right:
                raise GradientError(
                    f"{trial.name}: for small integers, where arithmetic is exact, the gradient of "
                    f"{name} along a direction is {got:.17g}, expected exactly {right:.17g}; "
                    "a factor close to 1, or a rounding on the way, does not belong here",
                    *(name, None, got, right),
                )
    return f"holds for {', '.join(exact)}" if exact else "not applicable: not linear"


def convention_at_zero(trial: Trial) -> str:
    """At a kink at 0 the gradient must be a slope between the two sides'; 0 if one side is flat."""
    if any(True for _ in trial.pristine.module.children()):
        return "a matter of its layers; check them alone"
    found = [_convention(trial, name) for name in trial.differentiated]
    return ", ".join(sorted(set(filter(None, found)))) or "no kink at 0"


def _convention(trial: Trial, name: str) -> str | None:
    x = trial.point[name]
    if x.shape != trial.y.shape or x.size == 0:
        return None
    taken: set[str | None] = set()
    for flat in trial.rng.permutation(x.size)[: min(8, (x.size + 1) // 2)]:
        place = tuple(map(int, np.unravel_index(flat, x.shape)))
        at_zero, before = x.copy(), x.copy()
        at_zero[place] = 0  # one at a time: two zeros are a tie, where sort and max have kinks
        before[place] = -0.01
        point = trial.point | {name: at_zero}
        if (
            trial.finite_output(point) is None
            or trial.finite_output({**point, name: before}) is None
        ):
            continue  # forward refuses it, as a loss of probabilities does
        differences = Differences(trial.fresh(), point, trial.dy)
        got = float(differences.gradients[name][place])
        along = differences.along(name, unit(x.shape, place))
        sides = [one_sided(along, differences.y, h) for h in (-1e-3, 1e-3)]
        left, right = (float((slope * trial.dy).sum()) for slope, _ in sides)
        doubt = sum(abs(float((rest * trial.dy).sum())) for _, rest in sides)
        size = max(abs(left), abs(right), 1e-3 * float(np.linalg.norm(trial.dy)))
        if not doubt <= 1e-6 * size:
            continue  # another kink is near, or no derivative at all
        if _is_clamp(along, left, right, got, 1e-5 * size):
            taken.add("takes the slope within the bounds, as PyTorch's clamp does")
        else:
            taken.add(_side(trial, name, place, got, left, right, 1e-5 * size))
    return " or ".join(sorted(filter(None, taken)))


def _is_clamp(
    along: Callable[[float], Array], left: float, right: float, got: float, close: float
) -> bool:
    """Whether the gradient is the slope within two bounds, of which 0 is one; both is right then.

    A ReLU has one bound only: there, 0 is the slope that all take.
    """
    flat, inside = sorted((left, right), key=abs)
    if abs(flat) > close or abs(inside) <= close or abs(got - inside) > close:
        return False
    way = 1.0 if inside == right else -1.0
    return any(np.array_equal(along(way * far), along(2 * way * far)) for far in (1e2, 1e4))


def _side(
    trial: Trial,
    name: str,
    place: tuple[int, ...],
    got: float,
    left: float,
    right: float,
    close: float,
) -> str | None:
    """How the gradient at a kink is chosen, or None if there is no kink."""
    low, high = min(left, right), max(left, right)
    kink = high - low > close
    flat = kink and min(abs(left), abs(right)) <= close
    slopes = {
        "the left-hand slope": left,
        "the right-hand slope": right,
        "the mean of both slopes": (left + right) / 2,
    }
    chosen = next((words for words, slope in slopes.items() if abs(got - slope) <= close), None)
    if not low - close <= got <= high + close or (flat and abs(got) > close):
        fix = f"the slopes are {left:.6g} on the left and {right:.6g} on the right"
        if flat:
            fix = "expected 0, the slope of the flat side, as tn.ReLU and PyTorch take it"
        raise GradientError(
            f"{trial.name}: at exactly 0, {name}{list(place)} gets the gradient {got:.6g}, which "
            f"is {chosen or 'no slope of either side'}; {fix}",
            *(name, place, got, 0.0 if flat else left),
        )
    if not kink:
        return None
    return "takes 0, the flat side" if flat else f"takes {chosen or 'a value between both slopes'}"


def _holds_at(trial: Trial, point: Point, where: str) -> str:
    """Check every gradient at another point, along two directions each."""
    copy = trial.fresh()
    copy.gradients(trial.point, trial.dy)  # whatever it leaves behind must not matter
    try:
        y = copy.forward(point)
        if not np.isfinite(y).all():
            return "not checked: the output is not finite there"
        differences = Differences(copy, point, trial.upstream(y))
    except GradientError as error:
        if is_refusal(error.__cause__):
            return f"not checked: forward refuses it ({error.__cause__})"
        raise GradientError(f"{error} ({where})", error.argument) from error
    for name, gradient in differences.gradients.items():
        directions = [unit(gradient.shape, trial.rng) for _ in range(2)]
        probes = [differences.probe(name, direction) for direction in directions]
        verdicts = {probe.verdict for probe in probes}
        if "wrong" in verdicts:
            raise explain(differences, name, probes, trial.rng, f" {where}")
        if "undecided" in verdicts:
            return f"undecided for {name}"
    return HOLDS


def _small_integers(trial: Trial, shape: tuple[int, ...]) -> Array:
    return trial.rng.choice([-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0], shape)
