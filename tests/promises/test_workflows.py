"""What GitHub reads: the workflows and the citation keep its formats, and agree with the rest."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import tinynet as tn

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CITATION = ROOT / "CITATION.cff"
BUILD = "python -m sphinx -W -c docs . site"


def fits(schema, *files):
    """Whether files fit a schema that comes with check-jsonschema, and what it says of them."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.returncode == 0, run.stdout + run.stderr


def value_of(key):
    """The value of a key at the top of the citation."""
    return re.search(rf"^{key}: (.+)$", CITATION.read_text(), re.MULTILINE)[1].strip('"')


def test_there_are_two_workflows():
    assert [path.name for path in WORKFLOWS] == ["checks.yml", "site.yml"]


@pytest.mark.parametrize(
    "schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"]
)
def test_the_workflows_fit_githubs_schema(schema):
    right, words = fits(schema, *WORKFLOWS)
    assert right, words


def test_the_citation_fits_its_schema():
    right, words = fits("vendor.citation-file-format", CITATION)
    assert right, words


@pytest.mark.parametrize(
    ("schema", "file", "old", "new"),
    [
        ("vendor.github-workflows", WORKFLOWS[0], "runs-on:", "runs:"),
        ("vendor.github-workflows", WORKFLOWS[1], "pages: write", "pages: publish"),
        ("vendor.citation-file-format", CITATION, "type: software", "type: program"),
    ],
)
def test_what_fits_no_schema_is_noticed(schema, file, old, new, tmp_path):
    text = file.read_text()
    assert old in text
    wrong = tmp_path / file.name
    wrong.write_text(text.replace(old, new))
    assert not fits(schema, wrong)[0]


def test_the_citation_is_of_this_version_and_licence():
    assert value_of("version") == tn.__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert value_of("license") == project["license"].split(" AND ")[0]  # the rest is the digits'


def test_the_workflows_run_what_is_there_and_what_the_readme_says():
    checks, site = (path.read_text() for path in WORKFLOWS)
    commands = re.findall(r"- run: (.+)", checks)
    assert commands == [".ci/run"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    readme = (ROOT / "README.md").read_text()
    install, build = re.findall(r"- run: (.+)", site)
    assert build == BUILD and BUILD in readme
    assert shlex.split(install)[-1] == ".[docs]" and 'pip install -e ".[docs]"' in readme
