"""What goes along with a training run, each in a few lines: scores, stopping, rates, what is shown.

The loop knows none of them. It says when the run begins, when steps were taken, when an epoch has
ended, and when the run has come to its end; each companion then does its part. It writes those of
the four methods that it needs.
"""

from collections.abc import Callable, Mapping

from tinynet.runs.history import History
from tinynet.runs.progress import Display
from tinynet.runs.run import TrainingRun

Scores = Callable[[], tuple[float, float | None]]
Visit = Callable[[History, Callable[[str], object]], object]


class Companion:
    """The base of all that goes along with a run; each method does nothing."""

    def begin(self, run: TrainingRun) -> None:
        """The first step is about to be taken, or the first one after a checkpoint."""

    def steps_taken(self, run: TrainingRun) -> None:
        """A step was taken, or some that are compiled together."""

    def epoch_ended(self, run: TrainingRun) -> None:
        """The history has the epoch's training scores."""

    def stopped(self, run: TrainingRun) -> None:
        """The run has come to its end; an error or Ctrl-C is none."""


class Scored(Companion):
    """A data set that is scored after every epoch, and never learned from."""

    def __init__(self, part: str, scores: Scores) -> None:
        self.part, self.scores = part, scores

    def epoch_ended(self, run: TrainingRun) -> None:
        run.history.add(self.part, *self.scores())


class Stopping(Companion):
    """Early stopping: keeps the best weights, and gives them back at the end."""

    def begin(self, run: TrainingRun) -> None:
        if run.early_stopping is not None and not run.resumed:
            run.early_stopping.begin()

    def epoch_ended(self, run: TrainingRun) -> None:
        if run.early_stopping is not None:
            run.early_stopping.watch(run.net, run.history)

    def stopped(self, run: TrainingRun) -> None:
        if run.early_stopping is not None:
            run.early_stopping.restore(run.net)


class Shown(Companion):
    """What a person sees: how far the run is, and the scores, on a bar or in lines."""

    def __init__(self, display: Display) -> None:
        self.display = display

    def steps_taken(self, run: TrainingRun) -> None:
        if run.running is not None and hasattr(run.loader, "__len__"):
            self.display.part(len(run.history), len(run.running.losses) / len(run.loader))

    def epoch_ended(self, run: TrainingRun) -> None:
        self.display.epoch(run.history)


class Visits(Companion):
    """A doctor's: one before the first step, and one after every epoch."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit

    def begin(self, run: TrainingRun) -> None:
        self.visit(run.history, run.say)

    def epoch_ended(self, run: TrainingRun) -> None:
        self.visit(run.history, run.say)


class CtrlC(Companion):
    """Ends the run between two steps, if the keys were pressed in one."""

    def __init__(self, pressed: Callable[[], bool]) -> None:
        self.pressed = pressed

    def steps_taken(self, run: TrainingRun) -> None:
        if self.pressed():
            raise KeyboardInterrupt

    def epoch_ended(self, run: TrainingRun) -> None:
        if self.pressed():
            raise KeyboardInterrupt


class Rates(Companion):
    """A schedule: sets the learning rate of every epoch before its first step."""

    def begin(self, run: TrainingRun) -> None:
        if not run.resumed:
            run.optimizer._scheduled = None
            if run.schedule is not None:
                run.schedule.begin(run.optimizer)
        self.epoch_ended(run)  # the one before the first

    def epoch_ended(self, run: TrainingRun) -> None:
        if run.schedule is not None and not run.is_over:
            run.schedule.set_lr(run.optimizer, len(run.history))


def in_order(
    scores: Mapping[str, Scores],
    display: Display,
    checkpoint: Companion | None = None,
    doctor: Visits | None = None,
    ctrl_c: CtrlC | None = None,
) -> list[Companion]:
    """Those that go along with a run, in the order in which each has its turn.

    Parameters
    ----------
    scores : mapping from str to function
        By part of the history ("test", "validation"), what gives loss and score.
    display : Display
        From ``report``.
    checkpoint, doctor, ctrl_c : Companion, optional
    """
    found = [
        *(Scored(part, give) for part, give in scores.items()),  # first: others go by the scores
        Stopping(),  # keeps the best weights, which belong into the checkpoint
        checkpoint,  # what a person sees was saved
        Shown(display),
        doctor,  # what is found stands below the epoch's scores
        ctrl_c,  # once the epoch is scored, saved and shown
        Rates(),  # last, for the next epoch: up to here, the rate is that of this one
    ]
    return [companion for companion in found if companion is not None]
