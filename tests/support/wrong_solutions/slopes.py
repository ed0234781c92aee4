"""Wrong solutions of 01_slopes.py."""

from wrong_solutions import Try

TRIES = (
    Try(
        "the quotient of the definition of a derivative",
        """
def slope(f, x, h=1e-5):
    before, after = f(x), f(x + h)
    return (after - before) / h
""",
        "a step to one side only, forward",
        seen="https://github.com/apache/mxnet/issues/3693",
    ),
    Try(
        "forward, in a loop over flat copies",
        """
def gradient(f, x, h=1e-5):
    base, slopes = f(x), []
    for i in range(x.size):
        moved = np.array(x, dtype=float)
        moved.flat[i] += h
        slopes.append((f(moved) - base) / h)
    return np.reshape(slopes, x.shape)
""",
        "a step to one side only, forward",
        seen="https://kiwix.lema.org/stackoverflow.com_en_all_2023-11/questions/40945026/"
        "what-s-the-accuracy-difference-between-the-two-versions-derivative-calculation",
    ),
    Try(
        "the point before x",
        """
def slope(f, x, h=1e-5):
    return -(f(x - h) - f(x)) / h
""",
        "a step to one side only, backward",
    ),
    Try(
        "a run of one step",
        """
def slope(f, x, h=1e-5):
    return f(x + h) / h - f(x - h) / h
""",
        "twice too steep",
    ),
    Try(
        "a run of two steps for one",
        """
def slope(f, x, h=1e-5):
    rise = f(x + h) - f(x)
    return 0.5 * rise / h
""",
        "half as steep",
    ),
    Try(
        "no parentheses around the run",
        """
def slope(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / 2 * h
""",
        "multiplied by h",
    ),
    Try(
        "no parentheses around the rise",
        """
def slope(f, x, h=1e-5):
    run = 2 * h
    return f(x + h) - f(x - h) / run
""",
        "divided before the difference is taken",
    ),
    Try(
        "not divided",
        """
def gradient(f, x, h=1e-5):
    slopes = np.zeros(x.shape)
    for place, value in np.ndenumerate(x):
        up, down = x.astype(float), x.astype(float)
        up[place], down[place] = value + h, value - h
        slopes[place] = f(up) - f(down)
    return slopes
""",
        "a rise without a run",
    ),
    Try(
        "the points interchanged",
        """
def slope(f, x, h=1e-5):
    left, right = f(x + h), f(x - h)
    return (right - left) / (2 * h)
""",
        "the sign is wrong",
    ),
    Try(
        "half a step",
        """
def slope(f, x, h=1e-5):
    h = h / 2
    return (f(x + h) - f(x - h)) / (2 * h)
""",
        "half a step to each side",
    ),
    Try(
        "a step of its own",
        """
def slope(f, x, h=1e-5):
    h = 1e-5
    return (f(x + h) - f(x - h)) / (h + h)
""",
        "h is not used",
    ),
    Try(
        "slope of the whole array",
        """
def gradient(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)
""",
        "all numbers move together, and one slope comes out",
    ),
    Try(
        "a step at every place",
        """
def gradient(f, x, h=1e-5):
    slopes = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        step = np.ones(x.shape) * h
        slopes[place] = (f(x + step) - f(x - step)) / (2 * h)
    return slopes
""",
        "all numbers move together, for each place again",
    ),
    Try(
        "not put back after the second value",
        """
def gradient(f, x, h=1e-5):
    x = x.astype(float)
    slopes = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        value = x[place]
        x[place] = value + h
        above = f(x)
        x[place] = value - h
        slopes[place] = (above - f(x)) / (2 * h)
    return slopes
""",
        "a number is still moved when the next one is",
    ),
    Try(
        "copies made before the loop",
        """
def gradient(f, x, h=1e-5):
    plus, minus = np.array(x, float), np.array(x, float)
    slopes = np.empty(x.shape)
    for i in range(x.size):
        plus.flat[i] += h
        minus.flat[i] -= h
        slopes.flat[i] = (f(plus) - f(minus)) / (2 * h)
    return slopes
""",
        "the steps pile up",
    ),
    Try(
        "a loop over the rows, for a matrix too",
        """
def gradient(f, x, h=1e-5):
    x = x.astype(float)
    grad = np.zeros_like(x)
    for i in range(x.shape[0]):
        keep = x[i].copy()
        x[i] = keep + h
        above = f(x)
        x[i] = keep - h
        below = f(x)
        grad[i] = (above - below) / (2 * h)
        x[i] = keep
    return grad
""",
        "a whole row moves at a time",
        seen="https://github.com/qiaohaoforever/DeepLearningFromScratch/issues/2",
    ),
    Try(
        "a list with one slope for each row",
        """
def gradient(f, x, h=1e-5):
    slopes = []
    for i in range(len(x)):
        up, down = x.astype(float), x.astype(float)
        up[i] += h
        down[i] -= h
        slopes.append((f(up) - f(down)) / (2 * h))
    return np.array(slopes)
""",
        "there is one slope for each row",
    ),
    Try(
        "a list of all slopes",
        """
def gradient(f, x, h=1e-5):
    slopes = []
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = h
        slopes.append((f(x + step) - f(x - step)) / (2 * h))
    return np.array(slopes)
""",
        "the slopes are right, but flat",
    ),
    Try(
        "unit vectors, without the shape",
        """
def gradient(f, x, h=1e-5):
    flat = x.ravel()
    units = np.eye(x.size) * h
    return np.array([(f(flat + e) - f(flat - e)) / (2 * h) for e in units]).reshape(x.shape)
""",
        "f is handed a flat array",
    ),
    Try(
        "the slope at each number",
        """
def gradient(f, x, h=1e-5):
    slopes = np.zeros(x.shape)
    for place, value in np.ndenumerate(x):
        slopes[place] = (f(value + h) - f(value - h)) / (2 * h)
    return slopes
""",
        "f is handed one number",
    ),
    Try(
        "return within the loop",
        """
def gradient(f, x, h=1e-5):
    slopes = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = h
        slopes[place] = (f(x + step) - f(x - step)) / (2 * h)
        return slopes
""",
        "only the first place has a slope",
    ),
    Try(
        "a copy of the type of x",
        """
def gradient(f, x, h=1e-5):
    slopes = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        moved = x.copy()
        moved[place] = x[place] + h
        above = f(moved)
        moved[place] = x[place] - h
        slopes[place] = (above - f(moved)) / (2 * h)
    return slopes
""",
        "a copy of integers holds no x + h",
    ),
    Try(
        "moved in place and put back, and a gradient of the type of x",
        """
def gradient(f, x, h=1e-5):
    grad = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        value = x[place]
        x[place] = float(value) + h
        above = f(x)
        x[place] = float(value) - h
        below = f(x)
        grad[place] = (above - below) / (2 * h)
        x[place] = value
    return grad
""",
        "neither a copy nor an array like x holds fractions",
        seen="https://github.com/oreilly-japan/deep-learning-from-scratch/issues/51",
    ),
    Try(
        "a gradient of the type of x",
        """
def gradient(f, x, h=1e-5):
    grad = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        up, down = x * 1.0, x * 1.0
        up[place] += h
        down[place] -= h
        grad[place] = (f(up) - f(down)) / (2 * h)
    return grad
""",
        "the slopes lose their fractions",
    ),
    Try(
        "a step of the type of x",
        """
def gradient(f, x, h=1e-5):
    grad = np.zeros(x.shape)
    step = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        step[place] = h
        grad[place] = (f(x + step) - f(x - step)) / (2 * h)
        step[place] = 0
    return grad
""",
        "the step is 0",
    ),
    Try(
        "x moved in place, and put back with a rounding error",
        """
def gradient(f, x, h=1e-5):
    slopes = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        x[place] += h
        above = f(x)
        x[place] -= 2 * h
        below = f(x)
        x[place] += h
        slopes[place] = (above - below) / (2 * h)
    return slopes
""",
        "it changes x in place",
        seen="https://kiwix.lema.org/stackoverflow.com_en_all_2023-11/questions/40945026/"
        "what-s-the-accuracy-difference-between-the-two-versions-derivative-calculation",
    ),
    Try(
        "slopes at points that lie h beside x",
        """
def gradient(f, x, h=1e-5):
    slopes = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = h
        slopes[place] = (f(x + h + step) - f(x + h - step)) / (2 * h)
    return slopes
""",
        place="gradient",
    ),
    Try(
        "NumPy's function of that name",
        """
def gradient(f, x, h=1e-5):
    return np.gradient(x, h)
""",
        "it raises ValueError",
    ),
)
