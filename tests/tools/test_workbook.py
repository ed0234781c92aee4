"""The workbook: right solutions pass, wrong ones are refused and named, and nothing does harm."""

import pytest
from wrong_solutions import tries_of

from tinynet.workbook import solutions
from tinynet.workbook.children import Task, graded
from tinynet.workbook.grading import truth_of
from tinynet.workbook.ladder import BY_FILE, LADDER
from tinynet.workbook.loading import defined_in
from tinynet.workbook.proof import RIGHT, UNWRITTEN, counterexample
from tinynet.workbook.report import reference
from tinynet.workbook.rung import with_parts
from tinynet.workbook.words import name_of


def solution_of(exercise):
    """The file of an exercise with the reference solution in it."""
    return exercise.filled(reference(exercise))


def attempt_at(exercise, attempt):
    """The file of an exercise with a wrong solution in it; its other parts are right."""
    imports = ["import numpy as np"] + ["from numba import njit"] * ("@njit" in attempt.source)
    right = reference(exercise, without=defined_in(attempt.source))
    return exercise.filled("\n\n".join([*imports, attempt.source, right]))


def files_with(exercise, source):
    """All exercises before one solved, and its own file with `source`, as a workbook holds them."""
    earlier = [other for other in LADDER if other.number < exercise.number]
    files = {other.file: solution_of(other).encode() for other in earlier}
    return files | {exercise.file: source.encode()}


def result_of(exercise, source):
    ((_, result),) = graded([Task("", exercise, files_with(exercise, source))])
    return result


def heading(exercise):
    return exercise.file


@pytest.mark.parametrize("exercise", LADDER, ids=heading)
class TestEveryExercise:
    def test_its_solution_is_right(self, exercise):
        result = result_of(exercise, solution_of(exercise))
        assert (result.state, result.worst) == (RIGHT, None), result.printed
        assert len(result.verdicts) == len(exercise.rung.claims)

    def test_its_skeleton_is_not_written_yet(self, exercise):
        result = result_of(exercise, exercise.source)
        assert result.state == UNWRITTEN, result.verdicts

    def test_six_mistakes_are_known_and_six_were_tried(self, exercise):
        assert len(exercise.rung.mistakes) >= 6
        assert len(tries_of(exercise.name)) >= 6

    def test_every_statement_that_it_points_to_is_there(self, exercise):
        pointers = [m.read for m in exercise.rung.mistakes] + [c.read for c in exercise.rung.claims]
        for number in pointers:
            line, words = exercise.statement(number, exercise.source)
            assert line and words

    def test_the_words_of_its_mistakes_differ(self, exercise):
        words = [mistake.says for mistake in exercise.rung.mistakes]
        assert len(set(words)) == len(words)


@pytest.mark.slow
@pytest.mark.parametrize("exercise", LADDER, ids=heading)
def test_every_known_mistake_is_refused_and_gets_its_own_name(exercise):
    rung = exercise.rung
    for mistake in rung.mistakes:
        parts, named = with_parts(solutions, mistake.parts), set()
        for claim in rung.claims:
            found = counterexample(claim, parts, truth_of(claim))
            if found is not None:
                named.add(name_of(rung, claim, parts, solutions, found)[0])
        assert mistake.says in named, (mistake.says, named)


TRIES = [
    pytest.param(exercise, attempt, id=f"{exercise.name}: {attempt.title}")
    for exercise in LADDER
    for attempt in tries_of(exercise.name)
]


@pytest.mark.slow
@pytest.mark.parametrize(("exercise", "attempt"), TRIES)
def test_a_wrong_solution_is_refused_and_named(exercise, attempt):
    result = result_of(exercise, attempt_at(exercise, attempt))
    worst = result.worst
    assert worst is not None and worst.state not in (RIGHT, UNWRITTEN), result
    if attempt.says:
        assert attempt.says in worst.mistake and worst.named
    else:
        assert attempt.place in worst.place


def test_what_is_printed_is_shown_for_the_smallest_example_alone(capfd):
    exercise = BY_FILE["02_relu.py"]
    source = exercise.filled(
        "import numpy as np\n"
        "def relu(x):\n    print('forward', x)\n    return np.maximum(x, 0)\n"
        "def relu_backward(dy, x):\n    print('backward', x)\n    return dy * (x >= 0)\n"
    )
    with capfd.disabled():
        result = result_of(exercise, source)
    assert result.printed == "backward [0.]\n"


def test_nine_of_ten_wrong_solutions_have_a_name():
    named = [bool(attempt.says) for exercise in LADDER for attempt in tries_of(exercise.name)]
    assert sum(named) >= 0.9 * len(named)
