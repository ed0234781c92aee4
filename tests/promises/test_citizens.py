"""Full citizenship: every public layer and loss in every tool, each found without naming it.

A layer that is added to tinynet is walked through all tools at once; what it lacks is a red test
here, and a gap in the table of ``tests/README.md``, which ``tests/citizens.py`` writes from a run
of these tests. What a tool promises in detail its own tests show; here it is that the tool takes
this layer, with right numbers.
"""

import ast
import base64
import gzip
import inspect
import math
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

import tinynet as tn
from tinynet.kernels import PAIRS
from tinynet.kernels.jit.kernel import listening
from tinynet.losses import Loss

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "mutants")]
import citizens  # noqa: E402
from mutations import BUGS, JIT_BUGS  # noqa: E402

FEATURES, CLASSES, ROWS = 6, 4, 8
PICTURE = (3, 5, 4)  # channels, height, width
TOLD = {"in_channels": PICTURE[0], "out_channels": 2, "kernel_size": 2}
TOLD |= {"dim": 1, "unflattened_size": (1, 2, 3)}
"""What options without a default are told, by their names; all others, the size of a row."""
MODULES = [
    kind
    for kind in (getattr(tn, name) for name in tn.__all__)
    if isinstance(kind, type) and issubclass(kind, tn.Module)
]
LOSSES = [kind for kind in MODULES if issubclass(kind, Loss)]
LAYERS = [kind for kind in MODULES if kind not in (*LOSSES, tn.Module, tn.Sequential)]
WITHOUT_A_CLASS_THERE = {tn.Add: torch.add}
"""What PyTorch writes as a function."""


def draw(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def made(kind, dtype=np.float32):
    """A layer or a loss with its defaults, and what it must be told."""
    wanted = inspect.signature(kind).parameters
    told = {name: TOLD.get(name, FEATURES) for name, p in wanted.items() if p.default is p.empty}
    if "num_features" in told and len(kind(FEATURES).row_shape()) == 3:
        told["num_features"] = PICTURE[0]
    return kind(**told, **{n: v for n, v in (("rng", 0), ("dtype", dtype)) if n in wanted})


def shape_for(layer):
    """The shape of a row for a layer: of a picture, if it says that it takes such, or needs one.

    It needs one if it makes something with fewer axes of it.
    """
    if len(layer.row_shape() or ()) == 3:
        return PICTURE
    try:
        y = layer.predict(draw(2, *PICTURE))
    except (TypeError, ValueError):
        return (FEATURES,)
    return PICTURE if y.ndim < 4 else (FEATURES,)


def inputs_of(module):
    return len(inspect.signature(module.forward).parameters)


class Joined(tn.Module):
    """A network in which a layer of two inputs joins a path and the way around it."""

    kind: Any

    def __init__(self):
        self.path, self.head = tn.Linear(FEATURES, FEATURES, rng=1), tn.Linear(FEATURES, 4, rng=2)
        self.layer = made(self.kind)

    def forward(self, x):
        return self.head(self.layer(self.path(x), x))


class Citizen:
    """A layer or a loss of float32 in a network that learns, and what that learns."""

    def __init__(self, kind):
        self.kind = kind
        self.X, self.y = draw(ROWS, FEATURES, seed=5), np.arange(ROWS) % CLASSES
        self.start()

    def start(self):
        """All anew: a step changes it."""
        ends: list[tn.Module] = []
        self.outputs: tuple[int, ...] = (FEATURES,)  # of a row, behind the layer
        if self.kind in LOSSES:
            self.part = self.loss_fn = made(self.kind)
            if not hasattr(self.kind, "accuracy"):
                self.y = draw(ROWS, CLASSES, seed=6) % 1
                ends = [tn.Sigmoid()]
            elif self.part.expects == "log-probabilities":
                ends = [tn.LogSoftmax()]
            middle = tn.ReLU()
        else:
            self.loss_fn, self.part = tn.CrossEntropyLoss(), made(self.kind)
            middle = self.part
        if self.joins:
            self.net: Any = type("Joined", (Joined,), {"kind": self.kind})()
            self.part = self.net.layer
        else:
            before, after, shape = [], [], (FEATURES,)
            if self.kind in LAYERS:
                shape = shape_for(self.part)
                self.outputs = made(self.kind).predict(draw(2, *shape)).shape[1:]
                before = [tn.Unflatten(1, shape)] if len(shape) > 1 else []
                after = [tn.Flatten()] if len(self.outputs) > 1 else []
            first = tn.Linear(FEATURES, math.prod(shape), rng=6)
            last = tn.Linear(math.prod(self.outputs), CLASSES, rng=4)
            self.net = tn.Sequential(first, *before, middle, *after, last, *ends)
        self.optimizer = tn.SGD(self.net.parameters(), lr=0.1)
        return self.net

    @property
    def joins(self):
        return self.kind in LAYERS and inputs_of(self.part) > 1

    def loader(self):
        return tn.DataLoader(self.X, self.y, batch_size=4, shuffle=True, rng=3)

    def fit(self, compiled=None):
        parts = self.net, self.loss_fn, self.optimizer
        return tn.fit(*parts, self.loader(), epochs=3, progress=False, compiled=compiled)

    def trace(self):
        return tn.trace(self.net, self.loss_fn, self.X, self.y, self.optimizer)

    def place(self, trace):
        """Where the layer stands in a trace, or "loss"."""
        if self.kind in LOSSES:
            return "loss"
        return next(i for i, t in enumerate(trace.layers) if type(t.layer) is self.kind)

    def given(self, dtype=np.float64):
        """Arrays as its forward takes them."""
        if self.kind in LAYERS:
            seeds = range(7, 7 + inputs_of(self.part))
            row = (FEATURES,) if self.joins else shape_for(self.part)
            return [draw(ROWS, *row, dtype=dtype, seed=seed) for seed in seeds]
        outputs = draw(ROWS, CLASSES, dtype=dtype, seed=7)
        if self.y.ndim > 1:  # numbers between 0 and 1 suit every loss over numbers
            return [0.1 + outputs % 0.8, self.y.astype(dtype)]
        return [outputs, self.y]


def equations(citizen, folder):
    told = f"{citizen.kind.__doc__}\n{citizen.kind.forward.__doc__}"
    for way in ("forward", "backward"):
        assert re.search(rf"^ +{way} +\w.*=", told, re.MULTILINE), way
    assert re.search(r"\(N, |[Aa]ny shape|one shape", told), "it tells no shapes"


def order(citizen, folder):
    source = textwrap.dedent(inspect.getsource(citizen.kind))
    body = ast.parse(source).body[0].body
    names = [node.name for node in body if isinstance(node, ast.FunctionDef)]
    below = names[names.index("forward") + 1]
    assert below in (["backward"] if citizen.kind in LAYERS else ["backward", "_gradient"])


def kernel_pair(citizen, folder):
    part, heard = made(citizen.kind, np.float64), []

    def listener(kernel, arguments):
        heard.append(kernel)
        return kernel.by_equation(*arguments)

    with listening(listener):
        y = part(*citizen.given())
        forward = list(heard)
        part.backward(*([draw(*np.shape(y), dtype=np.float64)] if citizen.kind in LAYERS else []))
    backward = heard[len(forward) :]
    assert forward and backward
    assert {*forward, *backward} <= set(PAIRS.values())
    assert all(callable(kernel.reference) and callable(kernel.loop) for kernel in heard)


def gradient_check(citizen, folder):
    assert tn.check_gradients(made(citizen.kind, np.float64), *citizen.given(), rng=0).passed


def there(citizen, part):
    """What PyTorch computes as `part` does."""
    if citizen.kind in WITHOUT_A_CLASS_THERE:
        return WITHOUT_A_CLASS_THERE[citizen.kind]
    if citizen.kind in LOSSES:
        return getattr(torch.nn, citizen.kind.__name__)()
    return tn.to_torch(part).train()


def pytorch_parity(citizen, folder):
    part, given = made(citizen.kind, np.float64), citizen.given()
    tensors = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in given]
    theirs = there(citizen, part)
    y, y_there = part(*given), theirs(*tensors)
    if citizen.kind in LAYERS and not np.array_equal(part(*given), y):  # it draws: of what?
        (x,) = given
        ratios = [np.unique(np.round(o / x, 12)) for o in (y, y_there.detach().numpy())]
        assert np.array_equal(*ratios) and len(ratios[0]) == 2
        np.testing.assert_array_equal(part.predict(x), theirs.eval()(tensors[0]).detach().numpy())
        return
    dy = draw(*np.shape(y), dtype=np.float64)
    part = part if citizen.kind in LOSSES else made(citizen.kind, np.float64)
    part(*given)  # once, as there: a batch may leave traces
    y_there.backward(torch.tensor(dy))
    dx = part.backward(dy if citizen.kind in LAYERS else float(dy))
    for ours, tensor in zip(dx if isinstance(dx, tuple) else [dx], tensors, strict=False):
        assert_close(ours, tensor.grad.numpy())
    assert_close(y, y_there.detach().numpy())
    gradients = {name: p.grad for name, p in part.named_parameters()}
    sizes = {p.data.size: p.grad for p in part.parameters()}
    for name, parameter in getattr(theirs, "named_parameters", list)():
        ours = gradients.get(name, sizes.get(parameter.numel()))
        assert_close(np.sort(ours, axis=None), np.sort(parameter.grad.numpy(), axis=None))


def assert_close(ours, theirs):
    assert np.abs(ours - theirs).max() <= 1e-12 * max(1, np.abs(theirs).max())


def compiled_bits(citizen, folder):
    found = []
    for compiled in (True, False):
        citizen.start()
        losses = citizen.fit(compiled).train_loss
        found.append((tn.fingerprint(citizen.net), losses))
    for compiled in (True, False):
        net = citizen.start()
        if compiled:
            tn.compile(net, citizen.loss_fn, citizen.optimizer)
        losses, loader = [], citizen.loader()
        for xb, yb in [batch for _ in range(3) for batch in loader]:
            losses.append(citizen.loss_fn(net(xb), yb))
            citizen.optimizer.zero_grad()
            net.backward(citizen.loss_fn.backward())
            citizen.optimizer.step()
        found.append((tn.fingerprint(net), losses))
    assert found[0] == found[1]
    assert found[2] == found[3]


def trace(citizen, folder):
    trace = citizen.trace()
    if citizen.kind in LOSSES:
        assert trace.loss == citizen.loss_fn.predict(citizen.net.predict(citizen.X), citizen.y)
        return
    part = trace.layers[citizen.place(trace)]
    assert repr(part.layer) in str(trace)
    assert part.output.shape == part.dy.shape == (ROWS, *citizen.outputs)
    assert np.any(part.output) and np.any(part.dy)


def explain(citizen, folder):
    trace = citizen.trace()
    place = citizen.place(trace)
    text = " ".join(trace.explain(place, sample=1, unit=2).split())
    if citizen.part.wired_by:
        assert "the largest terms first" in text and "dx" in text
        return
    if citizen.kind.told_window is not tn.Module.told_window:
        assert re.search(r"a window of \d.*, from \(\d", text) and "dx[" in text
        return
    for told in citizen.part.told:
        for line in told.split("\n"):
            for piece in re.split(r"\{[^}]*\}", line):
                assert " ".join(piece.split()) in text


def xray(citizen, folder):
    trace = citizen.trace()
    trace.to_html(folder / "xray.html")
    page = (folder / "xray.html").read_text(encoding="utf-8")
    data = gzip.decompress(base64.b64decode(re.search(r'id="data">([^<]+)<', page)[1]))
    assert repr(citizen.part).encode() in data
    if citizen.kind in LAYERS:
        assert citizen.part.equations[0].encode() in data


def playground(citizen, folder):
    tn.playground(citizen.start(), folder / "playground.html")
    page = (folder / "playground.html").read_text(encoding="utf-8")
    assert citizen.part.javascript in page.replace("\\u003e", ">").replace("\\u003c", "<")


def summary(citizen, folder):
    told = re.escape(repr(citizen.part))
    shape = ", ".join(map(str, citizen.outputs))
    assert re.search(rf"{told} +\(N, {shape}\)", str(citizen.net.summary()))


def doctor(citizen, folder):
    history = citizen.fit()
    data = [
        np.resize(a, (200, *a.shape[1:])) for a in (citizen.X, citizen.y)
    ]  # few rows say nothing
    healthy = tn.diagnose(history, citizen.net, data, loss_fn=citizen.loss_fn)
    assert isinstance(healthy, tn.Diagnosis)
    assert citizen.kind.__name__ not in str(healthy)
    if citizen.kind in LAYERS and not citizen.joins:
        off = citizen.part.piece_of(np.zeros((1, FEATURES), np.float32))
        citizen.net[0].b.data[1:] = -100
        ill = tn.diagnose(history, citizen.net, data, loss_fn=citizen.loss_fn)
        dead = any("dead" in finding.name for finding in ill.findings)
        assert dead == (off is not None and not np.any(off))


def save_load(citizen, folder):
    citizen.fit()
    tn.save(citizen.net, folder / "net.safetensors")
    again = tn.load(folder / "net.safetensors", layers=[type(citizen.net)] if citizen.joins else [])
    assert tn.fingerprint(again) == tn.fingerprint(citizen.net)
    assert repr(again) == repr(citizen.net)
    assert again.predict(citizen.X).tobytes() == citizen.net.predict(citizen.X).tobytes()


def to_torch(citizen, folder):
    citizen.fit()
    module = tn.to_torch(citizen.net).eval()
    with torch.no_grad():
        outputs = module(torch.tensor(citizen.X)).numpy()
    np.testing.assert_allclose(outputs, citizen.net.predict(citizen.X), rtol=1e-5, atol=1e-6)


def from_torch(citizen, folder):
    if citizen.joins:

        class There(torch.nn.Module):
            def forward(self, a, b):
                return WITHOUT_A_CLASS_THERE[citizen.kind](a, b)

        tn.from_torch(There())
    citizen.fit()
    again = tn.from_torch(tn.to_torch(citizen.net))
    assert len(again) == len(citizen.net)
    assert again.predict(citizen.X).tobytes() == citizen.net.predict(citizen.X).tobytes()


def to_onnx(citizen, folder):
    citizen.fit()
    tn.to_onnx(citizen.net, folder / "net.onnx")
    session = onnxruntime.InferenceSession(folder / "net.onnx", providers=["CPUExecutionProvider"])
    (outputs,) = session.run(["y"], {"x": citizen.X})
    np.testing.assert_allclose(outputs, citizen.net.predict(citizen.X), rtol=1e-5, atol=1e-6)


def file_of(function):
    """The file of a class or a function, as the planted bugs name it."""
    return function.__module__.removeprefix("tinynet.").replace(".", "/") + ".py"


def planted_bug(citizen, folder):
    source = inspect.getsource(citizen.kind)
    places = [(citizen.kind, source)]
    for name in re.findall(r"kernels\.(\w+)\(", source):
        loop = getattr(PAIRS[name].loop, "py_func", PAIRS[name].loop)
        places += [(f, inspect.getsource(f)) for f in (PAIRS[name].reference, loop)]
    planted = [
        bug.name
        for function, text in places
        for bugs in (BUGS, JIT_BUGS)
        for bug in bugs.get(file_of(function), ())
        if bug.old in text
    ]
    assert planted, f"no planted bug stands in {citizen.kind.__name__} or in its kernels"


OF_BOTH = {
    "equations": equations,
    "forward above backward": order,
    "kernel pair": kernel_pair,
    "gradient check": gradient_check,
    "PyTorch parity": pytorch_parity,
    "compiled bits": compiled_bits,
    "trace": trace,
    "explain": explain,
    "X-ray": xray,
    "doctor": doctor,
    "planted bug": planted_bug,
}
OF_LAYERS = OF_BOTH | {
    "playground": playground,
    "summary": summary,
    "save and load": save_load,
    "to_torch": to_torch,
    "from_torch": from_torch,
    "to_onnx": to_onnx,
}
CHAINS = ("playground", "to_torch", "from_torch", "to_onnx")
"""What takes networks that are one path: a layer that joins two is refused with a message."""


def cases(kinds, tools):
    return [
        pytest.param(kind, tool, id=f"{kind.__name__}-{tool}", marks=pytest.mark.slow)
        if tool == "compiled bits"
        else pytest.param(kind, tool, id=f"{kind.__name__}-{tool}")
        for kind in kinds
        for tool in tools
    ]


@pytest.mark.parametrize(("kind", "tool"), cases(LAYERS, OF_LAYERS))
def test_a_layer(kind, tool, tmp_path, record_property):
    citizen = Citizen(kind)
    if tool in CHAINS and citizen.joins:
        with pytest.raises(TypeError, match=f"{kind.__name__}|Joined|There"):
            OF_LAYERS[tool](citizen, tmp_path)
        record_property("cell", "refused")
        return
    OF_LAYERS[tool](citizen, tmp_path)


@pytest.mark.parametrize(("kind", "tool"), cases(LOSSES, OF_BOTH))
def test_a_loss(kind, tool, tmp_path):
    OF_BOTH[tool](Citizen(kind), tmp_path)


class Bare(tn.Module):
    """A layer that says nothing of itself, and whose arithmetic is NumPy's."""

    def forward(self, x):
        self.keep()
        return 2 * x

    def backward(self, dy):
        (dy,) = self.kept(dy)
        return 3 * dy


OBJECTING = (
    *("equations", "kernel pair", "gradient check", "PyTorch parity", "compiled bits", "explain"),
    *("X-ray", "planted bug", "playground", "save and load", "to_torch", "from_torch", "to_onnx"),
)


@pytest.mark.parametrize("tool", OBJECTING)
def test_a_layer_that_lacks_everything_is_seen(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "LAYERS", [*LAYERS, Bare])
    with pytest.raises((AssertionError, TypeError, ValueError, tn.GradientError)):
        OF_LAYERS[tool](Citizen(Bare), tmp_path)


def test_all_are_found():
    assert {"Linear", "ReLU", "Add", "Softmax", "Tanh"} <= {kind.__name__ for kind in LAYERS}
    assert {"NLLLoss", "MSELoss", "BCELoss"} <= {kind.__name__ for kind in LOSSES}
    assert [kind for kind in LAYERS if made(kind) is None] == []


def test_the_table_in_the_file_is_that_of_such_a_run():
    """Each cell's own test is red if the cell is wrong, so that a run gives this table alone."""
    cells: citizens.Cells = {
        "layer": {kind.__name__: dict.fromkeys(OF_LAYERS, "yes") for kind in LAYERS},
        "loss": {kind.__name__: dict.fromkeys(OF_BOTH, "yes") for kind in LOSSES},
    }
    for kind in LAYERS:
        if Citizen(kind).joins:
            cells["layer"][kind.__name__] |= dict.fromkeys(CHAINS, "refused")
    assert citizens.written() == citizens.table(cells), (
        "renew it: the two commands stand in tests/citizens.py"
    )


def test_what_was_not_run_or_failed_is_a_gap(tmp_path, monkeypatch, capsys):
    results, readme = tmp_path / "results.xml", tmp_path / "README.md"
    case = '<testcase classname="tests.promises.test_citizens" name="test_a_'
    results.write_text(
        f'<testsuite>{case}layer[ReLU-trace]"/>{case}layer[ReLU-doctor]"><failure/></testcase>'
        f'{case}layer[Tanh-trace]"/>{case}loss[MSELoss-trace]"><skipped/></testcase></testsuite>'
    )
    readme.write_text(f"before\n{citizens.BEGIN}\n\n{citizens.END}\nafter\n")
    monkeypatch.setattr(citizens, "README", readme)
    monkeypatch.setattr(sys, "argv", ["citizens.py", str(results)])
    assert citizens.main() == 1 and "4 cells, 2 gaps" in capsys.readouterr().out
    assert citizens.written().splitlines()[2:4] == [
        "| `ReLU` | yes | FAILED |",
        "| `Tanh` | yes | not run |",
    ]
    assert readme.read_text().startswith("before\n") and readme.read_text().endswith("after\n")
