"""The same C, with a test for each input that leaves out the zeros."""

from plain_c import PlainC
from task import run


class PlainCSkippingZeros(PlainC):
    options = ("-DSKIP_ZEROS",)


if __name__ == "__main__":
    run(PlainCSkippingZeros)
