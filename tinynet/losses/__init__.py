"""The losses: how wrong the network's answer is, as one number, and where its gradient starts.

``loss = loss_fn(output, target)`` is a float; ``loss_fn.backward()`` returns its derivative with
respect to the first argument, the mean's 1/N included. ``net.backward(loss_fn.backward())`` is then
all of backpropagation. ``over_classes.py`` asks which class is right, ``over_numbers.py`` how far
off a number is; ``loss.py`` is what they share.
"""

from tinynet.losses.loss import Loss as Loss
from tinynet.losses.over_classes import ClassLoss as ClassLoss
from tinynet.losses.over_classes import CrossEntropyLoss as CrossEntropyLoss
from tinynet.losses.over_classes import NLLLoss as NLLLoss
from tinynet.losses.over_numbers import BCELoss as BCELoss
from tinynet.losses.over_numbers import BCEWithLogitsLoss as BCEWithLogitsLoss
from tinynet.losses.over_numbers import L1Loss as L1Loss
from tinynet.losses.over_numbers import MSELoss as MSELoss
