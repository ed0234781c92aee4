"""
A convolutional network reads digits
====================================

The network of lesson 3 misreads four digits in a hundred. A convolutional network misreads two,
with fewer weights, since it knows one thing more: which pixels are neighbours. Three lines of NumPy
show what a convolution is; then we look at what it sees, and at what it cannot do.
"""

# %%
# To a `Linear` layer an image is a row of 784 numbers in any order: scramble all images by one
# rule, and it learns as well (lesson 13). A stroke here and the same stroke two pixels further are
# two things to it, to be learned one by one. A *convolution* lays a small window on every place of
# the picture and asks the same everywhere, by the same weights. What it learned in one place it
# knows in all.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=10, full="folder of all 70,000 digits, to learn from them, too")
digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
X_train, X_test, y_train, y_test = train_test_split(
    X, digits.labels, test_size=0.1, random_state=lesson.seed
)


def make_ffn():
    """Make the network of lesson 3, whose LogSoftmax is in the loss here."""
    rng = np.random.default_rng(lesson.seed)
    return tn.Sequential(
        *(tn.Linear(784, 64, rng=rng), tn.ReLU(), tn.Linear(64, 32, rng=rng), tn.ReLU()),
        *(tn.Linear(32, 32, rng=rng), tn.ReLU(), tn.Linear(32, 10, rng=rng)),
    )


def make_cnn():
    """Make a convolutional network."""
    rng = np.random.default_rng(lesson.seed)
    return tn.Sequential(
        tn.Unflatten(1, (1, 28, 28)),
        *(tn.Conv2d(1, 10, 5, padding=1, rng=rng), tn.MaxPool2d(2), tn.ReLU()),
        *(tn.Conv2d(10, 20, 5, padding=1, rng=rng), tn.MaxPool2d(2), tn.ReLU()),
        *(tn.Flatten(), tn.Linear(500, 50, rng=rng), tn.ReLU(), tn.Linear(50, 10, rng=rng)),
    )


# %%
# Read the table from top to bottom. `Unflatten` makes a picture of each row, 28 x 28 in one
# *channel*, since it is grey. The first convolution has ten windows of 5 x 5 weights, its
# *filters*, and each gives a picture of its own, a *map* of what it sees where. `MaxPool2d` keeps
# the largest number of every 2 x 2, so that the map is half as wide, and where exactly something
# was seen matters less. The second convolution looks at all ten maps at once. Its 20 maps of 5 x 5
# go as a row of 500 numbers into a small feed-forward network. Guess: where are most weights?

cnn = make_cnn()
print(f"{cnn.summary()}\n\nfeed-forward network: {make_ffn().summary().parameters:,} parameters")

# %%
# **What a convolution is.** Take one of its 25 taps, say the upper left corner of the window.
# Wherever the window lies, this tap meets one pixel, and all that it meets are a picture again: the
# digit, shifted. The pixel is multiplied by this tap's weight in each of the ten filters. That is a
# `Linear` layer of one input and ten outputs, with a row for each pixel! The other taps do the same
# with the digit shifted otherwise, and all is summed up. In NumPy, three lines:

conv = cnn[1]
x = np.pad(X_test[0].reshape(28, 28), 1)[..., None]  # (30, 30, 1), since padding is 1

y = np.zeros((26, 26, 10)) + conv.b.data
for k, l in np.ndindex(5, 5):
    y += x[k : k + 26, l : l + 26] @ conv.W.data[:, :, k, l].T  # (26, 26, 1) @ (1, 10)

difference = np.abs(y - conv(X_test[:1].reshape(1, 1, 28, 28))[0].transpose(1, 2, 0)).max()
lesson.claim("NumPy and Conv2d differ by (millionths)", 1e6 * difference, at_most=5, trained=False)

# %%
# Three networks learn: a single layer, the network of lesson 3, and the convolutional one. The
# first two get three times as many epochs, which still take far less time.


def learn(net, X, y, test=None, epochs=lesson.epochs, transform=None, schedule=None):
    """Train a network by Adam in batches of 32; what fit returns."""
    loader = tn.DataLoader(
        X, y, 32, shuffle=True, drop_last=True, rng=lesson.seed, transform=transform
    )
    loss_fn, optimizer = tn.CrossEntropyLoss(), tn.Adam(net.parameters(), lr=0.001)
    return tn.fit(net, loss_fn, optimizer, loader, test, epochs, progress=False, schedule=schedule)


linear, ffn = tn.Sequential(tn.Linear(784, 10, rng=lesson.seed)), make_ffn()
test, longer = (X_test, y_test), 3 * lesson.epochs
histories = {
    "linear": learn(linear, X_train, y_train, test, longer),
    "feed-forward": learn(ffn, X_train, y_train, test, longer),
    "convolutional": learn(cnn, X_train, y_train, test),
}
lesson.fingerprint(cnn)
panels = []
for part, name in {"train": "training digits", "test": "test digits"}.items():
    scores = {net: history.scores(part) for net, history in histories.items()}
    lines = {net: (range(1, len(row) + 1), row) for net, row in scores.items()}
    panels.append(tn.plots.Panel(name, "epoch", "accuracy (%)", lines))
lesson.save(tn.plots.line_panels(panels, "Three networks learn"), "24_learning_curves")

# %%
# After a few epochs the convolutional network is better than the others ever get. More digits would
# help further, and cost nothing: moved by a pixel, a digit is another row of numbers and the same
# digit. The loader's `transform` moves them, anew in each epoch. There is more to learn then, so we
# take twice the epochs. And `CosineLR` makes the steps smaller and smaller, so that the weights
# come to rest.


def moved(X, far, rng):
    """Roll each digit by up to so many pixels down or up, and right or left, at random."""
    n, rows, columns = np.ogrid[: len(X), :28, :28]
    down, right = rng.integers(-far, far + 1, (2, len(X), 1, 1))
    return X.reshape(-1, 28, 28)[n, (rows - down) % 28, (columns - right) % 28].reshape(-1, 784)


def learn_moved(net, X, y, test):
    """Train with digits moved by a pixel, twice as long."""
    epochs = 2 * lesson.epochs
    return learn(net, X, y, test, epochs, lambda x, rng: moved(x, 1, rng), tn.CosineLR(epochs))


histories["convolutional, moved"] = learn_moved(make_cnn(), X_train, y_train, test)
errors = {name: 100 - history.test_accuracy[-1] for name, history in histories.items()}
for (name, rate), most in zip(errors.items(), (10, 6, 3, 1.6), strict=True):
    lesson.claim(f"{name}: errors (%)", rate, at_most=most)

# %%
# **What it sees.** A filter is light where it wants ink, dark where it wants none. Below are maps
# of two digits after `MaxPool2d` and `ReLU`: bright where the digit looks like the filter. Find a
# filter with a light and a dark side. Which strokes are bright in its maps, and which are dark? It
# looks for edges of one direction, and nobody told it to.

lesson.save(tn.plots.filters(cnn, 10, 5, "The filters of the first convolution"), "24_filters")
two = X_test[[list(y_test).index(digit) for digit in (4, 7)]]
maps, title = cnn[:4].predict(two).reshape(20, 169), "What the ten filters see in a 4 and in a 7"
lesson.save(tn.plots.digit_grid(maps, [*range(10)] * 2, 10, title), "24_maps")

# %%
# **What it looks at.** The gradient of the loss with respect to the input says which pixels would
# change the loss most. Above are digits that it reads, below some that it misreads.

guessed = cnn.predict(X_test).argmax(axis=1)
some = [*np.flatnonzero(guessed == y_test)[:6], *np.flatnonzero(guessed != y_test)[:6]]
captions = [f"{y_test[n]}, read {guessed[n]}" for n in some]
figure = tn.plots.saliency(cnn, tn.CrossEntropyLoss(), X_test[some], y_test[some], captions)
lesson.save(figure, "24_saliency")

# %%
# **Digits that are not in the middle.** The windows look everywhere. So does it read a digit that
# was moved far? We roll test digits by up to so many pixels, where what leaves the picture on one
# side comes in on the other. Then two new networks learn from digits rolled by up to 10.

rolled_ffn, rolled_cnn = make_ffn(), make_cnn()
X_rolled = moved(X_train, 10, np.random.default_rng(lesson.seed))
learn(rolled_ffn, X_rolled, y_train, epochs=longer)
learn(rolled_cnn, X_rolled, y_train)

far = [0, 1, 2, 3, 4, 6, 8, 10]
tests = [moved(X_test, pixels, np.random.default_rng(lesson.seed)) for pixels in far]
panels, labels = [], ("test digits rolled by up to (pixels)", "test accuracy (%)")
for learned, nets in {"as they are": (ffn, cnn), "rolled": (rolled_ffn, rolled_cnn)}.items():
    scores = [[tn.accuracy(net.predict(X), y_test) for X in tests] for net in nets]
    lines = {"feed-forward": (far, scores[0]), "convolutional": (far, scores[1])}
    panels.append(tn.plots.Panel(f"learned from digits {learned}", *labels, lines))
lesson.save(tn.plots.line_panels(panels, "Digits that are out of place"), "24_rolled")
lesson.claim("rolled digits, feed-forward: test accuracy (%)", scores[0][-1], at_most=80)
lesson.claim("rolled digits, convolutional: test accuracy (%)", scores[1][-1], at_least=85)

# %%
# Half a surprise. The maps move along with the digit, but the `Linear` layers behind them ask
# *where* something was seen, and had met digits in the middle alone. Once they have met all places,
# convolution pays: what finds strokes is learned once, and not in each place anew.
#
# A *flip* is a transform, too. Half of the digits are turned upside down. Will that help?


def flipped(X, rng, share=0.5):
    """Turn this share of the digits upside down, at random."""
    upside_down = X.reshape(-1, 28, 28)[:, ::-1].reshape(-1, 784)
    return np.where(rng.random((len(X), 1)) < share, upside_down, X)


flip_cnn = make_cnn()
learn(flip_cnn, X_train, y_train, transform=flipped)
tests = X_test, flipped(X_test, np.random.default_rng(lesson.seed), share=1)
scores = [[tn.accuracy(net.predict(X), y_test) for X in tests] for net in (cnn, flip_cnn)]
print("flips        upright  upside down")
for name, row in zip(("not learned", "learned"), scores, strict=True):
    print(f"{name:<11}  {row[0]:5.2f} %  {row[1]:9.2f} %")
lesson.claim("fewer upright digits by flips (points)", scores[0][0] - scores[1][0], at_least=0.2)

# %%
# It reads both then, and pays for it by upright digits: a 5 upside down looks like a 2. A transform
# says what makes no difference, and serves where that is true: mirror shoes, but not digits.
#
# **In history.** Ours stand among error rates from lesson 2, which names their sources. It is no
# race: the others learned from all 60,000 digits, and were tested on the 10,000 official ones. With
# the four files of these in a folder, `--full FOLDER` does so, too, in a minute or two, and reads
# more than 99.2 % of the official ones.

published = [
    ("linear classifier (LeCun et al. 1998)", 12.0),
    ("784-300-10 network (LeCun et al. 1998)", 4.7),
    ("784-800-10 network (Simard et al. 2003)", 1.6),
    ("LeNet-5, convolutional (LeCun et al. 1998)", 0.95),
    ("convolutional, distorted (Simard et al. 2003)", 0.4),
    ("35 convolutional nets (Ciresan et al. 2012)", 0.23),
]
measured = [(f"tinynet: {name}", rate) for name, rate in errors.items()]
if lesson.options["full"]:
    sets = tn.datasets.mnist(lesson.options["full"], offline=True)
    train, official = ((tn.data.minmax_scale(part.images), part.labels) for part in sets)
    run = learn_moved(make_cnn(), *train, official)
    lesson.claim("60,000 digits: test accuracy (%)", run.test_accuracy[-1], at_least=99.2)
    measured.append(("tinynet: convolutional, 60,000 moved", 100 - run.test_accuracy[-1]))
figure = tn.plots.error_rates(published, measured, "Errors on MNIST, published and ours")
lesson.save(figure, "24_error_rates")
lesson.finish()
