// Layers whose units are pixels: the maps of a convolution, a row of many numbers. Their units are
// the cells of one canvas, a sheet of all maps, and not a button each.

const MOST_DOTS = 256; // units that have a button each
const [SHEET_HEIGHT, LARGEST_CELL] = [264, 14]; // pixels, where layers stand side by side

// Of many layers, each gets less.
const sheetWidth = () => Math.min(104, Math.max(64, 900 / data.layers.length));

// How the numbers of a shape lie on a sheet; null if they are units of their own.
function sheetOf(shape) {
  const size = shape.reduce((product, length) => product * length, 1);
  if (shape.length === 1 && size <= MOST_DOTS) return null;
  let [maps, height, width] = [...Array(Math.max(0, 3 - shape.length)).fill(1), ...shape];
  if (shape.length > 3) maps = size / (height = shape.at(-2)) / (width = shape.at(-1));
  if (shape.length === 1) height = Math.ceil(size / (width = Math.ceil(Math.sqrt(size))));
  else if (height * width === 1 && size <= MOST_DOTS) return null;
  return { size, maps, height, width, ...arranged(maps, height, width, sheetWidth(), SHEET_HEIGHT) };
}

// So many maps beside and below one another that they are drawn as large as they can be.
function arranged(maps, height, width, wide, high) {
  let best = { cell: 0 };
  for (let columns = 1; columns <= maps; columns++) {
    const rows = Math.ceil(maps / columns);
    const [across, down] = [columns * (width + 1) - 1, rows * (height + 1) - 1];
    const cell = Math.min(wide / across, high / down, LARGEST_CELL);
    if (cell > best.cell) best = { columns, across, down, cell };
  }
  return best;
}

// Column and row of a number on its sheet; and the number at a place, undefined in the gaps.
function onSheet({ height, width, columns }, i) {
  const [map, at] = [Math.floor(i / (height * width)), i % (height * width)];
  return [
    (map % columns) * (width + 1) + (at % width),
    Math.floor(map / columns) * (height + 1) + Math.floor(at / width),
  ];
}

function atSheet({ size, height, width, columns }, x, y) {
  const [column, row] = [Math.floor(x / (width + 1)), Math.floor(y / (height + 1))];
  const [j, i] = [Math.floor(x) - column * (width + 1), Math.floor(y) - row * (height + 1)];
  if (column < 0 || column >= columns || j >= width || i < 0 || i >= height) return undefined;
  const place = ((row * columns + column) * height + i) * width + j;
  return place < size ? place : undefined;
}

// Draw numbers of both signs, each sign in its colour; the gaps stay clear.
function drawSheet(canvas, sheet, values, limit, ...colours) {
  const [zero, plus, minus] = ["--cell", ...colours].map(themeColour);
  Object.assign(canvas, { width: sheet.across, height: sheet.down });
  const image = canvas.getContext("2d").createImageData(sheet.across, sheet.down);
  values.forEach((value, i) => {
    const [x, y] = onSheet(sheet, i);
    const share = limit ? Math.min(1, Math.abs(value) / limit) ** 0.75 : 0;
    const full = value > 0 ? plus : minus;
    image.data.set([...zero.map((level, k) => level + share * (full[k] - level)), 255], 4 * (y * sheet.across + x));
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// A layer's sheet on the stage: point at a cell, click it, or go through them by arrow keys.
function sheetBlock(l, sheet) {
  const canvas = make("canvas", { className: "pixels sheet", tabIndex: 0 });
  canvas.setAttribute("role", "img");
  canvas.style.setProperty("--wide", `${Math.round(sheet.across * sheet.cell)}px`);
  canvas.style.aspectRatio = `${sheet.across} / ${sheet.down}`;
  const under = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return atSheet(sheet, ((clientX - box.left) / box.width) * sheet.across, ((clientY - box.top) / box.height) * sheet.down);
  };
  canvas.addEventListener("click", (event) => {
    const index = under(event);
    if (index !== undefined) set({ unit: { layer: l, index }, pointed: null });
  });
  canvas.addEventListener("pointermove", (event) => {
    const index = under(event);
    if (event.pointerType !== "mouse" || index === undefined) return;
    if (state.pointed?.layer !== l || state.pointed.index !== index) set({ pointed: { layer: l, index } });
  });
  canvas.addEventListener("pointerleave", () => set({ pointed: null }));
  canvas.addEventListener("keydown", (event) => moveOnSheet(event, l, sheet));
  return canvas;
}

// Up and down from row to row, over the edge into the next map; with shift, left and right.
function moveOnSheet(event, l, sheet) {
  const by = { ArrowUp: -sheet.width, ArrowDown: sheet.width, ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const aside = event.key === "ArrowLeft" || event.key === "ArrowRight";
  if (!by || (aside && !event.shiftKey)) return;
  const from = state.unit.layer === l ? state.unit.index : by > 0 ? -by : 0;
  const index = from + by;
  if (index >= 0 && index < sheet.size) set({ unit: { layer: l, index } });
  event.preventDefault();
  event.stopPropagation();
}

function showSheet({ element, sheet, canvas, drawn }, l, mode, values, limit, colours) {
  const name = mode === "dy" ? "dy" : "y";
  const key = [state.step, state.sample, mode, matchMedia("(prefers-color-scheme: dark)").matches].join();
  if (drawn.key !== key) { // pointing at a unit draws nothing anew
    drawn.key = key;
    drawSheet(canvas, sheet, mode === "dark" ? values.map(() => 0) : values, limit, ...colours);
  }
  canvas.classList.toggle("dark", mode === "dark");
  const chosen = !state.atLoss && state.unit.layer === l ? `; unit ${unitName(l, state.unit.index)}` : "";
  const says = mode === "dark" ? "not computed yet" : `${name}${chosen && `${chosen}: ${name} = ${written(values[state.unit.index])}`}`;
  canvas.setAttribute("aria-label", `${amount(l)}, ${says}`);
  element.classList.toggle("pixelled", true);
}

// What a layer gives, and a unit's name in it: a number, or channel, row and column.
function amount(l) {
  const { shape, size } = data.layers[l];
  if (shape.length < 2) return `${size} numbers`;
  const [height, width] = shape.slice(-2);
  const maps = size / (height * width);
  return `${maps} ${maps === 1 ? "map" : "maps"} of ${height} x ${width}`;
}

function unitName(l, index) {
  const { shape } = data.layers[l];
  return shape.length < 2 ? `${index}` : placeIn(shape, index);
}

function placeIn(shape, index) {
  const place = [];
  for (const length of [...shape].reverse()) {
    place.unshift(index % length);
    index = Math.floor(index / length);
  }
  return `(${place.join(", ")})`;
}

// ---- Where units are -----------------------------------------------------------------------------

// The cell of a unit, or of a number of the input, [x, y, width, height] in the stage; null for
// what is no pixel.
function cellOf(box, l, i) {
  const { picture } = data.input;
  const sheet = l < 0 ? picture && inputSheet() : blocks[l]?.sheet;
  const canvas = l < 0 ? byId("picture") : blocks[l]?.canvas;
  if (!sheet || !canvas) return null;
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const [x, y] = l < 0 ? onInput(i) : onSheet(sheet, i);
  const [wide, high] = [width / sheet.across, height / sheet.down];
  return [left - box.left + x * wide, top - box.top + y * high, wide, high];
}

const inputSheet = () => ({ across: data.input.picture.width, down: data.input.picture.height });

function onInput(i) {
  const { width, height } = data.input.picture;
  const at = i % (width * height); // a colour lies on the others
  return [at % width, Math.floor(at / width)];
}

// Which of the pictures that stand one below the other; colours lie on one another.
function inputMap(i) {
  const { shape, picture } = data.input;
  return shape.length < 3 || picture.channels === 3 ? 0 : Math.floor(i / (shape[1] * shape[2]));
}

// Frames around the unit in question and around what it reads.
function drawFrames(box) {
  const canvas = byId("frames");
  const density = devicePixelRatio || 1;
  Object.assign(canvas, { width: box.width * density, height: box.height * density });
  const context = canvas.getContext("2d");
  context.scale(density, density);
  const one = state.pointed ?? (state.atLoss ? null : state.unit);
  if (!one) return;
  const reads = readsOf(one.layer, one.index);
  const from = reads && inputOf(one.layer);
  const framed = [...framesOf(box, one.layer, [one.index]), ...(reads ? framesOf(box, from, reads.inputs) : [])];
  const [dark, light] = ["--card", "--ink"].map((name) => `rgb(${themeColour(name).join(" ")})`);
  for (const [x0, y0, x1, y1] of framed) {
    for (const [colour, width] of [[dark, 4], [light, 1.5]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: width });
      context.strokeRect(x0 - 1, y0 - 1, x1 - x0 + 2, y1 - y0 + 2);
    }
  }
}

// One frame for each map of layer l that the units are on: [left, top, right, bottom].
function framesOf(box, l, units) {
  const sheet = l < 0 ? data.input.picture : blocks[l]?.sheet;
  if (!sheet) return [];
  const frames = new Map();
  for (const i of units) {
    const [x, y, width, height] = cellOf(box, l, i);
    const map = l < 0 ? inputMap(i) : Math.floor(i / (sheet.height * sheet.width));
    const [x0, y0, x1, y1] = frames.get(map) ?? [Infinity, Infinity, -Infinity, -Infinity];
    frames.set(map, [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x + width), Math.max(y1, y + height)]);
  }
  return [...frames.values()];
}
