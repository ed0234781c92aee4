
// The numbers of what is chosen, a unit, a wire or the loss: its line of the chain rule, in the coming step.

const MOST_TERMS = 16; // of a sum; of a longer one, the largest
const FEW_TERMS = 8;
const LONG = 150; // letters of a sum that is written out

function buildInspector() {
  byId("sample").addEventListener("input", () => {
    const most = seen.rows.length - 1;
    lab.sample = Math.max(0, Math.min(most, Math.floor(Number(byId("sample").value) || 0)));
    show();
  });
}

function showChosen() {
  const { chosen } = lab;
  lab.sample = Math.min(lab.sample, seen.rows.length - 1);
  byId("sample").max = seen.rows.length - 1;
  if (document.activeElement !== byId("sample")) byId("sample").value = lab.sample;
  byId("sample-field").hidden = chosen.input !== undefined;
  byId("sample-says").textContent = chosen.input === undefined ? sampleText() : "";
  const [title, content] = chosen.loss ? theLoss() : chosen.input !== undefined ? theWire(chosen) : theUnit(chosen);
  byId("unit-title").textContent = title;
  byId("numbers").replaceChildren(...content);
}

function sampleText() {
  const { data } = run;
  const row = seen.rows[lab.sample];
  const x = data.inputs > 2 ? "" : ` at (${[...data.x.subarray(row * data.inputs, (row + 1) * data.inputs)].map(briefly).join(", ")})`;
  const y = data.task === "classes" ? classTitle(data.y[row]) : `target ${briefly(data.y[row])}`;
  return `of ${seen.rows.length}: training point ${row}${x}, ${y}`;
}

const columnName = (layer) => {
  const c = columns.findIndex(({ first, last }) => layer >= first && layer <= last);
  return c === columns.length - 1 ? "the output" : `layer ${c + 1}`;
};

// ---- A unit: its Linear, and what follows it -----------------------------------------------------------

function theUnit({ layer, unit }) {
  const told = run.explain(layer, unit, lab.sample);
  const { last } = columns.find(({ first }) => first === layer);
  const after = Array.from({ length: last - layer }, (_, k) => run.explain(layer + 1 + k, unit, lab.sample));
  const side = make("div", {},
    make("h3", {}, run.net.layers[layer].text),
    equation("y = x @ W + b = ", number("y", told.y)),
    equation("dy = ", number("dy", told.dy), after.length ? "" : ", from the right"));
  const behind = after.map((part) => make("div", {},
    make("h3", {}, run.net.layers[part.layer].text),
    lineOf(part.lines[0]),
    equation("dy = ", number(`${part.kind} dy`, part.dy), ", from the right"),
    lineOf(part.lines[1])));
  const title = `Unit ${unit} of ${columnName(layer)}`;
  return [title, [side, ...behind, make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "terms of the unit" }, termsTable(told))]];
}

// "equation", and below it the same with numbers.
function lineOf({ equation: general, numbers, note }) {
  return make("div", {}, equation(general), equation(shortened(numbers)), ...(note ? [soft(note)] : []));
}

// Of a long sum its first terms, and the result.
function shortened(text) {
  if (text.length <= LONG) return text;
  const result = text.lastIndexOf(" = ");
  return `${text.slice(0, text.indexOf(" ", LONG / 2))} ... ${result < 0 ? "" : text.slice(result)}`;
}

const TERM_HEADS = ["input", "x", "w", "x * w", "x * dy", "dW, batch", "w * dy", "change", "new w"];
const TERM_GROUPS = [["forward", 4], ["this weight, backward", 2], ["to the left", 1], ["update", 2]];

function termsTable({ layer, unit, terms, bias, y, dy }) {
  const order = [...terms].sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const shown = terms.length <= MOST_TERMS ? terms : order.slice(0, FEW_TERMS);
  const rest = order.slice(shown.length).reduce((sum, { product }) => sum + product, 0);
  const line = (name, first, ...values) => make("tr", {}, make("th", { scope: "row" }, first),
    ...values.map((value, k) => make("td", { className: beginsAt(k + 1) }, value === undefined ? "" : number(`${name} ${TERM_HEADS[k + 1]}`, value))));
  const rows = shown.map(({ i, x, w, product, xdy, grad, wdy, update, after }) =>
    line(`${i}`, wireButton(layer, i, unit, inputName(layer, i)), x, w, product, xdy, grad, wdy, update, after));
  return make("table", {},
    make("caption", { className: "hidden-text" }, "The terms of the unit's sum, and their gradients"),
    tableHead(TERM_GROUPS, TERM_HEADS), make("tbody", {}, ...rows), make("tfoot", {},
      ...(shown.length < terms.length ? [line("rest", `other ${terms.length - shown.length}`, undefined, undefined, rest, ...Array(5))] : []),
      line("b", wireButton(layer, null, unit, "b"), 1, bias.w, bias.w, dy, bias.grad, undefined, bias.update, bias.after),
      line("sum", "sum = y", undefined, undefined, y, ...Array(5))));
}

const beginsAt = (k) => ([4, 6, 7].includes(k) ? "begin" : "");

function tableHead(groups, heads) {
  let first = 0;
  const groupRow = make("tr", {}, ...groups.map(([text, span]) => {
    const cell = make("th", { className: beginsAt(first), colSpan: span, scope: "colgroup" }, text);
    first += span;
    return cell;
  }));
  return make("thead", {}, groupRow, make("tr", {}, ...heads.map((text, k) => make("th", { className: beginsAt(k), scope: "col" }, text))));
}

function inputName(layer, i) {
  if (layer > 0) return `unit ${i}`;
  const { inputs: count, side } = run.data;
  if (side) return `(${Math.floor(i / side)}, ${i % side})`;
  return count === 1 ? "x" : `x${i + 1}`;
}

function wireButton(layer, input, unit, text) {
  const button = make("button", { type: "button", title: "this weight's own numbers" }, text);
  button.addEventListener("click", () => choose({ layer, input, unit }));
  return button;
}

// ---- A wire: one weight, over all rows of the batch ---------------------------------------------------

function theWire({ layer, input, unit }) {
  const told = run.explainWeight(layer, input, unit);
  const back = make("button", { type: "button" }, `unit ${unit} of ${columnName(layer)}`);
  back.addEventListener("click", () => choose({ layer, unit }));
  const side = make("div", {},
    equation("w = ", number("w", told.w)), equation("dLoss/dw = ", number("grad", told.grad)),
    equation("change = ", number("update", told.update)), equation("new w = ", number("after", told.after)),
    make("p", {}, "It leads to ", back));
  const lines = make("div", {}, ...told.lines.map((line) => lineOf(line)));
  const table = make("table", {},
    make("caption", { className: "hidden-text" }, "What each row of the batch adds to the gradient"),
    make("thead", {}, make("tr", {}, ...["training point", "x", "dy", "x * dy"].map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, ...told.rows.map(({ row, x, dy, product }) => make("tr", {}, make("th", { scope: "row" }, `${row}`),
      ...[["x", x], ["dy", dy], ["product", product]].map(([name, value]) => make("td", {}, number(`${row} ${name}`, value)))))),
    make("tfoot", {}, make("tr", {}, make("th", { scope: "row" }, "sum"), make("td"), make("td"), make("td", {}, number("sum", told.grad)))));
  const from = layer === 0 ? inputName(layer, input) : `unit ${input} of ${columnName(layer - 1)}`;
  const name = input === null ? "The bias of" : `The weight from ${from} to`;
  return [`${name} unit ${unit} of ${columnName(layer)}`,
    [side, lines, make("div", { className: "scroll tall", tabIndex: 0, role: "region", ariaLabel: "rows of the batch" }, table)]];
}

// ---- The loss -------------------------------------------------------------------------------------------

function theLoss() {
  const { loss, lines } = run.explainLoss(lab.sample);
  const side = make("div", {}, soft("Where the gradients begin: how the loss changes with each number that the network gives."),
    equation("this sample's loss = ", number("sample loss", loss)), equation("the batch's loss = ", number("loss", seen.loss)));
  return [`The loss, ${run.setup.loss}`, [side, make("div", { className: "wide" }, ...lines.map((line) => lineOf(line)))]];
}
