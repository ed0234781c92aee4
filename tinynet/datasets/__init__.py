"""The handwritten digits of MNIST, from wherever they are, and digits of one's own.

Each digit is 28 x 28 pixels, 0 (background) to 255 (ink), here as one row of 784 bytes, and a label
0 to 9. Four sources give them in this form: 20,000 digits that come with tinynet, all 70,000 from
the network, CSV files, and pictures. Fashion-MNIST has that form, too. Files are checked before
they are believed: a network also learns from wrong data, only the wrong thing.
"""

from tinynet.datasets.csv_files import load_csv, load_images_csv
from tinynet.datasets.digits import FASHION_CLASSES, Digits, fashion_mnist, mnist, mnist_small
from tinynet.datasets.idx import DataError, DataFileNotFoundError, read_idx
from tinynet.datasets.pictures import fit_picture, load_pictures

__all__ = [
    "FASHION_CLASSES",
    "DataError",
    "DataFileNotFoundError",
    "Digits",
    "fashion_mnist",
    "fit_picture",
    "load_csv",
    "load_images_csv",
    "load_pictures",
    "mnist",
    "mnist_small",
    "read_idx",
]
