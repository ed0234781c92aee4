"""Twins: a program after `tn.compile` and the same program without it, line for line the same.

    python tests/support/twin_fuzz.py 17           one run: its program, if the twins differ, as
                                                   short as it can be made
    python tests/support/twin_fuzz.py --runs 400   many, and how many networks compiled

A run is a program of 60 lines, such as a learner may write them in a notebook, sensible or not. One
twin runs ``tn.compile(net, loss_fn, optimizer)`` first. After each line everything that can be seen
must be equal to the byte: outputs, losses, gradients, weights, the optimizer's memory, what layers
keep, warnings, and errors with their messages. A program that shows a difference is printed as it
can be run alone, with ``tn.compile`` or without.
"""

import argparse
import copy
import inspect
import itertools
import pickle
import random
import sys
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from own_layers import KernelLeaky, NumpyLeaky, NumpyTanh

import tinynet as tn
from tinynet.support.calls import watching
from tinynet.support.options import options_of

FEATURES, CLASSES = 20, 10
LINES = 60
SIZES = (1, 5, 64, 65, 130)


class Setting(NamedTuple):
    """A network, its loss and its optimizer, as the lines of a program."""

    net: str
    loss_fn: str
    optimizer: str

    def lines(self) -> list[str]:
        return [f"{name} = {value}" for name, value in self._asdict().items()]


def chain(*layers: tn.Module) -> tn.Sequential:
    """20-16-8-8-10 with these layers after the four Linears, in turn."""
    rng, sizes = np.random.default_rng(0), (FEATURES, 16, 8, 8, CLASSES)
    linears = [tn.Linear(I, O, rng=rng) for I, O in itertools.pairwise(sizes)]
    return tn.Sequential(*(part for pair in zip(linears, layers) for part in pair), *layers[4:])


RELUS = "tn.ReLU(), tn.ReLU(), tn.ReLU()"
SETTINGS = {
    "NLL, SGD": Setting(
        f"chain({RELUS}, tn.LogSoftmax())", "tn.NLLLoss()", "tn.SGD(net.parameters(), lr=0.1)"
    ),
    "NLL, momentum": Setting(
        f"chain({RELUS}, tn.LogSoftmax())",
        "tn.NLLLoss(ignore_index=3)",
        "tn.SGD(net.parameters(), lr=0.05, momentum=0.9, dampening=0.1)",
    ),
    "NLL, Nesterov and decay": Setting(
        f"chain({RELUS}, tn.LogSoftmax())",
        "tn.NLLLoss(weight=np.arange(1.0, CLASSES + 1))",
        "tn.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)",
    ),
    "no bias, maximize": Setting(
        "tn.Sequential(tn.Linear(FEATURES, 9, bias=False, rng=1), tn.ReLU(), "
        "tn.Linear(9, CLASSES, bias=False, rng=2), tn.LogSoftmax())",
        "tn.NLLLoss()",
        "tn.SGD(net.parameters(), lr=0.001, weight_decay=0.1, maximize=True)",
    ),
    "cross-entropy, Adam": Setting(
        "tn.Sequential(tn.Linear(FEATURES, 33, rng=1), tn.ReLU(), tn.Linear(33, CLASSES, rng=2))",
        "tn.CrossEntropyLoss()",
        "tn.Adam(net.parameters(), lr=0.01)",
    ),
    "nested, smoothed, AdamW": Setting(
        "tn.Sequential(tn.Sequential(tn.Linear(FEATURES, 9, rng=1), tn.ReLU()), "
        "tn.Sequential(tn.Linear(9, CLASSES, rng=2)))",
        "tn.CrossEntropyLoss(label_smoothing=0.1, weight=np.arange(1.0, CLASSES + 1))",
        "tn.AdamW(net.parameters(), lr=0.01, weight_decay=0.1, amsgrad=True)",
    ),
    "sum, RMSprop": Setting(
        "tn.Sequential(tn.Linear(FEATURES, 16, rng=1), tn.ReLU(), tn.Linear(16, CLASSES, rng=2))",
        'tn.CrossEntropyLoss(reduction="sum")',
        "tn.RMSprop(net.parameters(), lr=0.001, momentum=0.5, centered=True)",
    ),
    "float64": Setting(
        "tn.Sequential(tn.Linear(FEATURES, 9, rng=1, dtype=np.float64), tn.ReLU(), "
        "tn.Linear(9, CLASSES, rng=2, dtype=np.float64), tn.LogSoftmax())",
        "tn.NLLLoss()",
        "tn.AdamW(net.parameters(), lr=0.01, weight_decay=0.1)",
    ),
    "Softmax in the middle": Setting(
        "tn.Sequential(tn.Linear(FEATURES, 8, rng=1), tn.Softmax(), tn.Linear(8, CLASSES, rng=2))",
        "tn.CrossEntropyLoss(ignore_index=0)",
        "tn.SGD(net.parameters(), lr=0.5)",
    ),
    "a part is trained": Setting(
        "tn.Sequential(tn.Linear(FEATURES, 9, rng=1), tn.ReLU(), tn.Linear(9, CLASSES, rng=2))",
        "tn.CrossEntropyLoss()",
        "tn.Adam(net.parameters()[2:], lr=0.01)",
    ),
    "own kernels": Setting(
        "tn.Sequential(tn.Linear(FEATURES, 9, rng=1), KernelLeaky(), tn.Linear(9, CLASSES, rng=2))",
        "tn.CrossEntropyLoss()",
        "tn.AdamW(net.parameters(), lr=0.01)",
    ),
    "own NumPy": Setting(
        "tn.Sequential(tn.Linear(FEATURES, 16, rng=1), NumpyTanh(), tn.Linear(16, 8, rng=2), "
        "NumpyLeaky(), tn.Linear(8, CLASSES, rng=3), tn.LogSoftmax())",
        "tn.NLLLoss()",
        "tn.SGD(net.parameters(), lr=0.1, momentum=0.9)",
    ),
    "frozen at first": Setting(
        "tn.Sequential(tn.Linear(FEATURES, 9, rng=1).requires_grad_(False), tn.ReLU(), "
        "tn.Linear(9, CLASSES, rng=2))",
        "tn.CrossEntropyLoss()",
        "tn.Adam(net.parameters(), lr=0.01)",
    ),
    "tied": Setting(
        "tied()",
        "tn.CrossEntropyLoss()",
        "tn.SGD(net.parameters(), lr=0.05, momentum=0.9)",
    ),
}


# What the lines of a program call.


def rows(n: int, seed: int, net: tn.Module) -> Any:
    """Normal numbers, half of them 0, of the dtype of `net`."""
    rng, dtype = np.random.default_rng(seed), net.parameters()[0].data.dtype
    values = rng.standard_normal((n, FEATURES)) * (rng.random((n, FEATURES)) < 0.5)
    return values.astype(dtype)


def classes(n: int, seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, CLASSES, n)


def like(array: Any, seed: int) -> Any:
    values = np.random.default_rng(seed).standard_normal(array.shape) / 2
    return values.astype(array.dtype)


def tied() -> tn.Sequential:
    """20-8-20-10, the second layer on the weights of the first."""
    first = tn.Linear(FEATURES, 8, rng=1)
    second, last = first.transposed(rng=2), tn.Linear(FEATURES, CLASSES, rng=3)
    return tn.Sequential(first, tn.ReLU(), second, tn.ReLU(), last)


def linears(net: tn.Module) -> list[Any]:
    return [layer for _, layer in net.named_modules() if isinstance(layer, tn.Linear)]


def watched(net: tn.Module, x: Any) -> list[Any]:
    """The outputs of all layers, in the order in which they are called."""
    with watching() as calls:
        net(x)
    return [output for _, output in calls]


def in_a_thread(function: Any, *arguments: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


HELPERS = {
    f.__name__: f
    for f in (
        *(rows, classes, like, linears, watched, in_a_thread, chain, tied),
        *(KernelLeaky, NumpyLeaky, NumpyTanh),
    )
}
HELPERS |= {
    "np": np,
    "tn": tn,
    "copy": copy,
    "pickle": pickle,
    "FEATURES": FEATURES,
    "CLASSES": CLASSES,
}
START = [
    "x, target = rows(5, 0, net), classes(5, 0)",
    "y = z = p = dy = dx = loss = state = None",
    "held = []",
]
STEP = [
    "x, target = rows({n}, {s}, net), classes({n}, {s})",
    "y = net(x)",
    "loss = loss_fn(y, target)",
    "optimizer.zero_grad()",
    "dy = loss_fn.backward()",
    "dx = net.backward(dy)",
    "optimizer.step()",
]
USUAL = {
    8: STEP,
    2: [*STEP[:3], *STEP[4:6], *STEP[1:3], *STEP[4:]],  # gradients of two batches together
    3: [*STEP[:5], "net.backward(dy, input_gradient=False)", *STEP[6:]],
    1: [*STEP[:4], "dx = net.backward(loss_fn.backward())", *STEP[6:]],
}
"""What a learner writes in one go, and how often."""
IN_BETWEEN = [
    "p = net.predict(rows({n}, {s}, net))",
    "p = net.predict(x)",
    "p = loss_fn.predict(y, target)",
    "p = net(rows({n}, {s}, net))",
    "z = net(x + dx)",
    "z = watched(net, x)",
    "z = net[:1](x)",
    "p = in_a_thread(net, x)",
    "p = in_a_thread(net.predict, x)",
    "loss = loss_fn(p, target)",
    "loss = loss_fn(y.copy(), target)",
    "loss = loss_fn(like(y, {s}), target)",
    "loss = loss_fn(y, target.astype(np.int8))",
    "loss = loss_fn(y, np.full_like(y, 0.1))",
    "loss = tn.CrossEntropyLoss()(y, target)",
    "dx = net.backward(dy.copy())",
    "dx = net.backward(dy[::-1])",
    "dx = net.backward(like(y, {s}))",
    "tn.SGD(net.parameters(), lr=0.01).step()",
    "z = net.layers[0](rows({n}, {s}, net))",
    "z = net.layers[-1].backward(like(y, {s}))",
    "held.append(y)",
    "held.append(dx)",
    "held.append(linears(net)[{k}].W.grad)",
    "y *= 2",
    "x *= 0.5",
    "dy *= 2",
    "dx *= 0",
    "optimizer.zero_grad()",
    "net.zero_grad()",
    "optimizer.step()",
    "state = net.state_dict()",
    "net.load_state_dict(state)",
    "p = copy.deepcopy(net)(x)",
    "p = pickle.loads(pickle.dumps(net)).predict(x)",
    "dy = loss_fn.backward(0.5)",
    "y = net(rows(2 * {n}, {s}, net)[::2])",
    "y = net(np.asfortranarray(x))",
    "linears(net)[{k}].W.grad = None",
    "linears(net)[{k}].b.grad = None",
    "linears(net)[{k}].W.grad = like(linears(net)[{k}].W.data, {s})",
    "linears(net)[{k}].W.grad *= 0.5",
    "linears(net)[{k}].W.data *= 0.9",
    "linears(net)[{k}].W.data = like(linears(net)[{k}].W.data, {s})",
    "optimizer.lr = optimizer.lr * 0.9",
]
FAILS = [
    "y = net(x[:, 1:])",
    "y = net(x.astype(int))",
    "y = net(x.astype(np.float16))",
    "y = net(x.tolist())",
    "y = net(x[:0])",
    "p = net.predict(x[0])",
    "loss = loss_fn(y, target + CLASSES)",
    "loss = loss_fn(y, target[1:])",
    "loss = loss_fn(y[:, 1:], target)",
    "loss = loss_fn(y, target * 1.0)",
    "dy = loss_fn.backward()",
    "dy = loss_fn.backward('1')",
    "dx = net.backward(dy)",
    "dx = net.backward(dy.astype(np.float16))",
    "dx = net.backward(dy[1:])",
    "dx = net.backward(None)",
    "y = net.forward(x)",
    "x[0, 0] = np.inf",
    "y = net(np.full_like(x, np.nan))",
    "optimizer.lr = -1",
    "linears(net)[{k}].W.grad = x",
]
CHANGES = [
    "linears(net)[{k}].W = tn.Parameter(like(linears(net)[{k}].W.data, {s}))",
    "linears(net)[{k}].b = tn.Parameter(like(linears(net)[{k}].b.data, {s}))",
    "linears(net)[{k}].b = None",
    "linears(net)[{k}].requires_grad_(False)",
    "linears(net)[{k}].W.requires_grad = False",
    "net.requires_grad_()",
    "optimizer.parameters[-1] = net.parameters()[-1]",
    "net.layers[0] = copy.deepcopy(net.layers[0])",
    "net.layers[1] = tn.ReLU()",
    "net.layers.insert(1, tn.ReLU())",
    "net.layers.pop()",
    "net.layers.append(tn.LogSoftmax())",
    "net.layers.append(net.layers.pop())",
    "net = copy.deepcopy(net)",
    "net, loss_fn, optimizer = copy.deepcopy((net, loss_fn, optimizer))",
    "optimizer = copy.deepcopy(optimizer)",
    "loss_fn = copy.deepcopy(loss_fn)",
    "optimizer.state[0].clear()",
    "loss_fn.ignore_index = {k}",
    "loss_fn.weight = np.arange(2.0, CLASSES + 2)",
    "loss_fn.reduction = 'sum'",
]
OPTIONS = {
    "momentum": 0.5,
    "dampening": 0.3,
    "nesterov": True,
    "weight_decay": 0.02,
    "maximize": True,
    "betas": (0.8, 0.9),
    "eps": 1e-6,
    "amsgrad": True,
    "alpha": 0.8,
    "centered": True,
}


def program(seed: int) -> tuple[str, list[str]]:
    """The name of a setting, and the lines of a program, for each seed another."""
    choose = random.Random(seed)
    name = list(SETTINGS)[seed % len(SETTINGS)]
    net, loss_fn, optimizer = made(SETTINGS[name])
    changes = CHANGES + [
        f"optimizer.{option} = {value}"
        for option, value in OPTIONS.items()
        if option in vars(optimizer)
    ]
    if hasattr(loss_fn, "label_smoothing"):
        changes.append("loss_fn.label_smoothing = 0.3")
    if hasattr(net, "train"):
        changes += ["net.train()", "net.eval()"]
    lines: list[str] = []
    while len(lines) < LINES:
        n, chance = choose.choice(SIZES), choose.choice((0.0, 0.2, 0.4))
        (phrase,) = choose.choices(list(USUAL.values()), list(USUAL))
        for line in phrase:
            if choose.random() < chance:
                others = choose.choices((IN_BETWEEN, FAILS, changes), (12, 4, 1))[0]
                lines.append(_filled(choose.choice(others), choose, choose.choice(SIZES)))
            lines.append(_filled(line, choose, n))
    return name, lines[:LINES]


def _filled(line: str, choose: random.Random, n: int) -> str:
    takes_it = "input_gradient" in inspect.signature(tn.Sequential.backward).parameters
    if not takes_it:
        line = line.replace(", input_gradient=False", "")
    return line.format(n=n, s=choose.randrange(1000), k=choose.randrange(2))


def made(setting: Setting) -> tuple[Any, Any, Any]:
    space: dict[str, Any] = dict(HELPERS)
    exec("\n".join(setting.lines()), space)
    return space["net"], space["loss_fn"], space["optimizer"]


class Twin:
    """One of two equal programs under way."""

    def __init__(self, setting: Setting, compiled: bool) -> None:
        self.space: dict[str, Any] = dict(HELPERS)
        self._before: dict[str, Any] = {}
        for line in setting.lines() + START:
            exec(line, self.space)
        self.compiled = False
        if compiled:
            try:
                self.steps = tn.compile(*(self.space[name] for name in Setting._fields))
                self.compiled = True
            except TypeError:
                pass  # a twin of plain layers, then

    def run(self, line: str) -> dict[str, Any]:
        """What can be seen after this line: name and value, arrays as bytes."""
        seen: dict[str, Any] = {}
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                exec(line, self.space)
            except Exception as error:
                seen["error"] = f"{type(error).__name__}: {error}"
        told = {f"{w.category.__name__}: {w.message}" for w in warned}
        seen["warnings"] = sorted(text for text in told if "Call tn.compile again" not in text)
        for name in ("x", "y", "z", "p", "loss", "dy", "dx", "state", "held"):
            seen[name] = _plain(self.space[name])
        self._look_at(seen)
        return seen

    def _look_at(self, seen: dict[str, Any]) -> None:
        net, loss_fn, optimizer = (self.space[name] for name in Setting._fields)
        objects: dict[str, Any] = {}
        for owner, module in (("net", net), ("loss_fn", loss_fn)):
            for place, inner in module.named_modules():
                name = f"{owner}.{place}".rstrip(".")
                seen[f"{name} keeps something"] = inner._kept is not None
                for own, parameter in inner.own_parameters():
                    objects[f"{name}.{own}"] = parameter
        for number, parameter in enumerate(optimizer.parameters):
            objects[f"optimizer.parameters[{number}]"] = parameter
            seen[f"optimizer.parameters[{number}] is"] = [
                name for name, other in objects.items() if other is parameter
            ]
        arrays: dict[str, Any] = {}
        for name, parameter in objects.items():
            arrays[f"{name}.data"], arrays[f"{name}.grad"] = parameter.data, parameter.grad
        for name, array in arrays.items():
            seen[name] = _plain(array)
            seen[f"{name} is the array it was"] = self._before.get(name) is array
        self._before = arrays
        seen["optimizer.state"] = [_plain(state) for state in optimizer.state]
        for owner, one in (("optimizer", optimizer), ("loss_fn", loss_fn)):
            for name, value in options_of(one).items():
                if name != "parameters":
                    seen[f"{owner}.{name}"] = _plain(value)


def _plain(value: Any) -> Any:
    """Arrays as dtype, shape and bytes, with one NaN for all; their containers, too."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.where(np.isnan(value), np.nan, value) if value.dtype.kind == "f" else value
        writable = isinstance(value, np.generic) or value.flags.writeable
        return (value.dtype.str, value.shape, writable, np.asarray(array, value.dtype).tobytes())
    if isinstance(value, float):
        return "nan" if value != value else value.hex()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in sorted(value.items())}
    return value


class Difference(NamedTuple):
    """Where two twins differ first: after which line, and in what."""

    line: int
    what: str
    compiled: Any
    plain: Any

    def __str__(self) -> str:
        what, one, other = self.what, self.compiled, self.plain
        while isinstance(one, list | dict) and type(one) is type(other) and len(one) == len(other):
            keys = list(one) if isinstance(one, dict) else range(len(one))
            key = next(key for key in keys if one[key] != other[key])  # type: ignore[index]
            what, one, other = f"{what}[{key!r}]", one[key], other[key]  # type: ignore[index]
        if _is_array(one) and _is_array(other) and one[:2] == other[:2]:
            mine, theirs = (np.frombuffer(a[-1], a[0]).reshape(a[1]) for a in (one, other))
            wrong = np.argwhere(mine != theirs)
            at = ", ".join(map(str, wrong[0])) if len(wrong) else "writable or not"
            what += f", in {len(wrong)} of {mine.size} numbers, first at [{at}]"
            one, other = ((a[tuple(wrong[0])] if len(wrong) else a) for a in (mine, theirs))
        return f"{what}: {one!r} after tn.compile, {other!r} without"


def _is_array(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 4 and isinstance(value[-1], bytes)


class Outcome(NamedTuple):
    compiled: bool
    difference: Difference | None
    errors: int


def compare(setting: Setting, lines: list[str]) -> Outcome:
    """Run a program in both twins; stop at the first line after which they differ."""
    twin, plain = Twin(setting, compiled=True), Twin(setting, compiled=False)
    errors = 0
    for number, line in enumerate(["pass", *lines]):
        one, other = twin.run(line), plain.run(line)
        errors += "error" in other
        for what in [*other, *(one.keys() - other.keys())]:
            if one.get(what, "nothing") != other.get(what, "nothing"):
                found = Difference(number, what, one.get(what), other.get(what))
                return Outcome(twin.compiled, found, errors)
    return Outcome(twin.compiled, None, errors)


def shrunk(setting: Setting, lines: list[str]) -> tuple[list[str], Difference]:
    """As few of the lines as still show a difference, and that."""
    difference = compare(setting, lines).difference
    assert difference is not None
    lines = lines[: difference.line]
    size = len(lines) // 2
    while size:
        for start in range(len(lines) - size, -1, -size):
            fewer = lines[:start] + lines[start + size :]
            found = compare(setting, fewer).difference
            if found is not None:
                lines, difference = fewer[: found.line], found
        size //= 2
    return lines, difference


def script(setting: Setting, lines: list[str], difference: Difference) -> str:
    """The program that shows a difference, to be run as it is, or with "plain" as argument."""
    plain = Twin(setting, compiled=False)
    lines = [
        f"try:\n    {line}\nexcept Exception as error:\n    print(type(error).__name__, error)"
        if "error" in plain.run(line)
        else line
        for line in lines
    ]
    return "\n".join(
        [
            "import sys; sys.path.insert(0, 'tests/support')",
            "import copy, pickle; import numpy as np; import tinynet as tn",
            "from twin_fuzz import *",
            *setting.lines(),
            "if 'plain' not in sys.argv: tn.compile(net, loss_fn, optimizer)",
            *START,
            *lines,
            f"# {difference}".replace("\n", "\n# "),
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("seed", nargs="?", type=int, help="one run; its program, if twins differ")
    parser.add_argument("--runs", type=int, default=20, help="so many seeds, from --first on (20)")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print the program of the seed")
    options = parser.parse_args()
    one = options.seed is not None
    seeds = [options.seed] if one else range(options.first, options.first + options.runs)
    compiled: dict[str, bool] = {}
    counts: Counter[str] = Counter()
    for seed in seeds:
        name, lines = program(seed)
        if options.show:
            print(*SETTINGS[name].lines(), *START, *lines, sep="\n")
        outcome = compare(SETTINGS[name], lines)
        compiled[name] = outcome.compiled
        counts.update(runs=1, compiled=int(outcome.compiled), lines=len(lines))
        counts["errors"] += outcome.errors
        if outcome.difference is not None:
            print(f"# seed {seed}, {name}: the twins differ\n")
            print(script(SETTINGS[name], *shrunk(SETTINGS[name], lines)))
            return 1
    print(f"{counts['runs']} runs, {counts['compiled']} of them compiled; {counts['lines']} lines")
    print(f"{counts['errors']} errors, the same in both; no difference")
    refused = {name for name, yes in compiled.items() if not yes}
    print(f"not compiled: {', '.join(sorted(refused)) or 'none'}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
