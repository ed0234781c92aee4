"""Wrong solutions of 11_nll.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "no minus",
        """
def nll(log_p, target):
    return sum(row[t] for row, t in zip(log_p, target)) / len(target)
""",
        "the minus is missing",
        seen="https://github.com/cs231n/cs231n.github.io/pull/244",
    ),
    Try(
        "summed up",
        """
def nll(log_p, target):
    loss = 0.0
    for n, t in enumerate(target):
        loss -= log_p[n][t]
    return loss
""",
        "a sum over the rows, where a mean is meant",
        seen="https://github.com/tensorflow/tensorflow/pull/1358",
    ),
    Try(
        "the mean of one-hot products",
        """
def nll(log_p, target):
    one_hot = np.eye(log_p.shape[1])[target]
    return -np.mean(one_hot * log_p)
""",
        "over all N * C numbers",
    ),
    Try(
        "no mean",
        """
def nll(log_p, target):
    return -np.take_along_axis(log_p, target[:, None], axis=1).squeeze(1)
""",
        "one loss for each row",
    ),
    Try(
        "a colon",
        """
def nll(log_p, target):
    return np.mean(-log_p[:, target])
""",
        "a colon in place of the rows",
    ),
    Try(
        "rows picked",
        """
def nll(log_p, target):
    return -np.take(log_p, target, axis=0).mean()
""",
        "target picks rows",
    ),
    Try(
        "what is believed",
        """
def nll(log_p, target):
    best = np.argmax(log_p, axis=1)
    return -sum(log_p[n, best[n]] for n in range(len(best))) / len(best)
""",
        "the largest of each row",
    ),
    Try(
        "one more logarithm",
        """
def nll(log_p, target):
    total = 0
    for row, t in zip(log_p, target):
        total += -np.log(row[t])
    return total / len(log_p)
""",
        "the logarithm is taken again",
    ),
    Try(
        "probabilities",
        """
def nll(log_p, target):
    p = np.exp(log_p)
    return -p[range(len(p)), target].mean()
""",
        "taken back to probabilities",
        seen="https://github.com/pytorch/pytorch/issues/10033",
    ),
    Try(
        "return within the loop",
        """
def nll(log_p, target):
    for n, t in enumerate(target):
        return -log_p[n, t]
""",
        "only one row counts, the first",
    ),
    Try(
        "no return",
        """
def nll(log_p, target):
    -log_p[np.arange(len(target)), target].mean()
""",
        "is `return` missing",
    ),
    Try(
        "no 1/N",
        """
def nll_backward(log_p, target):
    return -np.eye(log_p.shape[1])[target]
""",
        "1/N is missing in backward",
    ),
    Try(
        "no minus in backward",
        """
def nll_backward(log_p, target):
    d = np.zeros(log_p.shape)
    for n, t in enumerate(target):
        d[n, t] = 1 / len(target)
    return d
""",
        "the minus is missing in backward",
    ),
    Try(
        "divided by all",
        """
def nll_backward(log_p, target):
    d = np.zeros_like(log_p)
    np.put_along_axis(d, target[:, None], -1 / d.size, axis=1)
    return d
""",
        "divided by all N * C numbers",
    ),
    Try(
        "1 / p",
        """
def nll_backward(log_p, target):
    d = np.zeros_like(log_p)
    n = np.arange(len(target))
    d[n, target] = -np.exp(-log_p[n, target]) / len(target)
    return d
""",
        "1 / p is the slope by a probability",
        seen="https://github.com/fetchai/ledger/pull/1580",
    ),
    Try(
        "whole columns",
        """
def nll_backward(log_p, target):
    d = np.zeros_like(log_p)
    for t in target:
        d[:, t] = -1 / len(target)
    return d
""",
        "whole columns are set",
    ),
    Try(
        "a copy filled in",
        """
def nll_backward(log_p, target):
    d = np.array(log_p)
    for n in range(len(target)):
        d[n, target[n]] = -1.0 / len(target)
    return d
""",
        "a copy of log_p",
    ),
    Try(
        "in place",
        """
def nll_backward(log_p, target):
    log_p[:] = 0
    log_p[np.arange(len(target)), target] = -1 / len(target)
    return log_p
""",
        "it changes log_p in place",
    ),
    Try(
        "the numbers of the right classes",
        """
def nll_backward(log_p, target):
    return np.array([-1 / len(target) for _ in target])
""",
        "only the numbers of the right classes come back",
    ),
    Try(
        "the gradient of the scores",
        """
def nll_backward(log_p, target):
    d = np.exp(log_p)
    d[np.arange(len(target)), target] -= 1
    return d / len(target)
""",
        "the softmax's part is in it already",
    ),
)
