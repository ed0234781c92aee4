"""After tn.compile every program does what it does without: see ``support/twin_fuzz.py``.

The runs are made in a process of their own, so that a crash of compiled code is one red test.
"""

import os
import re
import subprocess
import sys

import pytest
from child import PYTHONPATH, TESTS

SCRIPT = TESTS / "support" / "twin_fuzz.py"
PLANTED = """
import sys
import numpy as np
import tinynet as tn
import twin_fuzz

class OneRoom:
    # Every output in the same array, so that an older one changes.
    def __init__(self, owner):
        self.right, self.rooms = owner.forward, {{}}
    def __call__(self, x):
        y = self.right(x)
        room = self.rooms.setdefault(y.shape, y)
        room[...] = y
        return room

class NotTheLastBit:
    def __init__(self, owner):
        self.right = owner.forward
    def __call__(self, x):
        return np.nextafter(self.right(x), np.float32(9))

class OldRate:
    # What was set later is not seen.
    def __init__(self, owner):
        self.optimizer, self.right, self.lr = owner, owner.step, owner.lr
    def __call__(self):
        now, self.optimizer.lr = self.optimizer.lr, self.lr
        self.right()
        self.optimizer.lr = now

compile = tn.compile

def planted(net, loss_fn, optimizer):
    steps = compile(net, loss_fn, optimizer)
    {bug}
    return steps

tn.compile = planted
sys.argv = ["twin_fuzz.py", "--runs", "48"]
sys.exit(twin_fuzz.main())
"""
BUGS = {
    "outputs share one array": "net.layers[-1].forward = OneRoom(net.layers[-1])",
    "one unit in the last place": "net.layers[0].forward = NotTheLastBit(net.layers[0])",
    "a rate that is set later": "optimizer.step = OldRate(optimizer)",
}


def run(*command):
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", *command],
        env=os.environ | {"PYTHONPATH": PYTHONPATH},
        capture_output=True,
        text=True,
        timeout=1800,
    )


def fuzz(runs, first, record_property):
    done = run(str(SCRIPT), "--runs", str(runs), "--first", str(first))
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
    counts = re.match(r"(\d+) runs, (\d+) of them compiled; (\d+) lines\n(\d+) errors", done.stdout)
    assert counts is not None, done.stdout
    made, compiled, lines, errors = map(int, counts.groups())
    assert made == runs and compiled == runs
    assert lines == 60 * runs and lines // 50 < errors < lines // 4
    record_property("twins: lines run in both", lines)
    record_property("twins: runs after tn.compile that compiled", compiled)


def test_programs_do_the_same_after_compile(record_property):
    fuzz(2, 0, record_property)


@pytest.mark.slow
def test_many_more_programs(record_property):
    fuzz(478, 2, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_difference_is_found_and_shown_by_a_short_program(bug):
    found = run("-c", PLANTED.format(bug=BUGS[bug]))
    assert found.returncode == 1, found.stderr
    title, _, program = found.stdout.partition("\n\n")
    assert re.fullmatch(r"# seed \d+, .*: the twins differ", title)
    after_start = program.partition("held = []\n")[2]
    lines = [line for line in after_start.splitlines() if not line.startswith("#")]
    assert len(lines) <= 6
    assert "after tn.compile" in after_start
    for plain in ([], ["plain"]):
        alone = run("-c", program, *plain)
        assert alone.returncode == 0, alone.stderr
