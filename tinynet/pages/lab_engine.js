// The lab's engine: a network that learns in the page, in float64, with the library's equations.
// It draws nothing. Beside this file: lab_setup.js (what a run may be made of), lab_data.js (points),
// lab_random.js (a generator by seed), lab_layers.js, lab_losses.js, lab_optimizers.js (the equations, each backward below its forward),
// lab_explain.js (the chain rule with numbers), lab_python.js (code and files for Python).
//
// SETUP: plain data, all that a run is made of. What is left out is as in DEFAULTS.
//   { data: { kind: "moons", points: 200, test: 200, noise: 0.1, seed: 0 },
//     hidden: [8, 8],            units of the hidden layers, at most MOST_LAYERS layers of MOST_UNITS
//     activation: "Tanh",        ReLU, LeakyReLU, Sigmoid, Tanh, or null; or a list, one per hidden layer
//     slope: 0.01,               of LeakyReLU
//     last: null,                an activation behind the last Linear; NLLLoss brings LogSoftmax, BCELoss Sigmoid
//     loss: "CrossEntropyLoss",  one of lossesFor(data)
//     optimizer: "SGD",          SGD, RMSprop, Adam
//     lr: 0.1, momentum: 0, nesterov: false (SGD), alpha: 0.99 (RMSprop), betas: [0.9, 0.999] (Adam),
//     eps: 1e-8, weightDecay: 0, (L2)
//     batch: 32,                 rows of a batch; the last one of an epoch may be shorter
//     init: "default",           a name of INITIALISERS
//     std: 1, value: 0.5,        of init "normal" and "constant"
//     seed: 0 }                  of the first weights and of the order of rows
//
// LISTS for the controls: DATA_KINDS {name: {title, task, noise: the largest that makes sense}} ("given" is not among them),
//   ACTIVATIONS [names], INITIALISERS and OPTIMIZERS {name: ...}; lossesFor(data) -> names.
//   "given" data are not among DATA_KINDS; run.data.names are the names of their classes, or null.
//
// DATA: makeData(setup.data) -> { kind, task: "classes" | "numbers", inputs, classes (0 for numbers),
//     rows, x: Float64Array (rows * inputs), y: Int32Array (classes) or Float64Array (numbers),
//     test: { rows, x, y }, side: 8 of pictures, else null, low, high: [lowest, highest] per input, for axes }
//   kinds: moons, circles, spirals, xor, blobs (three classes), line, wave (numbers of one input),
//   digits (at most 400 to learn, 100 to test),
//   own: { kind: "own", task, classes: 2, rows: [[x1, x2, class], ...] } or, of numbers, [[x, y], ...];
//     every fifth point drawn is a test point; it needs at least 2 points;
//   given: the arrays that Python's caller gave.
//   The page begins with: const head = await unpack(); takeGiven(head); let run = makeRun(head.setup);
//   head.setup is what tn.lab was asked for. Its weights: "given" asks for the caller's weights, which fit
//   its own layers alone: take it out for any others.
//
// RUN: run = makeRun(setup)            errors say what to do (Error.message)
//   run.setup, run.data, run.net       net.layers: [{ kind, inputs, outputs, slope?, W?, b?, text }], in order
//     (Linear, ReLU, ..., LogSoftmax); net.linears: those with weights; net.inputs, net.outputs
//     W and b: { name, shape, value, grad, update }, Float64Arrays, W row by row: W.value[i * outputs + o]
//   run.steps                          how many steps have been taken; run.epoch, run.stepsPerEpoch
//   run.step(count = 1)                take steps; false if stopped: run.broken then says why, else ""
//   run.back(count = 1), run.goto(step)  exact, bit for bit
//   run.set({ lr, momentum, weightDecay, ... })  options of the optimizer from the coming step on; going
//     back before it undoes it; run.options are those of the coming step. Any other change: makeRun anew
//   run.look()                         the COMING step: forward, loss and gradients of its batch with the weights
//     as they stand, and what the step will add to each weight; fills grad and update of all parameters.
//     Call it once per frame. -> { rows: row numbers in data, loss, losses (one per row), outs, grads }
//     outs[k] is the input of layer k, outs[k + 1] its output, (rows, outputs) row by row; grads[k] = dLoss/d outs[k]
//   run.forward(x, rows) -> outs       as above, for any points; the arrays are used again by the next call with as many rows
//   run.shares(outs, rows) -> Float64Array (rows, classes), each from 0 to 1: how far the network believes in each class
//   run.measure() -> { step, train, test, trainRight, testRight }  losses (without L2), % right (null for numbers); kept in
//   run.history                        [those of each step measured, in order], cut when going back
//   run.batchLosses                    the loss of the batch of every step taken
//   run.sizes() -> one per Linear: { weight, gradient, update: root mean squares over W, ratio: update / weight }
//   run.dead() -> one Uint8Array per layer (null where the kind cannot die): 1 where a ReLU gives 0 for every training point
//   run.explain(layer, unit, sample = 0) -> the chain rule of one unit for one row of the coming batch
//     { layer, kind, unit, sample, row, x?, y, dy, dx?, terms?, bias?, lines }   (see lab_explain.js)
//     of a Linear, terms = [{ i, x, w, product: x * w, xdy: x * dy, grad: dW, wdy: w * dy, update, after }], bias = { w, grad, update, after }
//     lines = [{ equation, numbers, note? }]: text, ready to show
//   run.explainWeight(layer, input, unit) -> one wire (input null: the bias): { w, grad, update, after, rows: [{ row, x, dy, product }], lines }
//   run.explainLoss(sample = 0) -> { row, target, loss, lines }
//   run.checkGradients() -> { ok, checked, count, bends (skipped, at a kink), worst: { layer, name, index, byHand, byDifference, error } }
//   run.toPython() -> text of lab.py; run.toFile() -> Uint8Array for lab_net.safetensors (tn.load reads it);
//   run.toRunFile() -> Uint8Array for lab_run.safetensors (data, and the optimizer's memory; lab.py reads both)
//   run.order(epoch) -> Int32Array of row numbers; makeRun(setup, { orders: [[...], ...], weights: [W, b, W, b, ...] }) for tests

const SNAPSHOT_EVERY = 50; // steps, at first; twice as many whenever there are too many snapshots
const MOST_SNAPSHOTS = 256;
const MOST_MEASURED = 4000; // then every second one is forgotten
const MOST_SPACES = 8;

// `orders`, the rows of each epoch, and `weights`, W and b of each Linear, are drawn by seed if not given.
function makeRun(setup, { orders = null, weights = null } = {}) {
  const full = { ...DEFAULTS, ...setup, data: { ...dataDefaults(setup.data?.kind), ...setup.data } };
  const data = makeData(full.data);
  checkSetup(full, data);
  const net = makeNet(kindsOf(full, data), full);
  const first = weights ?? (full.weights === "given" ? arrived.weights : []);
  if (first.length) setWeights(net, first);
  return new Run(full, data, net, orders);
}

class Run {
  constructor(setup, data, net, orders) {
    Object.assign(this, { setup, data, net, orders, steps: 0, broken: "" });
    this.target = targetsFor(data, setup.loss, net.outputs);
    this.testTarget = targetsFor({ ...data, ...data.test }, setup.loss, net.outputs);
    this.stepsPerEpoch = Math.ceil(data.rows / setup.batch);
    this.memories = net.parameters.map(() => ({}));
    this.changes = [{ step: 0, options: Object.fromEntries(OPTIMIZER_OPTIONS.map((name) => [name, setup[name]])) }];
    Object.assign(this, { batchLosses: [], history: [], snapshots: [], every: SNAPSHOT_EVERY });
    Object.assign(this, { spaces: new Map(), epochOrder: null, seen: null, shown: null, surveyed: null });
  }

  get epoch() {
    return Math.floor(this.steps / this.stepsPerEpoch);
  }

  get options() {
    return this.changes.findLast(({ step }) => step <= this.steps).options;
  }

  set(options) {
    const changed = { ...this.options, ...options };
    const strange = Object.keys(options).find((name) => !OPTIMIZER_OPTIONS.includes(name));
    if (strange) refuse(`${strange} cannot be changed in a run: begin a new one.`);
    checkSetup({ ...this.setup, ...changed }, this.data);
    this.changes = [...this.changes.filter(({ step }) => step < this.steps), { step: this.steps, options: changed }];
    this.shown = null;
  }

  // ---- The coming step ----------------------------------------------------------------------------

  order(epoch) {
    if (this.orders) return Int32Array.from(this.orders[epoch % this.orders.length]);
    return shuffledRows(this.data.rows, this.setup.seed, epoch);
  }

  batchRows() {
    const { epoch, setup: { batch } } = this;
    if (this.epochOrder?.epoch !== epoch) this.epochOrder = { epoch, rows: this.order(epoch) };
    const first = (this.steps - epoch * this.stepsPerEpoch) * batch;
    return this.epochOrder.rows.subarray(first, first + batch);
  }

  // Forward, loss and backward of the coming batch.
  learn() {
    if (this.seen?.step === this.steps) return this.seen;
    const rows = this.batchRows();
    const space = this.space("batch", rows.length);
    const targets = gathered(this.target, rows, this.target.length / this.data.rows);
    space.outs[0].set(gathered(this.data.x, rows, this.data.inputs));
    forwardThrough(this.net, space);
    const loss = this.loss(space, targets);
    const { backward } = LOSSES[this.setup.loss];
    backward(space.outs.at(-1), targets, rows.length, this.net.outputs, space.grads.at(-1));
    backwardThrough(this.net, space);
    this.seen = { step: this.steps, rows, targets, loss, losses: space.losses, outs: space.outs, grads: space.grads };
    return this.seen;
  }

  loss(space, targets) {
    LOSSES[this.setup.loss].forward(space.outs.at(-1), targets, space.rows, this.net.outputs, space.losses);
    return mean(space.losses);
  }

  look() {
    const seen = this.learn();
    if (this.shown === this.steps) return seen;
    this.net.parameters.forEach(({ value, grad, update }, k) => {
      update.set(value);
      OPTIMIZERS[this.setup.optimizer].update(update, grad, copyOfMemory(this.memories[k]), this.options);
      for (let i = 0; i < update.length; i++) update[i] -= value[i];
    });
    this.shown = this.steps;
    return seen;
  }

  // ---- Steps, forwards and back -------------------------------------------------------------------

  step(count = 1) {
    for (let k = 0; k < count && !this.broken; k++) this.takeStep();
    return !this.broken;
  }

  takeStep() {
    const { loss } = this.learn();
    if (!Number.isFinite(loss) || !this.net.parameters.every(({ grad }) => grad.every(Number.isFinite))) {
      this.broken = `Step ${this.steps}: the loss or a gradient is no finite number any more. Go back, and take a smaller learning rate.`;
      return;
    }
    if (this.steps % this.every === 0) this.keep();
    const { update } = OPTIMIZERS[this.setup.optimizer];
    this.net.parameters.forEach(({ value, grad }, k) => update(value, grad, this.memories[k], this.options));
    this.batchLosses.push(loss);
    this.steps += 1;
    if (this.net.parameters.every(({ value }) => value.every(Number.isFinite))) return;
    this.goto(this.steps - 1);
    this.broken = `Step ${this.steps} would make a weight infinite. Go back, and take a smaller learning rate.`;
  }

  keep() {
    if (this.snapshots.at(-1)?.step >= this.steps) return;
    if (this.snapshots.length >= MOST_SNAPSHOTS) {
      this.every *= 2;
      this.snapshots = this.snapshots.filter(({ step }) => step % this.every === 0);
      if (this.steps % this.every) return;
    }
    const values = this.net.parameters.map(({ value }) => value.slice());
    this.snapshots.push({ step: this.steps, values, memories: this.memories.map(copyOfMemory) });
  }

  back(count = 1) {
    this.goto(this.steps - count);
  }

  goto(step) {
    const wanted = Math.max(0, Math.floor(step));
    if (wanted < this.steps) {
      const kept = this.snapshots.findLast((snapshot) => snapshot.step <= wanted);
      this.net.parameters.forEach(({ value }, k) => value.set(kept.values[k]));
      Object.assign(this, { steps: kept.step, memories: kept.memories.map(copyOfMemory), broken: "" });
      Object.assign(this, { seen: null, shown: null, surveyed: null });
      this.changes = this.changes.filter((change) => change.step <= wanted);
      this.history = this.history.filter((measured) => measured.step <= wanted);
      this.snapshots = this.snapshots.filter((snapshot) => snapshot.step <= wanted);
      this.batchLosses.length = kept.step;
    }
    return this.step(wanted - this.steps);
  }

  // ---- What the network makes of points -----------------------------------------------------------

  space(purpose, rows) {
    const name = `${purpose} ${rows}`;
    if (!this.spaces.has(name)) {
      if (this.spaces.size >= MOST_SPACES) this.spaces.clear();
      this.spaces.set(name, makeSpace(this.net, rows));
    }
    return this.spaces.get(name);
  }

  forward(x, rows, purpose = "asked") {
    const space = this.space(purpose, rows);
    space.outs[0].set(x);
    forwardThrough(this.net, space);
    return space.outs;
  }

  shares(outs, rows) {
    return sharesOf(this, outs.at(-1), rows);
  }

  // Losses and scores of all points, and who is dead, at this step.
  survey() {
    if (this.surveyed?.step === this.steps) return this.surveyed;
    const scored = ({ x, y, rows }, targets, purpose) => {
      const outs = this.forward(x, rows, purpose);
      const right = this.data.task === "classes" ? percentRight(this, outs.at(-1), y) : null;
      return { loss: this.loss(this.space(purpose, rows), targets), right, outs };
    };
    const train = scored(this.data, this.target, "train");
    const dead = this.net.layers.map(({ kind, outputs }, k) => (kind === "ReLU" ? deadUnits(train.outs[k + 1], outputs) : null));
    const test = scored(this.data.test, this.testTarget, "test");
    const measured = { step: this.steps, train: train.loss, test: test.loss, trainRight: train.right, testRight: test.right };
    this.surveyed = { step: this.steps, measured, dead };
    return this.surveyed;
  }

  measure() {
    const { measured } = this.survey();
    if (this.history.at(-1)?.step !== this.steps) this.history.push(measured);
    if (this.history.length > MOST_MEASURED) this.history = this.history.filter((_, k) => k % 2 === 0);
    return measured;
  }

  dead() {
    return this.survey().dead;
  }

  sizes() {
    this.look();
    return this.net.linears.map(({ W }) => {
      const [weight, gradient, update] = [W.value, W.grad, W.update].map(rootMeanSquare);
      return { weight, gradient, update, ratio: weight ? update / weight : 0 };
    });
  }

  // ---- The chain rule, and what leaves for Python: see lab_explain.js and lab_python.js --------------

  explain(layer, unit, sample = 0) {
    return explainUnit(this, layer, unit, sample);
  }

  explainWeight(layer, input, unit) {
    return explainWeight(this, layer, input, unit);
  }

  explainLoss(sample = 0) {
    return explainLoss(this, sample);
  }

  checkGradients() {
    return checkGradients(this);
  }

  toPython() {
    return pythonOf(this);
  }

  toFile() {
    return modelFile(this);
  }

  toRunFile() {
    return runFile(this);
  }
}

function gathered(values, rows, width) {
  const result = new values.constructor(rows.length * width);
  rows.forEach((row, n) => result.set(values.subarray(row * width, (row + 1) * width), n * width));
  return result;
}

function deadUnits(y, outputs) {
  const dead = new Uint8Array(outputs).fill(1);
  for (let k = 0; k < y.length; k++) if (!(y[k] <= 0)) dead[k % outputs] = 0;
  return dead;
}

const rootMeanSquare = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
