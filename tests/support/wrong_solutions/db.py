"""Wrong solutions of 06_db.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "the last axis, as for the classes of a softmax",
        """
def grad_b(dy):
    return np.sum(dy, axis=-1)
""",
        "summed along the wrong axis",
    ),
    Try(
        "no axis",
        """
def grad_b(dy):
    return np.sum(dy)
""",
        "all of dy is summed into one number",
    ),
    Try(
        "no axis, and broadcast when it is used",
        """
def grad_b(dy):
    db = np.zeros(dy.shape[1])
    db += dy.sum()
    return db
""",
        "one number for all outputs",
        seen="https://github.com/rasbt/stat453-deep-learning-ss21/issues/5",
    ),
    Try(
        "a mean, since the loss is one",
        """
def grad_b(dy):
    return np.average(dy, axis=0)
""",
        "a mean over the batch",
        seen="https://github.com/kvfrans/notes/issues/5",
    ),
    Try(
        "a matrix product with a row of ones",
        """
def grad_b(dy):
    return np.ones((1, dy.shape[0])) @ dy
""",
        "as keepdims gives",
    ),
    Try(
        "a column, where layers hold columns",
        """
def grad_b(dy):
    return dy @ np.ones((dy.shape[1], 1))
""",
        "the wrong axis, and kept",
    ),
    Try(
        "squeezed after keepdims",
        """
def grad_b(dy):
    return np.squeeze(np.sum(dy, axis=0, keepdims=True))
""",
        "as by squeeze",
    ),
    Try(
        "the slope of y is 1, so db is dy",
        """
def grad_b(dy):
    return 1.0 * dy
""",
        "the sum over the batch is missing: there is one row of numbers",
        seen="https://github.com/jimfleming/differentiation/issues/1",
    ),
    Try(
        "dy handed on",
        """
def grad_b(dy):
    db = dy
    return db
""",
        "dy comes back as it is",
        seen="https://datascience.stackexchange.com/questions/20139/gradients-for-bias-terms-in-backpropagation",
    ),
    Try(
        "overwritten in the loop over the rows",
        """
def grad_b(dy):
    db = np.zeros(dy.shape[1])
    for row in dy:
        db = 0 + row
    return db
""",
        "only one row counts, the last",
    ),
    Try(
        "return within the loop",
        """
def grad_b(dy):
    db = np.zeros(dy.shape[1])
    for n in range(dy.shape[0]):
        db += dy[n]
        return db
""",
        "only one row counts, the first",
    ),
    Try(
        "the ones of b's column summed",
        """
def grad_b(dy):
    return np.ones_like(dy).sum(axis=0)
""",
        "the rows are counted",
    ),
    Try(
        "the slope alone",
        """
def grad_b(dy):
    return np.array([1.0 for o in range(dy.shape[1])])
""",
        "it is 1 for each output",
    ),
    Try(
        "downhill already",
        """
def grad_b(dy):
    return np.einsum("no->o", -dy)
""",
        "the sign is wrong",
    ),
    Try(
        "a Python list",
        """
def grad_b(dy):
    return [sum(dy[n, o] for n in range(len(dy))) for o in range(dy.shape[1])]
""",
        "of type list, expected numbers",
    ),
    Try(
        "added into the first row",
        """
def grad_b(dy):
    for n in range(1, len(dy)):
        dy[0] += dy[n]
    return dy[0].copy()
""",
        "changes dy in place",
    ),
)
