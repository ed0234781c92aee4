"""An exercise that hangs, crashes, floods, deletes or patches harms nobody but itself."""

import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest
from test_workbook import solution_of

from tinynet.workbook import children
from tinynet.workbook.children import Task, graded
from tinynet.workbook.folder import Folder
from tinynet.workbook.ladder import BY_FILE
from tinynet.workbook.proof import RIGHT, STOPPED, UNWRITTEN, WRONG

pytestmark = pytest.mark.slow

DW, SGD = BY_FILE["05_dW.py"], BY_FILE["14_sgd.py"]


@pytest.fixture
def folder(tmp_path):
    """A workbook in which 14 is solved."""
    workbook = Folder(tmp_path / "wb")
    workbook.write()
    (workbook.path / SGD.file).write_text(solution_of(SGD))
    return workbook


def grade_beside(folder, lines):
    """Grade 05 with `lines` in its function, and 14 after it, in one process."""
    body = "\n".join("    " + line for line in lines.strip().splitlines())
    source = f"import os, sys, time\nimport numpy as np\n\n\ndef grad_W(dy, x):\n{body}\n"
    (folder.path / DW.file).write_text(source)
    results = [result for _, result in graded([folder.task(DW), folder.task(SGD)])]
    assert [r.exercise.file for r in results] == [DW.file, SGD.file]
    assert (results[1].state, results[1].worst) == (RIGHT, None)
    return results[0]


@pytest.fixture
def short(monkeypatch):
    """An exercise has half a second, and half a second of grace."""
    monkeypatch.setattr(children, "GRACE", 0.5)
    object.__setattr__(DW.rung, "seconds", 0.5)
    yield
    object.__setattr__(DW.rung, "seconds", 10.0)


class TestWhatNeverEnds:
    def test_a_loop_is_stopped_and_its_line_is_named(self, folder, short):
        result = grade_beside(folder, "while True:\n    pass")
        assert result.state == STOPPED
        assert "still running after 0.5 s" in result.worst.mistake
        assert result.worst.line in ("05_dW.py, line 6", "05_dW.py, line 7")

    def test_a_loop_that_catches_everything_is_killed(self, folder, short):
        start = time.monotonic()
        stubborn = (
            "while True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass"
        )
        result = grade_beside(folder, stubborn)
        assert (result.state, result.worst.claim) == (STOPPED, DW.rung.claims[0].title)
        assert "still running" in result.worst.mistake
        assert time.monotonic() - start < 20

    def test_what_it_started_ends_with_it(self, folder, short):
        mark = folder.path / "alive"
        start = f"subprocess.Popen(['sh', '-c', 'sleep 2; touch \"$0\"', {str(mark)!r}])"
        grade_beside(folder, f"import subprocess\n{start}\nreturn x.T @ dy")
        time.sleep(2.5)
        assert not mark.exists()

    def test_a_fork_of_its_own_grades_nothing(self, folder):
        result = grade_beside(folder, "if os.fork() == 0:\n    return dy\nreturn x.T @ dy")
        assert (result.state, len(result.verdicts)) == (RIGHT, len(DW.rung.claims))

    def test_forks_without_end_are_few(self, folder, short):
        lines = f"open({str(folder.path / 'pids')!r}, 'a').write(f'{{os.getpid()}} ')\n"
        grade_beside(folder, lines + "for _ in range(3):\n    os.fork()\nreturn x.T @ dy")
        assert len(set((folder.path / "pids").read_text().split())) == 1


class TestWhatEnds:
    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            ("os._exit(0)", "it ends the process (exit code 0)"),
            ("os.abort()", "it ends the process (SIGABRT)"),
            ("import ctypes\nctypes.string_at(0)", "it ends the process (SIGSEGV)"),
            ("os.kill(os.getpid(), 15)", "it ends the process (SIGTERM)"),
            ("os.kill(os.getpid(), 9)", "it ends the process (SIGKILL)"),
        ],
    )
    def test_a_crash_is_named(self, folder, lines, words):
        result = grade_beside(folder, lines)
        assert (result.state, result.worst.mistake) == (STOPPED, words)

    @pytest.mark.parametrize("call", ["sys.exit(0)", "exit()", "raise KeyboardInterrupt"])
    def test_an_exit_is_an_error_in_words(self, folder, call):
        result = grade_beside(folder, call)
        assert result.state == WRONG
        assert "ends the program" in result.worst.mistake or "Keyboard" in result.worst.mistake

    def test_memory_without_end_is_an_error(self, folder, monkeypatch):
        monkeypatch.setattr(children, "MEMORY", 300 << 20)
        result = grade_beside(folder, "a = [np.ones(10**6)]\nwhile True:\n    a.append(a[-1] + 1)")
        assert result.state == WRONG and "MemoryError" in result.worst.mistake

    def test_closed_files_do_not_matter(self, folder):
        result = grade_beside(folder, "os.closerange(0, 200)\nreturn x.T @ dy")
        assert result.state in (RIGHT, STOPPED)


class TestWhatIsPrinted:
    def test_a_flood_goes_nowhere(self, folder, capfd):
        result = grade_beside(folder, "print('flood ' * 10**5)\nreturn dy.T @ x")
        assert result.state == WRONG and "transposed" in result.worst.mistake
        assert len(result.printed) < 2 * children.SHOWN
        assert "flood" not in "".join(capfd.readouterr())

    def test_a_flood_past_python_is_bounded(self, folder, short):
        result = grade_beside(folder, "while True:\n    os.write(1, b'flood ' * 10**5)")
        assert result.state == WRONG and "File too large" in result.worst.mistake

    def test_every_letter_can_be_printed(self, folder, monkeypatch):
        monkeypatch.setenv("PYTHONIOENCODING", "ascii")
        result = grade_beside(folder, "print('∂L/∂W')\nreturn dy.T @ x")
        assert result.printed == "∂L/∂W\n"

    def test_what_is_printed_for_the_smallest_example_is_shown(self, folder):
        result = grade_beside(folder, "print('x is', x)\nreturn dy.T @ x")
        assert result.printed == "x is [[0.]]\n"


class TestFiles:
    def test_a_file_deleted_beside_it_is_a_copy(self, folder):
        result = grade_beside(folder, f"os.remove({SGD.file!r})\nreturn x.T @ dy")
        assert (folder.path / SGD.file).exists()
        assert result.state == WRONG  # the second example finds no file

    def test_the_folder_of_its_file_is_a_copy(self, folder):
        own = "os.path.dirname(os.path.abspath(__file__))"
        grade_beside(folder, f"import shutil\nshutil.rmtree({own})\nreturn x.T @ dy")
        assert (folder.path / SGD.file).read_text() == solution_of(SGD)

    def test_what_it_deletes_elsewhere_is_put_back(self, folder):
        path, files = folder.path / SGD.file, folder.files()
        (folder.path / DW.file).write_text(
            f"import os\nif os.path.exists({str(path)!r}):\n    os.remove({str(path)!r})"
        )
        list(graded([folder.task(DW)]))
        assert not path.exists()
        assert folder.put_back(files) == [SGD.file]
        assert path.exists()
        assert path.read_text() == solution_of(SGD)


class TestNumPy:
    @pytest.mark.parametrize(
        ("lines", "name"),
        [
            ("np.exp = np.log", "numpy.exp"),
            ("np.allclose = lambda *a: True", "numpy.allclose"),
            ("np.linalg.norm = None", "numpy.linalg.norm"),
            ("import builtins\nbuiltins.abs = lambda x: 0", "builtins.abs"),
        ],
    )
    def test_a_replaced_function_is_named(self, folder, lines, name):
        before = {n: getattr(np, n) for n in ("exp", "allclose")}
        result = grade_beside(folder, f"{lines}\nreturn x.T @ dy")
        assert result.state == WRONG and result.worst.mistake.startswith(f"it replaces {name}")
        assert before == {n: getattr(np, n) for n in before}


class TestFilesThatCannotBeRun:
    @pytest.mark.parametrize(
        ("text", "words", "line"),
        [
            ("def grad_W(dy, x)\n    return 1", "SyntaxError", "05_dW.py, line 1"),
            ("import nothing_of_this_name", "ModuleNotFoundError", "05_dW.py, line 1"),
            ("\n1 / 0", "ZeroDivisionError", "05_dW.py, line 2"),
            ("raise SystemExit", "ends the program", "05_dW.py, line 1"),
            ("def gradW(dy, x): pass", "it defines no grad_W", ""),
            ("grad_W = 1\0", "SyntaxError", ""),
        ],
    )
    def test_says_why_and_where(self, folder, text, words, line):
        (folder.path / DW.file).write_text(text)
        ((_, result),) = graded([folder.task(DW)])
        assert result.state == WRONG and words in result.worst.mistake
        assert result.worst.line == line

    def test_not_even_text(self, folder):
        (folder.path / DW.file).write_bytes(b"\xff\xfe\x00")
        ((_, result),) = graded([folder.task(DW)])
        assert result.state == WRONG and "SyntaxError" in result.worst.mistake

    def test_a_file_that_is_gone(self, folder):
        (folder.path / DW.file).unlink()
        ((_, result),) = graded([folder.task(DW)])
        assert result.worst.mistake == "it is gone; --reset 05 writes it anew"

    def test_a_skeleton_is_not_written_yet(self, folder):
        ((_, result),) = graded([folder.task(DW)])
        assert result.state == UNWRITTEN

    def test_no_child_and_no_folder_is_left(self, folder, tmp_path, monkeypatch):
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr("tempfile.tempdir", None)
        others = multiprocessing.active_children()
        list(graded([folder.task(DW), folder.task(SGD)], jobs=2))
        assert [p.name for p in tmp_path.iterdir()] == ["wb"]
        assert multiprocessing.active_children() == others

    def test_a_task_needs_no_folder(self):
        task = Task("someone", DW, {DW.file: solution_of(DW).encode()})
        ((same, result),) = graded([task])
        assert same is task and result.state == RIGHT
        assert not Path(DW.file).exists()
