"""The site: every page in headless Chromium, wide and narrow, light and dark, without a network.

``python -m sphinx -W -c docs . site`` builds it; ``TINYNET_SITE=site pytest -m slow
tests/promises/test_site.py`` reads it.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import built_site
import numpy as np
import pytest
from browser import chromium, look
from test_pages import choose, close, shown, text_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
pytestmark = [pytest.mark.slow, built_site.needs_site]


@pytest.fixture(scope="module")
def site():
    folder = built_site.site()
    assert (folder / "docs/index.html").exists(), f"{folder} is not the site"
    return folder


@pytest.fixture(scope="module")
def pages(site):
    found = sorted(set(site.rglob("*.html")) - set(site.glob("_static/**/*.html")))
    assert len(found) > 50
    return found


@pytest.fixture(scope="module")
def driver():
    with chromium() as opened:
        opened.set_script_timeout(20)
        yield opened


# ---- Links, on the files -------------------------------------------------------------------------


class Read(HTMLParser):
    """A page's own addresses, and the names that an address may end with."""

    def __init__(self, page):
        super().__init__()
        self.links, self.loaded, self.names = [], [], {"", "top"}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.names |= {attributes.get("id"), attributes.get("name") if tag == "a" else None}
        if "href" in attributes and tag == "a":
            self.links.append(attributes["href"])
        loads = attributes.get("src"), attributes.get("href") if tag == "link" else None
        self.loaded += [address for address in loads if address is not None]


@pytest.fixture(scope="module")
def texts(pages):
    return {page: Read(page) for page in pages}


def test_links_and_pictures_lead_to_what_is_there(site, texts):
    dead, followed = [], 0
    for page, text in texts.items():
        for address in [*text.links, *text.loaded]:
            scheme, host, path, _, name = urlsplit(address)
            if scheme or host:
                continue
            target = (page.parent / unquote(path)).resolve() if path else page
            followed += 1
            there = target.is_file() and target.is_relative_to(site)
            if not there or (target in texts and unquote(name) not in texts[target].names):
                dead.append(f"{page.relative_to(site)}: {address}")
    assert dead == []
    assert followed > 1000


def test_it_is_small_enough_to_be_carried_on_a_stick(site):
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < 60e6


def test_no_page_names_a_foreign_file_to_load(site, texts):
    foreign = [
        f"{page.relative_to(site)}: {address}"
        for page, text in texts.items()
        for address in text.loaded
        if urlsplit(address).netloc
    ]
    assert foreign == []


def test_every_page_can_be_reached_from_the_first(site, texts):
    reached, waiting = set(), [site / "docs/index.html"]
    while waiting:
        page = waiting.pop()
        if page in reached or page not in texts:
            continue
        reached.add(page)
        here = (urlsplit(address) for address in texts[page].links + texts[page].loaded)
        waiting += [(page.parent / unquote(to.path)).resolve() for to in here if not to.netloc]
    lonely = {page.relative_to(site).as_posix() for page in set(texts) - reached}
    assert lonely <= {"index.html", "genindex.html", "py-modindex.html", "search.html"}


# ---- In the browser ------------------------------------------------------------------------------

SIZES = [(1280, 900), (390, 844)]


def said(driver):
    """Errors and warnings, but those about how slowly a test reads pixels."""
    entries = driver.get_log("browser")
    return [it for it in entries if it["level"] != "INFO" and it["source"] != "rendering"]


WIDE = """
const page = document.scrollingElement, room = page.clientWidth;
if (page.scrollWidth <= room) return [];
const names = [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > room + 1)
  .map((element) => element.outerHTML.slice(0, 120));
return [`${page.scrollWidth} pixels on ${room}`, ...names.slice(0, 5)];
"""
LOADED = "return performance.getEntriesByType('resource').map(({ name }) => name)"
TURNED = """
const [wanted, done] = arguments, since = performance.now();
const dark = () =>
  getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every((level) => level < 90);
const wait = () => {
  if (dark() === wanted || performance.now() > since + 2000) done(dark() === wanted);
  else setTimeout(wait, 5);
};
wait();
"""
BROKEN = """
return [...document.images].filter((image) => image.complete && !image.naturalWidth)
  .map((image) => image.src);
"""
WAITED = """
const [done] = arguments;
for (const image of document.images) image.loading = "eager";
const loaded = [...document.images].map((image) => image.decode().catch(() => {}));
Promise.all(loaded).then(() => requestAnimationFrame(() => done()));
"""


def test_every_page_fits_in_light_and_dark_and_says_nothing(site, pages, driver):
    """Each is loaded once, and shown at both widths in both modes."""
    look(driver, *SIZES[0])
    driver.get_log("browser")
    for page in pages:
        name = page.relative_to(site).as_posix()
        driver.get(page.as_uri())
        driver.execute_async_script(WAITED)
        for size in SIZES:
            for dark in (False, True):
                look(driver, *size, dark)
                assert driver.execute_async_script(TURNED, dark), f"{name}, dark: {dark}"
                assert driver.execute_script(WIDE) == [], f"{name} at {size[0]} pixels"
        assert driver.execute_script(BROKEN) == [], name
        foreign = [it for it in driver.execute_script(LOADED) if not it.startswith(site.as_uri())]
        assert foreign == [], name
        assert said(driver) == [], name


def test_the_reader_chooses_dark_and_live_pages_follow(site, driver):
    look(driver, *SIZES[0])
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})  # it would win
    driver.get((site / "docs/live.html").as_uri())
    try:
        for mode in ("dark", "light"):
            driver.execute_script("localStorage.setItem('mode', arguments[0])", mode)
            driver.refresh()
            assert driver.execute_async_script(TURNED, mode == "dark")
            frame = driver.find_element("css selector", "iframe.xray")
            driver.execute_script("arguments[0].scrollIntoView()", frame)
            driver.switch_to.frame(frame)
            ready(driver)
            assert driver.execute_async_script(TURNED, mode == "dark")
            driver.switch_to.default_content()
    finally:
        driver.execute_script("localStorage.clear()")


def test_search_finds_linear(site, driver):
    driver.get((site / "search.html").as_uri() + "?q=Linear")
    driver.execute_async_script(
        "const [done] = arguments;"
        "const wait = () => document.querySelector('#search-results p.search-summary')"
        "?.textContent.match(/found \\d+ page/) ? done() : setTimeout(wait, 50); wait();"
    )
    found = driver.find_elements("css selector", "#search-results li a")
    assert any("Linear" in link.text and "#tinynet" in link.get_attribute("href") for link in found)
    assert said(driver) == []


# ---- Live pages ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    """The networks and traces of the live pages: the same seeds give the same numbers."""
    sys.path.insert(0, str(DOCS))
    import live_pages

    return live_pages.traces()


def ready(driver):
    driver.execute_async_script(
        "const [done] = arguments; const wait = () => blocks ? done() : setTimeout(wait, 10);"
        "wait();"
    )


@pytest.mark.parametrize("name", ["network", "cnn"])
def test_the_live_xray_has_the_numbers_of_its_trace(site, driver, made, name):
    traced = made[name][1]
    look(driver, *SIZES[0])
    driver.get((site / "docs/live.html").as_uri())
    frame = driver.find_element("css selector", f"iframe[src$='{name}_xray.html']")
    driver.execute_script("arguments[0].scrollIntoView()", frame)
    driver.switch_to.frame(frame)
    ready(driver)
    assert close(float(text_of(driver, "#loss")), traced.loss)
    layers = [k for k, layer in enumerate(traced.layers) if layer.output.ndim == 2]
    compared = 0
    for sample in (0, len(traced.layers[0].output) - 1):
        for layer in layers:
            part = traced.layers[layer]
            if part.output.shape[1] > 256:  # drawn as pixels, and not as buttons
                continue
            for unit in (0, part.output.shape[1] - 1):
                choose(driver, blocks_before(traced, layer), unit, sample)
                numbers = shown(driver)
                assert close(numbers["y"], part.output[sample, unit])
                assert close(numbers["dy"], part.dy[sample, unit])
                compared += 2
    assert compared >= 16
    driver.switch_to.default_content()


def blocks_before(traced, layer):
    """Which group of buttons is the layer's: layers of pictures have none."""
    drawn = [part.output.ndim > 2 or part.output.shape[1] > 256 for part in traced.layers[:layer]]
    return layer - sum(drawn)


@pytest.mark.parametrize("name", ["network", "cnn"])
def test_the_live_playground_computes_what_predict_does(site, driver, made, name):
    net = made[name][0]
    driver.get((site / f"live/{name}_playground.html").as_uri())
    ready(driver)
    X = np.random.default_rng(0).random((20, 784), dtype=np.float32)
    page_says = driver.execute_script(
        "return arguments[0].map((x) => Array.from(forward(Float32Array.from(x)).at(-1)))",
        X.tolist(),
    )
    np.testing.assert_allclose(page_says, net.predict(X), rtol=1e-4, atol=1e-4)
