"""What a person sees of a long run, and how they stop it.

Scores appear as a bar, as lines, or not at all; Ctrl-C is noted and waits for the step to end.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinynet.runs.history import History


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


@contextmanager
def report(epochs: int, done: int, progress: bool) -> Iterator[Any]:
    """Two functions: one shows the scores after an epoch, one says a text."""
    if not progress:
        yield lambda history: None, print
        return
    bar_class = _tqdm() if sys.stderr.isatty() or "ipykernel" in sys.modules else None
    if bar_class is None:

        def write(history: "History") -> None:
            print(f"epoch {len(history):3d}/{epochs}  {_scores(history)}", flush=True)

        yield write, print
        return
    with bar_class(total=epochs, initial=done, unit="epoch") as bar:

        def advance(history: "History") -> None:
            bar.set_postfix_str(_scores(history))
            bar.update()

        yield advance, bar.write


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


def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm
