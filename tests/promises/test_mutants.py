"""The planted bugs still fit the source, and a crash is not taken for a test that objects."""

import ast
from pathlib import Path

import pytest
from mutants import (
    REPO,
    Mutant,
    Recorder,
    Verdict,
    hunt,
    killers,
    mutants,
    run_all,
    unheard,
    without_a_bug,
)
from mutations import Bug

import tinynet as tn

EVERYTHING = mutants(jit=False) + mutants(jit=True)


def test_every_edit_applies_once_and_leaves_a_program():
    for mutant in EVERYTHING:
        edited = mutant.edited()
        assert edited != (REPO / "tinynet" / mutant.file).read_text()
        if mutant.file.endswith(".py"):
            ast.parse(edited)


def test_every_bug_has_a_name_of_its_own_and_there_are_enough():
    assert len({mutant.bug.name for mutant in EVERYTHING}) == len(EVERYTHING)
    assert len(mutants(jit=False)) >= 45
    assert len(mutants(jit=True)) >= 3


def test_the_tests_that_are_run_exist():
    for place in {test for mutant in EVERYTHING for test in mutant.tests}:
        if place.partition("::")[0].endswith(".py"):
            file, *names = place.partition("[")[0].split("::")
            source = (Path(__file__).parents[1] / file).read_text()
            for name in names:
                assert f"class {name}:" in source or f"def {name}(" in source, place


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "passed"),
        (AssertionError("1 == 2"), "failed"),
        (pytest.fail.Exception("DID NOT RAISE"), "failed"),
        (tn.GradientError("the sign is wrong"), "failed"),
        (TypeError("crash"), "crashed"),
        (IndexError("crash"), "crashed"),
    ],
)
def test_only_an_assertion_objects(error, outcome):
    assert Recorder().verdict(error).outcome == outcome


def test_a_gradient_error_that_passes_on_a_crash_does_not_object():
    try:
        raise tn.GradientError("backward raises TypeError") from TypeError("crash")
    except tn.GradientError as error:
        assert Recorder().verdict(error).outcome == "crashed"


def test_only_what_passes_without_the_bug_kills():
    red = {name: Verdict("failed", name) for name in ("a", "b", "c", "d")}
    clean = {"a": Verdict("passed"), "b": Verdict("failed"), "c": Verdict("crashed")}
    assert killers(red | {"e": Verdict("crashed")}, clean | {"e": Verdict("passed")}) == {"a": "a"}


def test_a_test_that_fails_without_the_bug_kills_nothing_and_the_next_is_asked(monkeypatch, capsys):
    def run(tests, mutant=None, ignored=frozenset()):
        if mutant is None:
            return {Path(t).name: Verdict("failed" if "broken" in t else "passed") for t in tests}
        objecting = "right" if mutant.bug.name == "a" else "broken"
        red = {"broken": Verdict("failed")} if "broken" not in ignored else {}
        return {"crash": Verdict("crashed"), **red, objecting: Verdict("failed")}

    bugs = [Mutant("module.py", Bug(name, "", "", ""), ()) for name in ("a", "b")]
    monkeypatch.setattr(Mutant, "edited", lambda self: "")
    monkeypatch.setattr("mutants.mutants", lambda jit: bugs)
    monkeypatch.setattr("mutants.run", run)
    assert run_all(jit=False) == 1
    printed = capsys.readouterr().out
    assert "broken does not pass without a; again" in printed
    assert "killed    a                             by right" in printed
    assert "SURVIVED  b " in printed and "1 of 2 planted bugs killed" in printed


@pytest.mark.parametrize("by_the_bug", [True, False])
def test_a_silent_part_of_a_selection_is_an_error_unless_the_bug_silences_it(
    monkeypatch, by_the_bug
):
    def run(tests, mutant=None, ignored=None):
        heard = {"tests/a.py::test": Verdict("failed")}
        return heard | (
            {"tests/b.py::test": Verdict("passed")} if not mutant and by_the_bug else {}
        )

    monkeypatch.setattr("mutants.run", run)
    test, how = hunt(Mutant("module.py", Bug("a", "", "", ""), ("a.py", "b.py")), frozenset())
    assert test == ("tests/a.py::test" if by_the_bug else None)
    assert ("no test runs of b.py" in how) is not by_the_bug


def test_without_tests_nothing_runs(monkeypatch):
    monkeypatch.setattr("mutants.run", lambda tests: pytest.fail("pytest would run them all"))
    assert without_a_bug([]) == {}


def test_a_selection_of_which_nothing_runs_is_noticed():
    ran = {"tests/a.py::test[1]": Verdict("passed"), "tests/b.py::T::test": Verdict("failed")}
    heard = ("a.py", "a.py::test", "a.py::test[1]", "b.py::T", "b.py::T::test", "-m", "slow")
    assert unheard(heard, ran) == []
    silent = ("c.py", "a.py::tes", "a.py::test[2]", "b.py::T::tests")
    assert unheard((*heard, *silent), ran) == list(silent)
