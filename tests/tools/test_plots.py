"""Figures: right units, titles, labels, errors that name the fault, matplotlib left alone."""

import functools
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases import slow_but
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from mpl_toolkits.mplot3d.art3d import Text3D

import tinynet as tn
from tinynet import plots
from tinynet.plots import style

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, size=(5, 784)).astype(np.uint8)
CHANCES = RNG.dirichlet(np.ones(10), size=5)
LABELS = np.array([3, 1, 4, 1, 5])
PANEL = plots.Panel("panel", "x", "y", {"a": ([1, 2, 3], [1, 10, 100])}, yscale="log")
LANDSCAPE = plots.Landscape(
    *("map", "w", "b", np.linspace(-1, 1, 9), np.linspace(0, 2, 7)),
    0.1 + np.add.outer(np.linspace(-1, 1, 7) ** 2, np.linspace(-1, 1, 9) ** 2),
    {"SGD": ([-1, 0.5, 0], [0, 0.5, 1]), "best": ([0], [1])},
)
CLOUD = plots.Cloud(
    "cloud",
    RNG.normal(size=(3, 2)),
    RNG.normal(size=(9, 3)),
    RNG.normal(size=(4, 3)),
    np.array([0, 1, 1, 0]),
)
POINTS = RNG.normal(size=(30, 2))
SIDES = (POINTS[:, 0] > 0).astype(int)


def left_or_right(X: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-X[:, 0]))


def make_history(epochs: int, test: bool = True) -> tn.History:
    X = RNG.normal(size=(40, 6)).astype(np.float32)
    y = RNG.integers(0, 3, size=40)
    net = tn.Sequential(tn.Linear(6, 3, rng=0), tn.LogSoftmax())
    return tn.fit(
        net,
        tn.NLLLoss(),
        tn.SGD(net.parameters(), lr=0.1),
        tn.DataLoader(X, y, batch_size=8, rng=0),
        test=(X, y) if test else None,
        epochs=epochs,
        progress=False,
    )


def make_trace(n_inputs: int) -> tn.inspection.traced.Trace:
    X = RNG.normal(size=(4, n_inputs)).astype(np.float32)
    net = tn.Sequential(
        *(tn.Linear(n_inputs, 5, rng=0), tn.ReLU(), tn.Linear(5, 3, rng=0), tn.LogSoftmax())
    )
    step = tn.SGD(net.parameters(), lr=0.1)
    return tn.trace(net, tn.NLLLoss(), X, np.array([0, 1, 2, 0]), step)


def digit_network() -> tn.Sequential:
    return tn.Sequential(
        tn.Linear(30, 6, rng=0), tn.Sequential(tn.ReLU(), tn.Linear(6, 4, rng=0)), tn.LogSoftmax()
    )


CAPTIONS = {
    "array": LABELS,
    "list of ints": LABELS.tolist(),
    "tuple": tuple(LABELS),
    "range": range(5),
    "array of str": np.array(list("31415")),
    "array of objects": np.array(["3", 1, 4.0, None, "5"], dtype=object),
    "str": "31415",
    "uint8": LABELS.astype(np.uint8),
    "generator": (label for label in LABELS),
    "keys": dict.fromkeys("abcde").keys(),
}


@pytest.mark.parametrize("draw", [plots.digit_grid, plots.pixel_rows])
@pytest.mark.parametrize("name", CAPTIONS)
def test_captions_of_any_sequence(draw, name):
    captions = list(LABELS) if name == "generator" else CAPTIONS[name]
    figure = draw(IMAGES, captions=iter(captions) if name == "generator" else captions)
    texts = [ax.get_title() or ax.get_ylabel() for ax in figure.axes][:5]
    assert texts == [str(caption) for caption in captions]
    plt.close(figure)


@pytest.mark.parametrize("draw", [plots.digit_grid, plots.pixel_rows])
def test_captions_of_pandas(draw):
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(LABELS, index=[9, 8, 7, 6, 5])
    figure = draw(IMAGES, captions=series)
    assert [ax.get_title() or ax.get_ylabel() for ax in figure.axes][:5] == list("31415")
    plt.close(figure)


@pytest.mark.parametrize("draw", [plots.digit_grid, plots.pixel_rows])
@pytest.mark.parametrize(
    ("captions", "words"),
    [
        (LABELS[:3], "3 captions for 5 images, expected one for each"),
        ([], "0 captions for 5 images"),
        (np.empty(0), "0 captions for 5 images"),
        (np.array(7), r"captions have shape \(\), expected \(5,\)"),
        (LABELS[:, None], r"captions have shape \(5, 1\), expected \(5,\)"),
    ],
)
def test_captions_that_are_not_one_for_each(draw, captions, words):
    with pytest.raises(ValueError, match=words):
        draw(IMAGES, captions=captions)
    assert plt.get_fignums() == []


def test_names_and_values_as_arrays_and_series():
    pandas = pytest.importorskip("pandas")
    names = np.array(["a", "b"])
    column = pandas.Series([1.0, 2.0], index=[5, 6])
    history = make_history(2)
    for field in vars(history):
        setattr(history, field, np.array(getattr(history, field)))
    for figure in (
        plots.bars({"group": column}, names, "x", "y", "title"),
        plots.bars({"group": [1, 2]}, pandas.Series(names), "x", "y", "title"),
        plots.heat_map(np.eye(2), names, np.arange(2), "x", "y", "label", "title"),
        plots.heat_map(np.eye(2), column.index, pandas.Series(names), "x", "y", "label", "title"),
        plots.line_panels((PANEL._replace(lines={"a": (column, column)}),), "title"),
        plots.histograms({"panel": {"group": column}}, "x", "y", "title"),
        plots.line_panels((PANEL._replace(points={"p": (column, column)}),), "title"),
        plots.loss_landscapes(
            (LANDSCAPE._replace(x=column, losses=np.ones((7, 2)), paths={"p": (column, column)}),),
            "title",
        ),
        plots.class_directions((CLOUD,), names),
        plots.class_directions([CLOUD._replace(labels=[0, 1, 1, 0])], pandas.Series(names)),
        plots.scatter(
            {"a": pandas.DataFrame(CHANCES[:, :2])}, pandas.Series(LABELS), "x", "y", "t"
        ),
        plots.correlations(pandas.DataFrame(np.corrcoef(RNG.normal(size=(4, 9))))),
        plots.guesses(IMAGES, pandas.DataFrame(CHANCES), pandas.Series(LABELS)),
        plots.guesses(IMAGES.tolist(), CHANCES.tolist(), LABELS.tolist()),
        plots.output_bars(pandas.Series(np.log(CHANCES[0])), np.array(3)),
        plots.error_rates(np.array([["1.5", 2.5]], dtype=object), [("b", np.float32(1))]),
        plots.learning_curves(history),
        plots.loss_against_accuracy({"run": history}),
        plots.draw_network(np.array([3, 2]), weights=np.ones((1, 3, 2))),
        plots.pixel_histograms({"a": column}),
    ):
        plt.close(figure)
    with pytest.raises(ValueError, match=r"labels \(5, 1\)"):
        plots.guesses(IMAGES, CHANCES, LABELS[:, None])


class Kernels(tn.Module):
    """Weights (O, C, K, L), as those of a convolution."""

    def __init__(self, *shape: int) -> None:
        self.W = tn.Parameter(np.random.default_rng(0).normal(size=shape))


def image_network() -> tn.Sequential:
    return tn.Sequential(
        *(tn.Linear(784, 5, rng=0), tn.BatchNorm1d(5), tn.Dropout(0.5, rng=0), tn.ReLU()),
        tn.Linear(5, 10, rng=1),
    )


PIXELS = (IMAGES / 255).astype(np.float32)


def looked_at(net: tn.Module, x: np.ndarray = PIXELS, **options: object) -> Figure:
    return plots.saliency(net, tn.CrossEntropyLoss(), x, LABELS, **options)


GRAPHS = {
    "sizes": lambda: plots.draw_network([3, 5, 2], arrows="both"),
    "Sequential": lambda: plots.draw_network(digit_network(), arrows="forward"),
    "complete graph": lambda: plots.draw_complete_graph(6),
    "connectivity": lambda: plots.compare_connectivity([3, 4, 2]),
}
PICTURES = {
    "grid": lambda: plots.digit_grid(IMAGES, list("abcde"), columns=3),
    "grid of one": lambda: plots.digit_grid(IMAGES[:1], columns=1),
    "guesses": lambda: plots.guesses(IMAGES, CHANCES, LABELS),
    "rows": lambda: plots.pixel_rows(IMAGES, list("abcde")),
    "filters": lambda: plots.filters(image_network()),
    "kernels": lambda: plots.filters(Kernels(4, 3, 5, 5)),
    "saliency": lambda: looked_at(image_network(), captions=LABELS),
    "saliency of one": lambda: looked_at(image_network(), columns=5),
}
CHARTS = {
    "histograms": lambda: plots.pixel_histograms({"raw": IMAGES, "scaled": IMAGES / 255}),
    "correlations": lambda: plots.correlations(np.corrcoef(IMAGES)),
    "one run": lambda: plots.learning_curves(make_history(3)),
    "one epoch, no test set": lambda: plots.learning_curves(make_history(1, test=False)),
    "two runs": lambda: plots.learning_curves(
        {"a": make_history(2), "b": make_history(3)}, log_loss=True
    ),
    "output bars": lambda: plots.output_bars(np.log(CHANCES[0]), 3),
    "lines": lambda: plots.line_panels([PANEL, PANEL], "Lines"),
    "bars": lambda: plots.bars({"a": [1, 2], "b": [3, 4]}, ["x", "y"], "place", "height", "Bars"),
    "outlines": lambda: plots.histograms(
        {"one": {"a": CHANCES, "b": CHANCES**2}, "two": {"a": CHANCES}}, "p", "count", "Counts"
    ),
    "lines through points": lambda: plots.line_panels(
        [PANEL._replace(points={"p": ([1, 2], [3, 40]), "q": ([2, 3], [5, 6])})] * 3, "t", columns=2
    ),
    "landscapes": lambda: plots.loss_landscapes([LANDSCAPE, LANDSCAPE], "Losses"),
    "clouds": lambda: plots.class_directions([CLOUD, CLOUD, CLOUD], ["0", "1"]),
    "scatter": lambda: plots.scatter({"a": CHANCES[:, :2]}, LABELS, "x", "y", "Points"),
    "plane": lambda: plots.decision_boundary([plots.Plane("sum", left_or_right, POINTS, SIDES)]),
    "loss against accuracy": lambda: plots.loss_against_accuracy(
        {"a": make_history(3), "b": make_history(2)}
    ),
    "error rates": lambda: plots.error_rates([("a", 12.0), ("b", 0.2)], [("ours", 4.0)]),
}
TRACES = {
    "trace": lambda: make_trace(6).plot(),
    "trace of images": lambda: make_trace(9).plot(),
}
ALL = GRAPHS | PICTURES | CHARTS | TRACES


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def title_of(figure: Figure) -> str:
    return figure.get_suptitle() or figure.axes[0].get_title()


def scatter_points(figure: Figure) -> int:
    found = [c for ax in figure.axes for c in ax.collections if isinstance(c, PathCollection)]
    return sum(len(collection.get_offsets()) for collection in found)


def line_count(figure: Figure) -> int:
    found = [c for ax in figure.axes for c in ax.collections if isinstance(c, LineCollection)]
    return sum(len(collection.get_segments()) for collection in found)


def texts_of(figure: Figure) -> str:
    return "\n".join(text.get_text() for ax in figure.axes for text in ax.texts)


@pytest.mark.parametrize("name", slow_but(12, ALL))
def test_every_function_returns_a_titled_figure_that_can_be_saved(name, tmp_path):
    figure = ALL[name]()
    assert isinstance(figure, Figure)
    assert title_of(figure)
    assert figure.get_figwidth() * figure.dpi <= 800
    figure.savefig(tmp_path / "figure.png")
    assert plt.imread(tmp_path / "figure.png").std() > 0.01, "an empty picture"


def shown_pixels(text: Text) -> float:
    """The height of a text as ``plots/style`` says that figures are shown."""
    return text.get_fontsize() * style.SHOWN_WIDTH / style.WIDTH / 72


PLANE = plots.Plane("a plane of its own", left_or_right, POINTS, SIDES)
MANY = np.random.default_rng(0).normal(size=(2000, 30))
WIDE = {
    "correlations of thousands": lambda: plots.correlations(np.corrcoef(MANY)),
    "five planes": lambda: plots.decision_boundary([PLANE] * 5, title="Planes"),
    "two planes": lambda: plots.decision_boundary([PLANE] * 2, title="Planes", columns=2),
    "three panels": lambda: plots.line_panels(
        [
            plots.Panel(
                "a panel of its own",
                "x",
                "y",
                {f"{k} of a": ([0, 1], [0, k]), f"{k} of b": ([0, 1], [1, 0])},
            )
            for k in range(3)
        ],
        "Lines",
    ),
}


@functools.cache
def drawn(name: str) -> Figure:
    figure = (ALL | WIDE)[name]()
    figure.canvas.draw()  # which makes the ticks
    return figure


def every_text(figure: Figure) -> list[Text]:
    found = figure.findobj(Text)
    return [text for text in found if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize("name", slow_but(12, ALL | WIDE))
def test_text_is_at_least_14_pixels_high_as_shown(name):
    figure = drawn(name)
    texts = every_text(figure)
    smallest = min(texts, key=Text.get_fontsize)
    assert shown_pixels(smallest) >= 14, smallest
    assert figure.get_figwidth() <= style.WIDTH


@pytest.mark.parametrize("name", slow_but(12, ALL | WIDE))
def test_no_text_reaches_beyond_the_figure(name):
    figure = drawn(name)
    texts = every_text(figure)
    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    ticks = [tick for axis in axes for tick in axis.get_major_ticks() + axis.get_minor_ticks()]
    unplaced = {label for tick in ticks for label in (tick.label1, tick.label2)}
    unplaced.update(figure.findobj(Text3D))  # which get their places when they are drawn
    boxes = {text: text.get_window_extent() for text in texts if text not in unplaced}
    assert boxes
    for text, box in boxes.items():
        assert box.x0 >= 0 and box.y0 >= 0, text
        assert box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height, text


@pytest.mark.parametrize("name", ["grid", "grid of one", "sevens"])
def test_a_grid_leaves_no_empty_strip(name):
    seven = {"sevens": lambda: plots.digit_grid(IMAGES[:2], ["a", "b"], columns=2)}
    figure = (PICTURES | seven)[name]()
    boxes = np.array([ax.get_window_extent().extents for ax in figure.axes])
    gap = 0.11 * figure.dpi
    assert boxes[:, 0].min() <= gap and boxes[:, 1].min() <= gap
    assert figure.bbox.width - boxes[:, 2].max() <= gap
    sides = boxes[:, 2:] - boxes[:, :2]
    assert np.allclose(sides, sides[0, 0]), "no square"


def test_a_white_picture_has_an_edge():
    (ax,) = plots.digit_grid(np.ones((1, 784)), columns=1).axes
    for edge in ax.spines.values():
        assert edge.get_visible() and edge.get_linewidth() > 0
        assert np.allclose(to_rgb(edge.get_edgecolor()), to_rgb(style.GREY))


def test_the_legend_of_a_narrow_panel_is_not_on_its_curves():
    figure = WIDE["three panels"]()
    figure.canvas.draw()
    for ax in figure.axes:
        legend = ax.get_legend().get_window_extent()
        assert legend.y1 < ax.xaxis.get_label().get_window_extent().y0
        assert legend.y0 >= 0


def test_signs_have_the_colours_of_the_pages():
    pages = Path(plots.__file__).parents[1] / "pages" / "common.css"
    light = pages.read_text(encoding="utf-8").partition("@media")[0]
    for name, colour in (
        ("positive", style.ABOVE),
        ("negative", style.BELOW),
        ("up", style.UP),
        ("down", style.DOWN),
        ("right", style.RIGHT),
        ("wrong", style.WRONG),
    ):
        assert f"--{name}: {colour};" in light


def test_a_trace_has_the_colours_of_the_signs_and_says_what_has_no_spread():
    figure = make_trace(9).plot()
    rows = [ax for ax in figure.axes if not ax.images]
    for ax in rows:
        below, above = (style.BELOW, style.ABOVE) if ax in rows[::2] else (style.DOWN, style.UP)
        for bar, colour in zip(ax.patches, colours_of(ax.patches), strict=True):
            middle = bar.get_x() + bar.get_width() / 2
            assert colour == (below if middle < 0 else above)
    assert (
        rows[-1].texts[0].get_text() == "67 % are 0, all others are -0.25" and not rows[-1].patches
    )


@pytest.mark.parametrize("name", CHARTS)
def test_charts_label_all_their_axes(name):
    for ax in CHARTS[name]().axes:
        if ax.get_label() != "<colorbar>":
            assert ax.get_xlabel() and ax.get_ylabel()


@pytest.mark.parametrize("name", ALL)
def test_matplotlib_is_left_as_it_was(name):
    users, ax = plt.subplots()
    ax.plot([1, 2, 3])
    parameters = dict(plt.rcParams)
    figure = ALL[name]()
    assert dict(plt.rcParams) == parameters
    assert sorted(plt.get_fignums()) == sorted({users.number, figure.number})
    assert len(users.axes) == 1 and len(ax.lines) == 1 and not ax.collections


def test_importing_needs_no_matplotlib():
    code = "import tinynet, tinynet.plots, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_network_draws_every_unit_and_every_weight():
    figure = plots.draw_network([3, 5, 2])
    assert scatter_points(figure) == 3 + 5 + 2
    assert line_count(figure) == 3 * 5 + 5 * 2


def test_complete_graph_draws_every_pair_once():
    figure = plots.draw_complete_graph(7)
    assert scatter_points(figure) == 7
    assert line_count(figure) == 7 * 6 // 2


@pytest.mark.parametrize("max_units", [3, 4, 7, 12])
def test_wide_layers_are_abbreviated_and_keep_their_number(max_units):
    figure = plots.draw_network([784, 64, 3], max_units=max_units)
    assert scatter_points(figure) == 2 * (max_units - 1) + 3
    assert texts_of(figure).count("⋮") == 2
    assert "784" in texts_of(figure) and "64" in texts_of(figure)


def test_layer_of_exactly_the_limit_is_not_abbreviated():
    figure = plots.draw_network([12, 2], max_units=12)
    assert scatter_points(figure) == 14
    assert "⋮" not in texts_of(figure)


def test_weights_become_width_and_colour_of_their_own_line():
    W = np.array([[2.0, -1.0], [0.0, 0.5], [1.0, -2.0]])
    (lines,) = plots.draw_network([3, 2], weights=[W]).axes[0].collections[:1]
    assert np.allclose(np.reshape(lines.get_linewidths(), (3, 2)), 0.2 + 2.3 * np.abs(W) / 2)
    red, _, blue, _ = np.reshape(lines.get_colors(), (3, 2, 4)).transpose(2, 0, 1)
    assert np.array_equal(red[W != 0] > blue[W != 0], W[W != 0] > 0)
    segment = lines.get_segments()[1]  # from input 0, the top one, to output 1, the lower one
    assert segment[0][1] == 1 and segment[1][1] == -0.5


def test_abbreviated_weights_are_those_of_the_first_and_last_units():
    W = np.zeros((100, 1))
    W[[0, 1, 98, 99], 0] = [0.25, 0.5, 0.75, 1.0]
    (lines,) = plots.draw_network([100, 1], weights=[W], max_units=5).axes[0].collections[:1]
    assert np.allclose(lines.get_linewidths(), 0.2 + 2.3 * np.array([0.25, 0.5, 0.75, 1.0]))


def test_sequential_gives_sizes_names_and_weights():
    net = digit_network()
    figure = plots.draw_network(net)
    assert scatter_points(figure) == 11 + 6 + 4
    assert "6\nLinear\nReLU" in texts_of(figure) and "4\nLinear\nLogSoftmax" in texts_of(figure)
    colour = figure.axes[0].collections[1].get_colors()[0]
    assert (colour[0] > colour[2]) == (net.layers[1].layers[1].W.data[0, 0] > 0)


def test_arrows_say_what_flows_which_way():
    assert "activations" not in texts_of(plots.draw_network([2, 2, 2]))
    ax = plots.draw_network([2, 2, 2], arrows="both").axes[0]
    heads = [text for text in ax.texts if text.get_text() == ""]
    directions = [np.sign(arrow.xy[0] - arrow.xyann[0]) for arrow in heads]
    assert directions == [1, 1, -1, -1]
    labels = texts_of(ax.figure)
    assert "forward: activations" in labels and "backward: gradients" in labels


def test_network_draws_into_given_axes():
    figure, ax = plt.subplots()
    assert plots.draw_network([2, 3], ax=ax) is figure
    assert plots.draw_complete_graph(3, ax=ax) is figure
    assert plt.get_fignums() == [figure.number]


def test_learning_curves_draw_the_history():
    run = make_history(3)
    loss_ax, accuracy_ax = plots.learning_curves(run).axes
    drawn = [list(line.get_ydata()) for line in (*loss_ax.lines, *accuracy_ax.lines)]
    assert drawn == [run.train_loss, run.test_loss, run.train_accuracy, run.test_accuracy]
    assert list(loss_ax.lines[0].get_xdata()) == [1, 2, 3]


def scored(name, *lists):
    run = tn.History(*lists[:1])
    run.test_loss.extend(lists[1])
    if name is not None:
        run.score_name = name
        run.train_score.extend(lists[2])
        run.test_score.extend(lists[3])
    return run


def test_learning_curves_of_a_loss_alone_are_one_panel():
    (ax,) = plots.learning_curves(scored(None, [3.0, 2.0], [4.0, 3.0])).axes
    assert [list(line.get_ydata()) for line in ax.lines] == [[3, 2], [4, 3]]
    assert ax.get_ylabel() == "loss"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["train", "test"]


def test_learning_curves_draw_a_score_in_place_of_the_accuracy():
    run = scored("r2", [3.0, 2.0], [4.0, 3.0], [0.1, 0.5], [0.0, 0.4])
    loss_ax, score_ax = run.plot().axes
    assert (loss_ax.get_ylabel(), score_ax.get_ylabel()) == ("loss", "r2")
    assert [list(line.get_ydata()) for line in score_ax.lines] == [[0.1, 0.5], [0.0, 0.4]]


def test_learning_curves_of_several_kinds_have_a_panel_for_each():
    runs = {
        "alone": scored(None, [3.0], [4.0]),
        "r2": scored("r2", [3.0], [4.0], [0.1], [0.2]),
        "classes": tn.History([1.0], [60.0], [2.0], [50.0]),
    }
    figure = plots.learning_curves(runs)
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "r2", "accuracy (%)"]
    assert [len(ax.lines) for ax in figure.axes] == [6, 2, 2]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [f"{name} {part}" for name in runs for part in ("train", "test")]


def colours_of(bars):
    return [to_hex(bar.get_facecolor()).lower() for bar in bars]


@pytest.mark.parametrize("label", [0, 3, 9])
def test_output_bars_draw_probabilities_and_mark_the_true_class(label):
    chances = CHANCES[0]
    left, right = plots.output_bars(np.log(chances), label).axes
    assert np.allclose([bar.get_height() for bar in right.patches], chances)
    expected = [style.GREY.lower()] * 10
    expected[chances.argmax()] = style.WRONG
    expected[label] = style.RIGHT
    assert colours_of(left.patches) == colours_of(right.patches) == expected
    ((triangle,),) = [ax.lines for ax in (right,)]
    assert triangle.get_xdata()[0] == label and triangle.get_ydata()[0] > chances[label]


def test_a_longer_bar_is_a_likelier_class_and_the_surest_has_one():
    log_probabilities = np.array([-20.0, 0.0, -10.0, -np.inf])
    picture, left, right = plots.output_bars(log_probabilities, 0, image=IMAGES[0]).axes
    heights = [bar.get_height() for bar in left.patches]
    assert heights[3] == 0 < heights[0] < heights[2] < heights[1]
    assert [bar.get_y() + bar.get_height() for bar in left.patches][:3] == [-20, 0, -10]
    low, high = right.get_ylim()
    assert low < right.lines[0].get_ydata()[0] < high, "the triangle of a bar that is invisible"
    assert np.array_equal(picture.images[0].get_array(), IMAGES[0].reshape(28, 28))
    with pytest.raises(ValueError, match=r"images have shape \(1, 783\)"):
        plots.output_bars(log_probabilities, 0, image=IMAGES[0, 1:])


def test_guesses_name_truth_and_guess():
    figure = plots.guesses(IMAGES, CHANCES, LABELS)
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    expected = zip(LABELS, CHANCES.argmax(axis=1), strict=True)
    assert titles == [f"true {truth}\nguessed {guess}" for truth, guess in expected]


def test_error_rates_are_sorted_with_ones_own_among_them():
    ax = CHARTS["error rates"]().axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "ours", "a"]


def test_grid_is_drawn_upright_on_one_grey_scale():
    images = np.stack([np.arange(784), np.full(784, 100)])
    first, second = plots.digit_grid(images, columns=2).axes
    assert np.array_equal(first.images[0].get_array(), np.arange(784).reshape(28, 28))
    assert first.images[0].get_clim() == second.images[0].get_clim() == (0, 783)


def pictures_of(figure: Figure, which: int = 0) -> list[np.ndarray]:
    return [np.asarray(ax.images[which].get_array()) for ax in figure.axes]


def test_filters_are_the_columns_of_W_on_one_scale_with_grey_for_0():
    net = image_network()
    W = net[0].W.data
    for figure in (plots.filters(net), plots.filters(net[0])):
        drawn = np.stack(pictures_of(figure))
        np.testing.assert_array_equal(drawn, W.T.reshape(5, 28, 28).astype(np.float64))
        limits = {ax.images[0].get_clim() for ax in figure.axes}
        assert limits == {(-np.abs(W).max(), np.abs(W).max())}
        grey = figure.axes[0].images[0].to_rgba(np.zeros((1, 1)))
        assert np.allclose(grey[..., :3], 0.5, atol=0.01)
        assert f"{np.abs(W).max():.2g}" in figure.texts[0].get_text()
    assert len(plots.filters(net, number=3).axes) == 3


def test_kernels_of_one_filter_stand_side_by_side():
    figure = plots.filters(Kernels(4, 3, 5, 5), number=11)
    assert [ax.get_title() for ax in figure.axes] == [f"{o}, {c}" for o in range(3) for c in "012"]
    rows = [ax.get_position().y0 for ax in figure.axes]
    assert len({*np.round(rows[:6], 9)}) == 1 and rows[6] < rows[0]
    W = Kernels(4, 3, 5, 5).W.data
    np.testing.assert_array_equal(pictures_of(figure)[4], W[1, 1])
    assert [ax.get_title() for ax in plots.filters(Kernels(4, 1, 3, 2)).axes] == list("0123")


@pytest.mark.parametrize("shape", [(5, 784), (5, 2, 14, 28)])
def test_saliency_is_the_size_of_the_gradient_in_evaluation_and_moves_nothing(shape):
    net = image_network()
    net(PIXELS)
    if len(shape) == 4:
        net = tn.Sequential(tn.Flatten(), net)
    x = PIXELS.reshape(shape)
    before = {name: array.tobytes() for name, array in net.state_dict().items()}
    figure = looked_at(net, x)
    assert net.training
    assert {name: array.tobytes() for name, array in net.state_dict().items()} == before
    assert not any(np.any(p.grad) for p in net.parameters())
    twin, loss_fn = net.eval(), tn.CrossEntropyLoss()
    loss_fn(twin(x), LABELS)
    sizes = np.abs(twin.backward(loss_fn.backward()))
    sizes = sizes.max(axis=1) if sizes.ndim == 4 else sizes.reshape(5, 28, 28)
    for veil, size in zip(pictures_of(figure, 1), sizes, strict=True):
        np.testing.assert_allclose(veil[..., 3], size / size.max(), rtol=1e-5)
        assert np.allclose(veil[..., :3], to_rgb(style.UP))


def test_saliency_of_what_answers_surely_is_empty_and_not_an_error():
    net = tn.Sequential(tn.Linear(784, 10, rng=0))
    net[0].W.data[:] = 0
    net[0].b.data[:] = -1e4 * (np.arange(10) != 1)
    figure = plots.saliency(net, tn.CrossEntropyLoss(), PIXELS[:2], np.array([1, 1]))
    assert all((veil[..., 3] == 0).all() for veil in pictures_of(figure, 1))


def test_wrong_input_is_named_and_leaves_no_figure():
    cases = [
        (TypeError, r"no layer of ReLU\(\) has weights", lambda: plots.filters(tn.ReLU())),
        (
            ValueError,
            r"Linear\(3, 4\), whose 3 inputs are no square",
            lambda: plots.filters(tn.Sequential(tn.Linear(3, 4), tn.Linear(4, 2))),
        ),
        (ValueError, "number = 0", lambda: plots.filters(image_network(), number=0)),
        (ValueError, r"\(5, 783\)", lambda: looked_at(image_network(), PIXELS[:, 1:])),
        (
            ValueError,
            "2 captions for 5",
            lambda: looked_at(image_network(), captions=["a", "b"]),
        ),
        (
            IndexError,
            r"labels\[0\] = 10",
            lambda: plots.saliency(image_network(), tn.CrossEntropyLoss(), PIXELS, LABELS * 0 + 10),
        ),
        (ValueError, "two or more", lambda: plots.draw_network([5])),
        (ValueError, "at least 1", lambda: plots.draw_network([5, 0])),
        (TypeError, "layer sizes", lambda: plots.draw_network([5, 2.0])),
        (TypeError, "layer sizes", lambda: plots.draw_network("784")),
        (TypeError, "layer sizes", lambda: plots.draw_network(tn.ReLU())),
        (ValueError, "two or more", lambda: plots.draw_network(tn.Sequential(tn.ReLU()))),
        (ValueError, "'sideways'", lambda: plots.draw_network([2, 2], arrows="sideways")),
        (ValueError, "max_units = 2", lambda: plots.draw_network([2, 2], max_units=2)),
        (
            ValueError,
            r"\(2, 3\)",
            lambda: plots.draw_network([3, 2], weights=[np.zeros((2, 3))]),
        ),
        (
            ValueError,
            "follows a layer of 4 units",
            lambda: plots.draw_network(tn.Sequential(tn.Linear(3, 4), tn.Linear(5, 2))),
        ),
        (ValueError, "n_units = 1", lambda: plots.draw_complete_graph(1)),
        (ValueError, r"\(784,\)", lambda: plots.digit_grid(IMAGES[0])),
        (ValueError, r"\(5, 783\)", lambda: plots.pixel_rows(IMAGES[:, 1:])),
        (ValueError, r"\(0, 784\)", lambda: plots.digit_grid(IMAGES[:0])),
        (ValueError, "2 captions for 5", lambda: plots.digit_grid(IMAGES, ["a", "b"])),
        (ValueError, "2 captions for 5", lambda: plots.pixel_rows(IMAGES, ["a", "b"])),
        (ValueError, r"\(2, 3\)", lambda: plots.correlations(np.zeros((2, 3)))),
        (ValueError, "at least one", lambda: plots.learning_curves({})),
        (IndexError, r"label = 10 is outside \[0, 10\)", lambda: plots.output_bars(CHANCES[0], 10)),
        (ValueError, r"\(5, 10\)", lambda: plots.output_bars(CHANCES, 1)),
        (ValueError, "5 images", lambda: plots.guesses(IMAGES, CHANCES[:4], LABELS)),
        (
            IndexError,
            "from 1 to 15",
            lambda: plots.guesses(IMAGES, CHANCES, LABELS + 10 * (LABELS == 5)),
        ),
        (ValueError, "above 0", lambda: plots.error_rates([("perfect", 0.0)])),
    ]
    for error, message, call in cases:
        with pytest.raises(error, match=message):
            call()
        assert plt.get_fignums() == []
