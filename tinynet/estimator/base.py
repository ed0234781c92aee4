"""What classifier and regressor share: a network is made from options, and learns rows.

scikit-learn's convention: the constructor only stores the options, ``fit`` makes everything whose
name ends in an underscore.
"""

import copy
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from tinynet.data import DataLoader
from tinynet.estimator.aside import Rows, lay_aside
from tinynet.estimator.network import feed_forward, hidden_sizes, optimizer_of
from tinynet.estimator.sparse_rows import SparseBatches, blocks, dense, fit_sparse
from tinynet.module import Module, Sequential
from tinynet.optim import Optimizer
from tinynet.runs.history import History
from tinynet.runs.run import TrainingRun
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.checks import whole_number
from tinynet.support.types import Array
from tinynet.training import fit

Activation = str | Callable[[], Module]


class TinyNetEstimator(BaseEstimator):  # type: ignore[misc]
    """The base of classifier and regressor; ``TinyNetClassifier`` describes the options."""

    hidden_layer_sizes: int | tuple[int, ...]
    activation: Activation
    dropout: float
    optimizer: str
    lr: float
    batch_size: int
    epochs: int
    momentum: float
    weight_decay: float
    early_stopping: bool | EarlyStopping
    validation_fraction: float
    random_state: Any
    dtype: DTypeLike
    verbose: bool

    network_: Sequential
    history_: History
    n_features_in_: int

    def _target(self, y: NDArray[Any], weights: NDArray[Any] | None) -> NDArray[Any]:
        """What the loss takes."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what was pickled; options that its version did not have are at their defaults."""
        options = inspect.signature(type(self)).parameters.values()
        super().__setstate__({option.name: option.default for option in options} | state)

    @property
    def _owner(self) -> str:
        return type(self).__name__

    @property
    def _kind(self) -> np.dtype[Any]:
        kind = np.dtype(self.dtype)
        if kind not in (np.float32, np.float64):
            raise ValueError(
                f"{self._owner}: dtype = {self.dtype!r}, expected 'float32' or 'float64'"
            )
        return kind

    def _learn_anew(
        self, rows: Rows, loss: Module, outputs: int, classes: NDArray[Any] | None, **learned: Any
    ) -> None:
        """Learn from X, y and weights, of which early stopping lays some aside.

        `classes` are those of a classifier, of which each keeps its share; `learned` are attributes
        that the estimator then has.
        """
        epochs = whole_number(self._owner, "epochs", self.epochs, 1)
        weights = rows[2]
        if weights is not None:
            if not weights.any():
                raise ValueError(
                    f"{self._owner}: every row has weight 0; see sample_weight and class_weight"
                )
            rows = [part[weights > 0] for part in rows]
            rows[2] = rows[2] / rows[2].mean()
        state, aside = check_random_state(self.random_state), None
        if self.early_stopping:
            rows, aside = lay_aside(self._owner, self.validation_fraction, rows, classes, state)
        self._start(outputs, state, **learned)
        self._learn(epochs, rows, loss, aside)

    def _start(self, outputs: int, state: np.random.RandomState, **learned: Any) -> None:
        """A new network, and an optimizer that remembers nothing."""
        whole_number(self._owner, "batch_size", self.batch_size, 1)
        hidden = hidden_sizes(self._owner, self.hidden_layer_sizes)
        kind, options = optimizer_of(
            self._owner, self.optimizer, self.lr, self.momentum, self.weight_decay
        )
        rng = np.random.default_rng(state.randint(2**31 - 1))
        sizes = [self.n_features_in_, *hidden, outputs]
        network = feed_forward(self._owner, sizes, self.activation, self.dropout, rng, self._kind)
        self._optimizer: Optimizer = kind(network.parameters(), **options)
        self._rng, self.network_, self.history_ = rng, network, History()
        for name, value in learned.items():
            setattr(self, name, value)

    def _learn(self, epochs: int, rows: Rows, loss: Module, aside: Rows | None = None) -> None:
        """Train on `rows`, and add the epochs to the history."""
        X, target = rows[0], self._target(*rows[1:])
        parts = self.network_, loss, self._optimizer
        validation = None if aside is None else (aside[0], self._target(*aside[1:]))
        stopping = None if aside is None else self._stopping()
        verbose = bool(self.verbose)
        if sparse.issparse(X):
            batches = SparseBatches(X, target, self.batch_size, self._rng)
            run = TrainingRun("fit", *parts, batches, epochs, early_stopping=stopping)
            history = fit_sparse(run, validation, verbose)
        else:
            loader = DataLoader(X, target, batch_size=self.batch_size, shuffle=True, rng=self._rng)
            options: dict[str, Any] = {"validation": validation, "early_stopping": stopping}
            history = fit(*parts, loader, epochs=epochs, progress=verbose, **options)
        for name, scores in vars(history).items():
            getattr(self.history_, name).extend(scores)

    def _stopping(self) -> EarlyStopping:
        given = self.early_stopping
        return copy.deepcopy(given) if isinstance(given, EarlyStopping) else EarlyStopping()

    def _outputs(self, X: Any) -> Array:
        """What the network says of each row, (n, outputs)."""
        check_is_fitted(self, "network_")
        X = validate_data(self, X, accept_sparse="csr", dtype=self._kind, order="C", reset=False)
        return np.concatenate([self.network_.predict(dense(X[rows])) for rows in blocks(X)])
