// Layers whose units are pixels: the maps of a convolution, a row of many numbers. Their units are
// the cells of one canvas, a sheet of all maps, and not a button each.

const MOST_DOTS = 256; // units that have a button each
const LARGEST_CELL = 14; // pixels

// How the numbers of a shape lie on a sheet of at most so many pixels; null if they are units of
// their own.
function sheetOf(shape, wide, high) {
  const size = shape.reduce((product, length) => product * length, 1);
  if (shape.length === 1 && size <= MOST_DOTS) return null;
  let [maps, height, width] = [...Array(Math.max(0, 3 - shape.length)).fill(1), ...shape];
  if (shape.length > 3) maps = size / (height = shape.at(-2)) / (width = shape.at(-1));
  if (shape.length === 1) height = Math.ceil(size / (width = Math.ceil(Math.sqrt(size))));
  else if (height * width === 1 && size <= MOST_DOTS) return null;
  return { size, maps, height, width, ...arranged(maps, height, width, wide, high) };
}

// So many maps beside and below one another that they are drawn as large as they can be.
function arranged(maps, height, width, wide, high) {
  let best = { cell: 0 };
  for (let columns = 1; columns <= maps; columns++) {
    const rows = Math.ceil(maps / columns);
    const [across, down] = [columns * (width + 1) - 1, rows * (height + 1) - 1];
    const cell = Math.min(wide / across, high / down, LARGEST_CELL);
    if (cell > best.cell) best = { columns, across, down, cell };
  }
  return best;
}

// Column and row of a number on its sheet; and the number at a place, undefined in the gaps.
function onSheet({ height, width, columns }, i) {
  const [map, at] = [Math.floor(i / (height * width)), i % (height * width)];
  return [
    (map % columns) * (width + 1) + (at % width),
    Math.floor(map / columns) * (height + 1) + Math.floor(at / width),
  ];
}

function atSheet({ size, height, width, columns }, x, y) {
  const [column, row] = [Math.floor(x / (width + 1)), Math.floor(y / (height + 1))];
  const [j, i] = [Math.floor(x) - column * (width + 1), Math.floor(y) - row * (height + 1)];
  if (column < 0 || column >= columns || j >= width || i < 0 || i >= height) return undefined;
  const place = ((row * columns + column) * height + i) * width + j;
  return place < size ? place : undefined;
}

// Draw numbers of both signs, each sign in its colour; the gaps stay clear.
function drawSheet(canvas, sheet, values, limit, ...colours) {
  const [zero, plus, minus] = ["--cell", ...colours].map(themeColour);
  Object.assign(canvas, { width: sheet.across, height: sheet.down });
  const image = canvas.getContext("2d").createImageData(sheet.across, sheet.down);
  values.forEach((value, i) => {
    const [x, y] = onSheet(sheet, i);
    const share = limit ? Math.min(1, Math.abs(value) / limit) ** 0.75 : 0;
    const full = value > 0 ? plus : minus;
    image.data.set([...zero.map((level, k) => level + share * (full[k] - level)), 255], 4 * (y * sheet.across + x));
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function placeIn(shape, index) {
  const place = [];
  for (const length of [...shape].reverse()) {
    place.unshift(index % length);
    index = Math.floor(index / length);
  }
  return `(${place.join(", ")})`;
}
