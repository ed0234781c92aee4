"""A worker's share of the data: the sums of loss and gradient over its rows of a batch.

Shares are Dask actors in a binary tree. A call goes down the tree from worker to worker, and on the
way back every share adds the sums of those below it to its own.
"""

import asyncio
import copy
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from distributed import get_worker
from distributed.protocol import to_serialize

from tinynet.losses import ClassLoss
from tinynet.module import Module
from tinynet.runs.rehearsal import check_by_rows
from tinynet.runs.scores import score_of
from tinynet.support.accuracy import counting
from tinynet.support.checks import check_dataset
from tinynet.support.types import Array

GOLDEN = 0.6180339887498949
ROW = re.compile(r"\b(row |labels\[|targets?\[)(\d+)")  # as messages name it


class WorkerLost(ConnectionError):
    """A worker did not answer; its share goes to others."""


@dataclass
class Total:
    """What some workers add up over their rows of a batch.

    Attributes
    ----------
    gradients : list of ndarray
        One per parameter that is not frozen: the sum over the rows.
    loss : float
        The sum over the rows.
    count : float
        What the sums must be divided by for a mean: the number of rows, or the sum of their class
        weights.
    hits, scored : float
        Rows read rightly, of those that count in the accuracy.
    rows : int
        All of them.
    anything : bool
        Whether any row of these workers counts in the loss, in this batch or another.
    """

    gradients: list[Array]
    loss: float = 0.0
    count: float = 0.0
    hits: float = 0.0
    scored: int = 0
    rows: int = 0
    anything: bool = False

    def add(self, other: "Total") -> None:
        with np.errstate(all="ignore"):
            for own, more in zip(self.gradients, other.gradients, strict=True):
                own += more
        self.loss += other.loss
        self.count += other.count
        self.hits += other.hits
        self.scored += other.scored
        self.rows += other.rows
        self.anything |= other.anything


class Share:
    """The blocks of one worker: their numbers and first rows; and a copy of the network."""

    def __init__(
        self,
        net: Module,
        loss_fn: ClassLoss,
        numbers: list[int],
        starts: list[int],
        X: list[Array],
        y: list[Array],
        children: list[tuple[str, str]],
    ) -> None:
        # Copies, since workers may be threads, and what comes from other processes is read-only.
        self.net, self.loss_fn = copy.deepcopy(net), copy.deepcopy(loss_fn)
        self.anything = False
        for start, block, labels in zip(starts, X, y, strict=True):
            if len(block):
                self._check(start, block, labels)
        if filled := [block for block in X if len(block)]:
            check_by_rows("distributed.fit", self.net, filled[0][:1])
        self.numbers, self.X, self.y, self.children = numbers, X, y, children
        self.seed = -1
        self.orders: list[Any] = []

    def _check(self, start: int, X: Array, y: Any) -> None:
        """Whether a block can be learned; an error counts rows in the whole data, not in it."""
        try:
            check_dataset("distributed.fit", X, y)
            outputs = np.repeat(self.net.predict(X[:1]), len(y), axis=0)
            self.loss_fn.predict(outputs, y)
            self.anything |= bool(self.loss_fn.row_weights(y, outputs.shape[1]).any())
        except (ValueError, IndexError) as error:
            if type(error) not in (ValueError, IndexError):  # whose arguments are unknown
                raise
            in_data = ROW.sub(lambda found: f"{found[1]}{int(found[2]) + start}", str(error))
            named = type(error)(in_data)
            named.block_starts_at = start  # type: ignore[union-attr]
            raise named from error

    async def gradient(self, parameters: list[Array], seed: int, batch: int, batches: int) -> Total:
        """The sums over this worker's rows of a batch and those of all below it in the tree."""
        asked = parameters, seed, batch, batches
        rpc = get_worker().rpc
        total, *others = await asyncio.gather(
            asyncio.to_thread(self.own_gradient, *asked),
            *(ask(rpc, *child, "gradient", *asked) for child in self.children),
        )
        for other in others:
            total.add(other)
        return total

    def own_gradient(self, parameters: list[Array], seed: int, batch: int, batches: int) -> Total:
        """The sums over this worker's rows of a batch."""
        for parameter, values in zip(self.net.parameters(), parameters, strict=True):
            parameter.data[...] = values
        self.net.zero_grad()
        X, y = self._rows(seed, batch, batches)
        total = Total([p.accumulate() for p in self.net.parameters() if p.requires_grad])
        total.anything = self.anything
        if len(X) == 0:
            return total
        outputs = self.net(X)
        total.loss = float(self.loss_fn(outputs, y))
        self.net.backward(self.loss_fn.backward())
        total.count = float(self.loss_fn.row_weights(y, outputs.shape[1]).sum())
        total.rows = len(y)
        accuracy = score_of(self.loss_fn, outputs, y)
        if accuracy is not None and not np.isnan(accuracy):
            total.scored = int(counting(y, self.loss_fn.ignore_index).sum())
            total.hits = accuracy / 100 * total.scored
        return total

    def _rows(self, seed: int, batch: int, batches: int) -> tuple[Array, Any]:
        if seed != self.seed:
            self.orders = [
                np.random.default_rng([seed, number]).permutation(len(block))
                for number, block in zip(self.numbers, self.X, strict=True)
            ]
            self.seed = seed
        chosen = [
            order[part_of_batch(len(order), number, batch, batches)]
            for number, order in zip(self.numbers, self.orders, strict=True)
        ]
        X, y = (
            np.concatenate([block[rows] for block, rows in zip(blocks, chosen, strict=True)])
            for blocks in (self.X, self.y)
        )
        return X, y


def part_of_batch(rows: int, block: int, batch: int, batches: int) -> slice:
    """Which places of its order a block of so many rows gives to a batch.

    Over all batches, each place once. Blocks round up in different batches, by the golden ratio, so
    that batches are of nearly the same size.
    """
    phase = int(block * GOLDEN % 1 * batches)
    return slice((rows * batch + phase) // batches, (rows * (batch + 1) + phase) // batches)


async def ask(rpc: Any, address: str, actor: str, method: str, *arguments: Any) -> Any:
    """Call an actor's method from worker to worker.

    Dask's own ``Actor`` would go through the scheduler, and wait forever for a worker that died.
    """
    try:
        answer = await rpc(address).actor_execute(
            actor=actor, function=method, args=[to_serialize(a) for a in arguments], kwargs={}
        )
    except (OSError, KeyError) as error:  # gone; or restarted, and the actor unknown
        raise WorkerLost(f"the worker at {address} does not answer") from error
    if answer["status"] != "OK":
        raise answer["exception"]
    return answer["result"]
