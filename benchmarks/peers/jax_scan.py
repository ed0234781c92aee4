"""JAX with a whole epoch in one jitted `lax.scan`: shuffle, gather, gradient and update."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from task import BATCH, Floats, Ints, Task, run

Weights = list[tuple[jax.Array, jax.Array]]


def forward(weights: Weights, x: jax.Array) -> jax.Array:
    for W, b in weights[:-1]:
        x = jax.nn.relu(x @ W + b)
    W, b = weights[-1]
    return jax.nn.log_softmax(x @ W + b)


def loss_fn(weights: Weights, x: jax.Array, y: jax.Array) -> jax.Array:
    return -jnp.take_along_axis(forward(weights, x), y[:, None], axis=1).mean()


@functools.partial(jax.jit, donate_argnums=0)
def train(
    weights: Weights, key: jax.Array, X: jax.Array, y: jax.Array, lr: float
) -> tuple[Weights, Any]:
    batches = len(X) // BATCH
    order = jax.random.permutation(key, len(X))[: batches * BATCH].reshape(batches, BATCH)

    def step(weights: Weights, rows: jax.Array) -> tuple[Weights, jax.Array]:
        loss, gradients = jax.value_and_grad(loss_fn)(weights, X[rows], y[rows])
        return jax.tree.map(lambda w, g: w - lr * g, weights, gradients), loss

    weights, losses = jax.lax.scan(step, weights, order)
    return weights, losses.mean()


class JaxScan:
    def __init__(self, task: Task) -> None:
        self.X, self.y = jnp.asarray(task.X), jnp.asarray(task.y)
        self.weights = [(jnp.asarray(W), jnp.asarray(b)) for W, b in task.weights]
        self.key, self.lr = jax.random.key(0), task.lr

    def epoch(self) -> float:
        self.key, key = jax.random.split(self.key)
        self.weights, loss = train(self.weights, key, self.X, self.y, self.lr)
        return float(loss)

    def guesses(self, X: Floats) -> Ints:
        return np.asarray(forward(self.weights, jnp.asarray(X)).argmax(axis=1))


if __name__ == "__main__":
    run(JaxScan)
