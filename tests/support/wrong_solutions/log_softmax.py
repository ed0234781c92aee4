"""Wrong solutions of 10_log_softmax.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "the probabilities",
        """
def log_softmax(x):
    return mine_softmax(x)


def mine_softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
""",
        "these are the probabilities",
    ),
    Try(
        "one step after the other",
        """
def log_softmax(x):
    e = np.exp(x - np.max(x, axis=1)[:, None])
    p = e / np.sum(e, axis=1)[:, None]
    return np.log(p)
""",
        "a probability that has become 0",
        seen="https://github.com/pytorch/pytorch/issues/795",
    ),
    Try(
        "a small number against log(0)",
        """
def log_softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return np.log(1e-8 + e / e.sum(1, keepdims=True))
""",
        "kept away from 0 by 1e-08, so no logarithm gets below -18.4",
        seen="https://github.com/apache/mxnet/pull/4594",
    ),
    Try(
        "clipped against log(0)",
        """
def log_softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return np.log(np.clip(e / e.sum(1, keepdims=True), 1e-12, 1))
""",
        "kept away from 0 by 1e-12",
        seen="https://github.com/eriklindernoren/ML-From-Scratch/issues/98",
    ),
    Try(
        "as simplified, without a move",
        """
def log_softmax(x):
    L = np.log(np.exp(x).sum(-1))
    return (x.T - L).T
""",
        "overflow: exp of a large score is inf",
    ),
    Try(
        "as simplified, with Python's functions",
        """
import math


def log_softmax(x):
    out = np.zeros(x.shape)
    for n in range(len(x)):
        S = 0
        for v in x[n]:
            S += math.exp(v)
        out[n] = x[n] - math.log(S)
    return out
""",
        "math.exp refuses a large score",
    ),
    Try(
        "the largest does not come back",
        """
def log_softmax(x):
    z = x - x.max(axis=1, keepdims=True)
    lse = np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return x - lse
""",
        "does not come back",
    ),
    Try(
        "the largest taken away twice",
        """
def log_softmax(x):
    m = x.max(axis=1, keepdims=True)
    x = x - m
    return x - (m + np.log(np.exp(x).sum(axis=1, keepdims=True)))
""",
        "the move is undone twice",
    ),
    Try(
        "over the batch",
        """
def log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=None)
""",
        "the sum runs over the whole batch",
    ),
    Try(
        "along the rows of the batch",
        """
def log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=0)
""",
        "the wrong axis",
        seen="https://github.com/MicrosoftDocs/pytorchfundamentals/issues/4",
    ),
    Try(
        "sums that do not fit",
        """
def log_softmax(x):
    return x - np.logaddexp.reduce(x, axis=1)
""",
        "keepdims is missing at log(S)",
    ),
    Try(
        "the largest of the batch",
        """
def log_softmax(x):
    c = np.max(x)
    return x - c - np.log(np.exp(x - c).sum(axis=1)).reshape(-1, 1)
""",
        "one number for the whole batch",
    ),
    Try(
        "the log-probabilities in the place of probabilities",
        """
def log_softmax_backward(dy, y):
    return dy - np.sum(dy, axis=1, keepdims=True) * y
""",
        "exp is missing",
    ),
    Try(
        "y as weights",
        """
def log_softmax_backward(dy, y):
    dx = np.empty(dy.shape)
    for n in range(len(dy)):
        dx[n] = dy[n] - np.dot(dy[n], y[n])
    return dx
""",
        "takes y as weights",
        seen="https://github.com/uxlfoundation/oneDNN/issues/616",
    ),
    Try(
        "the diagonal",
        """
def log_softmax_backward(dy, y):
    p = np.exp(y)
    return dy - p * dy
""",
        "only the diagonal is there",
        seen="https://github.com/kcxain/dlsys/issues/5",
    ),
    Try(
        "dy in the place of a one-hot row",
        """
def log_softmax_backward(dy, y):
    return np.exp(y) + dy
""",
        place="dx",
        seen="https://github.com/mlpack/mlpack/issues/2360",
    ),
    Try(
        "no sum",
        """
def log_softmax_backward(dy, y):
    dx = dy.copy()
    dx -= np.exp(y)
    return dx
""",
        "the sum of the row's dy is missing",
    ),
    Try(
        "softmax's backward",
        """
def log_softmax_backward(dy, y):
    p = np.exp(y)
    return p * dy - p * np.einsum("nc,nc->n", p, dy)[:, None]
""",
        "softmax's backward",
    ),
    Try(
        "the slope of log alone",
        """
def log_softmax_backward(dy, y):
    return dy * np.exp(-y)
""",
        "the logarithm's own slope alone",
    ),
    Try(
        "dy as it is",
        """
def log_softmax_backward(dy, y):
    return dy
""",
        "the way through L is missing",
    ),
    Try(
        "the sum over the batch",
        """
def log_softmax_backward(dy, y):
    return dy - np.exp(y) * np.sum(dy, keepdims=True)
""",
        "dy is summed over the whole batch",
    ),
    Try(
        "overwritten in the loop",
        """
def log_softmax_backward(dy, y):
    for g, p in zip(dy, np.exp(y)):
        dx = g - p * g.sum()
    return dx
""",
        "dx has the shape",
    ),
)
