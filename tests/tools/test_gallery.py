"""The gallery: complete, its links alive; notebooks as the scripts are, with what they print."""

import importlib
import io
import re
import shutil
import sys

import nbformat
import numpy as np
import pytest
from PIL import Image
from readme import same
from test_examples import EXAMPLES, LESSONS, check_claims, check_figures

from tinynet.plots import style

sys.path.insert(0, str(EXAMPLES))
make_notebooks = importlib.import_module("make_notebooks")
run_all = importlib.import_module("run_all")
course = importlib.import_module("course")
sys.path.remove(str(EXAMPLES))
stored = make_notebooks.stored


def the_same_anywhere(text: str) -> str:
    """What is the same on another kind of processor, and with another number of them."""
    machines = r"^(fingerprint of the weights: .*|\d+ workers|seconds .*: [\d.]+)$"
    return re.sub(machines, "", text, flags=re.MULTILINE)


def look_alike(picture: bytes, other: bytes) -> bool:
    """Whether two pictures are equally large, and differ little from a distance."""
    opened = [Image.open(io.BytesIO(p)).convert("L") for p in (picture, other)]
    small = [np.asarray(p.resize((50, 50)), dtype=float) for p in opened]
    return opened[0].size == opened[1].size and bool(np.abs(small[0] - small[1]).mean() < 3)


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


def test_figures_of_the_gallery_are_1600_pixels_wide():
    """Half of that as shown: ``plots/style`` says what that means."""
    assert style.SAVED_DPI * style.WIDTH == 1600 == 2 * style.SHOWN_WIDTH
    for name, entry in run_all.ENTRIES.items():
        path = EXAMPLES / "gallery" / f"{name[:2]}_{entry.figure}.png"
        with Image.open(path) as image:
            assert image.width == 1600, path


@pytest.mark.parametrize("name", LESSONS)
def test_notebook_in_the_repository_is_that_of_the_script(name):
    nbformat.validate(stored(name))
    made = make_notebooks.notebook_of(EXAMPLES / f"{name}.py")
    for key in ("cell_type", "source", "id"):
        assert [cell[key] for cell in stored(name).cells] == [cell[key] for cell in made.cells], (
            f"run python examples/run_all.py {name}"
        )


@pytest.mark.parametrize("name", LESSONS)
def test_stored_outputs_are_those_of_one_full_run(name):
    text, pictures = make_notebooks.outputs_of(stored(name))
    expected, entry = LESSONS[name], run_all.ENTRIES[name]
    check_claims(name, text)
    assert re.search(expected.table, text)
    assert len(pictures) == len(expected.figures) + len(expected.pages)
    assert (EXAMPLES / "gallery" / f"{name[:2]}_{entry.figure}.png").read_bytes() in pictures


def test_readme_has_the_figures_that_are_stored():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert text == run_all.readme(), "run python examples/run_all.py --readme"
    claims = run_all.measured_claims(make_notebooks.outputs_of(stored("03_ffn_on_mnist"))[0])
    assert f"| test accuracy (%) | {claims['test accuracy (%)']} | about 96 |" in text


def test_every_notebook_of_the_course_has_a_lesson_and_both_figures():
    assert len({shown[:2] for shown in course.COURSE}) == len(course.COURSE) == 31
    table = course.course_table(lambda lesson, claim: (f"{lesson}'s", ""))
    assert table.count("\n") == 32
    assert "| FFN: missing7 | [15](15_missing_seven.py) | sure of 7s, all wrong (%) |" in table
    assert " | 15_missing_seven's | not measured |" in table
    pytorch = [run_all.pytorch(s.lesson, run_all.Result(s.claim)) for s in course.COURSE]
    without = [s.notebook for s, figures in zip(course.COURSE, pytorch, strict=True) if not figures]
    assert without == ["time"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
def test_notebook_runs_as_it_is_and_gives_what_is_stored(name, tmp_path):
    pytest.importorskip("nbclient")
    text, pictures = make_notebooks.outputs_of(make_notebooks.run_notebook(name, tmp_path / "run"))
    check_claims(name, text)
    check_figures(name, tmp_path / "run" / "figures")
    stored_text, stored_pictures = make_notebooks.outputs_of(stored(name))
    assert same(the_same_anywhere(stored_text), the_same_anywhere(text)), text
    assert len(pictures) == len(stored_pictures)
    assert all(map(look_alike, stored_pictures, pictures))


@pytest.mark.slow
def test_seeds_stand_beside_each_other(monkeypatch, capsys):
    name = "16_backward_by_hand"
    monkeypatch.setattr(sys, "argv", ["run_all.py", name, "--seeds", "3", "4"])
    with pytest.raises(SystemExit) as end:
        run_all.main()
    printed = capsys.readouterr().out
    assert end.value.code == 0
    assert f"{name}, seed 3: holds" in printed and f"{name}, seed 4: holds" in printed
    assert re.search(r"loss after it +0\.79 +0\.79 +0\.79$", printed, re.MULTILINE)


def test_texts_that_come_in_parts_are_one_output():
    def output(text, name="stdout"):
        return nbformat.v4.new_output("stream", name=name, text=text)

    picture = nbformat.v4.new_output("display_data", data={"image/png": ""})
    parts = [output("a"), output("b\n"), picture, picture, output("c"), output("d", "stderr")]
    joined = make_notebooks._joined(parts)
    assert [part.get("text") for part in joined] == ["ab\n", None, None, "c", "d"]


def test_what_looks_alike():
    def png(array):
        file = io.BytesIO()
        Image.fromarray(np.asarray(array, dtype=np.uint8)).save(file, "PNG")
        return file.getvalue()

    white, one_line = np.full((100, 200), 255), np.full((100, 200), 255)
    one_line[50] = 0
    assert look_alike(png(white), png(white))
    assert look_alike(png(white), png(one_line))
    assert not look_alike(png(white), png(white // 2))
    assert not look_alike(png(white), png(white[:, :199]))


@pytest.mark.parametrize("repository", [None, "https://github.com/somebody/tinynet"])
def test_what_needs_an_address_is_left_out_without_one(repository, monkeypatch):
    monkeypatch.setattr(make_notebooks, "REPOSITORY", repository)
    first = make_notebooks.first_cell()
    assert ("git clone" in first) == bool(repository)
    part = run_all.section("01_networks", {run_all.ENTRIES["01_networks"].results[0].claim: "1"})
    assert ("(https://colab.research.google.com/github/somebody/tinynet/blob/" in part) == bool(
        repository
    )


@pytest.mark.parametrize("name", LESSONS)
def test_notebook_has_all_code_and_prose_of_the_script(name):
    script = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    cells = make_notebooks.notebook_of(EXAMPLES / f"{name}.py").cells
    title, first, csv_note, *rest = cells
    assert title.source == script.split('"""')[1].strip()
    assert first.source == make_notebooks.first_cell() and "pip install" in first.source
    assert "mnist_train_small.csv" in csv_note.source
    commented = "\n".join(
        re.sub("^(?=.)", "# ", cell.source, flags=re.M).replace("\n\n", "\n#\n")
        if cell.cell_type == "markdown"
        else cell.source
        for cell in rest
    )
    body = re.sub("^# %%\n", "", script.split('"""', 2)[2], flags=re.M)
    assert re.sub(r"\n+", "\n", commented) == re.sub(r"\n+", "\n", body).strip()


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


@pytest.fixture
def a_gallery(tmp_path, monkeypatch):
    """Let run_all write into a folder of its own."""
    readme = tmp_path / "README.md"
    readme.write_text((EXAMPLES / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "gallery").mkdir()
    shutil.copytree(EXAMPLES / "notebooks", tmp_path / "notebooks")
    monkeypatch.setattr(make_notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(run_all, "GALLERY", tmp_path / "gallery")
    monkeypatch.setattr(run_all, "README", readme)
    return tmp_path


def test_a_failing_lesson_fails_the_run_and_renews_nothing(a_gallery, monkeypatch, capsys):
    def run_notebook(name, folder):
        if name == "02_about_mnist":
            raise make_notebooks.LessonFailed("a claim FAILS")
        return stored(name)

    before = (a_gallery / "README.md").read_text(encoding="utf-8")
    monkeypatch.setattr(run_all, "run_notebook", run_notebook)
    monkeypatch.setattr(sys, "argv", ["run_all", "01_networks", "02_about_mnist"])
    with pytest.raises(SystemExit, match="failed: 02_about_mnist"):
        run_all.main()
    printed = capsys.readouterr()
    assert "01_networks: holds" in printed.out and "a claim FAILS" in printed.err
    assert (a_gallery / "README.md").read_text(encoding="utf-8") == before
    assert not [*(a_gallery / "gallery").iterdir()]
    notebooks = EXAMPLES / "notebooks"
    for path in (a_gallery / "notebooks").iterdir():
        assert path.read_bytes() == (notebooks / path.name).read_bytes()


def test_an_unknown_lesson_is_named(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run_all", "16_unwritten"])
    with pytest.raises(SystemExit):
        run_all.main()
    assert "no lesson 16_unwritten; there are 01_networks" in capsys.readouterr().err


@pytest.mark.slow
def test_one_command_renews_notebook_picture_and_readme(a_gallery, monkeypatch, capsys):
    pytest.importorskip("nbclient")
    before = (a_gallery / "README.md").read_text(encoding="utf-8")
    (a_gallery / "README.md").write_text(before.replace("| 12.62 |", "| 7 |"), encoding="utf-8")
    (a_gallery / "notebooks" / "01_networks.ipynb").unlink()
    monkeypatch.setattr(sys, "argv", ["run_all", "01_networks"])
    run_all.main()
    assert re.search(r"01_networks +share of all .* 12\.62", capsys.readouterr().out)
    assert (a_gallery / "gallery" / "01_fully_connected.png").is_file()
    assert (a_gallery / "notebooks" / "01_networks.ipynb").is_file()
    after = (a_gallery / "README.md").read_text(encoding="utf-8")
    assert after == before
