"""Scores fit the loss: accuracy for losses over classes, one's own score, or the loss alone."""

import copy
import csv
import pickle

import numpy as np
import pytest
from by_hand import learned, network, rows
from cases import slow_but
from strategies import fingerprint

import tinynet as tn
from tinynet.cli.train import score_table

both_ways = pytest.mark.parametrize("compiled", [False, True], ids=["by layers", "compiled"])

NAN = float("nan")
X, Y = rows(43)
TARGETS = np.random.default_rng(2).normal(size=(43, 4)).astype(np.float32)
GAPS = np.where(np.arange(43) % 3 == 1, -1, Y)  # every third row is ignored
GAPS[8:16] = -1  # and in batches of 8, the second as a whole


class SquaredError(tn.Module):
    """A loss of one's own, which is not over classes; targets of any shape."""

    def forward(self, y, target):
        self.keep((y - target).astype(y.dtype))
        return float(((y - target) ** 2).mean())

    def backward(self, dy=1.0):
        dy, error = self.kept(dy)
        return (dy * 2 / error.size * error).astype(error.dtype)


class Margin(SquaredError):
    """One that says itself what a right answer is."""

    def accuracy(self, outputs, target):
        return 100 * float((np.sign(outputs) == np.sign(target)).mean())


def r2(outputs, target):
    return 1 - ((outputs - target) ** 2).sum() / ((target - target.mean()) ** 2).sum()


def highest(outputs, labels):
    """A score for labels: the mean of the highest output, and who is right."""
    return float(outputs.max(axis=1).mean()) + 10 * int((outputs.argmax(axis=1) == labels).sum())


def train(y, loss_fn, net=None, epochs=2, optimizer=tn.SGD, shuffle=False, **options):
    net = network() if net is None else net
    optimizer = optimizer(net.parameters(), lr=0.05)
    loader = tn.DataLoader(X, y, batch_size=8, shuffle=shuffle, rng=5)
    options = {"progress": False} | options
    history = tn.fit(net, loss_fn, optimizer, loader, epochs=epochs, **options)
    return history, learned(net, optimizer)


class TestAccuracy:
    OUTPUTS = np.array([[0.1, 0.9], [0.8, 0.2], [0.4, 0.6], [0.5, 0.5]])

    def test_rows_that_are_ignored_do_not_count(self):
        labels = np.array([1, -1, 0, -1])
        assert tn.accuracy(self.OUTPUTS, labels, ignore_index=-1) == 50
        assert tn.accuracy(self.OUTPUTS, np.array([-1, 0, -1, 0]), -1) == 100
        assert tn.NLLLoss(ignore_index=-1).accuracy(self.OUTPUTS, labels) == 50
        assert tn.CrossEntropyLoss(ignore_index=-1).accuracy(self.OUTPUTS, labels) == 50
        assert tn.NLLLoss().accuracy(self.OUTPUTS, np.array([1, -100, 0, 0])) == 2 / 3 * 100

    def test_a_class_may_be_the_one_to_be_ignored(self):
        assert tn.accuracy(self.OUTPUTS, np.array([1, 0, 0, 0]), ignore_index=0) == 100
        assert tn.accuracy(self.OUTPUTS, np.array([1, 0, 0, 0]), ignore_index=1) == 2 / 3 * 100

    def test_if_no_row_counts_there_is_none(self):
        assert np.isnan(tn.accuracy(self.OUTPUTS, np.full(4, -1), ignore_index=-1))
        assert np.isnan(tn.accuracy(self.OUTPUTS, np.zeros((4, 2))))

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_nan_is_no_answer(self, place):
        outputs = np.zeros((3, 3))
        outputs[0, place] = NAN
        for right in range(3):
            assert tn.accuracy(outputs, np.array([right, 0, 0])) == 2 / 3 * 100
            assert tn.accuracy(outputs, np.eye(3)[[right, 0, 0]]) == 2 / 3 * 100
        assert tn.accuracy(np.full((4, 3), NAN), np.array([0, 1, 2, 0])) == 0

    def test_infinity_is_an_answer(self):
        outputs = np.array([[np.inf, 0.0], [-np.inf, 0.0], [-np.inf, -np.inf]])
        assert tn.accuracy(outputs, np.array([0, 1, 0])) == 100

    def test_a_row_of_probabilities_that_are_all_0_names_no_class(self):
        target = np.array([[0.2, 0.8], [0, 0], [0, 0], [0.9, 0.1]])
        assert tn.accuracy(self.OUTPUTS, target) == 100

    @pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, bool, np.float32, np.float64])
    def test_labels_of_any_dtype(self, dtype):
        assert tn.accuracy(self.OUTPUTS, np.array([1, 0, 0, 0], dtype)) == 75

    @pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float16, np.float32])
    def test_outputs_of_any_dtype(self, dtype):
        outputs = (10 * self.OUTPUTS).astype(dtype)
        assert tn.accuracy(outputs, np.array([1, 0, 0, 0])) == 75

    @pytest.mark.parametrize(
        ("labels", "error", "message"),
        [
            ([0, -1, 0, 1], IndexError, r"target\[1\] = -1 is outside \[0, 2\); .*ignore_index=-1"),
            ([0, 1, 2, 1], IndexError, r"target\[2\] = 2 is outside \[0, 2\)"),
            ([0.0, 0.5, 1, 1], TypeError, "target holds 0.5, expected whole numbers"),
            ([0.0, NAN, 1, 1], IndexError, r"target\[1\] = nan is outside"),
            (["0", "1", "0", "1"], TypeError, "target has dtype <U1, expected integers"),
        ],
    )
    def test_labels_that_are_no_classes(self, labels, error, message):
        with pytest.raises(error, match=message):
            tn.accuracy(self.OUTPUTS, np.array(labels))

    def test_evaluate_leaves_ignored_rows_out(self):
        net, loss_fn = network(), tn.NLLLoss(ignore_index=-1)
        some = GAPS >= 0
        expected = tn.evaluate(net, tn.NLLLoss(), X[some], Y[some])
        loss, accuracy = tn.evaluate(net, loss_fn, X, GAPS)
        assert (loss, accuracy) == (pytest.approx(expected[0]), expected[1])
        assert np.isnan(tn.evaluate(net, loss_fn, X, np.full(43, -1))).all()


class TestIgnoredRowsInTraining:
    @both_ways
    def test_they_do_not_count_in_the_history(self, compiled):
        """Nothing is learned, so that every batch can be scored afterwards."""
        net, loss_fn = network(), tn.NLLLoss(ignore_index=-1)
        loader = tn.DataLoader(X, GAPS, batch_size=8)
        history = tn.fit(
            *(net, loss_fn, tn.SGD(net.parameters(), lr=0), loader),
            test=(X, GAPS),
            progress=False,
            compiled=compiled,
        )
        losses, accuracies = [], []
        for n in (0, 16, 24, 32, 40):  # the second batch has no row that counts
            rows = np.flatnonzero(GAPS[n : n + 8] >= 0) + n
            loss, accuracy = tn.evaluate(net, tn.NLLLoss(), X[rows], Y[rows])
            losses.append(loss)
            accuracies.append(accuracy)
        assert history.train_loss == pytest.approx([np.mean(losses)], rel=1e-6)
        assert history.train_accuracy == pytest.approx([np.mean(accuracies)], rel=1e-12)
        rows = np.flatnonzero(GAPS >= 0)
        assert history.test_accuracy == [tn.evaluate(net, tn.NLLLoss(), X[rows], Y[rows])[1]]

    @pytest.mark.parametrize("compiled", [False, None, True])
    def test_the_report_s_example(self, compiled):
        net = tn.Sequential(tn.Linear(4, 3, rng=0), tn.LogSoftmax())
        X, y = np.eye(4, dtype=np.float32), np.array([0, 1, -1, -1])
        loss_fn, optimizer = tn.NLLLoss(ignore_index=-1), tn.SGD(net.parameters(), lr=0.1)
        loader = tn.DataLoader(X, y, batch_size=2)
        options = {"epochs": 3, "progress": False, "compiled": compiled}
        try:
            history = tn.fit(net, loss_fn, optimizer, loader, **options)
        except FloatingPointError as stop:
            raise AssertionError("a batch in which no row counts ended the run") from stop
        assert np.isfinite(history.train_loss).all() and len(history) == 3
        assert history.train_loss == sorted(history.train_loss, reverse=True)

    CASES = {
        "nll, SGD": (lambda: tn.NLLLoss(ignore_index=-1), tn.SGD, GAPS),
        "weighted and smoothed, Adam": (
            lambda: tn.CrossEntropyLoss([1, 0, 2, 1], ignore_index=-1, label_smoothing=0.1),
            tn.Adam,
            GAPS,
        ),
        "a class that weighs nothing, in a batch alone": (
            lambda: tn.CrossEntropyLoss([1, 0, 1, 1], label_smoothing=0.1),
            tn.RMSprop,
            np.where(np.arange(43) // 8 == 2, 1, Y),
        ),
        "a sum": (lambda: tn.NLLLoss(ignore_index=-1, reduction="sum"), tn.SGD, GAPS),
        "probabilities, some rows all 0": (
            tn.CrossEntropyLoss,
            tn.SGD,
            (np.eye(4, dtype=np.float32)[Y] * (GAPS >= 0)[:, None]),
        ),
    }

    @pytest.mark.parametrize(("loss", "optimizer", "y"), slow_but(1, CASES.values()), ids=CASES)
    def test_compiled_steps_give_the_same_bits(self, loss, optimizer, y):
        runs = [
            train(y, loss(), optimizer=optimizer, compiled=compiled, test=(X, y), shuffle=True)
            for compiled in (False, True)
        ]
        assert runs[0] == runs[1]
        assert np.isfinite(runs[0][0].train_loss).all()
        assert np.isfinite(runs[0][0].train_accuracy).all()

    @both_ways
    def test_a_row_that_weighs_nothing_and_gives_nan_is_wrong(self, compiled):
        """Its loss is 0 and its gradient, too, so that the run goes on."""
        net = tn.Sequential(tn.Linear(65, 3, rng=0))
        W, X = net[0].W.data, np.zeros((4, 65), np.float32)
        W[:] = 0
        W[0, 1], W[1, 0], W[64, 1] = 3e38, 1, -3e38
        X[:, 1] = [1, 3, 1, 2]
        X[0, [0, 64]] = 2  # infinity of one block, and minus infinity of the next
        assert np.isnan(net.predict(X)).sum() == 1
        history = tn.fit(
            *(net, tn.CrossEntropyLoss(weight=[1, 0, 1]), tn.Adam(net.parameters(), lr=1e-6)),
            tn.DataLoader(X, np.array([1, 0, 0, 0]), batch_size=4),
            progress=False,
            compiled=compiled,
        )
        assert np.isfinite(history.train_loss).all() and history.train_accuracy == [75]

    @both_ways
    def test_a_batch_without_rows_takes_its_step_with_gradient_0(self, compiled):
        """Momentum goes on, as it does in PyTorch."""
        y = np.where(np.arange(43) < 8, Y, -1)
        net = network()
        optimizer = tn.SGD(net.parameters(), lr=0.1, momentum=0.5)
        before = [p.data.copy() for p in net.parameters()]
        loader = tn.DataLoader(X[:24], y[:24], batch_size=8)
        tn.fit(
            *(net, tn.NLLLoss(ignore_index=-1), optimizer, loader),
            progress=False,
            compiled=compiled,
        )
        for parameter, start, state in zip(
            net.parameters(), before, optimizer.state, strict=True
        ):  # steps of lr * g, of lr * g / 2, of lr * g / 4
            moved = start - parameter.data
            np.testing.assert_allclose(moved, 0.1 * 7 * state["velocity"], rtol=1e-3, atol=1e-6)

    def test_nan_in_a_batch_without_rows_is_still_divergence(self):
        net = network()
        net.layers[0].W.data[0, 0] = np.inf
        with pytest.raises(FloatingPointError, match="epoch 1, batch 1"):
            train(np.where(np.arange(43) < 8, -1, Y), tn.NLLLoss(ignore_index=-1), net)

    @pytest.mark.parametrize("part", ["loader", "test", "validation"])
    @pytest.mark.parametrize(
        ("loss_fn", "labels"),
        [
            (tn.NLLLoss(ignore_index=-1), np.full(43, -1)),
            (tn.NLLLoss(), np.full(43, -100)),
            (tn.CrossEntropyLoss(ignore_index=2), np.full(43, 2)),
            (tn.NLLLoss(weight=[1, 0, 1, 1]), np.full(43, 1)),
            (tn.NLLLoss(weight=[1, 0, 1, 1], ignore_index=2, reduction="sum"), np.full(43, 1)),
        ],
    )
    def test_a_set_in_which_no_row_counts_is_named_up_front(self, part, loss_fn, labels):
        net = network()
        before = fingerprint(net)
        y = labels if part == "loader" else np.zeros(43, int)
        options = {} if part == "loader" else {part: (X, labels)}
        place = "fit" if part == "loader" else f"fit: {part}"
        with pytest.raises(ValueError, match=f"^{place}: no row counts in the loss: every label"):
            train(y, loss_fn, net, **options)
        assert fingerprint(net) == before

    def test_a_loader_of_one_s_own_in_which_no_row_counts(self):
        net = network()
        batches = [(X[:8], np.full(8, -1))] * 2
        with pytest.raises(ValueError, match="fit: no row counts in epoch 1: every label"):
            tn.fit(
                net, tn.NLLLoss(ignore_index=-1), tn.SGD(net.parameters()), batches, progress=False
            )
        batches.append((X[:8], Y[:8]))
        history = tn.fit(
            net, tn.NLLLoss(ignore_index=-1), tn.SGD(net.parameters()), batches, progress=False
        )
        assert np.isfinite(history.train_loss).all() and history.train_accuracy[0] >= 0

    def test_the_doctor_looks_at_rows_that_count(self):
        y = np.where(np.arange(43) == 20, Y, -1)
        net, loss_fn = network(), tn.NLLLoss(ignore_index=-1)
        diagnosis = tn.diagnose(None, net, (X, y), test=(X, y), loss_fn=loss_fn)
        assert "43 training rows, 43 test rows" in str(diagnosis)
        train(y, loss_fn, doctor=True)
        with pytest.raises(ValueError, match="diagnose: no row of data counts in the loss"):
            tn.diagnose(None, net, (X, np.full(43, -1)), loss_fn=loss_fn)


class TestLossesAlone:
    @pytest.mark.parametrize(
        "shape", [(43, 4), (43, 1, 4), (43,), (43, 2, 2)], ids=lambda shape: f"{len(shape)}-D"
    )
    def test_a_loss_that_is_not_over_classes_has_no_accuracies(self, shape, capsys):
        class Shaped(SquaredError):
            def forward(self, y, target):
                self.shape = y.shape
                wide = np.broadcast_to(target.reshape(len(target), -1), (len(target), 4))
                return super().forward(y, wide)

        targets = np.resize(TARGETS, shape)
        history, _ = train(
            targets,
            Shaped(),
            network(last=None),
            epochs=3,
            test=(X, targets),
            validation=(X, targets),
            progress=True,
        )
        assert history.train_loss == sorted(history.train_loss, reverse=True)
        assert (
            len(history.train_loss) == len(history.test_loss) == len(history.validation_loss) == 3
        )
        assert history.train_accuracy == history.test_accuracy == history.validation_accuracy == []
        assert history.train_score == [] and history.score_name is None
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == (
            f"epoch   1/3  train loss {history.train_loss[0]:.4f}; validation loss "
            f"{history.validation_loss[0]:.4f}; test loss {history.test_loss[0]:.4f}"
        )

    def test_whole_number_targets_are_no_classes_for_it(self):
        history, _ = train(np.abs(TARGETS).astype(int), SquaredError(), network(last=None))
        assert len(history.train_loss) == 2 and history.train_accuracy == []

    def test_evaluate_has_no_second_number(self):
        net = network(last=None)
        loss, accuracy = tn.evaluate(net, SquaredError(), X, TARGETS)
        assert loss == pytest.approx(((net.predict(X) - TARGETS) ** 2).mean())
        assert accuracy is None

    def test_the_table_has_losses_alone(self, tmp_path):
        history, _ = train(TARGETS, SquaredError(), network(last=None), test=(X, TARGETS))
        history.to_csv(tmp_path / "scores.csv")
        with (tmp_path / "scores.csv").open() as file:
            assert next(csv.reader(file)) == ["epoch", "train_loss", "test_loss"]
        assert score_table(history).splitlines()[0] == "epoch  train loss  test loss"

    def test_a_loss_of_one_s_own_that_has_an_accuracy(self):
        history, _ = train(TARGETS, Margin(), network(last=None), test=(X, TARGETS))
        assert len(history.train_accuracy) == len(history.test_accuracy) == 2
        assert 0 < history.test_accuracy[0] < 100

    def test_a_loss_that_forgets_its_mean_is_named(self):
        class Rows(SquaredError):
            def forward(self, y, target):
                super().forward(y, target)
                return ((y - target) ** 2).mean(axis=1)

        net = network(last=None)
        before = learned(net, tn.SGD(net.parameters()))
        with pytest.raises(TypeError, match=r"the loss Rows\(\) gave ndarray of shape \(43,\)"):
            train(TARGETS, Rows(), net)
        batches = [(X[:8], TARGETS[:8])]
        with pytest.raises(TypeError, match=r"the loss Rows\(\) gave ndarray of shape \(8,\)"):
            tn.fit(net, Rows(), tn.SGD(net.parameters()), batches, progress=False)
        assert learned(net, tn.SGD(net.parameters())) == before

    @pytest.mark.parametrize(
        "call",
        [
            lambda loss: train(Y, loss),
            lambda loss: tn.evaluate(network(), loss, X, Y),
            lambda loss: tn.trace(network(), loss, X, Y),
            lambda loss: tn.diagnose(None, network(), (X, Y), loss_fn=loss),
        ],
    )
    def test_what_is_no_loss_is_named(self, call):
        with pytest.raises(TypeError, match="loss_fn is the class NLLLoss, expected a Module"):
            call(tn.NLLLoss)
        with pytest.raises(TypeError, match="loss_fn is str, expected a Module"):
            call("mse")
        with pytest.raises(ValueError, match='a loss with reduction="none" is no single number'):
            call(tn.NLLLoss(reduction="none"))

    def test_the_doctor_says_nothing_about_classes(self):
        net = network(last=None)
        history, _ = train(TARGETS, SquaredError(), net, epochs=6, doctor=True)
        for test in (None, (X, TARGETS)):
            found = tn.diagnose(history, net, (X, TARGETS), test, loss_fn=SquaredError())
            assert not {"class never predicted", "loss still at ln(C)"} & {f.name for f in found}


class TestAScoreOfOnesOwn:
    def test_takes_the_place_of_the_accuracy(self, capsys):
        net = network(last=None)
        history, _ = train(
            *(TARGETS, SquaredError(), net),
            epochs=3,
            test=(X, TARGETS),
            validation=(X[:9], TARGETS[:9]),
            score=r2,
            progress=True,
        )
        assert history.score_name == "r2"
        assert history.test_score[-1] == float(r2(net.predict(X), TARGETS))
        assert history.validation_score[-1] == float(r2(net.predict(X[:9]), TARGETS[:9]))
        assert len(history.train_score) == len(history.test_score) == 3
        assert all(type(score) is float for score in history.train_score)
        assert history.train_accuracy == history.test_accuracy == history.validation_accuracy == []
        last = capsys.readouterr().out.splitlines()[-1]
        assert last == (
            f"epoch   3/3  train loss {history.train_loss[-1]:.4f}, r2 "
            f"{history.train_score[-1]:.4g}; validation loss {history.validation_loss[-1]:.4f}, r2 "
            f"{history.validation_score[-1]:.4g}; test loss {history.test_loss[-1]:.4f}, r2 "
            f"{history.test_score[-1]:.4g}"
        )

    def test_the_training_score_is_the_mean_over_the_batches(self):
        net = network()
        loader = tn.DataLoader(X, Y, batch_size=8)
        history = tn.fit(
            *(net, tn.NLLLoss(), tn.SGD(net.parameters(), lr=0), loader),
            progress=False,
            score=highest,
        )
        parts = [highest(net.predict(X[n : n + 8]), Y[n : n + 8]) for n in range(0, 43, 8)]
        assert history.train_score == pytest.approx([np.mean(parts)], rel=1e-6)

    @pytest.mark.parametrize("optimizer", slow_but(1, [tn.SGD, tn.Adam]))
    @pytest.mark.parametrize(
        "y", slow_but(1, [Y, np.eye(4, dtype=np.float32)[Y]]), ids=["labels", "shares"]
    )
    def test_compiled_steps_give_the_same_bits(self, optimizer, y):
        def mean_of_both(outputs, target):
            assert outputs.dtype == np.float32 and len(outputs) == len(target)
            return float(outputs.mean() + target.sum())

        options = {"optimizer": optimizer, "shuffle": True, "test": (X, y)}
        runs = [
            train(
                y,
                tn.CrossEntropyLoss(),
                network(last=None),
                score=mean_of_both,
                compiled=compiled,
                **options,
            )
            for compiled in (False, True)
        ]
        assert runs[0] == runs[1]
        without = train(y, tn.CrossEntropyLoss(), network(last=None), compiled=True, **options)
        assert runs[0][1] == without[1] and runs[0][0].train_loss == without[0].train_loss

    @both_ways
    def test_nan_means_that_a_batch_has_no_score(self, compiled):
        def of_full_batches(outputs, target):
            return float(len(target)) if len(target) == 8 else NAN

        history, _ = train(Y, tn.NLLLoss(), compiled=compiled, score=of_full_batches)
        assert history.train_score == [8, 8]

    def test_the_table_and_the_csv_file_have_its_name(self, tmp_path):
        history, _ = train(TARGETS, SquaredError(), network(last=None), test=(X, TARGETS), score=r2)
        history.to_csv(tmp_path / "scores.csv")
        with (tmp_path / "scores.csv").open() as file:
            table = list(csv.DictReader(file))
        assert list(table[0]) == ["epoch", "train_loss", "train_r2", "test_loss", "test_r2"]
        assert [float(row["test_r2"]) for row in table] == history.test_score
        head, *_, last = score_table(history).splitlines()
        assert head == "epoch  train loss  test loss  train r2  test r2"
        assert last.split()[-1] == f"{history.test_score[-1]:.4g}"

    @pytest.mark.parametrize("name", ["loss", "accuracy"])
    def test_a_name_that_is_taken(self, name, tmp_path):
        def score(outputs, target):
            return 1.5

        score.__name__ = name
        history, _ = train(Y, tn.NLLLoss(), score=score)
        history.to_csv(tmp_path / "scores.csv")
        head = (tmp_path / "scores.csv").read_text().splitlines()[0]
        assert head == "epoch,train_loss,train_score"

    def test_any_callable_and_any_number_will_do(self):
        class Constant:
            def __call__(self, outputs, target):
                return np.float32(0.5)

        history, _ = train(Y, tn.NLLLoss(), score=Constant())
        assert (history.score_name, history.train_score) == ("Constant", [0.5, 0.5])
        history, _ = train(Y, tn.NLLLoss(), score=lambda outputs, target: np.array(2))
        assert (history.score_name, history.train_score) == ("<lambda>", [2.0, 2.0])
        history, _ = train(GAPS, tn.NLLLoss(ignore_index=-1), score=lambda *pair: len(pair[1]))
        assert history.train_score == pytest.approx([43 / 6] * 2)

    @both_ways
    @pytest.mark.parametrize(
        ("score", "error", "message"),
        [
            ("r2", TypeError, r"fit: score is str, expected a function score\(outputs, yb\)"),
            (0.5, TypeError, "fit: score is float, expected a function"),
            (lambda y, t: None, TypeError, "fit: score <lambda> gave NoneType, expected one float"),
            (
                lambda y, t: y,
                TypeError,
                r"gave ndarray of shape \(\d+, 4\), expected one float, su",
            ),
            (lambda y, t: "0.5", TypeError, "gave str"),
            (lambda y, t: True, TypeError, "gave bool"),
            (lambda y, t: 1j, TypeError, "gave complex"),
            (lambda y: 1.0, ValueError, "fit: score <lambda> failed with TypeError: .* argument"),
            (lambda y, t: 1 / 0, ValueError, "failed with ZeroDivisionError: division by zero"),
            (lambda y, t: y.mean(9), ValueError, "failed with AxisError.*arrays of shapes"),
        ],
    )
    def test_one_that_cannot_be_used_is_named_before_anything_is_learned(
        self, score, error, message, compiled
    ):
        net = network()
        before = fingerprint(net)
        with pytest.raises(error, match=message) as caught:
            train(Y, tn.NLLLoss(), net, score=score, compiled=compiled)
        assert "\n" not in str(caught.value)
        assert fingerprint(net) == before

    def test_the_rehearsal_sees_all_parts_of_sorted_data(self):
        def needs_two_classes(outputs, labels):
            if len(np.unique(labels)) < 2:
                raise ValueError("only one class")
            return 0.5

        net, order = network(), np.argsort(Y, kind="stable")
        loader = tn.DataLoader(X[order], Y[order], batch_size=16, shuffle=True, rng=0)
        history = tn.fit(
            *(net, tn.NLLLoss(), tn.SGD(net.parameters()), loader),
            progress=False,
            score=needs_two_classes,
        )
        assert history.train_score == [0.5]

    def test_one_that_fails_later_leaves_the_epochs_before(self):
        calls = []

        def tires(outputs, target):
            calls.append(len(target))
            if len(calls) > 10:
                raise RuntimeError("tired")
            return 1.0

        with pytest.raises(
            ValueError, match="score tires failed with RuntimeError: tired"
        ) as caught:
            train(Y, tn.NLLLoss(), score=tires, epochs=9)
        assert caught.value.history.train_score == [1.0]

    @both_ways
    def test_checkpoints_keep_the_scores(self, compiled, tmp_path):
        def run(epochs, checkpoint=None, score=highest):
            return train(
                *(Y, tn.NLLLoss()),
                epochs=epochs,
                shuffle=True,
                test=(X, Y),
                checkpoint=checkpoint,
                checkpoint_every=4,
                score=score,
                compiled=compiled,
            )

        expected = run(4)
        run(2, tmp_path / "run")
        assert run(4, tmp_path / "run") == expected
        assert run(4, tmp_path / "run") == expected
        with pytest.raises(ValueError, match="its score is highest, expected None"):
            run(5, tmp_path / "run", score=None)
        with pytest.raises(ValueError, match="its score is highest, expected accuracy"):
            run(5, tmp_path / "run", score=tn.accuracy)

    def test_checkpoints_of_a_loss_alone(self, tmp_path):
        def run(epochs, checkpoint=None):
            return train(
                *(TARGETS, SquaredError(), network(last=None), epochs),
                test=(X, TARGETS),
                checkpoint=checkpoint,
                checkpoint_every=4,
            )

        run(2, tmp_path / "run")
        assert run(4, tmp_path / "run") == run(4)


class TestHistory:
    def test_a_pickle_of_0_1_has_no_scores_and_may_get_some(self):
        """Its state is the six lists alone."""
        old = tn.History.__new__(tn.History)
        lists = ["train_loss", "train_accuracy", "test_loss", "test_accuracy"]
        lists += ["validation_loss", "validation_accuracy"]
        old.__dict__.update({name: [1.0] for name in lists})
        for history in (pickle.loads(pickle.dumps(old)), copy.deepcopy(old)):
            assert history.train_score == history.test_score == history.validation_score == []
            assert history.score_name is None
            assert history == old and "train_score=[]" in repr(history)
            history.train_score.append(2.0)
            assert history.train_score == [2.0] and old.train_score == []

    def test_what_it_does_not_have_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match="'History' object has no attribute 'train_f1'"):
            _ = tn.History().train_f1

    def test_scores_are_compared(self):
        one, other = tn.History([1.0]), tn.History([1.0])
        assert one == other
        one.train_score.append(1.0)
        assert one != other
