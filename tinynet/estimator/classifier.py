"""The classifier itself: its options, what it learns by, and its answers.

scikit-learn's convention: the constructor only stores the options, ``fit`` makes everything whose
name ends in an underscore, and labels may be of any type.
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tinynet.data import DataLoader
from tinynet.estimator.aside import Rows, lay_aside
from tinynet.estimator.network import OWNER, feed_forward, hidden_sizes, optimizer_of
from tinynet.estimator.sparse_rows import SparseBatches, blocks, dense, fit_sparse
from tinynet.estimator.weights import row_weights, weighted_target
from tinynet.layers import LogSoftmax
from tinynet.losses import CrossEntropyLoss
from tinynet.module import Sequential
from tinynet.optim import Optimizer
from tinynet.runs.history import History
from tinynet.runs.run import TrainingRun
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.checks import whole_number
from tinynet.support.types import Array
from tinynet.training import fit


class TinyNetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A feed-forward network of Linear and ReLU layers that classifies rows of numbers.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        The units of each hidden layer; ``()`` for none, which is softmax regression.
    optimizer : {"adam", "adamw", "sgd", "rmsprop"}
    lr : float
        The learning rate.
    batch_size : int
        Rows per step. More than there are means all of them: full-batch learning.
    epochs : int
        How often ``fit`` goes through the rows.
    momentum : float
        Of SGD and RMSprop. Adam and AdamW have their own, and take 0 only.
    weight_decay : float
        As in tinynet's optimizers: ``weight_decay * w`` is added to the gradient, or with "adamw"
        w shrinks by ``lr * weight_decay * w`` instead.
    early_stopping : bool or tn.EarlyStopping
        Lay aside a part of the rows, stop when the loss on them has not fallen for 5 epochs (or as
        the object says), and keep the best epoch's weights.
    validation_fraction : float
        The share of the rows laid aside, each class by its share. Unused without `early_stopping`.
    class_weight : dict, "balanced" or None
        How much the rows of each class count, times their `sample_weight`: numbers of at least 0,
        1 for a class that the dict does not name.
    random_state : int, numpy.random.RandomState or None
        Draws the first weights, the rows laid aside and the order of the batches.
    dtype : {"float32", "float64"}
        What the network computes in; X is converted to it.
    verbose : bool
        Show the scores of each epoch.

    Attributes
    ----------
    classes_ : ndarray (C,)
        The labels, sorted.
    network_ : tn.Sequential
        Its outputs are scores: ``LogSoftmax`` after them gives log-probabilities.
    history_ : tn.History
        The scores of all epochs.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X had column names.

    Notes
    -----
    A row of weight w counts w times in the loss. ``fit`` divides all weights by their mean, so that
    with one batch for all rows the loss is their weighted mean; rows of weight 0 are left out.
    Sparse matrices are made dense batch by batch, never as a whole.
    """

    classes_: NDArray[Any]
    network_: Sequential
    history_: History
    n_features_in_: int

    def __init__(
        self,
        hidden_layer_sizes: int | tuple[int, ...] = (64, 32),
        *,
        optimizer: str = "adam",
        lr: float = 0.003,
        batch_size: int = 32,
        epochs: int = 100,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        early_stopping: bool | EarlyStopping = False,
        validation_fraction: float = 0.1,
        class_weight: Mapping[Any, float] | str | None = None,
        random_state: Any = None,
        dtype: DTypeLike = "float32",
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.optimizer = optimizer
        self.lr = lr
        self.batch_size = batch_size
        self.epochs = epochs
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.random_state = random_state
        self.dtype = dtype
        self.verbose = verbose

    def fit(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> "TinyNetClassifier":
        """Learn anew from rows and their labels.

        Parameters
        ----------
        X : array, sparse matrix or DataFrame (n, features) of finite numbers
        y : array (n,) of labels
        sample_weight : array (n,), optional
            How much each row counts; not negative, and not all 0.

        Returns
        -------
        TinyNetClassifier
            Itself.

        Raises
        ------
        ValueError, TypeError
            If an option or the data cannot be used.
        FloatingPointError
            If the loss becomes NaN or infinite: the learning rate is too large, or X is not scaled.
        """
        epochs = whole_number("TinyNetClassifier", "epochs", self.epochs, 1)
        X, y = self._checked_data(X, y, reset=True)
        classes, labels = np.unique(y, return_inverse=True)
        weights = row_weights(self.class_weight, sample_weight, X, labels, classes)
        if weights is not None:
            if not weights.any():
                raise ValueError(
                    "TinyNetClassifier: every row has weight 0; see sample_weight and class_weight"
                )
            X, labels, weights = (a[weights > 0] for a in (X, labels, weights))
            weights = weights / weights.mean()
        parts: Rows = [X, labels, weights]
        state = check_random_state(self.random_state)
        if not self.early_stopping:
            self._start(classes, state)
            self._learn(epochs, parts)
            return self
        train, validation = lay_aside(self.validation_fraction, parts, classes, state)
        self._start(classes, state)
        self._learn(epochs, train, validation)
        return self

    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> "TinyNetClassifier":
        """Learn some more: one epoch on these rows.

        Parameters
        ----------
        X : array, sparse matrix or DataFrame (n, features)
        y : array (n,) of labels
        classes : array (C,), optional
            All labels there will ever be; needed in the first call, unless ``fit`` came before.
        sample_weight : array (n,), optional
            Taken as they are: a row of weight 2 counts twice, and what 1 is does not depend on the
            other rows of the call.

        Returns
        -------
        TinyNetClassifier
            Itself.

        Raises
        ------
        ValueError, TypeError
            As for ``fit``; also if `classes` are missing or changed, or y holds a label that is
            none of them.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                'TinyNetClassifier: class_weight = "balanced" needs all rows at once, which '
                "partial_fit does not have; give a dict of weights"
            )
        first = not hasattr(self, "network_")
        if first and classes is None:
            raise ValueError(
                "TinyNetClassifier: classes are missing in the first partial_fit; give all labels "
                "there will ever be"
            )
        X, y = self._checked_data(X, y, reset=first)
        known = self.classes_ if classes is None else np.unique(np.asarray(classes))
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError(
                f"TinyNetClassifier: classes = {known} are not those of the first call, "
                f"{self.classes_}; leave them out"
            )
        strange = np.setdiff1d(y, known)
        if len(strange):
            raise ValueError(f"TinyNetClassifier: y holds {strange}, none of the classes {known}")
        labels = np.searchsorted(known, y)
        weights = row_weights(self.class_weight, sample_weight, X, labels, known)
        if first:
            self._start(known, check_random_state(self.random_state))
        self._learn(1, [X, labels, weights])
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The most likely label of each row, (n,)."""
        best = self.predict_log_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class for each row, (n, C), in the order of ``classes_``."""
        with np.errstate(under="ignore"):
            return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of ``predict_proba``, exact where a probability would round to 0."""
        check_is_fitted(self, "network_")
        X = validate_data(self, X, accept_sparse="csr", dtype=self._kind, order="C", reset=False)
        log_softmax = LogSoftmax()
        return np.concatenate(
            [log_softmax.predict(self.network_.predict(dense(X[rows]))) for rows in blocks(X)]
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def _kind(self) -> np.dtype[Any]:
        kind = np.dtype(self.dtype)
        if kind not in (np.float32, np.float64):
            raise ValueError(
                f"TinyNetClassifier: dtype = {self.dtype!r}, expected 'float32' or 'float64'"
            )
        return kind

    def _checked_data(self, X: Any, y: Any, reset: bool) -> tuple[Any, NDArray[Any]]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=self._kind, order="C", reset=reset
        )
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return X, y

    def _start(self, classes: NDArray[Any], state: np.random.RandomState) -> None:
        """A new network, and an optimizer that remembers nothing."""
        whole_number(OWNER, "batch_size", self.batch_size, 1)
        hidden = hidden_sizes(self.hidden_layer_sizes)
        kind, options = optimizer_of(self.optimizer, self.lr, self.momentum, self.weight_decay)
        self._rng = np.random.default_rng(state.randint(2**31 - 1))
        sizes = [self.n_features_in_, *hidden, len(classes)]
        network = feed_forward(sizes, self._rng, self._kind)
        self._optimizer: Optimizer = kind(network.parameters(), **options)
        self.classes_, self.network_, self.history_ = classes, network, History()

    def _learn(self, epochs: int, rows: Rows, validation: Rows | None = None) -> None:
        """Train on `rows`, and add the epochs to the history."""
        parts = self.network_, CrossEntropyLoss(), self._optimizer
        X, target = self._with_target(rows)
        aside = None if validation is None else self._with_target(validation)
        stopping = None if aside is None else self._stopping()
        verbose = bool(self.verbose)
        if sparse.issparse(X):
            batches = SparseBatches(X, target, self.batch_size, self._rng)
            run = TrainingRun("fit", *parts, batches, epochs, early_stopping=stopping)
            history = fit_sparse(run, aside, verbose)
        else:
            loader = DataLoader(X, target, batch_size=self.batch_size, shuffle=True, rng=self._rng)
            options: dict[str, Any] = {"validation": aside, "early_stopping": stopping}
            history = fit(*parts, loader, epochs=epochs, progress=verbose, **options)
        for name, scores in vars(history).items():
            getattr(self.history_, name).extend(scores)

    def _stopping(self) -> EarlyStopping:
        given = self.early_stopping
        return copy.deepcopy(given) if isinstance(given, EarlyStopping) else EarlyStopping()

    def _with_target(self, rows: Rows) -> tuple[Any, NDArray[Any]]:
        """X, and what the loss takes."""
        X, labels, weights = rows
        return X, weighted_target(labels, weights, len(self.classes_), self._kind)
