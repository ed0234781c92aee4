"""Early stopping, the validation set, and the history that both go by."""

import csv
import math

import numpy as np
import pytest
from by_hand import learned, network, rows, train_by_hand
from cases import slow_but
from strategies import same_bits

import tinynet as tn

VALIDATION = rows(19, seed=1)
TEST = rows(19, seed=2)


def parts(lr=0.01):
    net = network()
    loader = tn.DataLoader(*rows(43), batch_size=8, shuffle=True, rng=5)
    return net, tn.NLLLoss(), tn.SGD(net.parameters(), lr=lr, momentum=0.9), loader


def fit(parts, epochs, **options):
    return tn.fit(*parts, epochs=epochs, progress=False, **options)


@pytest.mark.parametrize("compiled", slow_but(1, [False, True]), ids=["by layers", "compiled"])
def test_stops_where_a_run_by_hand_would_and_goes_back_to_the_best(compiled):
    twin, loss_fn, optimizer, loader = parts()
    losses, weights = [], []
    while len(losses) - 1 - int(np.argmin(losses or [0])) < 4:
        train_by_hand(twin, loss_fn, optimizer, loader)
        losses.append(tn.evaluate(twin, loss_fn, *VALIDATION)[0])
        weights.append([p.data.copy() for p in twin.parameters()])
    best = int(np.argmin(losses))
    assert 0 < best < len(losses) - 1 == best + 4

    ours = parts()
    stopper = tn.EarlyStopping(patience=4)
    history = fit(ours, 99, validation=VALIDATION, early_stopping=stopper, compiled=compiled)
    assert history.validation_loss == losses
    assert len(history) == len(losses)
    assert history.best_epoch == best + 1
    assert all(
        same_bits(p.data, w) for p, w in zip(ours[0].parameters(), weights[best], strict=True)
    )
    assert tn.evaluate(ours[0], tn.NLLLoss(), *VALIDATION)[0] == min(losses)

    last = parts()
    stopper = tn.EarlyStopping(patience=4, restore_best=False)
    fit(last, 99, validation=VALIDATION, early_stopping=stopper, compiled=compiled)
    assert learned(last[0], last[2]) == learned(twin, optimizer)
    assert stopper.best_weights == {}


def test_watching_changes_nothing_in_the_steps():
    ours, plain = parts(), parts()
    stopper = tn.EarlyStopping(patience=99, restore_best=False)
    history = fit(ours, 4, test=TEST, validation=VALIDATION, early_stopping=stopper)
    expected = fit(plain, 4, test=TEST)
    assert history.train_loss == expected.train_loss
    assert history.test_loss == expected.test_loss
    assert learned(ours[0], ours[2]) == learned(plain[0], plain[2])


def test_a_run_that_is_not_stopped_ends_with_its_best_weights_too():
    ours = parts()
    stopper = tn.EarlyStopping(patience=99)
    history = fit(ours, 12, validation=VALIDATION, early_stopping=stopper)
    assert len(history) == 12 > history.best_epoch
    assert tn.evaluate(ours[0], tn.NLLLoss(), *VALIDATION)[0] == min(history.validation_loss)


def test_a_stopper_forgets_the_run_before():
    stopper = tn.EarlyStopping(patience=2)
    fit(parts(), 3, validation=VALIDATION, early_stopping=stopper)
    first = stopper.best_weights
    ours = parts(lr=0.0)
    history = fit(ours, 9, validation=VALIDATION, early_stopping=stopper)
    assert len(history) == 3  # nothing gets better after the first epoch
    assert not same_bits(stopper.best_weights["0.weight"], first["0.weight"])
    assert same_bits(stopper.best_weights["0.weight"], ours[0].state_dict()["0.weight"])


def test_on_ctrl_c_the_weights_are_those_of_the_last_step():
    class Interrupting(tn.EarlyStopping):
        def watch(self, net, history):
            super().watch(net, history)
            if len(history) == 9:
                raise KeyboardInterrupt

    ours, twin = parts(), parts()
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(ours, 20, validation=VALIDATION, early_stopping=Interrupting(99))
    assert caught.value.history.best_epoch < 9
    train_by_hand(*twin, epochs=9)
    assert learned(ours[0], ours[2]) == learned(twin[0], twin[2])


NAN = math.nan


@pytest.mark.parametrize(
    ("losses", "best", "over"),
    [
        ([], None, False),
        ([3.0], 1, False),
        ([3.0, 2.0, 2.0], 2, False),
        ([3.0, 2.0, 2.0, 2.5], 2, True),
        ([3.0, 4.0, 2.9], 3, False),
        ([NAN, 2.0, NAN], 2, False),
        ([2.0, NAN, NAN], 1, True),
        ([NAN, math.inf], None, True),
        ([-0.5, -0.9, -0.8, -0.85], 2, True),
    ],
)
def test_the_rule(losses, best, over):
    history = tn.History(validation_loss=losses)
    assert history.best_epoch == best
    assert tn.EarlyStopping(patience=2).is_over(history) is over


def test_repr_and_options():
    assert repr(tn.EarlyStopping()) == "EarlyStopping(patience=5)"
    assert repr(tn.EarlyStopping(3, restore_best=False)) == (
        "EarlyStopping(patience=3, restore_best=False)"
    )
    for patience in (0, -1, 2.5, True, None):
        with pytest.raises(ValueError, match="EarlyStopping: patience"):
            tn.EarlyStopping(patience)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"early_stopping": tn.EarlyStopping()}, ValueError, r"give validation=\(X, y\)"),
        (
            {"early_stopping": 5, "validation": VALIDATION},
            TypeError,
            r"fit: early_stopping is int, .*tn\.EarlyStopping\(patience=5\)",
        ),
        ({"validation": VALIDATION[0]}, TypeError, r"fit: validation is ndarray, expected a pair"),
        ({"validation": (VALIDATION[0], VALIDATION[1][:3])}, ValueError, "fit: validation: X has"),
        ({"validation": (VALIDATION[0][:, :5], VALIDATION[1])}, ValueError, "5 features"),
        ({"validation": (VALIDATION[0], VALIDATION[1] + 1)}, IndexError, "outside"),
    ],
)
def test_is_refused_before_anything_changes(options, error, message):
    ours = parts()
    before = learned(ours[0], ours[2])
    with pytest.raises(error, match=message):
        fit(ours, 2, **options)
    assert learned(ours[0], ours[2]) == before


def test_the_scores_of_both_sets_are_shown_and_written(tmp_path, capsys):
    history = tn.fit(*parts(), test=TEST, validation=VALIDATION, epochs=3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert f"; validation loss {history.validation_loss[-1]:.4f}, " in lines[-1]
    assert f"; test loss {history.test_loss[-1]:.4f}, " in lines[-1]

    path = tmp_path / "scores.csv"
    history.to_csv(path)
    table = list(csv.DictReader(path.open()))
    assert list(table[0]) == ["epoch", *vars(history)]
    assert [int(row["epoch"]) for row in table] == [1, 2, 3]
    for name, scores in vars(history).items():
        assert [float(row[name]) for row in table] == scores  # to the last bit

    tn.History([np.float64(0.1)], [50.0]).to_csv(path)
    assert path.read_text() == "epoch,train_loss,train_accuracy\n1,0.1,50.0\n"


def test_to_csv_refuses_what_is_no_table(tmp_path):
    with pytest.raises(ValueError, match="no epochs to write; train first"):
        tn.History().to_csv(tmp_path / "x")
    with pytest.raises(ValueError, match=r"there are 2 epochs, but \{'test_loss': 1\} scores"):
        tn.History([1.0, 2.0], [1.0, 2.0], [1.0]).to_csv(tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_plot_draws_a_line_for_each_part():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    history = fit(parts(), 3, test=TEST, validation=VALIDATION)
    figure = history.plot("A short run")
    assert figure.get_suptitle() == "A short run"
    loss, accuracy = figure.axes
    assert [line.get_label() for line in loss.lines] == ["train", "validation", "test"]
    for ax, score in ((loss, "loss"), (accuracy, "accuracy")):
        for line in ax.lines:
            expected = getattr(history, f"{line.get_label()}_{score}")
            assert list(line.get_ydata()) == expected
    assert len({line.get_color() for line in loss.lines}) == 3
    assert len({line.get_linestyle() for line in loss.lines}) == 3
    pyplot.close(figure)
