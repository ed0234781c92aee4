"""The planted bugs: small edits of tinynet's own source, each of which some test must find.

By file: every bug is one text, which stands in the file exactly once, and the text in its place.
They are mistakes that people make: `=` for `+=`, a forgotten 1/N, a sign, a stale cache, an
epsilon in the wrong place. ``TESTS`` says which tests are run for the bugs of a file.
"""

from typing import NamedTuple


class Bug(NamedTuple):
    """An edit of one file: `old` becomes `new`."""

    name: str
    what: str
    old: str
    new: str


BUGS: dict[str, tuple[Bug, ...]] = {
    "workbook/children.py": (
        Bug(
            "workbook-what-it-started-lives",
            "a program that an exercise has started goes on",
            "os.killpg(self.process.pid, signal.SIGKILL)",
            "os.kill(self.process.pid, signal.SIGKILL)",
        ),
        Bug(
            "workbook-killed-is-slow",
            "a process that was killed is told as one that takes too long",
            "words = too_long(limit) if self.late else",
            "words = too_long(limit) if code == -9 else",
        ),
        Bug(
            "workbook-floods-the-disk",
            "what an exercise prints has no bound",
            "resource.setrlimit(resource.RLIMIT_FSIZE, (FILE, FILE))",
            "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
        ),
    ),
    "workbook/folder.py": (
        Bug(
            "workbook-overwritten",
            "writing a workbook overwrites what the learner wrote",
            'open(self.path / name, "x", encoding="utf-8") as file',
            'open(self.path / name, "w", encoding="utf-8") as file',
        ),
        Bug(
            "workbook-deleted-stays-deleted",
            "what an exercise deletes is named, and not put back",
            "(self.path / name).write_bytes(files[name])",
            "(self.path / name).parent",
        ),
        Bug(
            "workbook-hint-stays-the-first",
            "the first hint is given again and again",
            'min(entry.get("hints", 0) + 1, len(exercise.rung.hints))',
            "min(1, len(exercise.rung.hints))",
        ),
    ),
    "workbook/loading.py": (
        Bug(
            "workbook-later-is-earlier",
            "an exercise finds what a later one defines",
            "if NAME.fullmatch(file.name) and file.name[:2] < path.name[:2]",
            'if NAME.fullmatch(file.name) and file.name[:2] > "00"',
        ),
    ),
    "cli/workbook.py": (
        Bug(
            "workbook-always-right",
            "a check ends with code 0, whatever is wrong",
            "return 0 if all(result.state == RIGHT for result in ordered) else 1",
            "return 0",
        ),
    ),
    "workbook/proof.py": (
        Bug(
            "workbook-tolerates-all",
            "a number may be off by any factor",
            "far = ~(np.abs(array - right) <= allowed)",
            "far = ~(np.abs(array - right) <= 1e9 * allowed)",
        ),
        Bug(
            "workbook-blind-to-changes",
            "an argument that is changed in place is not seen",
            "    if outcome.changed:\n",
            "    if outcome.changed and outcome.error:\n",
        ),
        Bug(
            "workbook-names-by-the-smallest",
            "a mistake is compared on the smallest example alone",
            "Counterexample(example, outcome, difference, [smallest, *others])",
            "Counterexample(example, outcome, difference, [smallest])",
        ),
    ),
    "workbook/words.py": (
        Bug(
            "workbook-names-what-does-not-show",
            "a mistake in a part that the claim does not use is named",
            "for base in (right, parts):\n"
            "            if _fits(claim, with_parts(base, mistake.parts), found) and _shows(\n"
            "                claim, with_parts(right, mistake.parts), found\n"
            "            ):",
            "for base in (right, parts):\n"
            "            if _fits(claim, with_parts(base, mistake.parts), found):",
        ),
    ),
    "workbook/examples.py": (
        Bug(
            "workbook-differences-halved",
            "the wide difference is divided by half of its step",
            "/ (4 * STEP)",
            "/ (2 * STEP)",
        ),
    ),
    "workbook/grading.py": (
        Bug(
            "workbook-numpy-may-be-replaced",
            "a function of NumPy may be replaced",
            "changed = list(replaced(before))",
            "changed = list[str]()",
        ),
    ),
    "layers/averages.py": (
        Bug(
            "running-variance-biased",
            "the running variance is that of the batches, and not of what they are drawn from",
            "(self.running_var, unbiased)",
            "(self.running_var, var)",
        ),
        Bug(
            "evaluation-by-the-batch",
            "evaluation goes by the batch, as learning does",
            "return self.training or self.running_mean is None",
            "return True",
        ),
    ),
    "layers/normalization.py": (
        Bug(
            "evaluation-tracks",
            "a forward in evaluation goes into the running averages",
            "if self.training and self.track_running_stats:\n"
            "            self._track(mean, var, len(x))",
            "if self.track_running_stats:\n            self._track(mean, var, len(x))",
        ),
        Bug(
            "pictures-for-positions",
            "the unbiased variance of a channel counts its pictures, not all of its positions",
            "self._track(mean, var, N * H * W)",
            "self._track(mean, var, N)",
        ),
    ),
    "kernels/channels.py": (
        Bug(
            "channel-half-folded",
            "folding a channel's sum ends at two numbers, of which one is taken",
            "while size > 1:",
            "while size > 2:",
        ),
        Bug(
            "channel-mean-over-pictures",
            "the mean of a channel is its sum by the number of pictures",
            "mean[c] = _folded(totals) / (N * positions)",
            "mean[c] = _folded(totals) / N",
        ),
        Bug(
            "channel-dx-without-the-variance",
            "nothing comes back through the variance of a channel",
            "mean - zs[n, c, i] * slope)",
            "mean)",
        ),
    ),
    "kernels/convolution.py": (
        Bug(
            "taps-turned",
            "the first tap of a row meets what the last one should",
            "total = fma(w[o, c, k, l], number, total)",
            "total = fma(w[o, c, k, L - 1 - l], number, total)",
        ),
        Bug(
            "way-back-without-padding",
            "what comes back lands where it would without padding",
            "if 0 <= row < y.shape[2] and 0 <= column < y.shape[3]:",
            "row += padding[0]\n"
            "                            if 0 <= row < y.shape[2] and 0 <= column < y.shape[3]:",
        ),
    ),
    "kernels/conv/layout.py": (
        Bug(
            "rows-again",
            "lanes without a picture hold one of the others, and dw counts it twice",
            "rows[n, m] if n < len(rows) else 0",
            "rows[n % len(rows), m]",
        ),
        Bug(
            "no-dilation-across",
            "taps lie beside each other, whatever the dilation",
            "column += dilation[1]",
            "column += 1",
        ),
    ),
    "kernels/conv/taps.py": (
        Bug(
            "first-taps-first",
            "what comes back is added in the order of taps, not of places",
            "grid.at[R - 1 - r] if r < R else grid.size\n"
            "        for o in range(O):\n            last_w[r, o] = w[o, R - 1 - r]",
            "grid.at[r] if r < R else grid.size\n"
            "        for o in range(O):\n            last_w[r, o] = w[o, r]",
        ),
        Bug(
            "bias-of-the-first-channels",
            "all channels begin with the biases of the first",
            "starts[r] = b[min(o + r, O - 1)]",
            "starts[r] = b[min(r, O - 1)]",
        ),
    ),
    "kernels/conv/places.py": (
        Bug(
            "last-places-left-out",
            "dw is summed without the last row of places",
            "rows = (i, min(i + at_once, grid.rows))",
            "rows = (i, min(i + at_once, grid.rows - 1))",
        ),
        Bug(
            "lanes-added-in-turn",
            "the lanes of a sum are added one after the other",
            "half = sums.shape[1] // 2\n",
            "sums[:, 0] += sums[:, -1]\n    sums[:, -1] = 0\n    half = sums.shape[1] // 2\n",
        ),
    ),
    "layers/convolution.py": (
        Bug(
            "db-is-a-mean",
            "the gradient of a bias is its mean over the pictures",
            "kernels.channel_sums(dy, db)  # db = dy.sum(axis=(0, 2, 3))",
            "kernels.channel_sums(dy / len(dy), db)",
        ),
    ),
    "layers/transposed_convolution.py": (
        Bug(
            "output-padding-of-a-stride",
            "output_padding may be the stride itself",
            "if more >= max(apart):",
            "if more > max(apart):",
        ),
        Bug(
            "transposed-without-its-padding",
            "the larger picture lacks its last rows and columns",
            "            + self.output_padding[axis]\n",
            "",
        ),
    ),
    "kernels/columns.py": (
        Bug(
            "eps-outside-the-root",
            "eps is added to the deviation, not to the variance",
            "1 / np.sqrt(np.float64(var[c]) + eps)",
            "1 / (np.sqrt(np.float64(var[c])) + eps)",
        ),
        Bug(
            "variance-over-n-less-1",
            "the variance that normalises is the unbiased one",
            "        var[c] = totals[c] / x.shape[0]",
            "        var[c] = totals[c] / (x.shape[0] - 1)",
        ),
        Bug(
            "dx-without-its-mean",
            "nothing comes back through the mean",
            "(dz[n, c] - means[c] - z",
            "(dz[n, c] - z",
        ),
        Bug(
            "dx-without-the-variance",
            "nothing comes back through the variance",
            " - z[n, c] * slopes[c]) * inverses",
            " - 0 * slopes[c]) * inverses",
        ),
        Bug(
            "momentum-of-the-past",
            "momentum is the share of the past, as an optimizer's",
            "running[c] = (1 - momentum) * running[c] + momentum * latest[c]",
            "running[c] = momentum * running[c] + (1 - momentum) * latest[c]",
        ),
    ),
    "support/standing.py": (
        Bug(
            "averages-may-be-infinite",
            "a step that makes a running average infinite is taken",
            "if isinstance(value, np.ndarray) and not np.isfinite(value).all():",
            "if value is None and np.isnan(1):",
        ),
        Bug(
            "buffers-stay-moved",
            "buffers stay as a forward of the gradient check, or a refused step, has moved them",
            "                now[...] = value  # compiled",
            "                value[...] = now  # compiled",
        ),
        Bug(
            "generators-stay-moved",
            "generators are not put back, so that each forward of the check draws anew",
            "            put_to(generator, stand)\n",
            "            stand_of(generator)\n",
        ),
    ),
    "layers/pooling.py": (
        Bug(
            "stride-of-one",
            "without a stride windows move by one, and not by their size",
            "kernel_size if stride is None else stride\n        self.padding = padding\n",
            "1 if stride is None else stride\n        self.padding = padding\n",
        ),
        Bug(
            "padding-of-a-whole-window",
            "the padding may be as large as the window",
            "(d * (k - 1) + 1) // 2",
            "d * (k - 1) + 1",
        ),
        Bug(
            "pads-before-alone",
            "ONNX is told the padding above and left as that below and right, too, and that is 0",
            '"pads": lambda layer: layer.padding * 2,\n        "dilations"',
            '"pads": lambda layer: (*layer.padding, 0, 0),\n        "dilations"',
        ),
    ),
    "kernels/pooling.py": (
        Bug(
            "the-last-of-equals-wins",
            "of equal numbers the last wins",
            "wins = (numbers[i] > best[i])",
            "wins = (numbers[i] >= best[i])",
        ),
        Bug(
            "nan-does-not-win",
            "NaN is passed over",
            " | (numbers[i] != numbers[i])",
            " | (numbers[i] == np.inf)",
        ),
        Bug(
            "padding-wins",
            "beyond the border there is 0, which wins over negative numbers",
            "        padded[i] = -np.inf",
            "        padded[i] = 0",
        ),
        Bug(
            "won-in-the-padded-picture",
            "the place of what won is that in the padded picture",
            "_keep_larger(numbers, bases, h * W + w, best, places)",
            "_keep_larger(numbers, bases, h * columns + w, best, places)",
        ),
        Bug(
            "nan-in-a-window-of-four",
            "the short way, in which NaN does not win, is taken for every picture",
            "if four and not _has_nan(picture):",
            "if four:",
        ),
        Bug(
            "column-of-the-upper-row",
            "the place of what won is in the column of the upper row's larger number",
            "row * (np.int32(W) + below - above)",
            "row * np.int32(W)",
        ),
        Bug(
            "windows-that-overlap-overwrite",
            "what comes back from another window is lost: = for +=",
            "plane[winners[i]] += upstream",
            "plane[winners[i]] = upstream",
        ),
        Bug(
            "mean-forgets-its-count",
            "backward hands on dy, and not its share",
            "shares[i] = upstream[i] / sizes[i]",
            "shares[i] = upstream[i]",
        ),
        Bug(
            "mean-over-the-whole-window",
            "where padding does not count, the mean is over the whole window all the same",
            "            if count_include_pad:\n",
            "            if count_include_pad or rows:\n",
        ),
    ),
    "layers/shape.py": (
        Bug(
            "flatten-leaves-the-last-axis",
            "end_dim is the first axis that is not laid end to end, as the end of a slice is",
            "math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])",
            "math.prod(x.shape[start:end]), *x.shape[end:])",
        ),
        Bug(
            "unflatten-does-not-fill-in",
            "a size of -1 is taken for the length of the whole axis",
            "size // known if n == -1",
            "size if n == -1",
        ),
        Bug(
            "unflatten-hands-back-its-own-dy",
            "backward gives dy in the shape that it came in",
            "# dx = dy.reshape(N, C * H * W)\n        return dx",
            "# dx = dy.reshape(N, C * H * W)\n        return dy",
        ),
        Bug(
            "reshape-of-a-fixed-number-of-rows",
            "the shape that ONNX is told holds the rows of the trial input",
            "[0 if axis % x.ndim else -1, *shape[1:]]",
            "[*shape]",
        ),
    ),
    "layers/dropout.py": (
        Bug(
            "dropout-in-evaluation",
            "what is dropped as it learns is dropped in evaluation, too",
            "        if self.training:\n            mask",
            "        if self.p < 1:\n            mask",
        ),
        Bug(
            "dy-not-masked",
            "backward passes all gradients",
            "kernels.multiply(dy, *kept, dx)",
            "kernels.copied(dy, dx)",
        ),
    ),
    "kernels/masks.py": (
        Bug(
            "mask-not-scaled",
            "what is kept is not multiplied by 1 / (1 - p)",
            "kept = mask.dtype.type(1 / (1 - p) if p < 1 else 0)",
            "kept = mask.dtype.type(1 if p < 1 else 0)",
        ),
        Bug(
            "kept-and-dropped-exchanged",
            "a number is kept with probability p",
            "_11 >= first_kept else 0",
            "_11 < first_kept else 0",
        ),
        Bug(
            "first-number-twice",
            "each call begins with the last number of the one before",
            "state[0] = start + np.uint64(mask.size) * STEP",
            "state[0] = start + np.uint64(mask.size - 1) * STEP",
        ),
    ),
    "support/modes.py": (
        Bug(
            "predict-trains",
            "layers that ask within predict are told the network's mode",
            "return self._training and not calls.predicting",
            "return self._training",
        ),
        Bug(
            "mode-noted",
            "a network that was in evaluation differs from one that never was",
            "            vars(self).pop(MODE, None)",
            "            vars(self)[MODE] = True",
        ),
        Bug(
            "own-train-passed-over",
            "train sets the layers within, whatever their own train does",
            "                child.train(mode)\n                continue\n",
            "                pass\n",
        ),
    ),
    "runs/rehearsal.py": (
        Bug(
            "last-row-alone",
            "fit finds out in the last batch of an epoch that it is a row too few",
            "if size > 1 and (left != 1 or loader.drop_last):",
            "if size > 1:",
        ),
        Bug(
            "machines-on-their-own",
            "parts of a batch may each have their own mean on a cluster",
            "learning = [module for module in asked if module._training]",
            "learning = list[Module]()",
        ),
        Bug(
            "evaluation-trained",
            "fit takes a network in evaluation mode without a word",
            "if not run.net._training:",
            "if run.net is None:",
        ),
    ),
    "kernels/products.py": (
        Bug(
            "bias-left-out",
            "y starts from 0 instead of b",
            "affine(x, W, b.reshape(1, -1), 1.0, y)",
            "affine(x, W, 0 * b.reshape(1, -1), 1.0, y)",
        ),
        Bug(
            "db-onto-garbage",
            "db is added to whatever the new array holds",
            "    db[:] = 0\n",
            "",
        ),
    ),
    "kernels/steps.py": (
        Bug(
            "step-at-once-in-two-blocks",
            "a step at once rounds after every 64 rows, where gradient and step round once",
            "x.shape[0] <= BLOCK:\n        affine(",
            "x.shape[0] <= 2 * BLOCK:\n        affine(",
        ),
        Bug(
            "fetching-step-has-too-few-bits",
            "a step that asks for the next batch rounds after every 64 rows",
            "x.shape[0] <= BLOCK:\n        affine_alone(",
            "x.shape[0] <= 2 * BLOCK:\n        affine_alone(",
        ),
    ),
    "kernels/gemm/loops.py": (
        Bug(
            "nan-weights-seen-by-zeros",
            "0 * NaN spoils a full row, or one of two rows where the other is not zero",
            "finite = look and is_finite(panel)",
            "finite = look",
        ),
        Bug(
            "zeros-not-looked-for",
            "0 * NaN spoils a block that only looked full",
            "elif not marked:",
            "elif False:",
        ),
        Bug(
            "full-rows-known-by-their-zeros",
            "the last rows of a full block meet NaN in a later panel, zeros and all",
            "                        marked = False\n",
            "",
        ),
        Bug(
            "last-full-rows-without-their-last",
            "the last number of the last rows of a full block is left out",
            "np.uint64(BLOCK - block.shape[1])",
            "np.uint64(BLOCK - block.shape[1] + 1)",
        ),
        Bug(
            "block-start",
            "every block of a long sum starts over at its first number",
            "block = rows[:, k : k + BLOCK]",
            "block = rows[:, : min(BLOCK, K - k)]",
        ),
        Bug(
            "later-blocks-replace",
            "the last block of a long sum replaces those before it",
            "begun[:, columns] if k == 0 else",
            "begun[:, columns] if start.shape[0] == 1 else",
        ),
        Bug(
            "panel-of-the-block-before",
            "the panels of a long sum are all the last one, from the 97th row on",
            "if r == 0 or several:",
            "if r == 0 or J > BLOCK or K % BLOCK != 0:",
        ),
        Bug(
            "strip-start",
            "every strip of a wide sum starts from the biases of the first",
            "before = begun[:, columns] if k == 0",
            "before = begun[:, j - first :] if k == 0",
        ),
        Bug(
            "step-of-the-first-rows",
            "a step moves the first rows of W, over and over",
            "start if start.shape[0] == 1 else start[r : r + plan.rows]",
            "start",
        ),
        Bug(
            "narrow-step-unscaled",
            "a step of one row of W is as long as its gradient",
            "J < 16 and alpha == 1 and",
            "J < 16 and",
        ),
    ),
    "kernels/gemm/product.py": (
        Bug(
            "turned-hides-upstream",
            "a product taken the other way round skips NaN where a weight is zero",
            "is_better_turned(A, M) and is_finite(A if lies_in_rows(A) else A.T)",
            "is_better_turned(A, M)",
        ),
        Bug(
            "turned-spoiled-by-zeros",
            "in a product taken the other way round, 0 * NaN is NaN",
            "if is_finite(turned):",
            "if True:",
        ),
        Bug(
            "row-alone-spoiled-by-zeros",
            "for a single row of dy, 0 * NaN is NaN",
            "if is_finite(out):",
            "if True:",
        ),
        Bug(
            "rest-counted-twice",
            "what is in a whole block is added again with the rest",
            "x[0, K - size + n] if K - size + n >= whole else 0",
            "x[0, K - size + n]",
        ),
        Bug(
            "rest-left-out",
            "the last numbers of a row, which fill no block, are left out",
            "if k + BLOCK > K > whole:",
            "if k + BLOCK > whole > K:",
        ),
        Bug(
            "two-blocks-among-themselves",
            "the sums of two blocks are added up before they are added",
            "total = total + a + b",
            "total = total + (a + b)",
        ),
        Bug(
            "second-of-two-blocks",
            "the second of two blocks is multiplied by the numbers of the first",
            "b = add_rows(b, W, (i, n + BLOCK), x, (0, n + BLOCK))",
            "b = add_rows(b, W, (i, n + BLOCK), x, (0, n))",
        ),
    ),
    "kernels/gemm/tiles.py": (
        Bug(
            "last-rows-left-out",
            "rows that are left over after sixes or pairs are left out",
            "return R - (R - r) % np.uint64(rows)",
            "return R",
        ),
        Bug(
            "two-rows-by-the-first",
            "two rows are summed over the places where the first is not zero",
            "words[r] | words[r + step - np.uint64(1)]",
            "words[r]",
        ),
        Bug(
            "last-columns-left-out",
            "columns that fill no wide tile are left out",
            "for j in range(J // width * width, J, 16):",
            "for j in range(J // width * width, J - 16, 16):",
        ),
        Bug(
            "third-of-four-places",
            "a row alone takes the third of four weights in place of the fourth",
            "(k0, k1, k2, k3), sums",
            "(k0, k1, k2, k2), sums",
        ),
        Bug(
            "less-than-four-places",
            "a row alone forgets what is left over when its non-zeros are taken by fours",
            "while word != 0:\n            _add_along",
            "while False:\n            _add_along",
        ),
        Bug(
            "row-of-zeros-without-bias",
            "a row of zeros gets no bias",
            "elif word != 0 or into.start.shape[0] == 1:",
            "elif word != 0:",
        ),
        Bug(
            "narrow-blocks-replace",
            "a few rows of few results: the last block of a sum replaces those before it",
            "left, right = left + (a + zeros(M, 8)), right + (b + zeros(M, 8))",
            "left, right = a, b",
        ),
        Bug(
            "narrow-right-from-the-left",
            "a few rows of few results: the last eight start from the biases of the first",
            "load(start, (0, last), 8)",
            "load(start, (0, 0), 8)",
        ),
    ),
    "kernels/gemm/packing.py": (
        Bug(
            "copy-margin",
            "the last columns of M are missing from its copy",
            "for j in range(0, J, 16):",
            "for j in range(0, J - 15, 16):",
        ),
        Bug(
            "nan-in-the-last-columns",
            "0 * NaN spoils a full row, or one of a product taken the other way round",
            "        finite &= all_finite(some)",
            "        finite &= all_finite(some) or j > 0",
        ),
        Bug(
            "transpose-margin",
            "the last rows of W are missing from its transpose",
            "for k in range(0, K, 8):",
            "for k in range(0, K - 7, 8):",
        ),
    ),
    "kernels/gemm/masks.py": (
        Bug(
            "later-rows-of-dW",
            "dW does not hear of the rows from 33 to 64",
            "lanes.joined(low, high)",
            "lanes.joined(low, lanes.zeros(NO_MARKS, 16))",
        ),
    ),
    "kernels/simd/lanes.py": (
        Bug(
            "block-not-turned",
            "the blocks of W's transpose are not transposed themselves",
            "= a[i : i + 8, j : j + 8].T",
            "= a[i : i + 8, j : j + 8]",
        ),
    ),
    "kernels/simd/tile.py": (
        Bug(
            "rows-of-a-tile-alike",
            "every row of a tile gets the numbers of the first",
            "M[k, j : j + sums.shape[1]]\n    return np.stack([fma(A[r + i, k], row, sums[i])",
            "M[k, j : j + sums.shape[1]]\n    return np.stack([fma(A[r, k], row, sums[i])",
        ),
        Bug(
            "last-row-of-six",
            "the last of six rows gets the fifth one's numbers",
            "M[k, j : j + sums.shape[1]]\n    return np.stack([fma(A[r + i, k], row, sums[i])",
            "M[k, j : j + sums.shape[1]]\n"
            "    return np.stack([fma(A[r + min(i, 4), k], row, sums[i])",
        ),
        Bug(
            "tile-onto-one-row",
            "the rows of a tile are added to what is in the first of them",
            "start[min(r + i, len(start) - 1), columns]",
            "start[min(r, len(start) - 1), columns]",
        ),
        Bug(
            "last-column-of-a-tile",
            "a tile leaves out the last column that there is",
            "columns = slice(j, min(j + sums.shape[1], out.shape[1]))",
            "columns = slice(j, min(j + sums.shape[1], out.shape[1] - 1))",
        ),
    ),
    "kernels/activations.py": (
        Bug(
            "relu-mask-multiplied",
            "dy * (y > 0): 0 * NaN is NaN",
            "dx[i] = 0 if y[i] <= 0 else dy[i]",
            "dx[i] = dy[i] * (y[i] > 0)",
        ),
        Bug(
            "relu-slope-at-zero",
            "ReLU's slope at exactly 0 is 1",
            "dx[i] = 0 if y[i] <= 0 else",
            "dx[i] = 0 if y[i] < 0 else",
        ),
        Bug(
            "leaky-slope-at-zero",
            "LeakyReLU's slope at exactly 0 is 1",
            "dx[i] = dy[i] if x[i] > 0 else",
            "dx[i] = dy[i] if x[i] >= 0 else",
        ),
        Bug(
            "relu6-open-above",
            "ReLU6's slope at exactly 6 is 1",
            "y[i] <= 0 or y[i] >= 6",
            "y[i] <= 0 or y[i] > 6",
        ),
        Bug(
            "sigmoid-overflows",
            "exp(-x) overflows: far on the left, what is small becomes 0",
            "y[i] = (e if x[i] < 0 else one) / (one + e)",
            "y[i] = one / (one + np.exp(-x[i]))",
        ),
        Bug(
            "sigmoid-slope-half",
            "the slope of Sigmoid lacks its factor 1 - y",
            "dy[i] * y[i] * (one - y[i])",
            "dy[i] * y[i]",
        ),
        Bug(
            "tanh-digits-lost",
            "near 0, tanh loses its digits in 1 - exp(-2|x|)",
            "near = abs(x[i]) < number(0.625)",
            "near = abs(x[i]) < number(0.000625)",
        ),
        Bug(
            "tanh-square-missing",
            "the slope of tanh is 1 - y",
            "dy[i] * (one - y[i] * y[i])",
            "dy[i] * (one - y[i])",
        ),
    ),
    "kernels/rows.py": (
        Bug(
            "softmax-without-shift",
            "no maximum is subtracted: exp overflows",
            "y[n, c] = x[n, c] - highest\n    exponentials(y, y)",
            "y[n, c] = x[n, c]\n    exponentials(y, y)",
        ),
        Bug(
            "log-softmax-without-shift",
            "no maximum is subtracted: exp overflows",
            "y[n, c] = x[n, c] - highest\n    powers",
            "y[n, c] = x[n, c]\n    powers",
        ),
        Bug(
            "log-epsilon",
            "log(... + 1e-8)",
            "log_total = np.log(total)",
            "log_total = np.log(total + 1e-8)",
        ),
        Bug(
            "softmax-diagonal",
            "what a score does to the other probabilities is left out",
            "dx[n, c] = y[n, c] * (dy[n, c] - total)",
            "dx[n, c] = y[n, c] * (1 - y[n, c]) * dy[n, c]",
        ),
        Bug(
            "log-softmax-upstream-of-ones",
            "right only where dy is all ones",
            "dx[n, c] = dy[n, c] - dx[n, c] * total",
            "dx[n, c] = dy[n, c] - dx[n, c] * C",
        ),
    ),
    "kernels/losses.py": (
        Bug(
            "ignored-rows-count",
            "rows labelled ignore_index have a weight",
            "weights[n] = 0 if labels[n] == ignore_index else weight[labels[n]]",
            "weights[n] = weight[labels[n]]",
        ),
        Bug(
            "nll-sign",
            "the gradient of the negative log-likelihood is positive",
            "dx[n, labels[n]] = -dy[n] * weights[n]",
            "dx[n, labels[n]] = dy[n] * weights[n]",
        ),
        Bug(
            "ignored-rows-smoothed",
            "label smoothing gives ignored rows their share of every class",
            "            for c in range(weight.size):\n                q[n, c] = 0",
            "            for c in range(weight.size):\n                q[n, c] = share * weight[c]",
        ),
        Bug(
            "smoothing-over-the-others",
            "the share of label smoothing is divided by C - 1",
            "share, rest = q.dtype.type(smoothing / weight.size), ",
            "share, rest = q.dtype.type(smoothing / max(weight.size - 1, 1)), ",
        ),
        Bug(
            "smoothing-unweighted",
            "the smoothed part of class probabilities has no class weights",
            "q[n, c] = (rest * probabilities[n, c] + share) * weight[c]",
            "q[n, c] = rest * probabilities[n, c] * weight[c] + share",
        ),
        Bug(
            "targets-sum-to-one",
            "the gradient takes for granted that a row's targets sum to 1",
            "dx[n, c] = share * (dx[n, c] * total - q[n, c])",
            "dx[n, c] = share * (dx[n, c] - q[n, c])",
        ),
        Bug(
            "ignored-rows-spoil-the-gradient",
            "a row that does not count, but holds -inf, has a gradient of NaN",
            "            dx[n] = 0  # a row",
            "            pass  # a row",
        ),
        Bug(
            "targets-that-cancel",
            "a row whose targets sum to 0 is taken for one that does not count",
            "if total == 0 and not q[n].any():",
            "if total == 0:",
        ),
        Bug(
            "likely-after-nan",
            "a number after NaN counts as the largest",
            "            if np.isnan(highest):\n                break\n",
            "",
        ),
        Bug(
            "total-in-float32",
            "a sum is taken in the dtype of its numbers",
            "result = np.float64(0)",
            "result = values.dtype.type(0)",
        ),
        Bug(
            "label-range-by-one",
            "a label of C is allowed",
            "labels[n] < 0 or labels[n] >= classes",
            "labels[n] < 0 or labels[n] > classes",
        ),
        Bug(
            "mean-s-gradient-by-n",
            "the gradient of a mean over rows that count differently is divided by N",
            "share[:] = dy / count if",
            "share[:] = dy / counts.size if",
        ),
        Bug(
            "kernel-counts-ignored-rows",
            "rows that are ignored count as wrong answers",
            "        if counted[n] != 0:\n            count += 1\n            hits",
            "        count += 1\n        if counted[n] != 0:\n            hits",
        ),
        Bug(
            "kernel-takes-nan-for-a-class",
            "an output of NaN is taken for an answer",
            " and not np.isnan(y[n, guesses[n]])",
            "",
        ),
    ),
    "kernels/updates.py": (
        Bug(
            "accumulate-replaces",
            "a gradient replaces what was there",
            "total[i] += more[i]",
            "total[i] = more[i]",
        ),
        Bug(
            "squares-of-some",
            "what does not fill whole lanes is added, not squared",
            "+= values[i] * values[i]",
            "+= values[i]",
        ),
        Bug(
            "rmsprop-epsilon",
            "sqrt(v + eps) instead of sqrt(v) + eps",
            "(np.sqrt(v[i]) + guard)",
            "np.sqrt(v[i] + guard)",
        ),
        Bug(
            "adam-epsilon",
            "epsilon is corrected for the start as well",
            "(np.sqrt(v[i]) / start2 + guard)",
            "((np.sqrt(v[i]) + guard) / start2)",
        ),
        Bug(
            "amsgrad-latest",
            "the latest v takes the place of the largest one",
            "if v[i] > highest[i] or np.isnan(v[i]):",
            "if True:",
        ),
    ),
    "datasets/columns.py": (
        Bug(
            "label-last-unnoticed",
            "a file whose label stands last is read as digits that are all labelled 0",
            "no_labels = labels.max() >= MOST_CLASSES or bool((labels == 0).all())",
            "no_labels = False",
        ),
        Bug(
            "header-not-asked",
            "the label is taken from the first column, whatever the header says",
            "            return candidates[0]\n",
            "            return 0\n",
        ),
    ),
    "datasets/csv_files.py": (
        Bug(
            "fractions-cut",
            "a pixel of 7.9 is read as 7",
            "is_whole or not (numbers % 1).any()",
            "is_whole or numbers.size",
        ),
        Bug(
            "last-column-dropped",
            "where the label does not stand first, the last pixel is left out in its place",
            "np.delete(numbers, label, axis=1)",
            "numbers[:, :-1]",
        ),
        Bug(
            "line-in-its-part",
            "errors count lines from the start of each thousand",
            "next(_faults(lines, table, start))",
            "next(_faults(lines, table, 0))",
        ),
    ),
    "datasets/fitting.py": (
        Bug(
            "box-in-the-middle",
            "the middle of the box is centred, not the centre of mass",
            "centre = sums @ (edges[:-1] + 0.5) / sums.sum()",
            "centre = np.flatnonzero(sums)[[0, -1]].mean() + 0.5",
        ),
        Bug(
            "stretched",
            "height and width are scaled apart, so that a 1 becomes a block",
            "@ _means(columns, scale).T",
            "@ _means(columns, BOX / _extent(columns)).T",
        ),
    ),
    "datasets/ink.py": (
        Bug(
            "never-inverted",
            "light ink on dark paper is taken for paper",
            "    if not _dark_on_light(grey):\n",
            "    if False:\n",
        ),
        Bug(
            "paper-of-one-tone",
            "shadows are taken for ink",
            "ink = _paper(grey) - grey",
            "ink = grey.max() - grey",
        ),
    ),
    "datasets/pictures.py": (
        Bug(
            "camera-ignored",
            "a photograph taken with the camera turned lies on its side",
            "ImageOps.exif_transpose(image)",
            "ImageOps.grayscale(image) if image.getexif() else image",
        ),
    ),
    "datasets/download.py": (
        Bug(
            "archive-believed",
            "arrays in Keras' archive are taken without their SHA-256",
            'return _checked(source, array, f"{path}: {KERAS[name]}", name)',
            "return array",
        ),
        Bug(
            "packed-file-believed",
            "files of Fashion-MNIST are taken without their SHA-256",
            "    _compare(source, hashlib.sha256(content),",
            "    0 and _compare(source, hashlib.sha256(content),",
        ),
    ),
    "layers/linear.py": (
        Bug(
            "first-input-kept",
            "a second forward does not replace what the first one kept",
            "        self.keep(x)\n        b = ",
            "        if self._kept is None:\n            self.keep(x)\n        b = ",
        ),
        Bug(
            "rounded-to-float32",
            "float64 layers compute in float32",
            "y = np.empty((x.shape[0], W.shape[1]), W.dtype)",
            "y = np.empty((x.shape[0], W.shape[1]), np.float32)",
        ),
        Bug(
            "dW-assigned",
            "x.T @ dy replaces the gradient instead of being added to it",
            "self.W.accumulate(dW)  # .grad",
            "self.W.accumulate()[:] = dW  # .grad",
        ),
        Bug(
            "db-assigned",
            "dy.sum(axis=0) replaces the gradient instead of being added to it",
            "self.b.accumulate(db)  # .grad",
            "self.b.accumulate()[:] = db  # .grad",
        ),
        Bug(
            "tied-to-a-copy",
            "the transposed layer begins with the weights of the other, and goes its own way",
            "        layer.W = self.W\n",
            "        layer.W = Parameter(self.W.data)\n",
        ),
        Bug(
            "only-the-first-adds",
            "a transposed layer's part of the shared gradient is lost",
            "        self.W.accumulate(dW)\n",
            "        self.W.accumulate()\n",
        ),
    ),
    "init.py": (
        Bug(
            "fans-swapped",
            "fan_in of a Linear's W is taken for fan_out",
            "        return shape\n    field",
            "        return shape[::-1]\n    field",
        ),
        Bug(
            "init-drawn-transposed",
            "W is drawn as (I, O): other numbers than PyTorch's",
            "return draws.T if data.ndim == 2 else draws",
            "return draws.reshape(data.shape)",
        ),
        Bug(
            "gain-of-relu-1",
            "the rule for ReLU forgets that one half is cut off",
            '"relu": math.sqrt(2.0)}',
            '"relu": 1.0}',
        ),
    ),
    "layers/activations.py": (
        Bug(
            "relu-in-place",
            "ReLU writes over its input",
            "y = np.empty_like(x)\n        kernels.relu(x, y)",
            "y = x\n        kernels.relu(x, y)",
        ),
        Bug(
            "leaky-keeps-output",
            "LeakyReLU's backward is given y, whose sign a negative slope turns",
            "self.keep(x)",
            "self.keep(y)",
        ),
    ),
    "layers/softmax.py": (
        Bug(
            "softmax-keeps-input",
            "Softmax's backward is given x in place of y",
            "kernels.softmax(rows, y)  # y = exp(x) / exp(x).sum()\n        self.keep(y)",
            "kernels.softmax(rows, y)  # y = exp(x) / exp(x).sum()\n        self.keep(rows)",
        ),
    ),
    "layers/paths.py": (
        Bug(
            "add-returns-upstream",
            "Add hands back the very array that it was given",
            "return da, db",
            "return dy, dy",
        ),
    ),
    "kernels/errors.py": (
        Bug(
            "mse-without-two",
            "the derivative of a square lacks its 2",
            "twice = dy[n] * x.dtype.type(2)",
            "twice = dy[n]",
        ),
        Bug(
            "mse-upstream-of-first-row",
            "every row takes the first row's share of the gradient",
            "twice = dy[n] * x",
            "twice = dy[0] * x",
        ),
        Bug(
            "l1-slope-where-equal",
            "the slope of the absolute error is 1 where output and target are equal",
            "dy[n] * np.sign(x[n, d] - y[n, d])",
            "dy[n] * (1 if x[n, d] >= y[n, d] else -1)",
        ),
        Bug(
            "bce-not-clamped",
            "the logarithm of a probability of 0 is not held at -100",
            "yes, no = max(np.log(x[n, d]), -100.0)",
            "yes, no = np.log(x[n, d])",
        ),
        Bug(
            "bce-clamped-derivative",
            "BCELoss's gradient is the clamp's derivative: 0 at the ends",
            "max(x[n, d] * (one - x[n, d]), smallest)",
            "max(x[n, d] * (one - x[n, d]), one / one)",
        ),
        Bug(
            "logits-overflow",
            "log(1 + exp(-x)) as it stands overflows",
            "log = max(-x[n, d], 0) + np.log1p(np.exp(-abs(x[n, d])))",
            "log = np.log1p(np.exp(-x[n, d]))",
        ),
        Bug(
            "pos-weight-of-all",
            "pos_weight also counts for a no",
            "return 1 + (positive - 1) * y",
            "return positive",
        ),
        Bug(
            "weights-of-first-row",
            "weights that differ by row are read from the first",
            "dx[n, d] = dy[n] * weight[n % len(weight), d] * slope\n\n\ndef logits",
            "dx[n, d] = dy[n] * weight[0, d] * slope\n\n\ndef logits",
        ),
    ),
    "losses/over_numbers.py": (
        Bug(
            "numbers-mean-by-rows",
            "the mean is over rows, not over numbers",
            "kernels.fill(float(D), len(losses), counts)",
            "kernels.fill(1.0, len(losses), counts)",
        ),
        Bug(
            "numbers-broadcast",
            "a column and a row are compared as a square",
            "        if output.shape != target.shape:",
            "        if output.size != target.size:",
        ),
    ),
    "losses/loss.py": (
        Bug(
            "mean-without-n",
            "the mean's 1/N is left out of the gradient",
            '        if self.reduction == "mean":',
            "        if False:",
        ),
        Bug(
            "weighted-gradient-by-n",
            "the gradient of a weighted mean is divided by N",
            "kernels.row_mean_dx(float(dy), counts, share)",
            "kernels.fill(float(dy) / len(share), len(share), share)",
        ),
        Bug(
            "weighted-mean-by-n",
            "a weighted mean is divided by N",
            "return kernels.row_mean(losses, counts)",
            "return kernels.total(losses) / len(counts)",
        ),
        Bug(
            "upstream-ignored",
            "the loss's own upstream is taken for 1",
            "kernels.row_mean_dx(float(dy), counts, share)",
            "kernels.row_mean_dx(1.0, counts, share)",
        ),
    ),
    "losses/over_classes.py": (
        Bug(
            "label-range-unchecked",
            "labels out of range reach the kernels",
            "if first >= 0:",
            "if False:",
        ),
    ),
    "optim.py": (
        Bug(
            "dampening-at-the-first-step",
            "SGD's first velocity is dampened",
            'v = state["velocity"] = g.copy()',
            'v = state["velocity"] = _sum(g, -self.dampening, g)',
        ),
        Bug(
            "velocity-is-the-gradient",
            "SGD remembers the gradient's array instead of its values",
            'v = state["velocity"] = g.copy()',
            'v = state["velocity"] = g',
        ),
        Bug(
            "sgd-decay-beside-momentum",
            "SGD's weight decay does not go through the momentum",
            "            g = _sum(g, self.weight_decay, w)  # g + weight_decay * w\n",
            "            kernels.shrink(w, self.lr, self.weight_decay)\n",
        ),
        Bug(
            "nesterov-forgotten",
            "Nesterov's look ahead is left out",
            "g = _sum(g, self.momentum, v) if self.nesterov else v",
            "g = v",
        ),
        Bug(
            "betas-swapped",
            "each of Adam's means gets the other one's beta",
            "kernels.track_mean(m, g, self.betas[0])\n"
            "        kernels.track_square(v, g, self.betas[1])",
            "kernels.track_mean(m, g, self.betas[1])\n"
            "        kernels.track_square(v, g, self.betas[0])",
        ),
        Bug(
            "adam-counts-from-two",
            "Adam corrects its first step as if it were the second",
            'state.get("step", 0) + 1',
            'state.get("step", 1) + 1',
        ),
        Bug(
            "adamw-decay-in-the-gradient",
            "AdamW decays as Adam does",
            "        kernels.shrink(w, self.lr, self.weight_decay)\n        return g",
            "        return super()._decay(w, g)",
        ),
        Bug(
            "adamw-decay-without-lr",
            "AdamW's decay is not scaled by the learning rate",
            "kernels.shrink(w, self.lr, self.weight_decay)",
            "kernels.shrink(w, 1.0, self.weight_decay)",
        ),
        Bug(
            "maximize-after-the-decay",
            "Adam turns the sign of the weight decay, too",
            "        if self.maximize:\n"
            "            g = _negative(g)\n"
            "        if self.weight_decay:\n"
            "            g = self._decay(w, g)",
            "        if self.weight_decay:\n"
            "            g = self._decay(w, g)\n"
            "        if self.maximize:\n"
            "            g = _negative(g)",
        ),
        Bug(
            "zero-grad-keeps",
            "zero_grad leaves the gradients as they are",
            "parameter.grad[...] = 0",
            "parameter.grad[...] += 0",
        ),
    ),
    "module.py": (
        Bug(
            "backward-twice",
            "backward may be called twice after one forward",
            "        self._kept = None\n        return dy, *values",
            "        return dy, *values",
        ),
        Bug(
            "predict-keeps",
            "predict replaces what forward kept",
            "        if keeps():\n            self._kept, self._output = values, None",
            "        self._kept, self._output = values, None",
        ),
        Bug(
            "tied-weights-twice",
            "a parameter that two layers share is listed twice",
            "if id(parameter) not in seen:",
            "if True:",
        ),
        Bug(
            "pickle-not-its-own",
            "a parameter out of a pickle stands where the pickle put it, which may be read-only",
            "        self._data = on_cache_lines(self._data)\n",
            "",
        ),
        Bug(
            "frozen-yet-learning",
            "a frozen parameter is given its gradient, and steps go on",
            "        if not self._requires_grad:\n            return np",
            "        if self._requires_grad is None:\n            return np",
        ),
        Bug(
            "frozen-with-the-last-gradient",
            "the gradient of before moves a parameter that was frozen since",
            "np.zeros_like(self._data)) if flag else None",
            "np.zeros_like(self._data)) if flag else self._grad",
        ),
    ),
    "support/transforms.py": (
        Bug(
            "nan-from-a-transform",
            "NaN that a transform makes is blamed on the layers",
            "    if not np.isfinite(made).all():",
            "    if False:",
        ),
        Bug(
            "transform-of-the-data-set",
            "a transform may change the data set, and epochs go on from each other",
            "        data.flags.writeable = False",
            "        data.flags.writeable = True",
        ),
    ),
    "support/ties.py": (
        Bug(
            "untied-by-loading",
            "what is loaded has an array for each place, and they part ways in training",
            "holder[key] = places[first].parameter",
            "holder[key] = places[name].parameter",
        ),
    ),
    "formats/torch_ties.py": (
        Bug(
            "tied-once-copied-there",
            "PyTorch's modules begin with the same weights, and go their own ways",
            "setattr(other, attribute, shared)",
            "setattr(other, attribute, torch.nn.Parameter(shared.detach().clone()))",
        ),
        Bug(
            "ties-left-in-pytorch",
            "what PyTorch's modules share, layers do not",
            "groups.setdefault(id(parameter), [])",
            "groups.setdefault(len(groups), [])",
        ),
    ),
    "support/axes.py": (
        Bug(
            "axis-swapped",
            "the other axes come back in another order",
            "np.ascontiguousarray(np.moveaxis(x, axis, -1))",
            "np.ascontiguousarray(np.swapaxes(x, axis, -1))",
        ),
    ),
    "support/learned.py": (
        Bug(
            "eps-of-any-dtype",
            "an eps that is 0 in float32 is taken",
            'if name == "eps" and rounded == 0:',
            'if name == "eps" and value == 0:',
        ),
    ),
    "support/options.py": (
        Bug(
            "weight-not-copied",
            "the loss shares its class weights with the caller",
            "np.array(value, np.float64)",
            "np.asarray(value, np.float64)",
        ),
    ),
    "support/calls.py": (
        Bug(
            "upstream-of-any-shape",
            "backward takes a dy of another shape than the output's",
            "if dy.shape != shape:",
            "if False:",
        ),
        Bug(
            "inner-calls-unrecorded",
            "after a composed layer, the network around it records nothing more",
            "        mode.recording = outer\n",
            "        mode.recording = None\n",
        ),
        Bug(
            "watching-stays",
            "who watches layers still does so when the block has ended",
            "mode.watched = before",
            "pass",
        ),
    ),
    "support/state.py": (
        Bug(
            "torn-unnoticed",
            "of two arrays for one parameter, the last one counts",
            "        if not np.array_equal(own, known):",
            "        if False:",
        ),
        Bug(
            "state-dict-shares",
            "state_dict returns the weights themselves",
            'name: np.array(layout(parameter.data), order="C")',
            "name: layout(parameter.data)",
        ),
        Bug(
            "nan-taken-over",
            "a state that holds NaN is taken over",
            "elif not np.isfinite(got).all():",
            "elif False:",
        ),
        Bug(
            "buffers-forgotten",
            "a layer's running state is in no file",
            "        for own in type(layer).buffers:",
            "        for own in ():",
        ),
    ),
    "support/held.py": (
        Bug(
            "dicts-unseen",
            "layers and parameters in dicts are not found",
            "elif isinstance(value, list | tuple | dict) and id(value)",
            "elif isinstance(value, list | tuple) and id(value)",
        ),
        Bug(
            "sets-unnoticed",
            "a parameter in a set is lost without a word",
            "elif isinstance(value, set | frozenset | deque):",
            "elif False:",
        ),
    ),
    "support/replay.py": (
        Bug(
            "residual-overwritten",
            "an array that went two ways gets only one of its gradients",
            "                if number in gradients:\n",
            "                if False:\n",
        ),
        Bug(
            "unused-output",
            "a layer's output may go nowhere",
            "            if number not in used:",
            "            if False:",
        ),
    ),
    "data.py": (
        Bug(
            "noise-of-the-first-batch",
            "all batches of an epoch are transformed with the same random numbers",
            "np.random.default_rng([self.epoch_seed, number])",
            "np.random.default_rng([self.epoch_seed, 0])",
        ),
        Bug(
            "noise-of-the-first-epoch",
            "without a shuffle, every epoch is transformed with the same random numbers",
            "            self.rng.random()  # another epoch, other numbers\n",
            "            pass\n",
        ),
        Bug(
            "last-batch-kept",
            "drop_last keeps the short batch",
            "return full if self.drop_last or rest == 0 else full + 1",
            "return full if rest == 0 else full + 1",
        ),
        Bug(
            "same-order-every-epoch",
            "every epoch deals out the same permutation",
            "            order = epoch_permutation(self.rng, len(self.X))",
            "            order = epoch_permutation(as_generator(0), len(self.X))",
        ),
        Bug(
            "labels-stay-behind",
            "the rows are shuffled, their labels are not",
            "return X, self.y[rows]",
            "return X, self.y[np.sort(rows)]",
        ),
        Bug(
            "own-extremes",
            "the test set is scaled by its own smallest and largest value",
            'float(own()) if bound is None else number("minmax_scale", name, bound, -np.inf)',
            "float(own())",
        ),
    ),
    "rng/__init__.py": (
        Bug(
            "fan-out",
            "the weights' bound is that of the outputs",
            "** 2)), math.prod(shape[1:])",
            "** 2)), shape[0]",
        ),
    ),
    "rng/torch_generator.py": (
        Bug(
            "high-bits",
            "a float32 is made of a draw's high bits instead of the low ones",
            "(self._draws32(count) % 2**24)",
            "(self._draws32(count) // 2**8)",
        ),
        Bug(
            "never-in-place",
            "no number may stay where it is in a shuffle",
            "% (n - places)",
            "% (n - places - 1) + 1",
        ),
    ),
    "training.py": (
        Bug(
            "loss-of-the-last-batch",
            "an epoch's loss is that of its last batch",
            "mean_of_those(running.losses)",
            "running.losses[-1]",
        ),
        Bug(
            "zero-grad-forgotten",
            "gradients pile up from step to step",
            "    optimizer.zero_grad()\n",
            "",
        ),
        Bug(
            "step-before-the-check",
            "NaN is found after it was learned",
            "        check_step(run, guard, loss, xb, outputs, yb, batch)"
            "  # NaN is found, not learned\n"
            "        guard.step(len(run.history), batch)",
            "        optimizer.step()\n"
            "        check_step(run, guard, loss, xb, outputs, yb, batch)",
        ),
    ),
    "support/accuracy.py": (
        Bug(
            "ignored-rows-are-wrong",
            "rows that are ignored count as wrong",
            "count = np.count_nonzero(counts)",
            "count = len(counts)",
        ),
        Bug(
            "nan-is-a-class",
            "the first output of NaN is the answer",
            "if np.isnan(outputs.max()):",
            "if False:",
        ),
        Bug(
            "zero-probabilities-are-class-0",
            "a row whose probabilities are all 0 is one of class 0",
            "return (target != 0).any(axis=1)",
            "return np.ones(len(target), bool)",
        ),
    ),
    "runs/scores.py": (
        Bug(
            "batches-without-rows-in-the-mean",
            "batches in which no row counts spoil the epoch's mean",
            "numbers = [value for value in values if value == value]",
            "numbers = values",
        ),
        Bug(
            "score-forgotten",
            "a test set is scored by the accuracy in place of one's own score",
            "return loss, score_of(loss_fn, outputs, y, score)",
            "return loss, score_of(loss_fn, outputs, y)",
        ),
    ),
    "runs/companions.py": (
        Bug(
            "rate-of-no-epoch",
            "a run ends with the learning rate of an epoch that never comes",
            "if run.schedule is not None and not run.is_over:",
            "if run.schedule is not None:",
        ),
        Bug(
            "best-weights-too-late",
            "the checkpoint is written before the best weights are kept",
            "        Stopping(),  # keeps the best weights, which belong into the checkpoint\n"
            "        checkpoint,  # what a person sees was saved\n",
            "        checkpoint,\n        Stopping(),\n",
        ),
        Bug(
            "ctrl-c-in-the-next-epoch",
            "Ctrl-C in an epoch's last step ends the run only after another step",
            "    def steps_taken(self, run: TrainingRun) -> None:\n"
            "        if self.pressed():\n"
            "            raise KeyboardInterrupt\n\n"
            "    def epoch_ended(self, run: TrainingRun) -> None:\n"
            "        if self.pressed():\n",
            "    def steps_taken(self, run: TrainingRun) -> None:\n"
            "        if self.pressed() and len(run.running.losses) == 1:\n"
            "            raise KeyboardInterrupt\n\n"
            "    def epoch_ended(self, run: TrainingRun) -> None:\n"
            "        if False:\n",
        ),
    ),
    "runs/progress.py": (
        Bug(
            "compiling-on-the-clock",
            "the bar's estimate counts the seconds of compiling for every epoch that is left",
            "        self.bar.start_t += seconds\n        self.bar.last_print_t += seconds\n",
            "",
        ),
        Bug(
            "talks-where-output-is-off",
            "what takes long is told though output is off",
            "        with told_by(None):\n            yield Display(), print\n",
            "        yield Display(), print\n",
        ),
        Bug(
            "bar-of-no-width",
            "a terminal that does not know its width shows no bar",
            "if _has_no_width():",
            "if False:",
        ),
    ),
    "runs/guard.py": (
        Bug(
            "all-ignored-is-divergence",
            "a batch in which no row counts ends the run",
            "(np.isnan(loss) and no_row_counts(run.loss_fn, outputs, yb))",
            "False",
        ),
        Bug(
            "fatal-step-stays",
            "weights that a step made NaN are not put back",
            "            parameter.data[...] = weights\n",
            "            parameter.data[...] += 0 * weights\n",
        ),
        Bug(
            "memories-not-watched",
            "only the weights are looked at after a step",
            "                if not _is_finite(value):",
            "                if False:",
        ),
    ),
    "formats/recipe.py": (
        Bug(
            "data-by-their-first-part",
            "only the first rows of the data are compared",
            "for start in range(0, len(array), rows):",
            "for start in range(0, 1, rows):",
        ),
        Bug(
            "frozen-not-compared",
            "a run goes on with other parameters frozen",
            """f"False of {', '.join(frozen)}" if frozen else None""",
            "None",
        ),
        Bug(
            "labels-not-compared",
            "a checkpoint is continued with other labels",
            '"data.y": digest(loader.y)}',
            '"data.y": digest(loader.y[:1])}',
        ),
        Bug(
            "invisible-seeds-differ",
            "fresh entropy is taken for another seed",
            "if more_then.get(name) not in (None, line)",
            "if more_then.get(name) != line",
        ),
    ),
    "formats/checkpoint.py": (
        Bug(
            "noise-of-another-epoch",
            "an epoch that goes on after a resume is transformed with other random numbers",
            """    loader.epoch_seed = document.get("epoch_seed")\n""",
            "",
        ),
        Bug(
            "generators-begin-anew",
            "a run that goes on from a checkpoint draws from the beginning",
            '            put_to(generator, document["generators"][name])',
            "            stand_of(generator)",
        ),
        Bug(
            "change-not-kept",
            "a learning rate that was changed on purpose is the file's again",
            'if {"lr", "schedule"} & new:',
            'if {"schedule"} & new:',
        ),
    ),
    "runs/stopping.py": (
        Bug(
            "patience-by-one",
            "stops an epoch after its patience is at an end",
            ">= self.patience",
            "> self.patience",
        ),
        Bug(
            "first-weights-are-best",
            "keeps the weights of the first epoch as the best",
            "if self.restore_best and history.best_epoch == len(history.validation_loss):",
            "if self.restore_best and not self.best_weights:",
        ),
    ),
    "runs/schedules.py": (
        Bug(
            "whole-cosine-wave",
            "the learning rate falls and rises again",
            "math.cos(math.pi * min",
            "math.cos(2 * math.pi * min",
        ),
        Bug(
            "steps-too-late",
            "the learning rate falls an epoch late",
            "(epoch // self.step_size)",
            "((epoch - 1) // self.step_size)",
        ),
    ),
    "compiler/recording.py": (
        Bug(
            "parameters-always-the-same",
            "an array that NumPy makes of a parameter is taken for a constant",
            "if N == 7:",
            "if N == 0:",
        ),
        Bug(
            "attributes-may-change",
            "what a layer counts in an attribute of its own stands still once it is compiled",
            '                raise CannotRecord(f"it sets its attribute',
            '                CannotRecord(f"it sets its attribute',
        ),
        Bug(
            "rate-of-the-recording",
            "a compiled step keeps the learning rate with which it was recorded",
            "((optimizer.lr or 0.5) / 2, 3)",
            "((optimizer.lr or 0.5), 3)",
        ),
    ),
    "compiler/trials.py": (
        Bug(
            "number-of-the-first-trial",
            "a number that changes with the input is taken for an option",
            "type(value) is type(first) and _same(value, first)",
            "type(value) is type(first)",
        ),
        Bug(
            "array-of-the-first-trial",
            "an array that NumPy makes of the input is taken for a constant",
            "if trial.contents[name].tobytes() != array.tobytes():",
            "if trial.contents[name].dtype != array.dtype:",
        ),
        Bug(
            "kernels-counted-only",
            "a layer that calls another kernel for large inputs is recorded with one of them",
            "[call.kernel for call in o] != [call.kernel for call in heard]",
            "len(o) != len(heard)",
        ),
        Bug(
            "silent-change-of-a-step",
            "what NumPy changes after the last kernel is not noticed",
            "            result = action()\n        self._refuse_silent_changes()\n",
            "            result = action()\n",
        ),
        Bug(
            "silent-change-before-a-kernel",
            "what NumPy changes just before a kernel writes there is not noticed",
            "            self._refuse_silent_changes()\n            takes",
            "            takes",
        ),
        Bug(
            "part-is-the-whole",
            "some rows of an array are taken for a new array",
            "if first < end and start < first + size:",
            "if first < end < start:",
        ),
    ),
    "compiler/script.py": (
        Bug(
            "later-steps-forgotten",
            "a parameter that was frozen at first is taken to have made as many steps as others",
            'f"t[{position}]"',
            '"t[0]"',
        ),
        Bug(
            "two-arrays-named-dx",
            "an array that a loss names dx is taken for that of the first layer",
            '[self.free("dx"), *(',
            '["dx", *(',
        ),
        Bug(
            "looked-at-left-out",
            "the code no longer asks a kernel what a layer decides by",
            " or row.looked_at is not None:\n            kept",
            ":\n            kept",
        ),
        Bug(
            "two-kernels-of-one-name",
            "a stranger's kernel runs in place of tinynet's of the same name",
            'self.free(kernel.name.rpartition(".")[2])',
            'kernel.name.rpartition(".")[2]',
        ),
        Bug(
            "looked-at-not-minded",
            "the code asks a kernel what a layer decides by, and goes on whatever it says",
            "            if row.looked_at is not None:\n",
            "            if not row.result and row.looked_at is not None:\n",
        ),
    ),
    "compiler/writer.py": (
        Bug(
            "fused-with-half-a-gradient",
            "weights that two layers share descend along the gradient of one",
            "len(makers) != 1:\n"
            "        return None\n"
            "    maker, step = makers[0], update[0]\n"
            "    fusion = FUSED.get((maker.kernel, step.kernel))\n"
            "    if fusion is None or any(gradient in row.reads for row in rows):\n",
            "not makers:\n"
            "        return None\n"
            "    maker, step = makers[0], update[0]\n"
            "    fusion = FUSED.get((maker.kernel, step.kernel))\n"
            "    if fusion is None:\n",
        ),
        Bug(
            "second-gradient-replaces",
            "the gradient of weights that two layers share is that of one",
            "not in gradients or not is_first:",
            "not in gradients:",
        ),
        Bug(
            "steps-not-counted",
            "all steps of one call correct for the start as its first one does",
            '"    t[n] += 1"]',
            '"    t[n] += 0"]',
        ),
        Bug(
            "labels-in-another-order",
            "rows are shuffled, their labels are not",
            "[n] = target[rows[n]]",
            "[n] = target[batch * batch_size + n]",
        ),
    ),
    "compiler/segment.py": (
        Bug(
            "kept-by-an-earlier-call",
            "backward does not notice that a layer was called alone since",
            "map(operator.is_, map(_kept, self.modules), pending)",
            "map(operator.truth, map(_kept, self.modules))",
        ),
        Bug(
            "alone-without-gradients",
            "where nobody wants dx, no gradient is worked out",
            "needed(backward, set(), given)",
            "needed(backward, set(), lasting)",
        ),
        Bug(
            "any-dtype",
            "a network of float32 takes float64 once it is compiled",
            "            and x.dtype == self._dtype\n",
            "",
        ),
        Bug(
            "too-few-rows",
            "a layer that needs two rows takes one once it is compiled",
            "            and len(x) >= fewest\n",
            "",
        ),
        Bug(
            "one-row-by-the-layers",
            "compiled predict leaves to the layers what they take in evaluation alone",
            "layer.recorded.predicts for",
            "layer.recorded.fewest for",
        ),
    ),
    "compiler/verbs.py": (
        Bug(
            "mode-not-noticed",
            "compiled verbs stay in the mode that they were recorded in",
            "if modes == self._modes:",
            "if modes or not modes:",
        ),
        Bug(
            "labels-not-looked-at",
            "the loss of a label that is no class is 0 once it is compiled",
            '["return None"]',
            "[f\"return {tuple_of(['0.0', *made])}\"]",
        ),
        Bug(
            "loss-option-unnoticed",
            "an option of the loss that is set later is not noticed",
            "            or not self._options.still_hold()\n",
            "",
        ),
        Bug(
            "step-count-stands-still",
            "each compiled step corrects for the start as the first one does",
            "updates.add_steps(1)",
            "updates.add_steps(0)",
        ),
        Bug(
            "thawed-unnoticed",
            "compiled verbs leave alone what was frozen when they were compiled",
            "and not any(map(_learns, self._frozen))",
            "and not any(map(_learns, self._parameters[:0]))",
        ),
        Bug(
            "verbs-fatal-step-stays",
            "weights that a compiled step of fit by verbs made NaN are not put back",
            "{name}.reshape(-1)[:] = old_{name}",
            "{name}.reshape(-1)[:1] = old_{name}[:1]",
        ),
        Bug(
            "first-array-alone-is-finite",
            "after a compiled step of fit by verbs, only one array is looked at",
            "if {' and '.join(finite)}:",
            "if {next(finite)}:",
        ),
    ),
    "compiler/recorded.py": (
        Bug(
            "counts-of-the-first",
            "all parameters are taken to have made as many steps as the first one",
            "in self.counts for s in self.states], np.float64)",
            "in self.counts for s in self.states[:1] * len(self.states)], np.float64)",
        ),
        Bug(
            "remembered-by-class",
            "Nesterov's look ahead is left out after a run without it",
            "signature.append((name, type(value), repr(value)))",
            "signature.append((name, type(value)))",
        ),
        Bug(
            "remembered-whatever-it-holds",
            "a loss has the class weights of the one before",
            'b"" if moves else value.tobytes()',
            'b""',
        ),
        Bug(
            "own-step-overruled",
            "an optimizer's own step is left out",
            "if kind.step is not Optimizer.step or kind.zero_grad",
            "if kind.zero_grad",
        ),
        Bug(
            "velocity-from-zero",
            "the first velocity is dampened, as if there had been one of 0",
            "for state in self.states for name in names)",
            "for state in self.states for name in self.counts)",
        ),
        Bug(
            "memories-of-the-first",
            "with the first layer frozen, parameters are stepped by what is remembered of others",
            "        return self.optimizer.state[self.places[position]][name]",
            "        return self.optimizer.state[position][name]",
        ),
    ),
    "compiler/options.py": (
        Bug(
            "replaced-layer-unnoticed",
            "a layer that takes another's place in the list is not noticed",
            "map(operator.is_, now, then)",
            "map(operator.is_, now, now)",
        ),
        Bug(
            "frozen-after-compiling",
            "the compiled backward goes on working out gradients that nobody wants any more",
            "!= self._learn:",
            "is None:",
        ),
    ),
    "compiler/compiled.py": (
        Bug(
            "compiled-as-if-not-transformed",
            "compiled steps learn what the data set holds",
            "X = np.concatenate([loader.batch(order, n)[0] for n in range(first, last)])",
            "X = X[rows]",
        ),
        Bug(
            "step-not-taken-moves",
            "compiled steps leave generators and buffers moved by a step that is not taken",
            "if taken < count and self._states:",
            "if taken < 0:",
        ),
        Bug(
            "mode-not-noticed-in-fit",
            "compiled steps run on in the mode that they were recorded in",
            "modes_of(self._modules) == self._modes",
            "bool(self._modes)",
        ),
        Bug(
            "compiled-steps-not-watched",
            "compiled steps go on with weights that are not finite",
            "if self._guard.stray() is not None:  # the layers",
            "if False:  # the layers",
        ),
        Bug(
            "rows-however-few",
            "a layer that needs two rows trains on one",
            "rows < self._fewest",
            "rows < 1",
        ),
        Bug(
            "targets-not-looked-at",
            "a label that is no class is found only by the step that it is in",
            "self._loss_fn.predict(outputs, some)",
            "self._loss_fn.predict(outputs[:1], some[:1])",
        ),
        Bug(
            "gradient-of-an-earlier-step",
            "what a parameter holds after a step at once is an old gradient",
            "        if not self._keeps_gradients:\n",
            "        if self._keeps_gradients is None:\n",
        ),
        Bug(
            "memory-counts-one-call",
            "an optimizer's steps are counted by calls",
            "updates.add_steps(taken)",
            "updates.add_steps(1)",
        ),
    ),
    "formats/safetensors.py": (
        Bug(
            "hash-not-compared",
            "a changed byte in a model file goes unnoticed",
            'if document.pop("sha256", None) != _sha256(arrays, document):',
            'if document.pop("sha256", None) is None:',
        ),
    ),
    "formats/serialization.py": (
        Bug(
            "nan-saved",
            "weights that are not finite are saved; no load would take them",
            "    if stray:",
            "    if False:",
        ),
    ),
    "support/atomic.py": (
        Bug(
            "link-replaced",
            "a link becomes a file of its own, and what it led to stays old",
            "        path = path.parent / os.readlink(path)\n",
            "        break\n",
        ),
        Bug(
            "device-replaced",
            "a device becomes a plain file",
            "(not stat.S_ISREG(found.st_mode) or",
            "(False or",
        ),
        Bug(
            "mode-forgotten",
            "a file that is replaced gets another mode",
            "                _dress(temporary, target, found)\n",
            "                pass\n",
        ),
        Bug(
            "slash-dropped",
            "a path that can only be a folder's is written as a file",
            'if os.path.basename(text) in ("", ".", ".."):',
            "if not text:",
        ),
    ),
    "formats/plain_torch.py": (
        Bug(
            "hooks-overlooked",
            "a module with a hook is taken without it",
            "        if hooks:",
            "        if False:",
        ),
    ),
    "formats/architecture.py": (
        Bug(
            "state-lost",
            "a layer's state that no file holds is lost without a word",
            "    _refuse_loss(net, twin)\n",
            "",
        ),
        Bug(
            "memory-unbounded",
            "a small file asks a stranger's layer for all memory",
            "if not sized) > held + FREE:",
            "if not sized) < 0:",
        ),
        Bug(
            "name-taken-over",
            "a stranger's layer is saved as tinynet's of the same name",
            "        if name in OURS and kind is not OURS[name]:",
            "        if False:",
        ),
    ),
    "formats/elsewhere.py": (
        Bug(
            "row-inherited",
            "a subclass with another forward is exported as its base",
            "    return vars(kind).get(row)",
            "    return getattr(kind, row)",
        ),
    ),
    "formats/exchange.py": (
        Bug(
            "option-overlooked",
            "a module's option that its layer here does not have is dropped",
            "        if value is not option.default and value != option.default:",
            "        if False:",
        ),
        Bug(
            "frozen-only-in-pytorch",
            "what PyTorch had frozen learns here",
            "parameter.requires_grad = values[name].requires_grad",
            "parameter.requires_grad = True",
        ),
    ),
    "formats/onnx_export.py": (
        Bug(
            "onnx-numbers-unseen",
            "a row that computes something else is written",
            "    if there.shape != y.shape or not",
            "    if there.shape != y.shape and not",
        ),
    ),
    "estimator/weights.py": (
        Bug(
            "class-weight-unchecked",
            "a negative class weight drops the rows of its class",
            "if isinstance(class_weight, Mapping):",
            "if False:",
        ),
        Bug(
            "weight-of-a-row-forgotten",
            "the gradient of a weighted loss counts all rows alike",
            "weighted_mean_dx(float(dy), target, share)",
            "weighted_mean_dx(float(dy), np.ones_like(target), share)",
        ),
    ),
    "estimator/base.py": (
        Bug(
            "old-pickles-lack-options",
            "an estimator of an earlier version has no options that are new",
            "super().__setstate__({option.name: option.default for option in options} | state)",
            "super().__setstate__(state)",
        ),
        Bug(
            "weights-of-any-size",
            "weights that are all 7 take steps seven times as long",
            "rows[2] = rows[2] / rows[2].mean()",
            "rows[2] = rows[2] / 1",
        ),
    ),
    "estimator/network.py": (
        Bug(
            "activation-not-heard",
            "whatever its name, the activation is a ReLU",
            "return ACTIVATIONS[given]()",
            'return ACTIVATIONS["relu"]()',
        ),
        Bug(
            "one-dropout-for-all",
            "what is dropped is drawn by nobody's random_state",
            "layers.append(Dropout(p, rng=rng))",
            "layers.append(Dropout(p))",
        ),
    ),
    "estimator/regressor.py": (
        Bug(
            "columns-of-y-forgotten",
            "one number for each row comes as a column",
            "outputs.reshape(len(outputs), *self._y_shape)",
            "outputs.reshape(len(outputs), -1)",
        ),
        Bug(
            "other-outputs-learned",
            "a later partial_fit may have a y of another shape",
            "elif shape != self._y_shape:",
            "elif len(shape) != len(self._y_shape):",
        ),
    ),
    "estimator/sparse_rows.py": (
        Bug(
            "short-block-counts-in-full",
            "the last block of sparse rows counts as much as the others",
            "mean = partial(np.average, weights=sizes)",
            "mean = partial(np.average, weights=None)",
        ),
    ),
    "gradcheck/__init__.py": (
        Bug(
            "skips-an-argument",
            "the first argument is not checked",
            "for name, gradient in differences.gradients.items():",
            "for name, gradient in list(differences.gradients.items())[1:]:",
        ),
        Bug(
            "large-arrays-unchecked",
            "arrays of more than 200 numbers are taken on trust",
            "directions = (unit(shape, rng) for _ in range(DIRECTIONS))",
            "directions = iter(())",
        ),
    ),
    "support/description.py": (
        Bug(
            "words-outlive-their-forward",
            "what describes a forward is believed of a subclass with another forward",
            'if "forward" in vars(cls):',
            'if "forward" in {}:',
        ),
    ),
    "inspection/tracing.py": (
        Bug(
            "frozen-traced-as-0",
            "a trace shows a frozen parameter's gradient as 0",
            "            parameter.requires_grad = True\n",
            "            parameter.requires_grad = False\n",
        ),
        Bug(
            "tied-untold",
            "an explanation takes what all layers add to a gradient for this layer's",
            "held[id(parameter)] > 1,",
            "held[id(parameter)] > 2,",
        ),
    ),
    "inspection/told.py": (
        Bug(
            "told-with-later-weights",
            "a layer computes the numbers of its own words with the weights that it has now",
            "parameter.data = part.parameters[name].value.copy()",
            "parameter.data = parameter.data.copy()",
        ),
        Bug(
            "loss-told-without-weights",
            "a loss tells the gradients of rows as if all of them counted the same",
            "equal = bool((counts == 1).all())",
            "equal = True",
        ),
        Bug(
            "docstring-of-another-forward",
            "a subclass with another forward is told with its base's equations",
            'if "forward" in vars(kind):  # what',
            "if False:  # what",
        ),
    ),
    "inspection/explain.py": (
        Bug(
            "told-of-another-sample",
            "a loss is told with the numbers of the first sample",
            "rows_of(array)[sample, unit] for name",
            "rows_of(array)[0, unit] for name",
        ),
        Bug(
            "loss-hands-its-label-back",
            "the gradient of a loss is said to go to where its target came from, too",
            "_makers(layers, part.sources[:1])",
            "_makers(layers, part.sources)",
        ),
    ),
    "inspection/windows.py": (
        Bug(
            "last-of-equals-wins",
            "of equal numbers in a window, an explanation takes the last for the one that won",
            "else values.argmax())",
            "else values.size - 1 - values[::-1].argmax())",
        ),
        Bug(
            "weights-of-one-window",
            "units at the edge of a picture are told with weights that are not theirs",
            "named = constant[0], self._of_parameter(*constant).ravel()",
            "named = constant[0], np.sort(self._of_parameter(*constant).ravel()) // 2",
        ),
    ),
    "inspection/terms.py": (
        Bug(
            "dx-of-one-unit",
            "an explanation takes what one unit hands back to an input for all that it gets",
            'backward.append(f"{line}, with all units {written(at.dx[reads.x[k]])}")',
            'backward.append(f"{line}, with all units {written(w[k] * dy)}")',
        ),
        Bug(
            "loser-gets-dy",
            "of a window's largest, an explanation sends the gradient to the others",
            'gets = f"dy = {written(dy)}" if k == won else "0"',
            'gets = f"dy = {written(dy)}" if k != won else "0"',
        ),
    ),
    "pages/xray_windows.py": (
        Bug(
            "all-channels-by-the-first",
            "an X-ray tells all channels of a convolution with the weights of the first",
            "line[:] = known[key], x[0], w[0],",
            "line[:] = known[key], x[0], 0,",
        ),
    ),
    "plots/digits.py": (
        Bug(
            "no-edge",
            "a white picture has no edge",
            "ax.spines[:].set(color=GREY, linewidth=0.6)",
            "ax.spines[:].set_visible(False)",
        ),
    ),
    "plots/charts.py": (
        Bug(
            "legend-on-curves",
            "the legend of a narrow panel lies on its curves",
            "**below if per_row > 2 else {}",
            "",
        ),
    ),
    "pages/__init__.py": (
        Bug(
            "names-uncounted",
            "there may be fewer names than features or classes",
            "if len(names) != count:",
            "if False:",
        ),
    ),
    "inspection/layer_trace.py": (
        Bug(
            "saturated-is-dead",
            "any unit that stays in the second piece of its equation counts as dead",
            "(pieces == 0).all(axis=0)",
            "(pieces != 1).all(axis=0)",
        ),
    ),
    "inspection/case.py": (
        Bug(
            "probabilities-are-logits",
            "outputs that are probabilities are not recognised",
            "if (y >= 0).all() and np",
            "if (y > 1).all() and np",
        ),
    ),
    "pages/lab_layers.js": (
        Bug(
            "the-lab's-tanh-linear",
            "in the lab's page the slope of Tanh is 1 - y, not 1 - y * y",
            "dx[k] = dy[k] * (1 - y[k] * y[k]);",
            "dx[k] = dy[k] * (1 - y[k]);",
        ),
    ),
    "pages/lab_losses.js": (
        Bug(
            "the-lab's-mean-lost",
            "in the lab's page the gradient of a loss of numbers lacks its 1 / size",
            "dx[k] = slope(x[k], targets[k]) / size;",
            "dx[k] = slope(x[k], targets[k]);",
        ),
    ),
    "pages/lab_optimizers.js": (
        Bug(
            "the-lab's-adam-uncorrected",
            "in the lab's page Adam's mean is not corrected for its begin at 0",
            "const rate = lr / (1 - beta1 ** t);",
            "const rate = lr;",
        ),
    ),
    "pages/lab_engine.js": (
        Bug(
            "the-lab's-memory-stays",
            "a step back in the lab leaves the optimizer's memory as it was",
            "memories: kept.memories.map(copyOfMemory), broken",
            "broken",
        ),
    ),
    "pages/lab_given.py": (
        Bug(
            "the-lab's-test-learned",
            "rows that the lab lays aside as a test are learned from, too",
            "X, X_test, y, y_test = X[~aside], X[aside], y[~aside], y[aside]",
            "X, X_test, y, y_test = X, X[aside], y, y[aside]",
        ),
    ),
    "pages/playground.py": (
        Bug(
            "script-broken-out-of",
            "a layer's JavaScript may end the page's script",
            'if "</" in code or "<!--" in code:',
            'if "</" in code and "<!--" in code:',
        ),
    ),
    "gradcheck/copies.py": (
        Bug(
            "kinks-untold",
            "the kinks that a layer tells are not looked at",
            "if piece is not None]",
            "if piece is None]",
        ),
        Bug(
            "checks-the-original",
            "the check runs on the reader's own module",
            "self.module = copy.deepcopy(module)",
            "self.module = module",
        ),
        Bug(
            "frozen-yet-checked",
            "a frozen parameter is blamed for having no gradient",
            "if id(parameter) not in seen and parameter.requires_grad != frozen:",
            "if id(parameter) not in seen:",
        ),
    ),
    "gradcheck/trial.py": (
        Bug(
            "upstream-of-ones",
            "the upstream gradient is all ones",
            "return self.rng.standard_normal(y.shape)",
            "return np.ones(y.shape)",
        ),
    ),
    "gradcheck/arrays.py": (
        Bug(
            "diagnostics-refused",
            "what backward writes down is taken for a gradient",
            "if other == name or _is_named(other, name) or written.is_gradient(other, slopes):",
            "if True:",
        ),
    ),
    "gradcheck/factors.py": (
        Bug(
            "five-is-n",
            "any factor of five is 1/N where there are five rows",
            "if fewer is not None and not np.isclose(sign * fewer, expected, rtol=1e-6):",
            "if False:",
        ),
    ),
    "gradcheck/far.py": (
        Bug(
            "not-so-far",
            "far out means up to 5",
            "REACHES = (50, 20, 8)",
            "REACHES = (5,)",
        ),
    ),
    "gradcheck/raised.py": (
        Bug(
            "always-a-transpose",
            "every error of shapes is a missing transpose",
            "    extra = len(got) - len(right)",
            "    extra = 0",
        ),
    ),
    "gradcheck/regions.py": (
        Bug(
            "value-not-tried",
            "values that happen to lie apart are taken for the cause",
            "or not _value_decides(differences, name, runs):",
            "or False:",
        ),
    ),
    "gradcheck/mistakes.py": (
        Bug(
            "kink-located",
            "a kink in another row is taken for the coordinate that is wrong",
            'return probe.verdict == "wrong", probe.error',
            "return True, probe.error",
        ),
    ),
    "gradcheck/differences.py": (
        Bug(
            "fast-wave-refuted",
            "a fast wave that looks slow at one step refutes the gradient",
            "for ratio in INCOMMENSURATE:",
            "for ratio in ():",
        ),
        Bug(
            "one-side-refutes",
            "the slope of one side of a kink is taken for the derivative",
            "yield _Estimate(outputs, doubt, jump + noise / GLANCE,",
            "yield _Estimate(outputs, doubt, noise / GLANCE,",
        ),
        Bug(
            "tolerance",
            "a million times as tolerant",
            "TOLERANCE = 1e-10",
            "TOLERANCE = 1e-4",
        ),
        Bug(
            "fourth-order",
            "the extrapolation stops one order early",
            "derivative = (64 * odd[2] - 20 * odd[1] + odd[0]) / 45",
            "derivative = (4 * odd[2] - odd[1]) / 3",
        ),
    ),
    "gradcheck/report.py": (
        Bug(
            "undecided-passes",
            "what could not be decided counts as right",
            'all(row.verdict == "right" for row in self.rows)',
            'all(row.verdict != "WRONG" for row in self.rows)',
        ),
    ),
    "gradcheck/rules.py": (
        Bug(
            "accumulation-unchecked",
            "no second backward pass is tried",
            '    Rule("two backward passes accumulate exactly twice", accumulates),\n',
            "",
        ),
        Bug(
            "stale-cache-unchecked",
            "no earlier forward on another input is tried",
            '    Rule("the latest forward counts", latest_forward_counts),\n',
            "",
        ),
        Bug(
            "far-unchecked",
            "no number is larger than a normal one gets",
            '    Rule("inputs and parameters far out (up to +-50)", far_out),\n',
            "",
        ),
        Bug(
            "arrays-unchecked",
            "weights in plain arrays are not noticed",
            '    Rule("what has a gradient is a Parameter", weights_are_parameters),\n',
            "",
        ),
        Bug(
            "nan-unchecked",
            "no NaN is sent to where a ReLU is off",
            '    Rule("NaN upstream of an output that is off gives 0", nan_where_off),\n',
            "",
        ),
        Bug(
            "zero-unchecked",
            "the slope at exactly 0 is not looked at",
            '    Rule("the slope at exactly 0", convention_at_zero),\n',
            "",
        ),
    ),
}

COMPUTES = "kernels/test_kernels.py::test_the_loop_computes_its_equation"
OTHERS = (  # kernels than those of products, activations and losses over numbers
    "not linear and not relu and not sigmoid and not tanh and not errors and not binary "
    "and not logits_cross"
)
STRAYS = "kernels/test_kernels.py::test_nan_and_inf_go_where_the_equation_sends_them"
PRODUCTS = (
    "kernels/test_kernels.py",
    "kernels/test_plain_loops.py",
    "-k",
    "(linear or dW or numbers or hides or plain_loops) and not convolutions",
)
CONVOLUTIONS = ("kernels/test_plain_loops.py", "-k", "convolutions_have", "-m", "slow or not slow")
BITS_OF_THE_LAYERS = (
    "tools/test_compiler.py::test_every_optimizer_gives_the_bits_of_the_layers[SGD]",
    "tools/test_compiler.py::test_every_optimizer_gives_the_bits_of_the_layers[Adam with all else]",
    "tools/test_compiler.py::test_a_parameter_in_two_layers_gives_the_bits_of_the_layers",
    "tools/test_compiler.py::test_predict_runs_compiled_with_the_same_bits_until_the_layers_change",
)
STRANGERS_COMPILED = (
    *("tools/test_strangers_compiled.py", "-m", "slow or not slow"),
    *("-k", "not short_fit"),  # a process of its own, which compiles
)
TESTS: dict[str, tuple[str, ...]] = {
    "workbook/proof.py": (
        "tools/test_workbook.py",
        "-k",
        "dW or softmax or sgd or one_number",
        "-m",
        "slow or not slow",
    ),
    "workbook/words.py": ("tools/test_workbook.py", "-k", "one_number", "-m", "slow or not slow"),
    "workbook/examples.py": ("tools/test_workbook.py", "-k", "dW", "-m", "slow or not slow"),
    "workbook/grading.py": ("tools/test_workbook_harm.py", "-k", "NumPy", "-m", "slow or not slow"),
    "workbook/children.py": (
        "tools/test_workbook_harm.py",
        "-k",
        "started or bounded or crash",
        "-m",
        "slow or not slow",
    ),
    "workbook/folder.py": (
        *("tools/test_workbook_folder.py", "tools/test_workbook_harm.py"),
        *("-k", "Writing or hints_come or put_back", "-m", "slow or not slow"),
    ),
    "workbook/loading.py": ("tools/test_workbook_folder.py", "-k", "Earlier"),
    "cli/workbook.py": ("tools/test_workbook_folder.py", "-k", "in_full", "-m", "slow or not slow"),
    "layers/averages.py": (
        "core/test_normalization.py",
        "core/test_normalization_of_pictures.py::TestAgainstPyTorch",
    ),
    "layers/normalization.py": (
        "core/test_normalization.py",
        "core/test_normalization_of_pictures.py::TestAgainstPyTorch",
    ),
    "kernels/columns.py": ("core/test_normalization.py",),
    "kernels/channels.py": ("core/test_normalization_of_pictures.py::TestAgainstPyTorch",),
    "kernels/convolution.py": CONVOLUTIONS,
    "kernels/conv/layout.py": CONVOLUTIONS,
    "kernels/conv/taps.py": CONVOLUTIONS,
    "kernels/conv/places.py": CONVOLUTIONS,
    "layers/convolution.py": ("core/test_convolution.py", "-k", "way_back or gradients"),
    "layers/transposed_convolution.py": (
        *("core/test_convolution.py", "-k", "way_back or output_padding"),
    ),
    "compiler/writer.py": (
        *("core/test_dropout.py", "tools/test_strangers_compiled.py"),
        *BITS_OF_THE_LAYERS,
    ),
    "support/standing.py": (
        "core/test_normalization.py",
        "core/test_dropout.py",
    ),
    "layers/dropout.py": ("core/test_dropout.py",),
    "layers/shape.py": ("core/test_shape.py",),
    "layers/pooling.py": ("core/test_pooling.py",),
    "kernels/pooling.py": ("core/test_pooling.py",),
    "kernels/masks.py": ("core/test_dropout.py",),
    "support/modes.py": ("core/test_modes.py",),
    "runs/rehearsal.py": (
        "core/test_normalization.py",
        "core/test_modes.py",
    ),
    "kernels/products.py": PRODUCTS,
    "kernels/steps.py": PRODUCTS,
    "kernels/gemm/loops.py": PRODUCTS,
    "kernels/gemm/product.py": PRODUCTS,
    "kernels/gemm/tiles.py": PRODUCTS,
    "kernels/gemm/packing.py": PRODUCTS,
    "kernels/gemm/masks.py": PRODUCTS,
    "kernels/simd/lanes.py": (COMPUTES, STRAYS, "-k", "linear"),
    "kernels/activations.py": (
        *(COMPUTES, STRAYS, "core/test_layers.py::TestAgainstPyTorch"),
        *("-k", "relu or sigmoid or tanh or activations or both_ends"),
    ),
    "kernels/simd/tile.py": PRODUCTS,
    "kernels/rows.py": (COMPUTES, STRAYS, "-k", "softmax or gather or add or copied"),
    "kernels/losses.py": (
        COMPUTES,
        STRAYS,
        "kernels/test_kernels.py::test_the_most_likely_class_is_the_first_of_the_largest_or_nan",
        "core/test_losses.py::TestAgainstPyTorch",
        "core/test_loss_faults.py",
        "core/test_scores.py",
        "-k",
        OTHERS,
    ),
    "kernels/updates.py": (
        COMPUTES,
        STRAYS,
        "core/test_optim.py::TestAgainstPyTorch",
        "-k",
        OTHERS,
    ),
    "datasets/columns.py": ("tools/test_csv_files.py",),
    "datasets/csv_files.py": ("tools/test_csv_files.py",),
    "datasets": ("tools/test_pictures.py", "-k", "by_hand or every_form or without_shadows"),
    "datasets/download.py": (
        *("tools/test_download.py", "tools/test_fashion_mnist.py"),
        *("-k", "other_names or keras or fashion"),
    ),
    "layers": ("core/test_layers.py",),
    "layers/linear.py": ("core/test_layers.py", "core/test_ties.py::TestTraining"),
    "kernels/errors.py": (
        *(COMPUTES, STRAYS, "core/test_number_losses.py::TestAgainstPyTorch"),
        *("-k", "errors or entropy or probability or PyTorch"),
    ),
    "init.py": ("core/test_init.py",),
    "losses/over_numbers.py": ("core/test_number_losses.py",),
    "losses": ("core/test_losses.py", "core/test_loss_faults.py"),
    "optim.py": ("core/test_optim.py",),
    "module.py": (
        *("core/test_module.py", "core/test_layers.py::TestProtocol"),
        *("core/test_freezing.py::TestParameter", "core/test_freezing.py::TestTraining"),
        *(
            "core/test_read_only.py::test_a_copy_or_a_pickle_stands_on_cache_lines",
            "-k",
            "not Threads",
        ),
    ),
    "support/transforms.py": ("core/test_transforms.py", "-k", "must_not or read_only"),
    "support/ties.py": ("core/test_ties.py::TestTools", "core/test_ties.py::TestTies"),
    "formats/torch_ties.py": ("core/test_ties.py::TestTools",),
    "support/axes.py": ("core/test_layers.py",),
    "support/learned.py": ("core/test_optim.py",),
    "support/options.py": ("core/test_losses.py",),
    "support/calls.py": ("core/test_module.py", "tools/test_trace.py"),
    "support/state.py": (
        *("core/test_module.py", "tools/test_strangers_files.py", "core/test_ties.py::TestTools"),
    ),
    "support/held.py": ("core/test_module.py", "-k", "Where"),
    "support/replay.py": (
        "core/test_module.py::TestComposed",
        "core/test_module.py::TestWhatARecordCannotExpress",
    ),
    "data.py": ("core/test_data.py", "core/test_transforms.py::TestBatches"),
    "rng": ("core/test_rng.py",),
    "training.py": (
        "core/test_training.py::TestScores",
        "core/test_training.py::TestEqualsTheLoopByHand::test_bit_for_bit",
        "core/test_training_faults.py::TestDivergence",
    ),
    "support/accuracy.py": ("core/test_scores.py",),
    "runs/scores.py": ("core/test_scores.py",),
    "runs/companions.py": ("core/test_companions.py",),
    "runs/progress.py": ("core/test_waiting.py",),
    "inspection/explain.py": ("tools/test_trace.py::TestExplain",),
    "inspection/terms.py": ("tools/test_windows.py",),
    "pages/xray_windows.py": (
        "tools/test_pages_maps.py",
        "-k",
        "few_patterns",
        "-m",
        "slow or not slow",
    ),
    "inspection/windows.py": ("tools/test_windows.py",),
    "plots/digits.py": ("tools/test_plots.py", "-k", "edge"),
    "plots/charts.py": ("tools/test_plots.py", "-k", "legend"),
    "runs/guard.py": (
        "core/test_scores.py::TestIgnoredRowsInTraining",
        "core/test_training_faults.py::TestFatalSteps",
        "-m",
        "slow or not slow",
    ),
    "formats/recipe.py": ("tools/test_same_run.py", "core/test_freezing.py::TestFiles"),
    "formats/checkpoint.py": (
        "core/test_dropout.py",
        "tools/test_same_run.py::TestChanged",
        "core/test_transforms.py::TestTraining",
    ),
    "runs/stopping.py": ("core/test_early_stopping.py", "-k", "rule or by_hand or its_best"),
    "runs/schedules.py": ("core/test_schedules.py", "-k", "pytorch or formulas"),
    "compiler/recording.py": ("tools/test_recording.py",),
    "compiler/options.py": (
        "tools/test_compiler.py::test_predict_notices_what_was_replaced_since",
        "core/test_freezing.py::TestTraining",
    ),
    "compiler/recorded.py": (
        *(
            "tools/test_recording.py",
            "tools/test_compiler.py::test_predict_notices_what_was_replaced_since",
        ),
        *(*STRANGERS_COMPILED, "core/test_freezing.py::TestTraining"),
    ),
    "compiler/trials.py": ("tools/test_recording.py",),
    "compiler/verbs.py": (
        *("core/test_modes.py", "core/test_freezing.py::TestTraining"),
        "core/test_training_faults.py::TestFatalSteps",
        *BITS_OF_THE_LAYERS,
        *STRANGERS_COMPILED,
    ),
    "compiler/compiled.py": (
        *("core/test_modes.py", "core/test_transforms.py::TestTraining"),
        *("core/test_dropout.py", "core/test_training_faults.py::TestFatalSteps"),
        "tools/test_strangers_compiled.py",
        *BITS_OF_THE_LAYERS,
        "tools/test_compiler.py::test_every_optimizer_gives_the_bits_of_the_layers",
        "-m",
        "slow or not slow",
    ),
    "compiler/script.py": (
        "core/test_freezing.py::TestTraining",
        *(*BITS_OF_THE_LAYERS, "tools/test_regressor.py::TestWeights"),
        *STRANGERS_COMPILED,
    ),
    "compiler/segment.py": (
        "core/test_normalization.py::TestSameBits::test_compiled_predict_takes_one_row",
        *(*BITS_OF_THE_LAYERS, *STRANGERS_COMPILED),
    ),
    "compiler": (*BITS_OF_THE_LAYERS, *STRANGERS_COMPILED),
    "formats/safetensors.py": ("tools/test_serialization.py", "-k", "flip or hash"),
    "formats/serialization.py": ("tools/test_serialization.py", "-k", "finite"),
    "support/atomic.py": ("tools/test_atomic.py", "-k", "device_is or links or mode or no_place"),
    "formats/plain_torch.py": ("tools/test_exchange.py", "-k", "class_says and not compile"),
    "formats/architecture.py": ("tools/test_strangers_files.py",),
    "formats/elsewhere.py": ("tools/test_strangers_files.py",),
    "formats/exchange.py": ("tools/test_strangers_files.py", "core/test_freezing.py::TestFiles"),
    "formats/onnx_export.py": ("tools/test_strangers_files.py",),
    "estimator/weights.py": (
        *("tools/test_estimator.py", "tools/test_regressor.py"),
        *("-k", "class_weight_that or heavy or right_gradient"),
    ),
    "estimator/base.py": (
        *("promises/test_stored.py", "tools/test_regressor.py"),
        *("-k", "pickled_classifier or TestWeights"),
    ),
    "estimator/network.py": ("tools/test_estimator_network.py", "-k", "stands_behind or Dropout"),
    "estimator/regressor.py": ("tools/test_regressor.py", "-k", "shape_of_y or is_an_epoch"),
    "estimator/sparse_rows.py": ("tools/test_regressor.py", "-k", "sparse_rows_are"),
    "gradcheck/differences.py": (
        *("tools/test_gradcheck.py", "-m", "slow or not slow"),
        *("-k", "not right_layers and not lesson and not command and not every_seed"),
    ),
    "support/description.py": ("tools/test_strangers_inspection.py", "-k", "another_forward"),
    "inspection/told.py": (
        *("tools/test_strangers_inspection.py", "tools/test_pages_steps.py"),
        *("-k", "Explain or words_of_a_loss or another_forward", "-m", "slow or not slow"),
    ),
    "inspection/tracing.py": (
        *("core/test_freezing.py::TestTools", "core/test_ties.py"),
        *("-k", "TestTools or a_trace_says"),
    ),
    "inspection": ("tools/test_strangers_inspection.py", "-k", "Explain or trace or doctor"),
    "pages/__init__.py": (
        *("tools/test_pages.py", "-k", "refuses_what_it_cannot_show", "-m", "slow or not slow"),
    ),
    "pages/lab_layers.js": ("tools/test_lab_engine.py", "-k", "are_tinynets", "-m", "slow"),
    "pages/lab_losses.js": ("tools/test_lab_engine.py", "-k", "are_tinynets", "-m", "slow"),
    "pages/lab_optimizers.js": (
        *("tools/test_lab_engine.py", "-k", "every_activation_by", "-m", "slow"),
    ),
    "pages/lab_engine.js": ("tools/test_lab_back.py", "-k", "exact_to_the_bit", "-m", "slow"),
    "pages/lab_given.py": ("tools/test_lab_given.py", "-m", "slow or not slow"),
    "pages/playground.py": ("tools/test_strangers_inspection.py", "-k", "cannot_be_drawn"),
    "gradcheck/copies.py": (
        "tools/test_gradcheck.py",
        "tools/test_strangers_inspection.py::TestGradientCheck",
        "core/test_freezing.py::TestTools",
        "-k",
        "not right_layers and not lesson and not command",
    ),
    "gradcheck": (
        "tools/test_gradcheck.py",
        "-k",
        "not right_layers and not lesson and not command",
    ),
}
"""Which tests are run for the bugs of a file or a folder."""

JIT_BUGS: dict[str, tuple[Bug, ...]] = {
    "inspection/findings.py": (
        Bug(
            "may-not-start-at-0",
            "layers that may start at 0 are called ill",
            "_same_columns(p.value) and _same_columns(p.grad)",
            "_same_columns(p.value)",
        ),
        Bug(
            "effect-beside-cause",
            "what a finding explains is told beside it",
            "if finding.name not in explained",
            "if finding.name",
        ),
    ),
    "inspection/data_findings.py": (
        Bug(
            "first-epoch-forgotten",
            "a test set that does not belong to the training set is called overfitting",
            "other > WORSE * loss",
            "other > 100 * loss",
        ),
        Bug(
            "one-feature-overlooked",
            "one feature among hundreds may be of any size",
            "    few = large.mean() < LARGE_SHARE\n",
            "    few, squares = large.mean() < LARGE_SHARE, squares + 1e9\n",
        ),
    ),
    "kernels/gemm/tiles.py": (
        Bug(
            "negative-zero-in-a-row-alone",
            "a row alone keeps a -0 that it loses in a batch",
            "left + (a + zeros(M, 8)), right + (b + zeros(M, 8))",
            "left + a, right + b",
        ),
        Bug(
            "sign-of-the-neighbours",
            "a step at once: the sign of a zero depends on the columns beside it",
            "put(plus_zero(sums), into",
            "put(sums, into",
        ),
    ),
    "kernels/threads/shares.py": (
        Bug(
            "start-of-the-first-share",
            "each share of columns begins with the start of the first",
            "start[:, columns], alpha",
            "start[:, :size], alpha",
        ),
        Bug(
            "share-of-another-dtype",
            "a helper takes float64 for float32",
            "words[ITEMSIZE] != like.itemsize",
            "words[ITEMSIZE] < 0",
        ),
    ),
    "kernels/threads/helpers.py": (
        Bug(
            "threads-of-workers",
            "each of joblib's workers has as many threads as there are cores",
            "usable_cores() if SHARES and not multiprocessing.parent_process() else 1",
            "usable_cores() if SHARES else 1",
        ),
    ),
    "kernels/simd/tile_llvm.py": (
        Bug(
            "first-channel-of-the-tile",
            "all products of a tile are those of its first channel",
            "fused(builder, down[i // across],",
            "fused(builder, down[0],",
        ),
        Bug(
            "rows-of-a-tile-from-the-second",
            "all rows of a tile but the first are those of the second",
            "pointer_add(builder, found[-1], step)",
            "pointer_add(builder, found[0], step)",
        ),
    ),
    "kernels/simd/lanes_llvm.py": (
        Bug(
            "two-roundings",
            "multiply-add rounds twice though the processor can do with one",
            "    if not HAS_FMA:",
            "    if HAS_FMA:",
        ),
        Bug(
            "shuffled-wrong",
            "the columns of a transposed block change places",
            "return [lanes[k] for k in (0, 2, 1, 3)]",
            "return [lanes[k] for k in (0, 1, 2, 3)]",
        ),
        Bug(
            "factors-of-the-first",
            "a row alone: all eight columns are multiplied by the first of their factors",
            "builder.gep(factors, [ir.Constant(ir.IntType(32), n)])",
            "builder.gep(factors, [ir.Constant(ir.IntType(32), 0)])",
        ),
        Bug(
            "nan-is-zero",
            "a NaN input is skipped as zeros are",
            'builder.fcmp_unordered("!=", args[0]',
            'builder.fcmp_ordered("!=", args[0]',
        ),
        Bug(
            "exp-of-a-rounded-rest",
            "exp is off by what log(2) in one number leaves out",
            "    r = fused(builder, k, all_lanes(-1.42860682030941723212e-6), r)\n",
            "",
        ),
        Bug(
            "exp-in-one-power",
            "results of exp below the smallest normal number are wrong",
            "half = builder.ashr(k, all_lanes(1, whole))",
            "half = builder.ashr(k, all_lanes(31, whole))",
        ),
    ),
    "kernels/jit/compile.py": (
        Bug(
            "fast-math",
            "the compiler may reorder sums and leave out NaN",
            'numba.njit(error_model="numpy", **options)',
            'numba.njit(error_model="numpy", fastmath=True, **options)',
        ),
        Bug(
            "gc-stays-off",
            "after a kernel is compiled, the garbage collector stays off",
            "if was_on:",
            "if not was_on:",
        ),
    ),
    "kernels/jit/rung.py": (
        Bug(
            "fast-by-force",
            "loops are chosen, Numba is not there, and the equations run without a word",
            "        if name:\n            raise",
            "        if not name:\n            raise",
        ),
        Bug(
            "rung-unknown",
            "a rung that is none is taken for the fast one",
            'if name not in ("", *RUNGS):',
            'if name in ("no such rung",):',
        ),
    ),
    "kernels/jit/kernel.py": (
        Bug(
            "compiled-off-the-rung",
            "compiled code that names a kernel calls its fast loop on every rung",
            "return self.runs._numba_type_",
            "return self.loop._numba_type_",
        ),
    ),
    "kernels/jit/folder.py": (
        Bug(
            "rungs-mixed",
            "plain and fast loops find each other's machine code",
            'f"{numba.__version__} {RUNG}"',
            'f"{numba.__version__}"',
        ),
        Bug(
            "stale-code",
            "the cache does not know which source its code comes from",
            'for path in sorted(Path(__file__).parents[1].rglob("*.py")):',
            "for path in list[Path]():",
        ),
    ),
    "kernels/jit/cache.py": (
        Bug(
            "damaged-code",
            "machine code from the cache runs though its hash is wrong",
            "if hashlib.sha256(content).digest() != digest:",
            "if hashlib.sha256(content).digest() is digest:",
        ),
    ),
    "kernels/jit/dependencies.py": (
        Bug(
            "own-constants-unseen",
            "the key of an own kernel lacks its constants",
            "yield from map(_constant, code.co_consts)",
            "yield from map(_constant, ())",
        ),
        Bug(
            "own-globals-unseen",
            "the key of an own kernel lacks the globals that it names",
            "for name in sorted(names & function.__globals__.keys()):",
            "for name in sorted(names & {}.keys()):",
        ),
    ),
    "kernels/jit/addresses.py": (
        Bug(
            "symbol-unknown",
            "code from the cache is linked before what it calls is known",
            "if symbol not in _known and _symbol(",
            "if symbol in _known and _symbol(",
        ),
        Bug(
            "symbol-of-the-place",
            "two kernels that are made at one place, as by a function, have one symbol",
            'content = "" if is_own(function) else meaning(function)',
            'content = ""',
        ),
    ),
    "kernels/jit/flat.py": (
        Bug(
            "rows-end-early",
            "of an array of several axes, a flat loop gets as many numbers as its first axis has",
            "shape=[array.nitems]",
            "shape=[builder.extract_value(array.shape, 0)]",
        ),
        Bug(
            "written-to-a-copy",
            "what a flat loop writes to every other column of a matrix is lost in a copy",
            "if not argument.flags.c_contiguous:",
            "if False:",
        ),
    ),
}
"""Bugs that only compiled code can have or show, or whose tests train too long without it."""

JIT_TESTS: dict[str, tuple[str, ...]] = {
    "inspection/findings.py": (
        *("tools/test_doctor.py", "-k", "may_start or set_that_does"),
        *("-m", "slow or not slow"),
    ),
    "inspection/data_findings.py": (
        *("tools/test_doctor.py", "-k", "set_that_does or outweigh"),
        *("-m", "slow or not slow"),
    ),
    "kernels/threads/shares.py": ("kernels/test_threads.py", "-k", "every_number"),
    "kernels/threads/helpers.py": ("kernels/test_threads.py", "-k", "joblib"),
    "kernels/gemm/tiles.py": (
        *("kernels/test_kernels.py", "kernels/test_plain_loops.py"),
        *("-k", "sign_of_its_zero or step_gives"),
    ),
    "kernels/simd/tile_llvm.py": (f"{COMPUTES}[linear]", f"{COMPUTES}[conv2d_dw]"),
    "kernels/simd/lanes_llvm.py": (
        f"{COMPUTES}[linear_dx]",
        f"{STRAYS}[linear]",
        "core/test_optim.py::TestAgainstPyTorch::test_a_plain_float32_sgd_step_is_pytorch_s_bit_for_bit",
        "kernels/test_kernels.py::test_exp_is_right_to_a_few_units_in_the_last_place_and_at_its_ends",
    ),
    "kernels/jit/compile.py": (
        *(f"{COMPUTES}[log_softmax]", f"{STRAYS}[adam_direction]"),
        "kernels/test_jit.py::test_the_garbage_collector_is_as_it_was_after_compiling_and_after_an_error",
    ),
    "kernels/jit/rung.py": ("kernels/test_rungs.py", "-k", "are_an_error or lists_the_three"),
    "kernels/jit/kernel.py": ("kernels/test_rungs.py", "-k", "names_a_kernel"),
    "kernels/jit/folder.py": (
        "kernels/test_jit.py::test_an_edited_kernel_never_runs_as_its_old_self",
        "kernels/test_rungs.py::test_rungs_share_no_compiled_code",
        *("-m", "slow or not slow"),
    ),
    "kernels/jit/cache.py": (
        "kernels/test_jit.py::test_one_flipped_bit_anywhere_in_a_cache_file_is_noticed",
    ),
    "kernels/jit/dependencies.py": ("kernels/test_own_kernels.py", "-k", "means or constants"),
    "kernels/jit/flat.py": ("kernels/test_own_kernels.py", "-k", "any_shape and 2 or cannot_see"),
    "kernels/jit/addresses.py": (
        "kernels/test_jit.py::test_a_part_that_kernels_call_by_address_may_be_lost_from_the_cache",
        "kernels/test_own_kernels.py::test_code_from_the_cache_calls_the_kernel_that_it_was_compiled_with",
        "-m",
        "slow or not slow",
    ),
}
