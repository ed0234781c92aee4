"""SGD: a step downhill

The gradient of a parameter says in which direction the loss grows, and how fast. So to make the
loss smaller, walk the other way (Robbins and Monro 1951):

    p <- p - lr * dLoss/dp          for each parameter p

(1) Against the gradient. It points uphill, where the loss grows; a step downhill takes it away.

(2) The learning rate lr says how far: a step is lr times the gradient, not a step of fixed length.
Where the slope is steep, the step is long; in a valley, where it is nearly 0, it gets short.

(3) The data change in place, p.data -= ..., for the layer holds the very same Parameter, and reads
its data in the next forward. A new array that only the optimizer knows changes nothing.

(4) A step leaves the gradient alone. Who wants to forget it says zero_grad: every p.grad becomes
zeros. Without that, the next backward adds to the old gradient.

(5) A parameter whose grad is None is left alone: it does not take part.
"""

import numpy as np


class SGD:
    """Plain stochastic gradient descent.

    `parameters` is a list of objects with ``data`` and ``grad``, arrays of one shape, such as your
    Parameter of exercise 08; `lr` is the learning rate.
    """

    def __init__(self, parameters, lr):
        self.parameters = list(parameters)
        self.lr = lr

    def step(self):
        """Change the data of each parameter."""
        raise NotImplementedError("yours to write")

    def zero_grad(self):
        """Make every gradient zeros, as an array of the same shape."""
        raise NotImplementedError("yours to write")
