"""The same bits: in any process, for a row alone or in a batch, from any thread."""

import itertools
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from child import PYTHONPATH, TESTS
from strategies import normal

import tinynet as tn
from tinynet.support.blas import LARGEST_OWN

SCRIPT = TESTS / "children" / "same_bits_run.py"
SETTINGS = {1: "0", 2: "1", 3: "4242", 7: "random"}  # threads: PYTHONHASHSEED
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run(folder: Path, threads: int, hash_seed: str, *arguments: object) -> str:
    """Run the script with these settings, in `folder`."""
    environment = os.environ | {name: str(threads) for name in POOLS}
    environment |= {
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": PYTHONPATH,
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_process_gives_the_same_weights_losses_and_files(tmp_path, record_property):
    hashes = {}
    for threads, hash_seed in SETTINGS.items():
        folder = tmp_path / f"folder {threads}"
        folder.mkdir()
        hashes[threads] = json.loads(run(folder, threads, hash_seed, "train", folder))
    first = hashes[1]
    assert all(other == first for other in hashes.values()), hashes
    assert first["compiled"] == first["layer by layer"]
    assert first["above the border"] != first["compiled"]
    compared = sum(len(results) for results in first.values())
    record_property("processes: settings of threads and hash seed", len(SETTINGS))
    record_property("processes: SHA-256 compared", compared * len(SETTINGS))


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 7])
def test_eight_threads_on_one_model_and_after_fork(threads, tmp_path, record_property):
    *compared, forked_at_the_border = map(int, run(tmp_path, threads, "0", "threads").split())
    assert min(compared) > 2 * 8 * 12
    assert forked_at_the_border == 1
    record_property("threads: predictions compared, at least", 3 * 2 * 8 * 12)
    record_property("threads: forks survived", 3 * 11 + 1)


# A row alone and in a batch

WIDTHS = [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100]
PAIRS = [(I, O) for I in WIDTHS for O in (1, 3, 8, 10, 17, 33, 64)]
PAIRS += [(784, 64), (64, 784), (512, 256), (256, 512), (1, 4096), (3000, 43)]
PAIRS += [(LARGEST_OWN // 4096, 4096)]
BATCHES = [2, 3, 5, 8, 13]
DENSITIES = [1.0, 0.5, 0.2, 0.0]
ROW_LAYERS = {
    "ReLU": tn.ReLU,
    "LeakyReLU": tn.LeakyReLU,
    "ReLU6": tn.ReLU6,
    "Sigmoid": tn.Sigmoid,
    "Tanh": tn.Tanh,
    "Dropout": tn.Dropout,
    "Softmax": tn.Softmax,
    "LogSoftmax": tn.LogSoftmax,
    "Add": tn.Add,
}


def rows_compared(net, *batches):
    """Compare each row of a prediction with that of the row alone, and of any part; count rows."""
    together = net.predict(*batches)
    N = len(together)
    for n in range(N):
        alone = net.predict(*(x[n : n + 1] for x in batches))
        assert alone.tobytes() == together[n : n + 1].tobytes(), f"{net!r}, row {n} of {N}"
    half = net.predict(*(x[N // 2 :] for x in batches))
    assert half.tobytes() == together[N // 2 :].tobytes()
    return N


def batches_of(width, dtype, seed=0):
    """Batches of several lengths, dense to empty, and one of dense beside empty rows."""
    rng = np.random.default_rng([width, seed])
    for position, density in enumerate(DENSITIES):
        N = BATCHES[(width + seed + position) % len(BATCHES)]
        yield normal(rng, N, width, dtype=dtype, density=density)
    mixed = normal(rng, 9, width, dtype=dtype)
    yield mixed * (rng.random(mixed.shape) < np.linspace(0, 1, 9)[:, None])


def linear(I, O, dtype, bias=True):
    layer = tn.Linear(I, O, bias, rng=I + O, dtype=dtype)
    assert not layer.uses_blas
    return layer


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_of_linear_alone(dtype, record_property):
    compared = sum(
        rows_compared(linear(I, O, dtype, bias=bool((I + O) % 3)), x.astype(dtype))
        for I, O in PAIRS
        for x in batches_of(I, dtype)
    )
    record_property("rows alone: Linear, rows compared", compared)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_of_a_transposed_linear_alone(dtype, record_property):
    compared = sum(
        rows_compared(tn.TransposedLinear(I, O, rng=I + O, dtype=dtype), x.astype(dtype))
        for I, O in PAIRS[::9]
        for x in batches_of(I, dtype)
    )
    record_property("rows alone: TransposedLinear, rows compared", compared)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_of_a_batch_norm_alone_in_evaluation(dtype, record_property):
    compared = 0
    for width in WIDTHS[1:]:
        layer, rng = tn.BatchNorm1d(width, dtype=dtype), np.random.default_rng(width)
        layer(normal(rng, 9, width, dtype=dtype))
        compared += sum(rows_compared(layer, x.astype(dtype)) for x in batches_of(width, dtype))
    record_property("rows alone: BatchNorm1d, rows compared", compared)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_picture_of_a_batch_norm_alone_in_evaluation(dtype, record_property):
    compared = 0
    for C, H, W in ((1, 1, 1), (3, 5, 7), (16, 4, 4), (5, 13, 17)):
        layer, rng = tn.BatchNorm2d(C, dtype=dtype), np.random.default_rng(C)
        layer(normal(rng, 9, C, H, W, dtype=dtype))
        compared += sum(rows_compared(layer, normal(rng, N, C, H, W, dtype=dtype)) for N in BATCHES)
    record_property("rows alone: BatchNorm2d, pictures compared", compared)


def test_the_border_is_where_the_promise_ends():
    assert not tn.Linear(2000, 2000).uses_blas
    assert tn.Linear(2001, 2000).uses_blas


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ROW_LAYERS)
def test_a_row_of_every_other_layer_alone(name, dtype, record_property):
    inputs = 2 if name == "Add" else 1
    compared = 0
    for width in [*WIDTHS, 784, 1000]:
        for x in batches_of(width, dtype):
            others = [normal(np.random.default_rng(n), *x.shape, dtype=dtype) for n in range(2)]
            xs = [x.astype(dtype) * 10, *others][:inputs]
            compared += rows_compared(ROW_LAYERS[name](), *xs)
    record_property(f"rows alone: {name}, rows compared", compared)


PICTURE_LAYERS = {
    "Flatten": lambda dtype: tn.Flatten(),
    "Unflatten": lambda dtype: tn.Unflatten(2, (-1, 1)),
    "MaxPool2d": lambda dtype: tn.MaxPool2d(3, 2, 1),
    "AvgPool2d": lambda dtype: tn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "Conv2d": lambda dtype: tn.Conv2d(3, 5, 3, 2, 1, rng=0, dtype=dtype),
    "ConvTranspose2d": lambda dtype: tn.ConvTranspose2d(3, 2, 3, 2, 1, rng=0, dtype=dtype),
}


@pytest.mark.parametrize("name", PICTURE_LAYERS)
def test_a_row_of_a_layer_of_pictures_alone(name):
    rng = np.random.default_rng(0)
    for N, dtype in itertools.product((2, 5, 16), (np.float32, np.float64)):
        for size in ((1, 1), (2, 3), (7, 8), (17, 5)):
            x = normal(rng, N, 3, *size, dtype=dtype)
            assert rows_compared(PICTURE_LAYERS[name](dtype), x) == N


def test_no_layer_is_left_out():
    own = {name for name in tn.__all__ if is_layer(getattr(tn, name))}
    assert own == {
        "Linear",
        "TransposedLinear",
        "BatchNorm1d",
        "BatchNorm2d",
        *ROW_LAYERS,
        *PICTURE_LAYERS,
    }


def is_layer(thing):
    return isinstance(thing, type) and thing.__module__.startswith("tinynet.layers")


NETWORKS = [(784, 64, 32, 32, 10)]
MORE_NETWORKS = [(1, 1), (7, 3, 2), (33, 17, 65, 5), (100, 31, 31, 10), (512, 256, 10)]


@pytest.mark.parametrize(
    "sizes",
    [*NETWORKS, *(pytest.param(sizes, marks=pytest.mark.slow) for sizes in MORE_NETWORKS)],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
def test_a_row_of_a_network_alone_by_layers_and_compiled(sizes, dtype, record_property):
    layers = []
    for I, O in pairwise(sizes):
        layers += [linear(I, O, dtype), tn.ReLU()]
    net = tn.Sequential(*layers[:-1], tn.LogSoftmax())
    batches = [x.astype(dtype) for seed in range(4) for x in batches_of(sizes[0], dtype, seed)]
    compared = sum(rows_compared(net, x) for x in batches)
    by_layers = [net.predict(x).tobytes() for x in batches]
    tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters()))
    compared += sum(rows_compared(net, x) for x in batches)
    assert [net.predict(x).tobytes() for x in batches] == by_layers
    record_property("rows alone: networks, rows compared", compared)


@pytest.mark.slow
def test_a_row_of_linear_alone_in_random_sizes(record_property):
    rng = np.random.default_rng(0)
    compared = 0
    for _ in range(400):
        I = int(2 ** rng.uniform(0, 12))
        O = int(2 ** rng.uniform(0, min(12, np.log2(LARGEST_OWN / I))))
        dtype = rng.choice([np.float32, np.float64])
        for x in batches_of(I, dtype, seed=I * O):
            compared += rows_compared(linear(I, O, dtype), x.astype(dtype))
    record_property("rows alone: Linear in random sizes, rows compared", compared)
