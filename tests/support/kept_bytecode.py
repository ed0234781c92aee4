"""Bytecode for all processes of a test run, where none may be written beside the source.

With ``PYTHONDONTWRITEBYTECODE`` set, each of some hundred processes would compile NumPy, Numba and
tinynet anew: 2 s instead of 0.4 s for ``import tinynet``.
"""

import atexit
import os
import shutil
import sys
import tempfile


def keep_aside() -> None:
    """Write it to ``$PYTHONPYCACHEPREFIX``, a folder that is gone when the run ends if unset."""
    if not sys.dont_write_bytecode:
        return
    if "PYTHONPYCACHEPREFIX" not in os.environ:
        folder = tempfile.mkdtemp(prefix="tinynet-bytecode-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["PYTHONPYCACHEPREFIX"] = folder
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.pycache_prefix, sys.dont_write_bytecode = os.environ["PYTHONPYCACHEPREFIX"], False
