"""
Write your own layer, and have it proved
========================================

A layer is two functions: `forward`, and its derivative `backward`. The second one is easily wrong,
and a network with a wrong derivative often still learns, only worse, so that nobody notices. Here
we write two layers and a loss, with the mistakes that one makes, and let `tn.check_gradients` find
them.
"""

# %%
# Our first layer is `tanh`, which squeezes any number into -1 to 1. Older networks had it where
# ours have `ReLU`. If y = tanh(x), the slope is 1 - y**2: steepest at 0, flat where tanh is full.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=10)

x, h = np.linspace(-4, 4, 200), 0.01
slopes = {"1 - y**2": (x, 1 - np.tanh(x) ** 2)}
slopes["difference"] = x, (np.tanh(x + h) - np.tanh(x - h)) / (2 * h)
panels = [
    tn.plots.Panel("the layer", "x", "y", {"tanh(x)": (x, np.tanh(x))}),
    tn.plots.Panel("its slope", "x", "slope", slopes),
]
lesson.save(tn.plots.line_panels(panels, "tanh and its slope"), "07_tanh")

# %%
# The second curve on the right is not a formula. A slope says how much y changes if x changes a
# little, so you can simply try: go a little up and a little down, and divide. That works for every
# layer, and it is how `check_gradients` proves a `backward`: it moves each input and each weight,
# and sees whether the loss changes as `backward` says. It does so with more care, to 10 digits.
#
# Now the layer. `forward` hands to `self.keep` what `backward` will need. `backward` gets `dy`,
# how the loss changes with y, and returns `dx`, how it changes with x. Can you see the mistake?


class Tanh(tn.Module):
    """y = tanh(x), first attempt."""

    def forward(self, x):
        y = np.tanh(x)
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        return 1 - y**2


# %%
# A tuple stands for a shape: the check draws 5 rows of 7 random numbers, and a random dy.

caught = []


def check(layer, *inputs):
    """Print the table if the layer is right, or else what is wrong."""
    try:
        report = tn.check_gradients(layer, *inputs, rng=lesson.seed)
    except tn.GradientError as error:
        print(f"WRONG. {error}\n")
        caught.append(error)
        return False
    print(report, "\n")
    return report.passed


check(Tanh(), (5, 7))

# %%
# The slope is right, but `dy` is not used: that breaks the chain rule, slope times slope. Had the
# check used a dy of ones, it would have found nothing. So we multiply, and since we have heard
# that copies cost time, we do it in place.


class TanhInPlace(Tanh):
    """Second attempt."""

    def backward(self, dy):
        dy, y = self.kept(dy)
        dy *= 1 - y**2
        return dy


check(TanhInPlace(), (5, 7))

# %%
# The numbers are right now, but an array that belongs to someone else was changed. Another layer
# may still need this dy. No derivative shows such a thing; the check has a list of rules for it,
# the lower part of the table below.
#
# In our third attempt, each of the two equations is a kernel: a line of NumPy, and the plain loop
# that computes it, which Numba compiles. `flat` hands it every array as one row of numbers, since
# tanh does not care for shapes. `fit` compiles a network as a whole, and takes kernels
# into its code. A layer in NumPy is a guest there, which runs by itself, between two pieces.


@tn.kernel(lambda x: np.tanh(x), equation="y = tanh(x)", flat=True)
def tanh(x, y):
    for i in range(x.size):
        y[i] = np.tanh(x[i])


@tn.kernel(lambda dy, y: dy * (1 - y**2), equation="dx = dy * (1 - y**2)", flat=True)
def tanh_dx(dy, y, dx):
    for i in range(y.size):
        dx[i] = dy[i] * (1 - y[i] ** 2)


class RightTanh(tn.Module):
    def forward(self, x):
        x = np.ascontiguousarray(x)  # kernels take arrays whose numbers lie row by row
        y = np.empty_like(x)
        tanh(x, y)
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        dx = np.empty_like(y)
        tanh_dx(dy, y, dx)
        return dx


lesson.claim("Tanh is right (1: yes)", check(RightTanh(), (5, 7)), at_least=1, trained=False)

# %%
# Our second layer learns. It is a ReLU that lets a share of the negative numbers through, and the
# share is a `tn.Parameter`: the network finds out itself how large it should be (He et al. 2015,
# "Delving deep into rectifiers", call it PReLU). A parameter has its own gradient, `.grad`: how the
# loss changes with the share. For one number x below 0, that is x * dy.


class PReLU(tn.Module):
    """y = where(x > 0, x, share * x), first attempt."""

    def __init__(self):
        self.share = tn.Parameter(np.array([0.25], dtype=np.float32))

    def forward(self, x):
        self.keep(x)
        return np.where(x > 0, x, self.share.data * x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.share.grad += dy * np.where(x > 0, 0, x)
        return np.where(x > 0, dy, self.share.data * dy)


check(PReLU(), (5, 7))

# %%
# The sum is missing. One share served all numbers of the batch, and each of them tells how it wants
# the share to change; its gradient is the sum over all of them. This is so for every parameter, and
# it is why the b of a Linear layer gets `dy.sum(axis=0)`: it served all rows.


class SummedPReLU(PReLU):
    """Second attempt."""

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.share.grad[0] = (dy * np.where(x > 0, 0, x)).sum()
        return np.where(x > 0, dy, self.share.data * dy)


check(SummedPReLU(), (5, 7))

# %%
# A gradient is to be added to what is there, with `+=`. Two batches may be meant to count
# together; `optimizer.zero_grad()` says when a new sum begins. One character repairs it.


class RightPReLU(PReLU):
    def backward(self, dy):
        dy, x = self.kept(dy)
        self.share.grad[0] += (dy * np.where(x > 0, 0, x)).sum()
        return np.where(x > 0, dy, self.share.data * dy)


lesson.claim("PReLU is right (1: yes)", check(RightPReLU(), (5, 7)), at_least=1, trained=False)

# %%
# A loss is a layer, too, whose output is one number. Here is the oldest: the output of the right
# class should be 1, all others 0, and what counts is the squared distance from that, as the mean
# over the rows. `backward` begins the way back, so that its `dy` is 1 unless somebody says
# otherwise. Where is the mistake this time?


class SquaredError(tn.Module):
    """loss = ((outputs - wanted) ** 2).sum() / N, first attempt."""

    def forward(self, outputs, labels):
        wanted = np.eye(outputs.shape[1], dtype=outputs.dtype)[labels]
        self.keep(outputs - wanted)
        return float(((outputs - wanted) ** 2).sum() / len(outputs))

    def backward(self, dy=1.0):
        dy, difference = self.kept(dy)
        return dy * 2 * difference

    def accuracy(self, outputs, labels):  # fit draws it, if there is one
        return tn.accuracy(outputs, labels)


some_labels = np.array([0, 6, 2, 2, 5])
check(SquaredError(), (5, 7), some_labels)

# %%
# The mean over N rows divides by N, on the way back as on the way forward. Without it the network
# would still learn, with steps that are N times as large: one would look for a better learning rate
# and never see why.


class RightSquaredError(SquaredError):
    def backward(self, dy=1.0):
        dy, difference = self.kept(dy)
        return dy * 2 * difference / len(difference)


is_right = check(RightSquaredError(), (5, 7), some_labels)
lesson.claim("squared error is right (1: yes)", is_right, at_least=1, trained=False)
lesson.claim("mistakes caught, of 5", len(caught), at_least=5, at_most=5, trained=False)

# %%
# In your own project: `assert tn.check_gradients(MyLayer(), (5, 7)).passed` in a test, or
# `python -m tinynet gradcheck my_layer.py:MyLayer --shape 5,7`. And now to work: the network of
# lesson 3, with each of the layers in place of `ReLU`. With `compiled=True`, `fit` takes what is in
# kernels, and nothing else; without, it says that our PReLU stays Python, and what that costs.

digits = lesson.digits()
data = tn.data.minmax_scale(digits.images), digits.labels
X_train, X_test, y_train, y_test = train_test_split(*data, test_size=0.1, random_state=lesson.seed)
histories = {}
for name, make in {"ReLU": tn.ReLU, "Tanh": RightTanh, "PReLU": RightPReLU}.items():
    rng = np.random.default_rng(lesson.seed)
    net = tn.Sequential(
        *(tn.Linear(784, 64, rng=rng), make(), tn.Linear(64, 32, rng=rng), make()),
        *(tn.Linear(32, 32, rng=rng), make(), tn.Linear(32, 10, rng=rng), tn.LogSoftmax()),
    )
    loader = tn.DataLoader(X_train, y_train, batch_size=32, shuffle=True, rng=lesson.seed)
    optimizer = tn.SGD(net.parameters(), lr=0.1)
    histories[name] = tn.fit(
        *(net, tn.NLLLoss(), optimizer, loader, (X_test, y_test), lesson.epochs),
        progress=False,
        compiled=None if name == "PReLU" else True,
    )
    lesson.fingerprint(net)
    lesson.claim(f"{name}: test accuracy (%)", histories[name].test_accuracy[-1], at_least=94)

title = "The network of lesson 3 with three different layers"
lesson.save(tn.plots.learning_curves(histories, title), "07_learning_curves")

# %%
# And the same network with our loss. It needs no LogSoftmax: its outputs are compared with 0 and 1
# as they are.

rng = np.random.default_rng(lesson.seed)
net = tn.Sequential(
    *(tn.Linear(784, 64, rng=rng), tn.ReLU(), tn.Linear(64, 32, rng=rng), tn.ReLU()),
    *(tn.Linear(32, 32, rng=rng), tn.ReLU(), tn.Linear(32, 10, rng=rng)),
)
loader = tn.DataLoader(X_train, y_train, batch_size=32, shuffle=True, rng=lesson.seed)
optimizer = tn.SGD(net.parameters(), lr=0.1)
history = tn.fit(
    *(net, RightSquaredError(), optimizer, loader, (X_test, y_test), lesson.epochs), progress=False
)
lesson.fingerprint(net)
lesson.claim("squared error: test accuracy (%)", history.test_accuracy[-1], at_least=94)
lesson.finish()
