"""Handwritten digits, read by all that you wrote

Now put it together: a network of your own parts learns from 18,000 digits, and reads 2,000 that it
has never seen. At least 95 of 100 are to be right. No line of a library is between you and the
numbers, NumPy apart.

    x (N, 784)  Linear -> ReLU -> Linear -> ReLU -> Linear -> ReLU -> Linear -> LogSoftmax  (N, 10)
                784 to 64         64 to 32          32 to 32          32 to 10

A digit is 28 x 28 pixels, from 0 for paper to 1 for ink, in one row of 784. y[n] is which digit it
is, 0 to 9. The log-probabilities go to your nll; the loss of chance is log(10), about 2.3.

(1) The network. Four Linears of these sizes, with a ReLU after each of them but the last. Without
ReLUs in between, four matrices are no more than one, and about 92 of 100 is the end. After the last
Linear there is no ReLU, for it would keep scores from being negative. Then comes LogSoftmax.

(2) Every layer is an object of its own, for it keeps the x of its forward until backward asks. One
ReLU that stands in three places keeps only the last.

(3) The first weights are random, drawn from the rng that you are given, for units that begin alike
stay alike. Their spread lets the signal through: exercise 18. The b are zeros.

(4) Training. For each epoch: shuffle the rows, go through all of them in batches, and take a step
after each, as your train_epoch does. x and y are shuffled in the same order, or the net learns
labels that belong to other digits. The optimizer gets all parameters of the net that you were
given, and that net is the one that has to change.

(5) You choose optimizer, learning rate, batch and epochs. Begin with what is known to work:
Momentum with a learning rate of some hundredths, or Adam with some thousandths, batches of some
dozens of rows, some ten epochs. If the loss is NaN or stays at 2.3, lr is too large or too small.
If it falls but jumps about at the end, make lr smaller for the last epochs. Print what train_epoch
returns, and you can watch it.

The whole training may take three minutes; one of ten epochs takes some seconds.
"""

import numpy as np

from tinynet.workbook import earlier

mine = earlier(__file__)


def build(rng):
    """A new network, mine.Sequential of your own layers, with first weights drawn from `rng`."""
    raise NotImplementedError("yours to write")


def train(net, X, y, rng):
    """Train `net` on X of shape (N, 784) and y, N ints; `rng` shuffles. Returns nothing."""
    raise NotImplementedError("yours to write")
