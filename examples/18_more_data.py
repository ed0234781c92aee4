"""
More data, and fewer sevens
===========================

More digits make a better network. Can one get more out of those that one has, by adding noise to
them, or by taking each twice? And what if there are too few of one kind? Accuracy hardly shows it.
One needs other scores: the confusion matrix, precision, recall, and F1.
"""

# %%
# 2,000 digits are laid aside for the test. Of the others we take 600, 1,800, 6,000 and 18,000. All
# networks take the same number of steps, in batches of 20 digits, so that one that has more digits
# is not one that has learned longer.

import time

import numpy as np
from lesson import Lesson
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=30)
rng = np.random.default_rng(lesson.seed)
digits = lesson.digits()
X_train, X_test, y_train, y_test = train_test_split(
    tn.data.minmax_scale(digits.images), digits.labels, test_size=0.1, random_state=lesson.seed
)


def learn(X, y, epochs, optimizer=tn.SGD, batch_size=20, seed=lesson.seed, **options):
    """Train 784-64-32-32-10; return the network, and what `fit` returns."""
    rng = np.random.default_rng(seed)
    net = tn.Sequential(
        *(tn.Linear(784, 64, rng=rng), tn.ReLU(), tn.Linear(64, 32, rng=rng), tn.ReLU()),
        *(tn.Linear(32, 32, rng=rng), tn.ReLU(), tn.Linear(32, 10, rng=rng)),
    )
    loader = tn.DataLoader(X, y, batch_size, shuffle=True, drop_last=True, rng=seed)
    loss_fn, optimizer = tn.CrossEntropyLoss(), optimizer(net.parameters(), lr=0.01)
    run = tn.fit(net, loss_fn, optimizer, loader, epochs=epochs, progress=False, **options)
    return net, run


# %%
# Two ways to have twice as many rows. *Noise augmentation* adds to each digit a copy with noise:
# to every pixel a random number from 0 to 0.5. *Oversampling* takes the same rows again. Before you
# read on: which of the two will help, and with which test digits?


def noisy(X):
    """Return a copy with noise."""
    return X + rng.random(X.shape, dtype=np.float32) / 2


tests = {"clean": X_test, "noisy": noisy(X_test)}
grid = np.concatenate([X[:8] for X in tests.values()])
captions = [f"a {label}" for label in y_test[:8]] + ["with noise"] * 8
title = "Test digits, without and with noise"
lesson.save(tn.plots.digit_grid(grid, captions, 8, title), "18_digits")

# %%
# We also measure how long it takes, in *process time*: the time in which a processor works for this
# process. A clock on the wall goes on while the computer does other things, too.

sizes, names = (600, 1800, 6000, 18000), ("as they are", "each twice", "with noisy copies")
most = sizes[-1] * lesson.epochs  # digits that a network is shown, the same ones again and again
accuracy = {kind: {name: [] for name in names} for kind in tests}
for size in sizes:
    X, y = X_train[:size], y_train[:size]
    for name, parts in zip(names, ([X], [X, X], [X, noisy(X)]), strict=True):
        rows = np.concatenate(parts), np.concatenate([y] * len(parts))
        start = time.process_time()
        net, _ = learn(*rows, epochs=max(1, most // len(rows[0])))
        seconds = time.process_time() - start
        if size == sizes[-1]:
            print(f"seconds for {most // 20:,} steps, digits {name}: {seconds:.2f}")
        for kind, X_kind in tests.items():
            accuracy[kind][name].append(tn.accuracy(net.predict(X_kind), y_test))
lesson.fingerprint(net)

panels = []
for kind, rows in accuracy.items():
    print(f"\n{kind} test digits (%)    " + "".join(f"{size:>8,}" for size in sizes))
    for name, row in rows.items():
        print(f"{name:<24}" + "".join(f"{value:>8.2f}" for value in row))
    lines = {name: (sizes, row) for name, row in rows.items()}
    axes = f"{kind} test digits", "digits to learn from", "test accuracy (%)"
    panels.append(tn.plots.Panel(*axes, lines, xscale="log"))
lesson.save(tn.plots.line_panels(panels, "More digits, and more rows"), "18_amount")

# %%
# More digits help, each time less than before. More rows of the same digits do not: in every epoch
# the network sees them anyway. Noisy copies do little for clean digits, and nearly all for noisy
# ones, which you read with ease, but not a network that has never seen grey paper. *Augmentation
# teaches what the copies show*: that noise does not matter.
#
# The time follows from the number of steps, and not of digits. Noise costs more, since tinynet
# skips pixels that are 0, and a noisy digit has none.

plain, twice, augmented = (np.array([accuracy[k][name] for k in tests]) for name in names)
gain, change = plain[0, -1] - plain[0, 0], np.abs(twice - plain)[0].max()
lesson.claim("18,000 digits instead of 600: gain (points)", gain, at_least=8)
lesson.claim("each twice: largest change (points)", change, at_most=2)
lesson.claim("noisy digits, learned from clean ones (%)", plain[1, -1], at_most=80)
lesson.claim("noisy digits, learned with noisy copies (%)", augmented[1, -1], at_least=92)

# %%
# **A trap.** If the rows are doubled first, and the test set is laid aside afterwards, most of its
# digits are in the training set, too. We do it with 2,000 digits. What we measure looks wonderful,
# and is wrong: other digits are read far worse. *Split first.*

X_both, y_both = np.concatenate([X_train[:2000]] * 2), np.concatenate([y_train[:2000]] * 2)
X_some, X_aside, y_some, y_aside = train_test_split(
    X_both, y_both, test_size=0.1, random_state=lesson.seed
)
net, _ = learn(X_some, y_some, epochs=most // len(X_some))
aside, new = tn.accuracy(net.predict(X_aside), y_aside), tn.accuracy(net.predict(X_test), y_test)
print(f"doubled, then split: {aside:.2f} % of the digits laid aside, {new:.2f} % of new ones")
lesson.claim("doubled before the split: test accuracy (%)", aside, at_least=96)
lesson.claim("the same network, new digits (%)", new, at_most=93)

# %%
# **Few sevens.** Now only 500 of the sevens are left to learn from, but all of the other digits.
# How will sevens be read? We compare with all sevens, and with these 500 taken four times, so that
# they are about as many as before. There are five networks for each, since chance moves scores by
# a point or two.
#
# `fit` takes a score of our own in place of the accuracy. Ours is the *recall* of sevens: how many
# of the sevens are read as sevens.


def recall_of_sevens(outputs, y):
    """Return the share of the sevens that are found (%); NaN if there are none."""
    found = outputs[y == 7].argmax(axis=1) == 7
    return 100 * found.mean() if len(found) else np.nan


sevens, others = np.flatnonzero(y_train == 7), np.flatnonzero(y_train != 7)
few = sevens[:500]
chosen = {"all sevens": [sevens], "500 sevens": [few], "500, four times": [few] * 4}
options = {"batch_size": 32, "test": (X_test, y_test), "score": recall_of_sevens}
epochs, seeds = min(10, lesson.epochs), range(5 * lesson.seed, 5 * lesson.seed + 5)
recall, confusion = dict.fromkeys(chosen, 0), dict.fromkeys(chosen, 0)
for name, parts in chosen.items():
    rows = np.concatenate([others, *parts])
    for seed in seeds:
        net, run = learn(X_train[rows], y_train[rows], epochs, tn.Adam, seed=seed, **options)
        recall[name] = recall[name] + np.array(run.test_score) / len(seeds)
        confusion[name] += confusion_matrix(y_test, net.predict(X_test).argmax(axis=1))

lines = {name: (range(1, epochs + 1), values) for name, values in recall.items()}
panel = tn.plots.Panel("mean of five networks", "epoch", "sevens that are found (%)", lines)
lesson.save(tn.plots.line_panels([panel], "Recall of sevens"), "18_recall")

# %%
# The *confusion matrix* counts how often each digit, its row, was read as each digit, its column.
# Here are its errors for 500 sevens, in percent of the row; right ones, on the diagonal, are left
# out. Look at the row of the 7, and then at its column: many sevens are taken for other digits, and
# few other digits for a seven.

errors = 100 * confusion["500 sevens"] / confusion["500 sevens"].sum(axis=1, keepdims=True)
np.fill_diagonal(errors, np.nan)
axes = range(10), range(10), "read as", "digit", "share of the digit (%)"
title = "Errors of networks that learned from 500 sevens"
figure = tn.plots.heat_map(errors, *axes, title, "{:.1f}")
lesson.save(figure, "18_confusion")

# %%
# The row gives the recall. The column gives the *precision*: of all that was read as a seven, how
# much is one? *F1* is their harmonic mean, which is nearer to the lower of the two.

scores = {}
print("training set     accuracy   of sevens: precision   recall       F1")
for name, matrix in confusion.items():
    right, total = matrix[7, 7], 100 * np.trace(matrix) / matrix.sum()
    p, r = 100 * right / matrix[:, 7].sum(), 100 * right / matrix[7].sum()
    scores[name] = p, r, 2 * p * r / (p + r)
    print(f"{name:<17}{total:>8.2f} {p:>23.2f} {r:>8.2f} {scores[name][2]:>8.2f}")
axes = ("precision", "recall", "F1"), "score", "of sevens (%)"
figure = tn.plots.bars(scores, *axes, "How sevens are read", "{:.1f}")
lesson.save(figure, "18_scores")

# %%
# The accuracy shows little of it, since nine digits of ten are no sevens. Precision does not
# suffer: what is called a seven is nearly always one. Recall does. Where sevens are rare, "no
# seven" is mostly right, and so it was learned.
#
# Here oversampling helps, a part of the way. To miss a seven now costs four times as much. What
# other sevens look like, it cannot teach.

lost = np.subtract(scores["all sevens"], scores["500 sevens"])
lesson.claim("500 sevens: recall lost (points)", lost[1], at_least=2)
lesson.claim("500 sevens: precision lost (points)", lost[0], -5, 2)
gain = np.mean(recall["500, four times"] - recall["500 sevens"])
lesson.claim("four times: recall gained, mean of epochs (points)", gain, at_least=0.5)

lesson.finish()
