
// The numbers of the trace, as the step, the sample and the layer that are shown.

const at = (name) => data.values[`${name}@${data.steps[state.step].number}`];

// An array of the step's own, times the size that it was divided by.
function scaled(name) {
  const values = at(name);
  const scale = data.steps[state.step].scales[name];
  return values && values.map((value) => value * scale);
}

const cache = new Map();
function cached(key, compute) {
  const full = `${state.step} ${key}`;
  if (!cache.has(full)) cache.set(full, compute());
  return cache.get(full);
}

// W or b of a layer y = x @ W + b, before this step's update.
function parameter(name, l) {
  const first = data.values[`${name}${l}`];
  if (!first) return null;
  return cached(`${name}${l}`, () => {
    const change = scaled(`${name}${l}`);
    return change ? first.map((value, k) => value + change[k]) : first;
  });
}

const update = (name, l) => cached(`update ${name}${l}`, () => scaled(`update ${name}${l}`));
const whole = (l) => (l < 0 ? data.values.X : at(`y${l}`));
const row = (array, n, size) => array.subarray(n * size, (n + 1) * size);
const outputs = (l, n = state.sample) => row(whole(l), n, layerSize(l));
const gradients = (l, n = state.sample) => row(at(`dy${l}`), n, layerSize(l));

// How many units of the layer are off for this sample.
const countOff = (l) => row(at(`off${l}`), state.sample, layerSize(l)).reduce((sum, off) => sum + off, 0);

// A number that a layer's own words name, or a word.
function toldValue(l, u, name) {
  const { inputs, sources, words } = data.layers[l] ?? data.loss;
  const stored = at(`told ${name}${l}`);
  if (!stored && name === "y") return outputs(l)[u];
  if (!stored && name === "dy") return gradients(l)[u];
  if (!stored) return outputs(sources[inputs.indexOf(name)])[u];
  const value = row(stored, state.sample, stored.length / data.rows)[u];
  return words[name]?.[value] ?? value;
}

// The gradient of the loss with respect to each number that the network gave for this sample.
function lossGradient() {
  const whole = at("dx loss");
  return row(whole, state.sample, whole.length / data.rows);
}

const inputOf = (l) => data.layers[l].sources[0];

function guess(n) {
  const scores = outputs(data.layers.length - 1, n);
  return scores.indexOf(Math.max(...scores));
}

// The probability of every class, whatever the last layer gives.
function probabilities() {
  const last = data.layers.length - 1;
  const scores = outputs(last);
  if (data.probabilities) return scores;
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

// dLoss/dW of one unit: x * dy, added up over the batch.
function weightGradient(l, u) {
  const [I, O] = [layerSize(inputOf(l)), layerSize(l)];
  const [x, dy] = [whole(inputOf(l)), at(`dy${l}`)];
  const result = new Float64Array(I);
  for (let n = 0; n < data.rows; n++) {
    const upstream = dy[n * O + u];
    if (upstream) for (let i = 0; i < I; i++) result[i] += x[n * I + i] * upstream;
  }
  return result;
}

// dLoss/dx of a layer y = x @ W + b, for this sample.
function inputGradient(l) {
  const [W, dy] = [parameter("W", l), gradients(l)];
  const result = new Float64Array(layerSize(inputOf(l)));
  result.forEach((_, i) => {
    for (let u = 0; u < dy.length; u++) result[i] += W[i * dy.length + u] * dy[u];
  });
  return result;
}

// What a layer hands back to its source number k, for this sample.
function handedBack(l, k) {
  const { wired, sources } = data.layers[l];
  if (wired) return inputGradient(l);
  const stored = at(`dx ${k} of ${l}`);
  if (!stored) return gradients(sources[k]); // which gets nothing else
  return row(stored, state.sample, layerSize(sources[k]));
}

// dLoss/dx of the network's input: what all that took it hand back, added up.
function lossByInput() {
  const total = new Float64Array(data.input.count);
  data.layers.forEach(({ sources }, l) => sources.forEach((from, k) => {
    if (from === INPUT) handedBack(l, k).forEach((value, i) => { total[i] += value; });
  }));
  return total;
}

const column = (W, u, O) => Float32Array.from({ length: W.length / O }, (_, i) => W[i * O + u]);

function largest(values, count) {
  const order = Array.from(values.keys()).filter((k) => values[k] !== 0);
  return order.sort((a, b) => Math.abs(values[b]) - Math.abs(values[a])).slice(0, count);
}
