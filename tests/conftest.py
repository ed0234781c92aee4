"""How hypothesis runs: the same examples every time, so that a red test stays red until mended."""

import os

from hypothesis import settings

JIT_IS_OFF = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,  # the first call of a kernel compiles it
    print_blob=True,
    max_examples=20 if JIT_IS_OFF else 30,
)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("repeatable")  # pytest --hypothesis-profile=explore looks further
