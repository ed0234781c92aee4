"""The chain: layers one after the other, and back

A network is layers in a row. What one returns is what the next one is handed, and on the way back
it is the same the other way round:

    x  --> | layers[0] | --> | layers[1] | --> | layers[2] | --> y
    dx <-- | layers[0] | <-- | layers[1] | <-- | layers[2] | <-- dy

That is the chain rule, and all of backpropagation. No layer knows of any other: it turns the dy
that it is handed into the dx that it returns, and the dx of one is the dy of the one before.

First, two layers out of functions that you have. Like your Linear, each has forward, backward and
parameters.

(1) forward keeps in `self` what backward will need, for backward is handed dy only. Look at what
your functions take: relu_backward(dy, x) wants what came in, log_softmax_backward(dy, y) what
went out. dy comes first in both.

(2) Each object keeps its own. A network has several ReLUs, and each of them has seen another x. So
nothing is kept in the class or in a global name, where one would overwrite the other's.

Then Sequential, which is a layer made of layers.

(3) forward hands x to the first layer, what that returns to the second, and so on. What the last
one returns is y.

(4) backward begins at the end. dy is what the loss says about y, so it belongs to the last layer.
What that returns is what the loss says about its input: the output of the layer before. Every layer
has its turn, the first one too, for each must collect its gradients.

(5) What the first layer returns is dLoss/dx, and backward returns it. So a Sequential is a layer
like any other, and may stand in another Sequential.

(6) forward will come again, in the same order. backward must leave the list of layers as it is.

(7) parameters() is one flat list: those of the first layer, then those of the second, and so on. It
has the Parameters themselves. A layer without any, such as ReLU, has an empty list to give.
"""

import numpy as np

from tinynet.workbook import earlier

mine = earlier(__file__)


class ReLU:
    """max(x, 0), of your relu and relu_backward."""

    def forward(self, x):
        """y of the shape of x."""
        raise NotImplementedError("yours to write")

    def backward(self, dy):
        """dx, from dy of the same shape."""
        raise NotImplementedError("yours to write")

    def parameters(self):
        """An empty list: there is nothing to learn."""
        return []


class LogSoftmax:
    """Log-probabilities, of your log_softmax and log_softmax_backward."""

    def forward(self, x):
        """y of shape (N, C), from x of shape (N, C)."""
        raise NotImplementedError("yours to write")

    def backward(self, dy):
        """dx of shape (N, C), from dy of shape (N, C)."""
        raise NotImplementedError("yours to write")

    def parameters(self):
        """An empty list: there is nothing to learn."""
        return []


class Sequential:
    """Layers one after the other; `layers` is a list of objects with these three methods."""

    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x):
        """What the last layer makes of what the others have made of x."""
        raise NotImplementedError("yours to write")

    def backward(self, dy):
        """dx, from dy of the shape of forward's output."""
        raise NotImplementedError("yours to write")

    def parameters(self):
        """The list of the parameters of all layers."""
        raise NotImplementedError("yours to write")
