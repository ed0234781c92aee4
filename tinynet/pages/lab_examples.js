
// Test examples of an input that is no plane: what they are, and what the network takes them for.

const EXAMPLES = 50;

function buildExamples() {
  const { data } = run;
  const count = Math.min(EXAMPLES, data.test.rows);
  byId("examples").replaceChildren(...Array.from({ length: count }, (_, n) => {
    const canvas = make("canvas", { className: "pixels" });
    const row = data.test.x.subarray(n * data.inputs, (n + 1) * data.inputs);
    if (data.side) drawGrey(canvas, row, data.side, ...lab.greys);
    else drawBars(canvas, [...row], largestSize(row), "--positive", "--negative");
    const button = make("button", { type: "button", className: "example" }, canvas, make("span"));
    button.addEventListener("click", () => {
      lab.example = lab.example === n ? null : n;
      showMapLegend(modeOf(data));
      showOutcome();
    });
    return button;
  }));
}

// What the network says now, for those who cannot see the map; and what it takes the examples for.
function showOutcome() {
  const { data } = run;
  const says = measured.trainRight === null ? `training loss ${written(measured.train)}` : `${measured.trainRight.toFixed(0)} % of the training points are right`;
  byId("map").setAttribute("aria-label", `${TITLES[modeOf(data)]} after step ${run.steps}: ${says}`);
  if (byId("examples").hidden) return;
  const buttons = [...byId("examples").children];
  const outs = run.forward(data.test.x.subarray(0, buttons.length * data.inputs), buttons.length);
  const shares = data.task === "classes" ? run.shares(outs, buttons.length) : null;
  buttons.forEach((button, n) => {
    const guess = shares ? guessOf(shares, n, data.classes) : shortly(outs.at(-1)[n]);
    const [truth, read] = shares ? [className(data.test.y[n]), className(guess)] : [shortly(data.test.y[n]), guess];
    const wrong = shares && guess !== data.test.y[n];
    Object.assign(button.lastChild, { textContent: shares && !wrong ? truth : `${truth}\u2192${read}`, className: wrong ? "wrong" : "" });
    button.setAttribute("aria-label", `test example ${n}: ${truth}, read as ${read}`);
    button.setAttribute("aria-pressed", lab.example === n);
  });
  if (lab.example !== null && shares) tellExample(shares, data.classes);
}

// The likeliest classes of the chosen example.
function tellExample(shares, C) {
  const n = lab.example;
  const order = Array.from({ length: C }, (_, c) => c).sort((a, b) => shares[n * C + b] - shares[n * C + a]).slice(0, 3);
  const says = order.map((c) => `${className(c)}: ${(100 * shares[n * C + c]).toFixed(1)} %`).join(", ");
  byId("map-legend").textContent = `Of this ${className(run.data.test.y[n])} the network says ${says}.`;
}

function guessOf(shares, n, C) {
  let best = 0;
  for (let c = 1; c < C; c++) if (shares[n * C + c] > shares[n * C + best]) best = c;
  return best;
}
