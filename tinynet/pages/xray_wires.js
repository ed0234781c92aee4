
// The wires between the layers, and the numbers that go through them. Each has a meaning: forward,
// what it brings to a unit; backward, what it takes back from it; in the update, how its weight moves.

function wireLegend(phase, layer) {
  const few = `The ${WIRES} largest into each layer are drawn.`;
  const past = skips().length ? " Along the edge: a skip connection." : "";
  const part = data.layers[layer];
  if (part?.window) {
    const [ahead, whose] = part.window.largest ? ["the number that is the largest of a window", "goes to each unit"] : ["x * w", "of the chosen unit"];
    if (phase === "forward") return `Wires: ${ahead}, ${whose}. Framed: what the chosen unit reads.${past}`;
    return `Wires: ${part.window.largest ? "dy, which goes back to the largest number of each window alone" : "w * dy, of the chosen unit"}. Framed: what it reads.${past}`;
  }
  if (part && !part.wired && part.sources.every((from) => layerSize(from) !== part.size)) {
    return `No wires lead into layer ${part.name}: its class does not say which input goes where.${past}`;
  }
  if (phase === "forward" && layer === INPUT) return `Wires: none yet. Each layer draws those that it takes its numbers from.${past}`;
  if (phase === "forward") return `Wires: x * w, what an input adds to a unit's sum; without weights, the unit's own x. ${few}${past}`;
  if (phase === "loss") return `Wires from the loss: the dy that it hands to each output. Faint: x * w, as they came forward.${past}`;
  if (phase === "backward") return `Wires: w * dy, what a unit hands back to an input; without weights, its dx. Faint: the other layers'. ${few}${past}`;
  return `Wires: the change of each weight. Layers without weights have none. ${few}${past}`;
}

// The wires into layer l: where from, where to, and the number that goes through.
function wiresInto(l, kind, one) {
  if (l === theLoss()) {
    const dy = lossGradient();
    const from = data.loss.sources[0];
    return from === null ? [] : largest(dy, WIRES).map((i) => ({ from, i, l, u: 0, value: dy[i] }));
  }
  const part = data.layers[l];
  const O = part.size;
  if (part.window) return windowWires(l, kind, one);
  if (!part.wired) {
    if (kind === "update") return [];
    return part.sources.flatMap((from, k) => {
      if (layerSize(from) !== O) return [];
      const values = kind === "y" ? outputs(from) : handedBack(l, k);
      return largest(values, O).filter((u) => one === undefined || u === one)
        .slice(0, WIRES).map((u) => ({ from, i: u, l, u, value: values[u] }));
    });
  }
  const [from, W] = [inputOf(l), parameter("W", l)];
  const [x, dy] = [outputs(from), gradients(l)];
  const values = kind === "update" ? update("W", l)
    : W.map((w, k) => (kind === "y" ? x[Math.floor(k / O)] * w : w * dy[k % O]));
  const count = one === undefined ? WIRES : WIRES_OF_ONE;
  const candidates = one === undefined ? values : values.map((value, k) => (k % O === one ? value : 0));
  const limit = candidates.map(Math.abs).sort()[Math.max(0, candidates.length - count)];
  const wires = [];
  candidates.forEach((value, k) => {
    if (value && Math.abs(value) >= limit) wires.push({ from, i: Math.floor(k / O), l, u: k % O, value });
  });
  return wires;
}

// The connections that go past at least one layer; each has a lane of its own along the edge.
const skips = () => [...data.layers, data.loss].flatMap(({ sources }, l) =>
  sources.filter((from) => from !== null && from !== l - 1).map((from) => ({ from, l })));

function animate(begin) {
  const share = Math.min(1, (performance.now() - begin) / 650);
  drawWires(share);
  if (share < 1) animation = requestAnimationFrame(() => animate(begin));
}

// All wires of this frame; those of its own layer have grown to `share` of their length.
function drawWires(share) {
  const canvas = byId("wires");
  const box = canvas.getBoundingClientRect();
  const density = devicePixelRatio || 1;
  canvas.width = box.width * density;
  canvas.height = box.height * density;
  const context = canvas.getContext("2d");
  context.scale(density, density);
  const { phase, layer } = frames[state.frame];
  const path = pathOf(box, upright());
  const draw = (l, kind, strength, grown, one = alone(l)) => {
    const wires = cached(`wires ${state.sample} ${l} ${kind} ${one}`, () => wiresInto(l, kind, one));
    drawBundle(context, wires, path, { kind, strength, grown });
  };
  const one = state.pointed;
  [...data.layers, data.loss].forEach((_, l) => {
    const faint = one ? 0.12 : 0.4;
    if (phase === "update") {
      if (l < theLoss()) draw(l, "update", one ? faint : 1, share);
    } else if (modeOf(l) !== "dark") draw(l, modeOf(l), l === layer && !one ? 1 : faint, l === layer ? share : 1);
  });
  if (one && modeOf(one.layer) !== "dark") {
    draw(one.layer, phase === "update" ? "update" : modeOf(one.layer), 1, 1, one.index);
  }
  drawFrames(box);
}

// Where units are on the canvas, [left, right, y]; numbers of the input, too.
function placer(box) {
  const known = new Map();
  const input = byId("input").querySelector("canvas, ul").getBoundingClientRect();
  const within = ({ left, right, top, height }) => [left - box.left, right - box.left, top - box.top + height / 2];
  return (l, u) => {
    const key = `${l} ${u}`;
    if (!known.has(key)) known.set(key, l < 0 ? inputPlace(u) : unitPlace(l, u));
    return known.get(key);
  };
  function unitPlace(l, u) {
    const pixel = cellOf(box, l, u);
    if (pixel) return [pixel[0] + pixel[2] / 2, pixel[0] + pixel[2] / 2, pixel[1] + pixel[3] / 2];
    const button = l === theLoss() ? byId("loss-block").querySelector(".unit") : blocks[l].buttons[u];
    const rectangle = button.getBoundingClientRect();
    const [left, right, y] = within(rectangle);
    return rectangle.width < 30 ? Array(2).fill((left + right) / 2).concat(y) : [left + 8, right - 8, y];
  }
  function inputPlace(i) {
    if (isList()) return within(byId("input").querySelectorAll("li")[i].getBoundingClientRect());
    const { picture, count } = data.input;
    const [left, top] = [input.left - box.left, input.top - box.top];
    const { width, height } = picture ?? { width: count, height: 1 };
    const at = picture ? i % (width * height) : i;
    const x = left + ((at % width) + 0.5) * (input.width / width);
    return [x, x, top + (Math.floor(at / width) + 0.5) * (input.height / height)];
  }
}

// A function that gives the path of a wire: a curve, or along the edge past the layers between.
function pathOf(box, upright) {
  const place = placer(box);
  const lanes = skips();
  return ({ from, i, l, u }, back) => {
    const [[left, right, y0], [before, behind, y1]] = [place(from, i), place(l, u)];
    const ends = upright // along the walk, and across it
      ? [[y0, (left + right) / 2], [y1, (before + behind) / 2]] : [[right, y0], [before, y1]];
    const lane = lanes.findIndex((skip) => skip.from === from && skip.l === l);
    const edge = (upright ? box.width : box.height) - 7 - 14 * (lanes.length - 1 - lane);
    const points = curve(...ends, lane < 0 ? null : edge).map((point) => (upright ? [point[1], point[0]] : point));
    return back ? points.reverse() : points;
  };
}

// From one end to the other: the first point, and three more for each Bezier curve.
function curve([a0, c0], [a1, c1], edge) {
  const middle = (a0 + a1) / 2;
  if (edge === null) return [[a0, c0], [middle, c0], [middle, c1], [a1, c1]];
  const turn = Math.min(40, (a1 - a0) / 4);
  const lane = edge + 3 * Math.sin(c0); // beside one another
  return [
    [a0, c0], [a0 + turn, c0], [a0 + turn / 2, lane], [a0 + 1.5 * turn, lane],
    [a0 + 2 * turn, lane], [a1 - 2 * turn, lane], [a1 - 1.5 * turn, lane],
    [a1 - turn / 2, lane], [a1 - turn, c1], [a1, c1],
  ];
}

// Many wires of one size would run together into one area: they are drawn finer.
const CROWD = 40;

function drawBundle(context, wires, path, { kind, strength, grown }) {
  const limit = wires.reduce((most, { value }) => Math.max(most, Math.abs(value)), 0);
  const crowd = Math.min(1, CROWD / wires.reduce((sum, { value }) => sum + Math.abs(value) / limit, 0));
  const [plus, minus] = (kind === "y" ? ["--positive", "--negative"] : ["--up", "--down"]).map(themeColour);
  for (const wire of wires) {
    const size = Math.abs(wire.value) / limit;
    const points = path(wire, kind === "dy");
    const length = 1.2 * points.reduce((sum, [x, y], k) => (k ? sum + Math.hypot(x - points[k - 1][0], y - points[k - 1][1]) : 0), 0);
    context.setLineDash(grown < 1 ? [grown * length, 2 * length] : []);
    context.strokeStyle = `rgb(${(wire.value > 0 ? plus : minus).join(" ")} / ${strength * (0.12 + 0.7 * size * crowd)})`;
    context.lineWidth = 0.6 + 1.6 * size * strength * crowd;
    context.beginPath();
    context.moveTo(...points[0]);
    for (let k = 1; k < points.length; k += 3) context.bezierCurveTo(...points[k], ...points[k + 1], ...points[k + 2]);
    context.stroke();
  }
}
