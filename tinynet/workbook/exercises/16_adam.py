"""Adam: for each weight its own pace

SGD has one learning rate for all weights. But one gradient may be a thousand times larger than
another, and then the rate is too large for the one, or too small for the other. Adam (Kingma and Ba
2015) divides each step by the usual size of that weight's gradient. What is "usual", it learns
from two running means, which start at 0, number by number:

    m: mean of g         m = beta1 * m + (1 - beta1) * g            the direction
    v: mean of g * g     v = beta2 * v + (1 - beta2) * g * g        the size, squared

(1) A running mean keeps the share beta of what it was, and takes 1 - beta of what is new. The
shares add up to 1, so if g stays the same, m goes to g, and does not outgrow it as a velocity does.

(2) At first both means are too small, for they start at 0. If g is the same in every step, then
after t steps m = (1 - beta1**t) * g. You can check that for t = 1 and t = 2. So divide m by what
stands before g there, and it is a mean of what it has seen. For v the same holds with beta2.

(3) t counts the calls of step. It is 1 in the first, also for the second parameter: all parameters
of one step share one t. With t = 0, the division would be by 0.

(4) What is corrected serves one step alone. The means themselves go on uncorrected, or the next
step would correct them again. As velocities do, they live from step to step, one m and one v for
each parameter.

(5) The step goes against the corrected m, divided by the root of the corrected v, which has the
size of a gradient. To the root, and outside of it, eps is added, so that 0 / 0 becomes 0. The whole
is multiplied by lr. So in the first step every weight moves by lr, whatever its gradient's size.

(6) As before: data change in place, gradients are left alone, a grad of None means no step, and
zero_grad forgets gradients but not the means.
"""

import numpy as np

from tinynet.workbook import earlier

mine = earlier(__file__)


class Adam(mine.SGD):
    """Steps divided by the usual size of the gradient.

    `parameters` and `lr` are as for SGD; `betas` is (beta1, beta2). Keep ``self.lr``: it may be
    changed between steps.
    """

    def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        raise NotImplementedError("yours to write")

    def step(self):
        """Change both means of each parameter, and with them its data."""
        raise NotImplementedError("yours to write")
