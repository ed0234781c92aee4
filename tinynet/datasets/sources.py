"""Where MNIST and Fashion-MNIST are published, and the SHA-256 by which their files are known."""

from typing import NamedTuple


class Source(NamedTuple):
    """A data set in four IDX files: where it is published, and how its files are known."""

    function: str  # that gives it, for messages
    title: str
    mirrors: tuple[str, ...]
    files: dict[str, tuple[tuple[int, ...], str]]  # name: shape, and SHA-256
    packed: bool  # whether that is the SHA-256 of the file as it is packed, or of what is in it
    folder: str  # below the data folder, that downloads go to
    subfolders: tuple[str, ...]  # below it, where else the files may lie
    keras: str  # the name of Keras' archive, or ""


# Small files first: a folder that cannot be written is then noticed after 5 kB.
MNIST = Source(
    *("mnist", "MNIST"),
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://raw.githubusercontent.com/fgnt/mnist/master/",
    ),
    {
        "t10k-labels-idx1-ubyte": (
            (10_000,),
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        "train-labels-idx1-ubyte": (
            (60_000,),
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        "t10k-images-idx3-ubyte": (
            (10_000, 28, 28),
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        "train-images-idx3-ubyte": (
            (60_000, 28, 28),
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
    },
    packed=False,
    folder="",
    subfolders=("", "MNIST/raw", "mnist", "raw", "mnist/raw"),  # as torchvision, and by hand
    keras="mnist.npz",
)
# Its files have MNIST's names, and so a folder of their own. Of the packed files, the authors
# publish the MD5; people who checked that report the SHA-256. No such report is of what is in them.
FASHION_MNIST = Source(
    *("fashion_mnist", "Fashion-MNIST"),
    (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    {
        "t10k-labels-idx1-ubyte": (
            (10_000,),
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        "train-labels-idx1-ubyte": (
            (60_000,),
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        "t10k-images-idx3-ubyte": (
            (10_000, 28, 28),
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        "train-images-idx3-ubyte": (
            (60_000, 28, 28),
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
    },
    packed=True,
    folder="fashion-mnist",
    subfolders=("fashion-mnist", "FashionMNIST/raw", "fashion"),
    keras="",
)
