"""Parameter and Linear: a layer that learns

The formulas are there. Now they get a place to live: a Parameter holds numbers that are learned,
and a layer holds its Parameters.

    Parameter    data    the numbers: W, or b
                 grad    what the loss says about them: an array of the same shape

(1) data is a copy of what is handed in, in floats. A copy, since training changes it, and the
caller's array must not change along. In floats, since half a step of whole numbers is no whole
number.

(2) grad starts as zeros, and accumulate adds to it. Why not just set it? Because one weight may
have its say several times before a step is made: in two batches, or in two places of a network.
What it does to the loss is then the sum of all of that, as with the rows of a batch in 05.

(3) zero_grad starts a new sum: zeros again, in the shape of data. It leaves data alone, and so does
accumulate: to change data is the optimizer's work, in 14.

(4) An array that is handed to accumulate stays the caller's: add its numbers to yours, but do not
keep it, for you would add the next gradient to it.

A Linear is a layer y = x @ W + b. It is asked twice: forward on the way to the loss, and backward
on the way back.

(5) forward(x) computes y with what the data are now, for they will have changed since the last
time. And it keeps what backward needs but is not handed: dW takes the x of this forward (05).

(6) backward(dy) has three gradients to compute, and you have written all three. Those of W and b
are for the optimizer, so they are added to its Parameters' grad. That of x is for the layer before,
so it is returned.

(7) parameters() returns the two Parameters themselves, W first. An optimizer that is handed copies,
or just arrays, would change numbers that no forward ever reads.

``mine`` is what you wrote in earlier exercises: ``mine.linear(x, W, b)``, ``mine.grad_W(dy, x)``,
``mine.grad_b(dy)``, ``mine.grad_x(dy, W)``.
"""

import numpy as np

from tinynet.workbook import earlier

mine = earlier(__file__)


class Parameter:
    """Numbers that are learned, and their gradient: the attributes ``data`` and ``grad``."""

    def __init__(self, data):
        """Make `data`, an array of any shape, the data, and the grad zeros."""
        raise NotImplementedError("yours to write")

    def accumulate(self, gradient):
        """Add an array of the shape of data to the grad."""
        raise NotImplementedError("yours to write")

    def zero_grad(self):
        """Make the grad zeros."""
        raise NotImplementedError("yours to write")


class Linear:
    """A layer y = x @ W + b, with the attributes ``W`` and ``b``, each of them a Parameter."""

    def __init__(self, W, b):
        """Take arrays of shape (I, O) and (O,)."""
        raise NotImplementedError("yours to write")

    def forward(self, x):
        """y of shape (N, O), from x of shape (N, I)."""
        raise NotImplementedError("yours to write")

    def backward(self, dy):
        """dx of shape (N, I), from dy of shape (N, O); dW and db are accumulated."""
        raise NotImplementedError("yours to write")

    def parameters(self):
        """The list of the two Parameters, W and b."""
        raise NotImplementedError("yours to write")
