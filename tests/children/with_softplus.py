"""One process of ``test_add_a_layer.py``: Softplus, added to a copy of tinynet, in every tool.

``python with_softplus.py FOLDER`` writes into the folder, and prints the name of each tool that
took the layer as if it had always been there.
"""

import base64
import copy
import gzip
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import tinynet as tn
from tinynet.cli import main
from tinynet.compiler.compiled import CompiledSteps
from tinynet.estimator import TinyNetClassifier

RNG = np.random.default_rng(0)
X = RNG.random((60, 784), np.float32)
Y = RNG.integers(4, size=60)


def network(seed=0):
    rng = np.random.default_rng(seed)
    return tn.Sequential(
        *(tn.Linear(784, 9, rng=rng), tn.Softplus()),
        *(tn.Linear(9, 4, rng=rng), tn.LogSoftmax()),
    )


def weights(net):
    return {name: value.tobytes() for name, value in net.state_dict().items()}


def same(one, other):
    assert weights(one) == weights(other) and repr(one) == repr(other)
    assert one.predict(X).tobytes() == other.predict(X).tobytes()


def parts(net):
    return net, tn.NLLLoss(), tn.Adam(net.parameters(), lr=0.01)


def loader(seed=1):
    return tn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=seed)


def fitted(compiled):
    net = network()
    history = tn.fit(*parts(net), loader(), (X, Y), 4, progress=False, compiled=compiled)
    return net, history


def gradient_check(folder):
    report = tn.check_gradients(tn.Softplus(), (5, 7), rng=0)
    assert report.passed
    path = Path(tn.__file__).parent / "layers" / "activations.py"
    assert main(["gradcheck", f"{path}:Softplus", "--shape", "5,7"]) == 0


def fit(folder):
    (net, history), (other, compiled) = fitted(False), fitted(True)
    same(net, other)
    assert history == compiled and history.train_loss[-1] < history.train_loss[0]


def own_loop(folder):
    nets = network(), network()
    losses = []
    for net in nets:
        _, loss_fn, optimizer = parts(net)
        if net is nets[1]:
            compiled = tn.compile(net, loss_fn, optimizer)
            assert isinstance(compiled, CompiledSteps)
            assert "softplus(y0, y1)  # y1 = log(1 + exp(y0))" in compiled.source
            assert "softplus_dx(dy1, y1, dy0)  # dy0 = dy1 * (1 - exp(-y1))" in compiled.source
        for xb, yb in loader():
            losses.append(loss_fn(net(xb), yb))
            optimizer.zero_grad()
            net.backward(loss_fn.backward(), input_gradient=False)
            optimizer.step()
    same(*nets)
    assert losses[: len(losses) // 2] == losses[len(losses) // 2 :]


def trace(folder):
    net, loss_fn, optimizer = parts(network())
    steps = tn.trace(net, loss_fn, X[:5], Y[:5], optimizer, steps=2)
    assert "Softplus()" in str(steps)
    told = steps.explain(layer=1, sample=0, unit=0)
    assert "y = log(1 + exp(" in told and "dx = dy * (1 - exp(-y)) = " in told
    steps.to_html(folder / "xray.html")
    page = (folder / "xray.html").read_text(encoding="utf-8")
    data = re.search(r'id="data">([^<]+)<', page)[1]
    numbers = gzip.decompress(base64.b64decode(data))
    assert b"Softplus()" in numbers and b"y = log(1 + exp(x))" in numbers


def playground(folder):
    tn.playground(network(), folder / "playground.html")
    assert "Math.log1p" in (folder / "playground.html").read_text(encoding="utf-8")


def summary(folder):
    assert re.search(r"Softplus\(\) +\(N, 9\) +0 +0 bytes", str(network().summary()))


def files(folder):
    net, _ = fitted(None)
    tn.save(net, folder / "net.safetensors")
    same(tn.load(folder / "net.safetensors"), net)


def pickles(folder):
    net, _ = fitted(True)
    same(pickle.loads(pickle.dumps(net)), net)
    same(copy.deepcopy(net), net)


def pytorch(folder):
    net, _ = fitted(None)
    module = tn.to_torch(net)
    assert type(module[1]) is torch.nn.Softplus
    with torch.no_grad():
        outputs = module(torch.tensor(X)).numpy()
    np.testing.assert_allclose(outputs, net.predict(X), rtol=1e-5, atol=1e-5)
    same(tn.from_torch(module), net)


def onnx(folder):
    net, _ = fitted(None)
    tn.to_onnx(net, folder / "net.onnx")
    session = onnxruntime.InferenceSession(folder / "net.onnx", providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(["y"], {"x": X})[0], net.predict(X), atol=1e-5)


def doctor(folder):
    net, history = fitted(None)
    diagnosis = tn.diagnose(history, net, loader(), (X, Y), tn.NLLLoss())
    assert "Softplus" not in str(diagnosis)  # no finding about it


def estimator(folder):
    model = TinyNetClassifier(activation=tn.Softplus, epochs=2, random_state=0).fit(X, Y)
    assert "Softplus()" in repr(model.network_)
    assert model.predict_proba(X).shape == (60, 4)


TOOLS = [gradient_check, fit, own_loop, trace, playground, summary]
TOOLS += [files, pickles, pytorch, onnx, doctor, estimator]

if __name__ == "__main__":
    print("tinynet of", Path(tn.__file__).parents[1])
    for tool in TOOLS:
        tool(Path(sys.argv[1]))
        print("taken by", tool.__name__)
