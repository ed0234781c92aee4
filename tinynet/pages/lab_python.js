// What was built here, for Python: the code, and files in the form of safetensors.

const FILES = { net: "lab_net.safetensors", run: "lab_run.safetensors" };

// ---- Code -----------------------------------------------------------------------------------------

const pythonBool = (value) => (value ? "True" : "False");

// As Python's repr, so that Python finds the same bytes when it writes the number again.
function pythonNumber(value) {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e16)) return String(value);
  const [digits, power] = value.toExponential().split("e");
  return `${digits}e${power[0]}${power.slice(1).padStart(2, "0")}`;
}

function layerCode({ kind, inputs, outputs, slope }) {
  if (kind === "Linear") return `tn.Linear(${inputs}, ${outputs}, dtype=np.float64)`;
  return `tn.${kind}(${kind === "LeakyReLU" ? pythonNumber(slope) : ""})`;
}

function optimizerCode({ setup: { optimizer }, options }) {
  const { lr, momentum, nesterov, alpha, betas, eps, weightDecay } = options;
  const given = [`lr=${pythonNumber(lr)}`];
  if (optimizer === "SGD" && momentum) given.push(`momentum=${pythonNumber(momentum)}`);
  if (optimizer === "SGD" && momentum && nesterov) given.push(`nesterov=${pythonBool(nesterov)}`);
  if (optimizer === "RMSprop") given.push(`alpha=${pythonNumber(alpha)}`, `eps=${pythonNumber(eps)}`);
  if (optimizer === "Adam") given.push(`betas=(${betas.map(pythonNumber).join(", ")})`, `eps=${pythonNumber(eps)}`);
  if (weightDecay) given.push(`weight_decay=${pythonNumber(weightDecay)}`);
  return `tn.${optimizer}(net.parameters(), ${given.join(", ")})`;
}

function pythonOf(run) {
  const { net, setup, steps, memories, orders } = run;
  const remembered = Object.keys(memories[0]);
  const memory = remembered.length === 0 ? "" : `
for k, memory in enumerate(optimizer.state):  # what it remembers of each parameter
    memory.update(${remembered.map((name) => memoryCode(name)).join(", ")})
`;
  return `"""A network from tinynet's lab, after ${steps} steps: its training goes on here.

Beside this file belong ${FILES.net}, its weights, and ${FILES.run}, its data.
"""

import numpy as np
from safetensors.numpy import load_file

import tinynet as tn

run = load_file("${FILES.run}")
X, y, X_test, y_test = (run[name] for name in ("X", "y", "X_test", "y_test"))

net = tn.Sequential(
${net.layers.map((layer) => `    ${layerCode(layer)},`).join("\n")}
)
tn.load("${FILES.net}", into=net)
loss_fn = tn.${setup.loss}()
optimizer = ${optimizerCode(run)}
${memory}

${orders ? GIVEN_ORDER : orderCode(setup.seed)}

def batches(first, steps, size=${setup.batch}):
    """The batches of the steps from \`first\` on."""
    per_epoch = -(-len(X) // size)
    for step in range(first, first + steps):
        epoch, number = divmod(step, per_epoch)
        rows = order(epoch)[number * size : (number + 1) * size]
        yield step, X[rows], y[rows]


for step, xb, yb in batches(${steps}, steps=200):
    loss = loss_fn(net(xb), yb)
    optimizer.zero_grad()
    net.backward(loss_fn.backward())
    optimizer.step()
    print(f"step {step}: loss {loss:.9g}")
print(f"loss on the test points: {loss_fn(net.predict(X_test), y_test):.9g}")
`;
}

const memoryCode = (name) => (name === "step" ? 'step=int(run["step"][0])' : `${name}=run[f"{k}.${name}"]`);

const GIVEN_ORDER = `def order(epoch):
    """The rows in the order of this epoch."""
    return run["orders"][epoch % len(run["orders"])]
`;

const orderCode = (seed) => `def order(epoch, seed=${seed}):
    """The page's order of the rows: numbers by Marsaglia's xorshift, Fisher and Yates' shuffle."""
    bits = (seed * 2654435761 + (epoch + 1) * 40503 + 88172645) % 2**32 or 1
    rows = np.arange(len(X))
    for k in range(len(X) + ${WARM_UP - 1}, 0, -1):  # the first ${WARM_UP} numbers are thrown away
        bits ^= bits << 13 & 0xFFFFFFFF
        bits ^= bits >> 17
        bits ^= bits << 5 & 0xFFFFFFFF
        if k < len(X):
            other = bits % (k + 1)
            rows[k], rows[other] = rows[other], rows[k]
    return rows
`;

// ---- Files ----------------------------------------------------------------------------------------

// The options of layers in a file.
const SAVED = { LeakyReLU: (slope) => ({ negative_slope: slope }), LogSoftmax: () => ({ axis: -1 }) };

// What tn.save writes: the weights as PyTorch names and turns them, and how the network is built.
function modelFile({ net }) {
  const tensors = {};
  const layers = net.layers.map(({ kind, inputs, outputs, slope, W, b }, k) => {
    if (kind !== "Linear") return { layer: kind, ...SAVED[kind]?.(slope) };
    tensors[`${k}.weight`] = { dtype: "F64", shape: [outputs, inputs], values: transposed(W.value, inputs, outputs) };
    tensors[`${k}.bias`] = { dtype: "F64", shape: [outputs], values: b.value };
    return { layer: kind, in_features: inputs, out_features: outputs, bias: true, dtype: "float64" };
  });
  const stray = Object.entries(tensors).find(([, { values }]) => !values.every(Number.isFinite));
  if (stray) refuse(`${stray[0]} holds a number that is not finite: go back to steps before that, then save.`);
  const document = { format: "tinynet model 1", architecture: { layer: "Sequential", layers } };
  return safetensors(tensors, { tinynet: pythonJson({ ...document, sha256: digestOf(tensors, document) }) });
}

// The data and what the optimizer remembers, as the code reads them.
function runFile({ data, net, target, testTarget, memories, orders }) {
  const tensor = (values, shape) => {
    const dtype = values instanceof Float64Array ? "F64" : "I32";
    return { dtype, shape, values };
  };
  const targets = (values, rows) => tensor(values, values instanceof Int32Array ? [rows] : [rows, net.outputs]);
  const tensors = {
    X: tensor(data.x, [data.rows, data.inputs]),
    y: targets(target, data.rows),
    X_test: tensor(data.test.x, [data.test.rows, data.inputs]),
    y_test: targets(testTarget, data.test.rows),
  };
  if (memories[0].step) tensors.step = tensor(Int32Array.of(memories[0].step), [1]);
  if (orders) tensors.orders = tensor(Int32Array.from(orders.flat()), [orders.length, data.rows]);
  memories.forEach((memory, k) => {
    for (const [name, values] of Object.entries(memory)) {
      if (name !== "step") tensors[`${k}.${name}`] = tensor(values, net.parameters[k].shape);
    }
  });
  return safetensors(tensors, {});
}

function transposed(values, lines, columns) {
  return values.map((_, k) => values[(k % lines) * columns + Math.floor(k / lines)]);
}

// A header in JSON, which says where each array lies, and then the bytes of the arrays.
function safetensors(tensors, metadata) {
  const header = Object.keys(metadata).length ? { __metadata__: metadata } : {};
  let end = 0;
  for (const [name, { dtype, shape, values }] of byName(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, (end += values.byteLength)] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const size = 8 * Math.ceil(text.length / 8); // the arrays begin at a multiple of 8
  const file = new Uint8Array(8 + size + end).fill(32, 8, 8 + size);
  new DataView(file.buffer).setBigUint64(0, BigInt(size), true);
  file.set(text, 8);
  for (const [name, { values }] of byName(tensors)) file.set(bytesOf(values), 8 + size + header[name].data_offsets[0]);
  return file;
}

const bytesOf = (values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const byName = (tensors) => Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1));

// JSON as Python's json.dumps writes it: the digest is of these bytes.
function pythonJson(value) {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (typeof value === "number") return pythonNumber(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const pairs = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}: ${pythonJson(value[name])}`);
  return `{${pairs.join(", ")}}`;
}

// The SHA-256 of all that the file says, as tinynet/formats/safetensors.py takes it.
function digestOf(tensors, document) {
  const layout = byName(tensors).map(([name, { shape }]) => [name, "<f8", shape]);
  const parts = [new TextEncoder().encode(pythonJson([document, layout])), ...byName(tensors).map(([, { values }]) => bytesOf(values))];
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return sha256(all);
}
