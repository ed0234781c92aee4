"""Our three matrix products against BLAS on one thread, over shapes and shares of zeros.

Ours run in a compiled loop, as they do in training; BLAS is called by NumPy in a tight Python loop,
and the 0.5 us or so that such a call costs are not subtracted. BLAS is asked for the bare product,
though ours also add the bias, add to dW, or turn W around. Both go over the same batches in turn,
and all arrays start at a cache line, as parameters do, and nearly all arrays of compiled steps. A
ratio is BLAS's best time over ours, from interleaved rounds: above 1, ours is faster. In the table
of wide layers OpenBLAS with each kind of its kernels, and MKL, take part (blas.py).

A bound is what the work takes at least on this machine: the multiply-adds that no zero spares us
at the rate of BLAS's best product, or reading or writing every operand once at the rate of NumPy's
pass over 200 KB in place, whichever is longer.
"""

import argparse
import importlib.util
import itertools
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import blas
import numba
import numpy as np
from blas import Case, Floats, Loop, Timer, random_case, room_for
from machine import code, headline, parse, print_table
from numpy.typing import NDArray
from processors import add_keep, keep
from threadpoolctl import threadpool_info, threadpool_limits

import tinynet as tn
from tinynet import kernels
from tinynet.support.blas import LARGEST_OWN
from tinynet.support.memory import on_cache_lines

SWEEPS = 8  # over the shapes of a table, with pauses: no slow moment spoils all rounds of a shape
CORETYPES = {"AVX-512": ("SkylakeX", "Haswell"), "AVX2": ("Haswell",)}
"""OpenBLAS's kernels, as OPENBLAS_CORETYPE names them, for the code that ours are compiled to.

The Cooperlake and the Zen that one may ask NumPy's OpenBLAS for are these two again.
"""
WIDE = tuple(
    (product, N, *widths, zeros)
    for zeros in (0.0, 0.5)
    for N in (128, 256)
    for widths in ((784, 512), (512, 512), (1024, 1024))
    for product in blas.PRODUCTS
)
SINGLE_ROWS = tuple(
    (product, 1, *widths, 0.0) for widths in ((784, 64), (1024, 1024)) for product in blas.PRODUCTS
)
NARROW = tuple(("x.T @ dy", N, 4096, 10, zeros) for N in (32, 256) for zeros in (0.0, 0.5))


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


PRODUCTS: dict[str, tuple[Loop, Loop]] = {
    "x @ W": (our_linear, blas.linear),
    "x.T @ dy": (our_dW, blas.dW),
    "dy @ W.T": (our_dx, blas.dx),
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


def best_seconds(loops: Sequence[tuple[Loop, tuple[Any, ...]]], rounds: int) -> list[float]:
    """The best time of one turn of each loop, from interleaved rounds."""
    timers = [Timer(loop, arguments) for loop, arguments in loops]
    return [min(times) for times in zip(*([t.seconds() for t in timers] for _ in range(rounds)))]


def seconds(product: str, case: Case, rounds: int) -> tuple[float, float]:
    """The best time of one call, ours and BLAS's."""
    out = room_for(product, case)
    ours, theirs = best_seconds([(loop, (*case, out)) for loop in PRODUCTS[product]], rounds)
    return ours, theirs


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


def print_lesson(rounds: int) -> dict[str, str]:
    """The table of the main lesson; return its ratio to keep."""
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
    return {"products": f"{totals[1] / totals[0]:.2f}"}


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


def print_wide(rounds: int, folder: Path | None) -> None:
    """Wide layers, single rows and ten columns beside each OpenBLAS that there is, and MKL."""
    print("### Wide layers, single rows, ten columns: BLAS / ours\n")
    own = next(each for each in threadpool_info() if each["user_api"] == "blas")["architecture"]
    settings: dict[str, tuple[str, dict[str, str]]] = {
        f"OpenBLAS, {name}": ("numpy", {"OPENBLAS_CORETYPE": name})
        for name in CORETYPES.get(code(), ())
    }
    if importlib.util.find_spec("torch"):
        settings["MKL"] = ("torch", {})
    print(
        f"NumPy's OpenBLAS takes its kernels for {own} here. MKL: in PyTorch"
        f"{'' if 'MKL' in settings else ', which is missing'}.\n"
    )
    rows = []
    ratios: dict[str, list[float]] = {}
    with blas.libraries(settings) as others:
        for question in (*WIDE, *SINGLE_ROWS, *NARROW):
            product, N, I, O, zeros = question
            case = random_case(N, I, O, zeros)
            arguments = (*case, room_for(product, case))
            timers = [Timer(loop, arguments) for loop in PRODUCTS[product]]
            best = [np.inf] * (2 + len(others))
            for _ in range(rounds):
                times = [timer.warm_seconds() for timer in timers]
                times += [other.seconds(question) for other in others.values()]
                best = list(map(min, best, times))
            ours, *theirs = best
            of_each = dict(zip(("", *others), (each / ours for each in theirs)))
            best_blas = min(ratio for name, ratio in of_each.items() if name != "MKL")
            cells = [f"{ratio:.2f}" for ratio in (*of_each.values(), best_blas)]
            rows.append((product, N, (I, O), f"{zeros:.0%}", f"{ours * 1e6:.1f}", *cells))
            if question in WIDE:
                ratios.setdefault(f"wide, {zeros:.0%} zeros", []).append(best_blas)
                if "MKL" in of_each:
                    ratios.setdefault(f"wide, {zeros:.0%} zeros, MKL", []).append(of_each["MKL"])
    columns = ("batch", "(I, O)", "zeros", "ours (us)", "OpenBLAS", *others, "OpenBLAS at its best")
    print_table(("product", *columns), rows)
    kept = {
        name: f"worst {min(each):.2f}, median {median(each):.2f}" for name, each in ratios.items()
    }
    for name, told in kept.items():
        print(f"{name}: {told}")
    print()
    keep(kept, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31, help="interleaved rounds (31)")
    sizes = [10, 32, 64, 128, 256, 512, 1024, 4096]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, help="of the border's table")
    parts = ["lesson", "zeros", "wide", "border"]
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    add_keep(parser)
    options = parse(parser)
    print(f"{headline()}\n")
    tn.set_num_threads(1)
    with threadpool_limits(1):
        if "lesson" in options.only:
            keep(print_lesson(options.rounds), options.keep)
        if "zeros" in options.only:
            print_zeros(options.rounds)
        if "wide" in options.only:
            print_wide(options.rounds, options.keep)
        if "border" in options.only:
            for N, zeros in ((32, 0.0), (256, 0.0), (32, 0.5), (256, 0.5), (1, 0.0)):
                print_border(options.sizes, N, zeros, options.rounds)


if __name__ == "__main__":
    main()
