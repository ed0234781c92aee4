"""The same loop with the course's scores: loss and accuracy of every batch kept."""

from typing import ClassVar

from task import run
from tinynet_loop import NO_DX, TinynetLoop


class TinynetLoopScored(TinynetLoop):
    options: ClassVar[dict[str, bool]] = NO_DX

    def epoch(self) -> float:
        losses, accuracies = [], []
        for xb, yb in self.loader:
            log_probs = self.net(xb)
            loss = self.loss_fn(log_probs, yb)
            self.optimizer.zero_grad()
            self.net.backward(self.loss_fn.backward(), **self.options)
            self.optimizer.step()
            losses.append(loss)
            accuracies.append((log_probs.argmax(axis=1) == yb).mean())
        return sum(losses) / len(losses)


if __name__ == "__main__":
    run(TinynetLoopScored)
