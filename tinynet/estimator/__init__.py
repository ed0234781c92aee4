"""A tinynet network as a scikit-learn classifier: for pipelines, grid searches, cross-validation.

scikit-learn's convention: the constructor only stores the options, ``fit`` makes everything whose
name ends in an underscore, and labels may be of any type. Within, it is the library as it is: a
Sequential of Linear and ReLU, CrossEntropyLoss and ``tn.fit``. This file needs scikit-learn 1.6 or
newer, and ``import tinynet`` does not import it.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from tinynet.data import DataLoader
from tinynet.layers import Linear, LogSoftmax, ReLU
from tinynet.losses import CrossEntropyLoss
from tinynet.module import Module, Sequential
from tinynet.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from tinynet.runs.history import History
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.accuracy import accuracy
from tinynet.support.checks import number, whole_number
from tinynet.support.types import Array
from tinynet.training import fit

OPTIMIZERS = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}
NUMBERS_AT_ONCE = 2**22  # of X, in one piece: a block of rows that is predicted or made dense


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
        weights = self._weights(X, labels, classes, sample_weight)
        if weights is not None:
            if not weights.any():
                raise ValueError(
                    "TinyNetClassifier: every row has weight 0; see sample_weight and class_weight"
                )
            X, labels, weights = (a[weights > 0] for a in (X, labels, weights))
            weights = weights / weights.mean()
        parts = [X, labels, weights]
        state = check_random_state(self.random_state)
        if not self.early_stopping:
            self._start(classes, state)
            self._learn(epochs, parts)
            return self
        laid_aside = number(
            "TinyNetClassifier", "validation_fraction", self.validation_fraction, 0, 1, below=True
        )
        _check_split(laid_aside, classes, labels)
        rows, others = train_test_split(
            np.arange(len(labels)), test_size=laid_aside, random_state=state, stratify=labels
        )
        train, validation = (
            [part if part is None else part[chosen] for part in parts] for chosen in (rows, others)
        )
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
        weights = self._weights(X, labels, known, sample_weight)
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
            [log_softmax.predict(self.network_.predict(_dense(X[rows]))) for rows in _blocks(X)]
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

    def _weights(
        self, X: Any, labels: NDArray[Any], classes: NDArray[Any], given: Any
    ) -> NDArray[Any] | None:
        """How much each row counts, (n,); None: all the same."""
        if given is None and self.class_weight is None:
            return None
        weights = _check_sample_weight(given, X, dtype=np.float64, ensure_non_negative=True)
        if self.class_weight is None:
            return weights
        if isinstance(self.class_weight, Mapping):
            for label, weight in self.class_weight.items():
                try:
                    number("TinyNetClassifier", f"class_weight[{label!r}]", weight, 0)
                except TypeError as error:
                    raise ValueError(f"{error}; give one of at least 0") from error
        with np.errstate(all="ignore"):  # a class whose rows all have weight 0 gets infinity
            per_class = compute_class_weight(
                self.class_weight, classes=classes, y=classes[labels], sample_weight=weights
            )
        per_class[~np.isfinite(per_class)] = 0
        return weights * per_class[labels]

    def _start(self, classes: NDArray[Any], state: np.random.RandomState) -> None:
        """A new network, and an optimizer that remembers nothing."""
        owner, sizes = "TinyNetClassifier", np.atleast_1d(self.hidden_layer_sizes).tolist()
        whole_number(owner, "batch_size", self.batch_size, 1)
        for size in sizes:
            whole_number(owner, "hidden_layer_sizes", size, 1)
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(
                f"{owner}: optimizer = {self.optimizer!r}, expected one of {', '.join(OPTIMIZERS)}"
            )
        options: dict[str, Any] = {"lr": self.lr, "weight_decay": self.weight_decay}
        if self.optimizer in ("sgd", "rmsprop"):
            options["momentum"] = self.momentum
        elif self.momentum:
            raise ValueError(
                f"{owner}: momentum = {self.momentum} is for sgd and rmsprop; {self.optimizer} has "
                "its own, so leave it at 0"
            )
        self._rng = np.random.default_rng(state.randint(2**31 - 1))
        layers: list[Module] = []
        for I, O in pairwise([self.n_features_in_, *sizes, len(classes)]):
            layers += [Linear(I, O, rng=self._rng, dtype=self._kind), ReLU()]
        network = Sequential(*layers[:-1])
        self._optimizer: Optimizer = OPTIMIZERS[self.optimizer](network.parameters(), **options)
        self.classes_, self.network_, self.history_ = classes, network, History()

    def _stopping(self) -> EarlyStopping:
        given = self.early_stopping
        return copy.deepcopy(given) if isinstance(given, EarlyStopping) else EarlyStopping()

    def _learn(self, epochs: int, rows: list[Any], validation: list[Any] | None = None) -> None:
        """Train on `rows`, which are X, labels and weights, and add the epochs to the history."""
        X, *labelled = rows
        loss_fn, target = CrossEntropyLoss(), self._target(*labelled)
        options: dict[str, Any] = {"progress": bool(self.verbose)}
        if not sparse.issparse(X):
            loader = DataLoader(X, target, batch_size=self.batch_size, shuffle=True, rng=self._rng)
            if validation is not None:
                X_aside, *rest = validation
                options |= {"validation": (X_aside, self._target(*rest))}
                options |= {"early_stopping": self._stopping()}
            self._remember(
                fit(self.network_, loss_fn, self._optimizer, loader, epochs=epochs, **options)
            )
            return
        batches: Any = _SparseBatches(X, target, self.batch_size, self._rng)
        if validation is None:
            self._remember(
                fit(self.network_, loss_fn, self._optimizer, batches, epochs=epochs, **options)
            )
            return
        X_aside, *rest = validation
        target_aside, stopping = self._target(*rest), self._stopping()
        for _ in range(epochs):
            self._remember(fit(self.network_, loss_fn, self._optimizer, batches, **options))
            loss, right = self._scores(loss_fn, X_aside, target_aside)
            self.history_.validation_loss.append(loss)
            self.history_.validation_accuracy.append(right)
            stopping.watch(self.network_, self.history_)
            if stopping.is_over(self.history_):
                break
        stopping.restore(self.network_)

    def _target(self, labels: NDArray[Any], weights: NDArray[Any] | None) -> NDArray[Any]:
        """The labels, or for weighted rows each weight at its label's place, (n, C).

        ``-(q * log_softmax(x)).sum()`` with q = weight * one_hot is the weighted loss of a row.
        """
        if weights is None:
            return labels
        q = np.zeros((len(labels), len(self.classes_)), self._kind)
        q[np.arange(len(labels)), labels] = weights
        return q

    def _scores(self, loss_fn: CrossEntropyLoss, X: Any, target: Any) -> tuple[float, float]:
        """Loss and accuracy on sparse rows, a block at a time."""
        sums = np.zeros(2)
        for rows in _blocks(X):
            outputs = self.network_.predict(_dense(X[rows]))
            loss = float(loss_fn.predict(outputs, target[rows]))
            sums += len(outputs) * np.array([loss, accuracy(outputs, target[rows])])
        mean_loss, mean_accuracy = sums / X.shape[0]
        return float(mean_loss), float(mean_accuracy)

    def _remember(self, epochs: History) -> None:
        for name, scores in vars(epochs).items():
            getattr(self.history_, name).extend(scores)


def _check_split(fraction: float, classes: NDArray[Any], labels: NDArray[Any]) -> None:
    """Whether each class has a row on both sides, where early stopping lays rows aside."""
    present, counts = np.unique(labels, return_counts=True)
    n, C = len(labels), len(present)
    aside = math.ceil(fraction * n)
    if counts.min() > 1 and aside >= C and n - aside >= C:
        return
    if counts.min() == 1:
        lonely = classes[present[counts.argmin()]]
        advice = f"class {lonely!s} has 1 row; give it more"
    elif n < 2 * C:
        advice = f"give at least {2 * C} rows"
    elif aside < C:
        advice = f"give more rows, or validation_fraction={math.ceil(1000 * C / n) / 1000:g}"
    else:
        advice = f"give more rows, or validation_fraction={math.floor(1000 * (n - C) / n) / 1000:g}"
    raise ValueError(
        f"TinyNetClassifier: early_stopping lays aside validation_fraction = {fraction:g} of {n} "
        f"rows, which is {aside} and leaves {n - aside}, but each of the {C} classes needs a row "
        f"on both sides; {advice}, or early_stopping=False"
    )


class _SparseBatches:
    """Batches of a sparse matrix, each made dense when its turn comes, in a new order per epoch."""

    def __init__(self, X: Any, y: NDArray[Any], batch_size: int, rng: np.random.Generator) -> None:
        self.X, self.y, self.batch_size, self.rng = X, y, batch_size, rng

    def __iter__(self) -> Iterator[tuple[Array, NDArray[Any]]]:
        order = self.rng.permutation(self.X.shape[0])
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield _dense(self.X[rows]), self.y[rows]


def _blocks(X: Any) -> Iterator[slice]:
    """Slices of rows that are small enough to be dense."""
    size = max(1, NUMBERS_AT_ONCE // X.shape[1])
    for start in range(0, X.shape[0], size):
        yield slice(start, start + size)


def _dense(X: Any) -> Array:
    return np.ascontiguousarray(X.toarray() if sparse.issparse(X) else X)
