"""tinynet's `tn.fit` on the main lesson's network with BatchNorm1d in front of each ReLU."""

from task import run
from tinynet_fit import TinynetFit

import tinynet as tn


class TinynetFitBatchNorm(TinynetFit):
    def between(self, width: int) -> list[tn.Module]:
        return [tn.BatchNorm1d(width), self.activation()]


if __name__ == "__main__":
    run(TinynetFitBatchNorm)
