"""The workbook's commands: nothing is overwritten, every message helps, programs can read them."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_command_line import run
from test_workbook import solution_of

import tinynet as tn
from tinynet.workbook import earlier, loading
from tinynet.workbook.folder import PROGRESS
from tinynet.workbook.ladder import BY_FILE, LADDER

REPO = Path(tn.__file__).parents[1]
DW, SGD = BY_FILE["05_dW.py"], BY_FILE["14_sgd.py"]
TRANSPOSED = DW.filled("def grad_W(dy, x):\n    return (x.T @ dy).T\n")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "my workbook"
    assert run("workbook", path).code == 0
    return path


def tree(path):
    return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}


class TestWriting:
    def test_a_new_folder_has_a_file_for_each_exercise(self, tmp_path):
        ran = run("workbook", tmp_path / "a" / "b")
        names = {path.name for path in (tmp_path / "a" / "b").iterdir()}
        assert names == {"README.md", "conftest.py", *BY_FILE}
        assert f"{len(names)} files, {len(LADDER)} exercises" in ran.out

    def test_the_map_has_them_all(self, folder):
        text = (folder / "README.md").read_text()
        assert "<!--" not in text
        assert all(f"[{e.title}]({e.file})" in text for e in LADDER)

    def test_a_second_time_nothing_changes(self, folder):
        (folder / DW.file).write_text("mine")
        before = tree(folder)
        ran = run("workbook", folder)
        assert (ran.code, tree(folder)) == (0, before)
        assert "nothing was written" in ran.out

    def test_what_is_missing_comes_back(self, folder):
        (folder / DW.file).write_text("mine")
        (folder / SGD.file).unlink()
        assert run("workbook", folder).code == 0
        assert (folder / SGD.file).read_text() == SGD.source
        assert (folder / DW.file).read_text() == "mine"

    def test_a_folder_with_other_things_is_left_alone(self, tmp_path):
        (tmp_path / "thesis.txt").write_text("mine")
        ran = run("workbook", tmp_path)
        assert ran.code == 1 and "give the name of a new folder" in ran.err
        assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]

    def test_a_file_of_that_name(self, tmp_path):
        (tmp_path / "file").write_text("mine")
        ran = run("workbook", tmp_path / "file")
        assert ran.code == 1 and "it is a file" in ran.err
        assert (tmp_path / "file").read_text() == "mine"

    def test_a_path_below_a_file(self, tmp_path):
        (tmp_path / "file").write_text("mine")
        ran = run("workbook", tmp_path / "file" / "wb")
        assert ran.code == 1 and ran.err.startswith("error: ")


class TestReset:
    def test_the_old_file_is_kept_beside_the_new_one(self, folder):
        (folder / DW.file).write_text("first")
        ran = run("workbook", folder, "--reset", "05")
        assert ran.code == 0 and "05_dW.old-1.py" in ran.out
        assert (folder / DW.file).read_text() == DW.source
        (folder / DW.file).write_text("second")
        run("workbook", folder, "--reset", "dW")
        assert (folder / "05_dW.old-1.py").read_text() == "first"
        assert (folder / "05_dW.old-2.py").read_text() == "second"

    def test_old_files_are_no_exercises(self, folder):
        run("workbook", folder, "--reset", "05")
        ran = run("workbook", "check", folder, "05", "--json")
        assert [entry["file"] for entry in json.loads(ran.out)] == [DW.file]

    def test_one_that_is_gone_is_written(self, folder):
        (folder / DW.file).unlink()
        assert run("workbook", folder, "--reset", "5").code == 0
        assert (folder / DW.file).read_text() == DW.source

    def test_of_no_workbook(self, tmp_path):
        ran = run("workbook", tmp_path, "--reset", "05")
        assert ran.code == 1 and "no workbook" in ran.err


@pytest.mark.slow
class TestCheck:
    def test_one_exercise_in_full(self, folder):
        (folder / DW.file).write_text(TRANSPOSED)
        ran = run("workbook", "check", folder, "05")
        assert ran.code == 1
        text = " ".join(ran.out.split())
        line = TRANSPOSED.splitlines().index("(3) A sum over n of products is a matrix product. "
            "Look at the shapes: dW is (I, O), as W is, made of") + 1  # fmt: skip
        for words in (
            "wrong dW is what differences give",
            "transposed: its rows and columns are interchanged",
            "dW: got (2, 1), expected (1, 2)",
            "dy = [[0., 0.]] of shape (1, 2)",
            f"read again (3) in 05_dW.py, line {line}: A sum over n of products",
        ):
            assert words in text, words

    def test_all_of_them_are_a_table_and_the_first_that_is_wrong(self, folder):
        (folder / DW.file).write_text(TRANSPOSED)
        (folder / SGD.file).write_text(solution_of(SGD))
        ran = run("workbook", "check", folder)
        assert ran.code == 1
        lines = ran.out.splitlines()
        for exercise, line in zip(LADDER, lines):
            state = {DW: "wrong", SGD: "right"}.get(exercise, "not written")
            assert re.fullmatch(rf"{exercise.number:02d}  .+  {state}( .*)?", line), line
        assert lines[len(LADDER) + 1] == f"1 of {len(LADDER)} right"
        assert f"{DW.file}: {DW.title}" in lines

    def test_all_right_is_exit_code_0(self, folder):
        (folder / SGD.file).write_text(solution_of(SGD))
        ran = run("workbook", "check", folder, "14")
        assert ran.code == 0
        assert ran.out.count("  right  ") == len(SGD.rung.claims)

    def test_what_programs_read(self, folder):
        (folder / DW.file).write_text(TRANSPOSED)
        (entry,) = json.loads(run("workbook", "check", folder, "05", "--json").out)
        (claim,) = entry["claims"]
        assert (entry["number"], entry["state"], claim["named"]) == (5, "wrong", True)
        assert claim["read"]["statement"] == 3 and claim["read"]["line"] > 1
        assert {"mistake", "place", "got", "wanted", "example"} <= claim.keys()

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (["check"], 2, "check needs a folder"),
            (["check", "nowhere"], 1, "python -m tinynet workbook nowhere makes it"),
            (["check", "{}", "99"], 2, "there is no exercise '99'"),
            (["check", "{}", "--hint"], 2, "give its number"),
            (["check", "{}", "--csv", "x"], 2, "--csv does not go with check"),
            (["{}", "05"], 2, "unexpected 05"),
            (["{}", "--hint"], 2, "--hint does not go with"),
            (["grade", "nowhere"], 1, "no folder in it is a workbook"),
            (["grade", "{}", "--jobs", "0"], 2, "whole number from 1 up"),
            (["check", "{}", "--jobs", "-1"], 2, "whole number from 1 up"),
            (["{}", "--jobs", "2"], 2, "--jobs does not go with"),
        ],
    )
    def test_what_cannot_be_understood(self, folder, words, code, message):
        ran = run("workbook", *(word.format(folder) for word in words))
        assert (ran.code, message in ran.err) == (code, True), ran.err

    def test_without_hypothesis(self, folder, monkeypatch):
        monkeypatch.setattr("tinynet.cli.workbook.find_spec", lambda name: None)
        ran = run("workbook", "check", folder)
        assert ran.code == 1 and "pip install hypothesis" in ran.err


class TestProgress:
    def test_is_kept_in_the_folder(self, folder):
        before = set(tree(folder))
        (folder / DW.file).write_text(TRANSPOSED)
        run("workbook", "check", folder, "05")
        (folder / DW.file).write_text(solution_of(DW))
        run("workbook", "check", folder, "05")
        entry = json.loads((folder / PROGRESS).read_text())[DW.file]
        assert (entry["tries"], entry["state"]) == (2, "right") and entry["right_since"]
        assert set(tree(folder)) == before | {PROGRESS}

    def test_hints_come_one_after_the_other(self, folder):
        shown = [run("workbook", "check", folder, "05", "--hint").out for _ in range(4)]
        expected = [f"hint {k} of 3: {DW.rung.hints[k - 1]}\n" for k in (1, 2, 3, 3)]
        assert shown == expected

    def test_a_damaged_file_is_an_error_and_stays(self, folder):
        (folder / PROGRESS).write_text("{")
        ran = run("workbook", "check", folder, "05")
        assert ran.code == 1 and "move it away" in ran.err
        assert (folder / PROGRESS).read_text() == "{"


class TestSolution:
    @pytest.mark.parametrize("exercise", LADDER, ids=lambda e: e.file)
    def test_shows_the_librarys_own_lines_or_the_reference(self, folder, exercise):
        ran = run("workbook", "check", folder, f"{exercise.number:02d}", "--solution")
        assert ran.code == 0
        if exercise.rung.library:
            assert "# tinynet/" in ran.out and ", line " in ran.out
        else:
            assert all(part in ran.out for part in exercise.parts)
        assert "NotImplementedError" not in ran.out


class TestEarlier:
    def test_finds_what_stands_before(self, folder):
        (folder / DW.file).write_text(solution_of(DW))
        mine = earlier(folder / SGD.file)
        assert mine.grad_W.__name__ == "grad_W"
        with pytest.raises(AttributeError, match="no earlier exercise defines SGD"):
            mine.SGD  # noqa: B018

    def test_looks_for_a_name_once(self, folder, monkeypatch):
        (folder / DW.file).write_text(solution_of(DW))
        mine = earlier(folder / SGD.file)
        found = mine.grad_W
        monkeypatch.setattr(loading, "defined_in", lambda source: set())
        assert mine.grad_W is found

    def test_needs_no_hypothesis(self, folder):
        (folder / DW.file).write_text(solution_of(DW))
        program = (
            "import sys\nsys.modules['hypothesis'] = None\nfrom tinynet.workbook import earlier\n"
            f"print(earlier({str(folder / SGD.file)!r}).grad_W.__name__)"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, cwd=REPO
        )
        assert (ran.stdout, ran.returncode) == ("grad_W\n", 0), ran.stderr


@pytest.mark.slow
class TestPytest:
    def test_each_claim_is_a_test(self, folder):
        (folder / DW.file).write_text(TRANSPOSED)
        (folder / SGD.file).write_text(solution_of(SGD))
        for exercise in LADDER:
            if exercise not in (DW, SGD):
                (folder / exercise.file).unlink()
        environment = os.environ | {"PYTHONPATH": str(REPO), "PYTEST_ADDOPTS": ""}
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
            cwd=folder, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert f"1 failed, {len(SGD.rung.claims)} passed" in ran.stdout, ran.stdout
        assert "transposed: its rows and columns" in ran.stdout
        assert "Traceback" not in ran.stdout

    def test_an_ordinary_run_does_not_know_the_hook(self, tmp_path):
        (tmp_path / DW.file).write_text(TRANSPOSED)
        (tmp_path / "test_one.py").write_text("def test_one(): pass")
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
            cwd=tmp_path, env=os.environ | {"PYTEST_ADDOPTS": ""}, capture_output=True, text=True,
        )  # fmt: skip
        assert "1 passed" in ran.stdout


class TestClass:
    @pytest.fixture
    def workbooks(self, tmp_path):
        for name, source in {"ada": solution_of(DW), "bob": TRANSPOSED, "cy": DW.source}.items():
            run("workbook", tmp_path / "class" / name)
            (tmp_path / "class" / name / DW.file).write_text(source)
        (tmp_path / "class" / "notes.txt").write_text("no workbook")
        (tmp_path / "class" / "empty").mkdir()
        return tmp_path / "class"

    def test_grades_are_a_table(self, workbooks, tmp_path):
        before = {name: tree(workbooks / name) for name in ("ada", "bob", "cy")}
        out = tmp_path / "grades.csv"
        ran = run("workbook", "grade", workbooks, "05", "14", "--csv", out)
        assert ran.code == 0
        rows = list(csv.reader(out.open()))
        assert rows[0] == ["workbook", "right", "of", "05_dW", "14_sgd"]
        assert [row[:3] for row in rows[1:]] == [
            ["ada", "1", "2"],
            ["bob", "0", "2"],
            ["cy", "0", "2"],
        ]
        assert rows[1][3:] == ["right", "not written"]
        assert rows[2][3].startswith("wrong: transposed")
        assert rows[3][3:] == ["not written", "not written"]
        assert before == {name: tree(workbooks / name) for name in before}

    def test_for_programs(self, workbooks):
        data = json.loads(run("workbook", "grade", workbooks, "05", "--json").out)
        assert {name: [e["state"] for e in entries] for name, entries in data.items()} == {
            "ada": ["right"], "bob": ["wrong"], "cy": ["not written"],
        }  # fmt: skip

    def test_a_csv_that_has_no_place(self, workbooks, tmp_path):
        ran = run("workbook", "grade", workbooks, "05", "--csv", tmp_path / "no" / "grades.csv")
        assert ran.code == 1 and "grades.csv" in ran.err
