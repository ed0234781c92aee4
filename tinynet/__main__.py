"""``python -m tinynet``: see ``tinynet/cli``."""

import gc
import sys

from tinynet.cli import main

if __name__ == "__main__":
    gc.freeze()  # imports stay and need not be searched for garbage: a third of a short command
    sys.exit(main())
