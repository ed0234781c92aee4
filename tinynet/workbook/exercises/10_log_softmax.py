"""Log-softmax: logarithms of probabilities

A loss needs the logarithm of a probability, as the next exercise tells. np.log(softmax(x)) would be
it, on paper. Take a row of scores, 1000 and 0: its second probability is exp(-1000), far less than
the smallest float. It becomes 0, its logarithm -inf, and after a few more steps every weight is
nan. Yet the number that is asked for is just -1000. So compute it without the probability:

    x (N, C)  scores                y[n, c] = log(exp(x[n, c]) / S[n])
    y (N, C)  log-probabilities     S[n]    = sum over k of exp(x[n, k])

(1) The logarithm of a quotient is a difference, and log undoes exp. Simplify y[n, c]: one exp is
gone, and with it the quotient. Only log(S) is left of it, one number L[n] for each row.

(2) S itself may still be inf. Take a number m out of the row, as in exercise 09: each exp(x[k]) is
exp(m) * exp(x[k] - m), so exp(m) is a factor of S, and the logarithm of a product is a sum. What is
taken out of the exponents must come back in L. Which m of the row keeps every exponent at 0 or
below, and one of them at 0?

(3) A way to test it: exp(y) are the probabilities. Each row of them sums to 1, and no y is above 0.

(4) Backward. y[c] = x[c] - L, so x[k] acts in two ways: on y[k] itself, and through L on every
y[c] of the row. The slope of L by x[k] is exp(x[k]) / S. You know that number; say it with y[k]
alone, for y is what backward is given.

    x[k] grows  -->  y[k] grows by as much, and no other y
         |
         +-------->  L grows: every y[c] of the row gets smaller

(5) The chain rule: dx[k] = sum over c of dy[c] * (the slope of y[c] by x[k]). The first way gives
one term, c = k. The second gives all C terms, and they share a factor; what remains of them is the
sum of one row of dy. As with softmax, each row of dx sums to 0.
"""

import numpy as np


def log_softmax(x):
    """The log-probabilities, shape (N, C), of scores x of shape (N, C), however large."""
    raise NotImplementedError("yours to write")


def log_softmax_backward(dy, y):
    """dLoss/dx, shape (N, C), from dy and y = log_softmax(x), both of shape (N, C)."""
    raise NotImplementedError("yours to write")
