"""What makes tests repeatable: a red one stays red, alone or after others, until it is mended."""

import os
import signal

import kept_bytecode

kept_bytecode.keep_aside()

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from tinynet.kernels.jit.rung import COMPILES  # noqa: E402

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests press Ctrl-C
JIT_IS_OFF = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0" or not COMPILES

promised_by_loops = pytest.mark.skipif(not COMPILES, reason="a promise of loops, not of equations")

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,  # the first call of a kernel compiles it
    print_blob=True,
    max_examples=20 if JIT_IS_OFF else 30,
)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("repeatable")  # pytest --hypothesis-profile=explore looks further


def pytest_runtest_setup(item):
    """Start the module's RNG anew for each test, whichever ran before it in this process."""
    rng = getattr(item.module, "RNG", None)
    if rng is not None:
        item.module.RNG = np.random.default_rng(rng.bit_generator.seed_seq)


@pytest.fixture(autouse=True, scope="session")
def nothing_is_said_of_compiling():
    """Tests compare what is printed, and only the first one to call a kernel would see it."""
    from tinynet.support.waiting import told_by

    with told_by(None):
        yield
