"""Wrong solutions of 19_dropout.py."""

from wrong_solutions import Try

INIT = """
class Dropout:
    def __init__(self, p, rng):
        self.p, self.rng, self.training = p, rng, True

    def parameters(self):
        return []
"""

BACKWARD = """
    def backward(self, dy):
        return dy * self.mask if self.training else dy
"""


def forward(mask: str, evaluation: str = "x") -> str:
    """A forward with such a mask in training."""
    return f"""
    def forward(self, x):
        if not self.training:
            return {evaluation}
        self.mask = {mask}
        return self.mask * x
"""


RIGHT = "self.rng.binomial(1, 1 - self.p, x.shape) / (1 - self.p)"

TRIES = (
    Try(
        "no factor",
        INIT + forward("self.rng.random(x.shape) > self.p") + BACKWARD,
        "nothing is made larger",
        seen="https://github.com/nelson-liu/paraphrase-id-tensorflow/pull/33",
    ),
    Try(
        "the classic way: no factor, and a smaller y in evaluation",
        INIT + forward("self.rng.random(x.shape) > self.p", "x * (1 - self.p)") + BACKWARD,
        "nothing is made larger",
        seen="https://github.com/keras-team/keras/issues/3305",
    ),
    Try(
        "divided by p",
        INIT
        + forward("np.where(self.rng.random(x.shape) < self.p, 0, 1 / max(self.p, 1e-9))")
        + BACKWARD,
        "divided by the share that is dropped",
        seen="https://github.com/lmjohns3/theanets/pull/123",
    ),
    Try(
        "p is what is kept",
        INIT + forward("(self.rng.random(x.shape) < self.p) / (self.p or 1)") + BACKWARD,
        "p is taken for the share that is kept",
        seen="https://github.com/leonardoaraujosantos/DLMatFramework/issues/2",
    ),
    Try(
        "one mask for all rows",
        INIT + forward("(self.rng.random((1, x.shape[1])) >= self.p) / (1 - self.p)") + BACKWARD,
        "one fate for each column",
        seen="https://community.deeplearning.ai/t/implementing-dropout-regularization/127785",
    ),
    Try(
        "a number for the whole batch, by Python's if",
        INIT + forward("1 / (1 - self.p) if self.rng.uniform() > self.p else 0.0") + BACKWARD,
        "one random number decides for the whole batch",
    ),
    Try(
        "a seed in forward",
        INIT
        + forward("(np.random.default_rng(1).random(x.shape) >= self.p) / (1 - self.p)")
        + BACKWARD,
        "a generator of its own",
        seen="https://community.deeplearning.ai/t/inverted-dropout-killing-nodes-or-stabbing-training-examples/49593/2",
    ),
    Try(
        "the old generator",
        INIT + forward("(np.random.rand(*x.shape) >= self.p) / (1 - self.p)") + BACKWARD,
        "the numbers do not come from rng",
    ),
    Try(
        "evaluation still drops",
        f"""{INIT}
    def forward(self, x):
        self.mask = {RIGHT}
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask
""",
        "evaluation still drops",
        seen="https://github.com/Coderx7/SimpleNet/issues/2",
    ),
    Try(
        "evaluation scales as well",
        INIT + forward(RIGHT, "x * (1 - self.p)") + BACKWARD,
        "evaluation makes x smaller",
        seen="https://github.com/karpathy/convnetjs/pull/106",
    ),
    Try(
        "backward without the mask",
        INIT
        + forward(RIGHT)
        + """
    def backward(self, dy):
        return dy
""",
        "backward lets everything through",
        seen="https://github.com/rohitg00/ai-engineering-from-scratch/pull/17",
    ),
    Try(
        "backward with a mask of zeros and ones",
        INIT
        + forward(RIGHT)
        + """
    def backward(self, dy):
        return np.where(self.mask > 0, dy, 0) if self.training else dy
""",
        "the factor is missing in backward",
    ),
    Try(
        "backward draws again",
        INIT
        + forward(RIGHT)
        + """
    def backward(self, dy):
        if not self.training:
            return dy
        return dy * (self.rng.random(dy.shape) >= self.p) / (1 - self.p)
""",
        "a mask of its own",
    ),
    Try(
        "the old mask in evaluation",
        INIT
        + forward(RIGHT)
        + """
    def backward(self, dy):
        return dy * self.mask
""",
        "the mask of an earlier forward",
    ),
    Try(
        "in place",
        f"""{INIT}
    def forward(self, x):
        if self.training:
            self.mask = {RIGHT}
            x *= self.mask
        return x
{BACKWARD}""",
        "x is changed in place",
    ),
    Try(
        "nothing yet",
        f"""{INIT}
    def forward(self, x):
        return x

    def backward(self, dy):
        return dy
""",
        "nothing is dropped",
    ),
)
