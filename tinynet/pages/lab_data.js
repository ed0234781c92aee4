// The points that a network learns from: clouds in the plane, a line or a wave, digits, drawn, or given.

const DATA_KINDS = {
  moons: { title: "Two moons", task: "classes", classes: 2, noise: 0.6 },
  circles: { title: "Circles", task: "classes", classes: 2, noise: 0.6 },
  spirals: { title: "Spirals", task: "classes", classes: 2, noise: 0.4 },
  xor: { title: "XOR", task: "classes", classes: 2, noise: 1 },
  blobs: { title: "Three blobs", task: "classes", classes: 3, noise: 1.5 },
  line: { title: "A line", task: "numbers", noise: 1 },
  wave: { title: "A wave", task: "numbers", noise: 1 },
  digits: { title: "Digits, 8 x 8", task: "classes", classes: 10, noise: 1 },
  own: { title: "Your own points", task: "classes", noise: 0 },
};

// Where a point of class c lies, without noise; t is from 0 to 1.
const CLOUDS = {
  moons(c, random) {
    const t = random.uniform(0, Math.PI);
    const [x, y] = c === 0 ? [Math.cos(t), Math.sin(t)] : [1 - Math.cos(t), 0.5 - Math.sin(t)];
    return [1.5 * (x - 0.5), 1.5 * (y - 0.25)];
  },
  circles(c, random) {
    const angle = random.uniform(0, 2 * Math.PI);
    const radius = c === 0 ? 0.8 : 2;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  },
  spirals(c, random) {
    const t = random.uniform(0.05, 1);
    const angle = (2.5 * t + c) * Math.PI;
    return [2.2 * t * Math.cos(angle), 2.2 * t * Math.sin(angle)];
  },
  xor(c, random) {
    const right = random.uniform() < 0.5 ? 1 : -1;
    const up = c === 0 ? right : -right;
    return [right * random.uniform(0.2, 2), up * random.uniform(0.2, 2)];
  },
  blobs(c, random) {
    const angle = (2 * Math.PI * c) / 3 + Math.PI / 2;
    return [1.6 * Math.cos(angle) + 0.25 * random.normal(), 1.6 * Math.sin(angle) + 0.25 * random.normal()];
  },
};

const CURVES = { line: (x) => 0.8 * x - 0.2, wave: (x) => Math.sin(2 * x) };

const DEFAULTS_OF_ALL = { kind: "moons", points: 200, test: 200, noise: 0.15, seed: 0 };
const dataDefaults = (kind) => ({ ...DEFAULTS_OF_ALL, ...(kind === "digits" && { test: arrived.digits.test }) });
const MOST_POINTS = 2000;
const KEPT_ASIDE = 5; // of own points, every fifth is a test point
const arrived = { data: null, weights: null, digits: null };

// What came with the page: digits, and the arrays of Python's caller.
function takeGiven({ values, given: about }) {
  const side = 8;
  const size = side * side;
  const pixels = values.digits;
  const labels = Int32Array.from(values["digit labels"]);
  const held = Math.floor(labels.length / KEPT_ASIDE);
  arrived.digits = { side, size, pixels, labels, train: labels.length - held, test: held };
  arrived.weights = about.weights.map((name) => values[name]);
  if (!about.data) return;
  const part = (x, y) => ({ rows: y.length, x, y: about.data.task === "classes" ? Int32Array.from(y) : y });
  arrived.data = {
    kind: "given", ...about.data, ...part(values.x, values.y), test: part(values["test x"], values["test y"]),
  };
}

function makeData(setup) {
  const { kind, points, test, noise, seed, ...rest } = { ...dataDefaults(setup.kind), ...setup };
  if (kind === "given") return withLimits(arrived.data ?? refuse("This page came without arrays; choose other data."));
  if (!DATA_KINDS[kind]) refuse(`Data of kind "${kind}": choose one of ${Object.keys(DATA_KINDS).join(", ")}.`);
  if (kind === "own") return withLimits(ownData(rest));
  checkNumber("points", points, 2, MOST_POINTS, true);
  checkNumber("test points", test, 1, MOST_POINTS, true);
  checkNumber("noise", noise, 0, 10);
  checkNumber("seed", seed, 0, 2 ** 31, true);
  if (kind === "digits") return withLimits(digitsData(points, test, noise, seed));
  const { task, classes = 0 } = DATA_KINDS[kind];
  const part = (rows, stream) => (CURVES[kind] ? curve : cloud)(kind, rows, noise, makeRandom(seed, stream));
  const inputs = CURVES[kind] ? 1 : 2;
  return withLimits({ kind, task, inputs, classes, side: null, ...part(points, -1), test: part(test, -2) });
}

function cloud(kind, rows, noise, random) {
  const { classes } = DATA_KINDS[kind];
  const [x, y] = [new Float64Array(2 * rows), Int32Array.from({ length: rows }, (_, n) => n % classes)];
  y.forEach((c, n) => {
    const point = CLOUDS[kind](c, random);
    x.set(point.map((value) => value + noise * random.normal()), 2 * n);
  });
  return { rows, x, y };
}

function curve(kind, rows, noise, random) {
  const x = Float64Array.from({ length: rows }, () => random.uniform(-2, 2));
  return { rows, x, y: x.map((value) => CURVES[kind](value) + noise * random.normal()) };
}

function digitsData(points, test, noise, seed) {
  const { side, size, pixels, labels, train, test: held } = arrived.digits;
  if (points > train || test > held) refuse(`The page has ${train} digits to learn from and ${held} to test: ask for no more.`);
  const random = makeRandom(seed, -1);
  const part = (first, rows) => ({
    rows,
    x: Float64Array.from(pixels.subarray(first * size, (first + rows) * size), (level) => level / 255 + noise * random.normal()),
    y: labels.slice(first, first + rows),
  });
  const all = { ...part(0, points), test: part(train, test) };
  return { kind: "digits", task: "classes", inputs: size, classes: 10, side, ...all };
}

function ownData({ rows = [], task = "classes", classes = 2 }) {
  if (rows.length < 2) refuse("Draw at least two points, then the network can learn from them.");
  if (rows.length > MOST_POINTS) refuse(`${rows.length} points were drawn, and ${MOST_POINTS} are the most; clear some.`);
  const [inputs, Kind] = task === "numbers" ? [1, Float64Array] : [2, Int32Array];
  const isLabel = (value) => Number.isInteger(value) && value >= 0 && value < classes;
  const wrong = rows.findIndex((row) => row.length !== inputs + 1 || !row.every(Number.isFinite));
  if (wrong >= 0) refuse(`Point ${wrong} is ${rows[wrong]}: give ${inputs + 1} finite numbers for each.`);
  const stray = task === "classes" ? rows.findIndex((row) => !isLabel(row[inputs])) : -1;
  if (stray >= 0) refuse(`Point ${stray} is of class ${rows[stray][inputs]}: classes are 0 to ${classes - 1}.`);
  const part = (chosen) => ({
    rows: chosen.length,
    x: Float64Array.from(chosen.flatMap((row) => row.slice(0, inputs))),
    y: Kind.from(chosen, (row) => row[inputs]),
  });
  const aside = (n) => n % KEPT_ASIDE === KEPT_ASIDE - 1;
  const [kept, held] = [rows.filter((_, n) => !aside(n)), rows.filter((_, n) => aside(n))];
  const test = part(held.length ? held : kept); // of few points none can be spared
  return { kind: "own", task, inputs, classes: task === "numbers" ? 0 : classes, side: null, ...part(kept), test };
}

// Where the axes begin and end: a little beyond the points.
function withLimits(data) {
  const [low, high] = [new Float64Array(data.inputs).fill(Infinity), new Float64Array(data.inputs).fill(-Infinity)];
  for (const x of [data.x, data.test.x]) {
    x.forEach((value, k) => {
      const i = k % data.inputs;
      low[i] = Math.min(low[i], value);
      high[i] = Math.max(high[i], value);
    });
  }
  if (data.side) return { ...data, low, high };
  const margin = low.map((value, i) => 0.1 * (high[i] - value) || 1);
  return { ...data, low: low.map((value, i) => value - margin[i]), high: high.map((value, i) => value + margin[i]) };
}

function refuse(message) {
  throw new Error(message);
}

function checkNumber(name, value, low, high, whole = false) {
  const fits = whole ? Number.isInteger(value) : Number.isFinite(value);
  if (fits && value >= low && value <= high) return;
  refuse(`${name} is ${value}: give ${whole ? "a whole number" : "a number"} from ${low} to ${high}.`);
}
