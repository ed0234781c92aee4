"""Write the table of full citizenship into ``tests/README.md``: each layer and loss in each tool.

    pytest -m "slow or not slow" -o junit_family=xunit1 --junitxml=FILE \\
        tests/promises/test_citizens.py
    python tests/citizens.py FILE...

A cell is a test of ``promises/test_citizens.py``, which finds the layers and losses by itself; what
stands in it is how that test ended.
"""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- citizens: begin -->", "<!-- citizens: end -->"
CASE = re.compile(r"test_a_(layer|loss)\[(\w+)-(.+)\]")

Cells = dict[str, dict[str, dict[str, str]]]
"""By "layer" or "loss", by class, by tool: "yes", "refused", "FAILED", or "not run"."""


def read(paths: list[Path]) -> Cells:
    """The cells, as the tests of these runs ended; of one in two files, as in the later."""
    cells: Cells = {"layer": {}, "loss": {}}
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            found = CASE.fullmatch(case.get("name", ""))
            if found is None:
                continue
            said = [p.get("value", "") for p in case.iter("property") if p.get("name") == "cell"]
            cell = said[0] if said else "yes"
            if case.find("skipped") is not None:
                cell = "not run"
            elif case.find("failure") is not None or case.find("error") is not None:
                cell = "FAILED"
            kind, name, tool = found.groups()
            cells[kind].setdefault(name, {})[tool] = cell
    return cells


def table(cells: Cells) -> str:
    """Two tables in Markdown, classes down and tools across, in alphabetical and in test order."""
    tables = []
    for kind, rows in cells.items():
        tools = list(dict.fromkeys(tool for row in rows.values() for tool in row))
        lines = [f"| {kind} | {' | '.join(tools)} |", "| --- " * (len(tools) + 1) + "|"]
        for name in sorted(rows):
            row = [rows[name].get(tool, "not run") for tool in tools]
            lines.append(f"| `{name}` | {' | '.join(row)} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def written() -> str:
    """The tables that stand in the file."""
    return README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


def main() -> int:
    if not sys.argv[1:]:
        print("usage: python tests/citizens.py FILE...  (of pytest --junitxml=FILE)")
        return 2
    cells = read([Path(name) for name in sys.argv[1:]])
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}\n\n{table(cells)}\n\n{END}{after}", encoding="utf-8")
    every = [cell for rows in cells.values() for row in rows.values() for cell in row.values()]
    gaps = sum(cell in ("FAILED", "not run") for cell in every)
    print(f"{README}: {len(every)} cells, {gaps} gaps")
    return 1 if gaps or not every else 0


if __name__ == "__main__":
    sys.exit(main())
