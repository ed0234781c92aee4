"""Colours and figure sizes that all rooms of ``tinynet.plots`` share.

The palette is from M. Okabe and K. Ito, "Color Universal Design" (2008). A figure is 8 inches
wide at 100 dots per inch, 800 pixels, which is the width a README gives it.
"""

from typing import TYPE_CHECKING

from tinynet._types import Array

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

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
