"""
See a network think: the X-ray and the playground
=================================================

A training step is some thousands of multiplications, and none of them is a secret. Here a network
learns to read digits; then we put one of its steps under glass, number by number, and write two
pages for a browser: the X-ray, to walk through that step, and a playground, to draw digits for the
network to read.
"""

# %%
# The network and the digits of lesson 3, with Adam of lesson 8, which needs fewer epochs. A pixel
# was divided by 255, so that an unlit one is 0 and a fully lit one is 1. We shall need this later.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=10)
rng = np.random.default_rng(lesson.seed)

digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
y = digits.labels
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.1, random_state=lesson.seed)
loader = tn.DataLoader(
    X_train, y_train, batch_size=32, shuffle=True, drop_last=True, rng=lesson.seed
)
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
loss_fn = tn.NLLLoss()
optimizer = tn.Adam(net.parameters(), lr=0.002)
history = tn.fit(
    net, loss_fn, optimizer, loader, test=(X_test, y_test), epochs=lesson.epochs, progress=True
)
lesson.fingerprint(net)
lesson.claim("test accuracy (%)", history.test_accuracy[-1], at_least=94)

# %%
# A batch to look at: ten test digits that it reads wrongly, and ten that it reads rightly. Where it
# is sure and right, next to nothing is to be learned, and the gradients are nearly 0; where it errs
# they are large.

guess = net.predict(X_test).argmax(axis=1)
wrong, right = np.flatnonzero(guess != y_test)[:10], np.flatnonzero(guess == y_test)[:10]
some = np.concatenate([wrong, right])
xb, yb = X_test[some], y_test[some]

# %%
# `tn.trace` takes a copy of the network through forward, loss, backward and update, eight times on
# this one batch, and keeps every number. The network itself does not change. Printed, the trace is
# a table: how the outputs of each layer are spread, how many ReLU units are dead (0 for the whole
# batch), how long the gradients are, and how large the update is beside the weights.

before = tn.fingerprint(net)
step = tn.SGD(net.parameters(), lr=0.05)
trace = tn.trace(net, loss_fn, xb, yb, step, steps=8)
assert tn.fingerprint(net) == before
print(f"\n{trace}\n")
losses = [f"{later.loss:.3f}" for later in trace.steps]
print(f"the loss of this batch over the eight steps: {', '.join(losses)}")
fall = trace.steps[-1].loss / trace.loss
lesson.claim("loss of the batch, after over before", fall, at_most=0.9)

# %%
# Now one single unit of the last Linear layer: that of the digit which the first sample really is.
# Its output is a sum of x * w, and b. Backward, it is handed dy, the derivative of the loss with
# respect to that output. If dy is negative, a larger output would make a smaller loss. Each weight
# had x for a factor, so that its derivative is x * dy; each x had w, so that its is w * dy, which
# goes on to the layer before.

last = len(trace.layers) - 2
print(trace.explain(last, sample=0, unit=int(yb[0])))

# %%
# The same for its neighbours on both sides: LogSoftmax, where backpropagation begins, and ReLU,
# which lets a gradient pass or blocks it.

print("\n" + trace.explain(last + 1, sample=0, unit=int(yb[0])))
print("\n" + trace.explain(last - 1, sample=0, unit=0))

# %%
# Added up over the batch, all x * dy of a layer are one matrix product, `x.T @ dy`. NumPy finds
# the same gradient as the trace did.

first = trace.layers[0]
dW = first.input.T.astype(float) @ first.dy
difference = np.abs(dW - first.parameters["W"].grad).max() / np.abs(dW).max()
print(f"\ndW of the first layer and x.T @ dy differ by {difference:.1e} of the largest number")
lesson.claim("dW and x.T @ dy differ by (millionths)", 1e6 * difference, at_most=10, trained=False)

# %%
# All layers in one figure. Below it, what the first layer looks for in a picture (W), and in which
# pixels this batch would change it (dW): there one can still see the digits.

lesson.save(trace.plot(), "09_trace")

# %%
# The X-ray is the same as a page, to walk through the step by the arrow keys. `trace.show()` makes
# it, and a notebook shows it below. It is one file, `xray.html`, which needs no server and no
# network; `trace.to_html("xray.html")` writes it where there is no notebook.

pages = [lesson.show_page(trace.show(), "xray")]

# %%
# The playground is the other page: draw a digit there with mouse or finger. The page fits it into
# 20 x 20 pixels with its centre of mass in the middle, as MNIST's makers did, gives unlit and lit
# pixels the numbers that the network has learned with, and computes the forward pass by itself.

playground = tn.playground(net, black=0, white=1, title="Draw a digit")
pages.append(lesson.show_page(playground, "playground"))

sizes = [path.stat().st_size / 1e6 for path in pages]
for path, size in zip(pages, sizes, strict=True):
    print(f"page {path.name}: {size:.2f} MB")
lesson.claim("largest page (MB)", max(sizes), at_most=2, trained=False)

# %%
# What to try there: a 7 with and without its bar; a 4 that slowly closes to a 9, while the bars
# move; a letter, which the network has never seen, and yet is mostly sure to be some digit.

lesson.finish()
