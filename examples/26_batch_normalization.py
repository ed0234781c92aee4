"""
Batch normalisation, derived and tried
======================================

A layer that gives its units mean 0 and spread 1 makes deep networks learn that otherwise do not.
Its backward pass is said to be hard. It has three terms: we derive them, and check them. Then we
try what the layer does, and what it costs: in training, a digit's scores depend on its company.
"""

# %%
# **Forward, on paper.** Take one unit and a batch of four rows, for which it is 3, 9, 11 and 17.
#
#     mean = (3 + 9 + 11 + 17) / 4      = 10
#     x - mean                          = -7   -1    1    7
#     var  = (49 + 1 + 1 + 49) / 4      = 25,  and its root, the spread, is s = 5
#     z    = (x - mean) / s             = -1.4 -0.2  0.2  1.4
#     y    = z * gamma + beta           = -1.8  0.6  1.4  3.8,  with gamma = 2 and beta = 1
#
# `z` has mean 0 and spread 1, whatever the layers before do. If the next layer needs others: gamma
# and beta are learned, a pair for each unit. They begin as 1 and 0.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=5)

# %%
# **Backward, on paper.** We are handed `dy`, by how much the loss grows with each y. For gamma,
# beta and z that is the usual chain rule, since y is z times gamma, plus beta:
#
#     dgamma = (dy * z).sum(),   dbeta = dy.sum(),   dz = dy * gamma
#
# For `dx`, let one of the N rows, x[n], grow by a tiny t. The z feel it in three ways. For each of
# them we ask by how much the loss grows, divided by t.
#
# 1. *x[n] itself.* z[n] = (x[n] - mean) / s grows by t / s. That gives `dz[n] / s`.
# 2. *The mean* grows by t / N, so every z falls by t / (N * s). In sum, that is `-dz.mean() / s`.
# 3. *The spread.* The variance grows by t * 2 * (x[n] - mean) / N. (That the mean moves, too, does
#    not matter: the differences from it sum to 0.) Its root s grows by that over 2 * s, which is
#    t * z[n] / N. When s grows, each z[m] changes by -z[m] / s times as much. Over all rows m, that
#    gives `-z[n] * (dz * z).mean() / s`.
#
# Let only the first y matter: dy = 1, 0, 0, 0, and dz = 2, 0, 0, 0. Which rows of `dx` are not 0?
#
#     1.  dz / s                        =  0.4    0      0      0
#     2.  -dz.mean() / s                = -0.1   -0.1   -0.1   -0.1
#     3.  -z * (dz * z).mean() / s      = -0.196 -0.028  0.028  0.196
#     dx                                =  0.104 -0.128 -0.072  0.096
#
# All four: every row has a share in mean and spread. And they sum to 0, as they must: if all rows
# grow by the same amount, no y changes.
#
# **In NumPy** it is the same lines, for any number of units: means go down the columns. A small
# `eps` avoids 0 / 0 where all rows are equal. tinynet calls gamma `weight`, and beta `bias`.


def forward(x, gamma, beta, eps=1e-12):
    s = np.sqrt(x.var(axis=0) + eps)
    z = (x - x.mean(axis=0)) / s
    return z * gamma + beta, z, s


def backward(dy, gamma, z, s):
    dz = dy * gamma
    dx = (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / s
    return dx, (dy * z).sum(axis=0), dy.sum(axis=0)


x, dy, gamma, beta = np.array([[3.0], [9], [11], [17]]), np.eye(4)[:, :1], 2.0, 1.0
y, z, s = forward(x, gamma, beta)
dx, dgamma, dbeta = backward(dy, gamma, z, s)
print("y", *y.ravel().round(3), "  dx", *dx.ravel().round(3))
norm = tn.BatchNorm1d(1, eps=1e-12, dtype=np.float64)
norm.weight.data[:], norm.bias.data[:] = gamma, beta
pairs = [(norm(x), y), (norm.backward(dy), dx), (norm.weight.grad, dgamma), (norm.bias.grad, dbeta)]
apart = max(np.abs(ours - numbers).max() for ours, numbers in pairs)
lesson.claim("NumPy and tinynet differ by (trillionths)", 1e12 * apart, 0, 1, False)
print("numerical check passed:", tn.check_gradients(tn.BatchNorm1d(3), (5, 3)).passed)

# %%
# **What is it for?** Here are networks of ten hidden layers, with and without batch normalisation
# between each Linear and its ReLU. (With it, Linear needs no bias: the mean would take it away.) A
# batch goes through: how far do the units spread over its rows, and how large are the gradients?

digits = lesson.digits()
X_train, X_test, y_train, y_test = train_test_split(
    digits.images / np.float32(255), digits.labels, test_size=0.1, random_state=lesson.seed
)


def make_network(normalised, scale=1):
    """784, ten times 32, and 10 units; the usual first weights of hidden layers times `scale`."""
    rng, layers = np.random.default_rng(lesson.seed), []
    for n_in in (784, *[32] * 9):
        linear = tn.Linear(n_in, 32, bias=not normalised, rng=rng)
        linear.W.data *= scale
        layers += [linear, tn.BatchNorm1d(32), tn.ReLU()] if normalised else [linear, tn.ReLU()]
    return tn.Sequential(*layers, tn.Linear(32, 10, rng=rng))


kinds = {"without": False, "with batch normalisation": True}
loss_fn, spreads, gradients = tn.CrossEntropyLoss(), {}, {}
for kind, normalised in kinds.items():
    net, h, spread = make_network(normalised), X_train[:1000], []
    for layer in net:
        h = layer(h)
        spread += [h.std(axis=0).mean()] if isinstance(layer, tn.ReLU) else []
    loss_fn(h, y_train[:1000])
    net.backward(loss_fn.backward())
    norms = [np.linalg.norm(layer.W.grad) for layer in net if isinstance(layer, tn.Linear)]
    spreads[kind], gradients[kind] = (range(1, 11), spread), (range(1, 12), norms)
panels = [
    tn.plots.Panel("Spread of the units", "layer", "after ReLU", spreads, yscale="log"),
    tn.plots.Panel("Gradient of the weights", "layer", "norm of dW", gradients, yscale="log"),
]
lesson.save(tn.plots.line_panels(panels, "Before anything is learned"), "26_before")

# %%
# Without it, a layer passes on less than half of the spread on average, and the gradients fade as
# well. Which learning rates will do? And what if the first weights are too small, or too large?


def learn(net, lr):
    """Train by SGD; the test accuracy, of the last finite weights if a step explodes."""
    loader = tn.DataLoader(X_train, y_train, 32, shuffle=True, drop_last=True, rng=lesson.seed)
    optimizer = tn.SGD(net.parameters(), lr)
    try:
        tn.fit(net, loss_fn, optimizer, loader, epochs=lesson.epochs, progress=False)
    except FloatingPointError as error:
        print(error)
    return round(tn.accuracy(net.predict(X_test), y_test), 2)


rates, scales, by_rate, by_scale = (0.001, 0.01, 0.1, 1), (0.01, 0.1, 1, 3, 10), {}, {}
for kind, normalised in kinds.items():
    by_rate[kind] = rates, [learn(make_network(normalised), lr) for lr in rates]
    by_scale[kind] = scales, [learn(make_network(normalised, scale), 0.1) for scale in scales]
    print(f"{kind}: by rate {by_rate[kind][1]}, by first weights {by_scale[kind][1]}")
lesson.claim("without, best of all learning rates (%)", max(by_rate["without"][1]), at_most=40)
lesson.claim("normalised, learning rate 0.1 (%)", by_rate[kind][1][2], at_least=91)
lesson.claim("normalised, worst of all first weights (%)", min(by_scale[kind][1]), at_least=85)
panels = [
    tn.plots.Panel("Usual first weights", "learning rate", "accuracy (%)", by_rate, "log"),
    tn.plots.Panel("Learning rate 0.1", "first weights times", "accuracy (%)", by_scale, "log"),
]
lesson.save(tn.plots.line_panels(panels, "Ten hidden layers that learn, or not"), "26_accuracy")

# %%
# Without it, one of these networks learns: the one whose first weights happen to fit the depth.
# With weights ten times the usual it explodes; its scores are not even numbers, so 0 % are right.
# With it, all learn. Why do sizes hardly matter? Make the weights ten times as large: the units
# are, too, and so are their mean and spread. Then z is the same, and `dx`, divided by s, is a
# tenth. A step that is too large makes the weights large, and the next steps small: it brakes.
#
# **What it costs.** Mean and spread are those of the batch. A digit alone has no spread, and in
# other company it gets other scores. Therefore the layer keeps running averages as it learns,
# `running = 0.9 * running + 0.1 * latest`. After `net.eval()` it uses them, until `net.train()`;
# `net.predict` always evaluates. What if you forget `eval`? We read the test digits in training
# mode, 2 or 32 at once. And then 32 of one kind, all of them sevens, say. Will that be easier?

net = make_network(normalised=True)
scores = {"evaluation": learn(net, 0.1)}
try:
    net(X_test[:1])
except ValueError as error:
    print(error)
mixed = np.arange(len(y_test))
by_kind = np.concatenate([np.flatnonzero(y_test == digit)[:128] for digit in range(10)])
trials = {"2 at once": (mixed, 2), "32 at once": (mixed, 32), "32 of one kind": (by_kind, 32)}
for name, (order, size) in trials.items():
    batches = np.array_split(order, len(order) // size)
    scores[name] = np.mean([tn.accuracy(net(X_test[n]), y_test[n]) for n in batches])
values, title = {"": [*scores.values()]}, "In evaluation, and in training mode"
lesson.save(tn.plots.bars(values, [*scores], "", "test accuracy (%)", title), "26_modes")
lesson.claim("training mode, 2 digits at once (%)", scores["2 at once"], at_most=45)
lesson.claim("training mode, 32 digits of one kind (%)", scores["32 of one kind"], at_most=40)

# %%
# Much worse. What all sevens of a batch have in common is in their mean, and that is taken away.
#
# **The running averages.** We set them back to 0 and 1, as they begin. Then batches go through in
# training mode, without a step of learning. After k of them 0.9 to the power of k is left of what
# was there: 35 % after ten, 4 % after thirty. When will the network read as before?

for layer in net:
    if isinstance(layer, tn.BatchNorm1d):
        layer.running_mean[:], layer.running_var[:] = 0, 1
seen = []
for k in range(61):
    seen.append(tn.accuracy(net.predict(X_test), y_test))
    net(X_train[32 * k : 32 * k + 32])
lesson.claim("running averages set back (%)", seen[0], at_most=91)
lesson.claim("after 60 batches, nothing learned (%)", seen[60], at_least=90)
panel = tn.plots.Panel("", "batches seen", "accuracy (%)", {"evaluation": (range(61), seen)})
lesson.save(tn.plots.line_panels([panel], "The running averages find back"), "26_running")

lesson.finish()
