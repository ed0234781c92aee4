"""One process of ``test_plain_loops.py``: fast loops beside the plain ones that define their bits.

``python plain_run.py N`` compares the products, and the convolutions, of N random cases, by the
code that this process compiles for, and prints how many arrays it compared.
"""

import functools
import sys
from typing import Any

import numpy as np
from drawn_windows import CONVOLUTIONS, drawn_up_to
from drawn_windows import arguments as window_arguments
from strategies import same_bits

from tinynet.kernels import PAIRS

PRODUCTS = tuple(
    name
    for name, kernel in PAIRS.items()
    if kernel.plain is not kernel.loop and name.startswith("linear")
)
ROWS = [0, 1, 2, 3, 5, 6, 7, 8, 9, 13, 15, 16, 20, 31, 32, 33, 50, 63, 64, 65, 97, 128, 130]
WIDTHS = [0, 1, 2, 7, 8, 9, 10, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 80, 100, 128, 130, 256]
WIDE = [300, 512, 784, 1030]
DENSITIES = [1.0, 0.97, 0.8, 0.6, 0.5, 0.3, 0.2, 0.03, 0.0]


def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, kind: str) -> Any:
    """Normal numbers, or so small ones that their products are no normal numbers any more.

    Or with zeros of both signs among them, or NaN and infinity; or nothing but zeros of one sign.
    """
    values = rng.standard_normal(shape).astype(dtype)
    if kind == "tiny":
        values *= dtype(np.sqrt(np.finfo(dtype).smallest_subnormal)) * dtype(rng.uniform(0.1, 10))
    elif kind == "zeros":
        values[rng.random(shape) < 0.3] = 0.0
        values[rng.random(shape) < 0.3] = -0.0
    elif kind == "strays":
        strays = rng.random(shape) < rng.choice([0.3, 0.02, 0.001])
        values[strays] = rng.choice([np.nan, np.inf, -np.inf], strays.sum())
    elif kind in ("0", "-0"):
        values[...] = float(kind)
    return values


def case(rng: np.random.Generator, N: int, I: int, O: int, dtype: Any) -> dict[str, Any]:
    """The arguments of all products, by name."""
    kinds = ["normal"] * 4 + ["tiny", "zeros", "strays"] if rng.random() < 0.8 else ["tiny"]
    density = {name: rng.choice(DENSITIES) for name in ("x", "dy")}
    x, dy = (draw(rng, (N, width), dtype, rng.choice(kinds)) for width in (I, O))
    for name, values in (("x", x), ("dy", dy)):
        share = density[name]
        if rng.random() < 0.3:  # rows from dense to empty, beside each other
            share = np.linspace(1, 0, N)[:, None]
        values[rng.random(values.shape) >= share] = rng.choice([0.0, -0.0])
    W = draw(rng, (I, O), dtype, rng.choice([*kinds, "-0"]))
    b = draw(rng, (O,), dtype, rng.choice([*kinds, "0", "-0"]))
    rows = rng.integers(N, size=N) if N else np.zeros(0, np.int64)
    return {"x": x, "dy": dy, "W": W, "b": b, "lr": float(rng.uniform(0.001, 1)), "X": x} | {
        "rows": rows
    }


def compare(arguments: dict[str, Any]) -> int:
    """Run each product's fast loop and its plain one; return how many arrays were compared."""
    x, W = arguments["x"], arguments["W"]
    shapes = {"y": (len(x), W.shape[1]), "dx": x.shape, "dW": W.shape}
    for name in PRODUCTS:
        kernel = PAIRS[name]
        given = {n: arguments[n] for n in kernel.parameters if n in arguments}
        compare_kernel(kernel, given, shapes, W.dtype)
    return len(PRODUCTS)


def compare_kernel(kernel: Any, arguments: dict[str, Any], shapes: Any, dtype: Any) -> None:
    """Run a kernel's fast loop and its plain one, and compare the bits of what they write."""
    results = []
    for loop in (kernel.loop, kernel.plain):
        given = dict(arguments)
        given |= {n: np.full(shapes[n], np.nan, dtype) for n in kernel.outputs if n in shapes}
        given |= {n: arguments[n].copy() for n in kernel.updates}
        with np.errstate(all="ignore"):
            loop(*(given[n] for n in kernel.parameters))
        results.append(given[kernel.outputs[0]])
    fast, plain = results
    if not same_bits(fast, plain):
        differ = ~((fast == plain) & (np.signbit(fast) == np.signbit(plain)))
        differ &= ~(np.isnan(fast) & np.isnan(plain))
        place = tuple(int(n[0]) for n in np.nonzero(differ))
        told = [f"{n} {a.shape if isinstance(a, np.ndarray) else a}" for n, a in arguments.items()]
        raise AssertionError(
            f"{kernel.name}, {', '.join(told)}, {dtype}: {differ.sum()} of {differ.size} "
            f"differ, the first at {place}: {fast[place]!r}, plain loop {plain[place]!r}"
        )


def compare_random(seed: int, largest: int = 2**21) -> int:
    """Compare the products of one random case, of `largest` multiply-adds at most."""
    rng = np.random.default_rng(seed)
    while True:
        widths = (WIDTHS if rng.random() < 0.85 else WIDE for _ in range(2))
        N, I, O = int(rng.choice(ROWS)), *(int(rng.choice(sizes)) for sizes in widths)
        if largest >= N * I * O:
            return compare(case(rng, N, I, O, (np.float32, np.float64)[seed % 2]))


def compare_windows(seed: int, largest: int = 2**19) -> int:
    """Compare the convolutions of one random case, of `largest` multiply-adds at most."""
    rng, dtype = np.random.default_rng(seed), (np.float32, np.float64)[seed % 2]
    rows = (0, 1, 2, 3, 6, 8, 9, 11, 15, 16, 17, 27, 33)
    sizes = drawn_up_to(largest, rng, rows, channels=15)
    for name in CONVOLUTIONS:
        kind = rng.choice(["normal", "normal", "tiny", "zeros", "strays"])
        made = functools.partial(draw, rng, dtype=dtype, kind=kind)
        given = window_arguments(sizes, PAIRS[name], made)
        compare_kernel(PAIRS[name], given, sizes.arrays(name), dtype)
    return len(CONVOLUTIONS)


def main() -> None:
    cases = range(int(sys.argv[1]))
    print(sum(map(compare_random, cases)) + sum(map(compare_windows, cases)))


if __name__ == "__main__":
    main()
