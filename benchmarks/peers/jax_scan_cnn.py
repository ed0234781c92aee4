"""JAX on the course's CNN: a whole epoch in a jitted `lax.scan`, as ``jax_scan``; Adam by hand."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from picture_networks import COURSE, POOL, Network, digits_of, first_weights
from task import Floats, Ints, Task, run

Weights = list[tuple[jax.Array, jax.Array]]
BETAS, EPS = (0.9, 0.999), 1e-8


def forward(padding: int, weights: Weights, x: jax.Array) -> jax.Array:
    x = x.reshape(-1, 1, 28, 28)
    window = (1, 1, POOL, POOL)
    for W, b in weights:
        if W.ndim == 4:
            x = lax.conv_general_dilated(x, W, (1, 1), [(padding, padding)] * 2)
            x = lax.reduce_window(x + b[:, None, None], -jnp.inf, lax.max, window, window, "VALID")
            x = jax.nn.relu(x)
        else:
            x = x.reshape(len(x), -1) @ W + b
            x = jax.nn.relu(x) if W is not weights[-1][0] else x
    return x


def loss_fn(padding: int, weights: Weights, x: jax.Array, y: jax.Array) -> jax.Array:
    log_probs = jax.nn.log_softmax(forward(padding, weights, x))
    return -jnp.take_along_axis(log_probs, y[:, None], axis=1).mean()


@functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=2)
def train(
    network: Network, batch: int, state: Any, key: jax.Array, X: jax.Array, y: jax.Array
) -> tuple[Any, jax.Array]:
    batches = len(X) // batch
    order = jax.random.permutation(key, len(X))[: batches * batch].reshape(batches, batch)

    def step(state: Any, rows: jax.Array) -> tuple[Any, jax.Array]:
        weights, means, squares, t = state
        gradient = jax.value_and_grad(functools.partial(loss_fn, network.padding))
        loss, g = gradient(weights, X[rows], y[rows])
        t = t + 1
        one, two = BETAS
        means = jax.tree.map(lambda m, g: one * m + (1 - one) * g, means, g)
        squares = jax.tree.map(lambda v, g: two * v + (1 - two) * g * g, squares, g)
        size = network.lr / (1 - one**t)

        def moved(w: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
            return w - size * m / (jnp.sqrt(v / (1 - two**t)) + EPS)

        return (jax.tree.map(moved, weights, means, squares), means, squares, t), loss

    state, losses = lax.scan(step, state, order)
    return state, losses.mean()


class JaxScanCNN:
    network: Network = COURSE

    def __init__(self, task: Task) -> None:
        weights = [(jnp.asarray(W), jnp.asarray(b)) for W, b in first_weights(self.network)]
        zeros, more = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
        self.state = weights, zeros, more, jnp.zeros(())
        self.key = jax.random.key(0)
        self.forward = jax.jit(functools.partial(forward, self.network.padding))
        self.learn_from(*digits_of(self.network, task), self.network.batch)

    def learn_from(self, X: Floats, y: Ints, batch: int) -> None:
        self.X, self.y, self.batch = jnp.asarray(X), jnp.asarray(y), batch

    def epoch(self) -> float:
        self.key, key = jax.random.split(self.key)
        self.state, loss = train(self.network, self.batch, self.state, key, self.X, self.y)
        return float(loss)

    def guesses(self, X: Floats) -> Ints:
        return np.asarray(self.predictor(X)().argmax(axis=1))

    def predictor(self, X: Floats) -> Callable[[], jax.Array]:
        """What predicts these digits, whenever it is called."""
        x, weights = jnp.asarray(X), self.state[0]
        return lambda: self.forward(weights, x).block_until_ready()


if __name__ == "__main__":
    run(JaxScanCNN)
