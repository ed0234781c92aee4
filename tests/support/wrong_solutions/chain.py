"""Wrong solutions of 13_chain.py."""

from wrong_solutions import Try

RELU = """
class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask

    def parameters(self):
        return []
"""

LOG_SOFTMAX = """
class LogSoftmax:
    def forward(self, x):
        self._out = mine.log_softmax(x)
        return self._out

    def backward(self, dy):
        return mine.log_softmax_backward(dy, self._out)

    def parameters(self):
        return []
"""

INIT = """
class Sequential:
    def __init__(self, layers):
        self.layers = layers
"""

FORWARD = """
    def forward(self, x):
        out = x
        for k in range(len(self.layers)):
            out = self.layers[k].forward(out)
        return out
"""

BACKWARD = """
    def backward(self, dy):
        for layer in self.layers[::-1]:
            dy = layer.backward(dy)
        return dy
"""

PARAMETERS = """
    def parameters(self):
        found = []
        for layer in self.layers:
            found.extend(layer.parameters())
        return found
"""

TWO = f"{RELU}{LOG_SOFTMAX}"

CHAIN = f"{INIT}{FORWARD}{BACKWARD}{PARAMETERS}"

TRIES = (
    Try(
        "ReLU: a global name",
        f"""
kept = None

class ReLU:
    def forward(self, x):
        global kept
        kept = x
        return mine.relu(x)

    def backward(self, dy):
        return mine.relu_backward(dy, kept)

    def parameters(self):
        return []
{LOG_SOFTMAX}{CHAIN}""",
        "in the class or in a global name",
    ),
    Try(
        "ReLU: the gradient is clipped where it is negative itself",
        f"""
class ReLU:
    def forward(self, x):
        return mine.relu(x)

    def backward(self, dy):
        return np.maximum(dy, 0)

    def parameters(self):
        return []
{LOG_SOFTMAX}{CHAIN}""",
        "the sign of dy decides",
        seen="https://github.com/exacity/deeplearningbook-chinese/issues/127",
    ),
    Try(
        "ReLU: the arguments interchanged",
        f"""
class ReLU:
    def forward(self, x):
        self.x = x
        return mine.relu(x)

    def backward(self, dy):
        return mine.relu_backward(self.x, dy)

    def parameters(self):
        return []
{LOG_SOFTMAX}{CHAIN}""",
        "relu_backward takes dy first",
    ),
    Try(
        "ReLU: y for its slope",
        f"""
class ReLU:
    def forward(self, x):
        self.y = np.where(x > 0, x, 0)
        return self.y

    def backward(self, dy):
        return self.y * dy

    def parameters(self):
        return []
{LOG_SOFTMAX}{CHAIN}""",
        "the value of the ReLU",
    ),
    Try(
        "ReLU: dy not multiplied",
        f"""
class ReLU:
    def forward(self, x):
        self.x = x
        return mine.relu(x)

    def backward(self, dy):
        return np.where(self.x > 0, 1.0, 0.0)

    def parameters(self):
        return []
{LOG_SOFTMAX}{CHAIN}""",
        "dy is missing",
        seen="https://github.com/apache/singa/pull/510",
    ),
    Try(
        "ReLU: in place",
        f"""
class ReLU:
    def forward(self, x):
        self.x = x
        x[x < 0] = 0
        return x

    def backward(self, dy):
        return mine.relu_backward(dy, self.x)

    def parameters(self):
        return []
{LOG_SOFTMAX}{CHAIN}""",
        "in place",
    ),
    Try(
        "LogSoftmax: x kept",
        f"""{RELU}
class LogSoftmax:
    def forward(self, x):
        self.x = x
        return mine.log_softmax(x)

    def backward(self, dy):
        return mine.log_softmax_backward(dy, self.x)

    def parameters(self):
        return []
{CHAIN}""",
        "LogSoftmax keeps its x",
    ),
    Try(
        "LogSoftmax: probabilities kept",
        f"""{RELU}
class LogSoftmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return np.log(self.p)

    def backward(self, dy):
        return mine.log_softmax_backward(dy, self.p)

    def parameters(self):
        return []
{CHAIN}""",
        "LogSoftmax keeps probabilities",
    ),
    Try(
        "LogSoftmax: the product of dy and y, as for softmax",
        f"""{RELU}
class LogSoftmax:
    def forward(self, x):
        self.y = mine.log_softmax(x)
        return self.y

    def backward(self, dy):
        return dy - (dy * self.y).sum(axis=1, keepdims=True)

    def parameters(self):
        return []
{CHAIN}""",
        place="dx",
        seen="https://github.com/uxlfoundation/oneDNN/issues/616",
    ),
    Try(
        "forward: x for every layer",
        f"""{TWO}{INIT}
    def forward(self, x):
        out = x
        for layer in self.layers:
            out = layer.forward(x)
        return out
{BACKWARD}{PARAMETERS}""",
        "forward does not hand on",
    ),
    Try(
        "forward: return within the loop",
        f"""{TWO}{INIT}
    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
            return x
{BACKWARD}{PARAMETERS}""",
        "forward returns after the first layer",
    ),
    Try(
        "backward: the order of forward",
        f"""{TWO}{INIT}{FORWARD}
    def backward(self, dy):
        d = dy
        for k, layer in enumerate(self.layers):
            d = self.layers[k].backward(d)
        return d
{PARAMETERS}""",
        "first to last",
    ),
    Try(
        "backward: the loss's gradient for every layer",
        f"""{TWO}{INIT}{FORWARD}
    def backward(self, dy):
        grads = [layer.backward(dy) for layer in reversed(self.layers)]
        return grads[-1]
{PARAMETERS}""",
        "backward does not hand on",
        seen="https://github.com/Kulbear/deep-learning-coursera/issues/27",
    ),
    Try(
        "backward: a sum over the layers",
        f"""{TWO}{INIT}{FORWARD}
    def backward(self, dy):
        return sum(layer.backward(dy) for layer in self.layers)
{PARAMETERS}""",
        "backward adds up",
    ),
    Try(
        "backward: down to 1, not to 0",
        f"""{TWO}{INIT}{FORWARD}
    def backward(self, dy):
        for k in range(len(self.layers) - 1, 0, -1):
            dy = self.layers[k].backward(dy)
        return dy
{PARAMETERS}""",
        "backward leaves the first layer out",
    ),
    Try(
        "backward: from the last but one",
        f"""{TWO}{INIT}{FORWARD}
    def backward(self, dy):
        for k in range(len(self.layers) - 2, -1, -1):
            dy = self.layers[k].backward(dy)
        return dy
{PARAMETERS}""",
        "backward leaves the last layer out",
    ),
    Try(
        "backward: dy returned",
        f"""{TWO}{INIT}{FORWARD}
    def backward(self, dy):
        dx = dy
        for layer in self.layers[::-1]:
            dx = layer.backward(dx)
        return dy
{PARAMETERS}""",
        "dy is returned as it came",
    ),
    Try(
        "backward: nothing returned",
        f"""{TWO}{INIT}{FORWARD}
    def backward(self, dy):
        for layer in self.layers[::-1]:
            dy = layer.backward(dy)
{PARAMETERS}""",
        "is `return` missing",
    ),
    Try(
        "backward: the list turned round",
        f"""{TWO}
class Sequential:
    def __init__(self, layers):
        self.layers = list(layers)
{FORWARD}
    def backward(self, dy):
        list.reverse(self.layers)
        for layer in self.layers:
            dy = layer.backward(dy)
        return dy
{PARAMETERS}""",
        "the list of layers itself is turned round",
    ),
    Try(
        "backward: the list used up",
        f"""{TWO}
class Sequential:
    def __init__(self, layers):
        self.layers = list(layers)
{FORWARD}
    def backward(self, dy):
        for _ in range(len(self.layers)):
            layer = self.layers.pop(-1)
            dy = layer.backward(dy)
        return dy
{PARAMETERS}""",
        "the list of layers is used up",
    ),
    Try(
        "parameters: append for extend",
        f"""{TWO}{INIT}{FORWARD}{BACKWARD}
    def parameters(self):
        found = []
        for layer in self.layers:
            found.append(layer.parameters())
        return found
""",
        "a list of lists",
    ),
    Try(
        "parameters: return within the loop",
        f"""{TWO}{INIT}{FORWARD}{BACKWARD}
    def parameters(self):
        found = []
        for layer in self.layers:
            found += layer.parameters()
            return found
""",
        "those of the first layer only",
    ),
    Try(
        "parameters: overwritten in the loop",
        f"""{TWO}{INIT}{FORWARD}{BACKWARD}
    def parameters(self):
        for layer in self.layers:
            found = list(layer.parameters())
        return found
""",
        "those of the last layer only",
    ),
    Try(
        "parameters: empty, as for the other two",
        f"""{TWO}{INIT}{FORWARD}{BACKWARD}
    def parameters(self):
        return []
""",
        "always empty",
    ),
)
