"""Wrong solutions of 02_relu.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "np.max, where np.maximum is meant",
        """
def relu(x):
    return np.amax(x, axis=0)
""",
        "one number for each column",
        seen="https://github.com/danjelito/nn-from-scratch",
    ),
    Try(
        "the maximum of everything",
        """
def relu(x):
    return np.max(np.append(x, 0))
""",
        "one number for all",
    ),
    Try(
        "the sign is dropped",
        """
def relu(x):
    return np.sqrt(x**2)
""",
        "the absolute value",
    ),
    Try(
        "the comparison the wrong way round",
        """
def relu(x):
    return x * (x < 0)
""",
        "the wrong half passes: negative numbers do",
    ),
    Try(
        "where the numbers are positive",
        """
def relu(x):
    y = np.zeros(x.shape)
    y[x > 0] = 1
    return y
""",
        "a step of 0 and 1",
    ),
    Try(
        "the largest of x and a hundredth of it",
        """
def relu(x):
    return np.maximum(x, x / 100)
""",
        "that is a leaky ReLU",
    ),
    Try(
        "the positive numbers alone",
        """
def relu(x):
    return np.array([value for value in x.flat if value > 0])
""",
        "positive numbers are left out",
    ),
    Try(
        "x written over",
        """
def relu(x):
    x[x < 0] = 0
    return x
""",
        "x itself is changed and handed back",
    ),
    Try(
        "the derivative, written over x",
        """
def relu_backward(dy, x):
    x[x > 0] = 1
    x[x <= 0] = 0
    return dy * x
""",
        "it changes x in place",
        seen="https://e-learn.cn/topic/1760781",
    ),
    Try(
        "dy written over",
        """
def relu_backward(dy, x):
    dy[x <= 0] = 0
    return dy
""",
        "dy itself is changed and handed back",
    ),
    Try(
        "the slope alone",
        """
def relu_backward(dy, x):
    return np.heaviside(x, 0)
""",
        "dy is missing",
    ),
    Try(
        "negative gradients cut off",
        """
def relu_backward(dy, x):
    return dy.clip(min=0)
""",
        "it asks the wrong array",
        seen="https://github.com/exacity/deeplearningbook-chinese/issues/127",
    ),
    Try(
        "ReLU of dy, then the slope",
        """
def relu_backward(dy, x):
    return np.maximum(dy, 0) * (x > 0)
""",
        "it asks one array too many",
    ),
    Try(
        "y in the place of the slope",
        """
def relu_backward(dy, x):
    y = np.maximum(x, 0)
    return np.multiply(dy, y)
""",
        "the slope is 1 where x is positive, and not x",
        seen="https://community.deeplearning.ai/t/c2-w1-regularization-exercise-2/98949",
    ),
    Try(
        "forward in the place of backward",
        """
def relu_backward(dy, x):
    return x.clip(0)
""",
        "forward again",
    ),
    Try(
        "the slope of a product",
        """
def relu_backward(dy, x):
    return np.einsum("...,...->...", x, dy)
""",
        "multiplied by x",
    ),
    Try(
        "the mask turned round",
        """
def relu_backward(dy, x):
    dx = np.array(dy)
    dx[x > 0] = 0
    return dx
""",
        "the wrong half passes: dy comes through",
    ),
    Try(
        "a test for 0, as it is right for y",
        """
def relu_backward(dy, x):
    dx = dy.copy()
    dx[x == 0] = 0
    return dx
""",
        "dy passes where x is negative too",
        seen="https://github.com/scikit-learn/scikit-learn/issues/14244",
    ),
    Try(
        "nothing is stopped",
        """
def relu_backward(dy, x):
    return dy * np.ones_like(x)
""",
        "dy passes where x is negative too",
    ),
    Try(
        "the slope of the absolute value",
        """
def relu_backward(dy, x):
    return np.where(x > 0, dy, np.where(x < 0, -dy, 0))
""",
        "the slope is -1 where x is negative",
    ),
    Try(
        "a leak on the way back",
        """
def relu_backward(dy, x):
    slope = np.where(x <= 0, 1e-2, 1.0)
    return slope * dy
""",
        "a little passes",
    ),
    Try(
        "0 taken for positive",
        """
def relu_backward(dy, x):
    dx = dy.copy()
    dx[x < 0] = 0
    return dx
""",
        "the slope at 0 is 1",
        seen="https://github.com/iamtrask/Grokking-Deep-Learning/pull/13",
    ),
    Try(
        "the mean of both slopes at 0",
        """
def relu_backward(dy, x):
    return dy * np.heaviside(x, 0.5)
""",
        "the slope at 0 is a half",
        seen="https://github.com/trusthlt/nlp-with-deep-learning-lectures/pull/4",
    ),
    Try(
        "one slope for the whole array",
        """
def relu_backward(dy, x):
    return dy * (x.max() > 0)
""",
        place="dx",
    ),
)
