"""Networks and data in memory that cannot be written: they train as they would anywhere."""

import copy
import multiprocessing
import os
import pickle
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from cases import slow_but
from strategies import Array, same_bits

import tinynet as tn

SMALL = 1  # byte: from there on joblib maps arrays into its workers, here all of them
X = np.random.default_rng(0).random((64, 20), np.float32)
Y = np.random.default_rng(1).integers(3, size=64)
OPTIMIZERS = {
    "SGD": lambda net: tn.SGD(net.parameters(), lr=0.1, momentum=0.9),
    "RMSprop": lambda net: tn.RMSprop(net.parameters(), lr=0.01, momentum=0.9, centered=True),
    "Adam": lambda net: tn.Adam(net.parameters(), lr=0.01, amsgrad=True),
    "AdamW": lambda net: tn.AdamW(net.parameters(), lr=0.01),
}


class Scale(tn.Module):
    """A layer with a plain array beside its parameter, which each forward changes."""

    def __init__(self) -> None:
        self.w = tn.Parameter(np.ones(20, np.float32))
        self.seen = np.zeros(20, np.float32)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        self.seen += x.mean(axis=0)
        self.keep(x)
        return x * self.w.data

    def backward(self, dy: Array) -> Array:
        dy, x = self.kept(dy)
        self.w.accumulate((x * dy).sum(axis=0))
        return dy * self.w.data


def network() -> tn.Sequential:
    rng = np.random.default_rng(0)
    return tn.Sequential(
        tn.Linear(20, 16, rng=rng), tn.ReLU(), tn.Linear(16, 3, rng=rng), tn.LogSoftmax()
    )


def train(net: tn.Module, optimizer: tn.Optimizer, x: Array, y: Any, **options: Any) -> str:
    loader = tn.DataLoader(x, y, batch_size=16, shuffle=True, rng=0)
    tn.fit(net, tn.NLLLoss(), optimizer, loader, epochs=2, progress=False, **options)
    return tn.fingerprint(net)


def reduced(net: tn.Module, lr: float) -> str:
    return train(net, tn.SGD(net.parameters(), lr=lr), X, Y)


def in_workers(job: Any, *cases: Any) -> list[Any]:
    parallel = joblib.Parallel(n_jobs=2, max_nbytes=SMALL)
    results: list[Any] = parallel(joblib.delayed(job)(*case) for case in cases)
    return results


@pytest.mark.slow
def test_the_report_s_network_in_the_workers_of_joblib() -> None:
    net = tn.Sequential(tn.Linear(784, 512, rng=0), tn.ReLU(), tn.Linear(512, 10, rng=1))
    before = tn.fingerprint(net)

    def job(net: tn.Module, lr: float) -> tuple[str, bool]:
        digits = tn.datasets.mnist_small()
        pixels = tn.data.minmax_scale(digits.images[:64], 0, 255)
        loader = tn.DataLoader(pixels, digits.labels[:64], batch_size=32)
        optimizer = tn.SGD(net.parameters(), lr=lr)
        tn.fit(net, tn.CrossEntropyLoss(), optimizer, loader, progress=False)
        return tn.fingerprint(net), all(p.data.ctypes.data % 64 == 0 for p in net.parameters())

    found = joblib.Parallel(n_jobs=2)(joblib.delayed(job)(net, lr) for lr in (0.1, 0.01))
    assert found == [job(copy.deepcopy(net), lr) for lr in (0.1, 0.01)]
    assert tn.fingerprint(net) == before


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", slow_but(0, OPTIMIZERS))
def test_what_an_optimizer_remembers_goes_on_in_a_worker(name: str, compiled: bool) -> None:
    def job(net: tn.Module, optimizer: tn.Optimizer, x: Array, y: Array) -> str:
        assert not x.flags.writeable  # or this test says nothing
        return train(net, optimizer, x, y, compiled=compiled)

    net = network()
    optimizer = OPTIMIZERS[name](net)
    train(net, optimizer, X, Y, compiled=compiled)
    (found,) = in_workers(job, (net, optimizer, X, Y))
    assert found == train(net, optimizer, X, Y, compiled=compiled)


def test_load_state_dict_and_everything_else_in_a_worker() -> None:
    def job(net: tn.Module, state: dict[str, Array], stopping: Any) -> list[str]:
        assert not state["0.weight"].flags.writeable
        net.load_state_dict(state)
        names = [tn.fingerprint(net)]
        net.zero_grad()
        for parameter in net.parameters():
            parameter.data += 1
            parameter.grad += 1
        stopping.restore(net)
        return [*names, tn.fingerprint(net), repr(tn.check_gradients(net, X[:4]).passed)]

    net, other = network(), network()
    for parameter in other.parameters():
        parameter.data *= 2
    stopping = tn.EarlyStopping()
    stopping.best_weights = other.state_dict()
    (found,) = in_workers(job, (net, other.state_dict(), stopping))
    assert found == [tn.fingerprint(other), tn.fingerprint(other), "True"]


@pytest.mark.slow
def test_plain_arrays_of_a_layer_can_be_written_in_a_worker() -> None:
    def job(net: tn.Module) -> Array:
        net.predict(X)
        seen: Array = net.layers[0].seen
        return seen

    net = tn.Sequential(Scale(), tn.Linear(20, 3, rng=0))
    (found,) = in_workers(job, (net,))
    np.testing.assert_array_equal(found, job(net))


@pytest.mark.slow
def test_a_classifier_learns_on_in_a_worker() -> None:
    pytest.importorskip("sklearn")
    from tinynet.estimator import TinyNetClassifier

    def job(classifier: Any) -> str:
        return tn.fingerprint(classifier.partial_fit(X, Y).network_)

    classifier = TinyNetClassifier(epochs=1, random_state=0).fit(X, Y)
    (found,) = in_workers(job, (classifier,))
    assert found == job(classifier)


def read_only(values: Array, how: str, folder: Path) -> Array:
    if how == "memory-mapped":
        path = folder / f"{len(os.listdir(folder))}.npy"
        np.save(path, values)
        return np.load(path, mmap_mode="r")
    if how == "bytes":
        return np.frombuffer(values.tobytes(), values.dtype).reshape(values.shape)
    frozen = np.asfortranarray(values) if how == "Fortran order" else values.copy()
    frozen.flags.writeable = False
    return frozen


HOW = ["flag", "bytes", "memory-mapped", "Fortran order"]


@pytest.mark.parametrize("how", slow_but(1, HOW))
@pytest.mark.parametrize("compiled", [False, True])
def test_data_and_labels_that_cannot_be_written(how: str, compiled: bool, tmp_path: Path) -> None:
    x, y, net = read_only(X, how, tmp_path), read_only(Y, how, tmp_path), network()
    options = {"compiled": compiled, "test": (x, y)}
    found = train(net, tn.SGD(net.parameters(), lr=0.1), x, y, **options)
    assert found == reduced(network(), 0.1)


@pytest.mark.parametrize("how", HOW)
def test_weights_and_gradients_that_cannot_be_written(how: str, tmp_path: Path) -> None:
    expected = reduced(network(), 0.1)
    net = network()
    for parameter in net.parameters():
        parameter.data = read_only(parameter.data, how, tmp_path)
        parameter.grad = read_only(np.zeros_like(parameter.data), how, tmp_path)
    assert reduced(net, 0.1) == expected
    with_state = network()
    state = {name: read_only(a, how, tmp_path) for name, a in network().state_dict().items()}
    for parameter in with_state.parameters():
        parameter.data.flags.writeable = False
    with_state.load_state_dict(state)
    assert reduced(with_state, 0.1) == expected


class SharedSize(tn.Module):
    def __init__(self, w: Array) -> None:
        self.w = tn.Parameter(w)


def test_a_copy_or_a_pickle_stands_on_cache_lines() -> None:
    big_endian = np.arange(6, dtype=">f4")
    for w in (np.ones((3, 5), np.float32), np.asfortranarray(np.ones((3, 5))), big_endian):
        for number in range(3):  # an array that NumPy allocates may stand right by chance
            module = SharedSize(w)
            module.w.grad = None if number == 1 else module.w.grad
            pickled = pickle.loads(pickle.dumps(module))
            for other in (copy.deepcopy(module), copy.copy(module.w), pickled):
                p = getattr(other, "w", other)
                assert p.data.ctypes.data % 64 == 0 and p.data.flags.carray
                assert same_bits(p.data, module.w.data) and p.data is not module.w.data
                assert (p.grad is None) == (module.w.grad is None)
                assert p.grad is None or (p.grad.ctypes.data % 64 == 0 and p.grad.flags.carray)


def test_what_0_1_pickled_still_loads() -> None:
    """0.1 pickled a parameter's dict as it was; so does this version."""
    parameter = tn.Parameter(np.ones((2, 2), np.float32))
    written = tn.Parameter.__new__(tn.Parameter)
    data, grad = np.full((2, 2), 3, np.float32), np.zeros((2, 2), np.float32)
    written.__setstate__({"_data": data, "_grad": grad})
    assert vars(parameter).keys() == vars(written).keys() == {"_data", "_grad"}
    assert same_bits(written.data, data) and same_bits(written.grad, grad)


def test_parameters_in_memory_that_processes_share() -> None:
    net = network()
    memory = shared_memory.SharedMemory(create=True, size=net.layers[0].W.data.nbytes)
    try:
        shared: Array = np.ndarray(net.layers[0].W.data.shape, np.float32, memory.buf)
        shared[...] = net.layers[0].W.data
        net.layers[0].W.data = shared
        assert reduced(net, 0.1) == reduced(network(), 0.1)
        assert same_bits(shared, net.layers[0].W.data)
        net.layers[0].W.data = np.ones_like(shared)
        del shared
    finally:
        memory.close()
        memory.unlink()


@pytest.mark.slow
def test_a_network_in_a_process_of_multiprocessing() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(reduced, (network(), 0.1)) == reduced(network(), 0.1)
