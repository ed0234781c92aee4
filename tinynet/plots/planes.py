"""Which class a network says at every point of the plane: two inputs fit on a sheet of paper.

Where it changes its mind runs the decision boundary. A single layer's is a straight line, since its
score is ``w1 * x1 + w2 * x2 + b``; a hidden layer bends it.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tinynet.module import Module
from tinynet.plots.style import MARKERS, PALETTE, legend_columns, new_figure, own_style
from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FINENESS = 321  # points of the grid along each side
SHADES = 6  # of each class besides white; so few that a picture of 128 colours has them all
EDGE = 0.15  # what lies beyond the outermost points, as a share of their range
STRONGEST = 0.5  # of a class's colour where the network is sure; the points have all of it
FEW_POINTS = 20


class Plane(NamedTuple):
    """One panel of `decision_boundary`.

    Attributes
    ----------
    title : str
    answer : Module, or function of an array `(N, 2)`
        A network is asked in evaluation, and stays as it is. One output, `(N,)` or `(N, 1)`, is the
        probability of class 1; of C outputs, `(N, C)`, each is the probability, log-probability or
        score of its class.
    X : array `(N, 2)`
        The points drawn; the panel reaches a little farther than they do. `answer` is given points
        of their dtype.
    y : array of int `(N,)` or `(N, 1)`
        Their classes.
    logits : bool
        The one output is a score, as for BCEWithLogitsLoss: a Sigmoid comes after it.
    """

    title: str
    answer: Module | Callable[[Array], ArrayLike]
    X: ArrayLike
    y: ArrayLike
    logits: bool = False


@own_style
def decision_boundary(
    planes: Sequence[Plane],
    class_names: Sequence[str] | None = None,
    title: str = "What the network says of every point",
    columns: int = 3,
    axes_names: tuple[str, str] = ("first input", "second input"),
) -> "Figure":
    """Draw the likeliest class of every point of a plane, the boundaries, and points on top.

    A place has the colour of its likeliest class, the stronger, the likelier that is; it is white
    where all classes are equally likely. The boundary is black.

    Parameters
    ----------
    planes : sequence of Plane
        One panel each.
    class_names : sequence of C str, optional
        C is 2 for an answer of one output. Default: "class 0" and so on, as there are labels.
    title : str
    columns : int
        Panels per row.
    axes_names : tuple of two str
        What the two inputs are.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        No plane, arrays whose shapes do not fit, a label that is no class, or an answer that is not
        one finite number, or C, for each point; one output outside `[0, 1]` without `logits`.
    """
    if len(planes) == 0:
        raise ValueError("decision_boundary: expected at least one Plane")
    if columns < 1:
        raise ValueError(f"decision_boundary: columns = {columns} must be at least 1")
    drawn = [(plane, *_points(plane)) for plane in planes]
    if class_names is None:
        highest = max(1, *(int(y.max()) for _, _, y in drawn))
        class_names = [f"class {c}" for c in range(highest + 1)]
    C = len(class_names)
    for plane, _, y in drawn:
        if strange := set(y.tolist()) - set(range(C)):
            raise ValueError(
                f"decision_boundary: {plane.title!r} has the label {min(strange)}, expected 0 to "
                f"{C - 1}, one for each of the class_names"
            )
    fields = [_field(plane, X, C) for plane, X, _ in drawn]

    columns = min(columns, len(planes))
    rows = -(-len(planes) // columns)
    panel = 2.45 if columns > 2 else 3.4  # inches
    figure, axes = new_figure(rows, columns, height=1.0 + (panel + 0.3) * rows)
    for k, ax in enumerate(axes.flat):
        if k >= len(planes):
            ax.remove()
            continue
        (plane, X, y), (x1, x2, probabilities) = drawn[k], fields[k]
        extent = (x1[0], x1[-1], x2[0], x2[-1])
        look: dict[str, Any] = {"origin": "lower", "aspect": "auto"}
        ax.imshow(_shades(probabilities), extent=extent, **look)
        for c in range(C if C > 2 else 1):
            rivals = np.delete(probabilities, c, axis=2).max(axis=2)
            lead = probabilities[:, :, c] - rivals
            if lead.min() < 0 < lead.max():
                ax.contour(x1, x2, lead, [0], colors="black", linewidths=1.8)
        size = 110 if len(X) <= FEW_POINTS else 16
        for c, name in enumerate(class_names):
            style: dict[str, Any] = {"marker": MARKERS[c % 6], "color": PALETTE[c % len(PALETTE)]}
            style |= {"edgecolors": "black", "linewidths": 0.6, "zorder": 3}
            ax.scatter(*X[y == c].T, s=size, label=name, **style)
        ax.set(xlim=extent[:2], ylim=extent[2:], title=plane.title)
        ax.set_box_aspect(1)
        if k % columns == 0:
            ax.set_ylabel(axes_names[1])
        if k + columns >= len(planes):
            ax.set_xlabel(axes_names[0])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    handles.append(_line())
    labels.append("boundary")
    figure.legend(
        *(handles, labels),
        loc="outside lower center",
        ncols=min(len(labels), legend_columns(labels)),
        frameon=False,
        markerscale=1 if len(drawn[0][1]) <= FEW_POINTS else 1.6,
    )
    figure.suptitle(title)
    return figure


def _points(plane: Plane) -> tuple[Array, Array]:
    """The points `(N, 2)` and their labels `(N,)`, checked."""
    X, y = np.asarray(plane.X), np.asarray(plane.y)
    if X.ndim != 2 or X.shape[1] != 2 or len(X) == 0 or y.shape not in ((len(X),), (len(X), 1)):
        raise ValueError(
            f"decision_boundary: {plane.title!r} has X of shape {X.shape} and y of shape {y.shape},"
            " expected (N, 2) and (N,), one label per point"
        )
    if not np.isfinite(X).all():
        raise ValueError(f"decision_boundary: X of {plane.title!r} holds NaN or infinity")
    y = y.reshape(-1)
    if y.dtype.kind not in "biuf" or not (y % 1 == 0).all() or y.min() < 0:
        raise ValueError(
            f"decision_boundary: y of {plane.title!r} holds {y.min()} to {y.max()}, expected whole "
            "numbers from 0 on, the classes"
        )
    return X if X.dtype.kind == "f" else X.astype(np.float64), y.astype(np.int64)


def _field(plane: Plane, X: Array, classes: int) -> tuple[Array, Array, Array]:
    """The grid's places along both axes, and the probability of every class at each, (R, R, C)."""
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    beyond = EDGE * np.where(high > low, high - low, 1)
    x1, x2 = np.linspace(low - beyond, high + beyond, FINENESS).T
    grid = np.stack(np.meshgrid(x1, x2), axis=-1).reshape(-1, 2).astype(X.dtype)
    answer = plane.answer.predict if isinstance(plane.answer, Module) else plane.answer
    outputs = np.asarray(answer(grid), dtype=np.float64)
    where = f"decision_boundary: the answer of {plane.title!r}"
    one = classes == 2 and outputs.shape in ((len(grid),), (len(grid), 1))
    if not one and outputs.shape != (len(grid), classes):
        raise ValueError(
            f"{where} to {len(grid)} points has shape {outputs.shape}, expected "
            f"({len(grid)}, {classes})" + ", or one probability for each" * (classes == 2)
        )
    if not np.isfinite(outputs).all():
        raise ValueError(f"{where} holds NaN or infinity")
    if one:
        p = outputs.reshape(-1)
        if plane.logits:
            p = (1 + np.tanh(p / 2)) / 2  # the sigmoid, which never overflows
        elif not 0 <= p.min() <= p.max() <= 1:
            raise ValueError(
                f"{where} reaches from {p.min():.3g} to {p.max():.3g}, expected probabilities in "
                "[0, 1]; if it gives scores, say logits=True"
            )
        outputs = np.stack([1 - p, p], axis=1)
    elif outputs.min() < 0 or np.abs(outputs.sum(axis=1) - 1).max() > 1e-3:
        exp = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        outputs = exp / exp.sum(axis=1, keepdims=True)
    return x1, x2, outputs.reshape(FINENESS, FINENESS, classes)


def _shades(probabilities: Array) -> Array:
    """The colour of each place, (R, R, 3): white where all classes are equally likely."""
    from matplotlib.colors import to_rgb

    C = probabilities.shape[2]
    colours = np.array([to_rgb(PALETTE[c % len(PALETTE)]) for c in range(C)])
    chance = 1 / C
    surer = (probabilities.max(axis=2) - chance) / (1 - chance)
    share = STRONGEST * np.round(surer * SHADES)[:, :, None] / SHADES
    return 1 - share + share * colours[probabilities.argmax(axis=2)]


def _line() -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color="black", linewidth=1.8)
