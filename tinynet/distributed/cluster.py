"""The driver's view of a cluster: which worker holds which rows, and what to do when one dies."""

import asyncio
import copy
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from distributed import Client, Future, default_client, futures_of

from tinynet.data import DataLoader
from tinynet.distributed.share import Share, Total, WorkerLost, ask
from tinynet.losses import ClassLoss
from tinynet.module import Module

LOOK_AROUND = 2.0  # seconds: how often we ask, while we wait, whether all workers are still there
PATIENCE = 60.0  # seconds without any worker, after which we give up
SILENCE = 30.0  # seconds without an answer of the scheduler
LOSSES_IN_A_ROW = 10  # workers that may die in one step

T = TypeVar("T")


class SchedulerLost(ConnectionError):
    """The cluster is gone; the run goes on from its checkpoint on another one."""


class Shares:
    """The rows of a dask array, dealt out to the workers of a cluster.

    Each worker holds some blocks, in an actor. The actors form a binary tree: parameters go down
    it from worker to worker, and sums come up. The driver talks to the first one only, and the
    scheduler takes no part in a step.

    Parameters
    ----------
    net, loss_fn, X, y, client
        As for ``fit``.

    Attributes
    ----------
    X, y : dask array
        In blocks of the same rows.
    workers : list of str
        The addresses of those that have a share; the first is the root of the tree.
    """

    def __init__(
        self, net: Module, loss_fn: ClassLoss, X: Any, y: Any, client: Client | None = None
    ) -> None:
        self.client = client if client is not None else _default_client()
        with self.client.as_current():
            self.X, self.y = _in_blocks(X, y)
        self.net = net
        self.loss_fn = copy.deepcopy(loss_fn)
        self.loss_fn.reduction = "sum"
        self.workers: list[str] = []
        self._actors: list[Future] = []
        self._blocks: list[tuple[Future, Future]] = []

    def deal_out(self) -> None:
        """Give each worker of the cluster its blocks; again, if some die while we are at it."""
        if not self._blocks:
            self.X, self.y = self.client.persist([self.X, self.y])
            self._blocks = list(zip(_futures(self.X), _futures(self.y), strict=True))
        for attempt in range(LOSSES_IN_A_ROW):
            try:
                workers = self._wait_for_workers()
                self._wait_for_blocks()
                self._make_actors(self._place(workers))
                return
            except WorkerLost:
                if attempt == LOSSES_IN_A_ROW - 1:
                    raise

    def take_in_newcomers(self) -> None:
        """Deal out anew if workers have come since, or gone."""
        usable = min(len(self._blocks), len(now := self._alive()))
        if len(self.workers) != usable or not set(self.workers) <= set(now):
            self.deal_out()

    def gradient(self, seed: int, batch: int, batches: int) -> Total:
        """The sums over a batch, with the parameters that the network has now.

        Parameters
        ----------
        seed : int
            Of the epoch's order.
        batch, batches : int
            The number of the batch, and how many the epoch has.
        """
        parameters = [parameter.data for parameter in self.net.parameters()]
        for _ in range(LOSSES_IN_A_ROW):
            root = self.workers[0], self._actors[0].key
            asked = ask(self.client.rpc, *root, "gradient", parameters, seed, batch, batches)
            running = asyncio.run_coroutine_threadsafe(asked, self.client.loop.asyncio_loop)
            try:
                return self._watched(running.result)
            except WorkerLost:
                running.cancel()
                self.deal_out()
        raise WorkerLost(
            f"distributed.fit: {LOSSES_IN_A_ROW} times in one step a worker was lost; look into "
            "the workers' logs, memory first"
        )

    def release(self) -> None:
        """Let the workers forget their shares."""
        self._actors, self._blocks, self.workers = [], [], []

    def _place(self, workers: list[str]) -> dict[str, list[int]]:
        """Which blocks go to which worker: the same number to each, moved as little as can be."""
        holders = self.client.who_has([x for x, _ in self._blocks])
        placed: dict[str, list[int]] = {worker: [] for worker in workers}
        fewest, left_over = divmod(len(self._blocks), len(workers))

        def has_room(worker: str) -> bool:
            many = sum(len(blocks) > fewest for blocks in placed.values())
            return len(placed[worker]) < fewest + (many < left_over)

        homeless = []
        for block, (x, _) in enumerate(self._blocks):
            near = [w for w in holders.get(x.key, ()) if w in placed and has_room(w)]
            if near:
                placed[near[0]].append(block)
            else:
                homeless.append(block)
        for block in homeless:
            min(placed.values(), key=len).append(block)
        return {worker: sorted(blocks) for worker, blocks in placed.items() if blocks}

    def _make_actors(self, placed: dict[str, list[int]]) -> None:
        self.workers, self._actors = list(placed), []
        actors: list[Future] = []
        starts = np.cumsum([0, *self.X.chunks[0]]).tolist()
        for place in reversed(range(len(self.workers))):  # leaves first, the root last
            worker = self.workers[place]
            children = [
                (self.workers[child], actors[len(self.workers) - 1 - child].key)
                for child in (2 * place + 1, 2 * place + 2)
                if child < len(self.workers)
            ]
            mine = placed[worker]
            actors.append(
                self.client.submit(
                    Share,
                    self.net,
                    self.loss_fn,
                    mine,
                    [starts[block] for block in mine],
                    [self._blocks[block][0] for block in mine],
                    [self._blocks[block][1] for block in mine],
                    children,
                    actor=True,
                    workers=[worker],
                    pure=False,
                )
            )
        self._actors = actors[::-1]
        errors = [self._watched(actor.exception) for actor in self._actors]
        # Several workers may have something wrong: the first row of the data is told.
        for error in sorted(errors, key=lambda e: getattr(e, "block_starts_at", -1)):
            _raise_if_failed(error)

    def _wait_for_blocks(self) -> None:
        for block in self._blocks:
            for future in block:
                _raise_if_failed(self._watched(future.exception, of_anyone=True))

    def _wait_for_workers(self) -> list[str]:
        for _ in range(int(PATIENCE / LOOK_AROUND)):
            if alive := self._alive():
                return alive
            time.sleep(LOOK_AROUND)
        raise SchedulerLost(
            f"distributed.fit: the cluster at {self.client.scheduler.address} has had no worker "
            f"for {PATIENCE:g} s; start some."
        )

    def _watched(self, result: Callable[[float], T], of_anyone: bool = False) -> T:
        """Wait for a result as long as the workers live that have a share, or at least one."""
        while True:
            try:
                return result(LOOK_AROUND)
            except TimeoutError:
                alive = set(self._alive())
                if not alive if of_anyone else not set(self.workers) <= alive:
                    raise WorkerLost("a worker is gone") from None
            except OSError as error:
                self._alive()
                raise WorkerLost(str(error)) from error

    def _alive(self) -> list[str]:
        """The workers that the scheduler knows."""
        asked = asyncio.run_coroutine_threadsafe(self._identity(), self.client.loop.asyncio_loop)
        try:
            known = asked.result(SILENCE)
        except (OSError, AttributeError) as error:  # a client that is closing has no scheduler
            asked.cancel()
            raise SchedulerLost(
                f"distributed.fit: the scheduler does not answer ({type(error).__name__})."
            ) from error
        return sorted(w for w, info in known["workers"].items() if info["status"] == "running")

    async def _identity(self) -> Any:
        return await self.client.scheduler.identity(n_workers=-1)


def _raise_if_failed(error: BaseException | None) -> None:
    if error is None:
        return
    if type(error).__module__.startswith("distributed") or isinstance(error, OSError):
        raise WorkerLost(str(error)) from error
    raise error


def _default_client() -> Client:
    try:
        return default_client()
    except ValueError as error:
        raise ValueError(
            "distributed.fit: there is no cluster; make one with distributed.Client(), or give it "
            "the address of a scheduler"
        ) from error


def _in_blocks(X: Any, y: Any) -> tuple[Any, Any]:
    """X and y as dask arrays of known shape, in blocks of the same rows."""
    arrays = []
    for name, data in (("X", X), ("y", y)):
        array = data.to_dask_array() if hasattr(data, "to_dask_array") else data
        if not hasattr(array, "compute_chunk_sizes"):
            source = f"{name}.{name}" if isinstance(data, DataLoader) else name
            raise TypeError(
                f"distributed.fit: {name} is {type(data).__name__}, expected a dask array; use "
                f"dask.array.from_array({source}, chunks=...), or tn.fit for data in memory"
            )
        if any(np.isnan(size) for sizes in array.chunks for size in sizes):
            array = array.compute_chunk_sizes()
        arrays.append(array)
    X, y = arrays
    if X.ndim != 2 or y.ndim not in (1, 2):
        raise ValueError(
            f"distributed.fit: X has shape {X.shape} and y {y.shape}, expected (n, features) and "
            "(n,) or (n, C)"
        )
    if len(X) != len(y) or len(X) == 0:
        raise ValueError(
            f"distributed.fit: X has {len(X)} rows and y has {len(y)}; they must pair up, and "
            "there must be some"
        )
    whole = dict.fromkeys(range(1, X.ndim), -1)
    X = X.rechunk(whole)
    return X, y.rechunk({0: X.chunks[0]} | dict.fromkeys(range(1, y.ndim), -1))


def _futures(array: Any) -> list[Future]:
    """The futures of a persisted array's blocks, in the order of the rows."""
    by_key = {future.key: future for future in futures_of(array)}
    blocks: Sequence[Any] = array.__dask_keys__()
    return [by_key[block[0] if array.ndim == 2 else block] for block in blocks]
