"""
Activation functions and first weights
======================================

Before a network learns, its weights are random numbers. How large should they be? Too small, and
ten layers later nothing is left of a digit; too large, and its numbers explode; all equal, and 64
units are worth one. This lesson measures it, and then follows the weights while they learn.
"""

# %%
# **Four activations.** On the way forward, every number passes through the activation. On the way
# back, every gradient is multiplied by the slope there. Look at the slopes on the right and guess:
# what is left of a gradient that has come through nine Sigmoids? And through nine ReLUs?

from contextlib import suppress
from functools import partial
from itertools import pairwise, product

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=50)

activations = {"Sigmoid": tn.Sigmoid, "Tanh": tn.Tanh, "ReLU": tn.ReLU}
activations["LeakyReLU"] = partial(tn.LeakyReLU, 0.1)
x = np.linspace(-3, 3, 301, dtype=np.float32)
outputs, slopes = {}, {}
for name, activation in activations.items():
    layer = activation()
    outputs[name], slopes[name] = (x, layer(x)), (x, layer.backward(np.ones_like(x)))
panels = [
    tn.plots.Panel("forward", "x", "output", outputs),
    tn.plots.Panel("backward", "x", "slope", slopes),
]
lesson.save(tn.plots.line_panels(panels, "Four activations"), "17_activations")

# %%
# **By how much does a layer change the size of numbers?** A unit adds up 64 inputs, each times a
# random weight. Signs differ, and most of it cancels out: the sum of 64 such numbers is about
# sqrt(64) = 8 times as large as one of them. ReLU makes half of them 0, which costs sqrt(2). With
# weights of standard deviation `std`, a layer multiplies sizes by `8 * std / sqrt(2)`. They stay
# the same if `std` is `sqrt(2 / 64)`: that is He's rule. The gradient takes the same weights the
# other way, so it holds there, too. Glorot's rule, made for Tanh, has 1 in place of 2; that of our
# Linear, which is PyTorch's, has 1/3.

digits = lesson.digits()
X, y = tn.data.minmax_scale(digits.images), digits.labels
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.1, random_state=lesson.seed)
first_weights = {
    "std 0.01": partial(tn.init.normal, std=0.01),
    "std 1": partial(tn.init.normal, std=1),
    "Linear's own": lambda W, rng: W,
    "Glorot": tn.init.xavier_normal,
    "He": partial(tn.init.kaiming_normal, nonlinearity="relu"),
}


def make_network(sizes, activation, fill):
    """Make Linear layers with activations between them; `fill` draws the weights, biases are 0."""
    rng = np.random.default_rng(lesson.seed)
    layers = []
    for n_in, n_out in pairwise(sizes):
        linear = tn.Linear(n_in, n_out, rng=rng)
        fill(linear.W, rng=rng)
        tn.init.constant(linear.b, 0)
        layers += [linear, activation()]
    return tn.Sequential(*layers[:-1])


TEN_LAYERS, FFN = (784, *[64] * 9, 10), (784, 64, 32, 32, 10)
loss_fn = tn.CrossEntropyLoss()
nets, gradients, factors = {}, {name: {} for name in activations}, {}
print("ReLU            std  8 * std / sqrt(2)  forward  backward")
for name, start in product(activations, first_weights):
    nets[name, start] = net = make_network(TEN_LAYERS, activations[name], first_weights[start])
    layers = tn.trace(net, loss_fn, X_train[:500], y_train[:500]).layers[0::2]
    dy = [np.abs(layer.dy).mean() for layer in layers]
    gradients[name][start] = (range(1, 11), dy)
    factors[name, start] = (dy[0] / dy[8]) ** (1 / 8)  # from the ninth layer to the first
    if name == "ReLU":
        std, forward = net[2].W.data.std(), (layers[8].output.std() / layers[0].output.std())
        told = f"{std:.3f}  {8 * std / np.sqrt(2):>17.2f}  {forward ** (1 / 8):>7.2f}"
        print(f"{start:<12}  {told}  {factors[name, start]:>8.2f}")
bounds = {("ReLU", "std 0.01"): (0, 0.1), ("ReLU", "std 1"): (4, 8), ("ReLU", "He"): (0.8, 1.25)}
for key, (low, high) in (bounds | {("Sigmoid", "Glorot"): (0, 0.4)}).items():
    lesson.claim(f"{', '.join(key)}: gradient times, per layer", factors[key], low, high)

# %%
# **Vanishing and exploding.** The gradient comes from the loss, on the right, and goes to the left.
# A line that falls towards the left is a gradient that vanishes. One that rises explodes. A level
# one is healthy: He's for ReLU and LeakyReLU, He's and Glorot's for Tanh. Sigmoid vanishes by all
# these rules, since its slope is 1/4 at most: it would need weights about four times as large.

panels = [tn.plots.Panel(k, "layer", "mean |dy|", v, yscale="log") for k, v in gradients.items()]
title = "The gradient on its way through ten layers, before learning"
lesson.save(tn.plots.line_panels(panels, title, columns=2), "17_gradients")

# %%
# **Can they learn?** All twenty networks get two epochs of plain SGD. Compare with the lines above.
# About 11 % means to call every digit the same; at 0 % numbers became infinite, and `fit` stopped.

few = min(2, lesson.epochs)
loader = tn.DataLoader(X_train, y_train, 32, shuffle=True, drop_last=True, rng=lesson.seed)


def learn(net, optimizer):
    """Train, as long as all numbers are finite; return the test accuracy in percent."""
    with suppress(FloatingPointError):
        tn.fit(net, loss_fn, optimizer, loader, epochs=few, progress=False)
    return tn.accuracy(net.predict(X_test), y_test)


accuracies = {key: learn(net, tn.SGD(net.parameters(), 0.01)) for key, net in nets.items()}
table = np.reshape([*accuracies.values()], (4, 5))
axes = [*activations], [*first_weights], "first weights", "activation", "test accuracy (%)"
title = f"Ten layers after {few} epochs of SGD"
lesson.save(tn.plots.heat_map(table, *axes, title, "{:.1f}"), "17_accuracy")
lesson.claim("ReLU, He: test accuracy (%)", accuracies["ReLU", "He"], at_least=80)
lesson.claim("ReLU, Linear's own: test accuracy (%)", accuracies["ReLU", "Linear's own"], 0, 20)

# %%
# **All equal.** Why random at all? Back to the network of lesson 3, with Adam. If all weights are
# 0, every weight's gradient is 0, too: in `x.T @ dy` either x is 0, or dy is, that came through
# zeros. Only the last biases learn. If all weights are 1, all units of a layer compute the same,
# get the same gradient, and stay the same for ever. The figure shows how far weights moved. It is
# chance that makes units different. (A grey unit got switched off: ReLU gives it no gradient.)

cases = {"all 0": (0, 1, 0, 40), "all 1": (1, 1, 0, 40), "random": (None, 64, 80, 100)}
moves = []
for start, (value, needed, low, high) in cases.items():
    net = make_network(FFN, tn.ReLU, first_weights["He"])
    if value is not None:
        for layer in net.layers[0::2]:
            tn.init.constant(layer.W, value)
    before = net[0].W.data.copy()
    accuracy = learn(net, tn.Adam(net.parameters(), lr=0.01))
    moves += [*(net[0].W.data - before)[:, :6].T]
    units = np.unique(net[0].W.data, axis=1).shape[1]
    lesson.claim(f"weights {start}: different units of 64", units, needed, needed)
    lesson.claim(f"weights {start}: test accuracy (%)", accuracy, low, high)
title, names = "How far the weights of six units moved", ["all 1"] * 6 + ["random"] * 6
lesson.save(tn.plots.digit_grid(moves[6:], names, 6, title), "17_all_equal")

# %%
# **Which standard deviation?** The same network from 16 of them, by SGD and by Adam. SGD takes the
# gradient as it is, and learns in a narrow range: below it gradients are too small to move a thing.
# Adam divides a gradient by its usual size, so that small first weights hardly trouble it. Large
# ones trouble both: scores grow with every layer, and small steps are nothing to weights of 2.

stds = np.geomspace(0.0001, 10, 16)
by_std = {}
for name, optimizer in {"SGD, lr 0.01": tn.SGD, "Adam, lr 0.01": tn.Adam}.items():
    nets = [make_network(FFN, tn.ReLU, partial(tn.init.normal, std=std)) for std in stds]
    by_std[name] = (stds, [learn(net, optimizer(net.parameters(), lr=0.01)) for net in nets])
title, x = "784-64-32-32-10", "standard deviation of the first weights"
panel = tn.plots.Panel(title, x, "test accuracy (%)", by_std, xscale="log")
lesson.save(tn.plots.line_panels([panel], f"After {few} epochs"), "17_standard_deviations")
(_, sgd), (_, adam) = by_std.values()
lesson.claim("Adam, std 0.01: test accuracy (%)", adam[6], at_least=80)
lesson.claim("SGD, std 0.01: test accuracy (%)", sgd[6], at_most=20)
lesson.claim("SGD, std 2: test accuracy (%)", sgd[13], at_most=40)

# %%
# **The weights while they learn**, by SGD with small steps. How far does a layer move in an epoch?
# How large is its norm? And its *condition number*: how much more does it stretch one direction
# than another? At first little happens. Then the loss falls, and that is when weights move most.
# Norms grow, as sure answers need large scores. Layers 1, 2, 4 come to prefer some directions. The
# third all but flattens one from the start, as random squares do. Where its line leaps, it is lost.

net = make_network(FFN, tn.ReLU, first_weights["Linear's own"])
optimizer = tn.SGD(net.parameters(), lr=0.001)
losses, weights = [], []
for epoch in range(lesson.epochs + 1):
    if epoch:
        losses += tn.fit(net, loss_fn, optimizer, loader, progress=False).train_loss
    weights.append([layer.W.data.copy() for layer in net.layers[0::2]])
epochs = range(1, lesson.epochs + 1)
changes, norms, conditions = {}, {}, {}
for k, Ws in enumerate(zip(*weights, strict=True), start=1):
    changes[f"layer {k}"] = (epochs, [np.linalg.norm(new - old) for old, new in pairwise(Ws)])
    norms[f"layer {k}"] = (epochs, [np.linalg.norm(W) for W in Ws[1:]])
    conditions[f"layer {k}"] = (epochs, [np.linalg.cond(W) for W in Ws[1:]])
panels = [
    tn.plots.Panel("loss", "epoch", "training loss", {"loss": (epochs, losses)}),
    tn.plots.Panel("change of the weights in an epoch", "epoch", "norm of the change", changes),
    tn.plots.Panel("all weights of a layer", "epoch", "norm", norms),
    tn.plots.Panel("condition number", "epoch", "most over least", conditions, yscale="log"),
]
title = "Four layers while they learn"
lesson.save(tn.plots.line_panels(panels, title, columns=2), "17_while_learning")
(_, change), fastest = changes["layer 1"], np.argmin(np.diff([np.log(10), *losses]))
ratio = change[fastest] / change[-1]
lesson.claim("change where the loss falls fastest, over the last", ratio, at_least=2)
ratio = np.linalg.cond(weights[-1][0]) / np.linalg.cond(weights[0][0])
lesson.claim("condition number of layer 1, after over before", ratio, at_least=1.5)

lesson.finish()
