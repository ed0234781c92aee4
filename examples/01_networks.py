"""
What are fully-connected and feed-forward networks?
===================================================

A neural network is a row of layers, and a layer is a row of units. A unit holds one number, its
activation. This lesson shows which units are tied to which, why the usual name for it says too
much, and what travels along the ties: activations forward, gradients backward.
"""

# %%
# The names come in a muddle, so let us sort them first. *ANN*, artificial neural network, is the
# whole family. *FFN*, feed-forward network, says that signals go one way only, from the input to
# the output, and never in a circle. *FCN*, fully-connected network, says that neighbouring layers
# are tied unit by unit, with nothing left out. *MLP*, multi-layer perceptron, is the oldest name.
# The networks of these lessons are all four at once, and people use the names for one another.

from itertools import pairwise

import numpy as np
from lesson import Lesson

import tinynet as tn

lesson = Lesson(__doc__)

# %%
# Here is a small one. Three numbers go in, two come out, and two hidden layers stand between.
# Each circle is a unit and each line a weight: one number that says how strongly the left unit
# drives the right one. The picture shows what is there: every unit projects to *every* unit of
# the next layer. It also shows what is not there: no line within a layer, none that jumps over a
# layer, and none that leads back.

sizes = [3, 5, 4, 2]
lesson.save(tn.plots.draw_network(sizes), "01_network")

# %%
# So "fully connected" is true between two neighbouring layers, and false for the network as a
# whole. Beside it stands a graph that earns the words: just as many units, each tied to each of
# the others. "Densely layered" would have been a better name, but the other one has stuck.

lesson.save(tn.plots.compare_connectivity(sizes), "01_fully_connected")

# %%
# Count the lines. Two layers of a and b units have a * b of them; a full graph of n units has
# n * (n - 1) / 2. The last row is the network that learns handwritten digits in lesson 3.

networks = {"small": sizes, "for digits": [784, 64, 32, 32, 10]}
print("network      units  connections  if every unit met every other")
for name, widths in networks.items():
    n_units = sum(widths)
    n_connections = sum(a * b for a, b in pairwise(widths))
    n_possible = n_units * (n_units - 1) // 2
    share = 100 * n_connections / n_possible
    print(f"{name:<11}  {n_units:>5}  {n_connections:>11,}  {n_possible:,} ({share:.0f} % used)")

lesson.claim("share of all possible connections in the digit network (%)", share, at_most=15)

# %%
# Now let us not believe the drawing, but ask a network. In tinynet a layer of units and the lines
# that lead to it are one object: `tn.Linear(3, 5)` computes `y = x @ W + b`, where `W` has one row
# per unit on the left and one column per unit on the right. A `tn.Sequential` runs its layers one
# after the other. We nudge a single unit of the first hidden layer and see who feels it.

rng = np.random.default_rng(lesson.seed)
net = tn.Sequential(
    tn.Linear(3, 5, rng=rng),
    tn.Linear(5, 4, rng=rng),
    tn.Linear(4, 2, rng=rng),
)


def activations(net, x):
    """Run x through the network and list what each layer makes of it."""
    found = [x]
    for layer in net.layers:
        found.append(layer(found[-1]))
    return found


x = rng.normal(size=(1, 3)).astype(np.float32)
before = activations(net, x)
net.layers[0].b.data[1] += 1.0
after = activations(net, x)
changed = [int((a != b).sum()) for a, b in zip(before, after, strict=True)]

# %%
# The input does not feel it: nothing leads back. In its own layer the unit is alone: nothing
# leads sideways. In every later layer all units feel it.

print("\nlayer     units  moved by one nudged unit of hidden 1")
names = ["input", "hidden 1", "hidden 2", "output"]
for name, size, moved in zip(names, sizes, changed, strict=True):
    print(f"{name:<8}  {size:>5}  {moved:>5}")

lesson.claim("units of earlier layers that moved", changed[0], at_most=0)
lesson.claim("units of the same layer that moved", changed[1], at_least=1, at_most=1)
lesson.claim("units of later layers that moved", sum(changed[2:]), at_least=6, at_most=6)

# %%
# Two things travel along the lines. On the way *forward* each layer hands its activations to the
# next. That is all a network does when it is used. When it learns there is a way *backward* too.
# The output is compared with the wanted one, and each layer is told by how much the mistake would
# grow if its output `y` grew: this is the gradient `dy`. The layer works out the gradient `dx` of
# its own input from that and hands it to the layer before. Same lines, other direction.

lesson.save(tn.plots.draw_network(sizes, arrows="both"), "01_forward_and_backward")

# %%
# In code this is one loop each way. A gradient always has the shape of the activations that it
# belongs to: one number for each unit and each sample. Here five samples travel together.

y = rng.normal(size=(5, 3)).astype(np.float32)
forward_shapes = [y.shape]
for layer in net.layers:
    y = layer(y)
    forward_shapes.append(y.shape)

dy = rng.normal(size=y.shape).astype(np.float32)
backward_shapes = [dy.shape]
for layer in reversed(net.layers):
    dy = layer.backward(dy)
    backward_shapes.append(dy.shape)

print("\nforward: ", " -> ".join(str(shape) for shape in forward_shapes))
print("backward:", " <- ".join(str(shape) for shape in reversed(backward_shapes)))
same = forward_shapes == backward_shapes[::-1]
lesson.claim("gradients have the shapes of the activations (1: yes)", same, at_least=1)

# %%
# The way back does more than pass the message on: each layer also notes, in `W.grad`, what each
# single weight had to do with the mistake. Lesson 3 uses that to learn.
#
# Last, the real thing. `draw_network` takes any `Sequential`, names its layers, and draws its
# weights: orange ones are positive, blue ones negative, strong ones thick. A layer that is too wide
# for the page is cut short by dots. Between the layers stands `ReLU`, which turns negative numbers
# into zeros; without it the layers together could do no more than a single one. This network has
# learned nothing yet, so its weights are noise. That is where every network starts.

digit_net = tn.Sequential(
    tn.Linear(784, 64, rng=rng),
    tn.ReLU(),
    tn.Linear(64, 32, rng=rng),
    tn.ReLU(),
    tn.Linear(32, 32, rng=rng),
    tn.ReLU(),
    tn.Linear(32, 10, rng=rng),
    tn.LogSoftmax(),
)
title = "The digit network before it learns: 784-64-32-32-10"
lesson.save(tn.plots.draw_network(digit_net, max_units=10, title=title), "01_digit_network")

lesson.finish()
