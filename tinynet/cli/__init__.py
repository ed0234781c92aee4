"""The command line: ``python -m tinynet``, alone or with ``train``, ``predict`` or ``gradcheck``.

Exit codes: 0 all is well; 1 a file cannot be used, a gradient is wrong or undecided, or training
diverged; 2 a command that cannot be understood; 130 stopped by Ctrl-C; 141 stopped since nobody
reads the output. Results go to stdout, and what a person wants to know beside them to stderr.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from tinynet.cli import about, gradcheck, predict, train, workbook
from tinynet.datasets import DataError
from tinynet.formats.safetensors import ModelFileError

STOPPED, UNREAD = 130, 141  # the shell's codes for a program that SIGINT or SIGPIPE ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``python -m tinynet``; default: those of this process.

    Returns
    -------
    int

    Raises
    ------
    SystemExit
        With code 2, if the words cannot be understood; with 0, after ``--help``.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tinynet",
        description="Without a command: show what tinynet runs on, and let it learn to read digits "
        "for a few seconds.",
        epilog="exit codes: 0 all is well, 1 a file cannot be used or a gradient is wrong or "
        "undecided or training diverged, 2 a command that cannot be understood, 130 Ctrl-C",
    )
    parser.set_defaults(run=about.run)
    commands = parser.add_subparsers(title="commands", metavar="command")
    for command in (train, predict, gradcheck, workbook):
        command.add_to(commands)
    options = parser.parse_args(arguments)
    try:
        code = int(options.run(options))
        sys.stdout.flush()  # a full disk or a closed pipe shows here, not after the exit code
        return code
    except KeyboardInterrupt:
        print("\nstopped by Ctrl-C", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:  # whoever read the output has seen enough, as `head` has
        _drop_output()
        return UNREAD
    except (DataError, ModelFileError, FloatingPointError, ModuleNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        if not place:
            _drop_output()
        text = error.strerror or str(error)
        advice = "" if ";" in text else "; check path and disk"
        print(f"error: {place}{text}{advice}", file=sys.stderr)
        return 1


def _drop_output() -> None:
    """Let go of what stdout still holds: it cannot be written, and Python would try at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
