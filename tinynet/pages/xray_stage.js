
// The stage: the batch, the input, a block for each layer, and the loss.

// ---- Building it --------------------------------------------------------------------------------

function buildStage() {
  byId("layers").append(inputBlock());
  blocks = data.layers.map(layerBlock);
  byId("layers").append(...blocks.map((block) => block.element), lossBlock());
  const { length } = skips();
  byId("layers").style.setProperty("--lanes", length);
  byId("samples").append(...data.labels.map(sampleButton));
  byId("samples").classList.toggle("named", Boolean(data.classes));
  byId("samples").style.setProperty("--name", widest(data.classes ?? [""]));
}

const heading = (title, ...lines) => make("h3", { title }, ...lines.map((line, k) => (k ? make("small", {}, line) : line)));
const widest = (names) => `${Math.min(18, Math.max(...names.map(({ length }) => length)))}ch`;
const isList = () => !data.input.picture && data.input.count <= MOST_BARS;

function inputBlock() {
  const { count, picture, names } = data.input;
  const title = heading("input", "input", picture ? (picture.channels === 3 ? "colours" : "picture") : "a row", `${count} numbers`);
  const section = make("section", { id: "input", className: "layer" }, title);
  if (isList()) {
    const list = make("ul", { className: "features" }, ...Array.from({ length: count }, (_, i) => {
      const name = names?.[i] ?? `${i}`;
      return make("li", { title: name }, make("b", {}, name), make("span", { className: "bar" }, make("i")), make("span"));
    }));
    list.style.setProperty("--name", widest(names ?? [`${count}`]));
    section.append(list);
  } else {
    const canvas = make("canvas", { id: "picture", className: "pixels picture" });
    canvas.setAttribute("role", "img");
    section.append(canvas);
  }
  section.append(make("p", { className: "scale" }));
  return section;
}

function layerBlock({ name, kind, text, size, shape, sources, wired }, l) {
  const sheet = sheetOf(shape, sheetWidth(), SHEET_HEIGHT);
  const widths = wired ? `${layerSize(sources[0])} to ${size}` : sheet && shape.length > 1 ? shape.join(" x ") : "\u00a0";
  const scale = make("p", { className: "scale" });
  if (sheet) {
    const canvas = sheetBlock(l, sheet);
    const element = make("section", { className: "layer" }, heading(text, name, kind, widths), canvas, scale);
    return { element, sheet, canvas, scale, drawn: {} };
  }
  const asBars = l === data.layers.length - 1 && size <= MOST_BARS;
  const units = make("div", { className: "units" });
  units.setAttribute("role", "group");
  units.setAttribute("aria-label", `units of layer ${name}, ${text}`);
  units.style.setProperty("--name", widest(data.classes ?? [`${size}`]));
  units.style.setProperty("--rows", asBars ? size : Math.min(ROWS, size));
  const buttons = Array.from({ length: size }, (_, index) => {
    const button = make("button", { type: "button", className: "unit", tabIndex: index ? -1 : 0 });
    if (asBars) {
      const bar = make("span", { className: "bar" }, make("i"));
      button.append(make("b", {}, className(index)), bar, make("span"));
    }
    choosable(button, { layer: l, index });
    return button;
  });
  units.append(...buttons);
  const element = make("section", { className: `layer${asBars ? " classes" : ""}` }, heading(text, name, kind, widths), units, scale);
  return { element, buttons, scale, asBars };
}

function choosable(button, here) {
  button.addEventListener("click", () => set({ unit: here, pointed: null }));
  button.addEventListener("focus", () => set({ unit: here }));
  button.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse") set({ pointed: here });
  });
  button.addEventListener("pointerleave", () => set({ pointed: null }));
}

function lossBlock() {
  const button = make("button", { type: "button", className: "unit", ariaLabel: "the loss" });
  button.addEventListener("click", () => {
    state.atLoss = true;
    show(false);
  });
  return make("section", { id: "loss-block", className: "layer" },
    heading(data.loss.text, "loss", data.loss.kind, "\u00a0"), button, make("p", { className: "scale" }));
}

function sampleButton(label, n) {
  const picture = make("canvas", { className: "pixels" });
  drawInput(picture, row(data.values.X, n, data.input.count));
  const button = make("button", { type: "button", className: "sample" }, picture, make("span"));
  button.addEventListener("click", () => set({ sample: n }));
  return button;
}

// ---- Showing it ---------------------------------------------------------------------------------

function showStage() {
  const { phase, layer } = frames[state.frame];
  showSamples();
  showInput();
  blocks.forEach((block, l) => {
    block.element.classList.toggle("active", l === layer && phase !== "update");
    showLayer(block, l);
  });
  const known = forwardReached(theLoss());
  byId("loss-block").classList.toggle("active", phase === "loss");
  byId("loss-block").querySelector(".unit").classList.toggle("chosen", state.atLoss);
  byId("loss-block").querySelector(".scale").textContent = known ? written(data.steps[state.step].loss) : "";
}

// The chosen sample comes into view in its strip.
function scrollToSample() {
  const [strip, button] = [byId("samples"), byId("samples").children[state.sample]];
  strip.scrollLeft = button.offsetLeft - strip.offsetLeft - (strip.clientWidth - button.offsetWidth) / 2;
}

function showSamples() {
  [...byId("samples").children].forEach((button, n) => {
    const [label, read] = [data.labels[n], guess(n)];
    const right = label === null || label === read;
    const named = right ? className(label) : `${className(label)}${data.classes ? "\n" : " "}as ${className(read)}`;
    Object.assign(button.lastChild, { textContent: label === null ? `${n}` : named, className: right ? "" : "wrong" });
    button.setAttribute("aria-pressed", n === state.sample);
    const says = label === null ? "" : `: a ${className(label)}, read as ${className(read)}`;
    button.setAttribute("aria-label", `sample ${n}${says}`);
  });
}

// What no number of a layer exceeds, as short as two digits can be.
const sizes = (name, limit) => (
  limit && limit < 1e-2 ? `|${name}|\u2264${limit.toExponential(1)}` : `|${name}| \u2264 ${limit.toPrecision(2)}`);

// The lowest and the highest number of the whole batch, between which a picture is grey.
const range = () => cached("range", () => {
  const X = data.values.X;
  return [X.reduce((a, b) => Math.min(a, b)), X.reduce((a, b) => Math.max(a, b))];
});

function drawInput(canvas, x) {
  if (data.input.picture) drawPicture(canvas, x, data.input.picture, ...range());
  else drawBars(canvas, x, largestSize(x), "--positive", "--negative");
}

function showInput() {
  const scale = byId("input").querySelector(".scale");
  const takers = data.layers.flatMap(({ sources }, l) => (sources.includes(INPUT) ? [l] : []));
  const reached = takers.every((l) => modeOf(l) === "dy");
  const values = reached ? lossByInput() : outputs(INPUT);
  const limit = largestSize(values);
  const colours = reached ? ["--up", "--down"] : ["--positive", "--negative"];
  byId("input").classList.toggle("active", phaseOf() === "forward" && state.frame === 0);
  scale.textContent = sizes(reached ? "dx" : "x", limit);
  if (isList()) {
    [...byId("input").querySelectorAll("li")].forEach((line, i) => {
      const [, bar, number] = line.children;
      const share = limit ? (50 * values[i]) / limit : 0;
      Object.assign(bar.firstChild.style, {
        left: `${50 + Math.min(0, share)}%`, width: `${Math.abs(share)}%`, background: `var(${colours[values[i] > 0 ? 0 : 1]})`,
      });
      number.textContent = short(values[i]);
    });
    return;
  }
  const { picture } = data.input;
  if (!picture) drawBars(byId("picture"), values, limit, ...colours);
  else if (reached) drawSigned(byId("picture"), asPixels(values), picture.width, largestSize(asPixels(values)), ...colours);
  else drawInput(byId("picture"), values);
  const what = reached ? "the gradient of the loss with respect to each number" : picture ? "the picture" : "the numbers";
  const label = data.labels[state.sample];
  byId("picture").setAttribute("aria-label", `${what} of sample ${state.sample}${label === null ? "" : `, a ${className(label)}`}`);
}

// One number for each pixel: those of its three colours added up.
function asPixels(values) {
  const { channels, width, height } = data.input.picture;
  if (channels === 1) return values;
  const size = width * height;
  return Float64Array.from({ length: size }, (_, k) => values[k] + values[k + size] + values[k + 2 * size]);
}

const short = (value) => (Math.abs(value) < 1e-4 ? value.toExponential(0) : Number(value.toPrecision(3)).toString()).replace("0e+0", "0");

function showLayer(block, l) {
  const mode = modeOf(l);
  const values = mode === "dy" ? gradients(l) : outputs(l);
  const limit = largestSize(values);
  const colours = mode === "dy" ? ["--up", "--down"] : ["--positive", "--negative"];
  const name = mode === "dy" ? "dy" : "y";
  block.scale.textContent = mode === "dark" ? "" : sizes(name, limit);
  if (block.sheet) return showSheet(block, l, mode, values, limit, colours);
  const asSizes = mode === "dy" || data.targets; // numbers to be met are no scores of classes
  const shares = block.asBars && (asSizes ? values.map((v) => Math.abs(v) / (limit || 1)) : probabilities());
  block.buttons.forEach((button, u) => {
    const dark = mode === "dark";
    const colour = dark ? "var(--cell)" : shade(values[u], limit, ...colours);
    button.classList.toggle("dark", dark);
    button.classList.toggle("chosen", !state.atLoss && state.unit.layer === l && state.unit.index === u);
    const says = dark ? "not computed yet" : `${name} = ${written(values[u])}`;
    button.title = `unit ${u}${block.asBars && data.classes ? ` (${className(u)})` : ""}, ${says}`;
    button.setAttribute("aria-label", button.title);
    if (!block.asBars) {
      button.style.background = colour;
      const lit = !dark && Math.abs(values[u]) > 0.25 * limit;
      button.style.boxShadow = lit ? `0 0 9px -1px ${colour}` : "none";
      return;
    }
    const [, bar, number] = button.children;
    button.classList.toggle("true", u === data.labels[state.sample]);
    bar.firstChild.style.width = dark ? "0" : `${100 * shares[u]}%`;
    bar.firstChild.style.background = mode === "dy" ? colour : "var(--positive)";
    number.textContent = dark ? "\u00a0" : short(values[u]);
  });
}
