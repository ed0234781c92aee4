"""
Autoencoders
============

An autoencoder learns to give back what it was given. That would be no art, but in its middle stand
only a few units, and all that it knows of a digit must pass through them. What it has to learn for
that repairs damaged digits, and finds out which digits are alike, though nobody tells it a label.
"""

# %%
# A digit has 784 pixels. The first half of the network, the *encoder*, makes 50 numbers of them,
# the *code*. The second half, the *decoder*, makes 784 pixels of the code again. `Sigmoid` keeps
# these between 0 and 1, black and white. The loss is the mean squared error, MSE: the difference
# of each pixel from what it should be, squared, and the mean of all.

import time

import numpy as np
from joblib import Parallel, cpu_count, delayed
from lesson import Lesson
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

import tinynet as tn

lesson = Lesson(__doc__, epochs=10)
rng = np.random.default_rng(lesson.seed)
digits = lesson.digits()
X_train, X_test, y_train, y_test = train_test_split(
    tn.data.minmax_scale(digits.images), digits.labels, test_size=0.1, random_state=lesson.seed
)


def autoencoder(hidden, code, seed=lesson.seed):
    """Make 784-hidden-code-hidden-784."""
    rng = np.random.default_rng(seed)
    return tn.Sequential(
        *(tn.Linear(784, hidden, rng=rng), tn.ReLU(), tn.Linear(hidden, code, rng=rng), tn.ReLU()),
        *(tn.Linear(code, hidden, rng=rng), tn.ReLU(), tn.Linear(hidden, 784, rng=rng)),
        tn.Sigmoid(),
    )


def learn(net, X, epochs, damage=None, seed=lesson.seed):
    """Train it: the target is the digit, the input is the digit or a damaged copy of it."""
    loader = tn.DataLoader(
        X, X, batch_size=32, shuffle=True, drop_last=True, rng=seed, transform=damage
    )
    optimizer = tn.Adam(net.parameters(), lr=0.001)
    tn.fit(net, tn.MSELoss(), optimizer, loader, epochs=epochs, progress=False)
    return net


# %%
# Is an MSE of 0.01 good? We need a yardstick. If the answer is always the mean of all digits, the
# error shall be 100 %. And there is a rival, *principal component analysis*, PCA: the best that can
# be done with 50 numbers if a digit must be a weighted sum of 50 pictures. NumPy's `svd` finds
# these pictures. Who will win?

mean_digit = X_train.mean(axis=0)


def error(rebuilt, X):
    """Return the MSE, in percent of that of the mean digit."""
    return 100 * float(np.mean((rebuilt - X) ** 2) / np.mean((mean_digit - X) ** 2))


whole = learn(autoencoder(250, 50), X_train, lesson.epochs)
lesson.fingerprint(whole)
rebuilt = whole.predict(X_test)
pictures = np.linalg.svd(X_train - mean_digit, full_matrices=False)[2][:50]
by_pca = mean_digit + (X_test - mean_digit) @ pictures.T @ pictures
ours, theirs = error(rebuilt, X_test), error(by_pca, X_test)
print(f"error with 50 numbers: PCA {theirs:.1f} %, autoencoder {ours:.1f} %")
lesson.claim("rebuilt from 50 numbers: error (%)", ours, at_most=16)
lesson.claim("rebuilt by PCA: error (%)", theirs, 16.5, trained=False)

shown = [np.flatnonzero(y_test == digit)[0] for digit in range(8)]
captions = [f"a {digit}" for digit in range(8)] + ["PCA"] * 8 + ["network"] * 8
grid = np.concatenate([X_test[shown], by_pca[shown].clip(0, 1), rebuilt[shown]])
title = "Test digits, and what comes back after they were 50 numbers"
lesson.save(tn.plots.digit_grid(grid, captions, 8, title), "23_whole")

# %%
# **Noise.** The code has room for digits, and none for noise. So a noisy digit should come out
# clean. Should it? The network has never seen noise. We ask it, A, and a second one, B, which was
# given noisy digits while it learned, each time with new noise, and had to return the clean ones.
# A loader's `transform` changes the inputs of a batch, and leaves the targets alone.

nets, inputs = {"A": whole}, {"whole": X_test}


def repair(name, kind, damage):
    """Train a network with this damage; draw test digits with it, repaired by A and by this one."""
    nets[name] = learn(autoencoder(250, 50), X_train, lesson.epochs, damage)
    inputs[kind] = damage(X_test, rng)
    few = inputs[kind][shown]
    grid = np.concatenate([few, whole.predict(few), nets[name].predict(few)])
    captions = [kind] * 8 + ["by A"] * 8 + [f"by {name}"] * 8
    title = f"A learned from whole digits, {name} from {kind} ones"
    lesson.save(tn.plots.digit_grid(grid, captions, 8, title), f"23_{kind}")


def noisy(x, rng):
    """Add a random number to every pixel."""
    return np.clip(x + rng.normal(0, 0.5, x.shape), 0, 1).astype(np.float32)


repair("B", "noisy", noisy)

# %%
# **Bars.** The same with digits that are partly hidden, and with a third network, C, which learns
# with bars. What is under a bar is gone. C can only guess it from the rest of the digit.


def barred(x, rng):
    """Lay a white bar, four pixels wide, across or down each digit."""
    start, line = rng.integers(4, 21, size=(len(x), 1)), np.arange(28)
    bar = (line >= start) & (line < start + 4)
    across = rng.random((len(x), 1, 1)) < 0.5
    covered = np.where(across, bar[:, :, None], bar[:, None, :])
    return np.where(covered, np.float32(1), x.reshape(-1, 28, 28)).reshape(x.shape)


repair("C", "barred", barred)

# %%
# A, which knows whole digits alone, takes bright spots for ink and makes a digit of them. B and C
# repair what they were trained to repair, and little else: C, given a whole digit, removes a bar
# that is not there. *An autoencoder removes the damage that it has seen.*

outputs = {name: {kind: net.predict(inputs[kind]) for kind in inputs} for name, net in nets.items()}
print(f"\nerror (%)      {''.join(f'{kind:>9}' for kind in inputs)}")
for name, results in {"nothing done": inputs, **outputs}.items():
    print(f"{name:<15}{''.join(f'{error(x, X_test):>9.1f}' for x in results.values())}")
lesson.claim("noise, repaired by A: error (%)", error(outputs["A"]["noisy"], X_test), at_least=60)
lesson.claim("noise, repaired by B: error (%)", error(outputs["B"]["noisy"], X_test), at_most=40)
lesson.claim("bars, repaired by C: error (%)", error(outputs["C"]["barred"], X_test), at_most=40)

# %%
# **How large must the code be?** We try 8 sizes of the code and 12 of the hidden layers, from
# 784-10-5-10-784 to 784-500-100-500-784, an epoch each, on all cores at once (lesson 12). What will
# matter more: the code, or the hidden layers before and after it?


def error_of(hidden, code, X, X_test):
    """Train a network of this size for one epoch; return its error on the test digits."""
    return error(learn(autoencoder(hidden, code), X, epochs=1).predict(X_test), X_test)


widths, sizes = np.linspace(10, 500, 12, dtype=int), np.linspace(5, 100, 8, dtype=int)
start = time.perf_counter()
jobs = [delayed(error_of)(width, size, X_train, X_test) for width in widths for size in sizes]
errors = np.reshape(Parallel(n_jobs=-1)(jobs), (len(widths), len(sizes)))
seconds = time.perf_counter() - start
print(f"\nseconds for {len(jobs)} networks on {cpu_count()} cores: {seconds:.0f}")
names = "numbers in the code", "units in each hidden layer", "error (%)"
title = f"{len(jobs)} autoencoders after one epoch"
figure = tn.plots.heat_map(errors, widths, sizes, *names, title, "{:.0f}")
lesson.save(figure, "23_heat_map")
lesson.claim("500 hidden units, a code of 100: error (%)", errors[-1, -1], at_most=35)
lesson.claim(
    "code of 100, not 32: mean gain (points)", (errors - errors[:, -1:]).mean(0)[2], -2, 10
)
lesson.claim("500 hidden units, not 54: mean gain (points)", (errors - errors[-1]).mean(1)[1], 10)

# %%
# A code of 32 numbers is nearly as good as one of 100, while more hidden units help all the way
# down. But the first column has no order. That is the work of ReLU: a unit of the code that is 0
# for every digit is *dead*, for it gets no gradient that could bring it back. Of 100 units many can
# be spared, of 5 none. So we train a code of 15 as it is, and one without the ReLU behind it.
#
# And does a code know which digit it is? No label was used. Give each test digit the label of the
# training digit whose code is *nearest*. If that is mostly right, alike codes mean alike digits.

print("\nnumbers in the code  error (%)  dead units  right by the nearest (%)")
decoders, codes, results = {}, {}, {}
for name, size in {"15, with ReLU": 15, "15, without": 15, "2, without": 2}.items():
    net = autoencoder(150, size)
    if "without" in name:
        net.layers.pop(3)
    learn(net, X_train, lesson.epochs)
    first = 4 if "with ReLU" in name else 3  # layer of the decoder
    decoders[name], codes[name] = net[first:], net[:first].predict(X_test)
    nearest = KNeighborsClassifier(1).fit(net[:first].predict(X_train), y_train)
    right = 100 * nearest.score(codes[name], y_test)
    results[name] = error(net.predict(X_test), X_test), right
    dead = (codes[name] == 0).all(axis=0).sum()
    print(f"{name:<19} {results[name][0]:>10.1f} {dead:>11} {right:>25.1f}")
pixels = 100 * KNeighborsClassifier(1).fit(X_train, y_train).score(X_test, y_test)
print(f"all pixels {pixels:>57.1f}")
cost = results["15, with ReLU"][0] - results["15, without"][0]
lesson.claim("ReLU behind a code of 15 costs (points)", cost, at_least=3)
lesson.claim("right by the nearest code of 15 (%)", results["15, without"][1], at_least=92)

# %%
# 15 numbers, found without any label, say nearly as much as all pixels; 2 are too few for that.
#
# **The code as a map.** Two numbers are a place on paper. On the left is the code of 15, of which
# PCA takes the two directions in which it spreads most. On the right is the code of 2.

of_15, of_2 = codes["15, without"], codes["2, without"]
directions = np.linalg.svd(of_15 - of_15.mean(axis=0), full_matrices=False)[2][:2]
directions *= np.sign(directions[:, :1])  # a direction or its opposite: which of them, is chance
views = {"code of 15, by PCA": (of_15 @ directions.T)[:500], "code of 2": of_2[:500]}
title = "500 test digits, placed by their codes"
lesson.save(tn.plots.scatter(views, y_test[:500], "first", "second", title), "23_codes")

# %%
# A decoder makes a picture of any code, also where no digit lies. So we walk over the map on the
# right in even steps, and look at what is there. On the way digits turn into one another.

low, high = np.percentile(of_2, (3, 97), axis=0).astype(np.float32)
places = [
    (a, b) for b in np.linspace(high[1], low[1], 10) for a in np.linspace(low[0], high[0], 10)
]
decoded = decoders["2, without"].predict(np.array(places, np.float32))
lesson.save(tn.plots.digit_grid(decoded, None, 10, "What the decoder makes of the map"), "23_map")

# %%
# **Tied weights.** The decoder undoes what the encoder does. May it use the same weights, the other
# way round? `transposed()` makes such a layer: `y = x @ W.T + b` on the very same W, whose gradient
# is the sum of both layers'. Half of the numbers are left to learn. How much worse will it be?

outer, inner = tn.Linear(784, 250, rng=rng), tn.Linear(250, 50, rng=rng)
back = inner.transposed(rng=rng), tn.ReLU(), outer.transposed(rng=rng), tn.Sigmoid()
tied = learn(tn.Sequential(outer, tn.ReLU(), inner, tn.ReLU(), *back), X_train, lesson.epochs)
lesson.fingerprint(tied)
untied_numbers, numbers = (sum(p.data.size for p in net.parameters()) for net in (whole, tied))
by_tied = error(tied.predict(X_test), X_test)
print(f"untied: {untied_numbers:,} numbers, error {ours:.1f} %")
print(f"tied:   {numbers:,} numbers, error {by_tied:.1f} %")
lesson.claim("tied: numbers to learn, of all (%)", 100 * numbers / untied_numbers, 50, 51)
lesson.claim("tied: error (%)", by_tied, at_most=16)

# %%
# Not worse at all, with half the numbers: on the way back from the code, W.T serves as well as
# weights of its own.

lesson.finish()
