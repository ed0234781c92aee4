"""
The missing seven
=================

A network learns to read from digits among which there is no 7. Then it is shown 7s for the first
time. It cannot say "I do not know this one": it has ten outputs, which add up to 1, and must
choose. This lesson asks what it makes of them, and whether it notices.
"""

# %%
# We take all 7s out of the training digits. The network is that of lesson 3, with ten outputs, so
# it could say 7. But it will never be told that this is right.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=60)
rng = np.random.default_rng(lesson.seed)

digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
y = digits.labels
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.1, random_state=lesson.seed)

is_known = y_train != 7
known_test, sevens = X_test[y_test != 7], X[y == 7]
y_known_test = y_test[y_test != 7]
print(f"{is_known.sum()} digits to learn from, none of them a 7")
print(
    f"{len(known_test)} test digits of the other kinds, and {len(sevens)} sevens, all of them new"
)

# %%
# It learns as usual. Of the digits it knows it reads as many as before.

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
        X_train[is_known],
        y_train[is_known],
        batch_size=32,
        shuffle=True,
        drop_last=True,
        rng=lesson.seed,
    ),
    test=(known_test, y_known_test),
    epochs=lesson.epochs,
    progress=False,
)
lesson.fingerprint(net)
title = "Learning to read without ever seeing a 7"
lesson.save(tn.plots.learning_curves(history, title), "15_learning_curves")
print(f"test accuracy on the nine known digits: {history.test_accuracy[-1]:.2f} %")
lesson.claim("test accuracy on the known digits (%)", history.test_accuracy[-1], at_least=94)

# %%
# Now the 7s. What are they taken for? Most often for a 9, which is a 7 with its loop closed, and
# next for a 3 or another digit that shares a stroke with it. For a 7: never.

probabilities = np.exp(net.predict(sevens))
guess = probabilities.argmax(axis=1)
shares = 100 * np.bincount(guess, minlength=10) / len(sevens)
print("\na 7 is taken for  " + "".join(f"{digit:>7}" for digit in range(10)))
print("share (%)         " + "".join(f"{share:>7.1f}" for share in shares))
print(f"highest probability that any 7 gets of being a 7: {probabilities[:, 7].max():.4f}")
categories = [str(digit) for digit in range(10)]
title = f"What {len(sevens)} sevens are taken for"
shares_by_digit = {"share": shares}
figure = tn.plots.bars(
    shares_by_digit, categories, "the network says", "share (%)", title, "{:.1f}"
)
lesson.save(figure, "15_taken_for")
lesson.claim("7s read as 7s (%)", shares[7], at_most=0)

# %%
# Output 7 has not just been left alone. It got no praise, but it got blame: for each digit the loss
# pushes the right output up and all others down, and 7 was always among the others. The bias of
# output 7 has sunk, and so have its weights for whatever the other digits have in common.

bias = net.layers[-2].b.data
print(f"bias of output 7: {bias[7]:.2f}, of the others {np.delete(bias, 7).mean():.2f} on average")

# %%
# Twelve 7s, with what it thought. A triangle points at the true class, where no bar is to be seen:
# it is missing throughout.

some = rng.choice(len(sevens), 12, replace=False)
sevens_labels = np.full(12, 7)
title = "Twelve 7s, read by a network that knows no 7"
figure = tn.plots.guesses(sevens[some], probabilities[some], sevens_labels, 3, title)
lesson.save(figure, "15_sevens")

# %%
# The average image of the 7s that were taken for each digit shows what each was chosen by.

groups = [digit for digit in range(10) if shares[digit] > 0]
averages = [sevens[guess == digit].mean(axis=0) for digit in groups]
captions = [f"as {digit}: {(guess == digit).sum()}" for digit in groups]
title = "The average 7 that is taken for each digit"
lesson.save(tn.plots.digit_grid(averages, captions, 5, title), "15_averages")

# %%
# Does it notice? Its *confidence* is the probability of its own guess. For digits that it knows it
# is nearly always sure. For 7s it is less sure on average, so something can be seen. But many 7s
# are misread with full confidence: a probability of 0.99 means that nothing *else it knows* is like
# this. It does not mean that the digit is one of those it knows.

known_probabilities = np.exp(net.predict(known_test))
confidence = {
    "digits it knows": known_probabilities.max(axis=1),
    "7s": probabilities.max(axis=1),
}
shares_of_bins = {
    name: 100 * np.histogram(values, bins=np.linspace(0.1, 1, 10))[0] / len(values)
    for name, values in confidence.items()
}
bins = [f"{k / 10:.1f}-{(k + 1) / 10:.1f}" for k in range(1, 10)]
title = "How sure the network is of its guesses"
x = "probability of its own guess"
figure = tn.plots.bars(shares_of_bins, bins, x, "share (%)", title, "{:.0f}")
lesson.save(figure, "15_confidence")
sure_known, sure_sevens = (100 * np.mean(values > 0.9) for values in confidence.values())
print(f"more than 0.9 sure: of known digits {sure_known:.0f} %, of 7s {sure_sevens:.0f} %")
lesson.claim("sure of known digits, more than of 7s by (points)", sure_known - sure_sevens, 10)
lesson.claim("sure of 7s, all wrong (%)", sure_sevens, at_least=10)

lesson.finish()
