"""What a check of gradients says: a table when all is well, and one exact sentence when not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tinynet.support.types import Array

HOLDS = "holds"


class GradientError(Exception):
    """A backward pass is wrong; the message says where, by how much, and what mistake fits.

    Attributes
    ----------
    argument : str or None
        The parameter or input whose gradient is wrong, if it is that.
    coordinate : tuple of int or None
        Where in it.
    analytic, numeric : float or None
        What backward gives there, and what is right.
    report : GradientReport or None
        The report up to here.
    """

    def __init__(
        self,
        message: str,
        argument: str | None = None,
        coordinate: tuple[int, ...] | None = None,
        analytic: float | None = None,
        numeric: float | None = None,
    ) -> None:
        super().__init__(message)
        self.argument = argument
        self.coordinate = coordinate
        self.analytic = analytic
        self.numeric = numeric
        self.report: GradientReport | None = None


class Probe(NamedTuple):
    """One derivative, along one direction: what backward says of it, and what differences say."""

    direction: Array
    analytic: float
    numeric: float
    relative_error: float
    verdict: str
    outputs: Array
    """The derivative of each output, before it is weighted by dy and summed."""

    @property
    def error(self) -> float:
        return abs(self.analytic - self.numeric)


class Rule(NamedTuple):
    """What every backward pass keeps, though no derivative shows it.

    ``check`` returns the verdict, or raises GradientError.
    """

    title: str
    check: Callable[[Any], str]


@dataclass
class Row:
    """The line of one parameter or input."""

    argument: str
    shape: tuple[int, ...]
    probes: list[Probe]
    every_coordinate: bool

    @property
    def error(self) -> float:
        """The largest error of a probe, relative to the norm of the gradient."""
        return max((probe.relative_error for probe in self.probes), default=0.0)

    @property
    def verdict(self) -> str:
        """``right``, ``WRONG``, or how many probes are undecided."""
        verdicts = [probe.verdict for probe in self.probes]
        if "wrong" in verdicts:
            return "WRONG"
        undecided = verdicts.count("undecided")
        return f"undecided ({undecided} of {len(verdicts)})" if undecided else "right"


@dataclass
class GradientReport:
    """The result of `check_gradients`; ``print`` it for the table.

    Attributes
    ----------
    name : str
        What was checked.
    rows : list of Row
        One for each parameter and input.
    rules : dict of str to str
        Each structural rule and its verdict.

    Examples
    --------
    >>> report = tn.check_gradients(tn.Linear(3, 2), (4, 3))
    >>> [(row.argument, row.verdict) for row in report.rows]
    [('W', 'right'), ('b', 'right'), ('input x', 'right')]
    >>> report.passed
    True
    """

    name: str
    rows: list[Row] = field(default_factory=list)
    rules: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every gradient is right and no rule broken; undecided is not passed."""
        rules_hold = not any(
            verdict.startswith(("BROKEN", "undecided")) for verdict in self.rules.values()
        )
        rows_right = all(row.verdict == "right" for row in self.rows)
        return bool(self.rows) and rows_right and rules_hold

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        table = [("parameter or input", "shape", "checked", "largest error", "verdict")]
        for row in self.rows:
            checked = f"{len(row.probes)} directions"
            if row.every_coordinate:
                checked = "every coordinate"
            table.append((row.argument, str(row.shape), checked, f"{row.error:.1e}", row.verdict))
        rules = [("rule", "verdict"), *self.rules.items()]
        lines = [self.name, "", *_aligned(table), "", *_aligned(rules)]
        if self.passed:
            lines += ["", "All gradients are right."]
        return "\n".join(lines)


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]
