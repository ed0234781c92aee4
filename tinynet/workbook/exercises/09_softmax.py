"""Softmax: scores become probabilities

A network for C classes ends in scores: any numbers, larger for a class that it takes for likelier.
Softmax turns each row of scores into probabilities, positive and with the sum 1:

    x (N, C)  scores           y[n, c] = exp(x[n, c]) / (sum over k of exp(x[n, k]))
    y (N, C)  probabilities

(1) Each row by itself. A row is one sample, its classes stand side by side, so the sum runs along
the row: axis=1. There are N such sums, and NumPy drops the axis that it has summed; keepdims=True
keeps it, (N, 1), and then each row is divided by its own sum.

(2) exp is steep. exp(1000) is more than a float can hold: it becomes inf, and inf / inf is nan. But
a number that is added to all scores of a row becomes a factor above and below, and cancels. So move
each row before exp, such that its largest exponent is 0. Rows differ: a move that saves one row may
push another so far down that each exp gives 0, and the row 0 / 0.

(3) A score moves its whole row. Write y[c] = e[c] / S, with e[c] = exp(x[c]) and S the sum of them.
The quotient rule gives two slopes: that of y[k] by x[k], and that of another y[c] by x[k]. Derive
both, and write them with y[k] and y[c] alone; e and S can be replaced.

    x[k] grows  -->  e[k] grows  -->  y[k] = e[k] / S grows
                         |
                         +----------> S grows: every y[c] = e[c] / S shrinks

(4) The chain rule, for many outputs. x[k] has moved all outputs of its row, and dy[c] says what the
loss thinks of each: dx[k] = sum over c of dy[c] * (the slope of y[c] by x[k]). One term is the own
output, c = k; the other terms come from the sum S.

(5) No table of C x C slopes is needed. In that sum, y[k] is a factor of all terms. What else is in
there is dy[k], and one number that is the same for all k of the row. As a test: if all scores of a
row grow alike, nothing changes (2), so each row of dx sums to 0.
"""

import numpy as np


def softmax(x):
    """The probabilities, shape (N, C), of scores x of shape (N, C); each row sums to 1."""
    raise NotImplementedError("yours to write")


def softmax_backward(dy, y):
    """dLoss/dx, shape (N, C), from dy of shape (N, C) and y = softmax(x), of the same shape."""
    raise NotImplementedError("yours to write")
