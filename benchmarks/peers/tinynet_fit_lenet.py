"""tinynet's `tn.fit` on LeNet-5, as ``tinynet_fit_cnn`` in all else."""

from picture_networks import LENET
from task import run
from tinynet_fit_cnn import TinynetFitCNN


class TinynetFitLeNet(TinynetFitCNN):
    network = LENET


if __name__ == "__main__":
    run(TinynetFitLeNet)
