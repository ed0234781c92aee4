"""The kernels of convolutions and pools beside PyTorch's, on one thread, and the ways not taken.

For each shape of the course's CNN (batches of 32) and of LeNet-5 (batches of 128): the best time of
interleaved rounds, the rate of multiply-adds, and how many times as long others take: PyTorch, the
plain loop that defines the bits, and patches written down as rows (im2col) for NumPy's BLAS.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from machine import ONE_THREAD, headline, parse, print_table
from processors import add_keep, keep

os.environ.update(ONE_THREAD)  # before the libraries start their threads

import numpy as np
import torch
from numpy.typing import NDArray

from tinynet.kernels import PAIRS

Floats = NDArray[np.float32]
Action = Callable[[], Any]
ONE, NONE = (1, 1), (0, 0)


class Shape(NamedTuple):
    what: str
    N: int
    C: int
    O: int
    size: int
    padding: int
    kernel: int = 5

    @property
    def places(self) -> int:
        return self.size + 2 * self.padding - self.kernel + 1

    @property
    def multiply_adds(self) -> int:
        return self.N * self.O * self.places**2 * self.C * self.kernel**2


SHAPES = (
    Shape("CNN, first", 32, 1, 10, 28, 1),
    Shape("CNN, second", 32, 10, 20, 13, 1),
    Shape("LeNet, first", 128, 1, 6, 28, 0),
    Shape("LeNet, second", 128, 6, 16, 12, 0),
)


def patches(x: Floats, shape: Shape) -> Floats:
    """Every window as a row: (N * places, C * K * K)."""
    pad, K = shape.padding, shape.kernel
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (K, K), axis=(2, 3))
    return np.ascontiguousarray(windows.transpose(0, 2, 3, 1, 4, 5)).reshape(-1, shape.C * K * K)


def actions(shape: Shape, kernel: str) -> dict[str, Action]:
    """What computes the same: ours, PyTorch's, the plain loop, and im2col, forward only."""
    draw, K = np.random.default_rng(0), shape.kernel
    x = draw.normal(size=(shape.N, shape.C, shape.size, shape.size)).astype(np.float32)
    w = draw.normal(size=(shape.O, shape.C, K, K)).astype(np.float32)
    b = draw.normal(size=shape.O).astype(np.float32)
    dy = draw.normal(size=(shape.N, shape.O, shape.places, shape.places)).astype(np.float32)
    window = ONE, (shape.padding,) * 2, ONE
    sizes, taps = (shape.places,) * 2, (K, K)
    given: dict[str, tuple[Any, ...]] = {
        "conv2d": (x, w, b, sizes, *window, np.empty_like(dy)),
        "conv2d_dx": (dy, w, x.shape[2:], *window, np.empty_like(x)),
        "conv2d_dw": (x, dy, taps, *window, np.empty_like(w)),
    }
    tx, tw, tb, tdy = map(torch.tensor, (x, w, b, dy))
    mask = [kernel == "conv2d_dx", kernel == "conv2d_dw", False]
    options = [1, 1], list(window[1]), [1, 1]

    def pytorch() -> Any:
        if kernel == "conv2d":
            return torch.nn.functional.conv2d(tx, tw, tb, 1, shape.padding)
        return torch.ops.aten.convolution_backward(
            tdy, tx, tw, [shape.O], *options, False, [0, 0], 1, mask
        )

    pair = PAIRS[kernel]
    found = {
        "ours": lambda: pair.loop(*given[kernel]),
        "PyTorch": pytorch,
        "plain loop": lambda: pair.plain(*given[kernel]),
    }
    if kernel == "conv2d":
        found["im2col"] = lambda: patches(x, shape) @ w.reshape(shape.O, -1).T + b
    return found


def pools(shape: Shape, kernel: str) -> dict[str, Action]:
    """Ours and PyTorch's max-pool of 2 behind a convolution of this shape."""
    P = shape.places // 2
    x = np.random.default_rng(0).normal(size=(shape.N, shape.O, shape.places, shape.places))
    x = x.astype(np.float32)
    y, won = (np.empty((shape.N, shape.O, P, P), kind) for kind in (np.float32, np.int32))
    given = x, (2, 2), (2, 2), NONE, ONE, y, won
    PAIRS["max_pool"].loop(*given)
    leaf = torch.tensor(x)
    out, at = torch.nn.functional.max_pool2d(leaf, 2, return_indices=True)
    dx = np.empty_like(x)
    back = torch.ops.aten.max_pool2d_with_indices_backward
    if kernel == "max_pool":
        return {
            "ours": lambda: PAIRS["max_pool"].loop(*given),
            "PyTorch": lambda: torch.nn.functional.max_pool2d(leaf, 2, return_indices=True),
        }
    return {
        "ours": lambda: PAIRS["max_pool_dx"].loop(y, won, x.shape[2:], dx),
        "PyTorch": lambda: back(out, leaf, [2, 2], [2, 2], [0, 0], [1, 1], False, at),
    }


def best_times(what: dict[str, Action], rounds: int) -> dict[str, float]:
    """The shortest time of each, in seconds; the slow ones are taken less often."""
    best = dict.fromkeys(what, np.inf)
    for turn in range(rounds):
        for name, action in what.items():
            if name in ("plain loop", "im2col") and turn > 3:
                continue
            start = time.perf_counter()
            action()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    add_keep(parser)
    options = parse(parser)
    rounds = options.rounds
    torch.set_num_threads(1)
    print(headline() + "\n")
    rows = []
    beside_torch: list[float] = []
    for shape in SHAPES:
        for kernel in ("conv2d", "conv2d_dx", "conv2d_dw"):
            times = best_times(actions(shape, kernel), rounds)
            ours = times.pop("ours")
            times.setdefault("im2col", np.nan)
            ratios = [f"{time / ours:.1f}".replace("nan", "") for time in times.values()]
            rate = shape.multiply_adds / ours / 1e9
            rows.append([kernel, shape.what, f"{ours * 1e6:.0f}", f"{rate:.1f}", *ratios])
            beside_torch.append(times["PyTorch"] / ours)
        for kernel in ("max_pool", "max_pool_dx"):
            times = best_times(pools(shape, kernel), rounds)
            beside_torch.append(times["PyTorch"] / times["ours"])
            ratio = f"{beside_torch[-1]:.1f}"
            rows.append([kernel, shape.what, f"{times['ours'] * 1e6:.0f}", "", ratio, "", ""])
    others = (f"{other} / ours" for other in ("PyTorch", "plain loop", "im2col"))
    print_table(
        ("kernel", "layer", "ours (us)", "multiply-adds per ns", *others),
        rows,
    )
    keep({"convolutions": f"{min(beside_torch):.1f} to {max(beside_torch):.1f}"}, options.keep)


if __name__ == "__main__":
    main()
