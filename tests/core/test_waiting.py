"""Waiting: compiling and long epochs say what they do, how far they are, and about how long."""

import io
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_hand import network, rows

import tinynet as tn
from tinynet.runs.history import History
from tinynet.runs.progress import Display, report
from tinynet.support import waiting
from tinynet.support.waiting import Line, told_by

COMPILES = """
import numpy as np
import tinynet as tn
from tinynet.kernels.jit import waiting

waiting.PATIENCE = 0.0

@tn.kernel(lambda x: x + 1)
def plus_one(x, y):
    for i in range(x.size):
        y[i] = x[i] + 1

@tn.kernel(lambda x: x + 2)
def plus_two(x, y):
    plus_one(x, y)
    plus_one(y, y)

plus_two(np.zeros(3), np.zeros(3))
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.seconds: list[float] = []

    def tell(self, text: str) -> None:
        self.texts.append(text)

    def done(self, seconds: float) -> None:
        self.seconds.append(seconds)


def at_a_terminal(monkeypatch: Any) -> Terminal:
    """Within the test's call: pytest sets stderr anew after its fixtures."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    return made


def histories(epochs: int) -> list[History]:
    return [History([0.5] * k, [50.0] * k) for k in range(1, epochs + 1)]


def test_a_line_on_a_terminal_is_written_anew_and_leaves_nothing(monkeypatch: Any) -> None:
    terminal = at_a_terminal(monkeypatch)
    line = Line()
    line.tell("a long text")
    line.tell("short")
    assert terminal.getvalue() == "\ra long text\rshort      "
    line.done()
    line.done()  # there is nothing left to take away
    assert terminal.getvalue().endswith("\r     \r")


def test_a_line_in_a_log_is_a_line_now_and_then(capsys: Any, monkeypatch: Any) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    line = Line()
    for seconds in (0, 4, 4, 4):
        now += seconds
        line.tell(f"at {now:g}")
    line.done()
    assert capsys.readouterr().err == "at 100\nat 112\n"


def test_without_stderr_nothing_is_said_and_nothing_breaks(monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as under pythonw
    Line().tell("text")
    Line().done()


def test_who_is_told_holds_within_and_in_this_thread_alone() -> None:
    someone, elsewhere = Told(), []
    before = waiting.teller()
    with told_by(someone):
        thread = threading.Thread(target=lambda: elsewhere.append(waiting.teller()))
        thread.start()
        thread.join()
        with told_by(None):
            assert waiting.teller() is None
        assert waiting.teller() is someone
    assert waiting.teller() is before and elsewhere == [waiting.LINE]


def test_the_bar_moves_within_an_epoch(monkeypatch: Any) -> None:
    terminal = at_a_terminal(monkeypatch)
    pytest.importorskip("tqdm")
    with report(10, 0, True) as (display, _):
        time.sleep(0.15)  # tqdm redraws after a tenth of a second
        display.part(0, 0.5)
        assert re.search(r"\r +5%.*0/10 epochs", terminal.getvalue())
        display.epoch(histories(1)[0])
        display.part(1, 0.25)
        time.sleep(0.15)
        display.part(1, 0.75)
    assert re.search(r"\r 18%.*1/10 epochs; train loss 0.5000, 50.00 %", terminal.getvalue())


def test_the_bar_shows_on_a_terminal_that_does_not_know_its_width(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    pytest.importorskip("tqdm")
    ours, theirs = pty.openpty()  # of 0 rows and 0 columns
    script = tmp_path / "bar.py"
    script.write_text(
        "import time; from tinynet.runs.progress import report\n"
        "with report(10, 0, True) as (display, _):\n"
        "    time.sleep(0.15); display.part(4, 0.0)"
    )
    subprocess.run([sys.executable, script], stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    assert b" 40%|" in os.read(ours, 10_000)
    os.close(ours)


def test_the_first_estimate_does_not_count_compiling_for_every_epoch(monkeypatch: Any) -> None:
    """60 epochs of 0.2 s after 1 s of compiling: 12 s, which it took for a minute and more."""
    terminal = at_a_terminal(monkeypatch)
    pytest.importorskip("tqdm")
    with report(60, 0, True) as (display, _):
        teller: Any = waiting.teller()
        teller.tell("compiling train: about 1 s left")
        assert "\rcompiling train: about 1 s left   0%" in terminal.getvalue()
        time.sleep(1)
        teller.done(1.0)
        time.sleep(0.2)
        display.epoch(histories(1)[0])
        last = terminal.getvalue().rpartition("\r")[2]
    minutes, seconds = re.search(r"<(\d+):(\d+)", last).groups()  # type: ignore[union-attr]
    assert 60 * int(minutes) + int(seconds) <= 24


def test_without_tqdm_a_long_epoch_says_how_far_it_is(capsys: Any, monkeypatch: Any) -> None:
    terminal = at_a_terminal(monkeypatch)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with report(3, 1, True) as (display, _):
        for step in range(8):
            now += 0.25
            display.part(1, step / 8)
        display.epoch(histories(2)[1])
    texts = terminal.getvalue().split("\r")
    assert [text for text in texts if text.strip()] == ["epoch 2/3: 25%", "epoch 2/3: 62%"]
    assert capsys.readouterr().out == "epoch   2/3  train loss 0.5000, 50.00 %\n"


def test_a_run_that_shows_nothing_tells_of_nothing() -> None:
    with told_by(Told()):
        with report(1, 0, False):
            assert waiting.teller() is None
        assert waiting.teller() is not None


def test_fit_shows_every_step(monkeypatch: Any) -> None:
    parts: list[tuple[int, float]] = []
    monkeypatch.setattr(Display, "part", lambda self, *where: parts.append(where))
    net = network()
    loader = tn.DataLoader(*rows(40), batch_size=16, rng=0)
    optimizer = tn.SGD(net.parameters(), lr=0.1)
    tn.fit(net, tn.NLLLoss(), optimizer, loader, epochs=2, progress=False, compiled=False)
    assert parts == [(epoch, step / 3) for epoch in range(2) for step in (1, 2, 3)]


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")
def test_compiling_says_what_how_far_and_how_long_and_loading_says_nothing(tmp_path: Path) -> None:
    program = tmp_path / "compiles.py"
    program.write_text(COMPILES)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def errors() -> str:
        done = subprocess.run(
            [sys.executable, program], env=environment, capture_output=True, text=True, check=True
        )
        return done.stderr

    assert re.fullmatch(
        r"compiling plus_two \(once\), 0 of 2 functions: about \d s left\n", errors()
    )
    assert errors() == ""  # the code is on disk by now


@pytest.mark.parametrize("progress", [True, False])
def test_fit_is_silent_from_its_first_check_on_where_output_is_off(progress: bool) -> None:
    someone, found = Told(), []

    def score(outputs: Any, yb: Any) -> float:
        found.append(waiting.teller())
        return 0.0

    net = network()
    loader = tn.DataLoader(*rows(40), batch_size=16, rng=0)
    with told_by(someone):
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        tn.fit(net, tn.NLLLoss(), optimizer, loader, progress=progress, score=score)
    assert len(found) > 3 and set(found) == {someone if progress else None}


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="nothing is compiled")
def test_a_loop_that_cannot_be_compiled_ends_its_telling(monkeypatch: Any) -> None:
    from tinynet.kernels.jit import waiting as compiling

    monkeypatch.setattr(compiling, "PATIENCE", 0.0)

    @tn.kernel(lambda x: x)
    def broken(x: Any, y: Any) -> None:
        y[0] = x.nothing_of_this_name

    told = Told()
    with told_by(told), pytest.raises(Exception, match="nothing_of_this_name"):
        broken(np.zeros(1), np.zeros(1))
    count = len(told.texts)
    assert len(told.seconds) == 1
    assert told.texts[0].startswith("compiling ")
    time.sleep(2 * compiling.AGAIN)
    assert len(told.texts) == count, "it goes on telling"
