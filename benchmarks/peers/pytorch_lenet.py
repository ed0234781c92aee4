"""PyTorch on LeNet-5, as ``pytorch_cnn`` in all else."""

from picture_networks import LENET
from pytorch_cnn import PyTorchCNN
from task import run


class PyTorchLeNet(PyTorchCNN):
    network = LENET


if __name__ == "__main__":
    run(PyTorchLeNet)
