"""One process of ``test_same_bits.py``: trains and saves, or predicts from many threads at once.

``python same_bits_run.py train FOLDER`` prints the hashes of all that could differ from another
process; ``python same_bits_run.py threads`` prints how many predictions were compared.
"""

import faulthandler
import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import tinynet as tn
from tinynet.support import blas as _blas

SIZES = {"below the border": (40, 33, 10), "above the border": (2100, 1950, 10)}


def make(where: str, seed: int = 0) -> tn.Sequential:
    I, H, O = SIZES[where]
    rng = np.random.default_rng(seed)
    net = tn.Sequential(
        tn.Linear(I, H, rng=rng), tn.ReLU(), tn.Linear(H, O, rng=rng), tn.LogSoftmax()
    )
    assert net.layers[0].uses_blas == (where == "above the border")
    return net


def rows(where: str, n: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (n, SIZES[where][0])
    return np.where(rng.random(shape) < 0.5, 0, rng.standard_normal(shape)).astype(np.float32)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def train(folder: Path, where: str, compiled: bool) -> dict[str, str]:
    """Train for two epochs; return the hashes of what came of it."""
    net = make(where)
    labels = np.random.default_rng(2).integers(0, SIZES[where][2], 150)
    loader = tn.DataLoader(rows(where, 150), labels, batch_size=32, shuffle=True, rng=3)
    optimizer = tn.Adam(net.parameters(), lr=0.01)
    model, checkpoint = folder / "model.safetensors", folder / "run.checkpoint"
    checkpoint.unlink(missing_ok=True)
    test = (rows(where, 60, seed=4), labels[:60])
    history = tn.fit(
        *(net, tn.NLLLoss(), optimizer, loader, test),
        epochs=2,
        progress=False,
        compiled=compiled,
        checkpoint=checkpoint,
    )
    tn.save(net, model)
    weights = b"".join(array.tobytes() for array in net.state_dict().values())
    return {
        "weights": sha(weights),
        "fingerprint": tn.fingerprint(net),
        "scores": sha(repr(history).encode()),
        "predictions": sha(net.predict(rows(where, 500, seed=5)).tobytes()),
        "model file": sha(model.read_bytes()),
        "checkpoint": sha(checkpoint.read_bytes()),
    }


def train_all(folder: Path) -> dict[str, dict[str, str]]:
    return {
        "compiled": train(folder, "below the border", compiled=True),
        "layer by layer": train(folder, "below the border", compiled=False),
        "above the border": train(folder, "above the border", compiled=False),
    }


def predict_together(net: tn.Module, xs: list[np.ndarray], expected: list[bytes]) -> int:
    """Predict every x many times in a thread of its own; return how often the bytes were right."""
    start = threading.Barrier(len(xs))

    def predict(number: int) -> int:
        start.wait()
        return sum(net.predict(xs[number]).tobytes() == expected[number] for _ in range(ROUNDS))

    with ThreadPoolExecutor(len(xs)) as threads:
        return sum(threads.map(predict, range(len(xs))))


def forked(check: Callable[[], bool]) -> bool:
    """What `check` says in a forked process, which must not hang or crash either."""
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(60, exit=True)
        try:
            os._exit(0 if check() else 3)
        except BaseException:
            faulthandler.dump_traceback()
            os._exit(4)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


THREADS, ROUNDS, FORKS = 8, 12, 10


def in_threads(where: str, compiled: bool) -> int:
    """Compare predictions of eight threads on one model: before, in and after forks."""
    net = make(where)
    if compiled:
        tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters()))
    xs = [rows(where, 20 + number, seed=number) for number in range(THREADS)]
    expected = [net.predict(x).tobytes() for x in xs]
    all_right = THREADS * ROUNDS

    def together() -> bool:
        return predict_together(net, xs, expected) == all_right

    def alone() -> bool:
        return net.predict(xs[0]).tobytes() == expected[0]

    assert together()
    assert forked(together)
    stop = threading.Event()

    def keep_on(number: int) -> int:
        done = 0
        while not stop.is_set():
            assert net.predict(xs[number]).tobytes() == expected[number]
            done += 1
        return done

    with ThreadPoolExecutor(THREADS) as threads:
        running = [threads.submit(keep_on, number) for number in range(THREADS)]
        try:  # other threads are in the middle of a prediction while the process forks
            survived = [forked(alone) for _ in range(FORKS)]
        finally:
            stop.set()
        meanwhile = sum(future.result() for future in running)
    assert all(survived), survived
    return 2 * all_right + meanwhile + FORKS


def fork_at_the_border() -> int:
    """Fork while another thread is on its way to BLAS, where it holds a lock; return 1."""
    net, x = make("above the border"), rows("above the border", 20)
    expected = net.predict(x).tobytes()
    inside, controller = threading.Event(), _blas._controller()

    class Slow:
        def limit(self, **options: object) -> object:
            inside.set()
            time.sleep(0.3)
            return controller.limit(**options)

    def can_predict() -> bool:
        return net.predict(x).tobytes() == expected and not _blas._lock.locked()

    real, _blas._controller = _blas._controller, Slow
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(net.predict, x)
        assert inside.wait(60)
        assert forked(can_predict)
        assert other.result().tobytes() == expected
    _blas._controller = real
    return 1


def main() -> None:
    faulthandler.enable()
    if sys.argv[1] == "train":
        print(json.dumps(train_all(Path(sys.argv[2]))))
    else:
        print(
            in_threads("below the border", compiled=False),
            in_threads("below the border", compiled=True),
            in_threads("above the border", compiled=False),
            fork_at_the_border(),
        )


if __name__ == "__main__":
    main()
