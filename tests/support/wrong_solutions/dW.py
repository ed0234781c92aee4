"""Wrong solutions of 05_dW.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "the factors interchanged",
        """
def grad_W(dy, x):
    return np.dot(x.T, dy).T
""",
        "transposed",
    ),
    Try(
        "a mean, since the loss is one",
        """
def grad_W(dy, x):
    N = x.shape[0]
    return (1 / N) * np.einsum("ni,no->io", x, dy)
""",
        "a mean over the batch",
        seen="https://github.com/hunkim/DeepLearningZeroToAll/issues/173",
    ),
    Try(
        "one matrix for each row",
        """
def grad_W(dy, x):
    return np.array([np.outer(a, b) for a, b in zip(x, dy)])
""",
        "the sum over the batch is missing: there is one matrix for each row",
    ),
    Try(
        "overwritten in the loop over the rows",
        """
def grad_W(dy, x):
    for n in range(len(x)):
        dW = np.outer(x[n], dy[n])
    return dW
""",
        "only one row counts, the last",
    ),
    Try(
        "return within the loop",
        """
def grad_W(dy, x):
    for a, b in zip(x, dy):
        return np.outer(a, b)
""",
        "only one row counts, the first",
    ),
    Try(
        "dy forgotten",
        """
def grad_W(dy, x):
    return x.T @ np.ones(dy.shape)
""",
        "dy is missing",
    ),
    Try(
        "the gradient of b, spread out",
        """
def grad_W(dy, x):
    return np.ones(x.shape).T @ dy
""",
        "x is missing",
    ),
    Try(
        "sums multiplied",
        """
def grad_W(dy, x):
    return x.sum(axis=0)[:, None] * dy.sum(axis=0)[None, :]
""",
        "summed before it is multiplied",
    ),
    Try(
        "no transpose",
        """
def grad_W(dy, x):
    return x @ dy
""",
        "the factors do not fit",
    ),
    Try(
        "downhill already",
        """
def grad_W(dy, x):
    return -x.T @ dy
""",
        "the sign is wrong",
    ),
    Try(
        "a factor from the square of a loss",
        """
def grad_W(dy, x):
    return 2 * x.T @ dy
""",
        "must be multiplied by 0.5",
    ),
    Try(
        "no return",
        """
def grad_W(dy, x):
    dW = x.T @ dy
""",
        "is `return` missing",
    ),
)
