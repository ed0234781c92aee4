"""Is this backward pass right? Proof for tinynet's own layers, and the same proof for yours.

A derivative says what a small change does, so it can be checked by making small changes. Here that
is done to twelve digits, in ``differences.py``. But a wrong layer can have a right derivative once
and a wrong one the second time, so ``rules.py`` holds what no derivative shows; ``mistakes.py``
finds the words for what went wrong, and ``copies.py`` keeps the reader's own layer out of it.
"""

from typing import Any

import numpy as np

from tinynet.gradcheck.differences import Differences, unit
from tinynet.gradcheck.mistakes import explain
from tinynet.gradcheck.report import GradientError as GradientError
from tinynet.gradcheck.report import GradientReport as GradientReport
from tinynet.gradcheck.report import Probe, Row, Rule
from tinynet.gradcheck.rules import RULES_AFTER, RULES_BEFORE
from tinynet.gradcheck.trial import Trial
from tinynet.module import Module

EVERY_COORDINATE = 200
"""Arrays up to this size are checked in every coordinate, larger ones along random directions."""

DIRECTIONS = 6


def check_gradients(
    module: Module, *inputs: Any, rng: int | np.random.Generator | None = 0
) -> GradientReport:
    """Check the backward pass of a layer, a loss, a Sequential or any Module of your own.

    All of it happens on float64 copies, in the mode that `module` is in (``module.eval()``); it and
    the inputs stay as they are. In a test of
    your own layer, one line is enough::

        assert tn.check_gradients(MyLayer(), (5, 7)).passed

    Parameters
    ----------
    module : Module
    *inputs : ndarray, or tuple of int
        What forward is called on. A tuple is a shape, filled with standard normal numbers. Arrays
        of integers or bools, such as labels, are handed on and not differentiated. Numbers should
        be of ordinary size, up to about 30; rows come first. An array within [0, 1] is taken for
        probabilities, and never replaced by larger numbers.
    rng : int, numpy.random.Generator or None
        Draws the upstream gradients, the directions, and the numbers of a shape.

    Returns
    -------
    GradientReport
        Its ``passed`` is True if every parameter and input is right and every rule holds. What
        cannot be decided, because the function has a kink or a jump there, is printed as undecided
        and does not pass.

    Raises
    ------
    GradientError
        If something is wrong. The message names the parameter or input, the coordinate, both
        values, and the mistake that fits; ``error.report`` is the report so far.
    TypeError
        If `module` is no Module, an input no array, or if forward refuses float64.
    ValueError
        If an input or forward's output is not finite, if there is nothing to differentiate, or if
        a parameter stands where no walk over the module finds it.

    Notes
    -----
    The gradient of ``(y * dy).sum()``, for one dense random upstream dy, is compared with central
    differences at h = 0.01, h/2 and h/4, extrapolated to the sixth order (Richardson 1911). It is
    right if they differ by at most 1e-10 of the gradient's norm, or by no more than the rounding
    errors of the differences themselves. Where a probe crosses a kink (a ReLU switches, or the
    three levels disagree), h is made smaller; then it is probed from one side; then for each row of
    the upstream alone.

    The same is done for parameters and inputs of up to +-50, as far as the function can be followed
    there. Arrays of floats that are no Parameters are taken as constants, and listed, unless
    backward writes what looks like their gradient: that is an error.

    A loss may return the derivative with respect to its first input alone.
    """
    if not isinstance(module, Module):
        hint = "; call it to make a layer" if isinstance(module, type) else ""
        raise TypeError(f"check_gradients: got {module!r}, expected a Module{hint}")
    generator = np.random.default_rng(rng)
    report = GradientReport(repr(module))
    with np.errstate(all="ignore"):
        try:
            _check(Trial(module, inputs, generator), report)
        except GradientError as error:
            error.report = report
            raise
    return report


def _check(trial: Trial, report: GradientReport) -> None:
    def keep(rules: tuple[Rule, ...]) -> None:
        for rule in rules:
            report.rules[rule.title] = "BROKEN"
            report.rules[rule.title] = rule.check(trial)

    keep(RULES_BEFORE)
    differences = Differences(trial.fresh(), trial.point, trial.dy)
    wrong = []
    for name, gradient in differences.gradients.items():
        probes = _probes(differences, name, gradient.size, trial.rng)
        row = Row(name, gradient.shape, probes, gradient.size <= EVERY_COORDINATE)
        report.rows.append(row)
        if row.verdict == "WRONG":
            wrong.append((name, probes))
    if wrong:
        raise explain(differences, *wrong[0], trial.rng)
    keep(RULES_AFTER)


def _probes(
    differences: Differences, name: str, size: int, rng: np.random.Generator
) -> list[Probe]:
    shape = differences.gradients[name].shape
    if size <= EVERY_COORDINATE:
        directions = (unit(shape, index) for index in np.ndindex(shape))
    else:
        directions = (unit(shape, rng) for _ in range(DIRECTIONS))
    return [differences.probe(name, direction) for direction in directions]


__all__ = ["GradientError", "GradientReport", "check_gradients"]
