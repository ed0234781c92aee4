"""Colours and figure sizes that all rooms of ``tinynet.plots`` share.

The palette is from M. Okabe and K. Ito, "Color Universal Design" (2008). A figure is 8 inches
wide at 100 dots per inch, 800 pixels, which is the width a README gives it.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure, SubFigure

BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
GREY = "#7F7F7F"
PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)

WIDTH = 8.0
DPI = 100


P = ParamSpec("P")
F = TypeVar("F", bound="Figure | SubFigure")


def own_style(draw: Callable[P, F]) -> Callable[P, F]:
    """Draw with matplotlib's own settings, whatever the program has set; and leave these as set.

    Pictures upside down (``image.origin``), white text on white or a grid over digits would be the
    price otherwise. Where the program hands over its own axes, its settings hold.
    """

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> F:
        import matplotlib.pyplot as plt
        from matplotlib.axes import Axes

        if any(isinstance(value, Axes) for value in (*args, *kwargs.values())):
            return draw(*args, **kwargs)
        with plt.style.context("default"):
            figure = draw(*args, **kwargs)
            for ax in figure.axes:
                for axis in (ax.xaxis, ax.yaxis):  # which make ticks when they are first asked for
                    axis.get_major_ticks(1)
                    axis.get_minor_ticks(1)
        return figure

    return drawn


def plain_log_ticks(axis: "Axis") -> None:
    """Label a logarithmic axis by plain numbers instead of powers of ten; a short one by more."""

    def between_tens(value: float, position: float) -> str:
        low, high = axis.get_view_interval()
        return f"{value:g}" if high < 1000 * low and f"{value:e}"[0] in "25" else ""

    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(between_tens)


def new_figure(
    rows: int, columns: int, height: float, width: float = WIDTH
) -> "tuple[Figure, Array]":
    """Make a figure, its size in inches; its axes come as an array `(rows, columns)`."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height), dpi=DPI, squeeze=False, layout="constrained"
    )
    return figure, axes
