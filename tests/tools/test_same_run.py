"""A checkpoint continues the run that wrote it, says what differs in another, and can be told."""

import ast
import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from by_hand import learned
from strategies import LAYOUTS

import tinynet as tn
from tinynet.formats import checkpointing
from tinynet.formats import recipe as _recipe

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 5)).astype(np.float32), RNG.integers(0, 3, 30)
OTHER_X = X.copy()
OTHER_X[17, 2] += np.float32(1e-6)
OTHER_Y = np.roll(Y, 1)
STORED = Path(__file__).parents[1] / "stored" / "0.1.0"


def network(first=1, second=2):
    return tn.Sequential(tn.Linear(5, 4, rng=first), tn.ReLU(), tn.Linear(4, 3, rng=second))


def arguments(**changes):
    """All that fit is given, built anew; a function among the changes is called on the network."""
    net = changes.pop("net", network)()
    loader = {
        "X": X,
        "y": Y,
        "batch_size": 8,
        "shuffle": True,
        "rng": 3,
        **changes.pop("loader", {}),
    }
    made = {
        "net": net,
        "loss_fn": tn.CrossEntropyLoss(),
        "optimizer": changes.pop("optimizer", lambda p: tn.SGD(p, 0.1, 0.9))(net.parameters()),
        "loader": tn.DataLoader(**loader),
        "test": (X[:9], Y[:9]),
        "validation": (X[9:20], Y[9:20]),
        "schedule": tn.CosineLR(9),
        "early_stopping": tn.EarlyStopping(8),
        "progress": False,
        "compiled": False,
    }
    return made | changes


def state(run):
    return learned(run["net"], run["optimizer"]), repr(run["optimizer"])


def refusal(path, **changes):
    """The message of the error that refuses a checkpoint and changes nothing."""
    run, content = arguments(**changes), path.read_bytes()
    before = state(run)
    with pytest.raises(tn.ModelFileError) as caught:
        tn.fit(**run, epochs=4, checkpoint=path)
    assert state(run) == before
    assert path.read_bytes() == content
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    tn.fit(**arguments(), epochs=2, checkpoint=tmp_path / "run")
    return tmp_path / "run"


DIFFERENT = {
    "the learning rate": (
        {"optimizer": lambda p: tn.SGD(p, 0.2, 0.9)},
        "lr is 0.2, the file's 0.1",
    ),
    "an lr that the schedule sets at some time": (
        {"optimizer": lambda p: tn.SGD(p, tn.CosineLR(9).at(2, 0.1), 0.9)},
        "the file's 0.1",
    ),
    "momentum": (
        {"optimizer": lambda p: tn.SGD(p, 0.1, 0.8)},
        "optimizer.momentum is 0.8, the file's 0.9",
    ),
    "maximize": (
        {"optimizer": lambda p: tn.SGD(p, 0.1, 0.9, maximize=True)},
        "optimizer.maximize is True, the file's False",
    ),
    "class weights": (
        {"loss_fn": tn.CrossEntropyLoss([1, 1, 9])},
        "loss.weight is [1.0, 1.0, 9.0], the file's None",
    ),
    "label smoothing": (
        {"loss_fn": tn.CrossEntropyLoss(label_smoothing=1e-9)},
        "loss.label_smoothing is 1e-09, the file's 0.0",
    ),
    "a row that is ignored": (
        {"loss_fn": tn.CrossEntropyLoss(ignore_index=1)},
        "loss.ignore_index is 1, the file's -100",
    ),
    "the reduction": (
        {"loss_fn": tn.CrossEntropyLoss(reduction="sum")},
        "loss.reduction is 'sum', the file's 'mean'",
    ),
    "one number of X": ({"loader": {"X": OTHER_X}}, "data.X is (30, 5) float32 with SHA-256 "),
    "labels": ({"loader": {"y": OTHER_Y}}, "data.y is (30,) int64 with SHA-256 "),
    "the order": ({"loader": {"rng": 4}}, "loader.seed is 4, the file's 3"),
    "the order, by a generator": (
        {"loader": {"rng": np.random.default_rng([3, 1])}},
        "loader.seed is [3, 1], the file's 3",
    ),
    "no shuffling": ({"loader": {"shuffle": False}}, "loader.shuffle is False, the file's True"),
    "the first weights": (
        {"net": lambda: network(1, 7)},
        "net.2.seed is 7, the file's 2",
    ),
    "PyTorch's first weights": (
        {"net": lambda: network(tn.TorchGenerator(1), 2)},
        "net.0.seed is TorchGenerator(1), the file's 1",
    ),
    "the test set": ({"test": (X[:9], Y[:9][::-1].copy())}, "test is (9, 5) float32 with SHA-256 "),
    "the validation set": ({"validation": (OTHER_X[9:20], Y[9:20])}, "validation is (11, 5) float"),
    "the schedule": (
        {"schedule": tn.CosineLR(10)},
        "schedule is CosineLR(epochs=10, lr_min=0.0), the file's CosineLR(epochs=9, lr_min=0.0)",
    ),
    "early stopping": (
        {"early_stopping": tn.EarlyStopping(7)},
        "early_stopping is EarlyStopping(patience=7), the file's EarlyStopping(patience=8)",
    ),
}
LASTING = {
    "another loss": ({"loss_fn": tn.NLLLoss()}, "loss is NLLLoss, the file's CrossEntropyLoss"),
    "no test set": ({"test": None}, "test is None, the file's (9, 5) float32 with SHA-256 "),
    "another optimizer": (
        {"optimizer": lambda p: tn.RMSprop(p, 0.1, momentum=0.9)},
        "optimizer is RMSprop, the file's SGD",
    ),
    "other layers": (
        {"net": lambda: tn.Sequential(tn.Linear(5, 4, rng=1), tn.Linear(4, 3, rng=2))},
        "net is Sequential(Linear(5, 4), Linear(4, 3)), the file's Sequential(Linear(5, 4), ReLU()",
    ),
}


def advised(message):
    """What the message says to add, as pasted."""
    return ast.literal_eval(re.search(r"add changed=(\[.*?\])", message)[1])


class TestAnotherRun:
    @pytest.mark.parametrize("name", DIFFERENT)
    def test_is_named_and_can_be_the_same_run_changed_on_purpose(self, name, path):
        changes, words = DIFFERENT[name]
        message = refusal(path, **changes)
        assert f"{path} is of another run: " in message
        assert words in message
        assert "Build all of it as it was" in message
        names = advised(message)
        assert len(names) == 1
        run = arguments(**changes)
        history = tn.fit(**run, epochs=3, checkpoint=path, changed=names)
        assert len(history) == 3
        # it is recorded, and the way back has to be named
        assert advised(refusal(path)) == names
        assert len(tn.fit(**arguments(**changes), epochs=4, checkpoint=path)) == 4
        assert len(tn.fit(**arguments(**changes), epochs=5, checkpoint=path, changed=names)) == 5

    @pytest.mark.parametrize("name", LASTING)
    def test_of_another_kind(self, name, path):
        changes, words = LASTING[name]
        message = refusal(path, **changes)
        assert words in message
        if name == "another loss":
            assert "loss" in advised(message)
        else:
            assert "changed=" not in message
            names = ["test", "optimizer", "net", "net.state_dict()"]
            assert words in refusal(path, **changes, changed=names)

    def test_all_differences_at_once(self, path):
        names = ["the learning rate", "class weights", "labels", "the order"]
        changes = {}
        for name in names[:2]:
            changes |= DIFFERENT[name][0]
        changes["loader"] = {"y": OTHER_Y, "rng": 4}
        message = refusal(path, **changes)
        for name in names:
            assert DIFFERENT[name][1] in message
        assert advised(message) == ["data.y", "loader.seed", "loss.weight", "lr"]
        part = refusal(path, **changes, changed=["lr", "data.y"])
        assert "lr is" not in part and "loss.weight is" in part
        assert advised(part) == advised(message)

    def test_the_report_s_example(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])

        def run(lr, seed, y, loss):
            m = tn.Sequential(tn.Linear(4, 3, rng=seed), tn.LogSoftmax())
            loader = tn.DataLoader(X, y, batch_size=2, shuffle=True, rng=seed)
            optimizer = tn.SGD(m.parameters(), lr=lr)
            tn.fit(m, loss, optimizer, loader, epochs=3, checkpoint="run.ck", progress=False)
            return tn.fingerprint(m)

        first = run(0.1, 0, y, tn.NLLLoss())
        for other in [
            (0.1, 0, y, tn.NLLLoss(weight=[1, 1, 9])),
            (0.2, 0, y, tn.NLLLoss()),
            (0.1, 1, y, tn.NLLLoss()),
            (0.1, 0, y[::-1].copy(), tn.NLLLoss()),
        ]:
            with pytest.raises(tn.ModelFileError, match=r"run\.ck is of another run"):
                run(*other)
        assert run(0.1, 0, y, tn.NLLLoss()) == first

    def test_a_loss_of_one_s_own(self, path, tmp_path):
        class Smoothed(tn.CrossEntropyLoss):
            def __init__(self, share):
                super().__init__(label_smoothing=share)
                self.share = share

        assert "loss is Smoothed, the file's CrossEntropyLoss" in refusal(
            path, loss_fn=Smoothed(0.1)
        )
        own = tmp_path / "own"
        tn.fit(**arguments(loss_fn=Smoothed(0.1)), epochs=1, checkpoint=own)
        assert "loss.share is 0.2, the file's 0.1" in refusal(own, loss_fn=Smoothed(0.2))
        assert len(tn.fit(**arguments(loss_fn=Smoothed(0.1)), epochs=2, checkpoint=own)) == 2


class TestTheSameRun:
    def test_more_epochs_go_on_and_fewer_are_there_already(self, path, capsys):
        whole = arguments()
        expected = tn.fit(**whole, epochs=4)
        run = arguments()
        assert tn.fit(**run, epochs=4, checkpoint=path) == expected
        assert state(run) == state(whole)
        assert capsys.readouterr().out == ""
        for epochs in (4, 3):
            content = path.read_bytes()
            assert tn.fit(**arguments(), epochs=epochs, checkpoint=path) == expected
            assert capsys.readouterr().out == (
                f"fit: nothing is left to do: {path} holds 4 epochs, and {epochs} were asked for. "
                "Give more epochs, or another file for another run\n"
            )
            assert path.read_bytes() == content

    def test_what_early_stopping_ended(self, tmp_path, capsys):
        def run(epochs):
            options = {"early_stopping": tn.EarlyStopping(1), "schedule": None}
            frozen = arguments(optimizer=lambda p: tn.SGD(p, lr=0), **options)
            return tn.fit(**frozen, epochs=epochs, checkpoint=tmp_path / "run")

        assert len(run(9)) == 2
        assert capsys.readouterr().out == ""
        assert len(run(20)) == 2
        assert "nothing is left to do: early stopping ended the run of " in capsys.readouterr().out

    @pytest.mark.parametrize("compiled", [False, True])
    @pytest.mark.parametrize("every", [None, 1])
    def test_interrupted_in_a_notebook_and_called_again(
        self, every, compiled, tmp_path, monkeypatch
    ):
        """The very objects: weights, generator, schedule and lr have moved on."""
        path, whole = tmp_path / "run", arguments()
        expected = tn.fit(**whole, epochs=5)
        run = arguments(compiled=compiled)
        save, left = checkpointing.save_checkpoint, 0

        def save_and_interrupt(*rest):
            nonlocal left
            save(*rest)
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

        monkeypatch.setattr(checkpointing, "save_checkpoint", save_and_interrupt)
        for times in (1, 2, 1):
            left = times
            with pytest.raises(KeyboardInterrupt):
                tn.fit(**run, epochs=5, checkpoint=path, checkpoint_every=every)
            run["schedule"] = tn.CosineLR(9)  # as it stands in the cell
        assert run["optimizer"].lr < 0.1 or every
        assert tn.fit(**run, epochs=5, checkpoint=path, checkpoint_every=every) == expected
        assert state(run) == state(whole)

    def test_an_epoch_that_was_not_written_is_taken_again(self, path):
        """Ctrl-C within an epoch: the learning rate is already that epoch's."""

        class Interrupting(tn.DataLoader):
            countdown = 6

            def batch(self, order, number):
                self.countdown -= 1
                if self.countdown == 0:
                    raise KeyboardInterrupt
                return super().batch(order, number)

        run = arguments()
        run["loader"] = Interrupting(X, Y, batch_size=8, shuffle=True, rng=3)
        with pytest.raises(KeyboardInterrupt):
            tn.fit(**run, epochs=5, checkpoint=path)
        assert run["optimizer"].lr not in (0.1, tn.CosineLR(9).at(1, 0.1))
        assert len(tn.fit(**run, epochs=5, checkpoint=path)) == 5

    def test_changing_the_lr_in_a_notebook_is_a_change(self, path):
        run = arguments()
        tn.fit(**run, epochs=3, checkpoint=path)
        run["optimizer"].lr = 0.05
        with pytest.raises(tn.ModelFileError, match=r"lr is 0\.05, the file's 0\.1\. .*\['lr'\]"):
            tn.fit(**run, epochs=4, checkpoint=path)
        tn.fit(**run, epochs=4, checkpoint=path, changed=["lr"])
        assert run["optimizer"].lr == run["schedule"].at(3, 0.05)

    def test_without_seeds_a_new_process_goes_on(self, tmp_path):
        """Neither first weights nor order can be compared: each process draws its own."""

        def run():
            return arguments(net=lambda: network(None, None), loader={"rng": None})

        tn.fit(**run(), epochs=1, checkpoint=tmp_path / "run")
        assert len(tn.fit(**run(), epochs=2, checkpoint=tmp_path / "run")) == 2
        seeded = arguments(net=lambda: network(None, 2))
        assert len(tn.fit(**seeded, epochs=3, checkpoint=tmp_path / "run")) == 3

    def test_one_generator_for_all(self, tmp_path):
        def run():
            rng = np.random.default_rng(5)
            return arguments(net=lambda: network(rng, rng), loader={"rng": rng})

        tn.fit(**run(), epochs=1, checkpoint=tmp_path / "run")
        moved_on = run()
        moved_on["loader"].rng.random(100)
        assert len(tn.fit(**moved_on, epochs=2, checkpoint=tmp_path / "run")) == 2

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_data_in_another_layout_are_the_same(self, layout, path):
        moved = arguments(loader={"X": LAYOUTS[layout](X)})
        assert len(tn.fit(**moved, epochs=3, checkpoint=path)) == 3

    def test_data_in_a_file_are_the_same(self, path, tmp_path):
        np.save(tmp_path / "X.npy", X)
        mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
        assert len(tn.fit(**arguments(loader={"X": mapped}), epochs=3, checkpoint=path)) == 3

    def test_a_schedule_with_a_function_in_it(self, tmp_path):
        class By(tn.Schedule):
            def __init__(self, factor):
                self.factor = factor

            def at(self, epoch, start_lr):
                return start_lr * self.factor(epoch)

        def run():
            return arguments(schedule=By(lambda epoch: 0.5**epoch))

        tn.fit(**run(), epochs=1, checkpoint=tmp_path / "run")
        assert len(tn.fit(**run(), epochs=2, checkpoint=tmp_path / "run")) == 2


class TestChanged:
    def run(self, path, epochs=3, changed=(), **changes):
        run = arguments(**changes)
        run["history"] = tn.fit(**run, epochs=epochs, checkpoint=path, changed=changed)
        return run

    def test_the_learning_rate_is_the_new_one(self, path):
        run = self.run(path, changed="lr", optimizer=lambda p: tn.SGD(p, 0.2, 0.9))
        assert run["optimizer"].lr == tn.CosineLR(9).at(2, 0.2)

    def test_the_learning_rate_without_a_schedule(self, tmp_path):
        path = tmp_path / "run"
        self.run(path, 1, schedule=None)
        run = self.run(
            path, 2, changed=["lr"], schedule=None, optimizer=lambda p: tn.SGD(p, 0.3, 0.9)
        )
        assert run["optimizer"].lr == 0.3

    def test_another_schedule_starts_from_where_the_run_did(self, path):
        run = self.run(path, changed=["schedule"], schedule=tn.StepLR(2, 0.5))
        assert run["optimizer"].lr == 0.05
        run = self.run(path, 4, changed=["schedule"], schedule=None)
        assert run["optimizer"].lr == 0.1

    def test_another_order_is_drawn_by_the_new_seed(self, path):
        run = self.run(path, changed=["loader.seed"], loader={"rng": 4})
        twin = tn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=4)
        twin.order()
        assert (run["loader"].order() == twin.order()).all()

    @pytest.mark.parametrize(
        "stopping", [None, tn.EarlyStopping(6, restore_best=False), tn.EarlyStopping(6)]
    )
    def test_early_stopping(self, stopping, path):
        run = self.run(path, changed=["early_stopping"], early_stopping=stopping)
        assert len(run["history"]) == 3
        again = self.run(path, 4, changed=["early_stopping"])
        assert len(again["history"]) == 4

    def test_the_batches_only_between_epochs(self, path, monkeypatch):
        assert len(
            self.run(path, changed=["loader.batch_size"], loader={"batch_size": 5})["history"]
        )
        save = checkpointing.save_checkpoint

        def save_and_stop(*rest):
            save(*rest)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(checkpointing, "save_checkpoint", save_and_stop)
            tn.fit(
                **arguments(loader={"batch_size": 5}),
                epochs=4,
                checkpoint=path,
                checkpoint_every=1,
            )
        message = refusal(path, changed=["loader.batch_size"])
        assert "it was written within an epoch; finish that as it was begun, and change" in message
        assert "loader.batch_size" in message
        self.run(path, 4, loader={"batch_size": 5})
        self.run(path, 5, changed=["loader.batch_size"])

    @pytest.mark.parametrize("changed", [["Lr"], ["lr", "optimizer.lr"], "epochs"])
    def test_names_that_nothing_has(self, changed, path):
        with pytest.raises(
            ValueError, match=r"changed names \S+, which is nothing .* loss\.weight"
        ):
            tn.fit(**arguments(), epochs=3, checkpoint=path, changed=changed)

    @pytest.mark.parametrize("changed", [3, [1], True])
    def test_what_are_no_names(self, changed, path):
        with pytest.raises(TypeError, match=r'changed = .*expected names, such as \["lr"\]'):
            tn.fit(**arguments(), epochs=3, checkpoint=path, changed=changed)

    def test_without_a_checkpoint_it_cannot_be_meant(self):
        with pytest.raises(
            ValueError, match="fit: changed is about a checkpoint; give checkpoint="
        ):
            tn.fit(**arguments(), changed=["lr"])

    def test_a_checkpoint_of_a_loader_of_another_kind_is_refused_at_once(self, tmp_path):
        run = arguments() | {"loader": [(X[:4], Y[:4])]}
        before = state(run)
        with pytest.raises(TypeError, match=r"fit: checkpoint needs a DataLoader.* got list"):
            tn.fit(**run, checkpoint=tmp_path / "run")
        assert state(run) == before


class TestEarlierVersions:
    def old(self, tmp_path, **changes):
        import write  # tests/stored

        path = tmp_path / "run.checkpoint"
        path.write_bytes((STORED / "finished.checkpoint").read_bytes())
        return path, write.new_run() | changes

    @pytest.fixture(autouse=True)
    def stored(self, monkeypatch):
        monkeypatch.syspath_prepend(str(STORED.parent))

    def test_it_says_once_what_could_not_be_compared(self, tmp_path):
        path, run = self.old(tmp_path)
        with pytest.warns(UserWarning, match="checkpoint of an earlier version") as caught:
            tn.fit(**run, epochs=3, progress=False, checkpoint=path)
        (only,) = caught
        for name in ("loss.weight", "data.X", "data.y", "loader.seed", "net.1.seed", "validation"):
            assert name in str(only.message)
        assert Path(only.filename).name == Path(__file__).name
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tn.fit(**self.old(tmp_path / ".." / tmp_path.name)[1], epochs=4, progress=False,
                   checkpoint=self.written(path, tmp_path))  # fmt: skip

    def written(self, path, tmp_path):
        """A checkpoint of today's, of the same run."""
        new = tmp_path / "new"
        run = self.old(tmp_path)[1]
        tn.fit(**run, epochs=3, progress=False, checkpoint=new)
        return new

    def test_what_it_has_is_compared(self, tmp_path):
        path, run = self.old(tmp_path)
        run["optimizer"] = tn.Adam(run["net"].parameters(), lr=0.05, maximize=True)
        with pytest.raises(tn.ModelFileError, match="maximize is True, the file's False"):
            tn.fit(**run, epochs=3, progress=False, checkpoint=path)
        path, run = self.old(tmp_path)
        run["optimizer"].lr = 0.5
        with pytest.raises(tn.ModelFileError, match=r"lr is 0\.5, the file's 0\.05"):
            tn.fit(**run, epochs=3, progress=False, checkpoint=path)


class TestLoopsOfOneSOwn:
    def parts(self, **changes):
        run = arguments(**changes)
        return run["net"], run["optimizer"], run["loader"], tn.History()

    def test_a_recipe_is_compared_line_by_line(self, tmp_path):
        path, lines = tmp_path / "run", {"loss": "CrossEntropyLoss()", "crop": "3", "secret": None}
        tn.save_checkpoint(path, *self.parts(), recipe=lines)
        tn.load_checkpoint(path, *self.parts(), recipe=lines | {"crop": None})
        with pytest.raises(tn.ModelFileError, match=r"crop is 4, the file's 3.*\['crop'\]"):
            tn.load_checkpoint(path, *self.parts(), recipe=lines | {"crop": "4"})
        tn.load_checkpoint(path, *self.parts(), recipe=lines | {"crop": "4"}, changed=["crop"])
        with pytest.warns(UserWarning, match="without tilt: whether"):
            tn.load_checkpoint(path, *self.parts(), recipe=lines | {"tilt": "1"})

    def test_without_one_nothing_more_is_compared_and_nothing_said(self, path, tmp_path):
        run = arguments(loader={"y": OTHER_Y}, optimizer=lambda p: tn.SGD(p, 0.3, 0.9))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            history = tn.History()
            tn.load_checkpoint(
                *(path, run["net"], run["optimizer"], run["loader"], history),
                *(run["schedule"], run["early_stopping"]),
            )
        assert len(history) == 2


class TestDigest:
    def test_every_bit_and_the_form_count(self):
        told = {_recipe.digest(X)}
        for other in (OTHER_X, X.T, X.reshape(5, 30), X.astype(np.float64), X[:29], -X):
            told.add(_recipe.digest(other))
        assert len(told) == 7

    def test_large_arrays_go_by_parts(self, monkeypatch):
        whole = _recipe.digest(X)
        for size in (1, 20, 100, 2**22):
            monkeypatch.setattr(_recipe, "PART", size)
            assert _recipe.digest(X) == whole

    def test_what_cannot_be_seen(self):
        assert _recipe.digest(np.array([object()])) is None
        assert _recipe.digest([1, 2]) is None

    def test_the_file_stays_small(self, path):
        tn.save_checkpoint(path.with_name("bare"), *TestLoopsOfOneSOwn().parts())
        assert os.path.getsize(path) - os.path.getsize(path.with_name("bare")) < 4000
