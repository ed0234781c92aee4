"""
Scrambled digits
================

Shuffle the 784 pixels of every digit by one and the same rule, and nobody can read them any more.
A feed-forward network reads them as well as before. It never knew which pixels are neighbours, so
there was nothing to lose. This is its strength and its weakness.
"""

# %%
# The rule is a *permutation*: a list of the numbers 0 to 783 in random order, drawn once. The new
# pixel 0 is the old pixel `permutation[0]`, and so on, for every digit alike.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=60)
rng = np.random.default_rng(lesson.seed)

digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
permutation = rng.permutation(784)
scrambled = X[:, permutation]

# %%
# Six digits before and after. All the ink is still there, in other places. The upper row can be
# read by a child, the lower row by nobody.

six = rng.choice(len(X), 6, replace=False)
captions = [str(label) for label in digits.labels[six]]
title = "Six digits, and the same six scrambled by one rule"
pictures = np.concatenate([X[six], scrambled[six]])
lesson.save(tn.plots.digit_grid(pictures, captions * 2, 6, title), "13_digits")

# %%
# Why should a network not mind? The first layer computes `x @ W + b`: each pixel times its weight,
# and the sum of it all. A sum does not depend on the order. Scramble the pixels, scramble the rows
# of W by the same rule, and each pixel meets its old weight again. So for each network that reads
# digits there is one that reads scrambled digits just as well. Let us build it.


def digit_network():
    """Make 784-64-32-32-10 with the same first weights every time."""
    rng = np.random.default_rng(lesson.seed)
    return tn.Sequential(
        tn.Linear(784, 64, rng=rng),
        tn.ReLU(),
        tn.Linear(64, 32, rng=rng),
        tn.ReLU(),
        tn.Linear(32, 32, rng=rng),
        tn.ReLU(),
        tn.Linear(32, 10, rng=rng),
        tn.LogSoftmax(),
    )


net, twin = digit_network(), digit_network()
twin.layers[0].W.data[...] = net.layers[0].W.data[permutation]
difference = np.abs(net.predict(X[:1000]) - twin.predict(scrambled[:1000])).max()
print(f"largest difference between the two networks' outputs: {difference:.1e}")
same = difference < 1e-5
lesson.claim("a network with scrambled weights says the same (1: yes)", same, 1, trained=False)

# %%
# The tiny rest is rounding: the sums are added up in another order. But can a network *find* these
# weights by learning? It starts from random ones, and scrambled random numbers are as random as
# before. So it has the same chances. For contrast we take a third set of digits, each scrambled by
# a rule of its own. There no pixel means the same thing twice.

versions = {
    "as they are": X,
    "scrambled by one rule": scrambled,
    "each by its own rule": rng.permuted(X, axis=1),
}
histories = {}
for name, data in versions.items():
    X_train, X_test, y_train, y_test = train_test_split(
        data, digits.labels, test_size=0.1, random_state=lesson.seed
    )
    net = digit_network()
    histories[name] = tn.fit(
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

print("\ndigits                 train accuracy  test accuracy")
for name, history in histories.items():
    train, test = history.train_accuracy[-1], history.test_accuracy[-1]
    print(f"{name:<21}  {train:>12.2f} %  {test:>11.2f} %")

# %%
# The first two learning curves run side by side. They are not quite the same, since the scrambled
# pixels meet other random weights at the start, as they would with another seed. The third network
# learns training digits by heart, one by one. Of test digits it can tell no more than the amount of
# ink, which is least in a 1 and most in a 0.

title = "Learning from digits as they are, and scrambled"
lesson.save(tn.plots.learning_curves(histories, title), "13_learning_curves")

plain, by_one_rule, by_own_rules = (history.test_accuracy[-1] for history in histories.values())
difference = abs(plain - by_one_rule)
lesson.claim("test accuracy as they are (%)", plain, at_least=94)
lesson.claim("scrambled by one rule: differs by (points)", difference, at_most=1.5)
lesson.claim("each by its own rule: test accuracy (%)", by_own_rules, at_most=50)

# %%
# What the network has learned can be scrambled back. These are the weights that lead to six units
# of the first layer, as images: above as the network has them, below with each weight
# moved back to where its pixel came from. There the strokes are. We find them, because we know the
# neighbours.

X_train, _, y_train, _ = train_test_split(
    scrambled, digits.labels, test_size=0.1, random_state=lesson.seed
)
net = digit_network()
tn.fit(
    net,
    tn.NLLLoss(),
    tn.SGD(net.parameters(), lr=0.01),
    tn.DataLoader(X_train, y_train, batch_size=32, shuffle=True, drop_last=True, rng=lesson.seed),
    epochs=min(20, lesson.epochs),
    progress=False,
)
W = net.layers[0].W.data
moved_back = np.empty_like(W)
moved_back[permutation] = W
units = W.std(axis=0).argsort()[-6:]
pictures = np.concatenate([W[:, units].T, moved_back[:, units].T])
lesson.save(
    tn.plots.digit_grid(
        pictures,
        [f"unit {unit}" for unit in units] * 2,
        6,
        "Weights of six units (above), and the same moved back (below)",
    ),
    "13_weights",
)

# %%
# So a feed-forward network must learn from examples what we take for granted: that neighbouring
# pixels belong together. Convolutional networks have it built in. They do better on digits as they
# are, and lose it all on scrambled ones. Lesson 14 shows what else the missing neighbours cost.

lesson.finish()
