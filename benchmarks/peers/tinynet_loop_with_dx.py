"""The same loop with the gradient of its input, which backward returns if nobody says otherwise."""

from typing import ClassVar

from task import run
from tinynet_loop_scored import TinynetLoopScored


class TinynetLoopWithDx(TinynetLoopScored):
    options: ClassVar[dict[str, bool]] = {}


if __name__ == "__main__":
    run(TinynetLoopWithDx)
