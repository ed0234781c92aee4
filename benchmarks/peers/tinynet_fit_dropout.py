"""tinynet's `tn.fit` on the main lesson's network with Dropout behind each ReLU."""

from task import run
from tinynet_fit import TinynetFit

import tinynet as tn


class TinynetFitDropout(TinynetFit):
    def between(self, width: int) -> list[tn.Module]:
        return [self.activation(), tn.Dropout(0.2, rng=width)]


if __name__ == "__main__":
    run(TinynetFitDropout)
