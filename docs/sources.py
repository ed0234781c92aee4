"""Where the site shows README, pages and lessons otherwise than they stand in the repository.

In the repository a link to a lesson leads to its script, and a link to a file of tinynet to that
file. On the site they lead to the lesson's page, and to the file's own page. A lesson's number
stands in front of its title. What a lesson's prose indents by four columns are sums, one below the
other, and stay so.
"""

import re
from pathlib import Path
from typing import Any

import gallery
import live_pages
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
LESSON = re.compile(r"\]\((?P<folder>[^()\s]*?)(?P<name>\d\d_\w+)\.py\)")

BACK = re.compile(r'(?P<before>class="viewcode-back" href="[^"#]*#)(?P<name>[^"]+)(?P<after>")')
TITLE = re.compile(r"^(?P<title>\S.*\n)(?===)", re.MULTILINE)
IN_LIST = re.compile(
    r"(?P<name>:doc:`/docs/lessons/(?P<number>\d\d)_\w+`)"
    r"(?P<between>\s+\.\. raw:: html\s+<div[^>]+>)"
)
SUMS = re.compile(r"^(?P<prose>(?!\.\. )\S.*)\n\n+(?P<sums>    \S)", re.MULTILINE)


def lessons_have_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    """Turn ``](../examples/03_ffn_on_mnist.py)`` into a link to the lesson's page."""
    here = ROOT / docname
    up = "../" * (len(here.relative_to(ROOT).parts) - 1)

    def to_page(link: re.Match[str]) -> str:
        if not (here.parent / link["folder"] / f"{link['name']}.py").exists():
            return link[0]
        return f"](<{up}docs/lessons/{link['name']}.rst>)"

    source[0] = LESSON.sub(to_page, source[0])


def lessons_have_numbers(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the number of a lesson in front of its title, on its page and in the list of all."""
    if name := re.fullmatch(r"docs/lessons/(\d\d)_\w+", docname):
        source[0] = TITLE.sub(rf"{name[1]} \g<title>===", source[0], count=1)
    source[0] = IN_LIST.sub(r"\g<name>\g<between>\g<number> ", source[0])


def sums_stay_in_line(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make blocks of a lesson's indented lines, which docutils would take for a quotation."""
    if docname.startswith("docs/lessons/"):
        source[0] = SUMS.sub(r"\g<prose>\n\n.. code-block:: text\n\n\g<sums>", source[0])


def files_have_pages(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Turn downloads of tinynet's files into links to their page with the code."""
    for node in list(doctree.findall(addnodes.download_reference)):
        path = Path(app.env.relfn2path(node["reftarget"], docname)[1])
        module = path.relative_to(ROOT).with_suffix("")
        if path.suffix == ".py" and module.parts[0] == "tinynet":
            node.replace_self(_link(app, docname, f"_modules/{module.as_posix()}", *node.children))


def folders_have_none(app: Sphinx, doctree: nodes.document) -> None:
    """Lead from a folder of tinynet to the list of all files; other folders are not on the site."""
    docname = app.env.docname
    for node in list(doctree.findall(addnodes.pending_xref)):
        path = Path(app.env.relfn2path(node["reftarget"], docname)[1])
        if node["reftype"] == "myst" and path.is_dir():
            inside = path.is_relative_to(ROOT / "tinynet")
            text = node.children
            node.replace_self(_link(app, docname, "_modules/index", *text) if inside else text)


def code_leads_back(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Mend links from code to its description, where a file has names of the package and its own.

    viewcode takes all names of ``tinynet/data.py`` for ``tinynet.something`` if the first one is,
    while some of them are described as ``tinynet.data.something``.
    """
    if not page.startswith("_modules/") or "body" not in context:
        return
    described = app.env.domains["py"].objects  # type: ignore[attr-defined]
    module = page.removeprefix("_modules/").replace("/", ".")

    def mended(link: re.Match[str]) -> str:
        own = link["name"].replace("tinynet", module, 1)
        name = link["name"] if link["name"] in described or own not in described else own
        return f"{link['before']}{name}{link['after']}"

    context["body"] = BACK.sub(mended, context["body"])


def _link(app: Sphinx, docname: str, page: str, *children: nodes.Node) -> nodes.reference:
    uri = app.builder.get_relative_uri(docname, page)
    return nodes.reference("", "", *children, internal=True, refuri=uri)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect these functions, and write the live pages."""
    app.connect("builder-inited", lambda app: live_pages.write(gallery.PAGES))
    app.connect("source-read", lessons_have_pages)
    app.connect("source-read", lessons_have_numbers)
    app.connect("source-read", sums_stay_in_line)
    app.connect("html-page-context", code_leads_back)
    app.connect("doctree-resolved", files_have_pages)
    app.connect("doctree-read", folders_have_none)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
