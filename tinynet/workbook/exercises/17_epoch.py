"""The epoch: once through all batches

Everything that learning needs is there: a network, a loss with its gradient, an optimizer. One
epoch takes the batches one by one, and each batch gives one step:

    x ---> net.forward ---> y ---> loss(y, target)             a number: how good is y?
                                   loss_backward(y, target)    dy: how to change y?
           net.backward <--- dy                                 adds to each parameter's gradient
           optimizer.step()                                     changes the parameters

(1) Backward adds to the gradients that are there (exercise 08). So they must be zeros before each
backward, the first one too, for nobody knows what was left there; and they must not be zeroed
between backward and step, or the step has nothing to go by.

(2) One step for each batch. The next batch meets a network that has learned from this one.

(3) The epoch's loss is what the batches said on the way, each before its own step. It costs no
further forward. It is no measure of the network at the end, for that has changed since; that is
what evaluate is for.

(4) A mean over samples, not over batches. loss gives the mean of one batch, and the last batch is
often smaller; there a sample must not count for more. So first make sums over the samples, then
divide by how many there were. `batches` can be walked through once, like a generator: it has
no len, so count as you go.

(5) Accuracy is the share of rows whose largest output stands at the target, in percent. Each row
of y has one output for each class; argmax along that axis is the network's answer.

(6) evaluate looks and does not touch: forward and loss on all of X at once, in one batch. No
gradient and no weight may be another one afterwards.

The check hands in a network of its own, y = x @ W + b, of which W is learned; `left` is the
gradient that W has at first. The loss is half of the squared distance of y from 1 at the target and
0 elsewhere, summed over the classes.
"""

import numpy as np


def train_epoch(net, loss, loss_backward, optimizer, batches):
    """Learn from each batch once; return (loss, accuracy) as collected on the way.

    net has forward(x) and backward(dy); loss(y, target) is a float, the mean over the batch, and
    loss_backward(y, target) its gradient, of the shape of y, (N, C); optimizer has zero_grad() and
    step(); batches yields pairs (x, target), target ints of shape (N,). Accuracy is in percent.
    """
    raise NotImplementedError("yours to write")


def evaluate(net, loss, X, y):
    """(loss, accuracy) of the network on X, with the targets y; changes nothing."""
    raise NotImplementedError("yours to write")
