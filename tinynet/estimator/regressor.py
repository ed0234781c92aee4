"""The regressor: one number for each row, or several at once.

What it learns by, and with which options, is in ``base.py``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, validate_data

from tinynet.estimator.aside import Rows
from tinynet.estimator.base import Activation, TinyNetEstimator
from tinynet.estimator.sparse_rows import dense
from tinynet.estimator.weights import WeightedRows
from tinynet.losses import L1Loss, MSELoss
from tinynet.module import Module
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.types import Array

LOSSES: dict[str, Callable[[], Module]] = {"mse": MSELoss, "l1": L1Loss}


class TinyNetRegressor(RegressorMixin, TinyNetEstimator):  # type: ignore[misc]
    """A feed-forward network of Linear layers and activations that finds numbers of rows of them.

    The last layer is a Linear, whose outputs are of any size. They begin near 0: a target far away
    from it, or much larger than 1, is learned faster if it is scaled
    (``sklearn.compose.TransformedTargetRegressor``).

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
    activation : str or callable
    dropout : float
        As for ``TinyNetClassifier``.
    loss : {"mse", "l1"} or callable
        The mean of squared or of absolute errors; or what makes a loss when called, such as the
        class of one's own.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"}
    lr : float
    batch_size, epochs : int
    momentum, weight_decay : float
        As for ``TinyNetClassifier``.
    early_stopping : bool or tn.EarlyStopping
    validation_fraction : float
        As for ``TinyNetClassifier``; the rows laid aside are any.
    random_state : int, numpy.random.RandomState or None
    dtype : {"float32", "float64"}
    verbose : bool
        As for ``TinyNetClassifier``.

    Attributes
    ----------
    network_ : tn.Sequential
    history_ : tn.History
        The losses of all epochs.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (I,)
        Only if X had column names.

    Notes
    -----
    Weights of rows are treated as by ``TinyNetClassifier``, and so are sparse matrices.
    """

    def __init__(
        self,
        hidden_layer_sizes: int | tuple[int, ...] = (64, 32),
        *,
        activation: Activation = "relu",
        dropout: float = 0.0,
        loss: str | Callable[[], Module] = "mse",
        optimizer: str = "adam",
        lr: float = 0.003,
        batch_size: int = 32,
        epochs: int = 100,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        early_stopping: bool | EarlyStopping = False,
        validation_fraction: float = 0.1,
        random_state: Any = None,
        dtype: DTypeLike = "float32",
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.batch_size = batch_size
        self.epochs = epochs
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.dtype = dtype
        self.verbose = verbose

    def fit(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> "TinyNetRegressor":
        """Learn anew from rows and their numbers.

        Parameters
        ----------
        X : array, sparse matrix or DataFrame (n, features) of finite numbers
        y : array (n,) or (n, outputs) of finite numbers
        sample_weight : array (n,), optional
            How much each row counts; not negative, and not all 0.

        Returns
        -------
        TinyNetRegressor
            Itself.

        Raises
        ------
        ValueError, TypeError
            If an option or the data cannot be used.
        FloatingPointError
            If the loss becomes NaN or infinite: the learning rate is too large, or X or y is not
            scaled.
        """
        rows, shape = self._checked_data(X, y, sample_weight, reset=True)
        self._learn_anew(rows, self._loss(rows), rows[1].shape[1], None, _y_shape=shape)
        return self

    def partial_fit(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> "TinyNetRegressor":
        """Learn some more: one epoch on these rows.

        Parameters
        ----------
        X : array, sparse matrix or DataFrame (n, features)
        y : array (n,) or (n, outputs), as in the first call
        sample_weight : array (n,), optional
            Taken as they are: a row of weight 2 counts twice, and what 1 is does not depend on the
            other rows of the call.

        Returns
        -------
        TinyNetRegressor
            Itself.

        Raises
        ------
        ValueError, TypeError
            As for ``fit``; also if y has another number of outputs than in the first call.
        """
        first = not hasattr(self, "network_")
        rows, shape = self._checked_data(X, y, sample_weight, reset=first)
        loss = self._loss(rows)
        if first:
            state = check_random_state(self.random_state)
            self._start(rows[1].shape[1], state, _y_shape=shape)
        elif shape != self._y_shape:
            raise ValueError(
                f"{self._owner}: y has shape {(len(rows[1]), *shape)}, expected "
                f"{(len(rows[1]), *self._y_shape)} as in the first call"
            )
        self._learn(1, rows, loss)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """What is found of each row of X, (n, I): (n,) or (n, outputs) as y was, in float64."""
        outputs = self._outputs(X)
        return outputs.reshape(len(outputs), *self._y_shape).astype(np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _checked_data(
        self, X: Any, y: Any, sample_weight: Any, reset: bool
    ) -> tuple[Rows, tuple[int, ...]]:
        """X, y (n, outputs) and weights, and the shape of y for each row."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=self._kind,
            order="C",
            multi_output=True,
            y_numeric=True,
            reset=reset,
        )
        targets = dense(y)
        with np.errstate(over="ignore"):
            columns: Array = targets.reshape(len(targets), -1).astype(self._kind)
        if not np.isfinite(columns).all():
            raise ValueError(f"{self._owner}: y holds numbers too large for {self._kind}")
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, X, dtype=self._kind, ensure_non_negative=True
            )
        return [X, columns, weights], targets.shape[1:]

    def _loss(self, rows: Rows) -> Module:
        """What is to become small of these rows, whether they are weighted or not."""
        loss = self._made_loss()
        if rows[2] is None:
            return loss
        if not hasattr(loss, "reduction"):
            raise ValueError(
                f"{self._owner}: sample_weight needs a loss that takes reduction = 'none', which "
                f"{loss!r} does not; leave the weights out"
            )
        loss.reduction = "none"
        return WeightedRows(loss)

    def _made_loss(self) -> Module:
        names = f"{' or '.join(map(repr, LOSSES))}, or the class of a loss"
        if isinstance(self.loss, str):
            if self.loss not in LOSSES:
                raise ValueError(f"{self._owner}: loss = {self.loss!r}, expected {names}")
            return LOSSES[self.loss]()
        if isinstance(self.loss, Module) or not callable(self.loss):
            raise TypeError(f"{self._owner}: loss = {self.loss!r}, expected {names}")
        loss = self.loss()
        if not isinstance(loss, Module):
            raise TypeError(f"{self._owner}: loss = {self.loss!r} made {loss!r}, expected a loss")
        return loss

    def _target(self, y: NDArray[Any], weights: NDArray[Any] | None) -> NDArray[Any]:
        return y if weights is None else np.column_stack([y, weights]).astype(self._kind)
