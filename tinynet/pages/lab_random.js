// Numbers that look random and follow from a seed, so that a run can be walked again.

const WARM_UP = 16; // the first ones of neighbouring seeds are alike

// Marsaglia 2003, "Xorshift RNGs". The code that leaves for Python draws the same numbers.
function makeRandom(seed, stream) {
  let bits = (Math.imul(seed, 2654435761) + Math.imul(stream, 40503) + 88172645) >>> 0 || 1;
  const integer = () => {
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    return bits >>> 0;
  };
  for (let k = 0; k < WARM_UP; k++) integer();
  const uniform = (low = 0, high = 1) => low + (high - low) * (integer() / 2 ** 32);
  // Box and Muller 1958
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { integer, uniform, normal };
}

// The row numbers of an epoch, shuffled (Fisher and Yates).
function shuffledRows(rows, seed, epoch) {
  const order = Int32Array.from({ length: rows }, (_, n) => n);
  const random = makeRandom(seed, epoch + 1);
  for (let k = rows - 1; k > 0; k--) {
    const other = random.integer() % (k + 1);
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order;
}
