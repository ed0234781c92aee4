"""
Overfitting: too many weights, too few digits
=============================================

A network with 235,146 weights and 1,000 digits to learn from has room to learn every one of them by
heart. It does, and pays for it on digits that it has not seen. Four remedies are tried, each on
four networks, and then the one that beats them all.
"""

# %%
# The digits are dealt out in three parts. The network learns from the *training* digits. The
# *validation* digits are for our own decisions, such as when to stop. The *test* digits decide
# nothing: they only tell how good the result is. Four networks share all that follows, each with
# digits and first weights of its own, so that we do not take luck for progress.

import numpy as np
from lesson import Lesson

import tinynet as tn

lesson = Lesson(__doc__, epochs=30)
digits = lesson.digits()
X, y = tn.data.minmax_scale(digits.images), digits.labels
loss_fn = tn.CrossEntropyLoss()
NETWORKS = 4


def make_network(rng, p_pixels, p_units):
    """Make 784-256-128-10 that drops pixels and hidden units as it learns; none if p is 0."""
    return tn.Sequential(
        *(tn.Dropout(p_pixels, rng=rng), tn.Linear(784, 256, rng=rng), tn.ReLU()),
        *(tn.Dropout(p_units, rng=rng), tn.Linear(256, 128, rng=rng), tn.ReLU()),
        *(tn.Dropout(p_units, rng=rng), tn.Linear(128, 10, rng=rng)),
    )


def learn(k, n=1000, epochs=lesson.epochs, dropout=(0, 0), optimizer=tn.Adam, stopping=None):
    """Train network k on n digits; return it, its history, and its test digits."""
    rng = np.random.default_rng([lesson.seed, k])
    order = rng.permutation(len(X))
    train, validation, test = order[:n], order[-1000:], order[-4000:-1000]
    net = make_network(rng, *dropout)
    loader = tn.DataLoader(X[train], y[train], batch_size=32, shuffle=True, rng=k)
    history = tn.fit(
        *(net, loss_fn, optimizer(net.parameters()), loader, (X[test], y[test]), epochs),
        validation=(X[validation], y[validation]),
        early_stopping=stopping,
        progress=False,
    )
    return net, history, (X[test], y[test])


# %%
# First without any remedy. Where would you stop?

net, history, _ = learn(0)
lesson.save(tn.plots.learning_curves(history, "1,000 training digits, no remedy"), "20_plain")
print(f"lowest validation loss: epoch {history.best_epoch} of {len(history)}")
lesson.claim("no remedy: train accuracy (%)", history.train_accuracy[-1], at_least=99.9)
rise = history.test_loss[-1] / min(history.test_loss)
lesson.claim("no remedy: test loss, last over lowest", rise, at_least=1.15)

# %%
# The training loss goes to 0. The test loss falls, turns, and slowly rises again. That is
# overfitting: what is still learned is true of these 1,000 digits and of no others. Yet the test
# accuracy does not fall. Most digits keep their side of the boundary, while the network grows ever
# surer of all its answers, the wrong ones included, and the loss counts that.
#
# **Early stopping** ends the run when the validation loss has not fallen for some epochs, here
# five, and takes back the weights of the best epoch. `tn.EarlyStopping` does both. It costs nothing
# and saves time. But digits that are used to decide cannot judge: that is what test digits are for.
#
# **Dropout** sets each number to 0 with probability p, anew in every step. A unit cannot rely on
# any other being there, so what it knows must be of use by itself. What is kept is multiplied by
# 1 / (1 - p), so that the next layer gets the same sum in the mean. This is called inverted
# dropout; its benefit is that in evaluation nothing is dropped, and nothing has to be rescaled.

layer = tn.Dropout(0.5, rng=lesson.seed)
ones = np.ones((1, 10_000), dtype=np.float32)
dropped = layer(ones)
print("ones after Dropout(0.5):", *dropped[0, :12].astype(int), "...")
lesson.claim("mean of 10,000 ones after Dropout", dropped.mean(), 0.95, 1.05, trained=False)
layer.eval()
changed = np.count_nonzero(layer(ones) != ones)
lesson.claim("of these, changed in evaluation", changed, 0, 0, trained=False)

pixels = tn.Dropout(0.2, rng=lesson.seed)
pictures = [X[0], *(pixels(X[:1])[0] for _ in range(4))]
captions = ["evaluation", *(f"step {k}" for k in range(1, 5))]
title = "A digit as the first layer gets it, a fifth of its pixels dropped"
lesson.save(tn.plots.digit_grid(pictures, captions, 5, title), "20_dropped")

# %%
# So a network with dropout has two modes. `net.train()` is the mode to learn in, and a new network
# is in it; `net.eval()` is the mode to answer in. `tn.fit` and `net.predict` see to it. Who writes
# a loop of his own and forgets `net.eval()` before the test measures a network with half of its
# units missing, and each time another half.

net, _, (X_test, y_test) = learn(0, dropout=(0.2, 0.5))
forgotten = tn.accuracy(net(X_test), y_test)
net.eval()
right = tn.accuracy(net(X_test), y_test)
print(f"test accuracy in training mode {forgotten:.2f} %, in evaluation {right:.2f} %")
lesson.claim("net.eval() forgotten costs (points)", right - forgotten, at_least=1)

# %%
# **Weight decay** keeps weights small: large ones are what it takes to bend the boundary around a
# single digit. One adds a penalty to the loss: with `L2` half the sum of all squared weights, times
# a small factor, with `L1` the sum of their sizes. Their slopes are added to the gradient: the
# weight itself with L2, its sign with L1. So L2 pulls a weight the harder, the larger it is; L1
# pulls equally hard to the end, and brings those to 0 that nothing else pulls away.
#
# All optimizers here have L2 as `weight_decay`. L1 is three lines. The class below takes any slope,
# so with L2's it must do what `weight_decay` does.


class WithPenalty(tn.Adam):
    """Adam, with the slope of a penalty added to each gradient."""

    def __init__(self, parameters, slope):
        super().__init__(parameters)
        self.slope = slope

    def update(self, w, g, state):
        super().update(w, g + self.slope(w), state)


by_hand, _, _ = learn(0, epochs=1, optimizer=lambda p: WithPenalty(p, lambda w: 0.001 * w))
built_in, _, _ = learn(0, epochs=1, optimizer=lambda p: tn.Adam(p, weight_decay=0.001))
pairs = zip(by_hand.parameters(), built_in.parameters())
largest = max(float(np.abs(a.data - b.data).max()) for a, b in pairs)
lesson.claim("L2 by hand and built in differ by (millionths)", 1e6 * largest, at_most=10)

# %%
# Adam divides each gradient by its usual size, and so it would L2's part. `AdamW` takes the decay
# out: each step it shrinks all weights by `lr * weight_decay`, and then does as Adam does.
#
# Now all together. The last row is no trick: the plain network, five times as many digits, and a
# fifth of the epochs, so that it takes as many steps. Which will be best? Which of the others?

VARIANTS = {
    "no remedy": {},
    "early stop": {"stopping": tn.EarlyStopping(patience=5)},
    "dropout": {"dropout": (0.2, 0.5)},
    "decay": {"optimizer": lambda p: tn.AdamW(p, weight_decay=1.0)},
    "L1": {"optimizer": lambda p: WithPenalty(p, lambda w: 0.0001 * np.sign(w))},
    "5,000 digits": {"n": 5000, "epochs": max(1, lesson.epochs // 5)},
}
losses, accuracies, histories, weights = {}, {}, {}, {}
print("mean of four networks   test loss   test accuracy   each")
for name, options in VARIANTS.items():
    runs = [learn(k, **options) for k in range(NETWORKS)]
    scores = np.array([tn.evaluate(net, loss_fn, *test) for net, _, test in runs])
    losses[name], accuracies[name] = scores.mean(axis=0)
    histories[name], weights[name] = runs[0][1], runs[0][0][1].W.data
    each = "  ".join(f"{accuracy:.2f}" for accuracy in scores[:, 1])
    print(f"{name:<22} {losses[name]:>10.3f} {accuracies[name]:>13.2f} %   {each}")

# %%
# All four remedies make the test loss lower, by a fifth or more: the networks are less sure where
# they are wrong. The accuracy is another matter. Dropout helps every one of the four networks.
# Weight decay and L1 hardly change it, or make it a little worse. Early stopping costs a point: the
# loss turns before the accuracy is at its best. Who wants accuracy should not stop by the loss.
#
# Look at the single networks, too: they differ by more than a point from each other, without any
# remedy. Who tries each remedy on one network may believe anything. And five times as many digits
# do more than all remedies. If more can be had, get them; the remedies are for when they cannot.

panels, epochs = [], range(1, lesson.epochs + 1)
for part, scale in (("train", "log"), ("test", "linear")):
    few = ("no remedy", "dropout", "decay", "L1")
    lines = {name: (epochs, histories[name].losses(part)) for name in few}
    panels.append(tn.plots.Panel(f"{part} digits", "epoch", f"{part} loss", lines, yscale=scale))
lesson.save(tn.plots.line_panels(panels, "The first of the four networks"), "20_losses")
errors = {"errors": [100 - accuracy for accuracy in accuracies.values()]}
title = "Test digits misread, mean of four networks"
figure = tn.plots.bars(errors, list(VARIANTS), "remedy", "errors (%)", title, "{:.1f}")
lesson.save(figure, "20_errors")

# %%
# What do the penalties do to the weights? Weight decay makes them smaller, and hardly one is 0. L1
# brings most weights of the first layer to nearly 0: those of pixels that do not matter.

kept = {name: weights[name] for name in ("no remedy", "decay", "L1")}
title = "Weights of the first layer"
figure = tn.plots.histograms({"the first of the four networks": kept}, "weight", "count", title)
lesson.save(figure, "20_weights")
near = {name: 100 * np.mean(np.abs(W) < 0.001) for name, W in kept.items()}
print("weights below 0.001:", *(f"{name} {share:.1f} %" for name, share in near.items()))

for name in ("early stop", "dropout", "decay", "L1"):
    ratio = losses[name] / losses["no remedy"]
    lesson.claim(f"{name}: test loss, over that without", ratio, at_most=0.92)
for name, bounds in {"dropout": (0.2, 3), "decay": (-1, 1), "5,000 digits": (2.5, 8)}.items():
    gain = accuracies[name] - accuracies["no remedy"]
    lesson.claim(f"{name}: test accuracy gained (points)", gain, *bounds)
lesson.claim("L1: weights below 0.001 (%)", near["L1"], at_least=40)

lesson.finish()
