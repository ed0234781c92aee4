"""General charts and clouds: what is drawn is what was given, and wrong input is named."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PathCollection

import tinynet as tn
from tinynet import plots

RNG = np.random.default_rng(1)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def panel(lines, ylabel="y", **scales):
    return plots.Panel("title", "x", ylabel, lines, **scales)


def cloud(n_train=6, labels=(0, 1, 1)):
    test = RNG.normal(size=(len(labels), 3))
    directions, train = RNG.normal(size=(3, 2)), RNG.normal(size=(n_train, 3))
    return plots.Cloud("cloud", directions, train, test, np.array(labels))


def test_lines_are_those_given_and_differ_in_colour_and_dashes():
    lines = {"a": ([0, 1], [2, 3]), "b": ([0, 1, 2], [4, 5, 6])}
    (ax,) = plots.line_panels([panel(lines)], "Lines").axes
    for drawn, (x, y) in zip(ax.lines, lines.values(), strict=True):
        assert list(drawn.get_xdata()) == x and list(drawn.get_ydata()) == y
    assert ax.lines[0].get_color() != ax.lines[1].get_color()
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


def test_panels_of_the_same_lines_have_one_legend_below_them():
    lines = {"a": ([0, 1], [2, 3]), "b": ([0, 1], [4, 5])}
    figure = plots.line_panels([panel(lines), panel(lines)], "Lines")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    assert [ax.get_legend() for ax in figure.axes] == [None, None]
    others = plots.line_panels([panel(lines), panel({"c": ([0, 1], [0, 1])})], "Lines")
    assert not others.legends and others.axes[0].get_legend()


def places_of(figure):
    spans = [ax.get_subplotspec() for ax in figure.axes]
    return [(span.rowspan.start, span.colspan.start) for span in spans]


def test_panels_stand_in_rows_of_so_many_columns():
    lines = {"a": ([0, 1], [0, 1]), "b": ([0, 1], [0, 2])}
    figure = plots.line_panels([panel(lines)] * 3, "Lines", columns=2)
    in_one_row = plots.line_panels([panel(lines)] * 3, "Lines")
    assert places_of(figure) == [(0, 0), (0, 1), (1, 0)]
    assert places_of(in_one_row) == [(0, 0), (0, 1), (0, 2)]


def test_a_line_alone_beside_panels_with_a_legend_is_not_taken_for_one_of_its_lines():
    lines = {"a": ([0, 1], [2, 3]), "b": ([0, 1], [4, 5])}
    alone = {"loss": ([0, 1], [1, 0])}
    figure = plots.line_panels([panel(alone), panel(lines), panel(lines)], "Lines")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]
    colours = [line.get_color() for line in figure.legends[0].get_lines()]
    assert colours == [line.get_color() for line in figure.axes[1].lines]
    assert figure.axes[0].lines[0].get_color() == "black" and "black" not in colours


def test_points_are_dots_below_the_lines_and_in_the_legend():
    points = {"training": ([0, 1, 2], [5, 6, 7]), "test": ([3, 4], [8, 9])}
    lines = {"fit": ([0, 4], [5, 9])}
    (ax,) = plots.line_panels([panel(lines, points=points)], "Points").axes
    *dots, fit = ax.lines
    for drawn, (x, y) in zip(dots, points.values(), strict=True):
        assert list(drawn.get_xdata()) == x and list(drawn.get_ydata()) == y
        assert drawn.get_linestyle() == "None" and drawn.get_marker() != "None"
    assert dots[0].get_marker() != dots[1].get_marker()
    assert list(fit.get_xdata()) == [0, 4] and fit.get_linestyle() == "-"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "test", "fit"]


def landscape(**other):
    x, y = np.linspace(-1, 3, 5), np.linspace(0, 2, 3)
    losses = 1 + y[:, None] ** 2 + x**2
    paths = {"SGD": ([3, 1, 0], [2, 1, 0]), "best": ([0], [0])}
    return plots.Landscape("map", "w", "b", x, y, losses, paths)._replace(**other)


def test_landscapes_have_paths_where_they_went_and_one_scale():
    higher = landscape(losses=landscape().losses * 9, paths={"Adam": ([3, 0], [2, 0])})
    figure = plots.loss_landscapes([landscape(), higher], "Losses")
    left, right, bar = figure.axes
    drawn = {line.get_label(): line for ax in (left, right) for line in ax.lines}
    for name, (x, y) in (landscape().paths | higher.paths).items():
        assert list(drawn[name].get_xdata()) == x and list(drawn[name].get_ydata()) == y
    assert drawn["SGD"].get_linestyle() == "-" and drawn["best"].get_linestyle() == "None"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["SGD", "best", "Adam"]
    assert bar.get_ylim() == pytest.approx((1, 9 * landscape().losses.max()))
    assert (left.get_xlabel(), left.get_ylabel(), bar.get_ylabel()) == ("w", "b", "loss")
    assert left.get_xlim() == (-1, 3) and left.get_ylim() == (0, 2)


def test_a_flat_landscape_is_drawn_too():
    flat = landscape(losses=np.full((3, 5), 2.0), paths={})
    assert not plots.loss_landscapes([flat], "Losses").legends


def test_few_points_have_markers_and_many_have_none():
    lines = {"few": (range(5), range(5)), "many": (range(50), range(50))}
    few, many = plots.line_panels([panel(lines)], "Lines").axes[0].lines
    assert few.get_marker() not in (None, "None") and many.get_marker() == "None"


def test_heat_map_writes_every_value_in_its_field():
    values = np.array([[1.0, 2.0, 3.0], [4.0, 50.0, 6.25]])
    figure = plots.heat_map(values, ["r0", "r1"], list("abc"), "columns", "rows", "size", "Heat")
    ax, colours = figure.axes
    written = {text.get_position(): (text.get_text(), text.get_color()) for text in ax.texts}
    assert written[(2, 1)] == ("6.25", "white") and written[(1, 1)] == ("50", "black")
    assert len(written) == 6
    assert ax.images[0].get_array().tolist() == values.tolist()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "b", "c"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["r0", "r1"]
    assert (ax.get_xlabel(), ax.get_ylabel(), colours.get_ylabel()) == ("columns", "rows", "size")


@pytest.mark.parametrize("values", [np.ones((3, 2)), np.ones(6), np.ones((2, 0))])
def test_heat_map_needs_a_value_for_each_row_and_column(values):
    with pytest.raises(ValueError, match=r"heat_map: values have shape \(.*\), expected \(2, 3\)"):
        plots.heat_map(values, ["a", "b"], ["a", "b", "c"], "x", "y", "size", "Heat")


def test_a_heat_map_leaves_fields_empty_that_have_no_value():
    values = [[np.nan, 1.0], [3.0, np.nan]]
    ax = plots.heat_map(values, "ab", "cd", "x", "y", "size", "Heat").axes[0]
    assert {text.get_position(): text.get_text() for text in ax.texts} == {(1, 0): "1", (0, 1): "3"}
    assert [text.get_color() for text in ax.texts] == ["white", "black"]
    assert ax.images[0].get_array().mask.tolist() == [[True, False], [False, True]]
    with pytest.raises(ValueError, match="heat_map: all values are NaN"):
        plots.heat_map(np.full((2, 2), np.nan), "ab", "cd", "x", "y", "size", "Heat")


@pytest.mark.parametrize("ylabels, same", [(("y", "y"), True), (("y", "z"), False)])
def test_panels_of_one_quantity_share_its_limits(ylabels, same):
    curves = ({"a": ([0, 1], [0, 1])}, {"a": ([0, 1], [0, 50])})
    panels = [panel(lines, ylabel) for lines, ylabel in zip(curves, ylabels, strict=True)]
    left, right = plots.line_panels(panels, "Lines").axes
    assert (left.get_ylim() == right.get_ylim()) is same
    assert right.get_ylim()[1] >= 50


def test_logarithmic_axes_are_labelled_by_plain_numbers():
    figure = plots.line_panels([panel({"a": ([1, 2], [0.3, 30])}, yscale="log")], "Lines")
    figure.canvas.draw()
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels(which="both")]
    assert {"0.5", "1", "2", "10"} <= set(labels)
    assert not any("$" in label for label in labels)


def test_few_points_are_the_ticks_of_a_logarithmic_axis():
    lines = {name: ([4, 8, 64], [1, 2, 3]) for name in "ab"}
    (ax,) = plots.line_panels([panel(lines, xscale="log")], "Lines").axes
    assert [text.get_text() for text in ax.get_xticklabels(which="both")] == ["4", "8", "64"]


def test_bars_stand_side_by_side_with_their_values_above():
    groups = {"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 60.25]}
    (ax,) = plots.bars(groups, ["p", "q", "r"], "x", "y", "Bars", "{:.1f}").axes
    first, second = ax.containers
    assert [bar.get_height() for bar in first] == [1, 2, 3]
    assert [bar.get_height() for bar in second] == [4, 5, 60.25]
    for k, (left, right) in enumerate(zip(first, second, strict=True)):
        assert left.get_x() + left.get_width() == pytest.approx(right.get_x())
        assert left.get_x() < k < right.get_x() + right.get_width()
    assert "60.2" in [text.get_text() for text in ax.texts]


def test_histograms_count_every_value_of_a_panel_in_the_same_bins():
    a, b = RNG.normal(size=(20, 5)), 3 * RNG.normal(size=70)
    (ax,) = plots.histograms({"one": {"a": a, "b": b}}, "x", "n", "Counts", bins=13).axes
    (counts_a, edges_a, _), (counts_b, edges_b, _) = (patch.get_data() for patch in ax.patches)
    assert counts_a.sum() == 100 and counts_b.sum() == 70
    assert np.array_equal(edges_a, edges_b) and len(counts_a) == 13
    assert edges_a[0] == min(a.min(), b.min()) and edges_a[-1] == max(a.max(), b.max())


def test_a_name_keeps_its_colour_in_every_panel():
    panels = {"one": {"a": [1, 2], "b": [3]}, "two": {"b": [1, 5]}}
    figure = plots.histograms(panels, "x", "n", "Counts")
    one, two = figure.axes[:2]
    assert one.patches[1].get_edgecolor() == two.patches[0].get_edgecolor()
    assert one.patches[0].get_edgecolor() != two.patches[0].get_edgecolor()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_clouds_hold_every_point_in_the_colour_of_its_class():
    figure = plots.class_directions([cloud(), cloud(n_train=0)], ["0", "1"])
    for ax, n_train in zip(figure.axes, (6, 0), strict=True):
        scattered = [c for c in ax.collections if isinstance(c, PathCollection)]
        assert [len(c._offsets3d[0]) for c in scattered] == [n_train, 1, 2]
        assert ax.get_xlim() == ax.get_ylim() == ax.get_zlim()


def test_arrows_point_where_the_class_does():
    directions = np.array([[2.0, 0], [0, 0], [0, -5.0]])
    points = np.eye(3)
    one = plots.Cloud("one", directions, points, points, np.array([0, 1, 1]))
    ax = plots.class_directions([one], ["p", "q"]).axes[0]
    texts = {text.get_text(): np.array(text.get_position_3d()) for text in ax.texts}
    for name, direction in zip("pq", directions.T, strict=True):
        unit = direction / np.linalg.norm(direction)
        assert np.allclose(texts[name], 1.15 * unit, atol=0.05)


@pytest.mark.parametrize("speck", ["train", "test"])
def test_a_speck_is_in_front_with_a_ring_around_it(speck):
    usual, shrunk = cloud(), cloud()
    shrunk = shrunk._replace(**{speck: getattr(shrunk, speck) / 1000})
    left, right = plots.class_directions([usual, shrunk], ["0", "1"]).axes
    dots, *crosses = [c for c in right.collections if isinstance(c, PathCollection)]
    front, back = (dots, crosses[0]) if speck == "train" else (crosses[0], dots)
    arrows = [c for c in right.collections if not isinstance(c, PathCollection)]
    assert front.get_zorder() > max(a.get_zorder() for a in arrows) > back.get_zorder()
    assert min(text.get_zorder() for text in right.texts) > front.get_zorder()
    assert [len(ax.lines) for ax in (left, right)] == [0, 1]


def test_scatter_draws_every_sample_as_the_sign_of_its_class():
    labels = np.array([7, 1, 7, 1, 1])
    panels = {"one": RNG.normal(size=(5, 2)), "two": RNG.normal(size=(5, 2))}
    figure = plots.scatter(panels, labels, "x", "y", "Points")
    for ax, (name, points) in zip(figure.axes, panels.items(), strict=True):
        assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == (name, "x", "y")
        ones, sevens = (np.asarray(drawn.get_offsets()) for drawn in ax.collections)
        assert np.array_equal(ones, points[labels == 1])
        assert np.array_equal(sevens, points[labels == 7])
        assert [text.get_text() for text in ax.texts] == ["1", "7"]
        assert ax.texts[0].get_color() != ax.texts[1].get_color()


def test_names_of_classes_stand_at_their_medians_and_never_on_each_other():
    apart = np.array([[0.0, 0], [1, 0], [0, 10]])
    texts = plots.scatter({"a": apart}, ["p", "q", "r"], "x", "y", "Points").axes[0].texts
    places = np.array([text.get_position() for text in texts])
    assert np.allclose(places, apart, atol=1e-4)
    heap = np.concatenate([np.zeros((5, 2)), [[1, 1]]])
    figure = plots.scatter({"a": heap, "b": heap}, list("abcdef"), "x", "y", "Points")
    figure.canvas.draw()
    for ax in figure.axes:
        middles = ax.transData.transform([text.get_position() for text in ax.texts])
        distances = np.linalg.norm(middles[:, None] - middles, axis=2)
        widest = max(text.get_bbox_patch().get_window_extent().width for text in ax.texts)
        assert (distances + 1e9 * np.eye(6)).min() > 0.9 * widest


def test_loss_against_accuracy_has_one_point_per_epoch():
    runs = {
        "a": tn.History([1, 1], [50, 60], [0.5, 0.4], [55, 65]),
        "b": tn.History([1], [50], [90.0], [30]),
    }
    (ax,) = plots.loss_against_accuracy(runs).axes
    drawn = [collection.get_offsets().tolist() for collection in ax.collections]
    assert drawn == [[[0.5, 55], [0.4, 65]], [[90, 30]]]
    assert ax.get_xscale() == "log"


SQUARE = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])


def plane(answer, y=(0, 0, 1, 1), X=SQUARE, **options):
    return plots.Plane("plane", answer, X, np.array(y), **options)


def steep(X):
    """The score of class 1, 0 where the first input is 0.4."""
    return 20 * (X[:, :1] - 0.4)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def field_of(ax):
    """The colour at the place of each point of SQUARE."""
    (image,) = ax.images
    colours, (left, right, bottom, top) = image.get_array(), image.get_extent()
    assert image.origin == "lower"
    places = ((SQUARE - (left, bottom)) / (right - left, top - bottom) * (len(colours) - 1)).round()
    return np.array([colours[int(row), int(column)] for column, row in places])


def boundary_of(ax):
    """The points of the black line."""
    lines = [c for c in ax.collections if not isinstance(c, PathCollection)]
    return np.concatenate([path.vertices for line in lines for path in line.get_paths()] or [[]])


def plane_of(answer, y=(0, 0, 1, 1), names=None, **options):
    return lambda: plots.decision_boundary([plane(answer, y, **options)], names)


ANSWERS = {
    "a function, one output": plane(lambda X: sigmoid(steep(X))),
    "without its axis": plane(lambda X: sigmoid(steep(X))[:, 0]),
    "its score": plane(steep, logits=True),
    "two probabilities": plane(lambda X: np.hstack([1 - sigmoid(steep(X)), sigmoid(steep(X))])),
    "two scores": plane(lambda X: np.hstack([0 * steep(X) + 3, steep(X) + 3])),
    "labels as a column": plane(steep, [[0.0], [0], [1], [1]], logits=True),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_plane_has_the_colour_of_the_likeliest_class(name):
    (ax,) = plots.decision_boundary([ANSWERS[name]]).axes
    blue, _, orange, _ = colours = field_of(ax)
    assert np.allclose(colours, [blue, blue, orange, orange], atol=1e-3)
    assert blue[2] > blue[0] and orange[0] > orange[2]
    line = boundary_of(ax)
    assert np.allclose(line[:, 0], 0.4, atol=0.01) and np.ptp(line[:, 1]) > 1
    dots = [c.get_offsets().tolist() for c in ax.collections if isinstance(c, PathCollection)]
    assert dots == [SQUARE[:2].tolist(), SQUARE[2:].tolist()]


def test_what_is_as_likely_as_not_is_white_and_a_surer_place_is_darker():
    half, surer = plane(lambda X: np.full(len(X), 0.5)), plane(lambda X: np.full(len(X), 0.75))
    sure = plane(lambda X: np.ones(len(X)))
    colours = [field_of(ax)[0] for ax in plots.decision_boundary([half, surer, sure]).axes]
    assert colours[0].tolist() == [1, 1, 1]
    assert (colours[1] > colours[2]).all() and (colours[1] < colours[0]).all()
    assert all(len(boundary_of(ax)) == 0 for ax in plots.decision_boundary([half, sure]).axes)


def test_three_classes_have_a_boundary_between_any_two():
    def scores(X):
        return X @ np.array([[0, 20.0, 0], [0, -20, 30]]) - (0, 10, 10)

    figure = plots.decision_boundary([plane(scores, (0, 2, 1, 2))])
    (ax,) = figure.axes
    colours = field_of(ax).round(3).tolist()
    assert colours[1] == colours[3] and len({tuple(colour) for colour in colours}) == 3
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["class 0", "class 1", "class 2", "boundary"]


def test_a_network_is_asked_in_evaluation_in_the_dtype_of_the_points_and_stays_as_it_is():
    net = tn.Sequential(tn.Linear(2, 4, rng=0), tn.Dropout(0.5, rng=0), tn.Linear(4, 3, rng=1))
    before = net[1].state.copy(), tn.fingerprint(net)
    X, y = SQUARE.astype(np.float32), np.array([0, 1, 2, 0])
    first, second = (
        plots.decision_boundary([plots.Plane("net", net, X, y)]).axes[0].images[0].get_array()
        for _ in range(2)
    )
    assert np.array_equal(first, second)
    assert net.training and (net[1].state == before[0]).all() and tn.fingerprint(net) == before[1]


def test_points_that_all_lie_on_a_line_have_a_plane_too():
    figure = plots.decision_boundary([plane(steep, X=SQUARE * (1, 0), logits=True)])
    low, high = figure.axes[0].get_ylim()
    assert low < 0 < high


def test_wrong_input_is_named_and_leaves_no_figure():
    good = cloud()
    cases = [
        ("at least one Panel", lambda: plots.line_panels([], "t")),
        ("'title' has no lines", lambda: plots.line_panels([panel({})], "t")),
        (
            r"'a' has x of shape \(2,\)",
            lambda: plots.line_panels([panel({"a": ([1, 2], [1])})], ""),
        ),
        (
            r"'p' has x of shape \(2,\)",
            lambda: plots.line_panels([panel({"a": ([1], [1])}, points={"p": ([1, 2], [1])})], "t"),
        ),
        ("at least one Landscape", lambda: plots.loss_landscapes([], "t")),
        (
            r"shape \(2, 2\), expected \(3, 5\)",
            lambda: plots.loss_landscapes([landscape(losses=np.ones((2, 2)))], "t"),
        ),
        ("a loss of 0", lambda: plots.loss_landscapes([landscape(losses=np.zeros((3, 5)))], "t")),
        (
            r"path 'p' has x of shape \(1,\)",
            lambda: plots.loss_landscapes([landscape(paths={"p": ([1], [1, 2])})], "t"),
        ),
        ("at least one group", lambda: plots.bars({}, [], "x", "y", "t")),
        (r"'a' has shape \(3,\)", lambda: plots.bars({"a": [1, 2, 3]}, ["p"], "x", "y", "t")),
        ("at least one panel", lambda: plots.histograms({}, "x", "y", "t")),
        ("'one' has no values", lambda: plots.histograms({"one": {"a": []}}, "x", "y", "t")),
        ("at least one Cloud", lambda: plots.class_directions([], ["0"])),
        (r"expected \(3, 3\)", lambda: plots.class_directions([good], ["0", "1", "2"])),
        (
            r"test \(3, 2\)",
            lambda: plots.class_directions([good._replace(test=good.test[:, :2])], ["0", "1"]),
        ),
        ("scatter: expected at least one panel", lambda: plots.scatter({}, [0], "x", "y", "t")),
        (
            r"'a' has points of shape \(2, 3\) and there are labels of shape \(2,\)",
            lambda: plots.scatter({"a": np.ones((2, 3))}, [0, 1], "x", "y", "t"),
        ),
        (
            r"labels of shape \(0,\), expected .* N at least 1",
            lambda: plots.scatter({"a": np.ones((0, 2))}, [], "x", "y", "t"),
        ),
        ("at least one Plane", lambda: plots.decision_boundary([])),
        ("columns = 0", lambda: plots.decision_boundary([plane(steep)], columns=0)),
        (r"\(4, 3\) and y of shape \(4,\)", plane_of(steep, X=np.ones((4, 3)))),
        (r"y of shape \(3,\), expected", plane_of(steep, [0, 1, 1])),
        ("X of 'plane' holds NaN", plane_of(steep, X=SQUARE * np.nan)),
        ("holds -1 to 1, expected whole", plane_of(steep, [0, 1, -1, 0])),
        (r"label 2, expected 0 to 1", plane_of(steep, [0, 1, 2, 0], names=["no", "yes"])),
        (r"'plane' reaches from -.* to .*logits=True", plane_of(steep)),
        (r"points has shape \(\d+, 4\).*, or one prob", plane_of(lambda X: np.hstack([X, X]))),
        (r"points has shape \(\d+, 1\), expected \(\d+, 3\)$", plane_of(steep, [0, 1, 2, 0])),
        ("answer of 'plane' holds NaN", plane_of(lambda X: np.nan * X[:, 0])),
        ("test=", lambda: plots.loss_against_accuracy({})),
        ("test=", lambda: plots.loss_against_accuracy({"a": tn.History([1.0], [50.0])})),
    ]
    alone, scored = tn.History([1.0], [], [1.0]), tn.History([1.0], [], [1.0])
    scored.score_name = "r2"
    for why, run in (("its loss has none", alone), ("it was scored by r2", scored)):
        message = f"run 'b' has 1 test losses and 0 test accuracies; {why}"
        runs = {"a": tn.History([1], [50], [90.0], [30]), "b": run}
        cases.append((message, lambda runs=runs: plots.loss_against_accuracy(runs)))
    for message, call in cases:
        with pytest.raises(ValueError, match=message):
            call()
        assert plt.get_fignums() == []
