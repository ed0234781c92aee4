"""
Broad or deep?
==============

How many hidden layers, and how many units in each? Nobody can derive it, so one tries. This lesson
trains a whole family of networks, with 1, 2 or 3 hidden layers of 4 to 64 units, on all cores at
once, and shows what breadth and depth are worth on these digits.
"""

# %%
# A *parametric experiment* varies one or two things and keeps all else the same. Here these are the
# number of hidden layers, the depth, and the number of units in each, the breadth. Chance has its
# part too: other first weights give another result. So each network is trained twice, from two
# seeds, and we look at the means.

from itertools import pairwise

import numpy as np
from joblib import Parallel, delayed
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=10)

digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
X_train, X_test, y_train, y_test = train_test_split(
    X, digits.labels, test_size=0.1, random_state=lesson.seed
)

DEPTHS = (1, 2, 3)
BREADTHS = (4, 8, 16, 32, 64)
REPEATS = 2

# %%
# One job: a network of some shape is made and trained once from each seed, and its final test
# accuracies are the result. The optimizer is Adam, because plain SGD needs longer to get going the
# deeper a network is. Then we would compare their patience, and not what they can do (lesson 8).


def layer_sizes(depth, breadth):
    """List the units per layer: (3, 16) gives 784-16-16-16-10."""
    return [784, *[breadth] * depth, 10]


def accuracies_of(sizes, seeds, epochs, X_train, y_train, X_test, y_test):
    """Train a network of these sizes from each seed; return the test accuracies in percent."""
    accuracies = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        layers = []
        for n_in, n_out in pairwise(sizes):
            layers += [tn.Linear(n_in, n_out, rng=rng), tn.ReLU()]
        net = tn.Sequential(*layers[:-1], tn.LogSoftmax())  # no ReLU after the last Linear
        history = tn.fit(
            net,
            tn.NLLLoss(),
            tn.Adam(net.parameters(), lr=0.001),
            tn.DataLoader(X_train, y_train, batch_size=32, shuffle=True, drop_last=True, rng=seed),
            test=(X_test, y_test),
            epochs=epochs,
            progress=False,
        )
        accuracies.append(history.test_accuracy[-1])
    return accuracies


# %%
# The jobs know nothing of each other, so they can run at the same time. joblib hands them out to as
# many processes as there are cores, and returns the results in the order of the list.

shapes = [layer_sizes(depth, breadth) for depth in DEPTHS for breadth in BREADTHS]
seeds = range(REPEATS * lesson.seed, REPEATS * (lesson.seed + 1))
results = Parallel(n_jobs=-1)(
    delayed(accuracies_of)(sizes, seeds, lesson.epochs, X_train, y_train, X_test, y_test)
    for sizes in shapes
)
accuracies = np.array(results).reshape(len(DEPTHS), len(BREADTHS), REPEATS)
means = accuracies.mean(axis=2)

print(f"test accuracy (%), mean of {REPEATS} runs, and their difference")
print("hidden layers " + "".join(f"{breadth:>14} units" for breadth in BREADTHS))
for depth, row in zip(DEPTHS, accuracies, strict=True):
    cells = (f"{runs.mean():>12.2f} ({np.ptp(runs):>4.1f}) " for runs in row)
    print(f"{depth:<14}" + "".join(cells))

# %%
# The left panel has the breadth on its axis. Every doubling of the breadth helps, each time less
# than before. Depth helps little: the three curves lie close together, and where layers are
# narrow, more of them even hurt, since all that a later layer gets to know must pass through four
# units first.
#
# The right panel asks for the price: the same points by the number of weights. Nearly all weights
# lie between the pixels and the first hidden layer, so further layers are almost free, and a broad
# first layer is what costs.


def n_weights(sizes):
    """Count weights and biases."""
    return sum(n_in * n_out + n_out for n_in, n_out in pairwise(sizes))


by_breadth, by_weights = {}, {}
for depth, row in zip(DEPTHS, means, strict=True):
    name = f"{depth} hidden layer" + "s" * (depth > 1)
    by_breadth[name] = (BREADTHS, row)
    by_weights[name] = ([n_weights(layer_sizes(depth, breadth)) for breadth in BREADTHS], row)
label = "test accuracy (%)"
panels = [
    tn.plots.Panel("by breadth", "units per hidden layer", label, by_breadth, xscale="log"),
    tn.plots.Panel("by price", "weights and biases", label, by_weights, xscale="log"),
]
title = f"Breadth and depth: {accuracies.size} networks"
lesson.save(tn.plots.line_panels(panels, title), "12_breadth_and_depth")

# %%
# So these digits ask for breadth more than for depth. That is no law: depth pays where a task has
# parts made of parts, and where layers know that neighbouring pixels belong together, which these
# do not (lesson 13).

lesson.claim("64 units instead of 4, mean gain (points)", (means[:, -1] - means[:, 0]).mean(), 5)
depth_gain = np.abs(means[2] - means[0])[-2:].mean()
lesson.claim("3 layers or 1, at 32 and 64 units, differ by (points)", depth_gain, at_most=2)
lesson.claim("best mean accuracy (%)", means.max(), at_least=94)

# %%
# And chance? Of two networks of the same shape one may be a point better than the other. Who
# compares single runs compares luck.

spread = np.ptp(accuracies, axis=2)
panel = tn.plots.Panel(
    "difference between two runs of the same network",
    "units per hidden layer",
    "difference (points)",
    {name: (BREADTHS, row) for name, row in zip(by_breadth, spread, strict=True)},
    xscale="log",
)
lesson.save(tn.plots.line_panels([panel], "What other first weights do"), "12_chance")

lesson.finish()
