
// One unit, or the loss: its numbers, and its line of the chain rule. What has not been computed in
// this frame keeps its place, and is empty.

const LATER = "\u2026";

function showUnit() {
  const { layer, index } = state.pointed ?? (state.atLoss ? { layer: theLoss() } : state.unit);
  if (layer === theLoss()) {
    byId("unit-title").textContent = `The loss, ${data.loss.text}, of sample ${state.sample}`;
    byId("numbers").replaceChildren(...lossNumbers());
    return;
  }
  const part = data.layers[layer];
  const name = data.classes && layer === data.layers.length - 1 ? ` (${className(index)})` : "";
  byId("unit-title").textContent = `Unit ${unitName(layer, index)}${name} of layer ${part.name}, ${part.text}`;
  byId("numbers").replaceChildren(...unitNumbers(layer, index));
}

// All of its sum, its window, or its own words.
function unitNumbers(l, u) {
  if (data.layers[l].wired) return summedUnit(l, u, wiredTerms(l, u));
  const reads = readsOf(l, u);
  if (!reads) return plainUnit(l, u);
  if (reads.largest) return pickedUnit(l, u, reads);
  const terms = windowTerms(l, u, reads);
  return summedUnit(l, u, terms, [windowPictures(l, reads.shape, terms)]);
}

// The number, once its direction of the walk has come to layer l.
const forward = (l, name, value) => (forwardReached(l) ? number(name, value) : LATER);
const backward = (l, name, value) => (backwardReached(l) ? number(name, value) : LATER);

// ---- A unit that is a sum of x * w, and b: of y = x @ W + b, or over a window -------------------------

const GROUPS = [["forward", 4], ["this weight, backward", 2], ["this input, backward", 2], ["update", 2]];

// The terms of a unit of y = x @ W + b, by the number of the input; and who adds to the gradients.
function wiredTerms(l, u) {
  const [from, dy, O] = [inputOf(l), gradients(l)[u], layerSize(l)];
  const [x, w] = [outputs(from), column(parameter("W", l), u, O)];
  const [b, updates, whole] = [parameter("b", l), update("W", l), at(`dy${l}`)];
  let gradient = 0;
  for (let n = 0; n < data.rows; n++) gradient += whole[n * O + u];
  return {
    from, dy, x, w, products: x.map((value, i) => value * w[i]),
    dW: weightGradient(l, u), dx: inputGradient(l), changes: updates && column(updates, u, O),
    b: b ? { value: b[u], gradient, change: update("b", l)?.[u] } : undefined,
    adders: [`${data.rows} rows`, `${O} units`],
  };
}

// `drawn` are pictures of the terms.
function summedUnit(l, u, terms, drawn) {
  const { from, dy, w, products, dW, adders } = terms;
  const heads = ["input", "x", "w", "x * w", "x * dy", `dW, ${adders[0]}`, "w * dy", `dx, ${adders[1]}`, "change", "new w"];
  const known = [true, forwardReached(from), true, forwardReached(l), ...Array(4).fill(backwardReached(l)), ...Array(2).fill(phaseOf() === "update")];
  const line = (name, ...values) => make("tr", {}, ...heads.slice(0, columns()).map((head, k) => {
    const value = values[k];
    if (value === undefined) return cell("td", k);
    if (typeof value !== "number") return cell("td", k, value);
    return cell("td", k, known[k] ? number(`${name} ${head}`, value) : LATER);
  }));
  const table = make("table", { className: "terms" },
    make("caption", { className: "hidden-text" }, "The largest terms of the unit's sum, and their gradients"),
    make("colgroup", {}, ...Array.from({ length: columns() }, () => make("col"))), tableHead(heads), ...termLines(l, u, terms, line));
  const side = make("div", { className: "side" },
    equation("y = ", forward(l, "y", outputs(l)[u])), equation("dy = ", backward(l, "dy", dy)),
    soft(`${handed(l)} Its dx goes back to ${named(from)}.`),
    ...(drawn ?? (from === INPUT && data.input.picture ? [pictures(l, w, products, dW)] : [])));
  return [side, make("div", { className: "told scroll", tabIndex: 0, role: "region", ariaLabel: "terms of the unit" }, table)];
}

const columns = () => (hasUpdates() ? 10 : 8);
const cell = (tag, k, ...content) => make(tag, { className: [4, 6, 8].includes(k) ? "begin" : "" }, ...content);

function tableHead(heads) {
  let first = 0;
  const groups = hasUpdates() ? GROUPS : GROUPS.slice(0, 3);
  const groupRow = make("tr", {}, ...groups.map(([text, span]) => {
    const made = Object.assign(cell("th", first, text), { colSpan: span, scope: "colgroup" });
    first += span;
    return made;
  }));
  const names = heads.slice(0, columns()).map((text, k) => Object.assign(cell("th", k, text), { scope: "col" }));
  return make("thead", {}, groupRow, make("tr", {}, ...names));
}

// The largest terms of the sum, one a line; below them the rest, b, and the sum.
function termLines(l, u, { from, dy, x, w, inputs, products, dW, dx, changes, b }, line) {
  const shown = largest(forwardReached(from) ? products : w, TERMS); // of a sum to come, the largest weights
  const known = new Set(shown);
  const rest = products.reduce((sum, value, k) => (known.has(k) ? sum : sum + value), 0);
  const changed = (value, change) => (change === undefined ? [] : [change, value + change]);
  const lines = shown.map((k) => {
    const i = inputs ? inputs[k] : k;
    return line(
      `${i}`, sourceButton(from, i), x[k], w[k], products[k], dW && x[k] * dy, dW?.[k], w[k] * dy, dx[k],
      ...changed(w[k], changes?.[k]),
    );
  });
  while (lines.length < Math.min(TERMS, w.length)) lines.push(line("", "\u00a0"));
  return [make("tbody", {}, ...lines), make("tfoot", {},
    line("rest", `other ${products.length - shown.length}`, undefined, undefined, rest),
    ...(b ? [line("b", "b", 1, b.value, b.value, dy, b.gradient, undefined, undefined, ...changed(b.value, b.change))] : []),
    line("y", "sum = y", undefined, undefined, outputs(l)[u]))];
}

// The number of an input, and where there is a unit behind it, a button that goes there.
function sourceButton(from, i) {
  if (from < 0) return inputName(i);
  const button = make("button", { type: "button", title: `go to unit ${unitName(from, i)} of ${named(from)}` }, unitName(from, i));
  button.addEventListener("click", () => set({ unit: { layer: from, index: i } }));
  return button;
}

function inputName(i) {
  const { picture, names } = data.input;
  if (!picture) return names?.[i] ?? `${i}`;
  if (data.input.shape.length === 3 && picture.channels === 1) return placeIn(data.input.shape, i);
  const size = picture.width * picture.height;
  const colour = picture.channels === 3 ? `${["red", "green", "blue"][Math.floor(i / size)]}, ` : "";
  return `${i} (${colour}${Math.floor((i % size) / picture.width)}, ${i % picture.width})`;
}

const named = (l) => (l < 0 ? "the input" : `layer ${data.layers[l].name}, ${data.layers[l].text}`);

function handed(l) {
  const takers = data.layers.flatMap(({ sources }, k) => (sources.includes(l) ? [named(k)] : []));
  return `dy is handed back by ${takers.join(" and by ") || `the loss, ${data.loss.text}`}.`;
}

function pictures(l, w, products, dW) {
  const drawn = [
    ["weights w", w, true, "--positive", "--negative"],
    ["x * w", products, forwardReached(l), "--positive", "--negative"],
    ["dW", dW, backwardReached(l), "--up", "--down"],
  ];
  return make("div", { className: "pictures" }, ...drawn.map(([text, values, known, ...colours]) => {
    const canvas = make("canvas", { className: "pixels" });
    const pixels = asPixels(known ? values : new Float32Array(values.length));
    const limit = largestSize(pixels);
    drawSigned(canvas, pixels, data.input.picture.width, limit, ...colours);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", known ? `${text} as a picture, numbers up to ${written(limit)}` : `${text}, not computed yet`);
    return make("figure", {}, canvas, make("figcaption", {}, text));
  }));
}

// ---- A unit of any other layer, in the words of its class -------------------------------------------

function plainUnit(l, u) {
  const part = data.layers[l];
  const tell = (text, known) => text.split("\n").map((line) => toldLine(l, u, line, known));
  const [ahead, back] = part.told
    ? [tell(part.told[0], forwardReached(l)), tell(part.told[1], backwardReached(l))] : plainLines(l, u);
  const next = part.sources.map(named).join(" and to ");
  return [
    make("div", { className: "side" }, soft(`${handed(l)} Its dx goes back to ${next}.`)),
    make("div", { className: "told" }, make("h3", {}, "forward"), ...ahead,
      make("h3", {}, "backward"), equation("dy = ", backward(l, "dy", gradients(l)[u])), ...back),
  ];
}

// "y = max({x}, 0) = {y}" with the unit's numbers, if they are known; `of` stands before their names.
function toldLine(l, u, line, known, of = "") {
  return equation(...line.split(/\{([^{}]*)\}/).map((part, k) => {
    if (k % 2 === 0) return part;
    if (!known) return LATER;
    const value = toldValue(l, u, part);
    return typeof value === "string" ? value : number(`${of}${part}`, value);
  }));
}

// The lines of a layer whose class has no words for its numbers.
function plainLines(l, u) {
  const { kind, equations } = data.layers[l];
  const advice = `To see its equations here, write them in class ${kind}: equations = "y = ...", "dx = ..."`;
  const [ahead, back] = equations ? equations.map((text) => [equation(text)]) : [[], [soft(advice)]];
  return [[...ahead, equation("y = ", forward(l, "y", outputs(l)[u]))], back];
}

// ---- The loss -----------------------------------------------------------------------------------

// Its formula with this sample's numbers, and where the first dy comes from: at the right class, and
// at the class that is the likeliest of the others.
function lossNumbers() {
  const { told, equations, kind } = data.loss;
  const known = forwardReached(theLoss());
  const step = data.steps[state.step];
  const gradient = lossGradient();
  const places = lossPlaces(gradient.length);
  const losses = step.rowLosses;
  const advice = `To see its equations here, write them in class ${kind}: equations = "loss = ...", "dx = ..."`;
  const ahead = told ? told[0].split("\n").map((line) => toldLine(theLoss(), places[0].c, line, known, "loss ")) : [];
  const batch = losses ? `the batch of ${data.rows}: ` : "";
  const left = make("div", {}, make("h3", {}, "forward"),
    equations ? equation(equations[0]) : soft(advice), ...ahead,
    equation(batch, "loss = ", known ? number("loss", step.loss) : LATER));
  const back = told ? told[1].split("\n") : [];
  const general = told ? back.slice(0, -1).map((line) => toldLine(theLoss(), 0, line, true, "loss "))
    : (equations ? [equation(equations[1])] : []);
  const right = make("div", {}, make("h3", {}, "backward"), ...general,
    ...places.flatMap(({ c, text }) => [
      soft(text),
      ...(told ? [toldLine(theLoss(), c, back.at(-1), known, `${c} `)]
        : [equation(`dy[${state.sample}, ${c}] = `, known ? number(`${c} dy`, gradient[c]) : LATER)]),
    ]));
  const side = make("div", { className: "side" }, soft("Where the gradients begin: how the loss changes with each number that the network gave."));
  return [side, make("div", { className: "told columns" }, left, right)];
}

// The outputs whose gradient is written out, and what is to be said of each.
function lossPlaces(count) {
  const [label, { layer, index }] = [data.labels[state.sample], state.unit];
  const chosen = layer === data.loss.sources[0] ? index : null;
  if (label === null) return [{ c: chosen ?? 0, text: `at output ${className(chosen ?? 0)}` }];
  const scores = outputs(data.layers.length - 1);
  const others = Array.from({ length: count }, (_, c) => c).filter((c) => c !== label);
  const other = others.includes(chosen) ? chosen : others.reduce((best, c) => (scores[c] > scores[best] ? c : best), others[0]);
  const right = { c: label, text: `at ${className(label)}, the right class: more of it, less loss` };
  return other === undefined ? [right] : [right, { c: other, text: `at ${className(other)}, another class` }];
}
