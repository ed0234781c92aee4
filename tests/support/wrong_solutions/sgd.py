"""Wrong solutions of 14_sgd.py."""

from wrong_solutions import Try

HEAD = """
class SGD:
    def __init__(self, parameters, lr):
        self.parameters = list(parameters)
        self.lr = lr
"""

ZERO = """
    def zero_grad(self):
        for p in self.parameters:
            if p.grad is not None:
                p.grad = p.grad * 0
"""

STEP = """
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                p.data -= self.lr * p.grad
"""

TRIES = (
    Try(
        "the gradient added",
        f"""{HEAD}
    def step(self):
        for p in self.parameters:
            if p.grad is None:
                continue
            p.data += p.grad * self.lr
{ZERO}""",
        "uphill",
    ),
    Try(
        "divided by its length, number by number",
        f"""{HEAD}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                p.data -= self.lr * p.grad / np.maximum(np.abs(p.grad), 1e-300)
{ZERO}""",
        "a step of fixed length",
    ),
    Try(
        "data assigned anew",
        f"""{HEAD}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                p.data = p.data + (-self.lr) * p.grad
{ZERO}""",
        "the layer does not see it",
    ),
    Try(
        "a local variable",
        f"""{HEAD}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                data = p.data
                data = data - self.lr * p.grad
{ZERO}""",
        "nothing changes",
    ),
    Try(
        "no learning rate",
        f"""{HEAD}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                np.subtract(p.data, p.grad, out=p.data)
{ZERO}""",
        "lr is missing",
    ),
    Try(
        "zero_grad within step",
        f"""{HEAD}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                p.data -= self.lr * p.grad
                p.grad[...] = 0
{ZERO}""",
        "step forgets the gradient",
    ),
    Try(
        "None not asked for",
        f"""{HEAD}
    def step(self):
        for p in self.parameters:
            p.data -= self.lr * p.grad
{ZERO}""",
        "None is no gradient",
    ),
    Try(
        "zero_grad as PyTorch does it by default",
        f"""{HEAD}{STEP}
    def zero_grad(self):
        for p in self.parameters:
            p.grad = None
""",
        "zero_grad sets None",
        seen="https://pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html",
    ),
    Try(
        "zero_grad of the data",
        f"""{HEAD}{STEP}
    def zero_grad(self):
        for p in self.parameters:
            p.data *= 0
""",
        "zero_grad clears the data",
    ),
    Try(
        "return within the loop",
        f"""{HEAD}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                p.data -= self.lr * p.grad
            return
{ZERO}""",
        "only the first parameter moves",
    ),
)
