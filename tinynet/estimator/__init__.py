"""tinynet networks as scikit-learn estimators: for pipelines, grid searches, cross-validation.

They are the library as it is: a Sequential of Linear and an activation, a loss and ``tn.fit``.
``classifier.py`` finds labels, ``regressor.py`` numbers, and ``base.py`` is what they share. They
need scikit-learn 1.6 or newer, and ``import tinynet`` does not import it.
"""

from tinynet.estimator.classifier import TinyNetClassifier
from tinynet.estimator.regressor import TinyNetRegressor

__all__ = ["TinyNetClassifier", "TinyNetRegressor"]
