"""The lessons as the site has run them: their claims and figures, and what is stored of them."""

import importlib
import io
import re
import sys

import nbformat
import numpy as np
import pytest
from built_site import needs_site
from PIL import Image
from readme import same
from test_examples import EXAMPLES, LESSONS, check_claims, check_figures

from tinynet.plots import style

sys.path.insert(0, str(EXAMPLES))
run_all = importlib.import_module("run_all")
course = importlib.import_module("course")
sys.path.remove(str(EXAMPLES))
stored = run_all.stored


def the_same_anywhere(text: str) -> str:
    """What is the same on another kind of processor, with another number of them, and any time."""
    differs = r"^(fingerprint of the weights: .*|\d+ workers|seconds .*: [\d.]+|\d+ figures: .*)$"
    text = re.sub(differs, "", text, flags=re.MULTILINE)
    return re.sub(r"\n\s*\n+", "\n", text).strip()


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
            f"results/{name}.txt",
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
def test_stored_results_are_those_of_one_full_run(name):
    check_claims(name, stored(name))
    assert re.search(LESSONS[name].table, stored(name))


def test_readme_has_the_figures_that_are_stored():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert text == run_all.readme(), "run python examples/run_all.py --readme"
    claims = run_all.measured_claims(stored("03_ffn_on_mnist"))
    assert f"| test accuracy (%) | {claims['test accuracy (%)']} | about 96 |" in text


def test_readme_has_the_transcripts_of_three_exercises():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8").partition(run_all.TRANSCRIPTS)[2]
    for file in ("05_dW.py", "11_nll.py", "19_dropout.py"):
        for part in ("below its lecture", "a first try", "a second try"):
            assert f"=== {file}, {part}\n" in text
        number = file[:2]
        assert text.count(f"$ python -m tinynet workbook check my_workbook {number}\n") == 2
        assert f"$ python -m tinynet workbook check my_workbook {number} --hint\nhint 1 of" in text
    assert text.count("the smallest example that fails:") >= 3


def test_every_notebook_of_the_course_has_a_lesson_and_both_figures():
    assert len({shown[:2] for shown in course.COURSE}) == len(course.COURSE) == 31
    table = course.course_table(lambda lesson, claim: (f"{lesson}'s", ""))
    assert table.count("\n") == 32
    assert "| FFN: missing7 | [15](15_missing_seven.py) | sure of 7s, all wrong (%) |" in table
    assert " | 15_missing_seven's | not measured |" in table
    pytorch = [run_all.pytorch(s.lesson, run_all.Result(s.claim)) for s in course.COURSE]
    without = [s.notebook for s, figures in zip(course.COURSE, pytorch, strict=True) if not figures]
    assert without == ["time"]


@needs_site
@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
class TestTheSitesRun:
    def test_its_claims_hold_and_it_prints_what_is_stored(self, name):
        text = run_all.printed((run_all.LESSONS / f"{name}.rst").read_text(encoding="utf-8"))
        check_claims(name, text)
        assert re.search(LESSONS[name].table, text)
        assert same(the_same_anywhere(stored(name)), the_same_anywhere(text)), text

    def test_it_draws_its_figures_and_the_one_that_is_stored(self, name):
        folder = run_all.MADE / name
        check_figures(name, folder)
        picture = f"{name[:2]}_{run_all.ENTRIES[name].figure}.png"
        shown = (EXAMPLES / "gallery" / picture).read_bytes()
        assert look_alike(shown, (folder / picture).read_bytes())

    def test_its_page_shows_all_figures_and_pages(self, name):
        page = (run_all.LESSONS / f"{name}.rst").read_text(encoding="utf-8")
        made = list((run_all.MADE / name).iterdir())
        assert page.count("image-sg") == sum(path.suffix == ".png" for path in made)
        for path in made:
            assert path.suffix == ".png" or f"live/{path.name}" in page

    def test_its_downloads_are_the_script_and_a_notebook_of_it(self, name):
        script = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
        assert (run_all.LESSONS / f"{name}.py").read_text(encoding="utf-8") == script
        notebook = nbformat.read(run_all.LESSONS / f"{name}.ipynb", as_version=4)
        nbformat.validate(notebook)
        code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
        assert "lesson = Lesson(" in code and "lesson.finish()" in code
        assert code.index("pip install") < code.index("import tinynet as tn")


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


def test_what_a_page_prints_is_read_from_all_its_cells():
    page = """
text

.. rst-class:: sphx-glr-script-out

 .. code-block:: none

    first  1
      indented

.. code-block:: Python

    print("no output")

.. rst-class:: sphx-glr-script-out

 .. code-block:: none


    claim   measured
    a          1.00


after
"""
    assert run_all.printed(page) == "first  1\n  indented\n\nclaim   measured\na          1.00\n"


@pytest.fixture
def stored_elsewhere(tmp_path, monkeypatch):
    """Let run_all write into a folder of its own."""
    for name in ("results", "gallery", "lessons", "made"):
        (tmp_path / name).mkdir()
    for name in run_all.ENTRIES:
        (tmp_path / "results" / f"{name}.txt").write_text(stored(name), encoding="utf-8")
    (tmp_path / "README.md").write_text((EXAMPLES / "README.md").read_text(encoding="utf-8"))
    for attribute, name in {
        "RESULTS": "results", "GALLERY": "gallery", "README": "README.md", "LESSONS": "lessons",
        "MADE": "made",
    }.items():  # fmt: skip
        monkeypatch.setattr(run_all, attribute, tmp_path / name)
    return tmp_path


def test_a_failing_lesson_fails_the_run_and_renews_nothing(stored_elsewhere, monkeypatch, capsys):
    monkeypatch.setattr(
        run_all.subprocess, "run", lambda *a, **k: run_all.argparse.Namespace(returncode=1)
    )
    monkeypatch.setattr(sys, "argv", ["run_all", "01_networks"])
    before = {p: p.read_bytes() for p in stored_elsewhere.rglob("*") if p.is_file()}
    with pytest.raises(SystemExit, match="failed"):
        run_all.main()
    assert before == {p: p.read_bytes() for p in stored_elsewhere.rglob("*") if p.is_file()}


def test_one_command_renews_results_picture_and_readme(stored_elsewhere, monkeypatch, capsys):
    def build(names, site):
        output = stored("01_networks").replace("12.62", "99.99")
        indented = "".join(f"    {line}\n" for line in output.splitlines())
        page = f".. rst-class:: sphx-glr-script-out\n\n .. code-block:: none\n\n{indented}\n"
        (stored_elsewhere / "lessons" / "01_networks.rst").write_text(page)
        (stored_elsewhere / "made" / "01_networks").mkdir()
        (stored_elsewhere / "made" / "01_networks" / "01_fully_connected.png").write_bytes(b"new")

    monkeypatch.setattr(run_all, "build", build)
    monkeypatch.setattr(sys, "argv", ["run_all", "01_networks"])
    before = (stored_elsewhere / "README.md").read_text()
    run_all.main()
    assert re.search(r"01_networks +share of all .* 99\.99", capsys.readouterr().out)
    assert (stored_elsewhere / "gallery" / "01_fully_connected.png").read_bytes() == b"new"
    after = (stored_elsewhere / "README.md").read_text()
    assert after != before and after.replace("99.99", "12.62") == before


def test_an_unknown_lesson_is_named(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run_all", "16_unwritten"])
    with pytest.raises(SystemExit):
        run_all.main()
    assert "no lesson 16_unwritten; there are 01_networks" in capsys.readouterr().err
