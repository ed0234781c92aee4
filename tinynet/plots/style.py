"""What all figures share: one palette, one meaning for each colour, and sizes that can be read.

**As shown.** A figure is 8 inches wide and saved with 200 dots per inch, 1,600 pixels. A README or
a notebook shows it 800 pixels wide, and the finer dots serve sharp screens. Shown so, a point of
text is 800 / 8 / 72 = 1.39 pixels high, and the smallest text, `SMALL`, is 14. Wherever this
package or a test speaks of pixels as shown, it means these.

**Colours.** Signs have the colours of the X-ray page, in figures and pages alike:

========  =======  ======================================================================
`ABOVE`   orange   numbers above 0: activations, weights; and the way forward
`BELOW`   blue     numbers below 0
`UP`      magenta  gradients above 0: more of it, more loss; and the way backward
`DOWN`    green    gradients below 0: more of it, less loss
`RIGHT`   green    the true class, and so a right guess; a triangle points at it, too
`WRONG`   red      a wrong guess
`GREY`    grey     what is there, and not spoken of
========  =======  ======================================================================

Things that are only told apart, such as runs, optimizers and classes, take the colours of `PALETTE`
in their order, and a legend names them. Each also has a dash, a marker or a place of its own, so
that nothing is lost without colours. The palette is from M. Okabe and K. Ito, "Color Universal
Design" (2008).
"""

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure

ABOVE, BELOW = "#d97a00", "#0a6fb5"
UP, DOWN = "#b3246f", "#00805d"
RIGHT, WRONG = "#00694c", "#a8331b"
GREY = "#7F7F7F"

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9")
DASHES = ("-", "--", "-.", ":")
MARKERS = "osD^vP"
AMOUNTS = "cividis"  # the map of numbers that have no sign: the more, the brighter

WIDTH = 8.0  # inches
DPI = 100  # on a screen of one's own, and as shown
SAVED_DPI = 200
SHOWN_WIDTH = WIDTH * DPI  # pixels
SMALL = 10.1  # points: 14 pixels as shown

SIZES: dict[str, Any] = {
    "font.size": SMALL,
    "axes.titlesize": 11,
    "axes.labelsize": SMALL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "figure.titlesize": 12.5,
    "figure.dpi": DPI,
}

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
        with plt.style.context(["default", SIZES]):
            figure = draw(*args, **kwargs)
            for ax in figure.axes:
                for axis in (ax.xaxis, ax.yaxis):  # which make ticks when they are first asked for
                    axis.get_major_ticks(1)
                    axis.get_minor_ticks(1)
        return figure

    return drawn


def signed(below: str = BELOW, above: str = ABOVE) -> "Colormap":
    """The map from numbers to colours whose middle, 0, is white."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [below, "white", above])


def legend_columns(labels: Iterable[str]) -> int:
    """How many entries of a legend stand side by side below a figure."""
    letter, line = 0.08, 0.55  # inches: of the smallest text, and of the line before it
    return max(1, int(WIDTH / (line + letter * max(map(len, labels)))))


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
        rows, columns, figsize=(width, height), squeeze=False, layout="constrained"
    )
    return figure, axes
