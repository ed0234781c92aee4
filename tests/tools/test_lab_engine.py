"""The lab's engine in headless Chromium: it learns what the library learns."""

import numpy as np
import pytest
from lab_page import LOSS_IDS, LOSSES, MAKE, SMALL, VARIANTS, Twin, lab_in_chromium, worst_of

import tinynet as tn
from tinynet.pages import lab_given

pytestmark = pytest.mark.slow

ACTIVATIONS = [*lab_given.ACTIVATIONS, None]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with lab_in_chromium(tmp_path_factory.mktemp("lab")) as opened:
        yield opened()[0]


class TestLossesAreThoseOfFit:
    """From the same first weights and batches, over 200 steps."""

    @pytest.mark.parametrize("variant", VARIANTS)
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_of_every_activation_by_every_optimizer(self, page, activation, variant):
        twin = Twin(page, SMALL | VARIANTS[variant] | {"activation": activation, "slope": 0.2})
        assert worst_of(twin.page_losses(), twin.fit()) < 1e-5

    @pytest.mark.parametrize("variant", VARIANTS)
    @pytest.mark.parametrize(("loss", "data"), LOSSES, ids=LOSS_IDS)
    def test_of_every_loss_by_every_optimizer(self, page, loss, data, variant):
        setup = SMALL | VARIANTS[variant] | {"loss": loss, "data": data, "batch": 20}
        twin = Twin(page, setup)
        assert worst_of(twin.page_losses(), twin.fit()) < 1e-5

    @pytest.mark.parametrize("init", ["default", "kaiming_normal", "constant"])
    def test_of_digits_and_deep_networks(self, page, init):
        digits = {"kind": "digits", "points": 150}
        layers = {"hidden": [16, 12, 8, 8], "activation": ["ReLU", "Tanh", "LeakyReLU", None]}
        twin = Twin(page, layers | {"data": digits, "init": init, "value": 0.1, "lr": 0.05})
        assert worst_of(twin.page_losses(), twin.fit()) < 1e-5
        measured = page.execute_script("return R.measure()")
        for part, X, y in (("train", twin.X, twin.y), ("test", twin.X_test, twin.y_test)):
            output = twin.net.predict(X)
            assert measured[part] == pytest.approx(twin.loss_fn(output, y), rel=1e-9)
            assert measured[f"{part}Right"] == pytest.approx(tn.accuracy(output, y))

    def test_with_orders_that_are_given(self, page):
        orders = [np.random.default_rng(k).permutation(90).tolist() for k in range(3)]
        page.execute_script(
            "globalThis.R = makeRun(arguments[0], { orders: arguments[1] })", SMALL, orders
        )
        assert page.execute_script("return Array.from(R.order(4))") == orders[1]
        assert page.execute_script("return Array.from(R.look().rows)") == orders[0][:32]


class TestGradients:
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    @pytest.mark.parametrize(("loss", "data"), LOSSES, ids=LOSS_IDS)
    def test_are_tinynets(self, page, loss, data, activation):
        twin = Twin(page, {"loss": loss, "data": data, "activation": activation}, steps=1)
        ((xb, yb),) = twin.batches()
        value = twin.loss_fn(twin.net(xb), yb)
        dx = twin.net.backward(twin.loss_fn.backward())
        assert twin.seen("seen.loss") == pytest.approx(value, rel=1e-12)
        assert worst_of(twin.seen("seen.grads[0]"), dx) < 1e-12
        assert worst_of(twin.seen("seen.outs.at(-1)"), twin.net.predict(xb)) < 1e-12
        grads = twin.seen("R.net.parameters.map(({ grad }) => grad)")
        for ours, parameter in zip(grads, twin.net.parameters()):
            assert worst_of(ours, parameter.grad) < 1e-12
        twin.optimizer.step()
        page.execute_script("R.step()")
        values = twin.seen("R.net.parameters.map(({ value }) => value)")
        for ours, parameter in zip(values, twin.net.parameters()):
            assert worst_of(ours, parameter.data) < 1e-12

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    @pytest.mark.parametrize(("loss", "data"), LOSSES, ids=LOSS_IDS)
    def test_agree_with_differences(self, page, loss, data, activation):
        setup = {"loss": loss, "data": data, "activation": activation, "slope": 0.3}
        report = page.execute_script(MAKE + ", R.step(20), R.checkGradients()", setup)
        assert report["ok"] and report["checked"] > 0.9 * report["count"], report

    def test_of_an_activation_at_its_bend_are_counted_apart(self, page):
        setup = SMALL | {"activation": "ReLU", "init": "constant", "value": 0}
        report = page.execute_script(MAKE + ", R.checkGradients()", setup)
        assert report["ok"] and report["bends"] > 0

    @pytest.mark.parametrize(
        "where", [*lab_given.ACTIVATIONS, "Linear", "LogSoftmax", *lab_given.LOSSES]
    )
    def test_that_are_wrong_are_found(self, page, where):
        loss = where if where in lab_given.LOSSES else "NLLLoss"
        activation = where if where in lab_given.ACTIVATIONS else "Tanh"
        table = "LOSSES" if where in lab_given.LOSSES else "LAYERS"
        report = page.execute_script(
            "const [setup, table, name] = arguments;"
            "globalThis.R = makeRun(setup); R.step(5);"
            "const kind = (table === 'LOSSES' ? LOSSES : LAYERS)[name], right = kind.backward;"
            "kind.backward = (...given) => {"
            "  right(...given);"
            "  const dx = given.findLast((value) => ArrayBuffer.isView(value));"
            "  dx.forEach((value, k) => { dx[k] = 1.001 * value; });"
            "};"
            "try { return R.checkGradients(); } finally { kind.backward = right; }",
            SMALL | {"loss": loss, "activation": activation}, table, where,
        )  # fmt: skip
        assert not report["ok"] and report["worst"]["error"] > 0
