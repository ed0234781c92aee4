"""The fast way of a kernel has the bits of its plain loop: whatever the shape and the zeros."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from child import PYTHONPATH, TESTS
from conftest import JIT_IS_OFF
from drawn_windows import CONVOLUTIONS
from hypothesis import example, given
from hypothesis import strategies as st
from plain_run import PRODUCTS, case, compare, compare_random, compare_windows
from strategies import batch_sizes, dtypes, same_bits, seeds, widths

import tinynet as tn
from tinynet import kernels
from tinynet.kernels import PAIRS

CASES = 40 if JIT_IS_OFF else 1500
LARGEST = 2**12 if JIT_IS_OFF else 2**21  # multiply-adds
PROCESSORS = {
    "AVX2": ("haswell", "+avx,+avx2,+bmi,+bmi2,+fma,+lzcnt,+popcnt,+sse4.1,+sse4.2,+ssse3"),
    "no fused multiply-add": ("generic", ""),
}


def test_products_and_convolutions_have_a_plain_loop():
    assert set(PRODUCTS) == {
        "linear",
        "linear_dx",
        "linear_dW",
        "linear_descend",
        "linear_descend_fetching",
    }
    assert all(PAIRS[name].plain is not PAIRS[name].loop for name in CONVOLUTIONS)


def test_the_plain_loop_of_any_other_kernel_is_the_loop_itself():
    assert PAIRS["relu"].plain is PAIRS["relu"].loop


def test_products_have_the_bits_of_their_plain_loops_in_random_cases(record_property):
    compared = sum(compare_random(seed, LARGEST) for seed in range(CASES))
    record_property("products: random cases beside the plain loop", CASES)
    record_property("products: arrays compared with the plain loop's", compared)


@pytest.mark.slow
def test_convolutions_have_the_bits_of_their_plain_loops_in_random_cases(record_property):
    cases, largest = (150, 2**12) if JIT_IS_OFF else (60, 2**17)
    compared = sum(compare_windows(seed, largest) for seed in range(cases))
    record_property("convolutions: random cases beside the plain loop", cases)
    record_property("convolutions: arrays compared with the plain loop's", compared)


@example(seed=0, N=128, I=97, O=4, dtype=np.float32)
@example(seed=0, N=2, I=3, O=1030, dtype=np.float32)
@example(seed=0, N=5, I=1, O=10, dtype=np.float32)
@given(seed=seeds, N=batch_sizes, I=widths, O=widths, dtype=dtypes)
def test_products_have_the_bits_of_their_plain_loops(seed, N, I, O, dtype):
    compare(case(np.random.default_rng(seed), N, I, O, dtype))


@given(N=st.integers(1, 40), O=widths, dtype=dtypes, full=st.booleans())
def test_a_step_gives_a_zero_the_sign_that_it_has_without_neighbours(N, O, dtype, full):
    """Where W is -0 and the sum of a column underflows, and its neighbours are zero or not."""
    tiny = np.finfo(dtype).tiny
    x, dy, W = np.zeros((N, 20), dtype), np.zeros((N, O), dtype), np.full((20, O), -0.0, dtype)
    x[0], dy[0] = tiny, -tiny
    x[1:] = full
    alone = W[:, :1].copy()
    PAIRS["linear_descend"].plain(alone, x, np.ascontiguousarray(dy[:, :1]), 0.5)
    kernels.linear_descend(W, x, dy, 0.5)
    assert same_bits(W, np.repeat(alone, O, axis=1))


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"),
    reason="only x86 processors may lack fused multiply-add",
)
@pytest.mark.parametrize("processor", PROCESSORS)
def test_code_for_other_processors_has_the_bits_of_its_plain_loops(processor, tmp_path):
    name, features = PROCESSORS[processor]
    environment = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "NUMBA_DISABLE_JIT": "0"}
    child = [sys.executable, str(TESTS / "children" / "plain_run.py"), "1000"]
    done = subprocess.run(
        child,
        env=os.environ | environment | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": PYTHONPATH},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (done.returncode, done.stdout) == (0, "10000\n"), done.stderr[-2000:]


def equation(x, factor):
    return factor * x


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        (lambda x, y: None, r"takes \(x, y\), expected the arguments of twice, \(x, factor, y\)"),
        (np.tanh, "no plain function; hand over a Python loop of the arguments of twice"),
    ],
)
def test_a_plain_loop_that_is_none(plain, words):
    def twice(x, factor, y):
        pass

    with pytest.raises(TypeError, match=words):
        tn.kernel(equation, plain=plain)(twice)
