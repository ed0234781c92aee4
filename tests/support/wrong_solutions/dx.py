"""Wrong solutions of 07_dx.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "the order of a course with columns",
        """
def grad_x(dy, W):
    return np.dot(W, dy.T)
""",
        "transposed",
        seen="https://datascience.stackexchange.com/questions/76545/why-dont-we-transpose-deltal1-in-back-propagation",
    ),
    Try(
        "reshaped until the shapes fit",
        """
def grad_x(dy, W):
    I, O = W.shape
    return dy.dot(np.reshape(W, (O, I)))
""",
        "W is reshaped",
    ),
    Try(
        "no transpose",
        """
def grad_x(dy, W):
    return np.matmul(dy, W)
""",
        "O must stand inside the product; turn W round",
    ),
    Try(
        "no transpose, the other way round",
        """
def grad_x(dy, W):
    return np.dot(W, dy)
""",
        "O must stand inside the product",
    ),
    Try(
        "summed over the rows, as the other two",
        """
def grad_x(dy, W):
    dx = np.zeros(W.shape[0])
    for n in range(len(dy)):
        dx += W @ dy[n]
    return dx
""",
        "summed over the batch",
    ),
    Try(
        "a mean over the outputs",
        """
def grad_x(dy, W):
    return (dy[:, None, :] * W[None, :, :]).mean(axis=2)
""",
        "a mean over the outputs",
    ),
    Try(
        "divided by the batch",
        """
def grad_x(dy, W):
    N = dy.shape[0]
    return (1 / N) * np.einsum("no,io->ni", dy, W)
""",
        "divided by N",
    ),
    Try(
        "products without their sum",
        """
def grad_x(dy, W):
    return np.einsum("no,io->nio", dy, W)
""",
        "the sum over the outputs is missing: there is one number for each",
    ),
    Try(
        "overwritten in the loop over the outputs",
        """
def grad_x(dy, W):
    dx = np.zeros((len(dy), len(W)))
    for o in range(W.shape[1]):
        dx = dy[:, [o]] * W[:, o]
    return dx
""",
        "only one of them counts, the last",
    ),
    Try(
        "return within the loop",
        """
def grad_x(dy, W):
    for d, w in zip(dy.T, W.T):
        return np.multiply.outer(d, w)
""",
        "only one of them counts, the first",
    ),
    Try(
        "dy forgotten",
        """
def grad_x(dy, W):
    return np.ones_like(dy) @ W.T
""",
        "dy is missing",
    ),
    Try(
        "W forgotten",
        """
def grad_x(dy, W):
    return dy @ np.ones_like(W).T
""",
        "W is missing",
    ),
    Try(
        "sums multiplied",
        """
def grad_x(dy, W):
    return dy.sum(axis=1, keepdims=True) * W.sum(axis=1)
""",
        "summed before it is multiplied",
    ),
    Try(
        "the layer undone",
        """
def grad_x(dy, W):
    return np.linalg.lstsq(W.T, dy.T, rcond=None)[0].T
""",
        "an inverse of W",
    ),
    Try(
        "downhill already",
        """
def grad_x(dy, W):
    return np.tensordot(dy, -W, axes=(1, 1))
""",
        "the sign is wrong",
    ),
    Try(
        "no return",
        """
def grad_x(dy, W):
    dx = dy @ W.T
""",
        "is `return` missing",
    ),
    Try(
        "the weights scaled on the way",
        """
def grad_x(dy, W):
    W *= 2
    return dy @ W.T
""",
        "changes W in place",
    ),
)
