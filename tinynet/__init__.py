"""tinynet: a neural-net library to read, small enough to understand and fast enough to use.

Start with ``layers.py``: every layer has its equation, and its derivative directly below. Then
``losses.py`` and ``optim.py``; ``module.py`` chains them; ``training.py`` is the loop. The numbers
are crunched in ``kernels/``, where each equation stands beside the loop that runs it.
"""

from tinynet import data, datasets
from tinynet._safetensors import ModelFileError
from tinynet.checkpoint import RunningEpoch, load_checkpoint, save_checkpoint
from tinynet.compiler import compile
from tinynet.data import DataLoader
from tinynet.gradcheck import GradientError, GradientReport, check_gradients
from tinynet.layers import Add, Linear, LogSoftmax, ReLU, Softmax
from tinynet.losses import CrossEntropyLoss, NLLLoss
from tinynet.module import Module, Parameter, Sequential
from tinynet.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from tinynet.rng import TorchGenerator
from tinynet.serialization import fingerprint, load, save
from tinynet.training import History, accuracy, evaluate, fit

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Add",
    "CrossEntropyLoss",
    "DataLoader",
    "GradientError",
    "GradientReport",
    "History",
    "Linear",
    "LogSoftmax",
    "ModelFileError",
    "Module",
    "NLLLoss",
    "Optimizer",
    "Parameter",
    "RMSprop",
    "ReLU",
    "RunningEpoch",
    "Sequential",
    "Softmax",
    "TorchGenerator",
    "accuracy",
    "check_gradients",
    "compile",
    "data",
    "datasets",
    "evaluate",
    "fingerprint",
    "fit",
    "load",
    "load_checkpoint",
    "plots",
    "save",
    "save_checkpoint",
]


def __getattr__(name: str) -> object:
    if name == "plots":
        import importlib

        return importlib.import_module("tinynet.plots")
    raise AttributeError(f"module 'tinynet' has no attribute {name!r}")
