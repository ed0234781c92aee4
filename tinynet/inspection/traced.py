"""What a traced step holds: its batch, its loss, and every layer's numbers.

Printed, a trace is a table; ``explain`` writes out one unit's chain rule with its real numbers,
``plot`` draws the layers; ``to_html`` makes a page of it all to walk through, and ``show`` shows
that page in a notebook.
``tinynet/inspection/tracing.py`` takes the step.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tinynet.inspection.explain import explain
from tinynet.inspection.layer_trace import LayerTrace, norm
from tinynet.module import Module
from tinynet.support.checks import whole_number
from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tinynet.pages import Page


@dataclass(frozen=True, repr=False)
class Trace:
    """One forward and backward pass, and the update after it; printed, a table.

    Attributes
    ----------
    net, loss_fn : Module
        What was traced.
    X, y : ndarray
        The batch, in the shapes that were given.
    output : ndarray (N, O)
        What the network made of it.
    loss : float
    layers : list of LayerTrace
        In the order in which forward called them.
    at_loss : LayerTrace
        The loss, as one more layer: its inputs are the network's output and the target.
    steps : list of Trace
        This step and those after it.

    Examples
    --------
    >>> X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
    >>> net = tn.Sequential(tn.Linear(4, 3, rng=0), tn.LogSoftmax())
    >>> trace = tn.trace(net, tn.NLLLoss(), X, y, tn.SGD(net.parameters(), lr=0.1))
    >>> [layer.name for layer in trace.layers]
    ['0', '1']
    >>> np.allclose(trace.loss, tn.NLLLoss()(net(X), y))
    True
    """

    net: Module
    loss_fn: Module
    X: Array
    y: Array
    output: Array
    loss: float
    layers: list[LayerTrace]
    at_loss: LayerTrace
    steps: "list[Trace]" = field(default_factory=list)

    def layer(self, which: int | str) -> LayerTrace:
        """The layer at position `which` in ``layers``, or of that name; ``"loss"`` is ``at_loss``.

        Raises
        ------
        IndexError, KeyError
            If there is no such layer; the message lists those there are.
        """
        names = [layer.name for layer in self.layers]
        if isinstance(which, str) and which not in names:
            if which == self.at_loss.name:
                return self.at_loss
            known = [*names, self.at_loss.name]
            raise KeyError(f"trace: no layer is named {which!r}; the layers are {known}")
        position = names.index(which) if isinstance(which, str) else which
        if not -len(names) <= position < len(names):
            raise IndexError(f"trace: no layer {which}; there are {len(names)}: {names}")
        return self.layers[position]

    def explain(
        self,
        layer: int | str,
        sample: int = 0,
        unit: int | tuple[int, ...] = 0,
        terms: int = 5,
    ) -> str:
        """One unit's line of the chain rule, forward and backward, with its real numbers.

        Parameters
        ----------
        layer : int or str
            The position in ``layers``, or the name; ``"loss"`` tells where the gradients begin.
        sample : int
            The row of the batch.
        unit : int or tuple of int
            The column of the layer's output; of the network's output for the loss. In pictures, the
            channel, row and column ``(c, i, j)``, or the position in the flattened row.
        terms : int
            How many of a sum's terms are written out, the largest first; the rest is summed.

        Returns
        -------
        str
            Some lines of text.

        Raises
        ------
        IndexError, KeyError, ValueError
            If there is no such layer, sample or unit, or `terms` is not a positive int.
        """
        whole_number("explain", "terms", terms, 1)
        return explain(self.layers, self.loss_fn, self.layer(layer), sample, unit, terms)

    def plot(self) -> "Figure":
        """Draw activations and gradients layer by layer, and a first layer's weights as pictures.

        The pictures appear if the first layer is Linear, or one that is wired as it, on square
        images, such as 28 x 28.

        Returns
        -------
        matplotlib Figure
        """
        from tinynet.plots.traces import trace_figure

        return trace_figure(self)

    def to_html(
        self,
        path: str | os.PathLike[str],
        title: str = "X-ray of a training step",
        features: Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
    ) -> None:
        """Write the X-ray: one HTML file, without a server or a network, to walk through the step.

        Forward, loss, backward and update follow one another by buttons or arrow keys; a unit
        shows its numbers and its chain rule. Of many `steps`, as many as fit are on the page,
        evenly chosen, the first and the last among them. Numbers are float32, updates and the
        weights after step 0 rounded to 3 digits.

        An input is drawn as a picture if its rows are (C, H, W), (H, W), or as many numbers as a
        square of at least 8 x 8 has pixels; with 3 channels in colour. Any other, and one whose
        features have names, is drawn as bars. Layers of pictures are drawn as maps, one for each
        channel, and a unit that reads a window shows it (``told_window``).

        Parameters
        ----------
        path : str or path-like
            The file to write; its folder must exist.
        title : str
        features, classes : sequence of str, optional
            The names of the input's columns, and of the network's outputs.

        Raises
        ------
        TypeError, ValueError
            If the page would be larger than 2 MB, a number is NaN or infinite, or there is not one
            name for each feature or class.
        OSError
            If the file cannot be written.
        """
        from tinynet.pages.xray import xray

        xray("to_html", self, title, features, classes).write(path)

    def show(
        self,
        features: Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
        height: int = 900,
    ) -> "Page":
        """The X-ray for a notebook, as the last line of a cell; see ``to_html``.

        Parameters
        ----------
        features, classes : sequence of str, optional
            As in ``to_html``.
        height : int
            Of the frame in the notebook, in pixels.

        Returns
        -------
        Page
            Which the notebook shows; ``.write(path)`` saves it.

        Raises
        ------
        TypeError, ValueError
            As in ``to_html``.
        """
        from tinynet.pages.xray import xray

        whole_number("show", "height", height, 1)
        page = xray("show", self, "X-ray of a training step", features, classes)
        page.height = height
        return page

    def __str__(self) -> str:
        head = ("layer", "", "output", "mean", "spread", "dead", "|dy|", "|dW|", "update/W")
        rows = [head]
        for part in self.layers:
            y, dead = part.output, part.dead
            rows.append(
                (
                    part.name,
                    repr(part.layer),
                    " x ".join(map(str, y.shape)),
                    f"{y.mean():.3g}",
                    f"{y.std():.3g}",
                    "" if dead is None else f"{100 * dead:.0f} %",
                    f"{norm([part.dy]):.2e}",
                    "" if part.grad_norm is None else f"{part.grad_norm:.2e}",
                    "" if part.update_ratio is None else f"{part.update_ratio:.1e}",
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if column < 3 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, f"loss {self.loss:.6g}, {self.loss_fn!r} of {len(self.X)} rows"])

    __repr__ = __str__
