"""What goes along with a run: when each has its turn, and in which order."""

from typing import Any

import numpy as np
import pytest
from by_hand import learned, network, rows, train_by_hand

import tinynet as tn
from tinynet.runs.companions import Companion, CtrlC, Rates, Scored, Shown, Stopping, in_order
from tinynet.runs.companions import Visits as Doctor
from tinynet.runs.progress import Display
from tinynet.runs.run import TrainingRun
from tinynet.training import steps_of, train

VALIDATION = rows(19, seed=1)


class Diary(Companion):
    """Writes down every turn, with the epochs that are done, the rate, and the scores there are."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []

    def _note(self, what: str, run: TrainingRun) -> None:
        done = len(run.history), len(run.history.validation_loss)
        self.lines.append((what, *done, run.optimizer.lr))

    def begin(self, run: TrainingRun) -> None:
        self._note("begin", run)

    def steps_taken(self, run: TrainingRun) -> None:
        self._note("steps taken", run)

    def epoch_ended(self, run: TrainingRun) -> None:
        self._note("epoch ended", run)
        assert run.running is None

    def stopped(self, run: TrainingRun) -> None:
        self._note("stopped", run)


def make_run(epochs: int = 2, **options: Any) -> TrainingRun:
    net = network()
    loader = tn.DataLoader(*rows(43), batch_size=16, shuffle=True, rng=5)
    optimizer = tn.SGD(net.parameters(), lr=0.1)
    return TrainingRun("fit", net, tn.NLLLoss(), optimizer, loader, epochs, **options)


def scores(run: TrainingRun) -> dict[str, Any]:
    return {"validation": lambda: tn.evaluate(run.net, run.loss_fn, *VALIDATION)}


def test_each_has_its_turn_with_the_rate_of_its_epoch() -> None:
    run, diary = make_run(schedule=tn.StepLR(1, 0.5)), Diary()
    train(run, steps_of(run), in_order(scores(run), Display(), diary))
    assert diary.lines == [
        ("begin", 0, 0, 0.1),
        *[("steps taken", 0, 0, 0.1)] * 3,
        ("epoch ended", 1, 1, 0.1),
        *[("steps taken", 1, 1, 0.05)] * 3,
        ("epoch ended", 2, 2, 0.05),
        ("stopped", 2, 2, 0.05),
    ]


def test_the_order() -> None:
    run, diary = make_run(), Diary()
    doctor, ctrl_c = Doctor(lambda history, say: None), CtrlC(lambda: False)
    found = in_order(scores(run), Display(), diary, doctor, ctrl_c)
    assert [type(one) for one in found] == [Scored, Stopping, Diary, Shown, Doctor, CtrlC, Rates]


def test_the_best_weights_are_there_for_the_checkpoint_and_come_back_at_the_end() -> None:
    run = make_run(4, early_stopping=tn.EarlyStopping(99))
    best: list[Any] = []

    class Saved(Companion):
        def epoch_ended(self, run: TrainingRun) -> None:
            assert run.early_stopping is not None
            best.append(run.early_stopping.best_weights["0.weight"].copy())

    train(run, steps_of(run), in_order(scores(run), Display(), Saved()))
    assert run.history.best_epoch is not None
    np.testing.assert_array_equal(run.net.state_dict()["0.weight"], best[-1])
    np.testing.assert_array_equal(best[run.history.best_epoch - 1], best[-1])


@pytest.mark.parametrize("steps", [2, 3, 6])
def test_ctrl_c_ends_a_run_after_the_step_without_stopped(steps: int) -> None:
    """In an epoch's last step, too: then the epoch is scored before the run ends."""
    run, diary = make_run(), Diary()

    def pressed() -> bool:
        return sum(line[0] == "steps taken" for line in diary.lines) == steps

    companions = in_order(scores(run), Display(), diary, ctrl_c=CtrlC(pressed))
    with pytest.raises(KeyboardInterrupt) as stop:
        train(run, steps_of(run), companions)
    assert stop.value.history is run.history  # type: ignore[attr-defined]
    assert "stopped" not in [line[0] for line in diary.lines]
    twin = make_run()
    train_by_hand(twin.net, twin.loss_fn, twin.optimizer, twin.loader, epochs=9, steps=steps)
    assert learned(run.net, run.optimizer) == learned(twin.net, twin.optimizer)


def test_a_run_that_is_over_takes_no_step_and_keeps_its_rate() -> None:
    run, diary = make_run(1, schedule=tn.StepLR(1, 0.5)), Diary()
    train(run, steps_of(run), in_order({}, Display()))
    assert run.optimizer.lr == 0.1
    run.resumed = True
    train(run, steps_of(run), in_order({}, Display(), diary))
    assert [line[0] for line in diary.lines] == ["begin", "stopped"]
    assert run.optimizer.lr == 0.1
