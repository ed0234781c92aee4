
// The losses as they were, step by step; and each layer's weights, gradients and updates in numbers.

const CHART_POINTS = 400; // of a line; more would not be seen
const [CHART_LEFT, CHART_RIGHT] = [48, 6]; // pixels beside the lines
const TOO_LARGE = 0.1; // of a weight, moved in one step

function drawChart() {
  const canvas = byId("chart");
  const density = devicePixelRatio || 1;
  const [wide, high] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(wide * density)) Object.assign(canvas, { width: Math.round(wide * density), height: Math.round(high * density) });
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, wide, high);
  const { history } = run;
  const every = Math.max(1, Math.ceil(history.length / CHART_POINTS));
  const shown = history.filter((_, k) => k % every === 0 || k === history.length - 1);
  const scale = lossScale(shown);
  const [left, right, top, bottom] = [CHART_LEFT, wide - CHART_RIGHT, 8, high - 20];
  const across = (step) => left + ((right - left) * step) / Math.max(1, run.steps);
  const down = (loss) => bottom - (bottom - top) * scale.share(loss);
  drawAxes(context, { left, right, bottom, down, ticks: scale.ticks });
  const line = (name, colour, dashes) => {
    context.strokeStyle = `rgb(${colourOf(colour)})`;
    context.lineWidth = 2;
    context.setLineDash(dashes);
    context.beginPath();
    for (const one of shown) if (Number.isFinite(one[name])) context.lineTo(across(one.step), down(one[name]));
    context.stroke();
    context.setLineDash([]);
  };
  line("test", "--up", [2, 3]);
  line("train", "--accent", []);
  canvas.setAttribute("aria-label", `Loss, step by step, up to step ${run.steps}: training ${written(measured.train)}, test ${written(measured.test)}`);
}

// The step at a place of the chart.
function stepAt(x) {
  const wide = byId("chart").clientWidth - CHART_LEFT - CHART_RIGHT;
  return Math.max(0, Math.round((run.steps * (x - CHART_LEFT)) / wide));
}

// From a loss to its height, between 0 and 1; from 0 to the largest, or by powers of ten.
function lossScale(shown) {
  const losses = shown.flatMap(({ train, test }) => [train, test]).filter(Number.isFinite);
  const highest = Math.max(1e-6, ...losses);
  if (!lab.logScale) {
    const unit = 10 ** Math.floor(Math.log10(highest));
    const step = [0.5, 1, 2, 5].map((k) => k * unit).find((one) => highest / one <= 4) ?? 5 * unit;
    return {
      share: (loss) => loss / (1.05 * highest),
      ticks: Array.from({ length: Math.floor(highest / step) + 1 }, (_, k) => k * step),
    };
  }
  const lowest = Math.max(1e-12, Math.min(highest, ...losses.filter((loss) => loss > 0)));
  const [from, to] = [Math.floor(Math.log10(lowest)), Math.max(Math.ceil(Math.log10(highest)), Math.floor(Math.log10(lowest)) + 1)];
  const skip = Math.ceil((to - from) / 5);
  return {
    share: (loss) => Math.max(0, (Math.log10(Math.max(loss, 1e-12)) - from) / (to - from)),
    ticks: Array.from({ length: to - from + 1 }, (_, k) => 10 ** (from + k)).filter((_, k) => k % skip === 0),
  };
}

function drawAxes(context, { left, right, bottom, down, ticks }) {
  context.font = "11px ui-monospace, monospace";
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.lineWidth = 1;
  for (const tick of ticks) {
    context.strokeStyle = `rgb(${colourOf("--line")})`;
    context.beginPath();
    context.moveTo(left, down(tick));
    context.lineTo(right, down(tick));
    context.stroke();
    context.fillStyle = `rgb(${colourOf("--soft")})`;
    const far = tick !== 0 && (tick < 1e-3 || tick >= 1e4);
    context.fillText(far ? tick.toExponential(0).replace("+", "") : `${Number(tick.toPrecision(3))}`, left - 6, down(tick));
  }
  context.textBaseline = "alphabetic";
  context.fillText(`step ${run.steps}`, right, bottom + 15);
  context.textAlign = "left";
  context.fillText("0", left, bottom + 15);
}

// ---- Layer by layer ----------------------------------------------------------------------------------

// How far a number is between two powers of ten, in percent.
const decades = (value, from, to) => Math.max(0, Math.min(100, (100 * (Math.log10(value) - from)) / (to - from))) || 0;

function showHealth() {
  const dead = run.dead();
  const sizes = run.sizes();
  const body = byId("health").tBodies[0];
  if (body.rows.length !== columns.length) body.replaceChildren(...columns.map(healthRow));
  columns.forEach(({ first, last }, c) => {
    const { weight, gradient, ratio } = sizes[c];
    const cells = body.rows[c].cells;
    fillBar(cells[1], weight, decades(weight, -3, 2));
    fillBar(cells[2], gradient, decades(gradient, -10, 1));
    fillBar(cells[3], ratio, decades(ratio, -7, 0), ratio > TOO_LARGE);
    const gone = dead.slice(first, last + 1).find(Boolean);
    cells[4].textContent = gone ? `${gone.reduce((sum, one) => sum + one, 0)} of ${gone.length}` : "-";
  });
  byId("health-legend").textContent = `Root mean squares over the weights of a layer; bars by powers of ten. An update of a thousandth of the weight is usual; above ${TOO_LARGE} it tears down what was learned. A dead unit gives 0 for every training point, and no gradient gets through it.`;
}

function healthRow(column, c) {
  const name = c < columns.length - 1 ? `${c + 1}` : "output";
  const bar = (of) => make("td", { className: of }, make("span"), make("span", { className: "bar" }, make("i")));
  return make("tr", {}, make("th", { scope: "row" }, name), bar("of-weights"), bar("of-gradients"), bar("of-updates"), make("td"));
}

function fillBar(cell, value, percent, tooLarge = false) {
  cell.firstChild.textContent = briefly(value);
  cell.firstChild.className = tooLarge ? "too-large" : "";
  cell.lastChild.firstChild.style.width = `${percent}%`;
}

// Three digits.
const briefly = (value) => (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e4) ? value.toExponential(1) : Number(value.toPrecision(3)).toString());
