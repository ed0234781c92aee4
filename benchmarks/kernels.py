"""Our three matrix products against BLAS on one thread, over shapes and shares of zeros.

Ours run in a compiled loop, as they do in training; BLAS is called by NumPy in a tight Python loop,
and the 0.5 us or so that such a call costs are not subtracted. BLAS is asked for the bare product,
though ours also add the bias, add to dW, or turn W around. Both go over the same batches in turn,
and all arrays start at a cache line, as parameters do, and nearly all arrays of compiled steps. A
ratio is BLAS's best time over ours, from interleaved rounds: above 1, ours is faster.

A bound is what the work takes at least on this machine: the multiply-adds that no zero spares us
at the rate of BLAS's best product, or reading or writing every operand once at the rate of NumPy's
pass over 200 KB in place, whichever is longer.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
from machine import headline, print_table
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import tinynet as tn
from tinynet import kernels
from tinynet.support.blas import LARGEST_OWN
from tinynet.support.memory import on_cache_lines

Floats = NDArray[np.float32]
Loop = Callable[..., None]

MOST_ELEMENTS = 2**17  # in the batches that a loop goes over: they fit the L2 cache, as in training
LEAST_SECONDS = 2e-3  # how long a timed loop runs at least
SWEEPS = 8  # over the shapes of a table, with pauses: no slow moment spoils all rounds of a shape


class Case(NamedTuple):
    """Inputs and upstream gradients of some batches (batches, N, features), and the weights."""

    x: Floats
    dy: Floats
    W: Floats
    b: Floats


@numba.njit
def our_linear(times: int, x: Floats, dy: Floats, W: Floats, b: Floats, out: Floats) -> None:
    for t in range(times):
        kernels.linear(x[t % len(x)], W, b, out)


@numba.njit
def our_dW(times: int, x: Floats, dy: Floats, W: Floats, b: Floats, out: Floats) -> None:
    for t in range(times):
        kernels.linear_dW(x[t % len(x)], dy[t % len(x)], out)


@numba.njit
def our_dx(times: int, x: Floats, dy: Floats, W: Floats, b: Floats, out: Floats) -> None:
    for t in range(times):
        kernels.linear_dx(dy[t % len(x)], W, out)


def blas_linear(times: int, x: Floats, dy: Floats, W: Floats, b: Floats, out: Floats) -> None:
    for t in range(times):
        np.matmul(x[t % len(x)], W, out=out)


def blas_dW(times: int, x: Floats, dy: Floats, W: Floats, b: Floats, out: Floats) -> None:
    for t in range(times):
        np.matmul(x[t % len(x)].T, dy[t % len(x)], out=out)


def blas_dx(times: int, x: Floats, dy: Floats, W: Floats, b: Floats, out: Floats) -> None:
    for t in range(times):
        np.matmul(dy[t % len(x)], W.T, out=out)


PRODUCTS: dict[str, tuple[Loop, Loop]] = {
    "x @ W": (our_linear, blas_linear),
    "x.T @ dy": (our_dW, blas_dW),
    "dy @ W.T": (our_dx, blas_dx),
}


@numba.njit
def our_gather(times: int, X: Floats, order: NDArray[np.int64], x: Floats) -> None:
    for t in range(times):
        start = 32 * (t % (len(order) // 32))
        kernels.gather(X, order[start : start + 32], x)


@numba.njit
def our_step(times: int, x: Floats, dy: Floats, W: Floats) -> None:
    for t in range(times):
        kernels.linear_descend(W, x[t % len(x)], dy[t % len(x)], 1e-9)


@numba.njit
def our_squares(times: int, x: Floats) -> float:
    found = 0.0
    for t in range(times):
        x[t % len(x), 0] = t  # so that the compiler cannot ask once for all
        found += kernels.squares(x)
    return found


@numba.njit
def our_all_finite(times: int, g: Floats) -> int:
    found = 0
    for t in range(times):
        g[t % len(g), 0] = t  # so that the compiler cannot ask once for all
        found += kernels.all_finite(g)
    return found


@numba.njit
def our_descend(times: int, w: Floats, g: Floats) -> None:
    for _ in range(times):
        kernels.descend(w, g, 0.001)


def turn_signs(times: int, a: Floats) -> None:
    for _ in range(times):
        np.negative(a, out=a)


def multiply(times: int, a: Floats, b: Floats, out: Floats) -> None:
    for _ in range(times):
        np.matmul(a, b, out=out)


def best_seconds(
    loops: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]], rounds: int
) -> list[float]:
    """The best time of one turn of each loop, from interleaved rounds."""
    counts, best = [], [np.inf] * len(loops)
    for loop, arguments in loops:
        loop(1, *arguments)  # compiles
        trial = min(_timed(loop, 2, arguments) for _ in range(5))
        counts.append(1 + int(LEAST_SECONDS / trial))
    for _ in range(rounds):
        for which, ((loop, arguments), count) in enumerate(zip(loops, counts)):
            best[which] = min(best[which], _timed(loop, count, arguments))
    return best


def _timed(loop: Callable[..., Any], count: int, arguments: tuple[Any, ...]) -> float:
    start = time.perf_counter()
    loop(count, *arguments)
    return (time.perf_counter() - start) / count


def seconds(product: str, case: Case, rounds: int) -> tuple[float, float]:
    """The best time of one call, ours and BLAS's."""
    loops = PRODUCTS[product]
    (N, I), O = case.x.shape[1:], case.W.shape[1]
    shape = {"x @ W": (N, O), "x.T @ dy": (I, O), "dy @ W.T": (N, I)}[product]
    out = on_cache_lines(np.zeros(shape, np.float32))
    ours, blas = best_seconds([(loop, (*case, out)) for loop in loops], rounds)
    return ours, blas


def random_case(N: int, I: int, O: int, zeros: float) -> Case:
    """Normal numbers, of which this share is 0 in x and in dy."""
    rng = np.random.default_rng(0)
    batches = max(1, min(8, MOST_ELEMENTS // (N * max(I, O))))

    def draw(*shape: int) -> Floats:
        values = rng.standard_normal(shape, np.float32)
        values[rng.random(shape) < zeros] = 0
        return on_cache_lines(values)

    W = on_cache_lines(rng.standard_normal((I, O), np.float32) / np.float32(np.sqrt(I)))
    return Case(draw(batches, N, I), draw(batches, N, O), W, np.zeros(O, np.float32))


def lesson_cases(batches: int = 4) -> list[Case]:
    """What the Linear layers of the main lesson get to see, in real batches of 32 digits."""
    digits = tn.datasets.mnist_small()
    X, y = tn.data.minmax_scale(digits.images), digits.labels
    rng = np.random.default_rng(0)
    layers: list[tn.Module] = []
    for I, O in ((784, 64), (64, 32), (32, 32), (32, 10)):
        layers += [tn.Linear(I, O, rng=rng), tn.ReLU()]
    layers[-1] = tn.LogSoftmax()
    net, loss_fn = tn.Sequential(*layers), tn.NLLLoss()
    loader = tn.DataLoader(X, y, batch_size=32, shuffle=True, drop_last=True, rng=0)
    tn.fit(net, loss_fn, tn.SGD(net.parameters(), lr=0.01), loader, epochs=5, progress=False)
    seen: dict[int, list[tuple[Floats, Floats]]] = {}
    for batch in range(batches):
        x, labels = loader.batch(np.arange(len(X)), batch)
        inputs = []
        for layer in layers:
            inputs.append(x)
            x = layer(x)
        loss_fn(x, labels)
        dy = loss_fn.backward()
        for position in reversed(range(len(layers))):
            if isinstance(layers[position], tn.Linear):
                seen.setdefault(position, []).append((inputs[position], dy))
            dy = layers[position].backward(dy)
    cases = []
    for position in sorted(seen):
        xs, dys = zip(*seen[position])
        layer: Any = layers[position]
        x, dy = on_cache_lines(np.stack(xs)), on_cache_lines(np.stack(dys))
        cases.append(Case(x, dy, layer.W.data, layer.b.data))
    return cases


class Machine(NamedTuple):
    """What one thread of this machine does in a second: multiply-adds; bytes read or written."""

    multiply_adds: float
    bytes: float

    def bound(self, multiply_adds: float, *arrays: Floats) -> float:
        """The least seconds for so much work on operands that are read or written once."""
        return max(multiply_adds / self.multiply_adds, sum(a.nbytes for a in arrays) / self.bytes)


def measure_machine(rounds: int) -> Machine:
    square = np.ones((512, 512), np.float32)
    small = np.ones((784, 64), np.float32)
    product, pass_over = best_seconds(
        [(multiply, (square, square, square.copy())), (turn_signs, (small,))], rounds
    )
    return Machine(512**3 / product, 2 * small.nbytes / pass_over)


def print_lesson(rounds: int) -> None:
    print("### The main lesson, trained, real digits, batches of 32\n")
    machine = measure_machine(rounds)
    print(
        f"This machine: {machine.multiply_adds / 1e9:.0f} multiply-adds and "
        f"{machine.bytes / 1e9:.0f} bytes per ns, on one thread.\n"
    )
    rows = []
    totals = np.zeros(3)
    cases = lesson_cases()
    for number, case in enumerate(cases):
        for product in PRODUCTS:
            if number == 0 and product == "dy @ W.T":
                continue  # nobody needs the derivative with respect to the digits
            operand = case.dy if product == "dy @ W.T" else case.x
            nonzeros = np.count_nonzero(operand) / len(operand)
            other = case.W.shape[0 if product == "dy @ W.T" else 1]
            bound = machine.bound(nonzeros * other, case.x[0], case.W, case.dy[0])
            ours, blas = seconds(product, case, rounds)
            totals += ours, blas, bound
            zeros = f"{(operand == 0).mean():.0%}"
            rows.append((product, case.W.shape, zeros, *_times(ours, blas, bound)))
    rows.append(("all products", "", "", *_times(*totals)))

    images, _ = tn.datasets.mnist_small()
    X, order = tn.data.minmax_scale(images), np.random.default_rng(0).permutation(len(images))
    x, W, g = cases[0].x[0].copy(), cases[0].W.copy(), np.ones_like(cases[0].W)
    nonzeros = np.count_nonzero(cases[0].x) / len(cases[0].x)
    others = {
        "gather": ((our_gather, (X, order, x)), machine.bound(0, x, x)),
        "W -= lr * x.T @ dy": (
            (our_step, (cases[0].x, cases[0].dy, W)),
            machine.bound(nonzeros * 64, x, cases[0].dy[0], W, W),
        ),
        "squares (of x)": ((our_squares, (x,)), machine.bound(0, x)),
        "all_finite": ((our_all_finite, (g,)), machine.bound(0, g)),
        "descend": ((our_descend, (W, g)), machine.bound(0, g, W, W)),
    }
    for name, (loop, bound) in others.items():
        (ours,) = best_seconds([loop], rounds)
        rows.append((name, (784, 64), "", *_times(ours, np.nan, bound)))
    header = (
        "(I, O)",
        "zeros",
        "ours (us)",
        "BLAS (us)",
        "BLAS / ours",
        "bound (us)",
        "ours / bound",
    )
    print_table(("kernel", *header), rows)


def _times(ours: float, blas: float, bound: float) -> tuple[str, ...]:
    times = (ours * 1e6, blas * 1e6, blas / ours)
    cells = [f"{t:.1f}" for t in times[:2]] + [f"{times[2]:.2f}"]
    cells += [f"{bound * 1e6:.1f}", f"{ours / bound:.1f}"]
    return tuple("" if cell == "nan" else cell for cell in cells)


def print_zeros(rounds: int) -> None:
    print("### By the share of zeros, batches of 32: BLAS / ours\n")
    shares = (0.0, 0.1, 0.5, 0.8, 0.9)
    rows = []
    for I, O in ((784, 64), (64, 64), (256, 256), (1024, 1024)):
        for product in PRODUCTS:
            ratios = []
            for zeros in shares:
                ours, blas = seconds(product, random_case(32, I, O, zeros), rounds)
                ratios.append(f"{blas / ours:.2f}")
            rows.append(((I, O), product, *ratios))
    print_table(("(I, O)", "product", *(f"{share:.0%} zeros" for share in shares)), rows)


def print_border(sizes: list[int], N: int, zeros: float, rounds: int) -> None:
    print(
        f"### The border: batches of {N}, {zeros:.0%} zeros, BLAS / ours, the worst of three "
        "products\n"
    )
    best: dict[tuple[int, int, str], tuple[float, float]] = {}
    for _ in range(SWEEPS):
        for I, O in itertools.product(sizes, sizes):
            case = random_case(N, I, O, zeros)
            for product in PRODUCTS:
                times = seconds(product, case, -(-rounds // SWEEPS))
                before = best.get((I, O, product), times)
                best[I, O, product] = min(before[0], times[0]), min(before[1], times[1])
    rows = []
    within: list[tuple[float, str]] = []
    for I in sizes:
        cells = []
        for O in sizes:
            worst = np.inf, ""
            for product in PRODUCTS:
                ours, blas = best[I, O, product]
                worst = min(worst, (blas / ours, product))
            cell = f"{worst[0]:.2f} ({worst[1]})"
            if I * O > LARGEST_OWN:
                cell = f"*{cell}*"
            else:
                within.append((worst[0], f"({I}, {O}), {worst[1]}"))
            cells.append(cell)
        rows.append((f"**{I}**", *cells))
    print_table(("I \\ O", *map(str, sizes)), rows)
    if within:
        ratios = np.array([ratio for ratio, _ in within])
        print(
            f"On our side of the border, up to {LARGEST_OWN:,} weights (in italics: beyond it): "
            f"worst {min(within)[0]:.2f} at {min(within)[1]}; median {np.median(ratios):.2f}; "
            f"{np.mean(ratios >= 0.9):.0%} of the shapes at 0.9 or more.\n"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31, help="interleaved rounds (31)")
    sizes = [10, 32, 64, 128, 256, 512, 1024, 4096]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, help="of the border's table")
    options = parser.parse_args()
    print(f"{headline()}\n")
    tn.set_num_threads(1)
    with threadpool_limits(1):
        print_lesson(options.rounds)
        print_zeros(options.rounds)
        for N, zeros in ((32, 0.0), (256, 0.0), (32, 0.5), (256, 0.5), (1, 0.0)):
            print_border(options.sizes, N, zeros, options.rounds)


if __name__ == "__main__":
    main()
