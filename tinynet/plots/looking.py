"""What a network looks for in pictures, and what it looks at: its weights, and |dx| of the loss.

Weights of a first layer stand for pixels, and so are pictures themselves: where one is light, ink
raises the unit's sum, where it is dark, ink lowers it. The gradient of the loss with respect to the
input is a picture, too: where it is large, a little more or less ink changes the loss most.
"""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from tinynet.inspection.wiring import matrix_of
from tinynet.module import Module
from tinynet.plots.digits import as_pictures, checked_captions, squares
from tinynet.plots.style import GREY, SMALL, UP, own_style
from tinynet.support.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = 0.3  # how dark ink is below a gradient
MOST = 12  # pictures in a row


@own_style
def filters(
    net: Module, number: int = 24, columns: int = 8, title: str = "What the first layer looks for"
) -> "Figure":
    """Draw the weights of a layer, or of a network's first layer with weights, as pictures.

    All are drawn on one scale, that of the largest weight drawn: black is -largest, middle grey is
    0, white is +largest. It stands below them.

    Parameters
    ----------
    net : Module
        A network, or a layer. Of ``y = x @ W + b`` each column of W is a picture, if x is a square
        number of pixels; of a convolution (O, C, K, L) each of its O * C kernels is one.
    number : int
        How many are drawn at most: the first.
    columns : int
        Pictures per row; of a convolution of several channels as many that no filter is parted,
        whose kernels are named "filter, channel".
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    TypeError
        No layer has weights that are pictures.
    ValueError
        W of the first layer does not belong to square pictures; `number` or `columns` is below 1.
    """
    for name, value in (("number", number), ("columns", columns)):
        if value < 1:
            raise ValueError(f"filters: {name} = {value} must be at least 1")
    names, pictures = _weights(net)
    channels = len({name.partition(", ")[2] for name in names})
    if 1 < channels <= min(number, MOST):  # the kernels of one filter stay side by side
        columns, number = channels * max(1, columns // channels), number // channels * channels
    pictures = pictures[:number].astype(np.float64)
    largest = float(np.abs(pictures[np.isfinite(pictures)]).max(initial=0)) or 1.0
    figure, axes = squares(len(pictures), min(columns, len(pictures)), caption=0.3, below=0.35)
    for ax, picture, name in zip(axes, pictures, names, strict=False):
        ax.imshow(picture, cmap="gray", vmin=-largest, vmax=largest)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(color=GREY, linewidth=0.6)
        ax.set_title(name, fontsize=SMALL, pad=4)
    figure.text(0.5, 0.1 / figure.get_figheight(), _scale(largest), ha="center", fontsize=SMALL)
    figure.suptitle(title, y=1 - 0.1 / figure.get_figheight())
    return figure


def _scale(largest: float) -> str:
    return f"black: {-largest:.2g}, grey: 0, white: {largest:.2g}"


def _weights(net: Module) -> tuple[list[str], Array]:
    """The first weights that are pictures: (number, height, width), and a name for each."""
    for _, layer in net.named_modules():
        W = matrix_of(layer)
        if W is not None:
            try:
                return [str(unit) for unit in range(W.shape[1])], as_pictures(W.T)
            except ValueError:
                raise ValueError(
                    f"filters: the first layer with weights is {layer!r}, whose {len(W)} inputs "
                    "are no square picture"
                ) from None
        for _, parameter in layer.own_parameters():
            if parameter.data.ndim == 4:
                O, C, K, L = parameter.data.shape
                names = [f"{o}, {c}" if C > 1 else f"{o}" for o in range(O) for c in range(C)]
                return names, parameter.data.reshape(O * C, K, L)
    raise TypeError(
        f"filters: no layer of {net!r} has weights that are pictures; give one with W (784, O), or "
        "(O, C, K, L) as a convolution has it"
    )


@own_style
def saliency(
    net: Module,
    loss_fn: Module,
    x: ArrayLike,
    y: ArrayLike,
    captions: Sequence[object] | ArrayLike | None = None,
    columns: int = 6,
    title: str = "Which pixels change the loss",
) -> "Figure":
    """Draw the size of dLoss/dx over the pictures: which pixels change the loss most.

    Ink is light grey, and `|dx|` lies over it, the darker, the larger; in each picture from 0 to
    its own largest, since a sure answer has small gradients throughout. The network evaluates
    (Dropout passes all, a batch norm goes by its running averages), in a copy.

    Parameters
    ----------
    net : Module
    loss_fn : Module
    x : array `(N, 784)`, or `(N, C, H, W)`
        As the network takes it. Of several channels the largest `|dx|` is drawn.
    y : array `(N, ...)`
        Targets, as the loss takes them.
    captions : sequence or array `(N,)`, optional
    columns : int
        Pictures per row.
    title : str

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        `x` is of another shape, or `captions` has another length.

    References
    ----------
    K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks: visualising image
    classification models and saliency maps" (2014), section 3.
    """
    x = np.asarray(x)
    pictures = _grey(x)
    captions = checked_captions(captions, len(pictures))
    sizes = _grey(np.abs(_input_gradient(net, loss_fn, x, np.asarray(y))), largest=True)
    figure, axes = squares(len(pictures), columns, caption=0.3 if captions else 0.1, below=0.35)
    low, high = float(pictures.min()), float(pictures.max())
    for ax, picture, size in zip(axes, pictures, sizes, strict=True):
        ax.imshow(picture, cmap="gray_r", vmin=low, vmax=low + (high - low or 1) / INK)
        ax.imshow(_veil(size))
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set(color=GREY, linewidth=0.6)
    for ax, caption in zip(axes, captions, strict=False):
        ax.set_title(caption, fontsize=SMALL, pad=4)
    told = "grey: the picture; the darker, the larger |dx|, in each up to its largest"
    figure.text(0.5, 0.1 / figure.get_figheight(), told, ha="center", fontsize=SMALL)
    figure.suptitle(title, y=1 - 0.1 / figure.get_figheight())
    return figure


def _grey(images: Array, largest: bool = False) -> Array:
    """Pictures (N, H, W) of rows, or of (N, C, H, W): the mean over channels, or the largest."""
    if images.ndim != 4 or not images.size:
        return as_pictures(images)
    grey: Array = images.max(axis=1) if largest else images.mean(axis=1)
    return grey


def _input_gradient(net: Module, loss_fn: Any, x: Array, y: Array) -> Array:
    twin, loss = copy.deepcopy(net).eval(), copy.deepcopy(loss_fn)
    loss(twin(x), y)
    dx: Array = twin.backward(loss.backward())
    return dx


def _veil(size: Array) -> Array:
    """A colour that lies over a picture, and covers it where `size` is large: (H, W, RGBA)."""
    from matplotlib.colors import to_rgb

    size = np.where(np.isfinite(size), size, 0).astype(np.float64)
    veil = np.empty((*size.shape, 4))
    veil[..., :3], veil[..., 3] = to_rgb(UP), size / (size.max() or 1)
    return veil
