// The losses: forward gives what each row loses, backward, directly below, dLoss/dx of the mean over rows.
// x is (rows, outputs). Targets are labels, one a row, or numbers, as many as outputs.

const LOSSES = {
  CrossEntropyLoss: {
    labels: true,
    equations: ["loss = -log(softmax(x)[label])", "dx = (softmax(x) - one at the label) / rows"],
    forward(x, labels, rows, outputs, losses) {
      for (let n = 0; n < rows; n++) {
        losses[n] = logOfSum(x, n * outputs, outputs) - x[n * outputs + labels[n]];
      }
    },
    backward(x, labels, rows, outputs, dx) {
      for (let n = 0; n < rows; n++) {
        const at = n * outputs;
        const total = logOfSum(x, at, outputs);
        for (let c = 0; c < outputs; c++) dx[at + c] = (Math.exp(x[at + c] - total) - (c === labels[n])) / rows;
      }
    },
  },

  NLLLoss: {
    labels: true,
    last: "LogSoftmax",
    equations: ["loss = -x[label]", "dx = -1 / rows at the label, else 0"],
    forward(x, labels, rows, outputs, losses) {
      for (let n = 0; n < rows; n++) losses[n] = -x[n * outputs + labels[n]];
    },
    backward(x, labels, rows, outputs, dx) {
      dx.fill(0);
      for (let n = 0; n < rows; n++) dx[n * outputs + labels[n]] = -1 / rows;
    },
  },

  BCEWithLogitsLoss: {
    two: true,
    equations: ["loss = (1 - t) * x + log(1 + exp(-x))", "dx = (sigmoid(x) - t) / rows"],
    forward: rowMeans((x, t) => (1 - t) * x + Math.max(-x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
    backward: slopes((x, t) => sigmoid(x) - t),
  },

  BCELoss: {
    two: true,
    last: "Sigmoid",
    equations: ["loss = -(t * log(x) + (1 - t) * log(1 - x))", "dx = (x - t) / (x * (1 - x)) / rows"],
    forward: rowMeans((x, t) => -(t * Math.max(Math.log(x), -100) + (1 - t) * Math.max(Math.log1p(-x), -100))),
    backward: slopes((x, t) => (x - t) / Math.max(x * (1 - x), 1e-12)),
  },

  MSELoss: {
    numbers: true,
    equations: ["loss = mean((x - t)**2)", "dx = 2 * (x - t) / size"],
    forward: rowMeans((x, t) => (x - t) ** 2),
    backward: slopes((x, t) => 2 * (x - t)),
  },

  L1Loss: {
    numbers: true,
    equations: ["loss = mean(abs(x - t))", "dx = sign(x - t) / size"],
    forward: rowMeans((x, t) => Math.abs(x - t)),
    backward: slopes((x, t) => Math.sign(x - t)),
  },
};

// Of a loss of one number: the mean over the numbers of each row.
function rowMeans(loss) {
  return (x, targets, rows, outputs, losses) => {
    for (let n = 0; n < rows; n++) {
      let sum = 0;
      for (let k = n * outputs; k < (n + 1) * outputs; k++) sum += loss(x[k], targets[k]);
      losses[n] = sum / outputs;
    }
  };
}

// Of the slope of such a loss: each number's share in the mean over all of them.
function slopes(slope) {
  return (x, targets, rows, outputs, dx) => {
    const size = rows * outputs;
    for (let k = 0; k < size; k++) dx[k] = slope(x[k], targets[k]) / size;
  };
}

// The losses that fit the data.
function lossesFor({ task, classes }) {
  if (task === "numbers") return Object.keys(LOSSES).filter((name) => LOSSES[name].numbers);
  return Object.keys(LOSSES).filter((name) => !LOSSES[name].two || classes === 2);
}

// How many outputs the network needs: two classes are one number, no or yes, unless the loss takes labels.
function outputsFor({ task, classes }, loss) {
  if (task === "numbers") return 1;
  return LOSSES[loss].labels || classes > 2 ? classes : 1;
}

// What the loss compares with: labels; or numbers, of classes 0 and 1, with a 1 at the right one.
function targetsFor({ task, y }, loss, outputs) {
  if (task === "numbers" || LOSSES[loss].labels) return y;
  if (outputs === 1) return Float64Array.from(y);
  const targets = new Float64Array(y.length * outputs);
  y.forEach((label, n) => { targets[n * outputs + label] = 1; });
  return targets;
}

// How far the outputs believe in each class: (rows, classes), from 0 to 1.
function sharesOf({ data: { classes }, net: { outputs }, setup: { loss } }, y, rows) {
  const shares = new Float64Array(rows * classes);
  const clipped = (value) => Math.min(1, Math.max(0, value));
  if (outputs === 1) {
    for (let n = 0; n < rows; n++) {
      const yes = loss === "BCEWithLogitsLoss" ? sigmoid(y[n]) : clipped(y[n]);
      shares[2 * n] = 1 - yes;
      shares[2 * n + 1] = yes;
    }
    return shares;
  }
  for (let at = 0; at < shares.length; at += classes) {
    const total = LOSSES[loss].labels ? logOfSum(y, at, classes) : 0; // of log-probabilities it is 0
    for (let c = at; c < at + classes; c++) shares[c] = LOSSES[loss].labels ? Math.exp(y[c] - total) : clipped(y[c]);
  }
  return shares;
}

// The share of rows whose largest output is the right class, in percent.
function percentRight({ net: { outputs }, setup: { loss } }, y, labels) {
  const bound = loss === "BCEWithLogitsLoss" ? 0 : 0.5;
  let right = 0;
  labels.forEach((label, n) => {
    let guess = 0;
    if (outputs === 1) guess = Number(y[n] > bound);
    for (let c = 1; c < outputs; c++) if (y[n * outputs + c] > y[n * outputs + guess]) guess = c;
    right += guess === label;
  });
  return (100 * right) / labels.length;
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
