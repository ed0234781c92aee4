"""ReLU: what is negative becomes 0

A sum of weighted sums is a weighted sum again. So however many layers of those stand one behind the
other, they can do no more than one, until something with a bend stands between them. The simplest
bend is the rectified linear unit (Fukushima 1969; Nair and Hinton 2010):

      y           /
      |          /  here the slope is 1
      |         /
    --+--------+---------  x
       slope 0  0

(1) Forward: a positive number passes, every other number becomes 0. Each number is for itself,
whatever its neighbours are, so y has the shape of x.

(2) What backward is handed: dy = dLoss/dy, of the shape of y. For each number of y it says by how
much the loss grows when that number grows by a little. It may be of either sign.

(3) The chain rule: when x[n, c] grows by a little, y[n, c] grows by slope times as much, and the
loss by dy[n, c] times as much as y[n, c]. So the two factors are multiplied, number by number.

(4) The slope is the one at x, where forward was: ask whether x is positive. Nothing else decides.
Where x is positive, a negative dy passes as a positive one does.

(5) At 0 is a kink: the slope is 1 on its right and 0 on its left. One must choose; all choose 0.
"""

import numpy as np


def relu(x):
    """y, a new array of the shape of x, which may be any."""
    raise NotImplementedError("yours to write")


def relu_backward(dy, x):
    """dx = dLoss/dx, a new array, from dy and x, all three of one shape."""
    raise NotImplementedError("yours to write")
