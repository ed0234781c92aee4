"""Wrong solutions of 03_one_number.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "no bias",
        """
def unit(x, w, b):
    return float(np.prod([x, w]))
""",
        "b is missing",
    ),
    Try(
        "parentheses around the sum",
        """
def unit(x, w, b):
    y = w + b
    y *= x
    return y
""",
        "b is multiplied as well",
    ),
    Try(
        "a sum of all three",
        """
def unit(x, w, b):
    return sum((x, w, b))
""",
        "w is added to x",
    ),
    Try(
        "a threshold, as the first neurons had it",
        """
def unit(x, w, b):
    return w * x + -b
""",
        "b is taken away",
    ),
    Try(
        "the local slopes alone",
        """
def unit_backward(dy, x, w):
    dx = w
    dw = x
    db = 1
    return dx, dw, db
""",
        "dy is missing: these are the slopes of y",
    ),
    Try(
        "the slope of b in y",
        """
def unit_backward(dy, x, w):
    return w * dy, x * dy, 1
""",
        "dy is missing in db",
    ),
    Try(
        "each number with its own value",
        """
def unit_backward(dy, x, w):
    dx = x * dy
    dw = w * dy
    return [dx, dw, dy]
""",
        "dx and dw have changed places",
    ),
    Try(
        "in the order in which they are met on the way back",
        """
def unit_backward(dy, x, w):
    db = dy
    dw = x * db
    dx = w * db
    return db, dw, dx
""",
        "and not the other way round",
    ),
    Try(
        "db before dw",
        """
def unit_backward(dy, x, w):
    return w * dy, dy, x * dy
""",
        "dw is in the place of db",
    ),
    Try(
        "db before both",
        """
def unit_backward(dy, x, w):
    return dy, w * dy, x * dy
""",
        "db stands first",
    ),
    Try(
        "the inverse of forward",
        """
def unit_backward(dy, x, w):
    dx = dy / w
    dw = x * dy
    return dx, dw, dy
""",
        "divided by w, where it is multiplied",
        seen="https://github.com/torch/nn/issues/451",
    ),
    Try(
        "the inverse of forward, for both factors",
        """
def unit_backward(dy, x, w):
    return np.array([dy / w, dy / x, dy])
""",
        "divided, where it is multiplied",
        seen="https://github.com/torch/nn/issues/1285",
    ),
    Try(
        "the links of the chain added",
        """
def unit_backward(dy, x, w):
    return w + dy, x + dy, dy
""",
        "added, where it is multiplied",
        seen="https://github.com/cs231n/cs231n.github.io/pull/28",
    ),
    Try(
        "the slopes of a sum",
        """
def unit_backward(dy, x, w):
    return (dy,) * 3
""",
        "dy passes unchanged to all three",
    ),
    Try(
        "forward times dy",
        """
def unit_backward(dy, x, w):
    y = x * w
    return y * dy, y * dy, dy
""",
        "the whole product is the factor",
    ),
    Try(
        "b taken for a constant",
        """
def unit_backward(dy, x, w):
    return w * dy, x * dy, 0
""",
        "db is 0",
    ),
    Try(
        "db as dw",
        """
def unit_backward(dy, x, w):
    dw = db = x * dy
    return w * dy, dw, db
""",
        "db is multiplied by x",
    ),
    Try(
        "downhill already",
        """
def unit_backward(dy, x, w):
    return tuple(-dy * factor for factor in (w, x, 1))
""",
        "the signs are wrong",
    ),
    Try(
        "one number",
        """
def unit_backward(dy, x, w):
    return dy * w
""",
        "expected three numbers: dx, dw, db",
    ),
    Try(
        "no return",
        """
def unit_backward(dy, x, w):
    dx, dw, db = dy * w, dy * x, dy
""",
        "is `return` missing",
    ),
    Try(
        "the square of the weight",
        """
def unit_backward(dy, x, w):
    return dy * w**2, dy * x, dy
""",
        place="dx",
    ),
)
