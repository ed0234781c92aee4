"""A whole training step of one network, written out as the straight-line code of its calls.

Each part's recorded calls stand one under the other: forward, loss, backward, update. What nobody
needs is left out, such as dx of the first layer. The arrays that a step works out are made once and
used again by the next step.
"""

import math
import re

from tinynet.compiler.part import Name, Part
from tinynet.compiler.recorded import Layer, Updates
from tinynet.compiler.script import Code, Row, Script, needed, replaced, shape_text
from tinynet.kernels import accumulate, all_finite, copied, gather, gather_scaled, squares
from tinynet.kernels.jit.kernel import FUSED, Fusion, Kernel
from tinynet.module import Module
from tinynet.support.types import Array

TRAIN = """
for batch in range(first, last):
    # the batch
    rows = order[batch * batch_size : batch * batch_size + N]
    {gathering}

    # forward
    {forward}

    # loss
    {loss}

    # score
    {score}

    # backward; each gradient is written anew: there is nothing to set to zero
    {backward}

    # stop in front of a step that would spread NaN or inf
    if not (
        {finite}
    ):
        return batch - first
    {results}

    # update
    {update}

return last - first"""


def write_train(
    layers: list[Layer],
    loss: Part,
    loss_fn: Module,
    updates: Updates,
    targets: Array,
    scaled: bool,
    scored: bool,
    title: list[str],
) -> tuple[Code, bool]:
    """Write out the training steps of what `title` says, for such targets.

    Whether the loader converts its rows, is `scaled`; `scored`, whether the outputs are handed over
    to a score in Python. The second result says whether all gradients are kept: not if some are
    never worked out.
    """
    script, goal = Script(), "targets" if targets.ndim > 1 else "labels"
    script.take("x", layers[0].inputs, layers[0].dtype)
    script.take(goal, targets.shape[1:], targets.dtype)
    placed = [script.hold(one.recorded, one.module, str(i)) for i, one in enumerate(layers)]
    forward, y = script.forward(placed)
    its = script.hold(loss, loss_fn)
    its.names.update({Name("input", "0"): y, Name("input", "1"): goal})
    losses, value = script.rows(its, "forward", "loss")
    scores, score = list[Row](), ""
    if not scored and "score" in loss.calls:
        scores, score = script.rows(its, "score", "score")
    backward, dy = script.rows(its, "backward", f"dy{len(layers) - 1}")
    backward = _made_anew(backward + script.backward(placed, dy)[0], script)

    moved = {script.parameters[p]: p for p in updates.parameters}
    update, finite, fusions = list[Row](), [f"np.isfinite({value})"], dict[Kernel, Fusion]()
    for position, w in enumerate(moved):
        rows = script.update(updates, position, w)
        bound = f"{script.called(all_finite)}(d{w})"
        if found := _fused([*forward, *losses, *backward], rows, f"d{w}"):
            rows, fusion = [found[0]], found[1]
            fusions[fusion.into] = fusion
            bound = replaced(fusion.finite_if, rows[0].arguments)
            script.called(squares)
        update += rows
        finite.append(f"and {bound}")

    every = [*forward, *losses, *scores, *backward, *update]
    kept = {id(row) for row in needed(every, {value, score} - {""}, {*script.given})}
    if not fusions:
        script.given |= {f"d{w}": parameter.accumulate for w, parameter in moved.items()}

    def lines(rows: list[Row]) -> list[str]:
        return script.lines([row for row in rows if id(row) in kept], ["return batch - first"])

    outputs = [f"outputs[(batch - first) * N : (batch - first + 1) * N] = {y}"]
    takes = ["X", "target", "order", "batch_size", "first", "last", "all_losses", "all_scores"]
    script.function(
        "train",
        [*takes, "lr", "t", *["scale"] * scaled, *["outputs"] * scored],
        _filled(
            TRAIN,
            gathering=_gathering(script, scaled, goal, finite),
            forward=lines(forward),
            loss=lines(losses),
            score=[*outputs * scored, *lines(scores)],
            backward=lines(backward),
            finite=finite,
            results=[f"all_losses[batch - first] = {value}"]
            + [f"all_scores[batch - first] = {score}"] * bool(score),
            update=_moves(script, update, {} if scaled else fusions),
        ),
        N="min(batch_size, order.size - first * batch_size)",
    )
    code = script.compiled(
        [
            *("Training steps of", "", *(f"    {line}" for line in title), ""),
            "written out by tn.compile: train takes a step by each batch, first to last - 1, of",
            "N rows, and returns how many it took. Layer i turns its input into y{i}, and dy{i} is",
            "the derivative of the loss with respect to y{i}.",
        ]
    )
    return code, not fusions


def _made_anew(rows: list[Row], script: Script) -> list[Row]:
    """Each gradient is made anew in each step: what is added to it first, it is."""
    gradients, result = {f"d{w}" for w in script.parameters.values()}, list[Row]()
    for row in rows:
        total, more = (row.arguments.get(name, "") for name in ("total", "more"))
        uses = [other for other in rows if more in other.reads | other.writes]
        is_first = not any(total in other.writes for other in result)
        if row.kernel is not accumulate or total not in gradients or not is_first:
            result.append(row)
        elif len(uses) == 2 and more in uses[0].writes:  # nobody else needs it
            result = [other.renamed(more, total) for other in result]
        else:
            result.append(Row(copied, {"a": more, "y": total}))
    return result


def _fused(rows: list[Row], update: list[Row], gradient: str) -> tuple[Row, Fusion] | None:
    """The one row that makes a gradient and descends along it, if there is a kernel for both."""
    makers = [row for row in rows if gradient in row.writes]
    if len(update) != 1 or len(makers) != 1:
        return None
    maker, step = makers[0], update[0]
    fusion = FUSED.get((maker.kernel, step.kernel))
    if fusion is None or any(gradient in row.reads for row in rows):
        return None
    into, (moved,) = fusion.into, step.kernel.updates
    known = maker.arguments | step.arguments | {into.parameters[0]: step.arguments[moved]}
    return Row(into, {name: known[name] for name in into.parameters}), fusion


def _gathering(script: Script, scaled: bool, goal: str, finite: list[str]) -> list[str]:
    """The lines that fetch a batch; in `finite`, the squares of x are those that one gives."""
    row = script.arrays["x"][0][1:]
    flat = shape_text(((1, True), (math.prod(n for n, _ in row), False)))
    into = "x" if len(row) == 1 else f"x.reshape({flat})"
    if scaled:
        x = f"{script.called(gather_scaled)}(X, rows, scale, {into})  # x = X[rows] * scale"
    else:
        told = "x_squares = " * any("squares(x)" in bound for bound in finite)
        finite[:] = [bound.replace("squares(x)", "x_squares") for bound in finite]
        x = f"{told}{script.called(gather)}(X, rows, {into})  # x = X[rows]"
    return [x, "for n in range(N):", f"    {goal}[n] = target[rows[n]]"]


def _moves(script: Script, update: list[Row], fusions: dict[Kernel, Fusion]) -> list[str]:
    """The lines of all parameters' steps."""
    lines = ["for n in range(t.size):", "    t[n] += 1"] * any("t" in row.reads for row in update)
    for row in update:
        if row.kernel in fusions and row.arguments["x"] == "x":
            lines += [
                "# meanwhile, the memory looks for the next batch",
                "following = order[(batch + 1) * batch_size : (batch + 1) * batch_size + N]",
            ]
            more = {"X": "X", "rows": "following"}
            row = Row(fusions[row.kernel].ahead, row.arguments | more)
        lines += script.lines([row])
    return lines


def _filled(template: str, **blocks: list[str]) -> list[str]:
    """The lines of a template, with lines where a name stands, indented like that."""
    for name, lines in blocks.items():
        found = re.search(rf"^( *){{{name}}}(,?)$", template, re.MULTILINE)
        assert found is not None
        block = "\n".join(f"{found[1]}{line}{found[2]}" for line in lines)
        template = template.replace(found[0], block, 1)
    return template.split("\n")
