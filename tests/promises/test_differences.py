"""The list of differences from PyTorch is true: each line of it, on both sides."""

import numpy as np
import pytest
from differences import OTHER_VALUES, REFUSED

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch warns of some of it


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.what)
def test_pytorch_takes_it_and_tinynet_refuses(row):
    row.pytorch()
    with pytest.raises(row.error) as caught:
        row.tinynet()
    assert row.words in str(caught.value)


@pytest.mark.parametrize("row", OTHER_VALUES, ids=lambda row: row.what)
def test_both_answer_and_differ(row):
    np.testing.assert_array_equal(row.pytorch().numpy(), row.theirs)
    np.testing.assert_array_equal(row.tinynet(), row.ours)
