// The layers: each forward, and its backward directly below, as in the library's layers/.
// x and dx are (rows, inputs), y and dy (rows, outputs), row by row in one array; W is (inputs, outputs).

const LAYERS = {
  Linear: {
    // y = x @ W + b
    forward({ W, b, inputs, outputs }, x, y, rows) {
      for (let n = 0; n < rows; n++) {
        const at = n * outputs;
        for (let o = 0; o < outputs; o++) y[at + o] = b.value[o];
        for (let i = 0; i < inputs; i++) {
          const value = x[n * inputs + i];
          for (let o = 0; o < outputs; o++) y[at + o] += value * W.value[i * outputs + o];
        }
      }
    },
    // dW = x.T @ dy, db = dy.sum(axis=0), dx = dy @ W.T
    backward({ W, b, inputs, outputs }, x, y, dy, dx, rows) {
      W.grad.fill(0);
      b.grad.fill(0);
      for (let n = 0; n < rows; n++) {
        const at = n * outputs;
        for (let o = 0; o < outputs; o++) b.grad[o] += dy[at + o];
        for (let i = 0; i < inputs; i++) {
          const value = x[n * inputs + i];
          let sum = 0;
          for (let o = 0; o < outputs; o++) {
            W.grad[i * outputs + o] += value * dy[at + o];
            sum += dy[at + o] * W.value[i * outputs + o];
          }
          dx[n * inputs + i] = sum;
        }
      }
    },
  },

  ReLU: {
    equations: ["y = max(x, 0)", "dx = dy where y > 0, else 0"],
    forward(layer, x, y) {
      for (let k = 0; k < y.length; k++) y[k] = x[k] <= 0 ? 0 : x[k];
    },
    backward(layer, x, y, dy, dx) {
      for (let k = 0; k < y.length; k++) dx[k] = y[k] <= 0 ? 0 : dy[k];
    },
  },

  LeakyReLU: {
    equations: ["y = x where x > 0, else slope * x", "dx = dy where x > 0, else slope * dy"],
    forward({ slope }, x, y) {
      for (let k = 0; k < y.length; k++) y[k] = x[k] > 0 ? x[k] : slope * x[k];
    },
    backward({ slope }, x, y, dy, dx) {
      for (let k = 0; k < y.length; k++) dx[k] = x[k] > 0 ? dy[k] : slope * dy[k];
    },
  },

  Sigmoid: {
    equations: ["y = 1 / (1 + exp(-x))", "dx = dy * y * (1 - y)"],
    forward(layer, x, y) {
      for (let k = 0; k < y.length; k++) y[k] = sigmoid(x[k]);
    },
    backward(layer, x, y, dy, dx) {
      for (let k = 0; k < y.length; k++) dx[k] = dy[k] * y[k] * (1 - y[k]);
    },
  },

  Tanh: {
    equations: ["y = tanh(x)", "dx = dy * (1 - y * y)"],
    forward(layer, x, y) {
      for (let k = 0; k < y.length; k++) y[k] = Math.tanh(x[k]);
    },
    backward(layer, x, y, dy, dx) {
      for (let k = 0; k < y.length; k++) dx[k] = dy[k] * (1 - y[k] * y[k]);
    },
  },

  LogSoftmax: {
    equations: ["y = x - log(sum(exp(x)))", "dx = dy - exp(y) * sum(dy)"],
    forward({ outputs }, x, y, rows) {
      for (let at = 0; at < rows * outputs; at += outputs) {
        const total = logOfSum(x, at, outputs);
        for (let c = at; c < at + outputs; c++) y[c] = x[c] - total;
      }
    },
    backward({ outputs }, x, y, dy, dx, rows) {
      for (let at = 0; at < rows * outputs; at += outputs) {
        let sum = 0;
        for (let c = at; c < at + outputs; c++) sum += dy[c];
        for (let c = at; c < at + outputs; c++) dx[c] = dy[c] - Math.exp(y[c]) * sum;
      }
    },
  },
};

const ACTIVATIONS = ["ReLU", "LeakyReLU", "Sigmoid", "Tanh"];

// Where x < 0, multiplied by exp(x) / exp(x): exp(-x) might overflow.
function sigmoid(x) {
  const e = Math.exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

// log(exp(x0) + exp(x1) + ...), the largest taken out, since exp might overflow.
function logOfSum(x, at, count) {
  let highest = x[at];
  for (let c = at + 1; c < at + count; c++) if (x[c] > highest) highest = x[c];
  let sum = 0;
  for (let c = at; c < at + count; c++) sum += Math.exp(x[c] - highest);
  return highest + Math.log(sum);
}

// ---- First weights, by the rules of tn.init -------------------------------------------------------

// Each gives a function that draws one weight of a Linear. Only "default" draws biases, too.
const INITIALISERS = {
  default: (random, inputs) => within(random, 1 / Math.sqrt(inputs)),
  xavier_uniform: (random, inputs, outputs) => within(random, Math.sqrt(6 / (inputs + outputs))),
  xavier_normal: (random, inputs, outputs) => about0(random, Math.sqrt(2 / (inputs + outputs))),
  kaiming_uniform: (random, inputs) => within(random, Math.sqrt(6 / inputs)),
  kaiming_normal: (random, inputs) => about0(random, Math.sqrt(2 / inputs)),
  normal: (random, inputs, outputs, { std }) => about0(random, std),
  constant: (random, inputs, outputs, { value }) => () => value,
};

const within = (random, bound) => () => random.uniform(-bound, bound);
const about0 = (random, std) => () => std * random.normal();

// ---- A network ------------------------------------------------------------------------------------

function makeNet(kinds, setup) {
  const random = makeRandom(setup.seed, 0);
  const layers = kinds.map(({ kind, inputs, outputs }, k) => {
    const layer = { kind, inputs, outputs, text: `${kind}()` };
    if (kind === "LeakyReLU") Object.assign(layer, { slope: setup.slope, text: `LeakyReLU(${setup.slope})` });
    if (kind !== "Linear") return layer;
    const draw = INITIALISERS[setup.init](random, inputs, outputs, setup);
    layer.text = `Linear(${inputs}, ${outputs})`;
    layer.W = makeParameter(`${k}.W`, [inputs, outputs], draw);
    layer.b = makeParameter(`${k}.b`, [outputs], setup.init === "default" ? draw : () => 0);
    return layer;
  });
  const linears = layers.filter(({ kind }) => kind === "Linear");
  const parameters = linears.flatMap(({ W, b }) => [W, b]);
  return { layers, linears, parameters, inputs: layers[0].inputs, outputs: layers.at(-1).outputs };
}

function makeParameter(name, shape, draw) {
  const size = shape.reduce((product, length) => product * length, 1);
  const value = Float64Array.from({ length: size }, draw);
  return { name, shape, value, grad: new Float64Array(size), update: new Float64Array(size) };
}

// Arrays for all that goes through the network, for so many rows.
function makeSpace(net, rows) {
  const widths = [net.inputs, ...net.layers.map(({ outputs }) => outputs)];
  const arrays = () => widths.map((width) => new Float64Array(rows * width));
  return { rows, outs: arrays(), grads: arrays(), losses: new Float64Array(rows) };
}

function forwardThrough(net, space) {
  net.layers.forEach((layer, k) => {
    LAYERS[layer.kind].forward(layer, space.outs[k], space.outs[k + 1], space.rows);
  });
}

function backwardThrough(net, { outs, grads, rows }) {
  for (let k = net.layers.length - 1; k >= 0; k--) {
    const layer = net.layers[k];
    LAYERS[layer.kind].backward(layer, outs[k], outs[k + 1], grads[k + 1], grads[k], rows);
  }
}
