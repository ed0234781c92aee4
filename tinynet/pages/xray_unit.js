
// One unit: its numbers, and its line of the chain rule.

function showUnit() {
  const { layer, index } = state.pointed ?? state.unit;
  const part = data.layers[layer];
  byId("unit-title").textContent = `Unit ${index} of layer ${part.name}, ${part.text}`;
  byId("numbers").replaceChildren(...(part.wired ? wiredUnit : plainUnit)(layer, index));
}

// A number that can be told from the others by its name.
function number(name, value) {
  const element = make("span", { className: "number" }, written(value));
  element.dataset.of = name;
  return element;
}

const equation = (...parts) => make("p", { className: "equation" }, ...parts);

function wiredUnit(l, u) {
  const [from, O, dy] = [inputOf(l), layerSize(l), gradients(l)[u]];
  const [x, w, b] = [outputs(from), column(parameter("W", l), u, O), parameter("b", l)];
  const products = x.map((value, i) => value * w[i]);
  const dW = weightGradient(l, u);
  const dx = inputGradient(l);
  const updates = update("W", l);
  const shown = largest(products, TERMS);
  const known = new Set(shown);
  const rest = products.reduce((sum, value, i) => (known.has(i) ? sum : sum + value), 0);

  const table = make("table", { className: "terms" });
  const groups = [["forward", 4], ["this weight, backward", 2], ["this input, backward", 2], ["update", 2]];
  const heads = ["input", "x", "w", "x * w", "x * dy", `dW, ${data.rows} rows`, "w * dy", `dx, ${O} units`, "change", "new w"];
  const begins = new Set([4, 6, 8]);
  if (!updates) groups.pop(), heads.splice(8);
  const cell = (tag, k, ...content) => make(tag, { className: begins.has(k) ? "begin" : "" }, ...content);
  let first = 0;
  const groupRow = make("tr", {}, ...groups.map(([text, span]) => {
    const made = Object.assign(cell("th", first, text), { colSpan: span, scope: "colgroup" });
    first += span;
    return made;
  }));
  const headRow = make("tr", {}, ...heads.map((text, k) => Object.assign(cell("th", k, text), { scope: "col" })));
  table.append(make("thead", {}, groupRow, headRow));
  const line = (name, ...values) => make("tr", {}, ...heads.map((_, k) => {
    const value = values[k];
    if (value === undefined) return cell("td", k);
    return cell("td", k, typeof value === "number" ? number(`${name} ${heads[k]}`, value) : value);
  }));
  const changed = (value, change) => (change === undefined ? [] : [change, value + change]);
  table.append(make("tbody", {}, ...shown.map((i) => line(
    `${i}`, sourceButton(from, i), x[i], w[i], products[i], x[i] * dy, dW[i], w[i] * dy, dx[i],
    ...changed(w[i], updates?.[i * O + u]),
  ))));
  const biasGradient = () => {
    let total = 0;
    for (let n = 0; n < data.rows; n++) total += at(`dy${l}`)[n * O + u];
    return total;
  };
  table.append(make("tfoot", {},
    line("rest", `other ${products.length - shown.length}`, undefined, undefined, rest),
    ...(b ? [line("b", "b", 1, b[u], b[u], dy, biasGradient(), undefined, undefined, ...changed(b[u], update("b", l)?.[u]))] : []),
    line("y", "sum = y", undefined, undefined, outputs(l)[u]),
  ));
  const caption = make("caption", { className: "hidden-text" }, "The largest terms of the unit's sum, and their gradients");
  table.prepend(caption);
  const numbers = make("div", {},
    equation("y = ", number("y", outputs(l)[u]), ",  dy = ", number("dy", dy)),
    make("p", { className: "soft" }, `${handed(l)} Its dx goes back to ${named(from)}.`),
    make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "terms of the unit" }, table));
  const parts = [numbers];
  if (from === INPUT) parts.push(pictures(w, products, dW));
  return [make("div", { className: "columns" }, ...parts)];
}

// The number of an input, and where there is a unit behind it, a button that goes there.
function sourceButton(from, i) {
  if (from < 0) return data.width ** 2 === data.features ? `${i} (${Math.floor(i / data.width)}, ${i % data.width})` : `${i}`;
  const button = make("button", { type: "button", title: `go to unit ${i} of ${named(from)}` }, `${i}`);
  button.addEventListener("click", () => set({ unit: { layer: from, index: i } }));
  return button;
}

const named = (l) => (l < 0 ? "the input" : `layer ${data.layers[l].name}, ${data.layers[l].text}`);

function handed(l) {
  const takers = data.layers.flatMap(({ sources }, k) => (sources.includes(l) ? [named(k)] : []));
  return `dy is handed back by ${takers.join(" and by ") || `the loss, ${data.loss}`}.`;
}

function pictures(w, products, dW) {
  const drawn = [["weights w", w, "--positive", "--negative"], ["x * w of this picture", products, "--positive", "--negative"], ["gradient dW of the batch", dW, "--up", "--down"]];
  return make("div", { className: "pictures" }, ...drawn.map(([text, values, ...colours]) => {
    const canvas = make("canvas", { className: "pixels" });
    const limit = largestSize(values);
    drawSigned(canvas, values, data.width, limit, ...colours);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${text} as a picture, numbers up to ${written(limit)}`);
    return make("figure", {}, canvas, make("figcaption", {}, text));
  }));
}

// A unit of any other layer, in the words of its class.
function plainUnit(l, u) {
  const part = data.layers[l];
  const [forward, backward] = part.told ? part.told.map((text) => text.split("\n").map((line) => toldLine(l, u, line))) : plainLines(l, u);
  const next = part.sources.map(named).join(" and to ");
  return [
    make("h3", { className: "hidden-text" }, "forward"), ...forward,
    equation("dy = ", number("dy", gradients(l)[u])), ...backward,
    make("p", { className: "soft" }, `${handed(l)} Its dx goes back to ${next}.`),
  ];
}

// "y = max({x}, 0) = {y}" with the unit's numbers.
function toldLine(l, u, line) {
  return equation(...line.split(/\{([^{}]*)\}/).map((part, k) => {
    if (k % 2 === 0) return part;
    const value = toldValue(l, u, part);
    return typeof value === "string" ? value : number(part, value);
  }));
}

// The lines of a layer whose class has no words for its numbers.
function plainLines(l, u) {
  const { kind, equations } = data.layers[l];
  const advice = `To see its equations here, write them in class ${kind}: equations = "y = ...", "dx = ..."`;
  const [forward, backward] = equations ? equations.map((text) => [equation(text)]) : [[], [make("p", { className: "soft" }, advice)]];
  return [[...forward, equation("y = ", number("y", outputs(l)[u]))], backward];
}
