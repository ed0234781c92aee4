"""What the workers of test_distributed.py are killed with; they import this small file only."""

import os
import signal
import time

import tinynet as tn
from tinynet.estimator import TinyNetClassifier


class Slow(tn.Module):
    """Passes everything on, after a while: time to die in the middle of a step."""

    def forward(self, x):
        self.keep()
        time.sleep(0.05)
        return x.copy()

    def backward(self, dy):
        (dy,) = self.kept(dy)
        return dy.copy()


class DiesOnce(TinyNetClassifier):
    """Takes its worker down the first time that it trains with lr = 0.02."""

    def __init__(self, mark="", epochs=100, lr=0.003, random_state=None):
        super().__init__(epochs=epochs, lr=lr, random_state=random_state)
        self.mark = mark

    def fit(self, X, y):
        if self.lr == 0.02 and self.mark:
            try:
                os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)
