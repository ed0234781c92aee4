"""The lab in headless Chromium: each step is walked back to the bit, and told with its numbers."""

import json

import numpy as np
import pytest
from lab_page import LOSS_IDS, LOSSES, MAKE, SMALL, STATE, VARIANTS, Twin, lab_in_chromium

from tinynet.pages import lab_given

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with lab_in_chromium(tmp_path_factory.mktemp("lab")) as opened:
        yield opened()[0]


class TestBack:
    @pytest.mark.parametrize("variant", VARIANTS)
    def test_is_exact_to_the_bit(self, page, variant):
        """Over 1, 100 and 1,000 steps; an epoch has 3 steps, the last one shorter."""
        page.execute_script(MAKE, SMALL | VARIANTS[variant])
        states = {}
        for step in (0, 7, 150, 1049, 1149, 1150):
            page.execute_script("R.step(arguments[0] - R.steps)", step)
            states[step] = page.execute_script(STATE)
        losses = page.execute_script("return R.batchLosses")
        for count, step in ((1, 1149), (100, 1049), (899, 150), (143, 7), (1000, 0)):
            page.execute_script("R.back(arguments[0])", count)
            assert page.execute_script(STATE) == states[step], (count, step)
            assert page.execute_script("return R.batchLosses") == losses[:step]
        page.execute_script("R.goto(1150)")
        assert page.execute_script(STATE) == states[1150]
        assert page.execute_script("return R.batchLosses") == losses
        page.execute_script("R.back(1000)")
        assert page.execute_script(STATE) == states[150]

    def test_is_exact_after_very_many_steps(self, page):
        page.execute_script(MAKE, SMALL | VARIANTS["Adam"] | {"hidden": [3]})
        page.execute_script("R.step(12345)")
        state = page.execute_script(STATE)
        page.execute_script("R.step(17655); R.measure()")
        assert page.execute_script("return [R.steps, R.snapshots.length < 300]") == [30_000, True]
        page.execute_script("R.goto(12345)")
        assert page.execute_script(STATE) == state

    def test_what_was_changed_in_between_is_undone(self, page):
        page.execute_script(MAKE, SMALL | VARIANTS["momentum"])
        page.execute_script("R.step(60); R.set({ lr: 0.5, weightDecay: 0.01 }); R.step(30)")
        state = page.execute_script(STATE)
        page.execute_script("R.step(20); R.set({ momentum: 0 }); R.step(5); R.back(25)")
        assert page.execute_script(STATE) == state
        told = "return [R.options.lr, R.options.momentum, R.options.weightDecay]"
        assert page.execute_script(told) == [0.5, 0.9, 0.01]
        page.execute_script("R.back(31)")
        assert page.execute_script(told) == [0.03, 0.9, 0]

    def test_looking_changes_nothing(self, page):
        page.execute_script(MAKE, SMALL | VARIANTS["Adam"])
        page.execute_script("R.step(100)")
        plain = page.execute_script(STATE)
        page.execute_script(
            "R.goto(0); for (let k = 0; k < 100; k++) {"
            "  R.look(); R.measure(); R.sizes(); R.dead(); R.explain(0, 1, 3); R.explainLoss();"
            "  R.explainWeight(2, 1, 0); R.forward(R.data.x, R.data.rows);"
            "  if (k % 25 === 0) R.checkGradients();"
            "  R.step();"
            "}"
        )
        assert page.execute_script(STATE) == plain

    def test_history_is_cut(self, page):
        page.execute_script(MAKE, SMALL)
        page.execute_script("for (let k = 0; k < 5; k++) { R.measure(); R.measure(); R.step(10); }")
        steps = "return R.history.map(({ step }) => step)"
        assert page.execute_script(steps) == [0, 10, 20, 30, 40]
        page.execute_script("R.goto(25); R.measure()")
        assert page.execute_script(steps) == [0, 10, 20, 25]

    def test_a_run_that_explodes_stops_and_can_go_back(self, page):
        exploding = SMALL | {"activation": "ReLU", "loss": "MSELoss", "lr": 1000}
        went_on = page.execute_script(MAKE + ", R.step(2000)", exploding)
        steps, why = page.execute_script("return [R.steps, R.broken]")
        assert not went_on and steps < 2000 and "smaller learning rate" in why
        finite = "return R.net.parameters.every(({ value }) => value.every(Number.isFinite))"
        assert page.execute_script(finite)
        assert page.execute_script("return R.step()") is False
        page.execute_script("R.look(); R.measure(); R.explain(0, 0); R.explainLoss()")
        page.execute_script("R.explainWeight(0, 0, 0); R.sizes(); R.dead(); R.toFile()")
        page.execute_script("R.back()")
        assert page.execute_script("return [R.steps, R.broken]") == [max(0, steps - 1), ""]


class TestNumbers:
    @pytest.mark.parametrize("variant", VARIANTS)
    def test_of_a_weight_lead_to_what_the_step_makes_of_it(self, page, variant):
        page.execute_script(MAKE, SMALL | VARIANTS[variant])
        page.execute_script("R.step(11)")
        for input, unit in ((1, 2), (None, 3)):
            told = page.execute_script("return R.explainWeight(2, ...arguments)", input, unit)
            assert sum(row["product"] for row in told["rows"]) == pytest.approx(told["grad"])
            assert len(told["rows"]) == 26  # the short batch at the end of an epoch
            assert float(told["lines"][-1]["numbers"].split(" = ")[-1]) == pytest.approx(
                told["after"], rel=1e-4
            )
            page.execute_script("R.step()")
            index = "2 * 5" if input is None else "1 * 5 + 2"
            part = (
                f"R.net.layers[2].b.value[{unit}]"
                if input is None
                else f"R.net.layers[2].W.value[{index}]"
            )
            assert page.execute_script(f"return {part}") == pytest.approx(told["after"], rel=1e-12)
            page.execute_script("R.back()")

    def test_of_a_unit_are_the_sums_of_its_terms(self, page):
        page.execute_script(MAKE, SMALL | {"activation": "ReLU"})
        page.execute_script("R.step(40)")
        for layer, unit, sample in ((0, 3, 4), (2, 1, 7), (4, 0, 20)):
            told = page.execute_script("return R.explain(...arguments)", layer, unit, sample)
            total = sum(term["product"] for term in told["terms"]) + told["bias"]["w"]
            assert total == pytest.approx(told["y"], rel=1e-12)
            for term in told["terms"]:
                assert term["xdy"] == pytest.approx(term["x"] * told["dy"])
                assert term["wdy"] == pytest.approx(term["w"] * told["dy"])
        told = page.execute_script("return R.explain(1, 3, 4)")
        assert told["y"] == max(told["x"], 0)
        assert told["dx"] == (told["dy"] if told["x"] > 0 else 0)
        assert told["lines"][0]["equation"] == "y = max(x, 0)"

    @pytest.mark.parametrize("loss", lab_given.LOSSES)
    def test_of_the_loss(self, page, loss):
        twin = Twin(page, SMALL | {"loss": loss}, steps=1)
        ((xb, yb),) = twin.batches()
        apart = type(twin.loss_fn)(reduction="none")(twin.net.predict(xb), yb)
        told = page.execute_script("return R.explainLoss(5)")
        assert told["loss"] == pytest.approx(apart[5].mean())
        assert told["row"] == twin.orders[0][5]

    def test_that_are_none_are_told(self, page):
        told = page.execute_script("return [NaN, Infinity, -Infinity].map(written)")
        assert told == [f"{value:.5g}" for value in (np.nan, np.inf, -np.inf)]

    def test_of_sizes_and_dead_units(self, page):
        made = "globalThis.R = makeRun(arguments[0])"
        page.execute_script(made, SMALL | {"activation": "ReLU", "hidden": [4, 4]})
        page.execute_script("R.net.layers[0].b.value[2] = -100; R.net.layers[2].b.value[0] = -100")
        dead = json.loads(
            page.execute_script("return JSON.stringify(R.dead().map((d) => d && Array.from(d)))")
        )
        assert dead[0] is None and dead[1][2] == 1 and dead[3][0] == 1 and sum(dead[1]) < 4
        assert page.execute_script("return R.look() && R.net.layers[0].W.grad[2]") == 0
        twin = Twin(page, SMALL | VARIANTS["momentum"])
        twin.page.execute_script("R.step(30)")
        sizes = page.execute_script("return R.sizes()")
        update, value = twin.seen("[R.net.layers[2].W.update, R.net.layers[2].W.value]")
        assert sizes[1]["ratio"] == pytest.approx(
            np.linalg.norm(update) / np.linalg.norm(value), rel=1e-9
        )

    @pytest.mark.parametrize(("loss", "data"), LOSSES[:7], ids=LOSS_IDS[:7])
    def test_of_belief_are_probabilities(self, page, loss, data):
        twin = Twin(page, SMALL | {"loss": loss, "data": data})
        page.execute_script("R.step(100)")
        shares = twin.seen("R.shares(R.forward(R.data.x, R.data.rows), R.data.rows)")
        shares = np.array(shares).reshape(len(twin.X), -1)
        assert (shares >= 0).all() and (shares <= 1).all()
        if "MSE" not in loss:
            np.testing.assert_allclose(shares.sum(axis=1), 1)
        labels = np.array(twin.seen("R.data.y"))
        right = page.execute_script("return R.measure().trainRight")
        assert right == pytest.approx(100 * np.mean(shares.argmax(axis=1) == labels))
