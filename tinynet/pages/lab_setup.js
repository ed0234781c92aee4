// What a run is made of: the defaults, the layers that a setup asks for, and what it may not ask for.

const DEFAULTS = {
  hidden: [8, 8], activation: "Tanh", slope: 0.01, last: null, loss: "CrossEntropyLoss",
  optimizer: "SGD", lr: 0.1, momentum: 0, nesterov: false, alpha: 0.99, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0,
  batch: 32, init: "default", std: 1, value: 0.5, seed: 0,
};
const [MOST_LAYERS, MOST_UNITS] = [12, 16];

// The layers of a setup, in order.
function kindsOf({ hidden, activation, last, loss }, data) {
  const widths = [data.inputs, ...hidden, outputsFor(data, loss)];
  const behind = [...activationsOf(hidden, activation), LOSSES[loss].last ?? last];
  return behind.flatMap((kind, k) => {
    const outputs = widths[k + 1];
    const linear = { kind: "Linear", inputs: widths[k], outputs };
    return kind ? [linear, { kind, inputs: outputs, outputs }] : [linear];
  });
}

const activationsOf = (hidden, activation) => (Array.isArray(activation) ? activation : hidden.map(() => activation));

function checkSetup(setup, data) {
  const { hidden, activation, last, loss, optimizer, momentum, nesterov, betas, init, batch, seed } = setup;
  const among = (what, name, names) => {
    if (!names.includes(name)) refuse(`${what} is ${JSON.stringify(name)}: choose one of ${names.join(", ")}.`);
  };
  among("The loss", loss, lossesFor(data));
  among("The optimizer", optimizer, Object.keys(OPTIMIZERS));
  among("The initialiser", init, Object.keys(INITIALISERS));
  if (hidden.length > MOST_LAYERS) refuse(`${hidden.length} hidden layers: ${MOST_LAYERS} are the most.`);
  hidden.forEach((units, k) => checkNumber(`Units of hidden layer ${k + 1}`, units, 1, MOST_UNITS, true));
  const behind = activationsOf(hidden, activation);
  if (behind.length !== hidden.length) refuse(`${behind.length} activations for ${hidden.length} hidden layers: give one for each.`);
  [...behind, last].filter(Boolean).forEach((name) => among("The activation", name, ACTIVATIONS));
  checkOptions(setup);
  if (nesterov && optimizer === "SGD" && !momentum) refuse("Nesterov's step needs a momentum above 0: raise it, or switch nesterov off.");
  if (betas.length !== 2) refuse("betas are two numbers, such as 0.9 and 0.999.");
  checkNumber("slope", setup.slope, -10, 10);
  checkNumber("std", setup.std, 0, 1e6);
  checkNumber("value", setup.value, -1e6, 1e6);
  checkNumber("batch", batch, 1, MOST_POINTS, true);
  checkNumber("seed", seed, 0, 2 ** 31, true);
}

function checkOptions({ lr, momentum, alpha, betas, eps, weightDecay }) {
  const below1 = 1 - 2 ** -30;
  checkNumber("lr", lr, 0, 1e6);
  checkNumber("momentum", momentum, 0, 10);
  checkNumber("alpha", alpha, 0, below1);
  betas.forEach((beta) => checkNumber("beta", beta, 0, below1));
  checkNumber("eps", eps, Number.MIN_VALUE, 1);
  checkNumber("weightDecay", weightDecay, 0, 1e6);
}

function setWeights(net, weights) {
  net.parameters.forEach(({ name, value, shape }, k) => {
    if (weights[k]?.length !== value.length) refuse(`The weights given for ${name} do not fit its shape, ${shape}.`);
    value.set(weights[k]);
  });
}
