"""The optimizers: each option against PyTorch's optimizer of the same name, and bad input."""

import copy
import itertools
import math
import pickle
import platform

import numpy as np
import pytest
import torch
from cases import slow_but
from conftest import JIT_IS_OFF, promised_by_loops
from strategies import LAYOUTS, assert_close_to_torch, assert_within, same_bits

import tinynet as tn

SHAPES = [(5, 3), (3,), (1,), (2, 3, 4), (1, 7), ()]
STEPS = 8


def grid(**options):
    """Every combination of these options."""
    for values in itertools.product(*options.values()):
        yield dict(zip(options, values, strict=True))


SGD_GRID = [
    options
    for options in grid(
        momentum=[0.0, 0.9],
        dampening=[0.0, 0.3],
        weight_decay=[0.0, 0.07],
        nesterov=[False, True],
        maximize=[False, True],
    )
    if not options["nesterov"] or (options["momentum"] and not options["dampening"])
]
RMSPROP_GRID = list(
    grid(
        alpha=[0.99, 0.6],
        eps=[1e-8, 0.03],
        weight_decay=[0.0, 0.07],
        momentum=[0.0, 0.9],
        centered=[False, True],
        maximize=[False, True],
    )
)
ADAM_GRID = list(
    grid(
        betas=[(0.9, 0.999), (0.6, 0.7), (0.0, 0.9), (0.9, 0.0)],
        eps=[1e-8, 0.03],
        weight_decay=[0.0, 0.07],
        amsgrad=[False, True],
        maximize=[False, True],
    )
)
GRID = [
    (name, options)
    for name, choices in [
        ("SGD", SGD_GRID),
        ("RMSprop", RMSPROP_GRID),
        ("Adam", ADAM_GRID),
        ("AdamW", ADAM_GRID),
    ]
    for options in choices
]
NOT_CENTERED = [(name, options) for name, options in GRID if not options.get("centered")]
OPTIMIZERS = [tn.SGD, tn.RMSprop, tn.Adam, tn.AdamW]


def show(value):
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value


def parameters(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [tn.Parameter(np.asarray(rng.standard_normal(shape), dtype)) for shape in SHAPES]


def twins_of(ours):
    return [torch.nn.Parameter(torch.from_numpy(p.data.copy())) for p in ours]


def give_gradients(ours, theirs, step):
    """The same random gradients to both; some parameters get none in some steps, or get 0."""
    rng = np.random.default_rng(100 + step)
    for number, (parameter, twin) in enumerate(zip(ours, theirs, strict=True)):
        size = 10.0 ** rng.integers(-2, 2)
        gradient = np.asarray(rng.standard_normal(parameter.data.shape), parameter.data.dtype)
        gradient *= size
        if (step + number) % 4 == 3:
            parameter.grad = twin.grad = None
        else:
            gradient *= (step + number) % 5 != 4
            parameter.grad = gradient
            twin.grad = torch.from_numpy(gradient.copy())


def bits(optimizer):
    """All that a step may change."""
    return [
        (p.data.tobytes(), None if p.grad is None else p.grad.tobytes(), repr(state))
        for p, state in zip(optimizer.parameters, optimizer.state, strict=True)
    ]


class TestAgainstPyTorch:
    @pytest.mark.parametrize(("name", "options"), GRID, ids=show)
    def test_every_step_with_every_combination_of_options(self, name, options):
        ours = parameters()
        theirs = twins_of(ours)
        optimizer = getattr(tn, name)(ours, lr=0.05, **options)
        twin = getattr(torch.optim, name)(theirs, lr=0.05, foreach=False, **options)
        for step in range(STEPS):
            if step == 5:
                optimizer.lr = twin.param_groups[0]["lr"] = 0.02
            give_gradients(ours, theirs, step)
            optimizer.step()
            twin.step()
            for parameter, tensor in zip(ours, theirs, strict=True):
                assert_close_to_torch(parameter.data, tensor)

    @pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW"])
    def test_the_default_options_are_pytorch_s(self, name):
        ours = parameters()
        theirs = twins_of(ours)
        optimizer, twin = getattr(tn, name)(ours), getattr(torch.optim, name)(theirs, foreach=False)
        defaults = twin.defaults
        for option in ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize"):
            if hasattr(optimizer, option):
                assert getattr(optimizer, option) == defaults[option]
        for option in ("alpha", "eps", "centered", "betas", "amsgrad", "maximize"):
            if hasattr(optimizer, option):
                assert getattr(optimizer, option) == defaults[option]
        for step in range(STEPS):
            give_gradients(ours, theirs, step)
            optimizer.step()
            twin.step()
        for parameter, tensor in zip(ours, theirs, strict=True):
            assert_close_to_torch(parameter.data, tensor)

    @promised_by_loops
    @pytest.mark.parametrize("lr", [0.01, 0.1, 1e-3, 0.7])
    @pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 31, 33, 100])
    def test_a_plain_float32_sgd_step_is_pytorch_s_bit_for_bit(self, lr, size):
        rng = np.random.default_rng(size)
        ours = [tn.Parameter(rng.standard_normal(size).astype(np.float32))]
        theirs = twins_of(ours)
        optimizer = tn.SGD(ours, lr=lr)
        twin = torch.optim.SGD(theirs, lr=lr, foreach=False)
        for _ in range(STEPS):
            before = ours[0].data.astype(np.float64)
            gradient = rng.standard_normal(size).astype(np.float32)
            ours[0].grad, theirs[0].grad = gradient, torch.from_numpy(gradient.copy())
            optimizer.step()
            twin.step()
            expected = theirs[0].detach().numpy()
            if JIT_IS_OFF or not rounds_once():
                product = np.abs(np.float64(lr) * gradient)
                assert_within(ours[0].data, expected, 2**-23 * (product + np.abs(before) + product))
                ours[0].data = expected.copy()
            else:
                assert same_bits(ours[0].data, expected)

    @pytest.mark.parametrize(
        ("name", "options"),
        slow_but(60, [*NOT_CENTERED[::3], *NOT_CENTERED[1::3], *NOT_CENTERED[2::3]]),
        ids=show,
    )
    def test_float32_stays_float32_and_near_float64(self, name, options):
        ours = parameters(dtype=np.float32)
        exact = [tn.Parameter(p.data.astype(np.float64)) for p in ours]
        optimizer = getattr(tn, name)(ours, lr=0.05, **options)
        twin = getattr(tn, name)(exact, lr=0.05, **options)
        rng = np.random.default_rng(0)
        for _ in range(STEPS):
            for parameter, reference in zip(ours, exact, strict=True):
                parameter.grad = np.asarray(rng.standard_normal(reference.data.shape), np.float32)
                reference.grad = parameter.grad.astype(np.float64)
            optimizer.step()
            twin.step()
        for parameter, reference in zip(ours, exact, strict=True):
            assert parameter.data.dtype == np.float32
            largest = max(1.0, np.abs(reference.data).max())
            assert_within(parameter.data, reference.data, 2**-19 * largest)


def rounds_once():
    """Whether PyTorch and our loops both use fused multiply-add on this processor."""
    from tinynet.kernels.simd.lanes_llvm import HAS_FMA

    x86 = platform.machine() in ("x86_64", "AMD64")
    return HAS_FMA and not (x86 and torch.backends.cpu.get_cpu_capability() == "DEFAULT")


class TestStep:
    @pytest.mark.parametrize(("name", "options"), GRID, ids=show)
    def test_changes_the_weights_in_place_and_no_gradient(self, name, options):
        ours = parameters()
        optimizer = getattr(tn, name)(ours, lr=0.05, **options)
        arrays = [parameter.data for parameter in ours]
        for step in range(3):
            give_gradients(ours, twins_of(ours), step)
            gradients = [None if p.grad is None else p.grad.copy() for p in ours]
            before = [parameter.data.copy() for parameter in ours]
            optimizer.step()
            for p, array, gradient, old in zip(ours, arrays, gradients, before, strict=True):
                assert p.data is array
                if gradient is None:
                    assert p.grad is None
                    assert same_bits(p.data, old)
                else:
                    assert same_bits(p.grad, gradient)

    @pytest.mark.parametrize("optimizer_class", OPTIMIZERS)
    def test_a_parameter_without_gradient_is_left_out_of_everything(self, optimizer_class):
        ours = parameters()
        optimizer = optimizer_class(ours, lr=0.1, weight_decay=0.1)
        for parameter in ours:
            parameter.grad = None
        before = bits(optimizer)
        optimizer.step()
        assert bits(optimizer) == before
        assert all(state == {} for state in optimizer.state)

    @pytest.mark.parametrize("optimizer_class", OPTIMIZERS)
    def test_zero_lr_changes_no_weight(self, optimizer_class):
        ours = parameters()
        optimizer = optimizer_class(ours, lr=0.0, weight_decay=0.1)
        before = [p.data.copy() for p in ours]
        give_gradients(ours, twins_of(ours), 0)
        optimizer.step()
        assert all(same_bits(p.data, old) for p, old in zip(ours, before, strict=True))

    def test_the_velocity_is_no_view_of_the_gradient(self):
        parameter = parameters()[0]
        gradient = np.random.default_rng(1).standard_normal((5, 3))
        parameter.grad = gradient.copy()
        optimizer = tn.SGD([parameter], lr=0.1, momentum=0.9)
        optimizer.step()
        optimizer.zero_grad()
        assert same_bits(optimizer.state[0]["velocity"], gradient)

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_gradients_in_any_layout_take_the_same_step(self, layout):
        gradient = np.random.default_rng(1).standard_normal((5, 3))
        results = []
        for g in (gradient, LAYOUTS[layout](gradient)):
            parameter = parameters()[0]
            parameter.grad = g
            tn.Adam([parameter], lr=0.1).step()
            results.append(parameter.data)
        assert same_bits(*results)

    def test_zero_grad_assigns_zeros_in_place_and_leaves_none(self):
        ours = parameters()
        optimizer = tn.SGD(ours, lr=0.1)
        give_gradients(ours, twins_of(ours), 0)
        ours[0].grad = np.full((5, 3), np.nan)
        arrays = [parameter.grad for parameter in ours]
        assert None in [None if g is None else 0 for g in arrays]
        optimizer.zero_grad()
        for parameter, array in zip(ours, arrays, strict=True):
            assert parameter.grad is array
            assert array is None or same_bits(array, np.zeros_like(array))

    def test_a_reader_s_own_optimizer_writes_update_alone(self):
        class SignDescent(tn.Optimizer):
            def update(self, w, g, state):
                state["steps"] = state.get("steps", 0) + 1
                w -= self.lr * np.sign(g)

        ours = parameters()
        before = [parameter.data.copy() for parameter in ours]
        optimizer = SignDescent(ours, lr=0.5)
        for parameter in ours:
            parameter.grad = np.full_like(parameter.data, -1)
        optimizer.step()
        assert all(same_bits(p.data, old + 0.5) for p, old in zip(ours, before, strict=True))
        assert [state["steps"] for state in optimizer.state] == [1] * len(ours)

    def test_the_base_class_has_no_step_of_its_own(self):
        optimizer = tn.Optimizer(parameters(), lr=0.1)
        with pytest.raises(NotImplementedError, match="Optimizer must define update"):
            optimizer.step()


NEVER = [math.nan, math.inf, -math.inf, -0.1, -1, 10**400]
NO_NUMBERS = ["0.1", None, True, np.bool_(True), [0.1], np.array([0.1]), 1j]
BAD_OPTIONS = [
    *[(c, "lr", value) for c in OPTIMIZERS for value in NEVER],
    *[(c, "weight_decay", value) for c in OPTIMIZERS for value in NEVER],
    *[(tn.SGD, "momentum", value) for value in NEVER],
    *[(tn.SGD, "dampening", value) for value in NEVER[:3]],
    *[(tn.RMSprop, "momentum", value) for value in NEVER],
    *[(tn.RMSprop, "alpha", value) for value in [*NEVER, 1, 1.01]],
    *[(c, "eps", value) for c in OPTIMIZERS[1:] for value in [*NEVER, 0]],
]
NOT_A_NUMBER = [
    *[
        (c, option, value)
        for c in OPTIMIZERS
        for option in ("lr", "weight_decay")
        for value in NO_NUMBERS
    ],
    *[(tn.SGD, option, value) for option in ("momentum", "dampening") for value in NO_NUMBERS],
    *[
        (tn.RMSprop, option, value)
        for option in ("alpha", "eps", "momentum")
        for value in NO_NUMBERS
    ],
    *[(c, "eps", value) for c in (tn.Adam, tn.AdamW) for value in NO_NUMBERS],
    *[
        (c, option, value)
        for c, options in [
            (tn.SGD, ("nesterov", "maximize")),
            (tn.RMSprop, ("centered", "maximize")),
            (tn.Adam, ("amsgrad", "maximize")),
            (tn.AdamW, ("amsgrad", "maximize")),
        ]
        for option in options
        for value in ("no", None, 2, 1.0, [])
    ],
]


class TestBadInput:
    @pytest.mark.parametrize(("optimizer_class", "option", "value"), BAD_OPTIONS)
    def test_an_option_out_of_range(self, optimizer_class, option, value):
        self.assert_refused(optimizer_class, {option: value}, ValueError, f"{option} = {value}")

    @pytest.mark.parametrize(("optimizer_class", "option", "value"), NOT_A_NUMBER)
    def test_an_option_that_is_no_number(self, optimizer_class, option, value):
        self.assert_refused(optimizer_class, {option: value}, TypeError, f"{option} = ")

    @pytest.mark.parametrize("optimizer_class", [tn.Adam, tn.AdamW])
    @pytest.mark.parametrize(
        ("betas", "error"),
        [
            ((1.0, 0.9), ValueError),
            ((0.9, 1.0), ValueError),
            ((-0.1, 0.9), ValueError),
            ((0.9, math.nan), ValueError),
            ((0.9, math.inf), ValueError),
            ((0.9,), ValueError),
            ((0.9, 0.99, 0.999), ValueError),
            (0.9, ValueError),
            (None, ValueError),
            ((0.9, True), TypeError),
            (("0.9", 0.9), TypeError),
        ],
    )
    def test_betas(self, optimizer_class, betas, error):
        self.assert_refused(optimizer_class, {"betas": betas}, error, "betas")

    @pytest.mark.parametrize(
        "options",
        [
            {"nesterov": True},
            {"momentum": 0.9, "dampening": 0.1, "nesterov": True},
            {"dampening": 0.1, "nesterov": True},
        ],
    )
    def test_nesterov_without_what_it_needs(self, options):
        self.assert_refused(
            tn.SGD, options, ValueError, "nesterov needs momentum > 0 and dampening = 0"
        )

    def assert_refused(self, optimizer_class, options, error, message):
        ours = parameters()
        before = bits(tn.SGD(ours))
        with pytest.raises(error) as caught:
            optimizer_class(ours, **{"lr": 0.1, **options})
        assert str(caught.value).startswith(f"{optimizer_class.__name__}: ")
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
        assert bits(tn.SGD(ours)) == before
        self.assert_refused_when_assigned(optimizer_class, options, str(caught.value))

    def assert_refused_when_assigned(self, optimizer_class, options, message):
        """With the same words as at construction."""
        *first, last = options
        optimizer = optimizer_class(parameters(), **{name: options[name] for name in first})
        before = repr(optimizer), vars(optimizer).copy()
        with pytest.raises((TypeError, ValueError)) as caught:
            setattr(optimizer, last, options[last])
        assert str(caught.value) == message
        assert (repr(optimizer), vars(optimizer)) == before

    def test_nesterov_is_not_left_without_what_it_needs(self):
        optimizer = tn.SGD(parameters(), momentum=0.9, nesterov=True)
        for option, value in (("momentum", 0), ("dampening", 0.1)):
            with pytest.raises(ValueError, match="nesterov needs momentum > 0 and dampening = 0"):
                setattr(optimizer, option, value)
        optimizer.nesterov = False
        optimizer.momentum, optimizer.dampening = 0.5, 0.1
        assert (optimizer.momentum, optimizer.dampening) == (0.5, 0.1)

    @pytest.mark.parametrize("optimizer_class", OPTIMIZERS)
    @pytest.mark.parametrize("option", ["lr", "weight_decay", "momentum"])
    def test_what_is_infinite_in_the_parameters_dtype(self, optimizer_class, option):
        ours = parameters(dtype=np.float32)
        if not hasattr(optimizer_class(ours), option):
            return
        with pytest.raises(ValueError, match=rf"{option} = 1e\+39 is infinite in float32"):
            optimizer_class(ours, **{option: 1e39})
        optimizer_class(parameters(), **{option: 1e39})

    @pytest.mark.parametrize("optimizer_class", OPTIMIZERS[1:])
    def test_an_eps_that_is_0_in_the_parameters_dtype(self, optimizer_class):
        """R11: a feature that is always 0 has gradients of 0, and 0 / (sqrt(0) + 0) is NaN."""
        mixed = [*parameters(), *parameters(dtype=np.float32)]
        with pytest.raises(ValueError, match=r"eps = 1e-200 is 0 in float32, .* such as 1e-8"):
            optimizer_class(mixed, eps=1e-200)
        optimizer_class(parameters(), eps=1e-200)

    @pytest.mark.parametrize("optimizer_class", OPTIMIZERS)
    def test_a_value_is_kept_as_the_constructor_keeps_it(self, optimizer_class):
        optimizer = optimizer_class(parameters())
        optimizer.lr = np.float32(0.5)
        assert (type(optimizer.lr), optimizer.lr) == (float, 0.5)
        optimizer.lr = 1
        assert (type(optimizer.lr), optimizer.lr) == (float, 1.0)

    def test_options_at_the_border_are_allowed(self):
        tn.SGD(parameters(), lr=0, momentum=1.5, dampening=-0.5)
        tn.RMSprop(parameters(), alpha=0, eps=1e-300)
        tn.RMSprop(parameters(), alpha=np.nextafter(1, 0))
        tn.Adam(parameters(), betas=[0, 0.5], eps=5e-324)
        tn.Adam(parameters(dtype=np.float32), lr=3e38, eps=1e-45)
        tn.SGD(parameters(), lr=1e300, nesterov=1, momentum=1, maximize=np.bool_(False))
        assert tn.SGD(parameters(), lr=np.float32(0.5)).lr == 0.5
        assert tn.SGD(parameters(), lr=np.int64(1)).lr == 1.0

    @pytest.mark.parametrize("optimizer_class", OPTIMIZERS)
    def test_no_parameters(self, optimizer_class):
        for nothing in ([], (), iter([]), tn.ReLU().parameters()):
            with pytest.raises(ValueError, match=r"no parameters; give it net.parameters\(\)"):
                optimizer_class(nothing, lr=0.1)

    @pytest.mark.parametrize("optimizer_class", OPTIMIZERS)
    def test_a_parameter_listed_twice(self, optimizer_class):
        a, b, *_ = parameters()
        with pytest.raises(ValueError, match=r"parameters\[2\] is listed twice"):
            optimizer_class([a, b, a], lr=0.1)
        optimizer_class([a, tn.Parameter(a.data)], lr=0.1)

    @pytest.mark.parametrize("optimizer_class", OPTIMIZERS)
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (lambda net: net, "parameters is Linear"),
            (lambda net: net.W, "parameters is Parameter"),
            (lambda net: None, "parameters is NoneType"),
            (lambda net: [net], r"parameters\[0\] is Linear"),
            (lambda net: [net.W, net.W.data], r"parameters\[1\] is ndarray"),
            (lambda net: net.named_parameters(), r"parameters\[0\] is tuple"),
            (lambda net: net.state_dict(), r"parameters\[0\] is str"),
        ],
    )
    def test_something_that_is_no_parameter(self, optimizer_class, wrong, message):
        with pytest.raises(TypeError, match=rf"{message}.*give it net.parameters\(\)"):
            optimizer_class(wrong(tn.Linear(3, 2, rng=0)), lr=0.1)

    def test_any_iterable_of_parameters_will_do(self):
        net = tn.Linear(3, 2, rng=0)
        optimizer = tn.SGD((parameter for parameter in net.parameters()), lr=0.1)
        assert optimizer.parameters == [net.W, net.b]


class TestRepr:
    @pytest.mark.parametrize(("name", "options"), GRID, ids=show)
    def test_is_the_code_that_makes_it(self, name, options):
        net = tn.Linear(3, 2, rng=0, dtype=np.float64)
        optimizer = getattr(tn, name)(net.parameters(), lr=np.float32(0.05), **options)
        made = eval(repr(optimizer), {name: getattr(tn, name), "net": net})
        assert vars(made) == vars(optimizer)
        assert repr(made) == repr(optimizer)

    def test_names_what_is_not_as_usual(self):
        p = tn.Linear(3, 2, rng=0).parameters()
        assert repr(tn.SGD(p)) == "SGD(net.parameters(), lr=0.001)"
        assert repr(tn.SGD(p, lr=0.01, momentum=0.9)) == (
            "SGD(net.parameters(), lr=0.01, momentum=0.9)"
        )
        adam = tn.AdamW(p, betas=[0, 0.5], weight_decay=0.01, maximize=True)
        adam.eps = 1e-30
        assert repr(adam) == (
            "AdamW(net.parameters(), lr=0.001, betas=(0.0, 0.5), eps=1e-30, maximize=True)"
        )

    def test_of_one_s_own(self):
        class Own(tn.Optimizer):
            def __init__(self, parameters, lr=0.1, decay=0.5, secret=3):
                super().__init__(parameters, lr)
                self.decay = decay

        assert repr(Own(parameters(), decay=0.25)) == "Own(net.parameters(), lr=0.1, decay=0.25)"


def test_an_optimizer_from_before_an_option_was_there_has_its_default():
    """Pickles of version 0.1 have no maximize."""
    adam = tn.Adam(parameters(), lr=0.2, amsgrad=True)
    state = {name: value for name, value in vars(adam).items() if name != "maximize"}
    old = tn.Adam.__new__(tn.Adam)
    old.__setstate__(state)
    assert repr(old) == "Adam(net.parameters(), lr=0.2, amsgrad=True)"
    assert old.maximize is False
    copied = copy.deepcopy(old)
    assert repr(copied) == repr(pickle.loads(pickle.dumps(old))) == repr(old)


@promised_by_loops
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["Adam", "RMSprop", "SGD"])
def test_memories_of_gradients_long_gone_become_0(kind, dtype):
    """Numbers below the normal ones would stay, and make each step ten times as long."""
    tiny = np.finfo(dtype).tiny
    parameter = tn.Parameter(np.ones(40, dtype))
    options = {"SGD": {"momentum": 0.5}, "RMSprop": {"alpha": 0.5}, "Adam": {"betas": (0.5, 0.5)}}
    optimizer = getattr(tn, kind)([parameter], lr=0.1, **options[kind])
    parameter.grad[:] = np.linspace(1, 2, 40)
    optimizer.step()
    parameter.grad[:] = 0
    for _ in range(1200):
        optimizer.step()
        for memory in optimizer.state[0].values():
            if isinstance(memory, np.ndarray):
                assert not ((memory != 0) & (abs(memory) < tiny)).any()
    assert not any(np.any(m) for m in optimizer.state[0].values() if isinstance(m, np.ndarray))
