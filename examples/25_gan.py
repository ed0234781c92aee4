"""
Two networks that play: a GAN writes digits
===========================================

One network writes digits and never sees a real one. The other sees both, and has to tell real ones
from written ones. All that the writer learns comes through its opponent: as a gradient, which we
carry by hand out of the one network and into the other.
"""

# %%
# The **generator** G makes 784 pixels from 64 random numbers, the noise. The **discriminator** D
# makes one number from 784 pixels: the probability that they are a real digit. Pixels run from -1,
# black, to 1, white, as the outputs of Tanh do. LeakyReLU lets a fifth of a number below 0 pass,
# where ReLU lets nothing pass: G learns from gradients that have come all the way through D, and
# units that are off should not stop them.

from itertools import pairwise

import numpy as np
from lesson import Lesson

import tinynet as tn

lesson = Lesson(__doc__, epochs=50)
rng = np.random.default_rng(lesson.seed)


def make_network(sizes, last, dtype=np.float32):
    """Linear layers of these sizes with LeakyReLU between them, and `last` at the end."""
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [tn.Linear(n_in, n_out, rng=rng, dtype=dtype), tn.LeakyReLU(0.2)]
    return tn.Sequential(*layers[:-1], last)


def make_both(dtype=np.float32):
    G = make_network((64, 256, 256, 784), tn.Tanh(), dtype)
    return G, make_network((784, 256, 256, 1), tn.Sigmoid(), dtype)


# %%
# **Two losses.** BCELoss is -log(p) where the target is 1, and -log(1 - p) where it is 0. D is to
# say 1 of real digits, and 0 of written ones. G wants D to say 1 of the written ones. So its loss
# is that of D's own output, with the other target.
#
# **One gradient, through both.** That loss is known at the output of D. How does it get to the
# weights of G? `D.backward` returns dLoss/dx, and x are the pixels: for each it says how the loss
# would grow if it were a little brighter. The same pixels are the output of G, and dLoss/doutput is
# just what the backward of G asks for. So it is handed over:
#
#     dpixels = D.backward(loss_fn.backward())
#     G.backward(dpixels)
#
# That is all. Is it right? If all weights of G take a tiny step along their gradient, the loss must
# grow by the step times the gradient's squared norm. We try it in float64, a step to each side.

loss_fn = tn.BCELoss()
G, D = make_both(np.float64)
noise, real, fake = rng.standard_normal((10, 64)), np.ones((10, 1)), np.zeros((10, 1))
loss_fn(D(G(noise)), real)
G.backward(D.backward(loss_fn.backward()))
left_over = np.concatenate([p.grad.ravel() for p in D.parameters()])

by_backward, step, losses = sum((p.grad**2).sum() for p in G.parameters()), 1e-4, []
for change in (step, -2 * step):
    for p in G.parameters():
        p.data += change * p.grad
    losses.append(loss_fn(D(G(noise)), real))
measured = (losses[0] - losses[1]) / (2 * step)
print(f"the loss changes by {measured:.9f} times the step, by backward {by_backward:.9f}")
off = abs(measured / by_backward - 1)
lesson.claim("gradient through both is off by (millionths)", 1e6 * off, 0, 10, False)

# %%
# **What is left over.** `D.backward` also does what it always does: it adds the gradients of D's
# own weights to their `.grad`. But here these are gradients of the loss of G. A step along them
# would teach D to take written digits for real ones. Compare them with what D should learn from the
# same pictures, where its target is 0. What angle do you expect?

D.zero_grad()
loss_fn(D(G(noise)), fake)
D.backward(loss_fn.backward())
own = np.concatenate([p.grad.ravel() for p in D.parameters()])
cosine = left_over @ own / (np.linalg.norm(left_over) * np.linalg.norm(own))
lesson.claim("cosine of left-over and own gradient", cosine, at_most=-0.9, trained=False)

# %%
# They point in opposite directions. So when it is G's turn, D takes no step, and before its own one
# `D.zero_grad()` throws away what is left over. Without that line, D would unlearn as it learns.
#
# **The game.** In every step, first D learns from 100 real and 100 written digits, then G learns.
# Each has its own Adam. Its beta1 is 0.5, not 0.9 as in the course, so that it remembers two steps
# and not ten: the opponent changes all the time, and what was good ten steps ago no longer is.
# `tn.compile` makes each line of the loop one compiled call.

digits = lesson.digits()
X, y = digits.images / np.float32(127.5) - 1, digits.labels
G, D = make_both()
optimizer_G = tn.Adam(G.parameters(), lr=0.0003, betas=(0.5, 0.999))
optimizer_D = tn.Adam(D.parameters(), lr=0.0003, betas=(0.5, 0.999))
tn.compile(D, loss_fn, optimizer_D)
tn.compile(G, loss_fn, optimizer_G)
loader = tn.DataLoader(X, y, 100, shuffle=True, drop_last=True, rng=lesson.seed)
real, fake = np.ones((100, 1), np.float32), np.zeros((100, 1), np.float32)


def make_noise(n):
    return rng.standard_normal((n, 64), dtype=np.float32)


fixed, stages, history = make_noise(10), {}, []
for epoch in range(lesson.epochs):
    if epoch in (0, 1, 2, 5, 10, 20):
        stages[epoch] = G.predict(fixed)
    for x, _ in loader:
        D.zero_grad()
        of_real = D(x)
        loss_real = loss_fn(of_real, real)
        D.backward(loss_fn.backward(), input_gradient=False)
        of_fake = D(G(make_noise(100)))
        loss_fake = loss_fn(of_fake, fake)
        D.backward(loss_fn.backward(), input_gradient=False)
        optimizer_D.step()

        G.zero_grad()
        loss_G = loss_fn(D(G(make_noise(100))), real)
        G.backward(D.backward(loss_fn.backward()), input_gradient=False)
        optimizer_G.step()
        right = ((of_real > 0.5).mean() + (of_fake < 0.5).mean()) / 2
        history.append((loss_real + loss_fake, loss_G, of_real.mean(), of_fake.mean(), right))
stages[lesson.epochs] = G.predict(fixed)
lesson.fingerprint(G)

captions = [str(epoch) if k == 0 else "" for epoch in stages for k in range(10)]
title = "What G makes of the same ten noises, after so many epochs"
figure = tn.plots.digit_grid(np.concatenate([*stages.values()]), captions, 10, title)
lesson.save(figure, "25_written")

# %%
# Nobody wins for long: D finds a fault, G learns to avoid it, D finds another. So the losses do not
# fall to 0. Nor do they tell how good the digits are, for the opponent gets better, too.

by_epoch = np.reshape(history, (lesson.epochs, -1, 5)).mean(axis=1)
loss_D, loss_G, p_real, p_fake, right = by_epoch.T
epochs = np.arange(1, lesson.epochs + 1)
lines = {"of D": (epochs, loss_D), "of G": (epochs, loss_G)}
of = {"of real digits": (epochs, p_real), "of written ones": (epochs, p_fake)}
panels = [
    tn.plots.Panel("Losses", "epoch", "loss", lines),
    tn.plots.Panel("What D says", "epoch", "probability of being real", of),
]
lesson.save(tn.plots.line_panels(panels, "The game"), "25_game")
lesson.claim("D is right, last five epochs (%)", 100 * right[-5:].mean(), 60, 97)

# %%
# **Are they digits?** We ask a third network, of the size of lesson 3's, which reads real ones. Is
# it sure, that is, gives more than 0.9 to one digit? That is not enough: after a single epoch, it
# takes all for 8s, and is sure of most (seed 0). So, which digits does G write, and are all there?

reader = make_network((784, 64, 32, 32, 10), tn.LogSoftmax())
loader = tn.DataLoader(X[:-2000], y[:-2000], 32, shuffle=True, rng=lesson.seed)
tn.fit(reader, tn.NLLLoss(), tn.Adam(reader.parameters()), loader, epochs=8, progress=False)
accuracy = tn.accuracy(reader.predict(X[-2000:]), y[-2000:])
print(f"the reader reads {accuracy:.2f} % of the test digits right")

written = G.predict(make_noise(2000))
untrained = make_both()[0].predict(make_noise(2000))
shares, sure = {}, {}
for name, pictures in {"test": X[-2000:], "written": written, "untrained": untrained}.items():
    log_probs = reader.predict(pictures)
    sure[name] = 100 * (log_probs.max(axis=1) > np.log(0.9)).mean()
    shares[name] = 100 * np.bincount(log_probs.argmax(axis=1), minlength=10) / len(pictures)
    print(f"{name:<9} it is sure of {sure[name]:5.1f} %; digits 0 to 9: {shares[name]}")
del shares["untrained"]
figure = tn.plots.bars(shares, [*"0123456789"], "digit", "%", "What the reader sees", "{:.0f}")
lesson.save(figure, "25_kinds")
lesson.claim("written digits the reader is sure of (%)", sure["written"], at_least=45)
lesson.claim("the same before G has learned (%)", sure["untrained"], at_most=10)
lesson.claim("kinds of digits, of 10", (shares["written"] >= 1).sum(), at_least=9)

# %%
# **Are they copies?** Below each written digit stands the real one that is nearest to it, pixel by
# pixel. They are alike, not the same. And if G knew some digits by heart, there would be nothing
# between them. So we walk from one noise to another, along a quarter of a circle.

nearest = [X[((X - picture) ** 2).sum(axis=1).argmin()] for picture in written[:10]]
pairs, title = np.concatenate([written[:10], nearest]), "Written digits, and the nearest real ones"
lesson.save(tn.plots.digit_grid(pairs, columns=10, title=title), "25_nearest")

first, last = make_noise(4)[:, None], make_noise(4)[:, None]
angles = np.linspace(0, np.pi / 2, 10, dtype=np.float32)[:, None]
between = (np.cos(angles) * first + np.sin(angles) * last).reshape(-1, 64)
figure = tn.plots.digit_grid(G.predict(between), columns=10, title="From one noise to another")
lesson.save(figure, "25_between")

# %%
# With `--epochs 250`, the 50,000 steps of the course, the digits are cleaner; the reader is sure of
# 77 %. But a third of all are 1s (seed 0): easy to write, and G's loss does not ask for variety.

lesson.finish()
