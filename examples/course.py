"""The course's 31 notebooks on MNIST, and which lesson shows what each of them shows.

``run_all.py`` puts them into the lessons' README as a table, with what was measured.
"""

from collections.abc import Callable
from typing import NamedTuple


class Shown(NamedTuple):
    """A notebook of the course, and the lesson and claim that stand for it here."""

    section: str
    notebook: str
    lesson: str
    claim: str
    note: str = ""  # of the result, where it is not the notebook's own


PROCESS_TIME = "process time, which the lesson prints"
"""No figure, since each machine has its own; ``benchmarks/README.md`` sets it beside PyTorch's."""

COURSE = [
    Shown("FFN", "aboutMNIST", "02_about_mnist", "most frequent correlation of two 7s"),
    Shown("FFN", "FFNonMNIST", "03_ffn_on_mnist", "test accuracy (%)"),
    Shown("FFN", "binMNIST", "05_binarized_mnist", "test accuracy, binarized (%)"),
    Shown("FFN", "normalization", "06_normalization", "train only: test accuracy (%)"),
    Shown("FFN", "optimizers", "08_optimizers", "Adam: test accuracy (%)"),
    Shown(
        *("FFN", "weightHistograms", "11_weight_distributions"),
        "spread after over spread before, last layer",
    ),
    Shown("FFN", "BreadthDepth", "12_breadth_and_depth", "best mean accuracy (%)"),
    Shown("FFN", "scrambledMNIST", "13_scrambled", "scrambled by one rule: differs by (points)"),
    Shown("FFN", "shiftedMNIST", "14_shifted", "moved by 4 pixels (%)"),
    Shown("FFN", "missing7", "15_missing_seven", "sure of 7s, all wrong (%)"),
    Shown("GPU", "CodeChallenge2GPU", "12_breadth_and_depth", "best mean accuracy (%)"),
    Shown(
        "data", "noiseAugmentation", "18_more_data", "noisy digits, learned with noisy copies (%)"
    ),
    Shown("data", "oversampling", "18_more_data", "doubled before the split: test accuracy (%)"),
    Shown("data", "saveLoadModels", "03_ffn_on_mnist", "answers of the loaded network that differ"),
    Shown("measurePerformance", "example2", "18_more_data", "500 sevens: precision lost (points)"),
    Shown("measurePerformance", "unequal", "18_more_data", "500 sevens: recall lost (points)"),
    Shown("measurePerformance", "time", "18_more_data", PROCESS_TIME),
    Shown("weights", "demoinits", "17_first_weights", "weights all 1: test accuracy (%)"),
    Shown("weights", "weightstd", "17_first_weights", "Adam, std 0.01: test accuracy (%)"),
    Shown(
        *("weights", "weightchanges", "17_first_weights"),
        "condition number of layer 1, after over before",
    ),
    Shown(
        "weights",
        "freezeWeights",
        "19_freezing_and_transfer",
        "hidden layers frozen, at the end (%)",
    ),
    Shown("autoencoder", "denoisingMNIST", "23_autoencoders", "noise, repaired by B: error (%)"),
    Shown("autoencoder", "occlusion", "23_autoencoders", "bars, repaired by C: error (%)"),
    Shown("autoencoder", "Nunits", "23_autoencoders", "500 hidden units, a code of 100: error (%)"),
    Shown(
        "autoencoder", "MNISTlatentCode", "23_autoencoders", "right by the nearest code of 15 (%)"
    ),
    Shown("autoencoder", "tiedWeights", "23_autoencoders", "tied: error (%)"),
    Shown("GAN", "MNIST", "25_gan", "written digits the reader is sure of (%)"),
    Shown("CNN", "CNN4MNIST", "24_cnn", "convolutional: errors (%)"),
    Shown("CNN", "shiftedMNIST", "24_cnn", "rolled digits, convolutional: test accuracy (%)"),
    Shown(
        *("transfer", "MNISTtoFMNIST", "19_freezing_and_transfer"),
        "10 of each, copied and frozen (%)",
        ", from digits 0 to 4 to digits 5 to 9; on Fashion-MNIST: not measured",
    ),
    Shown("convolution", "customDataSet", "24_cnn", "fewer upright digits by flips (points)"),
]


def course_table(figures: Callable[[str, str], tuple[str, str]]) -> str:
    """The table; `figures` tells tinynet's and PyTorch's for a lesson's claim."""
    rows = [
        "| notebook of the course | lesson | result | tinynet | PyTorch |",
        "| --- | --- | --- | --- | --- |",
    ]
    for section, notebook, lesson, claim, note in COURSE:
        cells = ["[benchmarks](../benchmarks/README.md)"] * 2
        if claim != PROCESS_TIME:
            cells = [figure or "not measured" for figure in figures(lesson, claim)]
        link = f"[{lesson[:2]}]({lesson}.py)"
        rows.append(f"| {section}: {notebook} | {link} | {claim}{note} | {' | '.join(cells)} |")
    return "\n".join(rows)
