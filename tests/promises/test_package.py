"""What a newcomer gets: the wheel, the public names, and what importing them costs."""

import ast
import email
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import tinynet as tn

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = sorted((ROOT / "tinynet").rglob("*.py"))
NOT_PUBLISHED = {".git", *(ROOT / ".gitignore").read_text().replace("/", "").split()}
PROVIDED_BY = {
    "sklearn": "scikit-learn", "joblib": "scikit-learn", "scipy": "scikit-learn",
    "PIL": "matplotlib", "mpl_toolkits": "matplotlib",
    "distributed": "dask", "pandas": "dask", "IPython": "ipython",
}  # fmt: skip
NEED_AN_EXTRA = {  # by folder
    "estimator": "sklearn scipy", "distributed": "distributed", "workbook": "hypothesis pytest",
}  # fmt: skip
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCES
    if path.name != "__main__.py"
]


def distribution(requirement):
    """The name at the start of a requirement such as ``torch==2.13.0``, without its extras."""
    return re.match(r"[\w.-]+", requirement)[0].lower()


def imports(path):
    """Each module that a file imports, with whether it does so when it is imported itself."""
    tree = ast.parse(path.read_text())
    outermost = set(ast.walk(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            outermost -= set(ast.walk(node)) - {node}
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            outermost -= {inner for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node in outermost
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module, node in outermost


class TestImport:
    def test_takes_in_nothing_heavy(self):
        program = (
            "import sys, tinynet\n"
            "heavy = {'matplotlib', 'sklearn', 'torch', 'pooch', 'tqdm', 'dask', 'onnx'}\n"
            "print(sorted(heavy & sys.modules.keys()))"
        )
        run = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert (run.stdout, run.stderr) == ("[]\n", "")

    @pytest.mark.parametrize("module", MODULES)
    def test_every_module_opens_with_a_short_lecture(self, module):
        docstring = importlib.import_module(module).__doc__
        assert docstring
        assert len(docstring.splitlines()[0]) <= 100

    def test_no_module_reads_pickles_but_the_cache_of_compiled_kernels(self):
        users = {
            (path.name, at_once)
            for path in SOURCES
            for name, at_once in imports(path)
            if name.split(".")[0] in ("pickle", "cPickle", "dill", "joblib", "shelve", "marshal")
        }
        assert users == {("cache.py", False)}
        for path in SOURCES:
            assert "allow_pickle=True" not in path.read_text()

    def test_no_module_imports_what_only_some_users_have_installed(self):
        installed = {distribution(requirement) for requirement in PROJECT["dependencies"]}
        allowed = installed | {"tinynet", "llvmlite"} | sys.stdlib_module_names
        for path in SOURCES:
            room = path.relative_to(ROOT / "tinynet").parts[0]
            more = NEED_AN_EXTRA.get(room, "").split()  # nothing else imports these modules
            for name, at_once in imports(path):
                package = name.split(".")[0]
                assert not at_once or package in allowed.union(more), f"{path} imports {name}"


class TestPublicNames:
    def test_all_is_spelled_out_sorted_and_importable(self):
        tree = ast.parse((ROOT / "tinynet/__init__.py").read_text())
        (spelled,) = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
        ]
        assert spelled == tn.__all__
        assert len(set(spelled)) == len(spelled)
        for name in spelled:
            assert getattr(tn, name).__doc__, f"{name} has no docstring"
        namespace = {}
        exec("from tinynet import *", namespace)
        assert set(spelled) <= namespace.keys()

    def test_what_the_issue_promises_is_there(self):
        promised = """
            Module Parameter Sequential Linear ReLU Softmax LogSoftmax Add NLLLoss CrossEntropyLoss
            SGD RMSprop Adam AdamW DataLoader fit History TorchGenerator datasets data
        """
        assert set(promised.split()) <= set(tn.__all__)
        assert callable(tn.datasets.mnist_small)
        assert callable(tn.datasets.load_csv)
        assert callable(tn.datasets.read_idx)
        assert callable(tn.data.minmax_scale)
        assert callable(tn.data.binarize)

    def test_an_unknown_name_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match=r"tinynet.*no attribute 'Conv4d'"):
            tn.Conv4d  # noqa: B018


def public_callables():
    """Every public function, class and method, by its full name."""
    spaces = [tn, *(value for name in tn.__all__ if inspect.ismodule(value := getattr(tn, name)))]
    found = {}
    for space in spaces:
        for name in getattr(space, "__all__", [name for name in vars(space) if name[0] != "_"]):
            thing = getattr(space, name)
            if callable(thing) and thing.__module__.startswith(space.__name__):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    for name, thing in list(found.items()):
        if inspect.isclass(thing) and not issubclass(thing, Exception):
            for method, value in vars(thing).items():
                if inspect.isfunction(value) and (method[0] != "_" or method == "__init__"):
                    found[f"{name}.{method}"] = value
    return found


CALLABLES = public_callables()
FUNCTIONS = {name: thing for name, thing in CALLABLES.items() if inspect.isfunction(thing)}


def documented_parameters(docstring):
    """The names in a numpydoc section "Parameters"."""
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", docstring, re.MULTILINE | re.DOTALL
    )
    if section is None:
        return None
    heads = [line for line in section[1].splitlines() if line and not line.startswith(" ")]
    return {name.strip(" *") for head in heads for name in head.split(" :")[0].split(",")}


def explains(thing):
    """Whether a docstring must have a table of parameters or attributes."""
    if inspect.isclass(thing):
        return not issubclass(thing, Exception) and bool(inspect.signature(thing).parameters)
    return "." not in thing.__qualname__ and bool(inspect.signature(thing).parameters)


class TestDocumentation:
    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_signatures_are_typed(self, name):
        signature = inspect.signature(FUNCTIONS[name])
        for parameter in signature.parameters.values():
            assert parameter.name == "self" or parameter.annotation is not parameter.empty
        assert signature.return_annotation is not signature.empty

    @pytest.mark.parametrize("name", [n for n in CALLABLES if not n.endswith("__init__")])
    def test_docstrings_name_the_parameters_there_are(self, name):
        thing = CALLABLES[name]
        docstring = inspect.getdoc(thing)
        assert docstring, f"{name} has no docstring"
        documented = documented_parameters(docstring)
        if documented is not None:
            accepted = set(inspect.signature(thing).parameters) - {"self"}
            assert documented == accepted

    @pytest.mark.parametrize("name", [name for name, thing in CALLABLES.items() if explains(thing)])
    def test_functions_and_classes_explain_what_they_take_and_hold(self, name):
        docstring = inspect.getdoc(CALLABLES[name])
        assert re.search(r"^(Parameters|Attributes)\n-{10}\n", docstring, re.MULTILINE)

    def test_equations_are_numpy_and_not_latex(self):
        for path in SOURCES:
            found = re.findall(r":math:|\\frac|\\sum|\\partial|\$[^$\n]*\\[a-z]+", path.read_text())
            assert not found, f"{path}: {found}"


class TestWheel:
    @pytest.fixture
    def wheel(self, built):
        with zipfile.ZipFile(built) as wheel:
            yield wheel

    @pytest.fixture(scope="module")
    @staticmethod
    def built(tmp_path_factory):
        folder = tmp_path_factory.mktemp("wheel")
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        (path,) = folder.glob("*.whl")
        return path

    def test_holds_the_package_with_its_data_and_nothing_else(self, wheel):
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        expected = {path.relative_to(ROOT).as_posix() for path in SOURCES}
        data = {name for name in names if not name.endswith(".py")}
        assert expected <= names
        assert all(name.startswith("tinynet/") for name in names)
        assert {
            "tinynet/py.typed",
            "tinynet/data_files/DATA_LICENSE",
            "tinynet/data_files/train-images-20000-idx3-ubyte.gz",
            "tinynet/data_files/train-labels-20000-idx1-ubyte.gz",
        } <= data
        for name in data:
            assert wheel.read(name) == (ROOT / name).read_bytes()

    def test_names_both_licences_and_holds_both_texts(self, wheel):
        texts = {
            Path(name).name: wheel.read(name).decode()
            for name in wheel.namelist()
            if "/licenses/" in name
        }
        assert "Redistribution and use in source and binary forms" in texts["LICENSE"]
        for holder in ("Yann LeCun", "Corinna Cortes", "Christopher", "Burges", "20,000"):
            assert holder in texts["DATA_LICENSE"]
        assert re.search("Attribution-ShareAlike 3.0|CC BY-SA 3.0", texts["DATA_LICENSE"])
        assert self.metadata(wheel)["License-Expression"] == "BSD-3-Clause AND CC-BY-SA-3.0"

    def test_metadata(self, wheel):
        metadata = self.metadata(wheel)
        assert metadata["Name"] == "tinynet-backprop"
        assert metadata["Version"] == tn.__version__
        assert metadata["Requires-Python"] == ">=3.11"
        assert {"lessons", "test", "dev"} <= set(metadata.get_all("Provides-Extra"))
        required = {
            distribution(line) for line in metadata.get_all("Requires-Dist") if "extra" not in line
        }
        assert {"numpy", "numba"} <= required
        assert not required & {"torch", "matplotlib", "scikit-learn", "tqdm", "pooch"}

    def metadata(self, wheel):
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(wheel.read(name))


def extra(name):
    """The distributions that an extra brings, those of other extras in it included."""
    found = set()
    for requirement in PROJECT["optional-dependencies"][name]:
        inner = re.match(rf"{PROJECT['name']}\[([\w,-]+)\]", requirement)
        if inner is None:
            found.add(distribution(requirement))
        else:
            found = found.union(*map(extra, inner[1].split(",")))
    return found


class TestProject:
    def test_runtime_dependencies_have_lower_bounds_only(self):
        assert PROJECT["name"] == "tinynet-backprop"
        assert PROJECT["requires-python"] == ">=3.11"
        for requirement in PROJECT["dependencies"]:
            assert re.fullmatch(r"[\w-]+>=[\d.]+", requirement)

    @pytest.mark.slow
    @pytest.mark.parametrize(("folder", "name"), [("tests", "test"), ("examples", "lessons")])
    def test_an_extra_brings_all_that_the_files_of_a_folder_import(self, folder, name):
        installed = extra(name) | {distribution(line) for line in PROJECT["dependencies"]}
        own = {path.stem for path in ROOT.rglob("*.py")}
        own |= {path.parent.name for path in ROOT.rglob("__init__.py")}
        own |= {"IPython"}  # a notebook has it, and lesson.py imports it in one only
        files = sorted((ROOT / folder).rglob("*.py"))
        assert files
        for path in files:
            for module, _ in imports(path):
                package = module.split(".")[0]
                if package not in own and package not in sys.stdlib_module_names:
                    assert PROVIDED_BY.get(package, package) in installed, f"{path} needs {package}"

    def test_pytorch_is_the_version_that_the_numbers_are_for(self):
        assert "torch==2.13.0" in PROJECT["optional-dependencies"]["test"]

    def test_the_top_level_is_as_agreed(self):
        for name in (
            "tinynet/py.typed",
            "examples",
            "benchmarks",
            "tests",
            "docs",
            "pyproject.toml",
            "README.md",
            "LICENSE",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            ".gitignore",
            ".pre-commit-config.yaml",
            ".ci/run",
            ".github/workflows",
            "CITATION.cff",
        ):
            assert (ROOT / name).exists(), f"{name} is missing"
        assert not (ROOT / "src").exists()
        assert "five steps" in (ROOT / "CONTRIBUTING.md").read_text()

    def test_the_changelog_begins_with_this_version(self):
        headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
        assert headings[0] == tn.__version__

    @pytest.mark.slow
    def test_nothing_sends_a_user_to_the_other_project_of_that_name(self):
        wrong = re.compile(
            r"\b(?:pip3?|pipx|uv|conda)\s+(?:install|add)\s+(?:-\S+\s+)*[\"']?tinynet(?![\w-])"
        )
        assert wrong.search("python -m pip " + "install -U tinynet[test]")
        assert not wrong.search("pip " + "install tinynet-backprop")
        suffixes = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".html", ".ipynb", ""}
        for path in ROOT.rglob("*"):
            folders = set(path.relative_to(ROOT).parts)
            if path.is_file() and path.suffix in suffixes and not folders & NOT_PUBLISHED:
                assert not wrong.search(path.read_text()), path
