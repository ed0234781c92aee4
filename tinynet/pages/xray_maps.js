// The X-ray's sheets: see sheets.js.

const SHEET_HEIGHT = 264; // pixels, where layers stand side by side

// Of many layers, each gets less.
const sheetWidth = () => Math.min(104, Math.max(64, 900 / data.layers.length));

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
