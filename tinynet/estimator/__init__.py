"""A tinynet network as a scikit-learn classifier: for pipelines, grid searches, cross-validation.

The classifier is the library as it is: a Sequential of Linear and ReLU, CrossEntropyLoss and
``tn.fit``. It needs scikit-learn 1.6 or newer, and ``import tinynet`` does not import it.
"""

from tinynet.estimator.classifier import TinyNetClassifier

__all__ = ["TinyNetClassifier"]
