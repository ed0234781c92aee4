"""The test of the tests: tinynet with a planted bug, over and over, and a test must object.

    python tests/mutants/mutants.py                plant every bug, each in a copy of its own
    python tests/mutants/mutants.py --jit          the same for bugs of compiled code
    python tests/mutants/mutants.py --list         which bugs there are
    python tests/mutants/mutants.py --plant mean-without-n break it yourself: which test goes red?

The bugs stand in ``mutations.py``. One counts as killed if a test fails by an assertion of its own,
and passes without the bug: a crash or a time-out is no kill. The first test to object ends a run,
and the tests that objected are run without a bug at the end. Exits with 1 unless all bugs are
killed, no more than a third of them by the same test.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, settings
from mutations import BUGS, JIT_BUGS, JIT_TESTS, TESTS, Bug

REPO = Path(__file__).parents[2]
sys.path.append(str(REPO / "tests" / "support"))
import kept_bytecode  # noqa: E402

AT_ONCE = 2
SECONDS = 600  # for one bug; a time-out is no kill
LARGEST_SHARE = 1 / 3
SLOW_IMPORTS = ["numba", "torch", "torch._dynamo", "hypothesis", "pytest"]  # made once for all


class Verdict(NamedTuple):
    """Of a test: passed, failed by its own assertion, crashed or not run; and its message."""

    outcome: str
    message: str = ""


Verdicts = dict[str, Verdict]  # by pytest's name of the test


class Mutant(NamedTuple):
    """A bug, the file that it stands in, and the tests that are run for it."""

    file: str
    bug: Bug
    tests: tuple[str, ...]

    def edited(self) -> str:
        """The source of the file with the bug in it."""
        source = (REPO / "tinynet" / self.file).read_text()
        if source.count(self.bug.old) != 1:
            raise SystemExit(
                f"{self.bug.name}: its old text stands {source.count(self.bug.old)} times in "
                f"tinynet/{self.file}, expected once; mend it in tests/mutants/mutations.py"
            )
        return source.replace(self.bug.old, self.bug.new)


def mutants(jit: bool) -> list[Mutant]:
    bugs, tests = (JIT_BUGS, JIT_TESTS) if jit else (BUGS, TESTS)
    return [
        Mutant(file, bug, tests.get(file) or tests[file.partition("/")[0]])
        for file, bugs_of_file in bugs.items()
        for bug in bugs_of_file
    ]


class Recorder:
    """A pytest plugin that keeps a verdict on every test, up to the first that objects.

    Objections of the tests `ignored` end nothing; with None for them, no objection does.
    """

    def __init__(self, ignored: frozenset[str] | None = None) -> None:
        self.ignored = ignored
        self.verdicts: Verdicts = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Of each file, the first cases of all tests, then the second: sooner one objects."""
        files: dict[Path, int] = {}
        cases: Counter[str] = Counter()
        turns = {}
        for item in items:
            cases[function(item.nodeid)] += 1
            place = files.setdefault(item.path, len(files))
            turns[item] = place, cases[function(item.nodeid)]
        items.sort(key=turns.__getitem__)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.verdicts = {item.nodeid: Verdict("not run") for item in session.items}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Iterator[None]:
        if call.when == "call":
            verdict = self.verdict(call.excinfo and call.excinfo.value)
            self.verdicts[item.nodeid] = verdict
            if verdict.outcome == "failed" and self.ignored is not None:
                item.session.shouldstop = item.nodeid not in self.ignored and "a test objects"
        return (yield)

    def verdict(self, error: BaseException | None) -> Verdict:
        from tinynet import GradientError  # of the copy

        if error is None:
            return Verdict("passed")
        message = f"{type(error).__name__}: {error}"
        # A GradientError is check_gradients's own verdict, unless it passes on a crash.
        objects = isinstance(error, GradientError) and error.__cause__ is None
        if objects or isinstance(error, AssertionError | pytest.fail.Exception):
            return Verdict("failed", message)
        return Verdict("crashed", message)


def run_here(
    folder: Path, tests: tuple[str, ...], ignored: frozenset[str] | None, sender: Connection
) -> None:
    """Run `tests` on the package in `folder`, in a process that does nothing else."""
    import numba

    os.chdir(folder)
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    os.environ["NUMBA_CACHE_DIR"] = str(folder / "cache")
    numba.core.config.reload_config()
    settings.register_profile(
        "mutants",
        derandomize=True,
        deadline=None,
        max_examples=5,
        phases=[Phase.explicit, Phase.generate],  # a smaller example would kill no better
        report_multiple_bugs=False,
    )
    with open("output.txt", "w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    recorder = Recorder(ignored)
    options = ["-q", "-p", "no:cacheprovider", "--hypothesis-profile=mutants"]
    places = [str(REPO / "tests" / t) if t.partition("::")[0].endswith(".py") else t for t in tests]
    pytest.main([*options, f"--config-file={REPO / 'pyproject.toml'}", *places], [recorder])
    assert Path(sys.modules["tinynet"].__file__ or "").parents[1] == folder
    sender.send(recorder.verdicts)


@contextmanager
def copy_of_tinynet() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tinynet-mutant-") as folder:
        path = Path(folder).resolve()
        kernels = shutil.ignore_patterns("*.nbi", "*.nbc")  # as Numba compiled them
        shutil.copytree(REPO / "tinynet", path / "tinynet", ignore=kernels)
        yield path
    if prefix := os.environ.get("PYTHONPYCACHEPREFIX"):
        shutil.rmtree(prefix + str(path), ignore_errors=True)


def run(
    tests: tuple[str, ...], mutant: Mutant | None = None, ignored: frozenset[str] | None = None
) -> Verdicts:
    """The verdicts of `tests` on a copy of tinynet, with or without a bug; {} if there are none."""
    forks = "forkserver" in multiprocessing.get_all_start_methods()
    processes = multiprocessing.get_context("forkserver" if forks else "spawn")
    receiver, sender = processes.Pipe(duplex=False)
    with copy_of_tinynet() as folder:
        if mutant is not None:
            file = folder / "tinynet" / mutant.file
            file.write_text(mutant.edited())
            for bytecode in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
                bytecode.unlink()
        process = processes.Process(target=run_here, args=(folder, tests, ignored, sender))
        process.start()
        sender.close()
        try:
            return receiver.recv() if receiver.poll(SECONDS) else {}
        except EOFError:  # the process died
            return {}
        finally:
            process.kill()
            process.join()


def function(test: str) -> str:
    """The test function, without its parameters."""
    return test.partition("[")[0]


def killers(verdicts: Verdicts, clean: Verdicts) -> dict[str, str]:
    """The tests that fail by an assertion, but pass on the clean tree, and their messages."""
    return {
        test: verdict.message
        for test, verdict in verdicts.items()
        if verdict.outcome == "failed" and clean.get(test) == Verdict("passed")
    }


def unheard(tests: tuple[str, ...], verdicts: Verdicts) -> list[str]:
    """The files and tests of a selection of which nothing runs: one marked slow, say."""
    ran = {test.removeprefix("tests/") for test in verdicts}
    places = [place for place in tests if place.partition("::")[0].endswith(".py")]
    return [
        place
        for place in places
        if not any(test == place or test.startswith((f"{place}::", f"{place}[")) for test in ran)
    ]


def without_a_bug(tests: Sequence[str]) -> Verdicts:
    """The verdicts of `tests` on the library as it is; without any, pytest would run them all."""
    if not tests:
        return {}
    return run((*(str(REPO / test) for test in tests), "-m", "slow or not slow"))


def hunt(mutant: Mutant, broken: frozenset[str]) -> tuple[str | None, str]:
    """The first test to object to a bug, if there is one, and what else is to be said."""
    verdicts = run(mutant.tests, mutant, broken)
    silent = unheard(mutant.tests, verdicts)
    if silent and (silent := unheard(mutant.tests, run(mutant.tests))):  # and not by the bug
        return None, f"no test runs of {', '.join(silent)}; a slow one needs -m 'slow or not slow'"
    for test, verdict in verdicts.items():
        if verdict.outcome == "failed" and test not in broken:
            return test, f"by {function(test)}"
    crashes = sum(verdict.outcome == "crashed" for verdict in verdicts.values())
    return None, f"{len(verdicts)} tests: none objects, {crashes} crash"


def run_all(jit: bool) -> int:
    start, planted = time.perf_counter(), mutants(jit)
    for mutant in planted:
        mutant.edited()  # before anything runs: every edit applies
    killed_by: dict[Mutant, str] = {}
    broken: frozenset[str] = frozenset()  # tests that do not pass without a bug: these kill nothing
    pending = planted
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while pending:
            hunts = pool.map(partial(hunt, broken=broken), pending)
            for mutant, (test, how) in zip(pending, hunts):
                if test is not None:
                    killed_by[mutant] = test
                state = "SURVIVED" if test is None else "killed"
                print(f"{state:8}  {mutant.bug.name:28}  {how}", flush=True)
            tests = sorted(set(killed_by.values()))
            clean = [*pool.map(without_a_bug, (tests[n::AT_ONCE] for n in range(AT_ONCE)))]
            passed = {t for part in clean for t, v in part.items() if v.outcome == "passed"}
            broken |= set(tests) - passed
            pending = [mutant for mutant, test in killed_by.items() if test in broken]
            for mutant in pending:
                print(f"{killed_by.pop(mutant)} does not pass without {mutant.bug.name}; again:")
    first = Counter(map(function, killed_by.values()))
    test, most = (first.most_common(1) or [("none", 0)])[0]
    print(
        f"\n{len(killed_by)} of {len(planted)} planted bugs killed, by {len(first)} tests, in "
        f"{time.perf_counter() - start:.0f} s. The test that kills most kills {most} "
        f"({100 * most / len(planted):.0f} %): {test}"
    )
    spread = most <= LARGEST_SHARE * len(planted)
    return 0 if len(killed_by) == len(planted) and spread else 1


def plant(mutant: Mutant) -> int:
    """Show one bug, and which tests find it."""
    print(f"tinynet/{mutant.file}: {mutant.bug.what}\n")
    for sign, text in (("-", mutant.bug.old), ("+", mutant.bug.new)):
        for line in text.splitlines():
            print(f"{sign} {line}")
    print(f"\nrunning {' '.join(mutant.tests)} with and without it ...", flush=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        clean = pool.submit(run, mutant.tests)
        found = killers(run(mutant.tests, mutant), clean.result())
    if not found:
        print("no test goes red")
        return 1
    one_each = {function(test): test for test in reversed(found)}
    for test in list(one_each.values())[:-4:-1]:
        message = "\n    ".join(found[test].splitlines()[:12])
        print(f"\nred: {test}\n    {message}")
    print(f"\n{len(found)} tests go red")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jit", action="store_true", help="the bugs of compiled code")
    parser.add_argument("--list", action="store_true", help="list the bugs")
    parser.add_argument("--plant", metavar="NAME", help="plant this bug, and see what goes red")
    options = parser.parse_args()
    everything = {mutant.bug.name: mutant for mutant in mutants(False) + mutants(True)}
    if options.list:
        for name, mutant in everything.items():
            print(f"{name:28}  {mutant.file:24}  {mutant.bug.what}")
        return 0
    if options.plant is not None and options.plant not in everything:
        parser.error(f"there is no bug {options.plant!r}; --list shows all")
    kept_bytecode.keep_aside()
    jit = options.jit or (options.plant is not None and everything[options.plant] in mutants(True))
    os.environ["NUMBA_DISABLE_JIT"] = "0" if jit else "1"
    os.environ["OMP_NUM_THREADS"] = "1"
    multiprocessing.set_forkserver_preload(SLOW_IMPORTS)
    return plant(everything[options.plant]) if options.plant else run_all(options.jit)


if __name__ == "__main__":
    sys.exit(main())
