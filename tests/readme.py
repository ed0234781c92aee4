"""README and docs as programs: their Python blocks run top to bottom, one process for each page.

A ``text`` block holds what the Python block above it prints. A block without a language, under a
comment ``printed by: command``, holds lines of what that command prints; what a lesson prints is
read from ``examples/results``. Pictures below ``docs/images`` are those that a page's blocks save
under that name. ``python tests/readme.py`` runs all of it in a temporary folder and writes the
outputs and the pictures anew; with names of pages, only those.
"""

import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sybil import Document, Region
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
OF_THE_SITE = {ROOT / "docs" / name for name in ("index.md", "guides.md", "live.md")}
"""Pages that lead through the site; GitHub does not need them."""

PAGES = [README, *sorted(set((ROOT / "docs").glob("*.md")) - OF_THE_SITE)]
RESULTS = ROOT / "examples" / "results"
LESSON = re.compile(r"python examples/(\w+)\.py")
PRINTED_BY = re.compile(r"<!-- printed by: (.+) -->\n\Z")
FIGURE = re.compile(r"!\[[^]]*\]\((images/\w+\.png)\)")
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
ROUNDING = 1e-9
"""Numbers below this are rounding errors, which differ from one processor to the next."""


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    source: str
    command: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}, line {self.line}"


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    document = Document.parse(str(page), _all_blocks)
    return [example.parsed for example in document.examples()]


def _all_blocks(document: Document) -> Iterator[Region]:
    for region in FencedCodeBlockLexer(".*", {"language": "language", "source": "source"})(
        document
    ):
        above = PRINTED_BY.search(document.text[: region.start])
        language, source = region.lexemes["language"], str(region.lexemes["source"])
        line = document.text[: region.start].count("\n") + 1
        yield Region(
            region.start,
            region.end,
            Block(Path(document.path), line, language, source, above and above[1]),
            lambda example: None,
        )


def run_python(parts: list[Block]) -> Iterator[tuple[Block, str, Block | None]]:
    """Run the Python blocks in one namespace; yield each, what it prints, and its ``text``."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block, following in zip(parts, [*parts, None][1:], strict=True):
        if block.language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile("\n" * block.line + block.source, block.page, "exec"), namespace)
            is_output = following is not None and following.language == "text"
            yield block, printed.getvalue(), following if is_output else None


def printed_by(command: str) -> str:
    """What a command prints: a lesson's as stored, another one run in the present folder."""
    if lesson := LESSON.fullmatch(command):
        return (RESULTS / f"{lesson[1]}.txt").read_text(encoding="utf-8")
    words = shlex.split(command)
    assert words[0] == "python", command
    run = subprocess.run(
        [sys.executable, *words[1:]], capture_output=True, text=True, encoding="utf-8", check=True
    )
    return run.stdout


def same(shown: str, printed: str) -> bool:
    """Whether two outputs have the same words, and numbers that are equal to a hundredth."""
    if NUMBER.sub("#", _trimmed(shown)) != NUMBER.sub("#", _trimmed(printed)):
        return False
    numbers = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(_close(*(float(n.replace(",", "")) for n in pair)) for pair in numbers)


def _close(a: float, b: float) -> bool:
    return max(abs(a), abs(b)) < ROUNDING or abs(a - b) <= 0.01 * max(abs(a), abs(b))


def _trimmed(text: str) -> str:
    return "\n".join(re.sub(" +", " ", line).strip() for line in text.strip().splitlines())


def figures(page: Path) -> list[Path]:
    """The pictures of a page that its own blocks save, under these names, where they run."""
    return [page.parent / link for link in FIGURE.findall(page.read_text(encoding="utf-8"))]


def extract(shown: str, printed: str) -> str:
    """The paragraphs of `printed` that those of `shown` are taken from: those most like them."""
    theirs = printed.split("\n\n")
    found = [max(theirs, key=partial(_likeness, mine)) for mine in shown.strip().split("\n\n")]
    return "\n\n".join(part.strip("\n") for part in found)


def _likeness(one: str, other: str) -> int:
    """How many lines two texts have in common, numbers aside."""
    lines = [set(NUMBER.sub("#", _trimmed(text)).splitlines()) for text in (one, other)]
    return len(lines[0] & lines[1])


def renew(page: Path) -> None:
    """Write the outputs of a page anew."""
    parts = blocks(page)
    outputs = [(out, printed) for _, printed, out in run_python(parts) if out is not None]
    outputs += [(b, extract(b.source, printed_by(b.command))) for b in parts if b.command]
    lines = page.read_text(encoding="utf-8").splitlines(keepends=True)
    for block, printed in sorted(outputs, reverse=True):
        first = block.line  # the line below the fence, counted from 0
        new = [f"{line.rstrip()}\n" for line in printed.rstrip().splitlines()]
        lines[first : first + len(block.source.splitlines())] = new
    page.write_text("".join(lines), encoding="utf-8")
    for picture in figures(page):
        shutil.copy(picture.name, picture)


def main() -> None:
    for page in [Path(name).resolve() for name in sys.argv[1:]] or PAGES:
        with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
            renew(page)
        print(f"renewed: {page}")


if __name__ == "__main__":
    main()
