// The chain rule with numbers: of one unit, of one weight, of the loss; and gradients checked by differences.
// All of it is of the coming step, see Run.look.

const DIFFERENCE = 1e-5; // how far a weight is moved to each side
const MOST_CHECKED = 1000; // weights

const sumOf = (parts) => parts.join(" + ").replaceAll("+ -", "- ");
const told = (value) => (value < 0 ? `(${written(value)})` : written(value));

function explainUnit(run, index, unit, sample) {
  const { rows, outs, grads } = run.look();
  const layer = run.net.layers[index];
  const { kind, inputs, outputs, W, b } = layer;
  const at = sample * outputs + unit;
  const [y, dy] = [outs[index + 1][at], grads[index + 1][at]];
  const about = { layer: index, kind, unit, sample, row: rows[sample], y, dy };
  if (kind !== "Linear") {
    const [x, dx] = [outs[index][at], grads[index][at]];
    return { ...about, x, dx, lines: activationLines(layer, { x, y, dy, dx }, grads[index + 1].subarray(at - unit, at - unit + outputs)) };
  }
  const terms = Array.from({ length: inputs }, (_, i) => {
    const [k, x] = [i * outputs + unit, outs[index][sample * inputs + i]];
    const w = W.value[k];
    return { i, x, w, product: x * w, xdy: x * dy, grad: W.grad[k], wdy: w * dy, update: W.update[k], after: w + W.update[k] };
  });
  const bias = { w: b.value[unit], grad: b.grad[unit], update: b.update[unit], after: b.value[unit] + b.update[unit] };
  const products = terms.map(({ x, w }) => `${told(x)} * ${told(w)}`);
  const shares = Array.from(rows, (_, n) => dyOf(run, index, n, unit));
  const lines = [
    { equation: "y = x @ W + b", numbers: `${sumOf([...products, written(bias.w)])} = ${written(y)}` },
    { equation: "db = dy.sum(axis=0)", numbers: `${sumOf(shares.map(written))} = ${written(bias.grad)}`, note: `over the ${rows.length} rows of the batch` },
  ];
  return { ...about, terms, bias, lines };
}

const dyOf = (run, index, n, unit) => run.seen.grads[index + 1][n * run.net.layers[index].outputs + unit];

// Forward and backward of one number through an activation.
function activationLines({ kind, slope }, { x, y, dy, dx }, dys) {
  const [forward, backward] = LAYERS[kind].equations;
  const total = dys.reduce((sum, value) => sum + value, 0);
  const [X, Y, DY] = [x, y, dy].map(told);
  const numbers = {
    ReLU: [`max(${written(x)}, 0)`, `${x > 0 ? written(dy) : 0}`, x > 0 ? "x > 0: it passes" : "x <= 0: it blocks"],
    LeakyReLU: [`${x > 0 ? 1 : slope} * ${X}`, `${x > 0 ? 1 : slope} * ${DY}`, x > 0 ? "x > 0: the slope is 1" : `x <= 0: the slope is ${slope}`],
    Sigmoid: [`1 / (1 + exp(-${X}))`, `${DY} * ${Y} * (1 - ${Y})`],
    Tanh: [`tanh(${written(x)})`, `${DY} * (1 - ${Y} * ${Y})`],
    LogSoftmax: [`${X} - ${told(x - y)}`, `${DY} - exp(${Y}) * ${told(total)}`],
  }[kind];
  return [
    { equation: forward, numbers: `${numbers[0]} = ${written(y)}` },
    { equation: backward, numbers: `${numbers[1]} = ${written(dx)}`, ...(numbers[2] && { note: numbers[2] }) },
  ];
}

function explainWeight(run, index, input, unit) {
  const { rows: batch, outs } = run.look();
  const { inputs, outputs, W, b } = run.net.layers[index];
  const isBias = input === null;
  const parameter = isBias ? b : W;
  const k = isBias ? unit : input * outputs + unit;
  const [w, grad, update] = [parameter.value[k], parameter.grad[k], parameter.update[k]];
  const rows = Array.from(batch, (row, n) => {
    const [x, dy] = [isBias ? 1 : outs[index][n * inputs + input], dyOf(run, index, n, unit)];
    return { row, x, dy, product: x * dy };
  });
  const sum = sumOf(rows.map(({ product }) => written(product)));
  const memory = run.memories[run.net.parameters.indexOf(parameter)];
  const lines = [
    { equation: isBias ? "db = dy.sum(axis=0)" : "dW = x.T @ dy", numbers: `${sum} = ${written(grad)}`, note: `over the ${rows.length} rows of the batch` },
    ...updateLines(run, w, grad, update, memory, k),
  ];
  return { w, grad, update, after: w + update, rows, lines };
}

// What the optimizer makes of one gradient.
function updateLines({ setup: { optimizer }, options }, w, grad, update, memory, k) {
  const { lr, momentum, nesterov, alpha, betas: [beta1, beta2], eps, weightDecay } = options;
  const lines = [];
  const tell = (equation, numbers, value) => lines.push({ equation, numbers: `${numbers} = ${written(value)}` });
  const g = grad + weightDecay * w;
  const G = told(g);
  const after = w + update;
  if (weightDecay) tell("g = dW + weight_decay * w", `${told(grad)} + ${weightDecay} * ${told(w)}`, g);
  if (optimizer === "SGD" && momentum) {
    const before = memory.velocity?.[k];
    const v = before === undefined ? g : momentum * before + g;
    if (before === undefined) tell("v = g, in the first step", G, v);
    else tell("v = momentum * v + g", `${momentum} * ${told(before)} + ${G}`, v);
    if (nesterov) tell("w -= lr * (g + momentum * v)", `${told(w)} - ${lr} * (${G} + ${momentum} * ${told(v)})`, after);
    else tell("w -= lr * v", `${told(w)} - ${lr} * ${told(v)}`, after);
  } else if (optimizer === "SGD") tell("w -= lr * g", `${told(w)} - ${lr} * ${G}`, after);
  else if (optimizer === "RMSprop") {
    const before = memory.square?.[k] ?? 0;
    const v = alpha * before + (1 - alpha) * g * g;
    tell("v = alpha * v + (1 - alpha) * g**2", `${alpha} * ${written(before)} + ${written(1 - alpha)} * ${G}**2`, v);
    tell("w -= lr * g / (sqrt(v) + eps)", `${told(w)} - ${lr} * ${G} / (sqrt(${written(v)}) + ${eps})`, after);
  } else {
    const t = (memory.step ?? 0) + 1;
    const [m0, v0] = [memory.mean?.[k] ?? 0, memory.square?.[k] ?? 0];
    const [m, v] = [beta1 * m0 + (1 - beta1) * g, beta2 * v0 + (1 - beta2) * g * g];
    tell("m = beta1 * m + (1 - beta1) * g", `${beta1} * ${told(m0)} + ${written(1 - beta1)} * ${G}`, m);
    tell("v = beta2 * v + (1 - beta2) * g**2", `${beta2} * ${written(v0)} + ${written(1 - beta2)} * ${G}**2`, v);
    const rate = `${lr} / (1 - ${beta1}**${t}) * ${told(m)} / (sqrt(${written(v)} / (1 - ${beta2}**${t})) + ${eps})`;
    tell("w -= lr / (1 - beta1**t) * m / (sqrt(v / (1 - beta2**t)) + eps)", `${told(w)} - ${rate}`, after);
  }
  return lines;
}

function explainLoss(run, sample) {
  const { rows, targets, losses, outs, grads } = run.look();
  const { outputs } = run.net;
  const { labels, equations: [forward, backward] } = LOSSES[run.setup.loss];
  const [y, dy] = [outs.at(-1), grads.at(-1)].map((values) => values.subarray(sample * outputs, (sample + 1) * outputs));
  const target = labels ? targets[sample] : Array.from(targets.subarray(sample * outputs, (sample + 1) * outputs));
  const list = (values) => Array.from(values, written).join(", ");
  const asked = labels ? `label = ${target}` : `t = ${list(target)}`;
  const lines = [
    { equation: forward, numbers: `${written(losses[sample])}`, note: `x = ${list(y)};  ${asked}` },
    { equation: backward, numbers: list(dy) },
  ];
  return { row: rows[sample], target, loss: losses[sample], lines };
}

// ---- Gradients by differences ---------------------------------------------------------------------

// Each weight is moved a little to both sides, and the loss watched. Where that crosses the bend of a ReLU,
// there is no slope to compare with: such weights are counted apart.
function checkGradients(run) {
  run.seen = null;
  const { rows, targets, loss } = run.learn();
  const space = makeSpace(run.net, rows.length);
  space.outs[0].set(run.seen.outs[0]);
  const lossOf = () => {
    forwardThrough(run.net, space);
    return run.loss(space, targets);
  };
  lossOf();
  const start = bendsOf(run, space, targets);
  const all = run.net.parameters.flatMap(({ value }, p) => Array.from(value, (_, k) => [p, k]));
  const every = Math.ceil(all.length / MOST_CHECKED);
  const report = { ok: true, checked: 0, count: all.length, bends: 0, worst: null };
  for (const [p, k] of all.filter((_, n) => n % every === 0)) {
    const { name, value, grad } = run.net.parameters[p];
    const w = value[k];
    const h = DIFFERENCE * Math.max(1, Math.abs(w));
    const sides = [w + h, w - h].map((moved) => {
      value[k] = moved;
      return { loss: lossOf(), bends: bendsOf(run, space, targets) };
    });
    value[k] = w;
    if (sides.some(({ bends }) => bends !== start)) {
      report.bends += 1;
      continue;
    }
    const byDifference = (sides[0].loss - sides[1].loss) / (2 * h);
    const error = Math.abs(grad[k] - byDifference);
    const allowed = 1e-5 * Math.max(Math.abs(grad[k]), Math.abs(byDifference)) + 1e-9 * Math.max(1, loss);
    report.checked += 1;
    if (!(error <= allowed)) report.ok = false;
    if (!(error / allowed <= (report.worst?.share ?? -1))) {
      const [layer, which] = name.split(".");
      report.worst = { layer: Number(layer), name: which, index: k, byHand: grad[k], byDifference, error, share: error / allowed };
    }
  }
  return report;
}

// On which side of each bend the numbers lie, as text that can be compared.
function bendsOf({ net, setup: { loss } }, { outs }, targets) {
  const sides = net.layers.map(({ kind }, k) => (kind.endsWith("ReLU") ? Array.from(outs[k], Math.sign) : []));
  if (loss === "L1Loss") sides.push(Array.from(outs.at(-1), (x, n) => Math.sign(x - targets[n])));
  return sides.join();
}
