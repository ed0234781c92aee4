"""
Softmax or log-softmax?
=======================

The network of lesson 3 ends with `LogSoftmax`. Here it is beside a twin that ends with `Softmax`,
and nothing else differs. The twin gets stuck: some digits it never learns at all. The reason is
one factor in the gradient. At the end, numbers too small for the computer give a second reason.
"""

# %%
# A network's last layer gives ten scores, any numbers. *Softmax* turns them into probabilities,
# `p = exp(x) / exp(x).sum()`. *Log-softmax* is the logarithm of that, `x - log(exp(x).sum())`. The
# loss, `NLLLoss`, takes what the network put out for the true digit and turns its sign. So it is
# `-p` after softmax, and `-log(p)` after log-softmax. Both are smallest where p = 1. Then why not
# use the simpler one?

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=60)

# %%
# Look at the penalty for a small probability. After softmax a digit that got p = 0.001 costs
# hardly more than one that got 0.1: the curve is a straight line. After log-softmax it is steep on
# the left: to be sure and wrong costs a great deal. On the right is what a learner needs, the
# gradient for the score of the true digit. It is `p * (1 - p)` after softmax and `1 - p` after
# log-softmax. With softmax, whatever is completely wrong teaches as little as what is right.

scores = np.linspace(-6, 10, 200)
rows = np.zeros((200, 10))
rows[:, 0] = scores  # one digit's score varies, the other nine stay at 0
p = np.linspace(0.001, 1, 500)
panels = [
    tn.plots.Panel(
        "what comes out, for one score\nbeside nine zeros",
        "score",
        "output",
        {
            "softmax": (scores, tn.Softmax().predict(rows)[:, 0]),
            "log-softmax": (scores, tn.LogSoftmax().predict(rows)[:, 0]),
        },
    ),
    tn.plots.Panel(
        "penalty for a probability",
        "probability p of the true digit",
        "loss",
        {"softmax: -p": (p, -p), "log-softmax: -log(p)": (p, -np.log(p))},
    ),
    tn.plots.Panel(
        "how strongly it is corrected",
        "probability p of the true digit",
        "size of the gradient",
        {"softmax: p (1 - p)": (p, p * (1 - p)), "log-softmax: 1 - p": (p, 1 - p)},
    ),
]
title = "Softmax and log-softmax, and what NLLLoss makes of them"
lesson.save(tn.plots.line_panels(panels, title), "04_curves")

# %%
# Now the twins. The same seed gives them the same first weights, the same digits and the same
# order of batches.

digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
X_train, X_test, y_train, y_test = train_test_split(
    X, digits.labels, test_size=0.1, random_state=lesson.seed
)


def digit_network(last):
    """Make 784-64-32-32-10 with the given last layer, the same weights every time."""
    rng = np.random.default_rng(lesson.seed)
    return tn.Sequential(
        tn.Linear(784, 64, rng=rng),
        tn.ReLU(),
        tn.Linear(64, 32, rng=rng),
        tn.ReLU(),
        tn.Linear(32, 32, rng=rng),
        tn.ReLU(),
        tn.Linear(32, 10, rng=rng),
        last,
    )


nets = {"softmax": digit_network(tn.Softmax()), "log-softmax": digit_network(tn.LogSoftmax())}

# %%
# Before they learn, we send the same digits through both and ask each layer how strong its
# gradient is. With softmax it is about ten times weaker, in every layer. That is the factor p: each
# digit's gradient is that of log-softmax, times the probability of the true digit, and an untrained
# network gives each digit about 0.1.

strengths = {}
for name, net in nets.items():
    loss_fn = tn.NLLLoss()
    loss_fn(net(X_train), y_train)
    net.backward(loss_fn.backward())
    linear_layers = net.layers[0::2]
    strengths[name] = [float(np.linalg.norm(layer.W.grad)) for layer in linear_layers]

ratios = np.divide(strengths["log-softmax"], strengths["softmax"])
print("gradient before learning   softmax  log-softmax  ratio")
for k, ratio in enumerate(ratios):
    softmax, log_softmax = strengths["softmax"][k], strengths["log-softmax"][k]
    print(f"Linear layer {k + 1:<13} {softmax:>8.4f}  {log_softmax:>11.4f}  {ratio:>5.1f}")
layer_names = [f"Linear {k + 1}" for k in range(4)]
title = "Gradient of each layer's weights before learning"
figure = tn.plots.bars(strengths, layer_names, "layer", "length of the gradient", title)
lesson.save(figure, "04_first_gradient")
lesson.claim("gradient of log-softmax over softmax", ratios.mean(), 5, 20, trained=False)

# %%
# Ten times weaker would only be ten times slower. But the factor p does not stay at 0.1. While a
# network learns some digits first, the probabilities of the others sink, and so does all that could
# lift them again. Train both and see.

histories, read = {}, {}
for name, net in nets.items():
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
    guess = net.predict(X_test).argmax(axis=1)
    read[name] = [100 * np.mean(guess[y_test == digit] == digit) for digit in range(10)]

title = "The same network with softmax and with log-softmax"
lesson.save(tn.plots.learning_curves(histories, title), "04_learning_curves")
print("\nlast layer   train accuracy  test accuracy  test digits 0 to 9 read rightly (%)")
for name, history in histories.items():
    train, test = history.train_accuracy[-1], history.test_accuracy[-1]
    each = " ".join(f"{share:3.0f}" for share in read[name])
    print(f"{name:<11} {train:>13.2f} %  {test:>11.2f} %  {each}")

# %%
# With softmax the network is not a little worse at everything: it reads most digits well, and one
# or more of the ten never. For those p is nearly 0, so nothing pulls it up. More epochs help
# little: the course reports 77 % after 100. The two losses cannot be compared: that of softmax runs
# from -0.1 down to -1, that of log-softmax from 2.3 down to 0.

title = "Test digits that are read rightly"
categories = [str(digit) for digit in range(10)]
figure = tn.plots.bars(read, categories, "digit", "read rightly (%)", title, "{:.0f}")
lesson.save(figure, "04_each_digit")

softmax, log_softmax = (history.test_accuracy[-1] for history in histories.values())
lesson.claim("test accuracy with softmax (%)", softmax, at_most=85)
lesson.claim("test accuracy with log-softmax (%)", log_softmax, at_least=94)
lesson.claim("log-softmax is better by (points)", log_softmax - softmax, at_least=10)

# %%
# Could one take softmax, and then the logarithm of it? On paper that is the same. In a computer it
# is not: exp(-104) is too small for a float32 and becomes 0, and the logarithm of 0 is minus
# infinity. Log-softmax never forms that small number, so it stays exact. It also subtracts the
# largest score first, so that exp cannot become too large.

print("\nscores    softmax                log of softmax     log-softmax")
for scores in ([0.0, -10.0], [0.0, -104.0], [1000.0, 0.0]):
    x = np.array([scores], dtype=np.float32)
    probabilities = tn.Softmax().predict(x)
    with np.errstate(divide="ignore"):  # NumPy would warn of the logarithm of 0
        log_of_softmax = np.log(probabilities)
    log_softmax = tn.LogSoftmax().predict(x)
    columns = [x, probabilities, log_of_softmax, log_softmax]
    a, b, c, d = ("{:.6g}, {:.6g}".format(*values[0]) for values in columns)
    print(f"{a:<8}  {b:<21}  {c:<17}  {d}")
    if scores[1] == -104:
        lost = np.isneginf(log_of_softmax[0, 1])
        lesson.claim("log of softmax(-104) is lost (1: yes)", lost, at_least=1, trained=False)
        lesson.claim("log-softmax(-104)", log_softmax[0, 1], -104.01, -103.99, trained=False)

# %%
# A network that is stuck does not say why. The doctor looks at its scores, its outputs and a step
# of training: `tn.diagnose` says what it finds, how that shows, and what to try.

for name, net in nets.items():
    train, test = (X_train, y_train), (X_test, y_test)
    diagnosis = tn.diagnose(histories[name], net, train, test, loss_fn=tn.NLLLoss())
    print(f"\nnetwork that ends with {name}\n{diagnosis}")
    wrong = "softmax fed to NLLLoss" in {finding.name for finding in diagnosis}
    expected = float(name == "softmax")
    claim = f"{name}: the doctor finds softmax at NLLLoss (1: yes)"
    lesson.claim(claim, wrong, expected, expected, trained=False)
lesson.claim("log-softmax: findings of the doctor", len(diagnosis), at_most=0)

lesson.finish()
