"""Wrong solutions of 15_momentum.py."""

from wrong_solutions import Try

INIT = """
class Momentum(mine.SGD):
    def __init__(self, parameters, lr, momentum=0.9):
        super().__init__(parameters, lr)
        self.momentum = momentum
        self.v = {}
"""

TRIES = (
    Try(
        "a local velocity",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is None:
                continue
            v = np.zeros(p.data.shape)
            v = self.momentum * v + p.grad
            p.data -= self.lr * v
""",
        "no memory",
        seen="https://prof.lexailabs.com/practice/sgd-momentum-step",
    ),
    Try(
        "the list keeps the old arrays",
        """
class Momentum(mine.SGD):
    def __init__(self, parameters, lr, momentum=0.9):
        super().__init__(parameters, lr)
        self.momentum = momentum
        self.v = [np.zeros_like(p.data) for p in self.parameters]

    def step(self):
        for p, v in zip(self.parameters, self.v):
            if p.grad is not None:
                v = self.momentum * v + p.grad
                p.data -= self.lr * v
""",
        "no memory",
    ),
    Try(
        "one velocity",
        """
class Momentum(mine.SGD):
    def __init__(self, parameters, lr, momentum=0.9):
        super().__init__(parameters, lr)
        self.momentum, self.velocity = momentum, 0

    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                self.velocity = p.grad + self.velocity * self.momentum
                p.data -= self.velocity * self.lr
""",
        "one velocity for all parameters",
    ),
    Try(
        "a weighted mean",
        f"""{INIT}
    def step(self):
        beta = self.momentum
        for p in self.parameters:
            if p.grad is not None:
                old = self.v.get(id(p), 0.0)
                self.v[id(p)] = p.grad + beta * (old - p.grad)
                p.data -= self.lr * self.v[id(p)]
""",
        "only the share 1 - momentum of the new gradient counts",
        seen="https://github.com/fastai/fastbook/issues/174",
    ),
    Try(
        "the learning rate in the velocity",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                self.v[p] = self.momentum * self.v.get(p, 0) - self.lr * p.grad
                p.data += self.v[p]
""",
        "lr is within the velocity",
        seen="https://github.com/paiml/aprender/pull/2190",
    ),
    Try(
        "the learning rate in both",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                self.v[p] = self.v.get(p, 0) * self.momentum + p.grad * self.lr
                p.data -= self.lr * self.v[p]
""",
        "lr counts twice",
    ),
    Try(
        "looks ahead",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                self.v[p] = self.momentum * self.v.get(p, 0) + p.grad
                p.data -= self.lr * (p.grad + self.momentum * self.v[p])
""",
        "Nesterov",
        seen="https://github.com/fchollet/deep-learning-with-python-notebooks/issues/289",
    ),
    Try(
        "velocity and gradient interchanged",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                self.v[p] = self.momentum * p.grad + self.v.get(p, 0)
                p.data -= self.lr * self.v[p]
""",
        "momentum stands at the wrong term",
    ),
    Try(
        "velocity plus",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                self.v[p] = self.momentum * self.v.get(p, 0) - p.grad
                p.data -= self.lr * self.v[p]
""",
        "uphill",
        seen="https://github.com/fchollet/deep-learning-with-python-notebooks/issues/19",
    ),
    Try(
        "the parameter first",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                v = self.v.get(p, np.zeros_like(p.data))
                p.data -= self.lr * v
                self.v[p] = self.momentum * v + p.grad
""",
        "one step late",
    ),
    Try(
        "the first velocity is the gradient",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                if p in self.v:
                    self.v[p] = self.momentum * self.v[p] + p.grad
                else:
                    self.v[p] = p.grad
                p.data -= self.lr * self.v[p]
""",
        "the velocity is the gradient's own array",
    ),
    Try(
        "the first velocity is the gradient, and grows in place",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                if p not in self.v:
                    self.v[p] = p.grad
                else:
                    self.v[p] *= self.momentum
                    self.v[p] += p.grad
                p.data -= self.lr * self.v[p]
""",
        "velocity and gradient are one array",
    ),
    Try(
        "None is 0",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            v = self.momentum * self.v.get(p, np.zeros_like(p.data))
            if p.grad is not None:
                v = v + p.grad
            self.v[p] = v
            p.data -= self.lr * v
""",
        "glides on",
    ),
    Try(
        "None not asked for",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            self.v[p] = self.momentum * self.v.get(p, 0) + p.grad
            p.data -= self.lr * self.v[p]
""",
        "None is no gradient",
    ),
    Try(
        "zero_grad begins anew",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                self.v[p] = self.momentum * self.v.get(p, 0) + p.grad
                p.data -= self.lr * self.v[p]

    def zero_grad(self):
        self.v = dict()
        for p in self.parameters:
            p.grad[...] = 0
""",
        "zero_grad clears the velocity as well",
    ),
)
