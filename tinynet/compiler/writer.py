"""How a network, its loss and its optimizer are written out as straight-line code.

Each part of tinynet has its lines here: the kernel calls that its own ``forward``, ``backward`` or
``update`` makes. In the code, layer i turns its input into ``y{i}``; ``dy{i}`` is the derivative of
the loss with respect to that; ``W{i}`` and ``b{i}`` are its parameters, ``dW{i}`` and ``db{i}``
their gradients. The tests compare the bits of both ways for every layer, loss and optimizer.

Numbers that a kernel takes as arguments are not written as literals where the layers hand over
variables: Numba would compile the kernel once more for that very number.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tinynet import kernels
from tinynet.layers import Linear, LogSoftmax, ReLU, Softmax
from tinynet.losses import CrossEntropyLoss, Loss, NLLLoss
from tinynet.module import Module, Parameter, Sequential
from tinynet.optim import SGD, Adam, AdamW, Optimizer, RMSprop

Lines = Iterator[str]


class CannotWrite(TypeError):
    """Something is not one of tinynet's own parts, or not used in the usual way."""


class Memory(NamedTuple):
    """An array that an optimizer remembers: which parameter's, and its name in the state."""

    position: int
    name: str


def _makes_room(line: str) -> bool:
    """Whether a line makes an array: each step fills it anew, or it never changes."""
    return " = np." in line or " = room(" in line


class Writer:
    """The source of the training steps of one network.

    Parameters
    ----------
    net : Sequential
    loss_fn : NLLLoss or CrossEntropyLoss
    optimizer : SGD, RMSprop, Adam or AdamW
    probabilities : bool
        Whether the targets are class probabilities instead of labels.
    scaled : bool
        Whether the loader converts its rows.
    scored : bool
        Whether the outputs are handed over to a score of the user's, in place of the accuracy.

    Raises
    ------
    CannotWrite
        If a part is not one of these, with the reason.
    """

    def __init__(
        self,
        net: Module,
        loss_fn: Loss,
        optimizer: Optimizer,
        probabilities: bool = False,
        scaled: bool = False,
        scored: bool = False,
    ) -> None:
        if type(net) is not Sequential:
            raise CannotWrite(f"the network is a {type(net).__name__}, not a Sequential")
        self.net: Sequential = net
        self.layers = list(enumerate(net.layers))
        self.linears = [(i, layer) for i, layer in self.layers if isinstance(layer, Linear)]
        self.loss_fn, self.optimizer = loss_fn, optimizer
        self.probabilities, self.scaled, self.scored = probabilities, scaled, scored
        self._check()
        self.dtype = self.linears[0][1].W.data.dtype
        self.cast = f"np.{self.dtype.name}"
        self.parameters = list(self._named_parameters())
        self.at_once = dict(self._updated_at_once())
        self.memories: dict[str, Memory] = {}
        self._update_lines = [
            line
            for position, (name, parameter) in enumerate(self.parameters)
            for line in self._update(position, name)
        ]

    def _check(self) -> None:
        if not self.linears:
            raise CannotWrite("the network has no Linear layer")
        width = self.linears[0][1].W.data.shape[0]
        dtype = self.linears[0][1].W.data.dtype
        self.features, self.widths = width, []
        for _, layer in self.layers:
            if type(layer) is Linear:
                if layer.W.data.shape[0] != width or layer.W.data.dtype != dtype:
                    raise CannotWrite(f"{layer!r} does not fit the layer before it")
                if layer.uses_blas:
                    raise CannotWrite(f"{layer!r} is so large that BLAS takes its products")
                width = layer.W.data.shape[1]
            elif type(layer) not in (ReLU, Softmax, LogSoftmax):
                raise CannotWrite(f"{type(layer).__name__} is not one of tinynet's own layers")
            elif isinstance(layer, Softmax | LogSoftmax) and layer.axis not in (-1, 1):
                raise CannotWrite(f"{layer!r} does not work along the classes")
            self.widths.append(width)
        if type(self.loss_fn) not in (NLLLoss, CrossEntropyLoss):
            raise CannotWrite(f"{type(self.loss_fn).__name__} is not one of tinynet's own losses")
        if type(self.optimizer) not in (SGD, RMSprop, Adam, AdamW):
            raise CannotWrite(
                f"{type(self.optimizer).__name__} is not one of tinynet's own optimizers"
            )
        named = [id(parameter) for _, parameter in self._named_parameters()]
        if len(set(named)) < len(named):
            raise CannotWrite("a parameter stands in two layers")
        own = self.net.parameters()
        if [id(p) for p in own] != [id(p) for p in self.optimizer.parameters]:
            raise CannotWrite("the optimizer's parameters are not those of the network, in order")

    def _named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        for i, layer in self.linears:
            yield f"W{i}", layer.W
            if layer.b is not None:
                yield f"b{i}", layer.b

    def _updated_at_once(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """The weights that plain descent moves by x.T @ dy itself, and the names of x and dy.

        No gradient is kept then. It is finite if the product of both norms is (Cauchy, Schwarz); a
        step for which that does not hold is left to the layers.
        """
        optimizer = self.optimizer
        if type(optimizer) is SGD and not (
            optimizer.momentum or optimizer.weight_decay or optimizer.maximize
        ):
            for i, _ in self.linears:
                yield f"W{i}", (f"y{i - 1}" if i else "x", f"dy{i}")

    def source(self) -> str:
        """The module's source."""
        body = [*self._train(), "", "", *self._predict()]
        called = {line.partition("(")[0].rpartition(" ")[2] for line in body}
        used = sorted((kernels.PAIRS.keys() | {"room"}) & called)
        lines = [
            '"""Training steps and predictions of',
            "",
            f"    {self.net!r}",
            f"    with {self.loss_fn!r} and {type(self.optimizer).__name__}",
            "",
            "written out by tn.compile. N is the number of rows in a batch; layer i turns its",
            "input into y{i}, and dy{i} is the derivative of the loss with respect to y{i}.",
            '"""',
            "",
            "import numpy as np",
            "",
            "from tinynet.kernels import (",
            *(f"    {name}," for name in used),
            ")",
            "from tinynet.kernels.jit.compile import jit",
            "",
            "",
            *body,
        ]
        return "\n".join(lines) + "\n"

    def _train(self) -> Lines:
        fixed = ["X, target, order, batch_size, first, last, losses, accuracies, weight, lr, t"]
        if self.scaled:
            fixed.append("scale")
        if self.scored:
            fixed.append("outputs")
        names = [name for name, _ in self.parameters]
        groups = [names, [f"d{name}" for name in names], list(self.memories)]
        if self.at_once:
            del groups[1]
        yield "@jit"
        yield "def train("
        yield from (f"    {line}," for line in fixed)
        yield from (f"    {', '.join(group)}," for group in groups if group)
        yield "):"
        yield '    """Train on batches first to last - 1, of one size; return how many it took."""'
        steps = [
            self._batch(),
            self._forward("x"),
            self._loss(),
            self._score(),
            self._backward(),
            self._guard(),
            self._update_block(),
        ]
        blocks = [list(block) for block in steps]
        yield "    # room for what a step works out, used again by the next one"
        yield "    N = min(batch_size, order.size - first * batch_size)"
        yield from (f"    {line}" for block in blocks for line in block if _makes_room(line))
        yield ""
        yield "    for batch in range(first, last):"
        for block in blocks:
            yield from (f"        {line}" for line in block if not _makes_room(line))
            yield ""
        yield "    return last - first"

    def _predict(self) -> Lines:
        names = ", ".join(name for name, _ in self.parameters)
        yield "@jit"
        yield f"def predict(x, {names}):"
        yield '    """The output for a batch, with nothing kept."""'
        yield "    N = x.shape[0]"
        yield from (f"    {line}" for line in self._forward("x"))
        yield f"    return y{len(self.widths) - 1}"

    def _batch(self) -> Lines:
        yield "# the batch"
        yield "rows = order[batch * batch_size : batch * batch_size + N]"
        yield self._empty("x", self.features)
        if self.scaled:
            yield "gather_scaled(X, rows, scale, x)  # x = X[rows] * scale"
        else:
            result = "x_squares = " if "x" in dict(self.at_once.values()) else ""
            yield f"{result}gather(X, rows, x)  # x = X[rows]"
        if self.probabilities:
            yield self._empty("probabilities", self.widths[-1])
            yield "gather(target, rows, probabilities)"
        else:
            yield "labels = np.empty(N, np.int64)"
            yield "for n in range(N):"
            yield "    labels[n] = target[rows[n]]"

    def _empty(self, name: str, width: int) -> str:
        return f"{name} = room(N, {width}, {self.cast})"

    def _forward(self, x: str) -> Lines:
        yield "# forward"
        for i, layer in self.layers:
            y, width = f"y{i}", self.widths[i]
            yield self._empty(y, width)
            if isinstance(layer, Linear):
                I = layer.W.data.shape[0]
                if layer.b is None:
                    yield f"b{i} = np.zeros({width}, {self.cast})"
                yield (
                    f"linear({x}, W{i}, b{i}, {y})  # {y} = {x} @ W{i} + b{i}: "
                    f"(N, {I}) @ ({I}, {width}) + ({width},)"
                )
            elif isinstance(layer, ReLU):
                yield f"relu({x}, {y})  # {y} = maximum({x}, 0)"
            elif isinstance(layer, Softmax):
                yield f"softmax({x}, {y})  # {y} = exp({x}) / exp({x}).sum()"
            else:
                yield f"log_softmax({x}, {y})  # {y} = {x} - log(exp({x}).sum())"
            x = y

    def _loss(self) -> Lines:
        loss_fn, C = self.loss_fn, self.widths[-1]
        y, ignored = f"y{len(self.widths) - 1}", f"np.int64({loss_fn.ignore_index})"
        yield "# loss"
        yield f"row_losses = np.empty(N, {self.cast})"
        if not isinstance(loss_fn, CrossEntropyLoss):
            yield f"counts = np.empty(N, {self.cast})"
            yield f"label_weights(labels, weight, {ignored}, counts)"
            yield f"nll({y}, labels, counts, row_losses)  # -counts * {y}[n, labels[n]]"
        else:
            yield self._empty("q", C)
            if self.probabilities:
                yield f"counts = np.ones(N, {self.cast})"
                yield f"probability_targets(probabilities, weight, {loss_fn.label_smoothing!r}, q)"
            else:
                yield f"counts = np.empty(N, {self.cast})"
                yield f"label_weights(labels, weight, {ignored}, counts)"
                yield f"label_targets(labels, weight, {ignored}, {loss_fn.label_smoothing!r}, q)"
            yield self._empty("log_probs", C)
            yield f"log_softmax({y}, log_probs)"
            yield "cross_entropy(log_probs, q, row_losses)  # -(q * log_probs).sum(axis=1)"
        if loss_fn.reduction == "mean":
            yield "loss = total(row_losses) / total(counts) if total(counts) != 0 else np.nan"
            yield f"share = np.empty(N, {self.cast})"
            yield "# if no row counts, there is no loss, and nothing to learn"
            yield "share[:] = 1.0 / total(counts) if total(counts) != 0 else 0.0"
        else:
            yield "loss = total(row_losses)"
            yield f"share = np.ones(N, {self.cast})"

    def _score(self) -> Lines:
        y = f"y{len(self.widths) - 1}"
        if self.scored:
            yield "# the outputs, for the score"
            yield f"outputs[(batch - first) * N : (batch - first + 1) * N] = {y}"
            return
        yield "# accuracy: right answers among the rows that count; NaN is no answer"
        yield "guesses = np.empty(N, np.int64)"
        yield f"most_likely({y}, guesses)  # {y}.argmax(axis=1)"
        if self.probabilities:
            yield "labels = np.empty(N, np.int64)"
            yield "most_likely(probabilities, labels)"
            counts = "probabilities[n].any()"
        else:
            counts = f"labels[n] != np.int64({self.loss_fn.ignore_index})"
        yield "counted, hits = 0, 0"
        yield "for n in range(N):"
        yield f"    if {counts}:"
        yield "        counted += 1"
        yield f"        hits += guesses[n] == labels[n] and not np.isnan({y}[n, guesses[n]])"

    def _backward(self) -> Lines:
        last, C = len(self.widths) - 1, self.widths[-1]
        yield "# backward; each gradient is written anew, so that there is nothing to set to zero"
        yield self._empty(f"dy{last}", C)
        if isinstance(self.loss_fn, NLLLoss):
            yield (
                f"nll_dx(share, labels, counts, dy{last}.shape[1], dy{last})"
                "  # -share * counts at the labels"
            )
        else:
            yield (
                f"cross_entropy_dx(share, log_probs, q, dy{last})"
                f"  # share * (softmax(y{last}) * q.sum() - q)"
            )
        first = self.linears[0][0]
        for i, layer in reversed(self.layers[first:]):
            x, dx, dy = (f"y{i - 1}" if i else "x"), f"dy{i - 1}", f"dy{i}"
            width = self.widths[i - 1] if i else self.features
            if isinstance(layer, Linear):
                if f"W{i}" not in self.at_once:
                    yield f"linear_dW({x}, {dy}, dW{i})  # dW{i} = {x}.T @ {dy}"
                if layer.b is not None:
                    if self.at_once:
                        yield f"db{i} = np.empty({self.widths[i]}, {self.cast})"
                    yield f"linear_db({dy}, db{i})  # db{i} = {dy}.sum(axis=0)"
            if i == first:
                break  # no parameter stands in front of it: nobody needs its dx
            yield self._empty(dx, width)
            if isinstance(layer, Linear):
                yield f"linear_dx({dy}, W{i}, {dx})  # {dx} = {dy} @ W{i}.T"
            elif isinstance(layer, ReLU):
                yield f"relu_dx({dy}, y{i}, {dx})  # {dx} = where(y{i} > 0, {dy}, 0)"
            elif isinstance(layer, Softmax):
                yield f"softmax_dx({dy}, y{i}, {dx})  # {dx} = y{i} * ({dy} - ({dy} * y{i}).sum())"
            else:
                yield f"log_softmax_dx({dy}, y{i}, {dx})  # {dx} = {dy} - exp(y{i}) * {dy}.sum()"

    def _guard(self) -> Lines:
        yield "# stop in front of a step that would spread NaN or inf"
        yield "if not ("
        counts = " or total(counts) == 0" if self.loss_fn.reduction == "mean" else ""
        yield f"    (np.isfinite(loss){counts})"
        for name, _ in self.parameters:
            if name in self.at_once:
                x, dy = self.at_once[name]
                size = f"squares({x})" if x != "x" or self.scaled else "x_squares"
                yield f"    and {size} * squares({dy}) < 1e76  # |{x}.T @ {dy}| < 1e38"
            else:
                yield f"    and all_finite(d{name})"
        yield "):"
        yield "    return batch - first"
        yield "losses[batch - first] = loss"
        if not self.scored:
            yield "accuracies[batch - first] = hits / counted * 100 if counted else np.nan"

    def _update_block(self) -> Lines:
        yield "# update"
        if isinstance(self.optimizer, Adam):
            yield "t += 1"
        yield from self._update_lines

    def _update(self, position: int, w: str) -> Lines:
        optimizer = self.optimizer
        g = f"d{w}"

        def memory(name: str) -> str:
            self.memories[f"{name}_{w}"] = Memory(position, name)
            return f"{name}_{w}"

        def summed(g: str, factor: float, other: str, result: str) -> Lines:
            yield f"{result} = np.empty_like({w})"
            yield f"add_scaled({g}, {other}, {factor!r}, {result})  # {g} + {factor:g} * {other}"

        if w in self.at_once:
            x, dy = self.at_once[w]
            equation = f"{w} -= lr * ({x}.T @ {dy})"
            if x == "x" and not self.scaled:
                yield "# meanwhile, the memory looks for the next batch"
                yield "following = order[(batch + 1) * batch_size : (batch + 1) * batch_size + N]"
                yield f"linear_descend_fetching({w}, {x}, {dy}, lr, X, following)  # {equation}"
            else:
                yield f"linear_descend({w}, {x}, {dy}, lr)  # {equation}"
            return
        if optimizer.maximize:  # type: ignore[attr-defined]
            yield f"up_{w} = -{g}"
            g = f"up_{w}"
        if isinstance(optimizer, SGD):
            if optimizer.weight_decay:
                yield from summed(g, optimizer.weight_decay, w, f"decayed_{w}")
                g = f"decayed_{w}"
            if optimizer.momentum:
                v = memory("velocity")
                share = 1 - optimizer.dampening
                yield f"track_velocity({v}, {g}, {optimizer.momentum!r}, {share!r})"
                if optimizer.nesterov:
                    yield from summed(g, optimizer.momentum, v, f"ahead_{w}")
                    g = f"ahead_{w}"
                else:
                    g = v
            yield f"descend({w}, {g}, lr)  # {w} -= lr * {g}"
            return
        if type(optimizer) is AdamW and optimizer.weight_decay:
            yield f"shrink({w}, 1 - lr * {optimizer.weight_decay!r})"
        elif optimizer.weight_decay:  # type: ignore[attr-defined]
            yield from summed(g, optimizer.weight_decay, w, f"decayed_{w}")  # type: ignore[attr-defined]
            g = f"decayed_{w}"
        direction = f"direction_{w}"
        if isinstance(optimizer, RMSprop):
            v = memory("square")
            yield f"track_square({v}, {g}, {optimizer.alpha!r})"
            if optimizer.centered:
                m = memory("mean")
                yield f"track_mean({m}, {g}, {optimizer.alpha!r})"
                yield f"spread_{w} = np.empty_like({w})"
                yield f"variance({v}, {m}, spread_{w})  # {v} - {m}**2"
                v = f"spread_{w}"
            yield f"{direction} = np.empty_like({w})"
            yield f"rmsprop_direction({g}, {v}, {optimizer.eps!r}, {direction})"
            if optimizer.momentum:
                b = memory("velocity")
                yield f"track_velocity({b}, {direction}, {optimizer.momentum!r}, 1.0)"
                direction = b
        elif isinstance(optimizer, Adam):
            m, v = memory("mean"), memory("square")
            beta1, beta2 = optimizer.betas
            yield f"track_mean({m}, {g}, {beta1!r})"
            yield f"track_square({v}, {g}, {beta2!r})"
            if optimizer.amsgrad:
                highest = memory("highest_square")
                yield f"track_highest({highest}, {v})"
                v = highest
            yield f"{direction} = np.empty_like({w})"
            yield (
                f"adam_direction({m}, {v}, t, {beta1!r}, {beta2!r}, {optimizer.eps!r}, {direction})"
            )
        yield f"descend({w}, {direction}, lr)  # {w} -= lr * {direction}"
