"""Wrong solutions of 18_first_weights.py."""

from wrong_solutions import Try

HE = """
def he(I, O, rng):
    return rng.normal(0.0, (2 / I) ** 0.5, (I, O))
"""

GLOROT = """
def glorot(I, O, rng):
    return rng.normal(0.0, (2 / (I + O)) ** 0.5, (I, O))
"""

TRIES = (
    Try(
        "the variance as rng.normal's scale",
        f"""
def he(I, O, rng):
    return rng.normal(loc=0, scale=2 / I, size=(I, O))
{GLOROT}""",
        "he: the variance was taken for the standard deviation",
        seen="https://community.deeplearning.ai/t/doubt-on-weight-initialization/422217",
    ),
    Try(
        "the variance as rng.normal's scale, in glorot",
        f"""{HE}
def glorot(I, O, rng):
    return rng.normal(loc=0, scale=2 / (I + O), size=(I, O))
""",
        "glorot: the variance was taken for the standard deviation",
        seen="https://github.com/dlvu/vugrad/pull/2",
    ),
    Try(
        "the outputs counted",
        f"""
def he(I, O, rng):
    return rng.normal(0, np.sqrt(2 / O), (I, O))
{GLOROT}""",
        "he: O stands where I belongs",
        seen="https://github.com/ClementPinard/FlowNetPytorch/issues/19",
    ),
    Try(
        "the rule for layers without ReLU",
        f"""
def he(I, O, rng):
    return rng.normal(0, np.sqrt(1 / I), (I, O))
{GLOROT}""",
        "he: half of the variance",
    ),
    Try(
        "brackets",
        f"""{HE}
def glorot(I, O, rng):
    return np.sqrt(2 / I + O) * rng.standard_normal((I, O))
""",
        "brackets around I + O are missing",
        seen="https://github.com/mlverse/torch/issues/555",
    ),
    Try(
        "LeCun's rule",
        f"""{HE}
def glorot(I, O, rng):
    return rng.normal(0, 1 / np.sqrt(I), (I, O))
""",
        "glorot: only the way forward",
        seen="https://github.com/harvard-edge/cs249r_book/issues/1161",
    ),
    Try(
        "the bound of uniform numbers",
        f"""{HE}
def glorot(I, O, rng):
    return rng.normal(0, np.sqrt(6 / (I + O)), (I, O))
""",
        "6 belongs to uniform numbers",
        seen="https://github.com/denizyuret/Knet.jl/pull/311",
    ),
    Try(
        "uniform, with the right variance",
        f"""{HE}
def glorot(I, O, rng):
    bound = np.sqrt(6 / (I + O))
    return (2 * rng.random((I, O)) - 1) * bound
""",
        "glorot: the numbers are uniform",
        seen="https://github.com/dmlc/minpy/issues/158",
    ),
    Try(
        "random for standard_normal",
        f"""
def he(I, O, rng):
    return np.sqrt(2 / I) * rng.uniform(size=(I, O))
{GLOROT}""",
        "he: the numbers are from [0, 1)",
        seen="https://coderapp.vercel.app/answer/47241066",
    ),
    Try(
        "a hundredth",
        f"""
def he(I, O, rng):
    return rng.normal(0, 0.01, (I, O))
{GLOROT}""",
        "he: the standard deviation is 0.01",
        seen="https://wiki.movedesign.de/doku.php?do=export_raw&id=data_mining:neural_network:initialization",
    ),
    Try(
        "the old generator",
        f"""
def he(I, O, rng):
    return np.random.randn(I, O) * np.sqrt(2 / I)
{GLOROT}""",
        "he: the numbers do not come from rng",
    ),
    Try(
        "a fixed seed",
        f"""
def he(I, O, rng):
    rng = np.random.default_rng(42)
    return rng.standard_normal((I, O)) * np.sqrt(2 / I)
{GLOROT}""",
        "he: it makes a generator of its own",
    ),
    Try(
        "as PyTorch holds it",
        f"""{HE}
def glorot(I, O, rng):
    return rng.normal(0, np.sqrt(2 / (I + O)), (O, I))
""",
        "glorot: rows and columns are interchanged",
    ),
    Try(
        "zeros",
        f"""
def he(I, O, rng):
    return np.zeros((I, O))
{GLOROT}""",
        "he: zeros",
    ),
    Try(
        "drawn in another order, and not scaled",
        f"""
def he(I, O, rng):
    rng.random(5)
    return np.array([[rng.standard_normal() for _ in range(O)] for _ in range(I)])
{GLOROT}""",
        "he: the standard deviation is 1",
    ),
)
