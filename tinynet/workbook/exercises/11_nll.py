"""NLL: how bad is a guess?

The network has answered each row with C log-probabilities, and target says which class was right.
The loss asks one question: what probability did the right class get? NLL is the negative
log-likelihood, the mean of -log p of the right classes:

    log_p (N, C)                   target (N,)      the right class of each row: 0, 1, ... C - 1
        [[ -0.1   -2.5   -4.0 ]       0             picks -0.1
         [ -1.0   -0.7   -2.0 ]]      2             picks -2.0       loss = (0.1 + 2.0) / 2

(1) One number of each row. Only log_p[n, target[n]] counts. Two arrays of indices, for rows and for
columns, pick pairs: A[[0, 1], [0, 2]] is A[0, 0] and A[1, 2]. A colon in place of the rows is
something else: A[:, [0, 2]] takes both columns of every row.

(2) Minus, and no more logarithms. log_p holds logarithms already. A logarithm of a probability is
never above 0, so the minus makes a loss: 0 if the right class was certain, and larger the less
likely it was.

(3) A mean over the N rows, so that a large batch has no larger loss than a small one. There are N
numbers to add up and to divide by, not N * C.

(4) Backward. Which slopes has the loss? For a log_p that was not picked: none, so its gradient is
0; but it is there, for the gradient has the shape of log_p. For one that was picked, look at (2)
and (3): it is multiplied by a constant and added. So the numbers in log_p do not matter here, only
how many rows there are.

(5) This is where 1/N comes from. The mean puts it into the gradient, once and for all: no layer
before the loss divides by N again.
"""

import numpy as np


def nll(log_p, target):
    """The loss, a number, of log-probabilities (N, C) and right classes (N,), which are ints."""
    raise NotImplementedError("yours to write")


def nll_backward(log_p, target):
    """dLoss/dlog_p, shape (N, C): a new array."""
    raise NotImplementedError("yours to write")
