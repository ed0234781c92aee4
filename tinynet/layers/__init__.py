"""The layers, one family a file: each one equation forward and, directly below, backward.

Read them in pairs. `forward` computes y from x and keeps the one thing that `backward` needs;
`backward` is handed dy, the derivative of the loss with respect to y, and returns dx, the
derivative with respect to x. Both have the shape of their array. The arithmetic is done by the
kernel that each line calls; its equation stands beside it in ``tinynet/kernels``.
"""

from tinynet.layers.activations import ACTIVATIONS as ACTIVATIONS
from tinynet.layers.activations import LeakyReLU as LeakyReLU
from tinynet.layers.activations import ReLU as ReLU
from tinynet.layers.activations import ReLU6 as ReLU6
from tinynet.layers.activations import Sigmoid as Sigmoid
from tinynet.layers.activations import Tanh as Tanh
from tinynet.layers.convolution import Conv2d as Conv2d
from tinynet.layers.dropout import Dropout as Dropout
from tinynet.layers.linear import Linear as Linear
from tinynet.layers.linear import TransposedLinear as TransposedLinear
from tinynet.layers.normalization import BatchNorm1d as BatchNorm1d
from tinynet.layers.normalization import BatchNorm2d as BatchNorm2d
from tinynet.layers.paths import Add as Add
from tinynet.layers.pooling import AvgPool2d as AvgPool2d
from tinynet.layers.pooling import MaxPool2d as MaxPool2d
from tinynet.layers.shape import Flatten as Flatten
from tinynet.layers.shape import Unflatten as Unflatten
from tinynet.layers.softmax import LogSoftmax as LogSoftmax
from tinynet.layers.softmax import Softmax as Softmax
from tinynet.layers.transposed_convolution import ConvTranspose2d as ConvTranspose2d
