"""
XOR and clouds of points
========================

A network with two inputs can be seen whole: all that it can be asked are the points of a sheet of
paper. We watch networks part clouds of points, see why one layer cannot do XOR, and find out why so
many people's first XOR network answers 0.5 to everything.
"""

# %%
# Four clouds of points stand at the corners of a square. We name them in two ways. *Left or right*:
# the two on the right are class 1. *XOR*, "the one or the other, but not both": class 1 are those
# that are either right or up. The points are the same, only the labels differ.

import copy

import numpy as np
from lesson import Lesson

import tinynet as tn

lesson = Lesson(__doc__, epochs=40)
rng = np.random.default_rng(lesson.seed)
CORNERS = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
LABELS = {"left or right": [0, 0, 1, 1], "XOR": [0, 1, 1, 0]}
centres = np.repeat(CORNERS, 100, axis=0)
X, X_test = rng.normal(centres, 0.4, size=(2, 400, 2)).astype(np.float32)
targets = {name: np.repeat(np.float32(four), 100)[:, None] for name, four in LABELS.items()}


def learn(net, loss_fn, X, y, epochs, lr=0.1):
    """Train by SGD."""
    loader = tn.DataLoader(X, y, batch_size=20, shuffle=True, rng=lesson.seed)
    tn.fit(net, loss_fn, tn.SGD(net.parameters(), lr), loader, epochs=epochs, progress=False)


# %%
# One layer with one output. `Linear` gives a score, `w1 * x1 + w2 * x2 + b`, and `Sigmoid` turns it
# into the probability of class 1: 1 / (1 + exp(-score)), which is 0.5 at a score of 0. `BCELoss`,
# binary cross-entropy, is -log of the probability that the network gives to the right class.
#
# The network changes its mind where the score is 0, and that is a straight line. So it can part
# left from right. Can it do XOR? Guess before you look. (The paler a place, the less sure it is.)

planes, bounds = [], {"left or right": (97, 100), "XOR": (0, 80)}
for name, y in targets.items():
    net = tn.Sequential(tn.Linear(2, 1, rng=lesson.seed), tn.Sigmoid())
    learn(net, tn.BCELoss(), X, y, lesson.epochs)
    right = 100 * np.mean((net.predict(X_test) > 0.5) == y)
    planes.append(tn.plots.Plane(f"{name}: {right:.1f} % right", net, X_test, y))
    lesson.claim(f"one layer, {name}: right (%)", right, *bounds[name])
lesson.save(tn.plots.decision_boundary(planes, title="One layer", columns=2), "21_one_layer")

# %%
# It cannot, and no straight line could: the score is a sum, so the mean score of two opposite
# corners is the score of the square's centre, and so is that of the other two. XOR wants the one
# mean below 0 and the other above 0, and they are the same number.
#
# A hidden layer with a bend makes new numbers out of the two, and with these XOR is easy. Watch the
# boundary move. (No Sigmoid at the end now: the network gives the score. More of that below.)

net = tn.Sequential(tn.Linear(2, 8, rng=rng), tn.Tanh(), tn.Linear(8, 1, rng=rng))
y, planes, done = targets["XOR"], [], 0
for epoch in [e for e in (0, 1, 2, 4, 12) if e < lesson.epochs] + [lesson.epochs]:
    if epoch > 0:
        learn(net, tn.BCEWithLogitsLoss(), X, y, epoch - done)
    right, done = 100 * np.mean((net.predict(X_test) > 0) == y), epoch
    title = f"epoch {epoch}: {right:.1f} % right"
    planes.append(tn.plots.Plane(title, copy.deepcopy(net), X_test, y, logits=True))
lesson.claim("8 hidden units, XOR: right (%)", right, at_least=95)
lesson.save(tn.plots.decision_boundary(planes, title="XOR, 8 hidden units"), "21_moving")

# %%
# More than two classes take one output each, and `CrossEntropyLoss`, as digits do. One layer draws
# a straight line between any two of them. Can that part rings?

y3 = np.repeat([0, 1, 2], 130)
angle, radius = rng.uniform(0, 2 * np.pi, 390), y3 + rng.normal(0.5, 0.15, 390)
rings = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)
one_layer, planes = tn.Sequential(tn.Linear(2, 3, rng=rng)), []
two_layers = tn.Sequential(tn.Linear(2, 16, rng=rng), tn.Tanh(), tn.Linear(16, 3, rng=rng))
for name, net in {"one layer": one_layer, "16 hidden units": two_layers}.items():
    learn(net, tn.CrossEntropyLoss(), rings, y3, 4 * lesson.epochs, lr=0.5)
    planes.append(tn.plots.Plane(name, net, rings, y3))
figure = tn.plots.decision_boundary(planes, title="Three classes, three outputs", columns=2)
lesson.save(figure, "21_three_classes")
lesson.claim("three rings: right (%)", tn.accuracy(net.predict(rings), y3), at_least=95)

# %%
# **With logits.** A score before the Sigmoid is called a logit. `BCEWithLogitsLoss` takes logits,
# and does the Sigmoid itself. On paper that is the same: BCE has the derivative
# `(p - t) / (p * (1 - p))`, t being the target, Sigmoid has `p * (1 - p)`, and their product is
# `p - t`. In float32 it is not the same. Take a point of class 0, and let the network be surer and
# surer that it is class 1. The gradient of the score should come close to 1, and stay there.

score, ones = np.linspace(0, 40, 81, dtype=np.float32), np.ones(81, np.float32)
sigmoid, bce = tn.Sigmoid(), tn.BCELoss(reduction="none")
in_one = tn.BCEWithLogitsLoss(reduction="none")
losses = [bce(sigmoid(score), 0 * ones), in_one(score, 0 * ones)]
slopes = [sigmoid.backward(bce.backward(ones)), in_one.backward(ones)]
ways = "Sigmoid, BCELoss", "BCEWithLogitsLoss"
panels = [
    tn.plots.Panel(what, "score", what, {way: (score, v) for way, v in zip(ways, values)})
    for what, values in (("loss", losses), ("gradient of the score", slopes))
]
lesson.save(tn.plots.line_panels(panels, "Ever surer of the wrong class"), "21_saturated")

# %%
# From a score of 17 on, float32 rounds the probability to exactly 1. Its logarithm would be
# infinite, so BCELoss stops at 100; and Sigmoid's slope is exactly 0: the worst mistakes teach
# nothing. With logits nothing is rounded away. Let both mend a network that is sure that left is
# right and right is left.

y = targets["left or right"]
for way, last, loss_fn, least, most in (
    (ways[0], [tn.Sigmoid()], tn.BCELoss(), 0, 50),
    (ways[1], [], tn.BCEWithLogitsLoss(), 95, 100),
):
    net = tn.Sequential(tn.Linear(2, 1), *last)
    net[0].W.data[:], net[0].b.data[:] = [[-100], [0]], 0
    learn(net, loss_fn, X, y, lesson.epochs, lr=0.5)
    right = 100 * np.mean((net.predict(X_test) > (0.5 if last else 0)) == y)
    lesson.claim(f"sure and wrong, mended by {way}: right (%)", right, least, most)

# %%
# **Stuck at 0.5.** Now XOR itself: four points, two hidden units, Sigmoid everywhere, the mean
# squared error, a learning rate of 0.1, 1,000 steps. It is what most people try first, and then
# they ask why all four answers are 0.5. We count how many of 20 networks, each with first weights
# of its own, get all four right. Then we change one thing after the other, marked by a +.

FOUR, XOR = (CORNERS > 0).astype(np.float32), targets["XOR"][::100]
CASES = {  # units, activation, loss, learning rate; mean and spread of weights, if not the usual
    "as most try first": (2, tn.Sigmoid, tn.MSELoss(), 0.1),
    "+ learning rate 1": (2, tn.Sigmoid, tn.MSELoss(), 1),
    "+ BCELoss": (2, tn.Sigmoid, tn.BCELoss(), 1),
    "+ 8 hidden units": (8, tn.Sigmoid, tn.BCELoss(), 1),
    "+ Tanh, mended": (8, tn.Tanh, tn.BCELoss(), 1),
    "mended, weights near 0": (8, tn.Tanh, tn.BCELoss(), 1, 0, 0.01),
    "mended, weights all 0.5": (8, tn.Tanh, tn.BCELoss(), 1, 0.5, 0),
    "MSE, weights of about 20": (8, tn.Sigmoid, tn.MSELoss(), 1, 0, 20),
}


def try_xor(rng, units, activation, loss_fn, lr, *weights):
    """Train one network; return it, and its mean error and mean abs(dW1) at each step."""
    layers = [tn.Linear(2, units, rng=rng), activation(), tn.Linear(units, 1, rng=rng)]
    for linear in layers[::2] if weights else ():
        tn.init.normal(linear.W, *weights, rng)
        tn.init.constant(linear.b, 0)
    net = tn.Sequential(*layers, tn.Sigmoid())
    optimizer, errors, gradients = tn.SGD(net.parameters(), lr), [], []
    for _ in range(25 * lesson.epochs):
        p = net(FOUR)
        loss_fn(p, XOR)
        optimizer.zero_grad()
        net.backward(loss_fn.backward())
        optimizer.step()
        errors.append(np.abs(p - XOR).mean())
        gradients.append(np.abs(net[0].W.grad).mean())
    return net, errors, gradients


firsts, solved = {}, {}
print("                          solved  answers of the first network  first abs(dW1)")
for name, case in CASES.items():
    runs = [try_xor(np.random.default_rng([lesson.seed, k]), *case) for k in range(20)]
    solved[name] = sum(errors[-1] < 0.25 for _, errors, _ in runs)
    net, errors, gradients = firsts[name] = runs[0]
    answers = " ".join(f"{answer:.3f}" for answer in net.predict(FOUR).ravel())
    print(f"{name:<25} {solved[name]:>3}/20  {answers:<28}  {gradients[0]:>14.1e}")
stuck, mended, small, equal = few = [list(CASES)[k] for k in (0, 4, 5, 6)]
for name, most in {stuck: 3, small: 1, equal: 0}.items():
    lesson.claim(f"{name}: solved, of 20", solved[name], at_most=most)
lesson.claim(f"{mended}: solved, of 20", solved[mended], at_least=19)

# %%
# Why 0.5? It is the mean of the four targets: the best answer of a network that does not look at
# its inputs, and that is learned first. From then on the gradients of the four scores are d, -d, -d
# and d. The last bias feels their sum, which is 0. The weight behind a hidden unit `a` feels
# `d * (a[0] - a[1] - a[2] + a[3])`, and by the proof above that is 0, too, if the unit is straight.
# Only its bend counts, and near 0, Sigmoid and Tanh are almost straight: small weights bend little,
# and let little through to the first layer. The network stands on a plain, and takes tiny steps.
#
# All that makes the bend or the steps larger is a way out: a larger learning rate; more units, of
# which one may be lucky; Tanh, which is four times as steep as Sigmoid at 0; BCE, whose gradient
# makes up for the slope of the last Sigmoid, which is 0.25 at most.
#
# Equal weights have another fault: all hidden units feel the same, and stay equal for ever. Eight
# of them are one, and one can but answer 0, 2/3, 2/3, 2/3. And large weights bring MSE to where
# Sigmoid is flat, and sure mistakes teach nothing.

steps = range(25 * lesson.epochs)
errors, gradients = ({name: (steps, firsts[name][k]) for name in few} for k in (1, 2))
panels = [tn.plots.Panel("error", "step", "mean error of the four answers", errors)]
panels.append(tn.plots.Panel("gradient", "step", "mean of abs(dW1)", gradients, yscale="log"))
lesson.save(tn.plots.line_panels(panels, "Stuck, and mended"), "21_stuck")
planes = [tn.plots.Plane(name, firsts[name][0], FOUR, XOR) for name in (stuck, equal, mended)]
lesson.save(tn.plots.decision_boundary(planes, title="White is 0.5"), "21_white")

lesson.finish()
