"""The built site, for tests that read it: the folder named by TINYNET_SITE."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = os.environ.get("TINYNET_SITE")

needs_site = pytest.mark.skipif(
    NAMED is None,
    reason="no site: python -m sphinx -W -c docs . site, then TINYNET_SITE=site",
)


def site() -> Path:
    """Where the site is."""
    assert NAMED is not None
    return (ROOT / NAMED).resolve()
