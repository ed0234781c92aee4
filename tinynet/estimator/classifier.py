"""The classifier: labels of any type, and how sure it is of each.

What it learns by, and with which options, is in ``base.py``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from tinynet.estimator.base import Activation, TinyNetEstimator
from tinynet.estimator.weights import row_weights, weighted_target
from tinynet.layers import LogSoftmax
from tinynet.losses import CrossEntropyLoss
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.types import Array


class TinyNetClassifier(ClassifierMixin, TinyNetEstimator):  # type: ignore[misc]
    """A feed-forward network of Linear layers and activations that classifies rows of numbers.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        The units of each hidden layer; ``()`` for none, which is softmax regression.
    activation : str or callable
        What stands behind each hidden layer: "relu", "leaky_relu", "relu6", "sigmoid", "tanh", or
        what makes a layer when called: a class, or ``functools.partial(tn.LeakyReLU, 0.2)``. The
        first weights are those of Linear whatever it is.
    dropout : float
        The probability that a number behind an activation is dropped in training, below 1; 0 for
        no Dropout.
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
        Draws the first weights, the rows laid aside, the order of the batches and what is dropped.
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
    feature_names_in_ : ndarray of str, shape (I,)
        Only if X had column names.

    Notes
    -----
    A row of weight w counts w times in the loss. ``fit`` divides all weights by their mean, so that
    with one batch for all rows the loss is their weighted mean; rows of weight 0 are left out.
    Sparse matrices are made dense batch by batch, never as a whole.
    """

    classes_: NDArray[Any]

    def __init__(
        self,
        hidden_layer_sizes: int | tuple[int, ...] = (64, 32),
        *,
        activation: Activation = "relu",
        dropout: float = 0.0,
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
        self.activation = activation
        self.dropout = dropout
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
        X, y = self._checked_data(X, y, reset=True)
        classes, labels = np.unique(y, return_inverse=True)
        weights = row_weights(self.class_weight, sample_weight, X, labels, classes)
        rows, loss = [X, labels, weights], CrossEntropyLoss()
        self._learn_anew(rows, loss, len(classes), classes, classes_=classes)
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
            state = check_random_state(self.random_state)
            self._start(len(known), state, classes_=known)
        self._learn(1, [X, labels, weights], CrossEntropyLoss())
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The most likely label of each row of X, (n, I): (n,)."""
        best = self.predict_log_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class for each row of X, (n, C), in the order of ``classes_``."""
        with np.errstate(under="ignore"):
            return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of ``predict_proba(X)``, exact where a probability would round to 0."""
        return LogSoftmax().predict(self._outputs(X))

    def _checked_data(self, X: Any, y: Any, reset: bool) -> tuple[Any, NDArray[Any]]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=self._kind, order="C", reset=reset
        )
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        return X, y

    def _target(self, y: NDArray[Any], weights: NDArray[Any] | None) -> NDArray[Any]:
        return weighted_target(y, weights, len(self.classes_), self._kind)
