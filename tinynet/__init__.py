"""tinynet: a neural-net library to read, small enough to understand and fast enough to use.

Start with ``layers/``: every layer has its equation, and its derivative directly below. Then
``losses/`` and ``optim.py``; ``module.py`` chains them; ``training.py`` is the loop. The numbers
are crunched in ``kernels/``, where each equation stands beside the loop that runs it.
"""

import sys

from tinynet import data, datasets, init
from tinynet.compiler import compile
from tinynet.data import DataLoader
from tinynet.formats.checkpoint import RunningEpoch, load_checkpoint, save_checkpoint
from tinynet.formats.exchange import from_torch, to_torch
from tinynet.formats.onnx_export import to_onnx
from tinynet.formats.safetensors import ModelFileError
from tinynet.formats.serialization import fingerprint, load, save
from tinynet.gradcheck import GradientError, GradientReport, check_gradients
from tinynet.inspection import case, doctor, traced
from tinynet.inspection.case import Finding
from tinynet.inspection.doctor import Diagnosis, diagnose
from tinynet.inspection.layer_trace import LayerTrace, ParameterTrace
from tinynet.inspection.traced import Trace
from tinynet.inspection.tracing import trace
from tinynet.kernels.jit.kernel import kernel
from tinynet.kernels.threads.helpers import get_num_threads, set_num_threads
from tinynet.layers import (
    Add,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    LogSoftmax,
    MaxPool2d,
    ReLU,
    ReLU6,
    Sigmoid,
    Softmax,
    Tanh,
    TransposedLinear,
    Unflatten,
)
from tinynet.losses import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from tinynet.module import Module, Parameter, Sequential
from tinynet.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from tinynet.pages.lab import lab
from tinynet.pages.playground import playground
from tinynet.rng import TorchGenerator
from tinynet.runs import history, schedules, stopping
from tinynet.runs.history import History
from tinynet.runs.schedules import CosineLR, Schedule, StepLR
from tinynet.runs.scores import evaluate
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.accuracy import accuracy
from tinynet.support.description import Window
from tinynet.training import fit
from tinynet.version import __version__ as __version__

for _old, _module in {
    "_case": case,
    "_trace": traced,
    "doctor": doctor,
    "history": history,
    "schedules": schedules,
    "stopping": stopping,
}.items():  # where these stood up to version 0.2: pickles name them there
    sys.modules[f"tinynet.{_old}"] = _module

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Add",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "CosineLR",
    "CrossEntropyLoss",
    "DataLoader",
    "Diagnosis",
    "Dropout",
    "EarlyStopping",
    "Finding",
    "Flatten",
    "GradientError",
    "GradientReport",
    "History",
    "L1Loss",
    "LayerTrace",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "ModelFileError",
    "Module",
    "NLLLoss",
    "Optimizer",
    "Parameter",
    "ParameterTrace",
    "RMSprop",
    "ReLU",
    "ReLU6",
    "RunningEpoch",
    "Schedule",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "StepLR",
    "Tanh",
    "TorchGenerator",
    "Trace",
    "TransposedLinear",
    "Unflatten",
    "Window",
    "accuracy",
    "check_gradients",
    "compile",
    "data",
    "datasets",
    "diagnose",
    "evaluate",
    "fingerprint",
    "fit",
    "from_torch",
    "get_num_threads",
    "init",
    "kernel",
    "lab",
    "load",
    "load_checkpoint",
    "playground",
    "plots",
    "save",
    "save_checkpoint",
    "set_num_threads",
    "to_onnx",
    "to_torch",
    "trace",
]


def __getattr__(name: str) -> object:
    if name == "plots":
        import importlib

        return importlib.import_module("tinynet.plots")
    raise AttributeError(f"module 'tinynet' has no attribute {name!r}")
