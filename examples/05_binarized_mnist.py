"""
Digits without grey: binarized MNIST
====================================

How much do the grey values matter? Here every pixel becomes 1 if there is any ink, and 0 if there
is none. The network of lesson 3 reads such digits almost as well. Two small extras follow: a
harder threshold, and black ink on white paper.
"""

# %%
# A pixel of MNIST has 256 possible values. Grey ones lie at the rim of a stroke, where the pen
# covered a part of a pixel. To *binarize* is to ask one question of each pixel: is it above 0?

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=60)

digits = lesson.digits()
grey = tn.data.minmax_scale(digits.images)
binary = tn.data.binarize(digits.images)  # the same as digits.images > 0, as 0.0 and 1.0
n_before, n_after = len(np.unique(grey)), len(np.unique(binary))
print(f"different pixel values: {n_before} before, {n_after} after")
lesson.claim("pixel values before", n_before, 256, 256, trained=False)
lesson.claim("pixel values after", n_after, 2, 2, trained=False)

# %%
# The histograms. Before, most pixels are black, some are white, and a few lie between. After, only
# the two ends are left. All that was grey, however dark, is now white.

histograms = tn.plots.pixel_histograms({"before": grey, "binarized": binary})
lesson.save(histograms, "05_pixel_histograms")
share, mean = 100 * binary.mean(), grey[grey > 0].mean()
print(f"{share:.1f} % of the pixels are above 0; their mean was {mean:.2f} and is now 1")

# %%
# The same six digits before and after. The strokes have become thicker, since their grey rims now
# count in full, and jagged. For us they are as easy to read as before.

rng = np.random.default_rng(lesson.seed)
six = rng.choice(len(grey), 6, replace=False)
captions = [str(label) for label in digits.labels[six]]
title = "The same digits before (above) and after (below)"
pictures = np.concatenate([grey[six], binary[six]])
lesson.save(tn.plots.digit_grid(pictures, captions * 2, 6, title), "05_before_and_after")

# %%
# Two more ways to look at the same digits. A *harder threshold*, 127 instead of 0, asks for at
# least half the ink; strokes become thinner. *Inverted* digits are black on white, as on paper. To
# a reader that is no difference at all. To a network it is: four pixels of five are now 1 where
# they were 0, so almost all of its weights have a say, the same one, for every digit.

versions = {
    "grey": grey,
    "binarized": binary,
    "harder threshold": tn.data.binarize(digits.images > 127),
    "inverted": 1 - grey,
}
pictures = [X[k] for k in six[:2] for X in versions.values()]
title = "Two digits in four versions"
lesson.save(tn.plots.digit_grid(pictures, [*versions] * 2, 4, title), "05_versions")

# %%
# Now the network of lesson 3, once for each version. Nothing else changes: the same first weights,
# the same digits to learn from and to be tested on, the same order, the same learning rate.


def learn(X):
    """Train 784-64-32-32-10 on one version of the digits."""
    X_train, X_test, y_train, y_test = train_test_split(
        X, digits.labels, test_size=0.1, random_state=lesson.seed
    )
    rng = np.random.default_rng(lesson.seed)
    net = tn.Sequential(
        tn.Linear(784, 64, rng=rng),
        tn.ReLU(),
        tn.Linear(64, 32, rng=rng),
        tn.ReLU(),
        tn.Linear(32, 32, rng=rng),
        tn.ReLU(),
        tn.Linear(32, 10, rng=rng),
        tn.LogSoftmax(),
    )
    history = tn.fit(
        net,
        tn.NLLLoss(),
        tn.SGD(net.parameters(), lr=0.01),
        tn.DataLoader(
            X_train, y_train, batch_size=32, shuffle=True, drop_last=True, rng=lesson.seed
        ),
        test=(X_test, y_test),
        epochs=lesson.epochs,
        progress=False,
    )
    lesson.fingerprint(net)
    return history


histories = {name: learn(X) for name, X in versions.items()}
print("\ndigits             train accuracy  test accuracy")
for name, history in histories.items():
    train, test = history.train_accuracy[-1], history.test_accuracy[-1]
    print(f"{name:<18}  {train:>11.2f} %  {test:>11.2f} %")

# %%
# Grey against binarized: the two test curves end within a point or so of each other. What makes a
# digit readable is where its strokes run, and that is all still there.

title = "Learning from grey and from binarized digits"
two = {name: histories[name] for name in ("grey", "binarized")}
lesson.save(tn.plots.learning_curves(two, title), "05_learning_curves")
lesson.claim("test accuracy, binarized (%)", histories["binarized"].test_accuracy[-1], 93)

# %%
# And all four, as errors on a logarithmic scale, which spreads the ends of the curves. The network
# bears a hard threshold too. From black on white it learns as well, though by a rougher way: with
# so many inputs at 1, each step moves all digits' scores together, and the curve jumps.

epochs = np.arange(1, lesson.epochs + 1)
lines = {
    name: (epochs, 100 - np.array(history.test_accuracy)) for name, history in histories.items()
}
panel = tn.plots.Panel("784-64-32-32-10", "epoch", "test errors (%)", lines, yscale="log")
title = "Learning from four versions of the same digits"
lesson.save(tn.plots.line_panels([panel], title), "05_four_versions")

lesson.finish()
