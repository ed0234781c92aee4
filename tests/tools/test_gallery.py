"""The gallery: complete, its links alive, its notebooks made from the scripts as they are."""

import importlib
import re
import sys

import nbformat
import pytest
from test_examples import EXAMPLES, LESSONS, run

sys.path.insert(0, str(EXAMPLES))
make_notebooks = importlib.import_module("make_notebooks")
run_all = importlib.import_module("run_all")
sys.path.remove(str(EXAMPLES))


def code_of(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_gallery_has_every_lesson_and_a_figure_that_it_draws():
    assert list(run_all.ENTRIES) == sorted(LESSONS)
    for name, entry in run_all.ENTRIES.items():
        assert entry.figure in LESSONS[name].figures
        assert entry.results


def test_readme_shows_every_lesson_and_all_its_links_are_alive():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    for name, entry in run_all.ENTRIES.items():
        for link in (
            f"{name}.py",
            f"notebooks/{name}.ipynb",
            f"gallery/{name[:2]}_{entry.figure}.png",
        ):
            assert link in links
        assert f"**{entry.question}**" in text
    for link in links:
        assert (EXAMPLES / link).is_file(), link
        assert (EXAMPLES / link).stat().st_size < 150_000 or not link.endswith(".png")


@pytest.mark.parametrize("name", LESSONS)
def test_notebook_in_the_repository_is_that_of_the_script(name):
    stored = nbformat.read(EXAMPLES / "notebooks" / f"{name}.ipynb", as_version=4)
    nbformat.validate(stored)
    made = make_notebooks.notebook_of(EXAMPLES / f"{name}.py")
    for key in ("cell_type", "source", "id"):
        assert [cell[key] for cell in stored.cells] == [cell[key] for cell in made.cells], (
            "run python examples/make_notebooks.py"
        )


@pytest.mark.parametrize("name", LESSONS)
def test_notebook_has_all_code_and_prose_of_the_script(name):
    script = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    cells = make_notebooks.notebook_of(EXAMPLES / f"{name}.py").cells
    title, install, csv_note, *rest = cells
    assert title.source == script.split('"""')[1].strip()
    assert make_notebooks.REPOSITORY in install.source and "pip install" in install.source
    assert "mnist_train_small.csv" in csv_note.source
    commented = "\n".join(
        re.sub("^(?=.)", "# ", cell.source, flags=re.M).replace("\n\n", "\n#\n")
        if cell.cell_type == "markdown"
        else cell.source
        for cell in rest
    )
    body = re.sub("^# %%\n", "", script.split('"""', 2)[2], flags=re.M)
    assert re.sub(r"\n+", "\n", commented) == re.sub(r"\n+", "\n", body).strip()


@pytest.mark.slow
def test_code_of_a_notebook_runs(tmp_path):
    notebook = make_notebooks.notebook_of(EXAMPLES / "01_networks.py")
    install, *code = code_of(notebook)
    script = tmp_path / "from_notebook.py"
    script.write_text("\n".join(['"""What Jupyter has as its own docstring."""', *code]))
    done = run(script, "--figures", tmp_path / "figures")
    assert done.returncode == 0, done.stderr
    assert "units of later layers that moved" in done.stdout
    assert install.startswith("# Run this first.")


def test_claims_are_read_from_the_table_that_ends_a_lesson():
    output = """
something  else

claim                 measured  needed               verdict
test accuracy (%)        95.40  >= 94                holds
a loss, twice spaced     -0.73  >= -1 and <= -0.5    not judged
never reached              inf  <= 2                 FAILS
2 figures: a.png, b.png
"""
    assert run_all.measured_claims(output) == {
        "test accuracy (%)": "95.40",
        "a loss, twice spaced": "-0.73",
        "never reached": "inf",
    }


def test_a_failing_lesson_fails_the_run_and_leaves_the_gallery(tmp_path, monkeypatch, capsys):
    for name, text in {"01_good": "print()", "02_bad": "raise SystemExit(1)"}.items():
        (tmp_path / f"{name}.py").write_text(f'"""\nA title\n"""\n{text}\n')
    readme = tmp_path / "README.md"
    readme.write_text("unchanged")
    monkeypatch.setattr(run_all, "EXAMPLES", tmp_path)
    monkeypatch.setattr(run_all, "README", readme)
    monkeypatch.setattr(run_all, "GALLERY", tmp_path / "gallery")
    entry = run_all.Entry("Why?", "figure", [])
    monkeypatch.setattr(run_all, "ENTRIES", {"01_good": entry, "02_bad": entry})
    monkeypatch.setattr(sys, "argv", ["run_all", "--figures", str(tmp_path)])
    with pytest.raises(SystemExit, match="failed: 02_bad"):
        run_all.main()
    assert "01_good: holds" in capsys.readouterr().out
    assert readme.read_text() == "unchanged" and not (tmp_path / "gallery").exists()


@pytest.mark.slow
def test_one_command_runs_all_lessons(tmp_path):
    before = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    done = run(EXAMPLES / "run_all.py", "--epochs", 1, "--figures", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, entry in run_all.ENTRIES.items():
        assert f"{name}: holds" in done.stdout
        assert (tmp_path / f"{name[:2]}_{entry.figure}.png").is_file()
        for result in entry.results:
            assert re.search(rf"{name} +{re.escape(result.claim)} +\S+", done.stdout)
    assert (EXAMPLES / "README.md").read_text(encoding="utf-8") == before
