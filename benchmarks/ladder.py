"""What each step from three loops to tinynet's kernel brings: `A @ M`, one idea a rung.

The rungs are loops that anybody could write with ``numba.njit``, each by one idea from the one
before; the last is tinynet's own (docs/kernels.md), with vectors, masks and bits, which plain Numba
has no words for. All of them add the same products in the same order, 64 to a sum of their own, and
the command fails if one has other bits than the first. NumPy stands above them: its BLAS adds in
another order. One thread; the best of interleaved rounds, over eight batches of random numbers, or
few enough for the L2. To stay short, rungs with panels want a multiple of 64 columns, and `tiled`
pairs of rows, and inputs in fours.
"""

import argparse
from itertools import pairwise
from typing import Any

import numba
import numpy as np
from blas import Floats, Loop, Timer, random_case
from machine import headline, parse, print_table
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import tinynet as tn
from tinynet import kernels
from tinynet.support.memory import on_cache_lines

njit = numba.njit(fastmath={"contract"})  # x * y + z may round once, as one instruction; no more


def equation(A: Floats, M: Floats, out: Floats) -> None:
    """`A @ M` by NumPy, which hands it to BLAS."""
    np.matmul(A, M, out=out)


@njit
def three_loops(A: Floats, M: Floats, out: Floats) -> None:
    """One number of the result after the other: M is read down its columns."""
    (R, K), J = A.shape, M.shape[1]
    for r in range(R):
        for j in range(J):
            total = np.float32(0)
            for first in range(0, K, 64):
                part = np.float32(0)
                for k in range(first, min(first + 64, K)):
                    part += A[r, k] * M[k, j]
                total += part
            out[r, j] = total


@njit
def along_rows(A: Floats, M: Floats, out: Floats) -> None:
    """The innermost loop runs along a row, over neighbours in memory: they fill vectors."""
    (R, K), J = A.shape, M.shape[1]
    part = np.empty(J, np.float32)
    out[:] = 0
    for r in range(R):
        for first in range(0, K, 64):
            part[:] = 0
            for k in range(first, min(first + 64, K)):
                add(A[r, k], M[k], part)
            add(1, part, out[r])


@njit
def add(a: float, row: Floats, part: Floats) -> None:
    for j in range(len(part)):
        part[j] += a * row[j]


@njit
def asking(A: Floats, M: Floats, out: Floats) -> None:
    """A number of A that is 0 is skipped, by an `if` whose outcome the processor must guess."""
    (R, K), J = A.shape, M.shape[1]
    part = np.empty(J, np.float32)
    out[:] = 0
    for r in range(R):
        for first in range(0, K, 64):
            part[:] = 0
            for k in range(first, min(first + 64, K)):
                if A[r, k] != 0:
                    add(A[r, k], M[k], part)
            add(1, part, out[r])


@njit
def listing(A: Floats, M: Floats, out: Floats) -> None:
    """The places that are not 0 are written down first, without an `if`."""
    (R, K), J = A.shape, M.shape[1]
    part, places = np.empty(J, np.float32), np.empty(64, np.int64)
    out[:] = 0
    for r in range(R):
        for first in range(0, K, 64):
            part[:] = 0
            for k in places[: list_places(A[r, first : first + 64], places)]:
                add(A[r, first + k], M[first + k], part)
            add(1, part, out[r])


@njit
def list_places(a: Floats, places: NDArray[np.int64]) -> int:
    found = 0
    for k in range(len(a)):
        places[found] = k
        found += a[k] != 0
    return found


@njit
def blocked(A: Floats, M: Floats, out: Floats) -> None:
    """A panel of M, 64 by 64 numbers, stays in the nearest cache while the rows of A pass by."""
    (R, K), J = A.shape, M.shape[1]
    part, places = np.empty(64, np.float32), np.empty(64, np.int64)
    out[:] = 0
    for first in range(0, K, 64):
        for left in range(0, J, 64):
            for r in range(R):
                part[:] = 0
                for k in places[: list_places(A[r, first : first + 64], places)]:
                    add_64(A[r, first + k], M[first + k, left : left + 64], part)
                add_64(1, part, out[r, left : left + 64])


@njit
def add_64(a: float, row: Floats, part: Floats) -> None:
    for j in range(64):
        part[j] += a * row[j]


@njit
def packed(A: Floats, M: Floats, out: Floats) -> None:
    """The panel is copied to a place where its rows lie side by side."""
    (R, K), J = A.shape, M.shape[1]
    part, places = np.empty(64, np.float32), np.empty(64, np.int64)
    panel = np.empty((64, 64), np.float32)
    out[:] = 0
    for first in range(0, K, 64):
        for left in range(0, J, 64):
            pack(M[first : first + 64, left : left + 64], panel)
            for r in range(R):
                part[:] = 0
                for k in places[: list_places(A[r, first : first + 64], places)]:
                    add_64(A[r, first + k], panel[k], part)
                add_64(1, part, out[r, left : left + 64])


@njit
def pack(M: Floats, panel: Floats) -> None:
    for k in range(len(M)):
        for j in range(64):
            panel[k, j] = M[k, j]


@njit
def tiled(A: Floats, M: Floats, out: Floats) -> None:
    """Two rows and four k at once, zeros and all: what has been loaded is used more than once."""
    (R, K), J = A.shape, M.shape[1]
    pair, panel = np.empty((2, 64), np.float32), np.empty((64, 64), np.float32)
    out[:] = 0
    for first in range(0, K, 64):
        for left in range(0, J, 64):
            pack(M[first : first + 64, left : left + 64], panel)
            for r in range(0, R, 2):
                pair[:] = 0
                for k in range(0, min(64, K - first), 4):
                    i = first + k
                    a0, a1, a2, a3 = A[r, i], A[r, i + 1], A[r, i + 2], A[r, i + 3]
                    b0, b1, b2, b3 = A[r + 1, i], A[r + 1, i + 1], A[r + 1, i + 2], A[r + 1, i + 3]
                    for j in range(64):
                        m0, m1 = panel[k, j], panel[k + 1, j]
                        m2, m3 = panel[k + 2, j], panel[k + 3, j]
                        pair[0, j] = a3 * m3 + (a2 * m2 + (a1 * m1 + (a0 * m0 + pair[0, j])))
                        pair[1, j] = b3 * m3 + (b2 * m2 + (b1 * m1 + (b0 * m0 + pair[1, j])))
                for row in range(2):
                    add_64(1, pair[row], out[r + row, left : left + 64])


@numba.njit
def by_tinynet(A: Floats, M: Floats, out: Floats) -> None:
    """tinynet's kernel: tiles that stay in registers, bits for zeros, masks at the margins."""
    kernels.linear(A, M, np.zeros(M.shape[1], np.float32), out)


RUNGS: tuple[Any, ...] = (three_loops, along_rows, asking, listing)
RUNGS += (blocked, packed, tiled, by_tinynet)
SHAPES = (((32, 784, 64), 0.81), ((256, 512, 512), 0.0))


def in_turns(rung: Any) -> Loop:
    """A loop that gives the rung one batch after the other."""

    def turns(times: int, batches: Floats, M: Floats, out: Floats) -> None:
        for t in range(times):
            rung(batches[t % len(batches)], M, out)

    return turns if rung is equation else numba.njit(turns)


def measure(shape: tuple[int, int, int], zeros: float, rounds: int) -> list[float]:
    """The best seconds of NumPy and of each rung, whose bits are compared before."""
    case = random_case(*shape, zeros)
    outs = [on_cache_lines(np.zeros((shape[0], shape[2]), np.float32)) for _ in (equation, *RUNGS)]
    for rung, out in zip((equation, *RUNGS), outs):
        rung(case.x[0], case.W, out)
        if rung is not equation and out.tobytes() != outs[1].tobytes():
            raise SystemExit(f"error: {rung.__name__} has other bits than {RUNGS[0].__name__}")
    np.testing.assert_allclose(outs[0], outs[1], rtol=1e-4, atol=1e-4)
    loops = map(in_turns, (equation, *RUNGS))
    timers = [Timer(loop, (case.x, case.W, out)) for loop, out in zip(loops, outs)]
    return [min(times) for times in zip(*([t.seconds() for t in timers] for _ in range(rounds)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31, help="interleaved rounds (31)")
    options = parse(parser)
    tn.set_num_threads(1)
    print(f"{headline()}\n")
    header, columns = ["rung", "what is new"], []
    with threadpool_limits(1):
        for shape, zeros in SHAPES:
            best = measure(shape, zeros, options.rounds)
            gains = (f"{before / now:.2f}" for before, now in pairwise(best[1:]))
            columns += [[f"{seconds * 1e6:.1f}" for seconds in best], ["", "", *gains]]
            R, K, J = shape
            header += [f"({R}, {K}) @ ({K}, {J}), {zeros:.0%} zeros (us)", "before / this"]
    python = [getattr(rung, "py_func", rung) for rung in (equation, *RUNGS)]
    told = [(f"`{each.__name__}`", (each.__doc__ or "").rstrip(".")) for each in python]
    print_table(header, [(*words, *cells) for words, *cells in zip(told, *columns)])


if __name__ == "__main__":
    main()
