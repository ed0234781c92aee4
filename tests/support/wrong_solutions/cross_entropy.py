"""Wrong solutions of 12_cross_entropy.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "softmax first",
        """
def cross_entropy(x, target):
    p = mine.softmax(x)
    return mine.nll(mine.log_softmax(p), target)
""",
        "softmax is applied twice",
        seen="https://github.com/tflearn/tflearn/pull/562",
    ),
    Try(
        "the scores picked",
        """
def cross_entropy(x, target):
    return -sum(row[t] for row, t in zip(x, target)) / len(x)
""",
        "log-softmax is missing",
    ),
    Try(
        "the probabilities picked",
        """
def cross_entropy(x, target):
    return mine.nll(mine.softmax(x), target)
""",
        "the logarithm is missing",
        seen="https://github.com/AnubhavGupta3377/Text-Classification-Models-Pytorch/issues/9",
    ),
    Try(
        "a sum",
        """
def cross_entropy(x, target):
    return -(np.eye(x.shape[1])[target] * mine.log_softmax(x)).sum()
""",
        "a sum over the rows",
    ),
    Try(
        "a mean over everything",
        """
def cross_entropy(x, target):
    return np.mean(-np.eye(x.shape[1])[target] * mine.log_softmax(x))
""",
        "over all N * C numbers",
    ),
    Try(
        "two classes each",
        """
def cross_entropy(x, target):
    y, p = np.eye(x.shape[1])[target], mine.softmax(x)
    total = 0
    for a, b in zip(y, p):
        for yes, q in zip(a, b):
            total += -np.log(q) if yes else -np.log(1 - q)
    return total / len(x)
""",
        "the wrong classes have a term too",
        seen="https://github.com/eriklindernoren/ML-From-Scratch/issues/98",
    ),
    Try(
        "a logarithm of the softmax",
        """
def cross_entropy(x, target):
    p = mine.softmax(x)
    return float(np.mean([-np.log(p[n, t]) for n, t in enumerate(target)]))
""",
        "a probability that has become 0",
        seen="https://github.com/tensorflow/tensorflow/issues/2462",
    ),
    Try(
        "a small number against log(0)",
        """
def cross_entropy(x, target):
    p = mine.softmax(x)[range(len(x)), target]
    return -np.log(p + 1e-8).mean()
""",
        "kept away from 0 by 1e-08",
        seen="https://github.com/apache/mxnet/pull/4594",
    ),
    Try(
        "clipped against log(0)",
        """
def cross_entropy(x, target):
    p = np.clip(mine.softmax(x), 1e-7, 1 - 1e-7)
    return -np.log(p[range(len(x)), target]).mean()
""",
        "cut off at 1e-07 and 1",
    ),
    Try(
        "log-sum-exp as on paper",
        """
def cross_entropy(x, target):
    L = np.log(np.exp(x).sum(axis=1))
    return (L - x[np.arange(len(x)), target]).mean()
""",
        "overflow",
        seen="https://github.com/tensorflow/models/pull/181",
    ),
    Try(
        "no 1/N",
        """
def cross_entropy_backward(x, target):
    d = mine.softmax(x)
    for n, t in enumerate(target):
        d[n, t] -= 1
    return d
""",
        "1/N is missing",
    ),
    Try(
        "divided twice",
        """
def cross_entropy_backward(x, target):
    N = len(x)
    one_hot = np.eye(x.shape[1])[target] / N
    return (mine.softmax(x) / N - one_hot) / N
""",
        "divided by N twice",
        seen="https://github.com/TreB1eN/InsightFace_Pytorch/issues/22",
    ),
    Try(
        "the truth minus what is believed",
        """
def cross_entropy_backward(x, target):
    one_hot = np.eye(x.shape[1])[target]
    return (one_hot - np.exp(mine.log_softmax(x))) / len(x)
""",
        "the other way round: a gradient points uphill",
    ),
    Try(
        "the truth forgotten",
        """
def cross_entropy_backward(x, target):
    return np.exp(mine.log_softmax(x)) / x.shape[0]
""",
        "what is true is missing",
    ),
    Try(
        "the classes' numbers taken away",
        """
def cross_entropy_backward(x, target):
    return (mine.softmax(x) - np.reshape(target, (-1, 1))) / len(x)
""",
        "the numbers of the classes are taken away",
    ),
    Try(
        "a column for each target",
        """
def cross_entropy_backward(x, target):
    p = mine.softmax(x)
    for t in set(target.tolist()):
        p[:, t] = p[:, t] - 1
    return p / len(x)
""",
        "1 is taken away in whole columns",
    ),
    Try(
        "NLL alone",
        """
def cross_entropy_backward(x, target):
    return mine.nll_backward(mine.log_softmax(x), target)
""",
        "this is NLL's part alone",
    ),
    Try(
        "softmax once more",
        """
def cross_entropy_backward(x, target):
    p = mine.softmax(x)
    d = (p - np.eye(x.shape[1])[target]) / len(x)
    return mine.softmax_backward(d, p)
""",
        "softmax's backward comes twice",
    ),
    Try(
        "p times its distance from the truth",
        """
def cross_entropy_backward(x, target):
    p = mine.softmax(x)
    return p * (p - np.eye(x.shape[1])[target]) / len(x)
""",
        "the difference is multiplied by the probabilities",
        seen="https://github.com/yjxiong/caffe/issues/171",
    ),
    Try(
        "through the probabilities",
        """
def cross_entropy_backward(x, target):
    p = mine.softmax(x)
    dp = np.zeros_like(p)
    for n, t in enumerate(target):
        dp[n, t] = -1 / p[n, t] / len(x)
    return mine.softmax_backward(dp, p)
""",
        "0 / 0 on the way through 1 / p",
        seen="https://github.com/snipsco/ntm-lasagne/issues/5",
    ),
    Try(
        "a softmax of its own, as on paper",
        """
def cross_entropy_backward(x, target):
    e = np.exp(x)
    return (e / e.sum(1, keepdims=True) - np.eye(x.shape[1])[target]) / len(x)
""",
        "overflow in backward",
    ),
    Try(
        "x changed in place",
        """
def cross_entropy(x, target):
    x -= x.max(axis=1, keepdims=True)
    return (np.log(np.exp(x).sum(axis=1)) - x[np.arange(len(x)), target]).mean()
""",
        "it changes x in place",
    ),
)
