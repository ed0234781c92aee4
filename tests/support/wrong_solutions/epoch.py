"""Wrong solutions of 17_epoch.py."""

from wrong_solutions import Try

EVALUATE = """
def evaluate(net, loss, X, y):
    outputs = net.forward(X)
    return loss(outputs, y), 100 * np.count_nonzero(np.argmax(outputs, 1) == y) / len(X)
"""


def loop(body: str, result: str = "total / seen, right / seen * 100") -> str:
    """A train_epoch with such a body and such a result, and an evaluate that is right."""
    lines = "".join(f"        {line}\n" for line in body.strip().splitlines())
    return f"""
def train_epoch(net, loss, loss_backward, optimizer, batches):
    total = right = seen = 0
    per_batch, accuracies = [], []
    for x, target in batches:
{lines}    return {result}
{EVALUATE}"""


LEARN = """
optimizer.zero_grad()
net.backward(loss_backward(out, target))
optimizer.step()
"""

COUNT = """
total += len(x) * loss(out, target)
right += (np.argmax(out, axis=1) == target).sum()
seen += len(x)
"""

FORWARD = "out = net.forward(x)"

TRIES = (
    Try(
        "no zero_grad",
        loop(f"{FORWARD}{COUNT}net.backward(loss_backward(out, target))\noptimizer.step()"),
        "zero_grad is missing",
        seen="https://github.com/udacity/deep-learning-v2-pytorch/pull/160",
    ),
    Try(
        "zero_grad once",
        f"""
def train_epoch(net, loss, loss_backward, optimizer, batches):
    optimizer.zero_grad()
    total = right = seen = 0
    for x, target in batches:
        out = net.forward(x)
        net.backward(loss_backward(out, target))
        optimizer.step()
        total += len(x) * loss(out, target)
        right += (np.argmax(out, axis=1) == target).sum()
        seen += len(x)
    return total / seen, right / seen * 100
{EVALUATE}""",
        "zero_grad once, before the loop",
        seen="https://github.com/pytorch/pytorch/issues/47175",
    ),
    Try(
        "zero_grad at the end of the loop",
        loop(
            f"{FORWARD}{COUNT}"
            "net.backward(loss_backward(out, target))\noptimizer.step()\noptimizer.zero_grad()"
        ),
        "zero_grad comes after the step",
        seen="https://github.com/SharifiZarchi/Introduction_to_Machine_Learning/issues/55",
    ),
    Try(
        "zero_grad just before step",
        loop(
            f"{FORWARD}{COUNT}"
            "net.backward(loss_backward(out, target))\noptimizer.zero_grad()\noptimizer.step()"
        ),
        "the step finds zeros",
        seen="https://velog.io/@rhss10/기본-optimizer.zerograd는-어디에-넣어주어야-할까",
    ),
    Try(
        "no step",
        loop(f"{FORWARD}{COUNT}optimizer.zero_grad()\nnet.backward(loss_backward(out, target))"),
        "the step is missing",
    ),
    Try(
        "a mean of the batches' losses",
        loop(
            f"{FORWARD}\nper_batch.append(loss(out, target)){COUNT}{LEARN}",
            "np.mean(per_batch), right / seen * 100",
        ),
        "a mean over batches",
        seen="https://github.com/dnouri/nolearn/issues/247",
    ),
    Try(
        "summed losses divided by the number of samples",
        loop(
            f"{FORWARD}\nper_batch.append(loss(out, target)){COUNT}{LEARN}",
            "sum(per_batch) / seen, right / seen * 100",
        ),
        "the sum of the batches' means is divided by the number of samples",
        seen="https://androidkt.com/how-to-calculate-running-loss-using-loss-item-in-pytorch/",
    ),
    Try(
        "the loss of the last batch",
        loop(f"{FORWARD}\nlast = loss(out, target){COUNT}{LEARN}", "last, 100 * right / seen"),
        "the loss is that of the last batch alone",
    ),
    Try(
        "a mean of the batches' accuracies",
        loop(
            f"{FORWARD}\naccuracies.append(100 * np.mean(out.argmax(1) == target)){COUNT}{LEARN}",
            "total / seen, np.mean(accuracies)",
        ),
        "a mean of the batches' accuracies",
        seen="https://github.com/udacity/deep-learning-v2-pytorch/pull/74",
    ),
    Try(
        "a fraction",
        loop(FORWARD + COUNT + LEARN, "total / seen, right / seen"),
        "a fraction, where percent are meant",
    ),
    Try(
        "argmax of everything",
        loop(FORWARD + COUNT.replace(", axis=1", "") + LEARN),
        "argmax without an axis",
        seen="https://github.com/lisa-lab/DeepLearningTutorials/pull/15",
    ),
    Try(
        "measured with the new weights",
        loop(f"{FORWARD}{LEARN}{FORWARD}{COUNT}"),
        "measured after the step",
    ),
    Try(
        "return in the loop",
        loop(f"{FORWARD}{COUNT}{LEARN}return total / seen, 100 * right / seen"),
        "only the first batch",
    ),
    Try(
        "len of a generator",
        loop(f"{FORWARD}{COUNT}{LEARN}", "total / len(batches), 100 * right / len(batches)"),
        "has no len()",
    ),
    Try(
        "evaluate as a copy of training",
        loop(FORWARD + COUNT + LEARN).replace(
            "    outputs = net.forward(X)\n",
            "    outputs = net.forward(X)\n"
            "    net.backward(outputs - np.eye(outputs.shape[1])[y])\n",
        ),
        place="W's gradient",
    ),
    Try(
        "evaluate with a fraction",
        loop(FORWARD + COUNT + LEARN).replace("100 * np.count_nonzero", "np.count_nonzero"),
        "evaluate returns a fraction",
    ),
)
