"""What is told of a layer: the little that tools cannot read from its code, as data of its class.

Trace, explanation, pages, plots, summary, doctor and gradient check know no layer by name. They
read these lines, which stand in the layer's class beside its equations. All have defaults: a layer
without any is traced, explained by its numbers, summarised and drawn, too.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from tinynet.support.types import Array


class Window(NamedTuple):
    """What one number of a layer's y is made of, in a row of its x: see ``told_window``.

    Attributes
    ----------
    reads : index
        ``x[reads]`` of one row of x is the window: ints, slices, arrays of ints, a tuple of them.
    weights : (str, index), number or array
        What each number of the window is multiplied with, in the same order: a parameter's name and
        the index of those weights in it, or constants.
    bias : (str, index) or None
        What is added to the sum: a parameter's name, and the index of a number in it.
    largest : bool
        Whether y is the window's largest number, the first of equals, and not its sum.
    """

    reads: Any
    weights: Any = 1.0
    bias: tuple[str, Any] | None = None
    largest: bool = False


class Description:
    """The data of a layer's class, and their defaults.

    They describe a forward, and go with it: a subclass that writes a forward of its own starts from
    the defaults again. ``expects`` stays, since it says what a loss is given.
    """

    equations: ClassVar[tuple[str, str] | None] = None
    """Forward and backward in NumPy notation: ``"y = max(x, 0)", "dx = where(y > 0, dy, 0)"``.

    By default, those of the docstring: its lines that begin with ``forward`` and ``backward``.
    """

    told: ClassVar[tuple[str, str] | None] = None
    r"""The same for one unit with its numbers: ``"y = max({x}, 0) = {y}", "dx = {dx}"``.

    In braces stand the names of forward's arguments, y, dy, the gradients (``dx``), the parameters,
    arrays and numbers that the layer holds, and what ``told_numbers`` gives. ``\n`` begins a line.

    A loss tells it for each number c of row n that it is given. It may name ``n``, ``c``, ``row``,
    which is the row's own loss, and ways to say how much a row counts (see
    ``tinynet/inspection/told.py``).
    """

    wired_by: ClassVar[tuple[str, ...]] = ()
    """The names of W and b, ``("W", "b")`` or ``("W",)``, if the layer is ``y = x @ W + b``.

    x is (N, I), W is (I, O), or (O, I) under the name ``"W.T"``. The sum is then told term by term,
    W drawn as wires and as pictures.
    """

    javascript: str | None = None
    """Forward for one row, for the playground: ``"x.map((value) => Math.max(value, 0))"``.

    One expression of x, a Float32Array, and of ``layer.W``, ``layer.slope``, ...: the parameters,
    arrays and numbers that the layer holds, and tuples of numbers. Whatever shape a row has, x is
    flat, the last axis running fastest, and so is what comes out, and every array of the layer;
    ``layer.input_shape`` and ``layer.output_shape`` are the shapes: [channels, height, width].
    """

    expects: ClassVar[str | None] = None
    """What a loss over classes expects: ``"log-probabilities"``, or ``"logits"``, raw scores of
    which it takes the softmax itself."""

    def row_shape(self) -> tuple[int | None, ...] | None:
        """The shape of one row of x as far as the options tell it: ``(in_features,)``.

        None stands for a size that may be any: a layer of pictures may say ``(channels, None,
        None)``. None alone: a row may have any shape, or one that the options do not tell.
        """
        return None

    def told_numbers(self, x: Any, y: Array, dy: Array) -> dict[str, Array]:
        """More numbers, or words, for ``told``: by name, arrays that broadcast to the shape of y.

        The layer has the weights of the step that is told. x is a tuple if there are more inputs.
        """
        return {}

    def told_window(self, shape: tuple[int, ...], place: tuple[int, ...]) -> Window | None:
        """Which numbers of x one number of y is made of, and with which weights.

        For layers that look at x through windows, such as convolutions and pools: y is then told
        term by term, and x, weights and gradients of the window are drawn as pictures. None if it
        is not so.

        Parameters
        ----------
        shape : tuple of int
            Of one row of x, such as (C, H, W).
        place : tuple of int
            In one row of y, such as (o, i, j).
        """
        return None

    def piece_of(self, y: Array) -> Array | None:
        """Which piece of its equation each number of y is from, if there is a kink between them.

        An int for each, and 0 for "off": y is 0, and no gradient passes. ReLU gives ``y > 0``;
        ReLU6 ``(y > 0) + 1 * (y >= 6)``; a leaky one, which is never off, ``1 + (y > 0)``.
        """
        return None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, (sizes, example) in _TUPLES.items():
            value = vars(cls).get(name)
            if value and not (isinstance(value, tuple) and len(value) in sizes):
                raise TypeError(f"{cls.__name__}.{name} is {value!r}, expected {example}")
        if "forward" in vars(cls):
            for name in sorted(_OF_FORWARD - vars(cls).keys()):
                setattr(cls, name, vars(Description)[name])


def row_shape_of(net: Any) -> tuple[int | None, ...] | None:
    """The shape of one row of a network's input, as far as the first layer that has one tells."""
    shapes = (layer.row_shape() for _, layer in net.named_modules())
    return next((shape for shape in shapes if shape is not None), None)


class InFiles:
    """What a class says of itself for files, PyTorch and ONNX; Linear and Softmax say most of it.

    A subclass inherits it, whatever forward it writes.
    """

    buffers: ClassVar[tuple[str, ...]] = ()
    """Attributes that are state and not learned: arrays that ``state_dict`` holds, too.

    Where the class itself has ``name = None``, a layer may be without it.
    """

    generators: ClassVar[tuple[str, ...]] = ()
    """Attributes that say where a generator stands: arrays that the layer's kernels draw from.

    A layer that draws takes part by that, or by holding a numpy.random.Generator as an attribute:
    checkpoints hold where it stands, and the gradient check lets each forward draw the same.
    """

    unsaved: ClassVar[tuple[str, ...]] = ()
    """Attributes that no file needs, such as a cache."""

    sizes: ClassVar[tuple[str, ...] | None] = None
    """Options whose product is a number of weights; None: every whole number may be a size."""

    torch_layer: ClassVar[Any] = None
    """The layer in PyTorch: its name in ``torch.nn``, or its class."""

    torch_options: ClassVar[dict[str, str]] = {}
    """PyTorch's names for options, where they differ."""

    torch_layout: ClassVar[dict[str, tuple[str, Callable[[Array], Array]]]] = {}
    """PyTorch's name for a parameter, and the function that turns it into PyTorch's layout."""

    onnx_operation: ClassVar[str | None] = None
    """The operation in ONNX (opset 13), on x and the parameters."""

    onnx_attributes: ClassVar[dict[str, Any]] = {}
    """The operation's attributes: values, or functions of the layer."""

    onnx_inputs: ClassVar[tuple[str, ...] | None] = None
    """The attributes that follow x, if they are not the parameters in their order."""

    onnx_constants: ClassVar[dict[str, Any]] = {}
    """Inputs that come last: numbers, int64 arrays, or functions of the layer, by their names.

    A function of two arguments is called with some rows of the layer's input, too.
    """


_TUPLES = {
    "equations": ((2,), 'forward\'s and backward\'s: "y = ...", "dx = ..."'),
    "told": ((2,), 'forward\'s and backward\'s: "y = ... = {y}", "dx = ... = {dx}"'),
    "wired_by": ((1, 2), 'names of W and b in a tuple: ("W", "b") or ("W",)'),
}
"""How many texts a class must give, and what they look like: one alone is easily written."""

_OF_FORWARD = {"equations", "told", "wired_by", "javascript"}
_OF_FORWARD |= {"told_numbers", "told_window", "piece_of", "row_shape"}
