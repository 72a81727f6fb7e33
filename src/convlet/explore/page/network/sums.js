/**
 * Sums of products and what becomes of them: where the convolution and the dense layer are alike.
 *
 * A row of the expanded input times all columns of the flattened kernels, number by number. What is 0 is left out, and
 * after a ReLU that is much; the others go four at a time, which halves the time, since the sums are read and written once
 * for all four.
 */

/** @import {Layer} from "./layers.js" */
/** @import {Tensor} from "./tensors.js" */

import { activate } from "./activations.js";

/**
 * The output of a layer whose sums are these. They are kept as they are, also of silenced channels, so that what is
 * silenced can be heard again without computing it anew.
 * @param {Layer} layer
 * @param {Float32Array} sums - flat, channels last
 * @returns {Tensor & {sums: Float32Array}}
 */
export function finish({ silenced, settings, outputShape }, sums) {
  const channels = outputShape[outputShape.length - 1];
  const heard = silenced.size ? sums.map((sum, i) => (silenced.has(i % channels) ? 0 : sum)) : sums;
  return { shape: outputShape, sums, values: activate(settings.activation, heard, channels) };
}

/**
 * The numbers of a row that are not 0, and where in the kernel each one's weights begin.
 *
 * @typedef {object} Row
 * @property {Float64Array} values
 * @property {Int32Array} starts
 * @property {number} count
 */

/**
 * A row to be filled with up to so many numbers.
 * @param {number} length
 * @returns {Row}
 */
export function emptyRow(length) {
  return { values: new Float64Array(length + 3), starts: new Int32Array(length + 3), count: 0 };
}

/**
 * Add what all kernels make of a row: sums (F,), in float64, which is exact enough and as quick.
 * @param {Float64Array} sums - changed in place
 * @param {Row} row
 * @param {Float32Array} kernel
 */
export function addRow(sums, { values, starts, count }, kernel) {
  values.fill(0, count, count + 3); // so that the last four are four
  starts.fill(0, count, count + 3);
  for (let i = 0; i < count; i += 4) {
    const [a, b, c, d] = [values[i], values[i + 1], values[i + 2], values[i + 3]];
    const [atA, atB, atC, atD] = [starts[i], starts[i + 1], starts[i + 2], starts[i + 3]];
    for (let f = 0; f < sums.length; f++) {
      sums[f] += a * kernel[atA + f] + b * kernel[atB + f] + c * kernel[atC + f] + d * kernel[atD + f];
    }
  }
}
