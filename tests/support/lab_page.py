"""The lab's page in Chromium: runs made in it, and what Python makes of the same."""

import base64
import json
from contextlib import contextmanager

import numpy as np
from browser import chromium

import tinynet as tn

MAKE = "globalThis.R = makeRun(arguments[0]); R.look(); return R.stepsPerEpoch"
NUMBERS = """
const list = (values) => Array.from(values);
const { data, net, target, testTarget } = R;
const layers = net.layers.map(({ text }) => text);
const parameters = net.parameters.map(({ value, shape }) => [list(value), shape]);
const epochs = Math.ceil(arguments[0] / R.stepsPerEpoch);
return JSON.stringify({
  x: list(data.x), y: list(target), testX: list(data.test.x), testY: list(testTarget),
  inputs: data.inputs, outputs: net.outputs, labels: target instanceof Int32Array,
  layers, parameters,
  orders: Array.from({ length: epochs }, (_, epoch) => list(R.order(epoch))),
});
"""
FILE = "return btoa(String.fromCharCode(...R[arguments[0]]()))"
STATE = """
const bits = (values) => Array.from(new BigUint64Array(values.slice().buffer), String);
const remembered = (value) => (typeof value === "number" ? value : bits(value));
return JSON.stringify([
  R.steps,
  R.net.parameters.map(({ value }) => bits(value)),
  R.memories.map((memory) => Object.values(memory).map(remembered)),
]);
"""
"""The state of a run, to the bit."""
VARIANTS = {
    "SGD": {"optimizer": "SGD", "lr": 0.1},
    "momentum": {"optimizer": "SGD", "lr": 0.03, "momentum": 0.9},
    "nesterov": {"optimizer": "SGD", "lr": 0.03, "momentum": 0.9, "nesterov": True},
    "RMSprop": {"optimizer": "RMSprop", "lr": 0.01, "alpha": 0.95},
    "Adam": {"optimizer": "Adam", "lr": 0.01, "betas": [0.8, 0.99]},
    "L2": {"optimizer": "Adam", "lr": 0.01, "weightDecay": 0.1},
}
"""Optimizers as the page offers them."""


SMALL = {"data": {"kind": "moons", "points": 90, "test": 50, "noise": 0.2}, "hidden": [6, 5]}
BLOBS = {"kind": "blobs", "points": 90, "noise": 0.5}
LINE = {"kind": "wave", "points": 70, "noise": 0.2}
LOSSES = [
    *(("CrossEntropyLoss", SMALL["data"]), ("CrossEntropyLoss", BLOBS), ("NLLLoss", BLOBS)),
    *(("BCEWithLogitsLoss", SMALL["data"]), ("BCELoss", SMALL["data"])),
    *(("MSELoss", SMALL["data"]), ("MSELoss", BLOBS), ("MSELoss", LINE)),
    *(("L1Loss", SMALL["data"]), ("L1Loss", LINE)),
]
LOSS_IDS = [f"{loss} {data['kind']}" for loss, data in LOSSES]


@contextmanager
def lab_in_chromium(folder):
    """A function that writes a lab, opens it, and gives the page and what it was asked for."""
    with chromium() as driver:

        def opened(**options):
            page = tn.lab(folder / "lab.html", **options)
            assert (folder / "lab.html").read_bytes() == page.content
            assert len(page.content) < 2_000_000
            driver.get((folder / "lab.html").as_uri())
            return driver, driver.execute_async_script(
                "const [done] = arguments;"
                "unpack().then((head) => { takeGiven(head); done(head.setup); })"
            )

        yield opened


class Twin:
    """The same network, data and batches in Python, with the run in the page at its first step."""

    def __init__(self, page, setup, steps=200):
        self.page, self.steps = page, steps
        page.execute_script(MAKE, setup)
        self.setup = setup = page.execute_script("return R.setup")
        told = json.loads(page.execute_script(NUMBERS, steps))
        self.X = np.array(told["x"]).reshape(-1, told["inputs"])
        self.X_test = np.array(told["testX"]).reshape(-1, told["inputs"])
        self.y, self.y_test = (
            np.array(told[name], np.int64)
            if told["labels"]
            else np.array(told[name], float).reshape(-1, told["outputs"])
            for name in ("y", "testY")
        )
        self.orders = told["orders"]
        self.net = tn.Sequential(*map(layer_of, told["layers"]))
        for parameter, (values, shape) in zip(self.net.parameters(), told["parameters"]):
            parameter.data = np.array(values, float).reshape(shape)
        self.loss_fn = getattr(tn, setup["loss"])()
        self.optimizer = self._optimizer(setup)

    def _optimizer(self, setup):
        kind, options = setup["optimizer"], {"lr": setup["lr"]}
        names = {"SGD": ("momentum", "nesterov"), "RMSprop": ("alpha",), "Adam": ("betas",)}[kind]
        options |= {n: tuple(v) if isinstance(v := setup[n], list) else v for n in names}
        options["weight_decay"] = setup["weightDecay"]
        return getattr(tn, kind)(self.net.parameters(), **options)

    def batches(self):
        size, all_of_them = self.setup["batch"], []
        for order in self.orders:
            rows = [order[k : k + size] for k in range(0, len(order), size)]
            all_of_them += [(self.X[some], self.y[some]) for some in rows]
        return all_of_them[: self.steps]

    def fit(self):
        """The losses of all batches, by ``tn.fit``."""
        losses, apart = [], getattr(tn, self.setup["loss"])()

        def score(outputs, yb):
            losses.append(apart(outputs, yb))
            return 0.0

        options = {"progress": False, "compiled": False, "score": score}
        tn.fit(self.net, self.loss_fn, self.optimizer, self.batches(), **options)
        return np.array(losses[: self.steps])

    def page_losses(self):
        self.page.execute_script("R.step(arguments[0])", self.steps)
        return np.array(self.page.execute_script("return R.batchLosses"))

    def seen(self, what):
        """An array of ``R.look()``, or of its parameters, as nested lists of numbers."""
        return json.loads(
            self.page.execute_script(
                "const seen = R.look(); return JSON.stringify(" + what + ","
                "(_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value))"
            )
        )


def layer_of(text):
    """A layer by the code that the page shows of it, in float64."""
    if text.startswith("Linear"):
        text = text.replace(")", ", dtype=np.float64)")
    return eval(f"tn.{text}")


def saved(page, method, path):
    """Write the bytes that a method of the run gives, as the page's button does."""
    path.write_bytes(base64.b64decode(page.execute_script(FILE, method)))
    return path


def worst_of(ours, theirs):
    """The largest difference, relative where numbers are large."""
    ours, theirs = (np.asarray(a, float).reshape(-1) for a in (ours, theirs))
    assert ours.shape == theirs.shape and np.isfinite(ours).all()
    return np.max(np.abs(ours - theirs) / np.maximum(1, np.abs(theirs)))
