"""The site: ``python -m sphinx -W -c docs . site``, in the folder of the repository.

The source folder is the repository itself, so that README and pages are shown as they are, and
links between them stay what they are. ``gallery.py`` runs the lessons.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "docs"), str(ROOT / "examples")]
(ROOT / "docs/made/extra").mkdir(parents=True, exist_ok=True)

import gallery  # noqa: E402
import names  # noqa: E402

import tinynet  # noqa: E402

project, author = "tinynet", "The tinynet developers"
copyright = "the tinynet developers"
version = release = tinynet.__version__
root_doc = "docs/index"
include_patterns = [
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md"),
    *("docs/*.md", "docs/reference/*.rst", "docs/api/*.rst", "docs/lessons/*.rst"),
    *("examples/README.md", "benchmarks/README.md", "tests/README.md"),
]
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "names",
    "sources",
]
default_role = "code"
suppress_warnings = ["config.cache"]  # functions among the settings cannot be stored
nitpicky = True
myst_heading_anchors = 3

templates_path = [str(ROOT / "docs/templates")]
autosummary_generate = names.LISTS
autosummary_context = names.context()
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_aliases = names.classes()
numpydoc_xref_ignore = "all"

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "docs/lessons",
    "filename_pattern": r"/\d\d_\w+\.py$",
    "ignore_pattern": r"^[a-z_]+\.py$",
    "within_subsection_order": "FileNameSortKey",
    "reset_argv": gallery.Arguments(),
    "image_scrapers": (gallery.figures_and_pages,),
    "capture_repr": (),
    "first_notebook_cell": gallery.FIRST_CELL,
    "parallel": 2,
    "backreferences_dir": "docs/api/lessons",
    "doc_module": ("tinynet",),
    "exclude_implicit_doc": {rf"\.{name.rpartition('.')[2]}$" for name in names.BASES},
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,  # that page loads scripts from the network
    "remove_config_comments": True,
    "plot_gallery": True,
}

html_theme = "pydata_sphinx_theme"
html_title = "tinynet"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_theme_options = {
    "logo": {"text": "tinynet"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "search_bar_text": "Search",
    "show_toc_level": 2,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
ALONE = ("benchmarks", "index", "live", "map", "speed", "teachers", "workbook")
ALONE_ABOVE = ("README", "CHANGELOG", "CONTRIBUTING", "*/README")
html_sidebars = {page: [] for page in (*(f"docs/{page}" for page in ALONE), *ALONE_ABOVE)}
html_show_sourcelink = False
html_copy_source = False
html_extra_path = ["made/extra", "root"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
