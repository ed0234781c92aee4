"""
What is in the MNIST digits?
============================

Before a network learns anything, look at what it is given. This lesson shows the handwritten
digits as we see them and as a network gets them, asks how alike all the 7s are, and places two
networks, trained on the spot, on the scale of what others have reached with these digits.
"""

# %%
# MNIST was put together in the 1990s by Yann LeCun, Corinna Cortes and Christopher Burges from
# digits that clerks and school pupils had written. tinynet brings the first 20,000 of the 60,000
# training digits along. As a table each digit is a row: its label, then its 28 x 28 = 784 pixels.

import numpy as np
from lesson import Lesson
from sklearn.model_selection import train_test_split

import tinynet as tn

lesson = Lesson(__doc__, epochs=30)
rng = np.random.default_rng(lesson.seed)

digits = lesson.digits()
table = np.column_stack([digits.labels, digits.images])
print(f"table {table.shape}: labels {digits.labels.shape} and pixels {digits.images.shape}")
print("how often each digit occurs:", *np.bincount(digits.labels, minlength=10))

# %%
# Twelve of them, drawn at random. The label stands above. Grey values run from 0, black, to 255.

some = rng.choice(len(digits.labels), 12, replace=False)
captions = [str(label) for label in digits.labels[some]]
title = "Twelve digits, as we see them"
lesson.save(tn.plots.digit_grid(digits.images[some], captions, title=title), "02_as_we_see")

# %%
# A feed-forward network sees no square. It gets 784 numbers in a row and does not know which of
# them are neighbours on the paper. Here are twelve others as it gets them. Could you read them?

others = rng.choice(len(digits.labels), 12, replace=False)
captions = [str(label) for label in digits.labels[others]]
title = "Twelve digits, as the network sees them: 784 dots in a row"
lesson.save(tn.plots.pixel_rows(digits.images[others], captions, title), "02_as_the_network_sees")

# %%
# Nobody writes a 7 like anybody else. Some are slanted, some have a bar across, some a hook.

sevens = digits.images[digits.labels == 7]
twelve = sevens[rng.choice(len(sevens), 12, replace=False)]
lesson.save(tn.plots.digit_grid(twelve, title="Twelve 7s"), "02_twelve_sevens")

# %%
# How alike are all the 7s? The correlation of two images is 1 where they are the same up to
# brightness and contrast, and 0 where the one tells nothing of the other. N images have
# N * (N - 1) / 2 different pairs. Most correlations lie a little above 0.4: two 7s are clearly
# related, and yet far from the same. A network has to find what they share.

alike = np.corrcoef(sevens)
unique = alike[np.triu_indices(len(sevens), k=1)]
counts, edges = np.histogram(unique, bins=50)
peak = edges[counts.argmax() : counts.argmax() + 2].mean()
print(f"{len(sevens)} sevens, {len(unique):,} pairs, the most frequent correlation is {peak:.2f}")
title = f"How alike are the {len(sevens)} sevens?"
lesson.save(tn.plots.correlations(alike, title), "02_correlations")
lesson.claim("most frequent correlation of two 7s", peak, at_least=0.35, at_most=0.5, trained=False)

# %%
# The average of all images of a digit shows what they share. It is blurred where people differ,
# and still easy to read. If averages are so clear, is the task perhaps a simple one?

averages = np.stack([digits.images[digits.labels == digit].mean(axis=0) for digit in range(10)])
lesson.save(
    tn.plots.digit_grid(averages[[7]], columns=1, title="The average 7"), "02_average_seven"
)
title = "The average image of each digit"
captions = [str(digit) for digit in range(10)]
lesson.save(tn.plots.digit_grid(averages, captions, 5, title), "02_averages")

# %%
# It is simple to do fairly well, and hard to do very well. The scale below holds error rates that
# were published for the 10,000 official test digits. *Deskewed* means that the digits were set
# upright by hand-written code first. *Distorted* means that the training digits were also slanted,
# shifted or bent at random, so that there were many more of them.

published = [
    # LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition,
    # Proceedings of the IEEE 86(11), 1998
    ("linear classifier (LeCun et al. 1998)", 12.0),
    ("linear, deskewed (LeCun et al. 1998)", 8.4),
    ("pairwise linear, deskewed (LeCun et al. 1998)", 7.6),
    ("nearest neighbours (LeCun et al. 1998)", 5.0),
    ("784-300-10 network (LeCun et al. 1998)", 4.7),
    ("1000 radial basis functions (LeCun et al. 1998)", 3.6),
    ("LeNet-5, convolutional (LeCun et al. 1998)", 0.95),
    ("boosted LeNet-4, distorted (LeCun et al. 1998)", 0.7),
    # Simard, Steinkraus, Platt: Best practices for convolutional neural networks applied to visual
    # document analysis, ICDAR 2003
    ("784-800-10 network (Simard et al. 2003)", 1.6),
    ("convolutional, distorted (Simard et al. 2003)", 0.4),
    # Ciresan, Meier, Gambardella, Schmidhuber: Deep, big, simple neural nets for handwritten digit
    # recognition, Neural Computation 22(12), 2010
    ("deep feed-forward, distorted (Ciresan et al. 2010)", 0.35),
    # Ciresan, Meier, Schmidhuber: Multi-column deep neural networks for image classification, 2012
    ("35 convolutional nets, distorted (Ciresan et al. 2012)", 0.23),
]

# %%
# Where do our own stand? The *linear* network has no hidden layer: ten weighted sums of the
# pixels, one for each digit. The *feed-forward* network has three hidden layers. Both learn from
# nine tenths of the digits and are asked about the last tenth, which they have not seen. Lesson 3
# takes this training apart, line by line.

X = tn.data.minmax_scale(digits.images)
X_train, X_test, y_train, y_test = train_test_split(
    X, digits.labels, test_size=0.1, random_state=lesson.seed
)
linear = tn.Sequential(tn.Linear(784, 10, rng=rng), tn.LogSoftmax())
feed_forward = tn.Sequential(
    tn.Linear(784, 64, rng=rng),
    tn.ReLU(),
    tn.Linear(64, 32, rng=rng),
    tn.ReLU(),
    tn.Linear(32, 32, rng=rng),
    tn.ReLU(),
    tn.Linear(32, 10, rng=rng),
    tn.LogSoftmax(),
)
errors = {}
for name, net in {"linear 784-10": linear, "784-64-32-32-10": feed_forward}.items():
    history = tn.fit(
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
    errors[name] = 100 - history.test_accuracy[-1]
    lesson.fingerprint(net)

# %%
# One warning. Ours were tested on 2,000 digits held out from the training set, and learned from
# 18,000. The published ones learned from all 60,000, and were tested on the official test set,
# which other people had written. So the scale shows where ours belong, but it is no race.

measured = [(f"tinynet: {name}, held-out training digits", rate) for name, rate in errors.items()]
title = "Errors on MNIST, published from 1998 to 2012, and ours"
lesson.save(tn.plots.error_rates(published, measured, title), "02_error_rates")
print("\nerrors (%)  method")
for name, rate in sorted(published + measured, key=lambda row: -row[1]):
    print(f"{rate:>10.2f}  {name}")

linear_error, network_error = errors.values()
lesson.claim("errors of the linear network (%)", linear_error, at_most=12)
lesson.claim("errors of the feed-forward network (%)", network_error, at_most=7)
lesson.claim("fewer errors by hidden layers (points)", linear_error - network_error, at_least=2)
lesson.finish()
