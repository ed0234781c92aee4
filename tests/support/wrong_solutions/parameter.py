"""Wrong solutions of 08_parameter.py."""

from wrong_solutions import Try

INIT = """
class Parameter:
    def __init__(self, data):
        self.data = np.array(data, np.float64)
        self.grad = np.zeros(self.data.shape)
"""

ADD = """
    def accumulate(self, gradient):
        self.grad = self.grad + gradient
"""

ZERO = """
    def zero_grad(self):
        self.grad[...] = 0
"""

HEAD = """
class Linear:
    def __init__(self, W, b):
        self.W, self.b = Parameter(W), Parameter(b)
"""

FORWARD = """
    def forward(self, x):
        self._kept = x
        return x @ self.W.data + self.b.data
"""

BACKWARD = """
    def backward(self, dy):
        self.W.accumulate(self._kept.T @ dy)
        self.b.accumulate(dy.sum(0))
        return dy @ self.W.data.T
"""

PARAMETERS = """
    def parameters(self):
        return [self.W, self.b]
"""

PARAMETER = f"{INIT}{ADD}{ZERO}"

LINEAR = f"{HEAD}{FORWARD}{BACKWARD}{PARAMETERS}"

TRIES = (
    Try(
        "no copy",
        f"""
class Parameter:
    def __init__(self, data):
        self.data = data
        self.grad = np.zeros(data.shape)
{ADD}{ZERO}
{LINEAR}""",
        "data is the caller's own array",
    ),
    Try(
        "a copy of what it is",
        f"""
class Parameter:
    def __init__(self, data):
        self.data = data.copy()
        self.grad = self.data * 0
{ADD}{ZERO}
{LINEAR}""",
        "an array of whole numbers",
    ),
    Try(
        "astype, which need not copy",
        f"""
class Parameter:
    def __init__(self, data):
        self.data = data.astype(float, copy=False)
        self.grad = np.zeros_like(self.data)
{ADD}{ZERO}
{LINEAR}""",
        "where that has floats",
    ),
    Try(
        "None at first",
        f"""
class Parameter:
    def __init__(self, data):
        self.data = np.array(data, float)
        self.grad = None

    def accumulate(self, gradient):
        if self.grad is None:
            self.grad = np.zeros_like(self.data)
        self.grad += gradient

    def zero_grad(self):
        self.grad = np.zeros_like(self.data)
{LINEAR}""",
        "grad is None at first",
    ),
    Try(
        "0 at first, as a scalar's gradient in micrograd",
        f"""
class Parameter:
    def __init__(self, data):
        self.data = np.array(data, float)
        self.grad = 0
{ADD}
    def zero_grad(self):
        self.grad = np.zeros_like(self.data)
{LINEAR}""",
        "grad is one number at first",
    ),
    Try(
        "= in place of +=",
        f"""{INIT}
    def accumulate(self, gradient):
        self.grad[...] = gradient
{ZERO}
{LINEAR}""",
        "accumulate replaces the gradient",
        seen="https://github.com/karpathy/nn-zero-to-hero/issues/52",
    ),
    Try(
        "the gradient assigned",
        f"""{INIT}
    def accumulate(self, gradient):
        self.grad = gradient
{ZERO}
{LINEAR}""",
        "accumulate replaces the gradient",
    ),
    Try(
        "the first gradient kept",
        f"""{INIT}
        self.empty = True

    def accumulate(self, gradient):
        if self.empty:
            self.grad, self.empty = gradient, False
        else:
            self.grad += gradient

    def zero_grad(self):
        self.grad, self.empty = np.zeros_like(self.data), True
{LINEAR}""",
        "the caller's array changes",
    ),
    Try(
        "downhill already",
        f"""{INIT}
    def accumulate(self, gradient):
        self.grad -= gradient
{ZERO}
{LINEAR}""",
        "takes the gradient away",
    ),
    Try(
        "data and gradient confused",
        f"""{INIT}
    def accumulate(self, gradient):
        self.data += gradient
{ZERO}
{LINEAR}""",
        "accumulate adds to data",
    ),
    Try(
        "np.add without out",
        f"""{INIT}
    def accumulate(self, gradient):
        np.add(self.grad, gradient)
{ZERO}
{LINEAR}""",
        "accumulate computes the sum and forgets it",
    ),
    Try(
        "zero_grad as PyTorch does it by default",
        f"""{INIT}
    def accumulate(self, gradient):
        if self.grad is None:
            self.grad = np.zeros_like(self.data)
        self.grad += gradient

    def zero_grad(self):
        self.grad = None
{LINEAR}""",
        "zero_grad sets None",
        seen="https://pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html",
    ),
    Try(
        "zero_grad with a local name",
        f"""{INIT}{ADD}
    def zero_grad(self):
        grad = self.grad
        grad = np.zeros_like(grad)
{LINEAR}""",
        "zero_grad changes nothing",
    ),
    Try(
        "zero_grad of the data",
        f"""{INIT}{ADD}
    def zero_grad(self):
        self.data *= 0
{LINEAR}""",
        "zero_grad clears the data",
    ),
    Try(
        "arrays beside the Parameters",
        f"""{PARAMETER}
class Linear:
    def __init__(self, W, b):
        self.W, self.b = Parameter(W), Parameter(b)
        self.weights, self.biases = W, b

    def forward(self, x):
        self._kept = x
        return x @ self.weights + self.biases

    def backward(self, dy):
        self.W.accumulate(self._kept.T @ dy)
        self.b.accumulate(dy.sum(0))
        return dy @ self.weights.T
{PARAMETERS}""",
        "arrays of the beginning",
    ),
    Try(
        "no bias",
        f"""{PARAMETER}{HEAD}
    def forward(self, x):
        self._kept = x
        return np.dot(x, self.W.data)
{BACKWARD}{PARAMETERS}""",
        "b is missing in forward",
    ),
    Try(
        "y kept",
        f"""{PARAMETER}{HEAD}
    def forward(self, x):
        x = x @ self.W.data + self.b.data
        self._kept = x
        return x
{BACKWARD}{PARAMETERS}""",
        "forward keeps y",
    ),
    Try(
        "kept once",
        f"""{PARAMETER}{HEAD}
        self._kept = None

    def forward(self, x):
        if self._kept is None:
            self._kept = x
        return x @ self.W.data + self.b.data
{BACKWARD}{PARAMETERS}""",
        "the x of the very first forward",
    ),
    Try(
        "grad set by backward",
        f"""{PARAMETER}{HEAD}{FORWARD}
    def backward(self, dy):
        self.W.grad = self._kept.T @ dy
        self.b.grad = dy.sum(axis=0)
        return dy @ self.W.data.T
{PARAMETERS}""",
        "each backward starts anew",
    ),
    Try(
        "db into a local variable",
        f"""{PARAMETER}{HEAD}{FORWARD}
    def backward(self, dy):
        db = dy.sum(axis=0)
        self.W.accumulate(self._kept.T @ dy)
        return dy @ self.W.data.T
{PARAMETERS}""",
        "b's gradient is missing",
    ),
    Try(
        "nothing accumulated",
        f"""{PARAMETER}{HEAD}{FORWARD}
    def backward(self, dy):
        self.dW, self.db = self._kept.T @ dy, dy.sum(axis=0)
        return dy @ self.W.data.T
{PARAMETERS}""",
        "only dx is computed",
    ),
    Try(
        "all three returned",
        f"""{PARAMETER}{HEAD}{FORWARD}
    def backward(self, dy):
        self.W.accumulate(self._kept.T @ dy)
        self.b.accumulate(dy.sum(0))
        return dy @ self.W.data.T, self.W.grad, self.b.grad
{PARAMETERS}""",
        "of type tuple",
    ),
    Try(
        "nothing returned",
        f"""{PARAMETER}{HEAD}{FORWARD}
    def backward(self, dy):
        self.W.accumulate(self._kept.T @ dy)
        self.b.accumulate(dy.sum(0))
{PARAMETERS}""",
        "is `return` missing",
    ),
    Try(
        "dy returned",
        f"""{PARAMETER}{HEAD}{FORWARD}
    def backward(self, dy):
        self.W.accumulate(self._kept.T @ dy)
        self.b.accumulate(dy.sum(0))
        return dy
{PARAMETERS}""",
        "dy is returned as it came",
    ),
    Try(
        "a step on the way, before the error is handed on",
        f"""{PARAMETER}{HEAD}{FORWARD}
    def backward(self, dy):
        self.W.accumulate(self._kept.T @ dy)
        self.b.accumulate(dy.sum(0))
        for p in self.parameters():
            p.data = p.data - 1.0 * p.grad
        return dy @ self.W.data.T
{PARAMETERS}""",
        "the data change before dx is computed",
        seen="https://github.com/joelgrus/data-science-from-scratch/issues/31",
    ),
    Try(
        "the arrays as parameters",
        f"""{PARAMETER}{HEAD}{FORWARD}{BACKWARD}
    def parameters(self):
        return [p.data for p in (self.W, self.b)]
""",
        "the arrays are returned",
    ),
    Try(
        "no parameters",
        f"""{PARAMETER}{HEAD}{FORWARD}{BACKWARD}
    def parameters(self):
        [self.W, self.b]
""",
        "is `return` missing",
    ),
    Try(
        "b forgotten",
        f"""{PARAMETER}{HEAD}{FORWARD}{BACKWARD}
    def parameters(self):
        return [self.W]
""",
        "b is missing in parameters()",
    ),
)
