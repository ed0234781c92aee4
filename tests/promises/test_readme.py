"""README and docs keep their word: their blocks run as pasted, and print what stands below them."""

import ast
import re
from urllib.parse import urldefrag

import mutations
import pytest
import readme
from cases import slow_but
from readme import PAGES, ROOT, blocks, extract, figures, printed_by, run_python, same
from test_gallery import look_alike

COMMANDS = [block for page in PAGES for block in blocks(page) if block.command]
WITH_BLOCKS = [page for page in PAGES if any(b.language == "python" for b in blocks(page))]
DIRECTIVE = re.compile(r"\{\w+\}")  # of the site's, such as ```{literalinclude} ../file.py
LONGEST = 157  # lines of the README: the first ten minutes, and when the mode matters


def name_of(page):
    return page.name


@pytest.mark.filterwarnings("ignore::UserWarning:distributed")
@pytest.mark.parametrize("page", slow_but(1, WITH_BLOCKS), ids=name_of)
def test_python_blocks_run_in_one_process_and_print_what_they_say(
    page, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    for block, printed, shown in run_python(blocks(page)):
        wanted = "" if shown is None else shown.source
        assert same(wanted, printed), f"{block} prints:\n{printed}"
    assert "ERROR" not in capfd.readouterr().err
    for picture in figures(page):
        assert look_alike(picture.read_bytes(), (tmp_path / picture.name).read_bytes()), picture


def test_the_readme_and_five_pages_have_blocks_that_run():
    assert readme.README in WITH_BLOCKS and len(WITH_BLOCKS) >= 6


@pytest.mark.parametrize(
    "block",
    [
        block if readme.LESSON.match(block.command) else pytest.param(block, marks=pytest.mark.slow)
        for block in COMMANDS
    ],
    ids=str,
)
def test_commands_print_what_the_pages_show(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = printed_by(block.command)
    found = extract(block.source, printed)
    assert same(block.source, found), f"{block}: it prints\n{found}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_output_says_where_it_comes_from(page):
    parts = blocks(page)
    for before, block in zip([None, *parts], parts, strict=False):
        if block.language == "text":
            assert before.language == "python", block
        elif block.language not in ("python", "bash") and not DIRECTIVE.match(block.language):
            assert block.command, f"{block}: printed by no command"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_all_links_and_pictures_are_there(page):
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        assert not link.startswith("http") and (page.parent / urldefrag(link).url).exists(), link


def test_the_readme_is_short_and_leads_to_every_page():
    text = readme.README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert all(f"({page.relative_to(ROOT)})" in text for page in PAGES[1:])


def test_code_that_a_page_takes_from_a_file_is_there():
    included = [b for page in PAGES for b in blocks(page) if b.language.startswith("{literal")]
    for block in included:
        file = block.page.parent / block.language.split()[1]
        options = dict(re.findall(r"^:([\w-]+): ?(.*)$", block.source, re.MULTILINE))
        shown = ROOT / options["caption"]
        assert file.resolve() == shown, f"{block}: the caption names another file"
        source = shown.read_text(encoding="utf-8")
        if "pyobject" in options:
            source = definition(source, options["pyobject"])
        for end in ("start-at", "end-at"):
            assert options.get(end, "").strip('"') in source, f"{block}: {options[end]} is gone"
    assert len(included) > 20


def definition(source, name):
    """The source of a function or class, found by a name such as ``Linear.backward``."""
    node = ast.parse(source)
    for part in name.split("."):
        (node,) = [n for n in node.body if getattr(n, "name", "") == part]
    return ast.get_source_segment(source, node)


def test_the_map_names_what_is_there():
    text = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
    table = text.split("| file | what is inside |")[1].split("\n\n")[0]
    places = re.findall(
        r"`([\w/.]+)`", " ".join(row.split("|")[1] for row in table.splitlines()[2:])
    )
    package = ROOT / "tinynet"
    missing = [p for p in places if not any((at / p).exists() for at in (package, ROOT))]
    assert len(places) > 20 and not missing
    told = {place.split("/")[0] for place in places}
    files = {p.name for p in package.glob("[!_]*.py")} | {
        p.parent.name for p in package.glob("*/_*.py")
    }
    assert files - told == {"version.py"}


def test_the_number_of_planted_bugs():
    shown = re.search(
        r"unless all are: (\d+) of (\d+), and with `--jit`",
        (ROOT / "docs" / "gradients.md").read_text(),
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
