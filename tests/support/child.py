"""Where the programs that tests start find tinynet, and what tests share."""

import os
from pathlib import Path

import tinynet

TESTS = Path(__file__).parents[1]
PATHS = [str(Path(tinynet.__file__).parents[1]), *(str(TESTS / d) for d in ("support", "children"))]
PYTHONPATH = os.pathsep.join(PATHS)
