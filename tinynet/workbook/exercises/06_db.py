"""db: what the loss says to the biases

The same layer, y = x @ W + b, and its last parameter. What is dLoss/db?

    x @ W (N, O)        b (O,)            y (N, O)
    . . .               b0 b1 b2          . . .
    . . .       +       b0 b1 b2    =     . . .       NumPy repeats b in every row:
    . . .               b0 b1 b2          . . .       it broadcasts
    . . .               b0 b1 b2          . . .

(1) Follow one bias. b[o] is in y[n, o], with the factor 1: if it grows by a little, y[n, o] grows
by just as much, and the loss by dy[n, o]. Neither x nor W matters here.

(2) But b[o] is in column o of every row: y[0, o], y[1, o], and so on to y[N-1, o]. All of them
change at once, and what each of them does to the loss is added. What forward repeats, backward
sums. A sum, and no mean, as for dW.

(3) Look at the shapes: db is (O,), as b is, made of dy (N, O). The N is summed away, the O stays.
With N = O, a sum along the other axis has the right shape and the wrong numbers.
"""

import numpy as np


def grad_b(dy):
    """dLoss/db, shape (O,), from dy of shape (N, O)."""
    raise NotImplementedError("yours to write")
