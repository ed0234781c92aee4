"""The lab in headless Chromium: all that is seen and pressed, and the five scenes."""

import itertools

import numpy as np
import pytest
from browser import chromium, look
from test_pages import check_looks, close, find, key, press, shown, text_of

import tinynet as tn

pytestmark = pytest.mark.slow

KINDS = ["moons", "circles", "spirals", "xor", "blobs", "line", "wave", "digits", "own"]
SCENES = {"xor": 400, "dead": 300, "sigmoids": 20, "rate": 6, "overfitting": 1500}
"""Of each scene, after how many steps it shows what it claims."""


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    path = tmp_path_factory.mktemp("lab") / "lab.html"
    tn.lab(path)
    return path


@pytest.fixture(scope="module")
def driver():
    with chromium(1280, 1000) as opened:
        yield opened


@pytest.fixture
def open_lab(driver, blank, tmp_path):
    """A function that opens the lab, or one with options; at the end there were no errors."""

    def opened(part="", **options):
        path = blank
        if options:
            path = tmp_path / "lab.html"
            tn.lab(path, **options)
        look(driver, 1280, 1000)
        driver.get("about:blank")
        driver.get(path.as_uri() + part)
        driver.execute_async_script(
            "const [done] = arguments;"
            "const wait = () => document.querySelector('.loss') ? done() : setTimeout(wait, 5);"
            "wait();"
        )
        return driver

    yield opened
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert [entry for entry in driver.get_log("browser") if entry["source"] != "rendering"] == []


@pytest.fixture
def page(open_lab):
    return open_lab()


def value(driver, code, *arguments):
    return driver.execute_script(f"return {code}", *arguments)


def weights(driver):
    return value(driver, "run.net.parameters.map(({ value }) => [...value])")


def walk(driver, steps):
    """Steps as a run takes them, measured now and then, and shown at the end."""
    driver.execute_script(
        "for (let k = 0; k < arguments[0] && run.step(); k++) if (k % 20 === 0) run.measure();"
        "show()",
        steps,
    )


def stop_the_clock(driver):
    """From now on time passes by `frames` alone, and no step takes any: machines differ."""
    driver.execute_async_script(
        "const [done] = arguments, next = requestAnimationFrame;"
        "globalThis.requestAnimationFrame = () => 0;"
        "performance.now = () => 0;"
        "next(() => next(() => done(lab.last = 0)))"
    )


def frames(driver, count, ms):
    """Show so many frames, so many milliseconds apart."""
    driver.execute_script(
        "for (let k = 0; k < arguments[0]; k++) frame(lab.last + arguments[1])", count, ms
    )


def set_field(driver, name, to):
    """Give a control a value, as a reader's hand does."""
    driver.execute_script(
        "const { control } = fields[arguments[0]];"
        "const input = control.matches('input, select') ? control : control.querySelector('input');"
        "input.value = arguments[1];"
        "input.dispatchEvent(new Event('input', { bubbles: true }));"
        "input.dispatchEvent(new Event('change', { bubbles: true }))",
        name, to,
    )  # fmt: skip


def ladder(driver, name, to):
    """Where a number stands on a slider over some numbers."""
    steps = {"lr": "RATES", "batch": "BATCHES", "weightDecay": "DECAYS"}[name]
    at = value(driver, f"{steps}.indexOf(arguments[0])", to)
    assert at >= 0
    set_field(driver, name, at)


def click_at(driver, selector, x, y):
    """Click at a place of an element, in its own pixels from its left upper corner."""
    from selenium.webdriver.common.action_chains import ActionBuilder

    driver.execute_script(
        "document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })", selector
    )
    left, top = value(
        driver,
        "(({ left, top }) => [left, top])"
        "(document.querySelector(arguments[0]).getBoundingClientRect())",
        selector,
    )
    builder = ActionBuilder(driver, duration=0)
    builder.pointer_action.move_to_location(round(left + x), round(top + y))
    builder.pointer_action.click()
    builder.perform()


class TestWalk:
    def test_buttons_step_walk_back_and_reset(self, page):
        first = weights(page)
        seen = [first]
        for step in (1, 2, 3):
            find(page, "#step").click()
            assert text_of(page, "#steps") == str(step)
            seen.append(weights(page))
        assert len({str(one) for one in seen}) == 4
        for step in (2, 1):
            find(page, "#back").click()
            assert text_of(page, "#steps") == str(step) and weights(page) == seen[step]
        find(page, "#reset").click()
        assert text_of(page, "#steps") == "0" and weights(page) == first
        assert not find(page, "#back").is_enabled()

    def test_keys_do_the_same_and_leave_fields_alone(self, page):
        press(page, *[key("ARROW_RIGHT")] * 4, key("ARROW_LEFT"))
        assert text_of(page, "#steps") == "3"
        press(page, "r")
        assert text_of(page, "#steps") == "0"
        stop_the_clock(page)
        press(page, key("SPACE"))
        assert find(page, "#run").get_attribute("aria-pressed") == "true"
        frames(page, 10, 50)
        press(page, key("SPACE"))
        assert find(page, "#run").get_attribute("aria-pressed") == "false"
        assert text_of(page, "#steps") == "30"
        page.execute_script("fields.lr.control.focus()")
        press(page, key("ARROW_RIGHT"), "r")
        assert text_of(page, "#steps") == "30" and value(page, "run.options.lr") == 0.2

    @pytest.mark.parametrize("speed", [5, 20, 60, 1000])
    def test_run_goes_at_the_chosen_speed_until_paused(self, page, speed):
        stop_the_clock(page)
        page.execute_script(
            "const speed = document.getElementById('speed'); speed.value = arguments[0];"
            "speed.dispatchEvent(new Event('change'))",
            speed,
        )
        find(page, "#run").click()
        assert text_of(page, "#run") == "Pause"
        frames(page, 25, 40)
        assert value(page, "run.steps") == pytest.approx(speed, abs=1)
        find(page, "#run").click()
        assert text_of(page, "#run") == "Run"
        steps = value(page, "run.steps")
        assert text_of(page, "#steps") == str(steps)
        frames(page, 25, 40)
        assert value(page, "run.steps") == steps

    def test_a_frame_that_came_late_is_not_made_up_for(self, page):
        stop_the_clock(page)
        find(page, "#run").click()
        frames(page, 1, 10_000)
        assert value(page, "run.steps") == 6, "a tenth of a second at 60 a second"

    def test_steps_that_take_long_leave_the_page_its_frames(self, page):
        stop_the_clock(page)
        page.execute_script("let passed = 0; performance.now = () => (passed += 5)")
        find(page, "#run").click()
        frames(page, 1, 100)
        assert value(page, "run.steps") == 2, "of 6: the second went beyond 9 ms"

    def test_walking_back_out_of_a_run_is_exact(self, page):
        find(page, "#step").click()
        before = weights(page)
        walk(page, 250)
        page.execute_script("for (let k = 0; k < 250; k++) walk(-1)")
        assert text_of(page, "#steps") == "1" and weights(page) == before
        assert value(page, "run.history.every(({ step }) => step <= 1)")

    def test_shift_walks_ten_steps_and_the_chart_goes_back_to_any(self, page):
        from selenium.webdriver import ActionChains

        seen = {}
        for step in range(40):
            seen[step] = weights(page)
            page.execute_script("walk(1)")
        shifted = ActionChains(page, duration=0).key_down(key("SHIFT"))
        shifted.send_keys(key("ARROW_LEFT")).key_up(key("SHIFT")).perform()
        assert text_of(page, "#steps") == "30" and weights(page) == seen[30]
        click_at(page, "#chart", 48 + 0.4 * (value(page, "byId('chart').clientWidth") - 54), 60)
        assert text_of(page, "#steps") == "12" and weights(page) == seen[12]

    def test_readings_are_the_measured_numbers_and_are_announced(self, page):
        walk(page, 60)
        find(page, "#step").click()
        measured = value(page, "run.measure()")
        assert text_of(page, "#steps") == str(measured["step"]) == "61"
        assert float(text_of(page, "#loss")) == pytest.approx(measured["train"], abs=5e-5)
        assert float(text_of(page, "#test-loss")) == pytest.approx(measured["test"], abs=5e-5)
        right = f"{measured['trainRight']:.0f} %, test {measured['testRight']:.0f} %"
        assert text_of(page, "#score") == right
        said = f"Step 61: training loss {measured['train']:.5g}, test loss {measured['test']:.5g}"
        assert text_of(page, "#status") == said
        assert "up to step 61" in find(page, "#chart").get_attribute("aria-label")


class TestSettings:
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_of_data_is_learned_from(self, page, kind):
        find(page, f"[data-kind={kind}]").click()
        assert value(page, "run.setup.data.kind") == kind
        pressed = page.find_elements("css selector", "#kinds [aria-pressed=true]")
        assert [button.get_attribute("data-kind") for button in pressed] == [kind]
        task, loss = value(page, "[run.data.task, run.setup.loss]")
        assert loss == ("MSELoss" if task == "numbers" else "CrossEntropyLoss")
        before = value(page, "measured.train")
        walk(page, 40)
        assert value(page, "measured.train") < before
        assert not find(page, "#complaint").is_displayed()
        assert find(page, "#plane").is_displayed() == (kind != "digits")
        assert find(page, "#field-points").get_attribute("max") == (
            "400" if kind == "digits" else "500"
        )
        colours = value(
            page,
            "[...document.querySelectorAll('.unit canvas, .kinds canvas')].map((canvas) => new Set("
            "new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width,"
            " canvas.height).data.buffer)).size)",
        )
        assert len(colours) >= 17 and min(colours) >= 2  # something is drawn in each

    def test_sliders_and_choices_become_the_setup(self, page):
        changes = {
            "points": (120, "data.points", 120), "noise": (0.3, "data.noise", 0.3),
            "data": (7, "data.seed", 7), "hidden": (4, "hidden.length", 4),
            "activation": ("ReLU", "activation", "ReLU"),
            "init": ("xavier_uniform", "init", "xavier_uniform"), "weights": (5, "seed", 5),
            "loss": ("NLLLoss", "loss", "NLLLoss"), "rule": ("Adam", "optimizer", "Adam"),
        }  # fmt: skip
        for name, (to, where, wanted) in changes.items():
            set_field(page, name, to)
            assert value(page, f"run.setup.{where}") == wanted, name
        kept = [value(page, f"run.setup.{where}") for _, where, _ in changes.values()]
        assert kept == [wanted for _, _, wanted in changes.values()]
        ladder(page, "batch", 10)
        assert value(page, "run.setup.batch") == 10
        assert text_of(page, "#about").startswith("Linear(2, 8), ReLU(), Linear(8, 8)")
        assert text_of(page, "#about").endswith("LogSoftmax(); NLLLoss, Adam")

    @pytest.mark.parametrize(
        "rule", ["SGD", "SGD with momentum", "SGD, Nesterov", "RMSprop", "Adam"]
    )
    def test_optimizers_are_offered_with_what_is_theirs(self, page, rule):
        set_field(page, "rule", rule)
        setup = value(page, "run.setup")
        assert setup["optimizer"] == rule.split()[0].strip(",")
        assert setup["nesterov"] == ("Nesterov" in rule)
        moving = "momentum" in rule or "Nesterov" in rule
        assert (setup["momentum"] > 0) == moving
        assert value(page, "!fields.momentum.element.hidden") == moving
        before = value(page, "measured.train")
        walk(page, 30)
        assert value(page, "measured.train") < before

    def test_rate_momentum_and_l2_change_within_a_run_and_back_undoes_them(self, page):
        set_field(page, "rule", "SGD with momentum")
        walk(page, 5)
        ladder(page, "lr", 0.3)
        set_field(page, "momentum", 0.5)
        ladder(page, "weightDecay", 0.01)
        options = value(page, "run.options")
        assert (options["lr"], options["momentum"], options["weightDecay"]) == (0.3, 0.5, 0.01)
        assert text_of(page, "#steps") == "5"
        walk(page, 2)
        set_field(page, "activation", "ReLU")  # a new network keeps what was set last
        setup = value(page, "run.setup")
        assert (setup["lr"], setup["momentum"], setup["weightDecay"]) == (0.3, 0.5, 0.01)
        assert text_of(page, "#steps") == "0"
        walk(page, 3)
        ladder(page, "lr", 0.01)
        find(page, "#back").click()
        assert value(page, "run.options.lr") == 0.3

    def test_losses_are_those_that_fit_the_data(self, page):
        offered = "[...fields.loss.control.options].map(({ value }) => value)"
        for kind in ("moons", "blobs", "wave"):
            find(page, f"[data-kind={kind}]").click()
            names = value(page, offered)
            assert names == value(page, "lossesFor(run.data)")
            assert ("BCEWithLogitsLoss" in names) == (kind == "moons")
            assert ("CrossEntropyLoss" in names) == (kind != "wave")
            for name in names:
                set_field(page, "loss", name)
                assert value(page, "run.setup.loss") == name
                assert not find(page, "#complaint").is_displayed()

    def test_next_seeds_draw_other_points_and_other_weights(self, page):
        points, first = value(page, "[...run.data.x]"), weights(page)
        find(page, "[data-field=data] button").click()
        assert value(page, "[...run.data.x]") != points
        find(page, "[data-field=weights] button").click()
        assert weights(page) != first
        assert value(page, "[run.setup.data.seed, run.setup.seed]") == [1, 1]

    def test_units_are_added_and_taken_away_at_their_layer(self, page):
        find(page, "[data-widen='0 1']").click()
        find(page, "[data-widen='1 -1']").click()
        press(page, key("ENTER"))  # the button keeps the focus
        assert value(page, "run.setup.hidden") == [9, 6]
        counts = value(
            page, "[...document.querySelectorAll('.units')].map((u) => u.children.length)"
        )
        assert counts == [2, 9, 6, 2, 1]
        page.execute_script("change({ hidden: [1, 16] })")
        assert not find(page, "[data-widen='0 -1']").is_enabled()
        assert not find(page, "[data-widen='1 1']").is_enabled()

    def test_what_cannot_be_is_told_and_the_network_stays(self, page):
        before = weights(page)
        page.execute_script("change({ hidden: [99] })")
        assert "99" in text_of(page, "#complaint") and find(page, "#complaint").is_displayed()
        assert weights(page) == before
        page.execute_script("change({ hidden: [9] })")
        assert not find(page, "#complaint").is_displayed()


class TestStage:
    def test_maps_of_units_show_what_they_give(self, page):
        walk(page, 50)
        same = value(
            page,
            "columns.every(({ first, last, units }) => {"
            "  const values = run.forward(grid.x, grid.rows)[last + 1];"
            "  const O = run.net.layers[first].outputs, scale = LEVELS / largestSize(values);"
            "  const colours = signedColours();"
            "  return units.every(({ picture: { canvas } }, u) => {"
            "    const { data } = canvas.getContext('2d').getImageData(0, 0, GRID, GRID);"
            "    return new Uint32Array(data.buffer).every((pixel, k) =>"
            "      pixel === colours[LEVELS + Math.round(values[u + k * O] * scale)]); }); })",
        )
        assert same

    def test_plane_is_coloured_by_the_likeliest_class(self, page):
        walk(page, 300)
        wrong, seen = value(
            page,
            "(() => {"
            "const shares = run.shares(run.forward(grid.x, grid.rows), grid.rows);"
            "const canvas = document.getElementById('map'), side = canvas.width;"
            "const context = document.createElement('canvas').getContext('2d');"
            "Object.assign(context.canvas, { width: side, height: side });"
            "context.drawImage(mapPixels.canvas, 0, 0, side, side);"
            "const { data } = context.getImageData(0, 0, side, side);"
            "let wrong = 0, seen = 0;"
            "for (let k = 0; k < grid.rows; k++) {"
            "  if (Math.abs(shares[2 * k] - 0.5) < 0.25) continue; seen += 1;"
            "  const i = Math.round((Math.floor(k / GRID) + 0.5) * side / GRID);"
            "  const j = Math.round((k % GRID + 0.5) * side / GRID);"
            "  const [r, , b] = data.slice(4 * (i * side + j), 4 * (i * side + j) + 3);"
            "  wrong += (r > b) !== (shares[2 * k + 1] > 0.5); }"
            "return [wrong, seen]; })()",
        )
        assert seen > 800 and wrong == 0

    @pytest.mark.parametrize("kind", ["moons", "wave"])
    def test_pointing_at_a_unit_shows_its_map_large(self, page, kind):
        from selenium.webdriver import ActionChains

        find(page, f"[data-kind={kind}]").click()
        walk(page, 50)
        picture = "document.getElementById('map').toDataURL()"
        title, before = text_of(page, "#outcome-title"), value(page, picture)
        unit = find(page, ".layer:nth-child(3) .unit:nth-child(4)")
        pointer = ActionChains(page, duration=0)
        pointer.move_to_element(unit).perform()
        assert text_of(page, "#outcome-title") == "Unit 3 of layer 2"
        assert value(page, picture) != before
        pointer.move_to_element(find(page, "h1")).perform()
        assert text_of(page, "#outcome-title") == title and value(page, picture) == before
        page.execute_script("document.querySelectorAll('.units')[1].children[0].focus()")
        press(page, key("ARROW_DOWN"))
        assert text_of(page, "#outcome-title") == "Unit 1 of layer 1"

    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_wires_are_weights_and_gradients_in_their_colours(self, page, dark):
        look(page, 1280, 1000, dark)
        walk(page, 20)
        near = (
            "(() => { drawWires(); const wires = document.getElementById('wires');"
            "const { data } = wires.getContext('2d').getImageData(0, 0, wires.width, wires.height);"
            "return ['--positive', '--negative', '--up', '--down'].map(themeColour).map((colour) =>"
            " { let count = 0; for (let k = 0; k < data.length; k += 4) count += data[k + 3] > 60"
            "    && colour.every((level, c) => Math.abs(level - data[k + c]) < 14);"
            "  return count; }); })()"
        )
        found = {}
        for strand in ("both", "value", "grad", "update"):
            find(page, f"[data-strand={strand}]").click()
            found[strand] = [count > 150 for count in value(page, near)]
        assert found == {
            "both": [True] * 4, "value": [True, True, False, False],
            "grad": [False, False, True, True], "update": [True, True, False, False],
        }  # fmt: skip

    def test_keyboard_reaches_every_unit_of_every_layer(self, page):
        page.execute_script("document.querySelectorAll('.units')[1].children[0].focus()")
        for layer, name in enumerate(["layer 1", "layer 2", "the output"]):
            for unit in (0, 1):
                assert text_of(page, "#unit-title") == f"Unit {unit} of {name}"
                press(page, key("ARROW_UP" if unit else "ARROW_DOWN"))
            if layer == 0:
                press(page, *[key("TAB")] * 3)  # over the next layer's - and +
            else:
                press(page, key("TAB"))
        press(page, key("ENTER"))
        assert text_of(page, "#unit-title") == "The loss, CrossEntropyLoss"

    def test_units_and_losses_have_names_with_numbers(self, page):
        walk(page, 10)
        label = find(page, ".layer:nth-child(2) .unit:nth-child(3)").get_attribute("aria-label")
        wanted = value(page, "run.look().outs[2][2]")
        assert label == f"unit 2, gives {wanted:.5g}"
        label = find(page, "#loss-unit").get_attribute("aria-label")
        assert label == f"the loss of the coming batch: {value(page, 'run.look().loss'):.5g}"

    def test_layers_are_told_by_their_sizes(self, page):
        walk(page, 25)
        for line, sizes in enumerate(value(page, "run.sizes()")):
            cells = value(
                page,
                "[...document.querySelector('#health tbody').rows[arguments[0]].cells]"
                ".map((cell) => cell.textContent)",
                line,
            )
            wanted = (sizes["weight"], sizes["gradient"], sizes["ratio"])
            for cell, number in zip(cells[1:4], wanted, strict=True):
                assert float(cell) == pytest.approx(number, rel=5e-2 if "e" in cell else 5e-3)


class TestNumbers:
    @pytest.mark.parametrize("layer, unit, sample", [(0, 3, 0), (2, 5, 7), (4, 1, 31)])
    def test_a_units_numbers_are_those_of_the_coming_step(self, page, layer, unit, sample):
        walk(page, 14)
        page.execute_script("choose({ layer: arguments[0], unit: arguments[1] })", layer, unit)
        page.execute_script(
            "const input = document.getElementById('sample'); input.value = arguments[0];"
            "input.dispatchEvent(new Event('input'))",
            sample,
        )
        x, y, dy, W, grad = (
            np.array(a)
            for a in value(
                page,
                "(() => { const { outs, grads } = run.look(), k = arguments[0];"
                "const { W } = run.net.layers[k];"
                "return [outs[k], outs[k + 1], grads[k + 1], W.value, W.grad]"
                ".map((a) => [...a]); })()",
                layer,
            )
        )
        inputs, outputs = value(page, "run.net.layers[arguments[0]].W.shape", layer)
        x, y, dy = x.reshape(-1, inputs), y.reshape(-1, outputs), dy.reshape(-1, outputs)
        W, grad = W.reshape(inputs, outputs), grad.reshape(inputs, outputs)
        np.testing.assert_allclose(grad, x.T @ dy, rtol=1e-9, atol=1e-15)
        numbers = shown(page)
        assert close(numbers["y"], y[sample, unit]) and close(numbers["dy"], dy[sample, unit])
        for i in range(inputs):
            assert close(numbers[f"{i} x"], x[sample, i])
            assert close(numbers[f"{i} w"], W[i, unit])
            assert close(numbers[f"{i} x * w"], x[sample, i] * W[i, unit])
            assert close(numbers[f"{i} x * dy"], x[sample, i] * dy[sample, unit])
            assert close(numbers[f"{i} dW, batch"], grad[i, unit])
            assert close(numbers[f"{i} w * dy"], W[i, unit] * dy[sample, unit])
            assert close(numbers[f"{i} change"], -0.1 * grad[i, unit])
            assert close(numbers[f"{i} new w"], W[i, unit] - 0.1 * grad[i, unit])
        assert close(numbers["b dW, batch"], dy[:, unit].sum())
        find(page, "#step").click()
        after = value(page, "run.net.layers[arguments[0]].W.value[arguments[1]]", layer, unit)
        assert close(numbers["0 new w"], after)

    def test_a_click_on_a_wire_opens_its_numbers(self, page):
        walk(page, 9)
        page.execute_script("document.getElementById('stage').scrollIntoView({ block: 'center' })")
        x, y = value(
            page,
            "(() => { findPlaces(); const [x0, y0, x1, y1] = curveOf(1, 2, 6);"
            "return [x0 + 0.12 * (x1 - x0) + 2, y0]; })()",
        )
        click_at(page, "#stage", x, y)
        title = text_of(page, "#unit-title")
        assert title.startswith("The weight from unit 2 of layer 1 to unit ")
        to = int(title.split("to unit ")[1].split()[0])
        numbers = shown(page)
        told = value(page, "run.explainWeight(2, 2, arguments[0])", to)
        assert close(numbers["w"], told["w"]) and close(numbers["grad"], told["grad"])
        products = [n for name, n in numbers.items() if name.endswith(" product")]
        assert len(products) == 32
        assert sum(products) == pytest.approx(told["grad"], rel=1e-3, abs=1e-7)
        find(page, "#numbers button").click()
        assert text_of(page, "#unit-title") == f"Unit {to} of layer 2"

    def test_weights_and_biases_are_reached_from_their_unit(self, page):
        page.execute_script("choose({ layer: 2, unit: 4 })")
        buttons = page.find_elements("css selector", "#numbers th button")
        assert [b.text for b in buttons] == [*(f"unit {i}" for i in range(8)), "b"]
        buttons[-1].click()
        assert text_of(page, "#unit-title") == "The bias of unit 4 of layer 2"
        assert close(shown(page)["w"], value(page, "run.net.layers[2].b.value[4]"))
        page.execute_script("choose({ layer: 2, unit: 4 })")
        page.find_elements("css selector", "#numbers th button")[3].click()
        title = "The weight from unit 3 of layer 1 to unit 4 of layer 2"
        assert text_of(page, "#unit-title") == title

    def test_loss_tells_of_a_sample_and_of_the_batch(self, page):
        walk(page, 3)
        find(page, "#loss-unit").click()
        numbers = shown(page)
        assert close(numbers["loss"], value(page, "run.look().loss"))
        assert close(numbers["sample loss"], value(page, "run.look().losses[0]"))

    def test_of_a_long_sum_the_largest_terms_and_the_rest(self, page):
        find(page, "[data-kind=digits]").click()
        page.execute_script("choose({ layer: 0, unit: 2 })")
        numbers = shown(page)
        terms = value(page, "run.explain(0, 2, 0).terms.map(({ product }) => product)")
        largest = np.sort(np.abs(terms))[::-1][:8]
        written = [n for name, n in numbers.items() if name.endswith(" x * w")][:8]
        np.testing.assert_allclose(np.abs(written), largest, rtol=1e-4)
        total = sum(written) + numbers["rest x * w"] + numbers["b x * w"]
        assert total == pytest.approx(numbers["y"], abs=1e-3)

    def test_gradients_are_checked_by_differences_on_request(self, page):
        walk(page, 30)
        find(page, "#check").click()
        assert text_of(page, "#checked").startswith("114 of 114 gradients equal the loss's diff")
        page.execute_script(
            "const { backward } = LAYERS.Tanh;"
            "LAYERS.Tanh.backward = (...all) => { backward(...all);"
            " const dx = all.findLast((one) => one?.length); dx[0] *= 1.5; }"
        )
        find(page, "#check").click()
        assert text_of(page, "#checked").startswith("A gradient is not what the loss's differenc")


class TestDrawing:
    @pytest.fixture
    def page(self, open_lab):
        page = open_lab()
        find(page, "[data-kind=own]").click()
        return page

    def rows(self, page):
        return value(page, "run.setup.data.rows")

    def test_clicks_add_points_of_the_chosen_class(self, page):
        before = self.rows(page)
        walk(page, 20)
        kept = weights(page)
        side = value(page, "document.getElementById('map').getBoundingClientRect().width")
        click_at(page, "#map", 0.25 * side, 0.25 * side)
        assert weights(page) == kept, "the network does not go on from what it has learned"
        page.find_elements("css selector", "#pens button")[1].click()
        click_at(page, "#map", 0.5 * side, 0.75 * side)
        added = self.rows(page)[len(before) :]
        np.testing.assert_allclose(added, [[-1.5, 1.5, 0], [0, -1.5, 1]], atol=0.05)
        page.find_elements("css selector", "#pens button")[2].click()
        click_at(page, "#map", 0.9 * side, 0.1 * side)
        assert value(page, "run.data.classes") == 3

    def test_keyboard_moves_a_cross_and_sets_points(self, page):
        before = len(self.rows(page))
        page.execute_script("document.getElementById('map').focus()")
        press(page, *[key("ARROW_RIGHT")] * 5, *[key("ARROW_UP")] * 3, key("ENTER"))
        rows = self.rows(page)
        assert len(rows) == before + 1 and rows[-1] == pytest.approx([0.5, 0.3, 0])
        assert text_of(page, "#steps") == "0"  # arrows moved the cross, and took no step

    def test_a_curve_is_drawn_and_learned(self, page):
        page.find_elements("css selector", "#pens button")[3].click()
        assert value(page, "run.data.task") == "numbers"
        side = value(page, "document.getElementById('map').getBoundingClientRect().width")
        click_at(page, "#map", 0.75 * side, 0.4 * side)
        assert self.rows(page)[-1] == pytest.approx([1.5, 0.6], abs=0.05)
        before = value(page, "measured.train")
        walk(page, 100)
        assert value(page, "measured.train") < before

    def test_clear_leaves_a_point_of_each_class(self, page):
        page.find_elements("css selector", "#pens button")[4].click()
        assert [label for _, _, label in self.rows(page)] == [0, 1]


class TestScenes:
    @pytest.fixture(params=SCENES)
    def scene(self, open_lab, request):
        return request.param, open_lab(f"#{request.param}")

    def test_has_three_sentences_and_a_question(self, scene):
        name, page = scene
        assert find(page, f"[data-scene={name}]").get_attribute("aria-pressed") == "true"
        text, question = text_of(page, "#scene-text"), text_of(page, "#scene-question")
        assert text.count(". ") + text.endswith(".") == 3 and question.count("?") == 1
        setup = value(page, "[run.setup.hidden, run.setup.loss]")
        find(page, "[data-scene='']").click()
        assert not find(page, "#scene").is_displayed()
        find(page, f"[data-scene={name}]").click()
        assert find(page, "#scene").is_displayed()
        assert value(page, "[run.setup.hidden, run.setup.loss]") == setup
        buttons = page.find_elements("css selector", "#tries button")
        buttons[-1].click()
        assert not find(page, "#complaint").is_displayed() and text_of(page, "#steps") == "0"

    def test_xor_stays_wrong_with_one_unit_and_not_with_four(self, open_lab):
        page = open_lab("#xor")
        walk(page, 1500)
        assert value(page, "measured.trainRight") < 76
        page.find_elements("css selector", "#tries button")[1].click()
        walk(page, 1500)
        assert value(page, "measured.trainRight") > 98

    def test_dead_units_are_marked_and_have_no_gradient(self, open_lab):
        page = open_lab("#dead")
        assert page.find_elements("css selector", ".unit.dead") == []
        walk(page, 300)
        dead = page.find_elements("css selector", ".unit.dead")
        assert len(dead) >= 4
        for unit in dead:
            assert "dead: 0 for every training point" in unit.get_attribute("aria-label")
        counts = value(page, "run.dead().filter(Boolean).map((d) => d.reduce((a, b) => a + b))")
        told = value(
            page,
            "[...document.querySelectorAll('#health tbody td:last-child')].map((c) => c.innerText)",
        )
        assert told == [*(f"{count} of 8" for count in counts), "-"]
        dead[0].click()
        gradients = [n for name, n in shown(page).items() if name.endswith("dW, batch")]
        assert len(gradients) >= 3 and set(gradients) == {0}
        page.find_elements("css selector", "#tries button")[1].click()
        walk(page, 300)
        assert page.find_elements("css selector", ".unit.dead") == []

    def test_gradients_vanish_through_ten_sigmoids_and_not_through_tanh(self, open_lab):
        page = open_lab("#sigmoids")
        sizes = "run.sizes().map(({ gradient }) => gradient)"
        walk(page, 20)
        gradients = value(page, sizes)
        assert len(gradients) == 11 and gradients[9] > 1e4 * gradients[0]
        assert all(later > earlier for earlier, later in itertools.pairwise(gradients[2:]))
        bars = value(
            page,
            "[...document.querySelectorAll('#health .of-gradients i')]"
            ".map((bar) => parseFloat(bar.style.width))",
        )
        assert bars[9] > bars[5] > bars[0]
        page.find_elements("css selector", "#tries button")[1].click()
        gradients = value(page, sizes)
        assert gradients[9] < 10 * gradients[0]

    def test_a_rate_too_large_explodes_and_a_tenth_learns(self, open_lab):
        page = open_lab("#rate")
        start = value(page, "measured.train")
        walk(page, 6)
        assert value(page, "measured.train") > 1e6 * start
        assert find(page, "#health .too-large").is_displayed()
        stop_the_clock(page)
        find(page, "#run").click()
        frames(page, 400, 100)
        assert text_of(page, "#run") == "Run", "it does not stop by itself"
        assert "take a smaller learning rate" in text_of(page, "#complaint")
        find(page, "#reset").click()
        assert not find(page, "#complaint").is_displayed()
        page.find_elements("css selector", "#tries button")[1].click()
        walk(page, 300)
        assert value(page, "measured.train") < 0.5 * start

    def test_test_loss_rises_and_less_so_with_l2(self, open_lab):
        page = open_lab("#overfitting")
        losses = "run.history.map(({ train, test }) => [train, test])"
        walk(page, 1500)
        (train, test), lowest = value(page, losses)[-1], min(t for _, t in value(page, losses))
        assert train < 0.05 and test > 2 * lowest and test > 10 * train
        page.find_elements("css selector", "#tries button")[1].click()
        walk(page, 1500)
        (calm_train, calm_test) = value(page, losses)[-1]
        assert calm_test < 0.5 * test and calm_train > train

    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_text_stands_out_and_the_page_fits(self, scene, dark):
        _, page = scene
        for width in (1280, 390):
            look(page, width, 900, dark)
            walk(page, 10)
            check_looks(page, 60)


class TestLooks:
    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    @pytest.mark.parametrize("kind", ["blobs", "wave", "digits", "own"])
    def test_text_stands_out_and_the_page_fits(self, page, kind, dark):
        for width in (1280, 390):
            look(page, width, 900, dark)
            page.execute_script("document.getElementById('settings').open = true")
            page.execute_script("document.getElementById('code-box').open = true")
            find(page, f"[data-kind={kind}]").click()
            page.execute_script("change({ hidden: [16, 16, 16, 16, 16] })")
            walk(page, 10)
            page.execute_script("choose({ layer: 2, input: 1, unit: 1 })")
            check_looks(page, 80)

    def test_phone_has_its_layers_one_below_the_other(self, page):
        tops = "[...document.querySelectorAll('.layer')].map((l) => l.getBoundingClientRect().top)"
        assert len(set(value(page, tops))) == 1
        look(page, 390, 844)
        page.execute_async_script("setTimeout(arguments[0], 100)")
        places = value(page, tops)
        assert places == sorted(places) and len(set(places)) == 5
        ends = value(page, "(() => { findPlaces(); return curveOf(1, 0, 7); })()")
        assert ends[7] > ends[1] and max(ends[::2]) < 390

    def test_wires_end_at_their_units_when_a_text_grows(self, page):
        find(page, "[data-kind=digits]").click()
        page.execute_script(
            "drawWires(); document.getElementById('map-legend').style.height = '300px'"
        )
        page.execute_async_script("setTimeout(arguments[0], 100)")
        ends, box, stage = value(
            page,
            "[curveOf(2, 0, 9), document.querySelector('.outputs .unit:last-child')"
            ".getBoundingClientRect(), document.getElementById('stage').getBoundingClientRect()]",
        )
        assert ends[6] == pytest.approx(box["left"] - stage["left"], abs=1)
        assert ends[7] == pytest.approx(box["top"] + box["height"] / 2 - stage["top"], abs=1)

    def test_all_that_can_be_used_has_a_name(self, page):
        roles = {"button", "slider", "combobox", "spinbutton", "checkbox", "image", "region"}
        page.execute_script("document.getElementById('code-box').open = true")
        for kind in ("moons", "digits"):
            find(page, f"[data-kind={kind}]").click()
            nodes = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
            used = [n for n in nodes if not n["ignored"] and n["role"]["value"] in roles]
            assert len(used) > 60 and {n["role"]["value"] for n in used} == roles
            names = [n.get("name", {}).get("value", "").strip() for n in used]
            assert all(names), [n for n, name in zip(used, names) if not name][:3]


class TestTaking:
    def test_code_and_files_are_downloaded(self, page, tmp_path):
        page.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
        )
        walk(page, 12)
        for button in ("code", "weights", "run"):
            find(page, f"#save-{button}").click()
        names = {"lab.py", "lab_net.safetensors", "lab_run.safetensors"}
        for _ in range(50):
            if {path.name for path in tmp_path.iterdir()} == names:
                break
            page.execute_async_script("setTimeout(arguments[0], 100)")
        net = tn.load(tmp_path / "lab_net.safetensors")
        np.testing.assert_array_equal(
            np.concatenate([p.data.ravel() for p in net.parameters()]),
            np.concatenate(weights(page)),
        )
        code = (tmp_path / "lab.py").read_text(encoding="utf-8")
        assert code == value(page, "run.toPython()") and "after 12 steps" in code
        page.execute_script("document.getElementById('code-box').open = true")
        page.execute_async_script("setTimeout(arguments[0], 50)")
        assert text_of(page, "#code") == code

    def test_a_network_with_its_data_goes_in(self, open_lab):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((90, 2))
        y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
        net = tn.Sequential(tn.Linear(2, 5, rng=rng), tn.ReLU(), tn.Linear(5, 3, rng=rng))
        names = ["none", "one", "two"]
        page = open_lab(net=net, data=(X, y), classes=names, title="Mine")
        assert text_of(page, "h1") == "Mine"
        first = np.concatenate([p.data.ravel() for p in net.parameters()])
        np.testing.assert_array_equal(np.concatenate(weights(page)), first.astype(np.float64))
        keys = page.find_elements("css selector", "#map-legend .key")
        assert [k.text for k in keys] == names
        walk(page, 10)
        find(page, "[data-widen='0 1']").click()  # another network: with weights of its own
        assert value(page, "run.setup.hidden") == [6]
        find(page, "[data-kind=moons]").click()
        assert value(page, "run.data.classes") == 2
        find(page, "[data-kind=given]").click()
        np.testing.assert_array_equal(np.concatenate(weights(page)), first.astype(np.float64))

    def test_numbers_over_a_plane_go_in(self, open_lab):
        X = np.random.default_rng(0).uniform(-1, 1, (80, 2))
        page = open_lab(data=(X, X[:, 0] * X[:, 1]))
        before = value(page, "measured.train")
        walk(page, 300)
        assert value(page, "measured.train") < before
        check_looks(page, 60)
