/**
 * MNIST's own preparation: ink of any size becomes 28 × 28 pixels like those that a network has learnt from.
 *
 * After LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998): scaled to fit 20 × 20 pixels with its
 * proportions kept, in grey, and placed by its centre of mass. The same as `convlet/datasets/digits/centring.py`, stage by
 * stage, and a test compares the two. Finding a digit in a photograph is not its matter: the ink of a pad is clean.
 */

/** @import {Region, Tensor} from "./tensors.js" */

const DIGIT = 20; // MNIST's digits fit in 20 × 20 pixels
const FIELD = 28; // and stand in 28 × 28
const MIDDLE = 14.5; // pixels from the field's edge: MNIST centres on the middle of its 15th pixel, not between two
const NOISE = 1e-6; // what the same sum in another order, or in float32, may differ by

/**
 * @typedef {object} Stage
 * @property {"cut" | "scaled" | "centred"} name
 * @property {Tensor} image
 */

/**
 * @typedef {object} Prepared
 * @property {Float32Array} pixels - 28 × 28, each n / 255, as a network takes them
 * @property {Stage[]} stages - the image after each stage; the last one's values are the pixels
 * @property {Region} box - of the ink, in the drawing
 * @property {{row: number, column: number}} centre - of mass, in pixels of the scaled image from its top left
 * @property {{row: number, column: number}} place - of the scaled image's top left pixel in the field
 */

/**
 * A drawn digit as MNIST would show it. Throws a RangeError where nothing is drawn.
 *
 * 1. Cut to the rows and columns where there is any ink.
 * 2. Scaled so that the longer side is 20 pixels and the shorter one in proportion, at least 1: a new pixel is the mean of
 *    the ink under it, parts of old pixels counted as such.
 * 3. Moved by whole pixels so that the centre of mass comes nearest to 14.5 from the top and the left, and rounded to
 *    MNIST's 256 levels.
 * @param {Float32Array} ink - (height, width), 0 to 1
 * @param {number} height
 * @param {number} width
 * @returns {Prepared}
 */
export function prepareDigit(ink, height, width) {
  const box = boxOf(ink, height, width);
  const cut = cutOut(ink, width, box);
  const small = scale(cut, DIGIT / Math.max(cut.shape[0], cut.shape[1]));
  const centre = centreOfMass(small);
  const place = {
    row: within(rounded(MIDDLE - centre.row), FIELD - small.shape[0]),
    column: within(rounded(MIDDLE - centre.column), FIELD - small.shape[1]),
  };
  const centred = placed(small, place);
  /** @type {Stage[]} */
  const stages = [{ name: "cut", image: cut }, { name: "scaled", image: small }, { name: "centred", image: centred }];
  return { pixels: centred.values, stages, box, centre, place };
}

/**
 * The smallest box that holds all ink.
 * @param {Float32Array} ink
 * @param {number} height
 * @param {number} width
 * @returns {Region}
 */
function boxOf(ink, height, width) {
  const box = { top: height, bottom: 0, left: width, right: 0, first: 0, last: 1 };
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (!ink[row * width + column]) continue;
      box.top = Math.min(box.top, row);
      box.bottom = row + 1;
      box.left = Math.min(box.left, column);
      box.right = Math.max(box.right, column + 1);
    }
  }
  if (box.bottom === 0) throw new RangeError("nothing is drawn");
  return box;
}

/**
 * @param {Float32Array} ink
 * @param {number} width
 * @param {Region} box
 * @returns {Tensor}
 */
function cutOut(ink, width, { top, bottom, left, right }) {
  const values = new Float32Array((bottom - top) * (right - left));
  for (let row = top; row < bottom; row++) {
    values.set(ink.subarray(row * width + left, row * width + right), (row - top) * (right - left));
  }
  return { shape: [bottom - top, right - left, 1], values };
}

/**
 * The image in another size, in grey: each new pixel is the mean of what lies under it.
 * @param {Tensor} image - (H, W, 1)
 * @param {number} factor
 * @returns {Tensor}
 */
function scale({ shape: [height, width], values }, factor) {
  const rows = Math.max(1, rounded(height * factor));
  const columns = Math.max(1, rounded(width * factor));
  const lines = new Float64Array(rows * width); // first the rows, then the columns
  means(height, rows).forEach(({ first, weights }, row) =>
    weights.forEach((weight, i) => {
      for (let x = 0; x < width; x++) lines[row * width + x] += weight * values[(first + i) * width + x];
    }),
  );
  const small = new Float64Array(rows * columns);
  means(width, columns).forEach(({ first, weights }, column) =>
    weights.forEach((weight, i) => {
      for (let y = 0; y < rows; y++) small[y * columns + column] += weight * lines[y * width + first + i];
    }),
  );
  return { shape: [rows, columns, 1], values: Float32Array.from(small) };
}

/**
 * How some pixels in a row become others, each the mean of what lies under it: the first old pixel of each new one, and
 * how much of it and of those after it counts. Weights sum to 1.
 * @param {number} old
 * @param {number} wanted
 * @returns {{first: number, weights: number[]}[]}
 */
function means(old, wanted) {
  const length = old / wanted;
  return Array.from({ length: wanted }, (_, i) => {
    const [begin, end] = [i * length, (i + 1) * length];
    const first = Math.floor(begin);
    const count = Math.min(Math.ceil(end), old) - first;
    const share = (/** @type {number} */ pixel) => Math.min(pixel + 1, end) - Math.max(pixel, begin);
    return { first, weights: Array.from({ length: count }, (_, j) => share(first + j) / length) };
  });
}

/**
 * Where the ink would balance, from the top left; a pixel's mass is in its middle.
 * @param {Tensor} image - (H, W, 1)
 */
function centreOfMass({ shape: [, width], values }) {
  let [mass, down, across] = [0, 0, 0];
  values.forEach((amount, i) => {
    mass += amount;
    down += amount * (Math.floor(i / width) + 0.5);
    across += amount * ((i % width) + 0.5);
  });
  return { row: down / mass, column: across / mass };
}

/**
 * The field of 28 × 28 with an image in its place, in MNIST's 256 levels.
 * @param {Tensor} image
 * @param {{row: number, column: number}} place
 * @returns {Tensor}
 */
function placed({ shape: [height, width], values }, place) {
  const field = new Float32Array(FIELD * FIELD);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const level = rounded(255 * values[row * width + column]);
      field[(place.row + row) * FIELD + place.column + column] = level / 255;
    }
  }
  return { shape: [FIELD, FIELD, 1], values: field };
}

/**
 * The nearest whole number; halves go up, and so does what noise has made a little less than a half.
 * @param {number} number
 */
function rounded(number) {
  return Math.floor(number + 0.5 + NOISE);
}

/**
 * @param {number} number
 * @param {number} most
 */
function within(number, most) {
  return Math.min(Math.max(number, 0), most);
}
