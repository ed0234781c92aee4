
// The network on its stage: a column for the input, one for each Linear layer with what follows it,
// one for the loss; in each column its units, each with a picture of what it gives.

const LARGEST_UNIT = 46; // pixels
const SMALLEST_UNIT = 14;
const NO_WORD = 28; // units beside one another that are narrower have no room for a word
const WIDEST_GAP = 16;
const HEAD = 70; // pixels above the units
const NARROW = 899; // a window no wider has its layers one below the other

let columns; // [{ first, last, units: [{ button, picture }] }], by run.net.layers
let inputs; // what stands for the input: { units } of a map each, or { canvas, wide, high }

const upright = () => innerWidth <= NARROW;

// A column for each layer with weights, up to the next one.
function columnsOf(layers) {
  const starts = layers.flatMap((layer, k) => (layer.W ? [k] : []));
  return starts.map((first, c) => ({ first, last: (starts[c + 1] ?? layers.length) - 1 }));
}

function buildStage() {
  columns = columnsOf(run.net.layers);
  byId("layers").replaceChildren(inputColumn(), ...columns.map(layerColumn), lossColumn());
  placeStage();
}

const heading = (title, small, ...more) => make("h3", {}, title, make("small", {}, small), ...more);

function inputColumn() {
  const units = make("div", { className: "units" });
  const mode = modeOf(run.data);
  if (mode === "plane" || mode === "curve") {
    const names = mode === "plane" ? ["x1", "x2"] : ["x"];
    inputs = { units: names.map((name) => unitElement(make("div", { className: "unit", role: "img", ariaLabel: `the input ${name}`, title: `the input ${name}` }))) };
    units.append(...inputs.units.map(({ button }) => button));
  } else {
    const wide = run.data.side ?? 1;
    const canvas = make("canvas", { className: "pixels input" });
    canvas.setAttribute("role", "img");
    inputs = { canvas, wide, high: run.data.inputs / wide };
    canvas.style.width = run.data.side ? "96px" : "26px";
    canvas.style.height = run.data.side ? "96px" : `${Math.min(360, 16 * inputs.high)}px`;
    units.append(canvas);
  }
  return make("section", { className: "layer", ariaLabel: "the input" },
    heading("input", run.data.inputs === 1 ? "1 number" : `${run.data.inputs} numbers`), units);
}

function layerColumn(column, c) {
  const layer = run.net.layers[column.first];
  const hidden = c < columns.length - 1;
  const after = run.net.layers.slice(column.first + 1, column.last + 1).map(({ kind }) => kind).join(", ");
  const units = make("div", { className: "units" });
  units.setAttribute("role", "group");
  units.setAttribute("aria-label", `units of layer ${c + 1}, Linear${after ? ` and ${after}` : ""}`);
  column.units = Array.from({ length: layer.outputs }, (_, unit) => {
    const button = make("button", { type: "button", className: "unit", tabIndex: unit ? -1 : 0 });
    const choice = { layer: column.first, unit };
    button.addEventListener("click", () => choose(choice));
    button.addEventListener("focus", () => {
      choose(choice);
      if (button.matches(":focus-visible")) pointAt({ column, unit });
    });
    button.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && pointAt({ column, unit }));
    for (const end of ["pointerleave", "blur"]) button.addEventListener(end, () => pointAt(null));
    const element = unitElement(button);
    button.append(make("i"));
    if (!hidden && run.data.task === "classes" && layer.outputs > 1) button.append(make("span", { className: "name" }, className(unit)));
    return element;
  });
  units.append(...column.units.map(({ button }) => button));
  const title = hidden ? heading(`layer ${c + 1}`, after || "Linear", widths(c, layer.outputs)) : heading("output", after || "Linear");
  return make("section", { className: `layer${hidden ? "" : " outputs"}` }, title, units);
}

function unitElement(button) {
  const canvas = make("canvas", { ariaHidden: "true" });
  button.append(canvas);
  return { button, picture: pictureOf(canvas, modeOf(run.data)) };
}

// One unit more or less.
function widths(c, count) {
  const by = (step, text, says) => {
    const button = make("button", { type: "button", disabled: step < 0 ? count <= 1 : count >= MOST_UNITS }, text);
    button.setAttribute("aria-label", `${says}, layer ${c + 1}`);
    button.dataset.widen = `${c} ${step}`;
    button.addEventListener("click", () => {
      change({ hidden: run.setup.hidden.map((units, k) => (k === c ? units + step : units)) });
      document.querySelector(`[data-widen="${c} ${step}"]`)?.focus();
    });
    return button;
  };
  return make("span", { className: "widths" }, by(-1, "\u2212", "one unit less"), make("b", {}, `${count}`), by(1, "+", "one unit more"));
}

function lossColumn() {
  const button = make("button", { type: "button", className: "unit loss", id: "loss-unit" });
  button.addEventListener("click", () => choose({ loss: true }));
  const name = run.setup.loss.replace("Loss", "");
  return make("section", { className: "layer" }, heading("loss", name), make("div", { className: "units" }, button));
}

// The units of each column as large as there is room for.
function placeStage() {
  if (!run) return;
  const layers = byId("layers");
  const groups = [...layers.querySelectorAll(".units")];
  const set = (group, unit, gap) => {
    group.style.setProperty("--unit", `${unit}px`);
    group.style.setProperty("--gap", `${gap}px`);
    group.classList.toggle("narrow", upright() && unit < NO_WORD);
  };
  groups.forEach((group) => set(group, SMALLEST_UNIT, 0)); // so that what was there before takes no room
  const across = upright() ? Infinity : (0.45 * layers.clientWidth) / (columns.length + 2);
  const long = upright() ? layers.clientWidth : layers.clientHeight - HEAD;
  const sizes = groups.map(({ children: { length } }) => {
    const room = Math.floor(long / length);
    const unit = Math.max(SMALLEST_UNIT, Math.floor(Math.min(LARGEST_UNIT, room - (length > 8 ? 4 : 8), across)));
    return [unit, Math.max(2, Math.min(WIDEST_GAP, room - unit))];
  });
  groups.forEach((group, k) => set(group, ...sizes[k]));
  forgetPlaces();
}

// What can be told without drawing: names, biases, dead units.
function showStage() {
  const dead = run.dead();
  for (const column of columns) {
    const layer = run.net.layers[column.first];
    const limit = layer.b ? largestSize(layer.b.value) : 0;
    const gone = dead.slice(column.first, column.last + 1).find(Boolean);
    column.units.forEach(({ button }, unit) => {
      const isDead = Boolean(gone?.[unit]);
      const { chosen } = lab;
      button.classList.toggle("dead", isDead);
      button.classList.toggle("chosen", !chosen.loss && chosen.layer === column.first && chosen.unit === unit);
      const value = seen.outs[column.last + 1][lab.sample * layer.outputs + unit];
      button.setAttribute("aria-label", `unit ${unit}${isDead ? ", dead: 0 for every training point" : ""}, gives ${written(value)}`);
      button.title = button.ariaLabel;
      if (layer.b) button.querySelector("i").style.cssText = `display: block; background: ${shade(layer.b.value[unit], limit, "--positive", "--negative")}`;
    });
  }
  byId("loss-unit").textContent = shortly(seen.loss);
  byId("loss-unit").classList.toggle("chosen", Boolean(lab.chosen.loss));
  byId("loss-unit").setAttribute("aria-label", `the loss of the coming batch: ${written(seen.loss)}`);
}

function choose(choice) {
  lab.chosen = choice;
  showStage();
  drawWires();
  showChosen();
}
