// The lab's page: a network learns before the reader's eyes. This file holds what is chosen and the
// walk; lab_panel.js the settings, lab_stage.js and lab_wires.js the network, lab_maps.js,
// lab_outcome.js and lab_examples.js what comes out, lab_draw.js points of the reader's own,
// lab_chart.js losses and layers, lab_inspect.js the numbers, lab_leave.js what is taken along.

const byId = (id) => document.getElementById(id);
const SPEEDS = [1, 5, 20, 60, 300, 1000]; // steps a second
const MANY = 10; // steps at a stroke of an arrow key with Shift
const MOST_MS = 9; // of a frame's 16 are for steps, so that the rest can be drawn
const SHAPING = ["hidden", "init", "seed", "loss"]; // which a network's given weights do not outlive
const SLOW_MS = 150; // texts change no faster than they can be read

const lab = {
  running: false, speed: 60, owed: 0, head: null, refused: "", example: null, pointed: null,
  strands: "both", oneScale: false, showTest: false, logScale: false, pen: 0,
  chosen: { layer: 0, unit: 0 }, // or { layer, input, unit }, a wire; or { loss: true }
  sample: 0, told: 0, last: 0,
};
let run; // the network, its data and its training
let seen; // run.look(): the coming step
let measured; // run.measure()

unpack().then((head) => {
  takeGiven(head);
  lab.head = head;
  buildPanel();
  buildScenes();
  buildOutcome();
  buildWires();
  buildInspector();
  buildLeave();
  buildControls();
  begin(head.setup);
  openScene(location.hash.slice(1)); // as in lab.html#overfitting
  onThemeChange(() => {
    forgetColours();
    drawKinds();
    show();
  });
  requestAnimationFrame(frame);
});

// ---- A new network -------------------------------------------------------------------------------

// Begin anew by a setup; what cannot be is told, and the network of before stays. Weights may be
// handed on.
function begin(setup, options) {
  let made;
  try {
    made = makeRun(setup, options);
  } catch (error) {
    complain(error.message);
    return false;
  }
  run = made;
  complain("");
  seen = run.look();
  lab.owed = 0;
  keepChosen();
  buildData();
  buildStage();
  showPanel();
  byId("about").textContent = `${run.net.layers.map(({ text }) => text).join(", ")}; ${run.setup.loss}, ${run.setup.optimizer}`;
  byId("about").title = byId("about").textContent;
  show();
  return true;
}

// The run's setup with changes; those of its data are beside `kind`, `noise` and so on.
function change(changes, dataChanges) {
  const setup = { ...run.setup, ...run.options, ...changes };
  const same = Object.keys(changes).every((name) => !SHAPING.includes(name));
  return begin({ ...setup, data: { ...setup.data, ...dataChanges }, weights: same ? setup.weights : null });
}

// What was refused, until something else is asked for; or why the run has stopped.
function complain(text) {
  lab.refused = text;
  byId("complaint").textContent = run?.broken || text;
  byId("complaint").hidden = !byId("complaint").textContent;
}

// What was chosen may not be there in another network.
function keepChosen() {
  const { layer, unit, input } = lab.chosen;
  const part = run.net.layers[layer];
  const there = part?.W && unit < part.outputs && (input === undefined || input === null || input < part.inputs);
  if (!lab.chosen.loss && !there) lab.chosen = { layer: 0, unit: 0 };
  lab.sample = 0;
}

// ---- The walk ------------------------------------------------------------------------------------

function buildControls() {
  byId("speed").append(...SPEEDS.map((speed) => make("option", { value: speed }, `${speed} / second`)));
  byId("speed").value = lab.speed;
  byId("speed").addEventListener("change", () => { lab.speed = Number(byId("speed").value); });
  byId("run").addEventListener("click", () => setRunning(!lab.running));
  byId("step").addEventListener("click", () => walk(1));
  byId("back").addEventListener("click", () => walk(-1));
  byId("reset").addEventListener("click", () => walkTo(0));
  byId("chart").addEventListener("click", ({ offsetX }) => walkTo(Math.min(stepAt(offsetX), run.steps)));
  document.addEventListener("keydown", onKey);
  new ResizeObserver(() => {
    placeStage();
    show();
  }).observe(byId("stage"));
}

function setRunning(running) {
  lab.running = running && !run.broken;
  lab.owed = 0;
  byId("run").setAttribute("aria-pressed", lab.running);
  byId("run").textContent = lab.running ? "Pause" : "Run";
  if (!lab.running) {
    show();
    announce();
  }
}

const walk = (by) => walkTo(run.steps + by);

function walkTo(step) {
  if (lab.running) setRunning(false);
  run.goto(step);
  show();
  announce();
}

// For readers who do not see the page.
function announce() {
  byId("status").textContent = run.broken || `Step ${run.steps}: training loss ${written(measured.train)}, test loss ${written(measured.test)}`;
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const { key, shiftKey, target } = event;
  if (target.closest("input, select, textarea, pre, #map.drawable, .scroll")) return;
  if (key === " ") {
    if (target.closest("button, summary")) return; // which it presses
    setRunning(!lab.running);
  } else if (key === "ArrowRight") walk(shiftKey ? MANY : 1);
  else if (key === "ArrowLeft") walk(shiftKey ? -MANY : -1);
  else if (key === "r" || key === "R") walkTo(0);
  else if (key === "ArrowDown" || key === "ArrowUp") {
    if (!target.classList.contains("unit")) return;
    target[key === "ArrowDown" ? "nextElementSibling" : "previousElementSibling"]?.focus();
  } else return;
  event.preventDefault();
}

// As many steps as the speed asks for since the last frame, and time allows.
function frame(now) {
  if (lab.running) {
    lab.owed = Math.min(lab.owed + (lab.speed * Math.min(100, now - lab.last)) / 1000, lab.speed);
    const begun = performance.now();
    while (lab.owed >= 1 && lab.running) {
      lab.owed -= 1;
      if (!run.step()) setRunning(false);
      if (performance.now() - begun > MOST_MS) lab.owed = 0;
    }
    if (lab.running) show(now);
  }
  lab.last = now;
  requestAnimationFrame(frame);
}

// ---- Showing -------------------------------------------------------------------------------------

// Pictures at every frame; texts, while it runs, at some.
function show(now = Infinity) {
  seen = run.look();
  measured = run.measure();
  showMaps();
  drawWires();
  drawChart();
  showReadings();
  if (now - lab.told < SLOW_MS) return;
  lab.told = now === Infinity ? 0 : now;
  showStage();
  showOutcome();
  showHealth();
  showChosen();
  complain(lab.refused);
}

function showReadings() {
  byId("steps").textContent = run.steps;
  byId("epoch").textContent = run.epoch;
  byId("loss").textContent = shortly(measured.train);
  byId("test-loss").textContent = shortly(measured.test);
  byId("back").disabled = run.steps === 0;
  const { trainRight, testRight } = measured;
  byId("score-name").parentElement.hidden = trainRight === null;
  if (trainRight !== null) byId("score").textContent = `${trainRight.toFixed(0)} %, test ${testRight.toFixed(0)} %`;
}

// Four digits, of a width that hardly changes.
function shortly(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : "infinite";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e4) ? value.toExponential(2) : value.toFixed(4);
}
