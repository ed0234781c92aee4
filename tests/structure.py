"""The structure of tinynet in figures: imports uphill, circles of imports, and lines.

    python tests/structure.py                  of the files here
    python tests/structure.py --at d243f6e     of a commit; this one is the last before the house

What stands here is read from the syntax tree, so nothing of tinynet is imported.
``promises/test_structure.py`` asserts the limits.
"""

import argparse
import ast
import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).parents[1]

ORDER = (
    ("support", "rng", "version"),
    ("kernels",),
    ("module",),
    ("layers", "losses", "optim", "init"),
    ("data", "datasets"),
    ("runs", "formats"),
    ("compiler",),
    ("gradcheck", "inspection"),
    ("training",),
    ("estimator", "distributed", "plots", "pages"),
    ("workbook",),
    ("tinynet",),  # the package itself, which names all of the above
    ("cli", "__main__"),
)
"""The rooms, those that stand lower first; shared/design.md says why. Imports go to what is no
higher, and no two files import each other, not even through others."""

CONVENIENCES = {
    ("tinynet.module", "tinynet.inspection.summary"): "net.summary()",
    ("tinynet.runs.history", "tinynet.plots"): "history.plot()",
    ("tinynet.inspection.traced", "tinynet.plots.traces"): "trace.plot()",
    ("tinynet.inspection.traced", "tinynet.pages"): "trace.show()",
    ("tinynet.inspection.traced", "tinynet.pages.xray"): "trace.to_html()",
}
"""What a method of a lower room opens only when it is called, or names in a type, and why."""

EVENING = ("module", "layers", "losses", "optim", "data", "training", "kernels")
"""What a learner reads in an evening; of ``kernels/`` without its folders."""

FLAT = {
    "support": "_accuracy _blas _checks _held _magic _options _recording _types atomic",
    "kernels/gemm": "kernels/blocks kernels/nonzeros kernels/one_row kernels/panels kernels/sums",
    "kernels/conv": "",
    "kernels/simd": "kernels/lanes kernels/lanes_llvm",
    "kernels/threads": "",
    "kernels/jit": "kernels/dependencies kernels/jit kernels/shared",
    "datasets": "download idx",
    "runs": "_guard _progress _rehearsal history schedules scores stopping",
    "formats": "_checkpoint_parts _file_kinds _recipe _safetensors checkpoint exchange onnx_export "
    "serialization",
    "compiler": "_source _steps _writer",
    "inspection": "_case _data_findings _explain _findings _trace doctor summary tracing",
    "distributed": "_cluster _share",
}
"""Where the files of the flat layout went, for commits that have it."""

ROOM_OF_FLAT = {file: folder for folder, files in FLAT.items() for file in files.split()}


class Import(NamedTuple):
    """One import of a file of tinynet by another."""

    source: str
    target: str
    deferred: bool  # within a function, or for types only

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}{' (deferred)' if self.deferred else ''}"


class Structure:
    """What the files of a package say about each other.

    Parameters
    ----------
    files : dict from str to str
        Source by path, such as ``kernels/rows.py``.

    Attributes
    ----------
    imports : list of Import
    """

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files
        self.modules = {_module(path): path for path in files}
        self.imports = sorted({i for module in self.modules for i in self._imports_of(module)})

    def uphill(self) -> list[Import]:
        """Imports of a file that stands higher; conveniences are none."""
        return [i for i in self.imports if not _convenience(i) and self._climbs(i)]

    def conveniences(self) -> list[Import]:
        """Those of ``CONVENIENCES`` that are there."""
        return [i for i in self.imports if _convenience(i)]

    def circles(self) -> list[list[str]]:
        """The files that reach each other by imports, conveniences left out: a list for each."""
        after: dict[str, set[str]] = {module: set() for module in self.modules}
        for i in self.imports:
            if not _convenience(i):
                after[i.source].add(i.target)
        reached = {module: _reached(module, after) for module in after}
        circles = {
            tuple(sorted({module} | {o for o in reached[module] if module in reached[o]}))
            for module in after
            if module in reached[module]
        }
        return [list(circle) for circle in sorted(circles)]

    def evening(self) -> dict[str, int]:
        """Lines of each file of the evening, blank ones left out."""
        return {
            path: lines
            for path, lines in self._lines().items()
            if _place(path).split("/")[0] in EVENING
            and _place(path) not in FLAT
            and not path.startswith(tuple(f"{folder}/" for folder in FLAT))
        }

    def compiler(self) -> dict[str, int]:
        """Lines of each file of ``compiler/``, blank ones left out."""
        return {p: n for p, n in self._lines().items() if _place(p).split("/")[0] == "compiler"}

    def flat(self) -> dict[str, int]:
        """Lines of each file that stands in no folder, blank ones left out."""
        return {path: lines for path, lines in self._lines().items() if "/" not in path}

    def _lines(self) -> dict[str, int]:
        return {
            path: sum(1 for line in source.splitlines() if line.strip())
            for path, source in self.files.items()
        }

    def _room(self, module: str) -> str:
        return _place(self.modules[module]).split("/")[0] or "tinynet"

    def _climbs(self, i: Import) -> bool:
        level = {room: n for n, rooms in enumerate(ORDER) for room in rooms}
        return level[self._room(i.target)] > level[self._room(i.source)]

    def _imports_of(self, module: str) -> Iterator[Import]:
        tree = ast.parse(self.files[self.modules[module]])
        for node, deferred in _walk(tree, False):
            for name in _names(node):
                while name and name not in self.modules:
                    name = name.rpartition(".")[0]  # a function or a class of that module
                if name and name != module:
                    yield Import(module, name, deferred)


def _walk(node: ast.AST, deferred: bool) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes within, and whether they run later than the import of the file, or never."""
    later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    later |= isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    for child in ast.iter_child_nodes(node):
        yield child, deferred or later
        yield from _walk(child, deferred or later)


def _names(node: ast.AST) -> list[str]:
    """The names under tinynet that `node` imports, if it is an import."""
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "tinynet imports by full names"
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        names = [a.value for a in node.args if isinstance(a, ast.Constant)]
    return [name for name in names if f"{name}.".startswith("tinynet.")]


def _reached(start: str, after: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    left = list(after[start])
    while left:
        if (module := left.pop()) not in reached:
            reached.add(module)
            left += after[module]
    return reached


def _convenience(i: Import) -> bool:
    return i.deferred and (i.source, i.target) in CONVENIENCES


def _place(path: str) -> str:
    """Where a file stands in the house: ``kernels/rows``, or the folder that it went to."""
    file = path.removesuffix(".py")
    return ROOM_OF_FLAT.get(file, file.removesuffix("__init__"))


def _module(path: str) -> str:
    name = path.removesuffix(".py").removesuffix("__init__").rstrip("/").replace("/", ".")
    return f"tinynet.{name}".rstrip(".")


def here() -> Structure:
    """The structure of the files in this repository."""
    folder = REPO / "tinynet"
    return Structure(
        {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in folder.rglob("*.py")}
    )


def at(commit: str) -> Structure:
    """The structure at a commit."""
    command = ["git", "archive", commit, "tinynet"]
    packed = subprocess.run(command, cwd=REPO, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return Structure(
            {
                member.name.removeprefix("tinynet/"): archive.extractfile(member).read().decode()
                for member in archive
                if member.name.endswith(".py")
            }
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--at", metavar="COMMIT", help="of this commit instead of the files here")
    options = parser.parse_args()
    structure = at(options.at) if options.at else here()
    evening, compiler, flat = structure.evening(), structure.compiler(), structure.flat()
    uphill, circles = structure.uphill(), structure.circles()
    print(f"{len(structure.files)} files, {len(structure.imports)} imports among them")
    print(f"{len(uphill)} imports uphill", *uphill, sep="\n    ")
    print(f"{len(circles)} circles", *(" <-> ".join(circle) for circle in circles), sep="\n    ")
    print("conveniences", *structure.conveniences(), sep="\n    ")
    print("lines, blank ones left out")
    print(f"    the evening {sum(evening.values()):,}: ", end="")
    print(", ".join(f"{path} {lines}" for path, lines in evening.items()))
    print(f"    compiler/ {sum(compiler.values()):,}")
    print("    the longest flat files: ", end="")
    longest = sorted(flat.items(), key=lambda file: -file[1])[:6]
    print(", ".join(f"{path} {lines}" for path, lines in longest))


if __name__ == "__main__":
    main()
