"""
Where the weights go
====================

A network knows nothing but its weights. They start as random numbers, and learning moves them. How
far, and which? Histograms of each layer before, during and after learning show that in the first
layer weights move little, that in the last layer many go far, and that some cannot move at all.
"""

# %%
# Each weight of a layer with I inputs starts at random, all values between -1 / sqrt(I) and
# 1 / sqrt(I) equally likely. The more inputs are added up, the smaller each has to be, so that the
# sum has a sensible size. A histogram of them is a flat box: wide for 32 inputs, narrow for 784.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=60)

digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
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
linear_layers = net.layers[0::2][:4]

# %%
# We copy all weights before learning, after a tenth of the epochs, and at the end. Learning goes on
# where it was: the same optimizer and the same loader serve both stretches.

loss_fn = tn.NLLLoss()
optimizer = tn.SGD(net.parameters(), lr=0.01)
loader = tn.DataLoader(
    X_train, y_train, batch_size=32, shuffle=True, drop_last=True, rng=lesson.seed
)


def weights():
    """Copy the weights of all four layers."""
    return [layer.W.data.copy() for layer in linear_layers]


early = max(1, lesson.epochs // 10)
snapshots = {"before learning": weights()}
for name, epochs in ((f"after {early} epochs", early), ("at the end", lesson.epochs - early)):
    if epochs:
        tn.fit(net, loss_fn, optimizer, loader, epochs=epochs, progress=False)
    snapshots[name] = weights()
lesson.fingerprint(net)
first, _, last = snapshots.values()
_, test_accuracy = tn.evaluate(net, loss_fn, X_test, y_test)
print(f"test accuracy after {lesson.epochs} epochs: {test_accuracy:.2f} %")
lesson.claim("test accuracy (%)", test_accuracy, at_least=94)

# %%
# The histograms. Counts are on a logarithmic axis, or the rare large weights would not be seen. The
# box loses its edges, and tails grow on both sides: early in the last layer, later and more slowly
# in the first.

panels = {
    f"layer {k + 1}: {W.shape[0]} to {W.shape[1]}, {W.size:,} weights": {
        name: snapshot[k] for name, snapshot in snapshots.items()
    }
    for k, W in enumerate(first)
}
title = "Weights of each layer before, during and after learning"
lesson.save(tn.plots.histograms(panels, "weight", "number of weights", title, 40), "11_histograms")

# %%
# In numbers: the spread of the weights, how far a weight moved on average, the furthest that any
# moved, and how many end outside the box. The last layer, which has the fewest weights and sits
# next to the loss, changes most.

print("\nlayer      spread before  spread after  mean move  furthest move  outside the box")
growth = []
for k, (before, after) in enumerate(zip(first, last, strict=True)):
    moved = np.abs(after - before)
    growth.append(after.std() / before.std())
    spreads = f"{before.std():>13.3f}  {after.std():>12.3f}"
    moves = f"{moved.mean():>9.3f}  {moved.max():>13.3f}"
    outside = 100 * np.mean(np.abs(after) > len(after) ** -0.5)  # len(after) is I
    print(f"Linear {k + 1}   {spreads}  {moves}  {outside:>13.0f} %")
lesson.claim("spread after over spread before, smallest of all layers", min(growth), at_least=1.02)
lesson.claim("spread after over spread before, last layer", growth[-1], at_least=1.5)

# %%
# Some weights of the first layer have not moved at all. A weight's gradient is its input times what
# comes back from behind. Pixels in the corners are 0 in every training digit, so the gradient of
# their weights is exactly 0, always. These weights keep the random numbers of the start: of these
# pixels the network has no opinion, only noise.

unlit = X_train.max(axis=0) == 0
moved = (first[0] != last[0])[unlit]
share = 100 * unlit.mean()
print(f"\n{unlit.sum()} of 784 pixels ({share:.0f} %) are never lit in the training digits")
print(f"{moved.sum()} of their {moved.size} weights moved")
lesson.claim("moved weights of pixels that are never lit", moved.sum(), at_most=0, trained=False)

change = {
    "weights of pixels never lit": (last[0] - first[0])[unlit],
    "of pixels lit in 1 digit of 100 or fewer": (last[0] - first[0])[
        ~unlit & ((X_train > 0).mean(axis=0) <= 0.01)
    ],
    "of other pixels": (last[0] - first[0])[(X_train > 0).mean(axis=0) > 0.01],
}
title = "How far the weights of the first layer moved"
panel = {"the more often a pixel is lit, the more its weights learn": change}
figure = tn.plots.histograms(panel, "change of the weight", "number of weights", title)
lesson.save(figure, "11_moves")

# %%
# The 784 weights that lead to one unit can be drawn as an image: bright where ink drives the unit,
# dark where ink holds it back. Above, six units before learning: noise. Below, the same six at the
# end. In the middle, where the ink is, strokes and gaps have appeared; the corners are still noise.

units = np.abs(last[0] - first[0]).mean(axis=0).argsort()[-6:]  # those that learned most
images = np.concatenate([first[0][:, units].T, last[0][:, units].T])
captions = [f"unit {unit}" for unit in units]
title = "What six units of the first layer look for, before and after"
lesson.save(tn.plots.digit_grid(images, captions * 2, 6, title), "11_units")

lesson.finish()
