"""Large products on several threads: the same bits for every number, and no thread too many."""

import os
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest
from cases import slow_but
from child import PYTHONPATH
from conftest import JIT_IS_OFF, promised_by_loops
from plain_run import PRODUCTS, case, compare
from strategies import same_bits

import tinynet as tn
from tinynet import kernels
from tinynet.kernels.gemm.plan import WORTH_SHARING
from tinynet.kernels.jit.atomic import WORDS
from tinynet.kernels.threads.shares import TICKET

pytestmark = [promised_by_loops, pytest.mark.skipif(JIT_IS_OFF, reason="a promise of loops")]


@pytest.fixture
def number():
    """Sets the number of threads, until the test is over."""
    before = tn.get_num_threads()
    yield tn.set_num_threads
    tn.set_num_threads(before)


def jobs():
    """How many products were shared, in this process."""
    return int(WORDS[TICKET]) >> 32


def large_case(seed):
    """One with a product that is shared: its result is long in rows or in columns."""
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(np.log(3), np.log(400), 2)).astype(int)
    last = int(WORTH_SHARING / sizes.prod() * rng.uniform(1, 3)) + 1
    N, I, O = rng.permutation([*sizes, min(last, 40_000)])
    return case(rng, int(N), int(I), int(O), rng.choice([np.float32, np.float64]))


def helped():
    """Processor seconds of the threads that help."""
    found = [t for t in threading.enumerate() if t.name.startswith("tinynet helper")]
    return sum(time.clock_gettime(time.pthread_getcpuclockid(t.ident)) for t in found)


def compare_on_threads(seeds, number, record_property):
    before, shared = helped(), jobs()
    for seed in seeds:
        number(1 + seed % 4)
        compare(large_case(seed))
    record_property("threads: random products beside the plain loop", len(seeds) * len(PRODUCTS))
    assert jobs() - shared > 2 * len(seeds)
    return helped() - before


def test_every_number_of_threads_gives_the_bits_of_the_plain_loops(number, record_property):
    number(4)
    compare(large_case(0))  # helpers wake up, and compile
    assert compare_on_threads(range(24), number, record_property) > 0


@pytest.mark.slow
def test_a_thousand_products_on_threads(number, record_property):
    compare_on_threads(range(24, 224), number, record_property)


def test_eight_threads_with_large_products_at_once(number):
    number(3)
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(90, 300)), rng.normal(size=(300, 400))
    b, expected = rng.normal(size=400), np.empty((90, 400))
    kernels.linear.plain(x, W, b, expected)
    wrong = []

    def work():
        for _ in range(50):
            y = np.empty_like(expected)
            kernels.linear(x, W, b, y)
            if not same_bits(y, expected):
                wrong.append(y)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_numbers_that_overflow_in_another_thread_are_no_error(number):
    number(2)
    x, W = np.full((128, 200), 1e30, np.float32), np.full((200, 256), 1e30, np.float32)
    y = np.empty((128, 256), np.float32)
    with np.errstate(all="raise"):
        for _ in range(20):
            kernels.linear(x, W, np.zeros(256, np.float32), y)
    assert np.isposinf(y).all()


def test_a_small_product_stays_on_one_thread(number):
    number(2)
    rng, before = np.random.default_rng(0), jobs()
    compare(case(rng, 32, 784, 64, np.float32))
    assert jobs() == before


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", None, True])
def test_a_number_that_is_none(wrong):
    before = tn.get_num_threads()
    with pytest.raises(ValueError, match=r"set_num_threads: number = .*, expected an int of at le"):
        tn.set_num_threads(wrong)
    assert tn.get_num_threads() == before


def told(code, **env):
    """What a process prints that imports tinynet and then runs `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={k: v for k, v in os.environ.items() if k != "TINYNET_THREADS"}
        | {"PYTHONPATH": PYTHONPATH, **env},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_there_are_as_many_as_cores_or_as_the_environment_says():
    say = "import os, tinynet as tn; print(tn.get_num_threads())"
    assert told(say) == str(len(os.sched_getaffinity(0)))
    assert (
        told(f"import os; os.sched_setaffinity(0, [{min(os.sched_getaffinity(0))}]); {say}") == "1"
    )
    assert told(say, TINYNET_THREADS="7") == "7"


@pytest.mark.parametrize(
    ("other", "why"),
    slow_but(
        1,
        [
            ({"TINYNET_KERNELS": "equations"}, "TINYNET_KERNELS is equations"),
            ({"TINYNET_KERNELS": "plain"}, "TINYNET_KERNELS is plain"),
            ({"NUMBA_DISABLE_JIT": "1"}, "NUMBA_DISABLE_JIT is set"),
        ],
    ),
    ids=["equations", "plain", "no JIT"],
)
def test_other_kernels_have_one_and_say_so_if_more_are_wanted(other, why):
    code = (
        "import warnings\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    import tinynet as tn\n"
        "print(tn.get_num_threads(), *(w.message for w in said))"
    )
    assert told(code, **other) == "1"
    assert told(code, TINYNET_THREADS="1", **other) == "1"
    message = (
        "set_num_threads: 3 threads are wanted, but one runs: only compiled fast kernels share"
    )
    assert told(code, TINYNET_THREADS="3", **other) == f"1 {message} a product, and {why}"


@pytest.mark.parametrize("wrong", slow_but(1, ["two", "0", "-3", "1.5"]))
def test_an_environment_that_says_no_number(wrong):
    code = "try:\n    import tinynet\nexcept ValueError as error:\n    print(error)"
    message = f"TINYNET_THREADS is {wrong!r}, expected a number of threads, at least 1; set it"
    assert told(code, TINYNET_THREADS=wrong).startswith(message)


def test_no_thread_starts_before_there_is_a_large_product():
    code = (
        "import threading, numpy as np, tinynet as tn; tn.set_num_threads(2)\n"
        "def run(N, O):\n"
        "    tn.Linear(O, O, rng=0)(np.ones((N, O), np.float32))\n"
        "    return threading.active_count()\n"
        "print(run(5, 50), run(200, 200))"
    )
    assert told(code) == "1 2"


def test_workers_of_joblib_have_one_each():
    assert joblib.Parallel(2)(joblib.delayed(tn.get_num_threads)() for _ in range(2)) == [1, 1]


@pytest.mark.slow
def test_a_fork_has_one_and_may_have_more():
    code = """
import os, threading
import numpy as np, tinynet as tn
from tinynet import kernels

tn.set_num_threads(2)
rng = np.random.default_rng(0)
x, W, b = (rng.normal(size=shape) for shape in ((300, 200), (200, 300), 300))

def result():
    y = np.empty((300, 300))
    kernels.linear(x, W, b, y)
    return y.tobytes()

expected, stop = result(), []
busy = threading.Thread(target=lambda: [result() for _ in iter(lambda: bool(stop), True)])
busy.start()
for _ in range(20):  # while another thread has a job
    if not (child := os.fork()):
        alone = tn.get_num_threads() == 1 and result() == expected
        tn.set_num_threads(2)
        os._exit(0 if alone and all(result() == expected for _ in range(20)) else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.append(1)
busy.join()
assert result() == expected
print("right")
"""
    assert told(code) == "right"


def test_a_helper_that_dies_is_an_error_and_no_endless_wait():
    code = """
import threading
import numpy as np, tinynet as tn
from tinynet import kernels
from tinynet.kernels.threads.shares import FAILED, TICKET
from tinynet.kernels.jit.atomic import atomic_load, atomic_store, compare_exchange, shared_words
import numba

@numba.njit(nogil=True)
def take_a_share_and_die():
    words = shared_words()
    while True:
        ticket = atomic_load(words, TICKET)
        if ticket & 0xFFFF < (ticket >> 16) & 0xFFFF:
            if compare_exchange(words, TICKET, ticket, ticket + 1):
                atomic_store(words, FAILED, 1)
                return

tn.set_num_threads(2)
x, y = np.ones((1000, 1000), np.float32), np.empty((1000, 1000), np.float32)
kernels.linear(x, x, x[0], y)
thread = threading.Thread(target=take_a_share_and_die, daemon=True)
thread.start()
try:
    while thread.is_alive():
        kernels.linear(x, x, x[0], y)
    kernels.linear(x, x, x[0], y)
except RuntimeError as error:
    print(error)
"""
    assert told(code).startswith("a thread that helped with a product has died")
