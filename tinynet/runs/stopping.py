"""When to stop learning: as soon as the network gets no better at what it does not learn from.

The training loss falls as long as one goes on. The loss on other digits falls with it at first, and
later rises, when the network learns its own digits by heart. So one part of the data is laid aside
and scored after every epoch; where its loss is lowest, the network is at its best.
"""

from tinynet.module import Module
from tinynet.runs.history import History
from tinynet.support.options import Flag, WholeNumber, WithOptions, code
from tinynet.support.types import Array


class EarlyStopping(WithOptions):
    """Ends a run once the validation loss has not fallen for some epochs.

    ``tn.fit(..., validation=(X, y), early_stopping=tn.EarlyStopping())`` does all of it. A loop of
    one's own calls ``watch`` after each epoch, ends when ``is_over``, and then calls ``restore``.

    Parameters
    ----------
    patience : int
        How many epochs in a row may pass without a validation loss lower than all before.
    restore_best : bool
        Whether the network gets back the weights of its best epoch at the end of the run, be it
        stopped early or not. The optimizer's memory stays that of the last epoch.

    Attributes
    ----------
    best_weights : dict from str to ndarray
        The state dict of the best epoch so far, in its shapes; empty before the first, or without
        `restore_best`.

    Raises
    ------
    TypeError, ValueError
        If `patience` is not a positive int, or `restore_best` neither True nor False.
    """

    patience, restore_best = WholeNumber(1), Flag()

    def __init__(self, patience: int = 5, restore_best: bool = True) -> None:
        self.patience, self.restore_best = patience, restore_best
        self.best_weights: dict[str, Array] = {}

    def begin(self) -> None:
        """Forget an earlier run."""
        self.best_weights = {}

    def watch(self, net: Module, history: History) -> None:
        """Copy the weights of `net` if the latest epoch of `history` is the best so far."""
        if self.restore_best and history.best_epoch == len(history.validation_loss):
            self.best_weights = net.state_dict()

    def is_over(self, history: History) -> bool:
        """Whether the last `patience` epochs of `history` brought nothing better."""
        return len(history.validation_loss) - (history.best_epoch or 0) >= self.patience

    def restore(self, net: Module) -> None:
        """Give `net` the weights of the best epoch, if there is one."""
        if self.best_weights:
            net.load_state_dict(self.best_weights)

    def __repr__(self) -> str:
        return code(self, always=("patience",))
