
// The settings: what the network learns from, what it is made of, how it learns.

const KIND_POINTS = 70; // in the small picture of a kind of data
const RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10];
const BATCHES = [1, 2, 5, 10, 20, 32, 50, 100, 200, 500];
const DECAYS = [0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3];
const MOST_HIDDEN = 5; // hidden layers that a reader can ask for

// The optimizers as a reader chooses them, and what each is in a setup.
const RULES = {
  SGD: { optimizer: "SGD", momentum: 0, nesterov: false, lr: 0.1 },
  "SGD with momentum": { optimizer: "SGD", momentum: 0.9, nesterov: false, lr: 0.03 },
  "SGD, Nesterov": { optimizer: "SGD", momentum: 0.9, nesterov: true, lr: 0.03 },
  RMSprop: { optimizer: "RMSprop", momentum: 0, nesterov: false, lr: 0.01 },
  Adam: { optimizer: "Adam", momentum: 0, nesterov: false, lr: 0.01 },
};

const fields = {}; // by name: { element, show }

function buildPanel() {
  byId("settings").open = !upright();
  const kinds = Object.entries(DATA_KINDS).map(([kind, { title }]) => [kind, title]);
  if (lab.head.setup.data?.kind === "given") kinds.unshift(["given", "Your arrays"]);
  byId("kinds").append(...kinds.map(([kind, title]) => {
    const button = make("button", { type: "button" }, make("canvas", { width: 92, height: 92, ariaHidden: "true" }), title);
    button.dataset.kind = kind;
    button.addEventListener("click", () => takeKind(kind));
    return button;
  }));
  drawKinds();
  const data = (name) => ({ get: ({ data: made }) => made[name], set: (value) => change({}, { [name]: value }) });
  const option = (name) => ({ get: (setup) => setup[name], set: (value) => change({ [name]: value }) });
  const live = (name) => ({ get: (setup) => run.options[name] ?? setup[name], set: (value) => adjust({ [name]: value }) });
  slider("points", "points", { ...data("points"), min: 10, max: () => (run.setup.data.kind === "digits" ? arrived.digits.train : 500), step: 10 });
  slider("noise", "noise", { ...data("noise"), min: 0, max: () => DATA_KINDS[run.setup.data.kind]?.noise ?? 1, step: 0.05 });
  seed("data", "points drawn", "New points", data("seed"));
  slider("hidden", "hidden layers", { get: ({ hidden }) => hidden.length, set: setDepth, min: 0, max: () => Math.max(MOST_HIDDEN, run.setup.hidden.length), step: 1 });
  choice("activation", "activation", { ...option("activation"), get: activationOf, names: () => [...ACTIVATIONS, null] });
  choice("init", "first weights by", { ...option("init"), names: () => Object.keys(INITIALISERS) });
  seed("weights", "weights drawn", "New weights", option("seed"));
  choice("loss", "loss", { ...option("loss"), names: () => lossesFor(run.data) });
  choice("rule", "optimizer", { get: ruleOf, set: (name) => change(RULES[name]), names: () => Object.keys(RULES) });
  ladder("lr", "learning rate", live("lr"), RATES);
  slider("momentum", "momentum", { ...live("momentum"), min: 0.5, max: 0.99, step: 0.01 });
  ladder("batch", "batch size", option("batch"), BATCHES);
  ladder("weightDecay", "L2 (weight decay)", live("weightDecay"), DECAYS);
}

// Options of the optimizer change while it runs; going back undoes them.
function adjust(changes) {
  try {
    run.set(changes);
  } catch (error) {
    complain(error.message);
    return;
  }
  complain("");
  showPanel();
  show();
}

// The activation of all hidden layers; "mixed" where they differ.
function activationOf({ activation }) {
  const kinds = new Set([activation].flat());
  return kinds.size === 1 ? [...kinds][0] ?? "none" : "mixed";
}

function ruleOf({ optimizer, momentum, nesterov }) {
  if (optimizer !== "SGD") return optimizer;
  return nesterov ? "SGD, Nesterov" : momentum > 0 ? "SGD with momentum" : "SGD";
}

function setDepth(count) {
  const { hidden } = run.setup;
  const units = hidden.at(-1) ?? 4;
  const activation = activationOf(run.setup);
  change({
    hidden: Array.from({ length: count }, (_, k) => hidden[k] ?? units),
    activation: activation === "mixed" ? "Tanh" : run.setup.activation,
  });
}

// Data of another kind, with a loss that fits it.
function takeKind(kind) {
  const { setup } = run;
  if (kind === "given") return begin(lab.head.setup);
  const common = { kind, points: setup.data.points ?? 200, test: setup.data.test ?? 200, noise: Math.min(setup.data.noise ?? 0.1, DATA_KINDS[kind].noise), seed: setup.data.seed ?? 0 };
  const data = kind === "own" ? ownSetup() : kind === "digits" ? { ...common, points: 320, test: 80, noise: 0 } : common;
  return begin(fitting(setup, data));
}

// A setup of other data, whose loss and last layer fit them.
function fitting(setup, data) {
  const offered = lossesFor(makeData(data));
  return { ...setup, ...run.options, data, weights: null, ...(offered.includes(setup.loss) ? {} : { loss: offered[0], last: null }) };
}

// ---- Kinds of fields -------------------------------------------------------------------------------

function field(name, title, control, show) {
  const output = make("output");
  const label = make("label", { htmlFor: `field-${name}` }, title);
  const element = make("div", { className: "field" }, make("span", {}, label, output), control);
  (control.matches("input, select") ? control : control.querySelector("input")).id = `field-${name}`;
  element.dataset.field = name;
  byId("fields").append(element);
  fields[name] = { element, control, show: () => show(output) };
}

const valueOf = (value) => (typeof value === "function" ? value() : value);

function slider(name, title, { get, set, min, max, step }) {
  const input = make("input", { type: "range", min, step });
  input.addEventListener("change", () => set(Number(input.value)));
  const tell = (output) => { output.textContent = Number(Number(input.value).toFixed(2)); };
  input.addEventListener("input", () => tell(fields[name].element.querySelector("output")));
  field(name, title, input, (output) => {
    input.max = valueOf(max);
    input.value = get(run.setup) ?? min;
    tell(output);
  });
}

// A slider over some numbers, and over the one that is set, whatever it is.
function ladder(name, title, { get, set }, steps) {
  const input = make("input", { type: "range", min: 0, step: 1 });
  let values = steps;
  const tell = (output) => {
    output.textContent = `${values[input.value]}`;
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => tell(fields[name].element.querySelector("output")));
  input.addEventListener("change", () => set(values[input.value]));
  field(name, title, input, (output) => {
    const value = get(run.setup);
    values = steps.includes(value) ? steps : [...steps, value].sort((a, b) => a - b);
    input.max = values.length - 1;
    input.value = values.indexOf(value);
    tell(output);
  });
}

function choice(name, title, { get, set, names }) {
  const select = make("select");
  select.addEventListener("change", () => set(select.value === "none" ? null : select.value));
  field(name, title, select, () => {
    const offered = names().map((one) => one ?? "none");
    const value = get(run.setup) ?? "none";
    if (!offered.includes(value)) offered.push(value);
    select.replaceChildren(...offered.map((one) => make("option", { value: one }, one)));
    select.value = value;
  });
}

// A seed: a number, and a button for the next one.
function seed(name, title, text, { get, set }) {
  const input = make("input", { type: "number", min: 0, step: 1 });
  const next = make("button", { type: "button", title: text }, "\u21bb");
  next.setAttribute("aria-label", text);
  input.addEventListener("change", () => set(Number(input.value)));
  next.addEventListener("click", () => set((get(run.setup) ?? 0) + 1));
  field(name, `${title} by seed`, make("span", { className: "both" }, input, next), () => { input.value = get(run.setup) ?? 0; });
}

// ---- Showing ---------------------------------------------------------------------------------------

function showPanel() {
  Object.values(fields).forEach(({ show: showField }) => showField());
  const { kind } = run.setup.data;
  const made = kind !== "own" && kind !== "given";
  for (const name of ["points", "noise", "data"]) fields[name].element.hidden = !made;
  fields.momentum.element.hidden = !(run.options.momentum > 0);
  for (const button of byId("kinds").children) button.setAttribute("aria-pressed", button.dataset.kind === kind);
}

// A small picture of each kind of data.
function drawKinds() {
  for (const button of byId("kinds").children) {
    const { kind } = button.dataset;
    const canvas = button.querySelector("canvas");
    if (kind === "own") drawPencil(canvas);
    else drawKind(canvas, makeData(kind === "given" ? { kind } : { kind, points: KIND_POINTS, test: 1, noise: kind === "blobs" ? 0.2 : 0.05 }));
  }
}

function drawKind(canvas, data) {
  const context = canvas.getContext("2d");
  if (data.side) return drawGrey(canvas, data.x.subarray(0, data.inputs), data.side, 0, 1);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (data.inputs > 2) return drawBars(canvas, [...data.x.subarray(0, data.inputs)], largestSize(data.x), "--positive", "--negative");
  return drawPoints(context, data, canvas.width, 3.4, false);
}

function drawPencil(canvas) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, 92, 92);
  const at = { low: [-3, -3], high: [3, 3] };
  FIRST_POINTS.classes.forEach(([x, y, c]) => drawPoint(context, onMap(at, 92, x, y), 6, c, false, null));
}
