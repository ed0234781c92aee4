"use strict";

// The numbers of the page: the head, with every array by its name in head.values.
async function unpack() {
  const base64 = document.getElementById("data").textContent.trim();
  const zipped = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const size = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  head.values = {};
  let at = 4 + size;
  for (const { name, dtype, shape } of head.arrays) {
    const count = shape.reduce((product, length) => product * length, 1);
    if (dtype === "f8") head.values[name] = new Float64Array(buffer.slice(at, at + 8 * count)); // at any multiple of 4
    else if (dtype === "f4") head.values[name] = new Float32Array(buffer, at, count);
    else if (dtype === "u1") head.values[name] = new Uint8Array(buffer, at, count);
    else if (dtype === "i4") head.values[name] = new Int32Array(buffer, at, count);
    else head.values[name] = Float32Array.from(new Uint16Array(buffer, at, count), fromHalf);
    at += 4 * Math.ceil((count * { f8: 8, f4: 4, i4: 4, f2: 2, u1: 1 }[dtype]) / 4);
  }
  return head;
}

// IEEE half precision: 1 bit for the sign, 5 for the exponent, 10 for the fraction.
function fromHalf(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  return bits & 0x8000 ? -size : size;
}

// Five significant digits, as Python's "%.5g" writes them.
function written(value) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const size = Math.floor(Math.log10(Math.abs(Number(value.toExponential(4)))));
  if (size < -4 || size >= 5) {
    const [digits, power] = value.toExponential(4).split("e");
    const exponent = Math.abs(Number(power)).toString().padStart(2, "0");
    return `${Number(digits)}e${power[0] === "-" ? "-" : "+"}${exponent}`;
  }
  return Number(value.toPrecision(5)).toString();
}

function largestSize(values) {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}

// The colour of a number between -limit and limit: paler towards 0.
function shade(value, limit, positive, negative) {
  if (!value || !limit) return "var(--cell)";
  const share = Math.min(1, Math.abs(value) / limit) ** 0.75;
  const colour = value > 0 ? positive : negative;
  return `color-mix(in oklab, var(${colour}) ${(100 * share).toFixed(1)}%, var(--cell))`;
}

// A colour of the style sheet as [red, green, blue], in the theme that is on now.
function themeColour(name) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const hex = probe.fillStyle;
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// Draw values, row by row, as pixels: grey levels from low to high.
function drawGrey(canvas, values, width, low, high) {
  drawPixels(canvas, values, width, (value) => {
    const grey = Math.round((255 * (value - low)) / (high - low || 1));
    return [grey, grey, grey];
  });
}

// Draw values of both signs, each sign in its colour.
function drawSigned(canvas, values, width, limit, positive, negative) {
  const [zero, plus, minus] = ["--cell", positive, negative].map(themeColour);
  drawPixels(canvas, values, width, (value) => {
    const share = limit ? Math.min(1, Math.abs(value) / limit) ** 0.75 : 0;
    const full = value > 0 ? plus : minus;
    return zero.map((level, k) => level + share * (full[k] - level));
  });
}

// Draw a picture of one channel in grey, of three in colour: numbers from low to high.
function drawPicture(canvas, values, { channels, width, height }, low, high) {
  if (channels === 1) return drawGrey(canvas, values, width, low, high);
  const size = width * height;
  drawPixels(canvas, Array.from({ length: size }, (_, k) => k), width, (k) =>
    [values[k], values[k + size], values[k + 2 * size]].map((value) => (255 * (value - low)) / (high - low || 1)));
}

// Draw numbers as bars up and down from a line in the middle, each sign in its colour.
function drawBars(canvas, values, limit, positive, negative) {
  const [width, height] = [Math.max(1, Math.ceil(240 / values.length)) * values.length, 240];
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const colours = [positive, negative, "--soft"].map((name) => `rgb(${themeColour(name)})`);
  const wide = width / values.length;
  values.forEach((value, i) => {
    const size = limit ? (0.48 * height * value) / limit : 0;
    context.fillStyle = colours[value > 0 ? 0 : 1];
    context.fillRect((i + 0.1) * wide, height / 2, 0.8 * wide, -size);
  });
  context.fillStyle = colours[2];
  context.fillRect(0, height / 2 - 1, width, 2);
}

function drawPixels(canvas, values, width, colour) {
  const height = Math.ceil(values.length / width);
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  values.forEach((value, k) => image.data.set([...colour(value), 255], 4 * k));
  context.putImageData(image, 0, 0);
}

// Make an element: make("p", { className: "soft" }, "text", child, ...).
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// A number that can be told from the others by its name.
function number(name, value) {
  const element = make("span", { className: "number" }, written(value));
  element.dataset.of = name;
  return element;
}

const equation = (...parts) => make("p", { className: "equation" }, ...parts);
const soft = (text) => make("p", { className: "soft" }, text);

function onThemeChange(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
