"""The figures that the lessons share, and that readers can draw of their own networks.

Every function draws one figure, titled and labelled, and returns it; nothing is shown or saved.
Figures are made by ``matplotlib.pyplot``, so that they appear by themselves in a notebook.
matplotlib is imported inside the functions alone: ``import tinynet`` does without it.
Colours are Okabe and Ito's, which people with any kind of colour vision can tell apart.
"""

from tinynet.plots.charts import Panel, bars, heat_map, histograms, line_panels
from tinynet.plots.clouds import Cloud, class_directions, loss_against_accuracy, scatter
from tinynet.plots.curves import error_rates, learning_curves
from tinynet.plots.digits import correlations, digit_grid, pixel_histograms, pixel_rows
from tinynet.plots.landscapes import Landscape, loss_landscapes
from tinynet.plots.looking import filters, saliency
from tinynet.plots.networks import compare_connectivity, draw_complete_graph, draw_network
from tinynet.plots.outputs import guesses, output_bars
from tinynet.plots.planes import Plane, decision_boundary

__all__ = [
    "Cloud",
    "Landscape",
    "Panel",
    "Plane",
    "bars",
    "class_directions",
    "compare_connectivity",
    "correlations",
    "decision_boundary",
    "digit_grid",
    "draw_complete_graph",
    "draw_network",
    "error_rates",
    "filters",
    "guesses",
    "heat_map",
    "histograms",
    "learning_curves",
    "line_panels",
    "loss_against_accuracy",
    "loss_landscapes",
    "output_bars",
    "pixel_histograms",
    "pixel_rows",
    "saliency",
    "scatter",
]
