"""Momentum: steps that gather speed

In a long, narrow valley, SGD zigzags: each step crosses the valley and comes back, and little of it
goes along. Give the walker a mass. Then steps across cancel each other, and steps along add up
(Polyak 1964). What is added up is the velocity v:

    g: gradient      v: velocity, starts at 0      p: parameter's data

    step 1           v = g1
    step 2           v = g2 + momentum * g1
    step 3           v = g3 + momentum * g2 + momentum**2 * g1

(1) A velocity remembers. Each step keeps the share `momentum` of the old velocity, and adds the new
gradient to it, in full. Compare the lines above: each v can be had from the one before it.

(2) Then the parameter takes its step, with the new velocity in the place of the gradient:
p -= lr * v. While g stays the same, v grows to g / (1 - momentum): for 0.9 the steps become ten
times as long.

(3) The learning rate stays out of the velocity. It scales each step as a whole, so when somebody
changes optimizer.lr, the next step follows it at once.

(4) Each parameter has a velocity of its own, of its own shape. It lives from step to step, so it
belongs to the optimizer (self), and it is an array of its own: never p.grad itself, whose numbers
the next backward replaces.

(5) As in exercise 14, a step changes the data in place and leaves the gradient alone; a parameter
whose grad is None does not move, and its velocity waits. zero_grad forgets gradients, and not
velocities: Momentum inherits it from your SGD.
"""

import numpy as np

from tinynet.workbook import earlier

mine = earlier(__file__)


class Momentum(mine.SGD):
    """SGD with a velocity for each parameter.

    `parameters` and `lr` are as for SGD; `momentum` is the share of the velocity that is kept. From
    SGD it has ``self.parameters``, ``self.lr`` and ``zero_grad``.
    """

    def __init__(self, parameters, lr, momentum=0.9):
        super().__init__(parameters, lr)
        self.momentum = momentum
        raise NotImplementedError("yours to write")  # what must be remembered from step to step

    def step(self):
        """Change each velocity, and with it the data of each parameter."""
        raise NotImplementedError("yours to write")
