"""The X-ray while one steps through it, and both pages on every screen: measured in Chromium."""

import itertools

import numpy as np
import pytest
from browser import chromium, look
from by_hand import network, rows
from own_pictures import own_digits, own_pictures
from test_pages import check_looks, choose, close, find, press, shown, text_of

import tinynet as tn
from tinynet.inspection.told import equations_of, told_arrays

pytestmark = pytest.mark.slow

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
FEATURES = ["sepal length", "sepal width", "petal length", "petal width"]
CLASSES = ["setosa", "versicolor", "virginica"]


class Bent(tn.Module):
    """A layer of one's own, whose equations stand in its docstring.

    ::

        forward    y  = x / (1 + abs(x))                (N, I)
        backward   dx = dy * (1 - abs(y)) ** 2
    """

    def forward(self, x):
        y = x / (1 + np.abs(x))
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        return dy * (1 - np.abs(y)) ** 2


class Squash(tn.Module):
    """Numbers between 0 and 1, of four or of one for a row."""

    def __init__(self, shape):
        self.one = len(shape) == 1

    def forward(self, x):
        y = 1 / (1 + np.exp(-x))
        self.keep(y)
        return y[:, 0].copy() if self.one else y

    def backward(self, dy):
        dy, y = self.kept(dy)
        whole = np.zeros_like(y)
        whole[:, : 1 if self.one else 4] = dy[:, None] if self.one else dy
        return whole * y * (1 - y)


class Residual(tn.Module):
    def __init__(self):
        self.first = tn.Linear(4, 9, rng=0)
        self.block = tn.Sequential(tn.Linear(9, 9, rng=1), Bent())
        self.add = tn.Add()
        self.last = tn.Linear(9, 3, rng=2)

    def forward(self, x):
        x = self.first(x)
        return self.last(self.add(x, self.block(x)))


def flowers():
    """Four numbers of a row, whose class is the largest of the first three."""
    X, _ = rows(8, features=4, classes=3)
    return X, X[:, :3].argmax(axis=1)


@pytest.fixture(scope="module")
def residual():
    net = Residual()
    optimizer = tn.SGD(net.parameters(), lr=0.1)
    return tn.trace(net, tn.CrossEntropyLoss(), *flowers(), optimizer, steps=2)


@pytest.fixture(scope="module")
def digits():
    """As many layers and units as the main lesson's network, on pictures of 28 x 28."""
    rng = np.random.default_rng(0)
    net = tn.Sequential(
        *(tn.Linear(784, 64, rng=rng), tn.ReLU(), tn.Linear(64, 32, rng=rng), tn.ReLU()),
        *(tn.Linear(32, 32, rng=rng), tn.ReLU(), tn.Linear(32, 10, rng=rng), tn.LogSoftmax()),
    )
    X = rng.random((20, 784), np.float32)
    optimizer = tn.SGD(net.parameters(), lr=0.05)
    return tn.trace(net, tn.NLLLoss(), X, np.arange(20) % 10, optimizer, steps=2)


@pytest.fixture(scope="module")
def pages(digits, residual, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    digits.to_html(folder / "digits.html")
    residual.to_html(folder / "residual.html", features=FEATURES, classes=CLASSES)
    maps = own_pictures()
    optimizer = tn.SGD(maps.parameters(), lr=0.1)
    tn.trace(maps, tn.NLLLoss(), *own_digits(), optimizer, steps=2).to_html(folder / "maps.html")
    return folder


@pytest.fixture(scope="module")
def driver():
    with chromium() as opened:
        yield opened


@pytest.fixture
def opened(driver, pages, tmp_path):
    """A function that opens a page by its name, or writes one, in a window of a size."""

    def opened(page, size="desktop", dark=False):
        path = pages / f"{page}.html" if isinstance(page, str) else tmp_path / "page.html"
        if not isinstance(page, str):
            page(path)
        look(driver, *SIZES[size], dark)
        driver.get(path.as_uri())
        driver.execute_async_script(
            "const [done] = arguments; const wait = () => blocks ? done() : setTimeout(wait, 10);"
            "wait();"
        )
        return driver

    yield opened
    assert [one for one in driver.get_log("browser") if one["source"] != "rendering"] == []


def count_frames(page):
    return page.execute_script("return frames.length")


MARK = """
window.kept = [...document.querySelectorAll("body *")].filter((element) =>
  !element.closest("#numbers, #story, .bar i") // the length of a bar is a number, too
  && element.checkVisibility());
window.places = () => {
  const sticky = getComputedStyle(document.querySelector(".controls")).position === "sticky";
  const place = (element) => {
    const { left, top } = element.getBoundingClientRect();
    return [left + scrollX, element.closest(".controls") && scrollY ? null : top + scrollY];
  };
  const cells = state.atLoss ? [] : [...document.querySelectorAll("#numbers th, #numbers td")];
  return { kept: window.kept.map(place), cells: cells.map(place),
    height: document.querySelector(".controls").offsetHeight };
};
window.names = () => window.kept.map((element) => element.outerHTML.slice(0, 90));
"""


class TestStepping:
    @pytest.mark.parametrize(
        ("name", "size"),
        itertools.product(["digits", "residual", "maps"], ["desktop", "phone"]),
    )
    def test_moves_no_element_by_more_than_2_pixels(self, opened, name, size):
        page = opened(name, size)
        page.execute_script(MARK)
        before = page.execute_script("return places()")
        names = page.execute_script("return names()")
        assert len(names) > 150
        compared = 0
        for _ in range(2 * count_frames(page) - 1):
            find(page, "#next").click()
            after = page.execute_script("return places()")
            assert after["height"] == before["height"]
            groups = [("kept", names), ("cells", ["a cell"] * 999)]
            for group, called in groups:
                if not after[group]:
                    continue
                assert len(after[group]) == len(before[group])
                for old, new, what in zip(before[group], after[group], called, strict=False):
                    for a, b in zip(old, new, strict=True):
                        if a is not None and b is not None:
                            assert abs(a - b) <= 2, (what, text_of(page, "#story"))
                            compared += 1
        assert page.execute_script("return state.step") == 1 and compared > 1000

    @pytest.mark.parametrize("name", ["digits", "residual"])
    def test_keeps_the_chain_rule_in_view_without_scrolling(self, opened, name):
        page = opened(name)
        for _ in range(count_frames(page)):
            bottom, scrolled = page.execute_script(
                "const parts = document.querySelectorAll('#unit-title, #numbers > *');"
                "return [Math.max(...[...parts].map((e) => e.getBoundingClientRect().bottom)),"
                " scrollY]"
            )
            assert scrolled == 0 and bottom <= 900, text_of(page, "#story")
            find(page, "#next").click()

    @pytest.mark.parametrize("name", ["digits", "residual"])
    def test_brings_the_layer_in_question_into_view_on_a_phone(self, opened, name):
        page = opened(name, "phone")
        stages = 0
        for _ in range(count_frames(page) - 1):
            find(page, "#next").click()
            place = page.execute_script(
                "const active = document.querySelector('.layer.active');"
                "if (!active) return null;"
                "const { top, bottom } = active.getBoundingClientRect();"
                "const nav = document.querySelector('.controls').getBoundingClientRect();"
                "return [top, bottom, nav.bottom, innerHeight]"
            )
            if place is not None:
                top, bottom, edge, height = place
                assert edge <= top + 2 and min(bottom, top + 300) <= height, place
                stages += 1
        assert stages >= 2 * len(page.execute_script("return data.layers"))

    def test_shows_no_number_before_it_is_computed(self, opened, residual):
        page = opened("residual")
        order = [part.name for part in residual.layers]
        last, unit = order.index("last"), 1
        page.execute_script(f"set({{ unit: {{ layer: {last}, index: {unit} }}, sample: 3 }})")
        part = residual.layers[last]
        for frame in range(count_frames(page)):
            numbers = shown(page)
            phase = page.execute_script("return phaseOf()")
            if phase == "loss":
                assert close(numbers["loss"], residual.loss)
            else:
                ends = {name.split(" ", 1)[-1] for name in numbers}
                forward, back = frame > last, phase in ("backward", "update")
                assert ("y" in numbers) == forward and ("x * w" in ends) == forward
                assert ("x" in ends) == (frame >= last), frame
                assert ("dy" in numbers) == ("x * dy" in ends) == ("w * dy" in ends) == back
                assert ("change" in ends) == (phase == "update")
                assert "w" in ends, "the weights are there from the beginning"
                if forward:
                    assert close(numbers["y"], part.output[3, unit])
                if back:
                    assert close(numbers["dy"], part.dy[3, unit])
            find(page, "#next").click()
        choose(page, order.index("block.1"), 2)
        page.execute_script("set({ frame: 0 })")
        assert shown(page) == {} and "y = …" in text_of(page, "#numbers")

    def test_says_in_every_phase_what_the_wires_are(self, opened):
        page = opened("residual")
        says = {}
        for phase in ("forward", "loss", "backward", "update"):
            find(page, f"[data-phase={phase}]").click()
            if phase == "forward":
                assert "none yet" in text_of(page, "#wire-legend")
                find(page, "#next").click()
            says[phase] = text_of(page, "#wire-legend")
        for phase, words in {
            "forward": "x * w", "loss": "the dy that it hands", "backward": "w * dy",
            "update": "the change of each weight",
        }.items():  # fmt: skip
            assert words in says[phase] and "skip connection" in says[phase]
        assert "skip" not in text_of(opened("digits"), "#wire-legend")

    def test_wires_are_these_numbers(self, opened, residual):
        page = opened("residual")
        page.execute_script("set({ sample: 5, frame: frames.length - 1 })")
        order = [part.name for part in residual.layers]

        def wires(name, kind):
            found = page.execute_script(
                f"return wiresInto({order.index(name)}, {kind!r})"
                ".map(({ from, i, u, value }) => [from, i, u, value])"
            )
            return {(source, i, u): value for source, i, u, value in found}

        add, fc = residual.layer("add"), residual.layer("block.0")
        W = fc.parameters["W"]
        forward, backward = wires("add", "y"), wires("add", "dy")
        for place, source in enumerate(add.sources):
            for u in range(9):
                assert close(forward[source, u, u], add.input[place][5, u])
                assert close(backward[source, u, u], add.dx[place][5, u])
        for (_, i, u), value in wires("block.0", "y").items():
            assert close(value, fc.input[5, i] * W.value[i, u])
        for (_, i, u), value in wires("block.0", "dy").items():
            assert close(value, fc.dy[5, u] * W.value[i, u])
        for (_, i, u), value in wires("block.0", "update").items():
            assert value == pytest.approx(W.update[i, u], rel=2e-3, abs=1e-7)
        for (_, i, _), value in page.execute_script(
            "return wiresInto(theLoss(), 'dy').map((w) => [[w.from, w.i, w.u], w.value])"
        ):
            assert close(value, residual.at_loss.dx[0][5, i])

    def test_a_skip_connection_goes_past_the_block(self, opened, residual):
        """Where the lane is, below all layers, something is drawn once Add has its numbers."""
        inked = (
            "const wires = document.getElementById('wires');"
            "const box = wires.getBoundingClientRect();"
            "const middle = blocks[1].element.getBoundingClientRect();"
            "const { data } = wires.getContext('2d').getImageData("
            "  middle.left - box.left, box.height - 13, middle.width, 13);"
            "return data.filter((level, k) => k % 4 === 3 && level > 40).length"
        )
        page = opened("residual")
        add = [part.name for part in residual.layers].index("add")
        page.execute_script(f"set({{ frame: {add} }})")
        assert page.execute_script(inked) == 0
        page.execute_script(f"set({{ frame: {add + 1} }})")
        assert page.execute_script(inked) > 300
        find(page, "[data-phase=backward]").click()
        page.execute_script("go(1)")
        assert page.execute_script(inked) > 300
        assert page.execute_script("return skips()") == [{"from": 0, "l": add}]


class TestWhatIsTold:
    def test_the_loss_step_says_where_the_first_gradients_come_from(self, opened, digits):
        page = opened("digits")
        for sample in (0, 7):
            page.execute_script(f"set({{ sample: {sample} }})")
            find(page, "[data-phase=loss]").click()
            label, numbers = int(digits.y[sample]), shown(page)
            told = text_of(page, "#numbers")
            assert f"log_probs[{sample}, {label}] = " in told
            assert close(numbers["loss row"], -digits.output[sample, label])
            assert close(numbers["loss"], digits.loss)
            assert f"-({label} == {label}) / 20 = -0.05" in told
            assert numbers[f"{label} dlog_probs"] == -0.05
            (other,) = {int(n.split()[0]) for n in numbers if n.endswith("dlog_probs")} - {label}
            assert f"-({other} == {label}) / 20 = 0" in told and numbers[f"{other} dlog_probs"] == 0
            assert "loss = -mean(log_probs[n, labels[n]])" in text_of(page, "#story")
        find(page, "#next").click()
        assert text_of(page, "#unit-title").startswith("Unit ")
        find(page, "#loss-block .unit").click()
        assert text_of(page, "#unit-title").startswith("The loss, NLLLoss()")

    @pytest.mark.parametrize(
        "loss_fn",
        [
            tn.NLLLoss(), tn.NLLLoss(reduction="sum"), tn.NLLLoss(weight=[1, 2, 0.5, 1]),
            tn.NLLLoss(ignore_index=2), tn.CrossEntropyLoss(),
            tn.CrossEntropyLoss(weight=[1, 2, 0.5, 1], label_smoothing=0.1),
            tn.CrossEntropyLoss(reduction="sum", ignore_index=1),
        ],
        ids=repr,
    )  # fmt: skip
    def test_the_words_of_a_loss_are_true(self, loss_fn):
        """What stands right of the last "=" is what the numbers left of it give."""
        last = tn.LogSoftmax if loss_fn.expects == "log-probabilities" else None
        at = tn.trace(network(last=last), loss_fn, *rows(9)).at_loss
        arrays = told_arrays(at)
        _, labels = at.input
        for n in range(9):
            for c in range(4):
                line = loss_fn.told[1].split("\n")[-1]
                text = line.format(**{name: values[n, c] for name, values in arrays.items()})
                *_, left, right = text.split(" = ")
                assert eval(left) == pytest.approx(float(right), rel=1e-5, abs=1e-8)
                assert float(right) == pytest.approx(at.dx[0][n, c])
        alone = arrays["row"][:, 0]
        counts = loss_fn.row_weights(labels, 4)
        mean = alone.sum() / counts.sum() if loss_fn.reduction == "mean" else alone.sum()
        assert mean == pytest.approx(float(at.output), rel=1e-5)

    @pytest.mark.parametrize("reduction", ["mean", "sum"])
    @pytest.mark.parametrize("shape", [(6, 4), (6,)], ids=str)
    @pytest.mark.parametrize("kind", [tn.MSELoss, tn.L1Loss, tn.BCELoss, tn.BCEWithLogitsLoss])
    def test_the_words_of_a_loss_over_numbers_are_true(self, kind, shape, reduction, tmp_path):
        class Net(tn.Module):
            def __init__(self):
                self.last = tn.Linear(5, 4, rng=0)
                self.squash = Squash(shape)

            def forward(self, x):
                return self.squash(self.last(x))

        rng = np.random.default_rng(0)
        X, y = rng.random((6, 5), np.float32), rng.integers(2, size=shape).astype(np.float32)
        traced = tn.trace(Net(), kind(reduction=reduction), X, y)
        arrays, at = told_arrays(traced.at_loss), traced.at_loss
        assert set(arrays) >= {"one", "size", "dx"} and arrays["one"].shape == shape
        total = arrays["one"].sum() / (arrays["one"].size if reduction == "mean" else 1)
        assert total == pytest.approx(traced.loss, rel=1e-5)
        np.testing.assert_array_equal(arrays["dx"], at.dx[0])
        assert (arrays["size"] == (at.dx[0].size if reduction == "mean" else 1)).all()
        traced.to_html(tmp_path / "page.html")

    def test_own_layers_have_the_equations_of_their_docstring(self, opened, residual):
        assert equations_of(Bent()) == ("y = x / (1 + abs(x))", "dx = dy * (1 - abs(y)) ** 2")
        assert equations_of(tn.ReLU()) == tn.ReLU.equations
        assert equations_of(Residual()) is None
        page = opened("residual")
        layer = [part.name for part in residual.layers].index("block.1")
        page.execute_script(f"set({{ frame: {layer + 1}, unit: {{ layer: {layer}, index: 0 }} }})")
        assert "it computes y = x / (1 + abs(x)). It gives 9" in text_of(page, "#story")
        frames = count_frames(page)
        page.execute_script(f"set({{ frame: {frames - 2 - layer} }})")
        assert "it computes dx = dy * (1 - abs(y)) ** 2." in text_of(page, "#story")
        assert "dx = dy * (1 - abs(y)) ** 2" in text_of(page, "#numbers")
        assert "Bent().backward" not in page.page_source

    def test_a_subclass_with_another_forward_has_not_the_equations_of_its_base(self):
        class Twice(Bent):
            def forward(self, x):
                return 2 * super().forward(x)

        class Named(Bent):
            """The same forward under another name."""

        assert equations_of(Twice()) is None
        assert equations_of(Named()) == equations_of(Bent())


class TestInputs:
    def test_features_and_classes_have_their_names(self, opened, residual):
        page = opened("residual")
        page.execute_script("set({ sample: 2 })")
        names, bars, numbers = page.execute_script(
            "const lines = [...document.querySelectorAll('.features li')];"
            "return ['b', 'i', 'span:last-child'].map((which) => lines.map((line) => {"
            " const part = line.querySelector(which);"
            " return which === 'i' ? [part.style.left, part.style.width] : part.textContent }))"
        )
        x = residual.X[2]
        assert names == FEATURES
        np.testing.assert_allclose([float(n) for n in numbers], x, rtol=5e-3)
        for value, (left, width) in zip(x, bars, strict=True):
            share = 50 * value / np.abs(x).max()
            assert float(width[:-1]) == pytest.approx(abs(share), abs=1e-3)
            assert float(left[:-1]) == pytest.approx(50 + min(0, share), abs=1e-3)
        assert f"which is {CLASSES[residual.y[2]]}: 4 numbers" in text_of(page, "#story")
        units = page.find_elements("css selector", ".classes .unit b")
        assert [unit.text.rstrip("✓") for unit in units] == CLASSES
        choose(page, 0, 0, 2)
        terms = page.find_elements("css selector", ".terms tbody td:first-child")
        assert {*FEATURES} >= {term.text.strip() for term in terms} - {""} != set()
        with pytest.raises(ValueError, match="features has 2 names, and the network has 4 feat"):
            residual.show(features=["a", "b"])
        with pytest.raises(TypeError, match="classes = 'abc', expected a list of names"):
            residual.show(classes="abc")

    @pytest.mark.parametrize("shape, kind", [((3, 8, 8), "colours"), ((8, 8), "picture")], ids=str)
    def test_pictures_have_their_shape_and_their_colours(self, opened, shape, kind):
        class Flat(tn.Module):
            def forward(self, x):
                self.shape = x.shape
                self.keep()
                return x.reshape(len(x), -1)

            def backward(self, dy):
                (dy,) = self.kept(dy)
                return dy.reshape(self.shape)

        X = np.random.default_rng(0).random((4, *shape), np.float32)
        X[:, ..., 0, 0], X[:, ..., 0, 1] = 0, 1  # so that levels are 0 to 255
        net = tn.Sequential(Flat(), tn.Linear(X[0].size, 3, rng=0))
        at = tn.trace(net, tn.CrossEntropyLoss(), X, np.arange(4) % 3)
        page = opened(at.to_html)
        page.execute_script("set({ sample: 1 })")
        assert kind in text_of(page, "#input h3")
        pixels = page.execute_script(
            "const canvas = document.getElementById('picture');"
            "return Array.from(canvas.getContext('2d').getImageData(0, 0, 8, 8).data)"
        )
        levels = np.reshape(pixels, (8, 8, 4))[..., :3]
        wanted = 255 * X[1].reshape(-1, 8, 8).transpose(1, 2, 0)
        np.testing.assert_allclose(levels, np.broadcast_to(wanted, (8, 8, 3)), atol=1)
        find(page, "[data-phase=backward]").click()
        page.execute_script("set({ frame: frames.length - 1 })")
        dx = page.execute_script("return Array.from(lossByInput())")
        np.testing.assert_allclose(dx, at.layers[0].dx[1].ravel(), rtol=1e-4, atol=1e-8)

    def test_many_numbers_that_are_no_picture_are_bars(self, opened):
        net = tn.Sequential(tn.Linear(50, 3, rng=0))
        X = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
        page = opened(tn.trace(net, tn.CrossEntropyLoss(), X, np.arange(3)).to_html)
        page.execute_script("set({ sample: 1 })")
        share = np.abs(X[1]).argmax()
        column = page.execute_script(
            "const canvas = document.getElementById('picture');"
            "const wide = canvas.width / 50, context = canvas.getContext('2d');"
            "return Array.from({ length: 50 }, (_, i) => {"
            " const at = Math.floor((i + 0.5) * wide);"
            " const { data } = context.getImageData(at, 0, 1, canvas.height);"
            " const inked = Array.from({ length: canvas.height }, (_, k) => data[4 * k + 3] > 128);"
            " return [inked.indexOf(true), inked.lastIndexOf(true)] })"
        )
        for value, (top, bottom) in zip(X[1], column, strict=True):
            size = 0.48 * 240 * abs(value) / abs(X[1][share])
            assert (119 - top if value > 0 else bottom - 120) == pytest.approx(max(size, 1), abs=2)

    def test_a_white_picture_has_an_edge(self, opened):
        net = tn.Sequential(tn.Linear(64, 3, rng=0))
        X = np.ones((3, 64), np.float32)
        X[2] = 0
        at = tn.trace(net, tn.CrossEntropyLoss(), X, np.arange(3))
        for dark in (False, True):
            page = opened(at.to_html, dark=dark)
            assert contrast(page, "--edge", "--card") >= 3
            for selector in (".sample canvas", "#picture"):
                edge = page.execute_script(
                    "const style = getComputedStyle(document.querySelector(arguments[0]));"
                    "return [style.borderTopWidth, style.borderTopColor]",
                    selector,
                )
                assert edge == ["1px", f"rgb({', '.join(map(str, colour(page, '--edge')))})"]


def colour(page, name):
    return page.execute_script("return themeColour(arguments[0])", name)


def contrast(page, one, other):
    """How many times lighter one colour is than the other, as WCAG counts."""

    def light(rgb):
        levels = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * levels[0] + 0.7152 * levels[1] + 0.0722 * levels[2]

    high, low = sorted((light(colour(page, name)) for name in (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class TestLooks:
    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_signs_differ_in_lightness_and_stand_out(self, opened, dark):
        page = opened("digits", dark=dark)
        for one, other in (("--positive", "--negative"), ("--up", "--down")):
            assert contrast(page, one, other) >= 2
            assert min(contrast(page, name, "--card") for name in (one, other)) >= 3

    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("name", ["digits", "residual"])
    def test_of_every_step(self, opened, name, size, dark):
        page = opened(name, size, dark)
        for _ in range(count_frames(page)):
            check_looks(page, 60)
            find(page, "#next").click()

    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    @pytest.mark.parametrize("size", SIZES)
    def test_of_the_playground_with_sliders(self, opened, size, dark):
        page = opened(sliders(), size, dark)
        check_looks(page, 25)


def sliders(**options):
    """A function that writes the page of a small network of four inputs."""
    net = tn.Sequential(tn.Linear(4, 9, rng=0), tn.ReLU(), tn.Linear(9, 3, rng=1))
    X, _ = flowers()
    names = {"samples": X, "features": FEATURES, "classes": CLASSES}
    return lambda path: tn.playground(net, path, **(names | options))


class TestPlayground:
    @pytest.fixture
    def reading(self, opened):
        def reading(size="desktop"):
            rng = np.random.default_rng(0)
            net = tn.Sequential(
                *(tn.Linear(784, 64, rng=rng), tn.ReLU(), tn.Linear(64, 32, rng=rng), tn.ReLU()),
                *(tn.Linear(32, 32, rng=rng), tn.ReLU(), tn.Linear(32, 10, rng=rng)),
                tn.LogSoftmax(),
            )
            return opened(lambda path: tn.playground(net, path), size)

        return reading

    def test_the_winner_has_one_colour_through_to_the_output(self, reading):
        page = reading()
        press(page, "4")
        winner = text_of(page, "#guess b")
        accent = f"rgb({', '.join(map(str, colour(page, '--accent')))})"
        found = page.execute_script(
            "const of = (element, name) => getComputedStyle(element)[name];"
            "return { guess: of(document.querySelector('#guess b'), 'color'),"
            " bar: of(document.querySelector('.bars .best i'), 'backgroundColor'),"
            " layers: [...document.querySelectorAll('.outputs')].map((group) =>"
            "  [...group.children].map((unit) =>"
            "   [unit.textContent, of(unit, 'backgroundColor')])) }"
        )
        assert found["guess"] == found["bar"] == accent
        assert len(found["layers"]) == 2, "Linear and LogSoftmax"
        for layer in found["layers"]:
            assert [text for text, _ in layer] == list("0123456789")
            assert [text for text, fill in layer if fill == accent] == [winner]

    def test_all_layers_stand_in_one_row(self, reading):
        page = reading()
        tops = page.execute_script(
            "return [...document.querySelectorAll('.layer')]"
            ".map((layer) => layer.getBoundingClientRect().top)"
        )
        assert len(tops) == 8 and len(set(tops)) == 1

    def test_the_answer_is_in_view_on_a_phone(self, reading):
        page = reading("phone")
        press(page, "4")
        for selector in ("#paper", "#guess", "#classes"):
            bottom = page.execute_script(
                "return document.querySelector(arguments[0]).getBoundingClientRect().bottom",
                selector,
            )
            assert bottom <= 844, selector

    def test_sliders_set_the_numbers_of_any_other_network(self, opened):
        X, _ = flowers()
        net = tn.Sequential(tn.Linear(4, 9, rng=0), tn.ReLU(), tn.Linear(9, 3, rng=1))
        page = opened(sliders())
        labels = page.find_elements("css selector", "#numbers label span")
        assert [label.text for label in labels] == FEATURES
        buttons = page.find_elements("css selector", "#rows button")
        assert len(buttons) == len(X)
        for n in (0, 5):
            buttons[n].click()
            logs = tn.LogSoftmax().predict(net.predict(X[n][None]))[0]
            table = page.find_elements("css selector", "#classes td:last-child")
            np.testing.assert_allclose([float(cell.text) for cell in table], logs, atol=1e-4)
            assert text_of(page, "#guess b") == CLASSES[logs.argmax()]
        page.execute_script(
            "const [slider] = sliders(); slider.value = slider.max;"
            "slider.dispatchEvent(new Event('input'))"
        )
        x = X[5].copy()
        x[0] = X[:, 0].max()
        got = page.execute_script("return Array.from(slid())")
        np.testing.assert_allclose(got, x, rtol=1e-5, atol=1e-6)

    def test_sliders_without_samples_go_from_minus_3_to_3(self, opened):
        page = opened(sliders(samples=None, features=None, classes=None))
        ends = page.execute_script("return sliders().map(({ min, max }) => [min, max])")
        assert ends == [["-3", "3"]] * 4 and not page.find_elements("css selector", "#rows button")

    def test_a_square_of_another_size_is_a_grid_of_pixels(self, opened):
        net = tn.Sequential(tn.Linear(64, 10, rng=0), tn.LogSoftmax())
        page = opened(lambda path: tn.playground(net, path, white=16))
        page.execute_script("change([[[0.05, 0.5], [0.95, 0.5]]])")
        levels = np.reshape(page.execute_script("return Array.from(picture())"), (8, 8))
        assert (levels[3:5].mean(axis=1) > 0.6).all() and levels[[0, 1, 6, 7]].max() < 0.05
        x = page.execute_script("return Array.from(drawn())")
        np.testing.assert_allclose(x, 16 * levels.ravel(), rtol=1e-6)
        logs = net.predict(np.float32([x]))[0]
        cells = page.find_elements("css selector", "#classes td:last-child")
        np.testing.assert_allclose([float(cell.text) for cell in cells], logs, atol=1e-4)


@pytest.mark.parametrize("which", ["xray", "playground"])
def test_a_notebook_shows_the_page_in_a_frame(driver, residual, tmp_path, which):
    page = residual.show(height=700) if which == "xray" else tn.playground(tn.Linear(4, 3, rng=0))
    assert repr(page).startswith("<page of 0.0")
    shown = page._repr_html_()
    assert 'sandbox="allow-scripts allow-downloads"' in shown
    assert f"height: {700 if which == 'xray' else 900}px" in shown
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><div>{shown}</div>", "utf-8")
    look(driver, 1000, 900)
    driver.get(path.as_uri())
    frame = find(driver, "iframe")
    driver.switch_to.frame(frame)
    driver.execute_async_script(
        "const [done] = arguments; const wait = () => blocks ? done() : setTimeout(wait, 10);"
        "wait();"
    )
    wanted = "The network gets" if which == "xray" else "with a probability of"
    selector = "#story" if which == "xray" else "#guess"
    assert wanted in text_of(driver, selector)
    driver.switch_to.default_content()
    page.write(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == page.content
