/**
 * One image's numbers at one place of the network, and positions in them.
 *
 * A tensor is flat, channels last: the value at {row, column, channel} of an (H, W, C) tensor stands at
 * (row × W + column) × C + channel. A row of numbers (size,) counts as 1 × 1 × size, so that every value of every layer
 * has a row, a column and a channel.
 */

/**
 * @typedef {object} Tensor
 * @property {readonly number[]} shape - (H, W, C) or (size,)
 * @property {Float32Array} values - H × W × C of them
 * @property {Float32Array} [sums] - the same before the activation, where the layer computes a sum first
 */

/**
 * @typedef {object} Position
 * @property {number} row
 * @property {number} column
 * @property {number} channel
 */

/**
 * A box of positions, each end exclusive. Where it is a section it may overhang the image: there is the padding.
 *
 * @typedef {object} Region
 * @property {number} top
 * @property {number} bottom
 * @property {number} left
 * @property {number} right
 * @property {number} first - the first channel
 * @property {number} last - one behind the last channel
 */

/**
 * How many numbers a shape holds.
 * @param {readonly number[]} shape
 */
export function size(shape) {
  return shape.reduce((product, side) => product * side, 1);
}

/**
 * Rows, columns and channels of a shape.
 * @param {readonly number[]} shape - (H, W, C) or (size,)
 * @returns {[number, number, number]}
 */
export function sides(shape) {
  return shape.length === 3 ? [shape[0], shape[1], shape[2]] : [1, 1, size(shape)];
}

/**
 * Where a position stands in the flat values.
 * @param {readonly number[]} shape
 * @param {Position} position
 */
export function index(shape, { row, column, channel }) {
  const [, width, channels] = sides(shape);
  return (row * width + column) * channels + channel;
}

/**
 * The position that stands at an index: the reverse of `index`.
 * @param {readonly number[]} shape
 * @param {number} at
 * @returns {Position}
 */
export function position(shape, at) {
  const [, width, channels] = sides(shape);
  const pixel = Math.floor(at / channels);
  return { row: Math.floor(pixel / width), column: pixel % width, channel: at % channels };
}

/**
 * @param {Tensor} tensor
 * @param {Position} position
 */
export function valueAt(tensor, position) {
  return tensor.values[index(tensor.shape, position)];
}

/**
 * The region of one position.
 * @param {Position} position
 * @returns {Region}
 */
export function regionOf({ row, column, channel }) {
  return { top: row, bottom: row + 1, left: column, right: column + 1, first: channel, last: channel + 1 };
}

/**
 * All positions of a shape.
 * @param {readonly number[]} shape
 * @returns {Region}
 */
export function everywhere(shape) {
  const [height, width, channels] = sides(shape);
  return { top: 0, bottom: height, left: 0, right: width, first: 0, last: channels };
}

/**
 * What two regions share.
 * @param {Region} a
 * @param {Region} b
 * @returns {Region}
 */
export function intersection(a, b) {
  return combined(a, b, Math.max, Math.min);
}

/**
 * The smallest region that holds both.
 * @param {Region} a
 * @param {Region} b
 * @returns {Region}
 */
export function hull(a, b) {
  return combined(a, b, Math.min, Math.max);
}

/**
 * @param {Region} a
 * @param {Region} b
 * @param {(x: number, y: number) => number} begin
 * @param {(x: number, y: number) => number} end
 * @returns {Region}
 */
function combined(a, b, begin, end) {
  return {
    top: begin(a.top, b.top),
    bottom: end(a.bottom, b.bottom),
    left: begin(a.left, b.left),
    right: end(a.right, b.right),
    first: begin(a.first, b.first),
    last: end(a.last, b.last),
  };
}
