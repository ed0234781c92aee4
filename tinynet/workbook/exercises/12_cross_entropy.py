"""Cross-entropy: log-softmax and NLL in one

Exercises 10 and 11 in a row are the loss of nearly every classifier. It is called cross-entropy:

    x (N, C)  -- log_softmax -->  log_p (N, C)  -- nll -->  loss, one number
    scores    <--  backward  --   dlog_p        <-- backward --  1

Your own functions are at hand: mine.log_softmax, mine.nll, mine.softmax, and their backwards. Use
them, or write both functions anew.

(1) One inside the other, and no more: which numbers are picked, the minus and the mean over the N
rows are NLL's. The scores come raw, for log-softmax is part of this loss. A softmax before it would
squeeze all scores into 0 to 1, and the network could never be sure of anything.

(2) Scores may be large. 1000 and -1000 are ordinary scores, and the loss of a wrong answer that was
given with such certainty is 2000, not inf. A probability in between would be 0, and its logarithm
-inf; a small number added to it, against that, gives another loss.

(3) Backward, fused. nll_backward gives dlog_p, a constant at the targets and 0 elsewhere, and
log_softmax_backward makes dx of it. Write out both for one row, with pencil and paper: the sum of a
row of dlog_p is known beforehand, whatever its target. What remains needs no logarithm and divides
by no probability; it is a difference, divided by one number.

(4) Two kinds of numbers make up a row of that difference: what the network believes, for each of
the C classes, and what is true. The truth of a row is 1 for one class and 0 for all others. It is
1 for one class of each row: pairs of indices again, as in exercise 11.

(5) So simple a gradient is worth having. Derived through the probabilities, the loss gives 1 / p,
softmax gives p back, and if p has become 0, that is 0 / 0. Fused, no number of dx is ever larger
than 1 / N; it is as large as that for a class that the network was quite wrong about, and 0 where
it was right. Each row of dx sums to 0.
"""

import numpy as np

from tinynet.workbook import earlier

mine = earlier(__file__)


def cross_entropy(x, target):
    """The loss, a number, of scores x (N, C) and right classes target (N,), which are ints."""
    raise NotImplementedError("yours to write")


def cross_entropy_backward(x, target):
    """dLoss/dx, shape (N, C)."""
    raise NotImplementedError("yours to write")
