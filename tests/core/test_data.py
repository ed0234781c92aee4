"""Scaling, binarising, and the loader that deals out batches."""

import math

import numpy as np
import pytest
from strategies import LAYOUTS, same_bits

import tinynet as tn
from tinynet.data import binarize, minmax_scale
from tinynet.rng import generator_state


def data_set(n=23, features=5, dtype=np.float32):
    """Rows that can be told apart: row r of X holds r, and so does y."""
    X = np.repeat(np.arange(n)[:, None], features, axis=1).astype(dtype)
    return X, np.arange(n)


def epoch(loader):
    """One epoch as a list of batches of row numbers, having checked that X and y pair up."""
    batches = []
    for xb, yb in loader:
        assert (xb == yb[:, None] * xb.dtype.type(loader.scale or 1)).all()
        batches.append(yb.tolist())
    return batches


class TestMinmaxScale:
    def test_pixels_become_0_to_1(self):
        pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
        scaled = minmax_scale(pixels)
        assert same_bits(
            scaled, (np.arange(256, dtype=np.float32) / np.float32(255)).reshape(16, 16)
        )
        assert pixels[0, 1] == 1

    def test_one_pair_of_constants_for_all_columns(self):
        scaled = minmax_scale([[0.0, 10.0], [5.0, 20.0]])
        assert same_bits(scaled, np.array([[0, 0.5], [0.25, 1]], np.float32))

    def test_a_test_set_is_scaled_by_the_training_set_s_constants(self):
        scaled = minmax_scale(np.array([-10, 0, 50, 200]), minimum=0, maximum=100)
        assert same_bits(scaled, np.array([-0.1, 0, 0.5, 2], np.float32))
        assert minmax_scale([1.0, 2.0], minimum=0.0)[1] == 1
        assert minmax_scale([1.0, 2.0], maximum=3.0)[1] == 0.5
        assert minmax_scale(2.0, minimum=1, maximum=3) == 0.5

    @pytest.mark.parametrize(
        "dtype", [np.uint8, np.int16, np.int32, np.int64, np.float16, np.float32, np.float64, bool]
    )
    def test_any_real_dtype_gives_float32(self, dtype):
        assert same_bits(minmax_scale(np.array([0, 1], dtype)), np.array([0, 1], np.float32))

    @pytest.mark.parametrize("dtype", [np.int64, np.float64])
    def test_large_numbers_lose_nothing_before_they_are_scaled(self, dtype):
        scaled = minmax_scale(np.array([1_000_000_000, 1_000_000_001, 1_000_000_004], dtype))
        assert scaled.tolist() == [0, 0.25, 1]

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_any_layout(self, layout):
        values = np.random.default_rng(0).random((4, 3))
        given = LAYOUTS[layout](values)
        assert same_bits(minmax_scale(given), minmax_scale(values))
        assert same_bits(np.asarray(given, np.float64), values)

    @pytest.mark.parametrize(
        ("data", "options", "message"),
        [
            ([], {}, "minmax_scale: data is empty"),
            (np.empty((0, 784)), {}, "data is empty"),
            ([3.0, 3.0], {}, "maximum 3 is not above minimum 3"),
            ([1.0, 2.0], {"minimum": 2.0, "maximum": 1.0}, "maximum 1 is not above minimum 2"),
            ([1.0, 2.0], {"minimum": math.nan}, "minimum = nan"),
            ([1.0, 2.0], {"maximum": math.nan}, "maximum = nan"),
            ([1.0, 2.0], {"maximum": math.inf}, "maximum = inf"),
            ([1.0, 2.0], {"minimum": -(10**400)}, "minimum = -1000"),
            ([[1.0, 2.0], [3.0, math.nan]], {}, "data holds nan at row 1, column 1"),
            ([1.0, math.inf], {}, "data holds inf at row 1"),
            ([-math.inf, 1.0], {"minimum": 0.0}, "data holds -inf at row 0"),
        ],
    )
    def test_what_cannot_be_scaled(self, data, options, message):
        with pytest.raises(ValueError, match=message):
            minmax_scale(data, **options)

    @pytest.mark.parametrize("option", ["minimum", "maximum"])
    @pytest.mark.parametrize("value", ["3", True, [1.0]])
    def test_a_bound_that_is_no_number(self, option, value):
        with pytest.raises(TypeError, match=rf"minmax_scale: {option} = .* is not a number"):
            minmax_scale([1.0, 2.0], **{option: value})


@pytest.mark.parametrize(
    "use",
    [
        minmax_scale,
        binarize,
        lambda X: tn.DataLoader(X, np.zeros(2, int)),
        lambda X: tn.DataLoader(np.zeros((2, 2)), X),
        lambda X: tn.Linear(2, 2, dtype=float)(X),
        lambda X: tn.ReLU()(X),
        lambda X: tn.Parameter(X),
        lambda X: tn.NLLLoss()(np.zeros((2, 2)), X.astype(int)),
        lambda X: tn.accuracy(X, np.zeros(2, int)),
        lambda X: tn.accuracy(np.zeros((2, 2)), X),
    ],
)
def test_masked_values_are_never_used(use):
    X = np.ma.masked_array(np.ones((2, 2)), mask=[[True, False], [False, False]])
    with pytest.raises(TypeError, match=r"got a masked array, .*\.filled\(value\)"):
        use(X)


def test_masked_weights_are_not_loaded():
    layer = tn.Linear(2, 2, rng=0)
    before = layer.W.data.copy()
    masked = {name: np.ma.masked_array(array + 1) for name, array in layer.state_dict().items()}
    with pytest.raises(ValueError, match=r"bias is no array \(bias: got a masked array"):
        layer.load_state_dict(masked)
    assert (layer.W.data == before).all()


class TestBinarize:
    def test_1_where_positive(self):
        data = np.array([[0, 1, 255], [3, 0, 0]], np.uint8)
        assert same_bits(binarize(data), np.array([[0, 1, 1], [1, 0, 0]], np.float32))
        assert data[0, 2] == 255
        assert binarize([-2.0, -0.0, 1e-300]).tolist() == [0, 0, 1]

    def test_nan_is_neither(self):
        with pytest.raises(ValueError, match="binarize: data holds nan at row 0, column 1"):
            binarize([[0.0, math.nan]])


class TestOrder:
    def test_without_shuffling_rows_come_in_order(self):
        loader = tn.DataLoader(*data_set(7), batch_size=3)
        assert epoch(loader) == [[0, 1, 2], [3, 4, 5], [6]]
        assert epoch(loader) == [[0, 1, 2], [3, 4, 5], [6]]

    def test_batches_of_one_by_default(self):
        assert epoch(tn.DataLoader(*data_set(3))) == [[0], [1], [2]]

    @pytest.mark.parametrize("shuffle", [False, True])
    @pytest.mark.parametrize("drop_last", [False, True])
    @pytest.mark.parametrize(("n", "batch_size"), [(7, 3), (6, 3), (3, 3), (4, 3), (1, 1), (7, 1)])
    def test_len_is_the_number_of_batches_and_each_row_comes_once(
        self, n, batch_size, drop_last, shuffle
    ):
        loader = tn.DataLoader(
            *data_set(n), batch_size=batch_size, shuffle=shuffle, drop_last=drop_last, rng=0
        )
        for _ in range(3):
            batches = epoch(loader)
            assert (
                len(batches)
                == len(loader)
                == (n // batch_size if drop_last else -(-n // batch_size))
            )
            assert all(len(batch) == batch_size for batch in batches[: n // batch_size])
            rows = [row for batch in batches for row in batch]
            assert len(set(rows)) == len(rows) == (n // batch_size * batch_size if drop_last else n)

    def test_a_batch_larger_than_the_data_holds_all_of_it(self):
        assert epoch(tn.DataLoader(*data_set(3), batch_size=10)) == [[0, 1, 2]]

    def test_the_dropped_rows_differ_from_epoch_to_epoch(self):
        loader = tn.DataLoader(*data_set(7), batch_size=3, shuffle=True, drop_last=True, rng=0)
        dropped = {*range(7)}
        for _ in range(30):
            dropped &= {row for batch in epoch(loader) for row in batch}
        assert not dropped

    def test_the_same_rng_gives_the_same_orders(self):
        def epochs(rng, count=4):
            loader = tn.DataLoader(*data_set(), batch_size=4, shuffle=True, rng=rng)
            return [epoch(loader) for _ in range(count)]

        assert epochs(0) == epochs(0) == epochs(np.random.default_rng(0))
        assert epochs(0) != epochs(1)
        assert epochs(None) != epochs(None)

    def test_every_epoch_has_an_order_of_its_own(self):
        loader = tn.DataLoader(*data_set(), batch_size=4, shuffle=True, rng=0)
        orders = [str(epoch(loader)) for _ in range(20)]
        assert len(set(orders)) == 20
        assert str(sorted(range(23))) not in orders

    def test_orders_are_the_permutations_of_the_generator(self):
        loader = tn.DataLoader(*data_set(), batch_size=23, shuffle=True, rng=7)
        generator = np.random.default_rng(7)
        for _ in range(3):
            assert epoch(loader) == [generator.permutation(23).tolist()]

    def test_all_rows_are_equally_likely_to_come_first(self):
        loader = tn.DataLoader(*data_set(5), batch_size=1, shuffle=True, rng=0)
        first = np.bincount([loader.order()[0] for _ in range(5000)], minlength=5)
        assert (np.abs(first - 1000) < 150).all()

    def test_a_generator_is_shared_with_whoever_else_draws_from_it(self):
        shared, alone = np.random.default_rng(3), np.random.default_rng(3)
        tn.Linear(4, 2, rng=shared)
        loader = tn.DataLoader(*data_set(), batch_size=23, shuffle=True, rng=shared)
        tn.Linear(4, 2, rng=alone)
        assert epoch(loader) == [alone.permutation(23).tolist()]

    def test_nothing_is_drawn_without_shuffling(self):
        generator = np.random.default_rng(3)
        epoch(tn.DataLoader(*data_set(), rng=generator))
        assert generator_state(generator) == generator_state(np.random.default_rng(3))


class TestBatches:
    def test_are_copies(self):
        X, y = data_set(6)
        X_before, y_before = X.copy(), y.copy()
        for xb, yb in tn.DataLoader(X, y, batch_size=4):
            xb += 1
            yb += 1
        assert same_bits(X, X_before)
        assert same_bits(y, y_before)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_keep_the_dtype(self, dtype):
        X, y = data_set(6, dtype=dtype)
        xb, yb = next(iter(tn.DataLoader(X, y.astype(np.int32), batch_size=4)))
        assert same_bits(xb, X[:4])
        assert yb.dtype == np.int32

    @pytest.mark.parametrize(
        "dtype", [np.uint8, np.int64, np.float32, np.float64, np.float16, bool]
    )
    def test_scale_converts_to_float32_and_multiplies(self, dtype):
        X, y = data_set(6, dtype=dtype)
        loader = tn.DataLoader(X, y, batch_size=4, shuffle=True, rng=0, scale=1 / 255)
        for xb, yb in loader:
            assert same_bits(xb, X[yb].astype(np.float32) * np.float32(1 / 255))
        assert X.dtype == dtype

    @pytest.mark.parametrize(("dtype", "scale"), [(np.uint8, 1 / 255), (np.float32, None)])
    def test_a_memory_mapped_file_is_dealt_out_like_an_array(self, tmp_path, dtype, scale):
        X, y = data_set(50, dtype=dtype)
        np.save(tmp_path / "X.npy", X)
        mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
        options = {"batch_size": 8, "shuffle": True, "rng": 0, "scale": scale}
        loader = tn.DataLoader(mapped, y, **options)
        assert loader.X is mapped
        net = tn.Linear(5, 2, rng=0)
        for (xb, yb), (expected, labels) in zip(
            loader, tn.DataLoader(X, y, **options), strict=True
        ):
            assert same_bits(xb, expected)
            assert same_bits(yb, labels)
            assert same_bits(net(xb), net.predict(expected))

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_any_layout(self, layout):
        X = np.random.default_rng(0).random((6, 5)).astype(np.float32)
        y = np.arange(6)
        loader = tn.DataLoader(LAYOUTS[layout](X), y, batch_size=4)
        for xb, yb in loader:
            assert (xb == X[yb]).all()

    def test_y_may_hold_class_probabilities(self):
        X, _ = data_set(6)
        y = np.random.default_rng(0).random((6, 3))
        loader = tn.DataLoader(X, y, batch_size=4, shuffle=True, rng=0)
        for xb, yb in loader:
            assert same_bits(yb, y[xb[:, 0].astype(int)])


X, Y = data_set(6)
WITH_NAN = X.copy()
WITH_NAN[3, 2] = np.nan
WITH_NAN[4, 0] = np.inf
LATE_INF = np.zeros((5000, 2), np.float32)
LATE_INF[4999, 1] = -np.inf


class TestBadInput:
    @pytest.mark.parametrize(
        ("X", "y", "options", "error", "message"),
        [
            (X, Y[:5], {}, ValueError, "X has 6 rows but y has 5"),
            (X[:0], Y[:0], {}, ValueError, "X has 0 rows"),
            (WITH_NAN, Y, {}, ValueError, "X holds nan at row 3, column 2"),
            (WITH_NAN[4:], Y[4:], {}, ValueError, "X holds inf at row 0, column 0"),
            (WITH_NAN, Y, {"scale": 0.1}, ValueError, "X holds nan at row 3, column 2"),
            (WITH_NAN.astype(np.float64), Y, {}, ValueError, "X holds nan at row 3, column 2"),
            (LATE_INF, np.zeros(5000, int), {}, ValueError, "X holds -inf at row 4999, column 1"),
            (X, np.array([0, 1, np.nan, 1, 0, 1]), {}, ValueError, "y holds nan at row 2"),
            (X, WITH_NAN, {}, ValueError, "y holds nan at row 3, column 2"),
            (X[:, 0], Y, {}, ValueError, r"X has shape \(6,\).*X.reshape\(-1, 1\)"),
            (
                X.astype(np.uint8),
                Y,
                {},
                TypeError,
                r"X has dtype uint8.*minmax_scale.*scale=1 / 255",
            ),
            (X.astype(int), Y, {}, TypeError, "X has dtype int64, expected float32 or float64"),
            (X.astype(np.float16), Y, {}, TypeError, "X has dtype float16, expected float32"),
            (X > 0, Y, {}, TypeError, "X has dtype bool, expected float32 or float64"),
            (X.astype(object), Y, {}, TypeError, "X has dtype object, expected float32"),
            (X.astype(str), Y, {"scale": 0.1}, TypeError, "X has dtype <U32, expected numbers"),
            (
                X.astype(object),
                Y,
                {"scale": 0.1},
                TypeError,
                "X has dtype object, expected numbers",
            ),
            (X.astype(complex), Y, {"scale": 0.1}, TypeError, "X has dtype complex128"),
            (X.tolist(), Y, {}, TypeError, "X is list, expected an array; use np.asarray"),
            (X, Y.tolist(), {}, TypeError, "y is list, expected an array; use np.asarray"),
            (X, None, {}, TypeError, "y is NoneType, expected an array"),
            (X, np.array(3), {}, TypeError, "y is ndarray, expected an array"),
            (X, Y, {"batch_size": 0}, ValueError, "batch_size = 0, expected an int of at least 1"),
            (X, Y, {"batch_size": -2}, ValueError, "batch_size = -2, expected an int"),
            (X, Y, {"batch_size": 2.0}, ValueError, "batch_size = 2.0, expected an int"),
            (X, Y, {"batch_size": True}, ValueError, "batch_size = True, expected an int"),
            (X, Y, {"batch_size": None}, ValueError, "batch_size = None, expected an int"),
            (
                X,
                Y,
                {"batch_size": 7, "drop_last": True},
                ValueError,
                "6 rows make no batch of 7 with drop_last=True; use smaller batches",
            ),
            (X, Y, {"scale": math.nan}, ValueError, "scale = nan"),
            (X, Y, {"scale": math.inf}, ValueError, "scale = inf"),
            (X, Y, {"scale": -math.inf}, ValueError, "scale = -inf"),
            (X, Y, {"scale": "1/255"}, TypeError, "scale = '1/255' is not a number"),
            (X, Y, {"scale": True}, TypeError, "scale = True is not a number"),
        ],
    )
    def test_says_what_and_what_to_do(self, X, y, options, error, message):
        with pytest.raises(error, match=rf"^DataLoader: .*{message}") as caught:
            tn.DataLoader(X, y, **options)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("rng", "error"), [(True, TypeError), ("0", TypeError), (-1, ValueError), (0.5, TypeError)]
    )
    def test_rng(self, rng, error):
        with pytest.raises(error, match="rng"):
            tn.DataLoader(X, Y, shuffle=True, rng=rng)

    def test_a_refused_loader_draws_nothing(self):
        generator = np.random.default_rng(3)
        with pytest.raises(ValueError):
            tn.DataLoader(WITH_NAN, Y, shuffle=True, rng=generator)
        assert generator_state(generator) == generator_state(np.random.default_rng(3))

    @pytest.mark.parametrize("batch_size", [np.int64(2), np.uint8(2)])
    def test_numpy_ints_are_ints(self, batch_size):
        assert len(tn.DataLoader(X, Y, batch_size=batch_size)) == 3
