
// Points of the reader's own: drawn with mouse, pen or finger, or set by keyboard.

const PENS = ["class 0", "class 1", "class 2", "a curve"]; // what a click adds
const OWN_LIMITS = [-3, 3];
const APART = 14; // pixels between two points of one stroke
const CURSOR_STEP = 0.1;

// Points to begin with where the reader draws them.
const FIRST_POINTS = {
  classes: [[-1.2, 1, 0], [-0.6, 1.4, 0], [-1.5, 0.4, 0], [1.1, -0.8, 1], [0.5, -1.3, 1], [1.5, -0.3, 1]],
  numbers: [[-2, -1], [-1, 0.4], [0, 0.7], [1, -0.2], [2, 1]],
};

const own = { classes: FIRST_POINTS.classes, numbers: FIRST_POINTS.numbers, task: "classes" };
const cursor = { x: 0, y: 0, shown: false };

// The setup of the points that are drawn now.
function ownSetup() {
  const rows = own[own.task];
  const classes = own.task === "classes" ? Math.max(2, 1 + Math.max(...rows.map(([, , c]) => c))) : 0;
  return { kind: "own", task: own.task, classes, rows };
}

function listenToPen() {
  const canvas = byId("map");
  let last = null;
  const add = (event) => {
    const box = canvas.getBoundingClientRect();
    const [u, v] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    if (u < 0 || u > 1 || v < 0 || v > 1) return;
    last = [event.clientX, event.clientY];
    addPoint(OWN_LIMITS[0] + u * (OWN_LIMITS[1] - OWN_LIMITS[0]), OWN_LIMITS[1] - v * (OWN_LIMITS[1] - OWN_LIMITS[0]));
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!drawable() || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    cursor.shown = false;
    add(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last && Math.hypot(event.clientX - last[0], event.clientY - last[1]) > APART) add(event);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });
  canvas.addEventListener("keydown", moveCursor);
  canvas.addEventListener("blur", () => {
    cursor.shown = false;
    show();
  });
}

const drawable = () => run.setup.data.kind === "own";

// Arrow keys move a cross, Enter sets a point there.
function moveCursor(event) {
  if (!drawable() || event.altKey || event.ctrlKey || event.metaKey) return;
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (by) {
    const within = (value) => Math.max(OWN_LIMITS[0], Math.min(OWN_LIMITS[1], value));
    Object.assign(cursor, { x: within(cursor.x + CURSOR_STEP * by[0]), y: within(cursor.y + CURSOR_STEP * by[1]), shown: true });
    show();
  } else if (event.key === "Enter") addPoint(cursor.x, cursor.y);
  else return;
  event.preventDefault();
}

// The network goes on from the weights it has, if it still fits.
function addPoint(x, y) {
  const rounded = [x, y].map((value) => Number(value.toFixed(3)));
  own[own.task] = [...own[own.task], own.task === "numbers" ? rounded : [...rounded, lab.pen]];
  relearn();
}

function relearn() {
  const data = ownSetup();
  const setup = fitting({ ...run.setup, ...run.options }, data);
  const same = run.data.kind === "own" && run.data.task === own.task && run.data.classes === data.classes && setup.loss === run.setup.loss;
  const weights = run.net.linears.flatMap(({ W, b }) => [W, b]).filter(Boolean).map(({ value }) => value.slice());
  begin(setup, same ? { weights } : undefined);
}

function showPens() {
  const there = drawable();
  byId("map").classList.toggle("drawable", there);
  byId("pens").hidden = !there;
  if (!there) return;
  if (!byId("pens").children.length) {
    byId("pens").append(...PENS.map((text, k) => {
      const button = make("button", { type: "button" }, text);
      button.addEventListener("click", () => takePen(k));
      return button;
    }));
    const clear = make("button", { type: "button" }, "Clear");
    clear.addEventListener("click", () => {
      own[own.task] = own.task === "numbers" ? [[-1, 0], [1, 0]] : [[-1, 0, 0], [1, 0, 1]];
      relearn();
    });
    byId("pens").append(clear);
  }
  const pen = own.task === "numbers" ? PENS.length - 1 : lab.pen;
  PENS.forEach((_, k) => byId("pens").children[k].setAttribute("aria-pressed", k === pen));
  byId("map-legend").append(" Click or drag to add points; or move the cross by arrow keys, and press Enter.");
}

function takePen(k) {
  const task = k === PENS.length - 1 ? "numbers" : "classes";
  if (task === "classes") lab.pen = k;
  if (task === own.task) return showPens();
  own.task = task;
  return relearn();
}

function drawCursor(context, side) {
  if (!cursor.shown) return;
  const [x, y] = onMap(run.data, side, cursor.x, cursor.y);
  context.strokeStyle = `rgb(${colourOf("--ink")})`;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x - 12, y);
  context.lineTo(x + 12, y);
  context.moveTo(x, y - 12);
  context.lineTo(x, y + 12);
  context.stroke();
}
