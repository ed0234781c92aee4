
// Every unit's own map: what it gives at each point of the plane, or along the line; where the input
// is a picture or a row, the weights that lead into it.

const GRID = 40; // points along each side of a map
const ALONG = 160; // points along a line
const LEVELS = 255; // of a colour on either side of 0
const STRENGTH = 0.62; // of a class's colour behind the points

let grid; // { x, rows } of the points that maps ask for; null where there is no plane or line
const colours = new Map(); // as the style sheet has them in the theme that is on now
let signed; // two colours and all between, as pixels

// What a network's input is to the eye.
function modeOf({ inputs: count, side, task }) {
  if (side) return "pictures";
  if (count === 2) return "plane";
  return count === 1 && task === "numbers" ? "curve" : "rows";
}

function colourOf(name) {
  if (!colours.has(name)) colours.set(name, themeColour(name));
  return colours.get(name).join(" ");
}

const rgbOf = (name) => colourOf(name) && colours.get(name);
const classColour = (c) => `--class${c % 10}`;
const className = (c) => lab.classes?.[c] ?? `${c}`;
const classTitle = (c) => lab.classes?.[c] ?? `class ${c}`;

function forgetColours() {
  colours.clear();
  signed = null;
  pointLayer = null;
}

// ---- Colours as pixels ---------------------------------------------------------------------------

const pixel = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0; // little-endian
const between = (from, to, share) => from.map((level, k) => Math.round(level + share * (to[k] - level)));

// The colours from the negative one over the cell's to the positive one, 2 * LEVELS + 1 of them.
function signedColours() {
  signed ??= Uint32Array.from({ length: 2 * LEVELS + 1 }, (_, k) => {
    const value = (k - LEVELS) / LEVELS;
    return pixel(between(rgbOf("--cell"), rgbOf(value > 0 ? "--positive" : "--negative"), Math.abs(value) ** 0.75));
  });
  return signed;
}

// Numbers `first`, `first + stride`, ... as pixels; none of them is larger than the limit.
function paintSigned(pixels, values, first, stride, limit) {
  const table = signedColours();
  if (!(limit > 0) || !Number.isFinite(limit)) return pixels.fill(table[LEVELS]);
  const scale = LEVELS / limit;
  for (let k = 0; k < pixels.length; k++) pixels[k] = table[(LEVELS + 0.5 + values[first + k * stride] * scale) | 0];
  return pixels;
}

// A canvas of width x height pixels that can be filled at every frame.
function pixelsOf(canvas, width, height) {
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  return { canvas, context, image, pixels: new Uint32Array(image.data.buffer) };
}

// ---- The maps ------------------------------------------------------------------------------------

function pictureOf(canvas, mode) {
  if (mode === "plane") return pixelsOf(canvas, GRID, GRID);
  if (mode === "curve") return pixelsOf(canvas, 2 * GRID, 2 * GRID);
  return { canvas };
}

// The points of the maps, as rows of the network's input; x2 grows upwards.
function makeGrid({ low, high }, mode) {
  if (mode === "curve") {
    return { rows: ALONG, x: Float64Array.from({ length: ALONG }, (_, k) => low[0] + (k / (ALONG - 1)) * (high[0] - low[0])) };
  }
  if (mode !== "plane") return null;
  const x = new Float64Array(2 * GRID * GRID);
  for (let k = 0; k < GRID * GRID; k++) {
    x[2 * k] = low[0] + (((k % GRID) + 0.5) / GRID) * (high[0] - low[0]);
    x[2 * k + 1] = high[1] - ((Math.floor(k / GRID) + 0.5) / GRID) * (high[1] - low[1]);
  }
  return { rows: GRID * GRID, x };
}

function showMaps() {
  const mode = modeOf(run.data);
  const outs = grid && run.forward(grid.x, grid.rows);
  if (grid) inputs.units.forEach(({ picture }, i) => drawMap(picture, mode, grid.x, inputs.units.length, i, largestSize(grid.x)));
  else drawRow(inputs, rowShown());
  columns.forEach(({ first, last, units }, c) => {
    const { W, outputs: O } = run.net.layers[first];
    if (!grid) return units.forEach(({ picture }, u) => drawWeights(picture.canvas, W, u, c));
    const values = outs[last + 1];
    const limit = largestSize(values);
    units.forEach(({ picture }, u) => drawMap(picture, mode, values, O, u, limit));
  });
  drawOutcome(outs);
}

// Numbers `unit`, `unit + stride`, ... as a map of the plane, or as a curve.
function drawMap(picture, mode, values, stride, unit, limit) {
  const { context, image, pixels } = picture;
  if (mode === "plane") paintSigned(pixels, values, unit, stride, limit);
  else drawCurve(pixels, values, stride, unit, limit);
  context.putImageData(image, 0, 0);
}

// Pixels of a curve on a square: filled from 0 to the number, in the colour of its sign.
function drawCurve(pixels, values, stride, unit, limit) {
  const side = 2 * GRID;
  const table = signedColours();
  const [zero, plus, minus] = [table[LEVELS], table[2 * LEVELS], table[0]];
  for (let j = 0; j < side; j++) {
    const value = values[unit + Math.floor((j * ALONG) / side) * stride];
    const level = Math.round((side / 2) * (1 - (0.94 * value) / (limit || 1))) || 0;
    const [from, to] = level < side / 2 ? [level, side / 2] : [side / 2, level + 1];
    for (let i = 0; i < side; i++) pixels[i * side + j] = i >= from && i < to ? (value > 0 ? plus : minus) : zero;
  }
}

// The row of the coming batch that is looked at.
function rowShown() {
  const { data } = run;
  const row = seen.rows[Math.min(lab.sample, seen.rows.length - 1)];
  return data.x.subarray(row * data.inputs, (row + 1) * data.inputs);
}

function drawRow({ canvas, wide }, row) {
  if (run.data.side) drawGrey(canvas, row, wide, ...lab.greys);
  else drawSigned(canvas, row, wide, largestSize(row), "--positive", "--negative");
  canvas.setAttribute("aria-label", "the chosen sample of the batch");
}

// The weights into a unit, as a picture where the input is one, else as a square of them.
function drawWeights(canvas, W, unit, c) {
  const [I, O] = W.shape;
  const wide = c === 0 && run.data.side ? run.data.side : Math.ceil(Math.sqrt(I));
  if (canvas.width !== wide || !canvas.kept) canvas.kept = pixelsOf(canvas, wide, Math.ceil(I / wide));
  const { context, image, pixels } = canvas.kept;
  let limit = 0;
  for (let i = 0; i < I; i++) limit = Math.max(limit, Math.abs(W.value[i * O + unit]));
  paintSigned(pixels.subarray(0, I), W.value, unit, O, limit);
  context.putImageData(image, 0, 0);
  canvas.className = "pixels";
}
