"""
The backward pass, by hand
==========================

A network of seven units takes one step of learning: first on paper, every single number of it; then
in a dozen lines of NumPy; then by tinynet. All three agree. At the end stand the two derivations
that everything else rests on. Read this before lesson 3.
"""

# %%
# Two numbers go in, three hidden units look at them, and two units give a score to each class. Four
# points are to be learned, two of class 0 and two of class 1. The weights are small round numbers,
# so that you can follow with pencil and paper. Please do: it is the quickest way to understand what
# backpropagation is.

import numpy as np
from lesson import Lesson

import tinynet as tn

lesson = Lesson(__doc__)

X = np.array([[1.0, 0], [0, 1], [1, 1], [-1, 1]])
labels = np.array([0, 0, 1, 1])
W1, b1 = np.array([[1.0, -1, 1], [1, 1, -1]]), np.array([-0.5, 0.5, 0.5])
W2, b2 = np.array([[1.0, -1], [0, 1], [1, 0]]), np.zeros(2)

net = tn.Sequential(
    tn.Linear(2, 3, dtype=np.float64),
    tn.ReLU(),
    tn.Linear(3, 2, dtype=np.float64),
    tn.LogSoftmax(),
)
net[0].W.data[:], net[0].b.data[:] = W1, b1
net[2].W.data[:], net[2].b.data[:] = W2, b2
title = "2-3-2 units; a weight of 0 is not drawn"
lesson.save(tn.plots.draw_network(net, title=title), "16_network")

# %%
# **Forward, on paper.** A hidden unit multiplies each input by a weight, adds all up, and adds its
# bias. For the first point, (1, 0), that is
#
#     unit 0:   1 *  1  +  0 *  1  -  0.5  =   0.5
#     unit 1:   1 * -1  +  0 *  1  +  0.5  =  -0.5
#     unit 2:   1 *  1  +  0 * -1  +  0.5  =   1.5
#
# ReLU lets 0.5 and 1.5 pass and makes -0.5 a 0. The two scores are the same kind of sum:
#
#     class 0:   0.5 *  1  +  0 * 0  +  1.5 * 1  =   2
#     class 1:   0.5 * -1  +  0 * 1  +  1.5 * 0  =  -0.5
#
# Here are all four points, a row for each. `h` is before ReLU, `a` after it, `y` the scores.

on_paper = {
    "h": [[0.5, -0.5, 1.5], [0.5, 1.5, -0.5], [1.5, 0.5, 0.5], [-0.5, 2.5, -1.5]],
    "a": [[0.5, 0, 1.5], [0.5, 1.5, 0], [1.5, 0.5, 0.5], [0, 2.5, 0]],
    "y": [[2, -0.5], [0.5, 1], [2, -1], [0, 2.5]],
}

# %%
# **The loss, on paper.** Softmax turns scores into probabilities `p`: e to the power of each score,
# divided by their sum. For the first point, exp(2) = 7.389 and exp(-0.5) = 0.607, so that class 0
# gets 7.389 / 7.996 = 0.924. The loss of a point is -log of the probability of its own class: 0.079
# here, where the network is right, and 3.049 for the third point, where it is sure and wrong. The
# loss of the batch is their mean.

on_paper |= {
    "p": [[0.924, 0.076], [0.378, 0.622], [0.953, 0.047], [0.076, 0.924]],
    "loss": (0.079 + 0.974 + 3.049 + 0.079) / 4,
}

# %%
# **Backward, on paper.** `dy` asks of each score: by how much does the loss grow if this score
# grows a little? The answer is `(p - 1) / 4` for the right class and `p / 4` for the other; why, is
# derived below. For the first point, (0.924 - 1) / 4 = -0.019 and 0.076 / 4 = 0.019.
#
# A weight of the second layer was multiplied by a hidden unit and added to a score. So if it grows
# a little, the score grows by that times the unit, and the loss by that times the unit times `dy`.
# All four points go through the same weight: their shares add up. From hidden unit 0 to class 0:
#
#     dW2[0, 0]  =  0.5 * -0.019  +  0.5 * -0.156  +  1.5 * 0.238  +  0 * 0.019  =  0.270
#
# A bias is a weight whose unit is always 1: `db2` is the sum of `dy` over the points.

on_paper |= {
    "dy": [[-0.019, 0.019], [-0.156, 0.156], [0.238, -0.238], [0.019, -0.019]],
    "dW2": [[0.270, -0.270], [-0.067, 0.067], [0.091, -0.091]],
    "db2": [0.083, -0.083],
}

# %%
# A hidden unit goes to both scores, so that it hears from both. Unit 0 of the first point:
#
#     da[0, 0]  =  1 * -0.019  +  -1 * 0.019  =  -0.038
#
# Where ReLU made a 0, a little more or less changes nothing: there `dh` is 0, and elsewhere it is
# `da`. The first layer then does what the second did, with the points in place of hidden units.

on_paper |= {
    "da": [
        *([-0.038, 0.019, -0.019], [-0.311, 0.156, -0.156]),
        *([0.476, -0.238, 0.238], [0.038, -0.019, 0.019]),
    ],
    "dh": [[-0.038, 0, -0.019], [-0.311, 0.156, 0], [0.476, -0.238, 0.238], [0, -0.019, 0]],
    "dW1": [[0.438, -0.219, 0.219], [0.165, -0.101, 0.238]],
    "db1": [0.127, -0.101, 0.219],
}

# %%
# **The step.** Every weight takes half of its gradient away from itself, since it is to make the
# loss smaller. The half is the learning rate.

on_paper |= {
    "W1 after": [[0.781, -0.890, 0.890], [0.917, 1.051, -1.119]],
    "b1 after": [-0.564, 0.551, 0.390],
    "W2 after": [[0.865, -0.865], [0.033, 0.967], [0.955, 0.045]],
    "b2 after": [-0.041, 0.041],
}

# %%
# **The same in NumPy.** All points at once, a line for each of the sums above. Look at the two
# layers on the way back: three lines each, the same three.

by_numpy = {"h": X @ W1 + b1}
by_numpy["a"] = np.maximum(by_numpy["h"], 0)
by_numpy["y"] = by_numpy["a"] @ W2 + b2
exp = np.exp(by_numpy["y"])
by_numpy["p"] = exp / exp.sum(axis=1, keepdims=True)
by_numpy["loss"] = -np.log(by_numpy["p"][range(4), labels]).mean()

by_numpy["dy"] = (by_numpy["p"] - np.eye(2)[labels]) / 4
by_numpy["dW2"] = by_numpy["a"].T @ by_numpy["dy"]
by_numpy["db2"] = by_numpy["dy"].sum(axis=0)
by_numpy["da"] = by_numpy["dy"] @ W2.T
by_numpy["dh"] = by_numpy["da"] * (by_numpy["h"] > 0)
by_numpy["dW1"] = X.T @ by_numpy["dh"]
by_numpy["db1"] = by_numpy["dh"].sum(axis=0)
for name, before in {"W1": W1, "b1": b1, "W2": W2, "b2": b2}.items():
    by_numpy[f"{name} after"] = before - 0.5 * by_numpy[f"d{name}"]

# %%
# **The same by tinynet.** `forward`, the loss, `backward`, `step`. Every Linear keeps its gradients
# in `W.grad` and `b.grad`. `tn.trace` takes the step in a copy, and keeps what travels, too.

loss_fn = tn.NLLLoss()
optimizer = tn.SGD(net.parameters(), lr=0.5)
traced = tn.trace(net, loss_fn, X, labels, tn.SGD(net.parameters(), lr=0.5))
first, relu, second, _ = traced.layers
by_tinynet = {"h": first.output, "a": relu.output, "y": second.output, "p": np.exp(net(X))}
by_tinynet["loss"] = loss_fn(net(X), labels)
net.backward(loss_fn.backward())
by_tinynet |= {"dy": second.dy, "dW2": net[2].W.grad, "db2": net[2].b.grad, "da": relu.dy}
by_tinynet |= {"dh": first.dy, "dW1": net[0].W.grad, "db1": net[0].b.grad}
optimizer.step()
by_tinynet |= {"W1 after": net[0].W.data, "b1 after": net[0].b.data}
by_tinynet |= {"W2 after": net[2].W.data, "b2 after": net[2].b.data}

print("          numbers  on paper and by NumPy  by NumPy and by tinynet")
worst = [0.0, 0.0]
for name, by_hand in on_paper.items():
    pair = (by_hand, by_tinynet[name])
    differences = [float(np.abs(other - by_numpy[name]).max()) for other in map(np.asarray, pair)]
    worst = [max(both) for both in zip(worst, differences, strict=True)]
    print(f"{name:<8}  {np.size(by_hand):>7}  {differences[0]:>21.4f}  {differences[1]:>23.1e}")
lesson.claim("paper and NumPy differ by, at most (thousandths)", 1000 * worst[0], at_most=0.5)
lesson.claim("NumPy and tinynet differ by (trillionths)", 1e12 * worst[1], at_most=1)

after = loss_fn(net(X), labels)
lesson.claim("loss before the step", by_tinynet["loss"], at_least=1.04, at_most=1.05)
lesson.claim("loss after it", after, at_least=0.79, at_most=0.8)

# %%
# **Where Linear's three lines come from.** Point n, input i, output o: `y[n, o]` is the sum over i
# of `x[n, i] * W[i, o]`, plus `b[o]`. The chain rule: what a number does to the loss is a sum over
# all the `y` that it enters, each time `dy` times what it does to that `y`.
#
#     W[i, o] enters y[n, o] of every point n, times x[n, i]:   dW = x.T @ dy
#     b[o]    enters y[n, o] of every point n, times 1:         db = dy.sum(axis=0)
#     x[n, i] enters y[n, o] of every output o, times W[i, o]:  dx = dy @ W.T
#
# **Where p - 1 comes from.** The loss of a point of class t is `-log(exp(y[t]) / sum(exp(y)))`, and
# that is `log(sum(exp(y))) - y[t]`. The first part grows with `y[j]` by `exp(y[j]) / sum(exp(y))`,
# which is `p[j]`. The second takes 1 away where j is t. So `dy` is `p`, less 1 at the right class,
# divided by the number of points, whose mean is taken.
#
# Or believe nobody, and nudge every weight: that is how `tn.check_gradients` proves a gradient.

print(f"\n{tn.check_gradients(net, X)}")

# %%
# The X-ray of this very network: walk through the step with the arrow keys, and find your numbers.

lesson.show_page(traced.show(), "16_xray")

lesson.finish()
