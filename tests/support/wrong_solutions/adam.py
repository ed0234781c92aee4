"""Wrong solutions of 16_adam.py."""

from wrong_solutions import Try

INIT = """
class Adam(mine.SGD):
    def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(parameters, lr)
        self.beta1, self.beta2 = betas
        self.eps, self.t = eps, 0
        self.m = {p: np.zeros(p.data.shape) for p in self.parameters}
        self.v = {p: np.zeros(p.data.shape) for p in self.parameters}
"""

MEANS = """
                self.m[p] = self.m[p] + (1 - self.beta1) * (p.grad - self.m[p])
                self.v[p] = self.v[p] + (1 - self.beta2) * (np.square(p.grad) - self.v[p])
"""

STEP = f"""
    def step(self):
        self.t += 1
        for p in self.parameters:
            if p.grad is not None:{MEANS}"""

TRIES = (
    Try(
        "no correction",
        f"""{INIT}{STEP}
                p.data -= self.lr * self.m[p] / (np.sqrt(self.v[p]) + self.eps)
""",
        "neither mean is corrected",
        seen="https://github.com/oxiglade/mlx-rs/issues/301",
    ),
    Try(
        "a correction without t",
        f"""{INIT}{STEP}
                m = self.m[p] / (1 - self.beta1)
                v = self.v[p] / (1 - self.beta2)
                p.data -= self.lr * m / (v**0.5 + self.eps)
""",
        "t is missing in it",
        seen="https://github.com/eriklindernoren/ML-From-Scratch/issues/35",
    ),
    Try(
        "multiplied by the correction",
        f"""{INIT}{STEP}
                m = (1 - self.beta1**self.t) * self.m[p]
                v = (1 - self.beta2**self.t) * self.v[p]
                p.data -= self.lr * m / (v**0.5 + self.eps)
""",
        "the correction goes the wrong way",
        seen="https://github.com/karpathy/convnetjs/pull/70",
    ),
    Try(
        "t in the loop",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:
                self.t += 1{MEANS}
                m = self.m[p] / (1 - self.beta1**self.t)
                v = self.v[p] / (1 - self.beta2**self.t)
                p.data -= self.lr * m / (v**0.5 + self.eps)
""",
        "t counts parameters, not steps",
        seen="https://github.com/DiffSharp/DiffSharp/issues/292",
    ),
    Try(
        "t counted at the end",
        f"""{INIT}
    def step(self):
        for p in self.parameters:
            if p.grad is not None:{MEANS}
                m = self.m[p] / (1 - self.beta1**self.t)
                v = self.v[p] / (1 - self.beta2**self.t)
                p.data -= self.lr * m / (v**0.5 + self.eps)
        self.t += 1
""",
        "t is one behind",
        seen="https://obsidian-digital-garden-kevinchen220.vercel.app/school-notes/cs-484-hku/adam",
    ),
    Try(
        "the correction is stored",
        f"""{INIT}{STEP}
                self.m[p] = self.m[p] / (1 - self.beta1**self.t)
                self.v[p] = self.v[p] / (1 - self.beta2**self.t)
                p.data -= self.lr * self.m[p] / (self.v[p] ** 0.5 + self.eps)
""",
        "corrected again in the next step",
        seen="https://gptteams.ai/developer/algorithm-understand-adam-optimizer-intuitively",
    ),
    Try(
        "eps under the root",
        f"""{INIT}{STEP}
                m = self.m[p] / (1 - self.beta1**self.t)
                v = self.v[p] / (1 - self.beta2**self.t)
                p.data -= self.lr * m / (v + self.eps) ** 0.5
""",
        "eps stands under the root",
        seen="https://github.com/d2l-ai/d2l-zh/pull/502",
    ),
    Try(
        "eps before the correction",
        f"""{INIT}{STEP}
                rate = self.lr * np.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
                p.data -= rate * self.m[p] / (np.sqrt(self.v[p]) + self.eps)
""",
        "eps is corrected along with v",
        seen="https://github.com/tensorflow/tensorflow/issues/9047",
    ),
    Try(
        "no eps",
        f"""{INIT}{STEP}
                m = self.m[p] / (1 - self.beta1**self.t)
                v = self.v[p] / (1 - self.beta2**self.t)
                p.data -= self.lr * m / v**0.5
""",
        "eps is missing",
    ),
    Try(
        "no root",
        f"""{INIT}{STEP}
                m = self.m[p] / (1 - self.beta1**self.t)
                v = self.v[p] / (1 - self.beta2**self.t)
                p.data -= self.lr / (v + self.eps) * m
""",
        "the root is missing",
    ),
    Try(
        "the means are lost",
        f"""{INIT}
    def step(self):
        self.t += 1
        for p in self.parameters:
            if p.grad is not None:
                m = (1 - self.beta1) * p.grad
                v = (1 - self.beta2) * p.grad**2
                m = m / (1 - self.beta1**self.t)
                v = v / (1 - self.beta2**self.t)
                p.data -= self.lr * m / (v**0.5 + self.eps)
""",
        "no memory",
        seen="https://github.com/raskr/rust-autograd/issues/16",
    ),
    Try(
        "not squared",
        f"""{INIT}
    def step(self):
        self.t += 1
        for p in self.parameters:
            if p.grad is not None:
                for mean, beta in ((self.m, self.beta1), (self.v, self.beta2)):
                    mean[p] = beta * mean[p] + (1 - beta) * p.grad
                m = self.m[p] / (1 - self.beta1**self.t)
                v = self.v[p] / (1 - self.beta2**self.t)
                p.data -= self.lr * m / (v**0.5 + self.eps)
""",
        "v is a mean of gradients, not of their squares",
    ),
    Try(
        "a velocity for a mean",
        f"""{INIT}
    def step(self):
        self.t += 1
        for p in self.parameters:
            if p.grad is not None:
                self.m[p] = self.beta1 * self.m[p] + p.grad
                self.v[p] = self.beta2 * self.v[p] + p.grad * p.grad
                m = self.m[p] / (1 - self.beta1**self.t)
                v = self.v[p] / (1 - self.beta2**self.t)
                p.data -= self.lr * m / (v**0.5 + self.eps)
""",
        "sums, where means are meant",
    ),
    Try(
        "a fixed eps",
        f"""{INIT}{STEP}
                m = self.m[p] / (1 - self.beta1**self.t)
                v = self.v[p] / (1 - self.beta2**self.t)
                p.data -= self.lr * m / (v**0.5 + 1e-8)
""",
        "eps is always 1e-8",
    ),
    Try(
        "the gradient changed for the sake of weight decay",
        f"""{INIT}
    def step(self):
        self.t += 1
        for p in self.parameters:
            if p.grad is not None:
                p.grad += 0.01 * p.data{MEANS}
                m = self.m[p] / (1 - self.beta1**self.t)
                v = self.v[p] / (1 - self.beta2**self.t)
                p.data -= self.lr * m / (v**0.5 + self.eps)
""",
        place="data",
    ),
)
