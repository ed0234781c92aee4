"""A network's own code, compiled: recorded from its layers, written out, and run at full speed.

``print(tn.compile(net, loss_fn, optimizer).source)`` shows forward, loss, backward and update of
this very network, kernel by kernel, with shapes: the code that a person would write. It is got by
listening (``recording.py``): each part runs once on copies, and the kernels that it calls are
written down. So a layer of your own, all of whose arithmetic is in kernels, is compiled like ours.
"""

import numpy as np

from tinynet.compiler.compiled import CompiledSteps as CompiledSteps
from tinynet.compiler.verbs import compile_verbs
from tinynet.module import Module
from tinynet.optim import Optimizer


def compile(net: Module, loss_fn: Module, optimizer: Optimizer) -> CompiledSteps:
    """Write out and compile the training steps of a network.

    Parameters
    ----------
    net : Module
    loss_fn : Module
    optimizer : Optimizer
        Its options become part of the code; `lr` stays free.

    Returns
    -------
    CompiledSteps
        Its ``source`` is the code to read. From now on ``net.predict`` runs compiled, too.

    Raises
    ------
    TypeError
        If a part does what only Python can do; the message says which.
    """
    steps = CompiledSteps(net, loss_fn, optimizer, np.zeros(1, np.int64))
    compile_verbs(net, loss_fn, optimizer)
    return steps
