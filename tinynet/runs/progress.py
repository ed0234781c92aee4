"""What a person sees of a long run, and how they stop it.

Scores appear as a bar, as lines, or not at all; Ctrl-C is noted and waits for the step to end.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tinynet.support.waiting import Line, is_watched, told_by

if TYPE_CHECKING:
    from tinynet.runs.history import History

BAR = "{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
RENEW = 0.5  # seconds after which a person is shown how far an epoch is


@contextmanager
def polite_interrupt() -> Iterator[Any]:
    """Within, Ctrl-C is only noted, so that no step is left half done."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set  # Python delivers Ctrl-C to the main thread alone
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.set())
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


class Display:
    """What a person sees of a run: nothing."""

    def part(self, done: int, share: float) -> None:
        """So many epochs are done, and this share of the next one."""

    def epoch(self, history: "History") -> None:
        """An epoch is done; its scores are the last ones."""


class Lines(Display):
    """A line for each epoch; where a person watches, another one for the epoch under way."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.under_way, self.last = Line(), time.monotonic()

    def part(self, done: int, share: float) -> None:
        """Show the share, if an epoch takes long and a person watches."""
        if time.monotonic() - self.last > RENEW and is_watched():
            self.last = time.monotonic()
            self.under_way.tell(f"epoch {done + 1}/{self.epochs}: {share:.0%}")

    def epoch(self, history: "History") -> None:
        """Print the scores."""
        self.under_way.done()
        self.last = time.monotonic()
        print(f"epoch {len(history):3d}/{self.epochs}  {_scores(history)}", flush=True)


class Bar(Display):
    """tqdm's bar over all epochs, which moves within them, too; compiling is told in front of it.

    The time that compiling takes is taken off its clock: no later epoch needs it again, and the
    estimate of what is left would count it for each.
    """

    def __init__(self, bar: Any) -> None:
        self.bar = bar

    def part(self, done: int, share: float) -> None:
        """Move it."""
        self.bar.update(done + share - self.bar.n)

    def epoch(self, history: "History") -> None:
        """Show the scores."""
        self.bar.set_postfix_str(_epochs(len(history), self.bar.total, _scores(history)), False)
        self.bar.update(len(history) - self.bar.n)

    def tell(self, text: str) -> None:
        """Write in front of the bar what takes long."""
        self.bar.set_description_str(f"{text} ")

    def done(self, seconds: float) -> None:
        """Take the text away, and the time off the clock."""
        self.bar.start_t += seconds
        self.bar.last_print_t += seconds
        self.bar.set_description_str("")


@contextmanager
def report(
    epochs: int, done: int, progress: bool
) -> Iterator[tuple[Display, Callable[[str], object]]]:
    """What shows a run of so many epochs, some done before it begins; and what says a text."""
    if not progress:
        with told_by(None):
            yield Display(), print
        return
    bar_class = _tqdm() if is_watched() else None
    if bar_class is None:
        yield Lines(epochs), print
        return
    options: dict[str, Any] = {"bar_format": BAR, "postfix": _epochs(done, epochs), "miniters": 0}
    if _has_no_width():
        options |= {"ncols": 80, "nrows": 20}
    with bar_class(total=epochs, initial=done, **options) as bar:
        display = Bar(bar)
        with told_by(display):
            yield display, bar.write


def nothing_left(owner: str, checkpoint: Any, done: int, epochs: int) -> str:
    """What is said of a checkpoint of a run that is over."""
    if done < epochs:
        return (
            f"{owner}: nothing is left to do: early stopping ended the run of {checkpoint} after "
            f"{done} epochs. Give another file for another run"
        )
    return (
        f"{owner}: nothing is left to do: {checkpoint} holds {done} epochs, and {epochs} were "
        "asked for. Give more epochs, or another file for another run"
    )


def _epochs(done: int, epochs: int, scores: str = "") -> str:
    return f"{done}/{epochs} epochs" + (f"; {scores}" if scores else "")


def _scores(history: "History") -> str:
    texts = []
    for part in ("train", "validation", "test"):
        losses, scores = history.losses(part), history.scores(part)
        if not losses:
            continue
        texts.append(f"{part} loss {losses[-1]:.4f}")
        if scores:
            own = history.score_name
            texts[-1] += f", {scores[-1]:.2f} %" if own is None else f", {own} {scores[-1]:.4g}"
    return "; ".join(texts)


def _has_no_width() -> bool:
    """Whether the terminal does not know its width, as in some containers: tqdm shows nothing."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns == 0
    except (OSError, ValueError, AttributeError):
        return False


def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm
