"""fit with checkpoints: stopped anywhere and started again, it ends in the same bits."""

import itertools
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from cases import slow_but
from child import PYTHONPATH, TESTS

import tinynet as tn
from tinynet.formats import checkpointing

EPOCHS, BATCHES = 2, 4
STOPS_AT = 4  # the epoch in which early stopping ends the planned run


def run(checkpoint, compiled, every=1, epochs=EPOCHS, planned=False):
    """A short training run; its final history, weights and memories, and its plan.

    A planned run has a schedule and a validation set, and early stopping ends it.
    """
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 5)).astype(np.float32), rng.integers(0, 3, 30)
    net = tn.Sequential(tn.Linear(5, 4, rng=1), tn.ReLU(), tn.Linear(4, 3, rng=2))
    optimizer = tn.Adam(net.parameters(), lr=0.2 if planned else 0.01)
    loader = tn.DataLoader(X, y, batch_size=8, shuffle=True, rng=3)
    plan = (tn.CosineLR(9), tn.EarlyStopping(2)) if planned else (None, None)
    history = tn.fit(
        *(net, tn.CrossEntropyLoss(), optimizer, loader),
        test=(X, y),
        epochs=9 if planned else epochs,
        progress=False,
        compiled=compiled,
        checkpoint=checkpoint,
        checkpoint_every=every,
        validation=(X[::-1].copy(), y) if planned else None,
        schedule=plan[0],
        early_stopping=plan[1],
    )
    return history, net, optimizer, loader, *plan


def bits(result, path):
    """All that a run ends with, as the bytes of a checkpoint."""
    history, net, optimizer, loader, *plan = result
    tn.save_checkpoint(path, net, optimizer, loader, history, None, *plan)
    return path.read_bytes()


class Stopped(Exception):
    pass


@pytest.mark.parametrize(
    ("compiled", "planned"), slow_but(1, itertools.product([True, False], [True, False]))
)
def test_stopped_after_every_checkpoint(compiled, planned, tmp_path, monkeypatch):
    expected = bits(run(None, compiled, planned=planned), tmp_path / "expected")
    history, *_ = run(tmp_path / "undisturbed", compiled, planned=planned)
    if planned:
        assert (len(history), history.best_epoch) == (STOPS_AT, STOPS_AT - 2)
    save, saved = checkpointing.save_checkpoint, 0

    def save_and_stop(*arguments):
        nonlocal saved
        save(*arguments)
        saved += 1
        if saved == stop_after:
            raise Stopped

    checkpoints = len(history) * (BATCHES + 1)  # one after each batch, and one after each epoch
    for stop_after in range(1, checkpoints + 1):
        path, saved = tmp_path / f"stopped-{stop_after}", 0
        monkeypatch.setattr(checkpointing, "save_checkpoint", save_and_stop)
        with pytest.raises(Stopped):
            run(path, compiled, planned=planned)
        monkeypatch.setattr(checkpointing, "save_checkpoint", save)
        # goes on in the other way: both take the same steps
        resumed = run(path, not compiled, planned=planned)
        assert bits(resumed, tmp_path / "resumed") == expected
        assert path.read_bytes() == (tmp_path / "undisturbed").read_bytes()


@pytest.mark.parametrize("every", [None, 3, 100])
def test_how_often_it_is_written_changes_nothing(every, tmp_path):
    expected = bits(run(None, compiled=True), tmp_path / "expected")
    assert bits(run(tmp_path / "own", True, every), tmp_path / "other") == expected


def test_a_longer_run_goes_on_from_a_finished_one(tmp_path):
    expected = bits(run(None, False, epochs=3), tmp_path / "expected")
    run(tmp_path / "run", False, epochs=1)
    history, *rest = run(tmp_path / "run", False, epochs=3)
    assert len(history) == 3
    assert bits((history, *rest), tmp_path / "longer") == expected
    again, *_ = run(tmp_path / "run", False, epochs=3)  # nothing is left to do
    assert again == history


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_fit_checkpoints as own
from tinynet.formats import checkpointing
left = int(sys.argv[2])
save = checkpointing.save_checkpoint
def count_down():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
def save_or_die(*arguments):
    count_down()  # a batch is done, and not yet written
    save(*arguments)
    count_down()
checkpointing.save_checkpoint = save_or_die
own.run(Path(sys.argv[1]), compiled=True)
"""


@pytest.mark.slow
def test_killed_before_and_after_every_checkpoint(tmp_path, record_property):
    run(tmp_path / "expected", compiled=True)
    expected = (tmp_path / "expected").read_bytes()
    environment = os.environ | {"PYTHONPATH": PYTHONPATH}
    code, kills = KILLED.format(tests=str(TESTS / "tools")), 0
    for moment in range(1, 2 * EPOCHS * (BATCHES + 1) + 1):
        path = tmp_path / f"killed-{moment}"
        command = [sys.executable, "-c", code, str(path)]
        first = subprocess.run([*command, str(moment)], env=environment)
        assert first.returncode == -signal.SIGKILL
        kills += 1
        subprocess.run([*command, "0"], env=environment, check=True)
        assert path.read_bytes() == expected
    record_property("kills of fit survived", kills)


def test_a_bad_checkpoint_is_refused_before_anything_changes(tmp_path):
    run(tmp_path / "run", False, epochs=1)
    content = bytearray((tmp_path / "run").read_bytes())
    content[-1] ^= 1
    (tmp_path / "run").write_bytes(content)
    with pytest.raises(tn.ModelFileError, match="run"):
        run(tmp_path / "run", False)
    assert (tmp_path / "run").read_bytes() == content
    with pytest.raises(ValueError, match="checkpoint_every = 0"):
        run(tmp_path / "new", False, every=0)
    assert not (tmp_path / "new").exists()
