"""
A feed-forward network learns to read digits
============================================

The main lesson. A network of four layers, 784-64-32-32-10, learns from 18,000 handwritten digits
and then reads 2,000 that it has never seen, about 96 of 100 of them rightly. Then we look inside:
what it answers, which digits it gets wrong, and which it nearly got wrong.
"""

# %%
# First the data. A pixel is a whole number from 0 to 255. We divide all of them by the same 255,
# so that the network gets numbers from 0 to 1. (Lesson 6 shows what happens otherwise.)

import copy
import tempfile
import textwrap
from pathlib import Path

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=60)
rng = np.random.default_rng(lesson.seed)

digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
y = digits.labels
print(f"images {digits.images.shape} of {digits.images.dtype}, labels {y.shape} of {y.dtype}")
print(f"raw pixels {digits.images.min()} to {digits.images.max()}, scaled {X.min()} to {X.max()}")

# %%
# Four pixels of five are 0, the black paper. They hide all else on a linear axis, so the counts
# are drawn on a logarithmic one too. Scaling changes the axis, and nothing in the shape.

histograms = tn.plots.pixel_histograms({"raw 0..255": digits.images, "scaled 0..1": X})
lesson.save(histograms, "03_pixel_histograms")

# %%
# One tenth of the digits is laid aside. The network never learns from this test set, so it cannot
# know these digits by heart: what it makes of them shows whether it can read.
#
# The other digits come in batches of 32, in a new order in every epoch, which is one pass through
# all of them. The last batch of an epoch would be a short one; it is dropped.

X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.1, random_state=lesson.seed)
loader = tn.DataLoader(
    X_train, y_train, batch_size=32, shuffle=True, drop_last=True, rng=lesson.seed
)
print(f"{len(X_train)} digits to learn from, {len(X_test)} to be tested on")

# %%
# The network. Each `Linear` layer computes `x @ W + b`; `ReLU` turns negative numbers into 0. The
# ten outputs belong to the ten digits. `LogSoftmax` turns them into log-probabilities: their exp
# adds up to 1. The loss, `NLLLoss`, is the negative log-probability of the true digit, averaged
# over the batch: 0 if the network was sure and right, large if it was sure and wrong.

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
optimizer = tn.SGD(net.parameters(), lr=0.01)

# %%
# Before it learns, we ask it about one batch. It knows nothing, so each digit gets a probability
# near 0.1, a log-probability near ln 0.1 = -2.3, and the loss is near ln 10 = 2.3.

xb, yb = next(iter(loader))
log_probs = net(xb)
loss = loss_fn(log_probs, yb)
probabilities = np.exp(log_probs)
print(f"\nuntrained, one batch: outputs {log_probs.shape}, of which the first three rows are")
print(np.array_str(log_probs[:3], precision=2))
print(
    f"log-probabilities {log_probs.min():.2f} to {log_probs.max():.2f}, ln 0.1 = {np.log(0.1):.2f}"
)
print(f"probabilities {probabilities.min():.3f} to {probabilities.max():.3f}")
print(f"loss {loss:.3f}, ln 10 = {np.log(10):.3f}")
lesson.claim("loss before learning", loss, at_least=2.2, at_most=2.4, trained=False)

# %%
# One step of learning has five verbs. Forward and loss are done; clear the gradients of the step
# before; send the gradient of the loss backward through all layers; move each weight a little
# against its gradient. Then the same batch has a smaller loss.

optimizer.zero_grad()
net.backward(loss_fn.backward())
optimizer.step()
print(f"the same batch after one step: loss {loss_fn(net(xb), yb):.3f}")

# %%
# That is all of it, and the rest is patience: an epoch is 562 such steps. Here is the whole loop,
# written out, with what one likes to see of it: loss and accuracy, as the mean over the batches
# of an epoch, and of the test set after each. Copies of all three learn, for two epochs.

copied_net, copied_optimizer, copied_loader = copy.deepcopy((net, optimizer, loader))
print("\nby hand  train loss  test loss  train accuracy  test accuracy")
for epoch in (1, 2):
    losses, accuracies = [], []
    for xb, yb in copied_loader:
        log_probs = copied_net(xb)
        losses.append(loss_fn(log_probs, yb))
        accuracies.append(tn.accuracy(log_probs, yb))
        copied_optimizer.zero_grad()
        copied_net.backward(loss_fn.backward())
        copied_optimizer.step()
    test_loss, test_accuracy = tn.evaluate(copied_net, loss_fn, X_test, y_test)
    scores = f"{np.mean(accuracies):>12.2f} %  {test_accuracy:>11.2f} %"
    print(f"{epoch:>7}  {np.mean(losses):>10.3f}  {test_loss:>9.3f}  {scores}")

# %%
# `tn.fit` is this loop. Two epochs of it end with the same weights, to the last bit; it is only
# faster, since it compiles all lines of a step into one piece of machine code.

fitted_net, fitted_optimizer, fitted_loader = copy.deepcopy((net, optimizer, loader))
tn.fit(fitted_net, loss_fn, fitted_optimizer, fitted_loader, epochs=2, progress=False)
same = tn.fingerprint(fitted_net) == tn.fingerprint(copied_net)
print(f"two epochs of fit end with the same weights as two by hand: {same}")
lesson.claim("fit and the loop by hand end with the same weights", same, at_least=1, trained=False)

# %%
# Now 60 epochs. `fit` also scores the test set after each, and keeps all scores in a history.

history = tn.fit(
    net, loss_fn, optimizer, loader, test=(X_test, y_test), epochs=lesson.epochs, progress=True
)
lesson.fingerprint(net)

print("\nepoch  train loss  test loss  train accuracy  test accuracy")
for epoch in sorted({1, 2, 5, 10, 20, 40, lesson.epochs}):
    if epoch <= lesson.epochs:
        losses = f"{history.train_loss[epoch - 1]:>10.3f}  {history.test_loss[epoch - 1]:>9.3f}"
        train, test = history.train_accuracy[epoch - 1], history.test_accuracy[epoch - 1]
        print(f"{epoch:>5}  {losses}  {train:>12.2f} %  {test:>11.2f} %")
lesson.claim("train accuracy (%)", history.train_accuracy[-1], at_least=99.3)
needed = 95 if lesson.seed == 0 else 94
lesson.claim("test accuracy (%)", history.test_accuracy[-1], at_least=needed)

# %%
# The curves: at first both losses fall. Later the training loss goes on falling, while the test
# loss stops and turns upward: the network gets surer of itself, so its errors cost more. The test
# accuracy hardly minds.

title = "784-64-32-32-10 on handwritten digits"
lesson.save(tn.plots.learning_curves(history, title), "03_learning_curves")

# %%
# Now a look inside. `predict` runs the network forward and keeps nothing for learning. Here is
# what it answers to one test digit, as log-probabilities and as probabilities. Of most digits it is
# so sure that there is a single bar to be seen; this is the one between whose two likeliest classes
# it wavers most.

log_probs = net.predict(X_test)
probabilities = np.exp(log_probs)
guess = probabilities.argmax(axis=1)
likeliest = np.sort(probabilities, axis=1)
k = (likeliest[:, -1] - likeliest[:, -2]).argmin()
title = f"Test digit {k} is a {y_test[k]}, and the model guesses {guess[k]}"
lesson.save(tn.plots.output_bars(log_probs[k], y_test[k], title, X_test[k]), "03_test_digit")

# %%
# These are all test digits that it gets wrong: their number, the true digit and the guess.

wrong = np.flatnonzero(guess != y_test)
listed = ", ".join(f"{k}: {y_test[k]} as {guess[k]}" for k in wrong)
print(f"\n{len(wrong)} of {len(y_test)} test digits misread (number: true digit as guess)")
print(textwrap.fill(listed, 100, max_lines=20))

# %%
# Some of them, with what the network thought. Some are hard for us too; some are not at all.

some = wrong[:9]
figure = tn.plots.guesses(X_test[some], probabilities[some], y_test[some], 3, "Misread digits")
lesson.save(figure, "03_errors")

# %%
# Is there anything that the wrong ones have in common? The average of the 7s that were read
# rightly is a clear 7. The average of the misread ones is blurred: each is odd in its own way.


def average(images):
    """Average the images; black if there are none."""
    return images.mean(axis=0) if len(images) else np.zeros(784)


is_right = guess == y_test
right_sevens, wrong_sevens = X_test[(y_test == 7) & is_right], X_test[(y_test == 7) & ~is_right]
averages = [average(right_sevens), average(wrong_sevens)]
captions = [f"{len(right_sevens)} read rightly", f"{len(wrong_sevens)} misread"]
lesson.save(tn.plots.digit_grid(averages, captions, 2, "Average images of 7s"), "03_sevens")

# %%
# The same for all ten digits: read rightly above, misread below, with the number of images.

averages, captions = [], []
for group in (is_right, ~is_right):
    for digit in range(10):
        images = X_test[group & (y_test == digit)]
        averages.append(average(images))
        captions.append(f"{digit} ({len(images)})")
title = "Average image of each digit: read rightly (above), misread (below)"
lesson.save(tn.plots.digit_grid(averages, captions, 10, title), "03_right_and_wrong")

# %%
# And the *almost errors*: read rightly, though another digit had a probability above 0.1. They
# tell where the network wavers, which the accuracy does not.

second = np.sort(probabilities, axis=1)[:, -2]
almost = np.flatnonzero(is_right & (second > 0.1))
print(f"{len(almost)} almost errors: right, but another digit has a probability above 0.1")
if len(almost):
    some = almost[:9]
    figure = tn.plots.guesses(X_test[some], probabilities[some], y_test[some], 3, "Almost errors")
    lesson.save(figure, "03_almost_errors")

# %%
# What it has learned is its weights. A file keeps them, and whoever loads it has the same network:
# it answers with the same bits.

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "digits.safetensors")
    tn.save(net, path)
    print(f"\n{path.name}: {path.stat().st_size:,} bytes")
    loaded = tn.load(path)
differ = int((loaded.predict(X_test) != log_probs).sum())
lesson.claim("answers of the loaded network that differ", differ, at_most=0, trained=False)

lesson.finish()
