"""A gradient that is wrong by a constant factor: is it N, the number of rows, or just a number?

Five may be the number of rows, or of columns, or the five that somebody wrote. A factor of N is
another one for a batch of one row less, so that is tried.
"""

from collections.abc import Iterator

import numpy as np

from tinynet.gradcheck.differences import Differences, unit
from tinynet.gradcheck.report import GradientError
from tinynet.support.types import Array


def best_factor(wrong: Array, right: Array) -> float:
    """The factor that brings `wrong` closest to `right`."""
    square = float((wrong**2).sum())
    return float((wrong * right).sum()) / square if square else 0.0


def factor_words(
    differences: Differences, name: str, factor: float, rng: np.random.Generator
) -> Iterator[str]:
    """What it may mean that the gradient of `name` must be multiplied by `factor`."""
    inputs = [differences.point[n] for n in differences.copy.input_names]
    N = len(next((x for x in inputs if np.ndim(x)), [0]))
    C = next((x.shape[-1] for x in inputs if np.ndim(x) > 1), 0)
    fewer = _factor_for_fewer_rows(differences, name, N, rng)
    sign, turned = (-1, ", and its sign is wrong") if factor < 0 else (1, "")
    for letters, size, size_for_fewer in (
        ("N", N, N - 1),
        ("C", C, C),
        ("N * C", N * C, N * C - C),
    ):
        for power in (-1, 1):
            if size <= 1 or not np.isclose(sign * factor, float(size) ** power, rtol=1e-6):
                continue
            expected = float(size_for_fewer) ** power
            if fewer is not None and not np.isclose(sign * fewer, expected, rtol=1e-6):
                continue
            unsure = f", unless it is just {size}" if fewer is None or letters == "C" else ""
            if power < 0:
                yield (
                    f"too large by a constant factor, {size}: a missing 1/({letters}){unsure}"
                    f"{turned}"
                )
            else:
                yield (
                    f"too small by a constant factor, {size}: divided by {letters} once too "
                    f"often, or a mean where a sum is meant{unsure}{turned}"
                )
    if np.isclose(factor, -1, rtol=1e-6):
        yield "the sign is wrong"
    yield f"a constant factor: all of it must be multiplied by {factor:.10g}"


def _factor_for_fewer_rows(
    differences: Differences, name: str, rows: int, rng: np.random.Generator
) -> float | None:
    """The factor for one row less; None if forward does not know that."""
    copy, point = differences.copy, dict(differences.point)
    if rows < 2 or any(np.ndim(point[n]) == 0 or len(point[n]) != rows for n in copy.input_names):
        return None
    point |= {n: point[n][:-1] for n in copy.input_names}
    try:
        y = copy.forward(point)
        dy = rng.standard_normal(y.shape) if y.ndim else differences.dy
        there = Differences(copy, point, dy)
    except GradientError:
        return None
    shape = there.gradients[name].shape
    probes = [there.probe(name, unit(shape, rng)) for _ in range(3)]
    wrong, right = (np.array(v) for v in zip(*((p.analytic, p.numeric) for p in probes)))
    return best_factor(wrong, right) or None
