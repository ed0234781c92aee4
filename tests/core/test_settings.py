"""What a program has set for NumPy, warnings, printing or matplotlib changes nothing in tinynet.

Every operation here is done once as Python starts, and once under each setting; what comes out is
the same, to the bit and to the letter, also for numbers that overflow and underflow.
"""

import contextlib
import decimal
import locale
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from by_hand import network, rows
from cases import slow_but

import tinynet as tn
from tinynet import plots

HUGE = np.float32(3e38)
X, Y = rows(48)
SIZES = {"tiny": 1e-38, "small": 1e-22, "usual": 1.0, "huge": 1e30}


def bits(*values: Any) -> list[Any]:
    """Arrays as bytes, everything else as it is written."""
    return [(v.shape, v.tobytes()) if isinstance(v, np.ndarray) else repr(v) for v in values]


def passes(net: tn.Module, x: Any, dy: Any = None) -> list[Any]:
    y = net(x)
    dy = np.full_like(y, x.flat[0]) if dy is None else dy
    net.zero_grad()
    dx = net.backward(dy)
    net(x)
    net.backward(dy)  # gradients add up
    return bits(y, dx, *[p.grad for p in net.parameters()])


def spread(size: float, *shape: int, dtype: Any = np.float32) -> Any:
    with np.errstate(all="ignore"):
        return (np.random.default_rng(0).standard_normal(shape) * size).astype(dtype)


def large_linear(size: float) -> list[Any]:
    """So large that BLAS takes the product."""
    layer = tn.Linear(2048, 2048, rng=0)
    assert layer.uses_blas
    return passes(layer, spread(size, 3, 2048))


def small_linear(size: float) -> list[Any]:
    return passes(tn.Linear(20, 30, rng=0), spread(size, 3, 20))


def activations(size: float) -> list[Any]:
    found = []
    for layer in (tn.ReLU(), tn.Softmax(), tn.LogSoftmax(), tn.Softmax(axis=0)):
        found += passes(layer, spread(size, 5, 7))
    big = np.full((3, 4), HUGE)
    return [*found, *bits(tn.Add()(big, big), tn.Add()(big, big * np.float32(-np.inf)))]


def accumulated(size: float) -> list[Any]:
    """Gradients that add up to infinity, and to what is not a number."""
    found = []
    for dtype, shape in ((np.float32, (3000, 7)), (np.float64, (5,)), (np.float32, ())):
        parameter = tn.Parameter(np.zeros(shape, dtype))
        for step in (1.7e308 if dtype is np.float64 else 3e38, -np.inf, size):
            gradient = np.full(shape, step, dtype)
            for _ in range(2):
                parameter.accumulate(gradient)
        parameter.accumulate(np.ones(shape, dtype).T.copy().T)
        found += bits(parameter.grad)
    return found


def losses(size: float) -> list[Any]:
    found: list[Any] = []
    x, labels = spread(size, 6, 4), np.array([0, 1, 2, 3, -100, 0])
    shares = np.full((6, 4), 0.25, np.float32)
    for options in ({}, {"reduction": "sum"}, {"weight": [size, 1, 2, 3]}):
        for loss_fn in (tn.CrossEntropyLoss(**options), tn.NLLLoss(**options)):
            for target in (labels, shares):
                if isinstance(loss_fn, tn.NLLLoss) and target is shares:
                    continue
                for dy in (1e-30, 1e-300):
                    found += [repr(loss_fn(x, target)), *bits(loss_fn.backward(dy))]
    smooth = tn.CrossEntropyLoss(label_smoothing=0.1)
    return [*found, repr(smooth(x, labels)), *bits(smooth.backward()), repr(smooth)]


def optimizers(size: float) -> list[Any]:
    found: list[Any] = []
    for make in (
        lambda p: tn.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-3, nesterov=True),
        lambda p: tn.SGD(p, lr=1e-30, maximize=True),
        lambda p: tn.RMSprop(p, centered=True, momentum=0.9, weight_decay=1e-3),
        lambda p: tn.Adam(p, amsgrad=True, weight_decay=1e-3),
        lambda p: tn.AdamW(p),
    ):
        parameter = tn.Parameter(spread(size, 4, 5))
        optimizer = make([parameter])
        for _ in range(3):
            parameter.grad = spread(size, 4, 5)
            optimizer.step()
        found += bits(parameter.data)
    return found


def scores_and_data(size: float) -> list[Any]:
    x = spread(size, 48, 12, dtype=np.float64)
    scaled = [tn.data.minmax_scale(x), tn.data.minmax_scale(x, 0, 1e-30), tn.data.binarize(x)]
    loader = tn.DataLoader(x, Y, batch_size=16, scale=1e-3 * size)
    share = tn.accuracy(spread(size, 48, 4), Y)
    return bits(*scaled, *[batch for batch, _ in loader], share)


def fitting(size: float) -> list[Any]:
    found: list[Any] = []
    with np.errstate(all="ignore"):
        x = (X * min(size, 1)).astype(np.float32)
    for compiled in (True, False):
        net = network()
        optimizer = tn.Adam(net.parameters(), 1e-3)
        loader = tn.DataLoader(x, Y, batch_size=16, shuffle=True, rng=0)
        history = tn.fit(
            net,
            tn.NLLLoss(),
            optimizer,
            loader,
            (X, Y),
            epochs=2,
            progress=False,
            compiled=compiled,
            validation=(x, Y),
            early_stopping=tn.EarlyStopping(),
        )
        found += [repr(history), tn.fingerprint(net)]
    return found


OPERATIONS: dict[str, Callable[[float], list[Any]]] = {
    function.__name__: function
    for function in (
        *(large_linear, small_linear, activations, accumulated, losses, optimizers),
        *(scores_and_data, fitting),
    )
}


def others(folder: Path) -> list[Any]:
    generator = tn.TorchGenerator(2**63 + 12345)
    layer = tn.Linear(30, 20, rng=generator)
    loader = tn.DataLoader(X, Y, batch_size=5, shuffle=True, rng=generator)
    labels = [label for _, label in loader]
    digits = tn.datasets.mnist_small()
    return bits(layer.W.data, *labels, digits.images[:99], tn.data.minmax_scale(digits.images[:9]))


def tracing(folder: Path) -> list[Any]:
    """Texts and pages: what learners read."""
    found: list[Any] = []
    for size in (1.0, 1e-20):
        net = network()
        optimizer = tn.SGD(net.parameters(), lr=0.1, momentum=0.9)
        trace = tn.trace(net, tn.NLLLoss(), X[:8] * np.float32(size), Y[:8], optimizer, steps=3)
        found += [str(trace), repr(trace), trace.explain(0), trace.explain(2, 1, 2)]
        trace.to_html(folder / "xray.html")
        found.append((folder / "xray.html").read_bytes())
        found.append(str(tn.diagnose(tn.History(), trace)))
        found.append(str(net.summary()) + str(net._repr_html_()) + repr(net.parameters()))
    return found


def files(folder: Path) -> list[Any]:
    net = network()
    loader = tn.DataLoader(X, Y, batch_size=16, rng=0)
    optimizer = tn.Adam(net.parameters())
    history = tn.fit(net, tn.NLLLoss(), optimizer, loader, (X, Y), epochs=2, progress=False)
    tn.save(net, folder / "net")
    tn.save_checkpoint(folder / "run", net, optimizer, loader, history)
    history.to_csv(folder / "history.csv")
    tn.load_checkpoint(folder / "run", net, optimizer, loader, history)
    contents = [(folder / name).read_bytes() for name in ("net", "run", "history.csv")]
    return [*contents, tn.fingerprint(tn.load(folder / "net")), repr(history), repr(optimizer.lr)]


def checking(folder: Path) -> list[Any]:
    found = []
    for layer, shape in (
        (tn.Linear(7, 4, rng=0), (5, 7)),
        (tn.Softmax(), (5, 7)),
        (tn.ReLU(), (5, 7)),
    ):
        found.append(str(tn.check_gradients(layer, shape)))
    with pytest.raises(tn.GradientError) as caught:
        tn.check_gradients(Doubled(), (5, 7))
    return [*found, str(caught.value)]


class Doubled(tn.Module):
    def forward(self, x: Any) -> Any:  # type: ignore[override]
        self.keep()
        return 2 * x

    def backward(self, dy: Any) -> Any:
        (dy,) = self.kept(dy)
        return 4 * dy


def classifying(folder: Path) -> list[Any]:
    from tinynet.estimator import TinyNetClassifier

    found: list[Any] = []
    for options in ({}, {"class_weight": "balanced"}, {"early_stopping": True}):
        model = TinyNetClassifier((5,), epochs=60, lr=0.1, random_state=0, **options).fit(X, Y)
        found += bits(model.predict_proba(X * np.float32(300)), model.predict(X))
        found.append(repr(model.history_))
    return found


def messages(folder: Path) -> list[Any]:
    found = []
    wrong = X.copy()
    wrong[3, 2] = np.nan
    for call in (
        lambda: tn.DataLoader(wrong, Y),
        lambda: tn.NLLLoss()(X, Y + 100),
        lambda: tn.SGD(network().parameters(), lr=np.float64(-1 / 3)),
        lambda: tn.data.minmax_scale(X, 1 / 3, 1e-10),
        lambda: tn.Linear(12, 3, rng=0)(X[:, :5]),
        lambda: tn.Linear(12, 3, rng=0).load_state_dict({"weight": wrong}),
    ):
        with pytest.raises((ValueError, IndexError)) as caught:
            call()
        found.append(str(caught.value))
    return found


WRITERS = {f.__name__: f for f in (tracing, files, checking, classifying, messages, others)}


@contextlib.contextmanager
def numpy_raises() -> Iterator[None]:
    with np.errstate(all="raise"):
        yield


@contextlib.contextmanager
def overflow_raises() -> Iterator[None]:
    with np.errstate(over="raise"):
        yield


@contextlib.contextmanager
def warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextlib.contextmanager
def numpy_prints_otherwise() -> Iterator[None]:
    with np.printoptions(precision=1, suppress=True, threshold=1, edgeitems=1, sign="+"):
        yield


@contextlib.contextmanager
def numpy_prints_as_long_ago() -> Iterator[None]:
    with np.printoptions(legacy="1.13"):
        yield


@contextlib.contextmanager
def numbers_of_another_precision() -> Iterator[None]:
    before = locale.setlocale(locale.LC_ALL)
    with decimal.localcontext() as context, contextlib.ExitStack() as stack:
        context.prec = 2
        context.traps[decimal.Inexact] = True
        for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "C"):
            with contextlib.suppress(locale.Error):
                locale.setlocale(locale.LC_ALL, name)
                break
        stack.callback(locale.setlocale, locale.LC_ALL, before)
        yield


SETTINGS = {
    f.__name__: f
    for f in (
        *(numpy_raises, overflow_raises, warnings_are_errors, numpy_prints_otherwise),
        *(numpy_prints_as_long_ago, numbers_of_another_precision),
    )
}


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("setting", [numpy_raises, overflow_raises, warnings_are_errors])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_numbers_are_the_same(name: str, size: str, setting: Any, usual: dict[str, Any]) -> None:
    operation, key = OPERATIONS[name], f"{name} {size}"
    if key not in usual:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            usual[key] = operation(SIZES[size])
    with np.errstate(all="warn"), setting():
        assert operation(SIZES[size]) == usual[key]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", WRITERS)
def test_texts_and_files_are_the_same(
    name: str, setting: str, usual: dict[str, Any], tmp_path: Path
) -> None:
    if name not in usual:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            usual[name] = WRITERS[name](tmp_path)
    before = np.random.get_state(legacy=False)  # noqa: NPY002
    with np.errstate(all="warn"), SETTINGS[setting]():
        assert WRITERS[name](tmp_path) == usual[name]
    after = np.random.get_state(legacy=False)  # noqa: NPY002
    assert pickle.dumps(before) == pickle.dumps(after)


# matplotlib


UGLY = {
    "image.origin": "lower",
    "image.interpolation": "bicubic",
    "image.aspect": "auto",
    "axes.grid": True,
    "axes.facecolor": "yellow",
    "axes.spines.left": False,
    "axes.titlesize": 30,
    "axes.labelcolor": "white",
    "text.color": "white",
    "xtick.color": "white",
    "ytick.labelsize": 30,
    "ytick.major.size": 20,
    "figure.facecolor": "black",
    "figure.autolayout": True,
    "font.size": 25,
    "font.family": "monospace",
    "lines.linewidth": 9,
    "lines.marker": "x",
    "legend.fontsize": 30,
    "savefig.facecolor": "auto",
    "axes.xmargin": 0.4,
}
CHANCES = np.random.default_rng(0).dirichlet(np.ones(10), size=3)
PICTURES = np.random.default_rng(1).random((3, 784))
DRAWINGS: dict[str, Callable[[], Any]] = {
    "digits": lambda: plots.digit_grid(PICTURES, columns=3, captions=[1, 2, 3]),
    "rows": lambda: plots.pixel_rows(PICTURES),
    "correlations": lambda: plots.correlations(np.corrcoef(PICTURES)),
    "outputs": lambda: plots.output_bars([-900.0, -0.1, -2.4], 1),
    "guesses": lambda: plots.guesses(PICTURES, CHANCES, [3, 1, 4]),
    "bars": lambda: plots.bars({"a": [1, 2]}, ["x", "y"], "x", "y", "title"),
    "lines": lambda: plots.line_panels(
        [plots.Panel("p", "x", "y", {"a": ([1, 2, 3], [1, 10, 100])}, yscale="log")], "title"
    ),
    "network": lambda: plots.draw_network([3, 5, 2], arrows="both"),
    "curves": lambda: plots.learning_curves(
        tn.History(train_loss=[1.0, 0.5], train_accuracy=[50.0, 70.0])
    ),
    "trace": lambda: tn.trace(network(), tn.NLLLoss(), X[:8], Y[:8]).plot(),
}


def drawn(draw: Callable[[], Any]) -> bytes:
    figure = draw()
    with plt.style.context("default"):  # how a file is written is the program's business
        figure.canvas.draw()
    pixels = bytes(figure.canvas.buffer_rgba())
    plt.close(figure)
    return pixels


@pytest.mark.parametrize("name", slow_but(3, DRAWINGS))
def test_figures_look_the_same_and_leave_the_settings(name: str) -> None:
    expected = drawn(DRAWINGS[name])
    with matplotlib.rc_context(UGLY), np.errstate(all="raise"):
        before = dict(matplotlib.rcParams)
        assert drawn(DRAWINGS[name]) == expected
        assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context(UGLY | {"text.color": "black"}):
        figure = DRAWINGS[name]()
        figure.canvas.draw()
        ticks = [tick for ax in figure.axes for tick in ax.xaxis.get_major_ticks()]
        assert {tick.label1.get_color() for tick in ticks} <= {"black"}
        plt.close(figure)


def test_on_axes_of_the_program_its_own_settings_hold() -> None:
    with matplotlib.rc_context({"text.color": "red"}):
        figure, ax = plt.subplots()
        plots.draw_network([2, 3], ax=ax)
        assert {text.get_color() for text in ax.texts} == {"red"}
        plt.close(figure)


# Python


CHILD = """
import sys, warnings
import numpy as np
import tinynet as tn
rng = np.random.default_rng(0)
X, y = rng.random((64, 20), np.float32), rng.integers(3, size=64)
net = tn.Sequential(tn.Linear(20, 9, rng=rng), tn.ReLU(), tn.Linear(9, 3, rng=rng), tn.LogSoftmax())
loader = tn.DataLoader(X, y, batch_size=8, shuffle=True, rng=0)
optimizer = tn.Adam(net.parameters())
history = tn.fit(net, tn.NLLLoss(), optimizer, loader, (X, y), epochs=2, progress=False)
tn.save(net, "net"), tn.save_checkpoint("run", net, optimizer, loader, history)
tn.load_checkpoint("run", net, optimizer, loader, history)
print(tn.fingerprint(tn.load("net")), history, tn.check_gradients(net, (4, 20)))
print(tn.diagnose(history, net, loader, (X, y), tn.NLLLoss(), optimizer), net.summary())
print(tn.trace(net, tn.NLLLoss(), X, y).explain(0))
try:
    tn.NLLLoss()(net(X), y + 5)
except IndexError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("options", "variables"),
    slow_but(
        0,
        [
            (["-OO"], {}),
            (["-W", "error"], {}),
            (["-X", "dev"], {}),
            ([], {"PYTHONOPTIMIZE": "2", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7"}),
            (
                [],
                {
                    "OMP_NUM_THREADS": "7",
                    "LC_ALL": "C",
                    "PYTHONUTF8": "0",
                    "PYTHONIOENCODING": "utf-8",
                },
            ),
        ],
    ),
)
def test_python_s_own_settings(options: list[str], variables: Any, tmp_path: Path) -> None:
    def output(options: list[str], variables: dict[str, str]) -> tuple[str, list[str]]:
        environment = os.environ | {"PYTHONPATH": str(Path(tn.__file__).parents[1])} | variables
        done = subprocess.run(
            [sys.executable, *options, "-c", CHILD],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        lines = done.stderr.splitlines()  # what is compiled stays on disk: the first run says so
        return done.stdout, [line for line in lines if not line.startswith("compiling ")]

    assert output(options, variables) == output([], {})
