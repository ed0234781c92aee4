// The lab's engine: a network that learns in the page, in float64, with the library's equations.
// It draws nothing. Beside this file: lab_data.js (points), lab_random.js (a generator by seed),
// lab_layers.js, lab_losses.js, lab_optimizers.js (the equations, each backward below its forward),
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
// LISTS for the controls: DATA_KINDS {name: {title, task, noise: the largest that makes sense}},
//   ACTIVATIONS, INITIALISERS, OPTIMIZERS (names); lossesFor(data) -> names.
//
// DATA: makeData(setup.data) -> { kind, task: "classes" | "numbers", inputs, classes (0 for numbers),
//     rows, x: Float64Array (rows * inputs), y: Int32Array (classes) or Float64Array (numbers),
//     test: { rows, x, y }, side: 8 of pictures, else null, low, high: [lowest, highest] per input, for axes }
//   kinds: moons, circles, spirals, xor, blobs (three classes), line, wave (numbers of one input), digits,
//   own: { kind: "own", task, classes: 2, rows: [[x1, x2, class], ...] } or, of numbers, [[x, y], ...];
//     every fifth point drawn is a test point; it needs at least 2 points;
//   given: the arrays that Python's caller gave.
//   The page begins with: const given = await unpack(); takeGiven(given); let run = makeRun(given.setup);
//   given.setup is what tn.lab was asked for, or the default; given.scene a scene's name or null.
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
"use strict";
