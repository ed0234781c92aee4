"""The README keeps its word: its blocks run as pasted, and print what stands below them."""

import re

import mutations
import pytest
import readme
from readme import blocks, extract, run_command, run_python, same

COMMANDS = [block for block in blocks() if block.command]


@pytest.mark.filterwarnings("ignore::UserWarning:distributed")
def test_python_blocks_run_in_one_process_and_print_what_they_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = 0
    for block, printed, shown in run_python(blocks()):
        wanted = "" if shown is None else shown.source
        assert same(wanted, printed), f"README.md, line {block.line} prints:\n{printed}"
        ran += 1
    assert ran == sum(block.language == "python" for block in blocks()) >= 9


@pytest.mark.slow
@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: block.command)
def test_commands_print_what_the_readme_shows(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = run_command(block.command)
    found = extract(block.source, printed)
    assert same(block.source, found), f"README.md, line {block.line}: it prints\n{found}"


def test_every_output_says_where_it_comes_from():
    parts = blocks()
    for before, block in zip([None, *parts], parts, strict=False):
        if block.language == "text":
            assert before.language == "python", f"README.md, line {block.line}"
        elif block.language not in ("python", "bash"):
            assert block.command, f"README.md, line {block.line}: printed by no command"


def test_the_map_names_what_is_there():
    table = readme.README.read_text().split("| file | what is inside |")[1].split("\n\n")[0]
    places = re.findall(
        r"`([\w/.]+)`", " ".join(row.split("|")[1] for row in table.splitlines()[2:])
    )
    package = readme.ROOT / "tinynet"
    missing = [p for p in places if not any((at / p).exists() for at in (package, readme.ROOT))]
    assert len(places) > 20 and not missing
    told = {place.split("/")[0] for place in places}
    files = {p.name for p in package.glob("[!_]*.py")} | {
        p.parent.name for p in package.glob("*/_*.py")
    }
    assert files - told == {"version.py"}


def test_the_number_of_planted_bugs():
    shown = re.search(
        r"unless all are: (\d+) of (\d+), and with `--jit`", readme.README.read_text()
    )
    number = sum(map(len, mutations.BUGS.values()))
    assert shown.groups() == (str(number), str(number))


def test_an_excerpt_is_found_in_what_a_command_prints():
    printed = "normal: a\nloss 1\n\nepoch 1\nepoch 2\n\nnormal: a\n2 findings\n- more\n"
    assert extract("normal: a\n1 findings\n", printed) == "normal: a\n2 findings\n- more"
    assert (
        extract("epoch 7\n\nnormal: a\nloss 3", printed) == "epoch 1\nepoch 2\n\nnormal: a\nloss 1"
    )


@pytest.mark.parametrize(
    ("shown", "printed", "equal"),
    [
        ("loss 2.285, 19.30 %\n", "loss 2.285,  19.30 %  ", True),
        ("loss 2.285", "loss 2.290", True),
        ("loss 2.285", "loss 2.385", False),
        ("loss 2.285", "error 2.285", False),
        ("error 3.4e-13", "error 8.0e-12", True),
        ("error 3.4e-13", "error 8.0e-5", False),
        ("53,706 parameters", "53,706 parameters", True),
        ("53,706 parameters", "63,706 parameters", False),
        ("loss 2.285", "loss 2.285\nloss 1", False),
        ("", "loss 2.285", False),
        ("loss 2.285", "", False),
    ],
)
def test_what_counts_as_the_same(shown, printed, equal):
    assert same(shown, printed) is equal
