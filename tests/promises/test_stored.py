"""What earlier versions wrote keeps loading: their files stand in tests/stored, a folder each."""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

import tinynet as tn

STORED = Path(__file__).parents[1] / "stored"
sys.path.insert(0, str(STORED))
import write  # noqa: E402  # how the files were written

VERSIONS = sorted(folder for folder in STORED.iterdir() if (folder / "expected.json").exists())


@pytest.fixture(params=VERSIONS, ids=lambda folder: folder.name)
def folder(request):
    return request.param


@pytest.fixture
def expected(folder):
    return json.loads((folder / "expected.json").read_text())


def test_the_first_version_is_there():
    assert "0.1.0" in [folder.name for folder in VERSIONS]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_has_its_weights(folder, expected, dtype):
    path = folder / f"{dtype}.safetensors"
    net = tn.load(path)
    assert tn.fingerprint(net) == expected["fingerprints"][dtype]
    assert repr(net) == repr(write.network(np.dtype(dtype).type))
    other = write.network(np.dtype(dtype).type)
    other.layers[1].W.data *= 2
    assert tn.fingerprint(tn.load(path, into=other)) == expected["fingerprints"][dtype]


def test_a_pickled_network_computes_and_learns(folder, expected):
    net = pickle.loads((folder / "network.pickle").read_bytes())
    assert tn.fingerprint(net) == expected["fingerprints"]["float32"]
    X, y = write.data()
    np.testing.assert_allclose(net.predict(X), expected["outputs"], rtol=1e-5)
    loss_fn, optimizer = tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.5)
    before = loss_fn(net(X), y)
    net.backward(loss_fn.backward())
    optimizer.step()
    assert loss_fn(net(X), y) < before


def test_a_pickled_classifier_predicts_and_learns(folder, expected):
    model = pickle.loads((folder / "classifier.pickle").read_bytes())
    X, y = write.data()
    np.testing.assert_allclose(model.predict_proba(X), expected["probabilities"], rtol=1e-5)
    assert model.history_.train_loss == expected["losses"]
    assert len(model.history_) == len(model.history_.train_accuracy) == 4
    assert model.history_.best_epoch is not None
    assert set(model.predict(X)) <= set(write.NAMES)
    assert model.partial_fit(X, write.NAMES[y]) is model
    assert model.history_.plot() is not None
    assert vars(model).get("activation") == "relu"  # which its version did not have
    again = clone(model).fit(X, write.NAMES[y])
    assert "TinyNetClassifier(" in repr(model)
    np.testing.assert_allclose(again.history_.train_loss, expected["losses"], rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*checkpoint:UserWarning")
def test_a_run_of_fit_goes_on(folder, tmp_path):
    path = tmp_path / "run.checkpoint"
    path.write_bytes((folder / "finished.checkpoint").read_bytes())
    resumed, whole = write.new_run(), write.new_run()
    history = tn.fit(**resumed, epochs=4, progress=False, checkpoint=path)
    undisturbed = tn.fit(**whole, epochs=4, progress=False)
    assert vars(history).keys() == vars(undisturbed).keys()
    np.testing.assert_allclose(history.train_loss, undisturbed.train_loss, rtol=1e-5)
    np.testing.assert_allclose(history.validation_loss, undisturbed.validation_loss, rtol=1e-5)
    for name, weights in resumed["net"].state_dict().items():
        np.testing.assert_allclose(weights, whole["net"].state_dict()[name], rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*checkpoint:UserWarning")
def test_a_loop_goes_on_within_its_epoch(folder):
    def finish(run, running):
        net, loss_fn, optimizer, loader = (
            run[name] for name in ("net", "loss_fn", "optimizer", "loader")
        )
        for batch in range(len(running.losses), len(loader)):
            batch_of_it = loader.batch(running.order, batch)
            write.own_step(net, loss_fn, optimizer, *batch_of_it, running)
        return running.losses

    resumed, whole = write.new_run(), write.new_run()
    for run in (resumed, whole):
        run["optimizer"] = tn.SGD(run["net"].parameters(), lr=0.1, momentum=0.9)
    running = tn.load_checkpoint(
        folder / "running.checkpoint",
        *(resumed[name] for name in ("net", "optimizer", "loader")),
        tn.History(),
    )
    assert running is not None and len(running.losses) == 2
    losses = finish(resumed, running)
    np.testing.assert_allclose(
        losses, finish(whole, tn.RunningEpoch(whole["loader"].order())), rtol=1e-5
    )
