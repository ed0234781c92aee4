"""What all lessons share beside their subject: options, the digits, saved figures, the verdict.

A lesson is readable without this file. It makes one ``Lesson``, asks it for the digits, hands it
each figure to save and each claim to judge, and ends with ``finish``.
"""

import argparse
import io
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

for package in ("matplotlib", "sklearn"):
    if find_spec(package) is None:
        sys.exit(f"{package} is missing; install the lessons' extra: pip install '.[lessons]'")

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

import tinynet as tn
from tinynet.pages import Page
from tinynet.plots.style import DPI, SAVED_DPI

IN_NOTEBOOK = "ipykernel" in sys.modules
IN_GALLERY = "sphinx_gallery" in sys.modules


class Lesson:
    """One run of a lesson: its options as attributes, its figures, and its claims."""

    def __init__(self, doc: str, epochs: int | None = None, **own_options: str) -> None:
        """Read the command line.

        `epochs` is the full run, None where nothing is trained. `own_options` are further ones by
        name, with their help; their text is in `options`, None where it was not given.
        """
        parser = argparse.ArgumentParser(description=doc.strip().partition("\n")[0])
        parser.add_argument(
            "--epochs",
            type=_whole_number(1),
            default=epochs,
            help=f"epochs of training (a full run has {epochs})" if epochs else "not used here",
        )
        parser.add_argument("--seed", type=_whole_number(0), default=0, help="of all chance (0)")
        parser.add_argument("--csv", type=Path, help="other digits, such as Colab's CSV file")
        parser.add_argument("--figures", type=Path, default=Path("figures"), help="folder for PNGs")
        parser.add_argument("--show", action="store_true", help="open the figures in windows")
        for name, text in own_options.items():
            parser.add_argument(f"--{name}", help=text)
        options = parser.parse_args([] if IN_NOTEBOOK else None)
        if not (options.show or IN_NOTEBOOK):
            matplotlib.use("Agg")
        self.epochs, self.seed, self.csv = options.epochs, options.seed, options.csv
        self.folder: Path = options.figures
        self.options = {name: getattr(options, name) for name in own_options}
        self.keep_open = options.show
        self.is_full_run = epochs is None or options.epochs >= epochs
        self.claims: list[tuple[str, str, str, str]] = []
        self.saved: list[Path] = []

    def digits(self) -> "tn.datasets.Digits":
        """Load the 20,000 bundled digits, or those of --csv."""
        if self.csv is None:
            return tn.datasets.mnist_small()
        try:
            return tn.datasets.load_csv(self.csv)
        except (OSError, ValueError) as error:
            sys.exit(f"error: {error}")

    def save(self, figure: Figure, name: str) -> None:
        """Save a figure as `name.png`, at most 1,600 pixels wide, in the folder of --figures.

        A notebook shows that file at half its size: see ``tinynet/plots/style.py``.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.png"
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=SAVED_DPI)
        # 128 colours are plenty, and make the file a third as large; kmeans keeps pale ones apart.
        picture = Image.open(buffer).convert("RGB")
        picture.quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=1).save(path, optimize=True)
        self.saved.append(path)
        if IN_NOTEBOOK:
            from IPython import display

            width = round(DPI * figure.get_figwidth())
            display.display(display.Image(path, width=width))
        if not self.keep_open:
            plt.close(figure)

    def show_page(self, page: Page, name: str) -> Path:
        """Save a page as `name.html` in the folder of --figures; a notebook shows it, too."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.html"
        page.write(path)
        if IN_NOTEBOOK:
            from IPython.display import display

            display(page, metadata={"text/html": {"page": name}})
        return path

    def fingerprint(self, net: tn.Module) -> None:
        """Print a short hash of the weights: the same seed and machine print the same again."""
        print(f"fingerprint of the weights: {tn.fingerprint(net)}")

    def claim(
        self,
        text: str,
        value: float,
        at_least: float = -float("inf"),
        at_most: float = float("inf"),
        trained: bool = True,
    ) -> None:
        """Note a measured value and its bounds; `trained` ones are judged on full runs only."""
        if trained and not self.is_full_run:
            verdict = "not judged"
        else:
            verdict = "holds" if at_least <= value <= at_most else "FAILS"
        bounds = [f">= {at_least:g}"] * (at_least > -float("inf"))
        bounds += [f"<= {at_most:g}"] * (at_most < float("inf"))
        self.claims.append((text, f"{value:.2f}", " and ".join(bounds), verdict))

    def finish(self) -> None:
        """Print the claims and where the figures are; exit with code 1 if a claim fails."""
        rows = [("claim", "measured", "needed", "verdict"), *self.claims]
        widths = [max(len(row[k]) for row in rows) for k in range(4)]
        print()
        for text, value, bounds, verdict in rows:
            print(f"{text:<{widths[0]}}  {value:>{widths[1]}}  {bounds:<{widths[2]}}  {verdict}")
        if not self.is_full_run:
            print(f"A run of {self.epochs} epochs is too short to judge what training must reach.")
        if not IN_GALLERY:  # its page shows them
            print(f"\n{len(self.saved)} figures: {', '.join(str(path) for path in self.saved)}")
        if self.keep_open:
            plt.show()
        if failed := [text for text, *_, verdict in self.claims if verdict == "FAILS"]:
            if IN_GALLERY:
                raise AssertionError(f"claims fail: {', '.join(failed)}")
            sys.exit(1)


def _whole_number(minimum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if number < minimum:
            raise argparse.ArgumentTypeError(f"{number} is below {minimum}")
        return number

    parse.__name__ = "whole number"
    return parse
