"""Wrong solutions of 09_softmax.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "one sum for all",
        """
def softmax(x):
    return np.exp(x) / np.sum(np.exp(x))
""",
        "all numbers together sum to 1",
        seen="https://github.com/rickwierenga/MLFundamentals/issues/1",
    ),
    Try(
        "columns in place of rows",
        """
def softmax(x):
    y = np.zeros(x.shape)
    for c in range(x.shape[1]):
        e = np.exp(x[:, c])
        y[:, c] = e / sum(e)
    return y
""",
        "each column sums to 1",
        seen="https://github.com/DeepReinforcementLearning/DeepReinforcementLearningInAction/issues/32",
    ),
    Try(
        "the sums do not fit",
        """
def softmax(x):
    e = np.exp(x)
    return e / np.sum(e, axis=-1)
""",
        "keepdims is missing at the sum",
    ),
    Try(
        "the largest does not fit",
        """
def softmax(x):
    x = x - np.amax(x, 1)
    return np.exp(x) / np.einsum("nc->n", np.exp(x)).reshape(-1, 1)
""",
        "keepdims is missing: the N largest",
    ),
    Try(
        "no exp",
        """
def softmax(x):
    return np.array([row / row.sum() for row in x])
""",
        "exp is missing",
    ),
    Try(
        "as on paper",
        """
def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=1)[:, None]
""",
        "overflow: exp of a large score is inf",
        seen="https://github.com/deeplearning4j/deeplearning4j-examples/issues/730",
    ),
    Try(
        "as on paper, with Python's exp",
        """
def softmax(x):
    from math import exp

    y = []
    for row in x:
        powers = [exp(v) for v in row]
        y.append([p / sum(powers) for p in powers])
    return np.array(y)
""",
        "math.exp refuses a large score",
    ),
    Try(
        "the largest of the batch",
        """
def softmax(x):
    m = x.flatten().max()
    e = np.exp(x - m)
    return (e.T / e.sum(1)).T
""",
        "one number for the whole batch",
        seen="https://github.com/githubharald/CTCWordBeamSearch/pull/19",
    ),
    Try(
        "a loop that looks for the largest from 0 on",
        """
def softmax(x):
    y = np.empty_like(x)
    for n, row in enumerate(x):
        m = 0
        for v in row:
            if v > m:
                m = v
        e = np.exp(row - m)
        y[n] = e / e.sum()
    return y
""",
        "what is taken away is never less than 0",
        seen="https://github.com/FluxML/NNlib.jl/pull/43",
    ),
    Try(
        "scores cut off",
        """
def softmax(x):
    e = np.exp(np.maximum(np.minimum(x, 700), -700))
    return e / e.sum(axis=1, keepdims=True)
""",
        "the scores are cut off",
    ),
    Try(
        "in place",
        """
def softmax(x):
    x -= x.max(axis=1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis=1, keepdims=True)
    return x
""",
        "it changes x in place",
    ),
    Try(
        "a sigmoid's slope",
        """
def softmax_backward(dy, y):
    return dy * (y - y**2)
""",
        "only the diagonal is there",
        seen="https://github.com/deeplearning4j/libnd4j/issues/440",
    ),
    Try(
        "a sigmoid's slope, and no chain rule",
        """
def softmax_backward(dy, y):
    return y - y * y
""",
        "dy is missing",
        seen="https://github.com/zhuozhiyongde/Fundamentals-of-Artificial-Intelligence-2024Spring-PKU/issues/1",
    ),
    Try(
        "no dot product",
        """
def softmax_backward(dy, y):
    dx = np.zeros_like(dy)
    for n in range(dy.shape[0]):
        for k in range(dy.shape[1]):
            dx[n, k] = dy[n, k] * y[n, k]
    return dx
""",
        "the term from the row's sum is missing",
        seen="https://github.com/HomericIntelligence/Odyssey/issues/2134",
    ),
    Try(
        "Jacobians with a wrong sign beside the diagonal",
        """
def softmax_backward(dy, y):
    dx = []
    for g, p in zip(dy, y):
        J = np.outer(p, p)
        for k in range(len(p)):
            J[k, k] = p[k] + p[k] ** 2
        dx.append(J @ g)
    return np.array(dx)
""",
        "the sign between the two terms",
    ),
    Try(
        "Jacobians, and no dy",
        """
def softmax_backward(dy, y):
    return np.stack([np.diag(p) - np.outer(p, p) for p in y])
""",
        "all slopes are handed back",
    ),
    Try(
        "Jacobians summed up",
        """
def softmax_backward(dy, y):
    return np.array([(np.diag(p) - np.outer(p, p)).sum(axis=0) for p in y])
""",
        "the slopes are summed without dy",
    ),
    Try(
        "the sum of dy alone",
        """
def softmax_backward(dy, y):
    return y * dy - y * np.sum(dy, axis=1).reshape(-1, 1)
""",
        "the sum of the row takes dy alone",
    ),
    Try(
        "summed over the batch",
        """
def softmax_backward(dy, y):
    return y * (dy - np.vdot(dy, y))
""",
        "the sum runs over the whole batch; a score",
    ),
    Try(
        "keepdims forgotten",
        """
def softmax_backward(dy, y):
    dot = np.einsum("nc,nc->n", dy, y)
    return y * (dy - dot)
""",
        "keepdims is missing in backward",
    ),
    Try(
        "the fused gradient",
        """
def softmax_backward(dy, y):
    return np.subtract(y, dy)
""",
        "dy is taken for the right answers",
    ),
    Try(
        "twice as much",
        """
def softmax_backward(dy, y):
    return 2 * y * (dy - (dy * y).sum(1, keepdims=True))
""",
        "must be multiplied by 0.5",
        seen="https://github.com/markroxor/fromscratchtoml/issues/65",
    ),
)
