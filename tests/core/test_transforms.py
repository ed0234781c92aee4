"""A loader's transform: the same bits for the same seed, in every way, also after a resume."""

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_hand import network, rows
from strategies import same_bits

import tinynet as tn

N, BATCH = 43, 8
X, Y = rows(N)


def noisy(x: Any, rng: np.random.Generator) -> Any:
    return x + 0.3 * rng.standard_normal(x.shape, np.float32)


def rolled(x: Any, rng: np.random.Generator) -> Any:
    """Each row rolled by a number of its own; the batch is its own copy, and may be changed."""
    for row, by in zip(x, rng.integers(0, 12, len(x)), strict=True):
        row[...] = np.roll(row, by)
    return x


def loader(transform: Any = noisy, rng: Any = 5, **options: Any) -> tn.DataLoader:
    options = {"batch_size": BATCH, "shuffle": True} | options
    return tn.DataLoader(X, Y, rng=rng, transform=transform, **options)


def dealt(batches: Any, epochs: int = 2) -> list[tuple[bytes, bytes]]:
    return [(x.tobytes(), y.tobytes()) for _ in range(epochs) for x, y in batches]


GENERATORS = {"NumPy's": lambda: 5, "PyTorch's": lambda: tn.TorchGenerator(5)}
every_generator = pytest.mark.parametrize("rng", GENERATORS.values(), ids=GENERATORS)
shuffled_or_not = pytest.mark.parametrize("shuffle", [True, False])


class TestBatches:
    @every_generator
    @shuffled_or_not
    def test_the_same_seed_gives_the_same_and_another_another(
        self, rng: Any, shuffle: bool
    ) -> None:
        first = dealt(loader(rng=rng(), shuffle=shuffle))
        assert first == dealt(loader(rng=rng(), shuffle=shuffle))
        assert first[0] != dealt(loader(rng=6, shuffle=shuffle))[0]

    @every_generator
    @shuffled_or_not
    def test_every_batch_of_every_epoch_has_its_own_numbers(self, rng: Any, shuffle: bool) -> None:
        def numbers(x: Any, generator: np.random.Generator) -> Any:
            return np.full_like(x, generator.random())

        batches = loader(numbers, rng(), shuffle=shuffle)
        drawn = [x[0, 0] for _ in range(3) for x, _ in batches]
        assert len({*drawn}) == len(drawn) == 3 * 6

    @every_generator
    @shuffled_or_not
    def test_the_orders_are_those_without_a_transform(self, rng: Any, shuffle: bool) -> None:
        with_one, without = (
            loader(transform, rng(), shuffle=shuffle) for transform in (noisy, None)
        )
        for _ in range(3):
            assert same_bits(with_one.order(), without.order())

    def test_it_is_handed_the_rows_and_its_result_is_dealt_out(self) -> None:
        seen = []

        def doubled(x: Any, rng: np.random.Generator) -> Any:
            seen.append(x.copy())
            assert type(rng) is np.random.Generator
            return 2 * x

        before = X.copy()
        plain = list(loader(None))
        for (x, y), (given, labels), kept in zip(loader(doubled), plain, seen, strict=False):
            assert same_bits(kept, given) and same_bits(x, 2 * given) and same_bits(y, labels)
        assert same_bits(X, before) and X.flags.writeable

    def test_any_batch_may_be_asked_for_alone(self) -> None:
        one, other = loader(), loader()
        whole = list(one)
        order = other.order()
        for number in (3, 0, 5, 3):
            assert same_bits(other.batch(order, number)[0], whole[number][0])
        raw = other.gather(order[:BATCH])[0]
        assert same_bits(raw, X[order[:BATCH]])

    def test_pixels_are_scaled_before(self) -> None:
        pixels = np.arange(2 * N * 3, dtype=np.uint8).reshape(2 * N, 3)
        seen = []

        def look(x: Any, rng: np.random.Generator) -> Any:
            seen.append(x.copy())
            return x

        made = tn.DataLoader(pixels, np.arange(2 * N), 5, scale=1 / 255, transform=look)
        for (x, _), given in zip(made, seen, strict=False):
            assert x.dtype == given.dtype == np.float32 and same_bits(x, given)

    def test_copies_pickles_and_repr(self) -> None:
        made = loader(rolled)
        assert "transform=rolled" in repr(made)
        assert "transform" not in repr(loader(None))
        for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
            assert dealt(twin) == dealt(loader(rolled))


WRONG: dict[str, tuple[Any, Any, str]] = {
    "rows": (lambda x, rng: x[1:], ValueError, r"returned shape \(7, 12\), expected \(8, 12\)"),
    "features": (lambda x, rng: x[:, 1:], ValueError, r"returned shape \(8, 11\)"),
    "dtype": (
        lambda x, rng: x + rng.standard_normal(x.shape),
        TypeError,
        r"returned float64, expected float32.*return x.astype\(dtype\)",
    ),
    "nothing": (lambda x, rng: None, TypeError, "returned NoneType.*end it with return x"),
    "a list": (lambda x, rng: x.tolist(), TypeError, "returned list, expected an array"),
    "NaN": (lambda x, rng: x * np.nan, ValueError, "returned NaN or infinity"),
    "the data set": (
        lambda x, rng: X.__setitem__((0, 0), 9.0) or x,
        ValueError,
        "transform changes the data set itself; change x",
    ),
    "its own error": (lambda x, rng: x.reshape(3, 5), ValueError, "cannot reshape"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_it_must_not_do(name: str) -> None:
    transform, error, words = WRONG[name]
    before = X.copy()
    with pytest.raises(error, match=words):
        list(loader(transform))
    net, optimizer_of = network(), tn.SGD
    weights = [p.data.copy() for p in net.parameters()]
    with pytest.raises(error, match=words):  # before anything is learned
        tn.fit(
            *(net, tn.NLLLoss(), optimizer_of(net.parameters(), lr=0.1), loader(transform)),
            progress=False,
        )
    assert all(same_bits(p.data, w) for p, w in zip(net.parameters(), weights, strict=True))
    assert same_bits(X, before) and X.flags.writeable


def test_an_array_that_is_read_only_stays_so() -> None:
    data = X.copy()
    data.flags.writeable = False
    batches = tn.DataLoader(data, Y, 8, rng=5, transform=rolled)
    list(batches)
    assert not data.flags.writeable


@pytest.mark.parametrize("value", [3, "noise", [noisy]])
def test_it_is_a_function(value: Any) -> None:
    with pytest.raises(TypeError, match=r"DataLoader: transform = .*, expected a function"):
        loader(value)


@pytest.mark.parametrize("function", [lambda x: x, lambda: None, lambda x, rng, more: x])
def test_it_takes_a_batch_and_a_generator(function: Any) -> None:
    words = "called with 2 arguments and takes others.*write it as transform\\(x, rng\\)"
    with pytest.raises(TypeError, match=words):
        loader(function)


@pytest.mark.parametrize("function", [lambda x, rng, more=1: x, lambda *both: both[0], np.add])
def test_more_may_have_a_default_or_be_unknown(function: Any) -> None:
    assert loader(function).transform is function


def fitted(
    compiled: bool | None, transform: Any = noisy, epochs: int = 3, **options: Any
) -> tuple[Any, dict[str, bytes]]:
    data, given = options.pop("data", {}), options.pop("rng", 5)
    net = network()
    optimizer = tn.SGD(net.parameters(), lr=0.1, momentum=0.5)
    history = tn.fit(
        *(net, tn.NLLLoss(), optimizer, loader(transform, given, **data)),
        test=(X, Y),
        epochs=epochs,
        progress=False,
        compiled=compiled,
        **options,
    )
    return history, {name: array.tobytes() for name, array in net.state_dict().items()}


class TestTraining:
    @pytest.mark.parametrize("transform", [noisy, rolled])
    def test_every_way_has_the_same_bits(self, transform: Any) -> None:
        layers, compiled = fitted(False, transform), fitted(True, transform)
        assert layers == compiled
        assert layers != fitted(False, None)
        net = network()
        loss_fn, optimizer = tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1, momentum=0.5)
        batches = loader(transform)
        for _ in range(3):
            for xb, yb in batches:
                loss_fn(net(xb), yb)
                optimizer.zero_grad()
                net.backward(loss_fn.backward())
                optimizer.step()
        assert {name: a.tobytes() for name, a in net.state_dict().items()} == layers[1]

    def test_compiled_with_plain_descent_and_scaled_pixels(self) -> None:
        pixels = (20 * np.abs(X)).astype(np.uint8)
        results = []
        for compiled in (False, True):
            net = network()
            optimizer = tn.SGD(net.parameters(), lr=0.1)
            made = tn.DataLoader(
                *(pixels, Y), batch_size=8, shuffle=True, rng=5, scale=0.05, transform=noisy
            )
            history = tn.fit(
                *(net, tn.NLLLoss(), optimizer, made), epochs=2, progress=False, compiled=compiled
            )
            results.append((history, tn.fingerprint(net)))
        assert results[0] == results[1]

    def test_what_is_scored_is_not_transformed(self) -> None:
        history, _ = fitted(False, lambda x, rng: 0 * x, epochs=1)
        net = network()
        for parameter in net.parameters():
            assert parameter.grad is not None
        assert history.test_loss[0] != history.train_loss[0]

        def scored(x: Any, rng: np.random.Generator) -> Any:
            seen.append(len(x))
            return x

        seen: list[int] = []
        fitted(False, scored, epochs=1)
        assert seen == [BATCH] + [BATCH] * 5 + [N % BATCH]  # the rehearsal, and one epoch

    @pytest.mark.parametrize("compiled", [False, True])
    @shuffled_or_not
    def test_a_run_stopped_at_any_batch_goes_on_to_the_same_bits(
        self, compiled: bool, shuffle: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from tinynet.formats import checkpointing

        data = {"shuffle": shuffle}
        expected = fitted(compiled, epochs=2, data=data)
        save = checkpointing.save_checkpoint
        for stop in (1, 4, 6, 9):
            path, left = tmp_path / f"run{stop}", [stop]

            def save_and_stop(*arguments: Any, left: Any = left) -> None:
                save(*arguments)
                left[0] -= 1
                if left[0] == 0:
                    raise KeyboardInterrupt

            monkeypatch.setattr(checkpointing, "save_checkpoint", save_and_stop)
            options = {"data": data, "checkpoint": path, "checkpoint_every": 1}
            with pytest.raises(KeyboardInterrupt):
                fitted(compiled, epochs=2, **options)
            monkeypatch.setattr(checkpointing, "save_checkpoint", save)
            assert fitted(not compiled, epochs=2, **options) == expected

    def test_another_transform_is_another_run_or_a_change(self, tmp_path: Path) -> None:
        options = {"checkpoint": tmp_path / "run", "compiled": False}
        fitted(epochs=1, **options)
        words = "loader.transform is rolled, the file's noisy"
        with pytest.raises(tn.ModelFileError, match=words):
            fitted(transform=rolled, epochs=2, **options)
        fitted(transform=rolled, epochs=2, changed=["loader.transform"], **options)

    def test_a_damaged_seed_is_refused(self, tmp_path: Path) -> None:
        from tinynet.formats.checkpoint import FORMAT
        from tinynet.formats.safetensors import read, to_bytes

        path = tmp_path / "run"
        fitted(False, epochs=1, checkpoint=path)
        arrays, document = read(path, FORMAT)
        path.write_bytes(to_bytes(arrays, {**(document or {}), "epoch_seed": -1}))
        with pytest.raises(tn.ModelFileError, match="epoch_seed is -1, expected an int"):
            fitted(False, epochs=2, checkpoint=path)

    def test_a_wide_run_says_nothing(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fitted(True, epochs=1)
