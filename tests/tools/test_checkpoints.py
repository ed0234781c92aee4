"""A run that was stopped at any batch ends with the bits of one that was not."""

import copy
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from cases import slow_but
from checkpointed_run import EPOCHS, GENERATORS, OPTIMIZERS, STEPS, Run
from child import TESTS
from survival import (
    SAVING,
    WRITING,
    errors_in_a_full_folder,
    interrupted_at_every_line,
    kills_at_every_line,
    run_in_process,
)
from test_serialization import BITS, TEXT, flips, fuzz

import tinynet as tn
from tinynet.formats import checkpoint
from tinynet.formats import safetensors as _safetensors
from tinynet.rng import generator_state


class StopError(Exception):
    pass


def stop_after(events: int) -> Callable[[str], None]:
    left = events

    def event(what: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise StopError

    return event


def state_of(run: Run) -> Any:
    """All that a checkpoint holds, and the gradients, in a form in which every bit shows."""
    weights = [
        (p.data.tobytes(), None if p.grad is None else p.grad.tobytes())
        for p in run.optimizer.parameters
    ]
    memories = [
        {name: v.tobytes() if isinstance(v, np.ndarray) else v for name, v in state.items()}
        for state in run.optimizer.state
    ]
    epoch = run.running and (
        run.running.order.tobytes(),
        run.running.losses,
        run.running.accuracies,
    )
    rng = repr(generator_state(run.rng))
    best = run.early_stopping and {
        name: weights.tobytes() for name, weights in run.early_stopping.best_weights.items()
    }
    lrs = run.optimizer.lr, run.schedule and run.schedule.start_lr
    return weights, memories, copy.deepcopy(vars(run.history)), epoch, lrs, best, rng


def stopped(tmp_path: Path, events: int = 8, **options: Any) -> tuple[Run, Path]:
    run, path = Run(**options), tmp_path / "run"
    with pytest.raises(StopError):
        run.train(path, stop_after(events))
    return run, path


def trained(tmp_path: Path, **options: Any) -> bytes:
    path = tmp_path / "uninterrupted"
    run = Run(**options)
    run.train(path)
    assert len(run.history) == EPOCHS
    return path.read_bytes()


# The same bits


def assert_same_bits_wherever_stopped(tmp_path: Path, stops: Any, **options: Any) -> None:
    expected = trained(tmp_path, **options)
    for events in stops:
        _, path = stopped(tmp_path, events, **options)
        second = Run(**options)
        for parameter in second.net.parameters():
            parameter.data += 1
        second.rng.random(5)
        second.resume(path)
        second.train(path)
        assert path.read_bytes() == expected
        path.unlink()


# an event is a step or the writing of its checkpoint; the first file is there after two
STOPS = range(2, 2 * STEPS + 1)


@pytest.mark.parametrize("optimizer", slow_but(2, OPTIMIZERS))
def test_stopped_at_every_batch_with_every_optimizer(optimizer: str, tmp_path: Path) -> None:
    assert_same_bits_wherever_stopped(tmp_path, STOPS, optimizer=optimizer)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("shuffle", [True, False])
def test_stopped_with_every_generator(generator: str, shuffle: bool, tmp_path: Path) -> None:
    options = {"generator": generator, "shuffle": shuffle}
    assert_same_bits_wherever_stopped(tmp_path, (2, 7, 10), **options)


@pytest.mark.parametrize("options", [{"dtype": np.float64}, {"drop_last": True}])
def test_stopped_in_float64_and_with_drop_last(options: dict[str, Any], tmp_path: Path) -> None:
    assert_same_bits_wherever_stopped(tmp_path, (3, 8), **options)


def test_stopped_at_every_batch_with_a_schedule_and_early_stopping(tmp_path: Path) -> None:
    assert_same_bits_wherever_stopped(tmp_path, STOPS, planned=True)


def test_stopped_after_every_single_batch(tmp_path: Path) -> None:
    expected, path = trained(tmp_path), tmp_path / "run"
    stops = 0
    while True:
        run = Run()
        if path.exists():
            run.resume(path)
        try:
            run.train(path, stop_after(2))
        except StopError:
            stops += 1
        else:
            break
    assert stops == STEPS
    assert path.read_bytes() == expected


def test_a_loaded_run_is_where_the_saved_one_was(tmp_path: Path) -> None:
    run, path = stopped(tmp_path, 10)
    second = Run()
    second.resume(path)
    run.net.zero_grad()
    assert state_of(second) == state_of(run)
    assert second.running is not None
    assert len(second.running.losses) == 2
    assert len(second.history) == 1
    second.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    for state in second.optimizer.state:
        for memory in state.values():
            assert type(memory) is int or memory.flags.writeable


def test_bits_of_scores_and_memories_that_are_not_numbers(tmp_path: Path) -> None:
    run, path = stopped(tmp_path)
    run.history.test_loss[0] = float("nan")
    run.history.train_loss[0] = -0.0
    run.optimizer.state[0]["square"][0] = np.inf  # a large gradient, squared in float32
    run.save(path)
    second = Run()
    second.resume(path)
    assert repr(second.history) == repr(run.history)
    assert (second.optimizer.state[0]["square"][0] == np.inf).all()


def test_before_the_first_step_and_between_epochs(tmp_path: Path) -> None:
    path = tmp_path / "run"
    Run().save(path)
    run = Run()
    run.resume(path)
    assert run.running is None
    assert run.optimizer.state == [{}, {}, {}]
    run.train(path)
    assert path.read_bytes() == trained(tmp_path)
    run.resume(path)
    assert run.running is None
    assert len(run.history) == EPOCHS


def test_an_optimizer_of_ones_own_and_of_some_parameters(tmp_path: Path) -> None:
    class Counting(tn.Optimizer):
        def update(self, w: Any, g: Any, state: Any) -> None:
            state["steps"] = state.get("steps", 0) + 1
            state["sum"] = np.asfortranarray(state.get("sum", 0) + g)
            state["size"] = float(abs(g).max())
            w -= np.asarray(self.lr / state["steps"] * state["sum"], w.dtype)

    def make() -> Run:
        run = Run()
        run.optimizer = Counting(run.net.parameters()[2:] + run.net.parameters()[:1], 0.1)
        return run

    path = tmp_path / "run"
    make().train(path)
    expected = path.read_bytes()
    path.unlink()
    with pytest.raises(StopError):
        make().train(path, stop_after(7))
    second = make()
    second.resume(path)
    second.train(path)
    assert path.read_bytes() == expected
    second.optimizer.state[1]["history"] = [1.0]
    second.optimizer.state[0]["row"] = np.zeros(3, np.float32)
    second.optimizer.state[0]["size"] = float("inf")
    with pytest.raises(ValueError, match="save_checkpoint") as caught:
        second.save(path)
    for words in (
        "optimizer.state[1]['history'] = [1.0], expected a finite number",
        "optimizer.state[0]['row'] is (3,) float32, expected (4, 3) float32",
        "optimizer.state[0]['size'] = inf",
        "nothing was written",
    ):
        assert words in str(caught.value)
    assert path.read_bytes() == expected


def test_the_file_is_plain_safetensors(tmp_path: Path) -> None:
    run, path = stopped(tmp_path)
    arrays = safetensors.numpy.load_file(path)
    np.testing.assert_array_equal(arrays["net.0.weight"], run.net.state_dict()["0.weight"])
    np.testing.assert_array_equal(arrays["optimizer.2.mean"], run.optimizer.state[2]["mean"])
    np.testing.assert_array_equal(arrays["history.train_loss"], run.history.train_loss)
    assert run.running is not None
    np.testing.assert_array_equal(arrays["running.order"], run.running.order)


# Kills, Ctrl-C, full disks


KILLED_RUNS = """
sys.path.insert(0, sys.argv[2])
from checkpointed_run import STEPS, Run
Run().train(root / "uninterrupted")
expected = (root / "uninterrupted").read_bytes()
path = root / "run"

def work(kill_at):
    run, events = Run(), 0
    if path.exists():
        run.resume(path)
    def event(what):
        nonlocal events
        events += 1
        if events == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
    run.train(path, event)

kills = 0
for kill_at in range(1, 2 * STEPS + 1):
    assert forked(lambda: work(kill_at)) == -signal.SIGKILL
    kills += 1
    assert path.exists() == (kill_at > 1)
    assert forked(lambda: work(None)) == 0
    assert path.read_bytes() == expected
    path.unlink()
while (code := forked(lambda: work(2))) == -signal.SIGKILL:  # killed again and again
    kills += 1
assert code == 0 and path.read_bytes() == expected
print(kills)
"""


@pytest.mark.slow
def test_killed_at_every_batch(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    kills = int(run_in_process(KILLED_RUNS, str(tmp_path), str(TESTS / "children")))
    assert kills == 3 * STEPS
    record_property("training: kills survived", kills)


SAVE = f"""
sys.path.insert(0, {str(TESTS / "children")!r})
from checkpointed_run import Run
runs = [Run(), Run()]
runs[1].train(root / "file")
def write(path, which):
    runs[which].save(path)
def read(path):
    Run().resume(path)
"""


EVERY_LINE = [WRITING, pytest.param(SAVING, marks=pytest.mark.slow)]


@pytest.mark.parametrize("modules", EVERY_LINE)
def test_killed_at_every_line_of_save_checkpoint(
    modules: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    kills, new = kills_at_every_line(SAVE, tmp_path, modules)
    assert kills > (10 if modules == WRITING else 100)
    assert 0 < new < 10
    record_property("save_checkpoint: kills survived", kills)


@pytest.mark.slow
@pytest.mark.parametrize("modules", EVERY_LINE)
def test_interrupted_at_every_line_of_save_checkpoint(modules: str, tmp_path: Path) -> None:
    stops, new = interrupted_at_every_line(SAVE, tmp_path, modules)
    assert stops > (10 if modules == WRITING else 100)
    assert 0 < new < 10


def test_full_disk(tmp_path: Path) -> None:
    run, _ = stopped(tmp_path)
    big = Run()
    big.loader = tn.DataLoader(np.ones((10_000, 5), np.float32), np.zeros(10_000, int), 4)
    big.running = tn.RunningEpoch(big.loader.order())
    assert errors_in_a_full_folder(tmp_path, run.save, big.save) == errno.ENOSPC


# Damage


def fuzz_checkpoint(tmp_path: Path, masks: Any, record: Callable[[str, object], None]) -> None:
    _, path = stopped(tmp_path)
    content, target, second = path.read_bytes(), Run(), Run()
    second.resume(path)
    expected, before = state_of(second), state_of(target)
    start = tmp_path / "start"
    target.save(start)

    def load() -> Run:
        try:
            target.resume(path)
        except tn.ModelFileError:
            assert state_of(target) == before
            raise
        return target

    def check(result: Run) -> None:
        assert state_of(result) == expected
        target.resume(start)

    changes = flips(content, masks)
    assert fuzz(path, changes, load, check) > 0.98 * len(changes)
    cuts = [content[:n] for n in range(len(content))] + [content + b"\0"]
    assert fuzz(path, cuts, load, check) == len(cuts)
    record("checkpoint: bytes", len(content))
    record("checkpoint: flips and cuts tried", len(changes) + len(cuts))


def test_every_flipped_byte_and_every_cut_is_refused_or_harmless(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    fuzz_checkpoint(tmp_path, [1], record_property)


@pytest.mark.slow
def test_every_flipped_bit_and_every_cut_is_refused_or_harmless(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    fuzz_checkpoint(tmp_path, [*BITS, 0x55, 0xFF], record_property)


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Change arrays and document of a checkpoint, and give it a right hash again."""
    arrays, document = _safetensors.read(path, checkpoint.FORMAT)
    assert document is not None
    change(arrays, document)
    path.write_bytes(_safetensors.to_bytes(arrays, document))


def put(name: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], object]:
    def change(arrays: dict[str, Any], document: dict[str, Any]) -> None:
        (arrays if isinstance(value, np.ndarray) else document)[name] = value

    return change


def drop(name: str) -> Callable[[dict[str, Any], dict[str, Any]], object]:
    return lambda arrays, document: (arrays.pop(name, None), document.pop(name, None))


F32, NAN = np.float32, float("nan")
DAMAGES: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], str]] = {
    "no setup": (drop("setup"), "is of another run"),
    "setup is a list": (put("setup", []), "is of another run"),
    "no lr": (drop("lr"), "lr = None is not a number"),
    "negative lr": (put("lr", -1.0), "lr = -1"),
    "lr is NaN": (put("lr", NAN), "not JSON|lr = nan"),
    "no numbers": (drop("numbers"), "not 3 dicts"),
    "too few numbers": (put("numbers", [{}]), "not 3 dicts"),
    "numbers of no parameter": (put("numbers", [1, 2, 3]), "not 3 dicts"),
    "a text": (put("numbers", [{"step": "5"}, {}, {}]), r"\['step'\] = '5', expected a finite"),
    "no rng": (drop("rng"), "state is from None"),
    "rng is a list": (put("rng", []), "state is from None"),
    "rng of another kind": (put("rng", {"generator": "TorchGenerator"}), "'TorchGenerator'"),
    "damaged rng": (put("rng", {"generator": "Generator", "state": {}}), "damaged"),
    "missing weight": (drop("net.0.weight"), "missing 0.weight"),
    "unknown weight": (put("net.9", np.ones(1, F32)), "unknown 9"),
    "shape of a weight": (put("net.0.weight", np.ones((5, 4), F32)), "expected \\(4, 5\\)"),
    "weight is NaN": (put("net.0.bias", np.full(4, np.nan, F32)), "0.bias holds NaN"),
    "shape of a memory": (put("optimizer.0.mean", np.ones((4, 5), F32)), "expected \\(5, 4\\)"),
    "dtype of a memory": (put("optimizer.0.mean", np.ones((5, 4))), "\\(5, 4\\) float64, expected"),
    "memory of no parameter": (put("optimizer.3.mean", np.ones(1)), "unknown optimizer.3.mean"),
    "unknown array": (put("other", np.ones(1)), "unknown other"),
    "missing scores": (drop("history.test_loss"), "history has"),
    "unknown scores": (put("history.x", np.ones(1)), "history has .*x"),
    "scores of float32": (
        put("history.train_loss", np.ones(1, F32)),
        "train_loss is \\(1,\\) float",
    ),
    "2-D scores": (put("history.train_loss", np.ones((1, 1))), "train_loss is \\(1, 1\\) float"),
    "no order": (drop("running.order"), "expected order, losses, accuracies"),
    "no losses": (drop("running.losses"), "expected order, losses, accuracies"),
    "more of an epoch": (put("running.x", np.ones(1)), "expected order, losses, accuracies"),
    "order out of range": (put("running.order", np.arange(1, 14)), r"in \[0, 13\)"),
    "negative order": (put("running.order", np.arange(-1, 12)), r"in \[0, 13\)"),
    "2-D order": (put("running.order", np.zeros((13, 1), int)), r"in \[0, 13\)"),
    "order of floats": (put("running.order", np.zeros(13)), r"in \[0, 13\)"),
    "lengths differ": (put("running.losses", np.zeros(4)), "differ in length"),
    "more batches than there are": (
        lambda a, d: a.update({f"running.{n}": np.zeros(5) for n in ("losses", "accuracies")}),
        "exceed 3 batches",
    ),
    "all at once": (
        lambda a, d: (put("lr", "x")(a, d), put("other", np.ones(1))(a, d), drop("numbers")(a, d)),
        "lr = 'x'.*not 3 dicts.*unknown other",
    ),
}


PLAN_DAMAGES: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], str]] = {
    "no start_lr": (drop("start_lr"), "CosineLR.*: start_lr = None is not a number"),
    "negative start_lr": (
        put("start_lr", -0.1),
        r"start_lr = -0.1 is .*begin\(optimizer\)",
    ),
    "no best weights": (
        lambda a, d: [a.pop(name) for name in [*a] if name.startswith("best.")],
        "best weights are missing, expected 0.bias, 0.weight, 2.weight",
    ),
    "a best weight too few": (drop("best.0.bias"), "best weights are 0.weight, 2.weight, expected"),
    "unknown best weight": (put("best.9", np.ones(1, F32)), "best weights are .*, 9, expected"),
    "shape of a best weight": (
        put("best.0.bias", np.ones(3, F32)),
        r"0.bias is \(3,\) float32",
    ),
    "dtype of a best weight": (put("best.0.bias", np.ones(4)), r"best 0.bias is \(4,\) float64"),
    "best weight is NaN": (put("best.0.bias", np.full(4, np.nan, F32)), "best 0.bias holds NaN"),
    "best weights of no epoch": (
        put("history.validation_loss", np.full(1, np.nan)),
        "best weights are 0.bias, .*, expected none",
    ),
}


@pytest.mark.parametrize("name", [*DAMAGES, *PLAN_DAMAGES])
def test_damage_under_a_right_hash(name: str, tmp_path: Path) -> None:
    change, words = (DAMAGES | PLAN_DAMAGES)[name]
    planned = name in PLAN_DAMAGES
    _, path = stopped(tmp_path, planned=planned)
    rewritten(path, change)
    target = Run(planned=planned)
    before = state_of(target)
    with pytest.raises(ValueError, match=TEXT) as caught:
        target.resume(path)
    assert type(caught.value) is tn.ModelFileError
    assert str(path) in str(caught.value)
    assert re.search(words, str(caught.value))
    assert state_of(target) == before


def with_layer(layer: tn.Module) -> Callable[[Run], None]:
    def change(run: Run) -> None:
        run.net = tn.Sequential(run.net, layer)
        run.optimizer = tn.AdamW(run.net.parameters(), 0.01, (0.8, 0.99), amsgrad=True)

    return change


def with_optimizer(**changes: Any) -> Callable[[Run], None]:
    def change(run: Run) -> None:
        options = {"lr": 0.01, "betas": (0.8, 0.99), "amsgrad": True} | changes
        run.optimizer = tn.AdamW(run.net.parameters(), **options)

    return change


def with_loader(**changes: Any) -> Callable[[Run], None]:
    def change(run: Run) -> None:
        options: dict[str, Any] = {"X": run.loader.X, "y": run.loader.y, "batch_size": 5}
        run.loader = tn.DataLoader(**options | {"shuffle": True, "rng": run.rng} | changes)

    return change


def with_parameters(run: Run) -> None:
    run.optimizer = tn.AdamW(run.net.parameters()[1:], 0.01, (0.8, 0.99), amsgrad=True)


OTHER_RUNS: dict[str, tuple[Callable[[Run], None], list[str]]] = {
    "another layer": (with_layer(tn.ReLU()), ["net is Sequential(Sequential("]),
    "another width": (with_layer(tn.Linear(3, 2, rng=0)), ["1.bias (2,) float32, the file's"]),
    "another optimizer": (
        lambda run: setattr(run, "optimizer", tn.SGD(run.net.parameters(), 0.1)),
        ["optimizer is SGD, the file's AdamW", "optimizer.momentum is 0.0, the file's None"],
    ),
    "other options": (
        with_optimizer(eps=1e-7, amsgrad=False),
        ["optimizer.eps is 1e-07, the file's 1e-08", "optimizer.amsgrad is False, the file's True"],
    ),
    "other parameters": (with_parameters, ["optimizer.parameters is 0.bias, 2.weight, the file's"]),
    "more rows": (
        with_loader(X=np.ones((16, 5), F32), y=np.ones(16, int)),
        ["loader.X is (16, 5) float32, the file's (13, 5) float32", "loader.y is (16,) int64"],
    ),
    "a schedule": (
        lambda run: setattr(run, "schedule", tn.StepLR(1)),
        ["schedule is StepLR(step_size=1, gamma=0.1), the file's None"],
    ),
    "early stopping": (
        lambda run: setattr(run, "early_stopping", tn.EarlyStopping(3, restore_best=False)),
        ["early_stopping is EarlyStopping(patience=3, restore_best=False), the file's None"],
    ),
    "other batches": (
        with_loader(batch_size=4, shuffle=False, drop_last=True, scale=0.5,
                    rng=tn.TorchGenerator(0)),
        ["batch_size is 4, the file's 5", "shuffle is False", "drop_last is True", "scale is 0.5",
         "loader.rng is TorchGenerator, the file's Generator"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_RUNS)
def test_a_checkpoint_of_another_run(name: str, tmp_path: Path) -> None:
    change, words = OTHER_RUNS[name]
    _, path = stopped(tmp_path)
    target = Run()
    change(target)
    before = state_of(target)
    with pytest.raises(tn.ModelFileError, match=r"is of another run: .* Build all of it") as caught:
        target.resume(path)
    assert re.match(TEXT, str(caught.value))
    for part in (*words, str(path)):
        assert part in str(caught.value)
    assert state_of(target) == before


def test_another_kind_of_numpy_generator(tmp_path: Path) -> None:
    _, path = stopped(tmp_path)
    target = Run(generator="MT19937")
    before = state_of(target)
    with pytest.raises(tn.ModelFileError, match=r"state of Generator is damaged .*MT19937"):
        target.resume(path)
    assert state_of(target) == before


# Bad arguments


def test_models_and_checkpoints_are_told_apart(tmp_path: Path) -> None:
    run, path = stopped(tmp_path)
    model, foreign = tmp_path / "model", tmp_path / "foreign"
    tn.save(run.net, model)
    safetensors.numpy.save_file(run.net.state_dict(), foreign)
    before = state_of(run)
    with pytest.raises(tn.ModelFileError, match=r"'tinynet model 1' file.*tn\.load reads models"):
        run.resume(model)
    with pytest.raises(tn.ModelFileError, match=r"'tinynet checkpoint 1'.*load_checkpoint reads"):
        tn.load(path)
    with pytest.raises(tn.ModelFileError, match=r"is no checkpoint.*tn\.load\(path, into=net\)"):
        run.resume(foreign)
    with pytest.raises(FileNotFoundError):
        run.resume(tmp_path / "nowhere")
    assert state_of(run) == before


def test_wrong_arguments(tmp_path: Path) -> None:
    run, path = Run(), tmp_path / "run"
    names = ["net", "optimizer", "loader", "history"]
    good = dict(zip(names, run.parts(), strict=True))
    for name in [*names, "schedule", "early_stopping"]:
        for function in (tn.save_checkpoint, tn.load_checkpoint):
            arguments: dict[str, Any] = good | {name: {"a": 1}}
            with pytest.raises(TypeError, match=rf"{function.__name__}: {name} is dict, expected"):
                function(path, **arguments)
    schedule = tn.StepLR(2)
    with pytest.raises(ValueError, match=r"start_lr = None .*begin\(optimizer\) sets it; nothing"):
        tn.save_checkpoint(path, *good.values(), schedule=schedule)
    foreign = tn.Linear(2, 2, rng=0)
    run.optimizer = tn.Adam([*run.net.parameters(), *foreign.parameters()])
    with pytest.raises(ValueError, match=r"optimizer\.parameters\[3\] is no parameter of this"):
        run.save(path)
    run = Run()
    vars(run.optimizer)["lr"] = float("nan")  # assigned, it would be refused
    run.running = tn.RunningEpoch(np.arange(16), [1.0], [])
    with pytest.raises(ValueError, match=r"lr = nan.*order.*differ in length.*nothing was written"):
        run.save(path)
    run = Run()
    run.net.layers[0].b.data[0] = np.nan
    with pytest.raises(ValueError, match=r"save_checkpoint: 0\.bias holds NaN or inf"):
        run.save(path)
    assert os.listdir(tmp_path) == []
