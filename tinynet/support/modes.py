"""The two modes of a layer: the one to learn in, and evaluation."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tinynet.support.calls import mode as calls
from tinynet.support.held import MODE


class Modes:
    """The part of every Module that has to do with its mode."""

    _training: bool = True  # False where eval() was called

    if TYPE_CHECKING:

        def children(self) -> Iterator[tuple[str, Any]]: ...

    @property
    def training(self) -> bool:
        """Whether this is the mode to learn in; never within ``predict``, whatever the mode is.

        A layer whose forward does something else as it learns, such as drawing, asks this. To set
        it sets the mode of this layer alone; ValueError if that is neither True nor False.
        """
        if calls.asked is not None:
            calls.asked.append(self)
        return self._training and not calls.predicting

    @training.setter
    def training(self, mode: bool) -> None:
        if not isinstance(mode, bool | np.bool_):
            name = type(self).__name__
            raise ValueError(f"{name}: training mode is {mode!r}, expected True or False")
        if mode:  # nothing is noted then: a network from an old pickle has no mode
            vars(self).pop(MODE, None)
        else:
            vars(self)[MODE] = False

    def train(self, mode: bool = True) -> Self:
        """Set ``training`` here, and in every layer within by its own ``train``; return self."""
        self.training = mode
        for _, child in self.children():
            within = [module for _, module in child.named_modules()]
            if not any(module is self for module in within):
                child.train(mode)
                continue
            for module in within:  # a layer may hold the network that it is in
                module.training = mode
        return self

    def eval(self) -> Self:
        """``train(False)``: from now on, forward is as in ``predict``, but keeps for backward."""
        return self.train(False)
