"""Layers and a loss of a stranger's own file, in everything that looks into a network."""

import importlib.util
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from browser import chromium, draw
from by_hand import rows
from test_pages import choose, close, shown, text_of

import tinynet as tn
from tinynet import plots
from tinynet.gradcheck.copies import Copy

SOURCE = Path(__file__).parents[1] / "support" / "strangers_inspected.py"


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """The stranger's file, imported from a folder that has nothing to do with the package."""
    path = tmp_path_factory.mktemp("elsewhere") / "my_layers.py"
    path.write_text(SOURCE.read_text(encoding="utf-8"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("my_layers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def net(mine):
    return tn.Sequential(
        mine.Dense(16, 9), mine.Gain(9), mine.Softplus(), tn.Linear(9, 6, rng=1), mine.ReLU6(),
        mine.Dense(6, 4), tn.LogSoftmax(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def traced(mine, net):
    X, y = rows(12, features=16)
    optimizer = tn.SGD(net.parameters(), lr=0.1)
    return tn.trace(net, mine.Likelihood(), 3 * X, y, optimizer, steps=3)


@pytest.fixture(scope="module")
def driver():
    with chromium() as opened:
        yield opened


def numbers(line):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e[-+]\d+)?", line)]


def test_trace_and_table(mine, net, traced):
    assert [part.sources for part in traced.layers] == [(k,) for k in range(-1, 6)]
    for before, after in zip(traced.layers, traced.layers[1:], strict=False):
        np.testing.assert_array_equal(after.input, before.output)
        np.testing.assert_array_equal(after.dx, before.dy)
    gain, relu6 = traced.layer(1), traced.layer(4)
    assert set(gain.parameters) == {"gain"} and gain.parameters["gain"].update.any()
    assert gain.dead == 0 and traced.layer(2).dead is None
    assert relu6.dead == (relu6.output <= 0).all(axis=0).mean()
    assert "Gain(9, alpha=0.25)" in str(traced) and traced.steps[-1].loss < traced.loss
    full = mine.ReLU6()
    X = np.array([[-1, 7, 3], [-2, 8, -3]], np.float32)
    part = tn.trace(full, mine.Likelihood(), X, np.array([0, 1])).layers[0]
    assert part.dead == 1 / 3, "what is at 6 is not dead: it gives something"


class TestExplain:
    def test_its_own_words_with_its_numbers(self, traced):
        for step in traced.steps:  # each has its own weights
            part = step.layer(1)
            for sample, unit in ((0, 0), (5, 8), (3, 4)):
                text = [line[10:] for line in step.explain(1, sample, unit).splitlines()]
                x, y, dy, dx = (
                    a[sample, unit] for a in (part.input, part.output, part.dy, part.dx)
                )
                gain, mean = part.parameters["gain"], part.layer.mean[unit]
                steep = gain.value[unit] * (1 if x > mean else 0.25)
                z, slope = x - mean, 1 if x > mean else 0.25
                first, second = (next(t for t in text if t.startswith(s)) for s in ("z =", "y ="))
                assert numbers(first.split("mean =")[1].replace(" - ", " ")) == pytest.approx(
                    [x, mean, z], rel=1e-4
                )
                assert numbers(second.split("slope =")[1])[:5] == pytest.approx(
                    [gain.value[unit], z, slope, y, 0.25], rel=1e-4
                )
                assert ("z > 0: all of it passes" if z > 0 else "z <= 0: it leaks") in text
                (line,) = [t for t in text if t.startswith("dx =")]
                wanted = [dy, steep, dx]
                assert numbers(line.split("slope =")[1]) == pytest.approx(wanted, rel=1e-4)
                assert f"dgain, all rows: {gain.grad[unit]:.5g}" in text

    def test_a_matrix_of_another_name_term_by_term(self, traced):
        text = traced.explain(0, 2, 3, terms=2)
        part = traced.layer(0)
        products = part.input[2] * part.parameters["weights"].value[:, 3]
        largest = np.argsort(-np.abs(products))[:2]
        assert "y = (x * w).sum(), the largest terms first" in text
        assert [int(n) for n in re.findall(r"\(input (\d+)\)", text)] == largest.tolist()

    def test_equations_alone(self, traced):
        text, part = traced.explain(4, 1, 2), traced.layer(4)
        assert "y = clip(x, 0, 6)" in text and "dx = dy where 0 < y < 6, else 0" in text
        assert f"y = {part.output[1, 2]:.5g}, by ReLU6.forward" in text
        assert f"dx = {part.dx[1, 2]:.5g}, by ReLU6.backward" in text

    def test_without_a_word_says_what_to_write(self, traced):
        text, part = traced.explain(2, 1, 2), traced.layer(2)
        assert text.startswith("layer '2', Softplus(), sample 1, unit 2")
        assert "a row of shape (9,) becomes one of (9,)" in text
        assert f"y = {part.output[1, 2]:.5g}, by Softplus.forward" in text
        assert 'write them in class Softplus: equations = "y = ...", "dx = ..."' in text

    def test_words_do_not_hold_for_another_forward(self, mine):
        net = tn.Sequential(mine.Doubled(12, 4), tn.LogSoftmax())
        part = tn.trace(net, mine.Likelihood(), *rows(5)).layers[0]
        assert part.wires is None and mine.Doubled.javascript is None
        assert mine.Doubled.equations is None and mine.Dense.equations is not None
        assert mine.Likelihood.expects == "log-probabilities"

    @pytest.mark.parametrize(
        "told, says",
        [
            (("y = {z}", "dx"), r"told: there is no \{z\}; the names are x, dx, y, dy"),
            (
                ("y = {table}", "dx"),
                r"\{table\} has shape \(3, 2\), which does not broadcast to \(",
            ),
        ],
    )
    def test_a_slip_in_the_words_is_named(self, mine, told, says):
        layer = mine.Softplus()
        layer.told, layer.table = told, np.zeros((3, 2)) if "table" in told[0] else None
        at = tn.trace(layer, mine.Likelihood(), *rows(5))
        with pytest.raises(ValueError, match=says):
            at.explain(0)

    @pytest.mark.parametrize(
        "name, value, says",
        [
            ("equations", "y = x", r"Own.equations is 'y = x', expected forward's and backward's"),
            ("told", ("y = {y}",), r'Own.told is .*, expected .* "y = ... = {y}", "dx = '),
            ("wired_by", "weights", r'wired_by is \'weights\', expected names .* or \("W",\)'),
        ],
    )
    def test_one_text_for_two_is_named_where_the_class_is_written(self, mine, name, value, says):
        with pytest.raises(TypeError, match=says):
            type("Own", (mine.Softplus,), {name: value})

    def test_a_matrix_that_is_not_there_is_named(self, mine):
        layer = mine.Softplus()
        layer.wired_by = ("W",)
        with pytest.raises(TypeError, match=r"wired_by begins with 'W', .* it holds none"):
            layer.summary()


def test_summary_and_plots(mine, net, traced):
    summary = net.summary()
    assert [row.output_shape for row in summary.layers] == [(n,) for n in (9, 9, 9, 6, 6, 4, 4)]
    assert summary.layers[1].parameters == 9
    figure = traced.plot()
    pictures = [ax for ax in figure.axes if ax.images]
    assert len(pictures) == 16, "the first layer's weights, 4 x 4"
    unit = int(pictures[0].get_title().removeprefix("unit "))
    W = traced.layer(0).parameters["weights"].value
    np.testing.assert_array_equal(pictures[0].images[0].get_array().ravel(), W[:, unit])
    assert "2\nSoftplus" in [ax.get_ylabel() for ax in figure.axes]
    texts = [text.get_text() for text in plots.draw_network(net).axes[0].texts]
    for caption in (
        "16\ninput", "9\nDense\nGain\nSoftplus", "6\nLinear\nReLU6", "4\nDense\nLogSoftmax",
    ):  # fmt: skip
        assert caption in texts
    plt.close("all")


def test_a_layer_that_changes_the_width_without_a_matrix_is_drawn(mine):
    class Halves(tn.Module):
        def forward(self, x):
            return x[:, ::2] + x[:, 1::2]

    net = tn.Sequential(tn.Linear(3, 8, rng=0), Halves(), tn.Linear(4, 2, rng=0))
    figure = plots.draw_network(net)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert [text for text in texts if "\n" in text] == [
        "3\ninput", "8\nLinear", "4\nHalves", "2\nLinear",
    ]  # fmt: skip
    lines = figure.axes[0].collections[:3]
    assert [len(bundle.get_segments()) for bundle in lines] == [24, 32, 8]
    assert [len(bundle.get_colors()) for bundle in lines] == [24, 1, 8]
    with pytest.raises(ValueError, match=r'sizes \[\].*their class says, as in wired_by = "W", "'):
        plots.draw_network(tn.Sequential(mine.Softplus()))
    plt.close("all")


@pytest.mark.parametrize(
    "last, finding",
    [(tn.Softmax, "softmax"), (None, "logits"), (tn.LogSoftmax, None)],
)
def test_the_doctor_knows_what_an_own_loss_expects(mine, last, finding):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((200, 16), np.float32), rng.integers(0, 4, 200)
    layers = [mine.Dense(16, 4), *([last()] if last else [])]
    found = tn.diagnose(None, tn.Sequential(*layers), (X, y), loss_fn=mine.Likelihood())
    names = [one.name for one in found if "fed to" in one.name]
    assert names == ([f"{finding} fed to Likelihood"] if finding else [])
    assert all("Likelihood gets" in one.what for one in found if "fed to" in one.name)


def test_the_doctor_sees_equal_weights_and_dead_units_of_own_layers(mine):
    net = tn.Sequential(mine.Dense(16, 8), mine.ReLU6(), mine.Dense(8, 4), tn.LogSoftmax())
    net[0].weights.data[...] = -1
    X = np.random.default_rng(0).random((200, 16), np.float32)
    y = np.arange(200) % 4
    names = {one.name for one in tn.diagnose(None, net, (X, y), loss_fn=mine.Likelihood())}
    assert "equal weights" in names  # which explains the dead units
    net[0].weights.data[...] -= np.random.default_rng(1).random((16, 8), np.float32)
    names = {one.name for one in tn.diagnose(None, net, (X, y), loss_fn=mine.Likelihood())}
    assert "dead units" in names


class TestGradientCheck:
    def test_of_all_of_them(self, mine):
        for layer in (mine.Gain(7), mine.ReLU6(), mine.Softplus(), mine.Dense(7, 3)):
            tn.check_gradients(layer, (5, 7), rng=0)
        tn.check_gradients(mine.Likelihood(), np.log(np.full((5, 4), 0.25)), np.arange(5) % 4)

    def test_knows_each_kink_that_a_layer_tells(self, mine):
        x = np.array([[-1.0, 3.0, 7.0, 6.0]])
        copy = Copy(mine.ReLU6(), 1)
        copy.forward({"input x": x})
        assert [piece.tolist() for piece in copy.pieces] == [[[0, 1, 2, 2]]]

    def test_is_not_misled_by_a_slight_bend_that_a_layer_tells(self, mine):
        """A slope of 1 that becomes 0.999999: differences across it look as if they were smooth."""

        class Bent(tn.Module):
            def forward(self, x):
                self.keep(x)
                return np.where(x > 0, x, 0.999999 * x)

            def backward(self, dy):
                dy, x = self.kept(dy)
                return dy * np.where(x > 0, 1, 0.999999)

        class Told(Bent):
            def piece_of(self, y):
                return 1 + (y > 0)

        x = 1e-5 * np.where(np.arange(20) % 2, 1.0, -1.0).reshape(4, 5)
        tn.check_gradients(Told(), x, rng=0)
        with pytest.raises(tn.GradientError):
            tn.check_gradients(Bent(), x, rng=0)


class TestXRay:
    @pytest.fixture
    def page(self, driver, traced, tmp_path):
        traced.to_html(tmp_path / "xray.html")
        driver.get((tmp_path / "xray.html").as_uri())
        driver.execute_async_script(
            "const [done] = arguments; const wait = () => blocks ? done() : setTimeout(wait, 10);"
            "wait();"
        )
        yield driver
        assert driver.get_log("browser") == []

    def test_tells_own_words_with_their_numbers(self, page, traced):
        for step in (0, 2):
            page.execute_script(f"set({{ step: {step} }})")
            part = traced.steps[step].layer(1)
            for sample, unit in ((0, 0), (5, 8), (3, 4)):
                choose(page, 1, unit, sample)
                told = shown(page)
                z = part.input[sample, unit] - part.layer.mean[unit]
                gain = part.parameters["gain"]
                for name, wanted in {
                    "x": part.input[sample, unit], "z": z, "slope": 1 if z > 0 else 0.25,
                    "steep": gain.value[unit] * (1 if z > 0 else 0.25),
                    "gain": gain.value[unit], "dgain": gain.grad[unit], "alpha": 0.25,
                    "mean": part.layer.mean[unit], "y": part.output[sample, unit],
                    "dy": part.dy[sample, unit], "dx": part.dx[sample, unit],
                }.items():  # fmt: skip
                    assert close(told[name], wanted), name
                side = "z > 0: all of it passes" if z > 0 else "z <= 0: it leaks"
                assert side in text_of(page, "#numbers")

    def test_tells_equations_or_says_what_to_write(self, page, traced):
        choose(page, 4, 2, 1)
        assert "y = clip(x, 0, 6)" in text_of(page, "#numbers")
        assert close(shown(page)["y"], traced.layer(4).output[1, 2])
        choose(page, 2, 2, 1)
        assert "write them in class Softplus: equations =" in text_of(page, "#numbers")
        choose(page, 0, 3, 1)
        assert close(shown(page)["dy"], traced.layer(0).dy[1, 3])
        assert "x * w" in text_of(page, ".terms thead")  # 16 inputs are no picture
        page.execute_script("set({ frame: 5 })")
        assert re.search(r"y = clip\(x, 0, 6\)\. \d of 6 units are 0", text_of(page, "#story"))


EVIL = '</script><script>document.title="out"</script>`${1}"\\\u2028\'<!--'


class TestPlayground:
    @pytest.fixture
    def opened(self, driver, tmp_path):
        def opened(net, **options):
            tn.playground(net, tmp_path / "page.html", **options)
            driver.get((tmp_path / "page.html").as_uri())
            driver.execute_async_script(
                "const [done] = arguments; const wait = () => blocks"
                " || byId('about').textContent ? done() : setTimeout(wait, 10); wait();"
            )
            return driver

        yield opened
        driver.get_log("browser")

    def test_computes_own_layers_as_predict_does(self, opened, mine):
        net = tn.Sequential(mine.Dense(784, 12), mine.Gain(12), mine.ReLU6(), mine.Dense(12, 4))
        page = opened(net)
        X = np.random.default_rng(1).random((20, 784), np.float32)
        says = page.execute_script(
            "return arguments[0].map((x) => Array.from(forward(Float32Array.from(x)).at(-1)))",
            X.tolist(),
        )
        assert np.abs(np.array(says) - net.predict(X)).max() <= 1e-5
        draw(page, [[(0.3, 0.2), (0.7, 0.8)]])
        assert text_of(page, "#guess b") in "0123" and page.get_log("browser") == []

    def test_what_is_not_finite_is_compared_too(self, opened, mine):
        class Log(mine.Softplus):
            javascript = "x.map(Math.log)"

            def forward(self, x):
                with np.errstate(all="ignore"):
                    return np.log(x)

        net = tn.Sequential(tn.Linear(784, 3, rng=0, dtype=np.float64), tn.ReLU(), Log())
        net[0].b.data[...] = [-100, 100, 100]
        page = opened(net)
        assert "reads it at every stroke" in text_of(page, "#about")

    @pytest.mark.parametrize(
        "line", ["x.map((value) => value)", "x.map((value) => ", "nowhere(x)", "x.slice(1)"]
    )
    def test_a_wrong_line_is_named_before_any_number_is_shown(self, opened, mine, line):
        class Wrong(mine.Softplus):
            javascript = line

        page = opened(tn.Sequential(tn.Linear(784, 5, rng=0), Wrong(), tn.Linear(5, 3, rng=0)))
        about = text_of(page, "#about")
        assert "what layer 1, Wrong(), computes here is not what it computes in Py" in about
        assert "Look at Wrong.javascript" in about
        assert page.execute_script("return document.querySelectorAll('.units').length") == 0

    def test_no_text_breaks_out_of_its_string(self, opened, mine):
        class Named(mine.ReLU6):
            javascript = mine.ReLU6.javascript

            def __repr__(self):
                return EVIL

        net = tn.Sequential(tn.Linear(784, 5, rng=0), Named(), tn.Linear(5, 3, rng=0))
        page = opened(net, title=EVIL)
        assert page.title.startswith("</script><script>") and page.get_log("browser") == []
        assert EVIL in text_of(page, "#about")

    @pytest.mark.parametrize(
        "line, error, says",
        [
            (
                None,
                TypeError,
                r'Own\(\) cannot run on the page.* In class Own, write javascript = "',
            ),
            ("x.map((v) => 1 </script>2)", ValueError, "Own.javascript holds </ or <!--, which"),
            ("x.map((v) => v <!--v)", ValueError, "Own.javascript holds </ or <!--, which"),
            ("x.map((v) => layer.beta * v)", ValueError, r"names layer.beta, .* it holds none"),
        ],
    )
    def test_what_cannot_be_drawn_is_named_with_the_fix(self, mine, line, error, says, tmp_path):
        class Own(mine.Softplus):
            javascript = line

        net = tn.Sequential(tn.Linear(784, 5, rng=0), Own())
        with pytest.raises(error, match=says):
            tn.playground(net, tmp_path / "page.html")
        assert list(tmp_path.iterdir()) == []
