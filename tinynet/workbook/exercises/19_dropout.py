"""Dropout: learn with half of it missing

A large network can learn its training set by heart. Dropout (Srivastava et al. 2014) makes that
hard: while it learns, each number that goes through has the probability p to be replaced by 0, anew
in each forward. No unit can rely on another one to be there. In evaluation, nothing is dropped.

    training      x     [ 3  1  4  1  5 ]
                  mask  [ ?  0  ?  ?  0 ]      0: dropped, by chance
                  y = x * mask

(1) Each number has its own fate: one random number for each place of x, rows and columns alike.
Numbers from rng.random(shape) are spread evenly over [0, 1), so a share p of them lies below p.
p is the probability to be dropped, not to be kept.

(2) The mean must stay. The next layer adds up what it gets, and in training a share p is missing,
while in evaluation it is all there. For both to be of one size, what is kept in training is made
larger ("inverted" dropout): choose the factor so that y, in the mean over all fates, is x.

(3) Backward is the chain rule: y = x * mask, and the mask does not depend on x. So backward needs
the very mask of its forward, factor and all: keep it. With a new one, the gradient would belong to
another network.

(4) Each forward draws anew, from the rng that is handed in (a numpy.random.Generator), so that the
same seed gives the same masks.

(5) In evaluation, when self.training is False, y equals x and dx equals dy: no mask and no factor,
not even one that an earlier forward has kept.

(6) As always, x and dy are not changed in place.
"""

import numpy as np


class Dropout:
    """Drops each number with probability `p`, 0 <= p < 1, while `training` is True."""

    def __init__(self, p, rng):
        self.p = p
        self.rng = rng
        self.training = True

    def forward(self, x):
        """y, of the shape of x."""
        raise NotImplementedError("yours to write")

    def backward(self, dy):
        """dx, of the shape of dy, for the last forward."""
        raise NotImplementedError("yours to write")

    def parameters(self):
        """None that is learned."""
        return []
