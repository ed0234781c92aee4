"""tinynet with the README's own loop, after `tn.compile`."""

import inspect

from task import Task, run
from tinynet_fit import TinynetFit

import tinynet as tn

# Nobody wants the gradient of the digits themselves.
TAKES_IT = "input_gradient" in inspect.signature(tn.Sequential.backward).parameters
NO_DX = {"input_gradient": False} if TAKES_IT else {}


class TinynetLoop(TinynetFit):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        tn.compile(self.net, self.loss_fn, self.optimizer)

    def epoch(self) -> float:
        losses = []
        for xb, yb in self.loader:
            log_probs = self.net(xb)
            losses.append(self.loss_fn(log_probs, yb))
            self.optimizer.zero_grad()
            self.net.backward(self.loss_fn.backward(), **NO_DX)
            self.optimizer.step()
        return sum(losses) / len(losses)


if __name__ == "__main__":
    run(TinynetLoop)
