"""
The lab: watch it go wrong
==========================

`tn.lab` writes a page on which a network learns while you watch: the plane it sees, every weight,
every gradient, step by step and back. Its five scenes are the five ways in which learning fails
most often. Here they are measured with tinynet, so that you know what to look for in the page.
"""

# %%
# One line makes the page, and one click opens a scene. Press the space bar to let the network
# learn, and the left arrow to walk a step back.

from itertools import pairwise

import numpy as np
from lesson import Lesson

import tinynet as tn

lesson = Lesson(__doc__, epochs=150)
rng = np.random.default_rng(lesson.seed)
lesson.show_page(tn.lab(title="The lab"), "28_lab")


def chain(sizes, activation, init=None):
    """A network of Linear layers, with an activation between them."""
    layers = []
    for I, O in pairwise(sizes):
        layers += [tn.Linear(I, O, rng=rng), activation()]
        if init is not None:
            init(layers[-2].W, rng=rng)
    return tn.Sequential(*layers[:-1])


CROSS_ENTROPY = tn.CrossEntropyLoss()


def learn(net, optimizer, points, epochs=lesson.epochs, loss_fn=CROSS_ENTROPY):
    """Train on points in batches of 20; the loss of each epoch."""
    loader = tn.DataLoader(*points, batch_size=20, shuffle=True, rng=lesson.seed)
    history = tn.fit(net, loss_fn, optimizer, loader, epochs=epochs, progress=False)
    return history.train_loss


def right(net, points):
    """The share of the points, in per cent, whose class is read rightly."""
    return tn.accuracy(net.predict(points[0]), points[1])


def moons(count, noise):
    """Two half circles, each around an end of the other."""
    y = np.arange(count) % 2
    angle = rng.uniform(0, np.pi, count)
    x1, x2 = np.cos(angle) * (1 - 2 * y) + y - 0.5, np.sin(angle) * (1 - 2 * y) + y / 2 - 0.25
    X = np.stack([x1, x2], axis=1) + rng.normal(0, noise, (count, 2))
    return X.astype(np.float32), y


# %%
# **Too few units** (scene 1). Class 1 is where exactly one of x1 and x2 is above 0. A hidden unit
# sees the plane in one direction, so one unit alone can draw parallel lines and no more. With four
# units, the layer behind them has enough directions to choose from.

X = rng.uniform(-1, 1, (200, 2)).astype(np.float32)
xor = X, (X[:, 0] * X[:, 1] < 0).astype(int)
planes = []
for units, bounds in ((1, (0, 85)), (4, (94, 100))):
    net = chain((2, units, 2), tn.Tanh)
    learn(net, tn.Adam(net.parameters(), lr=0.03), xor)
    share = right(net, xor)
    lesson.claim(f"XOR, hidden units {units}: right (%)", share, *bounds)
    planes.append(tn.plots.Plane(f"hidden units: {units}, {share:.1f} % right", net, *xor))

# %%
# **A dead ReLU** (scene 2). A ReLU gives 0 where its sum is below 0, and hands no gradient back
# there. A large step can throw a unit so far that its sum is below 0 for every point. Then its own
# weights get no gradient from any of them: it is dead. A LeakyReLU hands a hundredth back, and
# comes to life again.

points, dead = moons(200, 0.15), {}
for activation in (tn.ReLU, tn.LeakyReLU):
    net = chain((2, 8, 8, 2), activation)
    learn(net, tn.SGD(net.parameters(), lr=1.0), points, epochs=40)
    silent, output = 0, points[0]
    for layer in net:
        output = layer.predict(output)
        silent += np.sum(np.all(output == 0, axis=0)) if isinstance(layer, activation) else 0
    dead[activation.__name__] = silent
lesson.claim("learning rate 1: dead ReLUs, of 16", dead["ReLU"], at_least=1)
lesson.claim("learning rate 1: dead LeakyReLUs, of 16", dead["LeakyReLU"], 0, 0)

# %%
# **Gradients that vanish** (scene 3). The slope of a Sigmoid is at most 1/4, so each of ten layers
# makes the gradient smaller on its way back. Tanh has the slope 1 at 0. With first weights that
# keep the spread (Xavier), as much comes back to the first layer as to the last.

sizes = (2, *[6] * 10, 2)
reached = {}
for name, net in {
    "Sigmoid": chain(sizes, tn.Sigmoid),
    "Tanh, Xavier": chain(sizes, tn.Tanh, tn.init.xavier_uniform),
}.items():
    CROSS_ENTROPY(net(points[0]), points[1])
    net.backward(CROSS_ENTROPY.backward())
    reached[name] = [np.sqrt(np.mean(layer.W.grad**2)) for layer in net if hasattr(layer, "W")]
layers = np.arange(1, 12)
lines = {name: (layers, np.array(sizes)) for name, sizes in reached.items()}
panel = tn.plots.Panel("", "Linear layer", "size of dW (root mean square)", lines, yscale="log")
lesson.save(tn.plots.line_panels([panel], "What comes back through ten layers"), "28_vanish")
for name, bounds in (("Sigmoid", (1e4, np.inf)), ("Tanh, Xavier", (0.01, 100))):
    factor = reached[name][-1] / reached[name][0]
    lesson.claim(f"{name}: dW of the last layer over the first", factor, *bounds, trained=False)

# %%
# **A learning rate too large** (scene 4). The slope was measured at one place. A step that is too
# long lands higher on the other side of the valley, where it is steeper, and the next step is
# longer still. `fit` stops when the loss is no longer finite, and says what to do.

x = np.linspace(-1, 1, 100, dtype=np.float32)[:, None]
wave = x, np.sin(4 * x) + rng.normal(0, 0.1, x.shape).astype(np.float32)
losses = {}
for lr in (1.0, 0.1):
    net = chain((1, 8, 1), tn.ReLU)
    try:
        losses[lr] = learn(net, tn.SGD(net.parameters(), lr), wave, loss_fn=tn.MSELoss())[-1]
    except FloatingPointError as error:
        losses[lr] = np.inf
        print(error)
print(f"learning rate 0.1: loss {losses[0.1]:.2f}; learning rate 1: {losses[1.0]:.2f}")
lesson.claim("learning rate 1: loss, times that of 0.1", losses[1.0] / losses[0.1], at_least=10)

# %%
# **Overfitting** (scene 5). Thirty noisy points, and a network that can draw its boundary around
# each of them. It learns them by heart, and does worse on new ones. L2 (`weight_decay`) pulls every
# weight a little towards 0 in each step, and the boundary stays smooth.

few, new = moons(30, 0.4), moons(300, 0.4)
for decay in (0.0, 0.03):
    net = chain((2, 16, 16, 2), tn.Tanh)
    optimizer = tn.Adam(net.parameters(), lr=0.01, weight_decay=decay)
    learn(net, optimizer, few, epochs=4 * lesson.epochs)
    loss, name = CROSS_ENTROPY(net.predict(new[0]), new[1]), f"L2 of {decay:g}"
    bounds = (0.9, np.inf) if decay == 0 else (0, 0.8)
    lesson.claim(f"{name}: loss of new points", loss, *bounds)
    planes.append(tn.plots.Plane(f"{name}, loss of new points {loss:.2f}", net, *few))
lesson.save(tn.plots.decision_boundary(planes, title="Watched to the end", columns=2), "28_planes")

# %%
# **In and out.** A network of your own goes into the page with its data, as it is now. Here it is
# the last one: watch what happens without L2. What was learned in the page comes out again: its
# last buttons save the code that makes the network, and the weights for `tn.load`.

page = tn.lab(net=net, data=few, test=new, optimizer=optimizer, batch_size=20, title="Our own")
lesson.show_page(page, "28_own")

lesson.finish()
