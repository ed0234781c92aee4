"""Windows over pictures: what is taken for a size, and where a window fits."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tinynet.support.windows import PerAxis, pictures, places, told


class Holder:
    stride = PerAxis(1)


def test_one_int_is_meant_for_both_axes():
    holder = Holder()
    for told_as, kept in ((2, (2, 2)), ((2, 3), (2, 3)), ([2, np.int64(3)], (2, 3))):
        vars(holder)["stride"] = Holder.__dict__["stride"].checked("Holder", told_as)
        assert holder.stride == kept
        assert all(type(size) is int for size in holder.stride)
    assert told((2, 2)) == "2"
    assert told((2, 3)) == "(2, 3)"


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, (1, 2, 3), (1,), (1, 0), "2", None])
def test_other_sizes_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match="Holder: stride"):
        Holder.__dict__["stride"].checked("Holder", wrong)


sizes = st.tuples(*[st.integers(1, 9)] * 2)


@given(
    sizes, sizes, sizes, st.tuples(*[st.integers(0, 3)] * 2), st.tuples(*[st.integers(1, 3)] * 2)
)
def test_places_are_pytorchs(size, kernel_size, stride, padding, dilation):
    x, weight = torch.zeros(1, 1, *size), torch.zeros(1, 1, *kernel_size)
    try:
        y = torch.nn.functional.conv2d(x, weight, None, stride, padding, dilation)
    except RuntimeError:
        with pytest.raises(ValueError, match="smaller than the window"):
            places("Conv2d", size, kernel_size, stride, padding, dilation)
    else:
        assert places("Conv2d", size, kernel_size, stride, padding, dilation) == y.shape[2:]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 784), "Unflatten"),
        ((1, 28, 28), r"x\[None\]"),
        ((784,), "reshape"),
        ((2, 3, 5, 5), "3 channels, expected 1"),
    ],
)
def test_what_is_no_batch_of_pictures_is_refused_with_the_fix(shape, message):
    with pytest.raises(ValueError, match=message):
        pictures("Conv2d", np.zeros(shape, np.float32), 1, np.float32)
