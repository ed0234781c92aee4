"""PyTorch and back: the same outputs, the same bits of weights, or an error that says why not."""

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import Array, fingerprint, normal, same_bits, seeds

import tinynet as tn

nn = torch.nn
RNG = np.random.default_rng(0)
LINE = r"\A[^\n]+\Z"  # a message is one line


class Residual(tn.Module):
    def __init__(self) -> None:
        self.block, self.add = tn.Linear(3, 3, rng=0), tn.Add()

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        return self.add(x, self.block(x))


class Own(tn.Sequential):
    pass


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3))

    def forward(self, x: Any) -> Any:
        return self.inner(x) + x


@st.composite
def networks(draw: st.DrawFn) -> tuple[tn.Sequential, Array]:
    """A network of any depth, nested anyhow, and an input for it."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(seeds))
    widths = draw(st.lists(st.integers(1, 9), min_size=2, max_size=5))
    softmaxes = [(kind, axis) for kind in (tn.Softmax, tn.LogSoftmax) for axis in (-2, -1, 0, 1)]
    others = st.sampled_from([(tn.ReLU,), *softmaxes])
    layers: list[tn.Module] = []
    for I, O in itertools.pairwise(widths):
        layers.append(tn.Linear(I, O, bias=draw(st.booleans()), rng=rng, dtype=dtype))
        layers += [kind(*axis) for kind, *axis in draw(st.lists(others, max_size=2))]
    if draw(st.booleans()):
        cut = draw(st.integers(1, len(layers)))
        layers = [tn.Sequential(tn.Sequential(*layers[:cut])), *layers[cut:]]
    return tn.Sequential(*layers), normal(rng, draw(st.integers(1, 7)), widths[0], dtype=dtype)


def torch_output(module: Any, x: Array) -> Array:
    with torch.no_grad():
        return module(torch.from_numpy(x)).numpy()


@given(networks())
def test_there_and_back_gives_the_same_outputs_and_bits(case: tuple[tn.Sequential, Array]) -> None:
    net, x = case
    before = fingerprint(net)
    module = tn.to_torch(net)
    assert type(module) is nn.Sequential
    expected = net.predict(x)
    there = torch_output(module, x)
    assert there.dtype == expected.dtype
    np.testing.assert_allclose(there, expected, rtol=1e-6, atol=1e-6)
    assert list(module.state_dict()) == list(net.state_dict())
    for name, tensor in module.state_dict().items():
        assert same_bits(tensor.numpy(), net.state_dict()[name])
    back = tn.from_torch(module)
    assert repr(back) == repr(net)
    assert fingerprint(back) == fingerprint(net) == before
    assert same_bits(back.predict(x), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_written_in_pytorch(dtype: Any) -> None:
    torch.manual_seed(0)
    relu = nn.ReLU(inplace=True)  # one object in two places holds nothing, so it may
    module = nn.Sequential()
    module.add_module("fc1", nn.Linear(20, 9, dtype=dtype))
    module.add_module("relu1", relu)
    module.add_module("block", nn.Sequential(nn.Linear(9, 5, bias=False, dtype=dtype), relu))
    module.add_module("out", nn.LogSoftmax(dim=1))
    net = tn.from_torch(module)
    numpy_dtype = np.float32 if dtype == torch.float32 else np.float64
    x = normal(RNG, 33, 20, dtype=numpy_dtype)
    assert net.predict(x).dtype == numpy_dtype
    np.testing.assert_allclose(net.predict(x), torch_output(module, x), rtol=1e-6, atol=1e-6)
    assert repr(net).replace(", dtype=np.float64", "") == (
        "Sequential(Linear(20, 9), ReLU(), Sequential(Linear(9, 5, bias=False), ReLU()), "
        "LogSoftmax(axis=1))"
    )
    dx = net.backward(np.zeros_like(net(x)))  # its own layers: it learns as any other
    assert dx.shape == x.shape


@pytest.mark.parametrize(
    "layer",
    [tn.Linear(3, 2, rng=0), tn.ReLU(), tn.Softmax(axis=0), tn.LogSoftmax()],
    ids=repr,
)
def test_single_layers(layer: tn.Module) -> None:
    module = tn.to_torch(layer)
    assert type(module) is getattr(nn, type(layer).__name__)
    assert repr(tn.from_torch(module)) == repr(layer)
    x = normal(RNG, 4, 3, dtype=np.float32)
    np.testing.assert_allclose(torch_output(module, x), layer.predict(x), rtol=1e-6, atol=1e-6)


def test_one_step_of_sgd_is_the_same_in_both() -> None:
    rng = np.random.default_rng(1)
    net = tn.Sequential(
        tn.Linear(6, 5, rng=rng, dtype=np.float64),
        tn.ReLU(),
        tn.Linear(5, 4, rng=rng, dtype=np.float64),
        tn.LogSoftmax(),
    )
    module: Any = tn.to_torch(net)
    x, labels = normal(rng, 8, 6), rng.integers(4, size=8)
    loss_fn, ours = tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.5)
    loss_fn(net(x), labels)
    net.backward(loss_fn.backward())
    ours.step()
    theirs = torch.optim.SGD(module.parameters(), lr=0.5)
    nn.functional.nll_loss(module(torch.from_numpy(x)), torch.from_numpy(labels)).backward()
    theirs.step()
    for name, tensor in module.state_dict().items():
        np.testing.assert_allclose(net.state_dict()[name], tensor.numpy(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("sizes", [(3, 2), (1, 4), (4, 1), (1, 1)])
def test_what_moves_is_a_copy(sizes: tuple[int, int]) -> None:
    net = tn.Sequential(tn.Linear(*sizes, rng=0))
    module: Any = tn.to_torch(net)
    back = tn.from_torch(module)
    before = fingerprint(net)
    with torch.no_grad():
        for weights in module.parameters():
            weights += 1
    assert fingerprint(net) == fingerprint(back) == before
    for parameter in back.parameters():
        parameter.data *= 2
    assert fingerprint(net) == before
    assert torch.equal(module[0].bias, torch.from_numpy(net.layers[0].b.data + 1))


def test_pytorch_is_left_as_it_was() -> None:
    net = tn.Sequential(tn.Linear(9, 9, rng=0), tn.Linear(9, 2, rng=0))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    try:
        module = tn.to_torch(net)
        assert {weights.dtype for weights in module.parameters()} == {torch.float32}
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.rand(3), expected)
    assert all(weights.requires_grad for weights in module.parameters())
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    tn.from_torch(module)
    assert all(torch.equal(module.state_dict()[name], before[name]) for name in before)


def with_extra() -> tn.Module:
    net = tn.Sequential(tn.Linear(3, 3, rng=0))
    net.scale = tn.Parameter(np.ones(3, np.float32))
    return net


@pytest.mark.parametrize(
    ("net", "error", "words"),
    [
        (Residual(), TypeError, "to_torch: net is Residual, expected Sequential, "),
        (Own(tn.ReLU()), TypeError, "to_torch: net is Own"),
        (tn.Sequential(tn.ReLU(), tn.Add()), TypeError, "to_torch: layer 1 is Add"),
        (
            tn.Sequential(tn.ReLU(), tn.Sequential(tn.ReLU(), Residual())),
            TypeError,
            "layer 1.1 is Residual",
        ),
        (tn.NLLLoss(), TypeError, "to_torch: net is NLLLoss"),
        (tn.Linear, TypeError, "to_torch: net is type, not a Module"),
        (nn.ReLU(), TypeError, "to_torch: net is ReLU, not a Module"),
        (with_extra(), ValueError, "parameters beside its layers"),
    ],
)
def test_networks_that_pytorch_has_no_twin_of(net: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=LINE) as caught:
        tn.to_torch(net)
    assert words in str(caught.value)


def pruned() -> Any:
    from torch.nn.utils import prune

    return prune.l1_unstructured(nn.Linear(3, 3), "weight", 2)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (Net, TypeError, "from_torch: module is Net, expected plain Sequential"),
        (
            lambda: nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.ReLU(), nn.Dropout1d())),
            TypeError,
            "from_torch: layer 1.1 is Dropout1d",
        ),
        (lambda: nn.Sequential(nn.GELU()), TypeError, "layer 0 is GELU"),
        (pruned, TypeError, "is Linear with weight_orig"),
        (
            lambda: nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
            TypeError,
            "module is ParametrizedLinear",
        ),
        (lambda: nn.Linear(2, 2).half(), TypeError, "module has weights of torch.float16"),
        (lambda: nn.Softmax(dim=None), ValueError, "module leaves its dim open"),
        (nn.Sequential, ValueError, "no layers"),
        (lambda: nn.Linear(2, 2).state_dict(), TypeError, "module is OrderedDict"),
        (lambda: tn.ReLU(), TypeError, "module is ReLU, expected a torch.nn.Module"),
    ],
)
def test_modules_that_tinynet_has_no_twin_of(make: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=LINE) as caught:
        tn.from_torch(make())
    assert words in str(caught.value)


def doubled(*arguments: Any) -> Any:
    return arguments[-1] * 2


def with_hook(register: str, place: int | None = 0) -> Any:
    module = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    getattr(module if place is None else module[place], register)(doubled)
    return module


def with_attribute(name: str, value: Any) -> Any:
    layer = nn.Linear(3, 3)
    setattr(layer, name, value)
    return nn.Sequential(nn.ReLU(), layer)


def with_buffer() -> Any:
    layer = nn.ReLU()
    layer.register_buffer("scale", torch.ones(3))
    return layer


def with_hooked_weight() -> Any:
    layer = nn.Linear(3, 3)
    layer.weight.register_hook(doubled)
    return layer


def quantised() -> Any:
    from torch.ao.nn.quantized import dynamic

    return nn.Sequential(dynamic.Linear(3, 3))


def in_one_memory() -> Any:
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    b.weight.data = a.weight.data
    return nn.Sequential(a, b)


def with_other_bias() -> Any:
    layer = nn.Linear(3, 3)
    layer.bias.data = layer.bias.data.double()
    return layer


class Linear(nn.Linear):
    def forward(self, x: Any) -> Any:
        return 2 * super().forward(x)


class Chain(nn.Sequential):
    def forward(self, x: Any) -> Any:
        return 2 * super().forward(x)


WRITE_IT = "write what it computes as a tn.Module"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: with_hook("register_forward_hook"), TypeError, "layer 0 has a forward hook, doub"),
        (lambda: with_hook("register_forward_hook", 1), TypeError, "layer 1 has a forward hook"),
        (lambda: with_hook("register_forward_hook", None), TypeError, "module has a forward hook"),
        (lambda: with_hook("register_forward_pre_hook"), TypeError, "0 has a forward-pre hook"),
        (lambda: with_hook("register_full_backward_hook"), TypeError, "0 has a backward hook"),
        (
            lambda: with_hook("register_full_backward_pre_hook"),
            TypeError,
            "layer 0 has a backward-pre hook",
        ),
        (with_hooked_weight, TypeError, "weights with a hook on their gradient"),
        (lambda: with_attribute("forward", doubled), TypeError, "Linear with a forward of its own"),
        (lambda: with_attribute("more", nn.ReLU()), TypeError, f"with more, .*; {WRITE_IT}"),
        (with_buffer, TypeError, "module is ReLU with scale"),
        (lambda: Linear(3, 3), TypeError, r"is \S*test_exchange\.Linear, .* weights of the same"),
        (lambda: Chain(nn.Linear(3, 3)), TypeError, "module is Chain, expected plain"),
        (quantised, TypeError, r"is torch\.ao\.nn\.quantized.*before it was quantised"),
        (nn.Mish, TypeError, f"torch_layer; {WRITE_IT}$"),
        (lambda: nn.SyncBatchNorm(3), TypeError, f"torch_layer; {WRITE_IT}$"),
        (nn.Dropout1d, TypeError, "leave it out: it does nothing in evaluation$"),
        (nn.Identity, TypeError, "leave it out: it does nothing in evaluation$"),
        (nn.GELU, TypeError, WRITE_IT),
        (lambda: nn.DataParallel(nn.ReLU()), TypeError, r"the module within it, module\.module"),
        pytest.param(
            *(lambda: torch.compile(nn.ReLU()), TypeError, r"module\._orig_mod$"),
            marks=pytest.mark.slow,
        ),
        (
            lambda: nn.Linear(2, 2).bfloat16(),
            TypeError,
            r"bfloat16.*convert with module\.float\(\)",
        ),
        (lambda: nn.Linear(2, 2, dtype=torch.complex64), TypeError, "as it was before"),
        (with_other_bias, TypeError, r"a bias of torch\.float64; convert with module\.float\(\)"),
        (lambda: nn.Linear(2, 2, device="meta"), ValueError, "is on the meta device"),
        (
            lambda: with_attribute("weight", nn.Parameter(torch.eye(3).to_sparse())),
            TypeError,
            r"layer 1 has weights of layout .*\.to_dense\(\)",
        ),
        (lambda: nn.LazyLinear(3), TypeError, "module is LazyLinear"),
        (in_one_memory, ValueError, "parameters of their own in the same memory"),
    ],
)
def test_what_computes_more_than_its_class_says(make: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=LINE) as caught:
        tn.from_torch(make())
    assert re.search(words, str(caught.value)), caught.value
    assert ("leave it out" in str(caught.value)) == ("leave it out" in words)


def test_a_hook_for_all_modules() -> None:
    handle = nn.modules.module.register_module_forward_hook(doubled)
    try:
        with pytest.raises(TypeError, match="for all modules, has a forward hook, doubled"):
            tn.from_torch(nn.ReLU())
    finally:
        handle.remove()
    assert isinstance(tn.from_torch(nn.ReLU()), tn.ReLU)


def test_the_advice_makes_a_layer_plain() -> None:
    from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

    layers = [
        spectral_norm(nn.Linear(3, 3)),
        weight_norm(nn.Linear(3, 3)),
        prune.l1_unstructured(nn.Linear(3, 3), "weight", 2),
        parametrizations.weight_norm(nn.Linear(3, 3)),
        parametrizations.spectral_norm(nn.Linear(3, 3)),
    ]
    x = normal(RNG, 4, 3, dtype=np.float32)
    for layer in layers:
        layer.eval()
        with pytest.raises(TypeError, match="make its weight a plain one with") as caught:
            tn.from_torch(layer)
        eval(str(caught.value).split("plain one with ")[1], {"torch": torch, "layer": layer})
        net = tn.from_torch(layer)
        np.testing.assert_allclose(net.predict(x), torch_output(layer, x), rtol=1e-6, atol=1e-6)
    assert parametrize


def test_frozen_weights_and_hooks_of_the_state_dict_are_taken() -> None:
    module = nn.Sequential(nn.Linear(3, 2), nn.ReLU()).eval()
    for weights in module.parameters():
        weights.requires_grad_(False)
    module._register_load_state_dict_pre_hook(lambda *arguments: None)
    x = normal(RNG, 4, 3, dtype=np.float32)
    net = tn.from_torch(module)
    np.testing.assert_allclose(net.predict(x), torch_output(module, x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("place", [(), (0,), (1, 0)])
def test_a_forward_that_only_one_object_has(place: tuple[int, ...], tmp_path: Path) -> None:
    net = tn.Sequential(tn.ReLU(), tn.Sequential(tn.ReLU()))
    layer: Any = net
    for number in place:
        layer = layer.layers[number]
    layer.forward = lambda x: 2 * x
    with pytest.raises(TypeError, match="with a forward of its own"):
        tn.to_torch(net)
    with pytest.warns(UserWarning, match="but not how it is built"):
        tn.save(net, tmp_path / "net")


@pytest.mark.parametrize("function", ["to_torch", "from_torch"])
def test_without_pytorch(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=LINE) as caught:
        getattr(tn, function)(tn.ReLU())
    assert re.match(rf"{function} needs PyTorch; install it with", str(caught.value))


def test_neither_pytorch_nor_onnx_is_imported_before_it_is_needed() -> None:
    code = "import sys, tinynet, tinynet.cli; print({'torch', 'onnx'} & sys.modules.keys())"
    root = Path(tn.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert (run.stdout, run.stderr) == ("set()\n", "")
