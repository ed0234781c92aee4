"""Run all lessons, one per core; renew figures, notebooks and the gallery; print one table.

``python examples/run_all.py`` takes a few minutes. With ``--epochs 1`` it is a quick try, which
leaves the gallery as it is. The exit code is 1 if any lesson failed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from make_notebooks import EXAMPLES, colab_link, make_notebooks

GALLERY = EXAMPLES / "gallery"
README = EXAMPLES / "README.md"
MARKS = "<!-- made by run_all.py: begin -->", "<!-- made by run_all.py: end -->"


class Result(NamedTuple):
    """A claim of a lesson, with what the course and PyTorch gave for the same."""

    claim: str
    course: str = ""
    pytorch: str = ""


class Entry(NamedTuple):
    """What the gallery shows of a lesson beside its title."""

    question: str
    figure: str
    results: list[Result]


ENTRIES = {
    "01_networks": Entry(
        "What is fully connected in a fully-connected network, and what is not?",
        "fully_connected",
        [Result("share of all possible connections in the digit network (%)")],
    ),
    "02_about_mnist": Entry(
        "What is in the digits, and how well have others read them?",
        "error_rates",
        [
            Result("most frequent correlation of two 7s", "a little above 0.4"),
            Result("errors of the linear network (%)"),
            Result("errors of the feed-forward network (%)"),
        ],
    ),
    "03_ffn_on_mnist": Entry(
        "How does a network learn to read digits?",
        "learning_curves",
        [
            Result("train accuracy (%)", "", "99.6 to 99.7"),
            Result("test accuracy (%)", "about 96", "95.7, 96.5, 95.3"),
        ],
    ),
    "04_softmax_vs_log_softmax": Entry(
        "Why does the network end with log-softmax, and not with softmax?",
        "learning_curves",
        [
            Result("test accuracy with softmax (%)", "77 (100 epochs)", "64.6, 65.8"),
            Result("test accuracy with log-softmax (%)", "about 96", "95.7, 96.5, 95.3"),
        ],
    ),
    "05_binarized_mnist": Entry(
        "How much do the grey values matter?",
        "before_and_after",
        [Result("test accuracy, binarized (%)", "about 95", "95.3, 95.6, 94.7")],
    ),
    "06_normalization": Entry(
        "What if the training digits or the test digits are not scaled?",
        "class_directions",
        [
            Result("equal: test accuracy (%)", "", "about 95.7"),
            Result("train only: test accuracy (%)", "", "92.8 to 95.8"),
            Result("train only: test loss", "", "31 to 58"),
            Result("test only: train accuracy (%)", "", "100"),
            Result("test only: test accuracy (%)", "", "17 to 55"),
            Result("test only: test loss", "", "hardly below 2.3"),
        ],
    ),
    "07_write_your_own_layer": Entry(
        "How do I write a layer of my own, and know that its gradient is right?",
        "learning_curves",
        [Result("mistakes caught, of 5")],
    ),
    "08_optimizers": Entry(
        "What do momentum, RMSprop and Adam change?",
        "learning_curves",
        [
            Result("SGD: test accuracy (%)"),
            Result("RMSprop: test accuracy (%)", "", "95.6 to 96.5 (20 epochs)"),
            Result("Adam: test accuracy (%)", "", "95.6 to 95.8 (20 epochs)"),
            Result("softmax: Adam is better than SGD by (points)"),
        ],
    ),
    "09_playground": Entry(
        "What happens inside, number by number, and what does the network make of my digits?",
        "trace",
        [
            Result("test accuracy (%)"),
            Result("loss of the batch, after over before"),
            Result("largest page (MB)"),
        ],
    ),
    "10_scaling_out": Entry(
        "Which learning rate, and who tries them all?",
        "heat_map",
        [
            Result("scores that differ from those of a run without cluster, of 3"),
            Result("best accuracy (%)"),
            Result("64 units instead of 8 (points)"),
        ],
    ),
    "11_weight_distributions": Entry(
        "Which weights does learning move, and how far?",
        "histograms",
        [
            Result("spread after over spread before, last layer"),
            Result("moved weights of pixels that are never lit"),
        ],
    ),
    "12_breadth_and_depth": Entry(
        "How many layers, and how many units in each?",
        "breadth_and_depth",
        [
            Result("64 units instead of 4, mean gain (points)"),
            Result("3 layers or 1, at 32 and 64 units, differ by (points)"),
            Result("best mean accuracy (%)"),
        ],
    ),
    "13_scrambled": Entry(
        "Does a network mind if all pixels change places?",
        "digits",
        [
            Result("scrambled by one rule: differs by (points)", "nothing changes"),
            Result("each by its own rule: test accuracy (%)"),
        ],
    ),
    "14_shifted": Entry(
        "Does it mind if a digit is not where it was?",
        "accuracy",
        [
            Result("moved by 4 pixels (%)"),
            Result("learned from shifted digits, moved by 2 pixels (%)"),
        ],
    ),
    "15_missing_seven": Entry(
        "What does a network make of 7s that has never seen one?",
        "sevens",
        [
            Result("test accuracy on the known digits (%)"),
            Result("7s read as 7s (%)"),
            Result("sure of 7s, all wrong (%)"),
        ],
    ),
}


def run(name: str, figures: Path, options: list[str]) -> tuple[str, float, bool]:
    """Run one lesson; return what it printed, its seconds, and whether its claims hold."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), "--figures", str(figures), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        print(f"{name} failed:\n{done.stdout}{done.stderr}", file=sys.stderr)
    return done.stdout, seconds, done.returncode == 0


def measured_claims(output: str) -> dict[str, str]:
    """Read the table that ends a lesson: claim -> measured value."""
    _, _, table = output.partition("\nclaim ")
    rows = (
        re.match(r"(.+?)  +(\S+)  .*  (holds|FAILS|not judged)$", row) for row in table.split("\n")
    )
    return {row[1]: row[2] for row in rows if row}


def section(name: str, claims: dict[str, str], seconds: float) -> str:
    """Write a lesson's part of the gallery."""
    entry = ENTRIES[name]
    title = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()[1]
    rows = "\n".join(
        f"| {result.claim} | {claims[result.claim]} | {result.course} | {result.pytorch} |"
        for result in entry.results
    )
    notebook = f"[notebook](notebooks/{name}.ipynb), [on Colab]({colab_link(name)})"
    return f"""\
## {name[:2]} {title}

**{entry.question}** Script [{name}.py]({name}.py), {notebook}; {seconds:.0f} s.

![{title}](gallery/{name[:2]}_{entry.figure}.png)

| result | tinynet | course | PyTorch |
| --- | --- | --- | --- |
{rows}
"""


def main() -> None:
    """Run all lessons; renew the gallery unless this is only a quick try."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--epochs", help="a quick try of so many epochs; the gallery stays as it is"
    )
    parser.add_argument("--figures", type=Path, default=Path("figures"), help="folder for PNGs")
    options = parser.parse_args()
    lesson_options = ["--epochs", options.epochs] if options.epochs else []
    sections, table, failed = [], [], []
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = pool.map(lambda name: run(name, options.figures, lesson_options), ENTRIES)
        for (name, entry), (output, seconds, holds) in zip(ENTRIES.items(), runs, strict=True):
            print(f"{name}: {'holds' if holds else 'FAILS'} ({seconds:.0f} s)", flush=True)
            if not holds:
                failed.append(name)
                continue
            claims = measured_claims(output)
            table += [(name, result, claims[result.claim]) for result in entry.results]
            sections.append(section(name, claims, seconds))

    print(f"\n{'lesson':<26} {'result':<60} {'tinynet':>8}  {'course':<19}  PyTorch")
    for name, result, value in table:
        print(f"{name:<26} {result.claim:<60} {value:>8}  {result.course:<19}  {result.pytorch}")
    print(f"{time.perf_counter() - start:.0f} seconds in all, on {os.cpu_count()} cores")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
    if not options.epochs:
        GALLERY.mkdir(exist_ok=True)
        for name, entry in ENTRIES.items():
            shutil.copy(options.figures / f"{name[:2]}_{entry.figure}.png", GALLERY)
        make_notebooks()
        begin, end = MARKS
        before, _, rest = README.read_text(encoding="utf-8").partition(begin)
        after = rest.partition(end)[2]
        made = "\n".join(sections)
        README.write_text(f"{before}{begin}\n\n{made}\n{end}{after}", encoding="utf-8")
        print(f"renewed: {README}, {GALLERY}, and the notebooks")


if __name__ == "__main__":
    main()
