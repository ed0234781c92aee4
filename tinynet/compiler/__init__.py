"""A network's own code, compiled: recorded from its layers, written out, and run at full speed.

``print(tn.compile(net, loss_fn, optimizer).source)`` shows forward, loss, backward and update of
this very network, kernel by kernel, with shapes: the code that a person would write. It is got by
listening (``recording.py``): each part runs once on copies, and the kernels that it calls are
written down. So a layer of your own, all of whose arithmetic is in kernels, is compiled like ours.

To be read in this order: ``part`` (what a recording is), ``trials`` (runs, listened to, and what
they have in common), ``recording`` (a layer, a loss, a step), ``recorded`` (a network); ``script``
(calls become lines), ``writer`` (a whole step) and ``segment`` (neighbouring layers); ``verbs`` (a
loop by hand), ``compiled`` and ``steps`` (``fit``).
"""

from contextlib import suppress

from tinynet.compiler.compiled import CompiledSteps as CompiledSteps
from tinynet.compiler.part import CannotRecord
from tinynet.compiler.recorded import record_layers
from tinynet.compiler.verbs import Verbs, compile_verbs
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.support.checks import checked_shape


def compile(
    net: Module,
    loss_fn: Module,
    optimizer: Optimizer,
    input_shape: tuple[int, ...] | None = None,
) -> CompiledSteps | Verbs:
    """Write out and compile the training steps of a network.

    From now on, a loop over these three runs compiled: ``net(x)``, ``loss_fn(outputs, target)``,
    ``net.backward(dy)``, ``optimizer.step()`` and ``net.predict(x)`` are one call of compiled code
    each. Gradients, what layers keep, and every error are as without, and so is every bit. What is
    replaced later (a parameter, an option, a layer) is noticed; then the layers run by themselves.

    Parameters
    ----------
    net : Module
    loss_fn : Module
    optimizer : Optimizer
        Its options become part of the code; `lr` stays free.
    input_shape : tuple of int, optional
        The shape of one row of x, such as (1, 28, 28). By default it is what the first layer takes
        that says so, as Linear does; a network that begins with a convolution takes many.

    Returns
    -------
    CompiledSteps, or Verbs if some layers stay Python
        Its ``source`` is the code to read. Layers that do what only Python can do run as they are
        between pieces of compiled code; ``python`` of Verbs names them, and why.

    Raises
    ------
    TypeError
        If nothing of the network can be compiled; the message says why.

    Notes
    -----
    Parts are recorded from the kernels that they call on copies, with several sizes, values and
    modes. What this cannot see is a decision that Python takes by the data, and that none of the
    trial inputs brings about, such as ``if x.max() > 1e6``: take such decisions in kernels.
    """
    row = None if input_shape is None else checked_shape("compile", input_shape)
    layers, verbs = record_layers(net, row), None
    with suppress(CannotRecord):  # a network that keeps its layers' calls has training steps alone
        verbs = compile_verbs(layers, net, loss_fn, optimizer)
    try:
        return CompiledSteps(net, loss_fn, optimizer, layers)
    except CannotRecord:
        if verbs is None:
            raise
        return verbs
