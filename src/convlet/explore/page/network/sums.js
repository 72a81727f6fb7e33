/**
 * Sums of products and what becomes of them: where the convolution and the dense layer are alike.
 *
 * A row of the expanded input times all columns of the flattened kernels, number by number. What is 0 is left out, and
 * after a ReLU that is much; the others go eight at a time, which more than halves the time, since the sums are read and
 * written once for all eight.
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
  let heard = sums;
  if (silenced.size) {
    heard = Float32Array.from(sums);
    for (const channel of silenced) for (let i = channel; i < heard.length; i += channels) heard[i] = 0;
  }
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
  return { values: new Float64Array(length + 7), starts: new Int32Array(length + 7), count: 0 };
}

/**
 * Add what all kernels make of a row: sums (F,), in float64, which is exact enough and as quick.
 * @param {Float64Array} sums - changed in place
 * @param {Row} row
 * @param {Float32Array} kernel
 */
export function addRow(sums, { values, starts, count }, kernel) {
  values.fill(0, count, count + 7); // so that the last eight are eight
  starts.fill(0, count, count + 7);
  const filters = sums.length;
  for (let i = 0; i < count; i += 8) {
    const [a, b, c, d] = [values[i], values[i + 1], values[i + 2], values[i + 3]];
    const [e, f, g, h] = [values[i + 4], values[i + 5], values[i + 6], values[i + 7]];
    const [atA, atB, atC, atD] = [starts[i], starts[i + 1], starts[i + 2], starts[i + 3]];
    const [atE, atF, atG, atH] = [starts[i + 4], starts[i + 5], starts[i + 6], starts[i + 7]];
    for (let k = 0; k < filters; k++) {
      sums[k] +=
        a * kernel[atA + k] + b * kernel[atB + k] + (c * kernel[atC + k] + d * kernel[atD + k]) +
        (e * kernel[atE + k] + f * kernel[atF + k] + (g * kernel[atG + k] + h * kernel[atH + k]));
    }
  }
}
