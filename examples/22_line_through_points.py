"""
A line through points
=====================

Not which digit, but how much: that is regression, and its smallest network is one weight and one
bias. Here we know the right answer without any learning, and can compare. On the way we see why
accuracy means nothing here, what to look at instead, and why inputs are scaled.
"""

# %%
# We draw 100 points around the line `y = 0.8 x + 4`, and pretend not to know it. A Linear layer
# with one input and one output computes `w * x + b`: a line, too. Its weight is the slope. Its bias
# is the intercept, the height of the line at x = 0. The output is no score of a class, but the
# answer itself. So nothing comes after it, no softmax and no ReLU.

import numpy as np
from lesson import Lesson

import tinynet as tn

lesson = Lesson(__doc__, epochs=300)
rng = np.random.default_rng(lesson.seed)

x = rng.uniform(0, 10, size=(100, 1))
y = 0.8 * x + 4 + rng.normal(size=(100, 1))  # columns of one number, as the layer's output is
net = tn.Linear(1, 1, rng=rng, dtype=np.float64)

# %%
# **The loss: mean squared error.** The error of a point is its output minus its y. Squared, errors
# to both sides count, and one counts more than two that are half as large. If w grows a little, an
# error grows by x times as much; if an error grows a little, its square grows by twice the error
# times as much. So `dw` is the mean of `2 * error * x`, and `db` is the mean of `2 * error`.

w, b = net.W.data.item(), net.b.data.item()
error = w * x + b - y
by_hand = np.mean(error**2), np.mean(2 * error * x), np.mean(2 * error)

loss_fn = tn.MSELoss()
loss = loss_fn(net(x), y)
net.backward(loss_fn.backward())
by_tinynet = loss, net.W.grad.item(), net.b.grad.item()

for name, *both in zip(("loss", "dw", "db"), by_hand, by_tinynet, strict=True):
    print(f"{name:<5} by hand {both[0]:>9.4f}, by tinynet {both[1]:>9.4f}")
difference = np.abs(np.subtract(by_hand, by_tinynet)).max()
lesson.claim("by hand and by tinynet differ by (trillionths)", 1e12 * difference, 0, 1, False)

# %%
# **The exact answer.** Where the loss is least, both gradients are 0. These are two equations for w
# and b, and a formula solves them: *least squares*. With hidden layers there is no such formula,
# and all that is left is to walk downhill. Here we can do both. `descend` is the training loop,
# written out; it notes w and b after every step.


def least_squares(x, y):
    """Return the slope and the intercept of the best line."""
    slope = np.mean((x - x.mean()) * (y - y.mean())) / np.var(x)
    return slope, y.mean() - slope * x.mean()


def descend(x, y, lr, batch_size):
    """Learn a line by SGD from w = b = 0; return w and b after every step."""
    net = tn.Linear(1, 1, dtype=np.float64)
    tn.init.constant(net.W, 0)
    tn.init.constant(net.b, 0)
    optimizer = tn.SGD(net.parameters(), lr)
    loader = tn.DataLoader(x, y, batch_size, shuffle=True, rng=lesson.seed)
    path = [(0.0, 0.0)]
    for _ in range(lesson.epochs):
        for xb, yb in loader:
            loss_fn(net(xb), yb)
            optimizer.zero_grad()
            net.backward(loss_fn.backward())
            optimizer.step()
            path.append((net.W.data.item(), net.b.data.item()))
    return np.array(path)


path = descend(x, y, lr=0.02, batch_size=100)
lines, along = {}, np.linspace(0, 10, 50)
slope, intercept = least_squares(x, y)
found = {"least squares": (slope, intercept)}
found |= {f"SGD, {step} steps": path[step] for step in (min(5, lesson.epochs), lesson.epochs)}
for name, (w, b) in found.items():
    lines[name] = (along, w * along + b)
    print(f"{name:<16}  y = {w:.3f} x + {b:.3f}")
points = {"points": (x[:, 0], y[:, 0])}
panel = tn.plots.Panel("around y = 0.8 x + 4", "x", "y", lines, points=points)
lesson.save(tn.plots.line_panels([panel], "A line through points"), "22_line")

# %%
# **Down into the valley.** After five steps the line goes through the middle of the points, but is
# too steep; after 300 it still starts too low. The map of the loss, on the left, shows why. It is a
# long and narrow valley: a line that starts lower and is steeper fits nearly as well. Steps must be
# short, or they are thrown from wall to wall, and so the way along the bottom is slow. Now scale x,
# to mean 0 and standard deviation 1. The points are the same, but the valley is round: longer steps
# are safe, and lead straight down. That is why inputs are scaled. Small batches wander, since each
# has a valley of its own, a little beside that of all points.

scaled = (x - x.mean()) / x.std()
paths = {
    "x as it is": {"all points": path},
    "x scaled": {
        "all points": descend(scaled, y, lr=0.1, batch_size=100),
        "batches of 10": descend(scaled, y, lr=0.1, batch_size=10),
    },
}
w, b = np.linspace(-4, 7, 100), np.linspace(-1.5, 10.5, 100)
landscapes, distances = [], {}
for (title, by_batch), inputs in zip(paths.items(), (x, scaled), strict=True):
    best = np.array(least_squares(inputs, y))
    distances[title] = np.linalg.norm(by_batch["all points"] - best, axis=1)
    losses = np.mean((w[:, None] * inputs[:, 0] + b[:, None, None] - y[:, 0]) ** 2, axis=2)
    shown = {name: path.T for name, path in by_batch.items()} | {"least squares": best[:, None]}
    landscapes.append(tn.plots.Landscape(title, "w", "b", w, b, losses, shown))
lesson.save(tn.plots.loss_landscapes(landscapes, "The loss over w and b"), "22_landscapes")
for title, distance in distances.items():
    print(f"{title}: {distance[-1]:.3f} from least squares after {len(distance) - 1} steps")
lesson.claim("x as it is: distance from least squares", distances["x as it is"][-1], 0.02)
lesson.claim("x scaled: distance from least squares", distances["x scaled"][-1], at_most=0.001)

# %%
# **Accuracy means nothing here.** How many points does the best line hit? None of the 100: numbers
# are not right or wrong, but more or less far off. Call right what is less than so much off, and
# you choose your accuracy by choosing how much. Two measures say something:
#
# - The root of the loss is in the unit of y: by so much the output is off, roughly. Here it comes
#   out near 1, the standard deviation of the noise that we put in.
# - *R squared* compares the loss with that of a network which knows only the mean of y. 1 is
#   perfect, 0 is no better than the mean, and below 0 is worse.


def r_squared(outputs, targets):
    """1 - loss / variance of the targets."""
    return 1 - np.mean((outputs - targets) ** 2) / np.var(targets)


outputs = slope * x + intercept
off = np.abs(outputs - y)
for limit in (0.1, 0.5, 1, 2, 4):
    print(f"right if off by less than {limit:<3}: accuracy {100 * np.mean(off < limit):>3.0f} %")
root = np.sqrt(np.mean(off**2))
lesson.claim("points that the best line hits, of 100", np.sum(off == 0), 0, 0, trained=False)
lesson.claim("best line: root of the loss", root, 0.7, 1.3, trained=False)
lesson.claim("best line: R squared", r_squared(outputs, y), 0.7, 0.95, trained=False)

# %%
# **What no line can do.** Now 300 points around a curve, 100 of them for the test. A line learns
# them, and so does a network with two hidden layers. `fit` reports losses alone where there is no
# accuracy; `score=r_squared` gives it something to report.
#
# The *residuals*, y minus output, tell what is missing, without knowing the curve. On the left they
# make a wave: neighbours are off to the same side, so there is more to learn. On the right they are
# noise, and neighbours have next to nothing in common: little is left to learn.

x = rng.uniform(-3, 3, size=(300, 1)).astype(np.float32)
y = (x / 2 + np.sin(2 * x) + rng.normal(0, 0.3, size=(300, 1))).astype(np.float32)
x_train, y_train, x_test, y_test = x[:200], y[:200], x[200:], y[200:]
nets = {
    "line": tn.Linear(1, 1, rng=rng),
    "network": tn.Sequential(
        *(tn.Linear(1, 32, rng=rng), tn.ReLU(), tn.Linear(32, 32, rng=rng), tn.ReLU()),
        tn.Linear(32, 1, rng=rng),
    ),
}
needed = {"line": ((-1, 0.6), (0.6, 1)), "network": ((0.75, 1), (-0.4, 0.4))}
along = np.linspace(-3, 3, 200, dtype=np.float32)
test, epochs = (x_test, y_test), max(1, lesson.epochs // 3)
curves, panels = {}, []
for name, net in nets.items():
    loader = tn.DataLoader(x_train, y_train, batch_size=20, shuffle=True, rng=lesson.seed)
    optimizer = tn.Adam(net.parameters(), lr=0.01)
    run = tn.fit(net, loss_fn, optimizer, loader, test, epochs, progress=False, score=r_squared)
    lesson.fingerprint(net)
    curves[name] = (along, net.predict(along[:, None])[:, 0])
    residuals = (y_test - net.predict(x_test))[:, 0]
    by_x = residuals[x_test[:, 0].argsort()]
    alike = np.corrcoef(by_x[:-1], by_x[1:])[0, 1]
    lesson.claim(f"{name}: R squared of the test points", run.test_score[-1], *needed[name][0])
    lesson.claim(f"{name}: correlation of a residual with the next", alike, *needed[name][1])
    points = {"test points": (x_test[:, 0], residuals)}
    exact = {"no error": (along, np.zeros(200))}
    panels.append(tn.plots.Panel(name, "x", "y - output", exact, points=points))
points = {"training": (x_train[:, 0], y_train[:, 0]), "test": (x_test[:, 0], y_test[:, 0])}
panel = tn.plots.Panel("around y = x / 2 + sin(2 x)", "x", "y", curves, points=points)
lesson.save(tn.plots.line_panels([panel], "What no line can do"), "22_curve")
lesson.save(tn.plots.line_panels(panels, "Residuals"), "22_residuals")

lesson.finish()
