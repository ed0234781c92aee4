"""Which cases of a test are run by default: the first few; the rest are slow tests."""

from collections.abc import Iterable
from typing import Any

import pytest


def slow_but(first: int, cases: Iterable[Any]) -> list[Any]:
    """Cases for ``parametrize``, of which all after the first so many are slow tests."""
    return [
        case
        if number < first
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for number, case in enumerate(cases)
    ]
