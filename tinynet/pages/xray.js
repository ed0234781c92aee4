
// One walk: the input, each layer forward, the loss, each layer backward, the update.
const WIRES = 170; // drawn into one layer, those with the largest numbers
const WIRES_OF_ONE = 48; // drawn for one unit
const TERMS = 8; // written out of a unit's sum
const ROWS = 16; // of units in one column
const MOST_BARS = 20; // units of a last layer, or numbers of an input, with a bar and a number each
const INPUT = -1;

const byId = (id) => document.getElementById(id);
const state = { step: 0, frame: 0, sample: 0, unit: { layer: 0, index: 0 }, atLoss: false, pointed: null };
let data, frames, blocks, animation, playing;

unpack().then((head) => {
  data = head;
  frames = walk();
  build();
  const wrong = data.labels.findIndex((label, n) => label !== null && guess(n) !== label);
  state.sample = Math.max(0, wrong); // where there is the most to learn
  const last = Math.max(0, data.layers.findLastIndex(({ wired }) => wired));
  state.unit = { layer: last, index: (data.labels[state.sample] ?? 0) % layerSize(last) };
  show();
  scrollToSample();
});

const theLoss = () => data.layers.length; // its place behind the layers
const layerSize = (l) => (l < 0 ? data.input.count : data.layers[l].size);
const phaseOf = () => frames[state.frame].phase;
const className = (c) => data.classes?.[c] ?? `${c}`;

function walk() {
  const layers = data.layers.map((_, l) => l);
  const result = [{ phase: "forward", layer: INPUT }];
  for (const l of layers) result.push({ phase: "forward", layer: l });
  result.push({ phase: "loss", layer: theLoss() });
  for (const l of layers.reverse()) result.push({ phase: "backward", layer: l });
  if (hasUpdates()) result.push({ phase: "update", layer: INPUT });
  return result;
}

const hasUpdates = () => data.arrays.some(({ name }) => name.startsWith("update"));

// ---- What is known in this frame ----------------------------------------------------------------

// Whether forward has come to layer l, or to the loss; and whether backward has.
function forwardReached(l) {
  const { phase, layer } = frames[state.frame];
  return phase !== "forward" || l <= layer;
}

function backwardReached(l) {
  const { phase, layer } = frames[state.frame];
  return phase === "update" || (phase === "backward" && l >= layer) || (phase === "loss" && l === theLoss());
}

// What a layer shows in this frame: nothing yet, its outputs, or its gradients.
function modeOf(l) {
  if (!forwardReached(l)) return "dark";
  return backwardReached(l) ? "dy" : "y";
}

// ---- Walking ----------------------------------------------------------------------------------------

function build() {
  byId("about").textContent = `${data.network}, ${data.loss.text}, a batch of ${data.rows}`;
  byId("about").title = byId("about").textContent;
  buildStage();
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

function set(changes) {
  const moved = "frame" in changes || "step" in changes || "sample" in changes;
  Object.assign(state, changes);
  if ("frame" in changes) state.atLoss = phaseOf() === "loss";
  if ("unit" in changes) state.atLoss = false;
  show(moved);
  if ("frame" in changes) scrollToLayer();
  if ("sample" in changes) scrollToSample();
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
  showStage();
  if (moved) byId("story").replaceChildren(...story());
  byId("wire-legend").textContent = wireLegend(phase, layer);
  showUnit();
  cancelAnimationFrame(animation);
  if (moved && !calm()) animate(performance.now());
  else drawWires(1);
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const upright = () => getComputedStyle(byId("layers")).flexDirection === "column";

// Where layers stand one below the other, the one in question comes into view.
function scrollToLayer() {
  const active = document.querySelector(".layer.active");
  if (active && !upright()) intoView(active);
  if (active && upright()) active.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
}

// Where they stand side by side, and do not all fit.
function intoView(element) {
  const [stage, box] = [byId("stage"), element.getBoundingClientRect()];
  const { left, right } = stage.getBoundingClientRect();
  if (box.left < left || box.right > right) stage.scrollLeft += (box.left + box.right - left - right) / 2;
}

const code = (text) => make("code", {}, text);

// What the network should have given for this sample.
function aim(label) {
  if (data.targets) return `The target of this sample is ${data.targets[state.sample]}. `;
  if (label === null) return "This sample is left out: its label is one to be ignored. ";
  return `The true answer is ${className(label)}, and the network gave it a probability of ${written(probabilities()[label])}. `;
}

// What a part computes, in a sentence; by its own code, if its class has no equation.
function computes(part, backward) {
  const equations = part.equations;
  if (equations) return ["it computes ", code(equations[backward ? 1 : 0])];
  return [`its own ${backward ? "backward computes dx" : "forward computes y"}`];
}

function story() {
  const { phase, layer } = frames[state.frame];
  const step = data.steps[state.step];
  const label = data.labels[state.sample];
  const part = data.layers[layer];
  const count = data.input.count;
  if (phase === "forward" && layer === INPUT) {
    if (label === null) return [`The network gets sample ${state.sample}: ${count} numbers.`];
    if (!data.input.picture) return [`The network gets sample ${state.sample}, which is ${className(label)}: ${count} numbers.`];
    return [`The network gets the picture of a ${className(label)}: ${count} numbers, one for each pixel${data.input.picture.channels === 3 ? " and colour" : ""}.`];
  }
  if (phase === "forward") {
    const note = part.switches ? `. ${countOff(layer)} of ${part.size} units are 0: they are off.` : `. It gives ${amount(layer)}.`;
    return [`Forward, layer ${part.name}, ${part.text}: `, ...computes(part, false), note];
  }
  if (phase === "loss") {
    const [forward, backward] = data.loss.equations ?? [];
    return [
      aim(label),
      step.rowLosses ? `This sample's loss is ${written(step.rowLosses[state.sample])}; that of the batch` : "The loss of the batch",
      ...(forward ? [", ", code(forward), ","] : []), " is ", code(written(step.loss)), ". Its gradient ",
      ...(backward ? [code(backward), " "] : []), "goes back: the first dy.",
    ];
  }
  if (phase === "backward") {
    const from = layer === data.layers.length - 1 ? "the loss" : "the layer after it";
    const blocked = part.switches ? ` ${countOff(layer)} units that were off let nothing through.` : "";
    return [`Backward, layer ${part.name}, ${part.text}: ${from} hands it dy; `, ...computes(part, true), `.${blocked}`];
  }
  const after = step.next === null ? "" : ` The loss of this batch goes from ${written(step.loss)} to ${written(step.next)}.`;
  return ["Update: the optimizer moves every weight a little, mostly against its gradient; the wires show the largest changes.", after];
}
