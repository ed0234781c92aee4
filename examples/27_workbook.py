"""
The workbook: write it yourself
===============================

Reading right code teaches half of backpropagation, writing it the other half. tinynet has a
workbook of 22 exercises, from the slope of a number to a network of your own parts that reads
digits. Here you see how to begin, what a check says, and why a wrong gradient needs one: it may
well learn.
"""

# %%
# Two commands are all. The first writes the workbook into a new folder, the second says whether an
# exercise is right. In a terminal you type what stands behind the `$`.

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from lesson import Lesson

import tinynet as tn

lesson = Lesson(__doc__)
place = Path(tempfile.mkdtemp())
environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def command(words, shown=None):
    """Run a command as a terminal does; print it and what it says, or its first lines."""
    done = subprocess.run(
        [sys.executable, "-m", *words.split()[2:]],
        cwd=place, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    lines = (done.stdout + done.stderr).rstrip().splitlines()
    if shown is not None and len(lines) > shown:
        lines[shown:] = ["..."]
    print("\n".join([f"$ {words}", *lines, ""]))
    return done.stdout


command("python -m tinynet workbook my_workbook")
command("python -m tinynet workbook check my_workbook", shown=8)

# %%
# **Three exercises, as a learner goes through them.** Each file opens with a short lecture, which
# is left out here. Below it stands the skeleton: `raise NotImplementedError` marks what is yours.
# First a try that goes wrong, as it went wrong for many; then the message, a hint, and a try that
# is right. Read each message with a pencil: the example is small enough.


def go_through(file, wrong, right):
    """Show an exercise, try, ask, and try again; whether the mistake got a name, and the end."""
    path, number = place / "my_workbook" / file, file[:2]
    lecture, _, skeleton = path.read_text().rpartition('"""\n\nimport numpy as np\n')
    head = f'{lecture}"""\n\nimport numpy as np\n'
    print(f"=== {file}, below its lecture\n\n{skeleton.strip()}\n")
    for title, attempt in {"a first try": wrong, "a second try": right}.items():
        if attempt is right:
            command(f"python -m tinynet workbook check my_workbook {number} --hint")
        print(f"=== {file}, {title}\n\n{attempt.strip()}\n")
        path.write_text(f"{head}\n\n{attempt.strip()}\n")
        said = command(f"python -m tinynet workbook check my_workbook {number}")
        if attempt is wrong:
            named = "wrong" in said and "no simple mistake fits" not in said
    return named, "wrong" not in said and "right" in said


results = [
    go_through(
        "05_dW.py",
        """
def grad_W(dy, x):
    return x.T @ dy / len(x)  # a mean over the batch, for the loss is a mean
""",
        """
def grad_W(dy, x):
    return x.T @ dy
""",
    )
]

# %%
# The next one is about the loss, whose 1/N has to stand just once: here.

forward = """
def nll(log_p, target):
    return -log_p[np.arange(len(target)), target].mean()


def nll_backward(log_p, target):
    dx = np.zeros_like(log_p)
    dx[np.arange(len(target)), target] = """
backward = "-1\n    return dx", "-1 / len(target)\n    return dx"
results.append(go_through("11_nll.py", forward + backward[0], forward + backward[1]))

# %%
# And one that computes with chance, where no number is right or wrong by itself. The grader looks
# at shares, means and spreads.

dropout = """
class Dropout:
    def __init__(self, p, rng):
        self.p, self.rng = p, rng
        self.training = True

    def forward(self, x):
        self.mask = np.ones(x.shape)
        if self.training:
            self.mask = self.rng.random(x.shape) >= self.p
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask

    def parameters(self):
        return []
"""
right = dropout.replace(">= self.p", ">= self.p\n            self.mask = self.mask / (1 - self.p)")
results.append(go_through("19_dropout.py", dropout, right))
lesson.claim("mistakes named, of 3", sum(named for named, _ in results), 3, trained=False)
lesson.claim("second tries that are right, of 3", sum(r for _, r in results), 3, trained=False)

# %%
# **Why a check, and not just a try?** Because a wrong gradient may learn. Here a network of 784, 32
# and 10 units learns the digits with the right dW, and with three wrong ones, for two epochs each.
# The one with 1/N too much creeps, the one that sees only the last row of each batch stumbles. Who
# does not know the right curve takes either for a matter of the learning rate. Only the last one,
# with the wrong sign, shows what it is: it never learns, and in the end its numbers are infinite.

gradients = {
    "right": lambda dy, x: x.T @ dy,
    "a mean over the batch": lambda dy, x: x.T @ dy / len(x),
    "only the last row": lambda dy, x: np.outer(x[-1], dy[-1]),
    "wrong sign": lambda dy, x: -(x.T @ dy),
}

digits = lesson.digits()
X, y = tn.data.minmax_scale(digits.images, 0, 255), digits.labels
X_train, y_train, X_test, y_test = X[:18_000], y[:18_000], X[18_000:], y[18_000:]
BATCH, EVERY = 32, 50
steps = range(0, 2 * len(X_train) - BATCH + 1, BATCH)


def accuracies(grad_W):
    """The test accuracy after every 50 steps, with this dW in both layers."""
    rng = np.random.default_rng(lesson.seed)
    W1 = rng.standard_normal((784, 32)) * np.sqrt(2 / 784)
    W2 = rng.standard_normal((32, 10)) * np.sqrt(2 / 32)
    b1, b2, found = np.zeros(32), np.zeros(10), []
    for k, start in enumerate(steps):
        if k % EVERY == 0:
            found.append(tn.accuracy(np.maximum(X_test @ W1 + b1, 0) @ W2 + b2, y_test))
        rows = np.arange(start, start + BATCH) % len(X_train)
        x, h = X_train[rows], X_train[rows] @ W1 + b1
        a = np.maximum(h, 0)
        out = a @ W2 + b2
        p = np.exp(out - out.max(axis=1, keepdims=True))
        dy = p / p.sum(axis=1, keepdims=True)
        dy[np.arange(BATCH), y_train[rows]] -= 1
        dy /= BATCH
        dh = dy @ W2.T * (h > 0)
        W2 -= 0.2 * grad_W(dy, a)
        b2 -= 0.2 * dy.sum(axis=0)
        W1 -= 0.2 * grad_W(dh, x)
        b1 -= 0.2 * dh.sum(axis=0)
    return found


with np.errstate(all="ignore"):  # uphill, numbers soon have no end
    scores = {name: accuracies(grad_W) for name, grad_W in gradients.items()}
curves = {name: (np.arange(len(found)) * EVERY, found) for name, found in scores.items()}
panel = tn.plots.Panel("", "steps", "test accuracy (%)", curves)
lesson.save(tn.plots.line_panels([panel], "One network, four times dW"), "27_four_gradients")
for name, found in scores.items():
    print(f"{name:<22} {found[-1]:6.2f} %")
right = scores["right"][-1]
lesson.claim("right dW (%)", right, at_least=88)
lesson.claim("a mean over the batch (%)", scores["a mean over the batch"][-1], 30, right)
lesson.claim("only the last row (%)", scores["only the last row"][-1], 30, right)
lesson.claim("wrong sign (%)", scores["wrong sign"][-1], at_most=30)

# %%
# Now it is your turn: `python -m tinynet workbook my_workbook`, and begin with `01_slopes.py`. Who
# teaches a class finds in `docs/workbook.md` how to grade all workbooks at once.

lesson.finish()
