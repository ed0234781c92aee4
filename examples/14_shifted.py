"""
Shifted digits
==============

Move a digit by a few pixels, and we hardly notice. The network of lesson 3 is lost: at four pixels
it reads fewer than half. It has learned which pixels are lit, not what shape they make. Digits that
are shifted while it learns help, as far as they were shifted.
"""

# %%
# In MNIST every digit stands in the middle: its centre of mass was moved there when the set was
# made, and the strokes fill 20 x 20 of the 28 x 28 pixels. So there is black paper on all sides,
# and room to move a digit by about four pixels before the first of it is cut off.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=60)
rng = np.random.default_rng(lesson.seed)

digits = lesson.digits()
X = tn.data.minmax_scale(digits.images)
X_train, X_test, y_train, y_test = train_test_split(
    X, digits.labels, test_size=0.1, random_state=lesson.seed
)


def shifted(images, right, down):
    """Move images by whole pixels; what leaves the frame is lost, black comes in."""
    pictures = images.reshape(-1, 28, 28)
    moved = np.zeros_like(pictures)
    rows, columns = slice(max(0, down), 28 + min(0, down)), slice(max(0, right), 28 + min(0, right))
    from_rows = slice(max(0, -down), 28 + min(0, -down))
    from_columns = slice(max(0, -right), 28 + min(0, -right))
    moved[:, rows, columns] = pictures[:, from_rows, from_columns]
    return moved.reshape(-1, 784)


# %%
# One test digit, moved to the right step by step, and below it another one, moved down. All of them
# are as easy to read as the first.

distances = list(range(7))
pictures = [shifted(X_test[:1], distance, 0)[0] for distance in distances]
pictures += [shifted(X_test[1:2], 0, distance)[0] for distance in distances]
captions = [f"{distance} pixels" for distance in distances]
title = "A test digit moved to the right, and one moved down"
lesson.save(tn.plots.digit_grid(pictures, captions * 2, 7, title), "14_digits")

# %%
# The network of lesson 3, trained on digits as they are, and asked about test digits that are not
# where it expects them. And a second one, for which each training digit was moved at random by up
# to two pixels in each direction. We give it five such copies of every digit, and a fifth of the
# epochs, so that both take equally many steps.


def learn(X, y, epochs):
    """Train 784-64-32-32-10."""
    rng = np.random.default_rng(lesson.seed)
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
    loader = tn.DataLoader(X, y, batch_size=32, shuffle=True, drop_last=True, rng=lesson.seed)
    optimizer = tn.SGD(net.parameters(), lr=0.01)
    tn.fit(net, tn.NLLLoss(), optimizer, loader, epochs=epochs, progress=False)
    lesson.fingerprint(net)
    return net


COPIES = 5
steps = rng.integers(-2, 3, size=(COPIES, len(X_train), 2))
X_moved = np.repeat(X_train[None], COPIES, axis=0)
for right in range(-2, 3):
    for down in range(-2, 3):
        chosen = (steps == (right, down)).all(axis=2)
        X_moved[chosen] = shifted(X_moved[chosen], right, down)
y_moved = np.tile(y_train, COPIES)

centred = learn(X_train, y_train, lesson.epochs)
moved = learn(X_moved.reshape(-1, 784), y_moved, max(1, lesson.epochs // COPIES))

# %%
# Move all test digits by 0 to 6 pixels in each of four directions.

DIRECTIONS = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}
scores = {}
for learned, net in {"as they are": centred, "shifted by up to 2 pixels": moved}.items():
    scores[learned] = {
        direction: [
            tn.accuracy(net.predict(shifted(X_test, right * far, down * far)), y_test)
            for far in distances
        ]
        for direction, (right, down) in DIRECTIONS.items()
    }

print("test accuracy (%) by distance in pixels")
print("learned from digits        test digits" + "".join(f"{far:>8}" for far in distances))
for learned, by_direction in scores.items():
    for direction, row in by_direction.items():
        print(f"{learned:<26} moved {direction:<6}" + "".join(f"{value:>7.2f} " for value in row))

panels = [
    tn.plots.Panel(
        f"learned from digits {learned}",
        "test digits moved by (pixels)",
        "test accuracy (%)",
        {direction: (distances, row) for direction, row in by_direction.items()},
    )
    for learned, by_direction in scores.items()
]
lesson.save(tn.plots.line_panels(panels, "Test digits that are out of place"), "14_accuracy")

# %%
# The first network bears one pixel, half bears two, and is lost beyond that. The second one does
# nearly as well at two pixels as at none, and is lost a little later. So it has not learned that a
# 7 is a 7 wherever it stands. It has learned many more 7s.

by_distance = {learned: np.mean([*rows.values()], axis=0) for learned, rows in scores.items()}
plain, trained_to = by_distance.values()
lesson.claim("test accuracy in place (%)", plain[0], at_least=94)
lesson.claim("moved by 4 pixels (%)", plain[4], at_most=60)
lesson.claim("learned from shifted digits, moved by 2 pixels (%)", trained_to[2], at_least=90)

# %%
# Why? To the network a digit is a row of 784 numbers, and moving it puts other numbers into the
# row. How alike the two rows are is measured by their correlation. A stroke is about three pixels
# wide. Moved by three pixels it lies where paper was before, and the digit is less like itself than
# two digits of one kind by different people are like each other.

some = rng.choice(len(X_test), min(500, len(X_test)), replace=False)
itself = []
for far in distances:
    values = []
    for right, down in DIRECTIONS.values():
        copies = shifted(X_test[some], right * far, down * far)
        values += [np.corrcoef(a, b)[0, 1] for a, b in zip(X_test[some], copies, strict=True)]
    itself.append(float(np.mean(values)))
between = np.corrcoef(X_test[some])
same_digit = (y_test[some][:, None] == y_test[some]) & ~np.eye(len(some), dtype=bool)
stranger = float(between[same_digit].mean())
print("\ncorrelation of a digit with its moved copy:", *(f"{value:.2f}" for value in itself))
print(f"correlation of two different digits of one kind: {stranger:.2f}")
lesson.claim("correlation with itself moved by 3 pixels", itself[3], -1, stranger, trained=False)

lines = {
    "a digit and its moved copy": (distances, itself),
    "two people's digits of one kind": (distances, [stranger] * len(distances)),
}
panel = tn.plots.Panel("500 test digits", "moved by (pixels)", "mean correlation", lines)
lesson.save(tn.plots.line_panels([panel], "A moved digit is unlike itself"), "14_correlation")

lesson.finish()
