
// What comes out: the plane with its points and the boundary between the classes, the curve through
// its points, or test examples with what the network takes them for.

const SMALLEST = 1e-300; // a share that has a logarithm
const SHAPES = ["circle", "square", "triangle", "diamond"]; // of the points of each class, in turn

let pointLayer = null; // the points, drawn once
let mapPixels; // the plane behind them, as pixels of the grid
const classPixels = new Map();

const TITLES = { plane: "The plane", curve: "The curve", pictures: "Test pictures", rows: "Test rows" };

function buildOutcome() {
  mapPixels = pixelsOf(document.createElement("canvas"), GRID, GRID);
  byId("show-test").addEventListener("change", () => {
    lab.showTest = byId("show-test").checked;
    pointLayer = null;
    show();
  });
  byId("log-scale").addEventListener("change", () => {
    lab.logScale = byId("log-scale").checked;
    drawChart();
  });
  listenToPen();
}

// For data of another kind.
function buildData() {
  const mode = modeOf(run.data);
  const drawn = mode === "plane" || mode === "curve";
  const { data } = run;
  if (drawable()) [data.low, data.high] = OWN_LIMITS.map((limit) => data.low.map(() => limit)); // so that the sheet stays where it is
  lab.classes = data.kind === "given" ? data.names : null;
  lab.greys = [Math.min(...data.low), Math.max(...data.high)];
  grid = makeGrid(run.data, mode);
  pointLayer = null;
  lab.example = null;
  lab.pointed = null;
  byId("outcome-title").textContent = TITLES[mode];
  byId("plane").hidden = !drawn;
  byId("examples").hidden = drawn;
  byId("show-test").parentElement.hidden = !drawn || !run.data.test.rows;
  if (!drawn) buildExamples();
  showMapLegend(mode);
  showPens();
}

function showMapLegend(mode) {
  const { classes, task } = run.data;
  const keys = Array.from({ length: classes }, (_, c) => {
    const key = make("span", { className: "key" });
    key.append(symbolOf(c), classTitle(c));
    return key;
  });
  const text = {
    plane: task === "classes" ? "The stronger the colour, the surer the network. The line is where it changes its mind." : "Orange: above 0, blue: below 0, of the points and of the network.",
    curve: "Points, and the network's curve through them.",
    pictures: "Pictures of the test set, and what the network takes them for. Choose one to see how sure it is.",
    rows: "Rows of the test set, and what the network makes of them.",
  }[mode];
  byId("map-legend").replaceChildren(...(mode === "plane" ? keys : []), text);
}

// A point's shape and colour, for the legend.
function symbolOf(c) {
  const name = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(name, "svg");
  svg.setAttribute("viewBox", "-6 -6 12 12");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(name, "path");
  path.setAttribute("d", {
    circle: "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1 -5 0Z", square: "M-4.5-4.5H4.5V4.5H-4.5Z", triangle: "M0-5.5L5.5 4.5H-5.5Z", diamond: "M0-6L6 0L0 6L-6 0Z",
  }[SHAPES[c % 4]]);
  path.setAttribute("fill", `var(${classColour(c)})`);
  svg.append(path);
  return svg;
}

// ---- The plane and the curve -----------------------------------------------------------------------

function drawOutcome(outs) {
  if (!grid) return;
  const canvas = byId("map");
  const side = Math.max(200, Math.round(canvas.clientWidth * (devicePixelRatio || 1)));
  if (canvas.width !== side) {
    Object.assign(canvas, { width: side, height: side });
    pointLayer = null;
  }
  const context = canvas.getContext("2d");
  const plane = modeOf(run.data) === "plane";
  if (lab.pointed && plane) drawUnitsPlane(context, outs, side);
  else if (plane) drawPlane(context, outs, side);
  else drawAxis(context, side);
  context.drawImage(pointsDrawn(side), 0, 0);
  if (!plane) drawCurveOf(context, lab.pointed ? pointedMap(outs) : outs.at(-1), side);
  markSample(context, side);
  drawCursor(context, side);
}

// What the unit that is pointed at gives at each point of the maps.
function pointedMap(outs) {
  const { column, unit } = lab.pointed;
  const stride = column.units.length;
  return Float64Array.from({ length: grid.rows }, (_, k) => outs[column.last + 1][unit + k * stride]);
}

function drawUnitsPlane(context, outs, side) {
  const values = pointedMap(outs);
  paintSigned(mapPixels.pixels, values, 0, 1, largestSize(values));
  mapPixels.context.putImageData(mapPixels.image, 0, 0);
  context.drawImage(mapPixels.canvas, 0, 0, side, side);
}

// Show one unit's map large, or the network's again.
function pointAt(pointed) {
  lab.pointed = pointed;
  const mode = modeOf(run.data);
  const name = pointed && columnName(pointed.column.first);
  byId("outcome-title").textContent = pointed && grid ? `Unit ${pointed.unit} of ${name}` : TITLES[mode];
  if (!lab.running) showMaps();
}

function drawPlane(context, outs, side) {
  const shares = run.data.task === "classes" ? run.shares(outs, grid.rows) : null;
  if (shares) colourShares(shares, run.data.classes);
  else paintSigned(mapPixels.pixels, outs.at(-1), 0, 1, Math.max(largestSize(outs.at(-1)), largestSize(run.data.y)));
  mapPixels.context.putImageData(mapPixels.image, 0, 0);
  context.drawImage(mapPixels.canvas, 0, 0, side, side);
  if (shares) drawBoundary(context, shares, run.data.classes, side);
}

// The colour of the likeliest class, paler where it is hardly likelier than chance.
function colourShares(shares, C) {
  const { pixels } = mapPixels;
  const shades = Array.from({ length: C }, (_, c) => shadesOf(c));
  for (let k = 0; k < pixels.length; k++) {
    let best = 0;
    for (let c = 1; c < C; c++) if (shares[k * C + c] > shares[k * C + best]) best = c;
    pixels[k] = shades[best][Math.round((LEVELS * (shares[k * C + best] - 1 / C)) / (1 - 1 / C)) || 0];
  }
}

function shadesOf(c) {
  const key = `${classColour(c)} ${colourOf(classColour(c))} ${colourOf("--card")}`;
  if (!classPixels.has(key)) {
    classPixels.set(key, Uint32Array.from({ length: LEVELS + 1 }, (_, k) => pixel(between(rgbOf("--card"), rgbOf(classColour(c)), (STRENGTH * k) / LEVELS))));
  }
  return classPixels.get(key);
}

// Where the likeliest class changes: the line on which a class and its best rival are even. Logarithms
// of shares are nearly straight between the points of the grid, and so is the line.
function drawBoundary(context, shares, C, side) {
  context.strokeStyle = `rgb(${colourOf("--ink")} / 0.75)`;
  context.lineWidth = 1.6 * (devicePixelRatio || 1);
  context.beginPath();
  for (let c = C === 2 ? 1 : 0; c < C; c++) traceZero(context, leadOf(shares, C, c), side / GRID);
  context.stroke();
}

function leadOf(shares, C, c) {
  return Float64Array.from({ length: grid.rows }, (_, k) => {
    let rival = 0;
    for (let other = 0; other < C; other++) if (other !== c) rival = Math.max(rival, shares[k * C + other]);
    return Math.log(shares[k * C + c] + SMALLEST) - Math.log(rival + SMALLEST);
  });
}

// The line along which numbers of the grid's points are 0, cell by cell.
function traceZero(context, numbers, cell) {
  for (let i = 0; i + 1 < GRID; i++) for (let j = 0; j + 1 < GRID; j++) {
    const k = i * GRID + j;
    const values = [numbers[k], numbers[k + 1], numbers[k + GRID + 1], numbers[k + GRID]];
    const above = values[0] > 0;
    if (values.every((value) => value > 0 === above)) continue;
    const corners = [[i, j], [i, j + 1], [i + 1, j + 1], [i + 1, j]];
    const crossings = [];
    for (let side = 0; side < 4; side++) {
      const [from, to] = [values[side], values[(side + 1) % 4]];
      if (from > 0 === to > 0) continue;
      const share = from / (from - to);
      const [[a, b], [c, d]] = [corners[side], corners[(side + 1) % 4]];
      crossings.push([(b + share * (d - b) + 0.5) * cell, (a + share * (c - a) + 0.5) * cell]);
    }
    for (let n = 0; n + 1 < crossings.length; n += 2) {
      context.moveTo(...crossings[n]);
      context.lineTo(...crossings[n + 1]);
    }
  }
}

// From data to the canvas; upwards there is downwards here.
function onMap(data, side, x, y) {
  const { low, high } = data;
  const [bottom, top] = low.length > 1 ? [low[1], high[1]] : yRange(data);
  return [(side * (x - low[0])) / (high[0] - low[0]), side * (1 - (y - bottom) / (top - bottom))];
}

// The range of the targets of a curve, with some air.
function yRange({ y, test, kind }) {
  if (kind === "own") return OWN_LIMITS;
  let [low, high] = [Infinity, -Infinity];
  for (const value of [...y, ...test.y]) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const air = 0.15 * (high - low || 1);
  return [low - air, high + air];
}

function drawAxis(context, side) {
  context.fillStyle = `rgb(${colourOf("--cell")})`;
  context.fillRect(0, 0, side, side);
  context.strokeStyle = `rgb(${colourOf("--cell-edge")})`;
  context.lineWidth = 1;
  context.strokeRect(-1, onMap(run.data, side, 0, 0)[1], side + 2, 2 * side);
}

function drawCurveOf(context, values, side) {
  context.strokeStyle = `rgb(${colourOf("--positive")})`;
  context.lineWidth = 3 * (devicePixelRatio || 1);
  context.beginPath();
  for (let k = 0; k < grid.rows; k++) {
    const [x, y] = onMap(run.data, side, grid.x[k], values[k]);
    context.lineTo(x, Math.max(-2 * side, Math.min(3 * side, y)));
  }
  context.stroke();
}

// ---- Points ----------------------------------------------------------------------------------------

function pointsDrawn(side) {
  if (pointLayer) return pointLayer;
  pointLayer = Object.assign(document.createElement("canvas"), { width: side, height: side });
  drawPoints(pointLayer.getContext("2d"), run.data, side, (devicePixelRatio || 1) * (run.data.rows > 250 ? 3.2 : 4), lab.showTest);
  return pointLayer;
}

// Training points are full; test points are rings.
function drawPoints(context, data, side, size, withTest) {
  const draw = ({ x, y, rows }, hollow) => {
    for (let n = 0; n < rows; n++) {
      const place = data.inputs === 2 ? [x[2 * n], x[2 * n + 1]] : [x[n], y[n]];
      drawPoint(context, onMap(data, side, ...place), size, data.task === "classes" ? y[n] : null, hollow, data.inputs === 2 ? y[n] / (largestSize(data.y) || 1) : null);
    }
  };
  if (withTest) draw(data.test, true);
  draw(data, false);
}

function drawPoint(context, [x, y], size, label, hollow, share) {
  const name = label !== null ? classColour(label) : share === null ? "--soft" : share > 0 ? "--positive" : "--negative";
  context.beginPath();
  traceShape(context, SHAPES[(label ?? 0) % 4], x, y, size);
  context.lineWidth = size / 3;
  context.fillStyle = `rgb(${colourOf(hollow ? "--card" : name)})`;
  context.strokeStyle = `rgb(${colourOf(hollow ? name : "--card")})`;
  context.fill();
  context.stroke();
}

function traceShape(context, shape, x, y, size) {
  if (shape === "circle") return context.arc(x, y, size, 0, 2 * Math.PI);
  if (shape === "square") return context.rect(x - 0.88 * size, y - 0.88 * size, 1.76 * size, 1.76 * size);
  const corners = shape === "triangle" ? [[0, -1.2], [1.15, 0.85], [-1.15, 0.85]] : [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]];
  corners.forEach(([a, b], k) => (k ? context.lineTo(x + a * size, y + b * size) : context.moveTo(x + a * size, y + b * size)));
  context.closePath();
}

// The point whose numbers are written out.
function markSample(context, side) {
  const { data } = run;
  const row = seen.rows[Math.min(lab.sample, seen.rows.length - 1)];
  const place = data.inputs === 2 ? [data.x[2 * row], data.x[2 * row + 1]] : [data.x[row], data.y[row]];
  const [x, y] = onMap(data, side, ...place);
  context.beginPath();
  context.arc(x, y, 8 * (devicePixelRatio || 1), 0, 2 * Math.PI);
  context.lineWidth = 2 * (devicePixelRatio || 1);
  context.strokeStyle = `rgb(${colourOf("--ink")})`;
  context.stroke();
}
