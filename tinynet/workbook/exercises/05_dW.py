"""dW: what the loss says to a weight matrix

A layer has computed y = x @ W + b, and backward is handed dy = dLoss/dy. What is dLoss/dW?

    x (N, I)      each row of x meets the whole of W:
    W (I, O)          y[n, o] = sum over i of x[n, i] * W[i, o] + b[o]
    y (N, O)

(1) Follow one weight. W[i, o] is in y[n, o] alone, multiplied by x[n, i]. So if W[i, o] grows by a
little, y[n, o] grows by x[n, i] times as much, and the loss by dy[n, o] * x[n, i].

(2) The same weight serves every row of the batch. Each row has its say, and what they say is added:
dW[i, o] = sum over n of x[n, i] * dy[n, o]. A sum, and no mean: if the loss is a mean, its 1/N is
in dy already.

(3) A sum over n of products is a matrix product. Look at the shapes: dW is (I, O), as W is, made of
x (N, I) and dy (N, O). The N must stand inside, where it is summed away.
"""

import numpy as np


def grad_W(dy, x):
    """dLoss/dW, shape (I, O), from dy of shape (N, O) and x of shape (N, I)."""
    raise NotImplementedError("yours to write")
