"""A whole training step of one network, written out as the straight-line code of its calls.

Each part's recorded calls stand one under the other: forward, loss, backward, update. What nobody
needs is left out, such as dx of the first layer. The arrays that a step works out are made once and
used again by the next step.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tinynet.compiler.part import Name, Part
from tinynet.compiler.recorded import Update
from tinynet.compiler.script import Row, Script, fused, needed, replaced
from tinynet.kernels import accumulate, all_finite, copied, gather, gather_scaled, squares
from tinynet.kernels.jit.kernel import Fusion
from tinynet.module import Module
from tinynet.support.types import Array

Lines = Iterator[str]


class Step(NamedTuple):
    """The recorded parts of a training step, and what they are given."""

    layers: list[tuple[Module, Part]]
    loss: Part
    updates: list[Update]
    features: int
    dtype: Any
    target: tuple[tuple[int, ...], Any]
    """Shape of one row's target, and its dtype."""


class Writer:
    """The source of the training steps of one network.

    Parameters
    ----------
    step : Step
    title : list of str
        What is trained, with what.
    scaled : bool
        Whether the loader converts its rows.
    scored : bool
        Whether the outputs are handed over to a score in Python.
    """

    def __init__(self, step: Step, title: list[str], scaled: bool, scored: bool) -> None:
        self.step, self.title, self.scaled, self.scored = step, title, scaled, scored
        self.script = script = Script()
        self.goal = "labels" if not step.target[0] else "targets"
        script.rooms["x"] = ((1, True), (step.features, False)), step.dtype
        script.rooms[self.goal] = ((1, True), *((n, False) for n in step.target[0])), step.target[1]
        script.shapes["x"] = f"(N, {step.features})"
        self._texts: dict[int, str] = {}
        self._names: list[dict[Name, str]] = []
        self._has_gradient: set[str] = set()
        self.forward = list(self._forward())
        names = {Name("input", "0"): self.y, Name("input", "1"): self.goal}
        self.loss_rows = script.rows(step.loss, "forward", names, "")
        self.loss = script.text(step.loss, step.loss.results["forward"], names, "")
        self.score_rows, self.score = list[Row](), ""
        if not scored and "score" in step.loss.calls:
            self.score_rows = script.rows(step.loss, "score", names, "")
            self.score = script.text(step.loss, step.loss.results["score"], names, "")
        script.foresee(step.loss, "backward", names, f"dy{len(step.layers) - 1}")
        self.backward = script.rows(step.loss, "backward", names, "")
        dy = script.text(step.loss, step.loss.results["backward"], names, "")
        self.backward += list(self._backward(dy))
        self.fusions: dict[str, Fusion] = {}
        self.bounds: dict[str, str] = {}
        self.update = [row for update in step.updates for row in self._update(update)]
        self._leave_out()
        self.names = self._handed_names()

    def _forward(self) -> Iterator[Row]:
        """The rows of all layers' forward; `y` is then the name of the output."""
        script, self.y = self.script, "x"
        for i, (layer, part) in enumerate(self.step.layers):
            names = script.hold(layer, part, i, self._texts) | {Name("input", "0"): self.y}
            script.foresee(part, "forward", names, f"y{i}")
            yield from script.rows(part, "forward", names, str(i))
            self.y = script.text(part, part.results["forward"], names, str(i))
            self._names.append(names)

    def _backward(self, dy: str) -> Iterator[Row]:
        for i, (_, part) in reversed(list(enumerate(self.step.layers))):
            names = self._names[i]
            names[Name("upstream", "0")] = dy
            self.script.foresee(part, "backward", names, f"dy{i - 1}" if i else "dx")
            for call in part.calls["backward"]:
                if call.kernel is accumulate:
                    self._foresee_gradient(part, names, *call.operands)
            for row in self.script.rows(part, "backward", names, str(i)):
                total, more = (row.arguments.get(name, "") for name in ("total", "more"))
                if row.kernel is not accumulate or total == more:
                    yield from [] if total else [row]
                elif total in self._has_gradient:
                    yield row
                else:  # each gradient is made anew: what is added first, it is
                    yield Row(copied, {"a": more, "y": total})
                self._has_gradient |= {total} - {""}
            dy = self.script.text(part, part.results["backward"], names, str(i))

    def _foresee_gradient(
        self, part: Part, names: dict[Name, str], gradient: Any, made: Any
    ) -> None:
        """What a part makes in order to add it to a gradient, is that gradient at once."""
        text = names[gradient.name]
        uses = [o for call in part.calls["backward"] for o in call.operands if o == made]
        alone = len(uses) == 2 and made.name not in names and made.name.role == "made"
        if alone and text not in self._has_gradient:
            self.script.make(text, part, made.name, names)
        elif text not in self.script.rooms:
            self.script.make(text, part, gradient.name, names)

    def _update(self, update: Update) -> list[Row]:
        w = self._texts[id(update.parameter)]
        rows = self.script.update_rows(update, w)
        found = fused([*self.forward, *self.loss_rows, *self.backward], rows, f"d{w}")
        if found is None:
            self.bounds[w] = f"{self.script.called(all_finite)}(d{w})"
            return rows
        row, self.fusions[w] = found
        bound = self.fusions[w].finite_if
        self.bounds[w] = replaced(bound, row.arguments)
        self.script.called(squares)
        return [row]

    def _leave_out(self) -> None:
        """Keep what leads to the loss, the score, new weights or what a layer remembers."""
        lasting = set(self.script.given)
        blocks = self.forward, self.loss_rows, self.score_rows, self.backward, self.update
        kept = {
            id(row)
            for row in needed([r for b in blocks for r in b], {self.loss, self.score}, lasting)
        }
        self.forward, self.loss_rows, self.score_rows, self.backward, self.update = (
            [row for row in block if id(row) in kept] for block in blocks
        )

    def source(self) -> str:
        """The module's source."""
        train = list(self._train())
        title = [
            "Training steps of",
            "",
            *(f"    {line}" for line in self.title),
            "",
            "written out by tn.compile. N is the number of rows in a batch; layer i turns its",
            "input into y{i}, and dy{i} is the derivative of the loss with respect to y{i}.",
        ]
        return self.script.module(title, ["", "", *train])

    def handed(self) -> list[Callable[[], Array]]:
        """How to get at the arrays that `train` is handed, in the order of `names`."""
        gradients = {
            f"d{self._texts[id(u.parameter)]}": u.parameter.accumulate for u in self.step.updates
        }
        return [(self.script.given | gradients)[name] for name in self.names]

    def _handed_names(self) -> list[str]:
        """The arrays that `train` is handed, in order."""
        used = {w for row in self._rows() for w in row.reads | row.writes}
        gradients = [] if self.fusions else [f"d{w}" for w in self.bounds]
        return [*(name for name in self.script.given if name in used), *gradients]

    def _rows(self) -> list[Row]:
        return [*self.forward, *self.loss_rows, *self.score_rows, *self.backward, *self.update]

    def _train(self) -> Lines:
        fixed = ["X, target, order, batch_size, first, last, all_losses, all_scores, lr, t"]
        fixed += ["scale"] * self.scaled + ["outputs"] * self.scored
        names = self.names
        used = {w for row in self._rows() for w in row.reads | row.writes}
        blocks = [
            ["# the batch", *self._batch()],
            ["# forward", *self._lines(self.forward)],
            ["# loss", *self._lines(self.loss_rows)],
            ["# score", *self._score()],
            [
                "# backward; each gradient is written anew: there is nothing to set to zero",
                *self._lines(self.backward),
            ],
            ["# stop in front of a step that would spread NaN or inf", *self._guard()],
            ["# update", *(["t += 1"] if self._counts() else []), *self._moves()],
        ]
        yield "@jit"
        yield "def train("
        yield from (f"    {line}," for line in fixed)
        yield from (f"    {group}," for group in grouped(names))
        yield "):"
        yield '    """Train on batches first to last - 1, of one size; return how many it took."""'
        yield "    # room for what a step works out, used again by the next one"
        yield "    N = min(batch_size, order.size - first * batch_size)"
        for name in self.script.rooms:
            if name not in names and name in {"x", self.goal, *used}:
                yield f"    {self.script.room_line(name)}"
        yield ""
        yield "    for batch in range(first, last):"
        for block in blocks:
            yield from (f"        {line}" for line in block)
            yield ""
        yield "    return last - first"

    def _batch(self) -> Lines:
        call = self.script.called
        yield "rows = order[batch * batch_size : batch * batch_size + N]"
        if self.scaled:
            yield f"{call(gather_scaled)}(X, rows, scale, x)  # x = X[rows] * scale"
        else:
            result = "x_squares = " if "x_squares" in " ".join(self._bounds()) else ""
            yield f"{result}{call(gather)}(X, rows, x)  # x = X[rows]"
        if len(self.step.target[0]) == 1:
            yield f"{call(gather)}(target, rows, {self.goal})"
        else:
            yield "for n in range(N):"
            yield f"    {self.goal}[n] = target[rows[n]]"

    def _lines(self, rows: list[Row]) -> Lines:
        for row in rows:
            yield self.script.line(row)
            if row.looked_at is not None:
                yield f"if {row.result} != {row.looked_at!r}:"
                yield "    return batch - first"

    def _score(self) -> Lines:
        if self.scored:
            yield f"outputs[(batch - first) * N : (batch - first + 1) * N] = {self.y}"
        yield from map(self.script.line, self.score_rows)

    def _bounds(self) -> list[str]:
        bounds = list(self.bounds.values())
        return bounds if self.scaled else [b.replace("squares(x)", "x_squares") for b in bounds]

    def _guard(self) -> Lines:
        yield "if not ("
        yield f"    np.isfinite({self.loss})"
        yield from (f"    and {bound}" for bound in self._bounds())
        yield "):"
        yield "    return batch - first"
        yield f"all_losses[batch - first] = {self.loss}"
        if self.score:
            yield f"all_scores[batch - first] = {self.score}"

    def _counts(self) -> bool:
        return any("t" in row.arguments.values() for row in self.update)

    def _moves(self) -> Lines:
        for row in self.update:
            fusion = next((f for f in self.fusions.values() if f.into is row.kernel), None)
            if fusion is None or self.scaled or row.arguments["x"] != "x":
                yield self.script.line(row)
                continue
            yield "# meanwhile, the memory looks for the next batch"
            yield "following = order[(batch + 1) * batch_size : (batch + 1) * batch_size + N]"
            more = {"X": "X", "rows": "following"}
            yield self.script.line(Row(fusion.ahead, row.arguments | more))


def grouped(names: list[str]) -> Lines:
    """Names in lines of source that are not too long."""
    for start in range(0, len(names), 8):
        yield ", ".join(names[start : start + 8])
