"""Fail if a test was skipped for a reason that ``tests/allowed_skips.txt`` does not name.

``python tests/check_skips.py LOG...`` reads what ``pytest -rs`` printed.
"""

import re
import sys
from pathlib import Path

ALLOWED = Path(__file__).with_name("allowed_skips.txt").read_text().splitlines()
SKIPPED = re.compile(r"^SKIPPED \[\d+\] (?P<place>\S+?): (?P<reason>.*)$", re.MULTILINE)


def main() -> int:
    allowed = {line for line in ALLOWED if line and not line.startswith("#")}
    skips = [skip for log in sys.argv[1:] for skip in SKIPPED.finditer(Path(log).read_text())]
    strays = [skip for skip in skips if skip["reason"] not in allowed]
    for skip in strays:
        print(f"skipped, but not allowed: {skip['place']}: {skip['reason']}")
    print(f"{len(skips)} kinds of skip, {len(strays)} of them not allowed")
    return 1 if strays else 0


if __name__ == "__main__":
    sys.exit(main())
