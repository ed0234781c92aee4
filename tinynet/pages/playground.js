
// The network's input is drawn, or set by sliders; see the other two files.
const ROWS = 8; // of units in one column
const MOST_NAMED = 20; // classes whose units have a line each
const LARGEST_SHEET = [330, 173]; // pixels of a layer's maps: as high as eight units

const byId = (id) => document.getElementById(id);
let data, blocks;

unpack().then((head) => {
  data = head;
  data.layers.forEach(giveArrays);
  const wrong = wrongLayer();
  if (wrong >= 0) {
    const { kind, text } = data.layers[wrong];
    byId("about").className = "wrong";
    byId("about").textContent = `This page cannot show the network: what layer ${wrong}, ${text}, computes here is not what it computes in Python. Look at ${kind}.javascript.`;
    return;
  }
  build();
  show();
});

const className = (c) => data.classes?.[c] ?? `${c}`;

// ---- The network -------------------------------------------------------------------------------

// Layer k of one row, by its class's line of JavaScript. Float32Arrays round every sum to float32,
// as the library's loops do.
const run = (k, x) => Float32Array.from(FORWARD[k](x, data.layers[k].held));

// What every layer makes of the numbers x, the last one's outputs last.
function forward(x) {
  const outputs = [];
  data.layers.forEach((_, k) => {
    x = run(k, x);
    outputs.push(x);
  });
  return outputs;
}

// Put the arrays that a layer holds beside its numbers.
function giveArrays({ held }, k) {
  for (const name of Object.keys(held)) held[name] = data.values[`${name} ${k}`] ?? held[name];
}

// The first layer that makes something else of the noise than it did in Python; -1 if none does.
const wrongLayer = () => data.layers.findIndex((_, k) => {
  const wanted = data.values[`check${k + 1}`];
  const near = 1e-3 * Math.max(1e-3, largestSize(wanted));
  try {
    const got = run(k, data.values[`check${k}`]);
    const same = (value, u) => Object.is(value, got[u]) || Math.abs(value - got[u]) <= near; // NaN, too
    return got.length !== wanted.length || !wanted.every(same);
  } catch {
    return true;
  }
});

// The log-probabilities, whatever the last layer gives.
function logProbabilities(outputs) {
  if (data.gives === "log-probabilities") return outputs;
  if (data.gives === "probabilities") return outputs.map(Math.log);
  const highest = Math.max(...outputs);
  const total = outputs.reduce((sum, value) => sum + Math.exp(value - highest), 0);
  return outputs.map((value) => value - highest - Math.log(total));
}

// ---- The page ----------------------------------------------------------------------------------

function build() {
  const drawing = data.input.side !== null;
  byId("about").textContent = `${data.network} reads it at every ${drawing ? "stroke" : "move"}, in this page, by the weights it learned.`;
  byId("about").title = byId("about").textContent;
  const sizes = forward(data.values.low).map(({ length }) => length);
  const classes = sizes.at(-1);
  byId("classes").append(...Array.from({ length: classes }, (_, c) => {
    const bar = make("td", {}, make("div", { className: "bar" }, make("i")));
    return make("tr", {}, make("th", { scope: "row" }, className(c)), bar, make("td"), make("td"));
  }));
  const inner = sizes.findLastIndex((size) => size !== classes); // behind it, a unit is a class
  blocks = data.layers.map((layer, k) => {
    const sheet = k > inner ? null : sheetOf(layer.shape, ...LARGEST_SHEET);
    return sheet ? sheetBlock(layer, k, sheet) : unitsBlock(layer, k, sizes[k], k > inner);
  });
  (drawing ? buildDrawing : buildSliders)();
  document.addEventListener("keydown", onKey);
  onThemeChange(show);
}

// Both kinds of blocks return a function, which shows what the layer makes of the input.

function unitsBlock(layer, k, size, ofClasses) {
  const units = make("div", { className: `units${ofClasses ? " outputs" : ""}` });
  units.setAttribute("role", "group");
  units.setAttribute("aria-label", `units of layer ${k}, ${layer.text}`);
  units.style.setProperty("--rows", ofClasses && size <= MOST_NAMED ? size : ROWS);
  units.append(...Array.from({ length: size }, (_, u) => {
    const unit = make("button", { type: "button", className: "unit", tabIndex: u ? -1 : 0 }, ofClasses ? className(u) : "");
    const tell = () => { byId("tip").textContent = `layer ${k}, ${layer.text}, ${unit.ariaLabel}`; };
    unit.addEventListener("pointerenter", tell);
    unit.addEventListener("focus", tell);
    return unit;
  }));
  addLayer(layer, k, `${size}`, units);
  return (values, { logs, best, empty }) => {
    const limit = largestSize(values);
    [...units.children].forEach((unit, u) => {
      const fill = ofClasses ? likely(logs[u]) : shade(values[u], limit, "--positive", "--negative");
      unit.classList.toggle("best", ofClasses && !empty && u === best);
      unit.style.background = empty ? "var(--cell)" : unit.classList.contains("best") ? "" : fill;
      unit.ariaLabel = `unit ${u}${ofClasses && data.classes ? `, ${className(u)}` : ""}: ${written(values[u])}`;
    });
  };
}

// Maps: point at a pixel, or go through them by arrow keys.
function sheetBlock(layer, k, sheet) {
  const canvas = make("canvas", { className: "pixels sheet", tabIndex: 0 });
  canvas.setAttribute("role", "img");
  canvas.style.width = `${Math.round(sheet.across * sheet.cell)}px`;
  canvas.style.aspectRatio = `${sheet.across} / ${sheet.down}`;
  let [shown, at] = [[], 0];
  const tell = (unit) => {
    at = unit;
    const name = layer.shape.length < 2 ? at : placeIn(layer.shape, at);
    canvas.ariaLabel = byId("tip").textContent = `layer ${k}, ${layer.text}, unit ${name}: ${written(shown[at])}`;
  };
  canvas.addEventListener("pointermove", ({ clientX, clientY }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const unit = atSheet(sheet, ((clientX - left) / width) * sheet.across, ((clientY - top) / height) * sheet.down);
    if (unit !== undefined) tell(unit);
  });
  canvas.addEventListener("focus", () => tell(at));
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowUp: -sheet.width, ArrowDown: sheet.width, ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
    if (at + by >= 0 && at + by < sheet.size) tell(at + by);
    event.preventDefault();
  });
  addLayer(layer, k, layer.shape.join(" x "), canvas);
  return (values, { empty }) => {
    shown = values;
    canvas.ariaLabel = `maps of layer ${k}, ${layer.text}`;
    drawSheet(canvas, sheet, empty ? values.map(() => 0) : values, largestSize(values), "--positive", "--negative");
  };
}

function addLayer({ kind }, k, size, block) {
  byId("layers").append(make("section", { className: "layer" }, make("h3", {}, `${k} ${kind} `, make("small", {}, size)), block));
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (!event.key.startsWith("Arrow") || !event.target.classList.contains("unit")) return;
  const rows = Number(event.target.parentElement.style.getPropertyValue("--rows"));
  const by = { ArrowDown: 1, ArrowUp: -1, ArrowRight: rows, ArrowLeft: -rows }[event.key];
  const all = [...event.target.parentElement.children];
  all[all.indexOf(event.target) + by]?.focus();
  event.preventDefault();
}

function show() {
  const drawing = data.input.side !== null;
  const empty = drawing && strokes.length === 0;
  const outputs = forward(drawing ? drawn() : slid());
  const logs = logProbabilities(outputs.at(-1));
  const best = logs.indexOf(Math.max(...logs));
  outputs.forEach((values, k) => blocks[k](values, { logs, best, empty }));
  showAnswer(logs, best, empty);
}

// The colour of the winner, as strong as the class is likely.
const likely = (log) => `color-mix(in oklab, var(--accent) ${(80 * Math.exp(log)).toFixed(1)}%, var(--cell))`;

function showAnswer(logs, best, empty) {
  [...byId("classes").children].forEach((line, c) => {
    const p = Math.exp(logs[c]);
    const [, bar, percent, log] = line.children;
    line.className = !empty && c === best ? "best" : "";
    bar.firstChild.firstChild.style.width = empty ? "0" : `${100 * p}%`;
    percent.textContent = empty ? "" : `${(100 * p).toFixed(1)} %`;
    log.textContent = empty ? "" : decimals(logs[c]);
  });
  byId("guess").classList.toggle("named", Boolean(data.classes));
  byId("guess").replaceChildren(...(empty ? [make("span", {}, data.input.side === SIDE ? "Draw a digit, as large as you like: it is made to fit." : "Draw a picture: it fills the whole paper.")]
    : [make("b", {}, className(best)), make("span", {}, `with a probability of ${(100 * Math.exp(logs[best])).toFixed(1)} %`)]));
}

// Four decimals; a log-probability closer to 0 than these can tell, by its power of ten.
function decimals(log) {
  return log !== 0 && Math.abs(log) < 5e-5 ? log.toExponential(1) : log.toFixed(4);
}
