
// One walk: the input, each layer forward, the loss, each layer backward, the update.
const WIRES = 170; // drawn into one layer, those with the largest numbers
const WIRES_OF_ONE = 48; // drawn for one unit
const TERMS = 8; // written out of a unit's sum
const ROWS = 16; // of units in one column
const MOST_BARS = 20; // units of a last layer that is drawn as bars
const INPUT = -1;

const byId = (id) => document.getElementById(id);
const state = { step: 0, frame: 0, sample: 0, unit: { layer: 0, index: 0 }, pointed: null };
let data, frames, blocks, animation, playing;

unpack().then((head) => {
  data = head;
  data.features = data.values.X.length / data.rows;
  frames = walk();
  build();
  const wrong = data.labels.findIndex((label, n) => label !== null && guess(n) !== label);
  state.sample = Math.max(0, wrong); // where there is the most to learn
  const last = Math.max(0, data.layers.findLastIndex(({ wired }) => wired));
  state.unit = { layer: last, index: (data.labels[state.sample] ?? 0) % layerSize(last) };
  show();
});

const layerSize = (l) => (l < 0 ? data.features : data.layers[l].size);
const phaseOf = () => frames[state.frame].phase;

function walk() {
  const layers = data.layers.map((_, l) => l);
  const result = [{ phase: "forward", layer: INPUT }];
  for (const l of layers) result.push({ phase: "forward", layer: l });
  result.push({ phase: "loss", layer: data.layers.length });
  for (const l of layers.reverse()) result.push({ phase: "backward", layer: l });
  if (hasUpdates()) result.push({ phase: "update", layer: INPUT });
  return result;
}

const hasUpdates = () => data.arrays.some(({ name }) => name.startsWith("update"));

// ---- Building the page ------------------------------------------------------------------------------

function build() {
  byId("about").textContent = `${data.network}, ${data.loss}, a batch of ${data.rows}`;
  byId("layers").append(inputBlock());
  blocks = data.layers.map(layerBlock);
  byId("layers").append(...blocks.map((block) => block.element));
  byId("samples").append(...data.labels.map(sampleButton));
  const slider = byId("step");
  slider.max = data.steps.length - 1;
  slider.disabled = data.steps.length === 1;
  slider.addEventListener("input", () => set({ step: Number(slider.value) }));
  for (const button of document.querySelectorAll("[data-phase]")) {
    const first = frames.findIndex(({ phase }) => phase === button.dataset.phase);
    button.disabled = first < 0;
    button.addEventListener("click", () => set({ frame: first }));
  }
  byId("back").addEventListener("click", () => go(-1));
  byId("next").addEventListener("click", () => go(1));
  byId("play").addEventListener("click", play);
  document.addEventListener("keydown", onKey);
  addEventListener("resize", () => drawWires(1));
  onThemeChange(show);
}

function inputBlock() {
  const picture = make("canvas", { id: "picture", className: "pixels picture" });
  picture.setAttribute("role", "img");
  const title = make("h3", {}, "input", make("small", {}, "picture"), make("small", {}, `${data.features} numbers`));
  return make("section", { id: "input", className: "layer" }, title, picture,
    make("p", { className: "scale" }));
}

function layerBlock({ name, kind, text, size, sources, wired }, l) {
  const asBars = l === data.layers.length - 1 && size <= MOST_BARS;
  const units = make("div", { className: "units" });
  units.setAttribute("role", "group");
  units.setAttribute("aria-label", `units of layer ${name}, ${text}`);
  units.style.setProperty("--rows", asBars ? size : Math.min(ROWS, size));
  const buttons = Array.from({ length: size }, (_, index) => {
    const button = make("button", { type: "button", className: "unit", tabIndex: index ? -1 : 0 });
    if (asBars) {
      const bar = make("span", { className: "bar" }, make("i"));
      button.append(make("b", {}, `${index}`), bar, make("span"));
    }
    const here = { layer: l, index };
    button.addEventListener("click", () => set({ unit: here, pointed: null }));
    button.addEventListener("focus", () => set({ unit: here }));
    button.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") set({ pointed: here });
    });
    button.addEventListener("pointerleave", () => set({ pointed: null }));
    return button;
  });
  units.append(...buttons);
  const widths = wired ? `${layerSize(sources[0])} to ${size}` : "\u00a0";
  const title = make("h3", { title: text }, `${name}`, make("small", {}, kind), make("small", {}, widths));
  const scale = make("p", { className: "scale" });
  const element = make("section", { className: `layer${asBars ? " classes" : ""}` }, title, units, scale);
  return { element, buttons, scale, asBars };
}

function sampleButton(label, n) {
  const picture = make("canvas", { className: "pixels" });
  const X = data.values.X;
  const [low, high] = [X.reduce((a, b) => Math.min(a, b)), X.reduce((a, b) => Math.max(a, b))];
  drawGrey(picture, row(X, n, data.features), data.width, low, high);
  const button = make("button", { type: "button", className: "sample" }, picture, make("span"));
  button.addEventListener("click", () => set({ sample: n }));
  return button;
}

// ---- Walking ----------------------------------------------------------------------------------------

function set(changes) {
  const moved = "frame" in changes || "step" in changes || "sample" in changes;
  Object.assign(state, changes);
  show(moved);
}

// One frame on or back; over the end, the next training step begins.
function go(by) {
  const frame = state.frame + by;
  if (frames[frame]) return set({ frame });
  const step = state.step + by;
  if (data.steps[step]) return set({ step, frame: by > 0 ? 0 : frames.length - 1 });
  if (playing) play();
}

function play() {
  const atEnd = state.frame === frames.length - 1 && state.step === data.steps.length - 1;
  if (playing) playing = clearInterval(playing);
  else {
    if (atEnd) set({ frame: 0, step: 0 });
    playing = setInterval(() => go(1), 1300);
  }
  byId("play").setAttribute("aria-pressed", Boolean(playing));
  byId("play").textContent = playing ? "Pause" : "Play";
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.type === "range") return;
  if (event.key === "ArrowRight") go(1);
  else if (event.key === "ArrowLeft") go(-1);
  else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const units = event.target.closest?.(".units");
    if (!units) return;
    const next = event.target[event.key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling"];
    if (next) next.focus();
  } else return;
  event.preventDefault();
}

// ---- Showing ----------------------------------------------------------------------------------------

// What a layer shows in this frame: nothing yet, its outputs, or its gradients.
function modeOf(l) {
  const { phase, layer } = frames[state.frame];
  if (phase === "forward") return l <= layer ? "y" : "dark";
  if (phase === "loss") return "y";
  return phase === "update" || l >= layer ? "dy" : "y";
}

function show(moved = true) {
  const { phase, layer } = frames[state.frame];
  const step = data.steps[state.step];
  byId("step").value = state.step;
  byId("step").setAttribute("aria-valuetext", `step ${step.number}, loss ${written(step.loss)}`);
  byId("step-number").textContent = step.number;
  byId("loss").textContent = written(step.loss);
  byId("progress").style.width = `${(100 * state.frame) / (frames.length - 1)}%`;
  for (const button of document.querySelectorAll("[data-phase]")) {
    button.setAttribute("aria-pressed", button.dataset.phase === phase);
  }
  showSamples();
  showInput();
  blocks.forEach((block, l) => {
    block.element.classList.toggle("active", l === layer && phase !== "update");
    showLayer(block, l);
  });
  if (moved) byId("story").replaceChildren(...story());
  showUnit();
  cancelAnimationFrame(animation);
  if (moved && !matchMedia("(prefers-reduced-motion: reduce)").matches) animate(performance.now());
  else drawWires(1);
}

function showSamples() {
  [...byId("samples").children].forEach((button, n) => {
    const [label, read] = [data.labels[n], guess(n)];
    const right = label === null || label === read;
    const text = label === null ? `${n}` : right ? `${label}` : `${label} as ${read}`;
    Object.assign(button.lastChild, { textContent: text, className: right ? "" : "wrong" });
    button.setAttribute("aria-pressed", n === state.sample);
    button.setAttribute("aria-label", label === null ? `sample ${n}` : `sample ${n}: a ${label}, read as ${read}`);
  });
}

function showInput() {
  const picture = byId("picture");
  const scale = byId("input").querySelector(".scale");
  const x = outputs(INPUT);
  const first = data.layers.findIndex(({ sources }) => sources[0] === INPUT);
  const reached = modeOf(first) === "dy" && data.layers[first].wired;
  byId("input").classList.toggle("active", phaseOf() === "forward" && state.frame === 0);
  if (reached) {
    const dx = inputGradient(first);
    const limit = largestSize(dx);
    drawSigned(picture, dx, data.width, limit, "--up", "--down");
    scale.textContent = `|dx| \u2264 ${limit.toPrecision(2)}`;
  } else {
    const [low, high] = [Math.min(0, ...x), Math.max(...x)];
    drawGrey(picture, x, data.width, low, high);
    scale.textContent = `${written(low)} to ${written(high)}`;
  }
  const what = reached ? "the gradient of the loss with respect to each pixel" : "the picture";
  const label = data.labels[state.sample];
  picture.setAttribute("aria-label", `${what} of sample ${state.sample}${label === null ? "" : `, a ${label}`}`);
}

function showLayer(block, l) {
  const mode = modeOf(l);
  const values = mode === "dy" ? gradients(l) : outputs(l);
  const limit = largestSize(values);
  const colours = mode === "dy" ? ["--up", "--down"] : ["--positive", "--negative"];
  const name = mode === "dy" ? "dy" : "y";
  block.scale.textContent = mode === "dark" ? "" : `|${name}| \u2264 ${limit.toPrecision(2)}`;
  const asSizes = mode === "dy" || data.targets; // numbers to be met are no scores of classes
  const shares = block.asBars && (asSizes ? values.map((v) => Math.abs(v) / (limit || 1)) : probabilities());
  block.buttons.forEach((button, u) => {
    const dark = mode === "dark";
    const colour = dark ? "var(--cell)" : shade(values[u], limit, ...colours);
    button.classList.toggle("dark", dark);
    button.classList.toggle("chosen", state.unit.layer === l && state.unit.index === u);
    const says = dark ? "not computed yet" : `${name} = ${written(values[u])}`;
    button.title = `unit ${u}, ${says}`;
    button.setAttribute("aria-label", button.title);
    if (!block.asBars) {
      button.style.background = colour;
      const lit = !dark && Math.abs(values[u]) > 0.25 * limit;
      button.style.boxShadow = lit ? `0 0 9px -1px ${colour}` : "none";
      return;
    }
    const [, bar, number] = button.children;
    button.classList.toggle("true", u === data.labels[state.sample]);
    bar.firstChild.style.width = dark ? "0" : `${100 * shares[u]}%`;
    bar.firstChild.style.background = mode === "dy" ? colour : "var(--positive)";
    number.textContent = dark ? "" : Number(values[u].toPrecision(3)).toString();
  });
}

const code = (text) => make("code", {}, text);

// What the network should have given for this sample.
function aim(label) {
  if (data.targets) return `The target of this sample is ${data.targets[state.sample]}. `;
  if (label === null) return "This sample is left out: its label is one to be ignored. ";
  return `The true answer is ${label}, and the network gave it a probability of ${written(probabilities()[label])}. `;
}

function story() {
  const { phase, layer } = frames[state.frame];
  const step = data.steps[state.step];
  const label = data.labels[state.sample];
  const part = data.layers[layer];
  const [forward, backward] = part?.equations ?? [`${part?.text}.forward`, `${part?.text}.backward`];
  if (phase === "forward" && layer === INPUT) {
    if (label === null) return [`The network gets sample ${state.sample}: ${data.features} numbers.`];
    return [`The network gets the picture of a ${label}: ${data.features} numbers, one for each pixel.`];
  }
  if (phase === "forward") {
    const note = part.switches ? `. ${countOff(layer)} of ${part.size} units are 0: they are off.` : "";
    return [`Forward, layer ${part.name}, ${part.text}: `, code(forward), note || `. It gives ${part.size} numbers.`];
  }
  if (phase === "loss") {
    return [
      aim(label),
      step.rowLosses ? `This sample's loss is ${written(step.rowLosses[state.sample])}; that of the batch is ` : "The loss of the batch is ",
      code(written(step.loss)), ". From here, the gradient dy = dLoss/dy goes back.",
    ];
  }
  if (phase === "backward") {
    const from = layer === data.layers.length - 1 ? "the loss" : "the layer after it";
    const blocked = part.switches ? ` ${countOff(layer)} units that were off let nothing through.` : "";
    return [`Backward, layer ${part.name}, ${part.text}: ${from} hands it dy; it computes `, code(backward), `.${blocked}`];
  }
  const after = step.next === null ? "" : ` The loss of this batch goes from ${written(step.loss)} to ${written(step.next)}.`;
  return ["Update: the optimizer moves every weight a little, mostly against its gradient; the wires show the largest changes.", after];
}
