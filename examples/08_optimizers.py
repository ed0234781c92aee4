"""
How to take a step: SGD, momentum, RMSprop, Adam
================================================

Backpropagation says which way is downhill for each weight. How far to go is the optimizer's
business. Four of them train the same network on the same digits. The last is so good that it hides
mistakes made elsewhere, which is why the other lessons do without it.
"""

# %%
# Let `g` be the gradient of the loss with respect to one weight `w`, and `lr` the learning rate.
#
# *SGD*, stochastic gradient descent, does the obvious: `w -= lr * g`. Stochastic means that `g`
# comes from one small batch, so it is right only on average.
#
# *Momentum* adds up the steps, like a ball that rolls: `v = 0.9 * v + g`, `w -= lr * v`. If the
# gradients agree for long, the steps become up to ten times longer; if they contradict one another,
# they cancel out.
#
# *RMSprop* divides each gradient by its own recent size, the root of the mean of its squares. So a
# weight whose gradients are tiny moves about as fast as one whose gradients are large.
#
# *Adam* does both at once, and corrects for the fact that both averages start at zero.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=30)

digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
X_train, X_test, y_train, y_test = train_test_split(
    X, digits.labels, test_size=0.1, random_state=lesson.seed
)

# %%
# Everything but the optimizer is the same for all: first weights, digits, order of batches. The
# learning rates are the usual ones of each method. They cannot be the same: RMSprop and Adam take
# steps of about `lr` for every weight, however small its gradient is, so theirs has to be smaller.

OPTIMIZERS = {
    "SGD": lambda parameters: tn.SGD(parameters, lr=0.01),
    "SGD, momentum 0.9": lambda parameters: tn.SGD(parameters, lr=0.01, momentum=0.9),
    "RMSprop": lambda parameters: tn.RMSprop(parameters, lr=0.001),
    "Adam": lambda parameters: tn.Adam(parameters, lr=0.001),
}


def learn(optimizer, last):
    """Train 784-64-32-32-10 with this optimizer and this last layer."""
    rng = np.random.default_rng(lesson.seed)
    net = tn.Sequential(
        tn.Linear(784, 64, rng=rng),
        tn.ReLU(),
        tn.Linear(64, 32, rng=rng),
        tn.ReLU(),
        tn.Linear(32, 32, rng=rng),
        tn.ReLU(),
        tn.Linear(32, 10, rng=rng),
        last,
    )
    history = tn.fit(
        net,
        tn.NLLLoss(),
        OPTIMIZERS[optimizer](net.parameters()),
        tn.DataLoader(
            X_train, y_train, batch_size=32, shuffle=True, drop_last=True, rng=lesson.seed
        ),
        test=(X_test, y_test),
        epochs=lesson.epochs,
        progress=False,
    )
    lesson.fingerprint(net)
    return history


histories = {name: learn(name, tn.LogSoftmax()) for name in OPTIMIZERS}


# %%
# How long does it take until nine test digits of ten are read rightly?


def epochs_to(history, percent):
    """Count the epochs until the test accuracy reaches `percent`; infinite if it never does."""
    reached = np.flatnonzero(np.array(history.test_accuracy) >= percent)
    return reached[0] + 1 if len(reached) else np.inf


print("optimizer          epochs to 90 %  train accuracy  test accuracy")
for name, history in histories.items():
    needed, train = epochs_to(history, 90), history.train_accuracy[-1]
    print(f"{name:<18} {needed:>14.0f}  {train:>12.2f} %  {history.test_accuracy[-1]:>11.2f} %")

# %%
# The same as curves. Three of them are so fast that they would lie upon one another; on logarithmic
# axes the first epochs, in which they differ, have as much room as all later ones.

epochs = np.arange(1, lesson.epochs + 1)
losses = {name: (epochs, run.train_loss) for name, run in histories.items()}
errors = {name: (epochs, 100 - np.array(run.test_accuracy)) for name, run in histories.items()}
panels = [
    tn.plots.Panel("training digits", "epoch", "loss", losses, "log", "log"),
    tn.plots.Panel("test digits", "epoch", "errors (%)", errors, "log", "log"),
]
title = "Four optimizers, the same network and digits"
lesson.save(tn.plots.line_panels(panels, title), "08_learning_curves")

# %%
# The three others are several times faster than plain SGD. For the first few epochs SGD hardly
# moves: the gradients of the early layers are tiny then. In the end all four read about as many
# *test* digits, though plain SGD is still on its way, while the others know the training digits
# nearly by heart. A faster way down does not lead to a much better valley.

slow, fast = epochs_to(histories["SGD"], 90), epochs_to(histories["Adam"], 90)
for name, history in histories.items():
    lesson.claim(f"{name}: test accuracy (%)", history.test_accuracy[-1], at_least=93)
lesson.claim("epochs that SGD needs for one of Adam's", slow / fast, at_least=2)

# %%
# The course says of Adam that it is so good that it hides other effects. Put it to the test: lesson
# 4 showed that a network that ends with Softmax instead of LogSoftmax gets stuck, because the
# gradients of those digits that it does not know yet vanish. Adam divides by the size of the
# gradients, so vanishing ones are blown up again, and the mistake hardly shows.

with_softmax = {
    f"{name}, {last}": learn(name, tn.Softmax()) if last == "softmax" else histories[name]
    for name in ("SGD", "Adam")
    for last in ("softmax", "log-softmax")
}
lines = {name: (epochs, history.test_accuracy) for name, history in with_softmax.items()}
panel = tn.plots.Panel("784-64-32-32-10", "epoch", "test accuracy (%)", lines)
title = "Adam hides that softmax is the wrong last layer"
lesson.save(tn.plots.line_panels([panel], title), "08_adam_hides")

print("\nthe last layer     test accuracy")
for name, history in with_softmax.items():
    print(f"{name:<18} {history.test_accuracy[-1]:>11.2f} %")
sgd, adam = (with_softmax[f"{name}, softmax"].test_accuracy[-1] for name in ("SGD", "Adam"))
lesson.claim("softmax: Adam is better than SGD by (points)", adam - sgd, at_least=10)

# %%
# A fault that hides is not repaired. Who only ever uses Adam sees a network that works and learns
# nothing from it. So in these lessons the plain method is used, which shows what is going on; and
# for work that must be done, Adam is a good first choice.

lesson.finish()
