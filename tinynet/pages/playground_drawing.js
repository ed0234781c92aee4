
// The drawing is a list of strokes; a stroke is a list of points [x, y] between 0 and 1.
const SIDE = 28; // pixels of the picture that the network sees
const BOX = 20; // the digit is fitted into so many of them
const MIDDLE = 14.5; // where MNIST's digits have their centre of mass: in pixel 14 of 0..27
const PEN = 2.5; // pixels that a line is wide
const FINE = 8; // a drawing is made so many times as large first, which smooths its edges

// One way to write each digit, for readers without a mouse: turns and corners, 0 to 100.
const WRITTEN = [
  ["50 12 30 20 24 50 30 80 50 88 70 80 76 50 70 20 50 12"],
  ["42 26 54 12 53 50 52 88"],
  ["28 30 34 16 54 12 70 22 68 40 48 62 26 86 48 85 76 84"],
  ["28 18 50 11 68 20 66 38 46 47 68 54 74 70 60 86 42 88 26 80"],
  ["34 12 30 34 26 54 50 54 76 53", "66 14 62 52 58 88"],
  ["70 13 50 13 34 14 32 30 30 46 52 42 70 54 70 74 54 87 30 82"],
  ["62 12 44 28 32 52 32 74 46 88 64 82 68 66 56 54 40 58 33 68"],
  ["24 16 50 16 76 15 62 40 52 64 46 88"],
  ["50 12 36 15 32 27 38 39 50 47 64 57 69 71 64 84 50 88 36 84 31 71 36 57 50 47 62 39 68 27 64 15 50 12"],
  ["68 26 54 13 36 20 33 38 46 50 62 44 69 28 67 50 63 70 58 88"],
];

let strokes = [];

// ---- The paper -------------------------------------------------------------------------------------

function buildDrawing() {
  byId("drawing").hidden = false;
  byId("seen").parentElement.hidden = false;
  byId("draw-title").textContent = "Draw here";
  byId("sees").textContent = `as the network sees it, ${data.input.side} x ${data.input.side}`;
  byId("digits").append(...WRITTEN.map((_, digit) => {
    const button = make("button", { type: "button", title: `draw a ${digit}` }, `${digit}`);
    button.addEventListener("click", () => write(digit));
    return button;
  }));
  byId("clear").addEventListener("click", () => change([]));
  byId("undo").addEventListener("click", () => change(strokes.slice(0, -1)));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (/^[0-9]$/.test(event.key)) write(Number(event.key));
    else if (event.key === "Escape") change([]);
    else if (event.key === "Backspace") change(strokes.slice(0, -1));
    else return;
    event.preventDefault();
  });
  listenToPointer();
}

function listenToPointer() {
  const paper = byId("paper");
  const point = (event) => {
    const box = paper.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  let drawing = null; // the pointer that is down
  paper.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    drawing = event.pointerId;
    paper.setPointerCapture(drawing);
    change([...strokes, [point(event)]]);
  });
  paper.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const between = event.getCoalescedEvents?.() ?? [];
    strokes.at(-1).push(...(between.length ? between : [event]).map(point));
    change(strokes);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    paper.addEventListener(end, (event) => {
      if (event.pointerId === drawing) drawing = null;
    });
  }
}

// Draw one of the page's own digits.
function write(digit) {
  change(WRITTEN[digit].map((stroke) => {
    const numbers = stroke.split(" ").map((value) => Number(value) / 100);
    return Array.from({ length: numbers.length / 2 }, (_, k) => [numbers[2 * k], numbers[2 * k + 1]]);
  }));
}

function change(next) {
  strokes = next;
  show();
}

// Show the paper and what the network sees; the numbers that it gets.
function drawn() {
  const paper = byId("paper");
  const context = paper.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, paper.width, paper.height);
  context.scale(paper.width, paper.height);
  context.strokeStyle = "#fff";
  trace(context, pen());
  const { side, count } = data.input;
  const empty = strokes.length === 0;
  const levels = empty ? new Float32Array(count) : picture();
  drawGrey(byId("seen"), levels, side, 0, 1);
  byId("seen").setAttribute("aria-label", empty ? "an empty picture" : `the drawing as ${side} by ${side} pixels, as the network sees it`);
  const { low, high } = data.values;
  return levels.map((level, k) => low[k] + level * (high[k] - low[k]));
}

// ---- From the drawing to the picture -----------------------------------------------------------

// The drawing as grey levels between 0 and 1: as 28 x 28, made as MNIST's pictures were.
function picture() {
  if (data.input.side !== SIDE) return gridded(data.input.side);
  const { ink, width, height } = rendered();
  return Float32Array.from(fitted(ink, width, height));
}

// The strokes as ink, so large that the box is FINE * BOX pixels wide or high.
function rendered() {
  const points = strokes.flat();
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const scale = (BOX - PEN) / Math.max(right - left, bottom - top, 0.05);
  const context = new OffscreenCanvas(SIDE * FINE, SIDE * FINE).getContext("2d", { willReadFrequently: true });
  context.scale(FINE, FINE);
  context.translate(SIDE / 2 - (scale * (left + right)) / 2, SIDE / 2 - (scale * (top + bottom)) / 2);
  context.scale(scale, scale);
  trace(context, PEN / scale);
  const { data: bytes, width, height } = context.getImageData(0, 0, SIDE * FINE, SIDE * FINE);
  return { ink: Float64Array.from({ length: width * height }, (_, k) => bytes[4 * k + 3] / 255), width, height };
}

// The paper as a grid of side x side pixels, each of them the mean of what it covers.
function gridded(side) {
  const context = new OffscreenCanvas(side * FINE, side * FINE).getContext("2d", { willReadFrequently: true });
  context.scale(side * FINE, side * FINE);
  trace(context, pen());
  const { data: bytes } = context.getImageData(0, 0, side * FINE, side * FINE);
  const levels = new Float32Array(side * side);
  for (let k = 0; k < bytes.length / 4; k++) {
    const [line, column] = [Math.floor(k / (side * FINE)), k % (side * FINE)];
    levels[Math.floor(line / FINE) * side + Math.floor(column / FINE)] += bytes[4 * k + 3] / 255 / FINE ** 2;
  }
  return levels;
}

// How wide a line is on the paper, whose side is 1: more than a pixel.
const pen = () => Math.max(0.055, 1.3 / data.input.side);

// Ink of any size, fitted into 20 x 20 pixels, its centre of mass in the middle of 28 x 28. The same
// arithmetic as in tinynet/datasets/fitting.py: a pixel is the mean of what it covers.
function fitted(ink, width, height) {
  const [lines, columns] = [new Float64Array(height), new Float64Array(width)];
  ink.forEach((level, k) => {
    lines[Math.floor(k / width)] += level;
    columns[k % width] += level;
  });
  const scale = BOX / Math.max(extent(lines), extent(columns));
  const [across, down] = [covered(columns, scale), covered(lines, scale)];
  const pixels = new Float64Array(SIDE * SIDE);
  for (const [line, y, high] of down) {
    for (const [column, x, wide] of across) pixels[y * SIDE + x] += high * wide * ink[line * width + column];
  }
  const highest = Math.max(...pixels);
  return pixels.map((level) => level / highest);
}

// From the first line with ink to the last one.
function extent(sums) {
  return sums.findLastIndex((sum) => sum > 0) - sums.findIndex((sum) => sum > 0) + 1;
}

// Along one axis, the centre of mass in the middle: which lines cover which pixels, and how much.
function covered(sums, scale) {
  const mass = sums.reduce((total, sum) => total + sum, 0);
  const centre = sums.reduce((total, sum, k) => total + sum * (k + 0.5), 0) / mass;
  const parts = [];
  sums.forEach((_, k) => {
    const [start, end] = [(k - centre) * scale + MIDDLE, (k + 1 - centre) * scale + MIDDLE];
    for (let pixel = Math.max(Math.floor(start), 0); pixel < Math.min(end, SIDE); pixel++) {
      parts.push([k, pixel, Math.min(end, pixel + 1) - Math.max(start, pixel)]);
    }
  });
  return parts;
}

// Draw all strokes, smoothly through the middles between their points.
function trace(context, width) {
  Object.assign(context, { lineWidth: width, lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) {
    const [[x0, y0], ...rest] = stroke;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x0 + 1e-4, y0); // a dot, where the pen first touches the paper
    rest.forEach(([x, y], k) => {
      const [nextX, nextY] = rest[k + 1] ?? [x, y];
      context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    });
    context.stroke();
  }
}
