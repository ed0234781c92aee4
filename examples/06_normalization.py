"""
Pixels of 0 to 1, or of 0 to 255?
=================================

Everybody scales the pixels before a network gets them. What if it is forgotten, for the training
digits or for the test digits? The one mistake is nearly harmless, though the loss looks terrible;
the other ruins everything, though training looks perfect. The reason is a matter of geometry.
"""

# %%
# This network has no LogSoftmax. `CrossEntropyLoss` takes the ten scores as they are and does the
# rest by itself: it is LogSoftmax and NLLLoss in one. So the outputs are free to be large.

from itertools import pairwise

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=60)

digits = lesson.digits()
raw_train, raw_test, y_train, y_test = train_test_split(
    digits.images, digits.labels, test_size=0.1, random_state=lesson.seed
)


def scaled(raw, low, high):
    """Bring the pixels from 0..255 to low..high."""
    return tn.data.minmax_scale(raw, 0, 255) * np.float32(high - low) + np.float32(low)


def make_network(*sizes):
    """Make Linear layers of these sizes with ReLU between them."""
    rng = np.random.default_rng(lesson.seed)
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [tn.Linear(n_in, n_out, rng=rng), tn.ReLU()]
    return tn.Sequential(*layers[:-1])


def learn(net, X, y, test, epochs, lr=0.01):
    """Train a network by SGD, as in lesson 3."""
    loader = tn.DataLoader(X, y, batch_size=32, shuffle=True, drop_last=True, rng=lesson.seed)
    optimizer = tn.SGD(net.parameters(), lr)
    return tn.fit(net, tn.CrossEntropyLoss(), optimizer, loader, test, epochs, progress=False)


# %%
# Three times the same network and the same digits. Only the ranges differ.

cases = {
    "equal": ((0, 1), (0, 1)),
    "train only": ((0, 1), (0, 255)),  # only the training digits were normalised
    "test only": ((0, 255), (0, 1)),  # only the test digits were
}
nets, histories = {}, {}
for name, (train_range, test_range) in cases.items():
    X_train, X_test = scaled(raw_train, *train_range), scaled(raw_test, *test_range)
    print(f"\nnormalised: {name}")
    print(f"Training data range {X_train.min():g} to {X_train.max():g}")
    print(f"Test data range {X_test.min():g} to {X_test.max():g}")
    nets[name] = make_network(784, 64, 32, 32, 10)
    run = learn(nets[name], X_train, y_train, (X_test, y_test), lesson.epochs)
    histories[name] = run
    lesson.fingerprint(nets[name])
    print(f"train loss {run.train_loss[-1]:.4f}, accuracy {run.train_accuracy[-1]:.2f} %")
    print(f"test loss {run.test_loss[-1]:.4f}, accuracy {run.test_accuracy[-1]:.2f} %")
    title = f"Train {train_range[0]} to {train_range[1]}, test {test_range[0]} to {test_range[1]}"
    figure = tn.plots.learning_curves(run, title, log_loss=True)
    lesson.save(figure, f"06_curves_{name.replace(' ', '_')}")

equal, train_only, test_only = histories.values()
lesson.claim("equal: test accuracy (%)", equal.test_accuracy[-1], at_least=94)
lesson.claim("train only: test accuracy (%)", train_only.test_accuracy[-1], at_least=90)
lesson.claim("train only: test loss", train_only.test_loss[-1], at_least=10)
lesson.claim("test only: train accuracy (%)", test_only.train_accuracy[-1], at_least=99)
lesson.claim("test only: test accuracy (%)", test_only.test_accuracy[-1], at_most=75)
lesson.claim("test only: test loss", test_only.test_loss[-1], at_least=1.8)

# %%
# *Loss against accuracy*, one point for each epoch. The accuracy asks which score is the highest.
# Multiply all scores by 255 and it is still the same one. The loss also asks by how much: a wrong
# digit whose score leads by 0.5 costs about 1, but at 255 times the scale it leads by 127 and costs
# 127. So losses can be compared only between data of one scale, while accuracies always can.

lesson.save(tn.plots.loss_against_accuracy(histories), "06_loss_against_accuracy")

# %%
# Now the geometry. We take three digits, and give a small network only three units before the last
# layer, so that what they say of an image is a point in space. The last layer scores a digit by how
# far the point lies in the *direction* of that digit, plus a bias, which is a small constant.
#
# Upper left, both normalised: each digit's points form a cloud that stretches out in its direction.
# Upper right, only the training digits: the points of the test digits fly 255 times as far out, so
# that the training points are a black speck in the middle, in the ring. But they fly straight, and
# the direction stays right. Lower left, only the test digits: it is their points that shrink to a
# speck, in the ring, which is enlarged on the lower right. The clouds still lie apart, but so near
# the origin that all scores they give are small beside the biases. Then the biases decide, and they
# say the same of every digit.

kept = [0, 1, 4]
few_train, few_test = np.isin(y_train, kept), np.isin(y_test, kept)
y_few_train = np.searchsorted(kept, y_train[few_train])
labels = np.searchsorted(kept, y_test[few_test][:300])
titles = {
    "equal": "both normalised",
    "train only": "train only: in the ring, training digits",
    "test only": "test only: in the ring, test digits",
}
clouds = []
for name, (train_range, test_range) in cases.items():
    X_few_train = scaled(raw_train[few_train], *train_range)
    small = make_network(784, 32, 3, 3)
    small.layers.pop(3)  # no ReLU after the three units: points may lie on all sides of the origin
    lr = 0.01 if train_range == (0, 1) else 0.0001  # bright pixels would throw three units off
    learn(small, X_few_train, y_few_train, None, min(10, lesson.epochs), lr)
    units = tn.Sequential(*small.layers[:-1])
    h_train = units.predict(X_few_train[:300])
    h_test = units.predict(scaled(raw_test[few_test][:300], *test_range))
    directions = small.layers[-1].W.data
    clouds.append(tn.plots.Cloud(titles[name], directions, h_train, h_test, labels))
title = "the test digits in that ring, enlarged"
clouds.append(tn.plots.Cloud(title, directions, h_train[:0], h_test, labels))
title = "The digits 0, 1, 4 as clouds, and what the last layer looks for as arrows"
lesson.save(tn.plots.class_directions(clouds, ["0", "1", "4"], title), "06_class_directions")

# %%
# The same seen in the real networks, by their 32 units before the last layer. Make the test digits
# brighter or dimmer than the training digits by a factor, and measure the angle by which a digit's
# point turns, seen from the origin. Brighter: it turns by a few degrees, and the accuracy stays
# good. Dimmer: it swings away to where an empty image lies, the same for all digits.

factors = np.geomspace(1 / 255, 255, 33)
accuracies, angles = {}, {}
for name in ("equal", "test only"):
    X_test = scaled(raw_test, *cases[name][0])
    units = tn.Sequential(*nets[name].layers[:-1])
    h = units.predict(X_test)
    label = f"learned from 0 to {cases[name][0][1]}"
    accuracies[label], angles[label] = (factors, []), (factors, [])
    for factor in factors:
        X_far = X_test * np.float32(factor)
        h_far = units.predict(X_far)
        lengths = np.linalg.norm(h, axis=1) * np.linalg.norm(h_far, axis=1)
        cosines = (h * h_far).sum(axis=1) / np.maximum(lengths, 1e-12)
        angles[label][1].append(np.degrees(np.arccos(np.clip(cosines, -1, 1))).mean())
        accuracies[label][1].append(tn.accuracy(nets[name].predict(X_far), y_test))
x = "test digits brighter by this factor"
panels = [
    tn.plots.Panel("accuracy", x, "test accuracy (%)", accuracies, xscale="log"),
    tn.plots.Panel("direction", x, "mean angle turned (degrees)", angles, xscale="log"),
]
title = "Test digits that are brighter or dimmer than the training digits"
lesson.save(tn.plots.line_panels(panels, title), "06_brightness")
dimmer, brighter = angles["learned from 0 to 1"][1][0], angles["learned from 0 to 1"][1][-1]
print(f"\nturned by {brighter:.0f} degrees when 255 times brighter, by {dimmer:.0f} when dimmer")
lesson.claim("dimmer turns more than brighter, by (degrees)", dimmer - brighter, at_least=10)

# %%
# If the biases are to blame, what happens without them? We take a copy of the ruined network, set
# all its biases to 0, and ask it again about the same dim digits. It reads nearly all of them.

unbiased = make_network(784, 64, 32, 32, 10)
unbiased.load_state_dict(nets["test only"].state_dict())
for layer in unbiased.layers[0::2]:
    layer.b.data[...] = 0
rescued = tn.accuracy(unbiased.predict(scaled(raw_test, 0, 1)), y_test)
print(f"normalised test only: {test_only.test_accuracy[-1]:.2f} %, without biases {rescued:.2f} %")
lesson.claim("test only, biases set to 0: test accuracy (%)", rescued, at_least=90)

# %%
# Two other ranges, the same for training and test. From -1 to 0 the network learns nearly as
# well. From 10 to 15 it learns badly: what all digits have in common, the 10, is large, and what
# tells them apart is small beside it, and steps that fit the one are wrong for the other.

print("\nrange       train accuracy  test accuracy")
for low, high in ((0, 1), (-1, 0), (10, 15)):
    run = equal
    if (low, high) != (0, 1):
        X_train, X_test = scaled(raw_train, low, high), scaled(raw_test, low, high)
        net = make_network(784, 64, 32, 32, 10)
        run = learn(net, X_train, y_train, (X_test, y_test), lesson.epochs)
    name = f"[{low}, {high}]"
    print(f"{name:<10}  {run.train_accuracy[-1]:>12.2f} %  {run.test_accuracy[-1]:>11.2f} %")

# %%
# Which case is it, if one does not know? At the end we ask the doctor: `tn.diagnose` looks at the
# scores, the data and a step of training, and says what it finds, how that shows, and what to try.
# `tn.fit(..., doctor=True)` asks it during training; of the scales it speaks before it begins.

for name, (train_range, test_range) in cases.items():
    train, test = scaled(raw_train, *train_range), scaled(raw_test, *test_range)
    diagnosis = tn.diagnose(
        *(histories[name], nets[name], (train, y_train), (test, y_test)),
        loss_fn=tn.CrossEntropyLoss(),
    )
    print(f"\nnormalised: {name}\n{diagnosis}")
    fewest, most = (0, 0) if name == "equal" else (1, 9)
    lesson.claim(f"{name}: findings of the doctor", len(diagnosis), fewest, most)

# %%
# So always normalise, and normalise training and test by the same rule.

lesson.finish()
