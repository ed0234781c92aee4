"""The X-ray of pictures: maps are drawn as maps, and a unit shows its window. In Chromium."""

import numpy as np
import pytest
from browser import chromium, look
from own_pictures import OwnConvolution, OwnPool, own_digits, own_pictures
from test_pages import check_looks, close, find, key, press, shown, text_of

import tinynet as tn
from tinynet.inspection.windows import Windows
from tinynet.pages.xray_windows import windows_of

pytestmark = pytest.mark.slow

STEPS, SAMPLE = 2, 1


@pytest.fixture(scope="module")
def traced():
    net = own_pictures()
    optimizer = tn.SGD(net.parameters(), lr=0.1)
    return tn.trace(net, tn.NLLLoss(), *own_digits(), optimizer, steps=STEPS)


@pytest.fixture(scope="module")
def path(traced, tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "maps.html"
    traced.to_html(path)
    return path


@pytest.fixture(scope="module")
def driver():
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(driver, path):
    return opened(driver, path)


def opened(driver, path, size=(1280, 900), dark=False):
    look(driver, *size, dark)
    driver.get(path.as_uri())
    driver.execute_async_script(
        "const [done] = arguments; const wait = () => blocks ? done() : setTimeout(wait, 10);"
        "wait();"
    )
    return driver


def at_end(page, layer, unit, step=0):
    page.execute_script(
        "set({ step: arguments[2], frame: frames.length - 1, sample: arguments[3],"
        " unit: { layer: arguments[0], index: arguments[1] } })",
        *(layer, unit, step, SAMPLE),
    )


@pytest.mark.parametrize("step", range(STEPS))
def test_a_convolutions_unit_shows_its_window_the_products_and_their_sum(page, traced, step):
    part = traced.steps[step].layers[0]
    W, b = part.parameters["W"], part.parameters["b"]
    for place in ((2, 1, 2), (0, 0, 0), (3, 7, 11)):
        unit = int(np.ravel_multi_index(place, (4, 8, 12)))
        reads, dy = Windows(part).of(unit), part.dy[(SAMPLE, *place)]
        x, dx = (array[SAMPLE].ravel()[reads.x] for array in (part.input, part.dx))
        grads, updates = (a.ravel()[reads.weights[1]] for a in (W.grad, W.update))
        at_end(page, 0, unit, step)
        assert text_of(page, "#unit-title").startswith(f"Unit {place} of layer 0, OwnConv")
        numbers = shown(page)
        assert close(numbers["y"], part.output[(SAMPLE, *place)]) and close(numbers["dy"], dy)
        order = np.argsort(-np.abs(x * reads.w), kind="stable")[:8]
        terms = [name.split()[0] for name in numbers if name.endswith("x * w")]
        assert terms == [*(str(reads.x[k]) for k in order), "rest", "b", "y"]
        for k in order:
            of = {name: numbers[f"{reads.x[k]} {name}"] for name in ("x", "w", "x * w", "x * dy")}
            wanted = (x[k], reads.w[k], x[k] * reads.w[k], x[k] * dy)
            assert list(of.values()) == pytest.approx(wanted, rel=1e-3, abs=1e-8)
            of = [numbers[f"{reads.x[k]} {name}"] for name in ("dW, all", "w * dy", "dx, all")]
            assert of == pytest.approx([grads[k], reads.w[k] * dy, dx[k]], rel=1e-3, abs=1e-8)
            assert numbers[f"{reads.x[k]} change"] == pytest.approx(updates[k], rel=2e-3, abs=1e-6)
        assert close(numbers["b w"], b.value[place[0]])
        assert close(numbers["b dW, all"], b.grad[place[0]], 5e-4)
        pictures = page.execute_script(
            "return [...document.querySelectorAll('.windows canvas')]"
            ".map(({ width, height }) => [width, height])"
        )
        across, down = reads.shape[2], reads.shape[1]
        assert pictures in ([[2 * across + 1, down]] * 4, [[across, 2 * down + 1]] * 4)
    assert "(1, 0, 3)" in text_of(page, "#numbers") or place[0] == 3


def test_a_pools_unit_shows_which_number_won_and_where_the_gradient_goes(page, traced):
    part = traced.layers[1]
    for place in ((0, 0, 0), (2, 3, 5)):
        unit = int(np.ravel_multi_index(place, (4, 4, 6)))
        reads = Windows(part).of(unit)
        won = reads.x[reads.winner(part.input[SAMPLE].ravel())]
        at_end(page, 1, unit)
        numbers = shown(page)
        for i in reads.x:
            assert close(numbers[f"{i} x"], part.input[SAMPLE].ravel()[i])
            assert close(numbers[f"{i} dx"], part.dx[SAMPLE].ravel()[i])
            handed = part.dy[(SAMPLE, *place)] if i == won else 0
            assert close(numbers[f"{i} of this unit"], handed)
        (line,) = page.execute_script(
            "return [...document.querySelectorAll('tr.won')].map((line) => line.textContent)"
        )
        name = ", ".join(str(int(k)) for k in np.unravel_index(won, (4, 8, 12)))
        assert line.startswith(f"({name})") and "the largest" in line
    page.execute_script("set({ frame: 1 })")
    assert not page.execute_script("return document.querySelectorAll('tr.won').length")
    assert "the largest" not in text_of(page, ".terms tbody")


def test_a_pool_of_means_has_products_with_constants(page, traced):
    at_end(page, 4, 7)
    numbers, reads = shown(page), Windows(traced.layers[4]).of(7)
    assert [numbers[f"{i} w"] for i in reads.x] == [0.25] * 4
    assert not any("dW" in name or "change" in name for name in numbers)


def test_maps_are_drawn_as_maps(page, traced):
    """Every number has its pixel, with its sign's colour; between two maps there is a gap."""
    found = page.execute_script(
        "return blocks.map((block) => block.sheet && [block.sheet.maps, block.sheet.height,"
        " block.sheet.width])"
    )
    assert found[:5] == [[4, 8, 12], [4, 4, 6], [4, 4, 6], [3, 4, 6], [3, 2, 3]]
    assert found[5:] == [None] * 3
    for l in range(5):
        assert page.execute_script(
            "const { sheet } = blocks[arguments[0]];"
            "return Array.from({ length: sheet.size }, (_, i) =>"
            " atSheet(sheet, ...onSheet(sheet, i).map((at) => at + 0.5)) === i).every(Boolean)",
            l,
        )
    assert page.execute_script("return atSheet(blocks[0].sheet, 12.5, 0.5) === undefined") or (
        page.execute_script("return atSheet(blocks[0].sheet, 0.5, 8.5) === undefined")
    )
    page.execute_script(f"set({{ sample: {SAMPLE}, frame: 2 }})")
    colours = page.execute_script(
        "const { sheet, canvas } = blocks[1]; const context = canvas.getContext('2d');"
        "return Array.from({ length: sheet.size }, (_, i) =>"
        " [...context.getImageData(...onSheet(sheet, i), 1, 1).data])"
    )
    y = traced.layers[1].output[SAMPLE].ravel()
    colours = np.array(colours)
    assert (colours[:, 3] == 255).all()
    warm = colours[:, 0] > colours[:, 2]
    clear = np.abs(y) > 0.1 * np.abs(y).max()
    np.testing.assert_array_equal(warm[clear], (y > 0)[clear])
    says = page.execute_script("return blocks[1].canvas.getAttribute('aria-label')")
    assert says == "4 maps of 4 x 6, y"
    assert "It gives 4 maps of 4 x 6." in text_of(page, "#story")


def test_a_row_of_many_numbers_is_one_picture(driver, tmp_path):
    net = tn.Sequential(tn.Linear(5, 784, rng=0), tn.Tanh(), tn.Linear(784, 3, rng=1))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2, 5)).astype(np.float32)
    tn.trace(net, tn.CrossEntropyLoss(), X, np.array([0, 2])).to_html(tmp_path / "row.html")
    page = opened(driver, tmp_path / "row.html")
    assert page.execute_script(
        "const { height, width } = blocks[0].sheet; return [height, width]"
    ) == [28, 28]
    page.execute_script("set({ frame: 3, unit: { layer: 1, index: 700 } })")
    assert "Unit 700 of layer 1" in text_of(page, "#unit-title")


def test_a_click_or_an_arrow_chooses_a_unit_on_a_map(page):
    from selenium.webdriver import ActionChains

    page.execute_script("set({ frame: frames.length - 1, unit: { layer: 0, index: 0 } })")
    x, y = page.execute_script(
        "const [left, top, width, height] = cellOf({ left: 0, top: 0 }, 0, 200);"
        "return [left + width / 2, top + height / 2]"
    )
    canvas = page.execute_script("return blocks[0].canvas")
    box = canvas.rect
    aside = x - box["x"] - box["width"] / 2, y - box["y"] - box["height"] / 2
    ActionChains(page, duration=0).move_to_element_with_offset(canvas, *aside).perform()
    assert page.execute_script("return state.pointed") == {"layer": 0, "index": 200}
    ActionChains(page, duration=0).click().perform()
    assert page.execute_script("return state.unit") == {"layer": 0, "index": 200}
    frame = page.execute_script("document.activeElement.blur(); return state.frame")
    page.execute_script("blocks[0].canvas.focus(); set({ pointed: null })")
    press(page, key("ARROW_DOWN"))
    assert page.execute_script("return state.unit.index") == 212
    press(page, key("ARROW_UP"), key("ARROW_UP"))
    assert page.execute_script("return state.unit.index") == 188
    ActionChains(page, duration=0).key_down(key("SHIFT")).send_keys(key("ARROW_LEFT")).key_up(
        key("SHIFT")
    ).perform()
    assert page.execute_script("return [state.unit.index, state.frame]") == [187, frame]
    press(page, key("ARROW_LEFT"))
    assert page.execute_script("return [state.unit.index, state.frame]") == [187, frame - 1]
    label = page.execute_script("return blocks[0].canvas.getAttribute('aria-label')")
    assert "; unit (1, 7, 7): dy = " in label


def test_wires_come_from_the_window(page, traced):
    page.execute_script(f"set({{ sample: {SAMPLE}, frame: frames.length - 1 }})")

    def wires(layer, kind, one):
        found = page.execute_script(
            f"return wiresInto({layer}, {kind!r}, {one})"
            ".map(({ from, i, u, value }) => [from, i, u, value])"
        )
        return {(source, i, u): value for source, i, u, value in found}

    part, unit = traced.layers[3], 30
    reads, x = Windows(part).of(unit), part.input[SAMPLE].ravel()
    dy = part.dy[SAMPLE].ravel()[unit]
    for kind, values in (("y", x[reads.x] * reads.w), ("dy", reads.w * dy)):
        found = wires(3, kind, unit)
        assert len(found) == (values != 0).sum()
        for k in np.flatnonzero(values):
            assert close(found[2, reads.x[k], unit], values[k])
    assert wires(3, "y", "undefined") == {} and wires(1, "update", "undefined") == {}
    pool = traced.layers[1]
    found, windows = wires(1, "dy", "undefined"), Windows(pool)
    for (source, i, u), value in found.items():
        reads = windows.of(u)
        assert source == 0 and i == reads.x[reads.winner(pool.input[SAMPLE].ravel())]
        assert close(value, pool.dy[SAMPLE].ravel()[u])
    assert len(found) == (pool.dy[SAMPLE] != 0).sum()
    page.execute_script("set({ frame: 1, unit: { layer: 0, index: 5 } })")
    assert "x * w, of the chosen unit" in text_of(page, "#wire-legend")
    page.execute_script("set({ frame: 2 })")
    assert "the largest of a window" in text_of(page, "#wire-legend")


def test_what_a_unit_reads_is_framed(page):
    page.execute_script("set({ frame: 4, unit: { layer: 3, index: 30 } })")
    frames = page.execute_script(
        "const box = byId('frames').getBoundingClientRect();"
        "return [framesOf(box, 3, [30]).length, framesOf(box, 2, readsOf(3, 30).inputs).length]"
    )
    assert frames == [1, 4]
    inked = "return byId('frames').getContext('2d').getImageData(0, 0, byId('frames').width,"
    inked += " byId('frames').height).data.filter((v, k) => k % 4 === 3 && v > 200).length"
    assert page.execute_script(inked) > 200
    page.execute_script("set({ unit: { layer: 6, index: 0 } })")
    assert page.execute_script(inked) == 0


@pytest.mark.parametrize(
    "size", [(1280, 900), pytest.param((390, 844), marks=pytest.mark.slow)], ids=str
)
def test_text_stands_out_and_the_page_fits(driver, path, size):
    for dark in (False, True):
        page = opened(driver, path, size, dark)
        for layer, unit in ((0, 110), (1, 20)):
            at_end(page, layer, unit)
            check_looks(page, 60)
    if size[0] > 1000:
        bottom = page.execute_script(
            "return Math.max(...[...document.querySelectorAll('#unit-title, #numbers > *')]"
            ".map((e) => e.getBoundingClientRect().bottom))"
        )
        assert bottom <= 900
    assert [one for one in page.get_log("browser") if one["source"] != "rendering"] == []


def test_a_page_holds_few_patterns_of_windows(traced):
    """The middle of the picture, its corners, and two kinds of edges: each begins elsewhere."""
    head, lines = windows_of(traced.layers[0])
    assert len(head["patterns"]) == 4 and lines.shape == (4 * 8 * 12, 4)
    windows = Windows(traced.layers[0])
    for unit in range(0, len(lines), 7):
        pattern, x, w, b = lines[unit]
        reads, known = windows.of(unit), head["patterns"][pattern]
        assert [i + x for i in known["x"]] == list(reads.x) and b == reads.bias[1]
        assert [i + w for i in known["w"]] == list(reads.weights[1])
    assert windows_of(traced.layers[2]) is None


def test_units_without_a_window_are_told_by_their_own_words(driver, tmp_path):
    class Edge(OwnConvolution):
        def told_window(self, shape, place):
            return None if place == (0, 0, 5) else super().told_window(shape, place)

    net = tn.Sequential(Edge(2, 2), OwnPool(), tn.Flatten(), tn.Linear(48, 3, rng=0))
    tn.trace(net, tn.CrossEntropyLoss(), *own_digits()).to_html(tmp_path / "edge.html")
    page = opened(driver, tmp_path / "edge.html")
    page.execute_script("set({ frame: 4, unit: { layer: 0, index: 5 } })")
    assert "write them in class Edge" in text_of(page, "#numbers")
    page.execute_script("set({ unit: { layer: 0, index: 6 } })")
    assert "write them" not in text_of(page, "#numbers") and find(page, ".windows")


def test_our_own_layers_are_shown_likewise(driver, tmp_path):
    """Of a transposed convolution, too, the terms on the page give y."""
    net = tn.Sequential(
        *(tn.Conv2d(2, 3, 3, stride=2, padding=1, rng=0), tn.MaxPool2d(3, 1, 1), tn.ReLU()),
        *(tn.ConvTranspose2d(3, 2, 3, 2, rng=1), tn.AvgPool2d(2), tn.Flatten()),
        tn.Linear(48, 3, rng=2),
    )
    traced = tn.trace(net, tn.CrossEntropyLoss(), *own_digits(), tn.Adam(net.parameters()))
    traced.to_html(tmp_path / "ours.html")
    page = opened(driver, tmp_path / "ours.html")
    for layer in (0, 3, 4):
        part = traced.layers[layer]
        y = part.output[SAMPLE].ravel()
        for unit in (0, 17, y.size - 1):
            at_end(page, layer, unit)
            numbers = shown(page)
            terms = {name: value for name, value in numbers.items() if name.endswith("x * w")}
            total = sum(value for name, value in terms.items() if not name.startswith("y "))
            assert total == pytest.approx(y[unit], rel=1e-3, abs=1e-5) and close(
                terms["y x * w"], y[unit]
            )
    at_end(page, 1, 30)
    reads = Windows(traced.layers[1]).of(30)
    won = reads.x[reads.winner(traced.layers[1].input[SAMPLE].ravel())]
    assert close(shown(page)[f"{won} of this unit"], traced.layers[1].dy[SAMPLE].ravel()[30])
