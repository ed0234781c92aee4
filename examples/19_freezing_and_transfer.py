"""
Frozen layers, and layers from another network
==============================================

A frozen layer keeps its weights while the others learn. First we freeze parts of a network for half
of its training, and see what that costs: little for some layers, nearly everything for others. Then
freezing turns out to be useful: layers that learned elsewhere help where there are few samples.
"""

# %%
# `requires_grad_(False)` freezes a layer. Numbers still pass through it on the way forward, and
# gradients on the way back. But its own weights get no gradient, so that no step changes them.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=100, fashion="folder of Fashion-MNIST, to learn from it as well")
digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
X_train, X_test, y_train, y_test = train_test_split(
    X, digits.labels, test_size=0.1, random_state=lesson.seed
)
loss_fn = tn.CrossEntropyLoss()


def make_ffn():
    """Make the network of lesson 3, whose LogSoftmax is in the loss here."""
    rng = np.random.default_rng(lesson.seed)
    return tn.Sequential(
        *(tn.Linear(784, 64, rng=rng), tn.ReLU(), tn.Linear(64, 32, rng=rng), tn.ReLU()),
        *(tn.Linear(32, 32, rng=rng), tn.ReLU(), tn.Linear(32, 10, rng=rng)),
    )


net = make_ffn()
net[2].requires_grad_(False)
print(net.summary())

# %%
# Four times the same network learns by SGD. In the first half of the epochs some layers are frozen
# at their random first weights, in the second half none is. Guess before you look. Which costs
# more: to freeze the three hidden layers, or to freeze the output layer? And if the second layer is
# frozen, can the first one learn, whose gradient must come through it?

FROZEN = {"nothing": (), "second layer": (2,), "output layer": (6,), "all hidden layers": (0, 2, 4)}
half = max(1, lesson.epochs // 2)
accuracies, moves = {}, {}
for name, places in FROZEN.items():
    net = make_ffn()
    loader = tn.DataLoader(X_train, y_train, 32, shuffle=True, drop_last=True, rng=lesson.seed)
    optimizer = tn.SGD(net.parameters(), lr=0.001)
    accuracies[name] = []
    for part, learns in {"first half": False, "second half": True}.items():
        for place in places:
            net[place].requires_grad_(learns)
        before = [layer.W.data.copy() for layer in net[::2]]
        history = tn.fit(net, loss_fn, optimizer, loader, (X_test, y_test), half, progress=False)
        accuracies[name].extend(history.test_accuracy)
        moves[f"{name} frozen, {part}"] = [
            100 * np.linalg.norm(layer.W.data - W) / np.linalg.norm(W)
            for layer, W in zip(net[::2], before, strict=True)
        ]
lines = {f"{name} frozen": (range(1, 2 * half + 1), row) for name, row in accuracies.items()}
panel = tn.plots.Panel(f"frozen for {half} epochs", "epoch", "test accuracy (%)", lines)
lesson.save(tn.plots.line_panels([panel], "What it costs to freeze layers"), "19_frozen")

# %%
# How far did the weights of each layer move, as a share of their size? A frozen layer moves by
# exactly 0, and the layers in front of it and behind it learn all the same.

layers = ["layer 1", "layer 2", "layer 3", "output layer"]
labels = "", "", "moved by (% of their size)", "How far the weights of each layer moved"
figure = tn.plots.heat_map([*moves.values()], [*moves], layers, *labels, value_format="{:.0f}")
lesson.save(figure, "19_moves")
stayed = max(moves["all hidden layers frozen, first half"][:3])
hidden, output = accuracies["all hidden layers"], accuracies["output layer"]
lesson.claim("frozen weights moved by (%)", stayed, at_most=0, trained=False)
lesson.claim("hidden layers frozen, halfway (%)", hidden[half - 1], at_most=50)
lesson.claim("hidden layers frozen, at the end (%)", hidden[-1], at_least=70)
lesson.claim("output layer frozen, halfway (%)", output[half - 1], at_least=55)

# %%
# An output layer may be random: the hidden layers learn to send it what its weights happen to need.
# What do random hidden layers send? For the 32 units in front of the output layer, compare how
# large their numbers are, and how much they vary from digit to digit. After three random layers
# they are small, and nearly the same for each digit. What tells digits apart is almost lost, and
# small steps find it slowly.

print("units in front of the output layer   size   variation")
for name, trained in {"random layers": make_ffn(), "trained layers": net}.items():
    units = trained[:6].predict(X_test)
    size, variation = np.sqrt((units**2).mean()), np.sqrt(units.var(axis=0).mean())
    print(f"{name:<34} {size:>6.3f} {variation:>11.3f}")

# %%
# **Layers that know something.** A convolutional network, that of lesson 24, learns the digits 0 to
# 4, of which there are thousands. Then it is to learn 5 to 9, and of these we give it very few.
# Here are all that it gets when it gets ten of a kind.


def make_cnn(classes, seed):
    """Make a convolutional network; its first seven layers turn a picture into maps."""
    rng = np.random.default_rng(seed)
    return tn.Sequential(
        tn.Unflatten(1, (1, 28, 28)),
        *(tn.Conv2d(1, 10, 5, padding=1, rng=rng), tn.MaxPool2d(2), tn.ReLU()),
        *(tn.Conv2d(10, 20, 5, padding=1, rng=rng), tn.MaxPool2d(2), tn.ReLU()),
        *(tn.Flatten(), tn.Linear(500, 50, rng=rng), tn.ReLU(), tn.Linear(50, classes, rng=rng)),
    )


def learn(net, X, y, steps, seed):
    """Train a network by Adam for about so many steps."""
    loader = tn.DataLoader(X, y, 25, shuffle=True, rng=seed)
    optimizer = tn.Adam(net.parameters(), lr=0.001)
    tn.fit(net, loss_fn, optimizer, loader, epochs=-(-steps // len(loader)), progress=False)


def some_of_each(y, number, seed):
    """Choose so many rows of each class at random."""
    rng = np.random.default_rng(seed)
    return [row for k in np.unique(y) for row in rng.permutation(np.flatnonzero(y == k))[:number]]


low, high, high_test = y_train < 5, y_train >= 5, y_test >= 5
source = make_cnn(5, lesson.seed)
learn(source, X_train[low], y_train[low], 15 * lesson.epochs, lesson.seed)
X_high, y_high = X_train[high], y_train[high] - 5
few = X_high[some_of_each(y_high, 10, lesson.seed)]
lesson.save(tn.plots.digit_grid(few, None, 10, "All that it gets of 5 to 9"), "19_samples")

# %%
# Its convolutions have learned from strokes of many kinds. So we copy them into a new network, by
# their state dict, and give it new `Linear` layers. Either all learn on, or what was copied is
# frozen. To compare: a network from scratch, and one whose convolutions are random and frozen. All
# take equally many steps. Three times we draw the few digits, and take the mean.

WAYS = ("copied and frozen", "copied", "from scratch", "random and frozen")
NUMBERS = (3, 10, 30, 100)


def transfer(source, X, y, X_test, y_test):
    """Learn from few samples in each way; test accuracies by way and number of samples."""
    scores = np.zeros((len(WAYS), len(NUMBERS), 3))
    for (i, j, draw), _ in np.ndenumerate(scores):
        seed = 1 + 3 * lesson.seed + draw
        rows = some_of_each(y, NUMBERS[j], seed)
        net = make_cnn(len(np.unique(y)), seed)
        if WAYS[i].startswith("copied"):
            net[:7].load_state_dict(source[:7].state_dict())
        if WAYS[i].endswith("frozen"):
            net[:7].requires_grad_(False)
        learn(net, X[rows], y[rows], 4 * lesson.epochs, seed)
        scores[i, j, draw] = tn.accuracy(net.predict(X_test), y_test)
    return dict(zip(WAYS, scores.mean(axis=2), strict=True))


def show(scores, title, name):
    """Print the scores, and draw them."""
    print("samples of each kind" + "".join(f"{number:>9}" for number in NUMBERS))
    for way, row in scores.items():
        print(f"{way:<20}" + "".join(f"{score:>7.2f} %" for score in row))
    lines = {way: (NUMBERS, row) for way, row in scores.items()}
    panel = tn.plots.Panel("", "samples of each kind", "test accuracy (%)", lines, xscale="log")
    lesson.save(tn.plots.line_panels([panel], title), name)


scores = transfer(source, X_high, y_high, X_test[high_test], y_test[high_test] - 5)
show(scores, "A network for 5 to 9, from one for 0 to 4", "19_few_samples")

# %%
# The copied convolutions help, and with few samples it pays to freeze them: what was learned from
# thousands of digits is not spoiled by a few, and fewer weights are fitted to these. That it is the
# learning that helps, and not the freezing, you see from the random ones.

frozen, _, scratch, random = (scores[way].mean() for way in WAYS)
lesson.claim("10 of each, copied and frozen (%)", scores["copied and frozen"][1], at_least=80)
lesson.claim("10 of each, from scratch (%)", scores["from scratch"][1], at_least=70)
lesson.claim("copied and frozen or from scratch (points)", frozen - scratch, at_least=0.5)
lesson.claim("copied and frozen or random (points)", frozen - random, at_least=1)

# %%
# **From digits to clothes.** Do convolutions that learned ten digits help with pictures of shirts
# and shoes, that is, Fashion-MNIST? Its four files do not come with tinynet, so this lesson claims
# nothing about them. Where there is an internet, `tn.datasets.fashion_mnist("FOLDER")` downloads
# them (31 MB), and then `--fashion FOLDER` runs the same experiment with clothes.

if lesson.options["fashion"] is None:
    print("Fashion-MNIST: not measured, since there is no --fashion FOLDER")
else:
    train, test = tn.datasets.fashion_mnist(lesson.options["fashion"], offline=True)
    source = make_cnn(10, lesson.seed)
    learn(source, X_train, y_train, 30 * lesson.epochs, lesson.seed)
    clothes = tn.data.minmax_scale(train.images), train.labels
    scores = transfer(source, *clothes, tn.data.minmax_scale(test.images), test.labels)
    show(scores, "A network for clothes, from one for digits", "19_fashion")
lesson.finish()
