"""The pages in headless Chromium: what they show is what the arrays hold, and all of it offline."""

import base64
import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from browser import chromium, draw, look
from by_hand import network, rows

import tinynet as tn
from tinynet import pages
from tinynet.datasets.fitting import fit

LAST = 6  # the last Linear layer of the reader network, which is Linear, ReLU, ..., LogSoftmax


class Tanh(tn.Module):
    """A layer that no page knows."""

    def forward(self, x):
        y = np.tanh(x)
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        return dy * (1 - y * y)


class Residual(tn.Module):
    def __init__(self):
        self.block = tn.Sequential(tn.Linear(12, 12, rng=0), Tanh())
        self.add = tn.Add()
        self.last = tn.Linear(12, 4, rng=1)

    def forward(self, x):
        return self.last(self.add(x, self.block(x)))


class SquaredError(tn.Module):
    """A loss of one's own, of targets in any shape."""

    def forward(self, y, target):
        self.keep(y - np.broadcast_to(target.reshape(len(y), -1), y.shape))
        return float(((y - target.reshape(len(y), -1)) ** 2).mean())

    def backward(self, dy=1.0):
        dy, error = self.kept(dy)
        return (dy * 2 / error.size * error).astype(error.dtype)


@pytest.fixture(scope="module")
def digits():
    loaded = tn.datasets.mnist_small()
    return tn.data.minmax_scale(loaded.images), loaded.labels


@pytest.fixture(scope="module")
def reader(digits):
    """A network that reads digits: 3 epochs of the main lesson's, by Adam."""
    X, y = (array[:18_000] for array in digits)
    rng = np.random.default_rng(0)
    sizes = (784, 64, 32, 32, 10)
    layers = [
        layer
        for I, O in itertools.pairwise(sizes)
        for layer in (tn.Linear(I, O, rng=rng), tn.ReLU())
    ]
    net = tn.Sequential(*layers[:-1], tn.LogSoftmax())
    loader = tn.DataLoader(X, y, batch_size=32, shuffle=True, drop_last=True, rng=0)
    optimizer = tn.Adam(net.parameters(), lr=0.003)
    tn.fit(net, tn.NLLLoss(), optimizer, loader, epochs=3, progress=False)
    return net


@pytest.fixture(scope="module")
def traced(digits, reader):
    """Six steps on 16 test digits, some of which are misread at first."""
    X, y = (array[18_000:] for array in digits)
    wrong = np.flatnonzero(reader.predict(X).argmax(axis=1) != y)[:6]
    some = np.concatenate([wrong, np.arange(10)])
    optimizer = tn.SGD(reader.parameters(), lr=0.03, momentum=0.9)
    return tn.trace(reader, tn.NLLLoss(), X[some], y[some], optimizer, steps=6)


@pytest.fixture(scope="module")
def xray(traced, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "xray.html"
    traced.to_html(path)
    return path


@pytest.fixture(scope="module")
def drawing(reader, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "playground.html"
    tn.playground(reader, path)
    return path


@pytest.fixture(scope="module")
def driver():
    with chromium() as opened:
        yield opened


@pytest.fixture
def open_page(driver, tmp_path):
    """A function that opens a page, or writes and opens it; at the end there were no errors."""

    def opened(page):
        path = page if isinstance(page, Path) else tmp_path / "page.html"
        if path is not page:
            page(path)
        assert path.stat().st_size <= 2_000_000
        look(driver, 1300, 1000)
        driver.get(path.as_uri())
        driver.execute_async_script(
            "const [done] = arguments; const wait = () => blocks ? done() : setTimeout(wait, 10);"
            "wait();"
        )
        return driver

    yield opened
    loaded = driver.execute_script("return performance.getEntriesByType('resource').length")
    assert loaded == 0, "the page loaded something"
    hints = "rendering"  # how fast a test's own reading of pixels is
    assert [entry for entry in driver.get_log("browser") if entry["source"] != hints] == []


def find(driver, selector):
    return driver.find_element("css selector", selector)


def text_of(driver, selector):
    return driver.execute_script(
        "return document.querySelector(arguments[0]).textContent", selector
    )


def press(driver, *keys):
    from selenium.webdriver import ActionChains

    ActionChains(driver, duration=0).send_keys(*keys).perform()


def key(name):
    from selenium.webdriver.common.keys import Keys

    return getattr(Keys, name)


def shown(driver):
    """The numbers of the unit that is shown, by name."""
    pairs = driver.execute_script(
        "return [...document.querySelectorAll('[data-of]')]"
        ".map((element) => [element.dataset.of, Number(element.textContent)])"
    )
    return dict(pairs)


def choose(driver, layer, unit, sample=0):
    """Choose a unit in the last frame, where all of its numbers have been computed."""
    driver.execute_script(
        "set({ frame: frames.length - 1 });"
        "document.querySelectorAll('.sample')[arguments[2]].click();"
        "document.querySelectorAll('.units')[arguments[0]].children[arguments[1]].click()",
        layer, unit, sample,
    )  # fmt: skip


def slide(driver, step):
    driver.execute_script(
        "const slider = document.getElementById('step'); slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input'))",
        step,
    )


def close(page, ours, relative=1e-4):
    """A number of the page, five digits, beside one of the trace."""
    return page == pytest.approx(float(ours), rel=relative, abs=1e-9)


CONTRAST = """
const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = ([r, g, b, a], below) => [r, g, b].map((c, k) => a * c + (1 - a) * below[k]);
const behind = (element) => {
  if (!element) return [255, 255, 255];
  return over(rgba(getComputedStyle(element).backgroundColor), behind(element.parentElement));
};
const opacity = (element) =>
  element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1;
const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = (colour) => {
  const [r, g, b] = colour.map((c) => linear(c / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ratios = [];
for (const element of document.querySelectorAll("body *")) {
  const text = [...element.childNodes].filter((n) => n.nodeType === 3 && n.textContent.trim());
  const box = element.getBoundingClientRect();
  if (!text.length || box.width < 2 || !element.checkVisibility()) continue;
  if (element.disabled) continue;
  const below = behind(element);
  const [r, g, b, a] = rgba(getComputedStyle(element).color);
  const ink = over([r, g, b, a * opacity(element)], below);
  const [high, low] = [light(ink), light(below)].sort((p, q) => q - p);
  ratios.push([(high + 0.05) / (low + 0.05), element.outerHTML.slice(0, 120)]);
}
return ratios;
"""


def check_looks(page, texts):
    """Every text has a contrast of 4.5 to what is behind it, and nothing sticks out."""
    ratios = page.execute_script(CONTRAST)
    assert len(ratios) > texts and min(ratios)[0] >= 4.5, min(ratios)
    wide, room = page.execute_script(
        "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
    )
    assert wide <= room


@pytest.mark.slow
class TestXRay:
    @pytest.fixture
    def page(self, open_page, xray):
        return open_page(xray)

    @pytest.mark.parametrize("step", [0, 3, 5])
    def test_numbers_of_linear_units_are_the_traces(self, page, traced, step):
        slide(page, step)
        at = traced.steps[step]
        assert close(float(text_of(page, "#loss")), at.loss)
        for layer, unit, sample in ((LAST, 3, 0), (2, 31, 7), (0, 5, 2)):
            part = at.layers[layer]
            W, b = part.parameters["W"], part.parameters["b"]
            x, dy = part.input[sample], part.dy[sample, unit]
            choose(page, layer, unit, sample)
            numbers = shown(page)
            assert close(numbers["y"], part.output[sample, unit])
            assert close(numbers["dy"], dy)
            products = x * W.value[:, unit]
            order = np.argsort(-np.abs(products), kind="stable")[:8]
            order = order[products[order] != 0]
            terms = [name.split()[0] for name in numbers if name.endswith("x * w")]
            assert terms == [*map(str, order), "rest", "b", "y"]
            for i in order:
                assert close(numbers[f"{i} x"], x[i])
                assert close(numbers[f"{i} w"], W.value[i, unit])
                assert close(numbers[f"{i} x * w"], products[i])
                assert close(numbers[f"{i} x * dy"], x[i] * dy)
                assert close(numbers[f"{i} dW, 16 rows"], W.grad[i, unit], 5e-4)
                assert close(numbers[f"{i} w * dy"], W.value[i, unit] * dy)
                name = f"{i} dx, {part.output.shape[1]} units"
                assert numbers[name] == pytest.approx(
                    part.dx[sample, i], rel=1e-3, abs=1e-4 * float(np.abs(part.dx[sample]).max())
                )
                assert numbers[f"{i} change"] == pytest.approx(
                    W.update[i, unit], rel=1e-3, abs=1e-6 * float(np.abs(W.update).max())
                )
                assert close(numbers[f"{i} new w"], W.value[i, unit] + W.update[i, unit])
            rest = np.delete(products, order).sum()
            assert numbers["rest x * w"] == pytest.approx(rest, rel=1e-3, abs=1e-5)
            assert close(numbers["b w"], b.value[unit])
            assert close(numbers["b dW, 16 rows"], b.grad[unit], 5e-4)

    def test_every_unit_is_named_with_its_number(self, page, traced):
        names = (
            "return [...document.querySelectorAll('.units')].map((group) =>"
            " [...group.children].map((unit) => unit.getAttribute('aria-label')))"
        )
        assert page.execute_script(names)[0][0] == "unit 0, not computed yet"
        choose(page, 0, 0, sample=4)
        for phase, kind in (("loss", "output"), ("update", "dy")):
            find(page, f"[data-phase={phase}]").click()
            for group, part in zip(page.execute_script(names), traced.layers, strict=True):
                values = [float(label.split("= ")[1]) for label in group]
                wanted = getattr(part, kind)[4]
                np.testing.assert_allclose(values, wanted, rtol=1e-4, atol=1e-12)

    def test_relu_and_log_softmax_write_their_own_line(self, page, traced):
        for sample, unit in ((0, 0), (3, 20), (3, 21), (9, 63)):
            choose(page, 1, unit, sample)
            part, numbers = traced.layers[1], shown(page)
            assert close(numbers["x"], part.input[sample, unit])
            assert close(numbers["y"], part.output[sample, unit])
            assert close(numbers["dx"], part.dx[sample, unit])
            passes = part.output[sample, unit] > 0
            assert ("it passes" if passes else "it blocks") in text_of(page, "#numbers")
        for unit in range(10):
            choose(page, 7, unit, 2)
            part, numbers = traced.layers[7], shown(page)
            wanted = part.dx[2, unit]
            assert numbers["dx"] == pytest.approx(wanted, rel=1e-3, abs=1e-7)
            assert close(numbers["p"], np.exp(part.output[2, unit]))
            assert close(numbers["sum"], part.dy[2].sum())
        assert "handed back by the loss, NLLLoss()" in text_of(page, "#numbers")

    def test_frames_advance_by_buttons_and_arrow_keys(self, page, traced):
        frames = 1 + 8 + 1 + 8 + 1  # input, forward, loss, backward, update
        stories = [text_of(page, "#story")]
        for frame in range(1, frames):
            if frame % 2:
                find(page, "#next").click()
            else:
                press(page, key("ARROW_RIGHT"))
            story, *pressed = page.execute_script(
                "return [document.getElementById('story').textContent,"
                "...[...document.querySelectorAll('[data-phase][aria-pressed=true]')]"
                ".map((button) => button.dataset.phase)]"
            )
            stories.append(story)
            phase = "forward" if frame < 9 else "loss" if frame == 9 else "backward"
            assert pressed == [phase if frame < frames - 1 else "update"]
        assert len(set(stories)) == frames
        assert "layer 7, LogSoftmax()" in stories[8] and "layer 7, LogSoftmax()" in stories[10]
        after = f"from {traced.loss:.5g} to {traced.steps[1].loss:.5g}"
        assert after in stories[-1]
        for frame in reversed(range(frames - 1)):
            press(page, key("ARROW_LEFT"))
            assert text_of(page, "#story") == stories[frame]
        press(page, key("ARROW_LEFT"))  # nothing is before the beginning
        assert text_of(page, "#story") == stories[0]
        find(page, "[data-phase=update]").click()
        find(page, "#next").click()
        assert text_of(page, "#step-number") == "1" and text_of(page, "#story") == stories[0]
        find(page, "#back").click()
        assert text_of(page, "#step-number") == "0" and text_of(page, "#story") == stories[-1]

    def test_play_walks_by_itself(self, page):
        before = text_of(page, "#story")
        page.execute_script("document.getElementById('play').click()")
        page.execute_async_script("setTimeout(arguments[0], 1500)")
        assert text_of(page, "#story") != before
        assert text_of(page, "#play") == "Pause"
        page.execute_script("document.getElementById('play').click()")
        assert text_of(page, "#play") == "Play"

    def test_slider_moves_over_the_training_steps_by_keyboard(self, page, traced):
        page.execute_script("document.getElementById('step').focus()")
        for step in traced.steps[1:]:
            press(page, key("ARROW_RIGHT"))
            assert close(float(text_of(page, "#loss")), step.loss)
        guesses = traced.steps[-1].output.argmax(axis=1)
        labels = page.execute_script(
            "return [...document.querySelectorAll('.sample')].map((b) => b.ariaLabel)"
        )
        assert labels == [
            f"sample {n}: a {y}, read as {guess}"
            for n, (y, guess) in enumerate(zip(traced.y, guesses, strict=True))
        ]

    def test_keyboard_reaches_every_unit_of_every_layer(self, page):
        page.execute_script("document.querySelector('.units').children[0].focus()")
        for layer in range(8):
            for unit in (1, 2):
                press(page, key("ARROW_DOWN"))
                title = text_of(page, "#unit-title")
                assert title.startswith(f"Unit {unit} of layer {layer}, ")
            press(page, key("ARROW_UP"))
            assert text_of(page, "#unit-title").startswith(f"Unit 1 of layer {layer}, ")
            press(page, key("ARROW_UP"), key("TAB"))

    def test_pointing_shows_a_unit_and_clicking_keeps_it(self, page):
        from selenium.webdriver import ActionChains

        find(page, "[data-phase=loss]").click()
        before = text_of(page, "#unit-title")
        unit = page.find_elements("css selector", ".units")[2].find_elements(
            "css selector", "button"
        )[9]
        pointer = ActionChains(page, duration=0)
        pointer.move_to_element(unit).perform()
        assert text_of(page, "#unit-title") == "Unit 9 of layer 2, Linear(64, 32)"
        pointer.move_to_element(find(page, "h1")).perform()
        assert text_of(page, "#unit-title") == before
        pointer.click(unit).move_to_element(find(page, "h1")).perform()
        assert text_of(page, "#unit-title") == "Unit 9 of layer 2, Linear(64, 32)"
        source = text_of(page, ".terms tbody button")
        page.execute_script("document.querySelector('.terms tbody button').click()")
        assert text_of(page, "#unit-title") == f"Unit {source} of layer 1, ReLU()"

    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_text_stands_out_and_the_page_fits(self, page, dark):
        for width, phase in ((1300, "forward"), (400, "loss"), (1300, "update")):
            look(page, width, 1000, dark)
            find(page, f"[data-phase={phase}]").click()
            check_looks(page, 100)

    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_wires_are_drawn_in_the_colours_of_their_signs(self, page, dark):
        look(page, 1300, 1000, dark)
        near = (
            "const wires = document.getElementById('wires');"
            "const { data } = wires.getContext('2d').getImageData(0, 0, wires.width, wires.height);"
            "const names = ['--positive', '--negative', '--up', '--down'];"
            "return names.map(themeColour).map((colour) => {"
            "  let count = 0;"
            "  for (let k = 0; k < data.length; k += 4) count += data[k + 3] > 60"
            "    && colour.every((level, c) => Math.abs(level - data[k + c]) < 12);"
            "  return count; })"
        )
        assert page.execute_script(near) == [0, 0, 0, 0]
        find(page, "#next").click()
        positive, negative, *gradients = page.execute_script(near)
        assert min(positive, negative) > 200 and gradients == [0, 0]
        find(page, "[data-phase=update]").click()
        *activations, up, down = page.execute_script(near)
        assert min(up, down) > 200 and activations == [0, 0]

    def test_of_one_step_has_no_update_and_no_steps_to_slide_over(self, open_page):
        plain = tn.trace(network(), tn.NLLLoss(), *rows(5))
        page = open_page(plain.to_html)
        assert not find(page, "[data-phase=update]").is_enabled()
        assert not find(page, "#step").is_enabled()
        press(page, *[key("ARROW_RIGHT")] * 30)
        assert text_of(page, "#story").startswith("Backward, layer 0, Linear(12, 9)")

    def test_of_a_network_that_is_no_chain_with_a_layer_of_ones_own(self, open_page):
        net = Residual()
        X, y = rows(6)
        optimizer = tn.Adam(net.parameters(), lr=0.1)
        at = tn.trace(net, tn.CrossEntropyLoss(), X, y, optimizer, steps=2)
        page = open_page(at.to_html)
        find(page, "[data-phase=update]").click()
        choose(page, 2, 7, 1)
        a, b = (x[1, 7] for x in at.layer("add").input)
        numbers = shown(page)
        assert close(numbers["a"], a) and close(numbers["b"], b) and close(numbers["y"], a + b)
        assert "goes back to the input and to layer block.1, Tanh()" in text_of(page, "#numbers")
        choose(page, 1, 3, 5)
        assert close(shown(page)["y"], at.layer("block.1").output[5, 3])
        assert close(shown(page)["dy"], at.layer("block.1").dy[5, 3])

    @pytest.mark.parametrize("shape", [(6, 4), (6,), (6, 2, 2)], ids=str)
    def test_of_a_loss_that_is_not_over_classes(self, open_page, shape):
        """Targets are numbers to be met: the page says them, and knows no right class."""
        net = network(last=None)
        X, _ = rows(6)
        y = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        at = tn.trace(net, SquaredError(), X, y, optimizer, steps=2)
        page = open_page(at.to_html)
        labels = find(page, "#samples").find_elements("css selector", ".sample span")
        assert [label.text for label in labels] == list("012345")
        assert find(page, "#samples").find_elements("css selector", ".wrong, .true") == []
        assert text_of(page, "#story") == "The network gets sample 0: 12 numbers."
        choose(page, 2, 1, 3)
        find(page, "[data-phase=loss]").click()
        first = f"{y.reshape(6, -1)[3, 0]:.4g}"
        assert text_of(page, "#story").startswith(f"The target of this sample is {first}")
        assert "The loss of the batch is " in text_of(page, "#story")
        assert "sample's loss" not in text_of(page, "#story")
        for phase in ("forward", "backward", "update"):
            find(page, f"[data-phase={phase}]").click()
        assert close(shown(page)["y"], at.output[3, 1])

    def test_rows_that_are_ignored_have_no_right_class(self, open_page):
        X, y = rows(6)
        y[[0, 3]] = -1
        at = tn.trace(network(), tn.NLLLoss(ignore_index=-1), X, y)
        page = open_page(at.to_html)
        texts = [e.text for e in find(page, "#samples").find_elements("css selector", "span")]
        guesses = at.output.argmax(axis=1)
        right = [f"{label}" if label == k else f"{label} as {k}" for label, k in zip(y, guesses)]
        assert texts == ["0", *right[1:3], "3", *right[4:]]
        choose(page, 2, 1, 3)
        find(page, "[data-phase=loss]").click()
        assert text_of(page, "#story").startswith("This sample is left out: its label is one to be")
        with pytest.raises(ValueError, match="to_html: no row of the batch counts in the loss"):
            tn.trace(network(), tn.NLLLoss(ignore_index=-1), X, np.full(6, -1)).to_html("page.html")

    def test_of_many_steps_shows_some_evenly_chosen(self, open_page):
        net = network()
        at = tn.trace(
            net, tn.NLLLoss(), *rows(5), tn.SGD(net.parameters(), lr=0.1), steps=56
        )  # fmt: skip
        page = open_page(at.to_html)
        steps = page.execute_script("return data.steps.map(({ number }) => number)")
        assert steps == [5 * k for k in range(12)]
        slide(page, 11)
        assert close(float(text_of(page, "#loss")), at.steps[55].loss)
        assert text_of(page, "#step-number") == "55"

    def test_refuses_what_is_too_large_or_not_finite(self, tmp_path):
        net = tn.Sequential(tn.Linear(784, 1200, rng=0), tn.LogSoftmax())
        X = np.random.default_rng(0).random((2, 784), np.float32)
        at = tn.trace(net, tn.NLLLoss(), X, np.array([0, 1]))
        with pytest.raises(
            ValueError, match=r"the page would have \d+\.\d MB, and 2 MB is the most"
        ):
            at.to_html(tmp_path / "large.html")
        net = network()
        net.layers[2].W.data[...] = np.nan
        with np.errstate(invalid="ignore"):
            at = tn.trace(net, tn.NLLLoss(), *rows(5))
        with pytest.raises(
            ValueError, match=r"the output of layer '2', Linear\(9, 4\), is not fin"
        ):
            at.to_html(tmp_path / "inf.html")
        assert list(tmp_path.iterdir()) == []

    def test_is_the_same_file_each_time_and_escapes_its_title(self, tmp_path):
        at = tn.trace(network(), tn.NLLLoss(), *rows(5))
        at.to_html(tmp_path / "a.html", title="<b>5 & 6")
        at.to_html(str(tmp_path / "b.html"), title="<b>5 & 6")
        written = (tmp_path / "a.html").read_text(encoding="utf-8")
        assert written == (tmp_path / "b.html").read_text(encoding="utf-8")
        assert "<title>&lt;b&gt;5 &amp; 6</title>" in written and "<b>5" not in written
        assert not re.search(r"https?://|@import|url\(", written)


def polyline(*points):
    return [(x / 100, y / 100) for x, y in points]


def arc(cx, cy, rx, ry, begin, end, n=8):
    angles = np.linspace(math.radians(begin), math.radians(end), n)
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


DRAWN = {
    0: [arc(0.5, 0.5, 0.25, 0.37, -90, 270, 14)],
    1: [polyline((53, 14), (50, 50), (47, 86))],
    2: [arc(0.48, 0.3, 0.19, 0.17, -170, 40) + polyline((40, 68), (27, 85), (75, 84))],
    3: [arc(0.47, 0.3, 0.19, 0.17, -140, 75) + arc(0.46, 0.67, 0.22, 0.2, -75, 145)],
    4: [polyline((34, 14), (29, 52), (74, 52)), polyline((64, 16), (61, 88))],
    7: [polyline((25, 17), (74, 16), (45, 88))],
}


def seen(driver):
    return np.array(driver.execute_script("return Array.from(picture())"), np.float32)


def log_probabilities(driver):
    """The page's last column."""
    cells = driver.find_elements("css selector", "#classes td:last-child")
    return [float(cell.text) for cell in cells]


@pytest.mark.slow
class TestPlayground:
    @pytest.fixture
    def page(self, open_page, drawing):
        return open_page(drawing)

    def test_forward_pass_is_predicts(self, page, digits, reader):
        X = digits[0][18_000:18_200]
        page_says = page.execute_script(
            "return arguments[0].map((x) => Array.from(forward(Float32Array.from(x)).at(-1)))",
            X.tolist(),
        )
        assert np.abs(np.array(page_says) - reader.predict(X)).max() <= 1e-5

    @pytest.mark.parametrize("kind, drawn", [("mouse", DRAWN), ("touch", (4, 7))])
    def test_drawn_strokes_are_read(self, page, kind, drawn):
        for digit in drawn:
            strokes = DRAWN[digit]
            find(page, "#clear").click()
            draw(page, strokes, kind)
            assert text_of(page, "#guess b") == str(digit)
            assert page.execute_script("return strokes.length") == len(strokes)

    def test_bars_are_the_probabilities_of_what_the_network_sees(self, page, reader):
        draw(page, DRAWN[3])
        logs = reader.predict(seen(page)[None])[0]
        table = page.execute_script(
            "return [...document.querySelectorAll('#classes tr')].map((line) =>"
            " [...line.children].map((cell) => cell.textContent).concat("
            "line.querySelector('i').style.width))"
        )
        for digit, (name, _, percent, log, width) in enumerate(table):
            assert name == str(digit)
            assert float(log) == pytest.approx(logs[digit], abs=6e-5)
            p = 100 * math.exp(logs[digit])
            assert float(percent.removesuffix(" %")) == pytest.approx(p, abs=0.051)
            assert float(width.removesuffix("%")) == pytest.approx(p, rel=1e-3, abs=1e-3)
        units = page.execute_script(
            "return [...document.querySelectorAll('.units')].map((group) =>"
            " [...group.children].map((unit) => Number(unit.ariaLabel.split(': ')[1])))"
        )
        x = seen(page)[None]
        for values, layer in zip(units, reader.layers, strict=True):
            x = layer.predict(x)
            np.testing.assert_allclose(values, x[0], rtol=1e-3, atol=1e-4)

    def test_picture_is_fitted_and_centred_as_in_mnist(self, page, digits):
        X = digits[0][:500].reshape(-1, 28, 28)
        index = np.arange(28)
        centres = [
            ((x.sum(axis=0) @ index) / x.sum(), (x.sum(axis=1) @ index) / x.sum()) for x in X
        ]
        np.testing.assert_allclose(np.mean(centres, axis=0), [14, 14], atol=0.1)
        pictures = {}
        for name, options in {
            "large": {}, "small": {"scale": 0.3}, "corner": {"scale": 0.3, "at": (0.68, 0.68)},
        }.items():  # fmt: skip
            find(page, "#clear").click()
            draw(page, DRAWN[4], **options)
            picture = pictures[name] = seen(page).reshape(28, 28)
            mass = picture.sum()
            assert (picture.sum(axis=0) @ index) / mass == pytest.approx(14, abs=0.1)
            assert (picture.sum(axis=1) @ index) / mass == pytest.approx(14, abs=0.1)
            lines, columns = (np.flatnonzero(picture.sum(axis=k) > 0.05) for k in (1, 0))
            assert 19 <= np.ptp(lines) + 1 <= 21 and np.ptp(columns) + 1 <= 21
            assert picture.min() >= 0 and picture.max() <= 1.001
            assert ((picture > 0.05) & (picture < 0.95)).sum() > 20, "edges are not smooth"
        for name in ("small", "corner"):
            assert np.corrcoef(pictures["large"].ravel(), pictures[name].ravel())[0, 1] > 0.97

    def test_pictures_are_fitted_as_in_python(self, page):
        for digit, strokes in DRAWN.items():
            find(page, "#clear").click()
            draw(page, strokes, scale=0.5, at=(0.1 * (digit % 3), 0.3))
            ink = page.execute_script("return Array.from(rendered().ink)")
            side = math.isqrt(len(ink))
            ours = fit(np.reshape(ink, (side, side)))
            np.testing.assert_allclose(seen(page).reshape(28, 28), ours, rtol=0, atol=1e-6)
        rng = np.random.default_rng(0)
        for H, W in [(7, 5), (28, 28), (31, 90), (300, 140)]:
            ink = np.pad(rng.random((H, W)) ** 3, ((0, 9), (3, 0)))
            theirs = page.execute_script(
                "return Array.from(fitted(...arguments))", ink.ravel().tolist(), W + 3, H + 9
            )
            np.testing.assert_allclose(theirs, fit(ink).ravel(), rtol=0, atol=1e-12)

    def test_digit_keys_draw_undo_and_clear_take_back(self, page):
        assert text_of(page, "#guess").startswith("Draw a digit")
        for digit in range(10):
            press(page, str(digit))
            assert text_of(page, "#guess b") == str(digit)
        press(page, "4", key("BACKSPACE"))
        assert page.execute_script("return strokes.length") == 1
        press(page, key("ESCAPE"))
        assert text_of(page, "#guess").startswith("Draw a digit")
        page.find_elements("css selector", ".samples button")[7].click()
        assert text_of(page, "#guess b") == "7"
        find(page, "#undo").click()
        assert text_of(page, "#guess").startswith("Draw a digit")
        draw(page, [[(0.5, 0.5)]])  # a dot
        assert np.isfinite(seen(page)).all() and seen(page).sum() > 3

    def test_pixels_are_scaled_as_in_training(self, open_page, reader):
        page = open_page(lambda path: tn.playground(reader, path, black=-1, white=255))
        draw(page, DRAWN[2])
        x = -1 + 256 * seen(page)
        logs = reader.predict(x.astype(np.float32)[None])[0]
        np.testing.assert_allclose(log_probabilities(page), logs, rtol=1e-5, atol=1e-3)

    @pytest.mark.parametrize("last", [None, tn.Softmax, tn.LogSoftmax])
    def test_probabilities_whatever_the_last_layer(self, open_page, last):
        inner = tn.Sequential(tn.Linear(784, 5, bias=False, rng=0), tn.ReLU())
        net = tn.Sequential(inner, tn.Linear(5, 3, rng=1), *([last()] if last else []))
        page = open_page(lambda path: tn.playground(net, path))
        draw(page, DRAWN[0])
        logits = tn.Sequential(*net.layers[:2]).predict(seen(page)[None])
        wanted = tn.LogSoftmax().predict(logits)[0]
        np.testing.assert_allclose(log_probabilities(page), wanted, atol=6e-5)

    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_text_stands_out_and_the_page_fits(self, page, dark):
        for width in (1300, 400):
            look(page, width, 1000, dark)
            press(page, "5")
            check_looks(page, 40)

    @pytest.mark.parametrize(
        "net, options, error, says",
        [
            (Residual(), {}, TypeError, r"Residual\(\) cannot run on the page; it knows tn.Seq"),
            (tn.Sequential(tn.Linear(784, 9), Tanh()), {}, TypeError, r"Tanh\(\) cannot run"),
            (tn.Sequential(tn.Softmax(axis=0)), {}, TypeError, r"Softmax\(axis=0\) cannot run"),
            (
                tn.Sequential(tn.ReLU(), tn.Unflatten(1, (2, -1)), tn.Linear(12, 9)), {},
                ValueError, r"expected \(N, features\); use x.reshape",
            ),
            (
                tn.Sequential(tn.Linear(784, 6), tn.Unflatten(1, (2, 3))), {}, ValueError,
                r"makes \(4, 2, 3\) of 4 rows; the page knows rows only, and classes \(N, C\)",
            ),
            (tn.Linear(65, 9), {}, ValueError, "takes 65 numbers, .* and 64 sliders are the most"),
            (tn.Linear(5, 9), {"white": 255}, ValueError, "white = 255 are for pixels, and this"),
            (tn.Linear(64, 9), {"samples": np.ones((3, 64))}, ValueError, "of 8 x 8; leave them"),
            (tn.Linear(2, 9), {"samples": np.ones(2)}, ValueError, r"are \(2,\) float64, exp"),
            (tn.Linear(2, 9), {"samples": np.full((1, 2), np.nan)}, ValueError, "hold NaN or inf"),
            (tn.Linear(2, 9), {"features": ["a"]}, ValueError, "features has 1 names, .* 2 f"),
            (tn.Linear(2, 9), {"classes": "abc"}, TypeError, "classes = 'abc', expected a list of"),
            (
                tn.Sequential(tn.Linear(784, 9), tn.Linear(8, 2)), {}, ValueError,
                r"Linear\(8, 2\) takes 8 numbers, and the layer before it gives 9",
            ),
            (tn.Sequential(tn.Linear(784, 1)), {}, ValueError, "has 1 outputs, expected one for"),
            (tn.Sequential(tn.ReLU()), {}, ValueError, "has 784 outputs, expected one for each"),
            (
                tn.Sequential(tn.Linear(784, 700), tn.Linear(700, 9)), {}, ValueError,
                r"would have \d\.\d MB, and 2 MB",
            ),
            (tn.Linear(784, 9), {"black": 1}, ValueError, "black and white are both 1; give"),
            (tn.Linear(784, 9), {"white": "1"}, TypeError, "white = '1' is not a number"),
        ],
    )  # fmt: skip
    def test_refuses_what_it_cannot_show(self, net, options, error, says, tmp_path):
        with pytest.raises(error, match=says):
            tn.playground(net, tmp_path / "page.html", **options)
        assert list(tmp_path.iterdir()) == []

    def test_refuses_weights_that_are_not_finite(self, tmp_path):
        net = tn.Sequential(tn.Linear(784, 9, rng=0))
        net.layers[0].b.data[3] = np.nan
        with pytest.raises(ValueError, match=r"layer 0, Linear\(784, 9\), holds NaN or inf"):
            tn.playground(net, tmp_path / "page.html")


def test_numbers_are_unpacked_and_written_as_in_python(open_page, tmp_path):
    """The bytes of the page, and its "%.5g", against Python's own."""
    page = open_page(tn.trace(network(), tn.NLLLoss(), *rows(2)).to_html)
    rng = np.random.default_rng(0)
    values = rng.standard_normal(300) * 10.0 ** rng.integers(-12, 12, 300)
    values = [*values.tolist(), 0.0, 1.0, -2.5, 99999.6, 100000, 0.00009999996, 1e-4, 1234567.0]
    written = page.execute_script("return arguments[0].map(written)", values)
    assert written == [f"{value:.5g}" for value in values]
    halves = rng.integers(0, 1 << 16, 2000).astype(np.uint16)
    halves = halves[np.isfinite(halves.view(np.float16))]
    read = page.execute_script("return arguments[0].map(fromHalf)", halves.tolist())
    assert read == halves.view(np.float16).astype(float).tolist()
    arrays = {
        "a": np.arange(3, dtype=np.uint8),
        "b": rng.standard_normal((2, 3)).astype(np.float32),
        "c": np.array([1.5, -0.25, 0], np.float16),
    }
    block = pages.pack({"text": "ä"}, arrays)
    got = page.execute_async_script(
        "const [base64, done] = arguments; document.getElementById('data').textContent = base64;"
        "unpack().then(({ text, values }) => done(JSON.stringify([text, ...Object.values(values)"
        ".map((v) => Array.from(v))])))",
        base64.b64encode(block).decode(),
    )
    assert json.loads(got) == ["ä", *(array.ravel().tolist() for array in arrays.values())]


class TestPlaygroundOfPictures:
    """Layers whose rows have a shape; on the page all of them are flat."""

    @pytest.mark.parametrize(
        "layers",
        [
            [tn.Unflatten(1, (1, 8, 8)), tn.MaxPool2d(2), tn.Flatten(), tn.Linear(16, 3, rng=0)],
            [
                *(tn.Linear(64, 96, rng=0), tn.Unflatten(1, (2, 8, 6))),
                *(tn.MaxPool2d((3, 2), (2, 1), 1, dilation=(1, 2)), tn.AvgPool2d(2, 1, 1)),
                *(tn.AvgPool2d(3, 2, 1, count_include_pad=False), tn.Flatten()),
                tn.Linear(24, 3, rng=0),
            ],
            [tn.AvgPool2d(4), tn.Flatten(), tn.Linear(49, 3, rng=0)],
        ],
        ids=["rows become pictures", "all options", "pictures of any size"],
    )
    def test_each_layer_computes_what_it_does_in_python(self, open_page, layers):
        page = open_page(lambda path: tn.playground(tn.Sequential(*layers), path))
        assert page.execute_script("return wrongLayer()") == -1
        page.execute_script("data.values.check1[0] += 1")
        assert page.execute_script("return wrongLayer()") == 0

    def test_maps_are_sheets_whose_pixels_tell_their_numbers(self, open_page):
        conv = tn.Conv2d(1, 10, 5, padding=1, rng=0)
        net = tn.Sequential(
            *(tn.Unflatten(1, (1, 28, 28)), conv, tn.Flatten(), tn.Linear(6760, 10, rng=1))
        )
        page = open_page(lambda path: tn.playground(net, path))
        press(page, "5")
        kinds = "return [...document.querySelectorAll('.layer')].map((l) => l.children[1].tagName)"
        assert page.execute_script(kinds) == ["CANVAS"] * 3 + ["DIV"]
        maps = net[:2].predict(seen(page)[None])[0]
        for layer, place in ((1, (0, 0, 0)), (1, (7, 13, 9)), (1, (9, 25, 25)), (2, (5, 11, 13))):
            unit = int(np.ravel_multi_index(place, maps.shape))
            told = page.execute_script(POINT, layer, unit)
            name = f"unit {unit}" if layer == 2 else f"unit ({', '.join(map(str, place))})"
            assert told.startswith(f"layer {layer}, ") and name in told
            assert float(told.split(": ")[-1]) == pytest.approx(maps[place], rel=1e-3, abs=1e-4)
        page.execute_script("document.querySelectorAll('.sheet')[1].focus()")
        press(page, key("ARROW_LEFT"), key("ARROW_UP"))
        assert "unit (9, 24, 24): " in text_of(page, "#tip")
        for width in (1300, 400):
            look(page, width, 1000)
            check_looks(page, 40)


POINT = """
const [layer, unit] = arguments;
const canvas = document.querySelectorAll(".layer")[layer].children[1];
const sheet = sheetOf(data.layers[layer].shape, ...LARGEST_SHEET);
const { left, top, width, height } = canvas.getBoundingClientRect();
const [x, y] = onSheet(sheet, unit);
const at = {
  clientX: left + ((x + 0.5) / sheet.across) * width,
  clientY: top + ((y + 0.5) / sheet.down) * height,
};
canvas.dispatchEvent(new PointerEvent("pointermove", at));
return document.getElementById("tip").textContent;
"""
