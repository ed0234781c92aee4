"""dx: what the loss says to the layer before

W and b are yours to change; x is not. It came from the layer before, and that one asks the same
question about its own parameters. It can answer only if it is told dLoss/dx: its dy is this dx.

    ... layer before  -- x (N, I) -->   y = x @ W + b   -- y (N, O) --> ... Loss
    ... layer before  <- dx (N, I) --                   <- dy (N, O) --

(1) Follow one number. x[n, i] meets the weights W[i, 0], W[i, 1], and so on: row i of W. In
y[n, o], it is multiplied by W[i, o]. So if x[n, i] grows by a little, y[n, o] grows by W[i, o]
times as much.

(2) It is in all O outputs of its row, and what they say is added:
dx[n, i] = sum over o of dy[n, o] * W[i, o]. Only those of its own row: row n of x is in no other
row of y. So nothing is summed over the batch here.

(3) A sum over o of products is a matrix product once more. dx is (N, I), as x is, made of dy (N, O)
and W (I, O). The O must stand inside. A transpose, W.T, turns W round: rows become columns. A
reshape only reads the same numbers in another order.

(4) It is the way back along the same wires. The wire from i to o carried x[n, i] forward times its
weight, and it carries dy[n, o] back times the same weight. Nothing is undone: dx is not the x that
would have made dy, so there is no inverse of W in it.
"""

import numpy as np


def grad_x(dy, W):
    """dLoss/dx, shape (N, I), from dy of shape (N, O) and W of shape (I, O)."""
    raise NotImplementedError("yours to write")
