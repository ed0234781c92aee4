"""Wrong solutions of 22_mnist.py."""

from wrong_solutions import Try


def layers(*names: str, before: str = "", W: str = "mine.he({0}, {1}, rng)") -> str:
    """A build that lists its layers; a pair of numbers is a Linear."""
    lines = [
        f"mine.Linear({W.format(*name.split())}, np.zeros({name.split()[1]}))"
        if name[0].isdigit()
        else name
        for name in names
    ]
    listed = "".join(f"        {line},\n" for line in lines)
    return f"def build(rng):\n{before}    return mine.Sequential([\n{listed}    ])\n"


RIGHT = (
    *("784 64", "mine.ReLU()", "64 32", "mine.ReLU()", "32 32", "mine.ReLU()", "32 10"),
    "mine.LogSoftmax()",
)


def training(
    lines: str, epochs: int = 2, lr: float = 0.02, optimizer: str = "mine.Momentum"
) -> str:
    """A train whose epochs consist of these lines."""
    return f"""
def train(net, X, y, rng):
    optimizer = {optimizer}(net.parameters(), lr={lr})
    for epoch in range({epochs}):
        rows = rng.permutation(len(X))
{lines}
"""


BY_EPOCH = """
        parts = [rows[k:k + 32] for k in range(0, len(rows), 32)]
        mine.train_epoch(
            net, mine.nll, mine.nll_backward, optimizer, [(X[part], y[part]) for part in parts]
        )
"""

BY_HAND = """
        for k in range(0, len(rows), 32):
            part = rows[k:k + 32]
            y_net = net.forward(X[part])
"""

TRIES = (
    Try(
        "no ReLU at all",
        layers(*(name for name in RIGHT if name != "mine.ReLU()")),
        "no ReLU stands between the Linears",
    ),
    Try(
        "a ReLU for every Linear",
        """
def build(rng):
    sizes, layers = [784, 64, 32, 32, 10], []
    for I, O in zip(sizes[:-1], sizes[1:]):
        layers.append(mine.Linear(mine.he(I, O, rng), np.zeros(O)))
        layers.append(mine.ReLU())
    return mine.Sequential(layers + [mine.LogSoftmax()])
""",
        "a ReLU stands after the last Linear",
    ),
    Try(
        "one ReLU for all",
        layers(
            *(name.replace("mine.ReLU()", "relu") for name in RIGHT),
            before="    relu = mine.ReLU()\n",
        ),
        "one ReLU stands in several places",
        seen="https://github.com/openai/CLIP/pull/239",
    ),
    Try(
        "the last ReLU forgotten",
        layers(*RIGHT[:5], *RIGHT[6:]),
        "no ReLU stands after the third Linear",
    ),
    Try(
        "three Linears",
        layers(*RIGHT[:4], *RIGHT[6:]),
        "a Linear is missing",
    ),
    Try(
        "other sizes",
        layers("784 128", "mine.ReLU()", "128 10", "mine.LogSoftmax()"),
        place="the shapes of its parameters",
    ),
    Try(
        "W as in PyTorch",
        layers(*RIGHT, W="mine.he({0}, {1}, rng).T"),
        "W stands the other way round",
    ),
    Try(
        "zeros",
        layers(*RIGHT, W="np.zeros(({0}, {1}))"),
        "all weights begin alike, as 0 or so",
        seen="https://community.deeplearning.ai/t/week-1-programming-assignment-initialization-"
        "exercise-1-initialize-parameters-zeros/121049",
    ),
    Try(
        "normal numbers as they come",
        layers(*RIGHT, W="rng.normal(0, 1, ({0}, {1}))"),
        "the first weights are too large",
        seen="https://pythoner.space/questions/the-cost-function-of-the-neural-network-is-failing-to-minimize",
    ),
    Try(
        "small normal numbers",
        layers(*RIGHT, W="1e-2 * rng.normal(size=({0}, {1}))"),
        "the first weights are too small",
    ),
    Try(
        "a generator of its own",
        layers(*RIGHT, before="    rng = np.random.default_rng(42)\n"),
        "do not come from the rng",
    ),
    Try(
        "the library's layers",
        "import tinynet as tn\n\n"
        + layers(
            "tn.Linear(784, 64, rng=rng, dtype=np.float64)",
            "tn.ReLU()",
            "tn.Linear(64, 32, rng=rng, dtype=np.float64)",
            "tn.ReLU()",
            "tn.Linear(32, 32, rng=rng, dtype=np.float64)",
            "tn.ReLU()",
            "tn.Linear(32, 10, rng=rng, dtype=np.float64)",
            "tn.LogSoftmax()",
        ),
        "not all of it is yours",
    ),
    Try(
        "a network of its own is trained",
        training(BY_EPOCH).replace("optimizer = ", "net = build(rng)\n    optimizer = "),
        "no weight has changed",
    ),
    Try(
        "only the last layer learns",
        training(BY_EPOCH).replace("net.parameters()", "net.layers[-2].parameters()"),
        "some parameters never change",
    ),
    Try(
        "gradients never forgotten",
        training(f"""{BY_HAND}
            net.backward(mine.nll_backward(y_net, y[part]))
            optimizer.step()
"""),
        "the gradients of earlier steps are still there",
        seen="https://github.com/jcjohnson/pytorch-examples/issues/31",
    ),
    Try(
        "x shuffled, y not",
        training(BY_EPOCH.replace("y[part]", "y[k:k + 32]").replace(
            "[(X[part], y[k:k + 32]) for part in parts]",
            "[(X[p], y[32 * k:32 * k + len(p)]) for k, p in enumerate(parts)]",
        )),
        "x and y are not shuffled alike",
    ),
    Try(
        "uphill",
        training(f"""{BY_HAND}
            optimizer.zero_grad()
            net.backward(-mine.nll_backward(y_net, y[part]))
            optimizer.step()
""", lr=0.001),
        "it learns away from the labels",
    ),
    Try(
        "a learning rate of 50",
        training(BY_EPOCH, lr=50.0),
        "the loss does not fall",
    ),
    Try(
        "one short epoch",
        training(BY_EPOCH, epochs=1, lr=0.005, optimizer="mine.SGD"),
        "it has not learned enough yet",
        seen="https://pythonicforge.github.io/data/science/and/ml/2025/02/21/mnist-numpy.html",
    ),
    Try(
        "train is empty",
        """
def train(net, X, y, rng):
    pass
""",
        "no weight has changed",
    ),
)  # fmt: skip
