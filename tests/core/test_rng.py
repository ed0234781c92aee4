"""Random numbers: reproducible from `rng=`, and PyTorch's own where a learner asks for them."""

import copy
import json
import platform

import numpy as np
import pytest
import torch

from tinynet.rng import (
    TorchGenerator,
    as_generator,
    epoch_permutation,
    generator_state,
    linear_init,
    set_generator_state,
)

DTYPES = [(np.float32, torch.float32), (np.float64, torch.float64)]
SIZES = [1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1023, 784 * 64]
LAYERS = [(784, 64), (64, 32), (32, 32), (32, 10)]

# PyTorch rounds a uniform number once where the processor has fused multiply-add, else twice.
needs_fma = pytest.mark.skipif(
    platform.machine() in ("x86_64", "AMD64")
    and torch.backends.cpu.get_cpu_capability() == "DEFAULT",
    reason="PyTorch runs without fused multiply-add on this processor",
)


def same_bits(a, b):
    """Whether two arrays agree in shape, dtype and every bit, -0.0 and 0.0 told apart."""
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def torch_loader(n, batch_size=1000):
    rows = torch.utils.data.TensorDataset(torch.arange(n))
    return torch.utils.data.DataLoader(rows, batch_size=batch_size, shuffle=True)


def torch_epoch(loader):
    return torch.cat([batch for (batch,) in loader]).numpy()


class TestAsGenerator:
    def test_an_int_gives_the_numbers_of_default_rng(self):
        for seed in (0, 7, np.int32(7), np.uint64(2**63), 2**100):
            expected = np.random.default_rng(int(seed)).random(5)
            assert same_bits(as_generator(seed).random(5), expected)

    def test_a_generator_is_passed_through_so_that_it_can_be_shared(self):
        for generator in (np.random.default_rng(0), TorchGenerator(0)):
            assert as_generator(generator) is generator

    def test_none_is_fresh_and_untouched_by_the_global_seed(self):
        np.random.seed(0)
        first = as_generator(None).random(5)
        np.random.seed(0)
        assert not np.array_equal(first, as_generator(None).random(5))

    def test_nothing_touches_the_global_seeds(self):
        np.random.seed(0)
        torch.manual_seed(0)
        expected_numpy, expected_torch = np.random.rand(3), torch.rand(3)
        np.random.seed(0)
        torch.manual_seed(0)
        for rng in (3, None, TorchGenerator(3)):
            generator = as_generator(rng)
            linear_init(generator, 5, 7, True, np.float32)
            epoch_permutation(generator, 10)
        assert same_bits(np.random.rand(3), expected_numpy)
        assert same_bits(torch.rand(3), expected_torch)

    @pytest.mark.parametrize(
        ("rng", "named"),
        [
            (True, "True"),
            (np.bool_(True), "numpy.bool"),
            (1.0, "1.0"),
            (np.float64(2.0), "float64"),
            ("0", "builtins.str"),
            ([1, 2], "[1, 2]"),
            (np.random, "module"),
            (np.random.PCG64(0), "PCG64"),
            (torch.Generator(), "torch"),
        ],
    )
    def test_what_is_no_source_of_numbers_is_named_with_the_fix(self, rng, named):
        with pytest.raises(TypeError) as caught:
            as_generator(rng)
        message = str(caught.value)
        assert message.startswith("rng is ")
        assert named in message
        assert "np.random.default_rng(0)" in message
        assert "tn.TorchGenerator(0)" in message
        assert "\n" not in message

    def test_the_older_random_state_is_refused_with_the_fix(self):
        with pytest.raises(TypeError, match=r"RandomState.*pass np\.random\.default_rng\(seed\)"):
            as_generator(np.random.RandomState(0))

    @pytest.mark.parametrize("seed", [-1, np.int64(-5)])
    def test_a_negative_seed_is_refused(self, seed):
        with pytest.raises(ValueError, match=f"rng = {seed} is negative"):
            as_generator(seed)


class TestTorchGenerator:
    @pytest.mark.parametrize(("dtype", "torch_dtype"), DTYPES)
    @pytest.mark.parametrize("seed", [0, 123, 2**32 - 1, 2**32 + 5, 2**64 - 1])
    def test_random_is_torch_rand(self, seed, dtype, torch_dtype):
        torch.manual_seed(seed)
        generator = TorchGenerator(seed)
        for size in [*SIZES, (3, 5), (2, 0), ()]:
            assert same_bits(generator.random(size, dtype), torch.rand(size, dtype=torch_dtype))

    def test_permutation_is_torch_randperm_at_every_size(self):
        torch.manual_seed(11)
        generator = TorchGenerator(11)
        for n in [*range(300), 562, 1000, 4096, 18_000, 65_535, 65_536, 65_537, 70_000]:
            assert same_bits(generator.permutation(n), torch.randperm(n)), n

    def test_random_int64_is_random_(self):
        torch.manual_seed(5)
        generator = TorchGenerator(5)
        for _ in range(50):
            expected = torch.empty((), dtype=torch.int64).random_().item()
            assert generator.random_int64() == expected

    def test_a_copy_draws_the_same_and_leaves_the_original_alone(self):
        generator = TorchGenerator(3)
        generator.random(700)
        clone = copy.deepcopy(generator)
        expected = clone.random(5)
        assert same_bits(generator.random(5), expected)

    @pytest.mark.parametrize("seed", [True, 1.0, "0", None, np.random.default_rng(0)])
    def test_a_seed_that_is_no_int_is_refused(self, seed):
        with pytest.raises(TypeError, match=r"seed is .*expected an int"):
            TorchGenerator(seed)

    @pytest.mark.parametrize("seed", [-1, 2**64])
    def test_a_seed_out_of_range_is_refused(self, seed):
        with pytest.raises(ValueError, match=rf"seed = {seed} is outside \[0, 2\*\*64\)"):
            TorchGenerator(seed)

    @pytest.mark.parametrize("n", [-1, (2**32 - 1) // 20, 2**32])
    def test_a_size_out_of_range_is_refused_and_nothing_drawn(self, n):
        generator = TorchGenerator(0)
        with pytest.raises(ValueError, match=rf"n = {n} is outside"):
            generator.permutation(n)
        assert same_bits(generator.random(3), TorchGenerator(0).random(3))

    @pytest.mark.parametrize("n", [3.0, True, [1, 2]])
    def test_a_size_that_is_no_int_is_refused(self, n):
        with pytest.raises(TypeError, match=r"n is .*expected an int"):
            TorchGenerator(0).permutation(n)

    @pytest.mark.parametrize("dtype", [np.float16, np.int64, np.complex128])
    def test_other_dtypes_are_refused(self, dtype):
        with pytest.raises(TypeError, match=r"expected float32 or float64"):
            TorchGenerator(0).random(3, dtype)


class TestLinearInit:
    @needs_fma
    @pytest.mark.parametrize(("dtype", "torch_dtype"), DTYPES)
    @pytest.mark.parametrize("seed", range(5))
    def test_a_network_gets_pytorchs_weights_in_construction_order(self, seed, dtype, torch_dtype):
        torch.manual_seed(seed)
        net = torch.nn.Sequential(*(torch.nn.Linear(i, o, dtype=torch_dtype) for i, o in LAYERS))
        generator = TorchGenerator(seed)
        for layer in net:
            W, b = linear_init(generator, layer.in_features, layer.out_features, True, dtype)
            assert same_bits(W, layer.weight.detach().T.contiguous())
            assert W.flags.c_contiguous
            assert same_bits(b, layer.bias.detach())

    @needs_fma
    @pytest.mark.parametrize(("dtype", "torch_dtype"), DTYPES)
    def test_both_bounds_are_pytorchs_at_every_width(self, dtype, torch_dtype):
        torch.manual_seed(1)
        generator = TorchGenerator(1)
        for width in [*range(1, 400), 784, 1000, 4096]:
            layer = torch.nn.Linear(width, 5, dtype=torch_dtype)
            W, b = linear_init(generator, width, 5, True, dtype)
            assert same_bits(W.T.copy(), layer.weight.detach()), width
            assert same_bits(b, layer.bias.detach()), width

    @needs_fma
    def test_without_bias_nothing_is_drawn_for_it(self):
        torch.manual_seed(2)
        first, second = torch.nn.Linear(9, 4, bias=False), torch.nn.Linear(4, 3)
        generator = TorchGenerator(2)
        W, b = linear_init(generator, 9, 4, False, np.float32)
        assert b is None
        assert same_bits(W.T.copy(), first.weight.detach())
        W, b = linear_init(generator, 4, 3, True, np.float32)
        assert same_bits(W.T.copy(), second.weight.detach())
        assert same_bits(b, second.bias.detach())

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_numpys_generator_fills_the_same_range_evenly(self, dtype):
        W, b = linear_init(np.random.default_rng(0), 100, 400, True, dtype)
        again, _ = linear_init(np.random.default_rng(0), 100, 400, True, dtype)
        assert same_bits(W, again)
        assert (W.shape, b.shape) == ((100, 400), (400,))
        assert W.dtype == b.dtype == dtype
        assert W.flags.c_contiguous
        for values in (W, b):
            assert np.abs(values).max() <= dtype(0.1)
        counts, _ = np.histogram(W, bins=10, range=(-0.1, 0.1))
        assert counts.sum() == 40_000
        # Each count is binomial with mean 4000 and standard deviation 60.
        assert np.abs(counts - 4000).max() < 5 * 60

    def test_layers_that_share_a_generator_differ(self):
        for generator in (np.random.default_rng(0), TorchGenerator(0)):
            first, _ = linear_init(generator, 5, 7, True, np.float32)
            second, _ = linear_init(generator, 5, 7, True, np.float32)
            assert not np.isin(first, second).any()


class TestEpochPermutation:
    @pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 562, 18_000])
    def test_epochs_are_those_of_a_pytorch_loader(self, n):
        torch.manual_seed(4)
        loader = torch_loader(n)
        generator = TorchGenerator(4)
        for _ in range(4):
            assert same_bits(epoch_permutation(generator, n), torch_epoch(loader))

    @needs_fma
    def test_layers_and_loaders_take_turns_as_in_a_pytorch_program(self):
        torch.manual_seed(6)
        generator = TorchGenerator(6)
        big, small = torch_loader(1000), torch_loader(33)
        for width in (784, 64, 7):
            layer = torch.nn.Linear(width, 10)
            W, b = linear_init(generator, width, 10, True, np.float32)
            assert same_bits(W.T.copy(), layer.weight.detach())
            assert same_bits(b, layer.bias.detach())
            for loader, n in ((big, 1000), (small, 33), (big, 1000)):
                assert same_bits(epoch_permutation(generator, n), torch_epoch(loader))

    def test_one_random_int64_keeps_step_with_an_unshuffled_pytorch_loader(self):
        torch.manual_seed(8)
        generator = TorchGenerator(8)
        train = torch_loader(100)
        test = torch.utils.data.DataLoader(range(20), batch_size=10)
        for _ in range(3):
            assert same_bits(epoch_permutation(generator, 100), torch_epoch(train))
            assert len(list(test)) == 2
            generator.random_int64()

    def test_numpys_generator_gives_its_own_permutations(self):
        generator, expected = np.random.default_rng(9), np.random.default_rng(9)
        for n in (0, 1, 50, 1000):
            order = epoch_permutation(generator, n)
            assert order.dtype == np.int64
            assert np.array_equal(order, expected.permutation(n))
        assert not np.array_equal(
            epoch_permutation(generator, 50), epoch_permutation(generator, 50)
        )


def plain(value):
    """What JSON makes of a state: arrays become lists."""
    return json.loads(json.dumps(value, default=lambda array: array.tolist()))


def draw(generator):
    """Draws that use every kind of number, among them NumPy's buffered half-used ones."""
    return [generator.random(3, np.float32), generator.random(700, np.float64)], [
        epoch_permutation(generator, 20).tolist()
    ]


class TestState:
    @pytest.mark.parametrize("convert", [copy.deepcopy, plain])
    @pytest.mark.parametrize("used", [0, 1, 623, 624, 1001])
    @pytest.mark.parametrize(
        "make",
        [
            TorchGenerator,
            np.random.default_rng,
            lambda seed: np.random.Generator(np.random.MT19937(seed)),
        ],
    )
    def test_a_restored_generator_goes_on_where_the_saved_one_was(self, make, used, convert):
        generator = make(1)
        generator.random(used, np.float32)
        saved = convert(generator_state(generator))
        floats, orders = draw(generator)
        other = make(2)
        other.random(5, np.float32)
        set_generator_state(other, saved)
        floats_again, orders_again = draw(other)
        assert all(map(same_bits, floats, floats_again))
        assert orders == orders_again

    def test_the_state_is_a_copy(self):
        generator = TorchGenerator(1)
        saved = generator_state(generator)
        expected = generator.random(2000)
        set_generator_state(generator, saved)
        saved["state"]["state"]["key"][:] = 0
        assert same_bits(generator.random(2000), expected)

    @pytest.mark.parametrize(
        "damage",
        [
            lambda state: None,
            lambda state: [],
            lambda state: {},
            lambda state: state | {"state": None},
            lambda state: state | {"state": {}},
            lambda state: state | {"state": np.random.PCG64(0).state},
            lambda state: state | {"generator": "Generator"},
            lambda state: twister(state, key=state["state"]["state"]["key"][:-1]),
            lambda state: twister(state, key=np.zeros((625,), np.uint32)),
            lambda state: twister(state, key=[-1] * 624),
            lambda state: twister(state, key=["a"] * 624),
            lambda state: twister(state, pos=-1),
            lambda state: twister(state, pos=625),
            lambda state: twister(state, pos=1.5),
            lambda state: twister(state, pos="a"),
        ],
    )
    def test_a_damaged_state_is_refused_and_nothing_changed(self, damage):
        generator, untouched = TorchGenerator(1), TorchGenerator(1)
        generator.random(10)
        untouched.random(10)
        with pytest.raises(ValueError, match=r"^state .*pass what generator_state returned"):
            set_generator_state(generator, damage(generator_state(TorchGenerator(2))))
        assert same_bits(generator.random(1000), untouched.random(1000))

    def test_kinds_are_not_mixed(self):
        twisters = [TorchGenerator(0), np.random.Generator(np.random.MT19937(0))]
        for one, other in (twisters, twisters[::-1]):
            with pytest.raises(ValueError, match=r"state is from 'T?\w*Generator', expected"):
                set_generator_state(one, generator_state(other))
        with pytest.raises(ValueError, match=r"damaged \(.*PCG64"):
            set_generator_state(np.random.default_rng(0), generator_state(twisters[1]))


def twister(state, **changes):
    """A copy of a TorchGenerator's state with its `key` or `pos` replaced."""
    inner = state["state"]
    return state | {"state": inner | {"state": inner["state"] | changes}}
