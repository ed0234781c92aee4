"""What a check leaves for the learner: the X-ray of their own layers, in a folder of its own."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.workbook import solutions
from tinynet.workbook.children import Result
from tinynet.workbook.folder import Folder
from tinynet.workbook.ladder import LADDER
from tinynet.workbook.wrapped import OptimizerOfTheirs, as_module


@pytest.fixture
def folder(tmp_path):
    workbook = Folder(tmp_path / "workbook")
    workbook.write()
    return workbook


def result_with(content):
    return Result(LADDER[-1], made={"page.html": content})


class TestMadeFiles:
    def test_a_later_check_writes_its_own_file_anew(self, folder):
        for content in (b"first", b"second"):
            assert folder.take(result_with(content)) == []
            assert (folder.path / "made" / "page.html").read_bytes() == content

    @pytest.mark.parametrize("earlier", [(), (b"of a check",)])
    def test_a_file_of_the_learners_stays(self, folder, earlier):
        for content in earlier:
            folder.take(result_with(content))
        file = folder.path / "made" / "page.html"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"the learner's")
        assert folder.take(result_with(b"new")) == ["made/page.html"]
        assert file.read_bytes() == b"the learner's"

    def test_a_link_is_not_followed(self, folder, tmp_path):
        target = tmp_path / "elsewhere"
        (folder.path / "made").mkdir()
        (folder.path / "made" / "page.html").symlink_to(target)
        assert folder.take(result_with(b"new")) == ["made/page.html"]
        assert not target.exists()


def network():
    rng = np.random.default_rng(0)
    first = solutions.Linear(rng.standard_normal((3, 4)), rng.standard_normal(4))
    last = solutions.Linear(rng.standard_normal((4, 2)), rng.standard_normal(2))
    return solutions.Sequential([first, solutions.ReLU(), last, solutions.LogSoftmax()])


class TestLearnersLayersAsModules:
    def test_they_have_the_learners_arrays_and_no_others(self):
        net = network()
        module = as_module(net)
        for ours, theirs in zip(module.parameters(), net.parameters(), strict=True):
            assert ours.data is theirs.data and ours.grad is theirs.grad
            theirs.data, theirs.grad = theirs.data + 1, theirs.grad + 1
            assert ours.data is theirs.data and ours.grad is theirs.grad

    def test_the_gradient_checker_finds_them_right(self):
        tn.check_gradients(as_module(network()), (5, 3))

    def test_a_trace_is_of_the_learners_step_and_leaves_their_network_alone(self):
        net, x, y = network(), np.ones((2, 3)), np.array([0, 1])
        before = [p.data.copy() for p in net.parameters()]
        module = as_module(net)
        optimizer = OptimizerOfTheirs(solutions.SGD, module, lr=0.5)
        trace = tn.trace(module, tn.NLLLoss(), x, y, optimizer)
        net.backward(solutions.nll_backward(net.forward(x), y))
        for layer, theirs in ((0, net.layers[0]), (2, net.layers[2])):
            for name in "Wb":
                traced = trace.layer(layer).parameters[name]
                np.testing.assert_allclose(traced.grad, getattr(theirs, name).grad)
                np.testing.assert_allclose(traced.update, -0.5 * traced.grad)
        for p, data in zip(net.parameters(), before, strict=True):
            np.testing.assert_array_equal(p.data, data)

    def test_a_layer_is_told_as_tinynets_of_that_name(self):
        linear, relu = list(as_module(network()))[:2]
        assert (repr(linear), repr(relu)) == ("Linear(3, 4)", "ReLU()")
        assert linear.equations == tn.Linear.equations and linear.wired_by == tn.Linear.wired_by
