
// The wires: one for each weight. Its first half, from the left, is the weight, which brings numbers
// forward; its second half is the gradient, which comes back from the right.

const MOST_WIRES = 256; // drawn into one layer, those with the largest numbers
const STRANDS = { both: "Weights and gradients", value: "Weights", grad: "Gradients", update: "Updates" };
const NEAR = 7; // pixels between a pointer and the wire it means
const WIRE_CROWD = 30; // many wires of one size would run into one area: they are drawn finer

let places; // of all units, by column; null when they have moved
let pointedWire = null;

const forgetPlaces = () => { places = null; };

function buildWires() {
  byId("strands").append(...Object.entries(STRANDS).map(([name, text]) => {
    const button = make("button", { type: "button" }, text);
    button.dataset.strand = name;
    button.addEventListener("click", () => {
      lab.strands = name;
      showStrands();
      drawWires();
    });
    return button;
  }));
  byId("one-scale").addEventListener("change", () => {
    lab.oneScale = byId("one-scale").checked;
    drawWires();
  });
  const canvas = byId("wires");
  canvas.addEventListener("pointermove", (event) => {
    pointedWire = wireAt(event);
    canvas.style.cursor = pointedWire ? "pointer" : "";
    if (!lab.running) drawWires();
  });
  canvas.addEventListener("pointerleave", () => {
    pointedWire = null;
    if (!lab.running) drawWires();
  });
  canvas.addEventListener("click", (event) => {
    const wire = wireAt(event);
    if (wire) choose(wire);
  });
  showStrands();
}

function showStrands() {
  for (const button of byId("strands").children) button.setAttribute("aria-pressed", button.dataset.strand === lab.strands);
  byId("wire-legend").textContent = {
    both: "A wire's first half is its weight, its second half the gradient that comes back to it. Thick: large.",
    value: "Wires: weights. Thick: large.",
    grad: "Wires: dLoss/dweight of the coming batch. Thick: large.",
    update: "Wires: what the coming step adds to each weight. Orange grows, blue shrinks. Thick: large.",
  }[lab.strands];
}

// ---- Where they are --------------------------------------------------------------------------------

// Both ends of a unit on the canvas, [x, y]: where wires come in, and where they go out.
function findPlaces() {
  const box = byId("stage").getBoundingClientRect();
  const ends = ({ left, right, top, bottom }) => (upright()
    ? [[(left + right) / 2 - box.left, top - box.top], [(left + right) / 2 - box.left, bottom - box.top]]
    : [[left - box.left, (top + bottom) / 2 - box.top], [right - box.left, (top + bottom) / 2 - box.top]]);
  const of = ({ button }) => ends(button.getBoundingClientRect());
  const from = inputs.units ? inputs.units.map(of) : cellsOf(inputs, box);
  places = [from, ...columns.map(({ units }) => units.map(of)), [ends(byId("loss-unit").getBoundingClientRect())]];
  places.size = [box.width, box.height];
}

// The middle of each number of an input that is drawn as one picture.
function cellsOf({ canvas, wide, high }, box) {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return Array.from({ length: wide * high }, (_, i) => {
    const at = [left - box.left + (((i % wide) + 0.5) * width) / wide, top - box.top + ((Math.floor(i / wide) + 0.5) * height) / high];
    return [at, at];
  });
}

// A wire's curve: its two ends and what bends it.
function curveOf(c, i, u) {
  const [[x0, y0], [x1, y1]] = [places[c][i][1], places[c + 1][u][0]];
  const middle = upright() ? (y0 + y1) / 2 : (x0 + x1) / 2;
  return upright() ? [x0, y0, x0, middle, x1, middle, x1, y1] : [x0, y0, middle, y0, middle, y1, x1, y1];
}

function wireAt(event) {
  if (!places) findPlaces();
  const box = byId("stage").getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  let [best, nearest] = [null, NEAR];
  columns.forEach((column, c) => {
    const { inputs: I, outputs: O } = run.net.layers[column.first];
    for (let i = 0; i < I; i++) for (let u = 0; u < O; u++) {
      const distance = distanceTo(curveOf(c, i, u), x, y);
      if (distance < nearest) [best, nearest] = [{ layer: column.first, input: i, unit: u }, distance];
    }
  });
  return best;
}

function distanceTo([x0, y0, x1, y1, x2, y2, x3, y3], x, y) {
  let nearest = Infinity;
  for (let k = 0; k <= 24; k++) {
    const t = k / 24;
    const [a, b, c, d] = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
    nearest = Math.min(nearest, Math.hypot(a * x0 + b * x1 + c * x2 + d * x3 - x, a * y0 + b * y1 + c * y2 + d * y3 - y));
  }
  return nearest;
}

// ---- Drawing them ----------------------------------------------------------------------------------

function drawWires() {
  if (!places) findPlaces();
  const canvas = byId("wires");
  const density = devicePixelRatio || 1;
  const [width, height] = places.size.map((length) => Math.round(length * density));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, ...places.size);
  const kinds = lab.strands === "both" ? ["value", "grad"] : [lab.strands];
  const share = (kind) => lab.oneScale ? Math.max(...run.net.linears.map(({ W }) => largestSize(W[kind]))) : null;
  kinds.forEach((kind) => {
    const common = share(kind);
    const half = kinds.length > 1 ? (kind === "value" ? 0 : 1) : null;
    columns.forEach((column, c) => drawBundle(context, c, run.net.layers[column.first].W[kind], { kind, common, half }));
  });
  if (kinds.length > 1) columns.forEach((_, c) => fadeMiddle(context, c));
  drawLossWires(context);
  for (const wire of [lab.chosen, pointedWire]) if (wire?.input !== undefined && wire.input !== null) markWire(context, wire);
}

const wireColours = (kind) => (kind === "grad" ? ["--up", "--down"] : ["--positive", "--negative"]).map(colourOf);

// The wires into one column: half 0 is the first half of each, 1 the second, null all of it.
function drawBundle(context, c, numbers, { kind, common, half }) {
  const limit = common ?? largestSize(numbers);
  if (!(limit > 0) || !Number.isFinite(limit)) return;
  const least = numbers.length <= MOST_WIRES ? 0 : Float64Array.from(numbers, Math.abs).sort()[numbers.length - MOST_WIRES];
  let total = 0;
  for (const number of numbers) if (Math.abs(number) >= least) total += Math.abs(number) / limit;
  const crowd = Math.min(1, WIRE_CROWD / total);
  const paths = pathsOf(c, half);
  wireColours(kind).forEach((colour, negative) => {
    context.strokeStyle = `rgb(${colour})`;
    for (let k = 0; k < numbers.length; k++) {
      const size = Math.abs(numbers[k]) / limit;
      if (!size || size * limit < least || numbers[k] < 0 !== Boolean(negative)) continue;
      context.globalAlpha = 0.1 + 0.75 * size * (0.4 + 0.6 * crowd);
      context.lineWidth = 0.6 + 3 * size * crowd;
      context.stroke(paths[k]);
    }
  });
  context.globalAlpha = 1;
}

// The paths of all wires into a column, as they stand on the stage now.
function pathsOf(c, half) {
  const [I, O] = [places[c].length, places[c + 1].length];
  places.paths ??= {};
  places.paths[`${c} ${half}`] ??= Array.from({ length: I * O }, (_, k) => wirePath(curveOf(c, Math.floor(k / O), k % O), half));
  return places.paths[`${c} ${half}`];
}

// Where the halves meet, both fade out.
function fadeMiddle(context, c) {
  if (c === 0 && inputs.canvas) return; // wires from within a picture meet at many places
  const along = upright() ? 1 : 0;
  const [from, to] = [places[c][0][1][along], places[c + 1][0][0][along]];
  const [start, end] = [from + 0.36 * (to - from), from + 0.64 * (to - from)];
  const fade = upright() ? context.createLinearGradient(0, start, 0, end) : context.createLinearGradient(start, 0, end, 0);
  [[0, 0], [0.35, 0.8], [0.65, 0.8], [1, 0]].forEach(([at, strength]) => fade.addColorStop(at, `rgb(0 0 0 / ${strength})`));
  context.globalCompositeOperation = "destination-out";
  context.fillStyle = fade;
  if (upright()) context.fillRect(0, start, places.size[0], end - start);
  else context.fillRect(start, 0, end - start, places.size[1]);
  context.globalCompositeOperation = "source-over";
}

// A Bezier curve, or one half of it.
function wirePath([x0, y0, x1, y1, x2, y2, x3, y3], half) {
  const path = new Path2D();
  const mid = (a, b) => (a + b) / 2;
  const [ax, ay, bx, by, cx, cy] = [mid(x0, x1), mid(y0, y1), mid(x1, x2), mid(y1, y2), mid(x2, x3), mid(y2, y3)];
  const [dx, dy, ex, ey] = [mid(ax, bx), mid(ay, by), mid(bx, cx), mid(by, cy)];
  if (half === 1) path.moveTo(mid(dx, ex), mid(dy, ey));
  else path.moveTo(x0, y0);
  if (half === null) path.bezierCurveTo(x1, y1, x2, y2, x3, y3);
  else if (half === 0) path.bezierCurveTo(ax, ay, dx, dy, mid(dx, ex), mid(dy, ey));
  else path.bezierCurveTo(ex, ey, cx, cy, x3, y3);
  return path;
}

// What the loss hands back to each output, for the chosen sample.
function drawLossWires(context) {
  const outputs = places.at(-2).length;
  const dy = seen.grads.at(-1).subarray(lab.sample * outputs, (lab.sample + 1) * outputs);
  if (lab.strands === "both" || lab.strands === "grad") drawBundle(context, columns.length, dy, { kind: "grad", common: null, half: null });
}

function markWire(context, { layer, input, unit }) {
  const c = columns.findIndex(({ first }) => first === layer);
  context.strokeStyle = `rgb(${colourOf("--ink")})`;
  context.lineWidth = 1.5;
  context.setLineDash([5, 4]);
  context.stroke(wirePath(curveOf(c, input, unit), null));
  context.setLineDash([]);
}
