"""Far out: is the gradient still right for inputs and parameters of up to +-50?

A function may change its formula where no ordinary number gets: ReLU6 is cut at 6, a softplus turns
straight at 20. So each argument is also filled with numbers of all sizes from the usual ones up to
50, of both signs unless it has but one. Where the function overflows or cannot be decided, it is
tried less far out. A gradient that has all but vanished there is compared with its usual size.
"""

from collections.abc import Mapping

import numpy as np

from tinynet.gradcheck.copies import Point
from tinynet.gradcheck.differences import Differences, unit
from tinynet.gradcheck.mistakes import explain
from tinynet.gradcheck.report import HOLDS, GradientError
from tinynet.gradcheck.trial import Trial
from tinynet.support.types import Array

REACHES = (50, 20, 8)
NUMBERS = 128
"""So many numbers at least are tried, in as many draws as that takes."""


def far_out(trial: Trial) -> str:
    said = []
    usual = trial.fresh().gradients(trial.point, trial.dy)
    sizes = {name: float(np.linalg.norm(gradient)) for name, gradient in usual.items()}
    groups = {name: [name] for name in trial.differentiated}
    if trial.pristine.parameters:
        groups["parameters"] = list(trial.pristine.parameters)
    for group, names in groups.items():
        if names == [group] and trial.is_bounded(group):
            said.append(f"not for {group}, which is within [0, 1]")
            continue
        reached = next(
            (reach for reach in REACHES if _holds_up_to(trial, names, reach, sizes)), None
        )
        if reached is None:
            said.append(f"not for {group}: nothing can be decided there")
        elif reached < REACHES[0]:
            said.append(f"{group} up to {reached}")
    return f"{HOLDS}; {', '.join(said)}" if said else HOLDS


def _holds_up_to(trial: Trial, names: list[str], reach: float, sizes: Mapping[str, float]) -> bool:
    """Whether every gradient is right there; False if it cannot be told."""
    largest = max(trial.point[name].size for name in names)
    draws = max(1, -(-NUMBERS // max(1, largest)))
    who = names[0] if len(names) == 1 else "the parameters"
    spread = {name: _spread(trial, trial.point[name], reach, draws) for name in names}
    decided = True
    for draw in range(draws):
        point = trial.point | {name: values[draw] for name, values in spread.items()}
        if trial.finite_output(point) is None:
            return False
        what, probes = f"{who} of up to +-{reach}", 1 if draws > 1 else 2
        decided &= _holds_at(trial, point, what, sizes, probes)
    return decided


def _holds_at(
    trial: Trial, point: Point, what: str, sizes: Mapping[str, float], n_probes: int
) -> bool:
    copy = trial.fresh()
    try:
        differences = Differences(copy, point, trial.upstream(copy.forward(point)), sizes)
    except GradientError as error:
        raise GradientError(f"{error} (for {what})", error.argument) from error
    for name, gradient in differences.gradients.items():
        probes = [differences.probe(name, unit(gradient.shape, trial.rng)) for _ in range(n_probes)]
        verdicts = {probe.verdict for probe in probes}
        if "wrong" in verdicts:
            raise explain(differences, name, probes, trial.rng, f" for {what}", trial.point)
        if "undecided" in verdicts:
            return False
    return True


def _spread(trial: Trial, x: Array, reach: float, draws: int) -> Array:
    """For each draw an array like `x`, of numbers from its usual size up to `reach`."""
    size = draws * x.size
    usual = float(np.median(np.abs(x))) if x.size else 0.0
    start = usual if 0 < usual < reach / 2 else reach / 50
    numbers = np.geomspace(start, reach, size // 2 + 1) * trial.rng.uniform(0.98, 1, size // 2 + 1)
    numbers = np.concatenate([numbers, -numbers])[:size]
    if (x >= 0).all() or (x <= 0).all():
        numbers = np.abs(numbers) * (1 if (x >= 0).all() else -1)
    return trial.rng.permutation(numbers).reshape(draws, *x.shape)
