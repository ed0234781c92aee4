"""First weights: neither explode nor vanish

Before it learns, a network needs numbers in its weights. Zeros will not do: all units of a layer
would compute the same, get the same gradient, and stay the same for ever. So draw them at random,
from normal numbers around 0. But how large?

    x (N, I) ---> y = x @ W ---> ReLU ---> the next layer ---> ... ten times

If each layer makes numbers twice as large, ten layers make them a thousand times as large; if it
halves them, nothing arrives. What you look for is the variance of the weights for which the mean
square of the numbers, their spread, stays the same from layer to layer.

(1) One output is a sum of I products, x[n, i] * W[i, o]. Weights are independent and have mean 0,
so the mean square of the sum is the sum of the mean squares: I * variance * (mean square of x).

(2) ReLU cuts off one half. Outputs are as often above 0 as below, so what passes has half the mean
square. `he` (He et al. 2015) is for layers with a ReLU behind them: choose its variance so that
(1), times this half, gives the mean square of x again.

(3) Without that half, as for tanh near 0, the outputs' spread is kept if I * variance = 1. On the
way back, dx = dy @ W.T sums over the O outputs, so the gradients' spread is kept if
O * variance = 1. Both cannot hold unless I = O. `glorot` (Glorot and Bengio 2010) meets in the
middle: the mean of the two products, I * variance and O * variance, is to be 1.

(4) Normal numbers from rng have standard deviation 1. Multiplied by s they have standard deviation
s, and the variance is its square: s * s.

(5) All numbers come from the `rng` that is handed in, a numpy.random.Generator, and each weight is
drawn for itself. The same seed then gives the same network, and a second layer other weights.

When yours are right, the check shows what ten layers make of them.
"""

import numpy as np


def he(I, O, rng):
    """First weights for a layer with a ReLU behind it: normal numbers around 0, shape (I, O)."""
    raise NotImplementedError("yours to write")


def glorot(I, O, rng):
    """First weights for a layer without: normal numbers around 0, shape (I, O)."""
    raise NotImplementedError("yours to write")
