// Units that read a window of their input: the terms of a convolution's sum, the largest of a pool.

// What a unit reads: where in its input, with which weights, and where those stand in W and b.
function readsOf(l, u) {
  const { window } = data.layers[l] ?? {};
  if (!window) return null;
  const [pattern, x, w, b] = data.values[`window${l}`].subarray(4 * u, 4 * u + 4);
  const known = window.patterns[pattern];
  if (!known) return null;
  const inputs = known.x.map((i) => i + x);
  if (known.constant) return { ...known, inputs, w: known.w, places: null, bias: b };
  const places = known.w.map((i) => i + w);
  const W = parameter("W", l);
  return { ...known, inputs, w: places.map((i) => W[i]), places, bias: b };
}

// Which number of the window is the largest: the first of equals.
function winner(l, reads) {
  const x = outputs(inputOf(l));
  return reads.inputs.reduce((best, i, k) => (x[i] > x[reads.inputs[best]] ? k : best), 0);
}

// The terms of a unit's sum over its window, as wiredTerms gives those of a whole row.
function windowTerms(l, u, reads) {
  const [from, dy] = [inputOf(l), gradients(l)[u]];
  const taken = (values) => reads.inputs.map((i) => values[i]);
  const learned = (values) => (reads.places && values ? reads.places.map((i) => values[i]) : undefined);
  const [x, w, bias] = [taken(outputs(from)), reads.w, reads.bias];
  return {
    from, dy, x, w, inputs: reads.inputs, products: x.map((value, k) => value * w[k]),
    dW: learned(at(`dW${l}`)), dx: taken(handedBack(l, 0)), changes: learned(update("W", l)),
    b: bias < 0 ? undefined : { value: parameter("b", l)[bias], gradient: at(`db${l}`)[bias], change: update("b", l)?.[bias] },
    adders: ["all", "all"],
  };
}

// x, weights, products and gradients of a window, each as a picture.
function windowPictures(l, shape, { x, w, products, dW }, signs = ["--positive", "--negative"]) {
  const [ahead, back] = [forwardReached(l), backwardReached(l)];
  const drawn = [["x", x, forwardReached(inputOf(l)), ...signs], ["w", w, true, ...signs], ["x * w", products, ahead, ...signs]];
  if (dW) drawn.push(["dW", dW, back, "--up", "--down"]);
  return make("div", { className: "pictures windows" }, ...drawn.map((one) => windowPicture(shape, ...one)));
}

function windowPicture(shape, text, values, known, ...colours) {
  const canvas = make("canvas", { className: "pixels" });
  const [maps, height, width] = [...Array(Math.max(0, 3 - shape.length)).fill(1), ...shape.slice(-3)];
  const sheet = { size: values.length, maps, height, width, ...arranged(maps, height, width, 60, 60) };
  const limit = largestSize(values);
  drawSheet(canvas, sheet, known ? values : values.map(() => 0), limit, ...colours);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", known ? `${text} of the window, numbers up to ${written(limit)}` : `${text}, not computed yet`);
  return make("figure", {}, canvas, make("figcaption", {}, text));
}

// ---- A unit that takes the largest number of its window ---------------------------------------------

function pickedUnit(l, u, reads) {
  const [from, dy] = [inputOf(l), gradients(l)[u]];
  const [x, dx, won] = [outputs(from), handedBack(l, 0), winner(l, reads)];
  const [ahead, back] = [forwardReached(l), backwardReached(l)];
  const order = [won, ...Array.from(reads.inputs.keys()).filter((k) => k !== won).sort((a, b) => x[reads.inputs[b]] - x[reads.inputs[a]])];
  const shown = order.slice(0, TERMS + 1).sort((a, b) => a - b);
  const known = (now, name, value) => (now ? number(name, value) : LATER);
  const lines = shown.map((k) => {
    const i = reads.inputs[k];
    return make("tr", { className: ahead && k === won ? "won" : "" },
      make("td", {}, sourceButton(from, i)), make("td", {}, known(forwardReached(from), `${i} x`, x[i])),
      make("td", {}, ahead ? (k === won ? "the largest" : "\u00a0") : LATER),
      make("td", {}, known(back, `${i} of this unit`, k === won ? dy : 0)), make("td", {}, known(back, `${i} dx`, dx[i])));
  });
  const heads = ["input", "x", "", "dx, this unit", "dx, all units"].map((text) => make("th", { scope: "col" }, text));
  const table = make("table", { className: "terms" },
    make("caption", { className: "hidden-text" }, "The window's numbers, which is the largest, and where the gradient goes back to"),
    make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines));
  const values = reads.inputs.map((i) => x[i]);
  const handedOn = reads.inputs.map((_, k) => (k === won ? dy : 0));
  const side = make("div", { className: "side" },
    equation("y = the largest x = ", forward(l, "y", outputs(l)[u])), equation("dy = ", backward(l, "dy", dy)),
    soft(`${handed(l)} It goes back to the largest number of the window, in ${named(from)}; the others get 0.`));
  const pictures = make("div", { className: "pictures windows" },
    windowPicture(reads.shape, "x", values, forwardReached(from), "--positive", "--negative"),
    windowPicture(reads.shape, "dx", handedOn, back, "--up", "--down"));
  return [side, make("div", { className: "told scroll picked", tabIndex: 0, role: "region", ariaLabel: "numbers of the window" }, table, pictures)];
}

// ---- Wires ---------------------------------------------------------------------------------------

// Into a layer with windows: those of one unit; where each unit has one alone, the largest of all.
function windowWires(l, kind, one) {
  const [from, part] = [inputOf(l), data.layers[l]];
  const [x, dy] = [outputs(from), gradients(l)];
  if (part.window.largest) {
    if (kind === "update") return [];
    const units = one === undefined ? largest(kind === "y" ? outputs(l) : dy, WIRES) : [one];
    return units.flatMap((u) => {
      const reads = readsOf(l, u);
      if (!reads?.inputs.length) return [];
      const i = reads.inputs[winner(l, reads)];
      return [{ from, i, l, u, value: kind === "y" ? x[i] : dy[u] }];
    }).filter(({ value }) => value);
  }
  const reads = one === undefined ? null : readsOf(l, one);
  if (!reads) return [];
  const changes = kind === "update" && update("W", l);
  if (kind === "update" && !(changes && reads.places)) return [];
  const values = reads.inputs.map((i, k) => (changes ? changes[reads.places[k]] : reads.w[k] * (kind === "y" ? x[i] : dy[one])));
  return largest(values, WIRES_OF_ONE).map((k) => ({ from, i: reads.inputs[k], l, u: one, value: values[k] }));
}

// The unit whose wires are drawn though no one points at it: the chosen one, where all would be too many.
function alone(l) {
  const { window } = data.layers[l] ?? {};
  if (!window || window.largest) return undefined;
  return !state.atLoss && state.unit.layer === l ? state.unit.index : -1;
}
