"""The public API under arguments of all kinds, in a process of its own: see ``fuzz_api.py``."""

import json
import os
import subprocess
import sys

import pytest
from child import PYTHONPATH, TESTS

SCRIPT = TESTS / "support" / "fuzz_api.py"


def fuzz(examples, **environment):
    """Run all targets; return how many inputs were tried and how many of them taken."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(SCRIPT), str(examples)],
        env=os.environ | {"PYTHONPATH": PYTHONPATH} | environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-8000:]
    counts = json.loads(done.stdout)
    for name, count in counts.items():
        assert sum(count.values()) >= examples, name
        assert min(count["taken"], count["refused"]) > examples / 20, name
    return sum(sum(count.values()) for count in counts.values()), sum(
        count["taken"] for count in counts.values()
    )


@pytest.mark.slow
def test_arguments_of_all_kinds_are_refused_or_give_right_results(record_property):
    tried, taken = fuzz(100)
    record_property("API: inputs tried", tried)
    record_property("API: of these taken, with right results", taken)


@pytest.mark.slow
def test_many_more_arguments(record_property):
    tried, _ = fuzz(300)
    record_property("API, longer: inputs tried", tried)


@pytest.mark.slow
def test_no_loop_reaches_beyond_an_array(tmp_path, record_property):
    tried, _ = fuzz(100, NUMBA_BOUNDSCHECK="1", NUMBA_CACHE_DIR=str(tmp_path))
    record_property("API, with bounds checked: inputs tried", tried)
