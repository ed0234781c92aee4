"""Wrong solutions of 04_linear.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "no bias",
        """
def linear(x, W, b):
    return np.einsum("ni,io->no", x, W)
""",
        "b is missing",
        seen="https://github.com/deepakcrk/CNN_ForDummies/issues/9",
    ),
    Try(
        "weights as PyTorch stores them",
        """
def linear(x, W, b):
    return np.dot(x, np.transpose(W)) + b
""",
        "W is transposed",
        seen="https://github.com/LazaroHurtado/micrograd-rs/pull/31",
    ),
    Try(
        "W first, as for columns",
        """
def linear(x, W, b):
    return np.matmul(W, x) + b
""",
        "the factors are in the wrong order",
        seen="https://community.deeplearning.ai/t/question-on-week-3-2-3-exercise-4/405038",
    ),
    Try(
        "number by number",
        """
def linear(x, W, b):
    return np.multiply(x, W) + b
""",
        "* is no matrix product",
        seen="https://syntaxfix.com/question/8500/"
        "python-numpy-valueerror-operands-could-not-be-broadcast-together-with-shapes",
    ),
    Try(
        "a batch in columns",
        """
def linear(x, W, b):
    return W.T @ x.T + b[:, None]
""",
        "y is transposed",
    ),
    Try(
        "the bias as a column",
        """
def linear(x, W, b):
    b = b.reshape(-1, 1)
    return np.dot(x, W) + b
""",
        "b lies across",
        seen="https://github.com/mnielsen/neural-networks-and-deep-learning/issues/19",
    ),
    Try(
        "b within the product",
        """
def linear(x, W, b):
    return x @ (b + W)
""",
        "b is added to W",
    ),
    Try(
        "b within the other factor",
        """
def linear(x, W, b):
    return np.add(x, b).dot(W)
""",
        "b is added to x",
    ),
    Try(
        "b within the inner loop",
        """
def linear(x, W, b):
    y = np.zeros((len(x), len(b)))
    for n in range(len(x)):
        for o in range(len(b)):
            for i in range(len(W)):
                y[n, o] += x[n, i] * W[i, o] + b[o]
    return y
""",
        "b is added once for each input",
    ),
    Try(
        "overwritten in the inner loop",
        """
def linear(x, W, b):
    y = np.zeros((len(x), len(b)))
    for n in range(len(x)):
        for o in range(len(b)):
            for i in range(len(W)):
                y[n, o] = x[n, i] * W[i, o] + b[o]
    return y
""",
        "only the last one counts",
    ),
    Try(
        "the first input alone",
        """
def linear(x, W, b):
    return np.outer(x[:, 0], W[0]) + b
""",
        "only the first one counts",
    ),
    Try(
        "products without their sum",
        """
def linear(x, W, b):
    return np.einsum("ni,io->nio", x, W) + b
""",
        "there is one product for each of them",
    ),
    Try(
        "b in the first row",
        """
def linear(x, W, b):
    y = x @ W
    y[0] += b
    return y
""",
        "b is added to the first row only",
    ),
    Try(
        "a sum over b",
        """
def linear(x, W, b):
    return x @ W + sum(b)
""",
        "all of b is added to each output",
    ),
    Try(
        "a threshold",
        """
def linear(x, W, b):
    return np.subtract(x @ W, b)
""",
        "b is taken away",
    ),
    Try(
        "a mean over the inputs",
        """
def linear(x, W, b):
    return (x[:, :, None] * W).mean(axis=1) + b
""",
        "a mean over the inputs",
    ),
    Try(
        "return within the loop over the rows",
        """
def linear(x, W, b):
    for row in x:
        return row @ W + b
""",
        "only the first row is computed",
    ),
    Try(
        "summed over the rows",
        """
def linear(x, W, b):
    return sum(row @ W for row in x) + b
""",
        "the rows are summed too",
    ),
    Try(
        "summed over the outputs",
        """
def linear(x, W, b):
    return np.array([(row @ W + b).sum() for row in x])
""",
        "the outputs are summed too",
    ),
    Try(
        "with its activation",
        """
def linear(x, W, b):
    y = x @ W + b
    return y * (y > 0)
""",
        "a ReLU is in it",
    ),
    Try(
        "no return",
        """
def linear(x, W, b):
    y = x @ W + b
""",
        "is `return` missing",
    ),
    Try(
        "b added to the outputs in reverse",
        """
def linear(x, W, b):
    return x @ W + b[::-1]
""",
        place="y",
    ),
)
