
// The wires between the layers, and the numbers that go through them.

// The wires into layer l: where from, where to, and the number that goes through.
function wiresInto(l, kind, one) {
  const part = data.layers[l];
  const O = part.size;
  if (!part.wired) {
    const values = kind === "y" ? outputs(l) : gradients(l);
    if (kind === "update" || part.sources.some((from) => layerSize(from) !== O)) return [];
    return part.sources.flatMap((from) => largest(values, O)
      .filter((u) => one === undefined || u === one)
      .map((u) => ({ from, i: u, l, u, value: values[u] })));
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
  const upright = getComputedStyle(byId("layers")).flexDirection === "column";
  const place = placer(box);
  const draw = (l, kind, strength, grown, one) => {
    const colours = kind === "y" ? ["--positive", "--negative"] : ["--up", "--down"];
    const wires = cached(`wires ${state.sample} ${l} ${kind} ${one}`, () => wiresInto(l, kind, one));
    drawBundle(context, wires, place, colours, strength, grown, kind === "dy", upright);
  };
  const one = state.pointed;
  data.layers.forEach((_, l) => {
    const faint = one ? 0.12 : 0.4;
    if (phase === "update") draw(l, "update", one ? faint : 1, share);
    else if (modeOf(l) === "dark") return;
    else draw(l, modeOf(l), l === layer && !one ? 1 : faint, l === layer ? share : 1);
  });
  if (one && modeOf(one.layer) !== "dark") {
    draw(one.layer, phase === "update" ? "update" : modeOf(one.layer), 1, 1, one.index);
  }
}

// Where units are on the canvas; pixels of the input picture, too.
function placer(box) {
  const known = new Map();
  const picture = byId("picture").getBoundingClientRect();
  const size = picture.width / data.width;
  return (l, u) => {
    if (l < 0) {
      const [line, at] = [Math.floor(u / data.width), u % data.width];
      return [picture.left - box.left + (at + 0.5) * size, picture.top - box.top + (line + 0.5) * size];
    }
    const key = `${l} ${u}`;
    if (!known.has(key)) {
      const unit = blocks[l].buttons[u].getBoundingClientRect();
      known.set(key, [unit.left - box.left + Math.min(unit.width, 18) / 2, unit.top - box.top + unit.height / 2]);
    }
    return known.get(key);
  };
}

function drawBundle(context, wires, place, colours, strength, grown, back, upright) {
  const limit = wires.reduce((most, { value }) => Math.max(most, Math.abs(value)), 0);
  const [plus, minus] = colours.map(themeColour);
  for (const { from, i, l, u, value } of wires) {
    const size = Math.abs(value) / limit;
    let [[x0, y0], [x1, y1]] = [place(from, i), place(l, u)];
    if (back) [x0, y0, x1, y1] = [x1, y1, x0, y0];
    const length = 1.2 * Math.hypot(x1 - x0, y1 - y0);
    context.setLineDash(grown < 1 ? [grown * length, 2 * length] : []);
    context.strokeStyle = `rgb(${(value > 0 ? plus : minus).join(" ")} / ${strength * (0.12 + 0.7 * size)})`;
    context.lineWidth = 0.6 + 1.6 * size * strength;
    context.beginPath();
    context.moveTo(x0, y0);
    if (upright) context.bezierCurveTo(x0, (y0 + y1) / 2, x1, (y0 + y1) / 2, x1, y1);
    else context.bezierCurveTo((x0 + x1) / 2, y0, (x0 + x1) / 2, y1, x1, y1);
    context.stroke();
  }
}
